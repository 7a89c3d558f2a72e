#!/usr/bin/env python3
"""Golden training steps in f64, made by PyTorch without a line of weft.

    /usr/bin/python3 tests/golden/make_step_goldens.py [NET...]     (needs PyTorch 1.13 or later)

writes tests/golden/step_resnet18.safetensors, step_resnet50.safetensors and step_domains.safetensors
(a plain ResNet-18 whose two tasks bring their own images and batch norm). Metadata:
  run    the run file;   cases   JSON list, case c = {"name", "overrides" (as on the command line),
         "phase", "step", "temperature", "active", "factor" (on the learning rates), "continues"
         (starts where the case before it ended, else from 0/before)}
  parameters, statistics   JSON lists of names: the rows of the digests
Tensors, names and layouts as in a dump (weft dump --from takes 0/before and 0/in):
  0/before/NAME, 0/in/images (or images.TASK), 0/in/target.TASK   where every case starts; f16 on disk
  c/noise/policy.TASK   c/policy/TASK   c/out/TASK   c/loss/NAME         what case c has to give
  c/grad, c/after [P, 3]   c/statistics [S, 6] (running_mean, running_var; num_batches_tracked is
  c/tracked [S])   a tensor t as its digest (||t||, sum t_i cos i, sum t_i sin i), i = its index in
  PyTorch's order. A parameter without a gradient has NaN in c/grad.
The retrain phase's c/policy/TASK is given, every other one is a result.
"""
import json
import os
import sys
import tomllib

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "bench", "peer"))
import fabricate  # noqa: E402
import tensor_file  # noqa: E402
from check_dump import recompute  # noqa: E402

CASES = [  # phase, blocks under the policy (0: all), changes to the run, more
    ("warmup", 0, {}, {}),
    ("warmup", 0, {}, {"continues": True, "factor": 0.5}),
    ("warmup", 0, {"clip_norm": 0.25}, {"continues": True}),
    ("weights", 1, {}, {}),
    ("weights", 3, {}, {"continues": True}),
    ("weights", 0, {}, {}),
    ("weights", 3, {"hard": True}, {}),
    ("weights", 0, {"hard": True}, {}),
    ("weights", 0, {"hard": True, "semantics": "compat"}, {}),
    ("policy", 1, {}, {}),
    ("policy", 3, {}, {"continues": True}),
    ("policy", 0, {}, {"temperature": 0.1}),
    ("policy", 3, {"hard": True}, {}),
    ("policy", 0, {"hard": True}, {}),
    ("policy", 5, {"semantics": "compat"}, {}),
    ("retrain", 0, {}, {}),
    ("retrain", 0, {"semantics": "compat"}, {}),
]
DOMAIN_CASES = [  # what own images and own norms change
    ("warmup", 0, {}, {}),
    ("weights", 3, {}, {}),
    ("policy", 0, {}, {}),
    ("retrain", 0, {}, {}),
]
KEYS = {"hard": "policy.hard", "semantics": "semantics", "clip_norm": "warmup.clip_norm"}


def digest(tensor):
    t = tensor.double().flatten().numpy()
    i = np.arange(len(t))
    return [np.linalg.norm(t), t @ np.cos(i), t @ np.sin(i)]


def make(net):
    text = fabricate.run_text(net)
    base = tomllib.loads(text)
    blocks = len(fabricate.blocks_of(base))
    start = {"before/" + name: array for name, array in fabricate.network(base).items()}
    start.update(fabricate.inputs(base))
    tensors = {"0/" + name: array for name, array in start.items()}
    statistics = [n[len("before/"):-len(".running_mean")] for n in start if n.endswith("_mean")]
    parameters = [n[len("before/"):] for n in start if n.startswith("before/") and
                  n.endswith((".weight", ".bias")) or n.startswith("before/policy.")]
    cases, result = [], {}
    for c, (phase, active, changes, more) in enumerate(DOMAIN_CASES if net == "domains" else CASES):
        run = tomllib.loads(fabricate.run_text(net, **changes))
        case = {"name": " ".join([phase, f"active={active or blocks}"] + [
                    f"{key}={value}" for key, value in changes.items()]),
                "phase": phase, "step": 100 + c, "temperature": 2.0, "active": active or blocks,
                "factor": 1.0, "continues": False,
                "overrides": [f"{KEYS[k]}={json.dumps(v)}" for k, v in changes.items()], **more}
        given = dict(start)
        if case["continues"]:
            given.update({name.replace("after/", "before/", 1): tensor.numpy()
                          for name, tensor in result.items() if name.startswith("after/")})
        if phase in ("weights", "policy"):
            given.update(fabricate.noise(run, case))
        if phase == "retrain":
            given.update(fabricate.drawn(run))
        result = recompute(run, case, given, torch.float64)
        nothing = [np.nan] * 3
        rows = {
            "grad": [digest(result["grad/" + n]) if "grad/" + n in result else nothing
                     for n in parameters],
            "after": [digest(result["after/" + n]) for n in parameters],
            "statistics": [digest(result[f"after/{n}.running_mean"]) +
                           digest(result[f"after/{n}.running_var"]) for n in statistics],
            "tracked": [float(result[f"after/{n}.num_batches_tracked"]) for n in statistics]}
        kept = {name: tensor.numpy() for name, tensor in result.items()
                if name.startswith(("policy/", "out/", "loss/"))}
        kept.update({name: array for name, array in given.items() if name.startswith("noise/")})
        kept.update({name: np.array(row) for name, row in rows.items()})
        tensors.update({f"{c}/{name}": array for name, array in kept.items()})
        cases.append(case)
    path = os.path.join(HERE, f"step_{net}.safetensors")
    tensor_file.write(path, tensors, {"run": text, "cases": json.dumps(cases),
                                      "parameters": json.dumps(parameters),
                                      "statistics": json.dumps(statistics)})
    print(f"{path}: {len(cases)} cases, {os.path.getsize(path)} bytes")


if __name__ == "__main__":
    for name in sys.argv[1:] or ("resnet18", "resnet50", "domains"):
        make(name)
