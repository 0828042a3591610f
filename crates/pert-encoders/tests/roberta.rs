//! RoBERTa over SMILES against `transformers`, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use pert_encoders::{
    Error, InvalidDrug, MoleculeError, PretrainedError, Roberta, SaltRule, SmilesNetwork,
    SmilesNetworkEncoder, TargetEncoder,
};
use pert_testkit::golden;
use serde_json::{Value, json};

#[derive(serde::Deserialize)]
struct Golden {
    asked: Vec<String>,
    /// Texts for the tokenizer alone.
    drawn: Vec<String>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    folder: String,
    /// Tokens of the longest molecule, to which the others were padded.
    longest: usize,
    molecules: Vec<Expected>,
    /// Tokens of the drawn texts.
    drawn: Vec<Vec<u32>>,
}

#[derive(serde::Deserialize)]
struct Expected {
    tokens: Vec<u32>,
    /// Positions whose states follow.
    rows: Vec<usize>,
    states: Vec<Vec<f32>>,
    mean: Vec<f32>,
}

/// What the networks are held to: states and means of them are of size 1.
const TOLERANCE: f32 = 1e-4;

fn expected() -> Golden {
    golden(env!("CARGO_MANIFEST_DIR"), "roberta")
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/roberta").join(name)
}

fn model(name: &str) -> Roberta {
    load(&folder(name)).unwrap_or_else(|e| panic!("{e}"))
}

fn load(folder: &Path) -> Result<Roberta, PretrainedError> {
    Roberta::load(folder, &Device::default())
}

fn largest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn tokens_are_those_of_transformers() {
    let golden = expected();
    for case in &golden.cases {
        let model = model(&case.folder);
        for (smiles, molecule) in golden.asked.iter().zip(&case.molecules) {
            assert_eq!(model.tokens(smiles).unwrap(), molecule.tokens, "{} {smiles}", case.folder);
        }
        for (text, tokens) in golden.drawn.iter().zip(&case.drawn) {
            assert_eq!(&model.tokens(text).unwrap(), tokens, "{} {text}", case.folder);
        }
    }
}

#[test]
fn states_match_transformers_in_a_padded_batch_and_alone() {
    let golden = expected();
    let asked: Vec<&str> = golden.asked.iter().map(String::as_str).collect();
    for case in &golden.cases {
        let model = model(&case.folder);
        let d = model.width();
        let tokens: Vec<Vec<u32>> = case.molecules.iter().map(|m| m.tokens.clone()).collect();
        let batch = model.forward(&tokens);
        assert_eq!(batch.dims(), [asked.len(), case.longest, d]);
        let batch: Vec<f32> = batch.into_data().try_into_vec().unwrap();
        let alone = model.token_states(&asked).unwrap();
        let means = model.encode_smiles(&asked).unwrap();
        assert_eq!((alone.n, alone.dim, alone.n_tokens), (asked.len(), d, case.longest - 2));
        for (i, molecule) in case.molecules.iter().enumerate() {
            let what = format!("{} {}", case.folder, asked[i]);
            let n = molecule.tokens.len() - 2; // without the first and the last
            let is_token = &alone.is_token[i * alone.n_tokens..][..alone.n_tokens];
            assert!((0..alone.n_tokens).all(|t| is_token[t] == (t < n)), "{what}: mask");
            for (row, expected) in molecule.rows.iter().zip(&molecule.states) {
                let found = &batch[(i * case.longest + row) * d..][..d];
                let off = largest_difference(found, expected);
                assert!(off < TOLERANCE, "{what}, token {row}: {off}");
                if (1..=n).contains(row) {
                    let found = &alone.tokens[(i * alone.n_tokens + row - 1) * d..][..d];
                    let found: Vec<f32> = found.iter().map(|x| *x as f32).collect();
                    let off = largest_difference(&found, expected);
                    assert!(off < TOLERANCE, "{what}, token {row} alone: {off}");
                }
            }
            let off = largest_difference(&means[i * d..][..d], &molecule.mean);
            assert!(off < TOLERANCE, "{what}: mean {off}");
            let behind = (i * alone.n_tokens + n) * d..(i + 1) * alone.n_tokens * d;
            assert!(alone.tokens[behind].iter().all(|x| *x == 0.0), "{what}: padding is zero");
        }
    }
}

#[test]
fn a_molecule_has_one_row_whatever_its_spelling_and_salt() {
    let model = model("pairs");
    let drugs = [("a", "CC(=O)Oc1ccccc1C(=O)O"), ("b", "OC(=O)c1ccccc1OC(C)=O"), ("c", "CCO.Cl")];
    let encoder =
        SmilesNetworkEncoder::new(&model, drugs, SaltRule::LargestPart, InvalidDrug::Error)
            .unwrap();
    let rows = encoder.encode_targets(&["a", "b", "c"]).unwrap();
    let d = model.width();
    assert_eq!(rows[..d], rows[d..2 * d]);
    let canonical = model.encode_smiles(&["CC(=O)Oc1ccccc1C(=O)O", "CCO"]).unwrap();
    let canonical: Vec<f64> = canonical.into_iter().map(f64::from).collect();
    assert_eq!((&rows[..d], &rows[2 * d..]), (&canonical[..d], &canonical[d..]));
    let dosed = encoder.with_dose().encode_targets(&["a_1uM"]).unwrap();
    assert_eq!((dosed.len(), dosed[d]), (d + 1, 1001f64.ln()));
}

#[test]
fn what_a_network_cannot_read_is_named() {
    let (pairs, letters) = (model("pairs"), model("letters"));
    let long = "C".repeat(100_000);
    for (smiles, words) in [
        ("", "it is empty"),
        (long.as_str(), "of 100000 bytes; 2000 is the most"),
        ("CCé", "at byte 3, 'é' is in no SMILES"),
        ("C C", "at byte 2, ' '"),
    ] {
        let error = pairs.tokens(smiles).unwrap_err().to_string();
        assert!(error.contains(words) && error.len() < 500, "{error}");
    }
    // 65 positions, of which two are before the first token, less the first and the last one.
    assert_eq!(letters.config().longest(), 61);
    assert_eq!(letters.tokens(&"C".repeat(61)).unwrap().len(), 63);
    let error = letters.tokens(&"C".repeat(62)).unwrap_err();
    let counted = |e: &Error| match e {
        Error::Molecule(MoleculeError::TooManyTokens { found, longest, .. }) => (*found, *longest),
        other => panic!("{other}"),
    };
    assert_eq!(counted(&error), (62, 61));
    assert!(error.to_string().contains("62 tokens") && error.to_string().contains("61 at most"));
    let error = letters.canonical("[H+]", SaltRule::LargestPart).unwrap_err();
    assert!(error.to_string().contains("no token for any letter of \"[H+]\""), "{error}");
}

#[test]
fn letters_without_a_token_are_told() {
    let letters = model("letters");
    let remark = letters.remark().unwrap();
    assert!(remark.contains("no token for + 5 6 7 8 9 @ B H [ ] b l p r:"), "{remark}");
    assert!(remark.contains("left out"), "{remark}");
    // What is left out makes no difference, and that is what the remark is about.
    let rows = letters.encode_smiles(&["C[N+](C)(C)C", "CN(C)(C)C"]).unwrap();
    assert_eq!(rows[..letters.width()], rows[letters.width()..]);
    // A special token that is written out is letters, of which S has a token.
    assert_eq!(letters.tokens("[MASK]C").unwrap(), [3, 19, 7, 4]);
    let unknown = edited("letters", |_| (), |t| t["model"]["unk_token"] = json!("[UNK]"));
    let unknown = load(unknown.path()).unwrap();
    assert!(unknown.remark().unwrap().contains("read as one unknown token"));
    // [CLS] C [UNK] N [UNK] [UNK] C [SEP]
    assert_eq!(unknown.tokens("C[N+]C").unwrap(), [3, 7, 2, 14, 2, 2, 7, 4]);
}

/// A copy of a golden folder, its configuration and, where it has one, `tokenizer.json` edited.
fn edited(
    name: &str,
    config: impl Fn(&mut Value),
    tokenizer: impl Fn(&mut Value),
) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder(name)).unwrap() {
        let entry = entry.unwrap();
        fs::write(copy.path().join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
    }
    let edit = |file: &str, edit: &dyn Fn(&mut Value)| {
        let path = copy.path().join(file);
        if path.exists() {
            let mut value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            edit(&mut value);
            fs::write(&path, value.to_string()).unwrap();
        }
    };
    edit("config.json", &config);
    edit("tokenizer.json", &tokenizer);
    copy
}

#[test]
fn weights_that_do_not_fit_are_told_with_what_was_expected() {
    let message = load(Path::new("/nowhere")).unwrap_err().to_string();
    assert!(message.contains("/nowhere/config.json"), "{message}");
    let refused =
        |config: &dyn Fn(&mut Value)| load(edited("pairs", config, |_| ()).path()).unwrap_err();
    match refused(&|c| c["num_hidden_layers"] = json!(3)) {
        PretrainedError::MissingTensor { name, expected, .. } => {
            assert_eq!(name, "encoder.layer.2.attention.output.LayerNorm.weight");
            assert_eq!(expected, [32]);
        }
        other => panic!("{other}"),
    }
    match refused(&|c| c["max_position_embeddings"] = json!(514)) {
        PretrainedError::WrongTensor { name, expected, found, .. } => {
            assert_eq!(name, "roberta.embeddings.position_embeddings.weight");
            assert_eq!((expected, found), (vec![514, 32], vec![80, 32]));
        }
        other => panic!("{other}"),
    }
    // Sizes that would fill any memory: nothing is made before the file is seen to hold it.
    assert!(matches!(
        refused(&|c| {
            c["hidden_size"] = json!(16384);
            c["max_position_embeddings"] = json!(100_000);
        }),
        PretrainedError::WrongTensor { .. }
    ));
    let message = refused(&|c| c["model_type"] = json!("bert")).to_string();
    assert!(message.contains("model_type must be \"roberta\", found \"bert\""), "{message}");
    let message = refused(&|c| drop(c.as_object_mut().unwrap().remove("vocab_size"))).to_string();
    assert!(message.contains("missing field `vocab_size`"), "{message}");

    let copy = edited("letters", |_| (), |_| ());
    let path = copy.path().join("model.safetensors");
    let good = fs::read(&path).unwrap();
    for length in [0, 7, 100, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        let error = load(copy.path()).unwrap_err();
        assert!(matches!(error, PretrainedError::BadWeights { .. }), "{length}: {error}");
    }
    fs::remove_file(&path).unwrap();
    let message = load(copy.path()).unwrap_err().to_string();
    assert!(message.contains("cannot read") && message.contains("model.safetensors"), "{message}");
    fs::write(copy.path().join("pytorch_model.bin"), "pickle").unwrap();
    let message = load(copy.path()).unwrap_err().to_string();
    assert!(message.contains("pytorch_model.bin is a pickled program"), "{message}");
}

#[test]
fn tokenizers_of_other_kinds_are_refused() {
    let without = |part: &str| {
        let copy = edited("pairs", |_| (), |_| ());
        fs::remove_file(copy.path().join(part)).unwrap();
        copy
    };
    for part in ["vocab.json", "merges.txt"] {
        let message = load(without(part).path()).unwrap_err().to_string();
        assert!(message.contains("cannot read") && message.contains(part), "{message}");
    }
    let words = without("vocab.json");
    fs::write(words.path().join("vocab.txt"), "[PAD]\nC\n").unwrap();
    let message = load(words.path()).unwrap_err().to_string();
    assert!(message.contains("vocab.txt") && message.contains("SmilesTokenizer"), "{message}");

    let changed = |file: &str, text: &str| {
        let copy = edited("pairs", |_| (), |_| ());
        fs::write(copy.path().join(file), text).unwrap();
        load(copy.path()).unwrap_err().to_string()
    };
    for (file, text, words) in [
        ("merges.txt", "#version: 0.2\nc c\nc c c\n", "line 3: \"c c c\" is no pair"),
        ("merges.txt", "c q\n", "merge 1: \"q\" is not among the tokens"),
        ("vocab.json", "[1, 2]", "not an object of tokens"),
        ("special_tokens_map.json", "{\"cls_token\": 7}", "its cls_token is no text"),
        ("tokenizer_config.json", "{", "tokenizer_config.json"),
        ("tokenizer.json", "{}", "pre_tokenizer/type must be \"ByteLevel\", found null"),
    ] {
        let message = changed(file, text);
        assert!(message.contains(words) && message.contains(file), "{file}: {message}");
    }
    let message = changed("special_tokens_map.json", "{\"cls_token\": {\"content\": \"<x>\"}}");
    assert!(
        message.contains("vocab.json") && message.contains("the cls_token \"<x>\""),
        "{message}"
    );
    for (place, value, words) in [
        ("/model/type", json!("WordLevel"), "must be null or \"BPE\", found \"WordLevel\""),
        ("/pre_tokenizer/type", json!("Split"), "must be \"ByteLevel\", found \"Split\""),
        ("/pre_tokenizer/add_prefix_space", json!(true), "must be false, found true"),
        ("/normalizer", json!({"type": "Lowercase"}), "normalizer must be null"),
        ("/model/dropout", json!(0.1), "model/dropout must be null"),
        ("/post_processor/type", json!("TemplateProcessing"), "RobertaProcessing"),
        ("/post_processor/cls/1", json!(1u64 << 40), "post_processor/cls/1 is no number"),
        ("/model/vocab", json!({"C": -1}), "model: invalid value"),
        ("/model/merges", json!([["C", 1]]), "model: "),
        ("/model/merges", json!(["C C C"]), "merge 1: \"C C C\" is no pair"),
        ("/model/merges", json!(["C Q"]), "merge 1: \"Q\" is not among"),
        ("/model", json!("BPE"), "model: "),
        ("/model/unk_token", json!("?"), "unk_token \"?\" is not among"),
    ] {
        let copy = edited("letters", |_| (), |t| *t.pointer_mut(place).unwrap() = value.clone());
        let error = load(copy.path()).unwrap_err();
        assert!(matches!(error, PretrainedError::BadTokenizer { .. }), "{place}: {error}");
        let message = error.to_string();
        assert!(message.contains(words) && message.contains("tokenizer.json"), "{message}");
    }
    let more = edited("letters", |_| (), |t| t["model"]["vocab"]["Q"] = json!(1000));
    let message = load(more.path()).unwrap_err().to_string();
    assert!(message.contains("\"Q\" has number 1000, config.json a vocab_size of 40"), "{message}");
}
