//! Generation: perturbation → p → g ~ prior → z, l → counts.

use pert_core::{ChaCha8Rng, CsrCounts, Perturbation, Population, seeded_rng};
use pert_decoder::{Conditions, MeanProfile};
use rand::RngExt;
use rayon::prelude::*;

use crate::Error;
use crate::anchor::gene_log_scale;
use crate::config::PriorForm;
use crate::fit::condition;
use crate::model::{ClosedForm, Model};
use crate::progress::Progress;

/// Cells wanted of one perturbation.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The perturbation, seen or not.
    pub perturbation: Perturbation,
    /// Number of cells.
    pub n_cells: usize,
    /// Covariate values, `(column, value)`; empty: the mix seen in training.
    pub at: Vec<(String, String)>,
}

/// A cell whose counts are all zero is drawn again this often; real screens hold no such cells.
const REDRAWS: usize = 20;

impl Model {
    /// Generates `n_cells` of each perturbation, over the covariates seen in training.
    ///
    /// Cells of a perturbation depend on the seed and its genes only, not on what else is asked for or on the
    /// order of genes in its label.
    ///
    /// ```
    #[doc = include_str!("doc/fitted.txt")]
    /// let model = quick.fit(&screen, &device)?;
    /// let first = model.seen()[1].perturbation.clone();
    /// let cells = model.predict(&[first], 20, 0)?;
    /// assert_eq!((cells.n_cells(), cells.genes()), (20, model.genes()));
    /// # Ok::<(), pert_pipeline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Encoder`] for a gene that cannot be encoded.
    pub fn predict(
        &self,
        perturbations: &[Perturbation],
        n_cells: usize,
        seed: u64,
    ) -> Result<Population, Error> {
        let requests: Vec<Request> = perturbations
            .iter()
            .map(|p| Request { perturbation: p.clone(), n_cells, at: Vec::new() })
            .collect();
        self.predict_requests(&requests, seed, &mut crate::progress::Silent)
    }

    /// Generates the cells of some requests.
    ///
    /// # Errors
    /// As [`Model::predict`]; also [`Error::UnknownLevel`] and [`Error::Request`] for covariates, and
    /// [`Error::Interrupted`].
    pub fn predict_requests(
        &self,
        requests: &[Request],
        seed: u64,
        progress: &mut dyn Progress,
    ) -> Result<Population, Error> {
        // Everything that can be refused is looked at before any work is done.
        let mut plans = Vec::with_capacity(requests.len());
        for request in requests {
            self.check_names(&request.perturbation)?;
            let closed = self.closed_form(&request.perturbation)?;
            let weights = if request.at.is_empty() {
                self.context_weights(closed.seen)
            } else {
                let matching = self.contexts.matching(&request.at)?;
                let all = self.context_weights(None);
                (0..all.len()).map(|c| if matching.contains(&c) { all[c] } else { 0 }).collect()
            };
            plans.push((request, closed, weights));
        }
        progress.begin("generating cells", plans.len());
        let mut blocks: Vec<(Vec<usize>, CsrCounts)> = Vec::with_capacity(plans.len());
        for chunk in plans.chunks(rayon::current_num_threads()) {
            let generated: Vec<_> = chunk
                .par_iter()
                .map(|(request, closed, weights)| {
                    let p = &request.perturbation;
                    let mut rng = seeded_rng(seed, &format!("contexts/{}", p.key()));
                    let contexts = draw_contexts(weights, request.n_cells, &mut rng);
                    let counts = self.generate(p, closed, &contexts, seed)?;
                    Ok((contexts, counts))
                })
                .collect::<Result<_, Error>>()?;
            blocks.extend(generated);
            if progress.step(blocks.len(), None).is_break() {
                return Err(Error::Interrupted);
            }
        }
        progress.end();
        self.population(requests, blocks)
    }

    /// Generates one cell of a perturbation per context given.
    pub(crate) fn generate(
        &self,
        p: &Perturbation,
        closed: &ClosedForm,
        contexts: &[usize],
        seed: u64,
    ) -> Result<CsrCounts, Error> {
        let log_scale = gene_log_scale(self, p, closed, seed)?;
        let log_scale = log_scale.as_deref();
        let mut rng = seeded_rng(seed, &format!("cells/{}", p.key()));
        let counts = self.draw_once(p, closed, contexts, log_scale, &mut rng)?;
        self.redraw_empty(counts, p, closed, contexts, log_scale, &mut rng)
    }

    /// The cells of [`Model::generate`] with their mean log-normalised expression, `[n_genes]`, most of the noise of drawing
    /// counts taken out.
    pub(crate) fn generate_with_mean(
        &self,
        p: &Perturbation,
        closed: &ClosedForm,
        contexts: &[usize],
        seed: u64,
    ) -> Result<(CsrCounts, Vec<f64>), Error> {
        let log_scale = gene_log_scale(self, p, closed, seed)?;
        let log_scale = log_scale.as_deref();
        let mut rng = seeded_rng(seed, &format!("cells/{}", p.key()));
        let g = self.draw_cells(p, closed, contexts, &mut rng)?;
        let (counts, mean) = self.decode_with_mean(&g, closed, contexts, log_scale, &mut rng)?;
        let counts = self.redraw_empty(counts, p, closed, contexts, log_scale, &mut rng)?;
        Ok((counts, mean.mean()))
    }

    /// Draws cells without counts again.
    fn redraw_empty(
        &self,
        mut counts: CsrCounts,
        p: &Perturbation,
        closed: &ClosedForm,
        contexts: &[usize],
        gene_log_scale: Option<&[f64]>,
        rng: &mut ChaCha8Rng,
    ) -> Result<CsrCounts, Error> {
        for _ in 0..REDRAWS {
            let empty: Vec<usize> =
                (0..counts.n_cells()).filter(|&i| counts.row(i).0.is_empty()).collect();
            if empty.is_empty() {
                break;
            }
            let again: Vec<usize> = empty.iter().map(|&i| contexts[i]).collect();
            let redrawn = self.draw_once(p, closed, &again, gene_log_scale, rng)?;
            counts = replace_rows(&counts, &empty, &redrawn);
        }
        Ok(counts)
    }

    fn draw_once(
        &self,
        p: &Perturbation,
        closed: &ClosedForm,
        contexts: &[usize],
        gene_log_scale: Option<&[f64]>,
        rng: &mut ChaCha8Rng,
    ) -> Result<CsrCounts, Error> {
        let g = self.draw_cells(p, closed, contexts, rng)?; // [n, cell_dim]
        let (covariate, log_library) = self.decoder_inputs(closed, contexts, rng);
        let conditions = Conditions { cell: Some(&g), covariate: covariate.as_deref() };
        Ok(self.decoder.generate(conditions, &log_library, gene_log_scale, rng)?)
    }

    /// Counts of cells with embeddings g, and their mean; z and l are drawn.
    pub(crate) fn decode_with_mean(
        &self,
        g: &[f32],
        closed: &ClosedForm,
        contexts: &[usize],
        gene_log_scale: Option<&[f64]>,
        rng: &mut ChaCha8Rng,
    ) -> Result<(CsrCounts, MeanProfile), Error> {
        let (covariate, log_library) = self.decoder_inputs(closed, contexts, rng);
        let conditions = Conditions { cell: Some(g), covariate: covariate.as_deref() };
        Ok(self.decoder.generate_with_mean(conditions, &log_library, gene_log_scale, rng)?)
    }

    /// Covariates of the contexts, none where there are none, and log library sizes drawn.
    fn decoder_inputs(
        &self,
        closed: &ClosedForm,
        contexts: &[usize],
        rng: &mut ChaCha8Rng,
    ) -> (Option<Vec<f32>>, Vec<f64>) {
        let covariate = (self.contexts.dim() > 0)
            .then(|| contexts.iter().flat_map(|&c| self.contexts.encode(c)).collect());
        (covariate, contexts.iter().map(|_| closed.library.sample(rng)).collect())
    }

    /// Cell embeddings g of a perturbation in the contexts given, `[n, cell_dim]`.
    pub(crate) fn draw_cells(
        &self,
        p: &Perturbation,
        closed: &ClosedForm,
        contexts: &[usize],
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<f32>, Error> {
        let d = self.config.cell_dim;
        let mut sample = |condition: Option<&[f32]>, n: usize| {
            self.prior.sample(condition, n, &self.config.sampler, rng, &self.device)
        };
        let mut g = if self.is_conditioned(closed.seen) {
            let mut g = vec![0.0; contexts.len() * d];
            for context in 0..self.contexts.len() {
                let rows: Vec<usize> =
                    (0..contexts.len()).filter(|&i| contexts[i] == context).collect();
                if rows.is_empty() {
                    continue;
                }
                let condition = condition(&self.encoder, &self.contexts, p, context)?;
                let sampled = sample(Some(&condition), rows.len())?;
                for (&row, cell) in rows.iter().zip(sampled.chunks_exact(d)) {
                    g[row * d..][..d].copy_from_slice(cell);
                }
            }
            g
        } else {
            sample(None, contexts.len())?
        };
        if self.config.prior_form == PriorForm::Residual {
            for (row, &context) in g.chunks_exact_mut(d).zip(contexts) {
                let mean = self.means.cell.base_of(context).iter().zip(&closed.cell_shift);
                row.iter_mut().zip(mean).for_each(|(r, (base, shift))| *r += (base + shift) as f32);
            }
        }
        Ok(g)
    }

    fn population(
        &self,
        requests: &[Request],
        blocks: Vec<(Vec<usize>, CsrCounts)>,
    ) -> Result<Population, Error> {
        let mut names = Vec::new();
        let mut labels = Vec::new();
        for request in requests {
            let label = request.perturbation.label();
            for i in 0..request.n_cells {
                names.push(format!("{label}-{i}"));
                labels.push(request.perturbation.clone());
            }
        }
        make_unique(&mut names);
        let contexts: Vec<usize> = blocks.iter().flat_map(|(c, _)| c.iter().copied()).collect();
        let counts = stack(self.genes.len(), blocks.iter().map(|(_, counts)| counts))?;
        let covariates = self.contexts.covariates(&contexts);
        Ok(Population::new(counts, self.genes.clone(), names, &labels, covariates)?)
    }
}

/// Contexts of `n` cells in proportion to their weights.
pub(crate) fn draw_contexts(weights: &[usize], n: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let total: usize = weights.iter().sum();
    (0..n)
        .map(|_| {
            let mut left = rng.random_range(0..total.max(1));
            weights
                .iter()
                .position(|&w| {
                    left < w || {
                        left -= w;
                        false
                    }
                })
                .unwrap_or(0)
        })
        .collect()
}

/// The rows of `counts`, those at `places` replaced.
fn replace_rows(counts: &CsrCounts, places: &[usize], rows: &CsrCounts) -> CsrCounts {
    let stacked = stack(counts.n_genes(), [counts, rows].into_iter())
        .expect("both matrices hold counts of the same genes");
    let mut order: Vec<usize> = (0..counts.n_cells()).collect();
    for (i, &place) in places.iter().enumerate() {
        order[place] = counts.n_cells() + i;
    }
    stacked.select_cells(&order)
}

/// Matrices over the same genes, one below the other.
pub(crate) fn stack<'a>(
    n_genes: usize,
    parts: impl Iterator<Item = &'a CsrCounts>,
) -> Result<CsrCounts, Error> {
    let (mut indptr, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for part in parts {
        let offset = indices.len();
        indptr.extend(part.indptr()[1..].iter().map(|p| p + offset));
        indices.extend_from_slice(part.indices());
        values.extend_from_slice(part.values());
    }
    Ok(CsrCounts::new(n_genes, indptr, indices, values)?)
}

/// Appends a number to names that stand more than once (a perturbation asked for twice).
fn make_unique(names: &mut [String]) {
    let mut seen: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for name in names {
        let n = seen.entry(name.clone()).or_insert(0);
        *n += 1;
        if *n > 1 {
            *name = format!("{name}-{n}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_follow_their_weights() {
        let mut rng = seeded_rng(0, "test");
        let drawn = draw_contexts(&[3, 0, 1], 4000, &mut rng);
        let share = drawn.iter().filter(|&&c| c == 0).count() as f64 / 4000.0;
        assert!((share - 0.75).abs() < 0.03, "{share}");
        assert!(!drawn.contains(&1));
    }

    #[test]
    fn replaced_rows_stand_in_their_place() {
        let a = CsrCounts::from_dense(2, &[1.0, 0.0, 0.0, 0.0, 0.0, 2.0]).unwrap();
        let b = CsrCounts::from_dense(2, &[7.0, 7.0]).unwrap();
        assert_eq!(replace_rows(&a, &[1], &b).dense(&[0, 1, 2]), [1.0, 0.0, 7.0, 7.0, 0.0, 2.0]);
    }
}
