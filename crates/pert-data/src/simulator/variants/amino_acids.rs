//! The twenty amino acids in numbers.

use pert_core::Residue;

/// What decides how well one amino acid stands in for another.
#[derive(Debug, Clone, Copy)]
pub(super) struct AminoAcid {
    pub residue: Residue,
    /// Share of the residues of proteins, in percent (UniProtKB/Swiss-Prot).
    pub percent: f64,
    /// Hydropathy (Kyte and Doolittle 1982).
    pub hydropathy: f64,
    /// Charge at pH 7.
    pub charge: f64,
    /// Composition, polarity and volume in Å³ (Grantham 1974, table 1).
    composition: f64,
    polarity: f64,
    pub volume: f64,
}

/// How many there are.
pub(super) const N_AMINO_ACIDS: usize = 20;

const fn row(
    residue: Residue,
    percent: f64,
    hydropathy: f64,
    charge: f64,
    [composition, polarity, volume]: [f64; 3],
) -> AminoAcid {
    AminoAcid { residue, percent, hydropathy, charge, composition, polarity, volume }
}

/// By three-letter code.
pub(super) const AMINO_ACIDS: [AminoAcid; N_AMINO_ACIDS] = [
    row(Residue::Ala, 8.25, 1.8, 0.0, [0.0, 8.1, 31.0]),
    row(Residue::Arg, 5.53, -4.5, 1.0, [0.65, 10.5, 124.0]),
    row(Residue::Asn, 4.06, -3.5, 0.0, [1.33, 11.6, 56.0]),
    row(Residue::Asp, 5.46, -3.5, -1.0, [1.38, 13.0, 54.0]),
    row(Residue::Cys, 1.38, 2.5, 0.0, [2.75, 5.5, 55.0]),
    row(Residue::Gln, 3.93, -3.5, 0.0, [0.89, 10.5, 85.0]),
    row(Residue::Glu, 6.72, -3.5, -1.0, [0.92, 12.3, 83.0]),
    row(Residue::Gly, 7.07, -0.4, 0.0, [0.74, 9.0, 3.0]),
    row(Residue::His, 2.27, -3.2, 0.0, [0.58, 10.4, 96.0]),
    row(Residue::Ile, 5.91, 4.5, 0.0, [0.0, 5.2, 111.0]),
    row(Residue::Leu, 9.65, 3.8, 0.0, [0.0, 4.9, 111.0]),
    row(Residue::Lys, 5.80, -3.9, 1.0, [0.33, 11.3, 119.0]),
    row(Residue::Met, 2.41, 1.9, 0.0, [0.0, 5.7, 105.0]),
    row(Residue::Phe, 3.86, 2.8, 0.0, [0.0, 5.2, 132.0]),
    row(Residue::Pro, 4.74, -1.6, 0.0, [0.39, 8.0, 32.5]),
    row(Residue::Ser, 6.65, -0.8, 0.0, [1.42, 9.2, 32.0]),
    row(Residue::Thr, 5.36, -0.7, 0.0, [0.71, 8.6, 61.0]),
    row(Residue::Trp, 1.10, -0.9, 0.0, [0.13, 5.4, 170.0]),
    row(Residue::Tyr, 2.92, -1.3, 0.0, [0.20, 6.2, 136.0]),
    row(Residue::Val, 6.86, 4.2, 0.0, [0.0, 5.9, 84.0]),
];

/// The numbers of a residue; `None` for selenocysteine and the stop.
pub(super) fn amino_acid(residue: Residue) -> Option<&'static AminoAcid> {
    AMINO_ACIDS.iter().find(|a| a.residue == residue)
}

impl AminoAcid {
    /// Grantham's distance, D = 50.723 √(1.833 Δc² + 0.1018 Δp² + 0.000399 Δv²): 5 (Leu–Ile) to 215 (Cys–Trp).
    pub fn distance(&self, other: &Self) -> f64 {
        let c = self.composition - other.composition;
        let p = self.polarity - other.polarity;
        let v = self.volume - other.volume;
        50.723 * (1.833 * c * c + 0.1018 * p * p + 0.000399 * v * v).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_grantham_table_2() {
        for (a, b, published) in [
            (Residue::Leu, Residue::Ile, 5.0),
            (Residue::Ser, Residue::Arg, 110.0),
            (Residue::Ser, Residue::Leu, 145.0),
            (Residue::Cys, Residue::Trp, 215.0),
            (Residue::Asp, Residue::Glu, 45.0),
            (Residue::Lys, Residue::Arg, 26.0),
            (Residue::Gly, Residue::Trp, 184.0),
            (Residue::Phe, Residue::Tyr, 22.0),
        ] {
            let (a, b) = (amino_acid(a).unwrap(), amino_acid(b).unwrap());
            // Printed without decimals.
            assert!((a.distance(b) - published).abs() <= 1.0, "{a:?} {b:?} {}", a.distance(b));
        }
    }

    #[test]
    fn shares_add_up_and_the_stop_is_none() {
        let sum: f64 = AMINO_ACIDS.iter().map(|a| a.percent).sum();
        assert!((sum - 100.0).abs() < 0.5, "{sum}");
        assert!(amino_acid(Residue::Stop).is_none());
    }
}
