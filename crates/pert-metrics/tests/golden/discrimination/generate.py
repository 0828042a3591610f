"""Perturbation discrimination (L1) and centroid accuracy (Euclidean) by numpy and scipy, from their definition.

1 - rank/P, rank the 0-based mean rank of the right perturbation by distance, excluded columns of i left out for every j,
rows with a NaN left out. Versions: Python 3, numpy 2.4.6, scipy 1.17.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

rng = np.random.default_rng(14)


def scores(predicted, real, excluded, metric):
    present = np.flatnonzero(~np.isnan(predicted).any(axis=1) & ~np.isnan(real).any(axis=1))
    out = np.full(len(real), np.nan)
    for own, i in enumerate(present):
        keep = np.setdiff1d(np.arange(real.shape[1]), excluded[i])
        distances = cdist(predicted[[i]][:, keep], real[present][:, keep], metric)[0]
        out[i] = 1 - (rankdata(distances)[own] - 1) / len(present)
    return out


def null(values):
    return [None if np.isnan(v) else float(v) for v in np.ravel(values)]


cases = []
for n, n_genes, noise, whole, missing in [(5, 4, 0.5, False, []), (25, 12, 2.0, False, []), (25, 12, 1.0, True, []), (12, 6, 1.0, False, [0, 7])]:
    real = rng.normal(0, 1, (n, n_genes)).round(3)
    predicted = (real + rng.normal(0, noise, real.shape)).round(3)
    if whole:  # whole numbers, and twins: many ties that hold in any order of summation
        real, predicted = real.round(), predicted.round()
        real[3] = real[4]
    predicted[missing, 1] = np.nan
    excluded = [sorted(rng.choice(n_genes, rng.integers(0, 3), replace=False).tolist()) for _ in range(n)]
    cases.append({
        "n_genes": n_genes, "predicted": null(predicted), "real": null(real), "excluded": excluded,
        "discrimination": null(scores(predicted, real, excluded, "cityblock")),
        "centroid_accuracy": null(scores(predicted, real, excluded, "sqeuclidean")),
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
