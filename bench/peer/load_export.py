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

# Of a node, its inputs x and its weights w. Maps are [N, C, H, W].
OPS = {
    "conv": lambda node, x, w: F.conv2d(
        x[0], *w, stride=node["stride"], padding=node["padding"], dilation=node["dilation"],
        groups=node["groups"]),
    "linear": lambda node, x, w: F.conv2d(x[0], w[0][:, :, None, None], *w[1:]),
    "affine": lambda node, x, w: x[0] * w[0][:, None, None] + w[1][:, None, None],
    "weighted_sum": lambda node, x, w: sum(a * value for a, value in zip(w[0], x)),
    "add": lambda node, x, w: x[0] + x[1],
    "mul": lambda node, x, w: x[0] * x[1],
    "max_pool": lambda node, x, w: F.max_pool2d(
        x[0], node["kernel"], node["stride"], node["padding"], ceil_mode=bool(node["ceil_mode"])),
    "mean": lambda node, x, w: x[0].mean((2, 3), keepdim=True),
    "concat": lambda node, x, w: torch.cat(x, 1),
    "slice": lambda node, x, w: x[0][:, node["begin"]:node["begin"] + node["shape"][2]],
    "embedding": lambda node, x, w: F.embedding(x[0][:, 0].long(), w[0]).permute(0, 3, 1, 2),
    "top_k": lambda node, x, w: x[0].flatten(2).topk(node["k"]).values.transpose(1, 2).reshape(
        len(x[0]), -1, 1, 1),
}
for function in (F.relu, F.silu, F.softplus, F.gelu, torch.sigmoid, torch.tanh):
    OPS[function.__name__] = lambda node, x, w, function=function: function(x[0])


class Exported(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        tensors, metadata = tensor_file.read(path)
        self.graph = json.loads(metadata["graph"])
        if self.graph["version"] != 1:
            raise ValueError(f"{path}: version {self.graph['version']} of the graph, not 1")
        self.weights = {name: torch.tensor(value) for name, value in tensors.items()}

    def forward(self, x):
        values = [x]
        for node in self.graph["nodes"][1:]:
            inputs = [values[i] for i in node["inputs"]]
            weights = [self.weights[name] for name in node.get("weights", [])]
            values.append(OPS[node["op"]](node, inputs, weights))
        return {out["task"]: values[out["node"]] for out in self.graph["outputs"]}


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
