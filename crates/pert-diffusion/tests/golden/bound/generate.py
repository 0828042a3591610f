"""The variational bound of a Gaussian, x_0 ~ N(0.8, 0.25), by numerical integration, in nats.

Every term is E over x_0 and x_t of KL(q(x_{t-1}|x_t,x_0) || p(x_{t-1}|x_t)): the expectation by Gauss-Hermite quadrature
in both, the divergence by the trapezoidal rule on p log(p/q). q is the product of two densities (precisions added), the
model's mean is that product at the predicted x_0. The prediction is E[x_0|x_t], also by quadrature over x_0, plus an
offset. Nothing is taken from the formulas of Ho et al. or Nichol & Dhariwal but the definition of the variances.

Pinned: numpy 2.4.6, scipy 1.17.1. Run: python generate.py (writes expected.json beside itself). No randomness.
"""

import json
import pathlib

import numpy as np
from scipy.stats import norm

MEAN, DEVIATION, T = 0.8, 0.5, 20
nodes, weights = np.polynomial.hermite_e.hermegauss(10)
weights = weights / weights.sum()
u = np.arange(T + 1) / T
f = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
beta = np.minimum(1 - f[1:] / f[:-1], 0.999)
alpha_bar = np.cumprod(1 - beta)


def product(x0, x_t, t):
    """Mean and variance of q(x_{t-1} | x_t, x_0)."""
    precision_x0 = 1 / (1 - alpha_bar[t - 1])
    precision_xt = (1 - beta[t]) / beta[t]
    variance = 1 / (precision_x0 + precision_xt)
    mean = variance * (
        np.sqrt(alpha_bar[t - 1]) * x0 * precision_x0 + np.sqrt(1 - beta[t]) * x_t / beta[t]
    )
    return mean, variance


grid = np.linspace(-5, 6.6, 2_001)
prior = norm.pdf(grid, MEAN, DEVIATION)


def posterior_mean(x_t, t):
    """E[x_0 | x_t] by integration over a grid of x_0."""
    a, s = np.sqrt(alpha_bar[t]), np.sqrt(1 - alpha_bar[t])
    p = np.array([prior * norm.pdf(x, a * grid, s) for x in x_t])
    return (p * grid).sum(1) / p.sum(1)


def divergence(mean, variance, mean_model, variance_model):
    """KL(N || N) by the trapezoidal rule, in units of the first deviation."""
    z = np.linspace(-12, 12, 401)
    x = mean[:, None] + np.sqrt(variance) * z
    p = norm.logpdf(z)
    q = norm.logpdf(x, mean_model[:, None], np.sqrt(variance_model)) + 0.5 * np.log(variance)
    return np.trapezoid(np.exp(p) * (p - q), z, axis=1)


def model_variance(kind, t):
    small = product(0, 0, max(t, 1))[1]
    large = beta[t] if t > 0 else small
    if kind == "small":
        return small
    if kind == "large":
        return large
    share = 0.3 + 0.4 * t / T
    return np.exp(share * np.log(beta[t]) + (1 - share) * np.log(small))


x0, eps = (x.ravel() for x in np.meshgrid(MEAN + DEVIATION * nodes, nodes))
w = np.outer(weights, weights).ravel()
predicted = []
for t in range(T):
    x_t = np.sqrt(alpha_bar[t]) * x0 + np.sqrt(1 - alpha_bar[t]) * eps
    predicted.append((x_t, posterior_mean(x_t, t)))
out = {"mean": MEAN, "deviation": DEVIATION, "n_steps": T, "cases": []}
for kind in ["small", "large", "learned"]:
    for offset in [0.0, 0.1]:
        terms = []
        for t in range(T):
            x_t, x0_hat = predicted[t]
            x0_hat = x0_hat + offset
            variance_model = model_variance(kind, t)
            if t == 0:
                term = -norm.logpdf(x0, x0_hat, np.sqrt(variance_model))
            else:
                mean, variance = product(x0, x_t, t)
                mean_model, _ = product(x0_hat, x_t, t)
                term = divergence(mean, variance, mean_model, variance_model)
            terms.append(float((w * term).sum()))
        a, s2 = np.sqrt(alpha_bar[-1]), 1 - alpha_bar[-1]
        last = divergence(a * (MEAN + DEVIATION * nodes), s2, np.zeros(len(nodes)), 1.0)
        out["cases"].append({
            "variance": kind, "offset": offset, "terms": terms,
            "prior": float((weights * last).sum()),
        })
out["negative_log_likelihood"] = float(
    -(prior * norm.logpdf(grid, MEAN, DEVIATION)).sum() * (grid[1] - grid[0])
)
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
