//! What the README promises a Rust programmer: a crate of one's own, one dependency, fifteen lines.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const QUICKSTART: &str = include_str!("../../../examples/quickstart.rs");
const README: &str = include_str!("../../../README.md");

/// The profile of the workspace, so that dependencies compiled for it serve here too.
const PROFILE: &str = "[profile.dev]\nopt-level = 2\ndebug = 0\n\n[profile.release]\ndebug = 0\n";

/// The target folder of this very run: TARGET/debug/deps/outside_crate-….
fn target_folder() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) if Path::new(&folder).is_absolute() => folder.into(),
        _ => std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned(),
    }
}

/// Outside the workspace, and the same at every run of this checkout: a new place would be a new program in the target
/// folder each time.
fn outside_folder() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    target_folder().hash(&mut hasher);
    std::env::temp_dir().join(format!("outside-pert-prior-{:016x}", hasher.finish()))
}

fn cargo(folder: &Path, args: &[&str]) -> Output {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(args)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target_folder())
        .output()
        .unwrap()
}

#[test]
fn a_crate_outside_the_workspace_runs_the_quickstart() {
    let folder = outside_folder();
    let library = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = format!(
        "[package]\nname = \"outside-pert-prior\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\npert-prior = {{ path = {library:?} }}\n\n{PROFILE}\n[workspace]\n"
    );
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
    fs::write(folder.join("src/main.rs"), QUICKSTART).unwrap();
    // The versions this workspace is tested with.
    fs::copy(library.join("../../Cargo.lock"), folder.join("Cargo.lock")).unwrap();

    let offline = cargo(&folder, &["metadata", "--format-version", "1", "--offline"]);
    let mut args = vec!["run", "--quiet"];
    if offline.status.success() {
        args.push("--offline");
    }
    if !cfg!(debug_assertions) {
        args.push("--release");
    }
    let output = cargo(&folder, &args);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    let mut lines = stdout.lines();
    let first = lines.next().unwrap();
    assert!(first.contains("500 cells × ") && first.ends_with(" genes"), "{stdout}");
    for metric in ["r2", "pearson_delta", "fid_latent", "e_distance"] {
        let start = format!("{metric}: model ");
        assert!(lines.clone().any(|line| line.starts_with(&start)), "{metric}: {stdout}");
    }
}

#[test]
fn the_readme_shows_the_quickstart() {
    let mut lines = README.lines().skip_while(|line| !line.trim_start().starts_with("```rust"));
    assert!(lines.next().is_some(), "README.md has no ```rust block");
    let shown: Vec<&str> =
        lines.take_while(|line| line.trim() != "```").map(str::trim_end).collect();
    let example: Vec<&str> = QUICKSTART.trim_end().lines().map(str::trim_end).collect();
    assert_eq!(shown, example, "README.md and examples/quickstart.rs differ");
}
