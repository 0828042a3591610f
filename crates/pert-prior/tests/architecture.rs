//! The invariants of docs/architecture.md that Cargo knows: who depends on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace and its floor; `None` stands aside, for tests only.
const FLOORS: [(&str, Option<u8>); 12] = [
    ("pert-core", Some(0)),
    ("pert-metrics", Some(0)),
    ("pert-nn", Some(1)),
    ("pert-baselines", Some(1)),
    ("pert-encoders", Some(2)),
    ("pert-diffusion", Some(2)),
    ("pert-decoder", Some(2)),
    ("pert-data", Some(2)),
    ("pert-pipeline", Some(3)),
    ("pert-report", Some(3)),
    ("pert-prior", Some(4)),
    ("pert-cli", Some(5)),
];

const ASIDE: &str = "pert-testkit";

/// The only arrow within a floor: metrics of populations know what a population is.
const WITHIN_A_FLOOR: [(&str, &str); 1] = [("pert-metrics", "pert-core")];

/// Crates whose numbers need no tensors.
const WITHOUT_BURN: [&str; 5] =
    ["pert-core", "pert-metrics", "pert-baselines", "pert-data", "pert-report"];

/// Dependencies that only these crates may name.
const KEPT_TO: [(&str, &[&str]); 9] = [
    ("chematic-core", &["pert-encoders"]),
    ("chematic-perception", &["pert-encoders"]),
    ("chematic-smiles", &["pert-encoders"]),
    ("hdf5-pure", &["pert-data"]),
    ("faer", &["pert-metrics", "pert-report"]),
    ("kuva", &["pert-report"]),
    ("anyhow", &["pert-cli"]),
    ("clap", &["pert-cli"]),
    ("indicatif", &["pert-cli"]),
];

/// Dependencies of each package of the workspace, those of tests left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let of_build = |d: &&Value| d["kind"].as_str() != Some("dev");
            let dependencies = package["dependencies"].as_array().unwrap().iter();
            (
                text(&package["name"]),
                dependencies.filter(of_build).map(|d| text(&d["name"])).collect(),
            )
        })
        .collect()
}

#[test]
fn arrows_point_downwards() {
    let floors: BTreeMap<&str, Option<u8>> = FLOORS.into_iter().chain([(ASIDE, None)]).collect();
    for (name, dependencies) in dependencies() {
        let floor = floors.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no floor"));
        for dependency in &dependencies {
            let Some(below) = floors.get(dependency.as_str()) else { continue };
            let allowed = WITHIN_A_FLOOR.contains(&(&name, dependency))
                || matches!((floor, below), (Some(floor), Some(below)) if below < floor);
            assert!(allowed, "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn the_binary_uses_the_library_people_add() {
    let dependencies = &dependencies()["pert-cli"];
    let ours: Vec<&String> = dependencies.iter().filter(|d| d.starts_with("pert-")).collect();
    assert_eq!(ours, ["pert-prior"]);
}

#[test]
fn burn_is_where_tensors_are() {
    let all = dependencies();
    for name in WITHOUT_BURN {
        // Through other crates of the workspace neither.
        let (mut reached, mut open) = (BTreeSet::new(), vec![name]);
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(all.get(next).into_iter().flatten().map(String::as_str));
            }
        }
        let burn: Vec<&&str> = reached.iter().filter(|d| d.starts_with("burn")).collect();
        assert!(burn.is_empty(), "{name} reaches {burn:?}");
    }
}

#[test]
fn a_dependency_stays_in_its_room() {
    let all = dependencies();
    for (dependency, rooms) in KEPT_TO {
        for (name, dependencies) in &all {
            let allowed = rooms.contains(&name.as_str());
            assert!(allowed || !dependencies.contains(dependency), "{name} uses {dependency}");
        }
        // A rule about something nobody uses is out of date.
        assert!(all.values().any(|d| d.contains(dependency)), "{dependency} is used by nobody");
    }
}

/// Burn takes minutes to compile; tests, benches and programs share one build of it (docs/decisions/0007).
#[test]
fn tests_and_programs_share_one_build_of_burn() {
    let below_burn: BTreeSet<String> = tree(&["-p", "burn", "-e", "normal"], "{p}")
        .lines()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert!(below_burn.contains("burn-flex"));
    let features = |arguments: &[&str]| -> BTreeSet<String> {
        tree(arguments, "{p} {f}")
            .lines()
            .map(|line| line.trim_end_matches(" (*)").to_owned())
            .filter(|line| below_burn.contains(line.split(' ').next().unwrap()))
            .collect()
    };
    let of_binary = features(&["-p", "pert-cli", "-e", "normal,build"]);
    let of_workspace = features(&["--workspace", "-e", "normal,build,dev"]);
    let differ: Vec<_> = of_binary.difference(&of_workspace).collect();
    assert!(differ.is_empty(), "only without tests: {differ:#?}");
}

fn tree(arguments: &[&str], format: &str) -> String {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--prefix", "none", "--offline", "-f", format])
        .args(arguments)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The names in backticks in the second column of the invariants: test functions, or files of tests.
#[test]
fn every_invariant_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let map = fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let mut sources = String::new();
    read_sources(&root.join("crates"), &mut sources);
    let rows = map
        .lines()
        .skip_while(|line| *line != "## Invariants")
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with('|'));
    let mut n_tests = 0;
    for row in rows {
        let held_by = row.trim_end_matches(['|', ' ']).rsplit('|').next().unwrap();
        for name in held_by.split('`').skip(1).step_by(2) {
            if name.ends_with(".rs") {
                let found = root.join(name).exists() || sources.contains(&format!("/{name}\n"));
                assert!(found, "{name}: {row}");
                n_tests += 1;
            } else if name.contains('_') {
                let start = format!("fn {}", name.trim_end_matches('…'));
                assert!(sources.contains(&start), "{name}: {row}");
                n_tests += 1;
            }
        }
    }
    assert!(n_tests > 10, "the table of invariants was not found");
}

/// Paths and contents of the Rust files below a folder.
fn read_sources(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|e| e == "rs") {
            sources.push_str(&format!("{}\n", path.display()));
            sources.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}
