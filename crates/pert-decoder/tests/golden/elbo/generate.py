"""Evidence lower bound of a conditional VAE of counts and its gradients, in float64.

Written from the equations of the crate's documentation with torch's own layers, distributions and autograd;
versions: Python 3.11.7, torch 2.15.0, numpy 2.4.6. All inputs are exactly representable in float32. Seed 7.
Run: python generate.py  (writes expected.json beside itself)
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(7)
N, G, H, Z, CELL, COV = 3, 5, 4, 2, 2, 2


def draw(*shape, scale=0.5, shift=0.0):
    return torch.tensor((rng.normal(size=shape) * scale + shift).astype(np.float32).astype(np.float64))


P = {
    "encoder.trunk.layers.0.linear.weight": draw(G, H), "encoder.trunk.layers.0.linear.bias": draw(H),
    "encoder.trunk.layers.0.norm.gamma": draw(H, shift=1.0), "encoder.trunk.layers.0.norm.beta": draw(H),
    "encoder.trunk.condition.weight": draw(CELL + COV, H),
    "encoder.z.mean.weight": draw(H, Z), "encoder.z.mean.bias": draw(Z),
    "encoder.z.log_variance.weight": draw(H, Z), "encoder.z.log_variance.bias": draw(Z),
    "encoder.library.mean.weight": draw(H, 1), "encoder.library.mean.bias": draw(1),
    "encoder.library.log_variance.weight": draw(H, 1), "encoder.library.log_variance.bias": draw(1, shift=-2.0),
    "generator.trunk.layers.0.linear.weight": draw(Z, H), "generator.trunk.layers.0.linear.bias": draw(H),
    "generator.trunk.layers.0.norm.gamma": draw(H, shift=1.0), "generator.trunk.layers.0.norm.beta": draw(H),
    "generator.trunk.layers.1.linear.weight": draw(H, H), "generator.trunk.layers.1.linear.bias": draw(H),
    "generator.trunk.layers.1.norm.gamma": draw(H, shift=1.0), "generator.trunk.layers.1.norm.beta": draw(H),
    "generator.trunk.condition.weight": draw(CELL + COV, H),
    "generator.rho.weight": draw(H, G), "generator.rho.bias": draw(G),
    "generator.pi.weight": draw(H, G), "generator.pi.bias": draw(G),
    "generator.log_theta": draw(G, scale=2.0),
    "null_cell": draw(1, CELL),
}
Y = torch.tensor([[0, 3, 0, 12, 1], [2, 0, 0, 0, 0], [0, 0, 150, 1, 7]], dtype=torch.float64)
CELLS, COVARIATE, KEEP = draw(N, CELL), torch.tensor([[1.0, 0], [0, 1], [1, 0]]), torch.tensor([[1.0], [0], [1]])
NOISE_Z, NOISE_L = draw(N, Z, scale=1.0), draw(N, 1, scale=1.0)
THETA_WEIGHT = {"gene_batch": draw(COV, G, scale=1.0), "gene_cell": draw(H, G, scale=1.0)}
LATENT_PRIOR = {
    "latent_prior.hidden.linear.weight": draw(CELL + COV, H), "latent_prior.hidden.linear.bias": draw(H),
    "latent_prior.hidden.norm.gamma": draw(H, shift=1.0), "latent_prior.hidden.norm.beta": draw(H),
    "latent_prior.z.mean.weight": draw(H, Z), "latent_prior.z.mean.bias": draw(Z),
    "latent_prior.z.log_variance.weight": draw(H, Z), "latent_prior.z.log_variance.bias": draw(Z),
}
PRIOR = [[2.5, 0.25], [2.0, 0.5], [3.5, 0.75]]  # mean and variance of log l per cell


def trunk(p, name, x, c):
    i = 0
    while f"{name}.layers.{i}.linear.weight" in p:
        x = x @ p[f"{name}.layers.{i}.linear.weight"] + p[f"{name}.layers.{i}.linear.bias"]
        if i == 0:
            x = x + c @ p[f"{name}.condition.weight"]
        x = F.relu(F.layer_norm(x, (H,), p[f"{name}.layers.{i}.norm.gamma"], p[f"{name}.layers.{i}.norm.beta"], 1e-5))
        i += 1
    return x


def head(p, name, h):
    mean = h @ p[name + ".mean.weight"] + p[name + ".mean.bias"]
    raw = h @ p[name + ".log_variance.weight"] + p[name + ".log_variance.bias"]
    return mean, 10 * torch.tanh(raw / 10)


def kl(mean, log_var, prior):
    return torch.distributions.kl_divergence(torch.distributions.Normal(mean, torch.exp(log_var / 2)), prior).sum()


def elbo(p, likelihood, dispersion, latent_prior):
    c = torch.cat([CELLS * KEEP + (1 - KEEP) * p["null_cell"], COVARIATE], 1)
    h = trunk(p, "encoder.trunk", torch.log1p(Y), c)
    z_mean, z_lv = head(p, "encoder.z", h)
    l_mean, l_lv = head(p, "encoder.library", h)
    l_mean = l_mean + torch.log(Y.sum(1, keepdim=True))
    prior = torch.tensor(PRIOR)
    prior_z = torch.distributions.Normal(0.0, 1.0)
    if latent_prior == "given_g":
        h = F.linear(c, p["latent_prior.hidden.linear.weight"].T, p["latent_prior.hidden.linear.bias"])
        h = F.layer_norm(h, (H,), p["latent_prior.hidden.norm.gamma"], p["latent_prior.hidden.norm.beta"], 1e-5)
        prior_mean, prior_lv = head(p, "latent_prior.z", F.relu(h))
        prior_z = torch.distributions.Normal(prior_mean, torch.exp(prior_lv / 2))
    kl_z = kl(z_mean, z_lv, prior_z)
    kl_l = kl(l_mean, l_lv, torch.distributions.Normal(prior[:, :1], prior[:, 1:].sqrt()))
    z = z_mean + torch.exp(z_lv / 2) * NOISE_Z
    log_l = l_mean + torch.exp(l_lv / 2) * NOISE_L
    h = trunk(p, "generator.trunk", z, c)
    mu = torch.exp(log_l) * torch.softmax(h @ p["generator.rho.weight"] + p["generator.rho.bias"], 1)
    if likelihood == "poisson":
        log_p = torch.distributions.Poisson(mu).log_prob(Y)
    else:
        log_theta = p["generator.log_theta"].expand_as(mu)
        if dispersion != "gene":
            log_theta = log_theta + {"gene_batch": COVARIATE, "gene_cell": h}[dispersion] @ p["generator.theta.weight"]
        theta = torch.exp(log_theta)
        nb = torch.distributions.NegativeBinomial(theta, probs=mu / (mu + theta)).log_prob(Y)
        if likelihood == "nb":
            log_p = nb
        else:
            pi = torch.sigmoid(h @ p["generator.pi.weight"] + p["generator.pi.bias"])
            log_p = torch.log(torch.where(Y == 0, pi, 0.0) + (1 - pi) * torch.exp(nb))
    return log_p.sum(), kl_z, kl_l


def used(name, likelihood):
    if likelihood != "zinb" and ".pi." in name:
        return False
    return likelihood != "poisson" or "log_theta" not in name


out = {"counts": Y.flatten().tolist(), "cell": CELLS.flatten().tolist(), "covariate": COVARIATE.flatten().tolist(),
       "keep": KEEP.flatten().tolist(), "noise_z": NOISE_Z.flatten().tolist(),
       "noise_l": NOISE_L.flatten().tolist(), "prior": PRIOR, "cases": []}
out["parameters"] = [{"name": k, "shape": list(v.shape), "values": v.flatten().tolist()} for k, v in P.items()]
for likelihood, dispersion, latent_prior in [("zinb", "gene", "standard"), ("nb", "gene", "standard"),
                                             ("poisson", "gene", "standard"), ("zinb", "gene_batch", "standard"),
                                             ("nb", "gene_cell", "standard"), ("zinb", "gene", "given_g")]:
    p = {k: v.clone().requires_grad_() for k, v in P.items() if used(k, likelihood)}
    extra = []
    if latent_prior == "given_g":
        extra = [{"name": k, "shape": list(v.shape), "values": v.flatten().tolist()} for k, v in LATENT_PRIOR.items()]
        p |= {k: v.clone().requires_grad_() for k, v in LATENT_PRIOR.items()}
    if dispersion != "gene":
        weight = THETA_WEIGHT[dispersion]
        extra = [{"name": "generator.theta.weight", "shape": list(weight.shape), "values": weight.flatten().tolist()}]
        p["generator.theta.weight"] = weight.clone().requires_grad_()
    reconstruction, kl_z, kl_l = elbo(p, likelihood, dispersion, latent_prior)
    (kl_z + kl_l - reconstruction).backward()
    out["cases"].append({
        "likelihood": likelihood, "dispersion": dispersion, "latent_prior": latent_prior, "extra": extra,
        "reconstruction": reconstruction.item(), "kl_z": kl_z.item(), "kl_l": kl_l.item(),
        "gradients": {k: v.grad.flatten().tolist() for k, v in p.items()},
    })
path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(out, separators=(",", ":")))
print(path.stat().st_size, out["cases"][0]["reconstruction"], out["cases"][0]["kl_z"], out["cases"][0]["kl_l"])
