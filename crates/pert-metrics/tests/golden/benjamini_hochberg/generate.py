"""Adjusted p-values by scipy.stats.false_discovery_control (method bh).

Versions: Python 3, numpy 2.4.6, scipy 1.17.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import false_discovery_control

rng = np.random.default_rng(12)
cases = []


def add(p, missing=()):
    """Where a p is missing (null), the others are adjusted without it."""
    p = np.array(p, dtype=float)
    present = np.ones(len(p), bool)
    present[list(missing)] = False
    adjusted = np.full(len(p), np.nan)
    adjusted[present] = false_discovery_control(p[present])
    null = lambda values: [None if np.isnan(v) else float(v) for v in values]
    cases.append({"p": null(np.where(present, p, np.nan)), "adjusted": null(adjusted)})


add([0.3])
add(rng.random(20))
add(rng.random(100) ** 4)
add(rng.random(50) ** 3, missing=[0, 7, 8, 49])
add(rng.integers(0, 11, 40) / 10)  # ties, zeros and ones
add(10.0 ** rng.uniform(-300, 0, 30))
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
