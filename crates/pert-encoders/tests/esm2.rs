//! ESM-2 against `transformers`, and the laws of the encoder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use pert_encoders::{
    Esm2, Esm2Encoder, Esm2EncoderConfig, Esm2Part, Esm2Progress, Marginal, PretrainedError,
    ProteinError, ProteinReferences, ProteinSequence, TargetEncoder,
};
use pert_testkit::golden;

#[derive(serde::Deserialize)]
struct Golden {
    vocabulary: Vec<String>,
    proteins: BTreeMap<String, String>,
    /// The token of KRAS that is masked in some cases.
    masked: usize,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    folder: String,
    masked: bool,
    /// Positions whose states and logits follow, of TP53 and KRAS.
    rows: Vec<Vec<usize>>,
    states: Vec<Vec<Vec<f32>>>,
    mean: Vec<Vec<f64>>,
    logits: Option<Vec<Vec<Vec<f32>>>>,
}

/// What the networks are held to: hidden states, logits and means of them are of size 1.
const TOLERANCE: f64 = 1e-4;

fn expected() -> Golden {
    golden(env!("CARGO_MANIFEST_DIR"), "esm2")
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/esm2").join(name)
}

fn model(name: &str) -> Esm2 {
    Esm2::load(folder(name), &Device::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn largest_difference<'a>(
    a: impl IntoIterator<Item = &'a f32>,
    b: impl IntoIterator<Item = &'a f32>,
) -> f64 {
    let (a, b): (Vec<_>, Vec<_>) = (a.into_iter().collect(), b.into_iter().collect());
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| f64::from(**a - **b).abs()).fold(0.0, f64::max)
}

#[test]
fn states_and_logits_match_transformers() {
    let golden = expected();
    let names = ["TP53", "KRAS"];
    for case in &golden.cases {
        let model = model(&case.folder);
        let d = model.width();
        let mut tokens: Vec<Vec<u8>> =
            names.iter().map(|name| Esm2::tokens(golden.proteins[*name].as_bytes())).collect();
        if case.masked {
            let mask = golden.vocabulary.iter().position(|t| t == "<mask>").unwrap();
            tokens[1][golden.masked] = u8::try_from(mask).unwrap();
        }
        let longest = tokens[0].len();
        let states = model.forward(&tokens); // KRAS is padded to TP53
        let logits = model.logits(states.clone().reshape([2 * longest, d]));
        let states: Vec<f32> = states.into_data().try_into_vec().unwrap();
        let logits: Option<Vec<f32>> = logits.map(|l| l.into_data().try_into_vec().unwrap());
        assert_eq!(logits.is_some(), case.logits.is_some());
        for (i, rows) in case.rows.iter().enumerate() {
            for (r, row) in rows.iter().enumerate() {
                let at = i * longest + row;
                let what = format!("{} {} position {row}", case.folder, names[i]);
                let off = largest_difference(&states[at * d..][..d], &case.states[i][r]);
                assert!(off < TOLERANCE, "{what}: states {off}");
                if let (Some(found), Some(expected)) = (&logits, &case.logits) {
                    let n = golden.vocabulary.len();
                    let off = largest_difference(&found[at * n..][..n], &expected[i][r]);
                    assert!(off < TOLERANCE, "{what}: logits {off}");
                }
            }
            if !case.masked {
                let protein = ProteinSequence::parse(names[i], &golden.proteins[names[i]]).unwrap();
                let alone = model.residue_states(&protein).unwrap();
                assert_eq!(alone.len(), protein.len() * d);
                let mean = model.mean(&alone);
                let off = mean.iter().zip(&case.mean[i]).map(|(a, b)| (a - b).abs());
                assert!(off.fold(0.0, f64::max) < TOLERANCE, "{} {}: mean", case.folder, names[i]);
            }
        }
    }
}

#[test]
fn letters_have_the_tokens_of_transformers() {
    for (i, token) in expected().vocabulary.iter().enumerate() {
        if let [letter] = token.as_bytes()
            && letter.is_ascii_alphabetic()
        {
            assert_eq!(usize::from(Esm2::tokens(&[*letter])[1]), i, "{token}");
        }
    }
    assert_eq!(Esm2::tokens(b""), [0, 2]);
}

/// A copy of a golden folder, its configuration edited.
fn edited(name: &str, edit: impl Fn(String) -> String) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(folder(name).join("config.json")).unwrap();
    fs::write(copy.path().join("config.json"), edit(text)).unwrap();
    fs::copy(folder(name).join("model.safetensors"), copy.path().join("model.safetensors"))
        .unwrap();
    copy
}

fn references() -> ProteinReferences {
    let fasta: String =
        expected().proteins.iter().map(|(name, letters)| format!(">{name}\n{letters}\n")).collect();
    ProteinReferences::from_fasta(fasta.as_bytes()).unwrap()
}

fn encoder(parts: &[Esm2Part], marginal: Marginal) -> Esm2Encoder {
    let config = Esm2EncoderConfig { parts: parts.to_vec(), marginal };
    Esm2Encoder::new(model("masked_lm"), references(), config).unwrap()
}

use Esm2Part::{LogLikelihoodRatio, Lost, Mean, MeanDifference, SiteDifference};

#[test]
fn rows_are_differences_to_the_wild_type() {
    let model = model("masked_lm");
    let d = model.width();
    let references = references();
    let states = |sequence: &ProteinSequence| model.residue_states(sequence).unwrap();
    let wild = states(references.get("KRAS").unwrap());
    let mutant = references.apply(&"KRAS_G12D_Q61H".parse().unwrap()).unwrap();
    let mutated = states(mutant.sequence());
    let row = encoder(&[SiteDifference, MeanDifference, Mean, Lost], Marginal::WildType)
        .encode_targets(&["KRAS_Q61H_G12D"])
        .unwrap();
    let (wild_mean, mutant_mean) = (model.mean(&wild), model.mean(&mutated));
    for i in 0..d {
        let at = |position: usize| {
            f64::from(mutated[(position - 1) * d + i] - wild[(position - 1) * d + i])
        };
        // Rows are stored in f32.
        assert!((row[i] - 0.5 * (at(12) + at(61))).abs() < 1e-6);
        assert!((row[d + i] - (mutant_mean[i] - wild_mean[i])).abs() < 1e-6);
        assert!((row[2 * d + i] - mutant_mean[i]).abs() < 1e-6);
    }
    assert_eq!(row[3 * d], 0.0);
    assert!(row[..d].iter().any(|v| v.abs() > 0.1), "a substitution changes its own state");
}

#[test]
fn likelihood_ratios_are_those_of_the_logits() {
    let golden = expected();
    let token = |letter: &str| golden.vocabulary.iter().position(|t| t == letter).unwrap();
    // Position 12 of KRAS is token 12; the masked case has it masked.
    let ratio = |masked: bool| -> f64 {
        let case = golden.cases.iter().find(|c| c.folder == "masked_lm" && c.masked == masked);
        let case = case.unwrap();
        let row = case.rows[1].iter().position(|r| *r == 12).unwrap();
        let logits = &case.logits.as_ref().unwrap()[1][row];
        f64::from(logits[token("D")] - logits[token("G")])
    };
    for (marginal, masked) in [(Marginal::WildType, false), (Marginal::Masked, true)] {
        let found =
            encoder(&[LogLikelihoodRatio], marginal).encode_targets(&["KRAS_G12D"]).unwrap();
        assert!((found[0] - ratio(masked)).abs() < TOLERANCE, "{marginal:?}: {}", found[0]);
    }
    assert!((ratio(true) - ratio(false)).abs() > 0.01, "the two marginals differ");
}

#[test]
fn synonymous_is_zero_and_a_stop_shortens() {
    let d = model("masked_lm").width();
    let encoder =
        encoder(&[SiteDifference, MeanDifference, LogLikelihoodRatio, Lost], Marginal::WildType);
    assert_eq!(encoder.dim(), 2 * d + 2);
    assert!(encoder.encode_targets(&["KRAS_G12="]).unwrap().iter().all(|v| *v == 0.0));
    let stop = encoder.encode_targets(&["KRAS_K5*"]).unwrap();
    assert!(stop[..d].iter().all(|v| *v == 0.0) && stop[2 * d] == 0.0);
    assert!(stop[d..2 * d].iter().any(|v| *v != 0.0));
    assert!((stop[2 * d + 1] - 184.0 / 188.0).abs() < 1e-6);
    let error = encoder.check_target("KRAS_M1*").unwrap_err().to_string();
    assert!(error.contains("KRAS_M1*") && error.contains("no residue"), "{error}");
    assert!(encoder.check_target("KRAS_G12D").is_ok());
}

#[test]
fn a_row_does_not_depend_on_what_stands_beside_it() {
    let encoder = encoder(&[SiteDifference, MeanDifference, LogLikelihoodRatio], Marginal::Masked);
    let labels = ["TP53_R175H", "KRAS_G12D", "TP53_R248Q_R175H", "KRAS_K5*", "TP53_R175H"];
    let together = encoder.encode_targets(&labels).unwrap();
    let alone: Vec<f64> =
        labels.iter().flat_map(|label| encoder.encode_targets(&[label]).unwrap()).collect();
    assert_eq!(together, alone);
    assert_eq!(
        encoder.encode_targets(&["TP53:p.[Arg175His;Arg248Gln]"]).unwrap(),
        together[2 * encoder.dim()..3 * encoder.dim()]
    );
}

#[test]
fn padding_changes_nothing() {
    let model = model("masked_lm");
    let d = model.width();
    let (long, short) = (Esm2::tokens(b"MTEYKLVVVGAGGVGKSALT"), Esm2::tokens(b"MEEPQSD"));
    let host =
        |rows: &[Vec<u8>]| -> Vec<f32> { model.forward(rows).into_data().try_into_vec().unwrap() };
    let together = host(&[long.clone(), short.clone()]);
    let alone = host(std::slice::from_ref(&short));
    let off = largest_difference(&together[long.len() * d..][..short.len() * d], &alone);
    assert!(off < 1e-5, "{off}");
}

#[test]
fn long_proteins_are_read_in_windows() {
    // 188 residues of KRAS in windows of 60: 0..60, 30..90, 60..120, 90..150, 120..180, 128..188.
    let copy = edited("masked_lm", |text| text.replace("1026", "64"));
    let model = Esm2::load(copy.path(), &Device::default()).unwrap();
    let d = model.width();
    let references = references();
    let kras = references.get("KRAS").unwrap();
    let found = model.residue_states(kras).unwrap();
    assert_eq!(found.len(), kras.len() * d);
    // Residue 100 (from 0) is owned by 60..120: the next window begins to own at (90 + 120) / 2.
    let window = ProteinSequence::parse("window", &kras.to_string()[60..120]).unwrap();
    let alone = model.residue_states(&window).unwrap();
    assert_eq!(found[100 * d..101 * d], alone[40 * d..41 * d]);

    let parts = vec![SiteDifference, MeanDifference, LogLikelihoodRatio];
    let config = Esm2EncoderConfig { parts, marginal: Marginal::Masked };
    let encoder = Esm2Encoder::new(model, references.clone(), config).unwrap();
    let row = encoder.encode_targets(&["KRAS_G12D"]).unwrap();
    // Against all windows of the mutant, though only those that hold the change were computed.
    let mutant = references.apply(&"KRAS_G12D".parse().unwrap()).unwrap();
    let mutated = encoder.model().residue_states(mutant.sequence()).unwrap();
    let (wild_mean, mutant_mean) = (encoder.model().mean(&found), encoder.model().mean(&mutated));
    for i in 0..d {
        assert!((row[i] - f64::from(mutated[11 * d + i] - found[11 * d + i])).abs() < 1e-6);
        assert!((row[d + i] - (mutant_mean[i] - wild_mean[i])).abs() < 1e-6);
    }
    assert!(row[2 * d].is_finite() && row[2 * d] != 0.0);
    assert!(encoder.encode_targets(&["KRAS_G12D_K180N", "KRAS_K180*"]).is_ok());
}

#[test]
fn a_run_goes_on_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let made = || {
        encoder(&[SiteDifference, LogLikelihoodRatio], Marginal::WildType).with_cache(folder.path())
    };
    let run = |labels: &[&str]| -> (Vec<f64>, Vec<Esm2Progress>) {
        let mut seen = Vec::new();
        let rows = made().encode(labels, &mut |progress| seen.push(progress)).unwrap();
        (rows, seen)
    };
    let (first, seen) = run(&["KRAS_G12D", "KRAS_G12V", "KRAS_G12D"]);
    assert_eq!(seen.first(), Some(&Esm2Progress { done: 0, cached: 0, total: 2 }));
    assert_eq!(seen.last(), Some(&Esm2Progress { done: 2, cached: 0, total: 2 }));
    let (second, seen) = run(&["KRAS_G12D", "KRAS_G12V", "KRAS_G13D"]);
    assert_eq!(seen.first(), Some(&Esm2Progress { done: 2, cached: 2, total: 3 }));
    let both = 2 * made().dim();
    assert_eq!(first[..both], second[..both]);
    let uncached = encoder(&[SiteDifference, LogLikelihoodRatio], Marginal::WildType);
    assert_eq!(uncached.encode_targets(&["KRAS_G12D", "KRAS_G12V"]).unwrap(), second[..both]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    // Another setting has a file of its own.
    let other = encoder(&[SiteDifference, LogLikelihoodRatio], Marginal::Masked);
    other.with_cache(folder.path()).encode_targets(&["KRAS_G12D"]).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_network_without_head_has_no_likelihoods() {
    let config = Esm2EncoderConfig::default();
    let error = Esm2Encoder::new(model("model"), references(), config).unwrap_err();
    assert!(matches!(error, ProteinError::NoLanguageModel { .. }));
    let config = Esm2EncoderConfig { parts: vec![MeanDifference], ..Default::default() };
    let encoder = Esm2Encoder::new(model("model"), references(), config).unwrap();
    assert_eq!(encoder.encode_targets(&["KRAS_G12D"]).unwrap().len(), 48);
    let config = Esm2EncoderConfig { parts: vec![], ..Default::default() };
    let error = Esm2Encoder::new(model("model"), references(), config).unwrap_err();
    assert!(matches!(error, ProteinError::NoParts));
}

#[test]
fn folders_that_do_not_fit_are_told_with_what_was_expected() {
    let refused = |folder: &Path| Esm2::load(folder, &Device::default()).unwrap_err();
    let message = refused(Path::new("/nowhere")).to_string();
    assert!(message.contains("/nowhere/config.json"), "{message}");

    let more_layers =
        edited("masked_lm", |t| t.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"));
    match refused(more_layers.path()) {
        PretrainedError::MissingTensor { name, expected, .. } => {
            assert_eq!(name, "encoder.layer.2.attention.LayerNorm.weight");
            assert_eq!(expected, [32]);
        }
        other => panic!("{other}"),
    }
    let narrower = edited("masked_lm", |t| {
        t.replace("\"intermediate_size\": 128", "\"intermediate_size\": 96")
    });
    match refused(narrower.path()) {
        PretrainedError::WrongTensor { name, expected, found, .. } => {
            assert_eq!(name, "esm.encoder.layer.0.intermediate.dense.weight");
            assert_eq!((expected, found), (vec![96, 32], vec![128, 32]));
        }
        other => panic!("{other}"),
    }
    // Sizes that would fill any memory: nothing is made before the file is seen to hold it.
    let huge = edited("masked_lm", |t| t.replace("\"hidden_size\": 32", "\"hidden_size\": 16384"));
    assert!(matches!(refused(huge.path()), PretrainedError::WrongTensor { .. }));

    let damaged = edited("model", |text| text);
    let path = damaged.path().join("model.safetensors");
    let good = fs::read(&path).unwrap();
    for length in [0, 7, 100, good.len() - 1] {
        fs::write(&path, &good[..length]).unwrap();
        assert!(matches!(refused(damaged.path()), PretrainedError::BadWeights { .. }), "{length}");
    }
    let mut nan = good.clone();
    let last = nan.len() - 4;
    nan[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(&path, &nan).unwrap();
    let message = refused(damaged.path()).to_string();
    assert!(message.contains("NaN") && message.contains("model.safetensors"), "{message}");
    fs::write(&path, b"version https://git-lfs.github.com/spec/v1").unwrap();
    assert!(refused(damaged.path()).to_string().contains("git lfs pull"));
    fs::remove_file(&path).unwrap();
    assert!(refused(damaged.path()).to_string().contains("model.safetensors"));
}
