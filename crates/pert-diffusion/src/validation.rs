//! Judging a training on rows kept apart from it.

use burn::tensor::Device;
use pert_core::{seeded_rng, shuffled_indices};
use pert_nn::{
    Error as NetworkError, NamedTensor, TrainingState, load_parameters, named_parameters,
};
use serde::{Deserialize, Serialize};

use crate::config::SamplerConfig;
use crate::denoiser::PriorDenoiser;
use crate::error::Error;
use crate::prior::Prior;
use crate::training_data::TrainingData;

/// What a prior in training is judged by, on rows it does not learn from; less is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// The training loss ([`Prior::loss`]).
    #[default]
    Loss,
    /// The variational bound, nats per dimension ([`Prior::bound`]).
    Bound,
    /// The energy distance of sampled rows, mean over conditions ([`Prior::energy_distance`]). It alone sees what comes out
    /// of the sampler, and takes the most time.
    EnergyDistance,
}

/// Validation in training: rows kept apart, judged every so often; the averaged weights of the best judgement are kept, and
/// training may end early.
///
/// ```
/// use pert_diffusion::{Criterion, PriorConfig, ValidationConfig};
/// let validation = ValidationConfig { criterion: Criterion::EnergyDistance, ..Default::default() };
/// let config = PriorConfig { validation: Some(validation), ..Default::default() };
/// config.check()?;
/// assert!(ValidationConfig { share: 0.0, ..validation }.check().is_err());
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ValidationConfig {
    /// What less of is better. Default: the loss.
    pub criterion: Criterion,
    /// Share of the rows of every condition that is kept apart, rounded down, in (0, 0.5]. Default 0.1.
    pub share: f64,
    /// Training steps from one judgement to the next, at least 1; the last step is judged in any case. Default 100.
    pub every: usize,
    /// Judgements in a row that are no better than the best before training ends; 0: never. Default 5. While the
    /// one-cycle rate is still high, judgements come and go: give room.
    pub patience: usize,
}

impl Default for ValidationConfig {
    fn default() -> Self {
        Self { criterion: Criterion::default(), share: 0.1, every: 100, patience: 5 }
    }
}

impl ValidationConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        if !(self.share > 0.0 && self.share <= 0.5) {
            return Err(Error::setting("validation share", "in (0, 0.5]", self.share));
        }
        if self.every == 0 {
            return Err(Error::setting("validation every", "at least 1", self.every));
        }
        Ok(())
    }

    /// The rows to learn from and the rows kept apart, each in the order of the file: the same for the same conditions.
    pub(crate) fn split(&self, condition_of: &[usize]) -> (Vec<usize>, Vec<usize>) {
        let n_conditions = condition_of.iter().max().map_or(0, |last| last + 1);
        let mut rows_of = vec![Vec::new(); n_conditions];
        // In random order, lest an order of the file (batches, say) decide.
        for row in shuffled_indices(condition_of.len(), &mut seeded_rng(0, "validation")) {
            rows_of[condition_of[row]].push(row);
        }
        let mut apart = vec![false; condition_of.len()];
        for rows in rows_of {
            let n = (rows.len() as f64 * self.share) as usize;
            rows[..n].iter().for_each(|&row| apart[row] = true);
        }
        (0..condition_of.len()).partition(|&row| !apart[row])
    }
}

/// A judgement of the averaged weights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Training steps done.
    pub step: usize,
    /// The [`Criterion`], rounded to f32.
    pub value: f64,
}

/// Rows kept apart, and what they said so far.
pub(crate) struct Validation {
    config: ValidationConfig,
    x: Vec<f32>,
    condition_of: Vec<usize>,
    judgements: Vec<Judgement>,
    best: Option<(Judgement, Vec<NamedTensor>)>,
}

/// Groups of a [`TrainingState`].
const BEST: &str = "best";
const JUDGEMENTS: &str = "judgements";

impl Validation {
    /// Keeps `rows` of the data apart.
    pub fn new(
        config: ValidationConfig,
        data: &TrainingData<'_>,
        rows: &[usize],
    ) -> Result<Self, Error> {
        let condition_of: Vec<usize> = rows.iter().map(|&row| data.condition_of[row]).collect();
        let n_conditions = condition_of.iter().max().map_or(0, |last| last + 1);
        let mut counts = vec![0; n_conditions];
        condition_of.iter().for_each(|&condition| counts[condition] += 1);
        let most = counts.into_iter().max().unwrap_or(0);
        let needed = if config.criterion == Criterion::EnergyDistance { 2 } else { 1 };
        if most < needed {
            return Err(Error::ValidationRows { rows: rows.len(), most, needed });
        }
        Ok(Self { config, x: data.gather(rows), condition_of, judgements: Vec::new(), best: None })
    }

    pub fn is_due(&self, step: usize, total: usize) -> bool {
        step.is_multiple_of(self.config.every) || step == total
    }

    /// Judges averaged weights, wrapped as the prior they would be, with the same draws every time.
    pub fn judge(
        &mut self,
        step: usize,
        prior: &Prior,
        data: &TrainingData<'_>,
        device: &Device,
    ) -> Result<(), Error> {
        let rows = TrainingData { x: &self.x, condition_of: &self.condition_of, ..*data };
        let rng = &mut seeded_rng(0, "judgement");
        let value = match self.config.criterion {
            Criterion::Loss => prior.loss(&rows, rng, device)?,
            Criterion::Bound => prior.bound(&rows, rng, device)?.total(),
            Criterion::EnergyDistance => {
                let sampler = sampler(prior);
                prior.energy_distance(&rows, &sampler, rng, device)?
            }
        };
        // As it is written down, so that a training that goes on compares the same numbers.
        let judgement = Judgement { step, value: f64::from(value as f32) };
        self.judgements.push(judgement);
        if self.best.as_ref().is_none_or(|(best, _)| judgement.value < best.value) {
            self.best = Some((judgement, named_parameters(&prior.denoiser)));
        }
        Ok(())
    }

    pub fn judgements(&self) -> &[Judgement] {
        &self.judgements
    }

    /// Whether patience is at its end.
    pub fn has_ended(&self) -> bool {
        let Some((best, _)) = &self.best else { return false };
        let since = self.judgements.iter().filter(|judgement| judgement.step > best.step).count();
        self.config.patience > 0 && since >= self.config.patience
    }

    /// The best weights so far, put into `network`.
    pub fn best(&self, network: PriorDenoiser) -> PriorDenoiser {
        match &self.best {
            Some((_, weights)) => {
                load_parameters(network, weights).expect("weights of this very network")
            }
            None => network,
        }
    }

    pub fn write(&self, state: &mut TrainingState) {
        let column = |name: &str, values: Vec<f32>| NamedTensor {
            name: name.into(),
            shape: vec![values.len()],
            values,
        };
        let of = |value: fn(&Judgement) -> f32| self.judgements.iter().map(value).collect();
        let columns =
            vec![column("step", of(|j| j.step as f32)), column("value", of(|j| j.value as f32))];
        state.put(JUDGEMENTS, columns);
        if let Some((_, weights)) = &self.best {
            state.put(BEST, weights.clone());
        }
    }

    /// Puts back what [`write`](Self::write) wrote; `network` says of what shape weights are.
    pub fn restore(&mut self, state: &TrainingState, network: &PriorDenoiser) -> Result<(), Error> {
        let columns = state.group(JUDGEMENTS);
        let column = |name: &str| columns.iter().find(|column| column.name == name);
        let (Some(steps), Some(values)) = (column("step"), column("value")) else {
            let reason = "it holds no judgements, but this training is validated".into();
            return Err(NetworkError::TrainingState { reason }.into());
        };
        self.judgements = (steps.values.iter().zip(&values.values))
            .map(|(&step, &value)| Judgement { step: step as usize, value: f64::from(value) })
            .collect();
        let earlier = |a: &Judgement, b: &Judgement| a.value < b.value;
        let best =
            self.judgements.iter().copied().reduce(|a, b| if earlier(&b, &a) { b } else { a });
        self.best = match best {
            None => None,
            Some(best) => {
                let weights = state.group(BEST);
                load_parameters(network.clone(), &weights)?;
                Some((best, weights))
            }
        };
        Ok(())
    }
}

/// The default sampler, of as many steps as a short schedule has.
fn sampler(prior: &Prior) -> SamplerConfig {
    let default = SamplerConfig::default();
    let start = prior.state().config.parameterization.start();
    let first = (start * (prior.schedule().n_steps() - 1) as f64).round() as usize;
    SamplerConfig { steps: default.steps.min(first + 1), ..default }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_every_condition_is_kept_apart() {
        let condition_of: Vec<usize> = (0..100).map(|row| usize::from(row >= 70)).collect();
        let config = ValidationConfig { share: 0.2, ..Default::default() };
        let (training, apart) = config.split(&condition_of);
        let count = |rows: &[usize], c| rows.iter().filter(|&&row| condition_of[row] == c).count();
        assert_eq!((count(&apart, 0), count(&apart, 1)), (14, 6));
        assert_eq!((count(&training, 0), count(&training, 1)), (56, 24));
        assert!(training.iter().all(|row| !apart.contains(row)));
        // Not the first rows of the file.
        assert_ne!(apart[..14], (0..14).collect::<Vec<_>>());
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let default = ValidationConfig::default();
        assert_eq!(default.check(), Ok(()));
        for share in [0.0, 0.6, f64::NAN] {
            let expected = Error::setting("validation share", "in (0, 0.5]", share);
            assert_eq!(ValidationConfig { share, ..default }.check(), Err(expected));
        }
        let expected = Error::setting("validation every", "at least 1", 0);
        assert_eq!(ValidationConfig { every: 0, ..default }.check(), Err(expected));
    }
}
