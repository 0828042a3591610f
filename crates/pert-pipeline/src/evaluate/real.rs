//! The held-out cells of one perturbation, and all that is computed of them once for every method.

use pert_core::{ChaCha8Rng, Perturbation};
use pert_metrics::{
    DifferentialExpression, FOLD_CHANGE_PSEUDO_COUNT, Gaussian, MMD_BANDWIDTHS, Rows,
    SortedProfiles, frechet_floor_closed_form, frechet_floor_with, median_distance,
};

use super::cells::Cells;
use super::evaluation_vae::rng;
use super::spaces::{Points, Spaces};
use crate::Error;

/// Splits into halves of which a floor is the mean (evaluation protocol: 20).
const FLOOR_SPLITS: usize = 20;
/// Differentially expressed genes that `pearson_delta_de20` looks at.
const N_TOP_DE: usize = 20;

/// One perturbation's held-out cells.
pub(super) struct Real<'a> {
    pub cells: Cells,
    /// Mean profile, `[n_genes]`.
    pub mean: Vec<f64>,
    /// What the change is taken from.
    pub against: Against<'a>,
    pub latent: Space,
    pub components: Space,
    /// Bandwidths of the discrepancy in principal components: of the real cells alone, so that no prediction sets its
    /// own.
    pub gammas: [f64; MMD_BANDWIDTHS.len()],
    /// Against matched control cells.
    pub expression: DifferentialExpression,
    /// Columns of the 20 most differentially expressed genes.
    pub top_de: Vec<usize>,
    /// What a reader must know about rows of this perturbation.
    pub note: Option<String>,
}

/// Profiles and cells that changes are taken from.
#[derive(Clone, Copy)]
pub(super) struct Against<'a> {
    /// Mean of matched controls, `[n_genes]`.
    pub control: &'a [f64],
    /// Mean of the training perturbations' means, `[n_genes]`.
    pub centroid: &'a [f64],
    /// Matched control cells.
    pub control_cells: &'a SortedProfiles,
    /// True means of the perturbation and of control, where the screen is simulated.
    pub truth: Option<&'a (Vec<f64>, Vec<f64>)>,
}

/// The real cells in one space.
pub(super) struct Space {
    pub points: Points,
    pub gaussian: Gaussian,
    pub floor: Floor,
}

/// Fréchet distance of two samples of one distribution, of as many cells as are held out.
#[derive(Clone, Copy)]
pub(super) struct Floor {
    /// From halves of the cells.
    pub halves: f64,
    /// For a Gaussian of the same covariance.
    pub gaussian: f64,
}

impl<'a> Real<'a> {
    pub fn new(
        p: &Perturbation,
        cells: Cells,
        against: Against<'a>,
        spaces: &Spaces<'_>,
        seed: u64,
    ) -> Result<Self, Error> {
        let floor = |points: &Points, gaussian: &Gaussian| {
            Floor::of(points, gaussian, &mut rng(seed, "floor", &p.key()))
        };
        let latent = Space::new(spaces.latent(&cells)?, floor)?;
        let components = Space::new(spaces.components(&cells)?, floor)?;
        Self::in_spaces(cells, against, latent, components)
    }

    /// Some of the cells, with the floors of all: what the others are held against.
    pub fn part(&self, rows: &[usize], spaces: &Spaces<'_>) -> Result<Self, Error> {
        let cells = self.cells.select(rows);
        let latent = Space::new(spaces.latent(&cells)?, |_, _| Ok(self.latent.floor))?;
        let components = Space::new(spaces.components(&cells)?, |_, _| Ok(self.components.floor))?;
        Self::in_spaces(cells, self.against, latent, components)
    }

    fn in_spaces(
        cells: Cells,
        against: Against<'a>,
        latent: Space,
        components: Space,
    ) -> Result<Self, Error> {
        let values = components.points.rows();
        let (a, b) = values.values().split_at(values.n_rows() / 2 * values.n_columns());
        let median =
            median_distance(Rows::new(a, values.n_columns())?, Rows::new(b, values.n_columns())?);
        let expression = expression(&cells, against.control_cells)?;
        let note = latent.points.are_few().then(|| {
            let (n, d) = (cells.len(), latent.points.rows().n_columns());
            format!("{n} real cells for {d} latent dimensions: covariances are shrunk")
        });
        Ok(Self {
            mean: cells.mean(),
            top_de: expression.top_genes(N_TOP_DE),
            cells,
            against,
            latent,
            components,
            gammas: MMD_BANDWIDTHS.map(|c| c / (median * median)),
            expression,
            note,
        })
    }
}

impl Space {
    fn new(
        points: Points,
        floor: impl Fn(&Points, &Gaussian) -> Result<Floor, Error>,
    ) -> Result<Self, Error> {
        let gaussian = points.gaussian(points.are_few())?;
        let floor = floor(&points, &gaussian)?;
        Ok(Self { points, gaussian, floor })
    }
}

impl Floor {
    fn of(points: &Points, gaussian: &Gaussian, rng: &mut ChaCha8Rng) -> Result<Self, Error> {
        let shrunk = points.are_few();
        let halves = frechet_floor_with(points.rows(), FLOOR_SPLITS, rng, |half| {
            if shrunk { Gaussian::fit_shrunk(half) } else { Gaussian::fit(half) }
        });
        let n = points.rows().n_rows();
        Ok(Self { halves, gaussian: frechet_floor_closed_form(&gaussian.eigenvalues()?, n) })
    }
}

/// Differential expression of cells against control cells.
fn expression(cells: &Cells, control: &SortedProfiles) -> Result<DifferentialExpression, Error> {
    let cells = SortedProfiles::new(cells.rows()?)?;
    Ok(DifferentialExpression::between(&cells, control, FOLD_CHANGE_PSEUDO_COUNT))
}
