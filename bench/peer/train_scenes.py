#!/usr/bin/env python3
"""The same small network trained in weft and in PyTorch, and both judged by PyTorch.

    /usr/bin/python3 bench/peer/train_scenes.py [key=value ...] --weft build/cpu/weft --seeds 1 2 3

Both start from weft's first weights and take the same number of the same optimizer's steps on the
same 400 rooms, each in an order of its own after the first epoch. Rooms and weights come out of
`weft dump`; 96 rooms of another world are held out, and the mIoU, edges and keypoints of both
networks on them are computed here, by reference.py's network in evaluation mode and by code that
shares nothing with weft. The settings are for weft: sharing=single, retrain.steps=300. They stand
together and before --seeds and --mappings, which take every word that follows them.
retrain.schedule.kind=cosine lets both come to rest: without it two networks that differ in the
order of their batches alone end some points of mIoU apart.

--mappings says where PyTorch thinks that output i lies (weft trains once a seed, by stride):
    stride    label at pixel i * stride, and the prediction placed there
    floor     label at floor(i in / out), the prediction as align_corners = False places it
    corners   label and prediction at i (in - 1) / (out - 1), as align_corners = True
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import tomllib

import numpy as np
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import tensor_file  # noqa: E402
from reference import Trunk, head, stride_of  # noqa: E402

RUN = os.path.join(HERE, "train_scenes.toml")


# ---- where outputs lie ---------------------------------------------------------------------------
def places(mapping, run, outputs, labels):
    i = np.arange(outputs)
    if mapping == "stride":
        return np.minimum(i * stride_of(run), labels - 1)
    if mapping == "corners":
        return i * (labels - 1) / (outputs - 1)
    return (i + 0.5) * labels / outputs - 0.5


def label_indices(mapping, run, outputs, labels):
    if mapping == "floor":
        return torch.arange(outputs) * labels // outputs
    return torch.from_numpy(np.rint(places(mapping, run, outputs, labels)).astype(int))


def grown(mapping, run, output, height, width):
    def weights(outputs, labels):
        at = places(mapping, run, outputs, labels)
        rows = [np.interp(np.arange(labels), at, one) for one in np.eye(outputs)]
        return torch.from_numpy(np.stack(rows)).to(output)

    rows, columns = weights(output.shape[2], height), weights(output.shape[3], width)
    return torch.einsum("ncij,iy,jx->ncyx", output, rows, columns)


# ---- the network ---------------------------------------------------------------------------------
class Judged(Trunk):
    """The trunk in evaluation mode."""
    def norm(self, x, name):
        name = self.prefix + name
        return F.batch_norm(x, self.statistics[name + ".running_mean"],
                            self.statistics[name + ".running_var"], self.p[name + ".weight"],
                            self.p[name + ".bias"], training=False, eps=1e-5)


def outputs_of(kind, run, parameters, statistics, images):
    shared = None
    for task in run["task"]:
        if run["sharing"] == "single":
            features = kind(run, parameters, statistics, f"trunks.{task['name']}.")(images)
        else:
            features = shared = kind(run, parameters, statistics)(images) if shared is None \
                else shared
        yield task, head(run, task, parameters, features, {})


def loss_of(task, output, target):
    values, labels = output.permute(0, 2, 3, 1).flatten(0, 2), target.permute(0, 2, 3, 1).flatten()
    valid = ~labels.isnan()
    if task["kind"] == "segmentation":
        return F.cross_entropy(values[valid], labels[valid].long())
    return (values[valid, 0] - labels[valid]).abs().mean()


def train(run, mapping, start, batches, device):
    parameters = {name: torch.tensor(array, device=device).requires_grad_()
                  for name, array in start.items() if name.endswith((".weight", ".bias"))}
    statistics = {name: torch.tensor(array, device=device) for name, array in start.items()
                  if name not in parameters}
    spec = run["retrain"]["optimizer"]
    adam = torch.optim.Adam(parameters.values(), lr=spec["lr"], betas=tuple(spec["betas"]),
                            eps=spec["eps"], weight_decay=spec["weight_decay"])
    images = torch.cat([b["images"] for b in batches])
    targets = {t["name"]: torch.cat([b[t["name"]] for b in batches]) for t in run["task"]}
    random, size, order = torch.Generator().manual_seed(run["seed"]), run["data"]["batch"], []
    steps, kind = run["retrain"]["steps"], run["retrain"]["schedule"]["kind"]
    if kind not in ("constant", "cosine"):
        sys.exit(f"retrain.schedule.kind={kind}: PyTorch's side knows constant and cosine")
    for step in range(steps):
        if kind == "cosine":
            for group in adam.param_groups:
                group["lr"] = spec["lr"] * (1 + math.cos(math.pi * step / steps)) / 2
        if len(order) < size:  # the first epoch in weft's order
            order = torch.arange(len(images)) if step == 0 else \
                torch.randperm(len(images), generator=random)
        chosen, order = order[:size], order[size:]
        total = 0
        for task, output in outputs_of(Trunk, run, parameters, statistics, images[chosen]):
            target = targets[task["name"]][chosen]
            rows, columns = (label_indices(mapping, run, output.shape[d], target.shape[d])
                             for d in (2, 3))
            labels = target[:, :, rows][:, :, :, columns]
            total = total + task["weight"] * loss_of(task, output, labels)
        adam.zero_grad()
        total.backward()
        adam.step()
    return {**{n: p.detach() for n, p in parameters.items()}, **statistics}


# ---- judging -------------------------------------------------------------------------------------
def judge(run, mapping, tensors, batches):
    """{"miou": in percent, "edges": mean absolute error, "keypoints": the same}"""
    sums, confusion = {}, None
    with torch.no_grad():
        for batch in batches:
            for task, output in outputs_of(Judged, run, tensors, tensors, batch["images"]):
                target = batch[task["name"]]
                wide = grown(mapping, run, output, *target.shape[2:])
                valid = ~target.isnan()[:, 0]
                truth = target[:, 0][valid]
                if task["kind"] == "segmentation":
                    n = task["classes"]
                    pairs = truth.long() * n + wide.argmax(dim=1)[valid]
                    counts = torch.bincount(pairs, minlength=n * n).reshape(n, n)
                    confusion = counts if confusion is None else confusion + counts
                else:
                    at = sums.setdefault(task["name"], [0.0, 0])
                    at[0] += (wide[:, 0][valid] - truth).abs().sum().item()
                    at[1] += len(truth)
    out = {}
    if confusion is not None:
        hits = confusion.diagonal().double()
        either = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
        out["miou"] = 100 * (hits[either > 0] / either[either > 0]).mean().item()
    return {**out, **{name: total / count for name, (total, count) in sums.items()}}


# ---- weft ----------------------------------------------------------------------------------------
def weft(binary, *words):
    done = subprocess.run([binary, *words], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"weft {' '.join(words)}: {done.stderr[-2000:]}")


def dump(binary, settings, steps, path):
    weft(binary, "dump", RUN, *settings, "--phase", "retrain", "--steps", str(steps), "--out", path)
    return tensor_file.read(path)


def rooms(binary, settings, steps, path, device):
    """Batches of images and targets; the network that they pass through is as small as can be."""
    tensors, metadata = dump(binary, [*settings, "model.width=0.05", "model.head_width=4",
                                      "retrain.steps=1000"], steps, path)
    names = [task["name"] for task in tomllib.loads(metadata["run"])["task"]]
    return [{name: torch.tensor(tensors[f"{s}/in/{key}"], device=device) for name, key in
             [("images", "images"), *((n, "target." + n) for n in names)]}
            for s in range(steps)]


def main():
    parse = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parse.add_argument("settings", nargs="*", help="key=value for weft")
    parse.add_argument("--weft", default="build/weft")
    parse.add_argument("--seeds", type=int, nargs="+", default=[1])
    parse.add_argument("--mappings", nargs="+", default=["stride"],
                       choices=["stride", "floor", "corners"])
    parse.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="of both")
    how = parse.parse_args()
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    results = {}

    def report(name, values):
        results.setdefault(name, []).append(values)
        print(name, json.dumps({k: round(v, 4) for k, v in values.items()}), flush=True)

    for seed in how.seeds:
        settings = [*how.settings, f"seed={seed}", f"data.seed={seed}"]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dump.safetensors")
            first, metadata = dump(how.weft, settings, 1, path)
            run = tomllib.loads(metadata["run"])
            start = {name[len("0/before/"):]: array for name, array in first.items()
                     if name.startswith("0/before/") and "optim." not in name}
            epoch = run["data"]["count"] // run["data"]["batch"]
            seen = rooms(how.weft, settings, epoch, path, how.device)
            held = rooms(how.weft, [*how.settings, f"seed={seed}", f"data.seed={1000 + seed}",
                                    "data.count=96"], 96 // run["data"]["batch"], path, how.device)
            weft(how.weft, "train", RUN, *settings, "--device", how.device,
                 "--out", os.path.join(folder, "run"))
            last = tensor_file.read(os.path.join(folder, "run/checkpoints/last.safetensors"))[0]
            report(f"seed {seed} weft", judge(run, "stride", {
                name: torch.tensor(last[name], device=how.device) for name in start}, held))
        for mapping in how.mappings:
            report(f"seed {seed} torch {mapping}",
                   judge(run, mapping, train(run, mapping, start, seen, how.device), held))
    for kind in ["weft"] + [f"torch {mapping}" for mapping in how.mappings]:
        of = [v for name, runs in results.items() if name.endswith(kind) for v in runs]
        print("mean", kind, json.dumps({k: round(float(np.mean([v[k] for v in of])), 4)
                                        for k in of[0]}))


if __name__ == "__main__":
    main()
