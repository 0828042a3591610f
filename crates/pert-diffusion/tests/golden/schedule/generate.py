"""Noise schedules and the posterior q(x_{t-1} | x_t, x_0), in f64 with numpy.

The cumulative products are sums of logarithms, and the posterior is the product of the two Gaussian densities of
x_{t-1} by adding precisions, not the closed formulas of the paper.

Pinned: numpy 2.4.6. Run: python generate.py (writes expected.json beside itself). No randomness.
"""

import json
import pathlib

import numpy as np


def beta_cosine(n_steps, s):
    x = np.linspace(0, n_steps, n_steps + 1)
    f = np.cos(((x / n_steps) + s) / (1 + s) * np.pi * 0.5) ** 2
    f = f / f[0]
    return np.clip(1 - f[1:] / f[:-1], 0, 0.999)


def beta_linear(n_steps):
    scale = 1000 / n_steps
    return np.clip(np.linspace(scale * 1e-4, scale * 0.02, n_steps), 0, 0.999)


def beta_sigmoid(n_steps, start=-3.0, end=3.0):
    u = np.linspace(0, n_steps, n_steps + 1) / n_steps
    logistic = lambda z: 0.5 * (1 + np.tanh(z / 2))
    v_start, v_end = logistic(start), logistic(end)
    f = (v_end - logistic(u * (end - start) + start)) / (v_end - v_start)
    f = f / f[0]
    return np.clip(1 - f[1:] / f[:-1], 0, 0.999)


def case(kind, n_steps, beta, stride):
    log_alpha_bar = np.cumsum(np.log1p(-beta))
    alpha_bar = np.exp(log_alpha_bar)
    noise = -np.expm1(log_alpha_bar)  # 1 - alpha_bar
    x0, x_t = 0.7, -1.3
    rows = []
    for t in sorted(set(range(0, n_steps, stride)) | {1, n_steps - 1}):
        row = {"t": t, "beta": beta[t], "alpha_bar": alpha_bar[t], "snr": alpha_bar[t] / noise[t]}
        if t > 0:
            precision_x0 = 1 / noise[t - 1]
            precision_xt = (1 - beta[t]) / beta[t]
            variance = 1 / (precision_x0 + precision_xt)
            mean = variance * (
                np.sqrt(alpha_bar[t - 1]) * x0 * precision_x0
                + x_t / np.sqrt(1 - beta[t]) * precision_xt
            )
            row |= {"posterior_mean": mean, "posterior_variance": variance}
        rows.append({k: (v if k == "t" else float(v)) for k, v in row.items()})
    return {"kind": kind, "n_steps": n_steps, "x0": x0, "x_t": x_t, "rows": rows}


out = [
    case({"cosine": {"s": 0.008}}, 1000, beta_cosine(1000, 0.008), 41),
    case({"cosine": {"s": 0.02}}, 50, beta_cosine(50, 0.02), 1),
    case("linear", 1000, beta_linear(1000), 41),
    case("linear", 30, beta_linear(30), 1),
    case("sigmoid", 1000, beta_sigmoid(1000), 41),
]
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
