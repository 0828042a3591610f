"""One-cycle learning rates by PyTorch's scheduler.

Pinned: torch 2.15.0. Run: python generate.py (writes expected.json beside itself). No randomness.
"""

import json
import pathlib

import torch

CASES = [
    {"peak": 2e-3, "total_steps": 100, "warmup_fraction": 0.3, "div": 25.0, "final_div": 1e4},
    {"peak": 0.5, "total_steps": 17, "warmup_fraction": 0.1, "div": 10.0, "final_div": 100.0},
]

for case in CASES:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=case["peak"],
        total_steps=case["total_steps"],
        pct_start=case["warmup_fraction"],
        anneal_strategy="cos",
        div_factor=case["div"],
        final_div_factor=case["final_div"],
        cycle_momentum=False,
    )
    rates = []
    for step in range(case["total_steps"]):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < case["total_steps"]:
            scheduler.step()
    case["rates"] = rates

path = pathlib.Path(__file__).with_name("expected.json")
path.write_text(json.dumps(CASES) + "\n")
