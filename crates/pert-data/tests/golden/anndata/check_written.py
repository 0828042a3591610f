"""Opens a file that the Rust tests wrote and asserts its content. Run: python check_written.py small|large FILE

anndata 0.12.19, h5py 3.16.0, numpy 2.4.6. The populations are those of tests/round_trip.rs, written down again here.
"""

import sys

import anndata as ad
import h5py
import numpy as np

which, path = sys.argv[1:]
a = ad.read_h5ad(path)

if which == "small":
    counts = np.array([[1, 0, 2], [0, 3, 0], [0, 0, 70_000]])
    labels = ["control", "KLF1+TP53", "KLF1"]
else:
    cell = np.arange(70_000)
    counts = np.zeros((len(cell), 3))
    counts[cell, cell % 3] = cell % 900 + 1
    counts[cell, (cell + 1) % 3] = cell % 7 + 1
    labels = ["control"] + [f"GENE{i}" for i in range(1, 200)]
n = len(counts)

assert a.X.format == "csr" and a.X.dtype == np.float32, a.X
assert a.X.has_canonical_format
assert (a.X.toarray() == counts).all()
assert list(a.obs_names) == [f"cell{i}" for i in range(n)]
assert list(a.var_names) == ["Gène0", "Gène1", "Gène2"]
assert list(a.obs.columns) == ["perturbation", "generated", "cell_type", "dose"]
assert a.obs["perturbation"].dtype == "category"
assert list(a.obs["perturbation"]) == [labels[i % len(labels)] for i in range(n)]
assert a.obs["cell_type"].dtype == "category" and not a.obs["cell_type"].cat.ordered
assert list(a.obs["cell_type"]) == [["CD14+Mono", "B"][i % 2] for i in range(n)]
assert a.obs["dose"].dtype == np.float64 and (a.obs["dose"] == np.arange(n) / 3).all()
assert a.obs["generated"].dtype == bool and a.obs["generated"].all()
assert a.uns["model"] == "models/näive" and a.uns["version"] == "0.1.0"
assert a.uns["seed"] == 2**64 - 1

versions = {
    "anndata": "0.1.0", "csr_matrix": "0.1.0", "dict": "0.1.0", "dataframe": "0.2.0", "categorical": "0.2.0",
    "array": "0.2.0", "string-array": "0.2.0", "string": "0.2.0", "numeric-scalar": "0.2.0",
}


def check(name, item):
    if isinstance(item, h5py.Dataset) and item.chunks:
        assert max(item.chunks) <= 65_535, (name, item.chunks)
        assert item.compression == "gzip", name
    if name.startswith("X/"):
        return
    kind = item.attrs["encoding-type"]
    assert item.attrs["encoding-version"] == versions[kind], (name, kind)


with h5py.File(path) as f:
    check("", f)
    f.visititems(check)

# Writing it again and taking a part of it are what people do next.
part = a[a.obs["perturbation"] == "KLF1"].copy() if which == "small" else a[:10].copy()
part.write_h5ad(path + ".again.h5ad")
assert ad.read_h5ad(path + ".again.h5ad").n_obs == part.n_obs
backed = ad.read_h5ad(path, backed="r")
assert backed.X[:2].shape == (2, 3)
