"""Means of every baseline by numpy and scikit-learn, on a random screen with cell types and batches.

Nothing here is shared with the crate: ridge is refitted without each perturbation by scikit-learn to choose its
penalty, bilinear ridge takes its components from singular value decompositions and solves its two sides with
numpy.linalg.solve, neighbours are found by scikit-learn, weights are scipy's softmax.

The screen: cell types b, m, t in batches 1 and 2; no control in (t, 2), which so takes the mean of all controls; A is
missing from type m, B from type t and the pairs from some strata; E is never trained on alone.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(7)
n_genes, n_programs = 20, 4
genes = "ABCDEFGHIJKLMN"
labels = ["control"] + list(genes) + ["A+B", "C+D", "E+F", "G+H", "A+E"]
effects = {g: rng.normal(0, 0.7, n_programs) for g in genes}
loadings = rng.normal(size=(n_programs, n_genes))
base = {t: rng.normal(0, 0.5, n_genes) + 1.0 for t in "bmt"}
batch_effect = {b: rng.normal(0, 0.2, n_genes) for b in "12"}
missing = {("A", "m"), ("B", "t"), ("A+B", "b"), ("C+D", "t"), ("E+F", "m")}

cells = []
for label in labels:
    for kind in "bmt":
        for batch in "12":
            if (label, kind) in missing or (label == "control" and (kind, batch) == ("t", "2")):
                continue
            for _ in range(4 if label == "control" else int(rng.integers(1, 4))):
                log_rate = base[kind] + batch_effect[batch]
                if label != "control":
                    log_rate = log_rate + sum(effects[g] for g in label.split("+")) @ loadings
                counts = rng.poisson(np.exp(log_rate) * rng.uniform(0.5, 2.0))
                counts[0] += 1  # no empty cell
                cells.append((label, kind, batch, counts))
order = rng.permutation(len(cells))
cells = [cells[i] for i in order]
label = np.array([c[0] for c in cells])
kind = np.array([c[1] for c in cells])
batch = np.array([c[2] for c in cells])
counts = np.array([c[3] for c in cells])

# Held out: some perturbations everywhere, one in a cell type, every fifth control cell.
held_out = np.isin(label, ["E", "E+F", "C+D"]) | ((label == "G") & (kind == "t"))
held_out |= (label == "control") & (np.arange(len(cells)) % 5 == 4)
train = np.flatnonzero(~held_out)

x = np.log1p(1e4 * counts / counts.sum(1, keepdims=True))
stratum = np.array([k + b for k, b in zip(kind, batch)])
in_train = ~held_out
is_control = label == "control"


def control_mean(s):
    own = in_train & is_control & (stratum == s)
    return x[own].mean(0) if own.any() else x[in_train & is_control].mean(0)


def shift_of(mask):
    """Mean over cells of what each differs by from the control of its stratum."""
    rows = np.flatnonzero(mask & in_train)
    return np.mean([x[i] - control_mean(stratum[i]) for i in rows], axis=0)


perturbations = sorted({l for l in label[in_train] if l != "control"})
shifts = np.array([shift_of(label == p) for p in perturbations])
mean_shift = shift_of(~is_control)
alone = {p: d for p, d in zip(perturbations, shifts) if "+" not in p}

# Two blocks of features of different units; those of a pair are the sums of its genes'.
annotation = {g: np.where(rng.random(9) < 0.5, rng.random(9), 0).round(4) * 250 for g in genes}
seen_genes = sorted({g for p in perturbations for g in p.split("+")})
block_1 = {p: np.array([float(g in p.split("+")) for g in seen_genes]) for p in labels[1:]}
block_2 = {p: sum(annotation[g] for g in p.split("+")) for p in labels[1:]}


def scaled(block):
    norm = np.mean([np.sum(block[p] ** 2) for p in perturbations])
    return {p: v / np.sqrt(norm) for p, v in block.items()}


one, two = scaled(block_1), scaled(block_2)
vector = {p: np.concatenate([one[p], two[p]]) for p in labels[1:]}
vectors = np.array([vector[p] for p in perturbations])

# Ridge with an intercept that is not penalised.
errors = []
lambdas = 0.003 * np.exp(np.arange(13) * np.log(100 / 0.003) / 12)
for alpha in lambdas:
    squares = [
        (Ridge(alpha=alpha).fit(vectors[a], shifts[a]).predict(vectors[b]) - shifts[b]) ** 2
        for a, b in LeaveOneOut().split(vectors)
    ]
    errors.append(float(np.mean(squares)))
chosen = int(np.argmin(errors))
ridge = Ridge(alpha=lambdas[chosen]).fit(vectors, shifts)

# Bilinear ridge.
lam, k = 0.1, 10
y = shifts.T
b = y.mean(1, keepdims=True)
g = np.linalg.svd(y - b, full_matrices=False)[0][:, :k]
mean_vector = vectors.mean(0)
axes = np.linalg.svd(vectors - mean_vector, full_matrices=False)[2][:k].T
p_matrix = (vectors - mean_vector) @ axes
left = np.linalg.solve(g.T @ g + lam * np.eye(k), g.T @ (y - b) @ p_matrix)
w = np.linalg.solve((p_matrix.T @ p_matrix + lam * np.eye(k)).T, left.T).T

# The same with the vectors as they are.
left = np.linalg.solve(g.T @ g + lam * np.eye(k), g.T @ (y - b) @ vectors)
d = vectors.shape[1]
w_given = np.linalg.solve((vectors.T @ vectors + lam * np.eye(d)).T, left.T).T

# A tree: brute force expands ‖a − b‖², which leaves 1e-8 between a vector and itself.
neighbours = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(vectors)


def nearest(p):
    distances, places = neighbours.kneighbors(vector[p][None])
    return softmax(-distances[0]) @ shifts[places[0]]


def weighted_shift(p, s):
    """None where p was not seen elsewhere with controls."""
    sources = [
        t for t in sorted(set(stratum))
        if (in_train & is_control & (stratum == t)).any() and (in_train & (label == p) & (stratum == t)).any()
    ]
    if not sources:
        return None
    here = [shift_of((label == p) & (stratum == t)) for t in sources]
    away = [np.linalg.norm(control_mean(s) - control_mean(t)) for t in sources]
    return softmax(-np.array(away) / 2) @ np.array(here)


cases = []
for p in ["E", "C+D", "E+F", "G", "A", "A+B", "J"]:
    rows = np.flatnonzero((label == p) & held_out) if p in ("E", "C+D", "E+F", "G") else np.flatnonzero(label == p)
    strata, n_of = np.unique(stratum[rows], return_counts=True)
    share = n_of / n_of.sum()
    control = share @ np.array([control_mean(s) for s in strata])
    parts = p.split("+")
    additive = sum(alone[q] for q in parts) if all(q in alone for q in parts) else mean_shift
    perturbed = []
    for s in strata:
        own = in_train & ~is_control & (stratum == s)
        perturbed.append(x[own].mean(0))
    means = {
        "no_change": control,
        "training_mean": control + mean_shift,
        "matching_mean": control + np.mean([alone.get(q, mean_shift) for q in parts], axis=0),
        "additive": control + additive,
        "random_cells": share @ np.array(perturbed),
        "ridge": control + ridge.predict(vector[p][None])[0],
        "bilinear_ridge": control + (g @ w @ ((vector[p] - mean_vector) @ axes)) + b[:, 0],
        "bilinear_ridge as given": control + (g @ w_given @ vector[p]) + b[:, 0],
        "nearest": control + nearest(p),
    }
    weighted = [weighted_shift(p, s) for s in strata]
    if weighted[0] is not None:
        means["weighted_shift"] = control + share @ np.array(weighted)
    seen = [(s, f) for s, f in zip(strata, share) if (in_train & (label == p) & (stratum == s)).any()]
    if seen:
        f = np.array([f for _, f in seen])
        means["training_cells"] = (f / f.sum()) @ np.array(
            [x[in_train & (label == p) & (stratum == s)].mean(0) for s, _ in seen]
        )
    cases.append({"label": p, "rows": rows.tolist(), "means": {m: v.tolist() for m, v in means.items()}})

Path(__file__).with_name("expected.json").write_text(json.dumps({
    "n_genes": n_genes,
    "labels": label.tolist(),
    "cell_types": kind.tolist(),
    "batches": batch.tolist(),
    "counts": counts.ravel().tolist(),
    "train": train.tolist(),
    "features": {p: [block_1[p].tolist(), block_2[p].tolist()] for p in labels[1:]},
    "ridge_lambda": float(lambdas[chosen]),
    "ridge_leave_one_out_mse": errors[chosen],
    "cases": cases,
}))
print({c["label"]: sorted(c["means"]) for c in cases}, lambdas[chosen], len(perturbations), len(cells))
