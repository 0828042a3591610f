"""Two pre-norm transformer blocks and their gradients, by PyTorch in f64 with nn.TransformerEncoderLayer.

Pinned: torch 2.15.0, numpy 2.4.6. Run: python generate.py (writes expected.json beside itself). Seeded.
The weights are drawn here under our names and copied into PyTorch's layers.
"""

import json
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(23)
N, L, WIDTH, HEADS, DEPTH = 3, 5, 8, 2, 2

shapes = {}
for i in range(DEPTH):
    b = f"blocks.{i}"
    shapes |= {
        f"{b}.attention_norm.gamma": (WIDTH,),
        f"{b}.attention_norm.beta": (WIDTH,),
        f"{b}.attention.query.weight": (WIDTH, WIDTH),
        f"{b}.attention.query.bias": (WIDTH,),
        f"{b}.attention.key_value.weight": (WIDTH, 2 * WIDTH),
        f"{b}.attention.key_value.bias": (2 * WIDTH,),
        f"{b}.attention.output.weight": (WIDTH, WIDTH),
        f"{b}.attention.output.bias": (WIDTH,),
        f"{b}.mlp_norm.gamma": (WIDTH,),
        f"{b}.mlp_norm.beta": (WIDTH,),
        f"{b}.hidden.weight": (WIDTH, 4 * WIDTH),
        f"{b}.hidden.bias": (4 * WIDTH,),
        f"{b}.output.weight": (4 * WIDTH, WIDTH),
        f"{b}.output.bias": (WIDTH,),
    }
shapes |= {"norm.gamma": (WIDTH,), "norm.beta": (WIDTH,)}
# Rounded to f32, so that both sides start from the same numbers.
draw = lambda shape, scale: torch.tensor((scale * rng.normal(size=shape)).astype(np.float32).astype(np.float64))
p = {n: draw(s, 0.5).requires_grad_() for n, s in shapes.items()}
x = draw((N, L, WIDTH), 1.0)
cotangent = draw((N, L, WIDTH), 1.0)
padding = torch.tensor([[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0]], dtype=torch.bool)


def layer(i):
    b = f"blocks.{i}"
    m = torch.nn.TransformerEncoderLayer(
        WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    query_key_value = lambda kind: torch.cat(
        [p[f"{b}.attention.query.{kind}"].mT if kind == "weight" else p[f"{b}.attention.query.{kind}"],
         p[f"{b}.attention.key_value.{kind}"].mT if kind == "weight" else p[f"{b}.attention.key_value.{kind}"]]
    )
    weights = {
        "self_attn.in_proj_weight": query_key_value("weight"),
        "self_attn.in_proj_bias": query_key_value("bias"),
        "self_attn.out_proj.weight": p[f"{b}.attention.output.weight"].mT,
        "self_attn.out_proj.bias": p[f"{b}.attention.output.bias"],
        "linear1.weight": p[f"{b}.hidden.weight"].mT,
        "linear1.bias": p[f"{b}.hidden.bias"],
        "linear2.weight": p[f"{b}.output.weight"].mT,
        "linear2.bias": p[f"{b}.output.bias"],
        "norm1.weight": p[f"{b}.attention_norm.gamma"],
        "norm1.bias": p[f"{b}.attention_norm.beta"],
        "norm2.weight": p[f"{b}.mlp_norm.gamma"],
        "norm2.bias": p[f"{b}.mlp_norm.beta"],
    }
    return lambda h, **kwargs: torch.func.functional_call(m, weights, (h,), kwargs)


masks = {
    "bidirectional": torch.zeros(L, L, dtype=torch.bool),
    "causal": torch.triu(torch.ones(L, L, dtype=torch.bool), 1),
}
masks["prefix"] = masks["causal"].clone()
masks["prefix"][:3, :3] = False
# Nine digits: more than f32 holds.
rounded = lambda t: [float(f"{v:.9g}") for v in t.flatten().tolist()]
cases = []
for name, mask in masks.items():
    for pad in [None, padding]:
        h = x
        for i in range(DEPTH):
            h = layer(i)(h, src_mask=mask, src_key_padding_mask=pad)
        out = torch.nn.functional.layer_norm(h, (WIDTH,), p["norm.gamma"], p["norm.beta"], 1e-5)
        grads = torch.autograd.grad((out * cotangent).sum(), list(p.values()))
        cases.append({
            "mask": name,
            "padded": pad is not None,
            "output": rounded(out),
            "gradients": [rounded(g) for g in grads],
        })
parameters = [{"name": n, "shape": list(t.shape), "values": rounded(t)} for n, t in p.items()]
out = {
    "x": rounded(x),
    "cotangent": rounded(cotangent),
    "padding": padding.double().flatten().tolist(),
    "n_prefix": 3,
    "parameters": parameters,
    "cases": cases,
}
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
