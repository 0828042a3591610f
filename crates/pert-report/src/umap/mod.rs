//! UMAP: a picture in two dimensions that keeps neighbours together.

mod curve;
mod fuzzy;
mod knn;
mod optimise;
mod principal;

use pert_core::seeded_rng;
use rand::Rng;
use rayon::prelude::*;

use crate::Error;
use curve::{Curve, Forces};
use knn::{Index, Neighbor};
use optimise::Optimiser;

/// Coordinates per embedded point.
pub(crate) const DIMENSIONS: usize = 2;
/// Above this many points umap-learn runs fewer epochs.
const MANY_POINTS: usize = 10_000;
/// Epochs of a fit with few and with many points (umap-learn's defaults).
const FIT_EPOCHS: (usize, usize) = (500, 200);
/// Epochs of a transform, for few and for many training points (umap-learn's defaults).
const TRANSFORM_EPOCHS: (usize, usize) = (100, 30);
/// A transform starts with this share of the learning rate (umap-learn divides by 4).
const TRANSFORM_RATE: f32 = 0.25;
/// The initial embedding fills `[0, INITIAL_EXTENT]` on both axes, as in umap-learn.
const INITIAL_EXTENT: f32 = 10.0;
/// Largest jitter added to the initial embedding: it parts points that are equal.
const INITIAL_JITTER: f32 = 1e-3;

/// Settings of [`Umap::fit`]; the defaults are umap-learn's.
///
/// ```
/// use pert_report::{Error, UmapConfig};
/// let config = UmapConfig::new(1).with_n_neighbors(8).with_min_dist(0.3);
/// assert!(config.check().is_ok());
/// let too_few = config.with_n_neighbors(1); // a point is its own first neighbour
/// assert!(matches!(too_few.check(), Err(Error::OutOfRange { field: "n_neighbors", .. })));
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UmapConfig {
    /// Size of a neighbourhood, the point itself included; ≥ 2. Default 15.
    pub n_neighbors: usize,
    /// Distance, in the embedding, below which points are not pulled together further; 0 ≤ `min_dist` ≤ `spread`.
    /// Default 0.1.
    pub min_dist: f64,
    /// Scale of the embedding; > 0. Default 1.
    pub spread: f64,
    /// Passes over the edges; `None` means 500, or 200 above 10,000 points. Default `None`.
    pub n_epochs: Option<usize>,
    /// Repelled points per attracted one. Default 5.
    pub negative_samples: usize,
    /// Initial step size, decreasing linearly to 0; > 0. Default 1.
    pub learning_rate: f64,
    /// The same seed gives the same bytes, whatever the number of threads. Default 0.
    pub seed: u64,
}

impl Default for UmapConfig {
    fn default() -> Self {
        Self {
            n_neighbors: 15,
            min_dist: 0.1,
            spread: 1.0,
            n_epochs: None,
            negative_samples: 5,
            learning_rate: 1.0,
            seed: 0,
        }
    }
}

impl UmapConfig {
    /// umap-learn's defaults with a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The same settings with another neighbourhood.
    pub fn with_n_neighbors(self, n_neighbors: usize) -> Self {
        Self { n_neighbors, ..self }
    }

    /// The same settings with another least distance.
    pub fn with_min_dist(self, min_dist: f64) -> Self {
        Self { min_dist, ..self }
    }

    /// The same settings with a fixed number of epochs.
    pub fn with_n_epochs(self, n_epochs: usize) -> Self {
        Self { n_epochs: Some(n_epochs), ..self }
    }

    /// Refuses settings outside their ranges.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] naming the first such setting.
    pub fn check(&self) -> Result<(), Error> {
        let out_of_range = |field, value, range| Err(Error::OutOfRange { field, value, range });
        if self.n_neighbors < 2 {
            return out_of_range("n_neighbors", self.n_neighbors as f64, "at least 2");
        }
        if !(self.spread > 0.0 && self.spread.is_finite()) {
            return out_of_range("spread", self.spread, "above 0");
        }
        if !(0.0..=self.spread).contains(&self.min_dist) {
            return out_of_range("min_dist", self.min_dist, "from 0 to spread");
        }
        if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            return out_of_range("learning_rate", self.learning_rate, "above 0");
        }
        Ok(())
    }

    fn epochs(&self, n_points: usize, default: (usize, usize)) -> usize {
        let (few, many) = default;
        self.n_epochs.unwrap_or(if n_points > MANY_POINTS { many } else { few })
    }
}

/// A fitted UMAP: the embedding of the points it was fitted on, and what is needed to place new ones.
///
/// Neighbours are joined by edges of weight w (a fuzzy set); the embedding y minimises the cross-entropy
/// between w and v(d) = 1 / (1 + a·d^{2b}), d the distance in the embedding:
/// Σ w ln(w/v) + (1 − w) ln((1 − w)/(1 − v)), by sampled gradient steps (McInnes, Healy & Melville 2018,
/// arXiv:1802.03426, Algorithms 1–5). Neighbours are exact, found by comparing all pairs: time grows with
/// n² · columns, so above some 100,000 points take a sample.
///
/// Distances between far groups and the size of a group mean little in such a picture.
///
/// ```
/// use pert_report::{Umap, UmapConfig};
///
/// // Two groups of 30 points in three dimensions.
/// let x: Vec<f32> = (0..60)
///     .flat_map(|i| [(i / 30) as f32 * 9.0, (i % 5) as f32 * 0.1, (i % 7) as f32 * 0.1])
///     .collect();
/// let umap = Umap::fit(&x, 3, &UmapConfig::new(1).with_n_neighbors(8))?;
/// assert_eq!(umap.embedding().len(), 60 * 2);
/// let new = umap.transform(&[9.0, 0.2, 0.3])?; // lands in the second group
/// assert_eq!(new.len(), 2);
/// # Ok::<(), pert_report::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Umap {
    config: UmapConfig,
    index: Index,
    forces: Forces,
    embedding: Vec<f32>,
}

impl Umap {
    /// Embeds points `x`, row-major `[n, n_columns]`, in two dimensions.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a setting, [`Error::Shape`], [`Error::NotFinite`] with its row and column,
    /// [`Error::TooFewPoints`] unless n > `n_neighbors`.
    ///
    /// ```
    /// use pert_report::{Error, Umap, UmapConfig};
    /// let x: Vec<f32> = (0..40).map(|i| (i as f32 * 0.7).sin()).collect(); // [20, 2]
    /// let config = UmapConfig::new(3).with_n_neighbors(5).with_n_epochs(20);
    /// let umap = Umap::fit(&x, 2, &config)?;
    /// assert_eq!((umap.n_points(), umap.embedding().len()), (20, 20 * 2));
    /// assert_eq!(umap.embedding(), Umap::fit(&x, 2, &config)?.embedding()); // the same seed
    /// assert!(matches!(Umap::fit(&x[..10], 2, &config), Err(Error::TooFewPoints { n_points: 5, .. })));
    /// # Ok::<(), pert_report::Error>(())
    /// ```
    pub fn fit(x: &[f32], n_columns: usize, config: &UmapConfig) -> Result<Self, Error> {
        config.check()?;
        let n_points = check_matrix(x, n_columns)?;
        if n_points <= config.n_neighbors {
            return Err(Error::TooFewPoints { n_points, n_neighbors: config.n_neighbors });
        }
        let index = Index::new(x, n_columns);
        // umap-learn counts the point itself as its first neighbour.
        let neighbors = index.neighbors_within(config.n_neighbors - 1);
        let edges = fuzzy::union(&neighbors, config.n_neighbors);
        let forces = Forces::new(Curve::fit(config.min_dist, config.spread));
        let mut embedding = initial_embedding(&index, config.seed);
        let optimiser = Optimiser {
            forces: &forces,
            n_epochs: config.epochs(n_points, FIT_EPOCHS),
            negative_samples: config.negative_samples,
            learning_rate: config.learning_rate as f32,
        };
        let mut rng = seeded_rng(config.seed, "umap/negative samples");
        optimiser.move_all(&mut embedding, &edges, &mut rng);
        Ok(Self { config: config.clone(), index, forces, embedding })
    }

    /// The embedding, row-major `[n, 2]`.
    pub fn embedding(&self) -> &[f32] {
        &self.embedding
    }

    /// Number of points it was fitted on.
    pub fn n_points(&self) -> usize {
        self.index.n_points()
    }

    /// Places new points `x`, row-major `[n_new, n_columns]`, among the fitted ones, which do not move;
    /// returns `[n_new, 2]`. Each point is placed on its own: it does not matter which others come with it.
    ///
    /// # Errors
    /// [`Error::Shape`] or [`Error::NotFinite`].
    ///
    /// ```
    /// use pert_report::{Umap, UmapConfig};
    /// # let x: Vec<f32> = (0..40).map(|i| (i as f32 * 0.7).sin()).collect(); // [20, 2]
    /// let umap = Umap::fit(&x, 2, &UmapConfig::new(3).with_n_neighbors(5).with_n_epochs(20))?;
    /// let both = umap.transform(&[0.1, 0.2, 0.5, -0.3])?; // [2, 2]
    /// let each = [umap.transform(&[0.1, 0.2])?, umap.transform(&[0.5, -0.3])?].concat();
    /// assert_eq!(both, each);
    /// # Ok::<(), pert_report::Error>(())
    /// ```
    pub fn transform(&self, x: &[f32]) -> Result<Vec<f32>, Error> {
        check_matrix(x, self.index.n_columns())?;
        let optimiser = Optimiser {
            forces: &self.forces,
            n_epochs: self.config.epochs(self.n_points(), TRANSFORM_EPOCHS),
            negative_samples: self.config.negative_samples,
            learning_rate: self.config.learning_rate as f32 * TRANSFORM_RATE,
        };
        let neighbors = self.index.neighbors_of(x, self.config.n_neighbors);
        let place = |neighbors: &[Neighbor]| {
            let weights = fuzzy::memberships(neighbors, 0.0, self.config.n_neighbors);
            let mut rng = seeded_rng(self.config.seed, "umap/transform");
            optimiser.move_one(neighbors, &weights, &self.embedding, &mut rng)
        };
        let placed: Vec<[f32; DIMENSIONS]> =
            neighbors.par_chunks_exact(self.config.n_neighbors).map(place).collect();
        Ok(placed.into_flattened())
    }
}

/// Number of rows of a finite matrix.
fn check_matrix(x: &[f32], n_columns: usize) -> Result<usize, Error> {
    if n_columns == 0 || !x.len().is_multiple_of(n_columns) {
        return Err(Error::Shape { n_values: x.len(), n_columns });
    }
    match x.iter().position(|value| !value.is_finite()) {
        None => Ok(x.len() / n_columns),
        Some(at) => {
            Err(Error::NotFinite { row: at / n_columns, column: at % n_columns, value: x[at] })
        }
    }
}

/// The first two principal components, each stretched to `[0, INITIAL_EXTENT]`, with a jitter, `[n, 2]`.
fn initial_embedding(index: &Index, seed: u64) -> Vec<f32> {
    let mut embedding = principal::two_components(index.centred(), index.n_columns());
    for axis in 0..DIMENSIONS {
        let values = || embedding.iter().skip(axis).step_by(DIMENSIONS).copied();
        let lowest = values().fold(f32::INFINITY, f32::min);
        let range = values().fold(f32::NEG_INFINITY, f32::max) - lowest;
        let scale = if range > 0.0 { INITIAL_EXTENT / range } else { 0.0 };
        for value in embedding.iter_mut().skip(axis).step_by(DIMENSIONS) {
            *value = (*value - lowest) * scale;
        }
    }
    let mut rng = seeded_rng(seed, "umap/jitter");
    for value in &mut embedding {
        *value += INITIAL_JITTER * (2.0 * (rng.next_u32() as f32 / u32::MAX as f32) - 1.0);
    }
    embedding
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n_groups` groups of `n` points around distant centres, in 5 dimensions, noise uniform in ±0.5.
    fn groups(n_groups: usize, n: usize, distance: f32) -> Vec<f32> {
        let mut rng = seeded_rng(11, "groups");
        (0..n_groups * n)
            .flat_map(|i| {
                let group = i / n;
                std::array::from_fn::<f32, 5, _>(|column| {
                    let noise = rng.next_u32() as f32 / u32::MAX as f32 - 0.5;
                    noise + if column == group { distance } else { 0.0 }
                })
            })
            .collect()
    }

    fn quick(seed: u64) -> UmapConfig {
        UmapConfig::new(seed).with_n_neighbors(10).with_n_epochs(150)
    }

    fn squared(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
        let x = groups(3, 60, 5.0);
        let fit = |seed, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let umap = Umap::fit(&x, 5, &quick(seed)).unwrap();
                (umap.transform(&x[..50]).unwrap(), umap.embedding)
            })
        };
        let one = fit(3, 1);
        assert_eq!(one, fit(3, 2));
        assert_eq!(one, fit(3, 3));
        assert_ne!(one, fit(4, 1));
    }

    #[test]
    fn groups_stay_apart_and_new_points_join_theirs() {
        let (n_groups, n) = (4, 50);
        let x = groups(n_groups, n, 8.0);
        let umap = Umap::fit(&x, 5, &quick(0)).unwrap();
        let fresh: Vec<f32> = x.iter().map(|v| v + 0.05).collect();
        let placed = umap.transform(&fresh).unwrap();
        for (i, point) in umap.embedding().chunks(2).chain(placed.chunks(2)).enumerate() {
            let group = (i % (n_groups * n)) / n;
            let nearest = (0..n_groups * n)
                .filter(|&j| j != i)
                .min_by(|&a, &b| {
                    let to = |j: usize| squared(point, &umap.embedding()[2 * j..2 * j + 2]);
                    to(a).total_cmp(&to(b))
                })
                .unwrap();
            assert_eq!(nearest / n, group, "point {i}");
        }
    }

    #[test]
    fn new_points_spread_like_the_fitted_ones() {
        let (n_groups, n) = (3, 200);
        let x = groups(n_groups, n, 8.0);
        let umap = Umap::fit(&x, 5, &quick(0)).unwrap();
        // Root mean squared distance to the centre, summed over groups.
        let spread = |points: &[f32]| -> f32 {
            let one = |group: &[f32]| {
                let mean = |axis| group.iter().skip(axis).step_by(2).sum::<f32>() / n as f32;
                let centre = [mean(0), mean(1)];
                (group.chunks(2).map(|p| squared(p, &centre)).sum::<f32>() / n as f32).sqrt()
            };
            points.chunks(2 * n).map(one).sum()
        };
        let (fitted, placed) = (spread(umap.embedding()), spread(&umap.transform(&x).unwrap()));
        // The same points: a quarter apart would be seen as another shape.
        assert!((placed / fitted - 1.0).abs() < 0.25, "{placed} against {fitted}");
    }

    #[test]
    fn a_new_point_is_placed_alike_whatever_comes_with_it() {
        let x = groups(2, 40, 6.0);
        let umap = Umap::fit(&x, 5, &quick(0)).unwrap();
        let together = umap.transform(&x[..25]).unwrap();
        let alone: Vec<f32> =
            x[..25].chunks(5).flat_map(|row| umap.transform(row).unwrap()).collect();
        assert_eq!(together, alone);
        assert!(umap.transform(&[]).unwrap().is_empty());
    }

    #[test]
    fn equal_points_give_a_finite_picture() {
        let umap = Umap::fit(&[1.0; 80], 2, &quick(0)).unwrap();
        assert!(umap.embedding().iter().all(|v| v.is_finite()));
        assert!(umap.transform(&[1.0, 1.0]).unwrap().iter().all(|v| v.is_finite()));
    }

    #[test]
    fn what_cannot_be_embedded_is_an_error_with_its_place() {
        let mut x = groups(2, 20, 5.0);
        let few = Umap::fit(&x[..50], 5, &quick(0)).unwrap_err();
        assert!(matches!(few, Error::TooFewPoints { n_points: 10, n_neighbors: 10 }));
        assert!(matches!(Umap::fit(&x, 3, &quick(0)), Err(Error::Shape { .. })));
        assert!(matches!(Umap::fit(&x, 0, &quick(0)), Err(Error::Shape { .. })));
        x[37] = f32::NAN;
        let nan = Umap::fit(&x, 5, &quick(0)).unwrap_err();
        assert!(matches!(nan, Error::NotFinite { row: 7, column: 2, .. }));
        for bad in [
            UmapConfig { n_neighbors: 1, ..quick(0) },
            UmapConfig { spread: 0.0, ..quick(0) },
            UmapConfig { min_dist: 1.5, ..quick(0) },
            UmapConfig { learning_rate: f64::NAN, ..quick(0) },
        ] {
            assert!(matches!(bad.check(), Err(Error::OutOfRange { .. })), "{bad:?}");
        }
    }
}
