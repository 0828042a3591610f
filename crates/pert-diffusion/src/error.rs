//! What can be wrong with a diffusion's configuration, data or stored state.

/// An error about settings, training data or a stored prior; every variant carries the values it is about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting outside its range.
    #[error("{name} must be {expected}, found {found}")]
    InvalidSetting {
        /// The setting's name.
        name: &'static str,
        /// The range allowed.
        expected: &'static str,
        /// The value given.
        found: String,
    },
    /// A β of a schedule that leaves no signal, or adds no noise.
    #[error("beta of step {step} must be above 0 and below 1, found {beta}")]
    BetaOutOfRange {
        /// The step, counted from 0, the least noisy.
        step: usize,
        /// The value given.
        beta: f64,
    },
    /// A dimension without any variance.
    #[error(
        "column {column} of x holds {value} in every row, there is nothing to standardise; leave the column out"
    )]
    ConstantColumn {
        /// Column, counted from 0.
        column: usize,
        /// Its value.
        value: f64,
    },
    /// Two lengths that must agree do not.
    #[error("expected {expected} {what}, found {found}")]
    LengthMismatch {
        /// What is counted.
        what: &'static str,
        /// The length required.
        expected: usize,
        /// The length found.
        found: usize,
    },
    /// A value that is no number.
    #[error("{what}: row {row}, column {column} holds {value}; every value must be finite")]
    NonFiniteValue {
        /// Which array.
        what: &'static str,
        /// Row, counted from 0.
        row: usize,
        /// Column, counted from 0.
        column: usize,
        /// The value found.
        value: f32,
    },
    /// Too few training rows.
    #[error("at least {needed} training rows are needed, found {found}")]
    TooFewRows {
        /// The least number.
        needed: usize,
        /// The number found.
        found: usize,
    },
    /// A row that names a condition beyond the table.
    #[error("row {row} has condition {index}, but there are only {n_conditions} conditions")]
    ConditionIndex {
        /// Row, counted from 0.
        row: usize,
        /// The index it holds.
        index: usize,
        /// Rows of the condition table.
        n_conditions: usize,
    },
    /// A perturbation without a token.
    #[error(
        "row {row} has no perturbation token, only padding; give an empty perturbation (control) a token of its own, \
         zeros for one"
    )]
    NoTokens {
        /// Row, counted from 0.
        row: usize,
    },
    /// More sampling steps than the schedule has.
    #[error(
        "{steps} sampling steps from {start} of a schedule of {n_steps} steps: at most {available} fit; \
         lower the number of sampling steps"
    )]
    TooManySteps {
        /// Steps asked for.
        steps: usize,
        /// The start fraction.
        start: f64,
        /// Steps of the schedule.
        n_steps: usize,
        /// The most that fit.
        available: usize,
    },
    /// A training loss that is no number.
    #[error(
        "the loss of training step {step} is {loss}; lower the learning rate or check the data's scale"
    )]
    LossNotFinite {
        /// The step, counted from 1.
        step: usize,
        /// The loss.
        loss: f64,
    },
    /// Rows kept apart that cannot be judged.
    #[error(
        "{rows} rows kept apart for validation, in conditions of at most {most}: {needed} of one condition are needed; \
         raise the share or give more rows"
    )]
    ValidationRows {
        /// Rows kept apart.
        rows: usize,
        /// The most of them under one condition.
        most: usize,
        /// The least that one condition must have.
        needed: usize,
    },
    /// Training stopped by the caller.
    #[error("training was interrupted after step {step} of {total}")]
    Interrupted {
        /// Steps done.
        step: usize,
        /// Steps planned.
        total: usize,
    },
    /// A stored state of another format.
    #[error("the prior has format {found}, this version reads format {expected}; fit it again")]
    StateFormat {
        /// The format found.
        found: u32,
        /// The format read here.
        expected: u32,
    },
    /// Values that do not fill whole rows.
    #[error("{n_values} values in {array} do not fill rows of width {width}")]
    RaggedRows {
        /// The array.
        array: &'static str,
        /// Its length.
        n_values: usize,
        /// Width of its rows.
        width: usize,
    },
    /// An error of a network block or of stored weights.
    #[error(transparent)]
    Network(#[from] pert_nn::Error),
}

impl Error {
    pub(crate) fn setting(
        name: &'static str,
        expected: &'static str,
        found: impl std::fmt::Display,
    ) -> Self {
        Self::InvalidSetting { name, expected, found: found.to_string() }
    }

    pub(crate) fn check_length(
        what: &'static str,
        expected: usize,
        found: usize,
    ) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::LengthMismatch { what, expected, found })
    }

    /// Names the first value of a row-major `[_, n_columns]` array that is not finite.
    pub(crate) fn check_finite(
        what: &'static str,
        values: &[f32],
        n_columns: usize,
    ) -> Result<(), Self> {
        match values.iter().position(|v| !v.is_finite()) {
            None => Ok(()),
            Some(i) => Err(Self::NonFiniteValue {
                what,
                row: i / n_columns,
                column: i % n_columns,
                value: values[i],
            }),
        }
    }
}
