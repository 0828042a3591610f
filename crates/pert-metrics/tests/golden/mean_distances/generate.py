"""Distances of mean profiles by scikit-learn and numpy, over all genes and over chosen ones.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error

rng = np.random.default_rng(17)
cases = []
for n_genes, n_top, n_de in [(5, 1000, 3), (60, 20, 20), (200, 50, 20)]:
    control = rng.gamma(0.5, 1.0, n_genes)
    real = np.abs(control + rng.normal(0, 0.3, n_genes))
    predicted = np.abs(control + rng.normal(0, 0.3, n_genes))
    top = np.argsort(-control, kind="stable")[:n_top]
    genes = rng.choice(n_genes, n_de, replace=False)
    cases.append({
        "real": real.tolist(), "predicted": predicted.tolist(), "control": control.tolist(), "n_top": n_top,
        "l2": float(np.linalg.norm((predicted - real)[top])), "mae": float(mean_absolute_error(real, predicted)),
        "genes": genes.tolist(), "pearson_delta": float(pearsonr((real - control)[genes], (predicted - control)[genes]).statistic),
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
