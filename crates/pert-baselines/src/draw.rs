//! Drawing training cells in given proportions, none twice.
//!
//! Never with replacement: a cell that stands twice is at distance 0 of itself, which no real population shows, and
//! would be held against the baseline by every distance between populations.

use std::collections::HashSet;

use pert_core::{ChaCha8Rng, shuffled_indices};

/// A training cell, and the place of its shift in a plan.
pub(crate) type Placed = (usize, Option<usize>);

/// Cells of which a population is to hold a share.
pub(crate) struct Pool {
    pub cells: Vec<Placed>,
    pub weight: f64,
}

impl Pool {
    /// Cells that all get the same shift.
    pub fn new(rows: &[usize], shift: Option<usize>, weight: f64) -> Self {
        Self { cells: rows.iter().map(|&row| (row, shift)).collect(), weight }
    }
}

/// `n` cells in the proportions of the weights > 0, each row at most once; fewer where all pools run out.
///
/// Every beginning of the result is in proportion too (Webster's rule: the next cell comes from the pool with the
/// least (taken + ½) / weight), so a reader may stop anywhere. A pool that runs out leaves its share to the others.
/// Cells of a single pool are simply shuffled.
pub(crate) fn draw_in_proportion(pools: &[Pool], n: usize, rng: &mut ChaCha8Rng) -> Vec<Placed> {
    let orders: Vec<Vec<usize>> =
        pools.iter().map(|pool| shuffled_indices(pool.cells.len(), rng)).collect();
    let mut next = vec![0; pools.len()];
    let mut taken = vec![0; pools.len()];
    let mut used = HashSet::new();
    let mut drawn = Vec::new();
    while drawn.len() < n {
        let left = (0..pools.len()).filter(|&i| next[i] < orders[i].len());
        let priority = |i: usize| (taken[i] as f64 + 0.5) / pools[i].weight;
        let Some(i) = left.min_by(|&i, &j| priority(i).total_cmp(&priority(j))) else { break };
        let cell = pools[i].cells[orders[i][next[i]]];
        next[i] += 1;
        // Pools overlap where one stands in for a stratum without cells of its own.
        if used.insert(cell.0) {
            taken[i] += 1;
            drawn.push(cell);
        }
    }
    drawn
}

/// Joins drawn lists in the proportions of the weights > 0, at most `n` cells.
///
/// It ends when the list whose turn it is has no more, since whatever came after would be out of proportion.
pub(crate) fn join_in_proportion(lists: &[Vec<Placed>], weights: &[f64], n: usize) -> Vec<Placed> {
    let mut next = vec![0; lists.len()];
    let mut joined = Vec::new();
    while joined.len() < n {
        let priority = |i: usize| (next[i] as f64 + 0.5) / weights[i];
        let turn = (0..lists.len()).min_by(|&i, &j| priority(i).total_cmp(&priority(j)));
        let Some(cell) = turn.and_then(|i| lists[i].get(next[i]).map(|cell| (i, *cell))) else {
            break;
        };
        next[cell.0] += 1;
        joined.push(cell.1);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::seeded_rng;

    fn rows(drawn: &[Placed]) -> Vec<usize> {
        drawn.iter().map(|cell| cell.0).collect()
    }

    #[test]
    fn rows_never_repeat() {
        let all: Vec<usize> = (10..30).collect();
        let draw = |rows: &[usize], n, seed| {
            draw_in_proportion(&[Pool::new(rows, None, 1.0)], n, &mut seeded_rng(seed, "draw"))
        };
        let few = rows(&draw(&all, 20, 1));
        assert_eq!(few.iter().collect::<HashSet<_>>().len(), 20);
        let mut more = rows(&draw(&all, 50, 1));
        more.sort_unstable();
        assert_eq!(more, all);
        assert!(draw(&[], 5, 1).is_empty());
        assert_eq!(draw(&all, 7, 2), draw(&all, 7, 2));
        let overlapping = [Pool::new(&all, None, 0.5), Pool::new(&all[5..], Some(0), 0.5)];
        let drawn = rows(&draw_in_proportion(&overlapping, 50, &mut seeded_rng(1, "draw")));
        assert_eq!((drawn.len(), drawn.iter().collect::<HashSet<_>>().len()), (20, 20));
    }

    #[test]
    fn every_beginning_is_in_proportion_until_a_pool_runs_out() {
        let (many, few): (Vec<usize>, Vec<usize>) = ((0..100).collect(), (100..110).collect());
        let pools = [Pool::new(&many, None, 0.75), Pool::new(&few, Some(1), 0.25)];
        let drawn = draw_in_proportion(&pools, 200, &mut seeded_rng(3, "draw"));
        assert_eq!(drawn.len(), 110);
        for n in 1..=40 {
            let of_few = drawn[..n].iter().filter(|cell| cell.1.is_some()).count();
            assert!((of_few as f64 - 0.25 * n as f64).abs() <= 1.0, "{of_few} of {n}");
        }
    }

    #[test]
    fn joined_lists_end_with_the_first_that_has_no_more() {
        let list = |rows: std::ops::Range<usize>| rows.map(|row| (row, None)).collect::<Vec<_>>();
        let joined = join_in_proportion(&[list(0..50), list(50..55)], &[0.75, 0.25], 100);
        assert_eq!(joined.iter().filter(|cell| cell.0 >= 50).count(), 5);
        assert!((15..=18).contains(&(joined.len() - 5)), "{}", joined.len());
        assert_eq!(join_in_proportion(&[list(0..9)], &[1.0], 4), list(0..4));
        assert!(join_in_proportion(&[list(0..9), vec![]], &[0.5, 0.5], 4).len() <= 1);
    }
}
