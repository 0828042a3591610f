//! What perturbing genes does to the latent programs, as a function of the genes' true features.

use pert_core::seeded_rng;

use crate::simulator::network::Network;
use crate::simulator::programs::{
    COMMON_SCALE, EFFECT_SCALE, N_PROGRAMS, Programs, UNEXPLAINED_SCALE, add, dot, norm, normal,
    normals,
};

/// Dimensions of a gene's true features.
pub(super) const N_TRUE_FEATURES: usize = 16;

/// Functional families of genes; members act alike.
const N_FAMILIES: usize = 6;

/// Share of a true feature's variance (1) that a family has in common.
const FAMILY_SHARE: f64 = 0.6;

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
    effects: Vec<Programs>,
    /// Rows of the interaction form, `[INTERACTION_RANK][N_TRUE_FEATURES]`.
    interaction: Vec<[f64; N_TRUE_FEATURES]>,
    /// Scores below the first buffer, above the second are synergistic.
    thresholds: (f64, f64),
    /// From the pair's symmetric features (sum, product) to the direction of a synergy.
    synergy: Network<N_PROGRAMS>,
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
        let network = Network::<N_PROGRAMS>::draw(N_TRUE_FEATURES, EFFECT_SCALE, &mut rng);
        let common: Programs = normals(&mut rng, COMMON_SCALE);
        let effects = features
            .iter()
            .map(|f| {
                let driven = network.forward(f);
                let noise: Programs = normals(&mut rng, UNEXPLAINED_SCALE);
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
    pub fn effect(&self, genes: &[usize]) -> Programs {
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

fn rng_uniform(rng: &mut impl rand::Rng) -> f64 {
    rand::RngExt::random(rng)
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
