//! One file per command.

mod baselines;
mod benchmark;
mod demo;
mod encode;
mod evaluate;
mod evaluation_vae_place;
mod fit;
mod inspect;
mod judging;
mod predict;
mod pretrain;
mod simulate;

use crate::args::{Command, Network};
use crate::progress::Reporter;

/// Runs a command.
pub fn run(command: &Command, reporter: &mut Reporter) -> anyhow::Result<()> {
    match command {
        Command::Inspect(args) => inspect::run(args),
        Command::Simulate(args) => simulate::run(args, reporter),
        Command::Fit(args) => fit::run(args, reporter),
        Command::Predict(args) => predict::run(args, reporter),
        Command::Evaluate(args) => evaluate::run(args, reporter),
        Command::Baselines(args) => baselines::run(args, reporter),
        Command::Benchmark(args) => benchmark::run(args, reporter),
        Command::Encode(args) => encode::run(args, reporter),
        Command::Pretrain(args) => match &args.network {
            Network::Smiles(args) => pretrain::smiles(args, reporter),
        },
        Command::Demo(args) => demo::run(args, reporter),
    }
}
