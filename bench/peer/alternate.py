#!/usr/bin/env python3
"""weft and its PyTorch peer in turn on one machine, A B C A B C, and the ratio of medians by phase.

  alternate.py --device cpu  --batch 2  --crop 97  --rounds 3 --reps 3 --threads 2
  alternate.py --device cuda --batch 16 --crop 321 --rounds 3 --reps 10 --modes all --precision bf16
  alternate.py --device cuda --run runs/scenes_5tasks.toml --row 16 --graphs 1 --modes all

A is `build/weft_bench steps`, B, C, .. are adashare_torch.py in each of its modes (all: eager,
channels_last, torch.compile as it is, with CUDA graphs, with autotuning; in bf16 under autocast),
each a process of its own with one warm-up per phase. Printed per phase: the median over rounds of
each side's median, the peer's best mode, the ratio, and the peak memory of both (what they allocated;
on a CPU the peer's is what was resident for the network). --run: the network of a run file that
adashare_torch.py knows by its name, weft's on the first batch of its data. --row: steps between two
waits, of both. A phase that a mode cannot run is "-" there;
a compiling mode runs in the first round alone, as compiling takes minutes.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PHASES = ['warmup', 'weights', 'policy', 'retrain', 'infer']
MODES = ['eager', 'channels_last', 'compile', 'compile_overhead', 'compile_autotune']


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
    found = re.match(r'(\w+) +median_ms= *([\d.]+).*peak_MiB= *(\d+)', line)
    if found:
        return found[1], float(found[2]), float(found[3])


def collect(text, parse, into):
    for found in filter(None, map(parse, text.splitlines())):
        into.setdefault(found[0], []).append(found[1:])


def medians(rounds):
    """Of the rounds' (ms, MiB): the median, and the most."""
    return statistics.median(ms for ms, _ in rounds), max(mib for _, mib in rounds)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument('--device', default='cpu')
    a.add_argument('--batch', default='2')
    a.add_argument('--crop', default='97')
    a.add_argument('--tasks', default='40,3')
    a.add_argument('--backbone', default='18')
    a.add_argument('--run', default='')
    a.add_argument('--row', default='1')
    a.add_argument('--graphs', default='0', help="1: weft's steps as the trainer has them; the peer's are its mode's")
    a.add_argument('--rounds', type=int, default=3)
    a.add_argument('--reps', default='3')
    a.add_argument('--threads', default='2')
    a.add_argument('--modes', default='eager', help=f"the peer's, of {','.join(MODES)}; or all")
    a.add_argument('--precision', default='f32', help='f32, f32_fma (both beside the peer in f32), tf32 or bf16')
    a.add_argument('--bench', default=os.path.join(HERE, '../../build/weft_bench'))
    a.add_argument('--python', default=sys.executable)
    o = a.parse_args()
    same = ['--reps', o.reps, '--row', o.row, '--threads', o.threads, '--device', o.device]
    network = ['--batch', o.batch, '--crop', o.crop, '--tasks', o.tasks]
    ours = [o.bench, 'steps', *same, '--precision', o.precision, '--graphs', o.graphs,
            *(['--run', o.run] if o.run else [*network, '--trunk', 'resnet' + o.backbone])]
    theirs = [o.python, os.path.join(HERE, 'adashare_torch.py'), *same,
              *(['--run', os.path.basename(o.run).removesuffix('.toml')] if o.run else
                [*network, '--backbone', o.backbone]),
              *(['--fp32'] if o.precision in ('f32', 'f32_fma') else ['--amp'] if o.precision == 'bf16' else [])]
    modes = MODES if o.modes == 'all' else o.modes.split(',')
    weft, peers = {}, {mode: {} for mode in modes}
    for turn in range(o.rounds):
        text = run(ours)
        print(text.splitlines()[0], flush=True)
        collect(text, weft_line, weft)
        for mode in modes:
            if turn > 0 and mode.startswith('compile'):
                continue
            text = run([*theirs, '--mode', mode])
            print(text.rstrip(), flush=True)
            collect(text, peer_line, peers[mode])
    print(f'{"phase":<8} {"weft ms":>8} {"MiB":>6} ' + ''.join(f'{m:>17}' for m in modes) +
          f'   {"best peer":<17} {"ratio":>6} {"memory":>7}')
    for phase in PHASES:
        ms, mib = medians(weft[phase])
        seen = {mode: medians(peers[mode][phase]) for mode in modes if phase in peers[mode]}
        if not seen:
            sys.exit(f'{phase}: no mode of the peer runs it')
        best = min(seen, key=lambda mode: seen[mode][0])
        print(f'{phase:<8} {ms:>8.2f} {mib:>6.0f} ' +
              ''.join(f'{seen[m][0]:>11.2f} {seen[m][1]:>5.0f}' if m in seen else f'{"-":>17}' for m in modes) +
              f'   {best:<17} {seen[best][0] / ms:>6.2f} ' +
              (f'{mib / seen[best][1]:>7.2f}' if seen[best][1] > 0 else f'{"-":>7}'))


if __name__ == '__main__':
    main()
