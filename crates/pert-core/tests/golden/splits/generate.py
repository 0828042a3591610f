"""Splits of small screens, from the words of docs/file-formats.md and docs/guide/3-your-own-data.md alone.

The random stream is ChaCha8 (D. J. Bernstein 2008, 64-bit counter and nonce), written out here.
Pinned: Python 3.11 (standard library only). Run: python generate.py
"""
import json
import math
import random
import struct
from pathlib import Path

MASK32, MASK64 = 2**32 - 1, 2**64 - 1


def chacha8(key):
    """The 32-bit words of the stream."""

    def quarter(x, a, b, c, d):
        for left, right, by in ((a, b, 16), (c, d, 12), (a, b, 8), (c, d, 7)):
            x[left] = (x[left] + x[right]) & MASK32
            turned = {16: d, 12: b, 8: d, 7: b}[by]
            word = x[turned] ^ x[left]
            x[turned] = ((word << by) | (word >> (32 - by))) & MASK32

    counter = 0
    while True:
        state = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key)]
        state += [counter & MASK32, counter >> 32, 0, 0]
        x = list(state)
        for _ in range(4):  # 8 rounds: 4 of columns, 4 of diagonals
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                               (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                quarter(x, a, b, c, d)
        yield from ((u + v) & MASK32 for u, v in zip(x, state))
        counter += 1


def shuffled(n, seed, purpose):
    """Fisher-Yates from the last place down, j = next_u64 % (i + 1); key: seed, then FNV-1a of the purpose."""
    fnv = 0xCBF29CE484222325
    for byte in purpose.encode():
        fnv = ((fnv ^ byte) * 0x100000001B3) & MASK64
    words = chacha8(struct.pack("<QQ16x", seed, fnv))
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = (next(words) | next(words) << 32) % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def n_wanted(n, share):
    return max(1, math.floor(n * share + 0.5))


def choose(candidates, share, seed):
    return [candidates[i] for i in shuffled(len(candidates), seed, "split")[: n_wanted(len(candidates), share)]]


def parts(label):
    return label.split("+")


def units_rule(perturbed, units, share, seed):
    """position and scaffold: what perturbations share is held out together."""
    candidates = sorted({next(iter(u)) for u in units.values() if len(u) == 1})
    held = set(choose(candidates, share, seed))
    test = [p for p in perturbed if units[p] and units[p] <= held]
    return test, [p for p in perturbed if units[p] & held and p not in test]


def genes_rule(perturbed, k, share, seed):
    """seen-0 and seen-1: genes are held out until enough pairs have exactly k genes seen alone."""
    pairs = [p for p in perturbed if len(parts(p)) == 2]

    def tested(held):
        alone = {p for p in perturbed if len(parts(p)) == 1 and p not in held}
        return [p for p in pairs if set(parts(p)) & held and len(set(parts(p)) & alone) == k]

    held = set()
    for i in shuffled(len(pairs), seed, "split"):
        a, b = sorted(parts(pairs[i]))
        for more in ({a}, {b}, {a, b}):
            if len(tested(held)) >= n_wanted(len(pairs), share):
                break
            if len(tested(held | more)) > len(tested(held)):
                held |= more
    test = tested(held)
    return test, [p for p in perturbed if set(parts(p)) & held and p not in test]


def split(labels, rule, share, seed, units):
    perturbed = sorted(set(labels) - {"control"}, key=str.encode)
    singles = [p for p in perturbed if len(parts(p)) == 1]
    if rule == "unseen-single":
        test = choose(singles, share, seed)
        unused = [p for p in perturbed if len(parts(p)) > 1 and set(parts(p)) & set(test)]
    elif rule == "seen-2":
        test, unused = choose([p for p in perturbed if len(parts(p)) == 2 and set(parts(p)) <= set(singles)], share, seed), []
    elif rule in ("seen-0", "seen-1"):
        test, unused = genes_rule(perturbed, int(rule[-1]), share, seed)
    else:
        test, unused = units_rule(perturbed, units, share, seed)
    control = [i for i, label in enumerate(labels) if label == "control"]
    n_control = len(control) // 2
    cells = {control[i] for i in shuffled(len(control), seed, "split/control")[:n_control]}
    cells |= {i for i, label in enumerate(labels) if label in test}
    train = sorted(set(labels) - set(test) - set(unused))
    return {"train": train, "test": sorted(test), "test_cells": sorted(cells)}


def cells_of(rng, perturbed):
    labels = ["control"] * 13 + [p for p in perturbed for _ in range(2)]
    rng.shuffle(labels)
    return labels


def main():
    rng = random.Random(7)
    genes = [f"{a}{i}" for a in "GHk" for i in range(1, 11)]
    pairs = {"+".join(sorted(rng.sample(genes + ["Z1", "Z2", "Z3"], 2))) for _ in range(60)}
    gene_screen = cells_of(rng, sorted(pairs | set(genes)))
    changes = {}
    for _ in range(60):
        gene, place = rng.choice(["KRAS", "TP53"]), rng.randint(9, 21)
        # The residue of the reference follows from the place.
        reference, new = "ACDEFGHIKL"[place % 10], rng.choice("MNPQRSTVWY*")
        changes[f"{gene}_{reference}{place}{new}"] = {(gene, place)}
        if rng.random() < 0.3:
            other = place + 1
            second = f"{'ACDEFGHIKL'[other % 10]}{other}W"
            changes[f"{gene}_{reference}{place}{new}_{second}"] = {(gene, place), (gene, other)}
        if rng.random() < 0.2:
            changes[f"{gene}_{reference}{place}="] = set()
    drugs = {f"drug{chr(97 + i)}": f"group {rng.randint(0, 9)}" for i in range(26)}
    doses = {f"{d}_{dose}nM": {g} for d, g in drugs.items() for dose in (10, 1000)}
    for _ in range(8):
        a, b = sorted(rng.sample(sorted(drugs), 2))
        doses[f"{a}_10nM+{b}_10nM"] = {drugs[a], drugs[b]}
    screens = [
        ("genes", gene_screen, {}, ["unseen-single", "seen-0", "seen-1", "seen-2"]),
        ("variants", cells_of(rng, sorted(changes)), changes, ["position"]),
        ("drugs", cells_of(rng, sorted(doses)), doses, ["scaffold"]),
    ]
    out = []
    for kind, labels, units, rules in screens:
        cases = [
            {"rule": f"{rule}:{share}", "seed": seed, **split(labels, rule, share, seed, units)}
            for rule in rules
            for share, seed in ((0.2, 0), (0.35, 1), (0.5, 2**63 + 5))
        ]
        out.append({"kind": kind, "labels": labels, "groups": drugs if kind == "drugs" else {}, "cases": cases})
    first = {"shuffled_70": shuffled(70, 3, "split")}
    text = json.dumps({**first, "screens": out}, separators=(",", ":"))
    Path(__file__).with_name("expected.json").write_text(text + "\n")


main()
