"""Canonical SMILES and Bemis-Murcko scaffolds by RDKit: the 188 compounds of sciPlex 3 (Srivatsan et al. 2020), molecules
chosen for the corners of the definitions, and real SMILES with random edits, most of which are refused.

Pinned: Python 3.11.7, rdkit 2026.9.1. Run: python generate.py sciplex3_compounds.tsv.gz (columns `name` and `smiles`)
"""
import csv
import gzip
import json
import random
import sys
from pathlib import Path

from rdkit import Chem, RDLogger
from rdkit.Chem.Scaffolds import MurckoScaffold

RDLogger.DisableLog("rdApp.*")

CORNERS = [
    "CCO", "C", "[Na+].[Cl-]", "CCCC(CCC)C(=O)[O-].[Na+]", "C1CC1", "c1ccccc1", "Cc1ccccc1", "C1=CC=CC=C1C",
    "O=C1CCCCC1", "CC=C1CCCCC1", "C=C1CCCCC1C=C", "CS(=O)(=O)c1ccccc1", "O=S1(=O)CCCC1", "c1ccccc1CCCCc1ccccc1",
    "c1ccccc1C(=O)Nc1ccccc1", "c1ccccc1C(C)(C)c1ccccc1", "C1CC2(C1)CCC2", "C1CC2CCC1C2", "Cn1cccc1", "c1cc[nH]c1",
    "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C[n+]1ccccc1", "[O-][n+]1ccccc1C", "Cc1cc[n-]c1.[K+]", "C[N+]1(C)CCCCC1",
    "C[C@H](N)c1ccccc1", "C[C@@H](N)c1ccccc1", "N[C@@H]1CCCC[C@H]1O", "OC(=O)[C@@H]1CCCN1", "F/C=C/c1ccccc1",
    "c1ccccc1/C=C/c1ccccc1", "c1ccccc1/C=C\\c1ccccc1", "[2H]c1ccccc1", "[13CH3]c1ccccc1", "[H]C([H])([H])[H]",
    "C1CCCCCCCCCCC1", "O=C1NCCCCCCCCCC(=O)O1", "CCCCCCCCc1ccc(CCC(N)(CO)CO)cc1.Cl", "Cc1ccc(cc1)S(=O)(=O)O.CC1CC1",
    "c1ccccc1.c1ccccc1", "C1CC1.C1CCC1", "*c1ccccc1", "[*]C", "C%12CCCCC%12", "[Fe+2].[cH-]1cccc1.[cH-]1cccc1",
    "Cl[Pt](Cl)(N)N", "N[Pt]1(N)OC(=O)C2(CCC2)C(=O)O1", "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "C[C@@H](C(=O)O)c1ccc(CC(C)C)cc1",
    "B1(O)OCc2cc(F)ccc12", "[Se]1cccc1", "c1ccc2c(c1)[nH]c1ccccc12", "O=c1cc[nH]cc1", "N#Cc1ccccc1C#N", "C1=CC=CC=CC=C1",
    "c1ccc2cccc2cc1", "[CH-]1C=CC=C1", "C1CC1C(=N)C1CC1", "C1CC1N=C1CC1", "C1CC1C(=C)C1CC1", "C1CC1C(=CC)C1CC1",
    "P1(=O)(O)OCC2OC(CC2O1)n1cnc2c(N)ncnc12", "CCO |c:1|", "c1ccccc1\tbenzene", "c1ccccc1 and more words",
    "", " ", "c1cccc1", "C(C)(C)(C)(C)C", "C1CC", "C(", "C)", "[C", "Xx", "C==C", "c1ccccc1|", "F=F", "[nH]1cccc1C1",
    "n1cccc1", "C1CC2", "[Zz]", "O(C)(C)C", "[C@@@H](F)(Cl)Br", "C11", "C1C1", "\u00e9", "C-", "=C", "%1", "C.", ".C", "C..C", "C()C", "C(=)C", "C=(O)C", "CN@O", "C(.C)C", "(C)C", "C((C))C", "C-(C)C", "N->[Fe]", "C:C",
    "c1ccccc1-", "CC(.)C", "C%(100)CC%(100)", "C(C1)CC1", "O=[SH](=O)c1ccccc1", "OS=C1CNc2ccccc2O1",
]


def scaffold(mol):
    return MurckoScaffold.MurckoScaffoldSmiles(mol=mol)


def group(mol):
    """The scaffold, or without rings the molecule, of the fragment with most heavy atoms; read from the canonical SMILES,
    so that it does not depend on the spelling."""
    parts = map(Chem.MolFromSmiles, Chem.MolToSmiles(mol).split("."))
    part = min(parts, key=lambda m: (-m.GetNumHeavyAtoms(), Chem.MolToSmiles(m)))
    return scaffold(part) or Chem.MolToSmiles(part, isomericSmiles=False)


def judge(smiles):
    mol = Chem.MolFromSmiles(smiles) if smiles.strip() else None
    if mol is None or mol.GetNumAtoms() == 0:
        return {"smiles": smiles}
    return {"smiles": smiles, "canonical": Chem.MolToSmiles(mol), "scaffold": scaffold(mol), "group": group(mol)}


def edited(rng, smiles):
    letters = list(smiles)
    for _ in range(rng.randint(1, 2)):
        i = rng.randrange(len(letters))
        what = rng.randrange(4)
        if what == 0:
            del letters[i]
        elif what == 1:
            letters.insert(i, rng.choice("CNOSFcnos()[]=#1234-+@/\\.%H"))
        elif what == 2:
            letters[i] = rng.choice("CNOSFcnos()[]=#1234")
        else:
            j = rng.randrange(len(letters))
            letters[i], letters[j] = letters[j], letters[i]
    return "".join(letters)


def main(n_edited=int(sys.argv[2]) if len(sys.argv) > 2 else 400):
    with gzip.open(sys.argv[1], "rt") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    rng = random.Random(5)
    plain = [row["smiles"].split()[0] for row in rows]
    edits = sorted({edited(rng, rng.choice(plain)) for _ in range(n_edited)})
    out = {
        "compounds": [{"name": row["name"].strip(), **judge(row["smiles"])} for row in rows],
        "corners": [judge(smiles) for smiles in CORNERS],
        "edited": [judge(smiles) for smiles in edits],
    }
    lines = ",\n".join(
        f'"{key}": [\n' + ",\n".join(json.dumps(entry) for entry in entries) + "\n]" for key, entries in out.items()
    )
    Path(__file__).with_name("expected.json").write_text("{\n" + lines + "\n}\n")


main()
