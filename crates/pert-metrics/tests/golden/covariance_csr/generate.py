"""Mean and covariance (ddof 1) of log-normalised counts by numpy.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(9)
cases = []
for n, d in [(2, 2), (40, 7), (150, 12)]:
    counts = rng.poisson(rng.gamma(0.5, 4.0, d), (n, d))
    counts[:, 0] += 1  # no cell without counts
    x = np.log1p(1e4 * counts / counts.sum(1, keepdims=True))
    cases.append({
        "d": d,
        "counts": counts.ravel().tolist(),
        "mean": x.mean(0).tolist(),
        "covariance": np.cov(x, rowvar=False).ravel().tolist(),
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
