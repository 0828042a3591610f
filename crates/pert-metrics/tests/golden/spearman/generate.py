"""Average ranks and Spearman's correlation by scipy, with and without ties; seeded.

Pinned: Python 3.11.7, numpy 2.4.6, scipy 1.17.1. Run: python generate.py
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, spearmanr

rng = np.random.default_rng(4)
cases = []
for n, levels in [(2, None), (9, None), (40, 5), (200, None), (200, 30)]:
    a = rng.normal(size=n)
    b = 0.5 * a + rng.normal(size=n)
    if levels:
        a, b = (np.round(x * levels) / levels for x in (a, b))
        a[:3] = [0.0, -0.0, 0.0]
    cases.append({
        "a": a.tolist(), "b": b.tolist(), "ranks_of_a": rankdata(a).tolist(), "spearman": float(spearmanr(a, b).statistic),
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases, separators=(",", ":")) + "\n")
