#!/usr/bin/env python3
"""What cuDNN's FP32 convolutions (or a CPU's) are from f64, layer by layer, on the operands and in the
measure of `weft_bench conv --errors 1`: ||a - b|| / ||b|| of y, dx and dweight, b from f64.

  conv_errors.py --device cuda --batch 2 --crop 97

One line a layer, in the order of weft's. channels_last, no TF32; cuDNN chooses its algorithm by time,
as it does in training.
"""
import argparse

import torch
import torch.nn.functional as F

from philox import uniforms


def layers(crop):
    """(name, size, in, out, kernel, stride, padding, dilation): bench/conv.cpp's."""
    half = lambda size: (size + 1) // 2
    pooled, size = half(half(crop)), half(half(half(crop)))
    yield 'stem 7x7 / 2, 3 to 64', crop, 3, 64, 7, 2, 3, 1
    yield 'layer1 3x3, 64', pooled, 64, 64, 3, 1, 1, 1
    yield 'layer2 3x3 / 2, 64 to 128', pooled, 64, 128, 3, 2, 1, 1
    yield 'layer2 1x1 / 2, 64 to 128', pooled, 64, 128, 1, 2, 0, 1
    yield 'layer2 3x3, 128', size, 128, 128, 3, 1, 1, 1
    yield 'layer3 3x3 d2, 128 to 256', size, 128, 256, 3, 1, 2, 2
    yield 'layer3 3x3 d2, 256', size, 256, 256, 3, 1, 2, 2
    yield 'layer4 3x3 d4, 256 to 512', size, 256, 512, 3, 1, 4, 4
    yield 'layer4 3x3 d4, 512', size, 512, 512, 3, 1, 4, 4
    for d in (6, 12, 18, 24):
        yield f'ASPP 3x3 d{d}, 512 to 1024', size, 512, 1024, 3, 1, d, d
    yield 'ASPP 1x1, 1024', size, 1024, 1024, 1, 1, 0, 1
    for out in (40, 13, 3, 1):
        yield f'ASPP 1x1, 1024 to {out}', size, 1024, out, 1, 1, 0, 1


def random(n, h, w, c, device):
    """[N, C, H, W] in channels_last, its f32 numbers those of weft's [N, H, W, C]."""
    values = uniforms(7, 'data', 0, 'bench', (n, h, w, c)) - 0.5
    return torch.from_numpy(values).float().to(device).permute(0, 3, 1, 2)


def products(x, weight, dy, **options):
    x, weight = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = F.conv2d(x, weight, **options)
    y.backward(dy)
    return y.detach(), x.grad, weight.grad


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument('--device', default='cuda')
    a.add_argument('--batch', type=int, default=2)
    a.add_argument('--crop', type=int, default=97)
    o = a.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    print(f'# torch {torch.__version__} {o.device} batch {o.batch}, crop {o.crop}: forward, dx, dweight')
    for name, size, i, out, kernel, stride, padding, dilation in layers(o.crop):
        options = dict(stride=stride, padding=padding, dilation=dilation)
        x, weight = random(o.batch, size, size, i, o.device), random(out, kernel, kernel, i, o.device)
        after = F.conv2d(x, weight, **options).shape
        dy = random(after[0], after[2], after[3], after[1], o.device)
        exact = products(x.double(), weight.double(), dy.double(), **options)
        errors = [((p.double() - e).norm() / e.norm()).item()
                  for p, e in zip(products(x, weight, dy, **options), exact)]
        print(f'{name:28}' + ''.join(f'{e:12.2e}' for e in errors), flush=True)


if __name__ == '__main__':
    main()
