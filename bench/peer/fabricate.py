"""Small nets, images and labels out of nothing but Philox: for the self-test of check_dump.py and
for the goldens of tests/golden. Everything is rounded to f16, so that it is short on disk and the
same number in every precision."""
import itertools
import json
import tomllib

import numpy as np

import philox
from reference import blocks_of, is_image_label

RUN = """
name = "step_{trunk}"
seed = 7
precision = "{precision}"
semantics = "{semantics}"
sharing = "adashare"

[model]
trunk = "{trunk}"
form = "{form}"
width = 0.05
head = "{head}"
head_width = 5
dropout = {dropout}
bn = {{ running = "{running}", affine = "{affine}" }}

[data]
kind = "scenes"
size = {size}
batch = 2
inputs = "{inputs}"
{tasks}
[warmup]
steps = 10
optimizer = {{ kind = "adam", lr = 1e-3, trunk_lr = 2e-3, betas = [0.5, 0.999], eps = 1e-8, \
weight_decay = 1e-4 }}
clip_norm = {clip_norm}

[policy]
steps = 100
optimizer = {{ kind = "sgd", lr = 1e-3, trunk_lr = 2e-3, momentum = 0.9, weight_decay = 1e-4 }}
logits = {{ kind = "adam", lr = 1e-2, betas = [0.9, 0.999], eps = 1e-8, weight_decay = 5e-4, \
clip_norm = 0.0 }}
clip_norm = 0.0
temperature = 5.0
hard = {hard}
sparsity = 0.05
sparsity_form = "log-skip"
sharing = 0.2
depth_weights = true

[retrain]
steps = 10
optimizer = {{ kind = "adam", lr = 1e-3, trunk_lr = 1e-3, betas = [0.5, 0.999], eps = 1e-8, \
weight_decay = 1e-4 }}
clip_norm = 0.0
"""
SEG = '\n[[task]]\nname = "seg"\nkind = "segmentation"\nweight = 1.0\n'
TASKS = {
    "resnet18": SEG + "classes = 5\nclass_weights = [1.0, 0.5, 2.0, 1.0, 0.25]\n"
                '\n[[task]]\nname = "normals"\nkind = "normals"\nweight = 20.0\n',
    "resnet50": SEG + 'classes = 4\n\n[[task]]\nname = "depth"\nkind = "depth"\nweight = 3.0\n'
                '\n[[task]]\nname = "scene"\nkind = "classification"\nclasses = 3\nweight = 0.5\n'}
# With 17, 22 and 33 pixels the last output looks at the last pixel or before, with 16 past it.
SIZES = {"resnet18": "[17, 17]", "resnet50": "[16, 22]", "domains": "[33, 33]"}
HEADS = {"resnet18": "aspp", "resnet50": "linear", "domains": "linear"}
# A plain ResNet-18 whose tasks bring their own images and, in batch norm, their own sets.
TASKS["domains"] = "".join(
    f'\n[[task]]\nname = "{name}"\nkind = "classification"\nclasses = 3\nweight = {weight}\n'
    for name, weight in (("real", 1.0), ("sketch", 0.7)))


def run_text(net, semantics="sound", hard=False, precision="f64", dropout=0.0, clip_norm=0.0,
             affine=None):
    """`net`: a trunk's name, or "domains"."""
    own = "per-task" if net == "domains" else "shared"
    return RUN.format(trunk="resnet18" if net == "domains" else net, semantics=semantics,
                      hard=str(hard).lower(), dropout=dropout, precision=precision,
                      clip_norm=clip_norm, head=HEADS[net], tasks=TASKS[net], inputs=own,
                      form="plain" if net == "domains" else "deeplab",
                      size=SIZES[net], running=own, affine=affine or own)


def normals(name, shape, scale=1.0, mean=0.0):
    return (mean + scale * philox.normals(1, "init", 0, "fabricated." + name, shape)).astype("f2")


def task_channels(task):
    return task.get("classes", 0) or (3 if task["kind"] == "normals" else 1)


def conv(into, name, out, channels, kernel, bias=False):
    fan_in = channels * kernel * kernel
    into[name + ".weight"] = normals(name, (out, channels, kernel, kernel), (2 / fan_in) ** 0.5)
    if bias:
        into[name + ".bias"] = normals(name + ".bias", (out,), 0.1)


def norm(into, name, channels, run):
    """One set, or one a task."""
    if run["model"]["bn"]["running"] == "per-task":
        for task in run["task"]:
            own = f"{name}.{task['name']}"
            norm_set(into, own, channels)
            if run["model"]["bn"]["affine"] == "shared":
                for part in (".weight", ".bias"):
                    into[name + part] = into.pop(own + part)
        return
    norm_set(into, name, channels)


def norm_set(into, name, channels):
    into[name + ".weight"] = normals(name, (channels,), 0.2, 1.0)
    into[name + ".bias"] = normals(name + ".bias", (channels,), 0.2)
    into[name + ".running_mean"] = normals(name + ".mean", (channels,))
    into[name + ".running_var"] = np.abs(normals(name + ".var", (channels,))) + np.float16(0.5)
    into[name + ".num_batches_tracked"] = np.array(3, np.int64)


def network(run):
    """Every parameter and statistic of the run's net, under its name."""
    out, model = {}, run["model"]

    def width(full):
        return max(4, int(full * model["width"] + 0.5))

    conv(out, "conv1", width(64), 3, 7)
    norm(out, "bn1", width(64), run)
    channels = width(64)
    for block in blocks_of(run):
        name, mid = block["name"], width(64 << int(block["name"][5]) - 1)
        last = 4 * mid if block["bottleneck"] else mid
        sizes = [(mid, 1), (mid, 3), (last, 1)] if block["bottleneck"] else [(mid, 3), (mid, 3)]
        if block["shortcut"]:
            conv(out, name + ".downsample.0", last, channels, 1)
            norm(out, name + ".downsample.1", last, run)
        for i, (size, kernel) in enumerate(sizes, 1):
            conv(out, f"{name}.conv{i}", size, channels, kernel)
            norm(out, f"{name}.bn{i}", size, run)
            channels = size
    for task in run["task"]:
        head, outputs = f"heads.{task['name']}.", task_channels(task)
        if is_image_label(task):
            out[head + "fc.weight"] = normals(head, (outputs, channels), channels ** -0.5)
            out[head + "fc.bias"] = normals(head + "bias", (outputs,), 0.1)
        elif model["head"] == "linear":
            conv(out, head + "fc", outputs, channels, 1, bias=True)
        else:
            for b, d in itertools.product(range(4), [model["head_width"]]):
                conv(out, f"{head}aspp{b}.conv1", d, channels, 3, bias=True)
                conv(out, f"{head}aspp{b}.conv2", d, d, 1, bias=True)
                conv(out, f"{head}aspp{b}.conv3", outputs, d, 1, bias=True)
        out["policy." + task["name"]] = normals("policy." + task["name"],
                                                (len(blocks_of(run)), 2))
    return out


def inputs(run):
    """in/images (or in/images.TASK) and in/target.TASK; a tenth of the labels is missing."""
    (height, width), batch = run["data"]["size"], run["data"]["batch"]
    out = {}
    if run["data"]["inputs"] == "per-task":
        for task in run["task"]:
            out["in/images." + task["name"]] = normals("images." + task["name"],
                                                       (batch, 3, height, width))
    else:
        out["in/images"] = normals("images", (batch, 3, height, width))
    for task in run["task"]:
        name, kind = "in/target." + task["name"], task["kind"]
        shape = (batch, 1, 1) if is_image_label(task) else (batch, height, width)
        u = philox.uniforms(1, "data", 0, name, shape)
        if "classes" in task:
            target = np.floor(u * task["classes"])[:, None]
        elif kind == "normals":
            target = normals(name, (batch, 3, height, width)).astype("f4")
            target /= np.linalg.norm(target, axis=1, keepdims=True)
        else:
            target = 0.5 + 4 * u[:, None]
        if not is_image_label(task):
            missing = philox.uniforms(1, "data", 1, name, shape)[:, None] < 0.1
            target = np.where(missing, np.nan, target)
        out[name] = target.astype("f2")
    return out


def drawn(run):
    """A 0/1 policy [L, 2] by task: every block is run by somebody, but not by all."""
    out = {}
    for k, task in enumerate(run["task"]):
        select = np.array([(l + k) % len(run["task"]) != 1 for l in range(len(blocks_of(run)))])
        out["policy/" + task["name"]] = np.stack([select, ~select], axis=1).astype("f2")
    return out


def noise(run, step):
    return {"noise/policy." + task["name"]:
            philox.uniforms(run["seed"], "gumbel", step["step"], "policy." + task["name"],
                            (len(blocks_of(run)), 2)) for task in run["task"]}


# ---- whole dumps, for check_dump.py --self-test --------------------------------------------------
def masks(run, step):
    out = {}
    if not run["model"]["dropout"]:
        return out
    shape = (run["data"]["batch"], 3, 3, run["model"]["head_width"])  # 17 x 17 at stride 8
    for task, b, i in itertools.product(run["task"], range(4), (1, 2)):
        name = f"heads.{task['name']}.aspp{b}.drop{i}"
        u = philox.uniforms(run["seed"], "dropout", step["step"], name, shape)
        out["mask/" + name] = (u >= run["model"]["dropout"]).transpose(0, 3, 1, 2).astype("u1")
    return out


def cases():
    for phase, hard in (("warmup", False), ("weights", False), ("weights", True),
                        ("policy", False), ("policy", True), ("retrain", False)):
        yield {"net": "resnet18", "phase": phase, "hard": hard, "dropout": 0.5,
               "precision": "f32" if hard else "f64"}
    yield {"net": "resnet50", "phase": "weights", "semantics": "compat"}
    for phase in ("warmup", "policy", "retrain"):
        yield {"net": "domains", "phase": phase}
    yield {"net": "domains", "phase": "weights", "affine": "shared"}


def dump(recompute, net, phase, **how):
    """(tensors, metadata) of a dump of two steps; `recompute` is check_dump.py's."""
    import torch
    text = run_text(net, **how)
    run = tomllib.loads(text)
    dtype = torch.float64 if run["precision"] == "f64" else torch.float32
    state = {"before/" + name: array for name, array in network(run).items()}
    state = {name: array if array.dtype == np.int64 else torch.tensor(array).to(dtype).numpy()
             for name, array in state.items()}
    tensors, steps = {}, []
    for s in range(2):
        step = {"phase": phase, "step": 11 + s, "temperature": 2.0, "active": 3, "factor": 1.0}
        given = {**state, **inputs(run), **masks(run, step)}
        given = {name: array.astype("f4") if name.startswith("in/") else array
                 for name, array in given.items()}
        if phase in ("weights", "policy"):
            given.update(noise(run, step))
        if phase == "retrain":
            given.update(drawn(run))
        made = {name: tensor.to(dtype).numpy()
                for name, tensor in recompute(run, step, given, dtype).items()}
        for name in [name for name in made if name.endswith(".num_batches_tracked")]:
            made[name] = made[name].astype(np.int64)
        made.update(given)
        tensors.update({f"{s}/{name}": array for name, array in made.items()})
        state = {name.replace("after/", "before/", 1): array
                 for name, array in made.items() if name.startswith("after/")}
        steps.append(step)
    names = [task["name"] for task in run["task"]]
    return tensors, {"run": text, "phase": phase, "tasks": json.dumps(names),
                     "steps": json.dumps(steps)}
