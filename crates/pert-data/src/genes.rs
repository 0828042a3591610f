//! The choice of genes that a model sees.

use std::collections::HashSet;

use pert_core::Population;

/// How genes are chosen.
///
/// ```
/// let selection: pert_data::GeneSelection = serde_json::from_str("{}")?;
/// assert_eq!(selection, pert_data::GeneSelection { n_top: 2000 });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeneSelection {
    /// Number of highly variable genes, in addition to the perturbed ones; at least 1. Default 2000, as in
    /// scvi-tools' and Seurat's tutorials.
    pub n_top: usize,
}

impl Default for GeneSelection {
    fn default() -> Self {
        Self { n_top: 2000 }
    }
}

/// Share of the genes that a local fit of the trend looks at (Seurat's `loess.span`).
const SPAN: f64 = 0.3;

/// The columns a model is trained on: the highly variable genes of the training cells and all perturbed genes.
///
/// Variability is the variance of standardised raw counts, clipped at √n (the method `vst` of Seurat v3, Stuart et al.
/// 2019, Cell 177:1888, STAR Methods): with mean m and variance s² (ddof 1) of a gene over the n training cells,
///
/// log₁₀ σ² = f(log₁₀ m),  z = min((y − m)/σ, √n),  score = Σ z² / (n − 1)
///
/// where f is the local quadratic regression of log₁₀ s² on log₁₀ m (tricube weights over the nearest 30% of the genes),
/// evaluated at every gene rather than interpolated. Ties are broken by column.
///
/// Genes without a count in the training cells are left out unless they are perturbed. When no more than `n_top` genes
/// are in the file, every expressed one is kept. Held-out cells are never looked at; the perturbed genes are those of all
/// labels in `screen`, which are known before any cell is measured.
///
/// # Shapes
/// `train_cells`: rows of `screen`; returns its columns, in ascending order, `[n_chosen]` with n_chosen between the
/// number of perturbed genes and `n_top` more. Counts are raw.
///
/// # Panics
/// When a training cell is not in the screen.
///
/// ```
/// use pert_data::{Dataset, GeneSelection, SimulatorConfig, select_genes};
/// let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
/// let screen = Dataset::simulated(&config)?.into_population();
/// let train_cells: Vec<usize> = (0..screen.n_cells()).collect();
/// let columns = select_genes(&screen, &train_cells, &GeneSelection { n_top: 10 });
/// assert!(columns.is_sorted() && (10..=11).contains(&columns.len())); // one gene is perturbed
/// for gene in screen.perturbations().iter().flat_map(|p| p.targets()) {
///     assert!(columns.iter().any(|&column| &screen.genes()[column] == gene));
/// }
/// # Ok::<(), pert_data::SimulatorError>(())
/// ```
pub fn select_genes(
    screen: &Population,
    train_cells: &[usize],
    selection: &GeneSelection,
) -> Vec<usize> {
    let targets: HashSet<&str> =
        screen.perturbations().iter().flat_map(|p| p.targets()).map(String::as_str).collect();
    let perturbed = |gene: usize| targets.contains(screen.genes()[gene].as_str());
    let moments = moments(screen, train_cells);

    let mut chosen: Vec<bool> = (0..screen.n_genes()).map(perturbed).collect();
    if screen.n_genes() <= selection.n_top {
        for (chosen, moments) in chosen.iter_mut().zip(&moments) {
            *chosen |= moments.mean > 0.0;
        }
    } else {
        let scores = standardised_variances(screen, train_cells, &moments);
        let mut ranked: Vec<usize> =
            (0..screen.n_genes()).filter(|&gene| moments[gene].mean > 0.0).collect();
        // In 32 bits: genes whose counts are the same in another order of cells differ by rounding only, and tie.
        let score = |gene: usize| scores[gene] as f32;
        ranked.sort_by(|&a, &b| score(b).total_cmp(&score(a)).then(a.cmp(&b)));
        for &gene in ranked.iter().take(selection.n_top) {
            chosen[gene] = true;
        }
    }
    (0..screen.n_genes()).filter(|&gene| chosen[gene]).collect()
}

/// Mean and variance (ddof 1) of the raw counts of a gene.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    mean: f64,
    variance: f64,
}

fn moments(screen: &Population, cells: &[usize]) -> Vec<Moments> {
    let mut sums = vec![(0.0f64, 0.0f64); screen.n_genes()];
    for &cell in cells {
        let (columns, values) = screen.counts().row(cell);
        for (&column, &value) in columns.iter().zip(values) {
            let (sum, squares) = &mut sums[column as usize];
            *sum += f64::from(value);
            *squares += f64::from(value) * f64::from(value);
        }
    }
    let n = cells.len() as f64;
    sums.into_iter()
        .map(|(sum, squares)| {
            // Sums of integers are exact in f64, so the difference does not cancel into noise.
            let variance = (n * squares - sum * sum) / (n * (n - 1.0));
            Moments { mean: sum / n.max(1.0), variance: if n > 1.0 { variance } else { 0.0 } }
        })
        .collect()
}

fn standardised_variances(screen: &Population, cells: &[usize], moments: &[Moments]) -> Vec<f64> {
    let n = cells.len() as f64;
    let varying: Vec<usize> = (0..moments.len()).filter(|&g| moments[g].variance > 0.0).collect();
    let points: Vec<(f64, f64)> = varying
        .iter()
        .map(|&gene| (moments[gene].mean.log10(), moments[gene].variance.log10()))
        .collect();
    let mut scale = vec![0.0; moments.len()];
    for (&gene, trend) in varying.iter().zip(local_quadratic(&points, SPAN)) {
        scale[gene] = 10f64.powf(trend / 2.0);
    }
    // Zeros first, as if every cell had none; then the entries put right. Clipping never touches a zero.
    let mut scores: Vec<f64> = vec![0.0; moments.len()];
    for &gene in &varying {
        scores[gene] = n * (moments[gene].mean / scale[gene]).powi(2);
    }
    for &cell in cells {
        let (columns, values) = screen.counts().row(cell);
        for (&column, &value) in columns.iter().zip(values) {
            let gene = column as usize;
            if scale[gene] > 0.0 {
                let mean = moments[gene].mean;
                let z = ((f64::from(value) - mean) / scale[gene]).min(n.sqrt());
                scores[gene] += z * z - (mean / scale[gene]).powi(2);
            }
        }
    }
    scores.iter_mut().for_each(|score| *score /= (n - 1.0).max(1.0));
    scores
}

/// Local quadratic regression of y on x at every point (loess without interpolation; Cleveland 1979).
///
/// Tricube weights over the ⌈span · n⌉ nearest points. Where the neighbourhood cannot carry a parabola (fewer than three
/// distinct x) the weighted mean is taken.
fn local_quadratic(points: &[(f64, f64)], span: f64) -> Vec<f64> {
    let n = points.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| points[a].0.total_cmp(&points[b].0).then(a.cmp(&b)));
    let sorted: Vec<(f64, f64)> = order.iter().map(|&i| points[i]).collect();
    let window = ((span * n as f64).ceil() as usize).clamp(1, n.max(1));
    let mut fitted = vec![0.0; n];
    let mut start = 0;
    for (rank, &(x0, _)) in sorted.iter().enumerate() {
        // The window of nearest points only ever moves to the right.
        while start + window < n && sorted[start + window].0 - x0 < x0 - sorted[start].0 {
            start += 1;
        }
        let near = &sorted[start..start + window];
        let reach = (x0 - near[0].0).max(near[window - 1].0 - x0);
        fitted[order[rank]] = fit_at(near, x0, reach);
    }
    fitted
}

fn fit_at(near: &[(f64, f64)], x0: f64, reach: f64) -> f64 {
    // Moments of the scaled distance d ∈ [−1, 1]: well conditioned, and the fit at x0 is the constant term.
    let (mut s, mut t) = ([0.0f64; 5], [0.0f64; 3]);
    for &(x, y) in near {
        let d = if reach > 0.0 { (x - x0) / reach } else { 0.0 };
        let weight = (1.0 - d.abs().powi(3)).powi(3);
        let mut power = weight;
        for k in 0..5 {
            s[k] += power;
            if k < 3 {
                t[k] += power * y;
            }
            power *= d;
        }
    }
    let determinant = |a: [f64; 9]| {
        a[0] * (a[4] * a[8] - a[5] * a[7]) - a[1] * (a[3] * a[8] - a[5] * a[6])
            + a[2] * (a[3] * a[7] - a[4] * a[6])
    };
    let whole = determinant([s[0], s[1], s[2], s[1], s[2], s[3], s[2], s[3], s[4]]);
    // Relative to the largest it could be: below this the normal equations are singular in f64.
    const SINGULAR: f64 = 1e-10;
    if whole <= SINGULAR * s[0] * s[2] * s[4] {
        return t[0] / s[0];
    }
    determinant([t[0], s[1], s[2], t[1], s[2], s[3], t[2], s[3], s[4]]) / whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_fit_reproduces_a_parabola() {
        let points: Vec<(f64, f64)> = (0..60)
            .map(|i| f64::from((i * 37) % 60) / 20.0)
            .map(|x| (x, 1.0 - 2.0 * x + 0.5 * x * x))
            .collect();
        for (fitted, (x, y)) in local_quadratic(&points, SPAN).iter().zip(&points) {
            // A parabola is fitted exactly; what remains is rounding in the normal equations.
            assert!((fitted - y).abs() < 1e-9, "at {x}: {fitted} is not {y}");
        }
    }

    #[test]
    fn equal_means_share_the_mean_of_their_variances() {
        let fitted = local_quadratic(&[(1.0, 2.0), (1.0, 4.0), (1.0, 6.0)], 1.0);
        assert_eq!(fitted, [4.0; 3]);
        assert!(local_quadratic(&[], SPAN).is_empty());
    }
}
