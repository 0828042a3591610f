"""Kernel ridge with a precomputed kernel by scikit-learn: predictions, and leave-one-out by refitting.

Blocks are scaled to mean diagonal 1 over the training perturbations (all of them, also when one is left out); the
training-mean centre is recomputed for every refit.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from sklearn.kernel_ridge import KernelRidge

rng = np.random.default_rng(0)
n, n_new, d = 18, 4, 5
identity = (rng.random((n + n_new, 7)) < 0.25).astype(float)
annotation = np.where(rng.random((n + n_new, 12)) < 0.4, rng.random((n + n_new, 12)), 0).round(4)
targets = (identity @ rng.normal(size=(7, d)) + 0.5 + 0.2 * rng.normal(size=(n + n_new, d)))[:n].round(5)

kernel = np.zeros((n + n_new, n + n_new))
for block in (identity, annotation):
    products = block @ block.T
    kernel += products / np.diag(products)[:n].mean()


def predict(train, test, alpha, centre):
    c = targets[train].mean(0) if centre == "training-mean" else np.zeros(d)
    model = KernelRidge(alpha=alpha, kernel="precomputed").fit(kernel[np.ix_(train, train)], targets[train] - c)
    return model.predict(kernel[np.ix_(test, train)]) + c


everyone, new = np.arange(n), np.arange(n, n + n_new)
cases = []
for centre in ("training-mean", "zero"):
    for alpha in (0.003, 0.1, 3.0, 100.0):
        left_out = np.vstack([predict(np.delete(everyone, i), [i], alpha, centre) for i in everyone])
        cases.append({
            "centre": centre,
            "lambda": alpha,
            "predictions": predict(everyone, new, alpha, centre).ravel().tolist(),
            "leave_one_out": left_out.ravel().tolist(),
            "leave_one_out_mse": float(((left_out - targets) ** 2).mean()),
        })
Path(__file__).with_name("expected.json").write_text(json.dumps({
    "n": n,
    "d": d,
    "identity": identity.tolist(),
    "annotation": annotation.tolist(),
    "targets": targets.ravel().tolist(),
    "cases": cases,
}))
