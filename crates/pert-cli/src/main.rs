//! The `pert` command: reads the command line, calls the library, prints.

mod args;
mod commands;
mod progress;
mod report;

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::progress::{INTERRUPTED, Reporter};

// Fresh buffers of a megabyte page-fault on every training step with the system allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code after Ctrl-C, as shells expect (128 + SIGINT).
const EXIT_INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = Cli::parse(); // exits with 2 on wrong usage
    // The first Ctrl-C asks the run to stop cleanly, the second one stops it at once; files are written atomically.
    let handler = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    });
    match handler.map_err(anyhow::Error::from).and_then(|()| run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_interruption(&error) => {
            eprintln!("{error}");
            ExitCode::from(EXIT_INTERRUPTED)
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Some(threads) = cli.threads {
        pert_prior::use_threads(usize::from(threads))?;
    }
    let mut reporter = Reporter::new(cli.quiet);
    match cli.command {
        Command::Inspect(args) => commands::inspect::run(&args),
        Command::Simulate(args) => commands::simulate::run(&args, &mut reporter),
        Command::Fit(args) => commands::fit::run(&args, &mut reporter),
        Command::Predict(args) => commands::predict::run(&args, &mut reporter),
        Command::Evaluate(args) => commands::evaluate::run(&args, &mut reporter),
        Command::Demo(args) => commands::demo::run(&args, &mut reporter),
    }
}

fn is_interruption(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref::<pert_prior::Error>(), Some(pert_prior::Error::Interrupted))
}
