"""DDPM, DDIM and DPM-Solver++(2M) trajectories of the schedulers of `diffusers`, in f64, under closed-form models.

The schedulers hold their tables in f32 and cast states to f32; the modules are given `torch` and `numpy` whose float32
is float64, and are otherwise as published. Noise is given. Every state x after every step is written.

Pinned: diffusers 0.42.1, torch 2.15.0, numpy 2.4.6. Run: python generate.py (writes expected.json beside itself).
Seeded.
"""

import json
import pathlib

import numpy as np
import torch
from diffusers.schedulers import (
    scheduling_ddim,
    scheduling_ddpm,
    scheduling_dpmsolver_multistep,
)


class InDouble:
    """A module whose float32 is float64."""

    def __init__(self, module):
        self.module = module
        self.float32 = module.float64

    def __getattr__(self, name):
        return getattr(self.module, name)


for module in (scheduling_ddim, scheduling_ddpm, scheduling_dpmsolver_multistep):
    module.torch, module.np = InDouble(torch), InDouble(np)

T, N, D = 1000, 2, 2
rng = np.random.default_rng(23)
initial = torch.from_numpy(rng.normal(size=(N, D)))
noise = torch.from_numpy(rng.normal(size=(25, N, D)))
betas = np.linspace(1e-4, 0.02, T)
PREDICTION = {"epsilon": "epsilon", "x0": "sample", "v": "v_prediction"}
given = iter(())
scheduling_ddpm.randn_tensor = lambda *args, **kwargs: next(given)


def model(kind, x, t):
    wave = 0.6 * x + 0.3 * torch.sin(2 * x) + 0.1 * t / T
    return wave if kind == "epsilon" else 0.8 * torch.tanh(wave)


def run(sampler, scheduler, kind, timesteps, step):
    global given
    given = iter(noise)
    assert list(map(int, scheduler.timesteps)) == list(timesteps), (scheduler.timesteps, timesteps)
    x, states = initial, []
    for i, t in enumerate(timesteps):
        x = step(scheduler, i, model(kind, x, t), int(t), x)
        assert x.dtype == torch.float64
        states.append(x.flatten().tolist())
    cases.append({**sampler, "kind": kind, "timesteps": list(map(int, timesteps)), "states": states})


cases = []
# DDIMScheduler goes back T // n at every step, which is its own next timestep when n divides T.
for kind, spacing, n, eta in [
    ("epsilon", "leading", 10, 0.0), ("epsilon", "trailing", 20, 0.6),
    ("x0", "leading", 8, 1.0), ("v", "trailing", 5, 0.0), ("v", "leading", 25, 0.3),
]:
    scheduler = scheduling_ddim.DDIMScheduler(
        num_train_timesteps=T, trained_betas=betas, clip_sample=False, set_alpha_to_one=True,
        timestep_spacing=spacing, prediction_type=PREDICTION[kind],
    )
    scheduler.set_timesteps(n)
    gap = T // n
    first = T - 1 if spacing == "trailing" else gap * (n - 1)
    run(
        {"sampler": "ddim", "spacing": spacing, "eta": eta}, scheduler, kind,
        range(first, -1, -gap),
        lambda s, i, out, t, x: s.step(out, t, x, eta=eta, variance_noise=noise[i]).prev_sample,
    )

for kind, spacing, n, variance in [
    ("epsilon", "linspace", 10, "fixed_small"), ("v", "linspace", 16, "fixed_large"),
    ("x0", "leading", 20, "fixed_small"),
]:
    scheduler = scheduling_ddpm.DDPMScheduler(
        num_train_timesteps=T, trained_betas=betas, clip_sample=False, variance_type=variance,
        timestep_spacing=spacing, prediction_type=PREDICTION[kind],
    )
    linspace = [round(i * (T - 1) / (n - 1)) for i in range(n)][::-1]
    visited = linspace if spacing == "linspace" else [i * (T // n) for i in range(n)][::-1]
    # Its "previous" timestep is the next one visited only for custom timesteps.
    scheduler.set_timesteps(timesteps=visited)
    run(
        {"sampler": "ddpm", "spacing": spacing, "variance": variance}, scheduler, kind, visited,
        lambda s, i, out, t, x: s.step(out, t, x).prev_sample,
    )

# Half the logarithm of the signal-to-noise ratio, and the steps nearest to even spacing of it.
alpha_bar = np.cumprod(1 - betas)
half_log_snr = 0.5 * np.log(alpha_bar / (1 - alpha_bar))
def even_in_log_snr(n):
    wanted = np.linspace(half_log_snr[-1], half_log_snr[0], n)
    return [int(np.argmin(np.abs(half_log_snr - w))) for w in wanted]


for kind, spacing, n in [
    ("epsilon", "linspace", 10), ("epsilon", "log_snr", 12), ("x0", "log_snr", 20),
    ("v", "trailing", 8), ("epsilon", "leading", 2), ("v", "trailing", 1),
]:
    scheduler = scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler(
        num_train_timesteps=T, trained_betas=betas, solver_order=2, algorithm_type="dpmsolver++",
        solver_type="midpoint", final_sigmas_type="zero", prediction_type=PREDICTION[kind],
    )
    visited = {
        "linspace": lambda: [round(i * (T - 1) / max(n - 1, 1)) for i in range(n)][::-1],
        "leading": lambda: [i * (T // n) for i in range(n)][::-1],
        "trailing": lambda: [round(T - i * T / n) - 1 for i in range(n)],
        "log_snr": lambda: even_in_log_snr(n),
    }[spacing]()
    scheduler.set_timesteps(timesteps=visited)
    run(
        {"sampler": "dpm_solver", "spacing": spacing}, scheduler, kind, visited,
        lambda s, i, out, t, x: s.step(out, t, x).prev_sample,
    )

out = {
    "n_steps": T, "n": N, "d": D, "initial": initial.flatten().tolist(),
    "noise": [z.flatten().tolist() for z in noise], "cases": cases,
}
pathlib.Path(__file__).with_name("expected.json").write_text(json.dumps(out) + "\n")
