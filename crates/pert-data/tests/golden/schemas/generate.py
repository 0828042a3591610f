"""Writes small files laid out as public data sets are, and expected.json, which says what each column means there.

The names of columns and the spelling of labels are those of the data sets; cells and counts are random. What is expected is
written down by hand from the data sets' own descriptions, not computed.

anndata 0.12.19, numpy 2.4.6, pandas 2.3.3, scipy 1.17.1. Run: python generate.py
"""

import json
import pathlib
import warnings

import anndata as ad
import numpy as np
import pandas as pd
import scipy.sparse as sp

HERE = pathlib.Path(__file__).parent
RNG = np.random.default_rng(20260101)
warnings.filterwarnings("ignore")
EXPECTED = {}


def write(name, columns, genes, expected):
    """Columns are lists of any length that repeat; the first cell counts of a file are random, none is zero."""
    n = 240
    frame = pd.DataFrame({key: [values[i % len(values)] for i in range(n)] for key, values in columns.items()})
    frame.index = [f"cell{i}" for i in range(n)]
    for key, values in columns.items():
        if isinstance(values[0], str):
            frame[key] = pd.Categorical(frame[key])
    counts = RNG.poisson(1.0, size=(n, len(genes))).astype(np.float32)
    counts[:, 0] += 1
    a = ad.AnnData(sp.csr_matrix(counts), obs=frame, var=pd.DataFrame(index=genes))
    a.write_h5ad(HERE / f"{name}.h5ad", compression="gzip")
    EXPECTED[name] = expected


def expect(key, control, *, separator="+", kind="genes", guides="keep", cell_type=None, batch=None, dose=None, targets):
    return {"perturbation_key": key, "control": control, "separator": separator, "label_kind": kind,
            "guide_suffix": guides, "cell_type": cell_type, "batch": batch, "dose": dose, "targets": sorted(targets)}


def runs(values, length):
    """Each value for some cells on end, so that it does not go round with the labels."""
    return [value for value in values for _ in range(length)]


# Norman 2019 in the layout of GEARS: singles only beside ctrl, a dose that is none, and a name made of all of them.
conditions = ["ctrl", "KLF1+ctrl", "ctrl+CEBPE", "CEBPE+RUNX1T1", "RUNX1T1+ctrl", "ctrl"]
write("gears_norman", {
    "condition": conditions,
    "cell_type": ["A549"],
    "dose_val": ["1", "1+1", "1+1", "1+1", "1+1", "1"],
    "control": [1, 0, 0, 0, 0, 1],
    "condition_name": [f"A549_{c}_{'1+1' if '+' in c else '1'}" for c in conditions],
}, ["KLF1", "GATA1", "HBG1", "ACTB"],
    expect("condition", "ctrl", targets=["CEBPE", "CEBPE+RUNX1T1", "KLF1", "RUNX1T1"]))

# Norman 2019 in the layout of scPerturb: pairs joined by an underscore, batches as numbers.
write("scperturb_norman", {
    "guide_id": ["NegCtrl0_NegCtrl0", "CEBPE_NegCtrl0", "NegCtrl0_RUNX1T1", "CEBPE_RUNX1T1", "KLF1_CEBPE", "KLF1_NegCtrl0"],
    "perturbation": ["control", "CEBPE", "RUNX1T1", "CEBPE_RUNX1T1", "KLF1_CEBPE", "KLF1"],
    "gemgroup": runs([1, 2, 3], 40),
    "nperts": [0, 1, 1, 2, 2, 1],
    "tissue_type": ["cell_line"],
    "celltype": ["lymphoblasts"],
    "UMI_count": list(range(100, 107)),
}, ["KLF1", "GATA1", "HBG1", "ACTB"],
    expect("perturbation", "control", separator="_", batch="gemgroup",
           targets=["CEBPE", "CEBPE+KLF1", "CEBPE+RUNX1T1", "KLF1", "RUNX1T1"]))

# Replogle 2022: gene symbols beside Ensembl ids, transcripts and guide pairs; var is by Ensembl id.
write("replogle", {
    "gem_group": runs([1, 2, 3, 4], 30),
    "gene": ["non-targeting", "NKX2-1", "HLA-A", "C2orf69", "KLF1"],
    "gene_id": ["non-targeting", "ENSG00000136352", "ENSG00000206503", "ENSG00000178074", "ENSG00000105610"],
    "transcript": ["non-targeting", "P1P2", "P1", "P2", "P1P2"],
    "gene_transcript": ["0_non-targeting_non-targeting_non-targeting", "1_NKX2-1_P1P2_ENSG00000136352",
                        "2_HLA-A_P1_ENSG00000206503", "3_C2orf69_P2_ENSG00000178074", "4_KLF1_P1P2_ENSG00000105610"],
    "mitopercent": [0.1, 0.05, 0.2],
}, ["ENSG00000105610", "ENSG00000102145", "ENSG00000075624"],
    expect("gene", "non-targeting", batch="gem_group", targets=["NKX2-1", "HLA-A", "C2orf69", "KLF1"]))

# Papalexi 2021 in Seurat's names: lanes, hashtags, guides, their gene, and perturbed or not.
guides = ["NTg1", "STAT1g1", "STAT1g2", "IFNGR1g1", "IFNGR1g2", "NTg2"]
write("seurat_papalexi", {
    "orig.ident": runs(["Lane1", "Lane2"], 60),
    "MULTI_ID": runs(["rep1-tx", "rep2-tx", "rep3-tx"], 20),
    "guide_ID": guides,
    "gene": ["NT", "STAT1", "STAT1", "IFNGR1", "IFNGR1", "NT"],
    "crispr": ["NT", "Perturbed", "Perturbed", "Perturbed", "Perturbed", "NT"],
    "replicate": runs(["rep1", "rep2", "rep3"], 20),
    "Phase": ["G1", "S", "G2M", "G1"],
}, ["STAT1", "IFNGR1", "CD274", "ACTB"],
    expect("gene", "NT", batch="replicate", targets=["STAT1", "IFNGR1"]))

# The same with nothing but guides.
write("guides_only", {
    "guide_ID": guides,
    "replicate": runs(["rep1", "rep2", "rep3"], 20),
}, ["STAT1", "IFNGR1", "CD274", "ACTB"],
    expect("guide_ID", "NT", guides="strip", batch="replicate", targets=["STAT1", "IFNGR1"]))

# sci-Plex 3: drug, catalogue number, protein, pathway, and the dose in nM in a column of its own.
drugs = ["Vehicle", "Trametinib (GSK1120212)", "(+)-JQ1", "SNS-314 Mesylate", "Cerdulatinib (PRT062070, PRT2070)"]
write("sciplex", {
    "cell_type": runs(["A549", "K562", "MCF7"], 10),
    "dose": [d for dose in (10.0, 100.0, 1000.0, 10000.0) for d in [0.0] + [dose] * 4],
    "treatment": ["S0000", "S2673", "S7110", "S1154", "S3566"],
    "product_name": drugs,
    "pathway_level_1": ["Vehicle", "MAPK", "Epigenetics", "Cell cycle", "JAK/STAT"],
    "target": ["Vehicle", "MEK", "Epigenetic Reader Domain", "Aurora Kinase", "JAK"],
    "culture_plate": runs(["plate1", "plate2"], 60),
    "replicate": runs(["rep1", "rep2"], 60),
}, ["TP53", "KRAS", "MYC", "ACTB"],
    expect("product_name", "Vehicle", kind="drugs", cell_type="cell_type", batch="replicate", dose="dose", targets=drugs[1:]))

# A drug screen whose labels carry the dose.
write("dosed_labels", {
    "treatment": ["DMSO", "Trametinib_10nM", "Trametinib 1 uM", "Dasatinib@0.1µM", "Dasatinib_1000nM"],
    "cell_line": runs(["A549", "K562"], 60),
}, ["TP53", "KRAS", "MYC", "ACTB"],
    expect("treatment", "DMSO", kind="drugs", cell_type="cell_line",
           targets=["Trametinib_10nM", "Trametinib_1000nM", "Dasatinib_100nM", "Dasatinib_1000nM"]))

# Ursu 2022: protein variants, the wild type as control; the gene is a gene of the file.
write("variants", {
    "batch": runs([1, 2], 60),
    "gene": ["KRAS"],
    "Variant": ["WT", "KRAS_G12D", "KRAS_G12V", "KRAS_Q61H", "KRAS_T50T"],
    "class": ["control", "impactful", "impactful", "impactful", "synonymous"],
}, ["KRAS", "TP53", "MYC", "ACTB"],
    expect("Variant", "WT", kind="variants", batch="batch", targets=["KRAS_G12D", "KRAS_G12V", "KRAS_Q61H", "KRAS_T50="]))

# Kang 2018 in Seurat's names: the sample says the same as the treatment, and so is no batch.
write("seurat_kang", {
    "orig.ident": ["ctrl", "stim"],
    "stim": ["ctrl", "stim"],
    "seurat_annotations": runs(["CD14 Mono", "B", "CD4 T"], 20),
    "donor": runs(["d101", "d107", "d1015"], 30),
}, ["IFIT1", "ISG15", "CD14", "ACTB"],
    expect("stim", "ctrl", batch="donor", targets=["stim"]))

# Labels joined by a slash, singles only beside control.
write("slashes", {
    "perturbation": ["ctrl", "KLF1/ctrl", "ctrl/CEBPE", "CEBPE/RUNX1T1", "RUNX1T1/ctrl"],
    "batch": runs(["a", "b"], 60),
}, ["GATA1", "HBG1", "ACTB"],
    expect("perturbation", "ctrl", separator="/", batch="batch",
           targets=["CEBPE", "CEBPE/RUNX1T1", "KLF1", "RUNX1T1"]))

# Pairs are compared as sets: written with the separator of the file.
for name in EXPECTED:
    separator = EXPECTED[name]["separator"]
    EXPECTED[name]["targets"] = sorted(t.replace("+", separator) if EXPECTED[name]["label_kind"] == "genes" else t
                                       for t in EXPECTED[name]["targets"])
(HERE / "expected.json").write_text(json.dumps(EXPECTED, indent=1, ensure_ascii=False) + "\n")
