"""Our UMAP beside umap-learn: time on 20,000 × 50 and faithfulness on scikit-learn's digits.

    cargo build --release -p pert-report --example umap_file
    pip install umap-learn scikit-learn
    python benches/peers/compare_umap.py [--program target/release/examples/umap_file] [--rounds 5] [time|digits]

Times are those of the fit alone, without import, compilation and files. Runs take turns (ours, seeded, unseeded), so that a
noisy machine disturbs all alike; a first, unrecorded call of umap-learn compiles its code. umap-learn with `random_state` runs on one
thread, without it on all; ours is seeded and gives the same bytes on any number of threads. Prints medians and ratios, of
wall-clock and of processor seconds (the sum over threads; on a loaded machine the steadier figure for what runs on one thread).
"""

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import time
import warnings

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # a pinned kernel would slow numpy down
    os.environ.pop(name, None)

import numpy as np
import umap
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

warnings.filterwarnings("ignore", message=".*n_jobs.*")
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("what", nargs="*", metavar="time|digits", default=[])
parser.add_argument("--program", default="target/release/examples/umap_file")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--seeds", type=int, default=5)
options = parser.parse_args()


def children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(x, seed, threads=None):
    """Seconds of the fit, processor seconds of the whole program, and the embedding."""
    environment = dict(os.environ)
    if threads:
        environment["RAYON_NUM_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory() as folder:
        source, target = f"{folder}/x.npy", f"{folder}/y.npy"
        np.save(source, np.ascontiguousarray(x, dtype="<f4"))
        command = [options.program, source, target, str(seed)]
        before = children()
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        return float(run.stdout.split()[-1]), children() - before, np.load(target)


def theirs(x, **settings):
    start, used = time.perf_counter(), time.process_time()
    y = umap.UMAP(**settings).fit_transform(x)
    return time.perf_counter() - start, time.process_time() - used, y


def clusters(n=20_000, d=50, k=50):
    """Gaussian clusters whose centres are 1.5 times as wide as they are."""
    rng = np.random.default_rng(0)
    centres = 1.5 * rng.normal(size=(k, d))
    labels = rng.integers(0, k, n)
    return (centres[labels] + rng.normal(size=(n, d))).astype(np.float32), labels


def faithfulness(x, y, labels):
    """Trustworthiness (k = 15) and leave-one-out accuracy of votes of 5, 10 and 15 neighbours in the plane."""
    votes = [cross_val_score(KNeighborsClassifier(k), y, labels, cv=LeaveOneOut()).mean() for k in (5, 10, 15)]
    return [trustworthiness(x, y, n_neighbors=15), *votes]


def compare_times():
    x, labels = clusters()
    theirs(x)  # compiles
    seconds = {"ours": [], "ours, 1 thread": [], "umap-learn seeded": [], "umap-learn unseeded": []}
    used = {name: [] for name in seconds}
    found = {}
    for _ in range(options.rounds):
        for name, call in [
            ("ours", lambda: ours(x, 0)),
            ("umap-learn unseeded", lambda: theirs(x)),
            ("ours, 1 thread", lambda: ours(x, 0, threads=1)),
            ("umap-learn seeded", lambda: theirs(x, random_state=0)),
        ]:
            wall, cpu, found[name] = call()
            seconds[name].append(wall)
            used[name].append(cpu)
    print(f"{len(x):,} × {x.shape[1]}, {os.cpu_count()} CPUs, {options.rounds} rounds, load {os.getloadavg()[0]:.1f}")
    same = found["ours"].tobytes() == found["ours, 1 thread"].tobytes()
    print("ours: the same bytes on one thread and on all:", same)
    for name, s in seconds.items():
        m = statistics.median(s)
        ratios = statistics.median(a / b for a, b in zip(s, seconds["ours"]))
        sample = np.random.default_rng(1).choice(len(x), 3_000, replace=False)
        vote = KNeighborsClassifier(15).fit(found[name], labels).score(found[name][sample], labels[sample])
        trust = trustworthiness(x[sample], found[name][sample], n_neighbors=15)
        print(
            f"{name:20} median {m:6.2f} s ({min(s):.2f}–{max(s):.2f}), {ratios:5.2f} × ours; "
            f"processor {statistics.median(used[name]):6.2f} s; "
            f"trustworthiness {trust:.4f}, vote {vote:.4f}"
        )


def compare_digits():
    x, labels = load_digits(return_X_y=True)
    x = x.astype(np.float32)
    print("digits: trustworthiness (k = 15), leave-one-out accuracy with k = 5, 10, 15")
    rows = {
        "ours": [faithfulness(x, ours(x, seed)[-1], labels) for seed in range(options.seeds)],
        "umap-learn": [faithfulness(x, theirs(x, random_state=seed)[-1], labels) for seed in range(options.seeds)],
    }
    for name, values in rows.items():
        for seed, row in enumerate(values):
            print(f"{name:10} seed {seed}: " + "  ".join(f"{v:.4f}" for v in row))
        print(f"{name:10} mean:   " + "  ".join(f"{v:.4f}" for v in np.mean(values, axis=0)))
    difference = np.mean(rows["ours"], axis=0) - np.mean(rows["umap-learn"], axis=0)
    print("ours less umap-learn:", "  ".join(f"{v:+.4f}" for v in difference))


if "time" in options.what or not options.what:
    compare_times()
if "digits" in options.what or not options.what:
    compare_digits()
