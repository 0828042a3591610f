//! Drugs by structure and variants by sequence: fit, save, load, and predict what was never seen.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{RUN, done, held_out, pert, scratch, texts, tree};
use pert_prior::data::{Dataset, ReadOptions};
use pert_prior::pipeline::{DeviceChoice, Model};

/// A screen of a kind, what is shown of it, and a fit without some scaffolds or positions.
struct Screen {
    kind: &'static str,
    shown: [&'static str; 2],
    hold_out: &'static str,
}

const DRUGS: Screen =
    Screen { kind: "drugs", shown: ["--smiles", "screen.smiles.tsv"], hold_out: "scaffold:0.3" };
const VARIANTS: Screen =
    Screen { kind: "variants", shown: ["--reference", "screen.fasta"], hold_out: "position:0.3" };

impl Screen {
    fn simulated(&self, name: &str) -> PathBuf {
        let folder = scratch(name);
        let sizes = ["--cells", "700", "--genes", "60", "--perturbations", "24"];
        let args = ["simulate", "--kind", self.kind, "-o", "screen.h5ad", "--seed", "4"];
        done(&folder, &[&args[..], &sizes].concat());
        fs::write(folder.join("run.toml"), RUN).unwrap();
        folder
    }

    fn fit(&self) -> Vec<&'static str> {
        let file = ["fit", "screen.h5ad", "-o", "model", "--config", "run.toml"];
        [&file[..], &self.shown, &["--hold-out", self.hold_out]].concat()
    }

    fn fitted(&self, name: &str) -> PathBuf {
        let folder = self.simulated(name);
        done(&folder, &self.fit());
        folder
    }
}

/// Label, cells and median count of the only perturbation in a file.
fn predicted(path: &Path, control: &str) -> (String, usize) {
    let options = ReadOptions {
        control: Some(control.to_owned()),
        require_control: false,
        ..ReadOptions::default()
    };
    let cells = Dataset::read_h5ad_with(path, &options).unwrap();
    let population = cells.population();
    assert_eq!(population.perturbations().len(), 1);
    (population.perturbations()[0].label().to_owned(), population.n_cells())
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
fn a_drug_never_seen_is_predicted_by_its_structure() {
    let folder = DRUGS.simulated("drugs");
    // The table may hold more drugs than the screen: these can be asked for.
    let table = folder.join("screen.smiles.tsv");
    let rows = fs::read_to_string(&table).unwrap();
    fs::write(&table, format!("{rows}later\tCC(=O)Oc1ccccc1C(=O)O\nmisprint\tc1cccc1\n")).unwrap();
    done(&folder, &DRUGS.fit());
    assert!(folder.join("model/target_encoder.json").is_file());
    let held_out = held_out(&folder);
    assert!(held_out.len() >= 3, "{held_out:?}");
    for label in [held_out[0].as_str(), "later_250nM"] {
        let args = ["predict", "model", "-p", label, "--cells", "9", "-o", "p.h5ad"];
        let (_, stderr) = done(&folder, &args);
        assert!(stderr.contains("never seen, and is known by its structure only"), "{stderr}");
        assert_eq!(predicted(&folder.join("p.h5ad"), "DMSO"), (label.to_owned(), 9));
    }
    let predict = |label: &'static str| ["predict", "model", "-p", label, "-o", "q.h5ad"];
    refused(&folder, &predict("latr_250nM"), &["\"latr\"", "nearest names: later"]);
    let words = ["\"misprint\"", "at byte 1", "c1cccc1", "correct its SMILES"];
    refused(&folder, &predict("misprint_1uM"), &words);
    refused(&folder, &predict("later"), &["later", "has no dose"]);
    assert!(!folder.join("q.h5ad").exists());
}

#[test]
fn a_variant_never_seen_is_predicted_by_its_sequence() {
    let folder = VARIANTS.simulated("variants");
    let fasta = fs::read_to_string(folder.join("screen.fasta")).unwrap();
    let (header, letters) = fasta.split_once('\n').unwrap();
    let gene = header.trim_start_matches('>').split_whitespace().next().unwrap();
    let letters: String = letters.split_whitespace().collect();
    fs::write(folder.join("aliases.tsv"), format!("alias\tsymbol\nOLD1\t{gene}\n")).unwrap();
    done(&folder, &[&VARIANTS.fit()[..], &["--aliases", "aliases.tsv"]].concat());
    fs::remove_file(folder.join("aliases.tsv")).unwrap();
    assert!(folder.join("model/target_encoder.json").is_file());
    let held_out = held_out(&folder);
    assert!(held_out.len() >= 3, "{held_out:?}");
    // A position that the screen may never have touched, and a stop, of which it has none.
    let residue = &letters[99..100];
    let other = if residue == "W" { "A" } else { "W" };
    for label in [
        held_out[0].clone(),
        format!("{gene}_{residue}100{other}"),
        format!("{gene}_{residue}100*"),
        format!("OLD1_{residue}100{other}"),
    ] {
        let args = ["predict", "model", "-p", &label, "--cells", "9", "-o", "p.h5ad"];
        let (_, stderr) = done(&folder, &args);
        assert!(stderr.contains("wrote 9 cells"), "{stderr}");
        assert_eq!(predicted(&folder.join("p.h5ad"), "WT"), (label, 9));
    }
    let wrong = format!("{gene}_{other}100{residue}");
    let predict = |label| ["predict", "model", "-p", label, "-o", "q.h5ad"];
    refused(&folder, &predict(&wrong), &["position 100", &format!("the reference has {residue}")]);
    refused(&folder, &predict("OLD2_A1G"), &["nearest names: OLD1", "--aliases TABLE"]);
    let beyond = format!("{gene}_A9999G");
    refused(&folder, &predict(&beyond), &["behind the last residue", "200"]);
    assert!(!folder.join("q.h5ad").exists());
}

#[test]
fn what_rebuilds_the_encoder_comes_back_byte_for_byte() {
    let device = DeviceChoice::Cpu.open().unwrap();
    for (screen, name) in [(DRUGS, "drugs again"), (VARIANTS, "variants again")] {
        let folder = screen.fitted(name);
        let model = Model::load(&folder.join("model"), &device).unwrap();
        model.save(&folder.join("copy")).unwrap();
        assert!(tree(&folder.join("model")) == tree(&folder.join("copy")), "{name}");
        let label = &held_out(&folder)[0];
        for (model, file) in [("model", "a.h5ad"), ("copy", "b.h5ad")] {
            done(&folder, &["predict", model, "-p", label, "--cells", "5", "-o", file]);
        }
        let read = |file: &str| fs::read(folder.join(file)).unwrap();
        assert!(read("a.h5ad") == read("b.h5ad"), "{name}");
        // A fit given again replaces the folder.
        let before = tree(&folder.join("model"));
        done(&folder, &screen.fit());
        assert!(before == tree(&folder.join("model")), "{name}");
    }
}

#[test]
fn a_damaged_encoder_is_named() {
    for (screen, name) in [(DRUGS, "drugs damaged"), (VARIANTS, "variants damaged")] {
        let folder = screen.fitted(name);
        let path = folder.join("model/target_encoder.json");
        let good = fs::read(&path).unwrap();
        let predict = ["predict", "model", "-p", "DMSO", "-o", "p.h5ad"];
        let cut = good[..good.len() / 2].to_vec();
        let mut turned = good.clone();
        turned[good.len() / 2] ^= 1;
        for bad in [cut, turned, Vec::new()] {
            fs::write(&path, &bad).unwrap();
            refused(&folder, &predict, &["target_encoder.json", "damaged", "copy the folder"]);
        }
        fs::remove_file(&path).unwrap();
        refused(&folder, &predict, &["target_encoder.json"]);
    }
}

#[test]
fn a_structure_of_the_screen_that_is_none_is_refused_with_its_place() {
    let folder = DRUGS.simulated("misprint");
    let table = folder.join("screen.smiles.tsv");
    let rows = fs::read_to_string(&table).unwrap();
    let drug = rows.lines().nth(1).unwrap().split('\t').next().unwrap();
    let broken: Vec<String> = rows
        .lines()
        .map(|line| match line.split('\t').next() {
            Some(name) if name == drug => format!("{drug}\tCC(C"),
            _ => line.to_owned(),
        })
        .collect();
    fs::write(&table, broken.join("\n")).unwrap();
    let words = [drug, "CC(C", "at byte"];
    refused(&folder, &DRUGS.fit(), &words);
    // Without scaffolds to hold out, the encoder is the first to need it.
    let cells = ["--hold-out", "cells"];
    let mut fit = DRUGS.fit();
    fit.truncate(fit.len() - 2);
    refused(&folder, &[&fit[..], &cells].concat(), &words);
    // A drug without any structure is another matter.
    let without: Vec<&String> = broken.iter().filter(|line| !line.starts_with(drug)).collect();
    let text: Vec<&str> = without.into_iter().map(String::as_str).collect();
    fs::write(&table, text.join("\n")).unwrap();
    refused(&folder, &[&fit[..], &cells].concat(), &["no structure for drug", drug]);
    assert!(!folder.join("model").exists());
}

#[test]
fn encoders_that_lack_what_they_read_say_so() {
    let folder = DRUGS.simulated("lacking");
    let fit = ["fit", "screen.h5ad", "-o", "model", "--config", "run.toml", "--encoder"];
    for (encoder, flag) in [
        ("smiles", "--smiles TABLE"),
        ("protein", "--reference FASTA"),
        ("table", "--features TABLE"),
    ] {
        refused(&folder, &[&fit[..], &[encoder]].concat(), &["encoder", flag]);
    }
    // The labels are drugs with structures, so that features of genes would not be read.
    let smiles = ["--smiles", "screen.smiles.tsv", "--features", "uns:anything"];
    let words = ["`smiles` does not read --features", "--encoder table"];
    refused(&folder, &[&fit[..], &["auto"], &smiles].concat(), &words);
}
