"""Principal components by scikit-learn (full SVD): variances, loadings up to sign, scores up to sign.

Versions: Python 3, numpy 2.4.6, scipy 1.17.1, scikit-learn 1.9.1. Seeded; writes expected.json beside itself.
"""
import json
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

rng = np.random.default_rng(4)
cases = []
for n, d, k in [(50, 8, 8), (40, 60, 10), (120, 20, 5)]:
    x = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 10).round(6)
    pca = PCA(n_components=k, svd_solver="full").fit(x)
    cases.append({
        "d": d,
        "k": k,
        "x": x.ravel().tolist(),
        "explained_variance": pca.explained_variance_.tolist(),
        "absolute_components": np.abs(pca.components_).ravel().tolist(),
        "absolute_scores": np.abs(pca.transform(x)).ravel().tolist(),
    })
Path(__file__).with_name("expected.json").write_text(json.dumps(cases))
