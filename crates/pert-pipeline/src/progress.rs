//! How a long run tells what it does; the pipeline itself never prints.

use std::ops::ControlFlow;

/// Hears of the stages of a run and may stop it.
///
/// ```
/// use std::ops::ControlFlow;
/// use pert_pipeline::Progress;
///
/// /// Stops every stage after ten steps.
/// struct Impatient;
/// impl Progress for Impatient {
///     fn begin(&mut self, stage: &str, total: usize) {
///         println!("{stage}: {total} steps");
///     }
///     fn step(&mut self, done: usize, _loss: Option<f64>) -> ControlFlow<()> {
///         if done < 10 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
///     }
///     fn end(&mut self) {}
///     fn note(&mut self, message: &str) {
///         println!("{message}");
///     }
/// }
/// assert!(Impatient.step(10, None).is_break());
/// ```
pub trait Progress {
    /// A stage of `total` steps begins.
    fn begin(&mut self, stage: &str, total: usize);
    /// A step of the current stage is done; `loss` where the stage trains. Return `Break` to stop the run.
    fn step(&mut self, done: usize, loss: Option<f64>) -> ControlFlow<()>;
    /// The current stage is over.
    fn end(&mut self);
    /// Something the user should know.
    fn note(&mut self, message: &str);
}

/// Hears and says nothing.
#[derive(Debug, Default, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _: &str, _: usize) {}
    fn step(&mut self, _: usize, _: Option<f64>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    fn end(&mut self) {}
    fn note(&mut self, _: &str) {}
}
