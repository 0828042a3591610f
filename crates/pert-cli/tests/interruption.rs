//! A fit cut off by Ctrl-C or a kill goes on to the model it would have made.

#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{command, done, pert, scratch, shared, texts, tree};
use rand::Rng;

/// Long enough to be hit in every stage.
const RUN: &str = "n-top-genes = 60
[cell-encoder-training]
steps = 60
[prior]
steps = 200
[decoder-training]
steps = 60
";

const FIT: [&str; 8] = [
    "fit",
    "screen.h5ad",
    "-o",
    "model",
    "--config",
    "run.toml",
    "--features",
    "screen.features.tsv",
];

fn workplace(name: &str) -> PathBuf {
    let folder = scratch(name);
    for file in ["screen.h5ad", "screen.features.tsv"] {
        fs::copy(shared().join(file), folder.join(file)).unwrap();
    }
    fs::write(folder.join("run.toml"), RUN).unwrap();
    folder
}

fn start(folder: &Path, args: &[&str]) -> Child {
    command(folder, args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

#[test]
fn ctrl_c_leaves_a_checkpoint_and_the_printed_command_goes_on() {
    let folder = workplace("ctrl_c");
    done(&folder, &FIT);
    let uninterrupted = tree(&folder.join("model"));
    fs::remove_dir_all(folder.join("model")).unwrap();

    for (stage, name) in
        [("cell encoder", "-INT"), ("diffusion prior", "-TERM"), ("decoder", "-INT")]
    {
        let resume: &[&str] = if stage == "cell encoder" { &[] } else { &["--resume"] };
        let mut child = start(&folder, &[&FIT[..], resume].concat());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let wanted = format!("training the {stage}");
        assert!(lines.any(|line| line.starts_with(&wanted)), "{stage}");
        signal(&child, name);
        let rest: Vec<String> = lines.collect();
        assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
        let [interrupted, go_on] = &rest[rest.len() - 2..] else { panic!("{rest:?}") };
        assert!(interrupted.contains(stage) && interrupted.contains("step"), "{interrupted}");
        assert!(go_on.ends_with("--resume") && go_on.contains("pert fit screen.h5ad"), "{go_on}");
        assert!(!folder.join("model").exists());
    }

    // Nothing is thrown away silently, and no other fit goes on from it.
    let (_, stderr) = texts(&pert(&folder, &FIT));
    assert!(stderr.contains("--resume") && stderr.contains("model.unfinished"), "{stderr}");
    let other = pert(&folder, &[&FIT[..], &["--resume", "--seed", "5"]].concat());
    let (_, stderr) = texts(&other);
    assert_eq!(other.status.code(), Some(1));
    assert!(stderr.contains("seed was 0, now 5"), "{stderr}");
    let (_, stderr) = texts(&pert(&folder, &["predict", "model", "-p", "A", "-o", "a.h5ad"]));
    assert!(stderr.contains("unfinished") && stderr.contains("--resume"), "{stderr}");

    let (_, stderr) = done(&folder, &[&FIT[..], &["--resume"]].concat());
    assert!(stderr.contains("the decoder goes on after step"), "{stderr}");
    assert!(tree(&folder.join("model")) == uninterrupted);
    assert!(!folder.join("model.unfinished").exists());
    // Given once more, as a cluster may: nothing to do.
    let (_, stderr) = done(&folder, &[&FIT[..], &["--resume"]].concat());
    assert!(stderr.contains("finished already"), "{stderr}");
    // A batch script that names the wrong folder does not replace another's model.
    let (_, stderr) = texts(&pert(&folder, &[&FIT[..], &["--resume", "--seed", "5"]].concat()));
    assert!(stderr.contains("finished model") && stderr.contains("seed was 0, now 5"), "{stderr}");
    assert!(tree(&folder.join("model")) == uninterrupted);
}

#[test]
fn a_second_run_does_not_write_to_the_same_place() {
    let folder = workplace("two_runs");
    let mut child = start(&folder, &FIT);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("training the")));
    signal(&child, "-STOP");
    let second = pert(&folder, &[&FIT[..], &["--resume"]].concat());
    signal(&child, "-CONT");
    let (_, stderr) = texts(&second);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr.contains("in use by another fit"), "{stderr}");
    lines.for_each(drop);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_folder_of_that_name_that_is_not_ours_is_left_alone() {
    let folder = workplace("foreign");
    fs::create_dir(folder.join("model.unfinished")).unwrap();
    fs::write(folder.join("model.unfinished/thesis.doc"), "years of work").unwrap();
    let before = tree(&folder);
    let (_, stderr) = texts(&pert(&folder, &[&FIT[..], &["--resume"]].concat()));
    assert!(stderr.contains("thesis.doc"), "{stderr}");
    assert!(tree(&folder) == before);
}

/// `PERT_KILLS` kills (default 6) at random moments; each time the folder is usable or resumable, and the model that
/// comes out in the end has the bytes of an uninterrupted fit.
#[test]
fn kills_at_random_moments_lose_nothing_but_time() {
    let n_kills: usize = std::env::var("PERT_KILLS").map_or(6, |n| n.parse().unwrap());
    let folder = workplace("kills");
    let model = folder.join("model");
    let started = Instant::now();
    done(&folder, &FIT);
    let whole = started.elapsed();
    let uninterrupted = tree(&model);
    done(&folder, &[&FIT[..], &["--seed", "1"]].concat());
    let older = tree(&model);

    let mut rng = pert_prior::core::seeded_rng(0, "moments of kills");
    let (mut killed, mut finished) = (0, 0);
    let mut has_older = true;
    while killed < n_kills {
        let interval = ["0", "0.02", "30"][rng.next_u64() as usize % 3];
        let mut args = [&FIT[..], &["--checkpoint-interval", interval]].concat();
        if folder.join("model.unfinished/run.json").exists() {
            args.push("--resume");
        }
        let mut child = start(&folder, &args);
        let moment = Duration::from_millis(rng.next_u64() % (1 + whole.as_millis() as u64));
        std::thread::sleep(moment);
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        match output.status.code() {
            None => killed += 1,
            Some(code) => assert_eq!(code, 0, "{}", texts(&output).1),
        }
        let unfinished = folder.join("model.unfinished").exists();
        let found = model.exists().then(|| tree(&model));
        match &found {
            Some(found) => assert!(*found == older || *found == uninterrupted, "a mixed model"),
            // Nothing done yet, or to be gone on from.
            None => assert!(unfinished || !has_older, "the older model is lost"),
        }
        if found.is_some_and(|found| found == uninterrupted) && !unfinished {
            finished += 1;
            fs::remove_dir_all(&model).unwrap();
            // An older model stands in the way of every second fit.
            has_older = finished % 2 == 0;
            if has_older {
                plant(&model, &older);
            }
        }
    }
    let resume: &[&str] =
        if folder.join("model.unfinished/run.json").exists() { &["--resume"] } else { &[] };
    let (_, stderr) = done(&folder, &[&FIT[..], resume].concat());
    assert!(tree(&model) == uninterrupted, "{stderr}");
    assert!(!folder.join("model.unfinished").exists());
    println!("{killed} kills, {} fits finished", finished + 1);
}

/// Writes files as [`tree`] read them.
fn plant(folder: &Path, files: &BTreeMap<PathBuf, Option<Vec<u8>>>) {
    fs::create_dir_all(folder).unwrap();
    for (name, content) in files {
        fs::write(folder.join(name), content.as_ref().expect("a model folder is flat")).unwrap();
    }
}
