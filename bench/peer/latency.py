#!/usr/bin/env python3
"""Latency of exported networks at batch 1: weft-run, ONNX Runtime and PyTorch, in turn.

    python3 bench/peer/latency.py --runner build/weft-run --size 321x321 NAME=NETWORK [NAME=NETWORK ...]

NETWORK.safetensors and NETWORK.onnx are one run's exports (`weft export`, both formats). Every round runs
every program on every network, one after the other; a first pass warms each, the lesser of two more is the
round's. A pass is the network alone: no file is read and nothing is started in it. What else the machine does
meets all programs; printed are the least and the quartiles of all rounds and the least processor time of a pass
(of all threads), which others' work lengthens less. Programs that are not there are left out by name. Tables:
what each network stores and computes, times, ratios to ONNX Runtime, weft-run's time of each task.
"""
import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np

PASSES = 2


class OnnxRuntime:
    name = "ONNX Runtime"

    def __init__(self, network, x, threads):
        import onnxruntime
        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait would take a busy machine's processors from the others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(
            network + ".onnx", options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        self.x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))

    def __call__(self):
        self.session.run(None, {self.input: self.x})


class Torch:
    name = "PyTorch"

    def __init__(self, network, x, threads):
        import torch
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        import load_export
        self.version = torch.__version__
        torch.set_num_threads(threads)
        self.torch = torch
        self.network = load_export.Exported(network + ".safetensors")
        self.x = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()

    def __call__(self):
        with self.torch.no_grad():
            self.network(self.x)


SERVED = {"onnxruntime": OnnxRuntime, "torch": Torch}


def picture(size):
    return np.random.default_rng(0).standard_normal((1, *size, 3), np.float32)


def serve(kind, network, size, threads):
    """A child: a round for every line that it reads; seconds of its shortest pass, by the clock and of processors."""
    run = SERVED[kind](network, picture(size), threads)
    run()
    print(run.version, flush=True)
    for _ in sys.stdin:
        passes = []
        for _ in range(PASSES):
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            passes.append((time.perf_counter() - wall, time.process_time() - cpu))
        print(*map(min, zip(*passes)), flush=True)


class Served:
    def __init__(self, kind, network, size, threads):
        self.name = SERVED[kind].name
        self.child = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--serve", kind, "--threads", str(threads),
             "--size", f"{size[0]}x{size[1]}", network],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.version = self.child.stdout.readline().strip()
        if not self.version:
            raise RuntimeError(f"{self.name} is not there")

    def once(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()
        return tuple(map(float, self.child.stdout.readline().split()))


class WeftRun:
    """A process a round, which times its passes itself, after files are read."""
    name = "weft-run"

    def __init__(self, runner, network, size, threads):
        self.version = subprocess.run([runner, "--help"], capture_output=True, text=True,
                                      check=True).stdout.split()[1].rstrip(":")
        self.folder = tempfile.TemporaryDirectory()
        picture(size).tofile(self.folder.name + "/x")
        self.command = [runner, network + ".safetensors", "--raw", self.folder.name + "/x",
                        self.folder.name + "/y", "--size", f"{size[0]}x{size[1]}", "--threads",
                        str(threads), "--repeat", str(PASSES)]
        self.tasks = {}

    def once(self):
        said = subprocess.run(self.command, capture_output=True, text=True, check=True).stderr
        least = {line.rsplit(None, 4)[0]: float(line.split()[-3]) * 1e-3
                 for line in said.splitlines()[1:]}
        processor = least.pop("processor")
        for task, seconds in least.items():
            self.tasks[task] = min(seconds, self.tasks.get(task, seconds))
        return least["all"], processor


def costs(network):
    """(name, bytes, FLOPs) of the whole and of each task, of convolutions and linear layers, as `weft export`."""
    with open(network + ".safetensors", "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    graph = json.loads(header["__metadata__"]["graph"])
    nodes = graph["nodes"]

    def of(ends):
        needed, weights, flops = set(ends), set(), 0
        for i in reversed(range(len(nodes))):
            if i not in needed:
                continue
            node = nodes[i]
            needed.update(node["inputs"])
            weights.update(node.get("weights", []))
            if node["op"] in ("conv", "linear"):
                taps = int(np.prod(header[node["weights"][0]]["shape"][1:]))
                flops += 2 * int(np.prod(node["shape"])) * taps
        size = sum(b - a for a, b in (header[w]["data_offsets"] for w in weights))
        return size, flops

    rows = [("all", *of([out["node"] for out in graph["outputs"]]))]
    return rows + [(out["task"], *of([out["node"]])) for out in graph["outputs"]]


def machine():
    with open("/proc/cpuinfo") as file:
        lines = [line.split(":", 1) for line in file if ":" in line]
    about = {key.strip(): value.strip() for key, value in lines}
    sets = [s for s in ("avx2", "avx512f") if s in about.get("flags", "").split()]
    return f"{os.cpu_count()} x {about.get('model name', 'unknown processor')} ({', '.join(sets)})"


def load():
    return " ".join(f"{x:.1f}" for x in os.getloadavg())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+", metavar="NAME=NETWORK")
    parser.add_argument("--runner", default="build/weft-run")
    parser.add_argument("--size", default="321x321")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--minutes", type=float, default=60, help="after which no further round begins")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--serve", choices=SERVED, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    size = tuple(map(int, arguments.size.split("x")))
    if arguments.serve:
        return serve(arguments.serve, arguments.networks[0], size, int(arguments.threads))
    networks = [entry.split("=", 1) for entry in arguments.networks]
    print("| network | task | MB | GFLOP |\n|---|---|--:|--:|")
    for name, network in networks:
        for task, size_of, flops in costs(network):
            print(f"| {name} | {task} | {size_of * 1e-6:.1f} | {flops * 1e-9:.2f} |")
    runs, missing = [], set()
    for name, network in networks:
        for threads in map(int, arguments.threads.split(",")):
            runs.append((name, threads, WeftRun(arguments.runner, network, size, threads), []))
            for kind in SERVED:
                try:
                    runs.append((name, threads, Served(kind, network, size, threads), []))
                except RuntimeError as error:
                    missing.add(str(error))
    before, begin, rounds = load(), time.monotonic(), 0
    while rounds < arguments.rounds and (rounds < 1 or time.monotonic() - begin < 60 * arguments.minutes):
        for _, _, program, seen in runs:
            seen.append(program.once())
        rounds += 1
        print(f"round {rounds}: {time.monotonic() - begin:.0f} s", file=sys.stderr)
    versions = sorted({f"{program.name} {program.version}" for _, _, program, _ in runs})
    print(f"\n{machine()}; {', '.join(versions)}; picture {arguments.size}, batch 1, "
          f"{rounds} rounds; load {before} before, {load()} after"
          + "".join(f"; left out: {error}" for error in sorted(missing)))
    print("\n| network | threads | program | least, ms | q25 | middle | q75 | processor time, ms |")
    print("|---|--:|---|--:|--:|--:|--:|--:|")
    for name, threads, program, seen in runs:
        wall, cpu = zip(*seen)
        quarters = statistics.quantiles(wall, n=4, method="inclusive") if len(wall) > 1 else wall * 3
        print(f"| {name} | {threads} | {program.name} | {1e3 * min(wall):.0f} | "
              + " | ".join(f"{1e3 * q:.0f}" for q in quarters) + f" | {1e3 * min(cpu):.0f} |")
    print("\nONNX Runtime's time over weft-run's (above 1: weft-run is faster): of the least, the middle of the "
          "rounds' ratios, of processor times\n\n| network | threads | least | middle | processor |")
    print("|---|--:|--:|--:|--:|")
    for name, threads, program, seen in runs:
        peer = [s for n, t, p, s in runs if (n, t, p.name) == (name, threads, OnnxRuntime.name)]
        if program.name != WeftRun.name or not peer:
            continue
        mine, theirs = np.array(seen), np.array(peer[0])
        print(f"| {name} | {threads} | {theirs[:, 0].min() / mine[:, 0].min():.2f} "
              f"| {np.median(theirs[:, 0] / mine[:, 0]):.2f} "
              f"| {theirs[:, 1].min() / mine[:, 1].min():.2f} |")
    print("\n| network | threads | weft-run, each task alone and all, least ms |\n|---|--:|---|")
    for name, threads, program, _ in runs:
        if program.name == WeftRun.name:
            print(f"| {name} | {threads} | " + ", ".join(
                f"{task} {1e3 * seconds:.0f}" for task, seconds in program.tasks.items()) + " |")


if __name__ == "__main__":
    main()
