"""Parsing and Morgan fingerprints (radius 2, 2048 bits) beside RDKit's, of the same molecules on one thread.

    cargo build --release -p pert-encoders --example time_morgan
    pip install rdkit
    python benches/peers/compare_morgan.py smiles_corpus.tsv.gz [--program target/release/examples/time_morgan] [--rounds 7] [--n 2000]

Times are those of the computation alone, without start and files. Runs take turns, so that a noisy machine disturbs all alike; a first,
unrecorded pass of each warms its caches. `bits` is SMILES to bits (RDKit: `MolFromSmiles`, `GetFingerprint`), `counts` SMILES to counts
(`GetCountFingerprint`), `tanimoto` the similarities of all to all (`BulkTanimotoSimilarity` row by row), fingerprints not included.
Every 20th molecule of the table's column `smiles` is taken, up to n. Prints medians of seconds and the ratio (median over rounds).
"""

import argparse
import csv
import gzip
import statistics
import subprocess
import tempfile
import time

from rdkit import Chem, DataStructs, RDLogger, rdBase
from rdkit.Chem import rdFingerprintGenerator

RDLogger.DisableLog("rdApp.*")
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("corpus")
parser.add_argument("--program", default="target/release/examples/time_morgan")
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--n", type=int, default=2000)
options = parser.parse_args()

with gzip.open(options.corpus, "rt") as file:
    smiles = [row["smiles"] for row in csv.DictReader(file, delimiter="\t")][::20][: options.n]
generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
prints = [generator.GetFingerprint(Chem.MolFromSmiles(s)) for s in smiles]


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


TASKS = {
    "bits": lambda: [generator.GetFingerprint(Chem.MolFromSmiles(s)) for s in smiles],
    "counts": lambda: [generator.GetCountFingerprint(Chem.MolFromSmiles(s)) for s in smiles],
    "tanimoto": lambda: [DataStructs.BulkTanimotoSimilarity(p, prints) for p in prints],
}

with tempfile.NamedTemporaryFile("w", suffix=".smi") as listed:
    listed.write("\n".join(smiles) + "\n")
    listed.flush()
    ours = subprocess.Popen([options.program, listed.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(task):
        ours.stdin.write(task + "\n")
        ours.stdin.flush()
        seconds, n = ours.stdout.readline().split()
        assert int(n) == len(smiles), (n, len(smiles))
        return float(seconds)

    print(f"{len(smiles)} molecules, RDKit {rdBase.rdkitVersion}")
    for task, theirs in TASKS.items():
        run(task), timed(theirs)
        pairs = [(run(task), timed(theirs)) for _ in range(options.rounds)]
        ratio = statistics.median(b / a for a, b in pairs)
        mine, peer = (statistics.median(times) for times in zip(*pairs))
        print(f"{task}: ours {mine:.4f} s, RDKit {peer:.4f} s, ratio {ratio:.1f} (all rounds: {min(b / a for a, b in pairs):.1f} to {max(b / a for a, b in pairs):.1f})")
    ours.stdin.close()
    ours.wait()
