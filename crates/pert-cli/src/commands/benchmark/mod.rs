//! `pert benchmark`.

mod one_run;
mod plan;
mod tables;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::bail;
use pert_prior::pipeline::{
    BenchmarkFolder, DeviceChoice, PlannedRun, Protocol, RunOutcome, RunRecord,
};
use pert_prior::{Error, Progress};

use self::one_run::Runner;
use self::plan::{Work, work};
use crate::args::BenchmarkArgs;
use crate::failure::text;
use crate::progress::{INTERRUPTED, Reporter};

pub fn run(args: &BenchmarkArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    let protocol = Protocol::read(&args.protocol)?;
    let plan = chosen(&protocol, &args.only)?;
    let root = match &args.output {
        Some(root) => root.clone(),
        None => PathBuf::from(format!("benchmark-{}", protocol.name)),
    };
    let data = args.data.as_deref();
    if args.merge {
        let folder = BenchmarkFolder::existing(&root)?;
        return tables::make(&protocol, &plan, &folder, reporter);
    }
    let mine: Vec<PlannedRun> = plan
        .iter()
        .enumerate()
        .filter(|(index, _)| args.shard.is_none_or(|shard| shard.holds(*index)))
        .map(|(_, run)| run.clone())
        .collect();
    if args.dry_run {
        return Ok(plan::print(&protocol, &mine, plan.len(), &root, data)?);
    }
    let device = args.device.parse::<DeviceChoice>()?.open()?;
    let folder = BenchmarkFolder::open(&root)?;
    let work = work(&protocol, &mine, &folder, data, args.force)?;
    work.notes().iter().for_each(|note| reporter.note(note));
    let every = Duration::from_secs_f64(args.checkpoint_interval);
    let mut runner = Runner::new(&protocol, &folder, data, device, every, args.force);
    let failed = run_all(&mut runner, &work, reporter)?;
    match args.shard {
        None => tables::make(&protocol, &plan, &folder, reporter),
        Some(shard) => {
            let n_done = mine.len() - failed.len();
            writeln!(std::io::stdout(), "part {shard}: {n_done} of {} runs finished", mine.len())?;
            tables::refuse(&failed, mine.len())
        }
    }
}

/// Does what is to be done; returns the runs that failed with their errors, which are on record too.
fn run_all(
    runner: &mut Runner<'_>,
    work: &Work<'_>,
    reporter: &mut Reporter,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut failed = Vec::new();
    for (index, run) in work.to_do.iter().enumerate() {
        if INTERRUPTED.load(Ordering::Relaxed) {
            return Err(Error::Interrupted.into());
        }
        reporter.heading(&format!("run {} of {}: {}", index + 1, work.to_do.len(), run.id));
        let Err(error) = runner.run(run, work.files_of(run), reporter) else { continue };
        match error.downcast_ref::<Error>() {
            Some(Error::Interrupted | Error::Unfinished { .. }) => return Err(error),
            // Another process is at it, and will leave the record.
            Some(Error::InUse { .. }) => {}
            _ => {
                let outcome = RunOutcome::Failed(text(&error));
                let mut record = RunRecord::new(&run.id, runner.protocol.settings(run), outcome);
                let files = work.files_of(run);
                (record.cells, record.features) = (files.cells.clone(), files.features.clone());
                record.write(&runner.folder.record(&run.id))?;
            }
        }
        let told = text(&error);
        reporter.note(&format!("{} failed: {told}", run.id));
        failed.push((run.id.clone(), told));
    }
    Ok(failed)
}

/// The runs of the data sets asked for, all without a choice.
fn chosen(protocol: &Protocol, only: &[String]) -> anyhow::Result<Vec<PlannedRun>> {
    let names: Vec<&str> = protocol.datasets.iter().map(|d| d.name.as_str()).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!(
            "--only {unknown}: {} has no such data set; it has {}",
            protocol.path.display(),
            names.join(", ")
        );
    }
    let is_chosen =
        |run: &PlannedRun| only.is_empty() || only.iter().any(|name| name == names[run.dataset]);
    Ok(protocol.plan().into_iter().filter(is_chosen).collect())
}

/// The path as it is from the root of the file system, so that a run goes on from any folder.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    Ok(std::path::absolute(path)?)
}
