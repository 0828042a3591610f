"""Differential expression and its overlap: rank-sum tests and adjustment by scipy, fold changes and overlap by numpy.

The overlap is written from its definition (overlap_at_N of Arc Institute's cell-eval): of the genes with FDR < 0.05, largest
|log2 fold change| first, the first N predicted ones among the N real ones, over N.
Versions: Python 3, numpy 2.4.6, scipy 1.17.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.stats import false_discovery_control, mannwhitneyu

PSEUDO_COUNT = 0.01
N_GENES = 30
rng = np.random.default_rng(13)
base = rng.gamma(1.0, 2.0, N_GENES)


def cells(n, fold):
    """Log-normalised profiles of n cells with 10^4 counts, of which these genes take a few."""
    counts = rng.poisson(base * fold, (n, N_GENES)).astype(float)
    counts[:, -1] = 0  # a gene that no cell has
    return np.round(np.log1p(counts * rng.uniform(0.5, 2.0, (n, 1))), 4)


def tested(perturbed, control):
    with np.errstate(divide="ignore", invalid="ignore"):
        p = mannwhitneyu(perturbed, control, method="asymptotic", use_continuity=False, axis=0).pvalue
    present = ~np.isnan(p)
    fdr = np.full(N_GENES, np.nan)
    fdr[present] = false_discovery_control(p[present])
    natural = lambda x: np.expm1(x).mean(axis=0) + PSEUDO_COUNT
    return p, fdr, np.log2(natural(perturbed) / natural(control))


def called(fdr, fold):
    genes = np.flatnonzero(fdr < 0.05)
    return genes[np.argsort(-np.abs(fold[genes]), kind="stable")]


def null(values):
    return [None if np.isnan(v) else float(v) for v in values]


cases = []
for n, n_predicted, n_control, spread, noise in [(50, 50, 60, 1.5, 0.3), (60, 12, 50, 1.2, 0.3), (30, 60, 40, 0.8, 1.0), (25, 25, 40, 0.0, 0.6)]:
    fold = np.exp(rng.normal(0, spread, N_GENES) * (rng.random(N_GENES) < 0.4))
    control, real = cells(n_control, np.ones(N_GENES)), cells(n, fold)
    predicted = cells(n_predicted, fold * np.exp(rng.normal(0, noise, N_GENES)))
    p, fdr, folds = tested(real, control)
    _, predicted_fdr, predicted_folds = tested(predicted, control)
    real_genes, predicted_genes = called(fdr, folds), called(predicted_fdr, predicted_folds)
    n_real = len(real_genes)
    overlap = len(set(real_genes) & set(predicted_genes[:n_real])) / n_real if n_real else None
    cases.append({
        "n_genes": N_GENES, "pseudo_count": PSEUDO_COUNT,
        "control": control.ravel().tolist(), "real": real.ravel().tolist(), "predicted": predicted.ravel().tolist(),
        "p": null(p), "fdr": null(fdr), "log2_fold_changes": folds.tolist(),
        "called": real_genes.tolist(), "predicted_called": predicted_genes.tolist(), "overlap": overlap,
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
