"""Three AdamW steps on a small regression and one globally clipped gradient, by PyTorch in f64.

Pinned: torch 2.15.0, numpy 2.4.6. Run: python generate.py (writes expected.json beside itself). Seeded.
"""

import json
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(5)
x, y = torch.tensor(rng.normal(size=(6, 3))), torch.tensor(rng.normal(size=(6, 2)))
weight = torch.nn.Parameter(torch.tensor(rng.normal(size=(3, 2))))  # [d_in, d_out]
bias = torch.nn.Parameter(torch.tensor(rng.normal(size=2)))
out = {"x": x.tolist(), "y": y.tolist(), "weight": weight.tolist(), "bias": bias.tolist()}

settings = {"beta1": 0.85, "beta2": 0.97, "epsilon": 1e-6, "weight_decay": 0.05}
rates = [0.05, 0.1, 0.02]
optimizer = torch.optim.AdamW(
    [weight, bias], lr=1.0, betas=(settings["beta1"], settings["beta2"]), eps=settings["epsilon"],
    weight_decay=settings["weight_decay"],
)
steps = []
for rate in rates:
    optimizer.param_groups[0]["lr"] = rate
    optimizer.zero_grad()
    ((x @ weight + bias - y) ** 2).sum().backward()
    optimizer.step()
    steps.append({"rate": rate, "weight": weight.tolist(), "bias": bias.tolist()})
out["settings"], out["steps"] = settings, steps

optimizer.zero_grad()
((x @ weight + bias - y) ** 2).sum().backward()
out["gradient_norm"] = float(torch.cat([weight.grad.flatten(), bias.grad]).norm())
out["max_norm"] = out["gradient_norm"] / 7.0
torch.nn.utils.clip_grad_norm_([weight, bias], out["max_norm"])
out["clipped"] = {"weight": weight.grad.tolist(), "bias": bias.grad.tolist()}

path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(out) + "\n")
