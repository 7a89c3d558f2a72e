#!/usr/bin/env python3
"""Golden losses, metrics and constant baselines of every kind of task, in both semantics.

    python3 tests/golden/metrics_golden.py > tests/golden/metrics.json

Needs numpy; holds no weft code and follows the definitions by the plainest road (explicit weights,
pairwise counts, loops). The tests read metrics.json only. All inputs are multiples of a power of
two, so that f32 holds them exactly; everything here is in f64. NaN (null in the file) is a pixel
without a label.
"""
import itertools
import json
import math

import numpy as np

random = np.random.RandomState(20)
NAN = float("nan")


def grid(values, step=64):
    return np.round(np.asarray(values, float) * step) / step


# ---- where outputs lie over labels ---------------------------------------------------------------
# A geometry is {"first", "stride", "picture": [height, width]}: in sound, output i stands for the
# picture's pixel nearest to first + i * stride, and labels cover the same area as the picture.
PIXELWISE = {"first": 0, "stride": 1, "picture": None}


def nearest(x, height, width):
    rows = [i * x.shape[1] // height for i in range(height)]
    columns = [j * x.shape[2] // width for j in range(width)]
    return x[:, rows][:, :, columns]


def places(geometry, axis, outputs, labels):
    """Where the outputs lie, in labels: 0 is the middle of the first one."""
    picture = geometry["picture"][axis] if geometry["picture"] else labels
    pixels = [math.floor(geometry["first"] + i * geometry["stride"] + 0.5) for i in range(outputs)]
    return [(min(pixel, picture - 1) + 0.5) * labels / picture - 0.5 for pixel in pixels]


def sampled(x, geometry, height, width):
    """The labels nearest to where height x width outputs lie."""
    rows = [math.floor(p + 0.5) for p in places(geometry, 0, height, x.shape[1])]
    columns = [math.floor(p + 0.5) for p in places(geometry, 1, width, x.shape[2])]
    return x[:, rows][:, :, columns]


def between(x, geometry, height, width):
    """Outputs x grown to height x width labels: linear from one to the next, along either axis."""
    def weights(axis, outputs, labels):
        at = places(geometry, axis, outputs, labels)
        return np.stack([np.interp(np.arange(labels), at, one) for one in np.eye(outputs)], axis=1)

    rows, columns = weights(0, x.shape[1], height), weights(1, x.shape[2], width)
    return np.einsum("yi,xj,nijc->nyxc", rows, columns, x)


def smooth(x, height, width):
    """Some smooth field of that size, to make labels of."""
    corners = {"first": 0, "stride": 1, "picture": x.shape[1:3]}
    return between(x, corners, height, width)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


# ---- which labels count --------------------------------------------------------------------------
def valid_mask(task, semantics, target):
    if task["kind"] == "depth":
        least = 3e-5 if semantics == "compat" else 0.0
        return np.nan_to_num(target[..., 0], nan=-1.0) > least
    return ~np.isnan(target).any(axis=-1)


# ---- losses --------------------------------------------------------------------------------------
def log_softmax(x):
    top = x.max(axis=-1, keepdims=True)
    return x - top - np.log(np.exp(x - top).sum(axis=-1, keepdims=True))


def at_outputs(semantics, target, geometry, prediction):
    height, width = prediction.shape[1:3]
    if semantics == "compat":
        return nearest(target, height, width)
    return sampled(target, geometry, height, width)


def loss(task, semantics, geometry, prediction, target):
    target = at_outputs(semantics, target, geometry, prediction)
    valid = valid_mask(task, semantics, target)
    if not valid.any():
        return None
    p, t = prediction[valid], target[valid]
    kind = task["kind"]
    if kind in ("segmentation", "classification"):
        ids = t[:, 0].astype(int)
        weights = np.asarray(task.get("class_weights") or np.ones(task["classes"]))[ids]
        picked = log_softmax(p)[np.arange(len(ids)), ids]
        return -(weights * picked).sum() / weights.sum()
    if kind == "normals":
        return 1 - (unit(p) * unit(t)).sum(axis=-1).mean()
    if kind == "binary":
        q = 1 / (1 + np.exp(-p))
        return -(t * np.log(q) + (1 - t) * np.log(1 - q)).mean()
    if kind == "regression":
        return ((p - t) ** 2).mean()
    return np.abs(p - t).mean()


def baseline(task, semantics, geometry, batches):
    labels = []
    for prediction, target in batches:
        small = at_outputs(semantics, target, geometry, prediction)
        labels.append(small[valid_mask(task, semantics, small)])
    labels = np.concatenate(labels)
    kind = task["kind"]
    if kind in ("segmentation", "classification", "binary"):
        classes = task.get("classes", 2)
        counts = np.asarray([(labels[:, 0] == c).sum() for c in range(classes)], float)
        counts *= np.asarray(task.get("class_weights") or np.ones(classes))
        p = counts[counts > 0] / counts.sum()
        return -(p * np.log(p)).sum()
    if kind == "normals":
        return 1 - np.linalg.norm(unit(labels).mean(axis=0))
    if kind == "regression":
        return labels.var()
    return np.abs(labels - np.median(labels)).mean()


# ---- metrics -------------------------------------------------------------------------------------
def pooled_or_batches(semantics, per_batch):
    """per_batch: (values of pixels, images); sound pools, compat weighs batch means by images."""
    per_batch = [(np.asarray(values, float), n) for values, n in per_batch if len(values)]
    if semantics == "sound":
        return np.concatenate([values for values, _ in per_batch]).mean()
    return sum(v.mean() * n for v, n in per_batch) / sum(n for _, n in per_batch)


def balanced_accuracy(guess, truth):
    """The mean over the classes that occur of the share of their labels that was found."""
    return 100 * np.mean([(guess[truth == c] == c).mean() for c in np.unique(truth)])


def f1(guess, truth, c):
    return 100 * 2 * ((guess == c) & (truth == c)).sum() / ((guess == c).sum() + (truth == c).sum())


def macro_f1(guess, truth):
    """The mean over the classes that are labelled or predicted."""
    return np.mean([f1(guess, truth, c) for c in np.union1d(guess, truth)])


def frequency_weighted_iou(guess, truth):
    """The mean over labels of the IoU of the label's class."""
    iou = {c: ((guess == c) & (truth == c)).sum() / ((guess == c) | (truth == c)).sum() for c in np.unique(truth)}
    return 100 * np.mean([iou[c] for c in truth])


def metrics(task, semantics, geometry, batches, losses):
    kind, compat = task["kind"], semantics == "compat"
    truth, guess, images = [], [], []
    for prediction, target in batches:
        valid = valid_mask(task, semantics, target)
        truth.append(target[valid])
        height, width = target.shape[1:3]
        grown = (nearest(prediction, height, width) if compat else
                 between(prediction, geometry, height, width))
        guess.append(grown[valid])
        images.append(len(prediction))
    g, p = np.concatenate(truth), np.concatenate(guess)

    if kind == "segmentation":
        ious = []
        for c in range(task["classes"]):
            is_guess, is_truth = p.argmax(axis=-1) == c, g[:, 0] == c
            both, either = (is_guess & is_truth).sum(), (is_guess | is_truth).sum()
            if both > 0 or (either > 0 and not compat):
                ious.append(both / either)
        hits = []
        for t, q, (_, target) in zip(truth, guess, batches):
            hit = list(q.argmax(axis=-1) == t[:, 0])
            if compat and task.get("ignore", 0) < 0:  # unlabelled pixels count as wrong
                hit += [0] * int(np.isnan(target).sum())
            hits.append(hit)
        weighted = [(value, n) for value, n in zip(losses, images) if value is not None]
        return {
            "miou": 100 * np.mean(ious),
            "pixel_acc": 100 * pooled_or_batches(semantics, list(zip(hits, images))),
            "balanced_accuracy": balanced_accuracy(p.argmax(axis=-1), g[:, 0]),
            "f1": macro_f1(p.argmax(axis=-1), g[:, 0]),
            "fw_iou": frequency_weighted_iou(p.argmax(axis=-1), g[:, 0]),
            "err": sum(v * n for v, n in weighted) / sum(n for _, n in weighted),
        }
    if kind == "normals":
        cosine = np.clip((unit(p) * unit(g)).sum(axis=-1), -1, 1)
        angle = np.degrees(np.arccos(cosine))
        return {
            "angle_mean": angle.mean(),
            "angle_median": np.median(angle),
            "within_11.25": 100 * (angle <= 11.25).mean(),
            "within_22.5": 100 * (angle <= 22.5).mean(),
            "within_30": 100 * (angle <= 30).mean(),
            "within_45": 100 * (angle <= 45).mean(),
            "angle_rmse": math.sqrt((angle**2).mean()),
            "cosine": cosine.mean(),
        }
    if kind == "depth":
        out = {}
        errors = [
            ("abs", lambda a, b: np.abs(a - b)),
            ("rel", lambda a, b: np.abs(a - b) / b),
            ("sq_rel", lambda a, b: (a - b) ** 2 / b),
        ]
        for name, error in errors:
            parts = [(error(q, t)[:, 0], n) for q, t, n in zip(guess, truth, images)]
            out[name] = pooled_or_batches(semantics, parts)
        with np.errstate(divide="ignore"):
            off = np.maximum(p / g, g / p)[:, 0]
        for k, name in enumerate(["delta_1.25", "delta_1.25^2", "delta_1.25^3"]):
            hit = off <= 1.25 ** (k + 1)
            if not compat:
                hit &= p[:, 0] > 0
            out[name] = 100 * hit.mean()
        out["rms"] = math.sqrt(((p - g) ** 2).mean())
        return out
    if kind in ("edges", "keypoints"):
        parts = [(np.abs(q - t)[:, 0], n) for q, t, n in zip(guess, truth, images)]
        return {"abs": pooled_or_batches(semantics, parts)}
    if kind == "classification":
        parts = [(q.argmax(axis=-1) == t[:, 0], n) for q, t, n in zip(guess, truth, images)]
        return {
            "accuracy": 100 * pooled_or_batches(semantics, parts),
            "balanced_accuracy": balanced_accuracy(p.argmax(axis=-1), g[:, 0]),
            "f1": macro_f1(p.argmax(axis=-1), g[:, 0]),
        }
    if kind == "binary":
        parts = [((q > 0)[:, 0] == t[:, 0], n) for q, t, n in zip(guess, truth, images)]
        score, positive = p[:, 0], g[:, 0] == 1
        pairs = [
            1.0 if a > b else 0.5 if a == b else 0.0
            for a, b in itertools.product(score[positive], score[~positive])
        ]
        precision_sum, recall = 0.0, 0.0
        for threshold in sorted(set(score), reverse=True):
            chosen = score >= threshold
            now = (chosen & positive).sum() / positive.sum()
            precision_sum += (now - recall) * (chosen & positive).sum() / chosen.sum()
            recall = now
        return {
            "accuracy": 100 * pooled_or_batches(semantics, parts),
            "f1": f1(score > 0, g[:, 0] == 1, True),
            "auroc": np.mean(pairs),
            "average_precision": precision_sum,
        }
    return {
        "mae": np.abs(p - g).mean(),
        "rmse": math.sqrt(((p - g) ** 2).mean()),
        "r2": 1 - ((p - g) ** 2).sum() / ((g - g.mean()) ** 2).sum(),
    }


# ---- inputs --------------------------------------------------------------------------------------
SIZES = (2, 1, 3)  # images of each batch


def drop(target, share):
    target = target.astype(float)
    target[random.rand(*target.shape[:3]) < share] = NAN
    return target


def segmentation_batches(classes, height, width):
    batches = []
    for n in SIZES:
        ids = random.randint(0, classes - 1, (n, 5, 6, 1)).repeat(6, 1).repeat(6, 2)[:, :height, :width]
        logits = grid(random.randn(n, 7, 9, classes))
        logits += grid(1.5 * (nearest(ids, 7, 9) == np.arange(classes)))
        logits[..., classes - 2] -= 8  # a labelled class that is never predicted
        ids[:, :2, :2] = 0
        batches.append((logits, drop(ids, 0.15)))
    return batches


def normals_batches():
    batches = []
    for n in SIZES[:2]:
        field = unit(smooth(random.randn(n, 3, 4, 3) + [0, 0, 1.5], 17, 23))
        prediction = grid(nearest(field, 8, 11) * 1.7 + 0.3 * random.randn(n, 8, 11, 3))
        batches.append((prediction, drop(grid(field, 256), 0.3)))
    return batches


def raw(batches):
    """What the official NYU reader makes of the same normals: bytes, never decoded."""
    return [(np.round((p + 1) * 127.5), np.round((t + 1) * 127.5)) for p, t in batches]


def depth_batches():
    batches = []
    for n in SIZES:
        metres = grid(2 + np.abs(smooth(random.randn(n, 4, 4, 1), 27, 35)) * 3, 32)
        prediction = grid(nearest(metres, 7, 9) + 0.6 * random.randn(n, 7, 9, 1))
        prediction[:, 2, 3:5] = -0.5
        prediction[:, 4, 4] = 0
        metres[:, 3, 5:9] = 0
        metres[:, 3:6, 9:12] = 2.0**-16  # above 0, below the official mask's 3e-5
        batches.append((prediction, drop(metres, 0.1)))
    return batches


def map_batches(missing):
    batches = []
    for i, n in enumerate(SIZES):
        target = grid(random.rand(n, 17, 23, 1), 256)
        prediction = grid(nearest(target, 7, 9) + 0.2 * random.randn(n, 7, 9, 1))
        target = np.full(target.shape, NAN) if i == missing else drop(target, 0.4 * i)
        batches.append((prediction, target))
    return batches


def image_batches(kind, classes=1):
    batches = []
    for n in (5, 3, 6):
        prediction = grid(random.randn(n, 1, 1, classes), 8)
        if kind == "regression":
            target = grid(prediction * 2 + random.randn(n, 1, 1, 1))
        else:
            target = random.randint(0, max(classes, 2), (n, 1, 1, 1))
        batches.append((prediction, drop(target, 0.2)))
    return batches


def main():
    unit_normals = normals_batches()
    seg_5 = {"kind": "segmentation", "classes": 5, "ignore": -1}
    seg_4 = {"kind": "segmentation", "classes": 4, "ignore": 255}
    seg_4["class_weights"] = [0.5, 2.0, 1.25, 0.75]
    image_4 = {"kind": "classification", "classes": 4, "class_weights": [1.0, 2.0, 0.5, 1.0]}
    by_4 = {"first": 0, "stride": 4, "picture": None}
    pooled = {"first": 0.5, "stride": 2, "picture": None}
    # Labels of half the picture's size, of a crooked share of it, and both crooked and pooled twice.
    halved = {"first": 0, "stride": 8, "picture": [54, 70]}
    crooked = {"first": 0, "stride": 4, "picture": [25, 33]}
    pooled_twice = {"first": 1.5, "stride": 4, "picture": [30, 38]}
    cases = [
        ("seg_ignore_-1", seg_5, by_4, segmentation_batches(5, 27, 35)),
        ("seg_ignore_255", seg_4, by_4, segmentation_batches(4, 24, 32)),  # the last lies beyond
        ("normals", {"kind": "normals"}, pooled, unit_normals),
        ("normals_raw", {"kind": "normals"}, pooled, raw(unit_normals)),
        ("depth", {"kind": "depth"}, halved, depth_batches()),
        ("edges", {"kind": "edges"}, crooked, map_batches(None)),
        ("keypoints", {"kind": "keypoints"}, pooled_twice, map_batches(1)),
        ("classification", image_4, PIXELWISE, image_batches("classification", 4)),
        ("binary", {"kind": "binary"}, PIXELWISE, image_batches("binary")),
        ("regression", {"kind": "regression"}, PIXELWISE, image_batches("regression")),
    ]
    out = []
    for name, task, geometry, batches in cases:
        case = {"name": name, "task": task, "geometry": geometry, "batches": []}
        for prediction, target in batches:
            case["batches"].append({"prediction": listed(prediction), "target": listed(target)})
        for semantics in ("sound", "compat"):
            losses = [loss(task, semantics, geometry, p, t) for p, t in batches]
            case[semantics] = {
                "losses": losses,
                "baseline": baseline(task, semantics, geometry, batches),
                "metrics": metrics(task, semantics, geometry, batches, losses),
            }
        out.append(case)
    print(json.dumps(out, separators=(",", ":"), default=float))


def listed(x):
    def short(value):
        return None if math.isnan(value) else int(value) if value == int(value) else value

    return {"shape": x.shape, "values": [short(value) for value in x.ravel()]}


if __name__ == "__main__":
    main()
