#!/usr/bin/env python3
"""Latency of exported networks at batch 1: weft-run, ONNX Runtime and PyTorch, in turn.

    python3 bench/peer/latency.py --runner build/weft-run --size 321x321 NAME=NETWORK [NAME=NETWORK ...]

NETWORK.safetensors and NETWORK.onnx are one run's exports (`weft export`, both formats). Every round runs every
program on every network once, each in a process that is warm, so that what else the machine does meets all of
them; a table of the least and the middle of all rounds is printed, wall clock and processor time. Programs that
are not there are left out by name.
"""
import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np


def cpu_now():
    u = resource.getrusage(resource.RUSAGE_SELF)
    return u.ru_utime + u.ru_stime


class OnnxRuntime:
    def __init__(self, network, x, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(
            network + ".onnx", options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name
        self.x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))

    def __call__(self):
        self.session.run(None, {self.name: self.x})


class Torch:
    def __init__(self, network, x, threads):
        import torch
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        import load_export
        torch.set_num_threads(threads)
        self.torch = torch
        self.network = load_export.Exported(network + ".safetensors")
        self.x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()

    def __call__(self):
        with self.torch.no_grad():
            self.network(self.x)


def serve(kind, network, size, threads):
    """A child: runs once for every line it reads, and says seconds of wall clock and of processor."""
    x = np.random.default_rng(0).standard_normal((1, *size, 3), np.float32)
    run = {"onnxruntime": OnnxRuntime, "torch": Torch}[kind](network, x, threads)
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), cpu_now()
        run()
        print(time.perf_counter() - wall, cpu_now() - cpu, flush=True)


class Served:
    def __init__(self, kind, network, size, threads):
        self.child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--serve", kind, "--threads", str(threads),
             "--size", f"{size[0]}x{size[1]}", network],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self.child.stdout.readline().strip() != "ready":
            raise RuntimeError(f"{kind} is not there")

    def once(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return tuple(map(float, self.child.stdout.readline().split()))


class WeftRun:
    """A process a round: its first pass is cold and left out, two more are timed."""

    def __init__(self, runner, network, size, threads):
        self.folder = tempfile.TemporaryDirectory()
        x = np.random.default_rng(0).standard_normal((1, *size, 3), np.float32)
        x.tofile(self.folder.name + "/x")
        self.command = [runner, network + ".safetensors", "--raw", self.folder.name + "/x",
                        self.folder.name + "/y", "--size", f"{size[0]}x{size[1]}", "--threads",
                        str(threads), "--repeat"]
        self.tasks = {}

    def spent(self, repeat):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = subprocess.run(self.command + [str(repeat)], capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
                {line.split()[0]: float(line.split()[-3]) * 1e-3
                 for line in said.stderr.splitlines()[1:]})

    def once(self):
        load, _ = self.spent(0)
        all_of, least = self.spent(2)
        for task, seconds in least.items():
            self.tasks[task] = min(seconds, self.tasks.get(task, seconds))
        return least["all"], max(0.0, (all_of - load) / 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+", metavar="NAME=NETWORK")
    parser.add_argument("--runner", default="build/weft-run")
    parser.add_argument("--size", default="321x321")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--serve")
    arguments = parser.parse_args()
    size = tuple(map(int, arguments.size.split("x")))
    if arguments.serve:
        return serve(arguments.serve, arguments.networks[0], size, int(arguments.threads))
    runs = []
    for entry in arguments.networks:
        name, network = entry.split("=", 1)
        for threads in map(int, arguments.threads.split(",")):
            runs.append((name, "weft-run", threads, WeftRun(arguments.runner, network, size, threads)))
            for kind in ("onnxruntime", "torch"):
                try:
                    runs.append((name, kind, threads, Served(kind, network, size, threads)))
                except RuntimeError as missing:
                    print(f"left out: {missing}", file=sys.stderr)
    times = [[] for _ in runs]
    for _ in range(arguments.rounds):
        for run, seen in zip(runs, times):
            seen.append(run[3].once())
    print("| network | program | threads | least, ms | middle, ms | least processor time, ms |")
    print("|---|---|---|---|---|---|")
    for (name, kind, threads, _), seen in zip(runs, times):
        wall, cpu = zip(*seen)
        print(f"| {name} | {kind} | {threads} | {1e3 * min(wall):.0f} "
              f"| {1e3 * statistics.median(wall):.0f} | {1e3 * min(cpu):.0f} |")
    print("\n| network | threads | weft-run, each task, least ms |\n|---|---|---|")
    for name, kind, threads, run in runs:
        if kind == "weft-run":
            print(f"| {name} | {threads} | " + ", ".join(
                f"{task} {1e3 * seconds:.0f}" for task, seconds in run.tasks.items()) + " |")


if __name__ == "__main__":
    main()
