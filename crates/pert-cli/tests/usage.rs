//! Wrong usage: exit code 2 and a hint. Help names every flag.

mod common;

use std::path::Path;

use common::{done, pert, texts};

fn misused(args: &[&str], words: &[&str]) {
    let output = pert(Path::new(env!("CARGO_TARGET_TMPDIR")), args);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(2), "{args:?}\n{stderr}");
    assert_eq!(stdout, "", "{args:?}");
    for word in words {
        assert!(stderr.contains(word), "{args:?}: {word:?} is not in {stderr}");
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn wrong_usage_gets_a_hint() {
    misused(&["fti"], &["'fti'", "'fit'", "--help"]);
    misused(&["predcit"], &["'predict'"]);
    misused(&["xyzzy"], &["--help"]);
    misused(&[], &["Usage", "simulate", "evaluate"]);
    misused(&["fit", "a.h5ad"], &["--output <MODEL_DIR>"]);
    misused(&["fit", "-o", "m"], &["<FILE>"]);
    misused(&["fit", "a.h5ad", "-o", "m", "--featurs", "x"], &["'--features"]);
    misused(&["fit", "a.h5ad", "-o", "m", "--hold-out", "cells", "--split", "s"], &["--split"]);
    misused(&["fit", "a.h5ad", "-o", "m", "--device", "gpu"], &["gpu", "wgpu"]);
    misused(&["fit", "a.h5ad", "-o", "m", "--likelihood", "gauss"], &["gauss", "zinb"]);
    misused(&["fit", "a.h5ad", "-o", "m", "--unknown-gene", "zero"], &["zero", "mean"]);
    misused(&["fit", "a.h5ad", "-o", "m", "--seed", "-1"], &["-1"]);
    misused(&["predict", "m", "-o", "p.h5ad"], &["--perturbation <LABEL>"]);
    misused(&["predict", "m", "-p", "A"], &["--output <OUT.h5ad>"]);
    misused(
        &["predict", "m", "-p", "A", "--perturbations", "t.tsv", "-o", "p"],
        &["cannot be used"],
    );
    misused(&["predict", "m", "-p", "A", "-o", "p.h5ad", "--cells", "0"], &["--cells"]);
    misused(&["evaluate", "m", "-o", "r"], &["<REAL>"]);
    misused(&["evaluate", "m", "s", "-o", "r", "--cells", "1"], &["--cells"]);
    misused(&["simulate", "-o", "s.h5ad", "--cells", "0"], &["--cells"]);
    misused(&["simulate", "-o", "s.h5ad", "--genes", "0"], &["--genes"]);
    misused(&["simulate", "-o", "s.h5ad", "--perturbations", "0"], &["--perturbations"]);
    misused(
        &["simulate", "-o", "s.h5ad", "--kind", "guides"],
        &["guides", "gene-pairs", "drugs", "variants"],
    );
    misused(&["demo", "--threads", "0"], &["--threads"]);
    misused(&["encode", "--encoder", "smiles", "-o", "o.tsv"], &["--perturbation <LABEL>"]);
    misused(&["encode", "-p", "A", "-o", "o.tsv"], &["--encoder"]);
    misused(&["encode", "--encoder", "rna", "-p", "A", "-o", "o.tsv"], &["rna", "gene-set"]);
    misused(
        &["encode", "--encoder", "table", "-p", "A", "-o", "o.tsv", "--on-invalid", "drop"],
        &["drop", "skip"],
    );
    misused(&["pretrain"], &["smiles"]);
    misused(&["pretrain", "smiles", "-o", "d"], &["--corpus <FILE>"]);
}

#[test]
fn help_names_every_flag() {
    let data = [
        "--perturbation-key",
        "--control",
        "--separator",
        "--label-kind",
        "--guide-suffix",
        "--layer",
        "--cell-type-key",
        "--batch-key",
        "--dose-key",
        "--filter",
    ];
    let fit = [
        "-o",
        "--config",
        "--encoder",
        "--features",
        "--unknown-gene",
        "--hold-out",
        "--split",
        "--likelihood",
        "--seed",
        "--device",
        "cpu|wgpu|cuda|auto",
        "zinb|nb|poisson",
        "error|mean",
    ];
    let encode = [
        "--encoder",
        "-p",
        "--perturbations",
        "--all-substitutions",
        "--features",
        "--weights",
        "--reference",
        "--cache",
        "--on-invalid",
        "error|skip",
        "OUT.npz",
        "EXAMPLES",
    ];
    let cases: [(&str, &[&str]); 7] = [
        ("encode", &encode),
        ("inspect", &[&["<FILE>", "--json", "--smiles", "--reference"][..], &data[..]].concat()),
        (
            "simulate",
            &[
                "-o",
                "--kind",
                "--cells",
                "--genes",
                "--perturbations",
                "--seed",
                "drugs",
                "variants",
                "EXAMPLES",
            ],
        ),
        ("fit", &[&data[..], &fit[..]].concat()),
        (
            "predict",
            &["-p", "--perturbations", "--at", "--cells", "--seed", "--device", "-o", "EXAMPLES"],
        ),
        ("evaluate", &["-o", "--split", "--cells", "--evaluation-vae", "--device", "EXAMPLES"]),
        ("demo", &["-o", "--kind", "--seed"]),
    ];
    let here = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (general, stderr) = done(here, &["--help"]);
    assert_eq!(stderr, "");
    for (command, words) in cases {
        assert!(general.contains(command), "{command}");
        let (help, _) = done(here, &[command, "--help"]);
        for word in words.iter().chain(&["--quiet", "--threads"]) {
            assert!(help.contains(word), "{command}: {word:?} is not in {help}");
        }
    }
    for word in ["EXAMPLES", "EXIT CODES", "130"] {
        assert!(general.contains(word), "{word}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let (stdout, _) = done(Path::new("."), &["--version"]);
    assert_eq!(stdout, concat!("pert ", env!("CARGO_PKG_VERSION"), "\n"));
}
