//! One file per command.

mod benchmark;
mod demo;
mod evaluate;
mod fit;
mod inspect;
mod predict;
mod simulate;

use crate::args::Command;
use crate::progress::Reporter;

/// Runs a command.
pub fn run(command: &Command, reporter: &mut Reporter) -> anyhow::Result<()> {
    match command {
        Command::Inspect(args) => inspect::run(args),
        Command::Simulate(args) => simulate::run(args, reporter),
        Command::Fit(args) => fit::run(args, reporter),
        Command::Predict(args) => predict::run(args, reporter),
        Command::Evaluate(args) => evaluate::run(args, reporter),
        Command::Benchmark(args) => benchmark::run(args, reporter),
        Command::Demo(args) => demo::run(args, reporter),
    }
}
