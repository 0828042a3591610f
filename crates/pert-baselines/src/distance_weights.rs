//! Weights that fall with distance.

/// exp(−dᵢ) / Σⱼ exp(−dⱼ), for finite distances; the least is taken off first, so that far ones cannot all vanish.
pub(crate) fn softmax_of_distances(distances: &[f64]) -> Vec<f64> {
    let least = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let weights: Vec<f64> = distances.iter().map(|d| (least - d).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / total).collect()
}

/// ‖a − b‖₂.
pub(crate) fn euclidean(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn far_distances_still_have_weights_that_sum_to_one() {
        let weights = softmax_of_distances(&[2000.0, 2000.0 + 2f64.ln(), 9000.0]);
        assert_relative_eq!(weights[0], 2.0 / 3.0, max_relative = 1e-12);
        assert_relative_eq!(weights.iter().sum::<f64>(), 1.0, max_relative = 1e-15);
        assert!(softmax_of_distances(&[]).is_empty());
        assert_eq!(euclidean(&[0.0, 3.0], &[4.0, 0.0]), 5.0);
    }
}
