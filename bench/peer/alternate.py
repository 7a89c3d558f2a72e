#!/usr/bin/env python3
"""weft and its PyTorch peer in turn on one machine, A B A B A B, and the ratio of medians by phase.

  alternate.py --device cpu  --batch 2  --crop 97  --rounds 3 --reps 3 --threads 2
  alternate.py --device cuda --batch 16 --crop 321 --rounds 3 --reps 10 --mode channels_last --precision tf32

A is `build/weft_bench steps`, B is adashare_torch.py, each a process of its own with one warm-up
per phase. Printed per phase: the median over rounds of each side's median, every round's median,
the ratio, and the peak memory of both where the device counts it.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PHASES = ['warmup', 'weights', 'policy', 'retrain', 'infer']


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)}\nended with {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


def weft_line(line):
    words = line.split()
    if words and words[0] in PHASES:
        return words[0], float(words[1]), float(words[-1])


def peer_line(line):
    if 'failed' in line:
        sys.exit(line)
    found = re.match(r'(\w+) +median_ms= *([\d.]+).*peak_MiB= *(\d+)', line)
    if found:
        return found[1], float(found[2]), float(found[3])


def collect(text, parse, into):
    for found in filter(None, map(parse, text.splitlines())):
        into.setdefault(found[0], []).append(found[1:])


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument('--device', default='cpu')
    a.add_argument('--batch', default='2')
    a.add_argument('--crop', default='97')
    a.add_argument('--tasks', default='40,3')
    a.add_argument('--backbone', default='18')
    a.add_argument('--rounds', type=int, default=3)
    a.add_argument('--reps', default='3')
    a.add_argument('--threads', default='2')
    a.add_argument('--mode', default='eager', help="the peer's: eager, channels_last, amp, compile")
    a.add_argument('--precision', default='f32', help='f32, tf32 or bf16')
    a.add_argument('--bench', default=os.path.join(HERE, '../../build/weft_bench'))
    a.add_argument('--python', default=sys.executable)
    o = a.parse_args()
    same = ['--batch', o.batch, '--crop', o.crop, '--tasks', o.tasks, '--reps', o.reps,
            '--threads', o.threads, '--device', o.device]
    ours = [o.bench, 'steps', *same, '--trunk', 'resnet' + o.backbone, '--precision', o.precision]
    theirs = [o.python, os.path.join(HERE, 'adashare_torch.py'), *same, '--backbone', o.backbone,
              '--mode', o.mode, *(['--fp32'] if o.precision == 'f32' else [])]
    weft, peer = {}, {}
    for _ in range(o.rounds):
        text = run(ours)
        print(text.splitlines()[0], flush=True)
        collect(text, weft_line, weft)
        text = run(theirs)
        print(text.splitlines()[0], flush=True)
        collect(text, peer_line, peer)
    print(f'{"phase":<8} {"weft ms":>9} {"peer ms":>9} {"ratio":>6}   rounds (weft | peer), peak MiB')
    for phase in PHASES:
        ms = [[m for m, _ in side[phase]] for side in (weft, peer)]
        mib = [max(peak for _, peak in side[phase]) for side in (weft, peer)]
        medians = [statistics.median(side) for side in ms]
        print(f'{phase:<8} {medians[0]:>9.2f} {medians[1]:>9.2f} {medians[1] / medians[0]:>6.2f}   '
              f'{" ".join(f"{m:.1f}" for m in ms[0])} | {" ".join(f"{m:.1f}" for m in ms[1])}, '
              f'{mib[0]:.0f} | {mib[1]:.0f}')


if __name__ == '__main__':
    main()
