"""Our RoBERTa beside transformers' RobertaModel: the sizes of ChemBERTa-77M with random weights, a tokenizer learned on the corpus.

    cargo build --release --workspace --bin pert
    pip install torch transformers rdkit
    python benches/peers/compare_roberta.py smiles_corpus.tsv.gz [--program target/release/pert] [--n 3000] [--threads 1]

Every molecule goes through `pert encode --encoder smiles --weights`, and as RDKit's canonical SMILES through transformers in batches of
64; the largest difference of their mean states is printed, and processor seconds. Ours are those of the whole command: reading, tokens,
the check of every structure and its canonical SMILES, writing. Theirs are tokens and forward passes. With `--letters` the tokenizer has no
merges and no token for a bracket, as that of ChemBERTa-77M.
"""

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import tempfile
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("corpus", help="a table whose first column is a SMILES, gzip")
parser.add_argument("--program", default="target/release/pert")
parser.add_argument("--n", type=int, default=3000)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--letters", action="store_true")
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(options.threads)
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np
import torch
from rdkit import Chem, RDLogger
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoTokenizer, RobertaConfig, RobertaModel

BATCH = 64
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
torch.set_num_threads(options.threads)
RDLogger.DisableLog("rdApp.*")


def molecules():
    with gzip.open(options.corpus, "rt") as lines:
        texts = [line.split("\t")[0] for line in list(lines)[1:]]
    random.Random(0).shuffle(texts)
    read = (Chem.MolFromSmiles(text) for text in texts if "." not in text)
    canonical = dict.fromkeys(Chem.MolToSmiles(m) for m in (next(read) for _ in range(2 * options.n)) if m)
    return list(canonical)[: options.n], texts[2 * options.n :]


def write_model(folder, rest):
    if options.letters:
        letters = SPECIAL + list("cC()O12=N3-nFS/\\#.o4Is%P0Bl")
        (folder / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
        (folder / "merges.txt").write_text("#version: 0.2\n")
    else:
        tokenizer = ByteLevelBPETokenizer()
        tokenizer.train_from_iterator(rest, vocab_size=767, min_frequency=2, special_tokens=SPECIAL)
        tokenizer.save_model(str(folder))
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=767, hidden_size=384, num_hidden_layers=3, num_attention_heads=12, intermediate_size=464,
        max_position_embeddings=515, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-12,
    )  # fmt: skip
    model = RobertaModel(config, add_pooling_layer=False).eval()
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            scale = 1.5 / parameter.shape[-1] ** 0.5 if parameter.dim() == 2 else 0.3
            parameter.copy_(scale * torch.randn_like(parameter))
            if key.lower().endswith("norm.weight"):
                parameter.add_(1.0)
    model.save_pretrained(folder)
    return model


def theirs(model, tokenizer, smiles):
    start, rows = time.process_time(), []
    for i in range(0, len(smiles), BATCH):
        batch = tokenizer(smiles[i : i + BATCH], padding=True, return_tensors="pt")
        with torch.inference_mode():
            states = model(**batch).last_hidden_state
        for of_molecule, mask in zip(states, batch["attention_mask"]):
            rows.append(of_molecule[1 : int(mask.sum()) - 1].double().mean(0).float().numpy())
    return np.array(rows), time.process_time() - start


def ours(folder, smiles):
    asked, out = folder / "asked.tsv", folder / "out.npz"
    asked.write_text("perturbation\tsmiles\n" + "".join(f"m{i}\t{s}\n" for i, s in enumerate(smiles)))
    command = [options.program, "-q", "encode", "--encoder", "smiles", "--device", "cpu", "--weights", folder]
    subprocess.run([*command, "--perturbations", asked, "-o", out], check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return np.load(out)["embeddings"], used.ru_utime + used.ru_stime


with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    smiles, rest = molecules()
    model = write_model(folder, rest)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    n_tokens = sum(len(row) for row in tokenizer(smiles)["input_ids"])
    expected, their_seconds = theirs(model, tokenizer, smiles)
    found, our_seconds = ours(folder, smiles)
    off = np.abs(found - expected).max()
    print(f"{len(smiles)} molecules, {n_tokens} tokens; states up to {np.abs(expected).max():.2f}; largest difference {off:.1e}")
    print(f"processor seconds: ours {our_seconds:.1f} (the whole command), transformers {their_seconds:.1f}")
