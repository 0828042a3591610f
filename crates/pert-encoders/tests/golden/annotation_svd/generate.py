"""TF-IDF of annotation lists and their truncated SVD (numpy.linalg.svd); seeded.

Pinned: Python 3.11.7, numpy 2.4.6. Run: python generate.py
"""
import json
from pathlib import Path

import numpy as np

N_GENES, N_TERMS, N_SEEN, K = 60, 90, 40, 8
rng = np.random.default_rng(20)
popularity = rng.beta(0.5, 6.0, size=N_TERMS)
member = rng.random((N_GENES, N_TERMS)) < popularity
member[0, :] = False
genes = [f"G{i:02d}" for i in range(N_GENES)]
terms = [f"GO:{i:07d}" for i in range(N_TERMS)]
lines = ["gene_symbol\tn_terms\tgo_ids"]
for g, row in zip(genes, member):
    ids = [t for t, m in zip(terms, row) if m]
    lines.append(f"{g}\t{len(ids)}\t{'|'.join(ids)}")

df = member.sum(0)
idf = np.log(N_GENES / np.maximum(df, 1))
x = member * idf
norm = np.linalg.norm(x, axis=1, keepdims=True)
x = np.divide(x, norm, out=np.zeros_like(x), where=norm > 0)

u, s, vt = np.linalg.svd(x[:N_SEEN], full_matrices=False)
scale = np.sqrt(K * N_SEEN / np.sum(s[:K] ** 2))
reduced = scale * x @ vt[:K].T
Path(__file__).with_name("expected.json").write_text(
    json.dumps(
        {
            "table": "\n".join(lines) + "\n",
            "genes": genes,
            "seen": genes[:N_SEEN],
            "k": K,
            "kernel": np.round(x @ x.T, 13)[np.tril_indices(N_GENES)].tolist(),
            "reduced_kernel": np.round(reduced @ reduced.T, 12)[np.tril_indices(N_GENES)].tolist(),
            "pair": {"genes": [genes[3], genes[50]], "squared_length": float(np.sum((reduced[3] + reduced[50]) ** 2))},
        }
    )
)
