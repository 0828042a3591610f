"""Highly variable genes by clipped standardised variance (Seurat v3), written down from the paper with numpy.

numpy 2.4.6. Run: python generate.py
The trend is a weighted least-squares parabola per gene, solved with numpy.linalg.lstsq.
"""

import json
import pathlib

import numpy as np

RNG = np.random.default_rng(7)
N_CELLS, N_GENES, SPAN = 90, 150, 0.3

mean = np.exp(RNG.normal(-0.5, 1.5, N_GENES))
theta = np.exp(RNG.normal(1.0, 1.0, N_GENES))
counts = RNG.poisson(mean * RNG.gamma(theta, 1 / theta, size=(N_CELLS, N_GENES)))
counts[:, 11] = 0  # never expressed
counts[:, 12] = 1  # constant
counts[:, 13] = 0
counts[4, 13] = 60  # an outlier that only clipping tames
train = np.sort(RNG.permutation(N_CELLS)[:60])


def scores(y):
    n = len(y)
    m, v = y.mean(0), y.var(0, ddof=1)
    varying = np.flatnonzero(v > 0)
    lx, ly = np.log10(m[varying]), np.log10(v[varying])
    q = int(np.ceil(SPAN * len(varying)))
    fit = np.empty(len(varying))
    for i, x0 in enumerate(lx):
        distance = np.abs(lx - x0)
        near = np.argsort(distance, kind="stable")[:q]
        w = np.sqrt((1 - (distance[near] / distance[near].max()) ** 3) ** 3)
        design = np.vander(lx[near] - x0, 3, increasing=True)
        fit[i] = np.linalg.lstsq(design * w[:, None], ly[near] * w, rcond=None)[0][0]
    sd = np.sqrt(10**fit)
    z = np.minimum((y[:, varying] - m[varying]) / sd, np.sqrt(n))
    out = np.zeros(y.shape[1])
    out[varying] = (z**2).sum(0) / (n - 1)
    return out


s = scores(counts[train].astype(float))
expressed = counts[train].sum(0) > 0
order = sorted(np.flatnonzero(expressed), key=lambda g: (-s[g], g))
margins = {k: float(s[order[k - 1]] - s[order[k]]) for k in (1, 5, 20, 60, 90)}
assert min(margins.values()) > 1e-6, "a tie would make the cut arbitrary"
out = {
    "counts": counts.tolist(),
    "train": train.tolist(),
    "selected": {str(k): sorted(int(g) for g in order[:k]) for k in margins},
}
(pathlib.Path(__file__).parent / "expected.json").write_text(json.dumps(out) + "\n")
