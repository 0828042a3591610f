"""DDIM and ancestral trajectories under a simple model, in f64 with numpy, all noise given.

DDIM is written as in Song et al. 2021, equation 12, with predicted x_0 and noise recomputed after clipping; the
ancestral sampler multiplies the two Gaussian densities of x_{t-1}.

Pinned: numpy 2.4.6. Run: python generate.py (writes expected.json beside itself). Seeded.
"""

import json
import pathlib

import numpy as np

rng = np.random.default_rng(17)
N, D, T = 3, 2, 40
u = np.arange(T + 1) / T
f = np.cos((u + 0.008) / 1.008 * np.pi / 2) ** 2
beta = np.minimum(1 - f[1:] / f[:-1], 0.999)
alpha_bar = np.cumprod(1 - beta)
BOUND = np.array([0.8, 1.5])


def model(x, t):
    return 0.6 * x + 0.3 * np.sin(2 * x) + t / T * 0.1


def split(kind, out, x, ab):
    """Predicted x_0 and noise from the model's output."""
    a, s = np.sqrt(ab), np.sqrt(1 - ab)
    if kind == "epsilon":
        x0 = (x - s * out) / a
    elif kind == "x0":
        x0 = out
    else:
        x0 = a * x - s * out
    return x0


def ddim(kind, steps, eta, start, clip, x, noise):
    first = round(start * (T - 1))
    visited = [round(first * (1 - i / (steps - 1))) for i in range(steps)]
    k = 0
    for i, t in enumerate(visited):
        ab = alpha_bar[t]
        x0 = split(kind, model(x, t), x, ab)
        if clip:
            x0 = np.clip(x0, -BOUND, BOUND)
        eps = (x - np.sqrt(ab) * x0) / np.sqrt(1 - ab)
        if i + 1 == steps:
            return x0
        prev = alpha_bar[visited[i + 1]]
        sigma = eta * np.sqrt((1 - prev) / (1 - ab) * (1 - ab / prev))
        x = np.sqrt(prev) * x0 + np.sqrt(1 - prev - sigma**2) * eps
        if sigma > 0:
            x = x + sigma * noise[k]
            k += 1


def ancestral(kind, clip, x, noise):
    for k, t in enumerate(range(T - 1, -1, -1)):
        x0 = split(kind, model(x, t), x, alpha_bar[t])
        if clip:
            x0 = np.clip(x0, -BOUND, BOUND)
        if t == 0:
            return x0
        p0 = 1 / (1 - alpha_bar[t - 1])
        pt = (1 - beta[t]) / beta[t]
        variance = 1 / (p0 + pt)
        mean = variance * (np.sqrt(alpha_bar[t - 1]) * x0 * p0 + x / np.sqrt(1 - beta[t]) * pt)
        x = mean + np.sqrt(variance) * noise[k]


initial = rng.normal(size=(N, D))
noise = rng.normal(size=(T, N, D))
out = {
    "n": N, "d": D, "n_steps": T, "bounds": BOUND.tolist(),
    "initial": initial.flatten().tolist(),
    "noise": [z.flatten().tolist() for z in noise],
    "ddim": [], "ddpm": [],
}
for kind, steps, eta, start, clip in [
    ("epsilon", 12, 0.0, 0.8, False),
    ("epsilon", 12, 0.5, 0.97, True),
    ("x0", 10, 0.0, 1.0, True),
    ("x0", 8, 1.0, 1.0, False),
    ("v", 20, 0.7, 0.9, False),
]:
    x0 = ddim(kind, steps, eta, start, clip, initial, noise)
    out["ddim"].append({
        "kind": kind, "config": {"steps": steps, "eta": eta, "start": start}, "clip": clip,
        "x0": x0.flatten().tolist(),
    })
for kind, clip in [("epsilon", True), ("x0", False), ("v", True)]:
    x0 = ancestral(kind, clip, initial, noise)
    out["ddpm"].append({"kind": kind, "clip": clip, "x0": x0.flatten().tolist()})
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
