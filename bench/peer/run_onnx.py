#!/usr/bin/env python3
"""Runs what `weft export --format onnx` wrote, in ONNX Runtime on one thread.

    python3 bench/peer/run_onnx.py NETWORK.onnx HEIGHTxWIDTH INPUT OUTPUT [NETWORK.onnx ...]

INPUT and OUTPUT are plain f32, picture after picture: [H][W][C]; of every task [h][w][c], one after
the other. A table's rows are pictures of 1x1, a text's ids one of 1xL.
"""
import sys

import numpy as np
import onnxruntime


def channels_last(y):
    return (y.transpose(0, 2, 3, 1) if y.ndim == 4 else y).reshape(len(y), -1)


def has_vnni():
    try:
        return "vnni" in open("/proc/cpuinfo").read()
    except OSError:
        return False


def main(path, size, source, target):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not has_vnni():
        # Of int8: such an x86 adds pairs of products in 16 bits, which saturate, but in this mode.
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    entry, = session.get_inputs()
    height, width = map(int, size.split("x"))
    x = np.fromfile(source, np.float32)
    if entry.type == "tensor(int64)":
        x = x.reshape(-1, height * width).astype(np.int64)
    elif len(entry.shape) == 4:
        x = x.reshape(-1, height, width, entry.shape[1]).transpose(0, 3, 1, 2)
    else:
        x = x.reshape(-1, entry.shape[1])
    outputs = session.run(None, {entry.name: np.ascontiguousarray(x)})
    np.concatenate([channels_last(y) for y in outputs], axis=1).tofile(target)


if __name__ == "__main__":
    for at in range(1, len(sys.argv), 4):
        main(*sys.argv[at:at + 4])
