"""Log-probabilities, gradients and KL terms of count models in float64.

Written from the textbook formulas with torch.lgamma and autograd; versions: Python 3.11.7, torch 2.15.0, numpy 2.4.6
(the numbers are those of IEEE doubles and do not depend on the versions).
Inputs are exactly representable in float32, so that a float32 implementation sees the same numbers.
Run: python generate.py  (writes expected.json beside itself; no randomness)
"""
import itertools
import json
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)

f32 = lambda values: [float(np.float32(v)) for v in values]
Y = [0.0, 1.0, 3.0, 40.0, 1000.0, 10000.0]
THETA = f32([1e-3, 0.1, 1.0, 7.0, 300.0, 1e4])
MU = f32([1e-6, 1e-2, 0.8, 35.0, 900.0, 1e4])
LOGITS = [-20.0, -2.5, 0.0, 4.0, 20.0]


def nb(y, mu, theta):
    # xlogy-like handling is not needed: mu > 0 throughout. log(theta/(theta+mu)) through log1p for small ratios.
    log_zero = -torch.log1p(mu / theta)
    return (torch.lgamma(y + theta) - torch.lgamma(theta) - torch.lgamma(y + 1) + theta * log_zero
            + y * (torch.log(mu) - torch.log(theta + mu)))


def zinb(y, mu, theta, logits):
    log_pi = torch.nn.functional.logsigmoid(logits)
    log_keep = torch.nn.functional.logsigmoid(-logits)
    log_nb = nb(y, mu, theta)
    return torch.where(y == 0, torch.logaddexp(log_pi, log_keep + log_nb), log_keep + log_nb)


def poisson(y, mu):
    return y * torch.log(mu) - mu - torch.lgamma(y + 1)


def case(function, *columns):
    tensors = [torch.tensor(c).requires_grad_(i > 0) for i, c in enumerate(columns)]
    value = function(*tensors)
    value.sum().backward()
    digits = lambda t: [float(f"{v:.11g}") for v in t.tolist()]
    return {"value": digits(value.detach()), "gradients": [digits(t.grad) for t in tensors[1:]]}


def kl(mean, log_var, prior_mean, prior_log_var):
    q = torch.distributions.Normal(mean, torch.exp(0.5 * log_var))
    p = torch.distributions.Normal(prior_mean, torch.exp(0.5 * prior_log_var))
    return torch.distributions.kl_divergence(q, p)


grid = lambda *axes: [list(c) for c in zip(*itertools.product(*axes))]
MEAN, LOG_VAR = [-3.0, 0.0, 0.5], [-8.0, -0.5, 0.0, 2.0]
expected = {
    "y": Y, "mu": MU, "theta": THETA, "pi_logits": LOGITS,
    "poisson": case(poisson, *grid(Y, MU)),
    "nb": case(nb, *grid(Y, MU, THETA)),
    "zinb": case(zinb, *grid(Y, MU, THETA, LOGITS)),
    "mean": MEAN, "log_variance": LOG_VAR,
    "kl_standard": kl(*[torch.tensor(c) for c in grid(MEAN, LOG_VAR)],
                      torch.zeros(12), torch.zeros(12)).tolist(),
    "kl": kl(*[torch.tensor(c) for c in grid(MEAN, LOG_VAR, MEAN, LOG_VAR)]).tolist(),
}
path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(expected, separators=(",", ":")))
print(path.stat().st_size)
