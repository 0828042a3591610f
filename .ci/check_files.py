"""Opens every file the demo wrote with anndata and h5py, as a user would."""

import sys
from pathlib import Path

from importlib.metadata import version

import anndata
import numpy as np

demo = Path(sys.argv[1])

screen = anndata.read_h5ad(demo / "screen.h5ad")
assert "control" in set(screen.obs["perturbation"]), "the screen has control cells"
predicted = anndata.read_h5ad(demo / "predicted.h5ad")
for name, cells in (("screen", screen), ("predicted", predicted)):
    counts = cells.X.toarray()
    assert counts.min() >= 0 and np.array_equal(counts, np.round(counts)), f"{name}: raw counts"
    assert cells.obs_names.is_unique and cells.var_names.is_unique, f"{name}: unique names"
    assert (counts.sum(1) > 0).all(), f"{name}: no empty cells"
assert predicted.obs["generated"].all(), "predicted cells say so"
assert {"model", "seed", "version"} <= set(predicted.uns), "predicted cells say where they are from"
assert set(predicted.var_names) <= set(screen.var_names), "genes carry over"
print(f"anndata {version('anndata')}: {screen.shape} real, {predicted.shape} predicted cells read")
