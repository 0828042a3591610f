//! Files laid out as public data sets are: every column is taken for what it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pert_core::{
    CovariateRole, CsrCounts, GuideSuffix, LabelFormat, LabelKind, Perturbation, Population,
    SplitConfig,
};
use pert_data::{Dataset, Inspection, Provenance, ReadOptions, inspect, write_h5ad};

#[derive(Debug, serde::Deserialize)]
struct Expected {
    perturbation_key: String,
    control: String,
    separator: char,
    label_kind: LabelKind,
    guide_suffix: GuideSuffix,
    cell_type: Option<String>,
    batch: Option<String>,
    dose: Option<String>,
    targets: Vec<String>,
}

fn cases() -> BTreeMap<String, Expected> {
    pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "schemas")
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/schemas").join(format!("{name}.h5ad"))
}

fn column(dataset: &Dataset, role: CovariateRole) -> Option<String> {
    let covariates = dataset.population().covariates();
    covariates.iter().find(|c| c.role == role).map(|c| c.name.clone())
}

#[test]
fn columns_and_labels_of_public_data_sets_are_understood() {
    for (name, expected) in cases() {
        let read = Dataset::read_h5ad(file(&name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let format = read.format();
        assert_eq!(read.perturbation_key(), expected.perturbation_key, "{name}");
        assert_eq!(format.control, expected.control, "{name}");
        assert_eq!(format.separator, expected.separator, "{name}");
        assert_eq!(format.kind, expected.label_kind, "{name}");
        assert_eq!(format.guide_suffix, expected.guide_suffix, "{name}");
        assert_eq!(column(&read, CovariateRole::CellType), expected.cell_type, "{name}");
        assert_eq!(column(&read, CovariateRole::Batch), expected.batch, "{name}");
        assert_eq!(column(&read, CovariateRole::Dose), expected.dose, "{name}");
        let perturbed = read.population().perturbations().iter().filter(|p| !p.is_control());
        let mut targets: Vec<String> = perturbed.map(|p| p.canonical(format)).collect();
        targets.sort();
        assert_eq!(targets, expected.targets, "{name}");
        assert!(!read.population().control_cells().is_empty(), "{name}");
    }
}

#[test]
fn what_inspect_shows_is_what_is_read() {
    for (name, expected) in cases() {
        let found = inspect(&file(&name), &ReadOptions::default()).unwrap();
        let read = Dataset::read_h5ad(file(&name)).unwrap();
        assert_eq!(found.perturbation_key.as_deref(), Some(read.perturbation_key()), "{name}");
        assert_eq!(found.candidates[0].column, expected.perturbation_key, "{name}");
        assert_eq!(found.control.as_ref(), Some(&read.format().control), "{name}");
        assert_eq!(found.separator, read.format().separator, "{name}");
        assert_eq!(found.label_kind, read.format().kind, "{name}");
        assert_eq!(found.guide_suffix, read.format().guide_suffix, "{name}");
        assert_eq!(found.perturbations.len(), expected.targets.len() + 1, "{name}");
        assert_eq!(found.perturbations.values().sum::<usize>(), found.n_cells, "{name}");
        let labels = read.population().perturbations().iter().map(|p| p.label().to_owned());
        let names: BTreeSet<String> = found.perturbations.keys().cloned().collect();
        assert_eq!(labels.collect::<BTreeSet<String>>(), names, "{name}");
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["separator"], expected.separator.to_string(), "{name}");
        assert_eq!(json["candidates"][0]["column"], expected.perturbation_key, "{name}");
        let text = found.to_string();
        assert!(text.lines().count() <= 30, "{text}");
        let too_long = |line: &&str| line.chars().count() > 100 && !line.contains(".h5ad");
        assert_eq!(text.lines().find(too_long), None, "{name}");
        assert!(text.contains(&found.suggested_command), "{text}");
    }
}

/// The flags of the suggested command say the same as the guesses.
#[test]
fn the_suggested_command_reads_the_same() {
    for (name, _) in cases() {
        let found = inspect(&file(&name), &ReadOptions::default()).unwrap();
        let format = Dataset::read_h5ad(file(&name)).unwrap().format().clone();
        let key = |role| {
            let used = found.covariates.iter().find(|c| c.used && c.role == Some(role));
            Some(used.map_or("none".to_owned(), |c| c.name.clone()))
        };
        let options = ReadOptions {
            perturbation_key: found.perturbation_key.clone(),
            cell_type_key: key(CovariateRole::CellType),
            batch_key: key(CovariateRole::Batch),
            dose_key: key(CovariateRole::Dose),
            ..ReadOptions::default().with_format(&format)
        };
        let given = Dataset::read_h5ad_with(file(&name), &options).unwrap();
        let guessed = Dataset::read_h5ad(file(&name)).unwrap();
        assert_eq!(given.population(), guessed.population(), "{name}");
        assert_eq!(given.notes(), [""; 0], "{name}");
        for (flag, is_needed) in [
            ("--separator", format.separator != '+'),
            ("--label-kind", format.kind != LabelKind::Genes),
            ("--guide-suffix", format.guide_suffix == GuideSuffix::Strip),
        ] {
            assert_eq!(found.suggested_command.contains(flag), is_needed, "{name}: {flag}");
        }
    }
}

#[test]
fn a_wrong_guess_can_be_corrected() {
    let options = ReadOptions {
        perturbation_key: Some("guide_ID".into()),
        guide_suffix: Some(GuideSuffix::Keep),
        control: Some("NTg1".into()),
        ..ReadOptions::default()
    };
    let found = inspect(&file("seurat_papalexi"), &options).unwrap();
    assert_eq!(found.perturbation_summary.n_perturbations, 5);
    assert!(found.suggested_command.contains("--control NTg1"), "{}", found.suggested_command);
    assert!(found.suggested_command.contains("--guide-suffix keep"));
    let options = ReadOptions { label_kind: Some(LabelKind::Variants), ..ReadOptions::default() };
    let found = inspect(&file("sciplex"), &options).unwrap();
    assert!(
        found.notes.iter().any(|note| note.contains("no protein variant")),
        "{:?}",
        found.notes
    );
}

/// A screen in a file whose name needs quoting: so many cells of each label, one gene.
fn written(cells: &[(&str, usize)]) -> (tempfile::TempDir, PathBuf) {
    let format = LabelFormat::default();
    let perturbation_of: Vec<Perturbation> = cells
        .iter()
        .flat_map(|(label, n)| vec![Perturbation::parse(label, &format).unwrap(); *n])
        .collect();
    let n = perturbation_of.len();
    let population = Population::new(
        CsrCounts::from_dense(1, &vec![1.0; n]).unwrap(),
        vec!["ACTB".into()],
        (0..n).map(|i| format!("c{i}")).collect(),
        &perturbation_of,
        vec![],
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my screen.h5ad");
    let provenance =
        Provenance { model: "x".into(), seed: 0, version: "0".into(), generated: false };
    write_h5ad(&path, &population, &provenance).unwrap();
    (folder, path)
}

fn flags(cells: &[(&str, usize)]) -> (String, Inspection) {
    let (_folder, path) = written(cells);
    let found = inspect(&path, &ReadOptions::default()).unwrap();
    let command = found.suggested_command.clone();
    let start = format!(
        "pert fit '{}' -o model --perturbation-key perturbation --control ",
        path.display()
    );
    (command.strip_prefix(&start).unwrap_or_else(|| panic!("{command}")).to_owned(), found)
}

#[test]
fn enough_pairs_whose_genes_were_seen_alone_are_held_out() {
    let genes = ["A", "B", "C", "D", "E"];
    let singles = genes.map(str::to_owned);
    let pairs = (0..5).flat_map(|i| (i + 1..5).map(move |j| format!("{}+{}", genes[i], genes[j])));
    let labels: Vec<String> = singles.into_iter().chain(pairs).collect();
    let cells: Vec<(&str, usize)> =
        labels.iter().map(|l| (l.as_str(), 10)).chain([("control", 20)]).collect();
    let (command, found) = flags(&cells);
    assert_eq!(command, "control --hold-out seen-2:0.3");
    assert_eq!(found.perturbation_summary.n_pairs_seen_alone, 10);
    // Without one of the singles, six pairs are left.
    let (command, found) = flags(&cells[1..]);
    assert_eq!(command, "control --hold-out cells");
    assert_eq!(found.perturbation_summary.n_pairs_seen_alone, 6);

    let (_folder, path) = written(&cells);
    let screen = Dataset::read_h5ad(path).unwrap();
    let split = SplitConfig::new("seen-2:0.3".parse().unwrap(), 0).split(screen.population());
    assert_eq!(split.unwrap().test.len(), 3);
}

#[test]
fn rare_perturbations_are_dropped_by_the_command() {
    let (command, found) = flags(&[("control", 20), ("A", 20), ("B", 4)]);
    assert_eq!(command, "control --hold-out cells --rare drop");
    assert_eq!(found.perturbation_summary.rare, ["B"]);
    assert!(found.to_string().contains("perturbations of fewer than 5 cells (1: B)"), "{found}");
    // One of the five cells is held out.
    assert_eq!(
        flags(&[("control", 20), ("A", 20), ("B", 5)]).0,
        "control --hold-out cells --rare drop"
    );
    assert_eq!(flags(&[("control", 20), ("A", 20), ("B", 6)]).0, "control --hold-out cells");
    let (command, found) = flags(&[("control", 20), ("B", 4)]);
    assert_eq!(command, "control --rare drop");
    assert!(found.notes.iter().any(|note| note.contains("every perturbation")), "{found}");
    let (_, found) = flags(&[("control", 5), ("A", 20)]);
    assert!(found.notes.iter().any(|note| note.contains("4 control cells")), "{found}");
}

#[test]
fn a_screen_of_one_label_is_all_control() {
    let (command, found) = flags(&[("unknown", 20)]);
    assert_eq!((command.as_str(), found.control.as_ref()), ("unknown", None));
    assert_eq!(found.suggested_evaluate, None);
    assert!(found.notes.iter().any(|note| note.contains("nothing to learn")), "{found}");
    let (_folder, path) = written(&[("-x y", 20)]);
    let found = inspect(&path, &ReadOptions::default()).unwrap();
    assert!(found.suggested_command.ends_with(" '--control=-x y'"), "{found}");
}
