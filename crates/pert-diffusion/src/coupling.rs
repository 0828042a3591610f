//! Which noise goes with which row, for flow matching.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Which noise goes with which row in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Coupling {
    /// Noise drawn for every row by itself.
    #[default]
    Independent,
    /// The noise of a batch handed out among the rows of each condition so that paths are shortest
    /// ([`pair_with_noise`]); paths then cross less, and fewer sampling steps do. For flow matching alone, whose sampling
    /// is deterministic: fresh noise would not be coupled.
    OptimalTransport,
}

impl Coupling {
    /// The noise `[n, d]` of rows `x0` `[n, d]`, handed out anew.
    pub(crate) fn couple(
        self,
        x0: &[f32],
        noise: Vec<f32>,
        d: usize,
        conditions: &[usize],
    ) -> Result<Vec<f32>, Error> {
        if self == Self::Independent {
            return Ok(noise);
        }
        let mut rows_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, &condition) in conditions.iter().enumerate() {
            rows_of.entry(condition).or_default().push(row);
        }
        let gather = |values: &[f32], rows: &[usize]| -> Vec<f32> {
            rows.iter().flat_map(|&row| &values[row * d..(row + 1) * d]).copied().collect()
        };
        let mut coupled = noise.clone();
        for rows in rows_of.values() {
            let pairs = pair_with_noise(&gather(x0, rows), &gather(&noise, rows), d)?;
            for (&row, of) in rows.iter().zip(pairs) {
                let of = rows[of] * d;
                coupled[row * d..(row + 1) * d].copy_from_slice(&noise[of..of + d]);
            }
        }
        Ok(coupled)
    }
}

/// Pairs rows with noise so that the sum of squared distances is least: minibatch optimal-transport coupling (Tong et
/// al. 2024, section 3.2; Pooladian et al. 2023), exact, by the Hungarian method in O(n³ + n² d).
///
/// Noise of the row i is row `pairs[i]` of `noise`. Couple rows only within one condition: across conditions the
/// noise would tell about the condition (Cheng & Schwing 2025).
///
/// # Shapes
/// `x0`, `noise`: `[n, d]` row-major; output: `[n]`, a permutation.
///
/// # Errors
/// [`Error::LengthMismatch`] for arrays of different lengths, [`Error::RaggedRows`] for lengths that are no multiple
/// of `d`, and [`Error::NonFiniteValue`] with its row and column.
///
/// ```
/// use pert_diffusion::pair_with_noise;
/// let (x0, noise) = ([0.0, 5.0, -5.0], [0.1, -1.0, 1.0]);
/// assert_eq!(pair_with_noise(&x0, &noise, 1)?, [0, 2, 1]);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
pub fn pair_with_noise(x0: &[f32], noise: &[f32], d: usize) -> Result<Vec<usize>, Error> {
    Error::check_length("values of noise", x0.len(), noise.len())?;
    if d == 0 || !x0.len().is_multiple_of(d) {
        return Err(Error::RaggedRows { array: "x0", n_values: x0.len(), width: d });
    }
    Error::check_finite("x0", x0, d)?;
    Error::check_finite("noise", noise, d)?;
    let n = x0.len() / d;
    let row = |values: &'_ [f32], i: usize| -> Vec<f64> {
        values[i * d..(i + 1) * d].iter().map(|&v| f64::from(v)).collect()
    };
    let noise: Vec<Vec<f64>> = (0..n).map(|j| row(noise, j)).collect();
    let cost: Vec<Vec<f64>> = (0..n)
        .map(|i| {
            let x = row(x0, i);
            let square = |z: &Vec<f64>| x.iter().zip(z).map(|(x, z)| (x - z).powi(2)).sum();
            noise.iter().map(square).collect()
        })
        .collect();
    Ok(assign(&cost))
}

/// The column of every row of a square matrix, of least total cost: shortest augmenting paths with potentials (Jonker &
/// Volgenant 1987). Row and column 0 of the work arrays stand for "none".
fn assign(cost: &[Vec<f64>]) -> Vec<usize> {
    let n = cost.len();
    let (mut of_row, mut of_column) = (vec![0.0; n + 1], vec![0.0; n + 1]);
    let mut row_of = vec![0; n + 1];
    for row in 1..=n {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![f64::INFINITY; n + 1];
        let mut came_from = vec![0; n + 1];
        let mut done = vec![false; n + 1];
        while row_of[column] != 0 {
            done[column] = true;
            let at = row_of[column];
            let (mut step, mut nearest) = (f64::INFINITY, 0);
            for j in (1..=n).filter(|&j| !done[j]) {
                let reduced = cost[at - 1][j - 1] - of_row[at] - of_column[j];
                if reduced < least[j] {
                    (least[j], came_from[j]) = (reduced, column);
                }
                if least[j] < step {
                    (step, nearest) = (least[j], j);
                }
            }
            for j in 0..=n {
                if done[j] {
                    of_row[row_of[j]] += step;
                    of_column[j] -= step;
                } else {
                    least[j] -= step;
                }
            }
            column = nearest;
        }
        while column != 0 {
            row_of[column] = row_of[came_from[column]];
            column = came_from[column];
        }
    }
    let mut column_of = vec![0; n];
    for (column, &row) in row_of.iter().enumerate().skip(1) {
        column_of[row - 1] = column - 1;
    }
    column_of
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The least cost over all permutations.
    fn brute_force(cost: &[Vec<f64>], row: usize, used: &mut Vec<bool>) -> f64 {
        if row == cost.len() {
            return 0.0;
        }
        let mut least = f64::INFINITY;
        for column in 0..cost.len() {
            if !used[column] {
                used[column] = true;
                least = least.min(cost[row][column] + brute_force(cost, row + 1, used));
                used[column] = false;
            }
        }
        least
    }

    proptest! {
        #[test]
        fn the_assignment_is_a_permutation_of_least_cost(
            n in 1usize..7,
            values in proptest::collection::vec(-3.0f64..3.0, 36),
        ) {
            let cost: Vec<Vec<f64>> = values.chunks(6).take(n).map(|r| r[..n].to_vec()).collect();
            let columns = assign(&cost);
            let mut sorted = columns.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..n).collect::<Vec<_>>());
            let total: f64 = columns.iter().enumerate().map(|(i, &j)| cost[i][j]).sum();
            prop_assert!((total - brute_force(&cost, 0, &mut vec![false; n])).abs() < 1e-9);
        }
    }

    #[test]
    fn on_a_line_ranks_are_paired() {
        let x0: Vec<f32> = (0..50).map(|i| ((i * 37 % 50) as f32).powi(2)).collect();
        let noise: Vec<f32> = (0..50).map(|i| (i * 13 % 50) as f32 * 0.1).collect();
        let rank = |values: &[f32], v: f32| values.iter().filter(|w| **w < v).count();
        for (i, j) in pair_with_noise(&x0, &noise, 1).expect("valid").into_iter().enumerate() {
            assert_eq!(rank(&x0, x0[i]), rank(&noise, noise[j]));
        }
    }

    #[test]
    fn noise_is_handed_out_within_conditions() {
        // Two conditions far apart, their rows interleaved.
        let x0 = [0.0, 10.0, 1.0, 11.0, 2.0, 12.0];
        let noise = vec![0.5, -0.3, -1.0, 0.8, 0.1, 0.2];
        let conditions = [0, 1, 0, 1, 0, 1];
        let coupled = Coupling::OptimalTransport.couple(&x0, noise.clone(), 1, &conditions);
        assert_eq!(coupled.expect("valid"), [-1.0, -0.3, 0.1, 0.2, 0.5, 0.8]);
        let independent = Coupling::Independent.couple(&x0, noise.clone(), 1, &conditions);
        assert_eq!(independent.expect("valid"), noise);
    }

    #[test]
    fn bad_rows_are_named() {
        let refused =
            |x0: &[f32], noise: &[f32], d| pair_with_noise(x0, noise, d).expect_err("bad");
        assert!(matches!(
            refused(&[0.0; 4], &[0.0; 2], 2),
            Error::LengthMismatch { expected: 4, found: 2, .. }
        ));
        assert_eq!(
            refused(&[0.0; 3], &[0.0; 3], 2),
            Error::RaggedRows { array: "x0", n_values: 3, width: 2 }
        );
        assert!(matches!(
            refused(&[0.0, 1.0, f32::NAN, 0.0], &[0.0; 4], 2),
            Error::NonFiniteValue { what: "x0", row: 1, column: 0, .. }
        ));
    }
}
