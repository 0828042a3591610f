//! Attention for inference without a matrix of scores in memory.

use burn::tensor::{Tensor, TensorData, activation};
use pulp::Simd;
use rayon::prelude::*;

use super::host::{LANES, exp_not_positive, host, in_memory, tensor};
use crate::AttentionMask;

/// Queries that go through the keys together: as many sums as a processor adds up at once.
const QUERIES: usize = 8;

/// Angles by which queries and keys are turned, so that their product depends on how far apart they stand
/// (Su et al. 2021, section 3.2.2, equation 34; component i turns with component i + d_head/2).
#[derive(Debug, Clone, PartialEq)]
pub struct Rotary {
    inverse_frequencies: Vec<f32>,
}

impl Rotary {
    /// Angles per position of base^(−2i/d_head), i < d_head/2.
    pub fn new(base: f64, d_head: usize) -> Self {
        let exponent = |i: usize| 2.0 * i as f64 / d_head as f64;
        Self::from_inverse_frequencies(
            (0..d_head / 2).map(|i| base.powf(-exponent(i)) as f32).collect(),
        )
    }

    /// The given angles per position, one for each pair of components.
    pub fn from_inverse_frequencies(inverse_frequencies: Vec<f32>) -> Self {
        Self { inverse_frequencies }
    }

    /// cos and sin of the angles of positions 0 to n, `[n_positions, d_head / 2]` each.
    fn tables(&self, n_positions: usize) -> (Vec<f32>, Vec<f32>) {
        // In f32, as implementations do that trained such networks.
        let angles = (0..n_positions)
            .flat_map(|position| self.inverse_frequencies.iter().map(move |f| position as f32 * f));
        angles.map(|angle| (angle.cos(), angle.sin())).unzip()
    }
}

/// softmax(q kᵀ / √d_head) v over heads, joined (Vaswani et al. 2017, equation 1); with [`Rotary`], q and k are turned
/// first. For inference.
///
/// `padding` is 1 where a key must not be seen, 0 elsewhere; a row of nothing but padding has no meaning.
///
/// On the processor, scores are made for a few queries at a time and never stored as a matrix; sums run in an order that
/// depends on neither the batch nor the number of threads. On other devices and where gradients are wanted, the same is
/// composed of Burn operations.
///
/// # Shapes
/// - q, k, v, output: `[n, n_positions, width]`, `n_heads` a divisor of `width`
/// - padding: `[n, n_positions]`
///
/// # Panics
/// For heads that do not divide the width, and for [`Rotary`] of another width than a head's: checked where built.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_nn::ops::{Rotary, attention};
/// let device = Device::default();
/// // Equal keys: every query gathers the mean of the values that are no padding.
/// let q = Tensor::<3>::from_data([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], &device);
/// let k = Tensor::ones([1, 3, 2], &device);
/// let padding = Tensor::from_data([[0.0, 0.0, 1.0]], &device);
/// let y = attention(q.clone(), k, q, 1, None, Some(padding));
/// assert_eq!(y.into_data().iter::<f64>().collect::<Vec<_>>(), [2.0, 3.0, 2.0, 3.0, 2.0, 3.0]);
/// ```
pub fn attention(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    n_heads: usize,
    rotary: Option<&Rotary>,
    padding: Option<Tensor<2>>,
) -> Tensor<3> {
    let [n, n_positions, width] = q.dims();
    assert!(n_heads > 0 && width.is_multiple_of(n_heads), "heads divide the width");
    let d_head = width / n_heads;
    if let Some(rotary) = rotary {
        let turned = 2 * rotary.inverse_frequencies.len();
        assert_eq!(turned, d_head, "rotary angles are for heads of this width");
    }
    if q.dims().contains(&0) {
        return q;
    }
    let tables = rotary.map(|rotary| rotary.tables(n_positions));
    let device = q.device();
    if !in_memory(&device) {
        return composed(q, k, v, n_heads, tables, padding);
    }
    let (q, k, v) = (host(q), host(k), host(v));
    let padding = padding.map(host);
    let mut out = vec![0.0; n * n_positions * width]; // [n, n_heads, n_positions, d_head]
    let arch = pulp::Arch::new();
    out.par_chunks_mut(n_positions * d_head).enumerate().for_each_init(
        Scratch::default,
        |scratch, (i, out)| {
            let (row, head) = (i / n_heads, i % n_heads);
            let of_row = |x: &[f32], width: usize| -> std::ops::Range<usize> {
                debug_assert_eq!(x.len(), n * n_positions * width);
                row * n_positions * width..(row + 1) * n_positions * width
            };
            let part = Head {
                q: &q[of_row(&q, width)],
                k: &k[of_row(&k, width)],
                v: &v[of_row(&v, width)],
                padding: padding.as_ref().map(|p| &p[of_row(p, 1)]),
                tables: tables.as_ref().map(|(cos, sin)| (cos.as_slice(), sin.as_slice())),
                offset: head * d_head,
                d_head,
                width,
            };
            arch.dispatch(Pass { head: part, scratch, out });
        },
    );
    let out: Tensor<4> = tensor(out, [n, n_heads, n_positions, d_head], &device);
    out.swap_dims(1, 2).reshape([n, n_positions, width])
}

/// One head of one row of the batch.
struct Head<'a> {
    /// `[n_positions, width]`, of which the head has `d_head` columns from `offset`.
    q: &'a [f32],
    k: &'a [f32],
    v: &'a [f32],
    padding: Option<&'a [f32]>,
    tables: Option<(&'a [f32], &'a [f32])>,
    offset: usize,
    d_head: usize,
    width: usize,
}

/// Buffers that a thread uses again.
#[derive(Default)]
struct Scratch {
    /// `[queries / QUERIES, d_head]`
    q: Vec<[f32; QUERIES]>,
    /// `[d_head, keys rounded up]`
    k: Vec<f32>,
    /// `[keys, d_head rounded up]`
    v: Vec<f32>,
    /// `[keys rounded up]`, added to scores
    bias: Vec<f32>,
    /// `[QUERIES, keys rounded up]`
    scores: Vec<f32>,
    /// One row of a head.
    row: Vec<f32>,
    /// `[QUERIES, d_head rounded up]`
    gathered: Vec<f32>,
}

/// A head's work, as `pulp` compiles it for each kind of processor. A closure would do only while the compiler thinks it small
/// enough to be inlined; else every multiplication would be a call.
struct Pass<'a> {
    head: Head<'a>,
    scratch: &'a mut Scratch,
    out: &'a mut [f32],
}

impl pulp::WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.head.attend(simd, self.scratch, self.out);
    }
}

impl Head<'_> {
    #[inline(always)]
    fn attend<S: Simd>(&self, simd: S, scratch: &mut Scratch, out: &mut [f32]) {
        let n_positions = self.q.len() / self.width;
        let n_keys = n_positions.next_multiple_of(LANES);
        self.load(scratch, n_keys);
        let Scratch { q, k, v, bias, scores, gathered, .. } = scratch;
        let blocks = q.chunks_exact(self.d_head).zip(out.chunks_mut(QUERIES * self.d_head));
        for (queries, out) in blocks {
            score(simd, queries, k, bias, scores);
            let mut scale = [0.0; QUERIES];
            for (scale, scores) in scale.iter_mut().zip(scores.chunks_exact_mut(n_keys)) {
                *scale = 1.0 / exponentials(scores);
            }
            gather(simd, scores, v, gathered, n_positions);
            let d_value = gathered.len() / QUERIES;
            let rows = out.chunks_exact_mut(self.d_head).zip(gathered.chunks_exact(d_value));
            for ((out, gathered), scale) in rows.zip(scale) {
                out.iter_mut().zip(gathered).for_each(|(out, sum)| *out = sum * scale);
            }
        }
    }

    /// Fills the buffers: queries turned, scaled and transposed in blocks, keys turned and transposed, values padded.
    #[inline(always)]
    fn load(&self, scratch: &mut Scratch, n_keys: usize) {
        let (d_head, n_positions) = (self.d_head, self.q.len() / self.width);
        let d_value = d_head.next_multiple_of(LANES);
        fn fill<T: Copy>(buffer: &mut Vec<T>, length: usize, value: T) {
            buffer.clear();
            buffer.resize(length, value);
        }
        fill(&mut scratch.q, n_positions.div_ceil(QUERIES) * d_head, [0.0; QUERIES]);
        fill(&mut scratch.k, d_head * n_keys, 0.0);
        fill(&mut scratch.v, n_positions * d_value, 0.0);
        fill(&mut scratch.bias, n_keys, f32::NEG_INFINITY);
        fill(&mut scratch.scores, QUERIES * n_keys, 0.0);
        fill(&mut scratch.gathered, QUERIES * d_value, 0.0);
        fill(&mut scratch.row, d_head, 0.0);
        let scale = 1.0 / (d_head as f32).sqrt();
        for position in 0..n_positions {
            let of_head = position * self.width + self.offset;
            self.turn(&self.q[of_head..][..d_head], position, &mut scratch.row);
            let block = &mut scratch.q[position / QUERIES * d_head..][..d_head];
            for (query, x) in block.iter_mut().zip(&scratch.row) {
                query[position % QUERIES] = x * scale;
            }
            self.turn(&self.k[of_head..][..d_head], position, &mut scratch.row);
            for (key, x) in scratch.k[position..].iter_mut().step_by(n_keys).zip(&scratch.row) {
                *key = *x;
            }
            scratch.v[position * d_value..][..d_head].copy_from_slice(&self.v[of_head..][..d_head]);
            let hidden = self.padding.is_some_and(|padding| padding[position] != 0.0);
            scratch.bias[position] = if hidden { f32::NEG_INFINITY } else { 0.0 };
        }
    }

    #[inline(always)]
    fn turn(&self, x: &[f32], position: usize, out: &mut [f32]) {
        let Some((cos, sin)) = self.tables else {
            return out.copy_from_slice(x);
        };
        let half = x.len() / 2;
        let (cos, sin) = (&cos[position * half..][..half], &sin[position * half..][..half]);
        for i in 0..half {
            let (a, b) = (x[i], x[i + half]);
            out[i] = a * cos[i] - b * sin[i];
            out[i + half] = b * cos[i] + a * sin[i];
        }
    }
}

/// scores = queries · keys + bias; `queries` `[d_head]`, `keys` `[d_head, n_keys]`, `scores` `[QUERIES, n_keys]`.
#[inline(always)]
fn score<S: Simd>(
    simd: S,
    queries: &[[f32; QUERIES]],
    keys: &[f32],
    bias: &[f32],
    scores: &mut [f32],
) {
    // Padded to the widest vectors, so that nothing is left over.
    let (keys, bias) = (S::as_simd_f32s(keys).0, S::as_simd_f32s(bias).0);
    let scores = S::as_mut_simd_f32s(scores).0;
    let n_vectors = bias.len();
    for (block, bias) in bias.iter().enumerate() {
        let mut sums = [*bias; QUERIES];
        for (query, key) in queries.iter().zip(keys[block..].iter().step_by(n_vectors)) {
            for i in 0..QUERIES {
                sums[i] = simd.mul_add_f32s(simd.splat_f32s(query[i]), *key, sums[i]);
            }
        }
        for (score, sum) in scores[block..].iter_mut().step_by(n_vectors).zip(sums) {
            *score = sum;
        }
    }
}

/// Replaces scores by exp(score − largest) and returns their sum.
#[inline(always)]
fn exponentials(scores: &mut [f32]) -> f32 {
    let mut largest = [f32::NEG_INFINITY; LANES];
    for block in scores.as_chunks::<LANES>().0 {
        for lane in 0..LANES {
            largest[lane] = if block[lane] > largest[lane] { block[lane] } else { largest[lane] };
        }
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, f32::max);
    let mut sums = [0.0; LANES];
    for block in scores.as_chunks_mut::<LANES>().0 {
        for lane in 0..LANES {
            let hidden = block[lane] == f32::NEG_INFINITY;
            let e = exp_not_positive(block[lane] - largest);
            block[lane] = if hidden { 0.0 } else { e };
            sums[lane] += block[lane];
        }
    }
    sums.into_iter().sum()
}

/// out = weights · values; `weights` `[QUERIES, n_keys]`, `values` `[n_positions, d_value]`, `out` `[QUERIES, d_value]`.
#[inline(always)]
fn gather<S: Simd>(simd: S, weights: &[f32], values: &[f32], out: &mut [f32], n_positions: usize) {
    let n_keys = weights.len() / QUERIES;
    let weights: [&[f32]; QUERIES] =
        std::array::from_fn(|query| &weights[query * n_keys..][..n_positions]);
    let (values, out) = (S::as_simd_f32s(values).0, S::as_mut_simd_f32s(out).0);
    let n_vectors = out.len() / QUERIES;
    for block in 0..n_vectors {
        let mut sums = [simd.splat_f32s(0.0); QUERIES];
        let values = values[block..].iter().step_by(n_vectors);
        for (position, value) in (0..n_positions).zip(values) {
            for query in 0..QUERIES {
                let weight = simd.splat_f32s(weights[query][position]);
                sums[query] = simd.mul_add_f32s(weight, *value, sums[query]);
            }
        }
        for (out, sum) in out[block..].iter_mut().step_by(n_vectors).zip(sums) {
            *out = sum;
        }
    }
}

/// The same of Burn operations, for any device.
fn composed(
    q: Tensor<3>,
    k: Tensor<3>,
    v: Tensor<3>,
    n_heads: usize,
    tables: Option<(Vec<f32>, Vec<f32>)>,
    padding: Option<Tensor<2>>,
) -> Tensor<3> {
    let [n, n_positions, width] = q.dims();
    let (device, d_head) = (q.device(), width / n_heads);
    let split = |x: Tensor<3>| x.reshape([n, n_positions, n_heads, d_head]).swap_dims(1, 2);
    let tables = tables.map(|(cos, sin)| {
        let table = |values| {
            let shape = [1, 1, n_positions, d_head / 2];
            let half = Tensor::<4>::from_data(TensorData::new(values, shape), &device);
            Tensor::cat(vec![half.clone(), half], 3) // [1, 1, n_positions, d_head]
        };
        (table(cos), table(sin))
    });
    let turn = |x: Tensor<4>| match &tables {
        None => x,
        Some((cos, sin)) => {
            let (a, b) =
                (x.clone().narrow(3, 0, d_head / 2), x.clone().narrow(3, d_head / 2, d_head / 2));
            x * cos.clone() + Tensor::cat(vec![b.neg(), a], 3) * sin.clone()
        }
    };
    let q = turn(split(q).mul_scalar(1.0 / (d_head as f64).sqrt()));
    let mask = AttentionMask::bidirectional(n_positions, &device);
    let mask = padding.map_or(mask.clone(), |padding| mask.with_padding(padding));
    let scores = q.matmul(turn(split(k)).swap_dims(2, 3)) + mask.bias(); // [n, n_heads, n_positions, n_positions]
    let gathered = activation::softmax(scores, 3).matmul(split(v)); // [n, n_heads, n_positions, d_head]
    gathered.swap_dims(1, 2).reshape([n, n_positions, width])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::standard_normal;
    use burn::tensor::Device;
    use pert_core::seeded_rng;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn one_pass_equals_the_composed_form(
            (n, n_positions, n_heads, half) in (1usize..3, 1usize..40, 1usize..4, 1usize..20),
            turned: bool,
            padded in 0usize..40,
        ) {
            let (device, rng) = (Device::default(), &mut seeded_rng(0, "attention"));
            let width = n_heads * 2 * half;
            let mut draw = || standard_normal([n, n_positions, width], rng, &device).mul_scalar(2.0);
            let (q, k, v) = (draw(), draw(), draw());
            let rotary = turned.then(|| Rotary::new(10_000.0, 2 * half));
            // The last row ends in padding; its first position is always seen.
            let hidden = |i: usize| i / n_positions == n - 1
                && !i.is_multiple_of(n_positions) && i % n_positions + padded >= n_positions;
            let padding: Vec<f32> =
                (0..n * n_positions).map(|i| f32::from(u8::from(hidden(i)))).collect();
            let padding = tensor(padding, [n, n_positions], &device);
            let tables = rotary.as_ref().map(|r| r.tables(n_positions));
            let expected = host(composed(
                q.clone(), k.clone(), v.clone(), n_heads, tables, Some(padding.clone()),
            ));
            let found = host(attention(q, k, v, n_heads, rotary.as_ref(), Some(padding)));
            for (a, b) in found.iter().zip(&expected) {
                // f32 sums of up to 40 terms of size 1, scores up to 40.
                prop_assert!((a - b).abs() < 2e-5, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_row_does_not_depend_on_the_rows_beside_it() {
        let (device, rng) = (Device::default(), &mut seeded_rng(1, "attention"));
        let x = standard_normal([3, 21, 24], rng, &device);
        let rotary = Rotary::new(10_000.0, 12);
        let run = |x: Tensor<3>| host(attention(x.clone(), x.clone(), x, 2, Some(&rotary), None));
        let row = 21 * 24;
        assert_eq!(run(x.clone().narrow(0, 1, 1)), run(x)[row..2 * row]);
    }

    #[test]
    fn turned_products_depend_on_the_distance_alone() {
        let rotary = Rotary::new(100.0, 4);
        let (cos, sin) = rotary.tables(30);
        let head = Head {
            q: &[],
            k: &[],
            v: &[],
            padding: None,
            tables: Some((&cos, &sin)),
            offset: 0,
            d_head: 4,
            width: 4,
        };
        let product = |i: usize, j: usize| -> f32 {
            let (mut q, mut k) = ([0.0; 4], [0.0; 4]);
            head.turn(&[0.3, -1.0, 0.5, 2.0], i, &mut q);
            head.turn(&[1.0, 0.7, -0.2, 0.4], j, &mut k);
            q.iter().zip(&k).map(|(a, b)| a * b).sum()
        };
        assert!((product(3, 7) - product(20, 24)).abs() < 1e-5);
        assert!((product(3, 7) - product(3, 8)).abs() > 1e-2);
    }
}
