//! Tables of perturbations in cell files written by anndata.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pert_core::seeded_rng;
use pert_data::{Error, ReadOptions, TableKey, TableRows, read_table};
use rand::RngExt;

#[derive(serde::Deserialize)]
struct Expected {
    names: Vec<String>,
    columns: Option<Vec<String>>,
    values: Vec<Vec<f64>>,
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tables").join(name)
}

fn read(file: &str, key: &str) -> Result<TableRows, Error> {
    read_table(&fixture(file), &TableKey::parse(key).unwrap(), &ReadOptions::default())
}

#[test]
fn tables_read_as_anndata_wrote_them() {
    let cases: BTreeMap<String, Expected> =
        pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "tables");
    assert!(!cases.is_empty());
    for (key, expected) in cases {
        let rows = read("screen.h5ad", &key).unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_eq!(rows.names, expected.names, "{key}");
        assert_eq!(rows.columns, expected.columns, "{key}");
        assert_eq!(rows.n_columns, expected.values[0].len(), "{key}");
        assert_eq!(rows.values, expected.values.concat(), "{key}");
    }
}

#[test]
fn what_is_no_table_is_named_with_its_place() {
    for (key, words) in [
        ("uns:array", &["without labels", "dict of label"][..]),
        ("uns:ragged", &["\"TP53\" has 3 numbers", "\"GATA1\" has 4"]),
        ("uns:cubes", &["\"GATA1\"", "[2, 2]"]),
        ("uns:remarked", &["\"method\" holds Text"]),
        ("uns:sparse", &["csr_matrix"]),
        ("uns:frame_of_text", &["column \"source\" holds no numbers"]),
        ("uns:outer", &["\"inner\"", "uns:outer/inner"]),
        ("obsm:X_cells", &["\"cell1\" and \"cell7\" are both TP53", "column 3"]),
        ("obsm:X_sparse", &[".toarray()"]),
        ("obsm:X_frame", &[".to_numpy()"]),
        ("obsm:X_cube", &["[60, 2, 2]"]),
    ] {
        let error = read("screen.h5ad", key).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::NoTable { .. }), "{text}");
        assert!(text.contains(&format!("screen.h5ad: {key} is no table")), "{text}");
        for word in words {
            assert!(text.contains(word), "{key}: {word:?} is not in {text}");
        }
    }
}

#[test]
fn a_key_that_is_not_there_is_told_its_neighbours() {
    for (key, first) in [
        ("uns:vector", "uns:vectors, "),
        ("obsm:X_perturb", "obsm:X_perturbation, "),
        ("uns:outer/iner", "uns:outer/inner"),
        ("uns:nothing/here", "uns:"),
        ("uns:", "uns:"),
        ("obsm:../uns/vectors", "obsm:"),
    ] {
        let error = read("screen.h5ad", key).unwrap_err();
        assert!(matches!(error, Error::MissingObject { .. }), "{key}: {error}");
        let wanted = format!("{key} is missing; the file holds: {first}");
        assert!(error.to_string().contains(&wanted), "{error}");
    }
    let none = read("bomb.h5ad", "uns:second").unwrap_err().to_string();
    assert!(none.contains("uns:first"), "{none}");
}

#[test]
fn doubled_labels_and_missing_numbers_are_left_to_whom_they_matter() {
    let twice = read("screen.h5ad", "uns:frame_twice").unwrap();
    assert_eq!(twice.names, ["KLF1", "TP53", "KLF1"]);
    let nan = read("screen.h5ad", "uns:nan").unwrap();
    assert_eq!(nan.values.iter().filter(|value| value.is_nan()).count(), 1);
    assert_eq!(read("screen.h5ad", "uns:empty").unwrap().names.len(), 0);
}

#[test]
fn what_declares_more_than_a_file_holds_is_refused() {
    for key in ["uns:first", "obsm:wide"] {
        let error = read("bomb.h5ad", key).unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
}

#[test]
fn damaged_bytes_never_panic() {
    let bytes = std::fs::read(fixture("screen.h5ad")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.h5ad");
    let mut rng = seeded_rng(1, "hostile tables");
    for _ in 0..60 {
        let mut damaged = bytes.clone();
        for _ in 0..rng.random_range(1..200) {
            let place = rng.random_range(0..damaged.len());
            damaged[place] = rng.random();
        }
        std::fs::write(&path, &damaged).unwrap();
        for key in ["uns:vectors", "uns:frame", "uns:outer/inner", "obsm:X_perturbation", "uns:"] {
            let key = TableKey::parse(key).unwrap();
            let _ = read_table(&path, &key, &ReadOptions::default());
        }
    }
}
