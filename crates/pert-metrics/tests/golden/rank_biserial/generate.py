"""Matched-pairs rank-biserial correlation (Kerby 2014) from the ranks of scipy: (R+ - R-)/(R+ + R-), zeros dropped.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import rankdata

rng = np.random.default_rng(15)
cases = []


def add(d):
    kept = d[d != 0]
    ranks = rankdata(np.abs(kept))
    plus, minus = ranks[kept > 0].sum(), ranks[kept < 0].sum()
    cases.append({"d": d.tolist(), "effect_size": float((plus - minus) / (plus + minus))})


for n, shift in [(1, 0.5), (5, 0.3), (20, 0.0), (50, 0.5), (200, -0.2)]:
    add(rng.normal(shift, 1, n))
for n in [6, 14, 60]:
    add(rng.integers(-4, 6, n).astype(float))  # ties and zeros
add(-np.arange(1.0, 9.0))
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
