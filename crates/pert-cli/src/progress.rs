//! Progress on stderr: bars with loss and time left on a terminal, plain lines elsewhere, nothing when quiet.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pert_prior::Progress;

/// Writes a line to stderr. A log that cannot be written must not cost the result, so that failure is ignored.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
pub(crate) use say;

/// Set by Ctrl-C; every training step looks at it.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Plain lines are at least this far apart, so that a log stays readable.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Tells a person how far a run is.
pub enum Reporter {
    /// Says nothing.
    Quiet,
    /// A bar per stage.
    Bar(Option<ProgressBar>),
    /// A line now and then.
    Lines(Option<Stage>),
}

/// The running stage of a plain-line reporter.
pub struct Stage {
    name: String,
    total: usize,
    /// The first step this run reported: a resumed stage does not begin at 1.
    first_step: Option<usize>,
    started: Instant,
    last_line: Instant,
    loss: Option<f64>,
}

impl Reporter {
    /// Chooses by `--quiet` and by what stderr is.
    pub fn new(quiet: bool) -> Self {
        if quiet {
            Self::Quiet
        } else if std::io::stderr().is_terminal() {
            Self::Bar(None)
        } else {
            Self::Lines(None)
        }
    }
}

impl Reporter {
    /// Shows a command about to be run, as a person would type it.
    pub fn command(&mut self, line: &str) {
        if !matches!(self, Self::Quiet) {
            say!("$ {line}");
        }
    }

    /// Says which part of a longer job begins.
    pub fn heading(&mut self, text: &str) {
        if !matches!(self, Self::Quiet) {
            say!("== {text}");
        }
    }
}

impl Progress for Reporter {
    fn begin(&mut self, stage: &str, total: usize) {
        match self {
            Self::Quiet => {}
            Self::Bar(bar) => {
                let new = ProgressBar::with_draw_target(
                    Some(total as u64),
                    ProgressDrawTarget::stderr_with_hz(8),
                );
                let style = ProgressStyle::with_template(
                    "{prefix:<28} {wide_bar} {pos:>5}/{len} {msg} {eta} left",
                )
                .unwrap_or_else(|_| ProgressStyle::default_bar());
                new.set_style(style);
                new.set_prefix(stage.to_owned());
                *bar = Some(new);
            }
            Self::Lines(slot) => {
                say!("{stage} …");
                let now = Instant::now();
                *slot = Some(Stage {
                    name: stage.to_owned(),
                    total,
                    first_step: None,
                    started: now,
                    last_line: now,
                    loss: None,
                });
            }
        }
    }

    fn step(&mut self, done: usize, loss: Option<f64>) -> ControlFlow<()> {
        match self {
            Self::Bar(Some(bar)) => {
                bar.set_position(done as u64);
                if let Some(loss) = loss {
                    bar.set_message(format!("loss {loss:.3}"));
                }
            }
            Self::Lines(Some(stage)) => {
                stage.loss = loss.or(stage.loss);
                let first = *stage.first_step.get_or_insert(done);
                if stage.last_line.elapsed() >= LINE_INTERVAL && done < stage.total {
                    stage.last_line = Instant::now();
                    let elapsed = stage.started.elapsed().as_secs_f64();
                    let left = elapsed / (done - first + 1) as f64 * (stage.total - done) as f64;
                    let (name, total) = (&stage.name, stage.total);
                    say!("{name}: {done}/{total}{}, {left:.0} s left", loss_text(stage.loss));
                }
            }
            _ => {}
        }
        if INTERRUPTED.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    fn end(&mut self) {
        match self {
            Self::Bar(bar) => {
                if let Some(bar) = bar.take() {
                    bar.abandon();
                }
            }
            Self::Lines(slot) => {
                if let Some(stage) = slot.take() {
                    let seconds = stage.started.elapsed().as_secs_f64();
                    say!("{}: done in {seconds:.1} s{}", stage.name, loss_text(stage.loss));
                }
            }
            Self::Quiet => {}
        }
    }

    fn note(&mut self, message: &str) {
        if !matches!(self, Self::Quiet) {
            say!("note: {message}");
        }
    }
}

fn loss_text(loss: Option<f64>) -> String {
    loss.map(|l| format!(", loss {l:.3}")).unwrap_or_default()
}
