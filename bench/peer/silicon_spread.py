#!/usr/bin/env python3
"""How far nominally equal devices lie from the median of them, which is the label, on the test
geometries of measured silicon: what single devices differ by, to hold errors of networks against.

    python3 bench/peer/silicon_spread.py $WEFT_DATA/silicon/sky130_long.csv.gz

Of every type with replicates: the root of the mean square of their standard deviation, in decades of
the current, over test rows above the noise floor, and in strong inversion (id L / W > 1 uA) its
median, in percent of the current. Last line: the mean over types, as `weft study` takes it.
"""
import csv
import gzip
import math
import statistics
import sys
from collections import defaultdict

if len(sys.argv) != 2:
    sys.exit(__doc__)
spread, strong = defaultdict(list), defaultdict(list)
with gzip.open(sys.argv[1], "rt", newline="") as file:
    for row in csv.DictReader(file):
        if row["split"] != "test" or row["at_floor"] == "1" or int(row["n_rep"]) < 2:
            continue
        decades = float(row["rep_sd_dec"])
        spread[row["task"]].append(decades)
        if float(row["id"]) * float(row["L_um"]) / float(row["W_um"]) > 1e-6:
            strong[row["task"]].append(100 * (10**decades - 1))

print(f"{'type':<20} {'rows':>6} {'decades':>8} {'strong %':>9}")
means = []
for task, values in sorted(spread.items()):
    rms = math.sqrt(sum(v * v for v in values) / len(values))
    means.append((rms, statistics.median(strong[task])))
    print(f"{task:<20} {len(values):>6} {rms:>8.3f} {means[-1][1]:>9.2f}")
decades, percent = (statistics.mean(column) for column in zip(*means))
print(f"{'mean':<20} {'':>6} {decades:>8.3f} {percent:>9.2f}")
