//! Held-out cells, real and generated, for a picture.

use pert_core::Perturbation;

use super::cells::Cells;
use super::spaces::Spaces;
use crate::Error;

/// Points at most, real and generated each.
const MOST_POINTS: usize = 2_000;
/// Cells of one perturbation at most, so that a large one does not hide the others.
const MOST_EACH: usize = 200;

/// Held-out cells, real and generated, in principal components.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    /// Width of a point.
    pub n_components: usize,
    /// Real cells, `[n, n_components]`, row-major.
    pub real: Vec<f32>,
    /// Perturbation of each real cell.
    pub real_labels: Vec<String>,
    /// Generated cells, `[n, n_components]`, row-major.
    pub generated: Vec<f32>,
    /// Perturbation of each generated cell.
    pub generated_labels: Vec<String>,
}

impl Picture {
    /// A picture without points.
    pub(super) fn of_width(n_components: usize) -> Self {
        Self { n_components, ..Self::default() }
    }

    /// The first cells of one perturbation, as many real as generated, at most `each`.
    pub(super) fn of(
        p: &Perturbation,
        real: &Cells,
        generated: &Cells,
        each: usize,
        spaces: &Spaces<'_>,
    ) -> Result<Self, Error> {
        let n = real.len().min(generated.len()).min(each);
        let points = |cells: &Cells| -> Result<Vec<f32>, Error> {
            let values = spaces.components(&cells.first(n))?.into_values();
            Ok(values.into_iter().map(|v| v as f32).collect())
        };
        let labels = vec![p.label().to_owned(); n];
        Ok(Self {
            n_components: spaces.n_components(),
            real: points(real)?,
            real_labels: labels.clone(),
            generated: points(generated)?,
            generated_labels: labels,
        })
    }

    /// Cells of each of `n` perturbations that a picture has room for.
    pub(super) fn points_each(n: usize) -> usize {
        (MOST_POINTS / n).clamp(1, MOST_EACH)
    }

    pub(super) fn append(&mut self, mut other: Self) {
        self.real.append(&mut other.real);
        self.real_labels.append(&mut other.real_labels);
        self.generated.append(&mut other.generated);
        self.generated_labels.append(&mut other.generated_labels);
    }
}
