"""Scales of the amino acids from AAindex and BLOSUM62 from Biopython.

    pip install aaindex biopython==1.88
    python crates/pert-encoders/tests/golden/residue_scales/generate.py > expected.json
"""

import json
from importlib.metadata import version

from aaindex import aaindex1
from Bio.Align import substitution_matrices

ORDER = "ARNDCQEGHILKMFPSTWYV"
SCALES = {
    "hydropathy": "KYTJ820101",
    "volume": "GRAR740103",
    "charge": "KLEP840101",
    "polarity": "GRAR740102",
    "helix": "CHOP780201",
    "sheet": "CHOP780202",
}
blosum = substitution_matrices.load("BLOSUM62")
print(
    json.dumps(
        {
            "versions": {name: version(name) for name in ("aaindex", "biopython")},
            "order": ORDER,
            "scales": {name: [float(aaindex1[code].values[r]) for r in ORDER] for name, code in SCALES.items()},
            "blosum62": [[int(blosum[a][b]) for b in ORDER] for a in ORDER],
        }
    )
)
