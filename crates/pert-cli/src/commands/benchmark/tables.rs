//! The tables of what is finished.

use std::io::Write;

use anyhow::bail;
use pert_prior::Progress;
use pert_prior::core::Perturbation;
use pert_prior::pipeline::{BenchmarkFolder, PlannedRun, Protocol, RunRecord, collect, roles};
use pert_prior::report::{
    BenchmarkAbout, BenchmarkTable, BesidePrinted, MethodRole, Ours, PrintedComparison, ScoredRun,
    Scores, benchmark_terminal, comparison_csv, comparison_json, comparison_markdown,
    slides_markdown,
};

use crate::progress::Reporter;
use crate::report::terminal_style;

/// Runs named at most in an error; all stand in `comparison.md`.
const MISSING_TOLD: usize = 12;

/// Writes and prints the tables; an error, after that, when runs are missing.
pub fn make(
    protocol: &Protocol,
    plan: &[PlannedRun],
    folder: &BenchmarkFolder,
    reporter: &mut Reporter,
) -> anyhow::Result<()> {
    let collected = collect(protocol, plan, folder);
    let runs: Vec<ScoredRun> =
        collected.finished.iter().map(|(run, record)| scored(protocol, run, record)).collect();
    let missing: Vec<(String, String)> =
        collected.missing.iter().map(|m| (m.id.clone(), m.reason.to_string())).collect();
    let table = BenchmarkTable::new(&runs, &roles());
    let about = BenchmarkAbout {
        name: protocol.name.clone(),
        description: protocol.description.clone(),
        n_runs: plan.len(),
        missing: missing.clone(),
        datasets: protocol.datasets.iter().map(|d| (d.name.clone(), source(d))).collect(),
    };
    folder.write_table("comparison.csv", &comparison_csv(&table))?;
    folder.write_table("comparison.json", &comparison_json(&about, &table))?;
    folder.write_table("comparison.md", &comparison_markdown(&about, &table))?;
    let printed = beside_printed(protocol, &collected.finished, &table);
    if !printed.is_empty() {
        folder.write_table("slides.md", &slides_markdown(&printed))?;
    }
    let text = benchmark_terminal(&table, &terminal_style());
    std::io::stdout().lock().write_all(text.as_bytes())?;
    let written = if printed.is_empty() { "" } else { " and slides.md" };
    let root = folder.root().display();
    reporter.note(&format!("wrote {root}/comparison.md, .csv, .json{written}"));
    refuse(&missing, plan.len())
}

/// An error naming the runs without numbers, if there are any.
pub fn refuse(missing: &[(String, String)], n_runs: usize) -> anyhow::Result<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> =
        missing.iter().take(MISSING_TOLD).map(|(id, why)| format!("\n  {id}: {why}")).collect();
    if missing.len() > MISSING_TOLD {
        lines.push(format!("\n  and {} more", missing.len() - MISSING_TOLD));
    }
    bail!("{} of {n_runs} runs have no numbers:{}", missing.len(), lines.concat())
}

fn source(dataset: &pert_prior::pipeline::ProtocolDataset) -> String {
    let said = [dataset.citation.as_str(), dataset.accession.as_str()];
    said.into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join(", ")
}

fn scored(protocol: &Protocol, run: &PlannedRun, record: &RunRecord) -> ScoredRun {
    ScoredRun {
        dataset: protocol.datasets[run.dataset].name.clone(),
        split: run.split.group.clone(),
        fold: run.split.name.clone(),
        seed: run.seed,
        model: run.model.map(|model| protocol.models[model].name.clone()),
        scores: record
            .scores
            .iter()
            .map(|score| Scores {
                perturbation: score.perturbation.clone(),
                method: score.method.clone(),
                n: score.n,
                values: score.values.clone(),
            })
            .collect(),
    }
}

/// The reference tables beside every model, and without a model beside the best baseline.
fn beside_printed(
    protocol: &Protocol,
    finished: &[(PlannedRun, RunRecord)],
    table: &BenchmarkTable,
) -> Vec<PrintedComparison> {
    let mut comparisons = Vec::new();
    for group in &table.groups {
        let index = protocol.datasets.iter().position(|d| d.name == group.dataset);
        let Some(printed) = index.and_then(|index| protocol.printed(index)) else { continue };
        let of_group = || {
            finished
                .iter()
                .filter(|(run, _)| Some(run.dataset) == index && run.split.group == group.split)
        };
        let mut shown: Vec<(String, Option<usize>, &str)> = protocol
            .models
            .iter()
            .enumerate()
            .map(|(model, named)| (named.name.clone(), Some(model), "model"))
            .collect();
        if shown.is_empty() {
            let baselines = group.methods.iter().filter(|m| m.role == MethodRole::Baseline);
            let by_r2 = baselines.filter_map(|m| Some((m.metrics.get("r2")?.value, m)));
            let best = by_r2.max_by(|a, b| a.0.total_cmp(&b.0));
            shown.extend(best.map(|(_, m)| (m.name.clone(), None, m.name.as_str())));
        }
        for (name, model, method) in shown {
            let records: Vec<&RunRecord> = of_group()
                .filter(|(run, _)| run.model == model)
                .map(|(_, record)| record)
                .collect();
            let rows = printed.rows.iter().map(|row| BesidePrinted {
                perturbation: if row.perturbation.is_empty() {
                    "(not told apart in print)".to_owned()
                } else {
                    row.perturbation.clone()
                },
                n: row.n,
                r2: row.r2,
                fid: row.fid,
                ours: ours(row, &records, method),
            });
            comparisons.push(PrintedComparison {
                dataset: group.dataset.clone(),
                split: group.split.clone(),
                method: name,
                source: printed.source.clone(),
                rows: rows.collect(),
            });
        }
    }
    comparisons
}

/// Means over the runs that held a printed perturbation out.
fn ours(
    row: &pert_prior::pipeline::PrintedRow,
    records: &[&RunRecord],
    method: &str,
) -> Option<Ours> {
    let mut found = Vec::new();
    for record in records {
        let Some(format) = &record.labels else { continue };
        let scores: Vec<_> = record.scores.iter().filter(|s| s.method == method).collect();
        let labels: Vec<Perturbation> = scores
            .iter()
            .filter_map(|s| Perturbation::parse(&s.perturbation, format).ok())
            .collect();
        let Some(label) = row.find(&labels, format).map(Perturbation::label) else { continue };
        found.extend(scores.into_iter().filter(|s| s.perturbation == label));
    }
    let mean = |metric: &str| {
        let values: Vec<f64> = found.iter().filter_map(|s| s.values.get(metric).copied()).collect();
        values.iter().sum::<f64>() / values.len() as f64 // NaN of nothing
    };
    let n = found.first()?.n;
    Some(Ours { n, r2: mean("r2"), fid: mean("fid_latent"), fid_floor: mean("fid_latent_floor") })
}
