"""RoBERTa by transformers with random weights: two configurations, each with its tokenizer, fourteen SMILES in one padded batch.

    pip install torch transformers==5.23.0
    python crates/pert-encoders/tests/golden/roberta/generate.py crates/pert-encoders/tests/golden/roberta

Writes `pairs/` (RobertaForMaskedLM: names with `roberta.`; byte-level BPE in vocab.json and merges.txt with special_tokens_map.json,
the files of ChemBERTa) and `letters/` (RobertaModel: bare names; no merges, letters without a token, special tokens and padding id
those of ChemBERTa-77M; tokenizer.json), and `expected.json`. Every parameter is drawn anew, so that biases and norms are not the
0 and 1 they start as.
"""

import json
import random
import sys
from pathlib import Path

import torch
import transformers
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoTokenizer, RobertaConfig, RobertaForMaskedLM, RobertaModel, RobertaTokenizer

# Learned from: drugs without selenium, whose `e` therefore has no token.
KNOWN = [
    "CC(=O)Oc1ccccc1C(=O)O", "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "CN1CCC[C@H]1c1cccnc1",
    "CC(=O)Nc1ccc(O)cc1", "C[N+](C)(C)CC(=O)[O-]", "O=C(O)c1cn(C2CC2)c2cc(N3CCNCC3)c(F)cc2c1=O", "CCO",
    "Clc1ccc(cc1)C(c1ccccc1)N1CCN(CC1)CCOCC(=O)O", "Brc1cccc2ccccc12", "C/C=C\\C(=O)N", "N#Cc1ccc(I)cc1",
    "O=S(=O)(N)c1ccc(cc1)n1nc(cc1c1ccc(C)cc1)C(F)(F)F", "[Na+].[O-]C(=O)CCC", "C%10CCCC%10", "OP(=O)(O)O",
]  # fmt: skip
# Asked for: known and unknown ones, from one letter to the longest row.
ASKED = [
    "CC(=O)Oc1ccccc1C(=O)O", "C", "CCO", "C[N+](C)(C)CC(=O)[O-]", "CN1CCC[C@H]1c1cccnc1", "C/C=C\\C(=O)N",
    "Brc1cccc2ccccc12", "Clc1ccc(cc1)C(c1ccccc1)N1CCN(CC1)CCOCC(=O)O", "C[Se]CC[C@H](N)C(=O)O", "C%10CCCC%10",
    "[Na+].[O-]C(=O)CCC", "N#Cc1ccc(I)cc1", "O=S(=O)(N)c1ccc(cc1)n1nc(cc1c1ccc(C)cc1)C(F)(F)F",
    "C[C@]12CC[C@H]3[C@@H](CCc4cc(O)ccc34)[C@@H]1CC[C@@H]2O",
]  # fmt: skip
# For the tokenizer alone: letters in any order, so that merges meet and letters without a token stand between those that merge.
DRAWN = ["".join(random.Random(i).choices("CCccceNO(=)[]1@+-#%", k=5 + i % 25)) for i in range(60)]
LETTERS = "[PAD] [unused1] [UNK] [CLS] [SEP] [MASK] c C ( ) O 1 2 = N 3 - n F S / \\ # . o 4 I s % P 0".split()
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>", "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>"}  # fmt: skip
MODELS = {
    "pairs": (RobertaForMaskedLM, dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, type_vocab_size=1, max_position_embeddings=80, layer_norm_eps=1e-5)),
    "letters": (RobertaModel, dict(hidden_size=36, num_hidden_layers=1, num_attention_heads=3, intermediate_size=80, type_vocab_size=2, max_position_embeddings=65, layer_norm_eps=1e-12)),
}  # fmt: skip


def write_tokenizer(name, folder):
    if name == "pairs":
        tokenizer = ByteLevelBPETokenizer()
        special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
        tokenizer.train_from_iterator(KNOWN, vocab_size=261 + 60, min_frequency=1, special_tokens=special)
        # As published ones, only what occurs has a token: the other bytes would be half of the file of weights.
        seen = {letter for smiles in KNOWN for letter in smiles}
        kept = [t for t, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]) if len(t) > 1 or t in seen]
        tokenizer.save_model(str(folder))
        (folder / "vocab.json").write_text(json.dumps({t: i for i, t in enumerate(kept)}, ensure_ascii=False))
        (folder / "special_tokens_map.json").write_text(json.dumps(SPECIAL))
    else:
        special = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", "cls_token": "[CLS]", "mask_token": "[MASK]"}
        tokenizer = RobertaTokenizer(vocab={t: i for i, t in enumerate(LETTERS)}, merges=[], **special)
        tokenizer.save_pretrained(folder)
        (folder / "tokenizer_config.json").unlink()  # all that counts stands in tokenizer.json
        return tokenizer
    return AutoTokenizer.from_pretrained(folder)


def digits(values):
    return [float(f"{float(v):.7g}") for v in values]


def main(target):
    expected = {"transformers": transformers.__version__, "asked": ASKED, "drawn": DRAWN, "cases": []}
    for name, (kind, sizes) in MODELS.items():
        folder = target / name
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text('{"model_type": "roberta"}')  # for the choice of a tokenizer
        tokenizer = write_tokenizer(name, folder)
        torch.manual_seed(len(name))
        config = RobertaConfig(vocab_size=len(tokenizer) + 7, pad_token_id=1, bos_token_id=0, eos_token_id=2, **sizes)
        model = kind(config).eval() if kind is RobertaForMaskedLM else kind(config, add_pooling_layer=False).eval()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                # Wide enough for attention and GELU to leave their linear range.
                scale = 1.5 / parameter.shape[-1] ** 0.5 if parameter.dim() == 2 else 0.3
                parameter.copy_(scale * torch.randn_like(parameter))
                if key.lower().endswith("norm.weight"):
                    parameter.add_(1.0)
        model.save_pretrained(folder)
        batch = tokenizer(ASKED, padding=True, return_tensors="pt")
        base = model.roberta if kind is RobertaForMaskedLM else model
        with torch.inference_mode():
            states = base(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        molecules = []
        for i, smiles in enumerate(ASKED):
            n = int(batch["attention_mask"][i].sum())
            rows = sorted({0, 1, n // 2, n - 2, n - 1})
            molecules.append({
                "tokens": batch["input_ids"][i, :n].tolist(), "rows": rows,
                "states": [digits(states[i, r]) for r in rows],
                "mean": digits(states[i, 1 : n - 1].double().mean(0)),
            })  # fmt: skip
        drawn = tokenizer(DRAWN)["input_ids"]
        expected["cases"].append({"folder": name, "longest": batch["input_ids"].shape[1], "molecules": molecules, "drawn": drawn})
    (target / "expected.json").write_text(json.dumps(expected).replace("}, {", "},\n{") + "\n")


main(Path(sys.argv[1]))
