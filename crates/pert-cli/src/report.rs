//! The files and the screen of an evaluation.

use std::io::{IsTerminal, Write};

use pert_prior::metrics::Verdict;
use pert_prior::pipeline::{Evaluation, OutputFolder, Picture, roles};
use pert_prior::report::{
    Axes, CellScatter, Error as ReportError, Highlight, Summary, TerminalStyle, Umap, UmapConfig,
    metrics_csv, scatter_real_generated, slides_tsv, terminal_table,
};

/// Perturbations with a panel of their own.
const HIGHLIGHTS: usize = 6;

/// Writes `metrics.csv`, `summary.json`, `slides.tsv` and `umap.png|svg`.
pub fn write(output: &OutputFolder, evaluation: &Evaluation, seed: u64) -> anyhow::Result<()> {
    let rows = &evaluation.rows;
    output.write("metrics.csv", metrics_csv(rows).as_bytes())?;
    output.write("slides.tsv", slides_tsv(rows, "model").as_bytes())?;
    let summary = Summary::new(rows, &roles());
    output.write("summary.json", summary.to_json().as_bytes())?;
    draw(output, &evaluation.picture, seed)
}

/// Prints the table and the comparisons.
pub fn print(evaluation: &Evaluation) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", terminal_table(&evaluation.rows, &roles(), &terminal_style()))?;
    for c in &evaluation.comparisons {
        let p = c.wilcoxon_p.map_or("not testable".to_owned(), |p| format!("p = {p:.3}"));
        let verdict = match c.verdict {
            Verdict::ModelBetter => "better",
            Verdict::BaselineBetter => "worse",
            _ => "no difference",
        };
        writeln!(
            out,
            "{}: model {:.3}, best baseline {} {:.3}; better on {} of {}, {p}: {verdict}",
            c.metric,
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
fn terminal_style() -> TerminalStyle {
    let is_terminal = std::io::stdout().is_terminal();
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let width = is_terminal
        .then(terminal_size::terminal_size)
        .flatten()
        .map(|(terminal_size::Width(columns), _)| usize::from(columns));
    TerminalStyle { width, color: is_terminal && !no_color, ..TerminalStyle::default() }
}

/// Embeds real and generated cells together and draws them side by side.
fn draw(output: &OutputFolder, picture: &Picture, seed: u64) -> anyhow::Result<()> {
    let n_real = picture.real_labels.len();
    let points: Vec<f32> = picture.real.iter().chain(&picture.generated).copied().collect();
    let config = UmapConfig { seed, ..UmapConfig::default() };
    let (axes, plane) = match Umap::fit(&points, picture.n_components, &config) {
        Ok(umap) => (Axes::Umap, umap.embedding().to_vec()),
        // A handful of cells has no neighbourhoods; the points are principal components already.
        Err(ReportError::TooFewPoints { .. }) => {
            (Axes::PrincipalComponents, first_two(&points, picture.n_components))
        }
        Err(error) => return Err(error.into()),
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
    let scatter = scatter_real_generated(&CellScatter {
        title: "Held-out perturbations: real and generated cells",
        axes,
        real,
        generated,
        highlights: &highlights,
    })?;
    output.write("umap.png", &scatter.png)?;
    output.write("umap.svg", scatter.svg.as_bytes())?;
    Ok(())
}

/// The first two of `n_components` columns, `[n, 2]`; zero where there is only one.
fn first_two(points: &[f32], n_components: usize) -> Vec<f32> {
    points
        .chunks_exact(n_components)
        .flat_map(|p| [p[0], p.get(1).copied().unwrap_or(0.0)])
        .collect()
}
