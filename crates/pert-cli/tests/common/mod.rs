//! Runs the built binary on a tiny simulated screen.

#![allow(dead_code)] // each test binary uses its own part

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Few training steps: these tests are about files and messages, not about how good a model is.
pub const RUN: &str = "n-top-genes = 60
[cell-encoder-training]
steps = 20
[prior]
steps = 20
[decoder-training]
steps = 20
";

/// The arguments that fit the shared model, without FILE and -o.
pub const FIT: [&str; 10] = [
    "--config",
    "run.toml",
    "--features",
    "screen.features.tsv",
    "--cell-type-key",
    "cell_type",
    "--batch-key",
    "batch",
    "--hold-out",
    "seen-2:0.6",
];

/// A folder for one test, empty at first.
pub fn scratch(name: &str) -> PathBuf {
    let binary = std::env::current_exe().unwrap();
    let binary = binary.file_stem().unwrap();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(binary).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The `pert` command with arguments, in a folder.
pub fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pert"));
    command.args(args).current_dir(folder);
    command
}

/// Runs `pert`.
pub fn pert(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

/// Runs `pert`, which must succeed; returns stdout and stderr.
pub fn done(folder: &Path, args: &[&str]) -> (String, String) {
    let output = pert(folder, args);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{args:?}\n{stderr}");
    (stdout, stderr)
}

pub fn texts(output: &Output) -> (String, String) {
    (
        String::from_utf8(output.stdout.clone()).unwrap(),
        String::from_utf8(output.stderr.clone()).unwrap(),
    )
}

/// A folder with screen.h5ad, its companions, run.toml and the fitted `model`; shared, so never written to.
pub fn shared() -> &'static Path {
    static SHARED: OnceLock<PathBuf> = OnceLock::new();
    SHARED.get_or_init(|| {
        let folder = scratch("shared");
        let sizes = ["--cells", "400", "--genes", "60", "--perturbations", "8"];
        done(&folder, &[&["simulate", "-o", "screen.h5ad"], &sizes[..]].concat());
        fs::write(folder.join("run.toml"), RUN).unwrap();
        done(&folder, &[&["fit", "screen.h5ad", "-o", "model"], &FIT[..]].concat());
        folder
    })
}

/// A folder for one test with copies of everything in the shared one.
pub fn workplace(name: &str) -> PathBuf {
    let folder = scratch(name);
    copy(shared(), &folder);
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Every file below a folder with its content, empty folders too (with no content).
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    fn walk(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            if path.is_dir() {
                found.insert(name, None);
                walk(root, &path, found);
            } else {
                found.insert(name, Some(fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}

/// Labels the shared model's split holds out.
pub fn held_out(folder: &Path) -> Vec<String> {
    pert_prior::pipeline::read_split(&folder.join("model/split.json")).unwrap().test
}

/// A cell file of the tests of pert-data.
pub fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pert-data/tests/golden/anndata");
    let path = folder.join(format!("{name}.h5ad"));
    assert!(path.exists(), "{}", path.display());
    path.display().to_string()
}
