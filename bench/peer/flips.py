"""Which ReLUs fell on the other side? A unit whose input is nearly 0 is rounded to either side in
f32, and its whole gradient comes or goes with it: by f64's lights the result is off by 1e-2, though
no step of the arithmetic was. explain() finds the units by whose flips a dump's gradients differ
from the recomputation in f64, so that everything else can be compared as if nothing had flipped."""
import contextlib

import torch

import reference

NEAR = 1e-4  # of the layer's root mean square: ten times what f32 has lost by the last layer
MOST = 400  # units tried


class Watch:
    """Stands in for ReLU: notes the units nearest to 0, and puts those in `flipped` on the other
    side. A unit is (call, index): which ReLU of the step, and where in its input."""

    def __init__(self, flipped=()):
        self.flipped, self.near, self.calls = flipped, [], 0

    def __call__(self, x):
        on = x.detach() > 0
        distance = (x.detach().abs() / x.detach().square().mean().sqrt()).flatten()
        for index in (distance < NEAR).nonzero().flatten().tolist():
            self.near.append((float(distance[index]), (self.calls, index)))
        for call, index in self.flipped:
            if call == self.calls:
                on.view(-1)[index] ^= True
        self.calls += 1
        return x * on


@contextlib.contextmanager
def watching(watch):
    usual, reference.relu = reference.relu, watch
    try:
        yield watch
    finally:
        reference.relu = usual


def explain(recompute, given):
    """(number of units flipped, the recomputation with them flipped). Greedy: takes the unit that
    explains most of what is left, as long as one explains a good part of it."""
    with watching(Watch()) as watch:
        exact = recompute()
    # Small tensors suffice to recognise a flip: it reaches every layer below.
    names = [name for name in exact if name.startswith("grad/") and name in given and
             (exact[name].dim() == 1 or "/policy." in name)]

    def signature(result):
        return torch.cat([(result[name].double().flatten()) /
                          exact[name].norm().clamp(min=1e-12) for name in names])

    base = signature(exact)
    left = signature(given) - base
    change = {}
    for _, unit in sorted(watch.near)[:MOST]:
        with watching(Watch([unit])):
            change[unit] = signature(recompute()) - base
    chosen = []
    while change:
        best = min(change, key=lambda unit: (left - change[unit]).norm())
        if (left - change[best]).norm() > 0.9 * left.norm():
            break
        left = left - change.pop(best)
        chosen.append(best)
    with watching(Watch(chosen)):
        return len(chosen), recompute()
