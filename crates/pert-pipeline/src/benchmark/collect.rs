//! What is done of a plan, and what is missing.

use std::fmt;

use super::folder::BenchmarkFolder;
use super::plan::PlannedRun;
use super::protocol::Protocol;
use super::record::{RunOutcome, RunRecord};
use crate::checkpoints::Checkpoints;

/// The runs of a plan that have numbers, and those that have none.
#[derive(Debug)]
pub struct Collected {
    /// With numbers, in the order of the plan.
    pub finished: Vec<(PlannedRun, RunRecord)>,
    /// Without.
    pub missing: Vec<Missing>,
}

/// A run without numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Missing {
    /// Its name.
    pub id: String,
    /// Why.
    pub reason: MissingReason,
}

/// Why a run has no numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum MissingReason {
    /// It has not begun.
    NotRun,
    /// Its fit is half done, here or in another process.
    Unfinished,
    /// It ended with an error.
    Failed(String),
    /// What lies there is another run.
    Other(String),
}

impl fmt::Display for MissingReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRun => f.write_str("not run yet"),
            Self::Unfinished => f.write_str("unfinished"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Other(difference) => write!(f, "made with other settings: {difference}"),
        }
    }
}

/// Looks at every run of a plan. A run that was made with other settings counts as missing; files are not read again.
pub fn collect(protocol: &Protocol, plan: &[PlannedRun], folder: &BenchmarkFolder) -> Collected {
    let mut collected = Collected { finished: Vec::new(), missing: Vec::new() };
    for run in plan {
        let reason = match RunRecord::read(&folder.record(&run.id)) {
            Err(error) => MissingReason::Other(error.to_string()),
            Ok(None) if Checkpoints::exist(&folder.model(&run.id)) => MissingReason::Unfinished,
            Ok(None) => MissingReason::NotRun,
            Ok(Some(record)) => match record.settings_difference(&protocol.settings(run)) {
                Some(difference) => MissingReason::Other(difference),
                None => match record.outcome.clone() {
                    RunOutcome::Failed(error) => MissingReason::Failed(error),
                    RunOutcome::Finished => {
                        collected.finished.push((run.clone(), record));
                        continue;
                    }
                },
            },
        };
        collected.missing.push(Missing { id: run.id.clone(), reason });
    }
    collected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_reason() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("p.toml");
        let text = "[protocol]\nformat = 1\nname = \"p\"\nsplits = [\"sorted-4\"]\n\
            [[dataset]]\nname = \"a\"\npath = \"a.h5ad\"\n";
        std::fs::write(&path, text).unwrap();
        let protocol = Protocol::read(&path).unwrap();
        let plan = protocol.plan();
        let folder = BenchmarkFolder::open(&scratch.path().join("out")).unwrap();
        let leave = |index: usize, settings: String, outcome: RunOutcome| {
            let id = &plan[index].id;
            folder.create_run(id).unwrap();
            RunRecord::new(id, settings, outcome).write(&folder.record(id)).unwrap();
        };
        leave(0, protocol.settings(&plan[0]), RunOutcome::Finished);
        leave(1, protocol.settings(&plan[1]), RunOutcome::Failed("no control".into()));
        leave(2, protocol.settings(&plan[1]), RunOutcome::Finished);
        let collected = collect(&protocol, &plan, &folder);
        assert_eq!(collected.finished.len(), 1);
        let told: Vec<String> =
            collected.missing.iter().map(|m| format!("{}: {}", m.id, m.reason)).collect();
        assert_eq!(told[0], "a/sorted-4-1/seed-0/baselines: failed: no control");
        assert!(told[1].contains("other settings") && told[1].contains("sorted-4:1"), "{told:?}");
        assert_eq!(told[2], "a/sorted-4-3/seed-0/baselines: not run yet");
    }
}
