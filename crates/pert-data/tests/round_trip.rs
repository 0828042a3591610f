//! What is written is read back, by us and by anndata.

use std::path::Path;
use std::process::Command;

use pert_core::{Covariate, CovariateRole, CsrCounts, LabelFormat, Perturbation, Population};
use pert_data::{Dataset, Error, Provenance, ReadOptions, write_h5ad};
use proptest::prelude::*;

fn provenance() -> Provenance {
    Provenance {
        model: "models/näive".into(),
        seed: u64::MAX,
        version: "0.1.0".into(),
        generated: true,
    }
}

fn options() -> ReadOptions {
    ReadOptions {
        perturbation_key: Some("perturbation".into()),
        cell_type_key: Some("cell_type".into()),
        dose_key: Some("dose".into()),
        ..ReadOptions::default().with_format(&LabelFormat::default())
    }
}

/// Cells of `rows` × genes; labels go round; a cell type and a dose per cell.
fn population(counts: CsrCounts, labels: &[&str]) -> Population {
    let n = counts.n_cells();
    let format = LabelFormat::default();
    let perturbation_of: Vec<Perturbation> =
        (0..n).map(|i| Perturbation::parse(labels[i % labels.len()], &format).unwrap()).collect();
    let cell_types: Vec<String> = (0..n).map(|i| ["CD14+Mono", "B"][i % 2].to_owned()).collect();
    let genes = (0..counts.n_genes()).map(|g| format!("Gène{g}")).collect();
    let doses = (0..n).map(|i| i as f64 / 3.0).collect();
    Population::new(
        counts,
        genes,
        (0..n).map(|i| format!("cell{i}")).collect(),
        &perturbation_of,
        vec![
            Covariate::categorical("cell_type", CovariateRole::CellType, &cell_types),
            Covariate::numeric("dose", CovariateRole::Dose, doses),
        ],
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn reading_undoes_writing(
        n_genes in 1usize..6,
        rows in prop::collection::vec(prop::collection::vec(0u32..5, 5), 1..20),
        large in 0u32..16_777_216,
    ) {
        // The first gene keeps every cell from being empty, which reading would drop.
        let mut dense = Vec::new();
        for row in &rows {
            dense.push((large + 1) as f32);
            dense.extend(row[..n_genes - 1].iter().map(|&count| count as f32));
        }
        let counts = CsrCounts::from_dense(n_genes, &dense).unwrap();
        let written = population(counts, &["control", "KLF1+TP53", "KLF1"]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.h5ad");
        write_h5ad(&path, &written, &provenance()).unwrap();
        let read = Dataset::read_h5ad_with(path, &options()).unwrap();
        // Levels of a covariate are those that occur.
        prop_assert_eq!(read.population().covariates()[0].label(0), "CD14+Mono");
        prop_assert_eq!(&read.population().covariates()[1], &written.covariates()[1]);
        prop_assert_eq!(read.population().counts(), written.counts());
        prop_assert_eq!(read.population().genes(), written.genes());
        prop_assert_eq!(read.population().cells(), written.cells());
        prop_assert_eq!(read.population().perturbations(), written.perturbations());
        prop_assert_eq!(read.counts_from(), "X");
        prop_assert!(read.notes().is_empty());
    }
}

/// More non-zeros and more cells than a chunk or a heap collection holds, and more labels than fit 8 bits.
fn large() -> Population {
    const N_CELLS: usize = 70_000;
    let n_genes = 3;
    let mut dense = vec![0.0f32; N_CELLS * n_genes];
    for (cell, row) in dense.chunks_exact_mut(n_genes).enumerate() {
        row[cell % n_genes] = (cell % 900 + 1) as f32;
        row[(cell + 1) % n_genes] = (cell % 7 + 1) as f32;
    }
    let labels: Vec<String> =
        (0..200).map(|i| if i == 0 { "control".into() } else { format!("GENE{i}") }).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    population(CsrCounts::from_dense(n_genes, &dense).unwrap(), &labels)
}

fn small() -> Population {
    let counts = CsrCounts::from_dense(3, &[1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 0.0, 0.0, 70_000.0]);
    population(counts.unwrap(), &["control", "KLF1+TP53", "KLF1"])
}

#[test]
fn many_cells_come_back() {
    let written = large();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.h5ad");
    write_h5ad(&path, &written, &provenance()).unwrap();
    let read = Dataset::read_h5ad_with(path, &options()).unwrap();
    assert_eq!(read.population().counts(), written.counts());
    assert_eq!(read.population().cells(), written.cells());
    assert_eq!(read.population().perturbations(), written.perturbations());
}

/// HDF5 2.0 cannot read chunks of 65,536 to 2²⁴ − 1 elements as the library here writes them.
#[test]
fn no_chunk_is_longer_than_65_535() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.h5ad");
    write_h5ad(&path, &large(), &provenance()).unwrap();
    let file = hdf5_pure::File::open(&path).unwrap();
    for name in ["X/data", "X/indices", "X/indptr", "obs/dose", "obs/perturbation/codes"] {
        let dataset = file.dataset(name).unwrap();
        assert!(dataset.shape().unwrap()[0] > 65_535, "{name}");
        assert_eq!(dataset.chunk_shape().unwrap(), Some(vec![65_535]), "{name}");
    }
}

#[test]
fn the_same_population_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name: &str| {
        let path = folder.path().join(name);
        write_h5ad(&path, &small(), &provenance()).unwrap();
        std::fs::read(path).unwrap()
    };
    assert_eq!(bytes("a.h5ad"), bytes("b.h5ad"));
}

#[test]
fn populations_without_cells_or_counts_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.h5ad");
    for counts in [
        CsrCounts::new(2, vec![0, 0, 0], vec![], vec![]).unwrap(),
        CsrCounts::new(2, vec![0], vec![], vec![]).unwrap(),
    ] {
        write_h5ad(&path, &population(counts, &["control"]), &provenance()).unwrap();
        let error = Dataset::read_h5ad(&path).unwrap_err();
        assert!(matches!(error, Error::NoCells { .. } | Error::NoControl { .. }), "{error}");
    }
}

#[test]
fn covariates_that_cannot_be_columns_are_refused_before_writing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.h5ad");
    for name in ["a/b", "", "perturbation", "generated", "_index", "."] {
        let covariate = Covariate::numeric(name, CovariateRole::Dose, vec![1.0]);
        let control = Perturbation::parse("control", &LabelFormat::default()).unwrap();
        let counts = CsrCounts::from_dense(1, &[1.0]).unwrap();
        let (genes, cells) = (vec!["g".to_owned()], vec!["c".to_owned()]);
        let population =
            Population::new(counts, genes, cells, &[control], vec![covariate]).unwrap();
        let error = write_h5ad(&path, &population, &provenance()).unwrap_err();
        assert!(matches!(error, Error::Unwritable { .. }), "{name:?}: {error}");
        assert!(!path.exists());
    }
}

/// Runs `check_written.py` where `PERT_PYTHON` names a Python with anndata.
#[test]
fn anndata_opens_what_is_written() {
    let Some(python) = std::env::var_os("PERT_PYTHON") else {
        eprintln!("SKIPPED: PERT_PYTHON names no Python with anndata");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/anndata/check_written.py");
    for (name, population) in [("small", small()), ("large", large())] {
        let path = folder.path().join(format!("{name}.h5ad"));
        write_h5ad(&path, &population, &provenance()).unwrap();
        let output = Command::new(&python).arg(&script).arg(name).arg(&path).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
    }
}
