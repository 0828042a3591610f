//! Tables as numpy and safetensors write them.

use std::path::{Path, PathBuf};

use pert_encoders::{ArrayProblem, Error, FeatureRow, FeatureTable};
use pert_testkit::{assert_close, golden};

#[derive(serde::Deserialize)]
struct Expected {
    names: Vec<String>,
    columns: Vec<String>,
    standardised: Vec<f64>,
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/arrays").join(name)
}

fn values(table: &FeatureTable, names: &[String]) -> Vec<f64> {
    let row = |name: &String| match table.get(name) {
        Some(FeatureRow::Dense(values)) => values.to_vec(),
        other => panic!("{name}: {other:?}"),
    };
    names.iter().flat_map(row).collect()
}

#[test]
fn arrays_are_read_as_numpy_holds_them() {
    let expected: Expected = golden(env!("CARGO_MANIFEST_DIR"), "arrays");
    for name in ["plain.npz", "compressed.npz", "fortran.npz", "one.safetensors"] {
        let table = FeatureTable::read(file(name)).unwrap();
        assert_eq!(
            (table.genes(), table.columns()),
            (&expected.names[..], &expected.columns[..]),
            "{name}"
        );
        assert_close(name, &values(&table, &expected.names), &expected.standardised, 1e-12);
        assert_eq!(FeatureTable::read_arrays(file(name)).unwrap(), table);
    }
    let many = FeatureTable::read(file("many.safetensors")).unwrap();
    let mut sorted = expected.names.clone();
    sorted.sort_unstable();
    assert_eq!((many.genes(), many.dim()), (&sorted[..], 3));
    // Values were rounded to f32 before.
    assert_close("many", &values(&many, &expected.names), &expected.standardised, 1e-5);
    let bytes = FeatureTable::read(file("bytes.npz")).unwrap();
    assert_eq!(bytes.genes(), ["KLF1", "MYC", "SPI1", "TP53"]);
    assert_close("bytes", &values(&bytes, bytes.genes()), &expected.standardised, 1e-5);
}

fn problem(path: &Path) -> ArrayProblem {
    match FeatureTable::read(path) {
        Err(Error::Arrays(error)) if error.path == path => error.problem,
        other => panic!("{}: {other:?}", path.display()),
    }
}

#[test]
fn what_is_no_table_is_told_apart() {
    assert!(matches!(problem(&file("pickled.npz")), ArrayProblem::Pickled { .. }));
    let missing = problem(&file("unnamed.npz"));
    assert!(
        matches!(&missing, ArrayProblem::Missing { wanted: "names", found } if found == "rows, values")
    );
    let ragged = problem(&file("ragged.safetensors"));
    assert!(
        matches!(&ragged, ArrayProblem::Shape { array, found, .. } if array == "B" && found == &[2]),
        "{ragged}"
    );
}
