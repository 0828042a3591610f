"""Unbiased energy distance from the full distance matrices of scipy.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist, pdist

rng = np.random.default_rng(3)
cases = []
for n, m, d, shift in [(2, 3, 1, 0.0), (70, 40, 3, 0.2), (65, 130, 17, 1.0), (30, 30, 50, 0.0)]:
    x, y = rng.normal(size=(n, d)).round(6), (shift + rng.normal(size=(m, d))).round(6)
    distance = 2 * cdist(x, y).mean() - pdist(x).mean() - pdist(y).mean()
    cases.append({"d": d, "x": x.ravel().tolist(), "y": y.ravel().tolist(), "distance": float(distance)})
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
