"""Wilcoxon's signed-rank test by scipy (zero_method wilcox, no continuity correction, method auto).

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import wilcoxon

rng = np.random.default_rng(5)
cases = []


def add(d):
    test = wilcoxon(d)
    cases.append({"d": d.tolist(), "statistic": float(test.statistic), "p_value": float(test.pvalue), "n": int((d != 0).sum())})


for n, shift in [(1, 0.5), (5, 0.3), (20, 0.0), (20, 0.8), (50, 0.2), (51, 0.2), (300, 0.1), (300, 1.0)]:
    add(rng.normal(shift, 1, n))  # exact up to 50, no ties
for n, shift in [(6, 1), (13, 1), (14, 1), (30, 0), (50, 1), (200, 1)]:
    add(rng.integers(-4, 5, n).astype(float) + shift * (rng.random(n) < 0.3))  # ties and zeros
add(np.array([0.0, 0.0, 1.0, -2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, -12.0, 13.0]))  # zeros, no ties
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
