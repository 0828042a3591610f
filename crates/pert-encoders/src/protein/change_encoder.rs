//! What a substitution does to a residue and where: numbers that need no trained network.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::error::ProteinError;
use super::reference::{Mutant, ProteinReferences};
use super::scales::{N_SCALES, ORDER, SCALES, exchange_loss, exchange_scores, scales};
use crate::{Error, TargetEncoder};

/// Divides BLOSUM62's half bits, so that they are about as large as standardised scales.
const EXCHANGE_UNIT: f64 = 4.0;

/// The most neighbours to each side, and the most waves: several times what a few hundred variants can tell apart.
const LARGEST_SETTING: usize = 64;

/// Configuration of a [`ChangeEncoder`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeEncoderConfig {
    /// Neighbours of a changed residue to each side, 0 to 64. Default: 4, the residues of a helix turn.
    pub half_window: usize,
    /// Waves over the protein's length by which positions are told apart, 0 to 64. Default: 16: positions 1/16 of the
    /// protein apart differ fully.
    pub n_waves: usize,
}

impl Default for ChangeEncoderConfig {
    fn default() -> Self {
        Self { half_window: 4, n_waves: 16 }
    }
}

/// Encodes protein variants by physico-chemical scales, BLOSUM62, position and neighbours; needs nothing trained.
///
/// A row has these columns ([`columns`](Self::columns) names them), with a the residue of the reference, b the new one, p
/// its position counted from 1, L the protein's length; scales are standardised over the 20 residues:
///
/// | columns | value | of several |
/// |---|---|---|
/// | `n_changes` | substitutions that change a residue | sum |
/// | `blosum62_loss` | \[B(a, a) − B(a, b)\] / 4 | sum |
/// | `blosum62_to_R` (20) | \[B(b, R) − B(a, R)\] / 4 | sum |
/// | `SCALE_change` (6) | s(b) − s(a) | sum |
/// | `SCALE_distance` (6) | \|s(b) − s(a)\| | sum |
/// | `SCALE_site` (6) | s(a) | mean |
/// | `SCALE_at_±i` (6 each) | s of the neighbour i residues on; 0 beyond the ends | mean |
/// | `position` | (p − ½) / L | mean |
/// | `position_wave_k` | cos(π k (p − ½) / L) | mean |
/// | `stop`, `lost` | 1 and (L − p + 1) / L for a stop at p | – |
///
/// The waves are those of the discrete cosine transform: near positions are alike, and a linear model of them is a
/// smooth function along the protein. A stop is a site of its own, without the columns of a change. A synonymous variant is a
/// row of zeros: it leaves the protein as it is.
///
/// ```
/// use pert_encoders::{ChangeEncoder, ProteinReferences, TargetEncoder};
/// let references = ProteinReferences::from_fasta(&b">KRAS\nMTEYKLVVVGAGGVGKSALT"[..])?;
/// let encoder = ChangeEncoder::new(references, Default::default())?;
/// let rows = encoder.encode_targets(&["KRAS_G12D", "KRAS:p.Gly12Asp", "KRAS_G12="])?;
/// let (first, rest) = rows.split_at(encoder.dim());
/// let (second, synonymous) = rest.split_at(encoder.dim());
/// assert_eq!(first, second);
/// assert!(synonymous.iter().all(|v| *v == 0.0));
/// // B(G, G) = 6 and B(G, D) = −1.
/// assert_eq!((encoder.columns()[1].as_str(), first[1]), ("blosum62_loss", 7.0 / 4.0));
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChangeEncoder {
    references: ProteinReferences,
    config: ChangeEncoderConfig,
    columns: Vec<String>,
}

impl ChangeEncoder {
    /// Encodes variants of these proteins.
    ///
    /// # Errors
    /// [`ProteinError::Setting`] for a setting outside its range.
    pub fn new(
        references: ProteinReferences,
        config: ChangeEncoderConfig,
    ) -> Result<Self, ProteinError> {
        for (name, found) in [("half_window", config.half_window), ("n_waves", config.n_waves)] {
            if found > LARGEST_SETTING {
                return Err(ProteinError::Setting { name, expected: "0 to 64", found });
            }
        }
        Ok(Self { references, config, columns: columns(config) })
    }

    /// What each number of a row is.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Its configuration.
    pub fn config(&self) -> ChangeEncoderConfig {
        self.config
    }

    /// The proteins whose variants are encoded.
    pub fn references(&self) -> &ProteinReferences {
        &self.references
    }

    fn row(&self, mutant: &Mutant<'_>) -> Vec<f64> {
        let letters = mutant.reference().letters();
        let mut row = Vec::with_capacity(self.columns.len());
        row.resize(self.n_change(), 0.0);
        let (count, change) = row.split_at_mut(1);
        count[0] = mutant.changes().len() as f64;
        let mut sites: Vec<usize> = Vec::with_capacity(mutant.changes().len() + 1);
        for substitution in mutant.changes() {
            let position = substitution.position().get() as usize;
            let (from, to) = (letters[position - 1], substitution.to().letter() as u8);
            change.iter_mut().zip(of_change(from, to)).for_each(|(sum, value)| *sum += value);
            sites.push(position);
        }
        sites.extend(mutant.stop());
        let mut context = vec![0.0; self.columns.len() - self.n_change() - 2];
        for &position in &sites {
            let of_site = self.of_site(letters, position);
            context
                .iter_mut()
                .zip(of_site)
                .for_each(|(mean, value)| *mean += value / sites.len() as f64);
        }
        row.extend(context);
        let lost = |stop: usize| (letters.len() + 1 - stop) as f64 / letters.len() as f64;
        row.extend([f64::from(u8::from(mutant.stop().is_some())), mutant.stop().map_or(0.0, lost)]);
        row
    }

    fn n_change(&self) -> usize {
        2 + ORDER.len() + 2 * N_SCALES
    }

    /// The columns of a site, from its own scales to the waves.
    fn of_site(&self, letters: &[u8], position: usize) -> Vec<f64> {
        let mut values = scales(letters[position - 1]).to_vec();
        for offset in offsets(self.config.half_window) {
            let neighbour = (position - 1).checked_add_signed(offset).and_then(|i| letters.get(i));
            values.extend(neighbour.map_or([0.0; N_SCALES], |&letter| scales(letter)));
        }
        let relative = (position as f64 - 0.5) / letters.len() as f64;
        values.push(relative);
        values.extend((1..=self.config.n_waves).map(|k| (PI * k as f64 * relative).cos()));
        values
    }
}

impl TargetEncoder for ChangeEncoder {
    fn dim(&self) -> usize {
        self.columns.len()
    }

    fn encode_targets(&self, targets: &[&str]) -> Result<Vec<f64>, Error> {
        let mut rows = Vec::with_capacity(targets.len() * self.dim());
        for target in targets {
            rows.extend(self.row(&self.references.apply_label(target)?));
        }
        Ok(rows)
    }
}

/// `blosum62_loss` to `SCALE_distance` of one substitution.
fn of_change(from: u8, to: u8) -> impl Iterator<Item = f64> {
    let (a, b) = (scales(from), scales(to));
    let change: [f64; N_SCALES] = std::array::from_fn(|i| b[i] - a[i]);
    let (at_from, at_to) = (exchange_scores(from), exchange_scores(to));
    let scores = at_to.into_iter().zip(at_from).map(|(b, a)| (b - a) / EXCHANGE_UNIT);
    let loss = exchange_loss(from, to) / EXCHANGE_UNIT;
    std::iter::once(loss).chain(scores).chain(change).chain(change.map(f64::abs))
}

/// Places of the neighbours, from left to right.
fn offsets(half_window: usize) -> impl Iterator<Item = isize> {
    let half = half_window as isize;
    (-half..=half).filter(|offset| *offset != 0)
}

fn columns(config: ChangeEncoderConfig) -> Vec<String> {
    let of_scales = |suffix: &str| SCALES.map(|(name, _)| format!("{name}_{suffix}")).into_iter();
    let mut columns = vec!["n_changes".to_owned(), "blosum62_loss".to_owned()];
    columns.extend(ORDER.map(|residue| format!("blosum62_to_{}", char::from(residue))));
    columns.extend(["change", "distance", "site"].into_iter().flat_map(of_scales));
    columns.extend(
        offsets(config.half_window).flat_map(|offset| of_scales(&format!("at_{offset:+}"))),
    );
    columns.push("position".to_owned());
    columns.extend((1..=config.n_waves).map(|k| format!("position_wave_{k}")));
    columns.extend(["stop".to_owned(), "lost".to_owned()]);
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROTEIN: &str = "MTEYKLVVVGAGGVGKSALTIQLIQNHFVDEYDPTIEDSY";

    fn encoder() -> ChangeEncoder {
        let fasta = format!(">KRAS\n{PROTEIN}\n>ODD\nMXU\n");
        let references = ProteinReferences::from_fasta(fasta.as_bytes()).unwrap();
        ChangeEncoder::new(references, ChangeEncoderConfig::default()).unwrap()
    }

    fn row(label: &str) -> Vec<f64> {
        encoder().encode_targets(&[label]).unwrap_or_else(|e| panic!("{e}"))
    }

    fn at(row: &[f64], column: &str) -> f64 {
        row[encoder().columns().iter().position(|c| c == column).unwrap()]
    }

    #[test]
    fn columns_hold_what_they_are_called() {
        let encoder = encoder();
        let row = row("KRAS_G12D");
        assert_eq!(row.len(), encoder.dim());
        assert_eq!(
            encoder.columns().iter().collect::<std::collections::HashSet<_>>().len(),
            row.len()
        );
        // Standard deviation of the charges: 4 of 20 are ±1.
        assert!((at(&row, "charge_change") + 1.0 / 0.2f64.sqrt()).abs() < 1e-12);
        assert_eq!(at(&row, "charge_distance"), -at(&row, "charge_change"));
        assert_eq!(at(&row, "blosum62_to_D"), (6.0 - -1.0) / 4.0);
        assert_eq!(at(&row, "volume_site"), scales(b'G')[1]);
        assert_eq!(at(&row, "hydropathy_at_-1"), scales(b'A')[0]);
        assert_eq!(at(&row, "hydropathy_at_+2"), scales(b'V')[0]);
        assert_eq!(at(&row, "position"), 11.5 / 40.0);
        let wave = (2.0 * PI * 11.5 / 40.0).cos();
        assert!((at(&row, "position_wave_2") - wave).abs() < 1e-12);
        assert_eq!((at(&row, "n_changes"), at(&row, "stop"), at(&row, "lost")), (1.0, 0.0, 0.0));
        assert_eq!(at(&self::row("KRAS_M1V"), "sheet_at_-1"), 0.0);
    }

    #[test]
    fn several_substitutions_add_up_their_changes() {
        let (a, b, both) = (row("KRAS_G12D"), row("KRAS_Q22K"), row("KRAS_Q22K_G12D"));
        for column in ["n_changes", "blosum62_loss", "volume_change", "helix_distance"] {
            assert!(
                (at(&both, column) - at(&a, column) - at(&b, column)).abs() < 1e-12,
                "{column}"
            );
        }
        for column in ["position", "polarity_site", "charge_at_+1", "position_wave_3"] {
            let mean = 0.5 * (at(&a, column) + at(&b, column));
            assert!((at(&both, column) - mean).abs() < 1e-12, "{column}");
        }
        assert_eq!(row("KRAS_G12D_Q22="), a);
    }

    #[test]
    fn a_stop_has_a_flag_and_what_it_cuts_off() {
        let stop = row("KRAS_K16*");
        assert_eq!((at(&stop, "stop"), at(&stop, "lost")), (1.0, 25.0 / 40.0));
        assert_eq!((at(&stop, "n_changes"), at(&stop, "position")), (0.0, 15.5 / 40.0));
        assert_eq!(row("KRAS_K16*_Q22K"), stop);
        assert_eq!(at(&row("KRAS_M1*"), "lost"), 1.0);
    }

    #[test]
    fn near_positions_are_alike() {
        let waves = |label: &str| -> Vec<f64> {
            let row = row(label);
            (1..=16).map(|k| at(&row, &format!("position_wave_{k}"))).collect()
        };
        let distance = |a: &str, b: &str| -> f64 {
            waves(a).iter().zip(waves(b)).map(|(a, b)| (a - b).powi(2)).sum()
        };
        assert!(distance("KRAS_G12D", "KRAS_G13D") < 0.5 * distance("KRAS_G12D", "KRAS_G15D"));
    }

    #[test]
    fn settings_outside_their_range_are_refused() {
        let config = ChangeEncoderConfig { n_waves: 65, ..Default::default() };
        let error = ChangeEncoder::new(ProteinReferences::new(), config).unwrap_err();
        assert_eq!(error.to_string(), "n_waves must be 0 to 64, found 65");
    }

    proptest! {
        #[test]
        fn order_does_not_matter_and_every_number_is_finite(
            changes in proptest::collection::btree_map(0usize..40, 0usize..22, 1..4),
        ) {
            let words: Vec<String> = changes.iter().map(|(&at, &to)| {
                let (from, to) = (char::from(PROTEIN.as_bytes()[at]), pert_core::Residue::ALL[to]);
                format!("{from}{}{}", at + 1, to.letter())
            }).collect();
            let reversed: Vec<String> = words.iter().rev().cloned().collect();
            let forwards = row(&format!("KRAS_{}", words.join("_")));
            prop_assert!(forwards.iter().all(|v| v.is_finite()));
            prop_assert_eq!(forwards, row(&format!("KRAS_{}", reversed.join("_"))));
        }
    }
}
