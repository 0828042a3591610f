"""Ledoit-Wolf covariance and shrinkage by scikit-learn.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from sklearn.covariance import ledoit_wolf

rng = np.random.default_rng(2)
cases = []
for n, d in [(10, 20), (50, 8), (400, 6), (12, 3)]:
    x = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3).round(6)
    covariance, shrinkage = ledoit_wolf(x)
    cases.append({
        "d": d,
        "x": x.ravel().tolist(),
        "covariance": covariance.ravel().tolist(),
        "shrinkage": float(shrinkage),
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
