//! Kernel ridge regression from perturbation features to a shift.

mod kernel;
mod leave_one_out;
mod selection;
#[cfg(test)]
mod tests;

use pert_metrics::{Rows, SymmetricEigen, matrix_product, symmetric_eigen};

use crate::features::check_finite;
use crate::{Error, FeatureVectors};
use kernel::BlockKernel;
pub(crate) use leave_one_out::inverse;
use leave_one_out::{TargetProducts, predictions};
use selection::are_weights;
pub use selection::{Centre, KernelRidgeConfig, Selection};

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
        of: "kernel ridge",
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
    let expected = features[0].lengths();
    for (index, (one, target)) in features.iter().zip(targets.chunks_exact(d)).enumerate() {
        one.check(&expected, index)?;
        check_finite("the target", index, target)?;
    }
    Ok(())
}
