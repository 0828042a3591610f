"""Writes the .h5ad fixtures of this folder and expected.json, which says what they hold.

anndata 0.12.19, h5py 3.16.0, numpy 2.4.6, scipy 1.17.1, pandas 2.3.3. Run: python generate.py
The files of old versions are laid out by hand with h5py, as those versions wrote them.
"""

import json
import pathlib
import warnings

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import scipy.sparse as sp

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(20221122)
warnings.filterwarnings("ignore")

N_CELLS, N_GENES = 12, 7
LABELS = ["control", "KLF1", "KLF1+TP53", "TP53+KLF1", "TP53", "control"] * 2
GENES = ["KLF1", "TP53", "GATA1", "MT-CO1", "HLA-A", "ÅS1", "ACTB"]
CELLS = [f"cell{i}" for i in range(N_CELLS)]

COUNTS = RNG.poisson(0.8, size=(N_CELLS, N_GENES))
COUNTS[:, 6] += 1  # no empty cells
COUNTS[3, 2] = 70_000  # more than 16 bits
EXPECTED = {}


def obs(labels=LABELS):
    return pd.DataFrame(
        {
            "perturbation": pd.Categorical(labels),
            "cell_type": pd.Categorical(["CD14+Mono", "CD4 T", "B"] * 4),
            "batch": [f"lane{i % 2}" for i in range(N_CELLS)],
            "dose": np.linspace(0, 110, N_CELLS),
            "umi_fraction": np.linspace(0, 1.1, N_CELLS).astype(np.float32),
            "n_genes": np.arange(N_CELLS, dtype=np.int32),
            "good": [i % 3 != 0 for i in range(N_CELLS)],
        },
        index=CELLS,
    )


def record(name, counts=COUNTS, *, labels=LABELS, cells=CELLS, genes=GENES, layer=None, **more):
    EXPECTED[name] = {
        "layer": layer,
        "counts": np.asarray(counts).astype(int).tolist(),
        "labels": list(labels),
        "cells": list(cells),
        "genes": list(genes),
        **more,
    }


def write(name, x, *, frame=None, genes=GENES, **kwargs):
    a = ad.AnnData(x, obs=obs() if frame is None else frame, var=pd.DataFrame(index=genes))
    for key, layer in kwargs.pop("layers", {}).items():
        a.layers[key] = layer
    if (raw := kwargs.pop("raw", None)) is not None:
        a.raw = raw
    a.write_h5ad(HERE / f"{name}.h5ad", **kwargs)
    return a


def encodings():
    for name, x in {
        "csr_f32": sp.csr_matrix(COUNTS.astype(np.float32)),
        "csr_i64": sp.csr_matrix(COUNTS.astype(np.int64)),
        "csc_f64": sp.csc_matrix(COUNTS.astype(np.float64)),
        "csc_u32": sp.csc_matrix(COUNTS.astype(np.uint32)),
        "dense_f32": COUNTS.astype(np.float32),
        "dense_i32": COUNTS.astype(np.int32),
    }.items():
        write(name, x)
        record(name)
    for name, x in {
        "csr_gzip": sp.csr_matrix(COUNTS.astype(np.float32)),
        "dense_gzip": COUNTS.astype(np.float64),
    }.items():
        write(name, x, compression="gzip")
        record(name)
    write("csr_lzf", sp.csr_matrix(COUNTS.astype(np.float32)), compression="lzf")
    record("csr_lzf")
    # Indices of a row in any order, and explicit zeros, are valid.
    x = sp.csr_matrix(COUNTS.astype(np.float32))
    for row in range(N_CELLS):
        span = slice(x.indptr[row], x.indptr[row + 1])
        x.indices[span] = x.indices[span][::-1].copy()
        x.data[span] = x.data[span][::-1].copy()
    x.has_sorted_indices = False
    write("csr_unsorted", x)
    record("csr_unsorted")
    half = np.minimum(COUNTS, 2000).astype(np.float16)
    write("dense_f16", half)
    record("dense_f16", half)


def chunked():
    """Chunks that do not divide the shape, in both directions."""
    write("dense_chunks", COUNTS.astype(np.float32))
    with h5py.File(HERE / "dense_chunks.h5ad", "a") as f:
        attrs = dict(f["X"].attrs)
        del f["X"]
        f.create_dataset("X", data=COUNTS.astype(np.float32), chunks=(5, 3), compression="gzip", shuffle=True)
        f["X"].attrs.update(attrs)
    record("dense_chunks")


def layers():
    normalised = np.log1p(COUNTS / COUNTS.sum(1, keepdims=True) * 1e4).astype(np.float32)
    write("layer_counts", sp.csr_matrix(normalised), layers={
        "scaled": normalised - normalised.mean(0), "counts": sp.csr_matrix(COUNTS.astype(np.int32))})
    record("layer_counts", layer="counts")
    # raw holds more genes than X does.
    raw = ad.AnnData(sp.csr_matrix(COUNTS.astype(np.float32)), obs=obs(), var=pd.DataFrame(index=GENES))
    write("raw_counts", normalised[:, :4], genes=GENES[:4], raw=raw)
    record("raw_counts", layer="raw")
    write("normalised_only", sp.csr_matrix(normalised))


def columns():
    frame = obs()
    frame["perturbation"] = LABELS  # text, not categorical
    frame["nullable_int"] = pd.array([None] + list(range(1, N_CELLS)), dtype="Int64")
    frame["nullable_bool"] = pd.array([None, True, False] * 4, dtype="boolean")
    frame["with_missing"] = pd.Categorical([None, "a", "b"] * 4)
    frame["small_categories"] = pd.Categorical(np.arange(N_CELLS) % 3)
    # anndata writes plain text columns as categoricals unless told not to.
    a = ad.AnnData(sp.csr_matrix(COUNTS.astype(np.float32)), obs=frame, var=pd.DataFrame(index=GENES))
    a.write_h5ad(HERE / "columns.h5ad", convert_strings_to_categoricals=False)
    record("columns", summaries={
        "cell_type": ["categorical", 3, 0], "batch": ["text", 2, 0], "n_genes": ["numeric", None, 0],
        "good": ["boolean", None, 0], "nullable_int": ["numeric", None, 1], "nullable_bool": ["boolean", None, 4],
        "with_missing": ["categorical", 2, 4], "small_categories": ["categorical", 3, 0]})


def old_versions():
    x = sp.csr_matrix(COUNTS.astype(np.float32))
    # 0.7: codes are the column, categories stand aside and are referred to.
    with h5py.File(HERE / "old_0_7.h5ad", "w") as f:
        g = f.create_group("X")
        g.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": np.array(x.shape)})
        for part in ("data", "indices", "indptr"):
            g[part] = getattr(x, part)
        o = f.create_group("obs")
        o.attrs.update({"_index": "barcode", "encoding-type": "dataframe", "encoding-version": "0.1.0"})
        o.attrs["column-order"] = np.array(["perturbation"], dtype=h5py.string_dtype())
        o.create_dataset("barcode", data=CELLS, dtype=h5py.string_dtype())
        labels = pd.Categorical(LABELS)
        o.create_dataset("perturbation", data=labels.codes)
        cats = o.create_dataset("__categories/perturbation", data=list(labels.categories), dtype=h5py.string_dtype())
        cats.attrs["ordered"] = False
        o["perturbation"].attrs["categories"] = cats.ref
        v = f.create_group("var")
        v.attrs.update({"_index": "symbol", "encoding-type": "dataframe", "encoding-version": "0.1.0"})
        v.attrs["column-order"] = np.array([], dtype=float)
        v.create_dataset("symbol", data=GENES, dtype=h5py.string_dtype())
    record("old_0_7")
    # Before: h5sparse attributes; names in fixed-width text without an attribute that says so.
    ascii_genes = [g.replace("Å", "A") for g in GENES]
    with h5py.File(HERE / "old_h5sparse.h5ad", "w", libver="earliest") as f:
        g = f.create_group("X")
        g.attrs.update({"h5sparse_format": "csr", "h5sparse_shape": np.array(x.shape)})
        for part in ("data", "indices", "indptr"):
            g[part] = getattr(x, part)
        f["obs/index"] = np.array(CELLS, dtype="S")
        f["obs/perturbation"] = np.array(LABELS, dtype="S")
        f["var/index"] = np.array(ascii_genes, dtype="S")
    record("old_h5sparse", genes=ascii_genes)
    # 0.6: tables were one compound dataset.
    with h5py.File(HERE / "old_compound.h5ad", "w") as f:
        f["X"] = COUNTS.astype(np.float32)
        f["obs"] = np.array(list(zip(CELLS, LABELS)), dtype=[("index", "S8"), ("perturbation", "S12")])
        f["var"] = np.array([(g,) for g in ascii_genes], dtype=[("index", "S8")])


def not_counts():
    for name, value, store in [
        ("negative", -1.0, sp.csr_matrix),
        ("nan", np.nan, sp.csc_matrix),
        ("fraction", 0.5, np.asarray),
        ("infinite", np.inf, sp.csr_matrix),
    ]:
        x = COUNTS.astype(np.float32)
        x[5, 4] = value
        write(name, store(x))


def awkward():
    x = sp.csr_matrix(COUNTS.astype(np.float32))
    write("duplicate_genes", x, genes=["KLF1", "TP53", "KLF1", "A", "B", "C", "D"])
    empty = COUNTS.copy()
    empty[[2, 7]] = 0
    write("empty_cells", sp.csr_matrix(empty.astype(np.float32)))
    kept = [i for i in range(N_CELLS) if i not in (2, 7)]
    record("empty_cells", empty[kept], labels=[LABELS[i] for i in kept], cells=[CELLS[i] for i in kept])
    frame = obs()
    frame.index = ["twin"] * 3 + CELLS[3:]
    write("duplicate_cells", x, frame=frame)
    record("duplicate_cells", cells=["twin", "twin-1", "twin-2"] + CELLS[3:])
    frame = obs([None, ""] + LABELS[2:])
    write("missing_labels", x, frame=frame)
    record("missing_labels", COUNTS[2:], labels=LABELS[2:], cells=CELLS[2:])
    write("no_control", x, frame=obs(["unknown", "KLF1", "TP53", "TP53"] * 3))
    write("no_perturbation_column", x, frame=obs()[["dose", "n_genes"]])
    write("underscores", x, frame=obs(["NT", "KLF1", "TP53", "KLF1_TP53", "GATA1", "KLF1_GATA1"] * 2))
    # Filters that are registered but not built in: the number alone decides.
    write("zstd", x, compression="gzip")
    with h5py.File(HERE / "zstd.h5ad", "a") as f:
        del f["X/data"]
        space = h5py.h5s.create_simple((x.nnz,))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((x.nnz,))
        # Optional, so that HDF5 creates the dataset without the plugin; the chunk is written as it is.
        plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (3,))
        d = h5py.h5d.create(f["X"].id, b"data", h5py.h5t.IEEE_F32LE, space, plist)
        d.write_direct_chunk((0,), x.data.tobytes(), 0)


def bombs():
    """Small files that declare more than any memory holds."""
    x = sp.csr_matrix(COUNTS.astype(np.float32))
    for name, store in {"bomb_shape_csr": x, "bomb_shape_csc": x.tocsc()}.items():
        write(name, store)
        with h5py.File(HERE / f"{name}.h5ad", "a") as f:
            f["X"].attrs["shape"] = np.array([2**40, 2**40] if name.endswith("csr") else [2**31, N_GENES])
    for name, part, kind in [
        ("bomb_values", "X/data", "f4"),
        ("bomb_pointers", "X/indptr", "i8"),
        ("bomb_codes", "obs/perturbation/codes", "i1"),
        ("bomb_names", "obs/_index", h5py.string_dtype()),
        ("bomb_dense", "X", "f4"),
    ]:
        write(name, x)
        with h5py.File(HERE / f"{name}.h5ad", "a") as f:
            attrs = dict(f[part].attrs)
            del f[part]
            shape = (2**20, 2**20) if part == "X" else (2**40,)
            f.create_dataset(part, shape=shape, dtype=kind, chunks=tuple(256 for _ in shape))
            f[part].attrs.update({k: v for k, v in attrs.items() if k.startswith("encoding")})
            if part == "X":
                f[part].attrs["encoding-type"] = "array"


encodings()
bombs()
chunked()
layers()
columns()
old_versions()
not_counts()
awkward()
(HERE / "expected.json").write_text(json.dumps(EXPECTED, ensure_ascii=False) + "\n")
