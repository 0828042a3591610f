//! What perturbing genes does to the latent programs, as a function of the genes' true features.

use pert_core::seeded_rng;
use rand_distr::{Distribution, StandardNormal};

/// Latent programs: screens of this size are commonly described by about ten.
pub(super) const N_PROGRAMS: usize = 10;

/// Dimensions of a gene's true features.
pub(super) const N_TRUE_FEATURES: usize = 16;

/// Functional families of genes; members act alike.
const N_FAMILIES: usize = 6;

/// Share of a true feature's variance (1) that a family has in common.
const FAMILY_SHARE: f64 = 0.6;

/// Hidden units of the network from features to programs: enough to be no plain linear map in disguise.
const N_HIDDEN: usize = 32;

/// Standard deviation of a hidden unit's input: in the bend of tanh, neither linear nor saturated.
const HIDDEN_GAIN: f64 = 1.3;

/// Root mean square of the feature-driven effect on one program, in units of log expression per unit loading.
const EFFECT_SCALE: f64 = 0.75;

/// Root mean square of the response common to all perturbations (stress of the transduced cell), same units. Real
/// screens have one: the mean over perturbations already predicts part of any of them.
const COMMON_SCALE: f64 = 0.25;

/// Root mean square of a gene's own effect that no feature explains, same units.
const GENE_NOISE_SCALE: f64 = 0.25;

/// Standard deviation of a gene's log strength: guides activate their genes unequally well.
const STRENGTH_LOG_SD: f64 = 0.35;

/// Rank of the symmetric form that decides how two genes interact; half of its directions count negatively.
const INTERACTION_RANK: usize = 4;

/// Quantiles of the interaction score over all pairs of perturbed genes: a quarter buffers below the first, a
/// quarter is synergistic above the second, the rest adds up.
const INTERACTION_QUANTILES: (f64, f64) = (0.25, 0.75);

/// Length of a synergy's extra direction relative to the mean length of the two effects.
const SYNERGY: f64 = 1.0;

/// Share of the weaker effect that buffering takes away.
const BUFFERING: f64 = 0.8;

/// How two perturbed genes act together in program space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interaction {
    /// e_ab = e_a + e_b.
    Additive,
    /// e_ab = e_a + e_b + a further direction neither gene has alone.
    Synergistic,
    /// e_ab = the stronger effect + a fifth of the weaker one.
    Buffering,
}

/// True features of every gene and their effects.
#[derive(Debug, Clone)]
pub(super) struct Regulation {
    /// True features, `[n_genes][N_TRUE_FEATURES]`, each of mean 0 and variance 1 over genes in expectation.
    pub features: Vec<[f64; N_TRUE_FEATURES]>,
    /// Effect of each gene alone on the programs, `[n_genes][N_PROGRAMS]`.
    effects: Vec<[f64; N_PROGRAMS]>,
    /// Rows of the interaction form, `[INTERACTION_RANK][N_TRUE_FEATURES]`.
    interaction: Vec<[f64; N_TRUE_FEATURES]>,
    /// Scores below the first buffer, above the second are synergistic.
    thresholds: (f64, f64),
    /// From the pair's symmetric features (sum, product) to the direction of a synergy.
    synergy: Network,
}

impl Regulation {
    /// Draws the biology of `n_genes` genes; `perturbed` (columns) sets the scale of what counts as interaction.
    pub fn draw(n_genes: usize, perturbed: &[usize], seed: u64) -> Self {
        let mut rng = seeded_rng(seed, "simulator/genes");
        let families: Vec<[f64; N_TRUE_FEATURES]> =
            (0..N_FAMILIES).map(|_| normals(&mut rng, 1.0)).collect();
        let features: Vec<[f64; N_TRUE_FEATURES]> = (0..n_genes)
            .map(|_| {
                let family = &families[(rng_uniform(&mut rng) * N_FAMILIES as f64) as usize];
                let own: [f64; N_TRUE_FEATURES] = normals(&mut rng, (1.0 - FAMILY_SHARE).sqrt());
                std::array::from_fn(|d| FAMILY_SHARE.sqrt() * family[d] + own[d])
            })
            .collect();

        let mut rng = seeded_rng(seed, "simulator/effects");
        let network = Network::draw(N_TRUE_FEATURES, EFFECT_SCALE, &mut rng);
        let common: [f64; N_PROGRAMS] = normals(&mut rng, COMMON_SCALE);
        let effects = features
            .iter()
            .map(|f| {
                let driven = network.forward(f);
                let noise: [f64; N_PROGRAMS] = normals(&mut rng, GENE_NOISE_SCALE);
                let strength = (STRENGTH_LOG_SD * normal(&mut rng)).exp();
                std::array::from_fn(|l| strength * (common[l] + driven[l] + noise[l]))
            })
            .collect();
        let interaction = (0..INTERACTION_RANK).map(|_| normals(&mut rng, 1.0)).collect();
        let synergy = Network::draw(2 * N_TRUE_FEATURES, 1.0, &mut rng);

        let mut out =
            Self { features, effects, interaction, thresholds: (f64::MIN, f64::MAX), synergy };
        let mut scores: Vec<f64> = perturbed
            .iter()
            .enumerate()
            .flat_map(|(i, &a)| perturbed[..i].iter().map(move |&b| (b, a)))
            .map(|(b, a)| out.interaction_score(b, a))
            .collect();
        if !scores.is_empty() {
            scores.sort_by(f64::total_cmp);
            let quantile = |q: f64| scores[((scores.len() - 1) as f64 * q).round() as usize];
            out.thresholds = (quantile(INTERACTION_QUANTILES.0), quantile(INTERACTION_QUANTILES.1));
        }
        out
    }

    /// How two different genes act together; symmetric.
    pub fn interaction(&self, a: usize, b: usize) -> Interaction {
        let score = self.interaction_score(a.min(b), a.max(b));
        if score < self.thresholds.0 {
            Interaction::Buffering
        } else if score > self.thresholds.1 {
            Interaction::Synergistic
        } else {
            Interaction::Additive
        }
    }

    /// The effect of a set of genes (columns, ascending) on the programs: the sum of the single effects and of the
    /// interactions of all pairs. Zero for the empty set.
    pub fn effect(&self, genes: &[usize]) -> [f64; N_PROGRAMS] {
        let mut total = [0.0; N_PROGRAMS];
        for (i, &b) in genes.iter().enumerate() {
            add(&mut total, &self.effects[b], 1.0);
            for &a in &genes[..i] {
                let (e_a, e_b) = (&self.effects[a], &self.effects[b]);
                match self.interaction(a, b) {
                    Interaction::Additive => {}
                    Interaction::Synergistic => {
                        let direction = self.synergy.forward(&self.symmetric_features(a, b));
                        let length = SYNERGY * (norm(e_a) + norm(e_b)) / 2.0;
                        add(&mut total, &direction, length / norm(&direction));
                    }
                    Interaction::Buffering => {
                        let weaker = if norm(e_a) < norm(e_b) { e_a } else { e_b };
                        add(&mut total, weaker, -BUFFERING);
                    }
                }
            }
        }
        total
    }

    /// Σ_r ± (v_r·f_a)(v_r·f_b).
    fn interaction_score(&self, a: usize, b: usize) -> f64 {
        let project = |v: &[f64; N_TRUE_FEATURES], gene: usize| dot(v, &self.features[gene]);
        self.interaction
            .iter()
            .enumerate()
            .map(|(r, v)| {
                let sign = if r % 2 == 0 { 1.0 } else { -1.0 };
                sign * project(v, a) * project(v, b)
            })
            .sum()
    }

    /// (f_a + f_b)/√2 and f_a ∘ f_b, both of about unit variance.
    fn symmetric_features(&self, a: usize, b: usize) -> [f64; 2 * N_TRUE_FEATURES] {
        let (f_a, f_b) = (&self.features[a], &self.features[b]);
        std::array::from_fn(|d| match d.checked_sub(N_TRUE_FEATURES) {
            None => (f_a[d] + f_b[d]) * std::f64::consts::FRAC_1_SQRT_2,
            Some(d) => f_a[d] * f_b[d],
        })
    }
}

/// y = W₂ tanh(W₁ x + b₁), inputs of unit variance, outputs of the root mean square asked for.
#[derive(Debug, Clone)]
struct Network {
    n_in: usize,
    /// `[N_HIDDEN, n_in]`
    w1: Vec<f64>,
    b1: Vec<f64>,
    /// `[N_PROGRAMS, N_HIDDEN]`
    w2: Vec<f64>,
}

impl Network {
    fn draw(n_in: usize, output_scale: f64, rng: &mut impl rand::Rng) -> Self {
        let scale1 = HIDDEN_GAIN / (n_in as f64).sqrt();
        // tanh of N(0, HIDDEN_GAIN²) has a root mean square of about 0.7.
        let scale2 = output_scale / (0.7 * (N_HIDDEN as f64).sqrt());
        Self {
            n_in,
            w1: (0..N_HIDDEN * n_in).map(|_| scale1 * normal(rng)).collect(),
            b1: (0..N_HIDDEN).map(|_| 0.5 * normal(rng)).collect(),
            w2: (0..N_PROGRAMS * N_HIDDEN).map(|_| scale2 * normal(rng)).collect(),
        }
    }

    fn forward(&self, x: &[f64]) -> [f64; N_PROGRAMS] {
        let hidden: Vec<f64> = self
            .w1
            .chunks_exact(self.n_in)
            .zip(&self.b1)
            .map(|(row, bias)| (dot(row, x) + bias).tanh())
            .collect();
        std::array::from_fn(|l| dot(&self.w2[l * N_HIDDEN..(l + 1) * N_HIDDEN], &hidden))
    }
}

pub(super) fn normal(rng: &mut impl rand::Rng) -> f64 {
    StandardNormal.sample(rng)
}

fn normals<const N: usize>(rng: &mut impl rand::Rng, sd: f64) -> [f64; N] {
    std::array::from_fn(|_| sd * normal(rng))
}

fn rng_uniform(rng: &mut impl rand::Rng) -> f64 {
    rand::RngExt::random(rng)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn add(total: &mut [f64; N_PROGRAMS], other: &[f64; N_PROGRAMS], weight: f64) {
    total.iter_mut().zip(other).for_each(|(t, o)| *t += weight * o);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regulation(seed: u64) -> (Regulation, Vec<usize>) {
        let perturbed: Vec<usize> = (0..36).map(|i| 5 * i).collect();
        (Regulation::draw(200, &perturbed, seed), perturbed)
    }

    #[test]
    fn additive_pairs_are_the_sum_and_the_others_are_not() {
        let (regulation, perturbed) = regulation(3);
        let mut n_of = [0usize; 3];
        for (i, &b) in perturbed.iter().enumerate() {
            for &a in &perturbed[..i] {
                let pair = regulation.effect(&[a, b]);
                let mut sum = regulation.effect(&[a]);
                add(&mut sum, &regulation.effect(&[b]), 1.0);
                let mut difference = pair;
                add(&mut difference, &sum, -1.0);
                let off = norm(&difference) / norm(&sum).max(1e-9);
                let weaker = norm(&regulation.effects[a]).min(norm(&regulation.effects[b]));
                match regulation.interaction(a, b) {
                    Interaction::Additive => assert!(off < 1e-12, "{off}"),
                    Interaction::Synergistic => assert!(norm(&difference) > 0.4 * weaker),
                    Interaction::Buffering => approx::assert_relative_eq!(
                        norm(&difference),
                        BUFFERING * weaker,
                        max_relative = 1e-9
                    ),
                }
                n_of[regulation.interaction(a, b) as usize] += 1;
            }
        }
        // 630 pairs of 36 genes, cut at their own quartiles.
        assert_eq!(n_of.iter().sum::<usize>(), 630);
        assert!((n_of[0] as i64 - 315).abs() <= 3 && (n_of[1] as i64 - 157).abs() <= 3, "{n_of:?}");
    }

    #[test]
    fn interactions_are_symmetric_and_nothing_has_no_effect() {
        let (regulation, _) = regulation(4);
        assert_eq!(regulation.effect(&[]), [0.0; N_PROGRAMS]);
        for (a, b) in [(0, 5), (17, 3), (190, 40)] {
            assert_eq!(regulation.interaction(a, b), regulation.interaction(b, a));
        }
    }
}
