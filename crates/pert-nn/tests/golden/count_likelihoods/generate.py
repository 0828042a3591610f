"""Log-probabilities, gradients and KL terms of count models.

Likelihoods and their gradients in 60 digits, from the textbook formulas with mpmath's loggamma and digamma: at
theta = 1e12 or y = 2**24 differences of log-gamma have lost every digit in float64. Where float64 suffices, the same
numbers are asserted against torch's lgamma and autograd and against scipy.stats. KL terms by torch.distributions.
Versions: Python 3.11.7, mpmath 1.3.0, scipy 1.17, torch 2.15.0, numpy 2.4.6.
Inputs are exactly representable in float32, so that a float32 implementation sees the same numbers.
Run: python generate.py  (writes expected.json beside itself; no randomness)
"""
import itertools
import json
import pathlib

import mpmath as mp
import numpy as np
import scipy.stats
import torch

torch.set_default_dtype(torch.float64)
mp.mp.dps = 60

f32 = lambda values: [float(np.float32(v)) for v in values]
Y = [0.0, 1.0, 3.0, 40.0, 1000.0, 1048577.0, 16777216.0]
# No point of the grid lies beside a zero of a derivative: there a relative error says nothing (1e-6, 1e-9 and 1000 would).
THETA = f32([1e-9, 1e-3, 0.1, 1.0, 7.0, 300.0, 1e4, 1e8, 1e12])
MU = f32([1e-12, 2e-6, 1e-2, 0.8, 35.0, 900.0, 1e5, 1.6e7])
ZINB_Y = [0.0, 1.0, 40.0, 16777216.0]
ZINB_THETA = f32([1e-9, 0.1, 7.0, 1e4, 1e12])
ZINB_MU = f32([1e-12, 1e-2, 0.8, 900.0, 1.6e7])
LOGITS = [-1e4, -60.0, -20.0, -2.5, 0.0, 4.0, 20.0, 60.0, 1e4]


def nb(y, mu, theta):
    """log NB and its derivatives by mu and theta."""
    y, mu, theta = map(mp.mpf, (y, mu, theta))
    value = (mp.loggamma(y + theta) - mp.loggamma(theta) - mp.loggamma(y + 1) + theta * mp.log(theta / (theta + mu))
             + y * mp.log(mu / (theta + mu)))
    by_mu = y / mu - (y + theta) / (theta + mu)
    by_theta = mp.digamma(y + theta) - mp.digamma(theta) + mp.log(theta / (theta + mu)) + 1 - (y + theta) / (theta + mu)
    return value, by_mu, by_theta


def zinb(y, mu, theta, logit):
    """log ZINB and its derivatives by mu, theta and the logit of pi."""
    log_nb, by_mu, by_theta = nb(y, mu, theta)
    odds = mp.exp(mp.mpf(logit))
    pi, keep = odds / (1 + odds), 1 / (1 + odds)
    if y > 0:
        return mp.log(keep) + log_nb, by_mu, by_theta, -pi
    zero = mp.exp(log_nb)
    mass = pi + keep * zero
    share = keep * zero / mass
    return mp.log(mass), share * by_mu, share * by_theta, pi * keep * (1 - zero) / mass


def poisson(y, mu):
    y, mu = mp.mpf(y), mp.mpf(mu)
    return y * mp.log(mu) - mu - mp.loggamma(y + 1), y / mu - 1


def case(function, *axes):
    digits = lambda column: [float(mp.nstr(v, 16)) for v in column]
    value, *gradients = zip(*(function(*point) for point in itertools.product(*axes)))
    return {"value": digits(value), "gradients": [digits(g) for g in gradients]}


def check_against_float64():
    """The formulas above against torch (values, autograd) and scipy where float64 has digits enough."""
    ys, mus, thetas = [0.0, 1.0, 40.0], [1e-2, 0.8, 35.0], [0.1, 1.0, 7.0]
    for y, mu, theta in itertools.product(ys, mus, thetas):
        m, t = torch.tensor(mu, requires_grad=True), torch.tensor(theta, requires_grad=True)
        value = torch.distributions.NegativeBinomial(t, probs=m / (m + t)).log_prob(torch.tensor(y))
        value.backward()
        np.testing.assert_allclose([float(v) for v in nb(y, mu, theta)], [value.item(), m.grad.item(), t.grad.item()],
                                   rtol=1e-9)
        np.testing.assert_allclose(float(nb(y, mu, theta)[0]), scipy.stats.nbinom.logpmf(y, theta, theta / (theta + mu)),
                                   rtol=1e-9)
        for logit in [-2.5, 0.0, 4.0]:
            m, t, a = (torch.tensor(v, requires_grad=True) for v in (mu, theta, logit))
            log_nb = torch.distributions.NegativeBinomial(t, probs=m / (m + t)).log_prob(torch.tensor(y))
            pi = torch.sigmoid(a)
            value = torch.log((pi if y == 0 else 0.0) + (1 - pi) * torch.exp(log_nb))
            value.backward()
            np.testing.assert_allclose([float(v) for v in zinb(y, mu, theta, logit)],
                                       [value.item(), m.grad.item(), t.grad.item(), a.grad.item()], rtol=1e-8)
        np.testing.assert_allclose(float(poisson(y, mu)[0]), scipy.stats.poisson.logpmf(y, mu), rtol=1e-9)


def kl(mean, log_var, prior_mean, prior_log_var):
    q = torch.distributions.Normal(mean, torch.exp(0.5 * log_var))
    p = torch.distributions.Normal(prior_mean, torch.exp(0.5 * prior_log_var))
    return torch.distributions.kl_divergence(q, p)


check_against_float64()
grid = lambda *axes: [list(c) for c in zip(*itertools.product(*axes))]
MEAN, LOG_VAR = [-3.0, 0.0, 0.5], [-8.0, -0.5, 0.0, 2.0]
expected = {
    "y": Y, "mu": MU, "theta": THETA,
    "zinb_y": ZINB_Y, "zinb_mu": ZINB_MU, "zinb_theta": ZINB_THETA, "pi_logits": LOGITS,
    "poisson": case(poisson, Y, MU),
    "nb": case(nb, Y, MU, THETA),
    "zinb": case(zinb, ZINB_Y, ZINB_MU, ZINB_THETA, LOGITS),
    "mean": MEAN, "log_variance": LOG_VAR,
    "kl_standard": kl(*[torch.tensor(c) for c in grid(MEAN, LOG_VAR)],
                      torch.zeros(12), torch.zeros(12)).tolist(),
    "kl": kl(*[torch.tensor(c) for c in grid(MEAN, LOG_VAR, MEAN, LOG_VAR)]).tolist(),
}
path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(expected, separators=(",", ":")))
print(path.stat().st_size)
