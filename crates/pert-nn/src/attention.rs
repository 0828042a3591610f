//! Multi-head self-attention over short sequences, and who may see whom.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor, TensorData, activation};
use rand_chacha::ChaCha8Rng;

use crate::init::{LinearInit, linear};

/// Added to the score of a key that must not be seen: its softmax weight is then exactly 0 in f32, and two of them
/// still add up to a finite number.
const HIDDEN: f32 = -1e30;

/// Which positions of a sequence see which, with the padding of every row.
///
/// Position i sees position j where j ≤ i, or where both lie among the first `n_prefix`; keys that are padding are seen by
/// nobody. `n_prefix` = 0 is the causal mask of a decoder (Vaswani et al. 2017, section 3.2.3), `n_prefix` = L lets all
/// positions see one another, and what lies between is the prefix mask of Raffel et al. 2020, section 3.2.1.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::AttentionMask;
/// let device = Device::default();
/// let visible = |mask: &AttentionMask, n| -> Vec<bool> {
///     mask.bias().reshape([n * 3 * 3]).into_data().iter::<f64>().map(|b| b == 0.0).collect()
/// };
/// // Positions 0 and 1 see each other, position 2 sees all.
/// let mask = AttentionMask::prefix_causal(3, 2, &device);
/// let (yes, no) = (true, false);
/// assert_eq!(visible(&mask, 1), [yes, yes, no, yes, yes, no, yes, yes, yes]);
/// // One row, whose position 1 is padding.
/// let mask = mask.with_padding(Tensor::from_data([[0.0, 1.0, 0.0]], &device));
/// assert_eq!(visible(&mask, 1), [yes, no, no, yes, no, no, yes, no, yes]);
/// ```
#[derive(Debug, Clone)]
pub struct AttentionMask {
    /// Added to the scores, `[n or 1, 1, n_positions, n_positions]`.
    bias: Tensor<4>,
}

impl AttentionMask {
    /// The first `n_prefix` of `n_positions` see one another, the others themselves and all before them.
    pub fn prefix_causal(n_positions: usize, n_prefix: usize, device: &Device) -> Self {
        let values: Vec<f32> = (0..n_positions)
            .flat_map(|i| (0..n_positions).map(move |j| (i, j)))
            .map(|(i, j)| {
                let visible = j <= i || (i < n_prefix && j < n_prefix);
                if visible { 0.0 } else { HIDDEN }
            })
            .collect();
        let shape = [1, 1, n_positions, n_positions];
        Self { bias: Tensor::from_data(TensorData::new(values, shape), device) }
    }

    /// Every position sees itself and those before it.
    ///
    /// ```
    /// let mask = pert_nn::AttentionMask::causal(4, &Default::default());
    /// assert_eq!(mask.bias().dims(), [1, 1, 4, 4]);
    /// ```
    pub fn causal(n_positions: usize, device: &Device) -> Self {
        Self::prefix_causal(n_positions, 0, device)
    }

    /// Every position sees every other.
    ///
    /// ```
    /// let mask = pert_nn::AttentionMask::bidirectional(4, &Default::default());
    /// assert!(mask.bias().into_data().iter::<f64>().all(|b| b == 0.0));
    /// ```
    pub fn bidirectional(n_positions: usize, device: &Device) -> Self {
        Self::prefix_causal(n_positions, n_positions, device)
    }

    /// Hides keys: 1 where a position of a row is padding, 0 elsewhere.
    ///
    /// A position that then sees nothing gets the mean of all values; refuse rows of nothing but padding before.
    ///
    /// # Shapes
    /// `padding`: `[n, n_positions]`.
    pub fn with_padding(self, padding: Tensor<2>) -> Self {
        let [n, n_positions] = padding.dims();
        let hidden = padding.mul_scalar(HIDDEN).reshape([n, 1, 1, n_positions]);
        Self { bias: self.bias + hidden } // [n, 1, n_positions, n_positions]
    }

    /// What is added to the scores: 0 where a query (third axis) sees a key (fourth), a huge negative number elsewhere.
    ///
    /// # Shapes
    /// Output: `[n or 1, 1, n_positions, n_positions]`.
    pub fn bias(&self) -> Tensor<4> {
        self.bias.clone()
    }

    /// The part that belongs to the last query, `[n or 1, 1, 1, n_positions]`.
    fn last(&self) -> Tensor<4> {
        let [_, _, n_positions, _] = self.bias.dims();
        self.bias.clone().narrow(2, n_positions - 1, 1)
    }
}

/// Multi-head self-attention (Vaswani et al. 2017, equation 1 and section 3.2.2): with q, k, v linear in x and split into
/// heads of width d_head, out = W_o [softmax(q kᵀ / √d_head + bias) v] over all heads, joined.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_core::seeded_rng;
/// use pert_nn::{AttentionMask, SelfAttention, standard_normal};
/// let (device, rng) = (Device::default(), &mut seeded_rng(0, "example"));
/// let attention = SelfAttention::new(8, 2, rng, &device)?;
/// let x = standard_normal([5, 3, 8], rng, &device); // [n, n_positions, width]
/// let mask = AttentionMask::causal(3, &device);
/// assert_eq!(attention.forward(x, &mask).dims(), [5, 3, 8]);
/// # Ok::<(), pert_nn::Error>(())
/// ```
#[derive(Module, Debug)]
pub struct SelfAttention {
    query: Linear,
    key_value: Linear,
    output: Linear,
    #[module(skip)]
    n_heads: usize,
}

impl SelfAttention {
    /// Draws the first weights of `n_heads` heads over vectors of `width`.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) for a width that the heads do not divide.
    pub fn new(
        width: usize,
        n_heads: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Result<Self, crate::Error> {
        check_heads(width, n_heads)?;
        let kaiming = LinearInit::KaimingUniform;
        Ok(Self {
            query: linear(width, width, kaiming, rng, device),
            key_value: linear(width, 2 * width, kaiming, rng, device),
            output: linear(width, width, kaiming, rng, device),
            n_heads,
        })
    }

    /// What every position gathers from those it sees.
    ///
    /// # Shapes
    /// `x`, output: `[n, n_positions, width]`; `mask` of n rows or one.
    pub fn forward(&self, x: Tensor<3>, mask: &AttentionMask) -> Tensor<3> {
        self.attend(x.clone(), x, mask.bias())
    }

    /// What the last position alone gathers: the last position of [`forward`](Self::forward) for less work.
    ///
    /// # Shapes
    /// `x`: `[n, n_positions, width]`; output: `[n, 1, width]`.
    pub fn forward_last(&self, x: Tensor<3>, mask: &AttentionMask) -> Tensor<3> {
        let [_, n_positions, _] = x.dims();
        self.attend(x.clone().narrow(1, n_positions - 1, 1), x, mask.last())
    }

    fn attend(&self, queries: Tensor<3>, x: Tensor<3>, bias: Tensor<4>) -> Tensor<3> {
        let [n, n_queries, width] = queries.dims();
        let [_, n_keys, _] = x.dims();
        let (heads, d_head) = (self.n_heads, width / self.n_heads);
        let scale = 1.0 / (d_head as f64).sqrt();
        let q = self.query.forward(queries).mul_scalar(scale); // [n, n_queries, width]
        let q = q.reshape([n, n_queries, heads, d_head]).swap_dims(1, 2); // [n, heads, n_queries, d_head]
        let kv = self.key_value.forward(x).reshape([n, n_keys, 2, heads, d_head]);
        let part = |i| kv.clone().narrow(2, i, 1).reshape([n, n_keys, heads, d_head]);
        let k = part(0).permute([0, 2, 3, 1]); // [n, heads, d_head, n_keys]
        let v = part(1).swap_dims(1, 2); // [n, heads, n_keys, d_head]
        let weights = activation::softmax(q.matmul(k) + bias, 3); // [n, heads, n_queries, n_keys]
        let gathered = weights.matmul(v).swap_dims(1, 2); // [n, n_queries, heads, d_head]
        self.output.forward(gathered.reshape([n, n_queries, width]))
    }
}

/// Refuses heads that do not divide the width.
pub(crate) fn check_heads(width: usize, n_heads: usize) -> Result<(), crate::Error> {
    if width == 0 {
        return Err(crate::Error::setting("width", "at least 1", width));
    }
    if n_heads == 0 || !width.is_multiple_of(n_heads) {
        let found = format!("{n_heads} with a width of {width}");
        return Err(crate::Error::setting("n_heads", "a divisor of the width", found));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::standard_normal;
    use rand::SeedableRng;

    fn host(x: Tensor<3>) -> Vec<f32> {
        x.into_data().try_to_vec().expect("f32")
    }

    #[test]
    fn hidden_keys_have_no_influence_at_all() {
        let device = Device::default();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let attention = SelfAttention::new(8, 2, &mut rng, &device).expect("valid");
        let x = standard_normal([2, 4, 8], &mut rng, &device);
        let other = standard_normal([2, 4, 8], &mut rng, &device);
        // The same but for the last position.
        let changed =
            Tensor::cat(vec![x.clone().narrow(1, 0, 3), other.clone().narrow(1, 3, 1)], 1);
        let causal = AttentionMask::causal(4, &device);
        let first = |x: Tensor<3>| host(attention.forward(x, &causal).narrow(1, 0, 3));
        assert_eq!(first(x.clone()), first(changed.clone()));
        let padding = Tensor::from_data([[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]], &device);
        let mask = AttentionMask::bidirectional(4, &device).with_padding(padding);
        let first = |x: Tensor<3>| host(attention.forward(x, &mask).narrow(1, 0, 3));
        assert_eq!(first(x.clone()), first(changed.clone()));
        let open = AttentionMask::bidirectional(4, &device);
        let first = |x: Tensor<3>| host(attention.forward(x, &open).narrow(1, 0, 3));
        assert_ne!(first(x), first(changed));
    }

    #[test]
    fn the_last_position_alone_equals_that_of_all() {
        let device = Device::default();
        let mut rng = ChaCha8Rng::seed_from_u64(0);
        let attention = SelfAttention::new(8, 4, &mut rng, &device).expect("valid");
        let x = standard_normal([3, 5, 8], &mut rng, &device);
        let padding = Tensor::from_data([[0.0, 1.0, 0.0, 0.0, 0.0]], &device);
        let mask = AttentionMask::prefix_causal(5, 2, &device).with_padding(padding);
        let last = host(attention.forward(x.clone(), &mask).narrow(1, 4, 1));
        for (a, b) in host(attention.forward_last(x, &mask)).iter().zip(&last) {
            // f32 products of width 8.
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
    }

    #[test]
    fn heads_that_do_not_divide_the_width_are_named() {
        let message = |width, n_heads| {
            let mut rng = ChaCha8Rng::seed_from_u64(0);
            let result = SelfAttention::new(width, n_heads, &mut rng, &Device::default());
            result.map(|_| ()).expect_err("refused").to_string()
        };
        assert_eq!(
            message(8, 3),
            "n_heads must be a divisor of the width, found 3 with a width of 8"
        );
        assert!(message(8, 0).starts_with("n_heads"));
        assert!(message(0, 1).starts_with("width"));
    }
}
