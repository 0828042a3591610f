"""ESM-2 by transformers with random weights: two configurations, two proteins, one batch with padding.

    pip install torch transformers==5.23.0
    python crates/pert-encoders/tests/golden/esm2/generate.py crates/pert-encoders/tests/golden/esm2

Writes `masked_lm/` (EsmForMaskedLM: names with `esm.`, language-model head), `model/` (EsmModel: bare names, layer norm before
the blocks, no token dropout, another intermediate width), each with `config.json` and `model.safetensors`, and `expected.json`.
Every parameter is drawn anew, so that biases and norms are not the 0 and 1 they start as.
"""

import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import EsmConfig, EsmForMaskedLM, EsmModel
from transformers.models.esm.configuration_esm import get_default_vocab_list

# Reviewed sequences of UniProt: P04637 (with R at 72) and P01116-2.
PROTEINS = {
    "TP53": "MEEPQSDPSVEPPLSQETFSDLWKLLPENNVLSPLPSQAMDDLMLSPDDIEQWFTEDPGPDEAPRMPEAAPRVAPAPAAPTPAAPAPAPSWPLSSSVPSQK"
    "TYQGSYGFRLGFLHSGTAKSVTCTYSPALNKMFCQLAKTCPVQLWVDSTPPPGTRVRAMAIYKQSQHMTEVVRRCPHHERCSDSDGLAPPQHLIRVEGNLRVEY"
    "LDDRNTFRHSVVVPYEPPEVGSDCTTIHYNYMCNSSCMGGMNRRPILTIITLEDSSGNLLGRNSFEVRVCACPGRDRRTEEENLRKKGEPHHELPPGSTKRALP"
    "NNTSSSPQPKKKPLDGEYFTLQIRGRERFEMFRELNEALELKDAQAGKEPGGSRAHSSHLKSKKGQSTSRHKKLMFKTEGPDSD",
    "KRAS": "MTEYKLVVVGAGGVGKSALTIQLIQNHFVDEYDPTIEDSYRKQVVIDGETCLLDILDTAGQEEYSAMRDQYMRTGEGFLCVFAINNTKSFEDIHHYREQI"
    "KRVKDSEDVPMVLVGNKCDLPSRTVDTKQAQDLARSYGIPFIETSAKTRQGVDDAFYTLVREIRKHKEKMSKDGKKKKKKSKTKCVIM",
}
# Positions (from 0, the first token included) whose states and logits are written down.
ROWS = [0, 1, 12, 100, 188, 189, 190, 393, 394]
MASKED = 12  # a token of KRAS that is masked in a second batch

vocabulary = list(get_default_vocab_list())
token = {name: i for i, name in enumerate(vocabulary)}
shared = dict(
    vocab_size=len(vocabulary), mask_token_id=token["<mask>"], pad_token_id=token["<pad>"], num_attention_heads=4,
    max_position_embeddings=1026, position_embedding_type="rotary", layer_norm_eps=1e-5,
)  # fmt: skip
MODELS = {
    "masked_lm": (EsmForMaskedLM, dict(hidden_size=32, num_hidden_layers=2, intermediate_size=128, token_dropout=True, emb_layer_norm_before=False)),
    "model": (EsmModel, dict(hidden_size=48, num_hidden_layers=1, intermediate_size=80, token_dropout=False, emb_layer_norm_before=True)),
}  # fmt: skip


def batch(mask):
    rows = [[token["<cls>"], *(token[r] for r in s), token["<eos>"]] for s in PROTEINS.values()]
    if mask:
        rows[1][MASKED] = token["<mask>"]
    longest = max(map(len, rows))
    padded = [row + [token["<pad>"]] * (longest - len(row)) for row in rows]
    attention = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return torch.tensor(padded), torch.tensor(attention), [len(row) for row in rows]


def main(target):
    expected = {"transformers": transformers.__version__, "vocabulary": vocabulary, "proteins": PROTEINS, "masked": MASKED, "cases": []}
    for name, (kind, sizes) in MODELS.items():
        torch.manual_seed(len(name))
        config = EsmConfig(**shared, **sizes)
        model = kind(config).eval() if kind is EsmForMaskedLM else kind(config, add_pooling_layer=False).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                # Wide enough for attention and GELU to leave their linear range.
                scale = 1.5 / parameter.shape[-1] ** 0.5 if parameter.dim() == 2 else 0.3
                parameter.copy_(scale * torch.randn_like(parameter))
            for key, parameter in model.named_parameters():
                if key.lower().endswith("norm.weight") or key.endswith("norm_after.weight"):
                    parameter.add_(1.0)
        model.save_pretrained(target / name)
        for mask in (False, True):
            tokens, attention, lengths = batch(mask)
            with torch.inference_mode():
                out = model(input_ids=tokens, attention_mask=attention, output_hidden_states=True)
            states = out.hidden_states[-1] if kind is EsmForMaskedLM else out.last_hidden_state
            if kind is EsmForMaskedLM:  # the head reads the states behind the last norm
                base = model.esm(input_ids=tokens, attention_mask=attention).last_hidden_state
                assert torch.equal(model.lm_head(base), out.logits)
                states = base
            rows = [[r for r in ROWS if r < length] for length in lengths]
            pick = lambda x: [[[float(v) for v in x[i, r]] for r in rows[i]] for i in range(len(rows))]
            expected["cases"].append({
                "folder": name, "masked": mask, "rows": rows, "states": pick(states),
                "mean": [[float(v) for v in states[i, 1 : n - 1].double().mean(0)] for i, n in enumerate(lengths)],
                "logits": pick(out.logits) if kind is EsmForMaskedLM else None,
            })  # fmt: skip
    (target / "expected.json").write_text(json.dumps(expected, default=float).replace("}, {", "},\n{") + "\n")


main(Path(sys.argv[1]))
