"""Frechet distance of Gaussians with the matrix square root of scipy, covariances by numpy (ddof 1).

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.linalg import sqrtm

rng = np.random.default_rng(1)
cases = []
for n, m, d, shift, scale in [(60, 50, 1, 0.5, 1.0), (80, 90, 5, 0.3, 2.0), (200, 150, 10, 0.0, 1.0), (60, 70, 30, 1.0, 0.1)]:
    mixing = rng.normal(size=(d, d))
    x = rng.normal(size=(n, d)) @ mixing
    y = rng.normal(size=(m, d)) @ (scale * mixing + 0.1 * rng.normal(size=(d, d))) + shift
    x, y = x.round(6), y.round(6)
    s1, s2 = np.atleast_2d(np.cov(x, rowvar=False)), np.atleast_2d(np.cov(y, rowvar=False))
    root = sqrtm(s1 @ s2).real
    distance = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s1 + s2 - 2 * root)
    cases.append({"d": d, "x": x.ravel().tolist(), "y": y.ravel().tolist(), "distance": float(distance)})
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
