#!/usr/bin/env python3
"""Recomputes every training step of a `weft dump` in PyTorch, from inputs and parameters alone.

    ./weft dump RUN.toml --phase weights --steps 2 --precision f64 --out step.safetensors
    /usr/bin/python3 bench/peer/check_dump.py step.safetensors

The error of a tensor is ||a - b|| / ||b|| against the recomputation in f64 (absolute where ||b|| <
1e-12); a group of tensors shows its worst. Beside weft's error stands the one that PyTorch's own
f32 makes on the same step.
  f64 dumps: every tensor below 1e-9
  f32 dumps: gradients below twice PyTorch's f32 error of their group on this step (running
             statistics too, where that is more than 5e-5); all else below 5e-5
grad/ is after clipping, as the optimiser takes it. Its step is recomputed from the dump's own
gradients: Adam turns the rounding of a
gradient that is 0 by symmetry (a shift before a shortcut's batch norm) into a step of any sign.
PyTorch's f32 error is the worst of eight ways to compute the step (oneDNN or plain loops, channels
first or last, the batch in order or in reverse), but for ways ten times as far as the middle one:
there a ReLU flipped. Such a unit, whose input is nearly 0, may round to either side, which changes
f32 gradients by up to 1e-2 in any framework; where that alone puts gradients over their limit,
flips.py says which units flipped, and the f64 recomputation with the same flips is the judge.
Uniforms and dropout masks are also drawn anew by an independent Philox, and must be equal. Exits 1
where a limit is passed, or a tensor is missing or too many. --each lists every tensor.
"""
import argparse
import contextlib
import io
import itertools
import json
import os
import sys
import tempfile
import tomllib

import numpy as np
import torch

import flips
import philox
import tensor_file
from reference import Step, part_of, task_gates, trained_in

F64_LIMIT, F32_LIMIT = 1e-9, 5e-5
STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")


def to_torch(array):
    return torch.from_numpy(np.array(array))


def under(tensors, prefix):
    """{rest of name: tensor} of the names that begin with prefix."""
    return {name[len(prefix):]: to_torch(t) for name, t in tensors.items()
            if name.startswith(prefix)}


def laid_out(tensors, layout):
    """Images and the weights of convolutions in the layout, which PyTorch then keeps to."""
    return {name: tensor.contiguous(memory_format=layout) if tensor.dim() == 4 else tensor
            for name, tensor in tensors.items()}


def split_state(tensors):
    """Everything under before/ or after/: parameters, running statistics, optimiser's state."""
    parameters, statistics, optimizer = {}, {}, {}
    for name, tensor in tensors.items():
        if name.startswith("optim."):
            parameter, key = name[len("optim."):].rsplit(".", 1)
            # PyTorch's Adam wants its counter as an f32 scalar.
            value = torch.tensor(float(tensor)) if key == "step" else tensor
            optimizer.setdefault(parameter, {})[key] = value
        else:
            (statistics if name.endswith(STATISTICS) else parameters)[name] = tensor
    return parameters, statistics, optimizer


# ---- what weft says, and what PyTorch says, under the same names ---------------------------------
def recompute(run, step, dump, dtype, gradients=None, layout=torch.contiguous_format):
    """One step from `dump`, its tensors by their names; the results are named as in a dump."""
    parameters, statistics, optimizer = split_state(under(dump, "before/"))
    images = under(dump, "in/images.") or to_torch(dump["in/images"])
    if isinstance(images, dict):
        images = laid_out(images, layout)
    else:
        images = images.contiguous(memory_format=layout)
    parameters = laid_out(parameters, layout)
    drawn = under(dump, "policy/") if step["phase"] == "retrain" else {}
    trained = {k: v for k, v in optimizer.items() if trained_in(step["phase"], k)}
    result = Step(run, step, dtype, parameters, statistics, trained, images,
                  under(dump, "in/target."), under(dump, "noise/"), drawn, under(dump, "mask/"),
                  gradients)
    out = {}
    for task, gates in zip(run["task"], result.gates):
        if gates is not None:
            out["policy/" + task["name"]] = gates
    for folder, group in (("out/", result.outputs), ("loss/", result.losses),
                          ("grad/", result.gradients), ("after/", result.parameters),
                          ("after/", result.statistics)):
        out.update({folder + name: tensor for name, tensor in group.items()})
    for name, entries in result.optimizer_state.items():
        for key, tensor in entries.items():
            if tensor is not None:
                out[f"after/optim.{name}.{key}"] = torch.as_tensor(tensor)
    return {name: tensor.detach().double() for name, tensor in out.items()}


def backwards(dump):
    """The same step with the images of the batch in reverse order."""
    return {name: array[::-1] if name.startswith(("in/", "mask/")) else array
            for name, array in dump.items()}


def f32_ways(run, step, dump, gradients):
    """The step as PyTorch rounds it: with oneDNN or plain loops, by layout, by order of the batch."""
    for library in (True, False):
        for layout in (torch.contiguous_format, torch.channels_last):
            with torch.backends.mkldnn.flags(enabled=library):
                yield recompute(run, step, dump, torch.float32, gradients, layout)
                turned = recompute(run, step, backwards(dump), torch.float32, gradients, layout)
            yield {name: tensor.flip(0) if name.startswith("out/") else tensor
                   for name, tensor in turned.items()}


def group_of(name):
    """(group, kind of limit): exact, fixed, or relative to PyTorch's f32 in f32 dumps."""
    folder, rest = name.split("/", 1)
    if folder == "policy":
        return "gates", "fixed"
    if folder == "out":
        return "outputs", "fixed"
    if folder == "loss":
        return ("regularisers" if rest in ("sparsity", "sharing") else "losses"), "fixed"
    if rest.endswith((".num_batches_tracked", ".step")):
        return "counters after", "exact"
    if rest.endswith(STATISTICS):
        return "running statistics after", "fixed"
    parameter = rest[len("optim."):] if rest.startswith("optim.") else rest
    part = {"heads": "heads", "policy": "logits"}.get(part_of(parameter))
    if part is None:
        norm = ".bn" in "." + parameter or ".downsample.1." in parameter
        part = "trunk's norms" if norm else "trunk's convolutions"
    what = "gradients" if folder == "grad" else "optimiser's state after"
    if folder == "after" and rest == parameter:
        what = "parameters after"
    return f"{what}: {part}", ("relative" if folder == "grad" else "fixed")


def error(a, b):
    b = b.double()
    a = a.double().reshape(b.shape)
    size = float(b.norm())
    return float((a - b).norm()) / (size if size >= 1e-12 else 1.0)


# ---- noise ---------------------------------------------------------------------------------------
def check_noise(run, step, dump):
    """Names of uniforms and masks that are not what Philox gives for (seed, step, name)."""
    wrong = []
    for name, array in dump.items():
        folder, rest = name.split("/", 1)
        if folder == "noise":
            drawn = philox.uniforms(run["seed"], "gumbel", step["step"], rest, array.shape)
            same = np.array_equal(drawn.astype(array.dtype), array)
        elif folder == "mask":
            n, c, h, w = array.shape
            drawn = philox.uniforms(run["seed"], "dropout", step["step"], rest, (n, h, w, c))
            kept = drawn.transpose(0, 3, 1, 2) >= run["model"]["dropout"]
            same = np.array_equal(kept, array != 0)
        else:
            continue
        if not same:
            wrong.append(name)
    return wrong


# ---- the comparison ------------------------------------------------------------------------------
def check_step(run, step, dump, each, summary):
    """Prints the comparison; collects {kind: worst (weft, torch f32)} in `summary`."""
    f64 = run["precision"] == "f64"
    gradients = under(dump, "grad/")
    exact = recompute(run, step, dump, torch.float64, gradients)
    rounded = list(itertools.islice(f32_ways(run, step, dump, gradients), 1 if f64 else None))
    folders = ("policy/", "out/", "loss/", "grad/", "after/")
    given = {name: to_torch(array) for name, array in dump.items() if name.startswith(folders)}
    problems = ["not in the dump: " + name for name in sorted(set(exact) - set(given))]
    # State of what this phase does not train has to be what it was.
    for name in sorted(set(given) - set(exact)):
        before = dump.get(name.replace("after/", "before/", 1))
        if before is None or not np.array_equal(before, dump[name]):
            problems.append("only in the dump: " + name)
    problems += ["not Philox's: " + name for name in check_noise(run, step, dump)]

    groups, flipped = {}, None
    for name in exact:
        if name in given:
            weft = error(given[name], exact[name])
            by_way = [error(result[name], exact[name]) for result in rounded]
            groups.setdefault(group_of(name), []).append((weft, by_way, name))
    print(f"  {'':46}{'tensors':>8}{'weft':>11}{'torch f32':>11}{'limit':>11}")
    for (group, kind), rows in groups.items():
        weft = max(row[0] for row in rows)
        ways = [max(errors) for errors in zip(*(row[1] for row in rows))]
        torch_f32 = max((way for way in ways if way <= 10 * np.median(ways)), default=np.nan)
        kind_of_group = group.split(":")[0]
        old = summary.get(kind_of_group, (0.0, 0.0))
        summary[kind_of_group] = max(old[0], weft), max(old[1], torch_f32)
        if kind == "exact":
            limit = 0.0
        elif f64:
            limit = F64_LIMIT
        else:
            limit = 2 * torch_f32 if kind == "relative" else F32_LIMIT
            if group == "running statistics after":  # a mean may be nearly 0
                limit = max(limit, 2 * torch_f32)
        ok, note = weft <= limit, ""  # not so for NaN
        if not ok and kind == "relative":
            if flipped is None:
                flipped = flips.explain(lambda: recompute(run, step, dump, torch.float64), given)
            units, resolved = flipped
            weft = max(error(given[row[2]], resolved[row[2]]) for row in rows)
            ok, note = weft <= limit, f"  {weft:.1e} with {units} units flipped"
        print(f"  {group:46}{len(rows):8}{max(row[0] for row in rows):11.1e}{torch_f32:11.1e}"
              f"{limit:11.1e}{note}{'' if ok else '  FAILED'}")
        worst_first = sorted(rows, key=lambda row: -row[0])
        for row in worst_first if each else [] if ok else worst_first[:3]:
            print(f"    {row[2]:52}{row[0]:11.1e}{max(row[1]):11.1e}")
        if not ok:
            problems.append(f"{group}: {weft:.1e} is over {limit:.1e}")
    for problem in problems:
        print("  " + problem)
    return not problems


def check(path, each=False, summary=None):
    summary = {} if summary is None else summary
    tensors, metadata = tensor_file.read(path)
    run, steps = tomllib.loads(metadata["run"]), json.loads(metadata["steps"])
    ok = metadata.get("grad", "after clipping").startswith("after clipping")
    for s, step in enumerate(steps):
        dump = {name[len(f"{s}/"):]: array for name, array in tensors.items()
                if name.startswith(f"{s}/")}
        title = f"step {s}: {step['phase']}"
        if step["phase"] in ("weights", "policy") and run["sharing"] == "adashare":
            which = run["policy"].get("curriculum_from", "last")
            title += f", temperature {step['temperature']:g}, {which} {step['active']} blocks"
            title += " by the policy, " + ("hard" if run["policy"]["hard"] else "soft")
        print(f"{title}, {run['precision']}, {run['semantics']}")
        for name, array in dump.items():  # a step starts where the one before it ended
            old = tensors.get(f"{s - 1}/after/" + name[len("before/"):])
            if name.startswith("before/") and old is not None and not np.array_equal(old, array):
                print(f"  {name} is not what step {s - 1} left")
                ok = False
        ok = check_step(run, step, dump, each, summary) and ok
    print("all within the limits" if ok else "FAILED")
    return ok


def check_briefly(path):
    """One line where all is well: the worst of every kind, weft's error / that of PyTorch's f32."""
    summary = {}
    with contextlib.redirect_stdout(io.StringIO()) as said:
        ok = check(path, summary=summary)
    kinds = ("outputs", "losses", "regularisers", "gradients")
    name = os.path.basename(path).removesuffix(".safetensors")
    print(f"{name:52}{'ok' if ok else 'FAILED'}" + "".join(
        f"  {kind} {summary[kind][0]:.1e}/{summary[kind][1]:.1e}" for kind in kinds
        if kind in summary), flush=True)
    if not ok:
        print(said.getvalue(), end="")
    return ok


# ---- does the check itself work? -----------------------------------------------------------------
def self_test():
    """Dumps made by PyTorch itself must pass, and fail after one small change to one tensor."""
    import fabricate
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "step.safetensors")
        for case in fabricate.cases():
            tensors, metadata = fabricate.dump(recompute, **case)
            tensor_file.write(path, tensors, metadata)
            with contextlib.redirect_stdout(io.StringIO()) as said:
                good = check(path)
            broken = next(name for name in sorted(tensors) if name.startswith("0/grad/"))
            tensors[broken] = tensors[broken] * 1.001
            tensor_file.write(path, tensors, metadata)
            with contextlib.redirect_stdout(io.StringIO()) as complained:
                bad = check(path)
            noticed = not bad and broken.split("/", 1)[1] in complained.getvalue()
            if not good or not noticed:
                failures += 1
                print(said.getvalue() + complained.getvalue())
            print(f"{case}: passes {good}, the change of {broken} is noticed {noticed}", flush=True)
    print(f"self-test: {failures} failed")
    return failures == 0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("dump", nargs="*", help="files written by weft dump")
    arguments.add_argument("--each", action="store_true", help="list every tensor")
    arguments.add_argument("--brief", action="store_true", help="one line a dump")
    arguments.add_argument("--threads", type=int, default=1, help="PyTorch's")
    arguments.add_argument("--self-test", action="store_true", help="check this script")
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    ok = self_test() if options.self_test else bool(options.dump)
    for path in options.dump:
        ok = (check_briefly(path) if options.brief else check(path, options.each)) and ok
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
