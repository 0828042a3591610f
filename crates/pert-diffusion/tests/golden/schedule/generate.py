"""Noise schedules and the posterior q(x_{t-1} | x_t, x_0), with 60 digits (mpmath), rounded to f64 at the end.

The curves are written as in the papers (1 - abar(t+1)/abar(t)), and the posterior is the product of the two Gaussian
densities of x_{t-1} by adding precisions, not the closed formulas of Ho et al. Zero terminal SNR follows algorithm 1 of
Lin et al. 2024 line by line.

Pinned: mpmath 1.3.0. Run: python generate.py (writes expected.json beside itself). No randomness.
"""

import json
import pathlib

from mpmath import cos, exp, log, mp, mpf, pi, sqrt

mp.dps = 60
MAX_BETA = mpf("0.999")


def from_curve(n_steps, curve):
    f = [curve(mpf(t) / n_steps) for t in range(n_steps + 1)]
    return [min(1 - f[t + 1] / f[t], MAX_BETA) for t in range(n_steps)]


def beta_cosine(n_steps, s):
    return from_curve(n_steps, lambda u: cos((u + s) / (1 + s) * pi / 2) ** 2)


def beta_sigmoid(n_steps):
    sigmoid = lambda z: 1 / (1 + exp(-z))
    return from_curve(n_steps, lambda u: (sigmoid(3) - sigmoid(6 * u - 3)) / (sigmoid(3) - sigmoid(-3)))


def beta_linear(n_steps):
    first, last = mpf(1000) / n_steps * mpf("1e-4"), mpf(1000) / n_steps * mpf("0.02")
    if n_steps == 1:
        return [min(last, MAX_BETA)]
    return [min(first + (last - first) * t / (n_steps - 1), MAX_BETA) for t in range(n_steps)]


def products(values):
    out, product = [], mpf(1)
    for value in values:
        product *= value
        out.append(product)
    return out


def zero_terminal_snr(betas):
    """Algorithm 1 of Lin et al. 2024."""
    alphas_bar_sqrt = [sqrt(a) for a in products(1 - b for b in betas)]
    a_0, a_t = alphas_bar_sqrt[0], alphas_bar_sqrt[-1]
    alphas_bar_sqrt = [(a - a_t) * a_0 / (a_0 - a_t) for a in alphas_bar_sqrt]
    alphas_bar = [a**2 for a in alphas_bar_sqrt]
    alphas = [alphas_bar[0]] + [now / before for before, now in zip(alphas_bar, alphas_bar[1:])]
    return [1 - a for a in alphas]


def case(kind, n_steps, beta, stride, terminal_snr="as_curve"):
    if terminal_snr == "zero":
        beta = zero_terminal_snr(beta)
    alpha_bar = products(1 - b for b in beta)
    x0, x_t = mpf("0.7"), mpf("-1.3")
    rows = []
    for t in sorted(set(range(0, n_steps, stride)) | set(range(min(2, n_steps))) | {n_steps - 1}):
        row = {
            "t": t, "beta": beta[t], "alpha_bar": alpha_bar[t], "noise_variance": 1 - alpha_bar[t],
            "snr": alpha_bar[t] / (1 - alpha_bar[t]),
        }
        if t > 0:
            precision_x0 = 1 / (1 - alpha_bar[t - 1])
            precision_xt = (1 - beta[t]) / beta[t]
            variance = 1 / (precision_x0 + precision_xt)
            # sqrt(alpha) x_t / beta: the density of x_t given x_{t-1}, as one of x_{t-1}.
            mean = variance * (
                sqrt(alpha_bar[t - 1]) * x0 * precision_x0 + sqrt(1 - beta[t]) * x_t / beta[t]
            )
            row |= {
                "posterior_mean": mean, "posterior_variance": variance,
                "posterior_log_variance": log(variance),
            }
        rows.append({k: (v if k == "t" else float(v)) for k, v in row.items()})
    return {
        "config": {"kind": kind, "n_steps": n_steps, "terminal_snr": terminal_snr},
        "x0": float(x0), "x_t": float(x_t), "rows": rows,
    }


out = []
# The offset is the f64 nearest to 0.008, as the code under test is given it.
for n_steps, stride in [(1, 1), (2, 1), (50, 1), (1000, 41), (4000, 321)]:
    for kind, beta in [
        ({"cosine": {"s": 0.008}}, beta_cosine(n_steps, mpf(0.008))),
        ("linear", beta_linear(n_steps)),
        ("sigmoid", beta_sigmoid(n_steps)),
    ]:
        out.append(case(kind, n_steps, beta, stride))
        if n_steps in (50, 1000):
            out.append(case(kind, n_steps, beta, stride, "zero"))
out.append(case({"cosine": {"s": 0.02}}, 50, beta_cosine(50, mpf(0.02)), 1))
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
