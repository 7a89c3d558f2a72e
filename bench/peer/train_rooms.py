#!/usr/bin/env python3
"""A single-task network of a study, trained once more in PyTorch by code that has none of weft's.

    python3 bench/peer/train_rooms.py runs/out/nyu_v2/rooms/single/seed-1 --task seg --device cuda

Reads run.toml and summary.json of a finished run (sharing = "single", data.kind = "csv", a dilated
ResNet-18 or 34, the aspp head) and then does the same again: the same pictures, split, size,
augmentation, network, first weights' distribution, optimizer, schedule and number of steps, with
readers, order and noise of its own. The step with the least validation loss is tested. Printed are
PyTorch's test metrics beside weft's. The exit code is 1 where weft is worse than PyTorch by more
than --points of mIoU or --percent of the mean absolute error of depth: a study's single-task
baseline is no straw man (it may be better). --steps shortens a trial.

Needs PyTorch 2 (antialiased resizing on the device), numpy and pillow.
"""
import argparse
import copy
import csv
import json
import math
import os
import sys
import time
import tomllib

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

STRIDE = 8  # of the dilated trunk: output i looks at pixel 8 i


# ---- the network ---------------------------------------------------------------------------------
class Block(nn.Module):
    def __init__(self, inward, width, stride, dilation):
        super().__init__()
        self.conv1 = nn.Conv2d(inward, width, 3, stride, dilation, dilation, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, 1, dilation, dilation, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(width), nn.BatchNorm2d(width)
        self.short = nn.Identity()
        if stride != 1 or inward != width:
            self.short = nn.Sequential(nn.Conv2d(inward, width, 1, stride, bias=False),
                                       nn.BatchNorm2d(width))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.short(x))


class Branch(nn.Sequential):
    def __init__(self, inward, width, outputs, dilation, dropout):
        super().__init__(nn.Conv2d(inward, width, 3, 1, dilation, dilation), nn.ReLU(),
                         nn.Dropout(dropout), nn.Conv2d(width, width, 1), nn.ReLU(),
                         nn.Dropout(dropout), nn.Conv2d(width, outputs, 1))


class Network(nn.Module):
    def __init__(self, model, outputs):
        super().__init__()
        widths = [max(4, round(w * model["width"])) for w in (64, 128, 256, 512)]
        depths = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}[model["trunk"]]
        self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 7, 2, 3, bias=False),
                                  nn.BatchNorm2d(widths[0]), nn.ReLU(),
                                  nn.MaxPool2d(3, 2, 1, ceil_mode=True))
        blocks, inward = [], widths[0]
        for width, depth, stride, dilation in zip(widths, depths, (1, 2, 1, 1), (1, 1, 2, 4)):
            for i in range(depth):
                blocks.append(Block(inward, width, stride if i == 0 else 1, dilation))
                inward = width
        self.blocks = nn.Sequential(*blocks)
        for part in (*self.stem.modules(), *self.blocks.modules()):
            if isinstance(part, nn.Conv2d):
                nn.init.normal_(part.weight, std=0.01)
        self.branches = nn.ModuleList(
            Branch(inward, model["head_width"], outputs, dilation, model["dropout"])
            for dilation in (6, 12, 18, 24))

    def forward(self, x):
        x = self.blocks(self.stem(x))
        return sum(branch(x) for branch in self.branches)


# ---- pictures ------------------------------------------------------------------------------------
class Pictures:
    """A part of the set: images [N, 3, H, W] of bytes, labels [N, 1, H, W], NaN: none."""
    def __init__(self, run, root, task, parts, device):
        with open(os.path.join(root, run["data"]["index"]), newline="") as file:
            rows = [row for row in csv.DictReader(file) if row[run["data"]["split"]] in parts]
        images = [np.array(Image.open(os.path.join(root, row[run["data"]["image"]])).convert("RGB"))
                  for row in rows]
        labels = [np.array(Image.open(os.path.join(root, row[task["column"]]))).astype(np.float32)
                  for row in rows]
        self.images = torch.from_numpy(np.stack(images)).to(device).permute(0, 3, 1, 2)
        self.labels = torch.from_numpy(np.stack(labels)).to(device)[:, None]
        none = task["ignore"] if task["kind"] == "segmentation" else task["invalid"]
        self.labels[self.labels == none] = math.nan
        if task["kind"] == "depth":
            self.labels *= task["scale"]

    def __len__(self):
        return len(self.images)

    def image(self, i):
        return self.images[i:i + 1].float() / 255


def resized(image, label, height, width):
    image = F.interpolate(image, (height, width), mode="bilinear", antialias=True)
    return image, F.interpolate(label, (height, width), mode="nearest-exact")


def cut(picture, top, left, height, width, fill):
    """Of the size asked for; what lies outside of the picture is `fill`."""
    short = (max(0, -left), max(0, left + width - picture.shape[3]),
             max(0, -top), max(0, top + height - picture.shape[2]))
    picture = F.pad(picture, short, value=fill)
    return picture[:, :, max(0, top):, max(0, left):][:, :, :height, :width]


def offset(size, wanted, random):
    return random.integers(0, size - wanted + 1) if size > wanted else -((wanted - size) // 2)


def coloured(image, how, random):
    """Brightness, contrast against the mean grey, saturation against the pixel's grey."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=image.device).reshape(1, 3, 1, 1)
    for kind in ("brightness", "contrast", "saturation"):
        if how[kind] > 0:
            factor = random.uniform(1 - how[kind], 1 + how[kind])
            grey = (image * weights).sum(1, keepdim=True)
            anchor = {"brightness": 0, "contrast": grey.mean(), "saturation": grey}[kind]
            image = (anchor + factor * (image - anchor)).clamp(0, 1)
    return image


def augmented(pictures, i, run, task, random):
    how, (height, width) = run["data"]["augment"], run["data"]["size"]
    zoom = random.uniform(*how["scale"])
    image, label = resized(coloured(pictures.image(i), how, random), pictures.labels[i:i + 1],
                           round(height * zoom), round(width * zoom))
    top, left = (offset(image.shape[d], n, random) for d, n in ((2, height), (3, width)))
    image, label = (cut(p, top, left, height, width, fill)
                    for p, fill in ((image, 0.0), (label, math.nan)))
    if how["flip"] and random.random() < 0.5:
        image, label = image.flip(3), label.flip(3)
    if task["kind"] == "depth":
        label = label / zoom  # what is seen s times as large is s times as near
    return image, label


def normalised(images):
    mean = torch.tensor([0.485, 0.456, 0.406], device=images.device).reshape(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225], device=images.device).reshape(1, 3, 1, 1)
    return (images - mean) / deviation


# ---- losses and metrics --------------------------------------------------------------------------
def places(outputs, pixels):
    return (torch.arange(outputs) * STRIDE).clamp(max=pixels - 1)


def sum_of_losses(task, output, label):
    """The sum over pixels with a label, and how many there are."""
    rows, columns = (places(output.shape[d], label.shape[d]) for d in (2, 3))
    label = label[:, 0][:, rows][:, :, columns]
    valid = ~label.isnan()
    if task["kind"] == "segmentation":
        values = output.permute(0, 2, 3, 1)[valid]
        return F.cross_entropy(values, label[valid].long(), reduction="sum"), valid.sum()
    return (output[:, 0][valid] - label[valid]).abs().sum(), valid.sum()


def grown(output, height, width):
    """Bilinear, output i at pixel 8 i, the last one beyond."""
    def weights(outputs, pixels):
        at = np.arange(pixels) / STRIDE
        low = np.minimum(at.astype(int), outputs - 1)
        high, share = np.minimum(low + 1, outputs - 1), at - low
        table = np.zeros((pixels, outputs), np.float32)
        np.add.at(table, (np.arange(pixels), low), 1 - share)
        np.add.at(table, (np.arange(pixels), high), share)
        return torch.from_numpy(table).to(output)
    return torch.einsum("ncij,yi,xj->ncyx", output, weights(output.shape[2], height),
                        weights(output.shape[3], width))


@torch.no_grad()
def evaluated(net, pictures, run, task):
    """{"loss", and "miou" in percent or "abs" in the label's unit}, in evaluation mode."""
    net.eval()
    (height, width), n = run["data"]["size"], task["classes"]
    loss = count = error = pixels = 0
    confusion = torch.zeros(n * n, device=pictures.labels.device)
    for first in range(0, len(pictures), 16):
        pairs = [resized(pictures.image(i), pictures.labels[i:i + 1], height, width)
                 for i in range(first, min(first + 16, len(pictures)))]
        label = torch.cat([pair[1] for pair in pairs])
        output = net(normalised(torch.cat([pair[0] for pair in pairs]))).float()
        part = sum_of_losses(task, output, label)
        loss, count = loss + part[0].double(), count + part[1]
        wide, valid = grown(output, height, width), ~label.isnan()[:, 0]
        truth = label[:, 0][valid]
        if task["kind"] == "segmentation":
            index = truth.long() * n + wide.argmax(1)[valid]
            confusion += torch.bincount(index, minlength=n * n)
        else:
            error = error + (wide[:, 0][valid] - truth).abs().sum().double()
            pixels += len(truth)
    out = {"loss": (loss / count).item()}
    if task["kind"] == "segmentation":
        table = confusion.reshape(n, n).double()
        hits, either = table.diagonal(), table.sum(0) + table.sum(1) - table.diagonal()
        return {**out, "miou": 100 * (hits[either > 0] / either[either > 0]).mean().item()}
    return {**out, "abs": (error / pixels).item()}


# ---- training ------------------------------------------------------------------------------------
def rate(spec, step, steps):
    factor = {"cosine": 0.5 * (1 + math.cos(math.pi * step / steps)), "constant": 1}[spec["kind"]]
    return factor * min(1, (step + 1) / spec["warmup"]) if spec["warmup"] else factor


def train(run, root, task, steps, device):
    batch, spec = run["data"]["batch"], run["retrain"]["optimizer"]
    random = np.random.default_rng(run["seed"])
    torch.manual_seed(run["seed"])
    parts = {part: Pictures(run, root, task, {part}, device) for part in ("train", "val", "test")}
    net = Network(run["model"], task["classes"] if task["kind"] == "segmentation" else 1).to(device)
    net = net.to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(net.parameters(), lr=spec["lr"], betas=tuple(spec["betas"]),
                            eps=spec["eps"], weight_decay=spec["weight_decay"])
    best, kept, order, began = None, None, [], time.time()
    for step in range(steps):
        for group in adam.param_groups:
            group["lr"] = spec["lr"] * rate(run["retrain"]["schedule"], step, steps)
        if len(order) < batch:
            order = list(random.permutation(len(parts["train"])))
        chosen, order = order[:batch], order[batch:]
        pairs = [augmented(parts["train"], i, run, task, random) for i in chosen]
        net.train()
        output = net(normalised(torch.cat([pair[0] for pair in pairs])))
        loss, count = sum_of_losses(task, output.float(), torch.cat([pair[1] for pair in pairs]))
        adam.zero_grad()
        (task["weight"] * loss / count.clamp(min=1)).backward()
        adam.step()
        if (step + 1) % run["eval"]["every"] == 0 or step + 1 == steps:
            found = evaluated(net, parts["val"], run, task)
            print(f"step {step + 1}  train loss {(loss / count).item():.4f}  val "
                  f"{json.dumps(found)}  {time.time() - began:.0f} s", flush=True)
            if best is None or found["loss"] < best["loss"]:
                best, kept = {**found, "step": step + 1}, copy.deepcopy(net.state_dict())
    net.load_state_dict(kept)
    return {**evaluated(net, parts["test"], run, task), "step": best["step"]}


def refuse_what_differs(run, task):
    """What this script does not do again."""
    model, data, retrain = run["model"], run["data"], run["retrain"]
    asked = {"sharing": (run["sharing"], {"single"}), "semantics": (run["semantics"], {"sound"}),
             "model.trunk": (model["trunk"], {"resnet18", "resnet34"}),
             "model.form": (model["form"], {"deeplab"}), "model.head": (model["head"], {"aspp"}),
             "model.init": (model["init"], {""}), "data.kind": (data["kind"], {"csv"}),
             "data.normalize": (data["normalize"], {"imagenet"}),
             "data.augment.crop": (tuple(data["augment"]["crop"]), {(0, 0)}),
             "task.kind": (task["kind"], {"segmentation", "depth"}),
             "retrain.optimizer.kind": (retrain["optimizer"]["kind"], {"adam"}),
             "retrain.schedule.kind": (retrain["schedule"]["kind"], {"cosine", "constant"}),
             "retrain.clip_norm": (retrain["clip_norm"], {0})}
    for key, (value, known) in asked.items():
        if value not in known:
            sys.exit(f"{key} is {value!r}: this script knows {', '.join(map(repr, sorted(known)))}")


def main():
    parse = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parse.add_argument("folder", help="a finished run of single-task networks")
    parse.add_argument("--task", default="seg")
    parse.add_argument("--root", help="the data, where they are not where run.toml says")
    parse.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parse.add_argument("--steps", type=int, help="fewer than the run's")
    parse.add_argument("--points", type=float, default=2, help="of mIoU that weft may be worse")
    parse.add_argument("--percent", type=float, default=5, help="likewise, of the abs error")
    how = parse.parse_args()
    with open(os.path.join(how.folder, "run.toml"), "rb") as file:
        run = tomllib.load(file)
    with open(os.path.join(how.folder, "summary.json")) as file:
        summary = json.load(file)
    task = next(t for t in run["task"] if t["name"] == how.task)
    refuse_what_differs(run, task)
    tf32 = run["precision"] == "tf32"
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    root = how.root or os.path.expandvars(run["data"]["root"])
    steps = how.steps or run["retrain"]["steps"]
    found = train(run, root, task, steps, how.device)
    theirs = next(r for r in summary["results"] if r["task"] == how.task)
    key = "miou" if task["kind"] == "segmentation" else "abs"
    weft = dict(theirs["metrics"])[key]
    print(f"{how.task}, test: {key} weft {weft:.4f}, PyTorch {found[key]:.4f}; loss weft "
          f"{theirs['loss']:.4f}, PyTorch {found['loss']:.4f}; {steps} steps, tested at "
          f"{found['step']}, PyTorch {torch.__version__}")
    worse = found[key] - weft if key == "miou" else 100 * (weft / found[key] - 1)
    most, unit = (how.points, "points") if key == "miou" else (how.percent, "%")
    side = "worse" if worse > 0 else "better"
    print(f"weft is {side} by {abs(worse):.2f} {unit}; it may be worse by {most:g}")
    sys.exit(1 if worse > most else 0)


if __name__ == "__main__":
    main()
