#!/usr/bin/env python3
"""A run file of measured silicon in PyTorch: the same network, data, targets, batches' make-up, steps
and rates as `weft train`, written anew. Says the test errors of each seed, their mean and deviation,
and whether weft's, where its run folders are given, are within one standard deviation of the
difference.

    python3 bench/peer/silicon.py runs/silicon_sky130.toml [KEY=VALUE ...] [--seeds 1,2,3]
                                  [--weft runs/out/a runs/out/b runs/out/c]

It knows sharing = "hard" and "single" with data.inputs = "per-task", norm = "none", targets log10(..)
of products of columns, floor, strong, slopes, label_power and [[column]]; anything else stops it.
The best of the steps that evaluate is taken, by the tasks' validation losses over those of the best
constant, as weft does. 1 thread.
"""
import argparse
import csv
import gzip
import io
import json
import math
import os
import re
import statistics
import sys
import tomllib

import numpy as np
import torch
from torch import nn

ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh, "silu": nn.functional.silu,
               "softplus": nn.functional.softplus, "gelu": nn.functional.gelu}
# Of x / scale: the transform, and its derivative.
TRANSFORMS = {"none": (lambda x: x, np.ones_like),
              "log": (np.log, lambda x: 1 / x),
              "log10": (np.log10, lambda x: 1 / (math.log(10) * x)),
              "asinh": (np.arcsinh, lambda x: 1 / np.sqrt(1 + x**2)),
              "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2)}


def stop(why):
    sys.exit(f"silicon.py: {why}")


def read_run(path, settings):
    with open(path, "rb") as file:
        run = tomllib.load(file)
    for setting in settings:
        key, value = setting.split("=", 1)
        *tables, last = key.split(".")
        at = run
        for table in tables:
            at = at.setdefault(table, {})
        try:
            at[last] = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            at[last] = value
    if run["sharing"] not in ("hard", "single") or run["data"].get("inputs") != "per-task":
        stop("sharing is hard or single, and data.inputs per-task")
    if run["model"].get("norm") != "none":
        stop("model.norm is none")
    return run


def factors(text):
    """Of `a * b / c^p` each factor and its power: (a, 1), (b, 1), (c, -p)."""
    sign = 1
    for token in re.findall(r"[*/]|[^\s*/]+", text):
        if token in "*/":
            sign = 1 if token == "*" else -1
            continue
        name, _, power = token.partition("^")
        yield name, sign * float(power or 1)


def product(text, number):
    """The product's value where number(column) gives the columns'."""
    value = 1.0
    for name, power in factors(text):
        try:
            base = float(name)
        except ValueError:
            base = number(name)
        value = value * base**power
    return value


def power_of(text, column):
    return sum((power for name, power in factors(text) if name == column), 0.0)


class Table:
    def __init__(self, run):
        data = run["data"]
        path = os.path.join(os.path.expandvars(data["root"]), data["index"])
        opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
        with opened as file:
            rows = list(csv.DictReader(io.StringIO(file.read())))
        names = [task["name"] for task in run["task"]]
        words = {task["rows"]: k for k, task in enumerate(run["task"])}
        rows = [row for row in rows if row[data["task_column"]] in words]
        self.names, self.tasks = names, run["task"]
        self.owner = np.array([words[row[data["task_column"]]] for row in rows])
        self.split = np.array([row[data["split"]] for row in rows])
        numbers = {name: np.array([float(row[name]) if row[name] else math.nan for row in rows])
                   for name in rows[0] if name not in (data["task_column"], data["split"])}
        scale = np.array([task.get("input_scale", 1) for task in run["task"]])[self.owner]
        specs = {spec["name"]: spec for spec in run.get("column", [])}
        train = self.split == "train"
        self.inputs, self.slope_scale = [], []
        for name in data["columns"]:
            spec = specs.get(name, {})
            by = spec.get("scale", 1) * (scale if spec.get("by_task") else 1)
            transform, slope = TRANSFORMS[spec.get("transform", "none")]
            scaled = numbers[name] / by
            value = transform(scaled)
            mean, deviation = 0.0, 1.0
            if spec.get("standardize", True):
                mean, deviation = value[train].mean(), value[train].std()
            self.inputs.append((value - mean) / deviation)
            self.slope_scale.append(slope(scaled) / (by * deviation))  # d input / d column
        self.columns = data["columns"]
        self.inputs = np.stack(self.inputs, 1)
        self.labels(numbers, train)

    def labels(self, numbers, train):
        rows = len(self.owner)
        self.t, self.bound, self.strong = np.zeros(rows), np.zeros(rows, bool), np.zeros(rows, bool)
        self.slopes = {}  # label column -> (input, measured / y, power / x)
        for k, task in enumerate(self.tasks):
            own = self.owner == k
            inner = re.fullmatch(r"log10\((.*)\)", task["target"].strip())
            if inner is None or not task.get("standardize"):
                stop("targets are log10(..) and standardised")
            for key in ("train_groups", "relative", "invalid", "scale"):
                if key in task:
                    stop(f"it does not know task.{task['name']}.{key}")
            y = numbers[task["column"]]
            floor = task.get("floor", -math.inf)
            at = lambda name: np.maximum(y, floor) if name == task["column"] else numbers[name]
            self.t[own] = np.log10(product(inner[1], at)[own])
            self.bound[own] = (y <= floor)[own]
            text, least = task["strong"].split(">")
            self.strong[own] = (product(text, lambda name: numbers[name]) > float(least))[own]
            for pair in task.get("slopes", []):
                label, by = (word.strip() for word in pair.split(":"))
                measured, shift = self.slopes.setdefault(
                    label, (by, np.full(rows, math.nan), np.zeros(rows)))[1:]
                measured[own] = (numbers[label] / y)[own]
                power = power_of(inner[1], by)
                if power != 0:
                    shift[own] = power / numbers[by][own]
        standardised = self.t[train]
        self.mean, self.unit = standardised.mean(), standardised.std()
        self.z = (self.t - self.mean) / self.unit


class Network(nn.Module):
    """x0 = a(W x + b); x' = a(x + W2 a(W1 x + b1) + b2); one linear head a task."""

    def __init__(self, run, inputs, tasks):
        super().__init__()
        model = run["model"]
        hidden, blocks = model["hidden"], model["blocks"]
        self.act = ACTIVATIONS[model.get("activation", "relu")]
        trunks = tasks if run["sharing"] == "single" else 1
        self.trunks = nn.ModuleList(nn.ModuleList(
            [nn.Linear(inputs, hidden)] + [nn.Linear(hidden, hidden) for _ in range(2 * blocks)])
            for _ in range(trunks))
        self.heads = nn.ModuleList(nn.Linear(hidden, 1) for _ in range(tasks))

    def one(self, k, x):
        stem, *layers = self.trunks[k % len(self.trunks)]
        x = self.act(stem(x))
        for first, second in zip(layers[::2], layers[1::2]):
            x = self.act(x + second(self.act(first(x))))
        return self.heads[k](x)[:, 0]

    def forward(self, stacked):
        """One batch a task, of equal sizes: [K, N, D] -> K of [N]."""
        if len(self.trunks) > 1:
            return [self.one(k, x) for k, x in enumerate(stacked)]
        tasks, rows, width = stacked.shape
        x = stacked.reshape(-1, width)
        stem, *layers = self.trunks[0]
        x = self.act(stem(x))
        for first, second in zip(layers[::2], layers[1::2]):
            x = self.act(x + second(self.act(first(x))))
        return [self.heads[k](x[k * rows:(k + 1) * rows])[:, 0] for k in range(tasks)]


def excess(p, z, bound):
    return (torch.where(bound, torch.maximum(p, z), p) - z) ** 2


def best_constant_loss(z, bound):
    """The least mean excess(c, z, bound) over all c: c is the mean of the labels and of those bounds
    that are below it, which come in one by one, least first."""
    total, count = float(z[~bound].sum()), int((~bound).sum())
    for value in np.sort(z[bound]).tolist():
        if count and total / count <= value:
            break
        total, count = total + value, count + 1
    c = total / count
    return float(np.mean((np.where(bound, np.maximum(c, z), c) - z) ** 2))


def evaluate(net, table, part, k):
    rows = np.flatnonzero((table.split == part) & (table.owner == k))
    if len(rows) == 0:
        return None
    x = torch.tensor(table.inputs[rows], dtype=torch.float32, requires_grad=True)
    p = net.one(k, x)
    slopes = torch.autograd.grad(p.sum(), x)[0].double().numpy()
    p = p.detach().double().numpy()
    z, bound, strong = table.z[rows], table.bound[rows], table.strong[rows]
    above = np.where(bound, np.maximum(p, z), p)
    out = {"loss": float(np.mean((above - z) ** 2)), "constant": best_constant_loss(z, bound)}
    d = table.unit * (p - z)
    ratio = 10 ** d
    keep = ~bound & strong
    out["target_rmse"] = float(np.sqrt(np.mean(d[~bound] ** 2)))
    out["percent"] = float(np.median(100 * np.abs(ratio[keep] - 1)))
    for number, (by, measured, shift) in enumerate(table.slopes.values(), 1):
        place = table.columns.index(by)
        slope = slopes[:, place] * table.slope_scale[place][rows]
        found = ratio * (math.log(10) * table.unit * slope - shift[rows])
        known = keep & ~np.isnan(measured[rows]) & (measured[rows] != 0)
        out[f"percent_slope{number}"] = float(
            np.median(100 * np.abs(found[known] / measured[rows][known] - 1)))
    return out


def train(run, table, seed):
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    tasks = len(table.tasks)
    net = Network(run, table.inputs.shape[1], tasks)
    phase, warm = run["retrain"], run["warmup"]
    optimizer, schedule = warm["optimizer"], phase["schedule"]
    adam = torch.optim.Adam(net.parameters(), lr=optimizer["lr"], betas=tuple(optimizer["betas"]),
                            weight_decay=optimizer["weight_decay"])
    if schedule["kind"] != "cosine":
        stop("the schedule is cosine")
    x = torch.tensor(table.inputs, dtype=torch.float32)
    z = torch.tensor(table.z, dtype=torch.float32)
    bound = torch.tensor(table.bound)
    rows = [np.flatnonzero((table.split == "train") & (table.owner == k)) for k in range(tasks)]
    power = run["data"].get("label_power", 0)
    weights = np.array([task.get("weight", 1) * len(own) ** power
                        for task, own in zip(table.tasks, rows)])
    weights *= tasks / sum(len(own) ** power for own in rows)
    batch = min([run["data"]["batch"]] + [len(own) for own in rows])
    orders, at = [], math.inf
    best, chosen = math.inf, None
    for step in range(phase["steps"]):
        if at + batch > min(len(own) for own in rows):  # an epoch is as long as the smallest task
            orders, at = [draw.permutation(own) for own in rows], 0
        picked = np.stack([order[at:at + batch] for order in orders])
        at += batch
        rise = min(1, (step + 1) / schedule["warmup"]) if schedule.get("warmup") else 1
        for group in adam.param_groups:
            group["lr"] = (optimizer["lr"] * rise *
                           (1 + math.cos(math.pi * step / phase["steps"])) / 2)
        index = torch.from_numpy(picked)
        outputs = net(x[index])
        loss = sum(float(weights[k]) * excess(p, z[index[k]], bound[index[k]]).mean()
                   for k, p in enumerate(outputs))
        adam.zero_grad()
        loss.backward()
        adam.step()
        if (step + 1) % run["eval"]["every"] and step + 1 < phase["steps"]:
            continue
        results = [evaluate(net, table, "val", k) for k in range(tasks)]
        score = sum(r["loss"] / r["constant"] for r, task in zip(results, table.tasks)
                    if r is not None and task.get("chooses", True))
        if score < best:
            best, chosen = score, [evaluate(net, table, "test", k) for k in range(tasks)]
    return {name: statistics.fmean(r[name] for r in chosen)
            for name in chosen[0] if name not in ("loss", "constant")}


def weft_result(folder):
    with open(os.path.join(folder, "summary.json")) as file:
        results = json.load(file)["results"]
    names = [metric[0] for metric in results[0]["metrics"]]
    return {name: statistics.fmean(dict((m[0], m[1]) for m in r["metrics"])[name] for r in results)
            for name in names}


def spread(values):
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("run")
    parser.add_argument("settings", nargs="*")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--weft", nargs="*", default=[])
    options = parser.parse_args()
    torch.set_num_threads(1)
    run = read_run(options.run, options.settings)
    table = Table(run)
    peer = []
    for seed in options.seeds.split(","):
        peer.append(train(run, table, int(seed)))
        print(f"PyTorch seed {seed}: " +
              "  ".join(f"{name} {value:.4g}" for name, value in peer[-1].items()), flush=True)
    ours = [weft_result(folder) for folder in options.weft]
    level = True
    for name in peer[0]:
        mean, deviation = spread([p[name] for p in peer])
        line = f"{name:14} PyTorch {mean:.4g} ± {deviation:.2g}"
        if ours:
            own, own_deviation = spread([o[name] for o in ours])
            within = own - mean <= math.hypot(deviation, own_deviation)
            level &= within
            line += (f"   weft {own:.4g} ± {own_deviation:.2g}   "
                     f"{'level or better' if within else 'WORSE'}")
        print(line)
    sys.exit(0 if level else 1)


if __name__ == "__main__":
    main()
