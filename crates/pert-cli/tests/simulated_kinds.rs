//! Simulated screens of drugs and of variants: what is written, how it is read, and how it can be held out.

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use common::{done, pert, scratch, texts};
use pert_prior::core::{DrugDose, LabelKind, SplitConfig, Variant};
use pert_prior::data::{Dataset, ReadOptions, simulated_structures};
use pert_prior::encoders::{Molecule, SmilesTable};

const SIZES: [&str; 6] = ["--cells", "700", "--genes", "60", "--perturbations", "24"];

fn simulated(folder: &Path, kind: &str) -> String {
    let args = [&["simulate", "--kind", kind, "-o", "screen.h5ad", "--seed", "4"], &SIZES[..]];
    let (_, stderr) = done(folder, &args.concat());
    stderr
}

fn read(folder: &Path) -> Dataset {
    Dataset::read_h5ad_with(folder.join("screen.h5ad"), &ReadOptions::default()).unwrap()
}

/// What `pert inspect` tells of the labels, as JSON.
fn inspected(folder: &Path) -> BTreeMap<String, serde_json::Value> {
    let (json, _) = done(folder, &["inspect", "screen.h5ad", "--json"]);
    serde_json::from_str(&json).unwrap()
}

#[test]
fn every_structure_is_a_molecule_of_its_own_and_scaffolds_are_24() {
    let (mut canonical, mut scaffolds, mut n) = (BTreeSet::new(), BTreeSet::new(), 0);
    for smiles in simulated_structures() {
        let molecule = Molecule::parse(&smiles).unwrap_or_else(|e| panic!("{smiles}: {e}"));
        canonical.insert(molecule.canonical_smiles().to_owned());
        scaffolds.insert(molecule.scaffold_group().to_owned());
        n += 1;
    }
    assert!(n > 10_000);
    assert_eq!((canonical.len(), scaffolds.len()), (n, 24));
}

#[test]
fn a_screen_of_drugs_is_read_as_one_and_held_out_by_scaffold() {
    let folder = scratch("drugs");
    let stderr = simulated(&folder, "drugs");
    for file in ["screen.h5ad", "screen.smiles.tsv", "screen.truth.tsv"] {
        assert!(stderr.contains(file) && folder.join(file).is_file(), "{file}: {stderr}");
    }
    let found = inspected(&folder);
    assert_eq!((&found["label_kind"], &found["control"]), (&"drugs".into(), &"DMSO".into()));

    let asked = ["inspect", "screen.h5ad", "--smiles", "screen.smiles.tsv"];
    let (text, _) = done(&folder, &asked);
    for word in ["24 of 24 by smiles", "--smiles screen.smiles.tsv --hold-out scaffold:0.2"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let structures = fs::read_to_string(folder.join("screen.smiles.tsv")).unwrap();
    let mut lines: Vec<&str> = structures.lines().collect();
    let left_out = lines.pop().unwrap().split('\t').next().unwrap().to_owned();
    fs::write(folder.join("fewer.tsv"), lines.join("\n") + "\n").unwrap();
    let (text, _) = done(&folder, &["inspect", "screen.h5ad", "--smiles", "fewer.tsv"]);
    assert!(text.contains("21 of 24 by smiles") && text.contains(&left_out), "{text}");
    assert!(!text.contains("--smiles fewer.tsv"), "{text}");

    let screen = read(&folder);
    assert_eq!(screen.format().kind, LabelKind::Drugs);
    let population = screen.population();
    let dosed: Vec<DrugDose> = population
        .perturbations()
        .iter()
        .flat_map(|p| p.targets())
        .map(|target| target.parse().unwrap())
        .collect();
    let table = SmilesTable::read(folder.join("screen.smiles.tsv")).unwrap();
    // 24 perturbations are 8 compounds at 3 doses.
    let mut doses: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for of in &dosed {
        doses.entry(of.drug()).or_default().insert(of.dose_nm().unwrap() as u64);
    }
    assert_eq!(doses.len(), 8);
    assert!(doses.values().all(|d| d.iter().copied().eq([100, 1_000, 10_000])), "{doses:?}");
    assert!(doses.keys().eq(table.drugs().collect::<BTreeSet<_>>().iter()), "{doses:?}");

    let groups: HashMap<String, String> =
        table.scaffold_groups(population.perturbations()).unwrap();
    let config = SplitConfig::new("scaffold:0.3".parse().unwrap(), 0);
    let split = config.split_with_groups(population, &|drug| groups.get(drug).cloned()).unwrap();
    let group_of = |label: &String| &groups[label.parse::<DrugDose>().unwrap().drug()];
    let tested: BTreeSet<&String> = split.test.iter().map(group_of).collect();
    let perturbed = |label: &&String| *label != "DMSO";
    let trained: BTreeSet<&String> = split.train.iter().filter(perturbed).map(group_of).collect();
    assert!(!tested.is_empty() && !trained.is_empty() && tested.is_disjoint(&trained));
    // A group is held out at every dose.
    assert_eq!(split.test.len() % 3, 0);

    let judge = ["baselines", "screen.h5ad", "--hold-out", "scaffold:0.3", "--smiles"];
    let more = ["screen.smiles.tsv", "--truth", "screen.truth.tsv", "-o", "report"];
    done(&folder, &[&judge[..], &more].concat());
    let metrics = fs::read_to_string(folder.join("report/metrics.csv")).unwrap();
    assert!(metrics.contains("pearson_delta_true"), "{metrics}");
    for label in &split.test {
        assert!(metrics.contains(label.as_str()), "{label} is not in {metrics}");
    }
}

#[test]
fn a_screen_of_variants_is_read_as_one_and_held_out_by_position() {
    let folder = scratch("variants");
    let stderr = simulated(&folder, "variants");
    for file in ["screen.h5ad", "screen.fasta", "screen.truth.tsv"] {
        assert!(stderr.contains(file) && folder.join(file).is_file(), "{file}: {stderr}");
    }
    let found = inspected(&folder);
    assert_eq!((&found["label_kind"], &found["control"]), (&"variants".into(), &"WT".into()));

    let (text, _) = done(&folder, &["inspect", "screen.h5ad", "--reference", "screen.fasta"]);
    for word in [" by protein and screen.fasta", "--hold-out position:0.2"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    fs::write(folder.join("other.fasta"), ">ANOTHER\nMKV\n").unwrap();
    let (text, _) = done(&folder, &["inspect", "screen.h5ad", "--reference", "other.fasta"]);
    assert!(text.contains("0 of ") && text.contains("ANOTHER"), "{text}");

    let screen = read(&folder);
    assert_eq!(screen.format().kind, LabelKind::Variants);
    let fasta = fs::read_to_string(folder.join("screen.fasta")).unwrap();
    let (header, sequence) = fasta.split_once('\n').unwrap();
    let gene = header.trim_start_matches('>').split_whitespace().next().unwrap();
    let sequence: Vec<char> = sequence.chars().filter(|c| !c.is_whitespace()).collect();
    let substitution = |label: &str| {
        let variant: Variant = label.parse().unwrap();
        assert_eq!(variant.gene(), Some(gene));
        variant.substitutions()[0]
    };
    let population = screen.population();
    for p in population.perturbations().iter().filter(|p| !p.is_control()) {
        let of = substitution(p.label());
        assert_eq!(sequence[of.position().get() as usize - 1], of.from().letter(), "{p}");
    }

    let split = SplitConfig::new("position:0.3".parse().unwrap(), 0).split(population).unwrap();
    let position = |label: &String| substitution(label).position();
    let tested: BTreeSet<_> = split.test.iter().map(position).collect();
    let changed = |label: &&String| *label != "WT" && !substitution(label).is_synonymous();
    let trained: BTreeSet<_> = split.train.iter().filter(changed).map(position).collect();
    assert!(!tested.is_empty() && !trained.is_empty() && tested.is_disjoint(&trained));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_too_much_is_refused() {
    for (kind, shown) in [("drugs", "screen.smiles.tsv"), ("variants", "screen.fasta")] {
        let (one, two) = (scratch(&format!("{kind} one")), scratch(&format!("{kind} two")));
        simulated(&one, kind);
        simulated(&two, kind);
        for file in ["screen.h5ad", shown, "screen.truth.tsv"] {
            let bytes = |folder: &Path| fs::read(folder.join(file)).unwrap();
            assert!(bytes(&one) == bytes(&two), "{kind}: {file}");
        }
        let many = ["simulate", "--kind", kind, "-o", "many.h5ad", "--perturbations", "4000000000"];
        let output = pert(&one, &many);
        let (_, stderr) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("n_perturbations") && stderr.contains("at most"), "{stderr}");
        assert!(!one.join("many.h5ad").exists());
    }
}
