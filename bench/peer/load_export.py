#!/usr/bin/env python3
"""Runs what `weft export --format safetensors` wrote, in PyTorch.

    python3 bench/peer/load_export.py NETWORK.safetensors INPUT OUTPUT [NETWORK INPUT OUTPUT ...]

INPUT and OUTPUT are plain f32, picture after picture: [H][W][C]; of every task [h][w][C], one after
the other. As a module: `Exported(path)(x)` takes x [N, C, H, W] and gives {task: [N, C, h, w]}.
"""
import json
import sys

import numpy as np
import torch
import torch.nn.functional as F

import tensor_file

FUNCTIONS = {"relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "silu": F.silu,
             "softplus": F.softplus, "gelu": F.gelu}


class Exported(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        tensors, metadata = tensor_file.read(path)
        self.graph = json.loads(metadata["graph"])
        if self.graph["version"] != 1:
            raise ValueError(f"{path}: version {self.graph['version']} of the graph, not 1")
        self.weights = {name: torch.tensor(value) for name, value in tensors.items()}

    def forward(self, x):
        values = []
        for node in self.graph["nodes"]:
            inputs = [values[i] for i in node["inputs"]]
            values.append(self.node(node, inputs) if inputs else x)
        return {out["task"]: values[out["node"]] for out in self.graph["outputs"]}

    def node(self, node, x):
        w = [self.weights[name] for name in node.get("weights", [])]
        op = node["op"]
        if op == "conv":
            return F.conv2d(x[0], *w, stride=node["stride"], padding=node["padding"],
                            dilation=node["dilation"], groups=node["groups"])
        if op == "linear":
            return F.conv2d(x[0], w[0][:, :, None, None], *w[1:])
        if op == "affine":
            return x[0] * w[0][:, None, None] + w[1][:, None, None]
        if op == "weighted_sum":
            return sum(a * value for a, value in zip(w[0], x))
        if op == "add":
            return x[0] + x[1]
        if op == "mul":
            return x[0] * x[1]
        if op == "max_pool":
            return F.max_pool2d(x[0], node["kernel"], node["stride"], node["padding"],
                                ceil_mode=bool(node["ceil_mode"]))
        if op == "mean":
            return x[0].mean((2, 3), keepdim=True)
        if op == "concat":
            return torch.cat(x, 1)
        if op == "slice":
            return x[0][:, node["begin"]:node["begin"] + node["shape"][2]]
        return FUNCTIONS[op](x[0])


def main(path, source, target):
    network = Exported(path)
    height, width, channels = network.graph["nodes"][0]["shape"]
    x = np.fromfile(source, np.float32).reshape(-1, height, width, channels)
    with torch.no_grad():
        outputs = network(torch.from_numpy(x).permute(0, 3, 1, 2))
    rows = [y.permute(0, 2, 3, 1).reshape(len(x), -1).numpy() for y in outputs.values()]
    np.concatenate(rows, axis=1).tofile(target)


if __name__ == "__main__":
    for at in range(1, len(sys.argv), 3):
        main(*sys.argv[at:at + 3])
