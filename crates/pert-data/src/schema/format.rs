//! How the labels of a column are written.

use std::collections::HashSet;

use pert_core::{GuideSuffix, LabelFormat, LabelKind, Perturbation};

use super::control::guess_control;
use super::drugs::drug_evidence;
use super::guides::{Suffixes, suffixes};
use super::separator::guess_separator;
use crate::ReadOptions;

/// A value with the reason it was guessed for; without one it was given, or nothing spoke for another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Guess<T> {
    pub(crate) value: T,
    pub(crate) reason: Option<String>,
}

impl<T> Guess<T> {
    fn given(value: T) -> Self {
        Self { value, reason: None }
    }

    fn because(value: T, reason: impl Into<String>) -> Self {
        Self { value, reason: Some(reason.into()) }
    }
}

/// How the labels of a column are written, each with its reason.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FormatGuess {
    pub(crate) control: Option<Guess<String>>,
    pub(crate) separator: Guess<char>,
    pub(crate) kind: Guess<LabelKind>,
    pub(crate) guide_suffix: Guess<GuideSuffix>,
}

/// Separators that variants and drugs are never written with.
const SAFE_SEPARATORS: [char; 4] = ['+', '|', '/', '&'];

impl FormatGuess {
    /// What the options leave open, guessed from the labels that occur.
    pub(crate) fn of(
        labels: &[String],
        column: Option<&str>,
        genes: &HashSet<&str>,
        has_doses: bool,
        options: &ReadOptions,
    ) -> Self {
        let given_control = options.control.as_deref().map(str::trim);
        let variants = matches!(options.label_kind, None | Some(LabelKind::Variants))
            .then(|| variants(labels, options))
            .flatten();
        let separator = match (options.separator, &variants) {
            (Some(separator), _) => Guess::given(separator),
            (None, Some((separator, _))) => Guess::given(*separator),
            (None, None) => match guess_separator(labels, given_control, genes) {
                (separator, Some(example)) => {
                    Guess::because(separator, format!("as in {example:?}"))
                }
                (separator, None) => Guess::given(separator),
            },
        };
        let suffixes =
            suffixes(labels.iter().flat_map(|label| label.split(separator.value)).map(str::trim));
        // A first look at control; what the kind adds to it is taken off below.
        let plain_control = given_control.map(str::to_owned).or_else(|| {
            let kind = LabelKind::Drugs;
            guess_control(labels, separator.value, kind, GuideSuffix::Keep)
        });
        let kind = match (options.label_kind, variants) {
            (Some(kind), _) => Guess::given(kind),
            (None, Some((_, reason))) => Guess::because(LabelKind::Variants, reason),
            (None, None) if matches!(suffixes, Suffixes::Guides(_)) => {
                Guess::given(LabelKind::Genes)
            }
            (None, None) => drug_evidence(
                labels,
                column,
                plain_control.as_deref(),
                genes,
                has_doses,
                separator.value,
            )
            .map_or(Guess::given(LabelKind::Genes), |why| Guess::because(LabelKind::Drugs, why)),
        };
        let guide_suffix = match (options.guide_suffix, suffixes) {
            (Some(guide_suffix), _) => Guess::given(guide_suffix),
            (None, Suffixes::Guides(example)) if kind.value == LabelKind::Genes => Guess::because(
                GuideSuffix::Strip,
                format!("most labels end in one, and genes repeat, as in {example}"),
            ),
            _ => Guess::given(GuideSuffix::Keep),
        };
        let control = match given_control {
            Some(control) => Some(Guess::given(control.to_owned())),
            None => guess_control(labels, separator.value, kind.value, guide_suffix.value)
                .map(|control| Guess::because(control, "a usual name of unperturbed cells")),
        };
        let mut guess = Self { control, separator, kind, guide_suffix };
        // The `+` of (+)-JQ1 joins nothing.
        if guess.kind.value != LabelKind::Genes {
            let format = guess.format();
            let joined = labels.iter().find(|label| {
                Perturbation::parse(label, &format).is_ok_and(|p| p.targets().len() > 1)
            });
            if options.separator.is_none() {
                guess.separator.reason = joined.map(|label| format!("as in {label:?}"));
            }
        }
        guess
    }

    /// The format itself; where no label looks like control, the default one stands in.
    pub(crate) fn format(&self) -> LabelFormat {
        LabelFormat {
            control: match &self.control {
                Some(control) => control.value.clone(),
                None => LabelFormat::default().control,
            },
            separator: self.separator.value,
            kind: self.kind.value,
            guide_suffix: self.guide_suffix.value,
        }
    }

    /// What was guessed, one sentence each.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |what: String, reason: &Option<String>| {
            notes.extend(reason.as_ref().map(|reason| format!("{what} ({reason})")));
        };
        if let Some(control) = &self.control {
            note(format!("control label: {}", control.value), &control.reason);
        }
        note(format!("labels are joined by {:?}", self.separator.value), &self.separator.reason);
        note(format!("labels name {}", self.kind.value), &self.kind.reason);
        note("guide numbers are taken off".into(), &self.guide_suffix.reason);
        notes
    }
}

/// The separator under which all labels but control are protein variants, and why they are.
fn variants(labels: &[String], options: &ReadOptions) -> Option<(char, String)> {
    let separators = options.separator.map_or(SAFE_SEPARATORS.to_vec(), |given| vec![given]);
    separators.into_iter().find_map(|separator| {
        let control = options
            .control
            .clone()
            .or_else(|| guess_control(labels, separator, LabelKind::Variants, GuideSuffix::Keep));
        let format = LabelFormat {
            control: control.unwrap_or_else(|| LabelFormat::default().control),
            separator,
            kind: LabelKind::Variants,
            ..LabelFormat::default()
        };
        format.check().ok()?;
        let read: Vec<Perturbation> = labels
            .iter()
            .map(|label| Perturbation::parse(label, &format).ok())
            .collect::<Option<_>>()?;
        let mut perturbed = read.iter().filter(|p| !p.is_control());
        let first = perturbed.next()?;
        // One label that happens to read so (the gene C1D) is no screen of variants.
        let clear = perturbed.next().is_some() || first.canonical(&format).contains('_');
        clear.then(|| (separator, format!("every label but control is one, as {first}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::names::labels;

    fn guess(words: &[&str], column: &str) -> LabelFormat {
        let genes = HashSet::from(["KLF1", "STAT1", "KRAS"]);
        let options = ReadOptions::default();
        FormatGuess::of(&labels(words), Some(column), &genes, false, &options).format()
    }

    fn expect(words: &[&str], column: &str, expected: (&str, char, LabelKind, GuideSuffix)) {
        let (control, separator, kind, guide_suffix) = expected;
        let expected = LabelFormat { control: control.into(), separator, kind, guide_suffix };
        assert_eq!(guess(words, column), expected, "{words:?}");
    }

    /// Labels as public data sets write them.
    #[test]
    fn labels_of_public_screens_are_understood() {
        use GuideSuffix::{Keep, Strip};
        use LabelKind::{Drugs, Genes, Variants};
        // Norman 2019 as GEARS has it, and as pairs joined by an underscore.
        expect(
            &["ctrl", "KLF1+ctrl", "ctrl+CEBPE", "CEBPE+RUNX1T1", "RUNX1T1+ctrl"],
            "condition",
            ("ctrl", '+', Genes, Keep),
        );
        expect(
            &["control", "CEBPE", "RUNX1T1", "CEBPE_RUNX1T1", "KLF1_CEBPE", "KLF1"],
            "perturbation",
            ("control", '_', Genes, Keep),
        );
        expect(&["ctrl", "KLF1/ctrl", "ctrl/ATF4"], "condition", ("ctrl", '/', Genes, Keep));
        // Replogle 2022.
        expect(
            &["non-targeting", "NKX2-1", "HLA-A", "C2orf69", "KLF1"],
            "gene",
            ("non-targeting", '+', Genes, Keep),
        );
        // Papalexi 2021: genes, and guides.
        expect(&["NT", "STAT1", "IFNGR1"], "gene", ("NT", '+', Genes, Keep));
        expect(
            &["NTg1", "NTg2", "STAT1g1", "STAT1g2", "IFNGR1g1", "IFNGR1g2"],
            "guide_ID",
            ("NT", '+', Genes, Strip),
        );
        // sci-Plex.
        expect(
            &[
                "Vehicle",
                "Trametinib",
                "(+)-JQ1",
                "SNS-314 Mesylate",
                "Cerdulatinib (PRT062070, PRT2070)",
            ],
            "product_name",
            ("Vehicle", '+', Drugs, Keep),
        );
        expect(
            &["DMSO_0", "Trametinib_10", "Trametinib_10000", "Dasatinib_10", "Dasatinib_10000"],
            "treatment",
            ("DMSO", '+', Drugs, Keep),
        );
        // Ursu 2022: variants, never pairs, though KRAS is a gene of the file.
        expect(
            &["WT", "KRAS_G12D", "KRAS_G12V", "KRAS_Q61H"],
            "Variant",
            ("WT", '+', Variants, Keep),
        );
        expect(&["WT", "G12D", "G12V", "p.Q61H"], "Variant", ("WT", '+', Variants, Keep));
        expect(
            &["TP53_WT", "TP53_R175H", "TP53_R175H_R248Q"],
            "perturbation",
            ("WT", '+', Variants, Keep),
        );
        // Kang 2018.
        expect(&["ctrl", "stim"], "stim", ("ctrl", '+', Genes, Keep));
    }

    #[test]
    fn a_mark_within_a_name_joins_nothing() {
        let joined = |words: &[&str]| {
            let options = ReadOptions::default();
            let none = HashSet::new();
            FormatGuess::of(&labels(words), Some("drug"), &none, false, &options).separator.reason
        };
        assert_eq!(joined(&["DMSO", "(+)-JQ1", "Trametinib"]), None);
        let pair = joined(&["DMSO", "(+)-JQ1", "Trametinib", "(+)-JQ1+Trametinib"]);
        assert_eq!(pair.unwrap(), "as in \"(+)-JQ1+Trametinib\"");
    }

    #[test]
    fn one_label_that_is_no_variant_makes_them_names() {
        let words = ["control", "KRAS_G12D", "KRAS_G12V", "unassigned"];
        expect(&words, "Variant", ("control", '+', LabelKind::Genes, GuideSuffix::Keep));
        expect(&["control", "C1D"], "gene", ("control", '+', LabelKind::Genes, GuideSuffix::Keep));
    }

    #[test]
    fn what_is_given_is_not_guessed() {
        let options = ReadOptions {
            control: Some("A".into()),
            separator: Some('+'),
            label_kind: Some(LabelKind::Genes),
            guide_suffix: Some(GuideSuffix::Keep),
            ..ReadOptions::default()
        };
        let words = labels(&["WT", "KRAS_G12D", "KRAS_G12V"]);
        let guess = FormatGuess::of(&words, None, &HashSet::new(), true, &options);
        assert_eq!(guess.format(), LabelFormat { control: "A".into(), ..LabelFormat::default() });
        assert_eq!(guess.notes(), [""; 0]);
    }
}
