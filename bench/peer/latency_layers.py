#!/usr/bin/env python3
"""Each convolution of an exported network alone, in weft-run and in ONNX Runtime: processor time, all threads.

    python3 bench/peer/latency_layers.py --runner build/weft-run NETWORK.safetensors

Convolutions of one shape are measured once. Each becomes a network of its own, with its relu, weights drawn at
random; the programs take turns for some rounds, and the shortest pass counts. ONNX Runtime's includes
changing the order of its input and output between channels first and blocks of channels, where it does that, which
in a whole network happens once. Needs PyPI's onnx and onnxruntime.
"""
import argparse
import json
import struct
import subprocess
import tempfile
import time

import numpy as np


def layers(path):
    """{shape of everything: how often}, in the network's order."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    nodes = json.loads(header["__metadata__"]["graph"])["nodes"]
    found = {}
    for node in nodes:
        if node["op"] == "conv":
            weight = header[node["weights"][0]]["shape"]
            key = json.dumps([nodes[node["inputs"][0]]["shape"], node["shape"], weight, {
                k: node[k] for k in ("stride", "padding", "dilation", "groups")}])
            found[key] = found.get(key, 0) + 1
    return [(*json.loads(key), count) for key, count in found.items()]


class WeftRun:
    def __init__(self, runner, x, y_shape, weight, options, threads=1):
        self.folder = tempfile.TemporaryDirectory()
        graph = {"version": 1, "outputs": [{"task": "y", "node": 2}], "nodes": [
            {"op": "input", "name": "x", "inputs": [], "shape": list(x.shape)},
            {"op": "conv", "name": "conv", "inputs": [0], "shape": y_shape, "weights": ["w", "b"], **options},
            {"op": "relu", "name": "relu", "inputs": [1], "shape": y_shape}]}
        bias = np.zeros(weight.shape[0], np.float32)
        header = json.dumps({
            "__metadata__": {"graph": json.dumps(graph)},
            "w": {"dtype": "F32", "shape": weight.shape, "data_offsets": [0, weight.nbytes]},
            "b": {"dtype": "F32", "shape": bias.shape,
                  "data_offsets": [weight.nbytes, weight.nbytes + bias.nbytes]}}).encode()
        header += b" " * (-len(header) % 8)
        place = self.folder.name + "/"
        with open(place + "net.safetensors", "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header + weight.tobytes() + bias.tobytes())
        x.tofile(place + "x")
        self.command = [runner, place + "net.safetensors", "--raw", place + "x", place + "y",
                        "--threads", str(threads), "--repeat"]

    def __call__(self, passes):
        """Seconds of processor, of the shortest pass."""
        said = subprocess.run(self.command + [str(passes)], capture_output=True, text=True, check=True)
        return float(next(line for line in said.stderr.splitlines()
                          if line.startswith("processor")).split()[-3]) * 1e-3


class OnnxRuntime:
    def __init__(self, x, weight, options, threads=1):
        import onnx
        import onnxruntime
        from onnx import helper, numpy_helper
        conv = helper.make_node(
            "Conv", ["x", "w", "b"], ["z"], kernel_shape=weight.shape[2:], strides=options["stride"],
            pads=2 * options["padding"], dilations=options["dilation"], group=options["groups"])
        self.x = np.ascontiguousarray(x.transpose(2, 0, 1)[None])
        graph = helper.make_graph(
            [conv, helper.make_node("Relu", ["z"], ["y"])], "layer",
            [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, self.x.shape)],
            [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
            [numpy_helper.from_array(weight, "w"),
             numpy_helper.from_array(np.zeros(weight.shape[0], np.float32), "b")])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = threads
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = onnxruntime.InferenceSession(
            model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
        self(1)

    def __call__(self, passes):
        seconds = []
        for _ in range(passes):
            before = time.process_time()
            self.session.run(None, {"x": self.x})
            seconds.append(time.process_time() - before)
        return min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("--runner", default="build/weft-run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--milliseconds", type=float, default=60, help="of passes in a round, about")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    total = np.zeros(2)
    print("| input | kernel | stride, dilation | times | GFLOP | weft-run, ms | ONNX Runtime, ms | ratio |")
    print("|---|---|---|--:|--:|--:|--:|--:|")
    for shape, y_shape, weight_shape, options, count in layers(arguments.network):
        x = random.standard_normal(shape, np.float32)
        weight = random.standard_normal(weight_shape, np.float32) * np.float32(0.02)
        ours = WeftRun(arguments.runner, x, y_shape, weight, options, arguments.threads)
        theirs = OnnxRuntime(x, weight, options, arguments.threads)
        passes = max(1, round(arguments.milliseconds * 1e-3 / theirs(1)))
        times = [(ours(passes), theirs(passes)) for _ in range(arguments.rounds)]
        least = np.min(times, axis=0)
        total += count * least
        flops = 2 * int(np.prod(y_shape)) * int(np.prod(weight_shape[1:]))
        print(f"| {' x '.join(map(str, shape))} | {weight_shape[2]} x {weight_shape[3]} -> {weight_shape[0]} "
              f"| {options['stride'][0]}, {options['dilation'][0]} | {count} | {flops * 1e-9:.2f} "
              f"| {1e3 * least[0]:.2f} | {1e3 * least[1]:.2f} | {least[1] / least[0]:.2f} |", flush=True)
    print(f"| all | | | | | {1e3 * total[0]:.0f} | {1e3 * total[1]:.0f} | {total[1] / total[0]:.2f} |")


if __name__ == "__main__":
    main()
