//! Files written by anndata, and gene selection, against what another implementation says.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pert_core::{CsrCounts, GuideSuffix, LabelFormat, LabelKind, Perturbation, Population};
use pert_data::{Dataset, Error, GeneSelection, ReadOptions, inspect, select_genes};

#[derive(serde::Deserialize)]
struct Expected {
    layer: Option<String>,
    counts: Vec<Vec<f32>>,
    labels: Vec<String>,
    cells: Vec<String>,
    genes: Vec<String>,
    #[serde(default)]
    summaries: BTreeMap<String, (String, Option<usize>, usize)>,
}

fn fixture(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/anndata");
    folder.join(format!("{name}.h5ad"))
}

fn expected() -> BTreeMap<String, Expected> {
    pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "anndata")
}

fn refused(name: &str) -> Error {
    match Dataset::read_h5ad(fixture(name)) {
        Ok(_) => panic!("{name} was read"),
        Err(error) => error,
    }
}

#[test]
fn every_encoding_reads_as_anndata_reads_it() {
    for (name, expected) in expected() {
        let options = ReadOptions { layer: expected.layer.clone(), ..ReadOptions::default() };
        let dataset = Dataset::read_h5ad_with(fixture(&name), &options)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let population = dataset.population();
        assert_eq!(population.genes(), expected.genes, "{name}");
        assert_eq!(population.cells(), expected.cells, "{name}");
        let all: Vec<usize> = (0..population.n_cells()).collect();
        assert_eq!(population.counts().dense(&all), expected.counts.concat(), "{name}");
        for (cell, label) in expected.labels.iter().enumerate() {
            let expected = Perturbation::parse(label, dataset.format()).unwrap();
            assert_eq!(population.perturbation_of(cell), &expected, "{name}, cell {cell}");
        }
    }
}

#[test]
fn columns_of_every_kind_are_summarised() {
    let inspection = inspect(&fixture("columns"), &ReadOptions::default()).unwrap();
    assert_eq!(inspection.perturbation_key.as_deref(), Some("perturbation"));
    for (name, (kind, n_levels, n_missing)) in &expected()["columns"].summaries {
        let found = inspection.covariates.iter().find(|c| c.name == *name).unwrap();
        assert_eq!((found.kind, found.n_levels), (kind.as_str(), *n_levels), "{name}");
        assert_eq!(found.n_missing, *n_missing, "{name}");
    }
}

#[test]
fn covariates_are_read_when_named() {
    let options = ReadOptions {
        cell_type_key: Some("cell_type".into()),
        batch_key: Some("with_missing".into()),
        dose_key: Some("dose".into()),
        filters: vec!["n_genes>=1".parse().unwrap(), "good==true".parse().unwrap()],
        ..ReadOptions::default()
    };
    let dataset = Dataset::read_h5ad_with(fixture("columns"), &options).unwrap();
    let covariates = dataset.population().covariates();
    // good is false for every third cell, beginning with the first.
    assert_eq!(dataset.population().cells()[..3], ["cell1", "cell2", "cell4"]);
    assert_eq!(covariates[0].label(0), "CD4 T");
    assert_eq!(covariates[1].label(0), "a");
    assert_eq!(covariates[2].label(1), "20");
    assert!(dataset.notes().contains(&"filter good==true keeps 8 of 11 cells".to_owned()));

    let text = ReadOptions { dose_key: Some("batch".into()), ..ReadOptions::default() };
    let error = Dataset::read_h5ad_with(fixture("columns"), &text).unwrap_err();
    assert!(matches!(error, Error::ColumnKind { .. }), "{error}");
}

#[test]
fn what_is_no_count_is_named_with_cell_gene_and_value() {
    for (name, value, word) in [
        ("negative", -1.0, "scaled"),
        ("fraction", 0.5, "normalised"),
        ("nan", f64::NAN, "missing"),
        ("infinite", f64::INFINITY, "too large"),
    ] {
        let error = refused(name);
        assert!(error.to_string().contains(word), "{error}");
        let Error::NotCounts { found, .. } = error else { panic!("{name}: {error}") };
        assert_eq!((found.cell.as_str(), found.row), ("cell5", 5), "{name}");
        assert_eq!((found.gene.as_str(), found.column), ("HLA-A", 4), "{name}");
        assert_eq!(found.value.to_bits(), value.to_bits(), "{name}");
    }
}

#[test]
fn normalised_data_point_to_the_layer_that_holds_counts() {
    for (name, mend) in [
        ("layer_counts", "--layer counts"),
        ("raw_counts", "--layer raw"),
        ("normalised_only", "no layer of the file holds counts"),
    ] {
        let error = refused(name).to_string();
        assert!(error.contains(mend) && error.contains("normalised"), "{error}");
    }
    let seen = |name: &str| {
        let inspection = inspect(&fixture(name), &ReadOptions::default()).unwrap();
        (inspection.counts, inspection.count_layer)
    };
    assert_eq!(seen("layer_counts"), (false, Some("counts".into())));
    assert_eq!(seen("raw_counts"), (false, Some("raw".into())));
    assert_eq!(seen("normalised_only"), (false, None));
    assert_eq!(seen("csc_f64"), (true, Some("X".into())));
    let scaled = ReadOptions { layer: Some("scaled".into()), ..ReadOptions::default() };
    assert!(!inspect(&fixture("layer_counts"), &scaled).unwrap().counts);
}

#[test]
fn missing_columns_and_layers_list_what_exists() {
    let options = ReadOptions { batch_key: Some("bach".into()), ..ReadOptions::default() };
    let error = Dataset::read_h5ad_with(fixture("csr_f32"), &options).unwrap_err();
    let Error::MissingColumn { available, .. } = &error else { panic!("{error}") };
    assert!(available.starts_with("batch, "), "{available}");

    let options = ReadOptions { layer: Some("umis".into()), ..ReadOptions::default() };
    let error = Dataset::read_h5ad_with(fixture("layer_counts"), &options).unwrap_err();
    let Error::MissingObject { available, .. } = &error else { panic!("{error}") };
    assert_eq!(available, "X, counts, scaled");

    let error = refused("no_perturbation_column");
    assert!(matches!(&error, Error::NoPerturbationColumn { .. }), "{error}");
    assert!(error.to_string().contains("dose, n_genes"), "{error}");
}

#[test]
fn a_screen_without_control_says_what_its_labels_are() {
    let error = refused("no_control").to_string();
    assert!(error.contains("--control") && error.contains("\"TP53\" (6 cells)"), "{error}");
    let options = ReadOptions { control: Some("unknwon".into()), ..ReadOptions::default() };
    let error = Dataset::read_h5ad_with(fixture("no_control"), &options).unwrap_err().to_string();
    assert!(error.contains("(nearest first) unknown, "), "{error}");

    let options = ReadOptions { control: Some("unknown".into()), ..ReadOptions::default() };
    let dataset = Dataset::read_h5ad_with(fixture("no_control"), &options).unwrap();
    assert_eq!(dataset.population().control_cells(), [0, 4, 8]);
    let options = ReadOptions { require_control: false, ..ReadOptions::default() };
    let dataset = Dataset::read_h5ad_with(fixture("no_control"), &options).unwrap();
    assert_eq!(dataset.population().control_cells().len(), 0);
    let inspection = inspect(&fixture("no_control"), &ReadOptions::default()).unwrap();
    assert_eq!(inspection.control, None);
    assert!(inspection.suggested_command.ends_with(
        "--control LABEL --cell-type-key cell_type \
         --batch-key batch --dose-key dose"
    ));
}

#[test]
fn a_filter_that_keeps_no_control_or_no_cell_is_an_error() {
    let read = |filter: &str| {
        let options =
            ReadOptions { filters: vec![filter.parse().unwrap()], ..ReadOptions::default() };
        Dataset::read_h5ad_with(fixture("csr_f32"), &options).unwrap_err()
    };
    assert!(matches!(read("perturbation==TP53"), Error::NoControl { .. }));
    assert!(matches!(read("dose>1e9"), Error::NoCells { .. }));
    assert!(matches!(read("perturbation>TP53"), Error::BadFilter { .. }));
    assert!(matches!(read("dose>high"), Error::BadFilter { .. }));
}

#[test]
fn guesses_and_dropped_cells_stand_in_the_notes() {
    let notes = |name: &str| Dataset::read_h5ad(fixture(name)).unwrap().notes().to_vec();
    let guessed = [
        "perturbation column: perturbation (its name is usual; it holds the control label \
         \"control\"; 2 of its 2 targets are genes of the file; 5 labels)",
        "control label: control (a usual name of unperturbed cells)",
        "labels are joined by '+' (as in \"KLF1+TP53\")",
        "batch column: batch (its name is usual)",
        "dose column: dose (its name is usual)",
        "cell_type is not taken as cell type: 4 of 8 perturbed cells have no control cell of their \
         level; name it with --cell-type-key if it is one",
    ];
    assert_eq!(notes("csr_f32"), guessed);
    for (name, dropped) in [
        ("empty_cells", "2 cells without any count dropped"),
        ("missing_labels", "2 cells without a perturbation label dropped"),
        ("duplicate_cells", "2 cell names stood twice and were made unique"),
    ] {
        assert_eq!(notes(name).last().unwrap(), dropped, "{name}");
    }
}

#[test]
fn what_is_given_is_neither_guessed_nor_noted() {
    let given = |text: &str| Some(text.to_owned());
    let options = ReadOptions {
        perturbation_key: given("perturbation"),
        control: given("control"),
        separator: Some('+'),
        label_kind: Some(LabelKind::Genes),
        guide_suffix: Some(GuideSuffix::Keep),
        cell_type_key: given("cell_type"),
        batch_key: given("none"),
        dose_key: given("none"),
        ..ReadOptions::default()
    };
    let dataset = Dataset::read_h5ad_with(fixture("csr_f32"), &options).unwrap();
    assert_eq!(dataset.notes(), [""; 0]);
    assert_eq!(dataset.population().covariates().len(), 1);
    let found = inspect(&fixture("csr_f32"), &options).unwrap();
    assert!(
        found.suggested_command.contains(
            "--separator + --label-kind genes --guide-suffix keep \
             --cell-type-key cell_type --batch-key none --dose-key none --rare drop"
        ),
        "{}",
        found.suggested_command
    );
}

#[test]
fn unusable_files_have_errors_of_their_own() {
    let error = refused("duplicate_genes").to_string();
    assert!(error.contains("\"KLF1\" stands twice (columns 0 and 2)"), "{error}");
    let error = refused("zstd");
    assert!(matches!(error, Error::UnsupportedFilter { .. }), "{error}");
    assert!(error.to_string().contains("zstd") && error.to_string().contains("gzip"), "{error}");
    let error = refused("old_compound");
    assert!(matches!(error, Error::Unsupported { .. }), "{error}");
}

#[test]
fn another_separator_is_seen_and_used() {
    let found = inspect(&fixture("underscores"), &ReadOptions::default()).unwrap();
    assert_eq!((found.separator, found.control.as_deref()), ('_', Some("NT")));
    assert!(found.suggested_command.contains("--separator _"), "{}", found.suggested_command);
    let dataset = Dataset::read_h5ad(fixture("underscores")).unwrap();
    assert_eq!(dataset.population().perturbation_of(3).targets(), ["KLF1", "TP53"]);
    assert!(dataset.notes().iter().any(|note| note.starts_with("labels are joined by '_'")));
    let options = ReadOptions { separator: Some('+'), ..ReadOptions::default() };
    let dataset = Dataset::read_h5ad_with(fixture("underscores"), &options).unwrap();
    assert_eq!(dataset.population().perturbation_of(3).targets().len(), 1);
    let options = ReadOptions { separator: Some('A'), ..ReadOptions::default() };
    let error = Dataset::read_h5ad_with(fixture("underscores"), &options).unwrap_err();
    assert!(error.to_string().contains("--separator"), "{error}");
}

#[derive(serde::Deserialize)]
struct Selection {
    counts: Vec<Vec<f32>>,
    train: Vec<usize>,
    selected: BTreeMap<String, Vec<usize>>,
}

fn screen(counts: &[Vec<f32>], labels: &[&str]) -> Population {
    let n_genes = counts[0].len();
    let format = LabelFormat::default();
    let perturbation_of: Vec<Perturbation> = (0..counts.len())
        .map(|cell| Perturbation::parse(labels[cell % labels.len()], &format).unwrap())
        .collect();
    Population::new(
        CsrCounts::from_dense(n_genes, &counts.concat()).unwrap(),
        (0..n_genes).map(|g| format!("g{g}")).collect(),
        (0..counts.len()).map(|c| format!("c{c}")).collect(),
        &perturbation_of,
        vec![],
    )
    .unwrap()
}

#[test]
fn genes_are_those_of_the_reference() {
    let golden: Selection = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "gene_selection");
    let population = screen(&golden.counts, &["control", "not-in-the-file"]);
    for (n_top, expected) in &golden.selected {
        let selection = GeneSelection { n_top: n_top.parse().unwrap() };
        assert_eq!(&select_genes(&population, &golden.train, &selection), expected, "{n_top}");
    }
}

#[test]
fn perturbed_genes_are_kept_and_silent_ones_left_out() {
    let golden: Selection = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "gene_selection");
    let population = screen(&golden.counts, &["control", "g11+g12"]);
    let chosen = select_genes(&population, &golden.train, &GeneSelection { n_top: 5 });
    assert!(chosen.is_sorted() && chosen.contains(&11) && chosen.contains(&12));
    let population = screen(&golden.counts, &["control", "g3"]);
    let all = select_genes(&population, &golden.train, &GeneSelection::default());
    let expected: Vec<usize> = (0..population.n_genes())
        .filter(|&g| golden.train.iter().any(|&cell| golden.counts[cell][g] > 0.0))
        .collect();
    assert_eq!(all, expected);
}

#[test]
fn held_out_cells_do_not_change_the_selection() {
    let golden: Selection = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "gene_selection");
    let mut altered = golden.counts.clone();
    for cell in (0..altered.len()).filter(|cell| !golden.train.contains(cell)) {
        altered[cell].reverse();
        altered[cell].iter_mut().for_each(|count| *count = *count * 7.0 + 1.0);
    }
    for n_top in [20, 1000] {
        let choose = |counts: &[Vec<f32>]| {
            let population = screen(counts, &["control", "g3", "g7+g80"]);
            select_genes(&population, &golden.train, &GeneSelection { n_top })
        };
        assert_eq!(choose(&golden.counts), choose(&altered), "{n_top}");
    }
}
