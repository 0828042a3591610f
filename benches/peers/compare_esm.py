"""Our ESM-2 beside transformers' EsmModel: the sizes of esm2_t6_8M with random weights, the same weights for both.

    cargo build --release -p pert-encoders --example esm_speed
    pip install torch transformers
    python benches/peers/compare_esm.py [--program target/release/examples/esm_speed] [--rounds 5] [--threads 2] [--length 393]

Seconds are those of the forward passes alone, without import, reading and the first pass. Rounds take turns, so that a noisy
machine disturbs all alike. PyTorch runs one sequence at a time and batches of 16, eager and sdpa; ours reads sequences side
by side, each alone. Prints medians of sequences per second, of wall-clock and of processor time (on a loaded machine with `--threads 1`
the steadier figure), and ratios of the two in the same round. First the states are compared.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--program", default="target/release/examples/esm_speed")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--length", type=int, default=393)
parser.add_argument("--n", type=int, default=16, help="sequences per round")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(options.threads)

import torch
from transformers import EsmConfig, EsmModel
from transformers.models.esm.configuration_esm import get_default_vocab_list

torch.set_num_threads(options.threads)
token = {name: i for i, name in enumerate(get_default_vocab_list())}
residues = "ACDEFGHIKLMNPQRSTVWY"
# As the example makes them.
sequences = [
    "".join(residues[(i * 7 + j * j + j // 3) % 20] for j in range(options.length)) for i in range(options.n)
]
tokens = torch.tensor([[token["<cls>"], *(token[r] for r in s), token["<eos>"]] for s in sequences])
mask = torch.ones_like(tokens)


def network(kind):
    torch.manual_seed(0)
    config = EsmConfig(
        vocab_size=33, mask_token_id=32, pad_token_id=1, hidden_size=320, num_hidden_layers=6, num_attention_heads=20,
        intermediate_size=1280, max_position_embeddings=1026, position_embedding_type="rotary", token_dropout=True,
        emb_layer_norm_before=False, layer_norm_eps=1e-5,
    )  # fmt: skip
    config._attn_implementation = kind
    return EsmModel(config, add_pooling_layer=False).eval()


def theirs(model, batch):
    def run():
        with torch.inference_mode():
            parts = [
                model(input_ids=tokens[i : i + batch], attention_mask=mask[i : i + batch]).last_hidden_state
                for i in range(0, len(tokens), batch)
            ]
        return torch.cat(parts)

    wall, cpu = time.perf_counter(), time.process_time()
    states = run()
    return time.perf_counter() - wall, time.process_time() - cpu, states


def ours(folder):
    def run(rounds):
        command = [options.program, "forward", folder, str(options.length), str(options.n), str(rounds)]
        before = os.times()
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return [line.split() for line in lines if line], used

    # Processor time of two rounds more than the warm-up's run, halved: reading the weights cancels.
    few, less = run(0)
    many, more = run(2)
    return statistics.median(float(s) for s, _ in many[1:]), (more - less) / 2, float(many[-1][1])


eager, sdpa = network("eager"), network("sdpa")
seconds = {}
used = {}
with tempfile.TemporaryDirectory() as folder:
    eager.save_pretrained(folder)
    for _ in range(options.rounds + 1):
        for name, call in [
            ("ours", lambda: ours(folder)),
            ("eager, batches of 16", lambda: theirs(eager, 16)),
            ("eager, one by one", lambda: theirs(eager, 1)),
            ("sdpa, batches of 16", lambda: theirs(sdpa, 16)),
            ("sdpa, one by one", lambda: theirs(sdpa, 1)),
        ]:
            wall, cpu, states = call()
            seconds.setdefault(name, []).append(wall)
            used.setdefault(name, []).append(cpu)
            if name == "ours":
                checksum = states
            elif name.startswith("eager, b"):
                expected = states[:, 1:-1].double().sum().item()
                scale = states[:, 1:-1].double().abs().sum().item()
                assert abs(checksum - expected) < 1e-5 * scale, (checksum, expected)

print(f"{options.n} sequences of {options.length}, {options.threads} threads, {options.rounds} rounds, load {os.getloadavg()[0]:.1f}")
for name in seconds:
    s, u = seconds[name][1:], used[name][1:]
    ratio = statistics.median(a / b for a, b in zip(s, seconds["ours"][1:]))
    ratio_used = statistics.median(a / b for a, b in zip(u, used["ours"][1:]))
    print(
        f"{name:22} {options.n / statistics.median(s):7.2f} sequences/s wall, {options.n / statistics.median(u):7.2f} per processor second; "
        f"ours is {ratio:.2f} (wall) and {ratio_used:.2f} (processor) times as fast"
    )
