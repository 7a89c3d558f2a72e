#!/usr/bin/env python3
"""weft beside TorchJD: one training step of AdaShare's network with hard sharing, its tasks weighed by
UPGrad, in turn on one device, A B A B, and the ratio of medians.

  python3 -m venv VENV && VENV/bin/pip install torch "torchjd[quadprog_projector]==0.18.0"
  VENV/bin/python bench/peer/torchjd_steps.py --device cpu  --batch 2  --crop 129 --threads 2
  VENV/bin/python bench/peer/torchjd_steps.py --device cuda --batch 16 --crop 321 --precision bf16

A is `build/weft_bench balance`, B this file with --one: forward pass, `mtl_backward` at the trunk's
output, `jac_to_grad` by UPGrad, SGD with momentum; the network is adashare_torch.py's. TorchJD runs
with all tasks at once through vmap and with one at a time (--chunk 1), eager and channels_last; the
best of them counts. Each turn is a process of its own, with warm-up. In bf16 the peer's forward pass
is under autocast, in tf32 its products are TF32; its plain step is printed beside, as weft's is.
Times on a GPU are a step's from queue to end, and on a CPU the process's own, of all its threads. TorchJD's images and
labels lie where it computes; weft's come from the host at every step, as a trainer's do.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODES = [('eager', 0), ('eager', 1), ('channels_last', 0), ('channels_last', 1)]


def one(o):
    import torch
    import torch.nn.functional as F
    from torchjd.aggregation import UPGrad
    from torchjd.autojac import jac_to_grad, mtl_backward
    sys.path.insert(0, HERE)
    from adashare_torch import Net

    torch.manual_seed(0)
    torch.set_num_threads(o.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = o.precision != 'f32'
    torch.backends.cudnn.benchmark = True
    device, outs = torch.device(o.device), [int(v) for v in o.tasks.split(',')]
    net = Net(o.backbone, outs).to(device)
    x = torch.randn(o.batch, 3, o.crop, o.crop, device=device)
    if o.mode == 'channels_last':
        net = net.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    if o.chunk != 1:  # vmap takes no op that works in place on what it does not stack
        for module in net.modules():
            if isinstance(module, torch.nn.ReLU):
                module.inplace = False
    trunk = list(net.back.parameters())
    heads = [list(head.parameters()) for head in net.heads]
    optimizer = torch.optim.SGD(trunk + sum(heads, []), 1e-3, momentum=0.9, weight_decay=1e-4)
    with torch.no_grad():
        shape = net.heads[0](net.back(x[:1])).shape[-2:]
    labels = [torch.randn(o.batch, n, *shape, device=device) if n in (1, 3) else
              torch.randint(0, n, (o.batch, *shape), device=device) for n in outs]
    aggregator = UPGrad()

    def loss_of(p, y, n):
        p = p.float()
        if n == 3:
            return (1 - F.cosine_similarity(p, y, 1)).mean()
        return F.l1_loss(p, y) if n == 1 else F.cross_entropy(p, y)

    def forward():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=o.precision == 'bf16'):
            # mtl_backward hands gradients over in f32, and autograd takes none but the features' type.
            features = net.back(x).float()
            predictions = [head(features) for head in net.heads]
        return features, [loss_of(p, y, n) for p, y, n in zip(predictions, labels, outs)]

    def plain():
        sum(forward()[1]).backward()
        optimizer.step()

    def balanced():
        features, losses = forward()
        mtl_backward(losses, features=features, tasks_params=heads, shared_params=trunk,
                     parallel_chunk_size=o.chunk or None)
        jac_to_grad(trunk, aggregator)
        optimizer.step()

    on_gpu = device.type == 'cuda'
    clock = time.perf_counter if on_gpu else time.process_time
    for name, step in [('plain', plain), ('upgrad', balanced)]:
        times = []
        for i in range(o.reps + (3 if on_gpu else 1)):
            if on_gpu:
                torch.cuda.reset_peak_memory_stats()
                torch.cuda.synchronize()
            begin = clock()
            step()
            if on_gpu:
                torch.cuda.synchronize()
            times.append(1e3 * (clock() - begin))
        peak = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else 0
        print(f'{name} {statistics.median(times[-o.reps:]):.2f} {peak:.0f}', flush=True)


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f'{" ".join(command)}\nended with {done.returncode}\n{done.stdout}{done.stderr[-600:]}',
              flush=True)
        return None
    return done.stdout


def collect(text, into):
    for found in re.finditer(r'^(plain|upgrad) +([\d.]+)(?: .*)? ([\d.]+)$', text, re.MULTILINE):
        into.setdefault(found[1], []).append((float(found[2]), float(found[3])))


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument('--device', default='cpu')
    a.add_argument('--batch', type=int, default=2)
    a.add_argument('--crop', type=int, default=129)
    a.add_argument('--tasks', default='40,3')
    a.add_argument('--backbone', type=int, default=18)
    a.add_argument('--rounds', type=int, default=3)
    a.add_argument('--reps', type=int, default=3)
    a.add_argument('--threads', type=int, default=2)
    a.add_argument('--precision', default='f32', help='f32, tf32 or bf16')
    a.add_argument('--bench', default=os.path.join(HERE, '../../build/weft_bench'))
    a.add_argument('--one', action='store_true', help='TorchJD alone, as one turn')
    a.add_argument('--mode', default='eager', help='with --one: eager or channels_last')
    a.add_argument('--chunk', type=int, default=0, help='with --one: tasks at a time; 0: all')
    o = a.parse_args()
    if o.one:
        return one(o)
    same = ['--device', o.device, '--batch', str(o.batch), '--crop', str(o.crop), '--tasks', o.tasks,
            '--reps', str(o.reps), '--threads', str(o.threads), '--precision', o.precision]
    ours = [o.bench, 'balance', *same, '--trunk', f'resnet{o.backbone}', '--sharing', 'hard']
    weft, peers = {}, {mode: {} for mode in MODES}
    for turn in range(o.rounds):
        text = run(ours)
        if text is None:
            sys.exit(1)
        if turn == 0:
            print(text.splitlines()[0], flush=True)
        collect(text, weft)
        for mode, chunk in list(peers):
            text = run([sys.executable, __file__, '--one', *same, '--backbone', str(o.backbone),
                        '--mode', mode, '--chunk', str(chunk)])
            if text is None:
                del peers[mode, chunk]  # it cannot; the others go on
            else:
                collect(text, peers[mode, chunk])
    if not peers:
        sys.exit('TorchJD ran in no mode')
    medians = lambda rounds: (statistics.median(ms for ms, _ in rounds), max(m for _, m in rounds))
    print(f'{"":<34} {"plain ms":>9} {"UPGrad ms":>9} {"of plain":>8} {"MiB":>7}')
    rows = {'weft': weft, **{f'TorchJD {m}, {"one by one" if c else "all at once"}': p
                             for (m, c), p in peers.items()}}
    for name, seen in rows.items():
        (plain, _), (upgrad, mib) = medians(seen['plain']), medians(seen['upgrad'])
        print(f'{name:<34} {plain:>9.2f} {upgrad:>9.2f} {upgrad / plain:>8.2f} {mib:>7.0f}')
    best = min((name for name in rows if name != 'weft'), key=lambda n: medians(rows[n]['upgrad'])[0])
    ratio = medians(rows[best]['upgrad'])[0] / medians(weft['upgrad'])[0]
    print(f'weft is {ratio:.2f} times as fast as the best of TorchJD ({best})')


if __name__ == '__main__':
    main()
