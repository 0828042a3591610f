//! `pert benchmark`, from protocols to tables, on simulated stand-ins of the schemas of the slides' data sets.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use common::{done, pert, scratch, texts};
use pert_prior::core::{Covariate, CovariateRole, LabelFormat, Perturbation, Population};
use pert_prior::data::{Provenance, SimulatorConfig, simulate, write_h5ad};
use pert_prior::pipeline::{PrintedTable, Protocol};
use serde_json::Value;

/// Few steps and cells: these tests are about runs and tables, not about how good a model is.
const QUICK: &str = "
[model.set]
min-cells = 2

[model.set.cell-encoder-training]
steps = 10
[model.set.prior]
steps = 10
[model.set.decoder-training]
steps = 10

[evaluation]
cells = 100
";

fn protocols() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocols")
}

/// A simulated screen whose perturbations carry these labels, written with the columns of a schema.
fn stand_in(path: &Path, key: &str, control: &str, labels: &[String], columns: &[(&str, &[&str])]) {
    let config = SimulatorConfig::new(1)
        .with_n_cells(20 * labels.len() + 120)
        .with_n_genes(80)
        .with_n_perturbations(labels.len());
    let simulated = simulate(&config).unwrap().population;
    let perturbed: Vec<&Perturbation> =
        simulated.perturbations().iter().filter(|p| !p.is_control()).collect();
    assert_eq!(perturbed.len(), labels.len());
    let cells = 0..simulated.n_cells();
    let label_of = |cell: usize| {
        let p = simulated.perturbation_of(cell);
        perturbed.iter().position(|other| *other == p).map_or(control, |i| labels[i].as_str())
    };
    let label_column: Vec<String> = cells.clone().map(|cell| label_of(cell).to_owned()).collect();
    let as_they_stand =
        LabelFormat { control: control.into(), separator: '~', ..LabelFormat::default() };
    let of_cell: Vec<Perturbation> =
        label_column.iter().map(|l| Perturbation::parse(l, &as_they_stand).unwrap()).collect();
    let mut covariates = vec![Covariate::categorical(key, CovariateRole::Batch, &label_column)];
    for (name, levels) in columns {
        let values: Vec<String> =
            cells.clone().map(|cell| levels[cell % levels.len()].to_owned()).collect();
        covariates.push(Covariate::categorical(name, CovariateRole::Batch, &values));
    }
    // Genes that every split keeps: then all folds are judged by one evaluation VAE, whose training takes most of the time.
    let counts = simulated.counts();
    let n_expressed = |gene: usize| {
        simulated
            .counts()
            .select_genes(&[gene])
            .values()
            .iter()
            .filter(|value| **value > 0.0)
            .count()
    };
    let mut genes: Vec<usize> = (0..simulated.n_genes()).collect();
    genes.sort_by_key(|&gene| std::cmp::Reverse(n_expressed(gene)));
    genes.truncate(30);
    genes.sort_unstable();
    let population = Population::new(
        counts.select_genes(&genes),
        genes.iter().map(|&gene| simulated.genes()[gene].clone()).collect(),
        simulated.cells().to_vec(),
        &of_cell,
        covariates,
    )
    .unwrap();
    let provenance =
        Provenance { model: "stand-in".into(), seed: 1, version: "0".into(), generated: false };
    write_h5ad(path, &population, &provenance).unwrap();
}

/// The labels of a reference table, those that are known.
fn printed_labels(name: &str) -> Vec<String> {
    let table = PrintedTable::read_tsv(&protocols().join("reference").join(name)).unwrap();
    table.rows.into_iter().map(|r| r.perturbation).filter(|label| !label.is_empty()).collect()
}

/// A protocol of the repository with one seed and few steps, in a folder of its own.
fn quick_protocol(folder: &Path, name: &str) -> String {
    let text = fs::read_to_string(protocols().join(name)).unwrap();
    let text = text.replace("seeds = [0, 1, 2]", "seeds = [0]") + QUICK;
    fs::write(folder.join(name), text).unwrap();
    fs::create_dir_all(folder.join("reference")).unwrap();
    for entry in fs::read_dir(protocols().join("reference")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join("reference").join(entry.file_name())).unwrap();
    }
    name.to_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// When each run below a folder was recorded.
fn records(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.file_name().is_some_and(|name| name == "run.json") {
                let time = fs::metadata(&path).unwrap().modified().unwrap();
                found.push((path, time));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_protocol_of_the_repository_is_read() {
    let mut names = Vec::new();
    for entry in fs::read_dir(protocols()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let protocol = Protocol::read(&path).unwrap_or_else(|e| panic!("{e}"));
            assert!(!protocol.plan().is_empty() && !protocol.description.is_empty());
            assert!(protocol.datasets.iter().all(|d| !d.accession.is_empty()));
            names.push(protocol.name);
        }
    }
    names.sort();
    assert_eq!(names, ["cell-encoder", "gi", "prior", "sampler", "sciplex", "small", "ursu"]);
}

#[test]
fn gene_pairs_reproduce_the_slides_table_with_one_command() {
    let folder = scratch("gi");
    let mut labels = printed_labels("gi.tsv");
    labels.extend(["CEBPA", "CEBPB", "KLF1", "SNAI1", "FOXL2", "KLF1+CEBPA"].map(str::to_owned));
    // As the schema writes single genes and pairs, in either order.
    let labels: Vec<String> = labels
        .into_iter()
        .map(|label| match label.split_once('+') {
            Some((a, b)) => format!("{b}+{a}"),
            None => format!("{label}+ctrl"),
        })
        .collect();
    stand_in(&folder.join("norman.h5ad"), "condition", "ctrl", &labels, &[]);
    let protocol = quick_protocol(&folder, "gi.toml");

    let (plan, _) = done(&folder, &["benchmark", &protocol, "-o", "out", "--dry-run"]);
    assert!(plan.contains("gi/reference/seed-0/default   not run yet"), "{plan}");
    assert!(!folder.join("out").exists());

    let (stdout, _) = done(&folder, &["benchmark", &protocol, "-o", "out"]);
    assert!(stdout.contains("gi, reference: 1 fold × 1 seed, 33 perturbations"), "{stdout}");
    for method in ["default", "additive", "[ceiling]", "[floor]", "†"] {
        assert!(stdout.contains(method), "{method} in\n{stdout}");
    }
    let comparison = json(&folder.join("out/comparison.json"));
    assert_eq!((&comparison["complete"], &comparison["n_runs"]), (&true.into(), &1.into()));
    let group = &comparison["groups"][0];
    assert_eq!(group["n_perturbations"], 33);
    assert!(group["comparisons"].as_array().unwrap().iter().any(|c| c["metric"] == "r2"));
    let slides = fs::read_to_string(folder.join("out/slides.md")).unwrap();
    assert!(slides.contains("| CEBPE+RUNX1T1 | ") && slides.contains("| 1198 | "), "{slides}");
    assert!(slides.contains("median of 33 with both"), "{slides}");
    for file in ["model/model.json", "report/metrics.csv", "report/slides.tsv", "split.json"] {
        assert!(folder.join("out/runs/gi/reference/seed-0/default").join(file).exists(), "{file}");
    }

    // Once more: nothing is done again.
    let before = records(&folder.join("out"));
    let (_, stderr) = done(&folder, &["benchmark", &protocol, "-o", "out"]);
    assert!(stderr.contains("one run is finished already"), "{stderr}");
    assert_eq!(records(&folder.join("out")), before);
}

#[test]
fn compounds_are_run_by_name() {
    let folder = scratch("sciplex");
    let mut labels = printed_labels("sciplex.tsv");
    labels.extend(
        ["Trametinib (GSK1120212)", "(+)-JQ1", "Tyrphostin AG 1478", "Pracinostat (SB939)"]
            .map(str::to_owned),
    );
    let columns: [(&str, &[&str]); 4] = [
        ("cell_type", &["A549", "K562", "MCF7"]),
        ("replicate", &["rep1", "rep2"]),
        ("dose", &["10", "100", "1000", "10000", "0"]),
        ("time_point", &["24"]),
    ];
    stand_in(&folder.join("sciplex3.h5ad"), "product_name", "Vehicle", &labels, &columns);
    let protocol = quick_protocol(&folder, "sciplex.toml");
    let (stdout, _) = done(&folder, &["benchmark", &protocol, "-o", "out"]);
    assert!(stdout.contains("1 fold × 1 seed, 23 perturbations"), "{stdout}");
    let slides = fs::read_to_string(folder.join("out/slides.md")).unwrap();
    assert!(slides.contains("| Cerdulatinib (PRT062070, PRT2070) | "), "{slides}");
    assert!(slides.contains("median of 23 with both"), "{slides}");
}

#[test]
fn variants_are_held_out_once_each_and_shards_share_one_folder() {
    let folder = scratch("ursu");
    let mut labels = printed_labels("ursu.tsv");
    labels.extend(["KRAS_G12D", "KRAS_G12V", "TP53_R175H", "TP53_R248Q"].map(str::to_owned));
    stand_in(&folder.join("ursu.h5ad"), "variant", "WT", &labels, &[("library", &["A", "B"])]);
    let protocol = quick_protocol(&folder, "ursu.toml");
    let command = ["benchmark", &protocol, "-o", "out"];

    let (stdout, _) = done(&folder, &[&command[..], &["--shard", "2/3"]].concat());
    assert!(stdout.contains("part 2/3: 2 of 2 runs finished"), "{stdout}");
    assert!(!folder.join("out/comparison.csv").exists());
    let output = pert(&folder, &[&command[..], &["--merge"]].concat());
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("3 of 5 runs have no numbers"), "{stderr}");
    assert!(stderr.contains("ursu/sorted-5-0/seed-0/default: not run yet"), "{stderr}");
    assert!(stdout.contains("2 folds"), "{stdout}");
    let page = fs::read_to_string(folder.join("out/comparison.md")).unwrap();
    assert!(page.contains("**Incomplete: 3 of 5 runs are missing.**"), "{page}");

    // The other two at the same time.
    let others: Vec<_> = ["1/3", "3/3"]
        .map(|shard| {
            let mut other =
                common::command(&folder, &[&command[..], &["--shard", shard, "--quiet"]].concat());
            other.stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .into();
    for mut other in others {
        assert!(other.wait().unwrap().success());
    }
    let (stdout, _) = done(&folder, &[&command[..], &["--merge"]].concat());
    assert!(stdout.contains("ursu, sorted-5: 5 folds × 1 seed, 10 perturbations"), "{stdout}");
    let slides = fs::read_to_string(folder.join("out/slides.md")).unwrap();
    assert!(slides.contains("median of 6 with both"), "{slides}");
    assert!(slides.contains("(not told apart in print)"), "{slides}");
    let vaes = fs::read_dir(folder.join("out/evaluation_vae/ursu")).unwrap();
    let litter =
        vaes.filter(|vae| vae.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(litter.count(), 0);
}

/// Two data sets and the baselines alone.
fn baselines(folder: &Path, splits: &str) -> [&'static str; 4] {
    let labels: Vec<String> = ["A", "B", "C", "D", "A+B", "C+D"].map(str::to_owned).to_vec();
    stand_in(&folder.join("a.h5ad"), "condition", "ctrl", &labels, &[]);
    let text = format!(
        "[protocol]\nformat = 1\nname = \"b\"\nsplits = [{splits}]\nseeds = [0, 1]\n\
         [evaluation]\ncells = 100\n\
         [[dataset]]\nname = \"a\"\npath = \"a.h5ad\"\nperturbation-key = \"condition\"\n\
         control = \"ctrl\"\ncolumns = [\"condition\"]\n\
         [dataset.set]\nunknown-gene = \"mean\"\nmin-cells = 2\n"
    );
    fs::write(folder.join("b.toml"), text).unwrap();
    ["benchmark", "b.toml", "-o", "out"]
}

#[test]
fn a_run_that_fails_is_recorded_and_does_not_sink_the_others() {
    let folder = scratch("failing");
    let command = baselines(&folder, "\"labels:NOBODY\", \"labels:A+B\"");
    let output = pert(&folder, &command);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("2 of 4 runs have no numbers") && stderr.contains("NOBODY"),
        "{stderr}"
    );
    assert!(stdout.contains("a, labels:A+B: 1 fold × 2 seeds, 1 perturbation"), "{stdout}");
    assert!(stdout.contains("no_change") && !stdout.contains("model"), "{stdout}");
    let failed = records(&folder.join("out"))
        .into_iter()
        .filter(|(path, _)| fs::read_to_string(path).unwrap().contains("\"failed\""));
    assert_eq!(failed.count(), 2);

    // With other settings it is refused, named, and done with --force.
    let before = records(&folder.join("out"));
    let text = fs::read_to_string(folder.join("b.toml")).unwrap();
    fs::write(folder.join("b.toml"), text.replace("cells = 100", "cells = 101")).unwrap();
    let output = pert(&folder, &command);
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("evaluation.cells was 100, now 101"), "{stderr}");
    assert!(stderr.contains("--force"), "{stderr}");
    assert_eq!(records(&folder.join("out")), before);
    let output = pert(&folder, &[&command[..], &["--force"]].concat());
    assert!(texts(&output).1.contains("2 of 4 runs"));
    let after = records(&folder.join("out"));
    assert!(after.len() == 4 && after.iter().all(|record| !before.contains(record)));
}

#[test]
fn what_can_be_refused_is_refused_before_anything_is_done() {
    let folder = scratch("refused");
    let command = baselines(&folder, "\"sorted-3\"");
    let text = fs::read_to_string(folder.join("b.toml")).unwrap();
    for (from, to, words) in [
        ("a.h5ad", "b.h5ad", &["no file", "b.h5ad", "--data"][..]),
        ("[\"condition\"]", "[\"condition\", \"batch\"]", &["\"batch\"", "condition"]),
        ("min-cells = 2", "min-cells = 2\nlerning = 3", &["b.toml", "line 17", "lerning"]),
    ] {
        fs::write(folder.join("b.toml"), text.replace(from, to)).unwrap();
        let output = pert(&folder, &command);
        let (_, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(words.iter().all(|word| stderr.contains(word)), "{words:?}: {stderr}");
    }
    fs::write(folder.join("b.toml"), text).unwrap();
    let output = pert(&folder, &[&command[..], &["--shard", "3/2"]].concat());
    assert_eq!(output.status.code(), Some(2));
    fs::create_dir(folder.join("thesis")).unwrap();
    fs::write(folder.join("thesis/chapter.doc"), "").unwrap();
    let output = pert(&folder, &["benchmark", "b.toml", "-o", "thesis"]);
    assert!(texts(&output).1.contains("no folder of a benchmark"));
    let output = pert(&folder, &["benchmark", "b.toml", "--only", "z"]);
    assert!(texts(&output).1.contains("--only z"));
}

#[cfg(unix)]
#[test]
fn a_benchmark_cut_off_goes_on_and_does_nothing_twice() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let folder = scratch("cut_off");
    let command = baselines(&folder, "\"sorted-3\"");
    for signal in ["-KILL", "-INT"] {
        let finished = records_in(&folder).len();
        let mut child = common::command(&folder, &command)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        // Between two runs: the second begins when the first is on record.
        assert!(lines.any(|line| line.starts_with("== run 2 of")));
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        let rest: Vec<String> = lines.collect();
        let code = child.wait().unwrap().code();
        if signal == "-INT" {
            assert_eq!(code, Some(130), "{rest:?}");
            let last = rest.last().unwrap();
            assert!(last.contains("go on with: ") && last.contains("benchmark b.toml"), "{rest:?}");
        }
        assert!(records_in(&folder).len() > finished, "{signal}");
    }
    let before = records_in(&folder);
    let (stdout, stderr) = done(&folder, &command);
    assert!(stdout.contains("3 folds × 2 seeds, 6 perturbations"), "{stdout}");
    assert!(stderr.contains("finished already"), "{stderr}");
    let after = records_in(&folder);
    assert_eq!(after.len(), 6);
    assert!(before.iter().all(|record| after.contains(record)), "{before:?} {after:?}");
}

#[cfg(unix)]
fn records_in(folder: &Path) -> Vec<(PathBuf, SystemTime)> {
    let out = folder.join("out");
    if out.exists() { records(&out) } else { Vec::new() }
}
