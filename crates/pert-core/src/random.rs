//! Seeded randomness: one seed of the user's, one independent stream per purpose.

pub use rand_chacha::ChaCha8Rng;

use rand::{Rng, SeedableRng};

/// A generator for one purpose of one run.
///
/// Streams of different purposes are independent, so drawing more of one never shifts another: adding a
/// perturbation to a request leaves the cells of the others as they were.
///
/// ```
/// use rand::Rng;
/// let mut a = pert_core::seeded_rng(7, "prior/noise");
/// let mut b = pert_core::seeded_rng(7, "prior/noise");
/// assert_eq!(a.next_u64(), b.next_u64());
/// ```
pub fn seeded_rng(seed: u64, purpose: &str) -> ChaCha8Rng {
    // FNV-1a of the purpose fills half of the key; the user's seed fills the other half.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in purpose.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&hash.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// The place of a generator in its stream: restored, it draws what the original would have drawn next.
///
/// ```
/// use pert_core::{RngState, seeded_rng};
/// use rand::Rng;
/// let mut rng = seeded_rng(7, "prior/noise");
/// rng.next_u32();
/// let mut restored = RngState::of(&rng).rng();
/// assert_eq!(restored.next_u64(), rng.next_u64());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RngState {
    seed: [u8; 32],
    stream: u64,
    word_pos: u128,
}

impl RngState {
    /// The place of `rng`.
    pub fn of(rng: &ChaCha8Rng) -> Self {
        Self { seed: rng.get_seed(), stream: rng.get_stream(), word_pos: rng.get_word_pos() }
    }

    /// A generator at this place.
    pub fn rng(&self) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.seed);
        rng.set_stream(self.stream);
        rng.set_word_pos(self.word_pos);
        rng
    }
}

/// The indices `0..n` in random order, `[n]`: Fisher–Yates from the last place down, `j = next_u64() % (i + 1)`.
///
/// Written out because the shuffle of the `rand` crate may change between versions, and a split must not.
///
/// ```
/// use pert_core::{seeded_rng, shuffled_indices};
/// let order = shuffled_indices(5, &mut seeded_rng(0, "example"));
/// assert_eq!(order, shuffled_indices(5, &mut seeded_rng(0, "example")));
/// let mut sorted = order;
/// sorted.sort_unstable();
/// assert_eq!(sorted, [0, 1, 2, 3, 4]);
/// ```
pub fn shuffled_indices(n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        let j = (rng.next_u64() % (i as u64 + 1)) as usize;
        order.swap(i, j);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shuffle_is_a_permutation_and_depends_on_the_seed() {
        let a = shuffled_indices(50, &mut seeded_rng(1, "x"));
        let b = shuffled_indices(50, &mut seeded_rng(2, "x"));
        let mut sorted = a.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        assert_ne!(a, b);
        assert_eq!(a, shuffled_indices(50, &mut seeded_rng(1, "x")));
    }

    #[test]
    fn a_restored_generator_goes_on_where_the_original_was() {
        let mut rng = seeded_rng(3, "x");
        for n_words in [0, 1, 2, 15, 16, 17, 1000] {
            (0..n_words).for_each(|_| {
                rng.next_u32();
            });
            let mut restored = RngState::of(&rng).rng();
            let expected: Vec<u64> = (0..40).map(|_| rng.next_u64()).collect();
            assert_eq!((0..40).map(|_| restored.next_u64()).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn purposes_are_independent_streams() {
        assert_ne!(seeded_rng(1, "a").next_u64(), seeded_rng(1, "b").next_u64());
    }
}
