//! The files and the screen of an evaluation.

use std::io::{IsTerminal, Write};

use pert_prior::metrics::{Comparison, Metric, Verdict};
use pert_prior::pipeline::{Changes, Evaluation, OutputFolder, Picture, roles};
use pert_prior::report::{
    Axes, CellScatter, DeltaScatter, Error as ReportError, Highlight, MAIN_METRICS,
    Picture as Drawn, Summary, TerminalStyle, Umap, UmapConfig, delta_scatter, intervals_csv,
    markdown_report, metric_boxes, metrics_csv, scatter_real_generated, slides_tsv, terminal_table,
};

/// Perturbations with a panel of their own.
const HIGHLIGHTS: usize = 6;
/// Genes named in a panel of changes.
const NAMED_GENES: usize = 8;

/// Writes `report.md`, `metrics.csv`, `intervals.csv`, `summary.json` and the picture `metrics`; of a model also `slides.tsv` and
/// the pictures `umap` and `delta`. Each picture as PNG and SVG. Returns a note for every one that had nothing to show and was
/// left out.
pub fn write(
    output: &OutputFolder,
    evaluation: &Evaluation,
    seed: u64,
) -> anyhow::Result<Vec<String>> {
    let rows = &evaluation.rows;
    output.write("metrics.csv", metrics_csv(rows).as_bytes())?;
    output.write("intervals.csv", intervals_csv(&evaluation.intervals).as_bytes())?;
    let Evaluation { comparisons, intervals, notes, .. } = evaluation;
    let text = markdown_report(rows, &roles(), comparisons, intervals, notes);
    output.write("report.md", text.as_bytes())?;
    let summary = Summary::new(rows, &roles(), intervals);
    output.write("summary.json", summary.to_json().as_bytes())?;
    let mut pictures = vec![("metrics", metric_boxes(rows, &roles()))];
    let model = roles().model;
    if rows.iter().any(|row| row.method == model) {
        output.write("slides.tsv", slides_tsv(rows, &model).as_bytes())?;
        pictures.push(("umap", draw_cells(&evaluation.picture, seed)));
        pictures.push(("delta", draw_changes(&evaluation.changes)));
    }
    let mut not_drawn = Vec::new();
    for (name, drawn) in pictures {
        match drawn {
            Ok(drawn) => {
                output.write(&format!("{name}.png"), &drawn.png)?;
                output.write(&format!("{name}.svg"), drawn.svg.as_bytes())?;
            }
            // A table without a picture is worth more than neither.
            Err(error @ ReportError::EmptyPicture { .. }) => {
                not_drawn.push(format!("{name}.png is left out: {error}"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(not_drawn)
}

/// Prints the main part of the table and of the comparisons.
pub fn print(evaluation: &Evaluation) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", terminal_table(&evaluation.rows, &roles(), &terminal_style()))?;
    let is_main = |c: &&Comparison| MAIN_METRICS.contains(&c.metric);
    for c in evaluation.comparisons.iter().filter(is_main) {
        let p = match c.wilcoxon_p {
            None => "not testable".to_owned(),
            Some(p) if p < 0.001 => "p < 0.001".to_owned(),
            Some(p) => format!("p = {p:.3}"),
        };
        let verdict = match c.verdict {
            Verdict::ModelBetter => format!("{p}: better"),
            Verdict::BaselineBetter => format!("{p}: worse"),
            Verdict::TooFew => "too few to test".to_owned(),
            _ => format!("{p}: no difference"),
        };
        let heading = Metric::named(c.metric).map_or(c.metric, |metric| metric.heading);
        writeln!(
            out,
            "{}: model {:.3}, best baseline {} {:.3}; better on {} of {}, {verdict}",
            heading,
            c.model_median,
            c.best_baseline,
            c.baseline_median,
            c.n_model_better,
            c.n_pairs,
        )?;
    }
    Ok(())
}

/// What stdout can show.
pub fn terminal_style() -> TerminalStyle {
    let is_terminal = std::io::stdout().is_terminal();
    let width = is_terminal
        .then(terminal_size::terminal_size)
        .flatten()
        .map(|(terminal_size::Width(columns), _)| usize::from(columns));
    TerminalStyle::for_output(is_terminal, width)
}

/// Embeds real and generated cells together and draws them side by side.
fn draw_cells(picture: &Picture, seed: u64) -> Result<Drawn, ReportError> {
    let n_real = picture.real_labels.len();
    let points: Vec<f32> = picture.real.iter().chain(&picture.generated).copied().collect();
    let config = UmapConfig { seed, ..UmapConfig::default() };
    let (axes, plane) = match Umap::fit(&points, picture.n_components, &config) {
        Ok(umap) => (Axes::Umap, umap.embedding().to_vec()),
        // A handful of cells has no neighbourhoods; the points are principal components already.
        Err(ReportError::TooFewPoints { .. }) => {
            (Axes::PrincipalComponents, first_two(&points, picture.n_components))
        }
        Err(error) => return Err(error),
    };
    let (real, generated) = plane.split_at(2 * n_real);
    let mut labels: Vec<&String> = picture.real_labels.iter().collect();
    labels.dedup();
    let rows_of = |labels: &[String], label: &String| -> Vec<usize> {
        (0..labels.len()).filter(|&i| &labels[i] == label).collect()
    };
    let highlights: Vec<Highlight> = labels
        .into_iter()
        .take(HIGHLIGHTS)
        .map(|label| Highlight {
            label: label.clone(),
            real: rows_of(&picture.real_labels, label),
            generated: rows_of(&picture.generated_labels, label),
        })
        .collect();
    scatter_real_generated(&CellScatter {
        title: "Held-out perturbations: real and generated cells",
        axes,
        real,
        generated,
        highlights: &highlights,
    })
}

/// The predicted changes that came nearest and least near to the real ones.
fn draw_changes(changes: &Changes) -> Result<Drawn, ReportError> {
    let n = changes.n_compared;
    let headings = [format!("Best of {n}"), format!("Worst of {n}")];
    let panels: Vec<DeltaScatter<'_>> = changes
        .best
        .iter()
        .chain(&changes.worst)
        .zip(&headings)
        .map(|(change, heading)| DeltaScatter {
            heading: if n == 1 { "Held out" } else { heading },
            label: &change.perturbation,
            n_cells: change.n_cells,
            genes: &changes.genes,
            real: &change.real,
            predicted: &change.predicted,
            pearson_delta: change.pearson_delta,
            n_named: NAMED_GENES,
        })
        .collect();
    delta_scatter(&panels)
}

/// The first two of `n_components` columns, `[n, 2]`; zero where there is only one.
fn first_two(points: &[f32], n_components: usize) -> Vec<f32> {
    points
        .chunks_exact(n_components)
        .flat_map(|p| [p[0], p.get(1).copied().unwrap_or(0.0)])
        .collect()
}
