"""Writes expected.json: a, b of the similarity curve and the fuzzy graph of 40 points, by umap-learn.

Versions: umap-learn 0.5.12, numba 0.68.1, numpy 2.4.6, scikit-learn 1.9.1, scipy 1.17.1. Seeded; run from anywhere.
"""

import json
from pathlib import Path

import numpy as np
from umap.umap_ import find_ab_params, fuzzy_simplicial_set

N, COLUMNS, NEIGHBORS = 40, 3, 6

curves = []
for min_dist, spread in [(0.1, 1.0), (0.0, 1.0), (0.5, 1.0), (0.3, 2.0), (0.8, 1.5)]:
    a, b = find_ab_params(spread, min_dist)
    curves.append([min_dist, spread, float(a), float(b)])

x = np.random.default_rng(7).normal(size=(N, COLUMNS)).round(3).astype(np.float32)
x[5] = x[4]  # a duplicate: its nearest neighbour lies at distance 0
graph, _, _ = fuzzy_simplicial_set(x, NEIGHBORS, random_state=np.random.RandomState(0), metric="euclidean")
graph = graph.tocsr()
graph.sort_indices()
graph = graph.tocoo()
edges = [[int(i), int(j), round(float(w), 7)] for i, j, w in zip(graph.row, graph.col, graph.data) if w > 0]
out = {
    "n_columns": COLUMNS,
    "n_neighbors": NEIGHBORS,
    "x": [round(float(v), 3) for v in x.ravel()],
    "edges": edges,
    "curves": curves,
}
Path(__file__).with_name("expected.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
