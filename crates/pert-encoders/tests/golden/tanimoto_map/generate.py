"""Kernel ridge regression on Tanimoto similarity and dose by RDKit and scikit-learn: predictions for drugs and doses not seen.

Pinned: Python 3.11.7, rdkit 2026.9.1, scikit-learn 1.9.1, numpy 2.4.6. Run: python generate.py
"""
import json
from pathlib import Path

import numpy as np
import sklearn
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator
from sklearn.kernel_ridge import KernelRidge

DRUGS = {
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O", "caffeine": "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "ibuprofen": "CC(C)Cc1ccc(cc1)C(C)C(=O)O",
    "imatinib": "Cc1ccc(cc1Nc2nccc(n2)c3cccnc3)NC(=O)c4ccc(cc4)CN5CCN(CC5)C", "vorinostat": "ONC(=O)CCCCCCC(=O)Nc1ccccc1",
    "erlotinib": "COCCOc1cc2c(cc1OCCOC)ncnc2Nc3cccc(c3)C#C", "gefitinib": "COc1cc2ncnc(c2cc1OCCCN3CCOCC3)Nc4ccc(c(c4)Cl)F",
    "sorafenib": "CNC(=O)c1cc(ccn1)Oc2ccc(cc2)NC(=O)Nc3ccc(c(c3)C(F)(F)F)Cl", "paracetamol": "CC(=O)Nc1ccc(O)cc1",
}
TRAINING = [
    ("aspirin", 10), ("aspirin", 1000), ("caffeine", 100), ("ibuprofen", 10), ("imatinib", 10), ("imatinib", 10000), ("vorinostat", 100),
    ("erlotinib", 1000), ("sorafenib", 10), ("sorafenib", 1000),
]
NEW = [("gefitinib", 1000), ("paracetamol", 10), ("aspirin", 100), ("vorinostat", 100000)]
SCALE, ALPHA = 2.5, 0.3

generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
prints = {drug: generator.GetFingerprint(Chem.MolFromSmiles(smiles)) for drug, smiles in DRUGS.items()}


def kernel(rows, columns):
    def one(a, b):
        distance = (np.log1p(a[1]) - np.log1p(b[1])) / SCALE
        return DataStructs.TanimotoSimilarity(prints[a[0]], prints[b[0]]) * np.exp(-0.5 * distance**2)

    return np.array([[one(a, b) for b in columns] for a in rows])


y = np.random.default_rng(0).normal(size=(len(TRAINING), 2))
predicted = KernelRidge(alpha=ALPHA, kernel="precomputed").fit(kernel(TRAINING, TRAINING), y).predict(kernel(NEW, TRAINING))
out = {
    "drugs": DRUGS, "training": [f"{d}_{n}nM" for d, n in TRAINING], "new": [f"{d}_{n}nM" for d, n in NEW], "dose_scale": SCALE,
    "alpha": ALPHA, "y": y.ravel().tolist(), "predicted": predicted.ravel().tolist(),
    "kernel": kernel(NEW, TRAINING).ravel().tolist(),
}
Path(__file__).with_name("expected.json").write_text(json.dumps(out, indent=1) + "\n")
print("scikit-learn", sklearn.__version__, predicted)
