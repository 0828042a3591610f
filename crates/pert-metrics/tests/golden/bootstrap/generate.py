"""Percentile intervals by numpy.percentile of given resamples: of the median, and of a resampled mean.

Versions: Python 3, numpy 2.4.6. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np

rng = np.random.default_rng(16)
cases = []
for n, n_resamples, level in [(1, 3, 0.95), (9, 40, 0.95), (20, 101, 0.9), (31, 200, 0.5)]:
    values = rng.normal(0, 1, n)
    drawn = rng.integers(0, n, (n_resamples, n))
    medians = np.median(values[drawn], axis=1)
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(medians, [tail, 100 - tail])
    cells = rng.normal(0, 1, (n, 3))
    cases.append({
        "level": level, "values": values.tolist(), "drawn": drawn.tolist(), "low": float(low), "high": float(high),
        "cells": cells.ravel().tolist(), "means": cells[drawn].mean(axis=1).ravel().tolist(),
        "quantiles": [[q, float(np.quantile(values, q))] for q in (0.0, 0.1, 0.37, 0.5, 0.93, 1.0)],
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
