"""Molecules beside RDKit: first whether both say the same, then how fast each is on one thread.

    cargo build --release -p pert-encoders --example time_morgan
    pip install rdkit
    python benches/peers/compare_rdkit.py smiles_corpus.tsv.gz [sciplex3_compounds.tsv.gz] [--printed sciplex.tsv]
        [--program target/release/examples/time_morgan] [--rounds 7] [--n 3000]

Compared are the Morgan bits (radius 2, 2048 bits) of every 20th molecule of the corpus (its column `smiles`), up to n, of all compounds,
and the verdicts on texts: two of each molecule's letters changed by a seeded generator. The table `printed` holds SMILES as printed
and as meant (columns `smiles_as_printed`, `printed_is_valid`, `smiles`).

Times are those of the computation alone, without start and files. Runs take turns, so that a noisy machine disturbs all alike; a first,
unrecorded pass of each warms its caches. `bits` is SMILES to bits (RDKit: `MolFromSmiles`, `GetFingerprint`), `counts` SMILES to counts
(`GetCountFingerprint`), `tanimoto` the similarities of all to all (`BulkTanimotoSimilarity` row by row), fingerprints not included.
Prints medians of seconds and the ratio (median over rounds).
"""

import argparse
import csv
import gzip
import json
import random
import statistics
import subprocess
import tempfile
import time

from rdkit import Chem, DataStructs, RDLogger, rdBase
from rdkit.Chem import rdFingerprintGenerator

RDLogger.DisableLog("rdApp.*")
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("corpus")
parser.add_argument("compounds", nargs="?")
parser.add_argument("--printed")
parser.add_argument("--program", default="target/release/examples/time_morgan")
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--n", type=int, default=3000)
options = parser.parse_args()


def column(path, name):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as file:
        return [row[name] for row in csv.DictReader(file, delimiter="\t")]


generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)


def program(listed, task):
    """The lines the program prints for one task over SMILES."""
    with tempfile.NamedTemporaryFile("w", suffix=".smi") as file:
        file.write("\n".join(listed) + "\n")
        file.flush()
        return subprocess.run([options.program, file.name], input=task + "\n", capture_output=True, text=True, check=True).stdout.splitlines()


def ours(listed):
    """Bits, or the refusal, of each SMILES."""
    lines = program(listed, "list")
    assert len(lines) == len(listed), (len(lines), len(listed))
    return [line if line.startswith("!") else json.loads(line) for line in lines]


def theirs(smiles):
    mol = Chem.MolFromSmiles(smiles)
    return None if mol is None or not mol.GetNumAtoms() else list(generator.GetFingerprint(mol).GetOnBits())


def compare(name, listed):
    same = refused = 0
    for smiles, mine in zip(listed, ours(listed)):
        expected = theirs(smiles)
        refused += expected is None
        if (None if isinstance(mine, str) else mine) == expected:
            same += 1
        else:
            print(f"  differs: {smiles} ({mine if isinstance(mine, str) else 'other bits'}; RDKit {'refuses' if expected is None else 'accepts'})")
    print(f"{name}: {same} of {len(listed)} the same, {refused} of them refused by RDKit")


def edited(rng, smiles):
    letters = list(smiles)
    for _ in range(2):
        letters[rng.randrange(len(letters))] = rng.choice("CNOSFcnos()[]=#1234+-@")
    return "".join(letters)


corpus = column(options.corpus, "smiles")[::20][: options.n]
print(f"RDKit {rdBase.rdkitVersion}")
compare("corpus", corpus)
compounds = column(options.compounds, "smiles") if options.compounds else []
if compounds:
    compare("compounds", compounds)
rng = random.Random(1)
compare("edited texts", [edited(rng, smiles.split()[0]) for smiles in corpus + compounds])
if options.printed:
    printed, meant = column(options.printed, "smiles_as_printed"), column(options.printed, "smiles")
    judged = column(options.printed, "printed_is_valid")
    compare("as printed", printed)
    compare("as meant", meant)
    for row, (mine, valid) in enumerate(zip(ours(printed), judged)):
        assert isinstance(mine, str) == (valid == "no"), row
        if valid == "no":
            print(f"  row {row} {mine}")
        elif mine != theirs(meant[row]):
            print(f"  row {row} is a molecule, but not the one meant")

smiles = [s for s in corpus if theirs(s) is not None]
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
    running = subprocess.Popen([options.program, listed.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(task):
        running.stdin.write(task + "\n")
        running.stdin.flush()
        seconds, n = running.stdout.readline().split()
        assert int(n) == len(smiles), (n, len(smiles))
        return float(seconds)

    print(f"{len(smiles)} molecules timed")
    for task, peer in TASKS.items():
        run(task), timed(peer)
        pairs = [(run(task), timed(peer)) for _ in range(options.rounds)]
        ratio = statistics.median(b / a for a, b in pairs)
        mine, other = (statistics.median(times) for times in zip(*pairs))
        print(f"{task}: ours {mine:.4f} s, RDKit {other:.4f} s, ratio {ratio:.1f} (all rounds: {min(b / a for a, b in pairs):.1f} to {max(b / a for a, b in pairs):.1f})")
    running.stdin.close()
    running.wait()
