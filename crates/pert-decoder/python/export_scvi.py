"""Writes a trained scvi-tools SCVI model as a safetensors file that `ScviLayout::from_safetensors` reads.

    import scvi; from export_scvi import export
    export(scvi.model.SCVI.load("my_model"), "my_model.safetensors")

Needs: pip install scvi-tools safetensors. The tensors keep their state-dict names; what the weights do not tell stands in
the metadata. Genes and batches must be given to the Rust side in the model's order.
"""
from safetensors.torch import save_file


def export(model, path):
    module = getattr(model, "module", model)
    refusals = {
        "latent_distribution": module.latent_distribution != "normal",
        "log_variational=False": not module.log_variational,
        "use_size_factor_key": module.use_size_factor_key,
        "batch_representation": module.batch_representation != "one-hot",
        "gene_likelihood": module.gene_likelihood not in ("zinb", "nb", "poisson"),
        "dispersion": module.dispersion not in ("gene", "gene-batch", "gene-cell"),
    }
    refused = [name for name, is_refused in refusals.items() if is_refused]
    if refused:
        raise ValueError(f"not supported by ScviLayout: {', '.join(refused)}")
    tensors = {
        name: tensor.detach().float().cpu().contiguous()
        for name, tensor in module.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {
        "format": "scvi-tools",
        "gene_likelihood": module.gene_likelihood,
        "dispersion": module.dispersion,
        "library": "observed" if module.use_observed_lib_size else "latent",
        "n_batch": str(max(module.n_batch, 1)),
    }
    save_file(tensors, str(path), metadata=metadata)
