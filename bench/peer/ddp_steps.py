#!/usr/bin/env python3
"""The peer of `mpirun -np N weft_bench steps`: adashare_torch.py's network under DistributedDataParallel,
one process a GPU, a batch of --batch in each; with one process it is the network itself.

  torchrun --nproc_per_node 2 ddp_steps.py --backbone 34 --tasks 40,3 --batch 16 --crop 321 --mode compile

Prints the lines of adashare_torch.py, from rank 0: ms are of steps of all ranks, img/s of all images. A
measurement is --row steps, waited for together (1: each by itself), behind a barrier. --sync_bn takes
batch norm's moments over all ranks, as weft does unless told otherwise; plain DDP takes each rank's own.
Modes: eager, channels_last, compile; precision TF32, or with --amp bf16 by autocast, --fp32 neither.
"""
import argparse
import os
import statistics as st
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch.nn.parallel import DistributedDataParallel

from adashare_torch import LAYERS, Net


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument('--backbone', type=int, default=18)
    a.add_argument('--tasks', default='40,3')
    a.add_argument('--batch', type=int, default=16)
    a.add_argument('--crop', type=int, default=321)
    a.add_argument('--mode', default='eager')
    a.add_argument('--reps', type=int, default=10)
    a.add_argument('--row', type=int, default=1)
    a.add_argument('--phases', default='warmup,weights,policy,retrain')
    a.add_argument('--amp', action='store_true')
    a.add_argument('--fp32', action='store_true')
    a.add_argument('--sync_bn', action='store_true')
    o = a.parse_args()
    rank, size = int(os.environ.get('RANK', 0)), int(os.environ.get('WORLD_SIZE', 1))
    card = int(os.environ.get('LOCAL_RANK', 0))
    torch.cuda.set_device(card)
    if size > 1:
        dist.init_process_group('nccl', device_id=torch.device('cuda', card))
    torch.manual_seed(0)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = not o.fp32
    torch.backends.cudnn.benchmark = True
    outs = [int(v.split('x')[0]) for v in o.tasks.split(',') for _ in range(int((v + 'x1').split('x')[1]))]
    net = Net(o.backbone, outs).cuda()
    if o.sync_bn and size > 1:
        net = torch.nn.SyncBatchNorm.convert_sync_batchnorm(net)
    x = torch.randn(o.batch, 3, o.crop, o.crop, device='cuda')
    assert o.mode in ('eager', 'channels_last', 'compile'), o.mode
    if o.mode != 'eager':
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    blocks = sum(LAYERS[o.backbone])
    hard = [torch.tensor([1 if (l + k) % 2 == 0 or l < 2 else 0 for l in range(blocks)]) for k in range(len(outs))]
    fixed = [torch.stack((h, 1 - h), 1).float().cuda() for h in hard]
    weights = [p for n, p in net.named_parameters() if 'logits' not in n]
    logits = list(net.logits)
    opt_w = torch.optim.SGD(weights, 1e-3, momentum=0.9, weight_decay=1e-4)
    opt_a = torch.optim.Adam(logits, 1e-2, weight_decay=5e-4)
    with torch.no_grad():
        shape = net(x[:1], 'shared')[0].shape[-2:]
    ys = [torch.randint(0, n, (o.batch, *shape), device='cuda') if n not in (1, 3)
          else torch.randn(o.batch, n, *shape, device='cuda') for n in outs]

    def loss_of(out):
        total = 0
        for p, y, n in zip(out, ys, outs):
            p = p.float()
            total = total + (F.cross_entropy(p, y) if n not in (1, 3) else
                             (1 - F.cosine_similarity(p, y, 1)).mean() if n == 3 else F.l1_loss(p, y))
        return total

    def say(text):
        if rank == 0:
            print(text, flush=True)

    say(f'# torch {torch.__version__} ddp={size} {torch.cuda.get_device_name()} mode={o.mode}'
        f'{"+amp" if o.amp else ""} tf32={not o.fp32} sync_bn={o.sync_bn} resnet{o.backbone} tasks={o.tasks} '
        f'batch={o.batch} crop={o.crop} row={o.row}')
    hows = {'warmup': 'shared', 'weights': 'soft', 'policy': 'soft', 'retrain': 'fixed'}
    for phase in o.phases.split(','):
        policy = phase == 'policy'
        for p in weights:
            p.requires_grad_(not policy)
        for p in logits:
            p.requires_grad_(policy)
        net.train()
        model = DistributedDataParallel(net, device_ids=[card], gradient_as_bucket_view=True) if size > 1 else net
        if o.mode == 'compile':
            model = torch.compile(model)
        opt = opt_a if policy else opt_w

        def step():
            opt.zero_grad(set_to_none=True)
            with torch.autocast('cuda', torch.bfloat16, enabled=o.amp):
                out = model(x, hows[phase], fixed if phase == 'retrain' else None)
            loss = loss_of(out)
            if policy:
                ones = torch.ones(blocks, dtype=torch.long, device='cuda')
                loss = loss + 0.05 * sum(F.cross_entropy(v, ones) for v in logits)
            loss.backward()
            opt.step()

        try:
            for _ in range(3):
                step()
            torch.cuda.reset_peak_memory_stats()
            times = []
            for _ in range(o.reps):
                torch.cuda.synchronize()
                if size > 1:
                    dist.barrier()
                torch.cuda.synchronize()
                began = time.perf_counter()
                for _ in range(o.row):
                    step()
                torch.cuda.synchronize()
                times.append((time.perf_counter() - began) * 1e3 / o.row)
            ms = st.median(times)
            say(f'{phase:8s} median_ms={ms:9.2f} min={min(times):9.2f} max={max(times):9.2f} '
                f'img/s={size * o.batch / ms * 1e3:9.1f} peak_MiB={torch.cuda.max_memory_allocated() / 2**20:8.0f}')
        except RuntimeError as e:
            print(f'{phase:8s} rank {rank} failed: {type(e).__name__}: {str(e)[:160]}', flush=True)
            break
    if size > 1:
        dist.destroy_process_group()


if __name__ == '__main__':
    main()
