//! Kernel ridge regression from perturbation features to a shift.

use pert_metrics::{Rows, SymmetricEigen, matrix_product, symmetric_eigen};
use serde::{Deserialize, Serialize};

use crate::kernel::BlockKernel;
use crate::leave_one_out::{TargetProducts, inverse, predictions};
use crate::{Error, FeatureVectors};

/// What kernel ridge shrinks towards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Centre {
    /// The mean target of the training perturbations.
    TrainingMean,
    /// Zero: no shift.
    Zero,
}

/// Candidates that leave-one-out chooses among.
///
/// ```
/// use pert_baselines::{Centre, KernelRidgeConfig};
/// let config = KernelRidgeConfig { centres: vec![Centre::Zero], ..Default::default() };
/// config.check()?;
/// assert!(KernelRidgeConfig { lambdas: vec![0.0], ..config }.check().is_err());
/// # Ok::<(), pert_baselines::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KernelRidgeConfig {
    /// Ridge penalties λ > 0, on the scale of a kernel with mean diagonal 1 per block.
    /// Default: 13 values from 0.003 to 100, equal steps of the logarithm (the range of this project's prototype on
    /// the Norman 2019 screen).
    pub lambdas: Vec<f64>,
    /// Centres. Default: both, the training mean first.
    pub centres: Vec<Centre>,
    /// Weights ≥ 0 of the blocks, one vector per candidate. Default: none, which is 1 for every block.
    pub block_weights: Vec<Vec<f64>>,
}

impl Default for KernelRidgeConfig {
    fn default() -> Self {
        const N_LAMBDAS: u32 = 13;
        const SMALLEST: f64 = 0.003;
        const LARGEST: f64 = 100.0;
        let step = (LARGEST / SMALLEST).ln() / f64::from(N_LAMBDAS - 1);
        Self {
            lambdas: (0..N_LAMBDAS).map(|i| SMALLEST * (step * f64::from(i)).exp()).collect(),
            centres: vec![Centre::TrainingMean, Centre::Zero],
            block_weights: Vec::new(),
        }
    }
}

impl KernelRidgeConfig {
    /// Refuses empty candidate lists, penalties that are not positive and weights that are negative.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |field, range, value| Err(Error::Config { field, range, value });
        if self.lambdas.is_empty() || self.lambdas.iter().any(|l| !(l.is_finite() && *l > 0.0)) {
            return refuse("lambdas", "one or more numbers > 0", format!("{:?}", self.lambdas));
        }
        if self.centres.is_empty() {
            return refuse("centres", "one or more centres", "none".into());
        }
        if let Some(bad) = self.block_weights.iter().find(|w| !are_weights(w)) {
            return refuse("block_weights", "finite and ≥ 0", format!("{bad:?}"));
        }
        Ok(())
    }
}

fn are_weights(weights: &[f64]) -> bool {
    weights.iter().all(|w| w.is_finite() && *w >= 0.0)
}

/// What was chosen, and the error by which.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Ridge penalty λ.
    pub lambda: f64,
    /// What is shrunk towards.
    pub centre: Centre,
    /// Weight of each block.
    pub block_weights: Vec<f64>,
    /// Squared leave-one-perturbation-out error, mean over perturbations and dimensions, in squared units of the
    /// targets.
    pub leave_one_out_mse: f64,
}

/// f(p) = c + k(p)ᵀ (K + λI)⁻¹ (T − 1cᵀ): kernel ridge regression from features to d-dimensional targets.
///
/// k sums a linear kernel per block of features, each scaled to mean diagonal 1 over the training perturbations; a
/// block that is 0 for all of them is left out. c is the mean target or 0. λ, c and the weights of the blocks are
/// chosen jointly by leaving each perturbation out in turn, in closed form, c recomputed without it. A
/// perturbation whose features are all 0 is predicted c.
///
/// Source: Saunders, Gammerman & Vovk 1998; leave-one-out: Golub, Heath & Wahba 1979.
///
/// ```
/// use pert_baselines::{FeatureVectors, KernelRidge, KernelRidgeConfig};
///
/// // Genes A, B, C alone and A+B; each gene shifts the one dimension by its own amount.
/// let set = |genes: [f64; 3]| FeatureVectors::new(vec![genes.to_vec()]);
/// let features = [set([1., 0., 0.]), set([0., 1., 0.]), set([0., 0., 1.]), set([1., 1., 0.])];
/// let ridge = KernelRidge::fit(&features, &[1.0, -2.0, 3.0, -1.0], 1, &KernelRidgeConfig::default())?;
/// let pair = ridge.predict(&set([1., 0., 1.]));
/// assert!((pair[0] - 4.0).abs() < 1.0);
/// # Ok::<(), pert_baselines::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KernelRidge {
    kernel: BlockKernel,
    features: Vec<FeatureVectors>,
    targets: Vec<f64>,
    d: usize,
    centre: Vec<f64>,
    dual: Vec<f64>,
    inverse: Vec<f64>,
    selection: Selection,
}

impl KernelRidge {
    /// Chooses among the candidates by leave-one-out, then fits all perturbations.
    ///
    /// `features` holds one entry per perturbation, `targets` its shift. Equal errors go to the candidate named
    /// first, larger λ before smaller.
    ///
    /// # Shapes
    /// `targets` `[n_perturbations, d]` row-major.
    ///
    /// # Errors
    /// [`Error::Config`], [`Error::TooFewPerturbations`] below two, [`Error::TargetShape`], [`Error::FeatureShape`],
    /// [`Error::NotFinite`].
    pub fn fit(
        features: &[FeatureVectors],
        targets: &[f64],
        d: usize,
        config: &KernelRidgeConfig,
    ) -> Result<Self, Error> {
        config.check()?;
        check(features, targets, d, 2)?;
        let ones = vec![1.0; features[0].blocks().len()];
        let candidates = match config.block_weights.as_slice() {
            [] => std::slice::from_ref(&ones),
            weights => weights,
        };
        let mut lambdas = config.lambdas.clone();
        lambdas.sort_by(|a, b| b.total_cmp(a));
        let products = TargetProducts::new(Rows::new(targets, d)?);
        let mut best: Option<Selection> = None;
        for weights in candidates {
            check_weights(weights, &ones)?;
            let eigen = decompose(features, &BlockKernel::fit(features, weights))?;
            for &lambda in &lambdas {
                let inverse = inverse(&eigen, lambda)?;
                let errors = products.mean_squared_errors(&inverse, &config.centres)?;
                for (&centre, error) in config.centres.iter().zip(errors) {
                    if best.as_ref().is_none_or(|b| error < b.leave_one_out_mse) {
                        best = Some(Selection {
                            lambda,
                            centre,
                            block_weights: weights.clone(),
                            leave_one_out_mse: error,
                        });
                    }
                }
            }
        }
        let best = best.expect("a checked configuration holds candidates");
        Self::fit_selected(features, targets, d, &best)
    }

    /// Fits with a penalty and a centre of one's own, weight 1 for every block.
    ///
    /// # Errors
    /// As [`KernelRidge::fit`], but one perturbation is enough; its leave-one-out error towards the training mean is
    /// NaN, there being no other.
    pub fn fit_with(
        features: &[FeatureVectors],
        targets: &[f64],
        d: usize,
        lambda: f64,
        centre: Centre,
    ) -> Result<Self, Error> {
        check(features, targets, d, 1)?;
        let block_weights = vec![1.0; features[0].blocks().len()];
        let selection = Selection { lambda, centre, block_weights, leave_one_out_mse: f64::NAN };
        let mut ridge = Self::fit_selected(features, targets, d, &selection)?;
        if features.len() > 1 || centre == Centre::Zero {
            let products = TargetProducts::new(Rows::new(targets, d)?);
            let errors = products.mean_squared_errors(&ridge.inverse, &[centre])?;
            ridge.selection.leave_one_out_mse = errors[0];
        }
        Ok(ridge)
    }

    /// Fits what was selected before, such as when a model is read back; gives the same bytes as
    /// [`KernelRidge::fit`] did.
    ///
    /// # Errors
    /// As [`KernelRidge::fit_with`].
    pub fn fit_selected(
        features: &[FeatureVectors],
        targets: &[f64],
        d: usize,
        selection: &Selection,
    ) -> Result<Self, Error> {
        check(features, targets, d, 1)?;
        let lambdas = vec![selection.lambda];
        KernelRidgeConfig { lambdas, ..KernelRidgeConfig::default() }.check()?;
        check_weights(&selection.block_weights, &vec![1.0; features[0].blocks().len()])?;
        let kernel = BlockKernel::fit(features, &selection.block_weights);
        let inverse = inverse(&decompose(features, &kernel)?, selection.lambda)?;
        let centre = match selection.centre {
            Centre::TrainingMean => pert_metrics::column_means(Rows::new(targets, d)?),
            Centre::Zero => vec![0.0; d],
        };
        let mut centred = targets.to_vec();
        for row in centred.chunks_exact_mut(d) {
            row.iter_mut().zip(&centre).for_each(|(v, c)| *v -= c);
        }
        let n = features.len();
        let dual = matrix_product(Rows::new(&inverse, n)?, Rows::new(&centred, d)?); // [n, d]
        Ok(Self {
            kernel,
            features: features.to_vec(),
            targets: targets.to_vec(),
            d,
            centre,
            dual,
            inverse,
            selection: selection.clone(),
        })
    }

    /// The predicted shift of a perturbation, `[d]`.
    ///
    /// # Panics
    /// When the blocks differ in number or length from those of the fit.
    pub fn predict(&self, features: &FeatureVectors) -> Vec<f64> {
        assert_eq!(
            features.lengths(),
            self.features[0].lengths(),
            "feature blocks must be those of the fit"
        );
        let mut shift = self.centre.clone();
        let kernel = self.kernel.row(features, &self.features);
        for (k, dual) in kernel.iter().zip(self.dual.chunks_exact(self.d)) {
            if *k != 0.0 {
                shift.iter_mut().zip(dual).for_each(|(s, a)| *s += k * a);
            }
        }
        shift
    }

    /// The penalty, centre and weights in use, with their leave-one-out error.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// What this λ, centre and weights predict for each training perturbation when it is left out, `[n, d]` row-major.
    pub fn leave_one_out_predictions(&self) -> Vec<f64> {
        Rows::new(&self.targets, self.d)
            .map_err(Error::from)
            .and_then(|targets| predictions(&self.inverse, targets, self.selection.centre))
            .expect("targets were checked when fitting")
    }
}

fn decompose(features: &[FeatureVectors], kernel: &BlockKernel) -> Result<SymmetricEigen, Error> {
    Ok(symmetric_eigen(&kernel.matrix(features)?, features.len())?)
}

fn check_weights(weights: &[f64], ones: &[f64]) -> Result<(), Error> {
    if weights.len() == ones.len() && are_weights(weights) {
        return Ok(());
    }
    Err(Error::Config {
        field: "block_weights",
        range: "one finite number ≥ 0 per feature block",
        value: format!("{weights:?} for {} blocks", ones.len()),
    })
}

fn check(
    features: &[FeatureVectors],
    targets: &[f64],
    d: usize,
    needed: usize,
) -> Result<(), Error> {
    let n = features.len();
    if n < needed {
        return Err(Error::TooFewPerturbations { needed, found: n });
    }
    if d == 0 || targets.len() != n * d {
        return Err(Error::TargetShape { n_values: targets.len(), n_perturbations: n, d });
    }
    let not_finite = |what, index, values: &[f64]| match values.iter().position(|v| !v.is_finite())
    {
        None => Ok(()),
        Some(place) => Err(Error::NotFinite { what, index, place, value: values[place] }),
    };
    let expected = features[0].lengths();
    for (index, (one, target)) in features.iter().zip(targets.chunks_exact(d)).enumerate() {
        let found = one.lengths();
        if found != expected {
            return Err(Error::FeatureShape { index, expected, found });
        }
        one.blocks().iter().try_for_each(|block| not_finite("a feature", index, block))?;
        not_finite("the target", index, target)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    /// Singles and pairs of six genes with two noisy blocks, and targets that depend on the genes.
    fn screen(n: usize, d: usize, seed: u64) -> (Vec<FeatureVectors>, Vec<f64>) {
        use rand::Rng;
        let mut rng = pert_core::seeded_rng(seed, "kernel ridge test");
        let mut uniform = move || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
        let effects: Vec<f64> = (0..6 * d).map(|_| uniform()).collect();
        let annotations: Vec<f64> = (0..6 * 5).map(|_| uniform()).collect();
        let mut features = Vec::new();
        let mut targets = Vec::new();
        for p in 0..n {
            let genes = [p % 6, (p / 6 + p) % 6];
            let sum = |table: &[f64], width: usize, j: usize| -> f64 {
                let mut genes = genes.to_vec();
                genes.dedup();
                genes.iter().map(|g| table[g * width + j]).sum()
            };
            let identity = (0..6).map(|g| f64::from(genes.contains(&g))).collect();
            let annotation = (0..5).map(|j| sum(&annotations, 5, j)).collect();
            features.push(FeatureVectors::new(vec![identity, annotation]));
            targets.extend((0..d).map(|j| 0.3 + sum(&effects, d, j) + 0.1 * uniform()));
        }
        (features, targets)
    }

    /// Solves (K + λI) a = t by Gaussian elimination on the kernel given: shares nothing with the closed form.
    fn solve(kernel: &[f64], n: usize, lambda: f64, target: &[f64]) -> Vec<f64> {
        let mut rows: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let mut row = kernel[i * n..(i + 1) * n].to_vec();
                row[i] += lambda;
                row.push(target[i]);
                row
            })
            .collect();
        for i in 0..n {
            let pivot = rows[i].clone();
            for (j, row) in rows.iter_mut().enumerate() {
                if j != i {
                    let factor = row[i] / pivot[i];
                    row.iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
                }
            }
        }
        (0..n).map(|i| rows[i][n] / rows[i][i]).collect()
    }

    fn refit_without(
        i: usize,
        kernel: &[f64],
        targets: &[f64],
        d: usize,
        lambda: f64,
        centre: Centre,
    ) -> Vec<f64> {
        let n = targets.len() / d;
        let kept: Vec<usize> = (0..n).filter(|&j| j != i).collect();
        let sub: Vec<f64> =
            kept.iter().flat_map(|&a| kept.iter().map(move |&b| kernel[a * n + b])).collect();
        (0..d)
            .map(|j| {
                let values: Vec<f64> = kept.iter().map(|&a| targets[a * d + j]).collect();
                let c = match centre {
                    Centre::Zero => 0.0,
                    Centre::TrainingMean => values.iter().sum::<f64>() / kept.len() as f64,
                };
                let centred: Vec<f64> = values.iter().map(|v| v - c).collect();
                let dual = solve(&sub, kept.len(), lambda, &centred);
                c + kept.iter().zip(dual).map(|(&a, x)| kernel[i * n + a] * x).sum::<f64>()
            })
            .collect()
    }

    #[test]
    fn leaving_one_out_in_closed_form_is_refitting_without_it() {
        let (n, d) = (14, 3);
        let (features, targets) = screen(n, d, 1);
        let kernel = BlockKernel::fit(&features, &[1.0, 1.0]).matrix(&features).unwrap();
        for centre in [Centre::TrainingMean, Centre::Zero] {
            for lambda in [0.003, 0.5, 100.0] {
                let ridge = KernelRidge::fit_with(&features, &targets, d, lambda, centre).unwrap();
                let predictions = ridge.leave_one_out_predictions();
                let mut squared = 0.0;
                for i in 0..n {
                    let refit = refit_without(i, &kernel, &targets, d, lambda, centre);
                    for j in 0..d {
                        assert_relative_eq!(predictions[i * d + j], refit[j], epsilon = 1e-9);
                        squared += (refit[j] - targets[i * d + j]).powi(2);
                    }
                }
                let mse = ridge.selection().leave_one_out_mse;
                assert_relative_eq!(mse, squared / (n * d) as f64, max_relative = 1e-9);
            }
        }
    }

    #[test]
    fn the_choice_is_the_best_of_all_candidates() {
        let (features, targets) = screen(20, 4, 2);
        let config = KernelRidgeConfig {
            block_weights: vec![vec![1.0, 1.0], vec![0.0, 1.0], vec![1.0, 0.0]],
            ..KernelRidgeConfig::default()
        };
        let chosen = KernelRidge::fit(&features, &targets, 4, &config).unwrap();
        for &lambda in &config.lambdas {
            for &centre in &config.centres {
                for weights in &config.block_weights {
                    let one = KernelRidgeConfig {
                        lambdas: vec![lambda],
                        centres: vec![centre],
                        block_weights: vec![weights.clone()],
                    };
                    let other = KernelRidge::fit(&features, &targets, 4, &one).unwrap();
                    assert!(
                        chosen.selection().leave_one_out_mse <= other.selection().leave_one_out_mse
                    );
                }
            }
        }
        let again = KernelRidge::fit_selected(&features, &targets, 4, chosen.selection()).unwrap();
        assert_eq!(again, chosen);
    }

    #[test]
    fn without_features_the_centre_is_predicted() {
        let (features, targets) = screen(10, 2, 3);
        let nothing = FeatureVectors::new(vec![vec![0.0; 6], vec![0.0; 5]]);
        let fit = |centre| KernelRidge::fit_with(&features, &targets, 2, 0.1, centre).unwrap();
        assert_eq!(fit(Centre::Zero).predict(&nothing), [0.0, 0.0]);
        let mean = pert_metrics::column_means(Rows::new(&targets, 2).unwrap());
        assert_eq!(fit(Centre::TrainingMean).predict(&nothing), mean);
        // Nobody has features: every candidate predicts a centre, and the better centre is chosen.
        let none = vec![FeatureVectors::new(vec![vec![0.0], vec![]]); 10];
        let config = KernelRidgeConfig::default();
        let ridge = KernelRidge::fit(&none, &targets, 2, &config).unwrap();
        assert_eq!(ridge.selection().centre, Centre::TrainingMean);
        assert_eq!(ridge.predict(&none[0]), mean);
    }

    #[test]
    fn one_perturbation_can_be_fitted_but_not_chosen_by() {
        let one = [FeatureVectors::new(vec![vec![1.0]])];
        let config = KernelRidgeConfig::default();
        assert_eq!(
            KernelRidge::fit(&one, &[2.0], 1, &config),
            Err(Error::TooFewPerturbations { needed: 2, found: 1 })
        );
        let ridge = KernelRidge::fit_with(&one, &[2.0], 1, 1.0, Centre::Zero).unwrap();
        assert_eq!(ridge.predict(&one[0]), [1.0]); // 1 / (1 + λ) of the target
        assert_eq!(ridge.selection().leave_one_out_mse, 4.0);
        let mean = KernelRidge::fit_with(&one, &[2.0], 1, 1.0, Centre::TrainingMean).unwrap();
        assert!(mean.selection().leave_one_out_mse.is_nan());
    }

    #[test]
    fn bad_input_is_named() {
        let (features, targets) = screen(5, 2, 4);
        let fit = |f: &[FeatureVectors], t: &[f64], lambda| {
            KernelRidge::fit_with(f, t, 2, lambda, Centre::Zero)
        };
        assert!(matches!(fit(&features, &targets[1..], 1.0), Err(Error::TargetShape { .. })));
        assert!(matches!(fit(&features, &targets, 0.0), Err(Error::Config { .. })));
        let mut ragged = features.clone();
        ragged[3] = FeatureVectors::new(vec![vec![1.0]]);
        assert!(matches!(fit(&ragged, &targets, 1.0), Err(Error::FeatureShape { index: 3, .. })));
        let mut nan = targets.clone();
        nan[5] = f64::NAN;
        assert!(matches!(
            fit(&features, &nan, 1.0),
            Err(Error::NotFinite { what: "the target", index: 2, place: 1, .. })
        ));
        let config =
            KernelRidgeConfig { block_weights: vec![vec![1.0]], ..KernelRidgeConfig::default() };
        let error = KernelRidge::fit(&features, &targets, 2, &config).unwrap_err();
        assert!(error.to_string().contains("2 blocks"), "{error}");
    }

    #[test]
    fn the_grid_spans_its_range() {
        let lambdas = KernelRidgeConfig::default().lambdas;
        assert_eq!(lambdas.len(), 13);
        assert_relative_eq!(lambdas[0], 0.003, max_relative = 1e-12);
        assert_relative_eq!(lambdas[12], 100.0, max_relative = 1e-12);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn units_of_features_and_targets_do_not_matter(
            factor in 0.01..100.0f64, seed in 0..100u64
        ) {
            let (features, targets) = screen(12, 2, seed);
            let scaled: Vec<FeatureVectors> = features
                .iter()
                .map(|f| {
                    let blocks = f.blocks().iter();
                    FeatureVectors::new(
                        blocks.map(|b| b.iter().map(|v| v * factor).collect()).collect(),
                    )
                })
                .collect();
            let doubled: Vec<f64> = targets.iter().map(|t| 2.0 * t).collect();
            let fit = |f: &[FeatureVectors], t: &[f64]| {
                KernelRidge::fit_with(f, t, 2, 0.3, Centre::TrainingMean).unwrap()
            };
            let (a, b) = (fit(&features, &targets), fit(&scaled, &doubled));
            for (x, y) in a.predict(&features[3]).iter().zip(b.predict(&scaled[3])) {
                prop_assert!((2.0 * x - y).abs() < 1e-9);
            }
        }
    }
}
