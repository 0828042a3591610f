//! The embedding against umap-learn, on scikit-learn's digits.

use pert_report::{Umap, UmapConfig};

#[derive(serde::Deserialize)]
struct Expected {
    n_points: usize,
    n_columns: usize,
    k_trustworthiness: usize,
    k_vote: usize,
    trustworthiness: f64,
    accuracy: f64,
}

/// For each row the other rows, nearest first.
fn ranked(x: &[f32], n_columns: usize) -> Vec<Vec<usize>> {
    let row = |i: usize| &x[i * n_columns..(i + 1) * n_columns];
    let n = x.len() / n_columns;
    (0..n)
        .map(|i| {
            let squared = |j: usize| {
                row(i).iter().zip(row(j)).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
            };
            let mut others: Vec<(f64, usize)> =
                (0..n).filter(|&j| j != i).map(|j| (squared(j), j)).collect();
            others.sort_by(|a, b| a.0.total_cmp(&b.0));
            others.into_iter().map(|(_, j)| j).collect()
        })
        .collect()
}

/// 1 − 2/(nk(2n − 3k − 1)) Σᵢ Σ_{j ∈ U(i)} (r(i, j) − k): Venna & Kaski 2001, as scikit-learn has it.
fn trustworthiness(original: &[Vec<usize>], embedded: &[Vec<usize>], k: usize) -> f64 {
    let n = original.len();
    let mut penalty = 0.0;
    for (original, embedded) in original.iter().zip(embedded) {
        let mut rank = vec![0; n];
        original.iter().enumerate().for_each(|(r, &j)| rank[j] = r + 1);
        penalty += embedded[..k].iter().map(|&j| rank[j].saturating_sub(k) as f64).sum::<f64>();
    }
    1.0 - penalty * 2.0 / (n as f64 * k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0))
}

/// Share of points whose `k` nearest others vote for their own label; the lower label wins a tie.
fn accuracy(labels: &[u8], embedded: &[Vec<usize>], k: usize) -> f64 {
    let right = labels.iter().zip(embedded).filter(|&(&label, others)| {
        let mut votes = [0; 10];
        others[..k].iter().for_each(|&j| votes[labels[j] as usize] += 1);
        let most = *votes.iter().max().unwrap();
        votes.iter().position(|&v| v == most) == Some(label as usize)
    });
    right.count() as f64 / labels.len() as f64
}

#[test]
fn digits_are_embedded_as_faithfully_as_by_umap_learn() {
    let expected: Expected = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "umap_digits");
    let bytes = include_bytes!("golden/umap_digits/digits.u8");
    let (labels, pixels) = bytes.split_at(expected.n_points);
    let x: Vec<f32> = pixels.iter().map(|&v| f32::from(v)).collect();
    let original = ranked(&x, expected.n_columns);
    for seed in [0, 1] {
        let umap = Umap::fit(&x, expected.n_columns, &UmapConfig::new(seed)).unwrap();
        let embedded = ranked(umap.embedding(), 2);
        let trust = trustworthiness(&original, &embedded, expected.k_trustworthiness);
        let right = accuracy(labels, &embedded, expected.k_vote);
        eprintln!("seed {seed}: trustworthiness {trust:.4}, accuracy {right:.4}");
        // 0.005: the seeds of umap-learn itself differ by about as much.
        assert!(trust >= expected.trustworthiness - 0.005, "{trust}");
        assert!(right >= expected.accuracy - 0.005, "{right}");
    }
}
