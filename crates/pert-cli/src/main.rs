//! The `pert` command: reads the command line, calls the library, prints.

mod args;
mod commands;
mod failure;
mod output_file;
mod progress;
mod report;
mod usage;

use std::process::ExitCode;
use std::sync::atomic::Ordering;

use crate::args::{Cli, Command};
use crate::failure::{GoOn, interruption, is_closed_pipe};
use crate::progress::{INTERRUPTED, Reporter, say};

// Fresh buffers of a megabyte page-fault on every training step with the system allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Exit code after Ctrl-C, as shells expect (128 + SIGINT).
const EXIT_INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let cli = usage::parse(); // exits with 2 on wrong usage
    let go_on = match cli.command {
        Command::Fit(_) => GoOn::With("--resume"),
        Command::Benchmark(_) => GoOn::Always,
        Command::Encode(ref args) if args.keeps_rows() => GoOn::Always,
        _ => GoOn::FromCheckpoints,
    };
    // The first Ctrl-C asks the run to stop cleanly, the second one stops it at once; files are written atomically.
    let handler = ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(EXIT_INTERRUPTED));
        }
    });
    match handler.map_err(anyhow::Error::from).and_then(|()| run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => match interruption(&error, go_on) {
            Some(text) => {
                say!("{text}");
                ExitCode::from(EXIT_INTERRUPTED)
            }
            None => {
                say!("error: {}", failure::text(&error).trim_end());
                ExitCode::FAILURE
            }
        },
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    if let Some(threads) = cli.threads {
        pert_prior::use_threads(usize::from(threads))?;
    }
    commands::run(&cli.command, &mut Reporter::new(cli.quiet))
}
