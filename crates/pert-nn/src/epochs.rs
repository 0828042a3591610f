//! Mini-batches.

use pert_core::{ChaCha8Rng, shuffled_indices};

use crate::error::Error;

/// Batches of row numbers without replacement, in a new random order for every pass over the rows; what does not
/// fill a batch at the end of a pass waits for another order.
///
/// ```
/// use pert_core::seeded_rng;
/// use pert_nn::Epochs;
/// let (mut epochs, mut rng) = (Epochs::new(6, 2), seeded_rng(0, "example"));
/// let mut seen: Vec<usize> = (0..3).flat_map(|_| epochs.next(&mut rng).to_vec()).collect();
/// seen.sort_unstable();
/// assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epochs {
    n: usize,
    batch: usize,
    order: Vec<usize>,
    position: usize,
}

impl Epochs {
    /// Batches of `batch` out of `n` rows; of all rows where there are fewer.
    pub fn new(n: usize, batch: usize) -> Self {
        Self { n, batch: batch.min(n), order: Vec::new(), position: 0 }
    }

    /// Rows in a batch.
    pub fn batch_size(&self) -> usize {
        self.batch
    }

    /// The rows of the next batch, `[batch_size]`; a new pass draws its order from `rng` first.
    pub fn next(&mut self, rng: &mut ChaCha8Rng) -> &[usize] {
        if self.position + self.batch > self.order.len() {
            self.order = shuffled_indices(self.n, rng);
            self.position = 0;
        }
        let first = self.position;
        self.position += self.batch;
        &self.order[first..self.position]
    }

    /// The order of the running pass, and the place of the next batch in it.
    pub fn place(&self) -> (&[usize], usize) {
        (&self.order, self.position)
    }

    /// Goes on at a place that was written down.
    ///
    /// # Errors
    /// [`Error::TrainingState`] unless `order` is empty or a permutation of the rows, and `position` lies in it.
    pub fn restore(&mut self, order: Vec<usize>, position: usize) -> Result<(), Error> {
        let mut seen = vec![false; self.n];
        let fresh = |&row: &usize| seen.get_mut(row).is_some_and(|s| !std::mem::replace(s, true));
        let whole = order.is_empty() || order.len() == self.n && order.iter().all(fresh);
        if !whole || position > order.len() {
            return Err(Error::TrainingState {
                reason: "the order of its rows does not fit".into(),
            });
        }
        (self.order, self.position) = (order, position);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::{RngState, seeded_rng};

    #[test]
    fn every_pass_visits_every_row_once() {
        let mut rng = seeded_rng(0, "epochs");
        let mut epochs = Epochs::new(12, 4);
        for _ in 0..3 {
            let mut rows: Vec<usize> =
                (0..3).flat_map(|_| epochs.next(&mut rng).to_vec()).collect();
            rows.sort_unstable();
            assert_eq!(rows, (0..12).collect::<Vec<_>>());
        }
        assert_eq!(Epochs::new(3, 10).next(&mut rng).len(), 3);
    }

    #[test]
    fn a_restored_place_gives_the_same_batches() {
        let mut rng = seeded_rng(0, "epochs");
        let mut epochs = Epochs::new(10, 3);
        for n_batches in [0, 1, 3, 4, 7] {
            (0..n_batches).for_each(|_| {
                epochs.next(&mut rng);
            });
            let (mut other_rng, mut other) = (RngState::of(&rng).rng(), Epochs::new(10, 3));
            let (order, position) = epochs.place();
            other.restore(order.to_vec(), position).unwrap();
            for _ in 0..8 {
                assert_eq!(epochs.next(&mut rng), other.next(&mut other_rng));
            }
        }
    }

    #[test]
    fn a_foreign_place_is_refused() {
        let mut epochs = Epochs::new(3, 2);
        for (order, position) in
            [(vec![0, 1], 0), (vec![0, 1, 1], 0), (vec![0, 1, 3], 0), (vec![2, 1, 0], 4)]
        {
            assert!(epochs.restore(order, position).is_err());
        }
        epochs.restore(vec![2, 1, 0], 2).unwrap();
    }
}
