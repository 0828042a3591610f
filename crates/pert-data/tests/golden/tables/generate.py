"""Writes screen.h5ad with tables of perturbations in uns and obsm, and expected.json, which says what they hold.

anndata 0.12.19, h5py 3.16.0, numpy 2.4.6, scipy 1.17.1, pandas 2.3.3. Run: python generate.py
"""

import json
import pathlib

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(20221123)

LABELS = ["control", "TP53", "KLF1", "KLF1+TP53", "GATA1", "TP53"] * 10
TARGETS = ["GATA1", "KLF1", "TP53"]
GENES = TARGETS + [f"GENE{i}" for i in range(9)]
CELLS = [f"cell{i}" for i in range(len(LABELS))]
VECTORS = RNG.normal(size=(3, 4)).astype(np.float32)
OF = dict(zip(TARGETS, VECTORS))


def of_cells(rows):
    """One row for each cell; those of combinations and of control differ."""
    return np.stack([rows.get(label, np.full(4, i)) for i, label in enumerate(LABELS)]).astype(np.float32)


def expected(rows, columns=None):
    return {"names": list(rows), "columns": columns, "values": np.stack(list(rows.values())).astype(float).tolist()}


def frame(dtype, **more):
    return pd.DataFrame(VECTORS.astype(dtype), index=TARGETS[::-1], columns=["a", "b", "c", "d"]).assign(**more)


uns = {
    "vectors": dict(OF),
    "rows_of_one": {k: v.reshape(1, -1).astype(np.float64) for k, v in OF.items()},
    "half": {k: v.astype(np.float16) for k, v in OF.items()},
    "with_control": {**OF, "control": np.zeros(4, np.float32)},
    "frame": frame("f8"),
    "outer": {"inner": dict(OF)},
    # None of these is a table.
    "array": VECTORS,
    "ragged": {**OF, "TP53": np.zeros(3)},
    "cubes": {k: np.zeros((2, 2)) for k in OF},
    "remarked": {**OF, "method": "by hand"},
    "sparse": sp.csr_matrix(VECTORS),
    "frame_of_text": frame("f8", source="by hand"),
    # These are, but no encoder can use them.
    "nan": {**OF, "KLF1": np.array([1, np.nan, 2, 3], np.float32)},
    "frame_twice": frame("f8").set_axis(["KLF1", "TP53", "KLF1"]),
    "empty": {},
}
differing = of_cells(OF)
differing[7, 2] += 1
obsm = {
    "X_perturbation": of_cells(OF),
    "X_cells": differing,
    "X_sparse": sp.csr_matrix(of_cells(OF)),
    "X_frame": pd.DataFrame(of_cells(OF), index=CELLS, columns=list("abcd")),
    "X_cube": np.zeros((len(CELLS), 2, 2)),
}
counts = sp.csr_matrix(RNG.poisson(3, size=(len(CELLS), len(GENES))).astype(np.float32))
a = ad.AnnData(
    counts,
    obs=pd.DataFrame({"perturbation": pd.Categorical(LABELS)}, index=CELLS),
    var=pd.DataFrame(index=GENES),
    uns=uns,
    obsm=obsm,
)
a.write_h5ad(HERE / "screen.h5ad")

with h5py.File(HERE / "bomb.h5ad", "w") as f:
    for name in ["uns/first/a", "uns/first/b", "obsm/wide"]:
        shape = (12, 2**36) if name.startswith("obsm") else (2**40,)
        f.create_dataset(name, shape=shape, dtype="f4", chunks=tuple(min(n, 256) for n in shape))

reverse = dict(zip(TARGETS[::-1], VECTORS))
half = {k: v.astype(np.float16) for k, v in OF.items()}
control = dict(sorted({**OF, "control": np.zeros(4)}.items()))
cases = {
    "uns:vectors": expected(OF),
    "uns:rows_of_one": expected(OF),
    "uns:half": expected(half),
    "uns:with_control": expected(control),
    "uns:frame": expected(reverse, list("abcd")),
    "uns:outer/inner": expected(OF),
    "obsm:X_perturbation": expected(OF),
}
(HERE / "expected.json").write_text(json.dumps(cases, indent=1) + "\n")
