"""Held-out bound of our plain VAE beside scvi-tools' SCVI: nats per cell on real counts.

    cargo build --release -p pert-prior --example held_out_elbo
    pip install scvi-tools anndata
    python benches/peers/compare_scvi.py --data DIR [--library observed|latent] [--epochs 40] [--seeds 3] [FILE …]

Both have one hidden layer of width 128 on each side, ten latent dimensions, ZINB counts with a dispersion per gene, batches of
128, as many passes over the same cells, and a KL weight that rises over the first 30% of them; every fifth cell is held out.
Optimiser and rate are each side's own default: scvi-tools' constant 1e-3, our one-cycle up to 2e-3. `--rate` gives scvi-tools others
as well, each a row of its own. The bound is the same on both sides: E_q log p(y|z,l) − KL(q(z) ‖ N(0, I)) − KL(q(l) ‖ p(l)),
log p(y|z,l) complete with its constants, a mean over held-out cells of five draws each, the networks as they predict (no
dropout, batch norm by running statistics). With `observed` l is the total count and its KL 0; with `latent` p(l) is the log-normal of
the training cells' totals on both sides.

Runs take turns, on one thread each, so that a noisy machine disturbs all alike. Prints a line per run, then medians and ranges over
seeds: bound, reconstruction, seconds of the training call, and processor seconds, the steadier figure on a loaded machine
(scvi-tools: of the training call; ours: of the whole program, which also reads the file and evaluates).
"""

import argparse
import json
import logging
import os
import resource
import statistics
import subprocess
import time
import warnings

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # a pinned kernel would slow numpy down
    os.environ.pop(name, None)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

warnings.filterwarnings("ignore")
import anndata
import numpy as np
import scipy.sparse
import scvi
import torch

FILES = ["papalexi21_thp1_crispr_ko", "kang18_pbmc_ifnb_harmony", "norman19_k562_crispra_dev"]
DRAWS = 5
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("files", nargs="*", metavar="FILE", default=FILES)
parser.add_argument("--data", required=True)
parser.add_argument("--program", default="target/release/examples/held_out_elbo")
parser.add_argument("--library", choices=["observed", "latent"], default="observed")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--rate", type=float, action="append", help="of scvi-tools; may be given several times")
options = parser.parse_args()
rates = options.rate or [1e-3]
torch.set_num_threads(1)
scvi.settings.verbosity = logging.ERROR
for name in ("lightning.pytorch", "lightning.fabric", "pytorch_lightning"):
    logging.getLogger(name).setLevel(logging.ERROR)


def ours(path, seed):
    command = [options.program, path, options.library, str(options.epochs), str(seed)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return run | {"processor": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime}


def cells(path):
    """Counts of the training and the held-out cells, dense float32; as our reader, without cells that have no counts."""
    x = scipy.sparse.csr_matrix(anndata.read_h5ad(path).X).toarray().astype(np.float32)
    x = x[x.sum(1) > 0]
    held_out = np.arange(len(x)) % 5 == 4
    return x[~held_out], x[held_out]


def terms(module, x):
    """Reconstruction and the two divergences of every cell for one draw of z and l."""
    batch = torch.zeros(len(x), 1, dtype=torch.long)
    inferred = module.inference(x, batch)
    made = module.generative(inferred["z"], inferred["library"], batch)
    kl = torch.distributions.kl_divergence
    kl_z = kl(inferred["qz"], made["pz"]).sum(1)
    kl_l = kl(inferred["ql"], made["pl"]).sum(1) if options.library == "latent" else torch.zeros(len(x))
    return made["px"].log_prob(x).sum(1), kl_z, kl_l


def theirs(path, seed, rate):
    kept, held_out = cells(path)
    scvi.settings.seed = seed
    data = anndata.AnnData(scipy.sparse.csr_matrix(kept))
    scvi.model.SCVI.setup_anndata(data)
    model = scvi.model.SCVI(
        data,
        n_hidden=128,
        n_latent=10,
        n_layers=1,
        gene_likelihood="zinb",
        use_observed_lib_size=options.library == "observed",
    )
    start, used = time.perf_counter(), time.process_time()
    model.train(
        max_epochs=options.epochs,
        batch_size=128,
        train_size=1.0,
        accelerator="cpu",
        enable_progress_bar=False,
        plan_kwargs={"lr": rate, "n_epochs_kl_warmup": max(1, round(0.3 * options.epochs))},
    )
    seconds, used = time.perf_counter() - start, time.process_time() - used
    model.module.eval()
    with torch.no_grad():
        draws = [terms(model.module, torch.tensor(held_out)) for _ in range(DRAWS)]
    reconstruction, kl_z, kl_l = (np.mean([draw[k].double().mean().item() for draw in draws]) for k in range(3))
    return {
        "cells": [len(kept), len(held_out)],
        "counts": [kept.sum(dtype=float), held_out.sum(dtype=float)],
        "elbo": reconstruction - kl_z - kl_l,
        "reconstruction": reconstruction,
        "seconds": seconds,
        "processor": used,
    }


def spread(values, digits=1):
    low, high = (f"{v:.{digits}f}" for v in (min(values), max(values)))
    return f"{statistics.median(values):.{digits}f} ({low} to {high})"


print(f"scvi-tools {scvi.__version__}, torch {torch.__version__}, {options.epochs} epochs, library {options.library}")
for file in options.files:
    path = os.path.join(options.data, f"{file}.h5ad")
    runs = {}
    for seed in range(options.seeds):
        found = {"pert-decoder": ours(path, seed)}
        for rate in rates:
            found[f"scvi-tools, rate {rate:g}"] = theirs(path, seed, rate)
        for name, run in found.items():
            same = found["pert-decoder"]
            assert run["cells"] == same["cells"] and run["counts"] == same["counts"], "not the same cells"
            runs.setdefault(name, []).append(run)
            print(f"{file} seed {seed} {name}: " + json.dumps(run), flush=True)
    kept, held_out = runs["pert-decoder"][0]["cells"]
    for name, of_seeds in runs.items():
        columns = [spread([run[key] for run in of_seeds]) for key in ("elbo", "reconstruction", "seconds", "processor")]
        print(f"| {file} ({kept:,} + {held_out:,} cells) | {name} | " + " | ".join(columns) + " |", flush=True)
