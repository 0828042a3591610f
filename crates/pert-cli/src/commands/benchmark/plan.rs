//! What of a plan is to be done, found out before anything is fitted.

use std::io::{self, Write};
use std::path::Path;

use anyhow::bail;
use pert_prior::data::check_columns;
use pert_prior::pipeline::{
    BenchmarkFolder, FileIdentity, PlannedRun, Protocol, RunRecord, collect,
};

use crate::failure::text;

/// Differences told of at most; one shows what was changed.
const DIFFERENCES_TOLD: usize = 3;

/// The runs to be done, and the content of the files they are made of.
pub struct Work<'a> {
    /// In the order of the plan.
    pub to_do: Vec<&'a PlannedRun>,
    n_finished: usize,
    files: Vec<Files>,
}

/// The content of a data set's files; unknown where a file is not there.
#[derive(Clone, Default)]
pub struct Files {
    pub cells: Option<FileIdentity>,
    pub features: Option<FileIdentity>,
}

impl Work<'_> {
    pub fn files_of(&self, run: &PlannedRun) -> &Files {
        &self.files[run.dataset]
    }

    pub fn notes(&self) -> Vec<String> {
        match self.n_finished {
            0 => Vec::new(),
            1 => vec!["one run is finished already and stays as it is".to_owned()],
            n => vec![format!("{n} runs are finished already and stay as they are")],
        }
    }
}

/// Looks at records, files and columns. Nothing is done before all that can be refused was looked at.
pub fn work<'a>(
    protocol: &Protocol,
    plan: &'a [PlannedRun],
    folder: &BenchmarkFolder,
    data: Option<&Path>,
    force: bool,
) -> anyhow::Result<Work<'a>> {
    let mut files = vec![Files::default(); protocol.datasets.len()];
    for (index, files) in files.iter_mut().enumerate() {
        let is_wanted = plan.iter().any(|run| run.dataset == index);
        let cells = protocol.cells_path(index, data);
        if is_wanted && cells.is_file() {
            files.cells = Some(FileIdentity::of(&cells)?);
        }
        // A table of the cell file itself is the same as long as that is.
        if let Some(features) = protocol.features(index, data)
            && let Some(file) = features.file()
            && is_wanted
            && file.is_file()
        {
            files.features = Some(FileIdentity::of(file)?);
        }
    }
    let mut work = Work { to_do: Vec::new(), n_finished: 0, files };
    let mut differences = Vec::new();
    for run in plan {
        let difference = match RunRecord::read(&folder.record(&run.id)) {
            Ok(None) => None,
            Err(error) => Some(error.to_string()),
            Ok(Some(record)) => {
                let difference = difference(&record, &protocol.settings(run), work.files_of(run));
                if difference.is_none() && record.is_finished() {
                    work.n_finished += 1;
                    continue;
                }
                difference
            }
        };
        match difference {
            Some(_) if force => folder.clear_run(&run.id)?,
            Some(difference) => differences.push(format!("\n  {}: {difference}", run.id)),
            None => {}
        }
        work.to_do.push(run);
    }
    if !differences.is_empty() {
        let n = differences.len();
        let more = n.saturating_sub(DIFFERENCES_TOLD);
        differences.truncate(DIFFERENCES_TOLD);
        if more > 0 {
            differences.push(format!("\n  and {more} more"));
        }
        bail!(
            "{} holds {n} runs that were made otherwise; give --force to do them again, or another -o:{}",
            folder.root().display(),
            differences.concat()
        );
    }
    check_files(protocol, &work.to_do, data)?;
    Ok(work)
}

fn difference(record: &RunRecord, settings: &str, files: &Files) -> Option<String> {
    record.settings_difference(settings).or_else(|| {
        let cells = files.cells.as_ref()?;
        record.files_difference(cells, files.features.as_ref())
    })
}

/// Refuses missing files and columns of all data sets at once.
fn check_files(
    protocol: &Protocol,
    to_do: &[&PlannedRun],
    data: Option<&Path>,
) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    for (index, dataset) in protocol.datasets.iter().enumerate() {
        if to_do.iter().all(|run| run.dataset != index) {
            continue;
        }
        let cells = protocol.cells_path(index, data);
        if !cells.is_file() {
            let source: Vec<&str> = [dataset.citation.as_str(), dataset.accession.as_str()]
                .into_iter()
                .filter(|said| !said.is_empty())
                .collect();
            let source =
                if source.is_empty() { String::new() } else { format!(" ({})", source.join(", ")) };
            wrong.push(format!(
                "data set {}: there is no file {}{source}; put it there, or name its folder with --data",
                dataset.name,
                cells.display()
            ));
        } else if let Err(error) = check_columns(&cells, &dataset.columns) {
            wrong.push(format!("data set {}: {}", dataset.name, text(&error.into())));
        }
        if let Some(features) = protocol.features(index, data)
            && let Some(file) = features.file()
            && !file.is_file()
        {
            let shown = file.display();
            wrong.push(format!("data set {}: there is no table of features {shown}", dataset.name));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    if protocol.datasets.len() > 1 {
        wrong.push("with --only DATASET the others are run alone".to_owned());
    }
    bail!("{}", wrong.join("\n"))
}

/// `--dry-run`: the runs and how far they are.
pub fn print(
    protocol: &Protocol,
    plan: &[PlannedRun],
    n_all: usize,
    root: &Path,
    data: Option<&Path>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let of_all = if plan.len() == n_all { String::new() } else { format!(" of {n_all}") };
    writeln!(out, "{}: {}{of_all} runs, into {}", protocol.name, plan.len(), root.display())?;
    for (index, dataset) in protocol.datasets.iter().enumerate() {
        if plan.iter().all(|run| run.dataset != index) {
            continue;
        }
        let cells = protocol.cells_path(index, data);
        let there = if cells.is_file() { "" } else { "   (not there)" };
        writeln!(out, "  {}: {}{there}", dataset.name, cells.display())?;
    }
    let missing = match BenchmarkFolder::existing(root) {
        Ok(folder) => Some(collect(protocol, plan, &folder).missing),
        Err(_) => None,
    };
    for run in plan {
        let state = match &missing {
            None => "not run yet".to_owned(),
            Some(missing) => missing
                .iter()
                .find(|missing| missing.id == run.id)
                .map_or("finished".to_owned(), |missing| missing.reason.to_string()),
        };
        writeln!(out, "{}   {state}", run.id)?;
    }
    Ok(())
}
