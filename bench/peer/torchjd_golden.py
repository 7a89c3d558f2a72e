#!/usr/bin/env python3
"""Golden values of balancing methods, made by TorchJD without a line of weft.

    python3 -m venv VENV && VENV/bin/pip install torch "torchjd[full]==0.18.0" clarabel
    VENV/bin/python bench/peer/torchjd_golden.py > tests/models/balance/torchjd_golden.json

Needs nothing of weft, and weft needs nothing of this: the file is committed, and
tests/models/balance/torchjd_test.cpp holds every method that both have against it, to 1e-6.
For each case: "jacobian" (K rows, f64), "gram", "losses", and "direction" by aggregator (J' w). With K = 2
the orders that PCGrad and GradVac draw do not matter. What the options below are for:
  UPGrad, DualProj   reg_eps 0 where G is regular (the definition), and their default of 1e-4 everywhere
  MGDA               epsilon 1e-12, 2,000 rounds: Frank-Wolfe converges as 1 over rounds; bound 5e-2
  CAGrad             norm_eps 1e-12: the default of 1e-4 takes short vectors for 0; Clarabel's tolerances
                     1e-14: with its own of 1e-8, d is off by 1e-5
  NashMTL            max_norm 0, 50 rounds; left out where its weights are off G w = 1 / w by more than
                     1e-4 (on the case "three" by 1.8, however many rounds): bound 1e-5
  SDMGrad, MoDo      on A = J J' of this one batch; ExcessMTL with one step of warm-up
Losses' methods: weights are the gradients of the scalarised value by autograd.
"""
import json
import re
import sys
import warnings
from importlib.metadata import version

import cvxpy
import numpy as np
import torch
from torchjd import aggregation as agg
from torchjd import scalarization as sca
from torchjd.linalg import QuadprogProjector

warnings.filterwarnings("ignore")
torch.set_default_dtype(torch.float64)


def jacobians():
    rng = np.random.default_rng(16)

    def plain(k, p):
        return rng.standard_normal((k, p))

    def leaning(k, p):  # most gradients conflict, no combination is 0
        j = rng.standard_normal((k, p))
        j[:, 0] = 0.4 + 0.2 * rng.random(k)
        return j

    cases = [("two", plain(2, 3)), ("two opposed", np.array([[1.0, 0.2, 0.0], [-0.9, 0.3, 0.1]])),
             ("three", leaning(3, 4)), ("five", leaning(5, 7)), ("eight", leaning(8, 12))]
    scales = np.array([1.0, 10.0, 0.1, 3.0])
    cases.append(("four scaled", leaning(4, 6) * scales[:, None]))
    low = np.abs(rng.standard_normal((5, 3)))
    cases.append(("five of rank three", low @ leaning(3, 6)))
    return cases


def solve_tightly(problem, *args, tight=cvxpy.Problem.solve):
    return tight(problem, *args, tol_gap_abs=1e-14, tol_gap_rel=1e-14, tol_feas=1e-14)


def directions(j, gram, losses):
    t = torch.tensor(j)
    regular = np.linalg.matrix_rank(gram) == len(gram)
    out = {}
    make = {
        "mgda": agg.MGDA(epsilon=1e-12, max_iters=2000),
        "imtl_g": agg.IMTLG(),
        "aligned_mtl min": agg.AlignedMTL(),
        "aligned_mtl median": agg.AlignedMTL(scale_mode="median"),
        "aligned_mtl rmse": agg.AlignedMTL(scale_mode="rmse"),
        "config": agg.ConFIG(),
        "upgrad ridge": agg.UPGrad(),
        "dualproj ridge": agg.DualProj(),
        "cagrad 0.5": agg.CAGrad(c=0.5, norm_eps=1e-12),
        "cagrad 0.2": agg.CAGrad(c=0.2, norm_eps=1e-12),
    }
    exact = QuadprogProjector(norm_eps=0.0, reg_eps=0.0)
    if regular:
        make["upgrad"] = agg.UPGrad(projector=exact)
        make["dualproj"] = agg.DualProj(projector=exact)
        make["nash_mtl"] = agg.NashMTL(n_tasks=len(j), max_norm=0.0, update_weights_every=1, optim_niter=50)
        make["fairgrad 1"] = agg.FairGrad(alpha=1.0, max_iters=2000)
        make["fairgrad 2"] = agg.FairGrad(alpha=2.0, max_iters=2000)
    if len(j) == 2:
        make["pcgrad"] = agg.PCGrad()
        vac = agg.GradVac(beta=0.5, eps=0.0)
        vac(t)
        make["gradvac second"] = vac
    plain = cvxpy.Problem.solve
    for name, aggregator in make.items():
        if name.startswith("cagrad"):
            cvxpy.Problem.solve = solve_tightly
        out[name] = aggregator(t).tolist()
        cvxpy.Problem.solve = plain
    if "nash_mtl" in out:
        w = make["nash_mtl"].weighting(t).numpy()
        if np.abs(w * (gram @ w) - 1).max() > 1e-4:
            del out["nash_mtl"]
    a = torch.tensor(gram)
    sdm, modo = agg.SDMGradWeighting(), agg.MoDoWeighting()
    excess = agg.ExcessMTL(robust_step_size=0.3, n_warmup_steps=1)
    excess(t)
    for name, weighting in (("sdmgrad", sdm), ("modo", modo)):
        weighting(a)
        out[name + " second"] = (weighting(a) @ t).tolist()
    out["excess_mtl second"] = (excess(0.7 * t)).tolist()
    return out


def weights(losses):
    def of(scalariser, values):
        x = torch.tensor(values, requires_grad=True)
        scalariser(x).backward()
        return x.grad.tolist()

    k, later = len(losses), [0.8 * x + 0.05 * i for i, x in enumerate(losses)]
    out = {"gls": of(sca.GeometricMean(), losses), "stch 0.3": of(sca.STCH(mu=0.3), losses)}
    dwa = sca.DWA()
    for values in (losses, later):
        dwa(torch.tensor(values))
        dwa.step()
    out["dwa third"] = of(dwa, later)
    famo = sca.FAMO(k)
    for _ in range(3):
        famo(torch.tensor(losses))
        famo.update(torch.tensor(later))
    out["famo fourth"] = of(famo, losses)
    for name, scalariser, number in (("uw", sca.UW(k), "log_var"), ("imtl_l", sca.IMTLL(k), "log_scale")):
        adam = torch.optim.Adam([getattr(scalariser, number)], lr=0.05)
        for _ in range(4):
            adam.zero_grad()
            scalariser(torch.tensor(losses)).backward()
            adam.step()
        out[name + " fifth"] = of(scalariser, losses)
    return {"later": later, "weights": out}


def main():
    cases = []
    for i, (name, j) in enumerate(jacobians()):
        losses = [round(0.3 + 0.37 * ((k * 3 + i) % 5), 6) for k in range(len(j))]
        gram = j @ j.T
        cases.append({"name": name, "jacobian": j.tolist(), "losses": losses,
                      "direction": directions(j, gram, losses), **weights(losses)})
    head = {"torchjd": version("torchjd"), "torch": version("torch")}
    text = json.dumps({**head, "cases": cases}, indent=1)
    sys.stdout.write(re.sub(r"\[\s+([-0-9.e,\s]+?)\s+\]", lambda m: "[" + " ".join(m[1].split()) + "]", text) + "\n")


if __name__ == "__main__":
    main()
