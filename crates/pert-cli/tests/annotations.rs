//! Gene Ontology annotations with their ontology, and other names of genes, from the flag to the model.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{RUN, done, pert, scratch, texts};

/// The annotations know GATA1 by another name, and MYC, which the screen does not perturb.
const ANNOTATED: [(&str, &str); 5] =
    [("KLF1", "T:3"), ("MYC", "T:1"), ("NFE1", "T:2"), ("TP53", "T:2"), ("TP53", "T:4")];
/// The same with every term above: T:3 is a T:2, which is a T:1, as T:4 is.
const LISTS: &str = "gene_symbol\tn_terms\tgo_ids\n\
    KLF1\t3\tT:1|T:2|T:3\nMYC\t1\tT:1\nNFE1\t2\tT:1|T:2\nTP53\t3\tT:1|T:2|T:4\n";
const OBO: &str = "format-version: 1.2\n\n[Term]\nid: T:1\nname: a\n\n[Term]\nid: T:2\nname: b\nis_a: T:1\n\n\
    [Term]\nid: T:3\nname: c\nis_a: T:2\n\n[Term]\nid: T:4\nname: d\nis_a: T:1\n";
const ALIASES: &str = "alias\tsymbol\nGATA1\tNFE1\nEKLF\tKLF1\nP1\tTP53\nP1\tMYC\n";

const GO: [&str; 4] = ["--gaf", "go.gaf", "--obo", "go.obo"];
const NAMED: [&str; 2] = ["--aliases", "aliases.tsv"];

/// A screen of KLF1, TP53, both, and GATA1, with annotations.
fn screen(name: &str) -> PathBuf {
    let folder = scratch(name);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pert-data/tests/golden/tables");
    fs::copy(golden.join("screen.h5ad"), folder.join("screen.h5ad")).unwrap();
    let line = |(symbol, term): (&str, &str)| {
        format!(
            "UniProtKB\tP1\t{symbol}\tenables\t{term}\tPMID:1\tIDA\t\tF\t\t\tprotein\ttaxon:9606\t20200101\tX\t\t\n"
        )
    };
    let gaf: String = ANNOTATED.into_iter().map(line).collect();
    for (name, text) in [
        ("run.toml", RUN),
        ("go.gaf", &format!("!gaf-version: 2.2\n{gaf}")),
        ("go.obo", OBO),
        ("aliases.tsv", ALIASES),
        ("lists.tsv", LISTS),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

fn fit<'a>(model: &'a str, known: &[&'a str]) -> Vec<&'a str> {
    let file = ["fit", "screen.h5ad", "-o", model, "--config", "run.toml"];
    [&file[..], known, &["--hold-out", "labels:GATA1"]].concat()
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
fn a_model_knows_annotations_and_aliases_without_their_files() {
    let folder = screen("model");
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    done(&folder, &fit("model", &[&GO[..], &NAMED].concat()));
    done(&folder, &fit("of_lists", &[&["--features", "lists.tsv"][..], &NAMED].concat()));
    assert_eq!(read("model/features.tsv"), read("of_lists/features.tsv"));
    assert_eq!(read("model/aliases.tsv"), read("of_lists/aliases.tsv"));

    // The same from a run file; a table on the command line takes the place of annotations there.
    let run = format!("gaf = \"go.gaf\"\nobo = \"go.obo\"\naliases = \"aliases.tsv\"\n{RUN}");
    fs::write(folder.join("run.toml"), run).unwrap();
    done(&folder, &fit("of_run", &[]));
    assert_eq!(read("of_run/run.toml"), read("model/run.toml"));
    assert_eq!(read("of_run/features.tsv"), read("model/features.tsv"));
    done(&folder, &fit("of_table", &["--features", "lists.tsv"]));
    assert!(!read("of_table/run.toml").contains("gaf"), "{}", read("of_table/run.toml"));

    for file in ["go.gaf", "go.obo", "aliases.tsv", "screen.h5ad"] {
        fs::remove_file(folder.join(file)).unwrap();
    }
    let predict = |label| ["predict", "model", "-p", label, "--cells", "9", "-o", "p.h5ad"];
    for label in ["GATA1", "NFE1", "GATA1+MYC"] {
        let (_, stderr) = done(&folder, &predict(label));
        assert!(stderr.contains("never seen, and is known by its features only"), "{stderr}");
    }
    let words = ["EKLF is another name of KLF1", "write KLF1"];
    refused(&folder, &predict("EKLF"), &words);
    refused(&folder, &predict("P1"), &["\"P1\" is an alias of MYC and of TP53"]);
    refused(
        &folder,
        &predict("ZNF1"),
        &["no features for ZNF1", "--aliases", "--unknown-gene mean"],
    );
}

#[test]
fn what_is_missing_is_told_and_inspection_says_what_to_do() {
    let folder = screen("inspect");
    let words = ["no features for GATA1", "--aliases TABLE", "--unknown-gene mean"];
    refused(&folder, &fit("model", &GO), &words);
    done(&folder, &fit("mean", &[&GO[..], &["--unknown-gene", "mean"]].concat()));

    let inspect = |known: &[&str]| done(&folder, &[&["inspect", "screen.h5ad"], known].concat()).0;
    let text = inspect(&GO);
    // Long lines are broken for reading, commands are not.
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        flat.contains("3 of 4 by gene-set and go.gaf; not GATA1: no features for GATA1"),
        "{text}"
    );
    assert!(flat.contains("`pert fit --unknown-gene mean` takes them as average ones"), "{text}");
    assert!(text.contains(" --gaf go.gaf --obo go.obo --unknown-gene mean "), "{text}");
    let text = inspect(&[&GO[..], &NAMED].concat());
    assert!(text.contains("4 of 4 by gene-set"), "{text}");
    assert!(text.contains(" --gaf go.gaf --obo go.obo --aliases aliases.tsv "), "{text}");
    assert!(!text.contains("--unknown-gene"), "{text}");

    let lonely = [&["inspect", "screen.h5ad"], &NAMED[..]].concat();
    refused(&folder, &lonely, &["--aliases with --features, --gaf or --reference"]);
    let both = [&GO[..], &["--features", "lists.tsv"]].concat();
    refused(&folder, &fit("model", &both), &["not both"]);
    refused(&folder, &fit("model", &GO[..2]), &["--gaf and --obo belong together"]);
    refused(&folder, &fit("model", &NAMED), &["aliases", "--features"]);
    let table = ["--encoder", "table"];
    refused(&folder, &fit("model", &[&GO[..], &table].concat()), &["needs --features"]);
    assert!(!folder.join("model").exists());
}

#[test]
fn baselines_and_rows_know_the_same_names() {
    let folder = screen("baselines");
    let known = [&GO[..], &NAMED].concat();
    let baselines = ["baselines", "screen.h5ad", "--hold-out", "labels:GATA1", "-o", "report"];
    done(&folder, &[&baselines[..], &known].concat());
    let report = fs::read_to_string(folder.join("report/metrics.csv")).unwrap();
    assert!(report.lines().any(|l| l.contains("GATA1") && l.contains("nearest")), "{report}");

    let encode = |label, known: &[&str]| {
        let asked = ["encode", "--encoder", "gene-set", "-p", label, "-o", "o.tsv"];
        done(&folder, &[&asked[..], known].concat());
        let text = fs::read_to_string(folder.join("o.tsv")).unwrap();
        text.lines().nth(1).unwrap().split_once('\t').unwrap().1.to_owned()
    };
    assert_eq!(encode("GATA1+EKLF", &known), encode("NFE1+KLF1", &GO));
    let asked = ["encode", "--encoder", "gene-set", "-p", "P1", "-o", "p.tsv"];
    let words = ["\"P1\" is an alias of MYC and of TP53"];
    refused(&folder, &[&asked[..], &known].concat(), &words);
}
