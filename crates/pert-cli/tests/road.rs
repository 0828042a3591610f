//! The whole road on a tiny screen: simulate, inspect, fit, predict, evaluate.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{FIT, command, done, held_out, pert, shared, texts, tree, workplace};
use pert_prior::data::{Dataset, ReadOptions};

/// Predicted cells as they stand in a file.
fn cells(path: &Path) -> Dataset {
    let options = ReadOptions {
        control: Some("control".into()),
        require_control: false,
        cell_type_key: Some("cell_type".into()),
        batch_key: Some("batch".into()),
        ..ReadOptions::default()
    };
    Dataset::read_h5ad_with(path, &options).unwrap()
}

fn swapped(pair: &str) -> String {
    let (a, b) = pair.split_once('+').unwrap();
    format!("{b}+{a}")
}

#[test]
fn inspect_answers_in_text_and_json() {
    let folder = workplace("inspect");
    let (text, stderr) = done(&folder, &["inspect", "screen.h5ad"]);
    assert!(text.contains("400 cells × 60 genes") && text.contains("pert fit"), "{text}");
    assert_eq!(stderr, "");
    let (json, _) = done(&folder, &["inspect", "screen.h5ad", "--json"]);
    let found: BTreeMap<String, serde_json::Value> = serde_json::from_str(&json).unwrap();
    for key in [
        "n_cells",
        "n_genes",
        "counts",
        "count_layer",
        "perturbation_key",
        "control",
        "separator",
        "perturbations",
        "covariates",
        "suggested_command",
    ] {
        assert!(found.contains_key(key), "{key} is not in {json}");
    }
    assert_eq!((&found["n_cells"], &found["n_genes"]), (&400.into(), &60.into()));
    assert_eq!((&found["counts"], &found["separator"]), (&true.into(), &"+".into()));
    assert_eq!(found["perturbations"].as_object().unwrap().len(), 9);
    // The command it suggests runs as printed.
    let suggested = found["suggested_command"].as_str().unwrap();
    let mut words: Vec<&str> = suggested.split_whitespace().collect();
    assert_eq!(words.remove(0), "pert");
    words.extend(["--config", "run.toml"]);
    fs::remove_dir_all(folder.join("model")).unwrap();
    done(&folder, &words);
    assert!(folder.join("model/model.json").exists());
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = workplace("same_seed");
    let sizes = ["--cells", "400", "--genes", "60", "--perturbations", "8"];
    done(&folder, &[&["simulate", "-o", "again.h5ad"], &sizes[..]].concat());
    for ending in ["h5ad", "features.tsv", "truth.tsv"] {
        let read = |stem: &str| fs::read(folder.join(format!("{stem}.{ending}"))).unwrap();
        assert!(read("screen") == read("again"), "{ending}");
    }
    done(&folder, &[&["fit", "screen.h5ad", "-o", "again"], &FIT[..]].concat());
    assert!(tree(&folder.join("model")) == tree(&folder.join("again")));
    let other = ["--seed", "1"];
    done(&folder, &[&["fit", "screen.h5ad", "-o", "other"], &FIT[..], &other].concat());
    let decoder = |model: &str| fs::read(folder.join(model).join("decoder.safetensors")).unwrap();
    assert!(decoder("model") != decoder("other"));

    let pair = &held_out(&folder)[0];
    for (model, file) in [("model", "a.h5ad"), ("again", "b.h5ad")] {
        done(&folder, &["predict", model, "-p", pair, "--cells", "9", "-o", file]);
    }
    let read = |file: &str| fs::read(folder.join(file)).unwrap();
    assert!(read("a.h5ad") == read("b.h5ad"));
    done(&folder, &["predict", "model", "-p", pair, "--cells", "9", "--seed", "1", "-o", "c.h5ad"]);
    assert!(read("a.h5ad") != read("c.h5ad"));
}

#[test]
fn a_pair_is_a_set() {
    let folder = workplace("pair");
    let pair = &held_out(&folder)[0];
    for (label, file) in [(pair.clone(), "ab.h5ad"), (swapped(pair), "ba.h5ad")] {
        done(&folder, &["predict", "model", "-p", &label, "--cells", "9", "-o", file]);
    }
    let (ab, ba) = (cells(&folder.join("ab.h5ad")), cells(&folder.join("ba.h5ad")));
    let (ab, ba) = (ab.population(), ba.population());
    assert_eq!((ab.n_cells(), ab.counts()), (9, ba.counts()));
    assert_eq!(ab.covariates(), ba.covariates());
    assert_eq!(ab.perturbations(), ba.perturbations());
}

#[test]
fn requests_are_kept_to() {
    let folder = workplace("requests");
    let pair = &held_out(&folder)[0];
    let single = pair.split('+').next().unwrap();
    let args =
        ["predict", "model", "-p", pair, "-p", single, "-p", "control", "-p", "GENE0001+GENE0002"];
    let (stdout, _) = done(&folder, &[&args[..], &["--cells", "7", "-o", "p.h5ad"]].concat());
    assert_eq!(stdout, "");
    let predicted = cells(&folder.join("p.h5ad"));
    assert_eq!(predicted.population().n_cells(), 4 * 7);
    assert_eq!(predicted.population().perturbations().len(), 4);

    let level = predicted.population().covariates()[0].label(0);
    let at = format!("cell_type={level}");
    done(&folder, &["predict", "model", "-p", pair, "--at", &at, "--cells", "30", "-o", "at.h5ad"]);
    let at_level = cells(&folder.join("at.h5ad"));
    let cell_type = &at_level.population().covariates()[0];
    assert!((0..30).all(|i| cell_type.label(i) == level));

    let table = format!("perturbation\tcell_type\tn_cells\n{pair}\t{level}\t5\n{single}\t\t\n");
    fs::write(folder.join("wanted.tsv"), table).unwrap();
    let args =
        ["predict", "model", "--perturbations", "wanted.tsv", "--cells", "3", "-o", "t.h5ad"];
    done(&folder, &args);
    let tabled = cells(&folder.join("t.h5ad"));
    let n: Vec<usize> = tabled
        .population()
        .perturbations()
        .iter()
        .map(|p| tabled.population().cells_of(p).len())
        .collect();
    assert_eq!(n.iter().sum::<usize>(), 8, "{n:?}");
    assert!((0..5).all(|i| tabled.population().covariates()[0].label(i) == level));
}

#[test]
fn a_model_and_predicted_cells_are_evaluated() {
    let folder = workplace("evaluate");
    let labels = held_out(&folder);
    assert!(labels.len() >= 2, "{labels:?}");
    let vae = ["--evaluation-vae", "vae", "--cells", "40"];
    let truth = ["--truth", "screen.truth.tsv"];
    let evaluate =
        [&["evaluate", "model", "screen.h5ad", "-o", "report"], &vae[..], &truth].concat();
    let (stdout, stderr) = done(&folder, &evaluate);
    assert!(stdout.contains("model") && stdout.contains("ceiling") && stdout.contains("FID floor"));
    assert!(!stdout.contains("training the") && !stderr.contains("partial"), "{stderr}");
    check_report(&folder.join("report"), labels.len());
    assert!(!folder.join("report/evaluation_vae").exists() && folder.join("vae").exists());

    let mut predict = vec!["predict", "model", "--cells", "40", "-o", "p.h5ad"];
    labels.iter().for_each(|label| predict.extend(["-p", label]));
    done(&folder, &predict);
    let split = ["--split", "model/split.json", "--quiet"];
    let evaluate =
        [&["evaluate", "p.h5ad", "screen.h5ad", "-o", "cells"], &vae[..], &split].concat();
    let (stdout, stderr) = done(&folder, &evaluate);
    assert!(!stdout.is_empty());
    assert_eq!(stderr, "");
    check_report(&folder.join("cells"), labels.len());
    // Without a split, what was predicted is the test; three cells are too few for a UMAP, not for a report.
    let few = ["predict", "model", "-p", &labels[0], "--cells", "3", "-o", "few.h5ad"];
    done(&folder, &few);
    let evaluate =
        ["evaluate", "few.h5ad", "screen.h5ad", "-o", "report", "--evaluation-vae", "vae"];
    done(&folder, &evaluate);
    check_report(&folder.join("report"), 1);

    // A split that asks for something else is refused before an evaluation VAE is trained for it.
    let (held, asked) = (&labels[0], &labels[1]);
    let split = format!(
        r#"{{"format":1,"rule":"labels:{asked}","seed":0,"train":["control"],"test":["{asked}"]}}"#
    );
    fs::write(folder.join("other.json"), split).unwrap();
    let evaluate = ["evaluate", "few.h5ad", "screen.h5ad", "-o", "no", "--split", "other.json"];
    let output = pert(&folder, &evaluate);
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let told = format!("they hold {held}; the split asks for {asked}");
    assert!(stderr.contains(&told) && stderr.contains("few.h5ad"), "{stderr}");
    assert!(!folder.join("no").exists());
}

fn check_report(report: &Path, n_perturbations: usize) {
    let mut names: Vec<String> = tree(report)
        .into_keys()
        .map(|path| path.display().to_string())
        .filter(|name| !name.starts_with("evaluation_vae"))
        .collect();
    names.sort_unstable();
    let expected = [
        "delta.png",
        "delta.svg",
        "intervals.csv",
        "metrics.csv",
        "metrics.png",
        "metrics.svg",
        "report.md",
        "slides.tsv",
        "summary.json",
        "umap.png",
        "umap.svg",
    ];
    assert_eq!(names, expected);
    let read = |name: &str| fs::read_to_string(report.join(name)).unwrap();
    let metrics = read("metrics.csv");
    let header =
        "perturbation,method,n,r2,r2_pearson,fid_latent,fid_latent_floor,pearson_delta,e_distance";
    assert!(metrics.starts_with(header), "{}", metrics.lines().next().unwrap());
    let columns = metrics.lines().next().unwrap().split(',').count();
    for line in metrics.lines() {
        assert_eq!(line.split(',').count(), columns, "{line}");
    }
    let methods = [
        "model",
        "no_change",
        "training_mean",
        "matching_mean",
        "additive",
        "random_cells",
        "ridge",
        "bilinear_ridge",
        "nearest",
        "kernel_ridge",
    ];
    for method in methods {
        let rows = metrics.lines().filter(|line| line.split(',').nth(1) == Some(method)).count();
        assert_eq!(rows, n_perturbations, "{method}");
    }
    assert!(metrics.contains(",ceiling,"));
    let slides = read("slides.tsv");
    let mut lines = slides.lines();
    assert_eq!(lines.next(), Some("perturbation\tn\tr2\tfid"));
    let n: Vec<usize> = lines.map(|l| l.split('\t').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(n.len(), n_perturbations);
    assert!(n.is_sorted_by(|a, b| a >= b), "{n:?}");
    let _: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    for picture in ["umap", "metrics", "delta"] {
        assert!(read(&format!("{picture}.svg")).contains("</svg>"));
        assert!(fs::read(report.join(format!("{picture}.png"))).unwrap().starts_with(b"\x89PNG"));
    }
}

#[test]
fn quiet_is_quiet_and_progress_is_on_stderr() {
    let folder = workplace("quiet");
    let pair = &held_out(&folder)[0];
    let fit = [&["fit", "screen.h5ad", "-o", "m"], &FIT[..]].concat();
    let predict = ["predict", "model", "-p", pair, "--cells", "3", "-o", "p.h5ad"];
    let sizes = ["--cells", "400", "--genes", "60", "--perturbations", "8"];
    let simulate = [&["simulate", "-o", "s.h5ad"], &sizes[..]].concat();
    for args in [&fit[..], &predict, &simulate] {
        let (loud_out, loud) = done(&folder, args);
        assert!(!loud.is_empty(), "{args:?}");
        let (quiet_out, quiet) = done(&folder, &[args, &["--quiet"]].concat());
        assert_eq!((quiet.as_str(), &quiet_out), ("", &loud_out), "{args:?}");
        assert!(loud_out.lines().count() <= 1, "{loud_out}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    use std::process::Stdio;
    let mut child = command(shared(), &["inspect", "screen.h5ad"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
}
