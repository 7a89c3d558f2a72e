#!/usr/bin/env python3
"""A linear model on character n-grams beside weft's VD-CNN: on every set of texts that a run file
names (task.index, or data.index), the accuracy on its test rows.

    WEFT_DATA=DIR python3 bench/peer/text_baseline.py runs/text_7sets.toml [--tasks trec6,sms_spam]
                                                      [--weft runs/out/text_7sets-1]

TF-IDF of the 100,000 most frequent 1- to 4-grams of characters, logarithmic counts, logistic
regression with C = 10, which is not tuned: trained on the rows that say train, tested on those that
say test. `--weft` puts a run folder's test accuracies (summary.json) beside them. Needs
scikit-learn; 1 thread.
"""
import argparse
import csv
import gzip
import io
import json
import os
import sys
import time
import tomllib

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression


def stop(why):
    sys.exit(f"text_baseline.py: {why}")


def read_rows(path):
    if not os.path.exists(path):
        stop(f"{path}: there is no such file; is WEFT_DATA set?")
    with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as file:
        return list(csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline="")))


def parts_of(run, task):
    """Texts and labels of the training and the test rows."""
    data = run["data"]
    if not data.get("split") or data.get("header") or data.get("test_index"):
        stop("files name their columns, and data.split the one of the parts")
    root = os.path.expandvars(data["root"])
    rows = read_rows(os.path.join(root, task.get("index") or data["index"]))
    columns = data.get("columns", ["text"])
    label = task.get("column", task["name"])
    parts = {}
    for part in ("train", "test"):
        own = [row for row in rows if row[data["split"]].strip() == part and row[label].strip()]
        parts[part] = ([" ".join(row[c].strip() for c in columns) for row in own],
                       [row[label].strip() for row in own])
    return parts


def accuracy(parts):
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), min_df=2, sublinear_tf=True,
                            max_features=100_000, dtype=np.float32)
    model = LogisticRegression(C=10, max_iter=1000, tol=1e-6)
    model.fit(grams.fit_transform(parts["train"][0]), parts["train"][1])
    if model.n_iter_.max() >= 1000:
        stop("the solver did not converge")
    return model.score(grams.transform(parts["test"][0]), parts["test"][1])


def of_weft(folder):
    """Accuracy of each task in percent."""
    with open(os.path.join(folder, "summary.json"), encoding="utf-8") as file:
        summary = json.load(file)
    return {result["task"]: dict(result["metrics"]).get("accuracy") for result in summary["results"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--tasks", help="some of them, with commas between")
    parser.add_argument("--weft", help="a run folder")
    args = parser.parse_args()
    with open(args.run, "rb") as file:
        run = tomllib.load(file)
    weft = of_weft(args.weft) if args.weft else {}
    wanted = args.tasks.split(",") if args.tasks else [task["name"] for task in run["task"]]
    print(f"{'set':<16} {'train':>6} {'test':>6} {'linear':>8} {'weft':>8} {'seconds':>8}")
    for task in run["task"]:
        if task["name"] not in wanted:
            continue
        began = time.time()
        parts = parts_of(run, task)
        score = 100 * accuracy(parts)
        beside = weft.get(task["name"])
        shown = "-" if beside is None else f"{beside:.2f}"
        print(f"{task['name']:<16} {len(parts['train'][0]):>6} {len(parts['test'][0]):>6} "
              f"{score:>8.2f} {shown:>8} {time.time() - began:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
