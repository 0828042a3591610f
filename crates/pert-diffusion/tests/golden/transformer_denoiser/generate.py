"""The prior transformer of DALL-E 2 as crates/pert-diffusion builds it, by PyTorch in f64, row by row.

Pinned: torch 2.15.0, numpy 2.4.6. Run: python generate.py (writes expected.json beside itself). Seeded.
Shares no code with the Rust side: every row is a sequence of its own without any padding, and the attention is
nn.TransformerEncoderLayer's. Weights are drawn here under the names of the Rust side.
"""

import json
import math
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(31)
N, D, D_COND, D_COV, D_TOKEN, WIDTH, HEADS, DEPTH = 4, 3, 5, 2, 4, 8, 2, 2
draw = lambda shape, scale=1.0: torch.tensor(
    (scale * rng.normal(size=shape)).astype(np.float32).astype(np.float64)
)
rounded = lambda t: [float(f"{v:.9g}") for v in t.flatten().tolist()]


def parameter_shapes():
    shapes = {}
    linear = lambda name, i, o: shapes.update({f"{name}.weight": (i, o), f"{name}.bias": (o,)})
    norm = lambda name: shapes.update({f"{name}.gamma": (WIDTH,), f"{name}.beta": (WIDTH,)})
    for name, width in [("tokens", D_TOKEN), ("pooled", D_COND), ("covariates", D_COV)]:
        linear(f"{name}.linear", width, WIDTH)
        shapes[f"{name}.null"] = (1, WIDTH)
    linear("time.hidden", WIDTH, WIDTH)
    linear("time.output", WIDTH, WIDTH)
    linear("noised", D, WIDTH)
    linear("estimate", D, WIDTH)
    shapes["kinds"] = (7, WIDTH)
    for i in range(DEPTH):
        b = f"transformer.blocks.{i}"
        norm(f"{b}.attention_norm")
        linear(f"{b}.attention.query", WIDTH, WIDTH)
        linear(f"{b}.attention.key_value", WIDTH, 2 * WIDTH)
        linear(f"{b}.attention.output", WIDTH, WIDTH)
        norm(f"{b}.mlp_norm")
        linear(f"{b}.hidden", WIDTH, 4 * WIDTH)
        linear(f"{b}.output", 4 * WIDTH, WIDTH)
    norm("transformer.norm")
    linear("output", WIDTH, D)
    return shapes


p = {name: draw(shape, 0.5) for name, shape in parameter_shapes().items()}
apply = lambda name, x: x @ p[f"{name}.weight"] + p[f"{name}.bias"]


def block(i, h, mask):
    b = f"transformer.blocks.{i}"
    m = torch.nn.TransformerEncoderLayer(
        WIDTH, HEADS, 4 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    m.load_state_dict({
        "self_attn.in_proj_weight": torch.cat(
            [p[f"{b}.attention.query.weight"].T, p[f"{b}.attention.key_value.weight"].T]
        ),
        "self_attn.in_proj_bias": torch.cat(
            [p[f"{b}.attention.query.bias"], p[f"{b}.attention.key_value.bias"]]
        ),
        "self_attn.out_proj.weight": p[f"{b}.attention.output.weight"].T,
        "self_attn.out_proj.bias": p[f"{b}.attention.output.bias"],
        "linear1.weight": p[f"{b}.hidden.weight"].T,
        "linear1.bias": p[f"{b}.hidden.bias"],
        "linear2.weight": p[f"{b}.output.weight"].T,
        "linear2.bias": p[f"{b}.output.bias"],
        "norm1.weight": p[f"{b}.attention_norm.gamma"],
        "norm1.bias": p[f"{b}.attention_norm.beta"],
        "norm2.weight": p[f"{b}.mlp_norm.gamma"],
        "norm2.bias": p[f"{b}.mlp_norm.beta"],
    })
    # Not eval(): the fast path of PyTorch is another implementation.
    return m(h, src_mask=mask)


def time_embedding(t):
    half = WIDTH // 2
    angles = torch.tensor([t * math.exp(-math.log(10000.0) * i / half) for i in range(half)])
    sinusoids = torch.cat([angles.cos(), angles.sin()])
    return apply("time.output", torch.nn.functional.silu(apply("time.hidden", sinusoids)))


def predict(x_t, t, pooled, tokens, dropped, covariates, covariates_dropped, estimate):
    if dropped:
        embedded = p["tokens.null"]
    else:
        embedded = apply("tokens.linear", tokens)
    positions = [
        p["pooled.null"][0] if dropped else apply("pooled.linear", pooled),
        p["covariates.null"][0] if covariates_dropped else apply("covariates.linear", covariates),
        time_embedding(t),
        apply("noised", x_t),
        apply("estimate", estimate),
        torch.zeros(WIDTH),
    ]
    h = torch.cat([embedded + p["kinds"][0], torch.stack(positions) + p["kinds"][1:]])
    n_tokens, n = len(embedded), len(h)
    visible = torch.tensor([[j <= i or (i < n_tokens and j < n_tokens) for j in range(n)] for i in range(n)])
    h = h[None]
    for i in range(DEPTH):
        h = block(i, h, ~visible)
    norm = torch.nn.functional.layer_norm(
        h[0, -1], (WIDTH,), p["transformer.norm.gamma"], p["transformer.norm.beta"], 1e-5
    )
    return apply("output", norm)


x_t, estimate = draw((N, D)), draw((N, D))
pooled, covariates = draw((N, D_COND)), draw((N, D_COV))
t = [0, 17, 500, 999]
sets = [draw((k, D_TOKEN)) for k in (1, 2, 3, 2)]
dropped, covariates_dropped = [0, 0, 1, 0], [0, 1, 0, 0]
with torch.no_grad():
    output = torch.stack([
        predict(x_t[i], t[i], pooled[i], sets[i], dropped[i], covariates[i], covariates_dropped[i], estimate[i])
        for i in range(N)
    ])
out = {
    "x_t": rounded(x_t), "t": t, "pooled": rounded(pooled), "sets": [rounded(s) for s in sets],
    "dropped": dropped, "covariates": rounded(covariates), "covariates_dropped": covariates_dropped,
    "estimate": rounded(estimate), "output": rounded(output),
    "parameters": [{"name": n, "shape": list(v.shape), "values": rounded(v)} for n, v in p.items()],
}
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
