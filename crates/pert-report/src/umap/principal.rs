//! The first two principal components, for a start of the embedding.

use super::DIMENSIONS;

/// Directions iterated; more than two, so that the second is not held up by a close third.
const N_DIRECTIONS: usize = 6;
const N_ITERATIONS: usize = 20;

/// Scores on the first two principal components of centred rows, `[n, 2]`, by subspace iteration
/// Q ← orthonormal(XᵀXQ) from a fixed start; the largest loading of each component is positive.
pub(super) fn two_components(centred: &[f32], n_columns: usize) -> Vec<f32> {
    // A fixed start without symmetry: no component of real data is orthogonal to all of it.
    let mut directions: Vec<[f64; N_DIRECTIONS]> = (0..n_columns)
        .map(|row| std::array::from_fn(|k| ((row * N_DIRECTIONS + k) as f64 * 1.7).cos()))
        .collect();
    orthonormalise(&mut directions);
    for _ in 0..N_ITERATIONS {
        let mut next = vec![[0.0; N_DIRECTIONS]; n_columns];
        for row in centred.chunks_exact(n_columns) {
            let score = project(row, &directions);
            for (next, &x) in next.iter_mut().zip(row) {
                for (next, score) in next.iter_mut().zip(score) {
                    *next += f64::from(x) * score;
                }
            }
        }
        orthonormalise(&mut next);
        directions = next;
    }
    let largest = |k: usize| {
        directions.iter().map(|d| d[k]).fold(0.0, |m: f64, v| if v.abs() > m.abs() { v } else { m })
    };
    let signs: [f64; DIMENSIONS] =
        std::array::from_fn(|k| if largest(k) < 0.0 { -1.0 } else { 1.0 });
    centred
        .chunks_exact(n_columns)
        .flat_map(|row| {
            let score = project(row, &directions);
            std::array::from_fn::<f32, DIMENSIONS, _>(|k| (score[k] * signs[k]) as f32)
        })
        .collect()
}

fn project(row: &[f32], directions: &[[f64; N_DIRECTIONS]]) -> [f64; N_DIRECTIONS] {
    let mut score = [0.0; N_DIRECTIONS];
    for (&x, direction) in row.iter().zip(directions) {
        for (score, direction) in score.iter_mut().zip(direction) {
            *score += f64::from(x) * direction;
        }
    }
    score
}

/// Gram–Schmidt from left to right; a direction that depends on those before it becomes zero.
fn orthonormalise(directions: &mut [[f64; N_DIRECTIONS]]) {
    for k in 0..N_DIRECTIONS {
        let before = directions.iter().map(|d| d[k] * d[k]).sum::<f64>().sqrt();
        for earlier in 0..k {
            let dot: f64 = directions.iter().map(|d| d[k] * d[earlier]).sum();
            directions.iter_mut().for_each(|d| d[k] -= dot * d[earlier]);
        }
        let norm = directions.iter().map(|d| d[k] * d[k]).sum::<f64>().sqrt();
        // Below this share of its length only rounding is left of the direction.
        let scale = if norm > 1e-10 * before { 1.0 / norm } else { 0.0 };
        directions.iter_mut().for_each(|d| d[k] *= scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_axes_come_first_and_are_uncorrelated() {
        // Axis c swings by 4^-c with its own frequency; centred because each covers whole periods.
        let n = 400;
        let x: Vec<f32> = (0..n)
            .flat_map(|i| {
                let phase = std::f64::consts::TAU * f64::from(i) / f64::from(n);
                std::array::from_fn::<f32, 4, _>(|c| {
                    ((phase * (c + 1) as f64).sin() * 0.25f64.powi(c as i32)) as f32
                })
            })
            .collect();
        let scores = two_components(&x, 4);
        for (row, score) in x.chunks(4).zip(scores.chunks(2)) {
            // The columns are orthogonal, so the components are the first two of them.
            approx::assert_abs_diff_eq!(score[0], row[0], epsilon = 1e-5);
            approx::assert_abs_diff_eq!(score[1], row[1], epsilon = 1e-5);
        }
    }

    #[test]
    fn one_column_and_no_variance_are_no_trouble() {
        assert_eq!(two_components(&[-1.0, 0.0, 1.0], 1), [-1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(two_components(&[0.0; 6], 2), [0.0; 6]);
    }
}
