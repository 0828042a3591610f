"""An MLP with layer norm and each activation, by PyTorch in f64.

Pinned: torch 2.15.0, numpy 2.4.6. Run: python generate.py (writes expected.json beside itself). Seeded.
"""

import json
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(11)
D_IN, D_HIDDEN, D_OUT, N = 4, 6, 3, 5
shapes = {
    "layers.0.linear.weight": (D_IN, D_HIDDEN),
    "layers.0.linear.bias": (D_HIDDEN,),
    "layers.0.norm.gamma": (D_HIDDEN,),
    "layers.0.norm.beta": (D_HIDDEN,),
    "layers.1.linear.weight": (D_HIDDEN, D_HIDDEN),
    "layers.1.linear.bias": (D_HIDDEN,),
    "layers.1.norm.gamma": (D_HIDDEN,),
    "layers.1.norm.beta": (D_HIDDEN,),
    "output.weight": (D_HIDDEN, D_OUT),
    "output.bias": (D_OUT,),
}
p = {name: torch.tensor(rng.normal(size=shape)) for name, shape in shapes.items()}
x = torch.tensor(rng.normal(size=(N, D_IN)))
activations = {
    "relu": torch.nn.functional.relu,
    "silu": torch.nn.functional.silu,
    "gelu": torch.nn.functional.gelu,
}
outputs = {}
for name, activation in activations.items():
    h = x
    for i in range(2):
        h = h @ p[f"layers.{i}.linear.weight"] + p[f"layers.{i}.linear.bias"]
        gamma, beta = p[f"layers.{i}.norm.gamma"], p[f"layers.{i}.norm.beta"]
        h = activation(torch.nn.functional.layer_norm(h, (D_HIDDEN,), gamma, beta, 1e-5))
    outputs[name] = (h @ p["output.weight"] + p["output.bias"]).flatten().tolist()

parameters = [
    {"name": n, "shape": list(t.shape), "values": t.flatten().tolist()} for n, t in p.items()
]
out = {"x": x.flatten().tolist(), "parameters": parameters, "outputs": outputs}
path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(out) + "\n")
