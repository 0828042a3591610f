"""An AdaLN block, an AdaLN output layer and the sinusoids of a step, by PyTorch in f64.

Pinned: torch 2.15.0, numpy 2.4.6. Run: python generate.py (writes expected.json beside itself). Seeded.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(3)
N, D, D_COND, D_OUT = 4, 5, 3, 2


def tensor(*shape):
    return torch.tensor(rng.normal(size=shape))


x, cond = tensor(N, D), tensor(N, D_COND)
block = {
    "modulation.weight": tensor(D_COND, 3 * D), "modulation.bias": tensor(3 * D),
    "hidden.weight": tensor(D, D), "hidden.bias": tensor(D),
    "output.weight": tensor(D, D), "output.bias": tensor(D),
}
last = {
    "modulation.weight": tensor(D_COND, 2 * D), "modulation.bias": tensor(2 * D),
    "output.weight": tensor(D, D_OUT), "output.bias": tensor(D_OUT),
}


def affine(p, name, h):
    return F.linear(h, p[f"{name}.weight"].T, p[f"{name}.bias"])


shift, scale, gate = affine(block, "modulation", cond).chunk(3, dim=1)
h = F.layer_norm(x, (D,)) * (1 + scale) + shift
block_out = x + gate * affine(block, "output", F.silu(affine(block, "hidden", h)))
shift, scale = affine(last, "modulation", cond).chunk(2, dim=1)
last_out = affine(last, "output", F.layer_norm(x, (D,)) * (1 + scale) + shift)

t = 913.0
frequencies = torch.exp(-np.log(10000.0) * torch.arange(0, 8) / 8)
angles = t * frequencies


def listed(p):
    return [{"name": n, "shape": list(v.shape), "values": v.flatten().tolist()} for n, v in p.items()]


out = {
    "x": x.flatten().tolist(), "cond": cond.flatten().tolist(),
    "block": listed(block), "block_out": block_out.flatten().tolist(),
    "last": listed(last), "last_out": last_out.flatten().tolist(),
    "t": t, "sinusoids": torch.cat([angles.cos(), angles.sin()]).tolist(),
}
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
