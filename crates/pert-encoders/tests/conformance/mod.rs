//! What every encoder of targets must keep to, whatever it is inside.

use pert_core::{LabelFormat, LabelKind, Perturbation};
use pert_encoders::{Cached, TargetEncoder};

/// Runs every check.
///
/// `targets` are at least three that the encoder knows, in canonical spelling; `unknown` is one that it does not know.
pub fn assert_conforms(
    encoder: &dyn TargetEncoder,
    targets: &[&str],
    unknown: &str,
    kind: LabelKind,
) {
    assert!(targets.len() >= 3, "three targets make a batch");
    the_same_targets_give_the_same_bits(encoder, targets);
    rows_do_not_see_each_other(encoder, targets);
    what_cannot_be_encoded_is_an_error_that_names_it(encoder, targets, unknown);
    kept_rows_are_those_encoded_anew(encoder, targets, unknown);
    sets_have_no_order_and_control_is_zero(encoder, targets, kind);
}

fn encode(encoder: &dyn TargetEncoder, targets: &[&str]) -> Vec<f64> {
    let rows = encoder.encode_targets(targets).unwrap_or_else(|e| panic!("{targets:?}: {e}"));
    assert_eq!(rows.len(), targets.len() * encoder.dim(), "{targets:?} against dim");
    assert!(rows.iter().all(|value| value.is_finite()), "{targets:?}: not finite");
    rows
}

fn bits(rows: &[f64]) -> Vec<u64> {
    rows.iter().map(|value| value.to_bits()).collect()
}

fn the_same_targets_give_the_same_bits(encoder: &dyn TargetEncoder, targets: &[&str]) {
    assert!(encoder.dim() > 0, "an encoder has a width");
    let rows = encode(encoder, targets);
    assert_eq!(bits(&rows), bits(&encode(encoder, targets)));
    assert!(rows.chunks(encoder.dim()).any(|row| row != &rows[..encoder.dim()]), "all rows alike");
    assert!(encode(encoder, &[]).is_empty());
}

fn rows_do_not_see_each_other(encoder: &dyn TargetEncoder, targets: &[&str]) {
    let dim = encoder.dim();
    let all = encode(encoder, targets);
    for (target, row) in targets.iter().zip(all.chunks(dim)) {
        assert_eq!(bits(&encode(encoder, &[target])), bits(row), "{target} alone");
    }
    let backwards: Vec<&str> = targets.iter().rev().copied().collect();
    let reversed = encode(encoder, &backwards);
    for (row, other) in all.chunks(dim).zip(reversed.chunks(dim).rev()) {
        assert_eq!(bits(row), bits(other), "in another order");
    }
    let twice = encode(encoder, &[targets[0], targets[1], targets[0]]);
    assert_eq!(bits(&twice[..dim]), bits(&twice[2 * dim..]), "{} twice", targets[0]);
}

fn what_cannot_be_encoded_is_an_error_that_names_it(
    encoder: &dyn TargetEncoder,
    targets: &[&str],
    unknown: &str,
) {
    for target in targets {
        assert!(encoder.check_target(target).is_ok(), "{target} can be encoded");
    }
    let errors = [
        encoder.check_target(unknown).map(|()| Vec::new()),
        encoder.encode_targets(&[unknown]),
        encoder.encode_targets(&[targets[0], unknown]),
    ];
    for result in errors {
        let Err(error) = result else { panic!("{unknown} is encoded") };
        assert!(error.to_string().contains(unknown), "{unknown:?} is not named: {error}");
    }
}

fn kept_rows_are_those_encoded_anew(encoder: &dyn TargetEncoder, targets: &[&str], unknown: &str) {
    let cached = Cached::new(Borrowed(encoder));
    assert_eq!(cached.dim(), encoder.dim());
    for _ in 0..2 {
        assert_eq!(bits(&encode(&cached, targets)), bits(&encode(encoder, targets)));
        assert!(cached.encode_targets(&[targets[0], unknown]).is_err(), "an error is not kept");
    }
}

fn sets_have_no_order_and_control_is_zero(
    encoder: &dyn TargetEncoder,
    targets: &[&str],
    kind: LabelKind,
) {
    let format = LabelFormat { kind, ..LabelFormat::default() };
    let parse = |label: &str| Perturbation::parse(label, &format).expect("a label");
    let (a, b) = (targets[0], targets[1]);
    let [ab, ba] = [format!("{a}+{b}"), format!("{b}+{a}")].map(|label| parse(&label));
    assert_eq!(ab.targets().len(), 2, "{a} and {b} are two targets");
    let (control, single) = (parse("control"), parse(targets[2]));
    let sets = encoder.encode_sets(&[&ab, &control, &single, &ba]).expect("known targets");
    let (dim, sums) = (encoder.dim(), sets.sum());
    assert_eq!((sets.n, sets.dim, sets.n_tokens), (4, dim, 2));
    assert_eq!(sets.is_token, [true, true, false, false, true, false, true, true]);
    assert_eq!(bits(&sums[..dim]), bits(&sums[3 * dim..]), "{a} and {b} in another order");
    assert!(sums[dim..2 * dim].iter().all(|&value| value == 0.0), "control is zero");
    assert_eq!(bits(&sums[2 * dim..3 * dim]), bits(&encode(encoder, &[targets[2]])));
    let alone = encoder.encode_sets(&[&ab]).expect("known targets");
    assert_eq!(bits(&alone.sum()), bits(&sums[..dim]), "the same without others beside it");
}

struct Borrowed<'a>(&'a dyn TargetEncoder);

impl TargetEncoder for Borrowed<'_> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, pert_encoders::Error> {
        self.0.encode_targets(targets)
    }

    fn check_target(&self, target: &str) -> Result<(), pert_encoders::Error> {
        self.0.check_target(target)
    }
}
