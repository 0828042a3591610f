"""Our Fréchet distance, energy distance and MMD beside scipy's and scikit-learn's, on the same data.

    cargo build --release -p pert-metrics --example time_metrics
    pip install scipy scikit-learn
    python benches/peers/compare_metrics.py [--program target/release/examples/time_metrics] [--rounds 5] [fid50 fid128 fid512 fid2048 energy mmd large]

Times are those of the computation alone, without start, import and files. Runs take turns, so that a noisy machine disturbs
all alike; a first, unrecorded call of each Python form warms its caches. Fréchet distances are of 10,000 × d against 10,000 × d cells,
the two covariances included: `sqrtm` is the usual form (scipy's matrix square root), `eigh` numpy's symmetric one. Energy and MMD are of
5,000 × 50 against 5,000 × 50; scikit-learn's MMD has one kernel, ours six and their bandwidth. `large` is our energy distance of
100,000 × 50 against 100,000 × 50, time and peak memory (the two populations of 40 MB each included). Prints medians of wall-clock
seconds, the ratio of each to ours (median over rounds), and values, which differ where theirs count the zero diagonal or one kernel.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # a pinned kernel would slow numpy down
    os.environ.pop(name, None)
THREADS = str(len(os.sched_getaffinity(0)))
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(name, THREADS)

import numpy as np
import scipy.linalg
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel

CASES = ["fid50", "fid128", "fid512", "fid2048", "energy", "mmd", "large"]
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", nargs="*", metavar="CASE", default=[])
parser.add_argument("--program", default="target/release/examples/time_metrics")
parser.add_argument("--rounds", type=int, default=5)
options = parser.parse_args()


def moments(x):
    return x.mean(0), np.cov(x, rowvar=False)


def fid_sqrtm(x, y):
    (a, s), (b, t) = moments(x), moments(y)
    root = scipy.linalg.sqrtm(s @ t)
    return ((a - b) ** 2).sum() + np.trace(s + t - 2 * root.real)


def fid_eigh(x, y):
    (a, s), (b, t) = moments(x), moments(y)
    values, vectors = np.linalg.eigh(s)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    values = np.linalg.eigvalsh(root @ t @ root)
    return ((a - b) ** 2).sum() + np.trace(s + t) - 2 * np.sqrt(np.maximum(values, 0)).sum()


def energy(x, y):
    return 2 * euclidean_distances(x, y).mean() - euclidean_distances(x).mean() - euclidean_distances(y).mean()


def mmd(x, y, gamma=1 / 100):
    return rbf_kernel(x, x, gamma).mean() + rbf_kernel(y, y, gamma).mean() - 2 * rbf_kernel(x, y, gamma).mean()


def populations(what):
    """The two populations, and the Python forms to time on them."""
    rng = np.random.default_rng(0)
    if what.startswith("fid"):
        d = int(what.removeprefix("fid"))
        mixing = rng.normal(size=(d, d)) / np.sqrt(d)
        x = rng.normal(size=(10_000, d)) @ mixing
        y = rng.normal(size=(10_000, d)) @ mixing * 1.05 + 0.1
        return x, y, {"sqrtm": fid_sqrtm, "eigh": fid_eigh}
    n = 100_000 if what == "large" else 5_000
    x, y = rng.normal(size=(n, 50)), rng.normal(size=(n, 50)) + 0.1
    return x, y, {"energy": {"scikit-learn": energy}, "mmd": {"scikit-learn": mmd}, "large": {}}[what]


def ours(what, files, d):
    metric = "fid" if what.startswith("fid") else "energy" if what == "large" else what
    command = [options.program, metric, *files, str(d)]
    line = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return line["seconds"], line["value"], line["peak_mb"]


def theirs(form, x, y):
    start = time.perf_counter()
    value = form(x, y)
    return time.perf_counter() - start, float(value)


def compare(what):
    x, y, forms = populations(what)
    seconds = {name: [] for name in ["ours", *forms]}
    values, peaks = {}, []
    # One run of minutes needs no company of others, and slow forms no warm caches.
    rounds = min(options.rounds, 3) if what in ("fid2048", "large") else options.rounds
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/x.f64", f"{folder}/y.f64"]
        for path, rows in zip(files, (x, y)):
            np.ascontiguousarray(rows, dtype="<f8").tofile(path)
        if what != "fid2048":
            for form in forms.values():
                form(x, y)
        for _ in range(rounds):
            spent, values["ours"], peak = ours(what, files, x.shape[1])
            seconds["ours"].append(spent)
            peaks.append(peak)
            for name, form in forms.items():
                spent, values[name] = theirs(form, x, y)
                seconds[name].append(spent)
    print(f"{what}: {len(x):,} × {x.shape[1]}, {THREADS} threads, {rounds} rounds, load {os.getloadavg()[0]:.1f}")
    for name, s in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(s, seconds["ours"]))
        print(
            f"  {name:13} median {statistics.median(s):9.4f} s ({min(s):.4f}–{max(s):.4f}), "
            f"{ratio:6.2f} × ours; value {values[name]:.9g}"
            + (f"; peak {max(peaks):.0f} MB" if name == "ours" and peak else "")
        , flush=True)


for what in options.what or CASES:
    compare(what)
