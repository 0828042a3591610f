"""Variance ratios, zero fractions and Kolmogorov-Smirnov statistics of library sizes, by numpy and scipy.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import ks_2samp

rng = np.random.default_rng(8)
cases = []
for n, m, d, rate in [(5, 4, 3, 1.0), (60, 45, 8, 0.4), (200, 200, 12, 3.0)]:
    mean = rng.gamma(1.0, rate, d)
    real, generated = rng.poisson(mean, (n, d)), rng.poisson(rng.gamma(2.0, 0.5, (m, 1)) * mean)
    real[:, 0] = 2  # no variance
    x, y = np.log1p(real).round(9), np.log1p(generated).round(9)
    variance_x, variance_y = x.var(0, ddof=1), y.var(0, ddof=1)
    varies = real.var(0) > 0
    ratios = variance_y[varies] / variance_x[varies]
    cases.append({
        "d": d,
        "real": x.ravel().tolist(),
        "generated": y.ravel().tolist(),
        "genes": np.flatnonzero(varies).tolist(),
        "ratios": ratios.tolist(),
        "median": float(np.median(ratios)),
        "pooled": float(variance_y.sum() / variance_x[varies].sum()),
        "zero_fraction_difference": float(((y == 0).mean(0) - (x == 0).mean(0)).mean()),
        "real_library": real.sum(1).tolist(),
        "generated_library": generated.sum(1).tolist(),
        "ks": float(ks_2samp(real.sum(1), generated.sum(1)).statistic),
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
