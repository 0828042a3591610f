"""Morgan fingerprints (radius 2, 2048 bits, without chirality) by RDKit: the 188 compounds of sciPlex 3 (Srivatsan et al. 2020),
every 20th molecule of a corpus of LINCS and ZINC, molecules chosen for the corners, and texts that are refused.

Of every molecule one checksum: CRC-32 of "bit:count" of its folded count fingerprint, bits ascending, joined by commas; the bits
are those counted. Of 200 the bits and counts themselves, and the Tanimoto similarity of each to the next.

Pinned: Python 3.11.7, rdkit 2026.9.1. Run: python generate.py sciplex3_compounds.tsv.gz smiles_corpus.tsv.gz
"""
import csv
import gzip
import json
import random
import sys
import zlib
from pathlib import Path

from rdkit import Chem, DataStructs, RDLogger
from rdkit.Chem import rdFingerprintGenerator

RDLogger.DisableLog("rdApp.*")
STRIDE = 20
SAMPLE = 200
GENERATOR = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)

CORNERS = [
    "C", "O", "[H][H]", "[2H]C", "[H]C([H])([H])[H]", "[Na+].[Cl-]", "CC(=O)[O-].[Na+]", "C1CC1", "c1ccccc1", "C1=CC=CC=C1",
    "C[N+](=O)[O-]", "CN(=O)=O", "c1cc[nH]c1", "[nH]1cccc1", "O=c1cc[nH]cc1", "C1CC2CCC1C2", "C1CC2(C1)CCC2", "F/C=C/F", "F/C=C\\F",
    "C[C@H](N)O", "C[C@@H](N)O", "*c1ccccc1", "[Fe+2].[cH-]1cccc1.[cH-]1cccc1", "N[Pt]1(N)OC(=O)C2(CCC2)C(=O)O1", "[13CH3]C",
    "C%12CCCCC%12", "CS(=O)(=O)C", "OS(=O)(=O)O", "OP(=O)(O)O", "B1(O)OCc2cc(F)ccc12", "[Se]1cccc1", "c1ccc2c(c1)[nH]c1ccccc12",
    "N#N", "[C-]#[O+]", "C=C=C", "C1CCCCCCCCCCC1", "c1ccc2ccccc2c1", "c1ccc2cc3ccccc3cc2c1", "O=Cl(=O)(=O)O", "[O-][Cl+3]([O-])([O-])O",
    "C[n+]1ccccc1", "[O-][n+]1ccccc1", "C1=CC=CC=CC=C1", "[CH-]1C=CC=C1", "S1C=CN=C1", "CC.CC", "C1.C1", "[Cl-].C[NH3+]", "C" * 200,
]


def fingerprint(mol):
    return sorted(GENERATOR.GetCountFingerprint(mol).GetNonzeroElements().items())


def checksum(mol):
    text = ",".join(f"{bit}:{count}" for bit, count in fingerprint(mol))
    assert [b for b, _ in fingerprint(mol)] == list(GENERATOR.GetFingerprint(mol).GetOnBits())
    return f"{zlib.crc32(text.encode()):08x}"


def read(path):
    with gzip.open(path, "rt") as file:
        return [row["smiles"] for row in csv.DictReader(file, delimiter="\t")]


def edited(rng, smiles):
    letters = list(smiles)
    for _ in range(rng.randint(1, 2)):
        i = rng.randrange(len(letters))
        what = rng.randrange(3)
        if what == 0 and len(letters) > 1:
            del letters[i]
        elif what == 1:
            letters.insert(i, rng.choice("CNOSFcnos()[]=#1234+-@"))
        else:
            letters[i] = rng.choice("CNOSFcnos()[]=#1234+-@")
    return "".join(letters)


compounds, corpus = read(sys.argv[1]), read(sys.argv[2])[::STRIDE]
mols = [Chem.MolFromSmiles(s) for s in corpus]
rng = random.Random(0)
chosen = sorted(rng.sample([i for i, mol in enumerate(mols) if mol is not None], SAMPLE))
sample = []
for place, i in enumerate(chosen):
    following = mols[chosen[(place + 1) % SAMPLE]]
    similarity = DataStructs.TanimotoSimilarity(GENERATOR.GetFingerprint(mols[i]), GENERATOR.GetFingerprint(following))
    bits = fingerprint(mols[i])
    sample.append({
        "smiles": corpus[i], "bits": [b for b, _ in bits], "counts": [c for _, c in bits], "tanimoto_to_next": similarity,
    })
judged = [edited(rng, rng.choice(compounds + corpus)) for _ in range(800)]
# A name or extension behind the structure is not read here.
judged = [s.split()[0] for s in judged if s.split()]


def judge(smiles):
    mol = Chem.MolFromSmiles(smiles)
    return {"smiles": smiles, "crc": checksum(mol) if mol is not None and mol.GetNumAtoms() else None}


out = {
    "stride": STRIDE,
    "corpus": " ".join(checksum(mol) if mol is not None else "-" for mol in mols),
    "compounds": " ".join(checksum(Chem.MolFromSmiles(s)) for s in compounds),
    "corners": [judge(s) for s in CORNERS],
    "edited": [judge(s) for s in judged],
    "sample": sample,
}
text = json.dumps(out, separators=(",", ":")).replace('},{', '},\n{')
Path(__file__).with_name("expected.json").write_text(text + "\n")
print(len(corpus), sum(m is None for m in mols), sum(j["crc"] is None for j in out["edited"]), len(text))
