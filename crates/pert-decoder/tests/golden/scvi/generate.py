"""Latent means, terms of the bound and expression of scvi-tools' own module, for its weights loaded into ScviLayout.

scvi-tools 1.4.2, torch 2.15.0, safetensors, Python 3.11.7. The module is drawn at random, batch norm included, exported
by python/export_scvi.py in float32, and evaluated in float64 with running statistics, at the posterior means.
Run: python generate.py  (writes expected.json and *.safetensors beside itself; seed 3)
"""
import json
import pathlib
import sys

import numpy as np
import torch
from scvi.module import VAE

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here.parents[2] / "python"))
from export_scvi import export  # noqa: E402

N, G = 6, 9
rng = np.random.default_rng(3)
torch.manual_seed(3)
Y = rng.negative_binomial(0.7, 0.7 / (0.7 + 4.0 * 2.0 ** rng.normal(size=(N, G)))).astype(np.float64)
Y[:, 0] += 1
Y[2, 3] = 4000
LIBRARY = {"library_log_means": np.array([[3.1, 3.6]]), "library_log_vars": np.array([[0.4, 0.7]])}
CASES = {
    "zinb": dict(n_batch=1, gene_likelihood="zinb", dispersion="gene", use_observed_lib_size=True, n_layers=1),
    "nb": dict(n_batch=2, gene_likelihood="nb", dispersion="gene-batch", use_observed_lib_size=False, n_layers=2,
               encode_covariates=True, **LIBRARY),
    "zinb_cell": dict(n_batch=2, gene_likelihood="zinb", dispersion="gene-cell", use_observed_lib_size=False,
                      n_layers=2, deeply_inject_covariates=False, **LIBRARY),
    "poisson": dict(n_batch=2, gene_likelihood="poisson", dispersion="gene", use_observed_lib_size=True, n_layers=1,
                    use_batch_norm="encoder"),
}

expected = {"counts": Y.flatten().tolist(), "n_genes": G, "batch": [0, 1, 1, 0, 1, 0], "cases": []}
for name, options in CASES.items():
    module = VAE(G, n_hidden=5, n_latent=3, **options)
    for key, value in module.state_dict().items():
        if "running_mean" in key:
            value.copy_(0.5 * torch.randn_like(value))
        elif "running_var" in key:
            value.copy_(torch.exp(torch.randn_like(value)))
        elif ".1.weight" in key or ".1.bias" in key:
            value.add_(0.5 * torch.randn_like(value))
    module.eval()
    export(module, here / f"{name}.safetensors")
    module.double()
    y = torch.tensor(Y)
    batch = torch.tensor(expected["batch"] if options["n_batch"] > 1 else [0] * N)[:, None]
    with torch.no_grad():
        inference = module._regular_inference(y, batch)
        qz, ql = inference["qz"], inference["ql"]
        library = inference["library"] if ql is None else ql.loc
        # one_hot(...).float() inside scvi-tools makes float32 of these.
        linear = torch.nn.functional.linear
        torch.nn.functional.linear = lambda x, w, b=None: linear(x.to(w.dtype), w, b)
        generative = module.generative(qz.loc, library, batch)
        torch.nn.functional.linear = linear
        kl = torch.distributions.kl_divergence
        kl_l = torch.zeros(N) if ql is None else kl(ql, generative["pl"]).sum(1)
        expected["cases"].append({
            "name": name,
            "latent": qz.loc.flatten().tolist(),
            "variance": qz.scale.square().flatten().tolist(),
            "log_library": library.flatten().tolist(),
            "reconstruction": generative["px"].log_prob(y).sum(1).tolist(),
            "kl_z": kl(qz, generative["pz"]).sum(1).tolist(),
            "kl_l": kl_l.tolist(),
            "rho": generative["px"].scale.flatten().tolist(),
        })
(here / "expected.json").write_text(json.dumps(expected, separators=(",", ":")))
print([round(c["reconstruction"][0], 3) for c in expected["cases"]])
