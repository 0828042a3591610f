"""Writes digits.u8 and expected.json: how well umap-learn embeds scikit-learn's digits.

digits.u8: 1,797 labels, then 1,797 × 64 pixel values (0..16), one byte each. expected.json: mean over five
seeds of the trustworthiness (k = 15) and of the leave-one-out accuracy of a 5-nearest-neighbour vote.

Versions: umap-learn 0.5.12, numba 0.68.1, pynndescent 0.7.0, scikit-learn 1.9.1, numpy 2.4.6.
"""

import json
from pathlib import Path

import numpy as np
import umap
from sklearn.datasets import load_digits
from sklearn.manifold import trustworthiness
from sklearn.model_selection import LeaveOneOut, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

SEEDS, K_TRUST, K_VOTE = range(5), 15, 5
here = Path(__file__).parent

x, labels = load_digits(return_X_y=True)
bytes_ = np.concatenate([labels, x.ravel()]).astype(np.uint8)
(here / "digits.u8").write_bytes(bytes_.tobytes())

trust, accuracy = [], []
for seed in SEEDS:
    y = umap.UMAP(random_state=seed, n_jobs=1).fit_transform(x.astype(np.float32))
    trust.append(float(trustworthiness(x, y, n_neighbors=K_TRUST)))
    vote = KNeighborsClassifier(K_VOTE)
    accuracy.append(float(cross_val_score(vote, y, labels, cv=LeaveOneOut()).mean()))
    print(seed, trust[-1], accuracy[-1])

out = {
    "n_points": len(labels),
    "n_columns": x.shape[1],
    "k_trustworthiness": K_TRUST,
    "k_vote": K_VOTE,
    "trustworthiness": float(np.mean(trust)),
    "accuracy": float(np.mean(accuracy)),
    "trustworthiness_per_seed": trust,
    "accuracy_per_seed": accuracy,
}
(here / "expected.json").write_text(json.dumps(out, indent=1) + "\n")
