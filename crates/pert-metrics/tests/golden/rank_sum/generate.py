"""Wilcoxon's rank-sum test by scipy (Mann-Whitney, asymptotic, corrected for ties, not for continuity).

Versions: Python 3, numpy 2.4.6, scipy 1.17.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu, norm

rng = np.random.default_rng(11)
cases = []


def add(a, b):
    test = mannwhitneyu(a, b, method="asymptotic", use_continuity=False)
    # The side of z is that of U about its mean; its size follows from p where p has digits.
    side = np.sign(test.statistic - len(a) * len(b) / 2)
    z = side * norm.isf(test.pvalue / 2)
    cases.append({"a": a.tolist(), "b": b.tolist(), "statistic": float(test.statistic), "z_score": float(z), "p_value": float(test.pvalue)})


def cells(n, rate, mean):
    """Log-normalised counts of a gene: most are zeros, the others tie."""
    return np.round(np.log1p(rng.poisson(mean, n) * (rng.random(n) < rate)), 6)


for n, m, shift in [(1, 1, 1), (3, 5, 0.0), (20, 30, 0.5), (200, 100, 1.0), (60, 60, 2.5)]:
    add(rng.normal(shift, 1, n).round(6), rng.normal(0, 1, m).round(6))  # no ties, both signs
for n, m, rate, mean in [(40, 80, 0.1, 1.0), (100, 150, 0.3, 1.5), (150, 100, 0.6, 3.0), (30, 300, 0.9, 6.0)]:
    add(cells(n, rate, mean), cells(m, 0.3, 1.0))
add(np.r_[np.zeros(99), 1.0], np.zeros(50))  # a single count
add(np.array([-1.0, 0.0, 0.0, 2.0, -1.0, 3.0]), np.array([0.0, -1.0, -2.0, 0.0, 2.0]))  # ties below 0 too
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
