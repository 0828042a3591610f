//! Features of perturbations that stand in the cell file itself.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{RUN, done, pert, scratch, texts};

/// Where the same three rows stand in the screen, and the one that is held out has one.
const TABLES: [&str; 3] = ["uns:vectors", "uns:outer/inner", "obsm:X_perturbation"];

/// A screen that anndata wrote, with tables in `uns` and `obsm`; the same rows as text.
fn screen(name: &str) -> PathBuf {
    let folder = scratch(name);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pert-data/tests/golden/tables");
    fs::copy(golden.join("screen.h5ad"), folder.join("screen.h5ad")).unwrap();
    fs::write(folder.join("run.toml"), RUN).unwrap();
    let expected = fs::read_to_string(golden.join("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&expected).unwrap();
    let table = &expected["uns:vectors"];
    let mut text = String::from("gene\t1\t2\t3\t4\n");
    for (name, row) in
        table["names"].as_array().unwrap().iter().zip(table["values"].as_array().unwrap())
    {
        let row: Vec<String> = row.as_array().unwrap().iter().map(ToString::to_string).collect();
        text.push_str(&format!("{}\t{}\n", name.as_str().unwrap(), row.join("\t")));
    }
    fs::write(folder.join("table.tsv"), text).unwrap();
    folder
}

fn fit<'a>(features: &'a [&'a str], model: &'a str) -> Vec<&'a str> {
    let file = ["fit", "screen.h5ad", "-o", model, "--config", "run.toml", "--encoder", "table"];
    [&file[..], features, &["--hold-out", "labels:GATA1"]].concat()
}

fn refused(folder: &Path, args: &[&str], words: &[&str]) {
    let output = pert(folder, args);
    let (_, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{args:?}\n{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{args:?}: {word:?} is not in {stderr}");
    }
}

#[test]
fn a_perturbation_never_seen_is_known_by_its_row_in_the_cell_file() {
    let folder = screen("fit");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    done(&folder, &fit(&["--features", "table.tsv"], "of_text"));
    done(&folder, &fit(&["--features", TABLES[0]], "model"));
    assert_eq!(read("model/features.tsv"), read("of_text/features.tsv"));
    assert!(read("model/run.toml").contains("features = \"uns:vectors\""));

    fs::write(folder.join("run.toml"), format!("features = \"{}\"\n{RUN}", TABLES[2])).unwrap();
    done(&folder, &fit(&[], "of_rows"));
    assert_eq!(read("of_rows/features.tsv"), read("of_text/features.tsv"));
    done(&folder, &["evaluate", "model", "screen.h5ad", "--features", TABLES[1], "-o", "report"]);

    // A model needs the file no more.
    fs::remove_file(folder.join("screen.h5ad")).unwrap();
    let predict = |model| ["predict", model, "-p", "GATA1", "--cells", "9", "-o", "p.h5ad"];
    let (_, stderr) = done(&folder, &predict("model"));
    assert!(stderr.contains("never seen, and is known by its features only"), "{stderr}");
    let cells = fs::read(folder.join("p.h5ad")).unwrap();
    done(&folder, &predict("of_text"));
    assert!(cells == fs::read(folder.join("p.h5ad")).unwrap());
}

#[test]
fn rows_are_encoded_and_inspected_where_they_stand() {
    let folder = screen("encode");
    let encoded = |features: &str| {
        let asked = ["-p", "GATA1", "-p", "KLF1+TP53", "--features", features, "-o", "o.tsv"];
        done(&folder, &[&["encode", "--encoder", "table"], &asked[..]].concat());
        fs::read_to_string(folder.join("o.tsv")).unwrap()
    };
    let of_text = encoded("table.tsv");
    for table in TABLES {
        assert_eq!(encoded(&format!("screen.h5ad:{table}")), of_text, "{table}");
        let (stdout, _) = done(&folder, &["inspect", "screen.h5ad", "--features", table]);
        assert!(stdout.contains(&format!("4 of 4 by gene-set and {table}")), "{stdout}");
        assert!(stdout.contains(&format!("--features {table}")), "{stdout}");
    }
}

#[test]
fn what_cannot_be_used_is_named_with_file_and_place() {
    let folder = screen("refused");
    for (features, words) in [
        ("uns:nan", &["screen.h5ad:uns:nan: row 2 (\"KLF1\"), column \"2\" is NaN"][..]),
        ("uns:frame_twice", &["uns:frame_twice: row 3: \"KLF1\" stands twice, first in row 1"]),
        ("uns:empty", &["uns:empty: the table has no rows"]),
        ("uns:ragged", &["screen.h5ad: uns:ragged", "all vectors must be of one length"]),
        ("uns:vektors", &["uns:vektors is missing; the file holds: uns:vectors,"]),
        ("obsm:X_cells", &["\"cell1\" and \"cell7\" are both TP53"]),
        ("screen.h5ad", &["screen.h5ad is a cell file", "screen.h5ad:uns:KEY"]),
        ("none.h5ad:uns:vectors", &["none.h5ad: there is no such file"]),
    ] {
        refused(&folder, &fit(&["--features", features], "model"), words);
    }
    assert!(!folder.join("model").exists());
    let encode = |label, features| {
        ["encode", "--encoder", "table", "-p", label, "--features", features, "-o", "o.tsv"]
    };
    refused(&folder, &encode("KLF1", "uns:vectors"), &["name it: FILE.h5ad:uns:vectors"]);
    let words = ["no features for KLF2", "nearest names: KLF1"];
    refused(&folder, &encode("KLF2", "screen.h5ad:uns:vectors"), &words);
}
