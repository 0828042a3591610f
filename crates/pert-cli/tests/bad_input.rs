//! Bad input: exit code 1, a message on stderr that names file, place and mend, and nothing half-written.

mod common;

use std::fs;
use std::path::Path;

use common::{FIT, done, fixture, held_out, pert, scratch, texts, tree, workplace};

/// Runs `pert`, which must refuse with a message that holds every word; returns the message.
fn refused(folder: &Path, args: &[&str], words: &[&str]) -> String {
    let before = tree(folder);
    let output = pert(folder, args);
    let (stdout, stderr) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{args:?}\n{stdout}\n{stderr}");
    assert_eq!(stdout, "", "{args:?}");
    let message = stderr.split_once("error: ").map_or("", |(_, message)| message).to_owned();
    assert_eq!(message.lines().count(), 1, "{args:?}: one line: {stderr}");
    for word in words {
        assert!(message.contains(word), "{args:?}: {word:?} is not in {stderr}");
    }
    for unwanted in ["partial", "panicked", ".tmp", "(os error 2): No such"] {
        assert!(!stderr.contains(unwanted), "{args:?}: {stderr}");
    }
    let after = tree(folder);
    let changed: Vec<_> = after.keys().filter(|k| before.get(*k) != after.get(*k)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "{args:?} left {changed:?}");
    message
}

fn fit_refused(folder: &Path, file: &str, more: &[&str], words: &[&str]) -> String {
    refused(folder, &[&["fit", file, "-o", "new/out"], more].concat(), words)
}

#[test]
fn files_that_are_no_cell_files() {
    let folder = workplace("no_cell_files");
    let screen = fs::read(folder.join("screen.h5ad")).unwrap();
    fs::write(folder.join("text.h5ad"), "cell,gene\n").unwrap();
    fs::write(folder.join("empty.h5ad"), "").unwrap();
    fs::write(folder.join("half.h5ad"), &screen[..screen.len() / 2]).unwrap();
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n";
    fs::write(folder.join("pointer.h5ad"), pointer).unwrap();
    for (file, words) in [
        ("text.h5ad", &["not an HDF5 file", ".h5ad"][..]),
        ("empty.h5ad", &["not an HDF5 file"]),
        ("half.h5ad", &["truncated", "again"]),
        ("pointer.h5ad", &["git-LFS pointer", "git lfs pull"]),
        ("none.h5ad", &["no such file", "path"]),
        ("model", &["folder", ".h5ad"]),
    ] {
        let words = [&[file], words].concat();
        fit_refused(&folder, file, &[], &words);
        refused(&folder, &["inspect", file], &words);
        refused(&folder, &["inspect", "--json", file], &words);
        refused(&folder, &["evaluate", "model", file, "-o", "new/out"], &words);
    }
}

#[test]
fn columns_and_layers_that_do_not_exist() {
    let folder = &workplace("columns");
    let existing = ["screen.h5ad", "batch", "cell_type", "perturbation"];
    for flags in [
        ["--perturbation-key", "gene"],
        ["--cell-type-key", "celltype"],
        ["--batch-key", "bach"],
        ["--dose-key", "dose"],
        ["--filter", "umis>=3"],
    ] {
        fit_refused(folder, "screen.h5ad", &flags, &existing);
    }
    let message = fit_refused(folder, "screen.h5ad", &["--batch-key", "bach"], &["\"bach\""]);
    assert!(message.contains("(nearest first): batch"), "{message}");
    fit_refused(folder, "screen.h5ad", &["--layer", "counts"], &["screen.h5ad", "counts", "X"]);
    fit_refused(folder, "screen.h5ad", &["--filter", "umis"], &["umis", "COL>=VALUE"]);
    let text = ["--dose-key", "cell_type"];
    fit_refused(folder, "screen.h5ad", &text, &["screen.h5ad", "cell_type", "number"]);
    let file = fixture("no_perturbation_column");
    fit_refused(folder, &file, &[], &[&file, "--perturbation-key", "dose, n_genes"]);
}

#[test]
fn values_that_are_no_counts() {
    let folder = &workplace("not_counts");
    for (name, value) in [("negative", "-1"), ("fraction", "0.5"), ("nan", "NaN")] {
        let file = fixture(name);
        fit_refused(folder, &file, &[], &[&file, "cell5", "HLA-A", value, "give the file"]);
    }
    for (name, layer) in [("layer_counts", "--layer counts"), ("raw_counts", "--layer raw")] {
        let file = fixture(name);
        fit_refused(folder, &file, &[], &[&file, "normalised", layer]);
    }
}

#[test]
fn control_cells_that_are_not_there() {
    let folder = &workplace("control");
    let file = fixture("no_control");
    fit_refused(folder, &file, &[], &[&file, "no control cells", "--control", "TP53"]);
    let flags = ["--control", "contrl"];
    fit_refused(
        folder,
        "screen.h5ad",
        &flags,
        &["screen.h5ad", "contrl", "(nearest first) control"],
    );
}

#[test]
fn a_perturbation_with_too_few_cells() {
    let folder = workplace("too_few");
    fs::write(folder.join("many.toml"), "min-cells = 90\n").unwrap();
    let words = ["screen.h5ad", "90", "min-cells", "perturbation \""];
    fit_refused(&folder, "screen.h5ad", &["--config", "many.toml"], &words);
}

#[test]
fn genes_of_the_model_that_the_real_file_lacks() {
    let folder = workplace("genes_absent");
    let sizes = ["--cells", "400", "--genes", "50", "--perturbations", "8"];
    done(&folder, &[&["simulate", "-o", "other.h5ad"], &sizes[..]].concat());
    let args = ["evaluate", "model", "other.h5ad", "-o", "new/out"];
    refused(&folder, &args, &["other.h5ad", "GENE0051", "of the model's", "use a file"]);
}

#[test]
fn gene_names_that_stand_twice() {
    let file = fixture("duplicate_genes");
    fit_refused(&scratch("duplicates"), &file, &[], &[&file, "KLF1", "unique"]);
}

#[test]
fn genes_without_features() {
    let folder = workplace("no_features");
    let table = fs::read_to_string(folder.join("screen.features.tsv")).unwrap();
    // The header and two genes that nobody perturbs.
    let perturbed = fs::read_to_string(folder.join("model/split.json")).unwrap();
    let kept: Vec<&str> = table
        .lines()
        .filter(|line| !perturbed.contains(line.split('\t').next().unwrap()))
        .take(3)
        .collect();
    assert!(kept[0].starts_with("gene"), "{}", kept[0]);
    fs::write(folder.join("few.tsv"), kept.join("\n")).unwrap();
    let flags = ["--config", "run.toml", "--features", "few.tsv"];
    let words = ["screen.h5ad", "no features for GENE", "--unknown-gene mean"];
    fit_refused(&folder, "screen.h5ad", &flags, &words);
    let mean = [&["fit", "screen.h5ad", "-o", "mean", "--unknown-gene", "mean"], &flags[..]];
    done(&folder, &mean.concat());
    done(&folder, &["predict", "mean", "-p", "NOBODY", "--cells", "2", "-o", "p.h5ad"]);

    let absent = ["--features", "none.tsv"];
    fit_refused(&folder, "screen.h5ad", &absent, &["none.tsv"]);
    let args = ["predict", "model", "-p", "NOBODY", "-o", "q.h5ad"];
    refused(&folder, &args, &["NOBODY", "nearest names", "--unknown-gene mean"]);
}

#[test]
#[cfg(not(feature = "cuda"))]
fn a_device_that_is_not_compiled_in() {
    let words = ["\"cuda\"", "--features cuda", "--device cpu"];
    let folder = workplace("device");
    fit_refused(&folder, "screen.h5ad", &["--device", "cuda"], &words);
    let args = ["predict", "model", "-p", "GENE0001", "-o", "q.h5ad", "--device", "cuda"];
    refused(&folder, &args, &words);
}

#[test]
fn places_that_cannot_be_written() {
    let folder = workplace("unwritable");
    let label = &held_out(&folder)[0];
    for place in ["run.toml/out", "run.toml/a/out"] {
        let file = format!("{place}.h5ad");
        refused(&folder, &["fit", "screen.h5ad", "-o", place], &["run.toml"]);
        refused(&folder, &["evaluate", "model", "screen.h5ad", "-o", place], &["run.toml"]);
        refused(&folder, &["demo", "-o", place], &["run.toml"]);
        refused(&folder, &["simulate", "-o", &file], &["run.toml", "folder"]);
        refused(&folder, &["predict", "model", "-p", label, "-o", &file], &["run.toml", "folder"]);
    }
    for place in [".", "model", "nowhere/p.h5ad"] {
        refused(&folder, &["predict", "model", "-p", label, "-o", place], &[place, "folder"]);
        refused(&folder, &["simulate", "-o", place], &[place, "folder"]);
    }
}

#[test]
fn folders_that_hold_something_else() {
    let folder = workplace("taken");
    fs::create_dir(folder.join("mine")).unwrap();
    fs::write(folder.join("mine/thesis.txt"), "years").unwrap();
    for place in ["mine", "run.toml", "."] {
        let fit = [&["fit", "screen.h5ad", "-o", place], &FIT[..]].concat();
        refused(&folder, &fit, &[place, "choose another"]);
        let evaluate = ["evaluate", "model", "screen.h5ad", "-o", place];
        refused(&folder, &evaluate, &[place, "choose another"]);
        refused(&folder, &["demo", "-o", place], &[place, "choose another"]);
    }
    // A model folder is no report folder, and what a person put into one is not thrown away with it.
    let evaluate = ["evaluate", "model", "screen.h5ad", "-o", "model"];
    refused(&folder, &evaluate, &["model", "no report folder"]);
    fs::write(folder.join("model/notes.txt"), "mine").unwrap();
    let fit = [&["fit", "screen.h5ad", "-o", "model"], &FIT[..]].concat();
    refused(&folder, &fit, &["notes.txt", "would be lost"]);
    let vae = ["--evaluation-vae", "mine"];
    let evaluate = [&["evaluate", "model", "screen.h5ad", "-o", "new/out"], &vae[..]].concat();
    refused(&folder, &evaluate, &["mine", "evaluation VAE folder"]);
}

#[test]
fn model_folders_that_cannot_be_used() {
    let folder = workplace("model_folder");
    let label = &held_out(&folder)[0];
    let predict = ["predict", "model", "-p", label, "--cells", "2", "-o", "p.h5ad"];
    let nowhere = ["predict", "none", "-p", label, "-o", "p.h5ad"];
    refused(&folder, &nowhere, &["none", "no such folder", "pert fit"]);
    fs::create_dir(folder.join("mine")).unwrap();
    let foreign = ["predict", "mine", "-p", label, "-o", "p.h5ad"];
    refused(&folder, &foreign, &["mine", "model.json", "model folder"]);

    let json = folder.join("model/model.json");
    let text = fs::read_to_string(&json).unwrap();
    fs::write(&json, text.replacen("\"format\": 1", "\"format\": 99", 1)).unwrap();
    let words = ["model", "format 99", "format 1", "fit the model again"];
    refused(&folder, &predict, &words);
    refused(&folder, &["evaluate", "model", "screen.h5ad", "-o", "new/out"], &words);
    fs::write(&json, &text).unwrap();

    let mut names: Vec<String> = fs::read_dir(folder.join("model"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert!(names.len() >= 8, "{names:?}");
    for name in &names {
        let path = folder.join("model").join(name);
        let whole = fs::read(&path).unwrap();
        for place in [0, whole.len() / 2, whole.len() - 2] {
            let mut flipped = whole.clone();
            flipped[place] ^= 1;
            fs::write(&path, flipped).unwrap();
            refused(&folder, &predict, &["model folder model", name]);
        }
        fs::write(&path, &whole[..whole.len() - 1 - whole.len() / 3]).unwrap();
        refused(&folder, &predict, &["model folder model", name]);
        fs::write(&path, "").unwrap();
        refused(&folder, &predict, &["model folder model", name]);
        fs::remove_file(&path).unwrap();
        refused(&folder, &predict, &["model folder model", name]);
        fs::write(&path, whole).unwrap();
    }
    // A digit changed by hand would otherwise change predictions in silence.
    let edited = text.replacen("\"n_training_cells\": 3", "\"n_training_cells\": 4", 1);
    let edited =
        if edited == text { text.replacen("\"seed\": 0", "\"seed\": 5", 1) } else { edited };
    assert_ne!(edited, text);
    fs::write(&json, edited).unwrap();
    refused(&folder, &predict, &["model.json", "checksum"]);
    fs::write(&json, text).unwrap();
    done(&folder, &predict);
}

#[test]
fn requests_that_cannot_be_read() {
    let folder = workplace("requests");
    let label = &held_out(&folder)[0];
    for (table, words) in [
        ("", &["line 1", "empty"][..]),
        ("gene\nA\n", &["line 1", "perturbation"]),
        ("perturbation\n", &["no row"]),
        ("perturbation\tn_cells\nGENE0001\tmany\n", &["line 2", "n_cells", "many"]),
        ("perturbation\tn_cells\nGENE0001\t0\n", &["line 2", "n_cells"]),
        ("perturbation\tn_cells\nGENE0001\t3\t4\n", &["line 2", "columns"]),
        ("perturbation\nGENE0001++GENE0002\n", &["line 2", "part 2 is empty"]),
        ("perturbation\nGENE0001\n\n+\n", &["line 4", "is empty"]),
        ("perturbation,n_cells\nGENE0001,3\n", &["line 1", "tabs, not commas"]),
        ("perturbation\nGENE0001\nGENE0001\n", &["line 3", "stands in line 2"]),
        ("perturbation\nGENE0001+GENE0002\nGENE0002+GENE0001\n", &["line 3", "in line 2"]),
        ("perturbation\tdonor\nGENE0001\t3\n", &["donor", "cell_type", "batch"]),
        ("perturbation\tcell_type\nGENE0001\tMars\n", &["Mars", "known"]),
    ] {
        fs::write(folder.join("wanted.tsv"), table).unwrap();
        let args = ["predict", "model", "--perturbations", "wanted.tsv", "-o", "p.h5ad"];
        refused(&folder, &args, &[&["wanted.tsv"], words].concat());
    }
    fs::write(folder.join("wanted.tsv"), [0xff, 0xfe, 0]).unwrap();
    for table in ["wanted.tsv", "none.tsv", "model"] {
        let args = ["predict", "model", "--perturbations", table, "-o", "p.h5ad"];
        refused(&folder, &args, &[table]);
    }
    for (at, words) in [
        ("cell_type", &["KEY=VALUE"][..]),
        ("donor=1", &["donor", "cell_type, batch"]),
        ("cell_type=Mars", &["Mars", "known"]),
    ] {
        refused(&folder, &["predict", "model", "-p", label, "--at", at, "-o", "p.h5ad"], words);
    }
    for label in ["", "+", "GENE0001+", "+GENE0001"] {
        refused(&folder, &["predict", "model", "-p", label, "-o", "p.h5ad"], &["is empty"]);
    }
}

#[test]
fn run_files_that_are_wrong() {
    let folder = workplace("run_files");
    for (text, words) in [
        ("seed = 1\nsede = 3\n", &["line 2", "`sede`", "`n-top-genes`"][..]),
        ("[prior]\nlerning-rate = 3\n", &["line 2", "`lerning-rate`", "`learning-rate`"]),
        ("prior = { lerning-rate = 3 }\n", &["`lerning-rate`"]),
        ("seed = \"a\"\n", &["line 1", "expected u64"]),
        ("seed =\n", &["line 1"]),
        ("likelihood = \"gauss\"\n", &["line 1", "gauss", "zinb"]),
        ("[prior]\nsteps = 0\n", &["[prior]", "steps", "at least 1"]),
        ("[decoder-training]\nlearning-rate = -1.0\n", &["[decoder-training]", "learning"]),
        (
            "[decoder-training]\nclassifier-weight = 5.0\n",
            &["[decoder-training]", "cell-encoder-training"],
        ),
        ("control-split = 1.5\n", &["control-split", "[0, 1)"]),
        ("min-cells = 1\n", &["min-cells"]),
        ("hold-out = \"seen-9\"\n", &["seen-9", "seen-2"]),
        ("hold-out = \"cells\"\nsplit = \"s.json\"\n", &["hold-out", "split"]),
    ] {
        fs::write(folder.join("bad.toml"), text).unwrap();
        let words = [&["bad.toml"], words].concat();
        fit_refused(&folder, "screen.h5ad", &["--config", "bad.toml"], &words);
    }
    fit_refused(&folder, "screen.h5ad", &["--config", "none.toml"], &["none.toml"]);
}

#[test]
fn splits_that_cannot_be_made_or_read() {
    let folder = workplace("splits");
    for (rule, words) in [
        ("seen-9", &["seen-9", "known rules", "sorted-K"][..]),
        ("seen-2:7", &["\"7\"", "between 0 and 1"]),
        ("labels:ZZ", &["\"ZZ\"", "nearest"]),
        ("unseen-single:0.99", &["leaves no"]),
    ] {
        fit_refused(&folder, "screen.h5ad", &["--hold-out", rule], words);
    }
    fs::write(folder.join("split.json"), "{\"format\": 1").unwrap();
    let split = fs::read_to_string(folder.join("model/split.json")).unwrap();
    fs::write(folder.join("later.json"), split.replace("\"format\": 1", "\"format\": 7")).unwrap();
    for (file, words) in [
        ("none.json", &["none.json"][..]),
        ("run.toml", &["run.toml", "split", "line 1"]),
        ("split.json", &["split.json", "split", "line 1"]),
        ("later.json", &["later.json", "format 7", "format 1"]),
    ] {
        fit_refused(&folder, "screen.h5ad", &["--split", file], words);
        let evaluate = ["evaluate", "model", "screen.h5ad", "-o", "new/out", "--split", file];
        refused(&folder, &evaluate, words);
    }
    let truth = ["--truth", "screen.features.tsv"];
    let evaluate = [&["evaluate", "model", "screen.h5ad", "-o", "new/out"], &truth[..]].concat();
    refused(&folder, &evaluate, &["screen.features.tsv", "line 1", "header"]);
}

#[test]
fn cells_without_counts_are_dropped_and_said() {
    let folder = scratch("empty_cells");
    let file = fixture("empty_cells");
    fs::write(folder.join("run.toml"), format!("min-cells = 2\n{}", common::RUN)).unwrap();
    // One label has too few cells left.
    let more = ["--config", "run.toml", "--control-split", "0", "--filter", "perturbation!=KLF1"];
    let args = [&["fit", &file, "-o", "new/out"], &more[..]].concat();
    // With its covariates every cell is a group of its own.
    refused(&folder, &args, &["do not spread", "combinations of covariates", "--batch-key none"]);
    let one_group = ["--batch-key", "none", "--dose-key", "none", "--cell-type-key", "none"];
    let (_, stderr) = done(&folder, &[&args[..], &one_group].concat());
    assert!(stderr.contains("cells without any count dropped"), "{stderr}");
}

#[test]
fn names_that_only_look_like_unseen_genes() {
    let folder = workplace("names");
    let pair = &held_out(&folder)[0];
    let (a, b) = pair.split_once('+').unwrap();
    let flags = ["--features", "screen.features.tsv", "--config", "run.toml"];
    let mean = [&["fit", "screen.h5ad", "-o", "mean", "--unknown-gene", "mean"], &flags[..]];
    done(&folder, &mean.concat());
    for model in ["model", "mean"] {
        for (label, words) in [
            (a.to_lowercase(), &["did you mean", a][..]),
            (format!("{a}_{b}"), &["joined by '+'", pair]),
            (format!("{a}, {b}"), &["joined by '+'", pair]),
            (format!("{a}+{}", b.to_lowercase()), &["did you mean", b]),
        ] {
            refused(&folder, &["predict", model, "-p", &label, "-o", "p.h5ad"], words);
        }
    }
    // What is not refused is told.
    let told = |model: &str, label: &str| {
        done(&folder, &["predict", model, "-p", label, "--cells", "5", "-o", "p.h5ad"]).1
    };
    assert!(
        told("mean", &format!("{a}+ZNF999")).contains("ZNF999 was never seen and has no features")
    );
    assert!(told("model", a).contains("seen in training"));
    assert!(!told("model", pair).contains("never"));
}

#[test]
fn splits_made_by_hand_that_mean_something_else() {
    let folder = workplace("splits_by_hand");
    let pair = &held_out(&folder)[0];
    for (train, test, cells, words) in [
        ("", pair.as_str(), "", &["train lacks the control label"][..]),
        (r#""control", "GENE0001", "#, pair, "", &["stands in train and in test", "test_cells"]),
        (r#""control", "#, pair, r#""NOBODY""#, &["none of its test_cells"]),
    ] {
        let split = format!(
            r#"{{"format": 1, "rule": "by hand", "seed": 0, "train": [{train}"{pair}"], "test": ["{test}"], "test_cells": [{cells}]}}"#
        );
        fs::write(folder.join("hand.json"), split).unwrap();
        let more = [&["--split", "hand.json"], &FIT[..8]].concat();
        fit_refused(&folder, "screen.h5ad", &more, &[&["hand.json"], words].concat());
    }
}

#[test]
fn a_word_that_is_no_control_spoils_no_inspection() {
    let folder = workplace("inspect_control");
    let args = ["inspect", "screen.h5ad", "--control", "Control"];
    refused(&folder, &args, &["\"Control\"", "nearest first", "control"]);
}

#[test]
fn a_model_without_hold_out_is_refused_before_anything_is_trained() {
    let folder = workplace("nothing_held_out");
    let all = [&["fit", "screen.h5ad", "-o", "all"], &FIT[..8]].concat();
    done(&folder, &all);
    let message =
        refused(&folder, &["evaluate", "all", "screen.h5ad", "-o", "report"], &["--hold-out"]);
    assert!(message.contains("nothing to judge"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_be_written_costs_no_result() {
    let folder = workplace("full_log");
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let predict = ["predict", "model", "-p", &held_out(&folder)[0], "-o", "p.h5ad"];
    let mut command = common::command(&folder, &predict);
    assert_eq!(command.stderr(full()).status().unwrap().code(), Some(0));
    assert!(folder.join("p.h5ad").exists());
    let wrong = ["predict", "nowhere", "-p", "A", "-o", "p.h5ad"];
    let mut command = common::command(&folder, &wrong);
    assert_eq!(command.stderr(full()).status().unwrap().code(), Some(1));
}
