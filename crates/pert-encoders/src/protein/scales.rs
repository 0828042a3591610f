//! Numbers for amino acids: physico-chemical scales and exchange scores.

/// The 20 amino acids in the order of the tables below.
pub(super) const ORDER: &[u8; 20] = b"ARNDCQEGHILKMFPSTWYV";

/// Number of scales.
pub(super) const N_SCALES: usize = 6;

/// Name and values of each scale.
#[rustfmt::skip]
pub(super) const SCALES: [(&str, [f64; 20]); N_SCALES] = [
    // Hydropathy (Kyte & Doolittle 1982; AAindex KYTJ820101).
    ("hydropathy", [1.8, -4.5, -3.5, -3.5, 2.5, -3.5, -3.5, -0.4, -3.2, 4.5, 3.8, -3.9, 1.9, 2.8, -1.6, -0.8, -0.7, -0.9, -1.3, 4.2]),
    // Volume (Grantham 1974; GRAR740103).
    ("volume", [31.0, 124.0, 56.0, 54.0, 55.0, 85.0, 83.0, 3.0, 96.0, 111.0, 111.0, 119.0, 105.0, 132.0, 32.5, 32.0, 61.0, 170.0, 136.0, 84.0]),
    // Net charge at neutral pH (Klein et al. 1984; KLEP840101).
    ("charge", [0.0, 1.0, 0.0, -1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
    // Polarity (Grantham 1974; GRAR740102).
    ("polarity", [8.1, 10.5, 11.6, 13.0, 5.5, 10.5, 12.3, 9.0, 10.4, 5.2, 4.9, 11.3, 5.7, 5.2, 8.0, 9.2, 8.6, 5.4, 6.2, 5.9]),
    // Frequency in α-helices over that of all residues (Chou & Fasman 1978; CHOP780201).
    ("helix", [1.42, 0.98, 0.67, 1.01, 0.7, 1.11, 1.51, 0.57, 1.0, 1.08, 1.21, 1.16, 1.45, 1.13, 0.57, 0.77, 0.83, 1.08, 0.69, 1.06]),
    // The same in β-sheets (CHOP780202).
    ("sheet", [0.83, 0.93, 0.89, 0.54, 1.19, 1.1, 0.37, 0.75, 0.87, 1.6, 1.3, 0.74, 1.05, 1.38, 0.55, 0.75, 1.19, 1.37, 1.47, 1.7]),
];

/// BLOSUM62 (Henikoff & Henikoff 1992): scores of exchanges in half bits.
#[rustfmt::skip]
const BLOSUM62: [[i8; 20]; 20] = [
    [4, -1, -2, -2, 0, -1, -1, 0, -2, -1, -1, -1, -1, -2, -1, 1, 0, -3, -2, 0],
    [-1, 5, 0, -2, -3, 1, 0, -2, 0, -3, -2, 2, -1, -3, -2, -1, -1, -3, -2, -3],
    [-2, 0, 6, 1, -3, 0, 0, 0, 1, -3, -3, 0, -2, -3, -2, 1, 0, -4, -2, -3],
    [-2, -2, 1, 6, -3, 0, 2, -1, -1, -3, -4, -1, -3, -3, -1, 0, -1, -4, -3, -3],
    [0, -3, -3, -3, 9, -3, -4, -3, -3, -1, -1, -3, -1, -2, -3, -1, -1, -2, -2, -1],
    [-1, 1, 0, 0, -3, 5, 2, -2, 0, -3, -2, 1, 0, -3, -1, 0, -1, -2, -1, -2],
    [-1, 0, 0, 2, -4, 2, 5, -2, 0, -3, -3, 1, -2, -3, -1, 0, -1, -3, -2, -2],
    [0, -2, 0, -1, -3, -2, -2, 6, -2, -4, -4, -2, -3, -3, -2, 0, -2, -2, -3, -3],
    [-2, 0, 1, -1, -3, 0, 0, -2, 8, -3, -3, -1, -2, -1, -2, -1, -2, -2, 2, -3],
    [-1, -3, -3, -3, -1, -3, -3, -4, -3, 4, 2, -3, 1, 0, -3, -2, -1, -3, -1, 3],
    [-1, -2, -3, -4, -1, -2, -3, -4, -3, 2, 4, -2, 2, 0, -3, -2, -1, -2, -1, 1],
    [-1, 2, 0, -1, -3, 1, 1, -2, -1, -3, -2, 5, -1, -3, -1, 0, -1, -3, -2, -2],
    [-1, -1, -2, -3, -1, 0, -2, -3, -2, 1, 2, -1, 5, 0, -2, -1, -1, -1, -1, 1],
    [-2, -3, -3, -3, -2, -3, -3, -3, -1, 0, 0, -3, 0, 6, -4, -2, -2, 1, 3, -1],
    [-1, -2, -2, -1, -3, -1, -1, -2, -2, -3, -3, -1, -2, -4, 7, -1, -1, -4, -3, -2],
    [1, -1, 1, 0, -1, 0, 0, 0, -1, -2, -2, 0, -1, -2, -1, 4, 1, -3, -2, -2],
    [0, -1, 0, -1, -1, -1, -1, -2, -2, -1, -1, -1, -1, -2, -1, 1, 5, -2, -2, 0],
    [-3, -3, -4, -4, -2, -2, -3, -2, -2, -3, -2, -3, -1, 1, -4, -3, -2, 11, 2, -3],
    [-2, -2, -2, -3, -2, -1, -2, -3, 2, -1, -1, -2, -1, 3, -3, -2, -2, 2, 7, -1],
    [0, -3, -3, -3, -1, -2, -2, -3, -3, 3, 1, -2, 1, -1, -2, -2, 0, -3, -1, 4],
];

/// A residue as shares of the 20: itself; halves of two for B, Z and J; all alike for X; cysteine for U and lysine for O,
/// of which those are variants.
fn shares(letter: u8) -> [f64; 20] {
    let of: &[u8] = match letter {
        b'B' => b"DN",
        b'Z' => b"EQ",
        b'J' => b"IL",
        b'U' => b"C",
        b'O' => b"K",
        b'X' => ORDER,
        _ => &[letter],
    };
    ORDER.map(|residue| if of.contains(&residue) { 1.0 / of.len() as f64 } else { 0.0 })
}

/// The scales of a residue, each with mean 0 and variance 1 over the 20.
pub(super) fn scales(letter: u8) -> [f64; N_SCALES] {
    let shares = shares(letter);
    SCALES.map(|(_, values)| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        shares.iter().zip(values).map(|(share, v)| share * (v - mean)).sum::<f64>()
            / variance.sqrt()
    })
}

/// Scores of exchanging a residue for each of the 20, in half bits.
pub(super) fn exchange_scores(letter: u8) -> [f64; 20] {
    let shares = shares(letter);
    let mut scores = [0.0; 20];
    for (share, row) in shares.iter().zip(BLOSUM62) {
        scores.iter_mut().zip(row).for_each(|(score, b)| *score += share * f64::from(b));
    }
    scores
}

/// How much less an exchange scores than the residue itself: B(a, a) − B(a, b) in half bits.
pub(super) fn exchange_loss(from: u8, to: u8) -> f64 {
    let scores = exchange_scores(from);
    let score = |letter| shares(letter).iter().zip(scores).map(|(share, b)| share * b).sum::<f64>();
    score(from) - score(to)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[derive(serde::Deserialize)]
    struct Tables {
        order: String,
        scales: HashMap<String, Vec<f64>>,
        blosum62: Vec<Vec<i8>>,
    }

    #[test]
    fn the_tables_are_those_of_aaindex_and_biopython() {
        let tables: Tables = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "residue_scales");
        assert_eq!(tables.order.as_bytes(), ORDER);
        assert_eq!(tables.scales.len(), N_SCALES);
        for (name, values) in SCALES {
            assert_eq!(tables.scales[name], values, "{name}");
        }
        assert_eq!(tables.blosum62, BLOSUM62.map(|row| row.to_vec()));
    }

    #[test]
    fn letters_for_several_residues_are_their_mean() {
        let (d, n, b) = (scales(b'D'), scales(b'N'), scales(b'B'));
        for i in 0..N_SCALES {
            assert!((b[i] - 0.5 * (d[i] + n[i])).abs() < 1e-12);
            assert!(scales(b'X')[i].abs() < 1e-12);
        }
        assert_eq!((scales(b'U'), scales(b'O')), (scales(b'C'), scales(b'K')));
        assert_eq!((exchange_loss(b'G', b'D'), exchange_loss(b'G', b'G')), (7.0, 0.0));
        assert_eq!(exchange_loss(b'I', b'J'), 1.0);
    }
}
