//! `pert evaluate` on cells that some other tool predicted, and `pert baselines`.

mod common;

use std::fs;
use std::path::Path;

use common::{done, fixture, held_out, pert, texts, workplace};
use pert_prior::core::{CsrCounts, Perturbation, Population};
use pert_prior::data::{Dataset, Provenance, write_h5ad};

fn screen(folder: &Path) -> Population {
    Dataset::read_h5ad(folder.join("screen.h5ad")).unwrap().into_population()
}

fn write(folder: &Path, name: &str, cells: &Population) {
    let provenance =
        Provenance { model: "other tool".into(), seed: 0, version: "1".into(), generated: true };
    write_h5ad(&folder.join(name), cells, &provenance).unwrap();
}

/// The rows of cells whose perturbation is in a list.
fn cells_of(population: &Population, labels: &[String]) -> Vec<usize> {
    (0..population.n_cells())
        .filter(|&i| labels.iter().any(|l| l == population.perturbation_of(i).label()))
        .collect()
}

/// The same cells, some columns under other names.
fn renamed(population: &Population, first: usize) -> Population {
    let rows: Vec<usize> = (0..population.n_cells()).collect();
    let labels: Vec<Perturbation> =
        rows.iter().map(|&i| population.perturbation_of(i).clone()).collect();
    let genes = population.genes().iter().enumerate();
    let genes = genes.map(|(i, g)| if i < first { format!("other-{g}") } else { g.clone() });
    Population::new(
        CsrCounts::from_dense(population.n_genes(), &population.counts().dense(&rows)).unwrap(),
        genes.collect(),
        population.cells().to_vec(),
        &labels,
        population.covariates().to_vec(),
    )
    .unwrap()
}

/// A number of `metrics.csv`; empty fields are NaN.
fn field(metrics: &str, perturbation: &str, method: &str, column: &str) -> String {
    let mut lines = metrics.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let at = header.iter().position(|name| *name == column).unwrap();
    let row = lines.find(|row| row[0] == perturbation && row[1] == method);
    row.unwrap_or_else(|| panic!("no row {perturbation} {method}:\n{metrics}"))[at].to_owned()
}

#[test]
fn genes_that_only_one_file_holds_are_left_out_on_request_and_counted() {
    let folder = workplace("other_genes");
    let real = screen(&folder);
    let held_out = held_out(&folder);
    let predicted = renamed(&real.select_cells(&cells_of(&real, &held_out)), 5);
    write(&folder, "predicted.h5ad", &predicted);
    let split = ["--split", "model/split.json", "--bootstraps", "5"];
    let args =
        [&["evaluate", "predicted.h5ad", "screen.h5ad", "-o", "report"], &split[..]].concat();
    let refused = pert(&folder, &args);
    let (_, stderr) = texts(&refused);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    for word in ["predicted.h5ad", "other-", "55 genes are in both files", "--genes common"] {
        assert!(stderr.contains(word), "{word}: {stderr}");
    }
    assert!(!folder.join("report").exists());

    let (_, stderr) = done(&folder, &[&args[..], &["--genes", "common"]].concat());
    assert!(stderr.contains("55 genes are in both files (60 predicted, 60 real)"), "{stderr}");
    let metrics = fs::read_to_string(folder.join("report/metrics.csv")).unwrap();
    for label in &held_out {
        // The prediction is the held-out cells themselves.
        assert_eq!(field(&metrics, label, "model", "r2"), "1.0");
    }

    let none = renamed(&predicted, 60);
    write(&folder, "none.h5ad", &none);
    let (_, stderr) = texts(&pert(&folder, &["evaluate", "none.h5ad", "screen.h5ad", "-o", "no"]));
    assert!(stderr.contains("no gene of none.h5ad is in screen.h5ad"), "{stderr}");
}

#[test]
fn normalised_values_are_named_where_counts_are_expected() {
    let folder = workplace("normalised_prediction");
    let file = fixture("raw_counts");
    let output = pert(&folder, &["evaluate", &file, "screen.h5ad", "-o", "report"]);
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(&file) && stderr.contains("normalised"), "{stderr}");
}

#[test]
fn one_broken_perturbation_does_not_sink_the_others() {
    let folder = workplace("broken_rows");
    let real = screen(&folder);
    let perturbed = real.perturbations().iter().filter(|p| !p.is_control());
    let labels: Vec<String> = perturbed.map(|p| p.label().to_owned()).collect();
    let (held_out, train) = labels.split_at(3);
    let split = format!(
        r#"{{"format": 1, "rule": "by hand", "seed": 0, "train": ["control", "{}"], "test": ["{}"]}}"#,
        train.join(r#"", ""#),
        held_out.join(r#"", ""#)
    );
    fs::write(folder.join("split.json"), split).unwrap();
    let [not_predicted, one_cell, fine] = [&held_out[0], &held_out[1], &held_out[2]];
    // Of one perturbation a single real cell is left; another is not predicted.
    let of_one = cells_of(&real, std::slice::from_ref(one_cell));
    let kept: Vec<usize> = (0..real.n_cells()).filter(|i| !of_one[1..].contains(i)).collect();
    write(&folder, "thinned.h5ad", &real.select_cells(&kept));
    let predicted = real.select_cells(&cells_of(&real, &held_out[1..]));
    write(&folder, "predicted.h5ad", &predicted);
    let args = ["evaluate", "predicted.h5ad", "thinned.h5ad", "--split", "split.json"];
    let (_, stderr) = done(&folder, &[&args[..], &["-o", "report"]].concat());
    let metrics = fs::read_to_string(folder.join("report/metrics.csv")).unwrap();
    let note = |label: &str| field(&metrics, label, "model", "note");
    assert_eq!(note(not_predicted), "no predicted cells", "{stderr}");
    assert_eq!(note(one_cell), "one real cell: no distribution to compare with");
    assert_eq!(field(&metrics, one_cell, "model", "r2"), "");
    assert_eq!(field(&metrics, fine, "model", "r2"), "1.0");
    let report = fs::read_to_string(folder.join("report/report.md")).unwrap();
    assert!(report.contains(&format!("- {not_predicted}: no predicted cells")), "{report}");
}

#[test]
fn baselines_alone_need_no_model() {
    let folder = workplace("baselines_alone");
    let args = ["baselines", "screen.h5ad", "--hold-out", "seen-2:0.6", "--bootstraps", "10"];
    let more = ["--features", "screen.features.tsv", "-o", "report"];
    let (stdout, _) = done(&folder, &[&args[..], &more].concat());
    let metrics = fs::read_to_string(folder.join("report/metrics.csv")).unwrap();
    let methods =
        ["no_change", "additive", "ridge", "bilinear_ridge", "nearest", "kernel_ridge", "ceiling"];
    for method in methods {
        assert!(stdout.contains(method), "{method}: {stdout}");
        for label in held_out(&folder) {
            let r2: f64 = field(&metrics, &label, method, "r2").parse().unwrap();
            assert!(r2 <= 1.0, "{method} {label}");
        }
    }
    assert!(!metrics.lines().any(|line| line.split(',').nth(1) == Some("model")), "{metrics}");
    let intervals = fs::read_to_string(folder.join("report/intervals.csv")).unwrap();
    assert!(intervals.lines().any(|line| line.starts_with(",additive,r2,")), "{intervals}");
    // Without a rule there is nothing to hold out, and the usage says which flag does it.
    let (_, stderr) = texts(&pert(&folder, &["baselines", "screen.h5ad", "-o", "other"]));
    assert!(stderr.contains("--hold-out"), "{stderr}");
}
