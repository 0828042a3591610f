"""Unbiased squared MMD from the full kernel matrices of scikit-learn, and the median of scipy's pooled distances.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import rbf_kernel


def unbiased(x, y, gamma):
    def within(z):
        kernels = rbf_kernel(z, z, gamma)
        np.fill_diagonal(kernels, 0)
        return kernels.sum() / (len(z) * (len(z) - 1))

    return within(x) + within(y) - 2 * rbf_kernel(x, y, gamma).mean()


rng = np.random.default_rng(6)
cases = []
for n, m, d, shift in [(2, 3, 1, 0.0), (70, 40, 3, 0.2), (65, 130, 17, 1.0), (30, 31, 50, 0.1)]:
    x, y = rng.normal(size=(n, d)).round(6), (shift + rng.normal(size=(m, d))).round(6)
    median = np.median(pdist(np.vstack([x, y])))
    values = [unbiased(x, y, c / median**2) for c in (2, 1, 0.5, 0.1, 0.01, 0.005)]
    cases.append({
        "d": d,
        "x": x.ravel().tolist(),
        "y": y.ravel().tolist(),
        "median": float(median),
        "mmd": float(np.mean(values)),
        "gamma": 0.3 / d,
        "mmd_gamma": float(unbiased(x, y, 0.3 / d)),
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
