"""Wasserstein distance in one dimension by scipy, samples of different sizes, with and without ties.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import wasserstein_distance

rng = np.random.default_rng(7)
cases = []


def add(x, y):
    per_gene = [wasserstein_distance(a, b) for a, b in zip(x.T, y.T)]
    cases.append({
        "d": x.shape[1],
        "x": x.ravel().tolist(),
        "y": y.ravel().tolist(),
        "per_gene": [float(w) for w in per_gene],
        "mean": float(np.mean(per_gene)),
    })


for n, m, d in [(1, 1, 1), (5, 9, 2), (40, 70, 6), (120, 31, 4)]:
    add(rng.normal(size=(n, d)).round(6), (0.5 + 2 * rng.normal(size=(m, d))).round(6))
for n, m, d in [(30, 50, 5), (64, 64, 3)]:
    add(np.log1p(rng.poisson(0.7, (n, d))).round(9), np.log1p(rng.poisson(1.0, (m, d))).round(9))  # mostly ties
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
