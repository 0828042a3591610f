"""R2, Pearson correlation and Pearson delta of mean profiles, by scikit-learn and scipy.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import pearsonr
from sklearn.metrics import r2_score

rng = np.random.default_rng(0)
cases = []
for n, noise in [(5, 0.1), (40, 0.5), (200, 2.0), (200, 0.001)]:
    control = np.abs(rng.normal(1, 1, n))
    real = control + rng.normal(0, 0.3, n)
    generated = real + rng.normal(0, noise, n)
    cases.append({
        "real": real.tolist(),
        "generated": generated.tolist(),
        "control": control.tolist(),
        "r2": r2_score(real, generated),
        "pearson": pearsonr(real, generated).statistic,
        "pearson_delta": pearsonr(real - control, generated - control).statistic,
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
