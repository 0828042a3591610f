//! `pert encode` and `pert pretrain smiles`: rows, refusals, and files that are whole or not there.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{done, pert, scratch, texts, tree};
use pert_prior::encoders::{FeatureTable, MorganFingerprint, SaltRule};

const ASPIRIN: &str = "CC(=O)Oc1ccccc1C(=O)O";
const KRAS: &str = ">KRAS\nMTEYKLVVVGAGGVGKSALTIQLIQNHF\n";

/// A tiny network of the tests of pert-encoders.
fn network_folder(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.join("../pert-encoders/tests/golden").join(name).display().to_string()
}

fn workplace(name: &str) -> PathBuf {
    let folder = scratch(name);
    fs::write(folder.join("kras.fasta"), KRAS).unwrap();
    let features = "gene\tx\ty\nKLF1\t1\t4\nMYC\t2\t8\nSPI1\t6\t0\n";
    fs::write(folder.join("features.tsv"), features).unwrap();
    folder
}

fn encode<'a>(encoder: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["encode", "--encoder", encoder], more].concat()
}

/// Header and rows of a written table.
fn rows(path: &Path) -> (Vec<String>, Vec<(String, Vec<f32>)>) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap().into_iter().map(str::to_owned).collect();
    let row = |cells: Vec<&str>| {
        let values = cells[1..].iter().map(|cell| cell.parse().unwrap()).collect();
        (cells[0].to_owned(), values)
    };
    (header, lines.map(row).collect())
}

/// Runs `pert`, which must refuse in one line and leave nothing.
fn refused(folder: &Path, args: &[&str], words: &[&str]) {
    let before = tree(folder);
    let output = pert(folder, args);
    let (stdout, stderr) = texts(&output);
    assert_eq!((output.status.code(), stdout.as_str()), (Some(1), ""), "{args:?}\n{stderr}");
    let message = stderr.split_once("error: ").map_or("", |(_, message)| message);
    assert_eq!(message.trim_end().lines().count(), 1, "{stderr}");
    for word in words {
        assert!(message.contains(word), "{args:?}: {word:?} is not in {stderr}");
    }
    assert!(tree(folder) == before, "{args:?} left something");
}

#[test]
fn a_molecule_becomes_its_morgan_bits_and_its_dose() {
    let folder = workplace("molecules");
    done(&folder, &encode("smiles", &["-p", ASPIRIN, "-p", "CCO", "-o", "o.tsv"]));
    let (header, found) = rows(&folder.join("o.tsv"));
    assert_eq!((header.len(), header[0].as_str(), found.len()), (2049, "perturbation", 2));
    let expected = MorganFingerprint::parse(ASPIRIN, SaltRule::LargestPart).unwrap();
    let on: Vec<usize> = (0..2048).filter(|&bit| found[0].1[bit] == 1.0).collect();
    assert_eq!((found[0].0.as_str(), on), (ASPIRIN, expected.on_bits().collect::<Vec<_>>()));

    fs::write(folder.join("drugs.tsv"), format!("drug\tsmiles\naspirin\t{ASPIRIN}\n")).unwrap();
    let named = ["-p", "aspirin_1uM", "-p", "control", "--smiles", "drugs.tsv", "-o", "o.tsv"];
    done(&folder, &encode("smiles", &named));
    let (header, found) = rows(&folder.join("o.tsv"));
    assert_eq!(header.last().unwrap(), "log1p_dose_nM");
    assert_eq!(found[0].1[2048], 1001f32.ln());
    assert!(found[1].1.iter().all(|v| *v == 0.0));
}

#[test]
fn what_is_invalid_is_an_error_or_skipped_and_listed() {
    let folder = workplace("invalid");
    let table = "perturbation\tsmiles\na_1uM\tCCO\nb_1uM\tc1cccc1\na_1uM\tCCN\nc\tCCC\n\td\n";
    fs::write(folder.join("wanted.tsv"), table).unwrap();
    let wanted = ["--perturbations", "wanted.tsv", "-o", "o.tsv"];
    let words = [
        "4 of 5",
        "line 3, \"b_1uM\"",
        "at byte 1",
        "line 4, \"a_1uM\": it stands in line 2 already",
        "and 1 more",
        "--on-invalid skip",
    ];
    refused(&folder, &encode("smiles", &wanted), &words);
    let (stdout, stderr) =
        done(&folder, &encode("smiles", &[&wanted[..], &["--on-invalid", "skip"]].concat()));
    assert_eq!(stdout, "o.tsv: 1 perturbations × 2049 numbers, 4 skipped\n");
    for words in ["line 3, \"b_1uM\"", "line 4", "has no dose", "line 6, \"\": the label is empty"]
    {
        assert!(stderr.contains(words), "{words}: {stderr}");
    }
    let one = |label: &'static str| encode("smiles", &["-p", label, "-o", "p.tsv"]);
    refused(&folder, &one(""), &["the label is empty"]);
    refused(&folder, &one("C(C"), &["\"C(C\"", "at byte"]);
    let long = "C".repeat(100_000);
    refused(&folder, &encode("smiles", &["-p", &long, "-o", "p.tsv"]), &["100000 bytes", "…"]);
    let twice = encode("smiles", &["-p", "CCO", "-p", "CCO", "-o", "p.tsv"]);
    refused(&folder, &twice, &["asked for already, as number 1"]);
    // With nothing left there is nothing to write.
    let none = encode("smiles", &["-p", "C(C", "--on-invalid", "skip", "-o", "p.tsv"]);
    refused(&folder, &none, &["C(C"]);
    refused(&folder, &encode("smiles", &["-p", "C", "-o", "p.csv"]), &[".tsv or .npz"]);
}

#[test]
fn gene_sets_are_sums_in_any_order_and_unknown_genes_have_neighbours() {
    let folder = workplace("genes");
    let given = ["--features", "features.tsv", "-o", "o.tsv"];
    let asked = ["-p", "KLF1+MYC", "-p", "KLF1", "-p", "MYC", "-p", "control"];
    for encoder in ["gene-set", "table"] {
        done(&folder, &encode(encoder, &[&asked[..], &given].concat()));
        let (_, found) = rows(&folder.join("o.tsv"));
        for i in 0..2 {
            let sum = found[1].1[i] + found[2].1[i];
            assert!((found[0].1[i] - sum).abs() < 1e-6, "{encoder}");
            assert_eq!(found[3].1[i], 0.0);
        }
        let (before, swapped) = (found, ["-p", "MYC+KLF1"]);
        done(&folder, &encode(encoder, &[&swapped[..], &given].concat()));
        assert_eq!(rows(&folder.join("o.tsv")).1[0].1, before[0].1);
    }
    fs::remove_file(folder.join("o.tsv")).unwrap();
    let twice = [&["-p", "KLF1+MYC", "-p", "MYC+KLF1"], &given[..]].concat();
    refused(&folder, &encode("table", &twice), &["\"MYC+KLF1\"", "as number 1"]);
    let unknown = [&["-p", "KLF2"], &given[..]].concat();
    refused(&folder, &encode("gene-set", &unknown), &["KLF2", "nearest names: KLF1"]);
    refused(&folder, &encode("gene-set", &["-p", "A", "-o", "o.tsv"]), &["--features TABLE"]);
    let other = [&["-p", "KLF1", "--reference", "kras.fasta"], &given[..]].concat();
    refused(&folder, &encode("table", &other), &["does not read --reference"]);
}

#[test]
fn variants_have_rows_with_and_without_a_network() {
    let folder = workplace("variants");
    let given = ["--reference", "kras.fasta", "-o", "o.tsv"];
    let asked = ["-p", "KRAS p.Gly12Asp", "-p", "G13D", "-p", "KRAS_G12="];
    done(&folder, &encode("protein", &[&asked[..], &given].concat()));
    let (header, found) = rows(&folder.join("o.tsv"));
    assert_eq!((header[2].as_str(), found[0].1[1]), ("blosum62_loss", 7.0 / 4.0));
    assert!(found[2].1.iter().all(|v| *v == 0.0));
    fs::remove_file(folder.join("o.tsv")).unwrap();
    for (label, words) in [
        ("KRAS_A12D", &["has G (Gly) at position 12, not A (Ala)"][..]),
        ("KRAX_G12D", &["KRAX", "nearest names: KRAS"]),
        ("KRAS_G99D", &["behind the last residue, 28"]),
        ("KRAS", &["KRAS"]),
    ] {
        refused(&folder, &encode("protein", &[&["-p", label], &given[..]].concat()), words);
    }

    // UniProt's names hold the sign that joins a gene and its substitution.
    fs::write(folder.join("short.fasta"), ">RASK_HUMAN\nMTE\n").unwrap();
    let named =
        ["--all-substitutions", "RASK_HUMAN", "--reference", "short.fasta", "-o", "short.tsv"];
    done(&folder, &encode("protein", &named));
    let (_, found) = rows(&folder.join("short.tsv"));
    assert_eq!((found.len(), found[0].0.as_str()), (57, "RASK_HUMAN:M1A"));

    let weights = network_folder("esm2/masked_lm");
    let all = ["--all-substitutions", "KRAS", "--reference", "kras.fasta"];
    let network = [&all[..], &["--weights", &weights, "-o", "kras.npz"]].concat();
    let (stdout, _) = done(&folder, &encode("protein", &network));
    assert!(stdout.starts_with("kras.npz: 532 perturbations"), "{stdout}"); // 28 residues × 19
    assert!(folder.join("kras.cache").is_dir());
    let first = fs::read(folder.join("kras.npz")).unwrap();
    let table = FeatureTable::read(folder.join("kras.npz")).unwrap();
    assert_eq!((table.genes().len(), table.genes()[0].as_str()), (532, "KRAS_M1A"));
    assert!(table.columns().contains(&"log_likelihood_ratio".to_owned()));
    done(&folder, &encode("protein", &network));
    assert!(first == fs::read(folder.join("kras.npz")).unwrap(), "rows of the cache differ");
    let gene = ["--all-substitutions", "KRSA", "--reference", "kras.fasta", "-o", "o.tsv"];
    refused(&folder, &encode("protein", &gene), &["KRSA", "nearest names: KRAS"]);
    let none = ["-p", "KRAS_G12D", "--weights", "none", "--reference", "kras.fasta", "-o", "o.tsv"];
    refused(&folder, &encode("protein", &none), &["none/config.json"]);
    let other = network_folder("roberta/pairs");
    let given =
        ["-p", "KRAS_G12D", "--reference", "kras.fasta", "--weights", &other, "-o", "o.tsv"];
    let words = ["model_type must be \"esm\", found \"roberta\""];
    refused(&folder, &encode("protein", &given), &words);
}

#[test]
fn a_network_trained_on_molecules_encodes_molecules() {
    let folder = workplace("pretrain");
    let molecules: Vec<String> = (1..40)
        .flat_map(|n| [format!("{}O", "C".repeat(n)), format!("{}N", "C".repeat(n))])
        .collect();
    fs::write(folder.join("corpus.txt"), molecules.join("\n") + "\nc1cccc1\n").unwrap();
    let train = ["pretrain", "smiles", "--corpus", "corpus.txt", "--steps", "3", "-o", "network"];
    let (stdout, stderr) = done(&folder, &train);
    assert!(stdout.contains("held out (3 molecules)") && stdout.contains("drawn"), "{stdout}");
    assert!(stderr.contains("1 texts are no molecule"), "{stderr}");
    let before = tree(&folder.join("network"));
    done(&folder, &train);
    assert!(before == tree(&folder.join("network")), "the same seed gives the same bytes");
    let given = ["--weights", "network", "-o", "o.tsv"];
    done(&folder, &encode("smiles", &[&["-p", "CCO", "-p", "OCC"], &given[..]].concat()));
    let (header, found) = rows(&folder.join("o.tsv"));
    assert_eq!((header.len(), &found[0].1), (129, &found[1].1));
    fs::remove_file(folder.join("o.tsv")).unwrap();
    refused(
        &folder,
        &encode("smiles", &[&["-p", "CCS"], &given[..]].concat()),
        &["\"S\" at byte 3"],
    );
    let path = folder.join("network/smiles_vae.safetensors");
    fs::write(&path, &fs::read(&path).unwrap()[..100]).unwrap();
    let damaged = encode("smiles", &[&["-p", "CCO"], &given[..]].concat());
    refused(&folder, &damaged, &["smiles_vae.safetensors", "pert pretrain smiles"]);
    fs::write(folder.join("empty.txt"), "c1cccc1\n").unwrap();
    let empty = ["pretrain", "smiles", "--corpus", "empty.txt", "-o", "other"];
    refused(&folder, &empty, &["no molecules to learn from"]);
}

#[test]
fn a_chemical_language_model_encodes_molecules() {
    let folder = workplace("roberta");
    let drugs = format!("drug\tsmiles\naspirin\t{ASPIRIN}\nethanol\tCCO\nbad\tc1cccc1\n");
    fs::write(folder.join("drugs.tsv"), drugs).unwrap();
    for (name, width, lacks) in [("roberta/pairs", 32, "4 5 6 7"), ("roberta/letters", 36, "+ 5 6")]
    {
        let weights = network_folder(name);
        let given = ["--weights", &weights, "-o", "o.tsv"];
        let asked = ["-p", ASPIRIN, "-p", "OC(=O)c1ccccc1OC(C)=O", "-p", "CCO"];
        let (_, stderr) = done(&folder, &encode("smiles", &[&asked[..], &given].concat()));
        assert!(stderr.contains(&format!("{name} has no token for {lacks}")), "{stderr}");
        let (header, plain) = rows(&folder.join("o.tsv"));
        assert_eq!((header.len(), header[1].as_str()), (width + 1, "state_0"));
        assert_eq!(plain[0].1, plain[1].1, "two spellings");
        assert_ne!(plain[0].1, plain[2].1);

        let named = ["-p", "ethanol_1uM", "-p", "aspirin_1uM+ethanol_1uM", "--smiles", "drugs.tsv"];
        done(&folder, &encode("smiles", &[&named[..], &given].concat()));
        let (header, dosed) = rows(&folder.join("o.tsv"));
        assert_eq!((header.len(), &dosed[0].1[..width]), (width + 2, &plain[2].1[..]));
        for i in 0..width {
            assert_eq!(dosed[1].1[i], plain[0].1[i] + plain[2].1[i]);
        }
        fs::remove_file(folder.join("o.tsv")).unwrap();
    }
    let weights = network_folder("roberta/letters");
    let refuse = |label: &str, words: &[&str]| {
        let given = ["-p", label, "--weights", &weights, "-o", "o.tsv"];
        refused(&folder, &encode("smiles", &given), words);
    };
    refuse("C1CC", &["ring 1 is opened"]);
    refuse(&"C".repeat(62), &["62 tokens", "61 at most"]);
    refuse(&"C".repeat(100_000), &["100000 bytes"]);
    refuse("", &["the label is empty"]);
    // What config.json says it is decides, not the flag.
    let weights = network_folder("esm2/model");
    let other = ["-p", "CCO", "--weights", &weights, "-o", "o.tsv"];
    refused(&folder, &encode("smiles", &other), &["model_type must be \"roberta\", found \"esm\""]);
    let none = ["-p", "CCO", "--weights", "drugs.tsv", "-o", "o.tsv"];
    refused(&folder, &encode("smiles", &none), &["pert pretrain smiles", "ChemBERTa"]);
}
