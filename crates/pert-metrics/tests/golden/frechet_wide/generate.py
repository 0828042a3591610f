"""Frechet distance of Gaussians of many dimensions with the matrix square root of scipy, covariances by numpy (ddof 1).

The rows are hashes of integers, which the test computes again: the data would be a large file.
Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.linalg import sqrtm


def rows(n, d, offset):
    """Multiples of 2**-16 in [0, 1), which every language computes exactly alike: Knuth's multiplicative hash."""
    i = np.arange(n * d, dtype=np.uint64) + np.uint64(offset)
    hashed = i * np.uint64(2654435761) % np.uint64(2**32)
    hashed = (hashed ^ (hashed >> np.uint64(15))) * np.uint64(2246822519) % np.uint64(2**32)
    return ((hashed >> np.uint64(16)).astype(float) / 2**16).reshape(n, d)


cases = []
for n, m, d, offset in [(900, 1100, 256, 10**6), (1500, 1000, 300, 5 * 10**6)]:
    x, y = rows(n, d, 0), rows(m, d, offset) * np.linspace(0.5, 2, d)
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = sqrtm(s1 @ s2).real
    distance = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root)
    cases.append({"n": n, "m": m, "d": d, "offset": offset, "distance": float(distance), "trace": float(np.trace(s1))})
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
