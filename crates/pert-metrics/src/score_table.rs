//! The table every evaluation fills: one row per perturbation and method, and the one list of its columns.

/// Which direction of a metric is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Larger is better.
    Higher,
    /// Smaller is better.
    Lower,
    /// Nearer to 1 is better: a ratio of generated to real.
    NearOne,
    /// Nearer to 0 is better: a difference of generated and real.
    NearZero,
    /// A reference value, not a score (a floor).
    Neither,
}

impl Better {
    /// How far a value is from the good end: smaller is better for every direction; NaN where there is none.
    ///
    /// ```
    /// use pert_metrics::Better;
    /// assert!(Better::Higher.loss(0.9) < Better::Higher.loss(0.8));
    /// assert!(Better::NearOne.loss(0.9) < Better::NearOne.loss(1.2));
    /// assert!(Better::Neither.loss(1.0).is_nan());
    /// ```
    pub fn loss(self, value: f64) -> f64 {
        match self {
            Self::Higher => -value,
            Self::Lower => value,
            Self::NearOne => (value - 1.0).abs(),
            Self::NearZero => value.abs(),
            Self::Neither => f64::NAN,
        }
    }
}

/// A column of numbers.
///
/// ```
/// use pert_metrics::{Better, Metric, MetricRow};
/// let distance = Metric::named("e_distance").expect("a column of metrics.csv");
/// let row = MetricRow { e_distance: 0.25, ..MetricRow::new("KLF1", "model", 120) };
/// assert_eq!((distance.get)(&row), 0.25);
/// assert_eq!(distance.better, Better::Lower);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in files.
    pub name: &'static str,
    /// Its heading in tables and pictures.
    pub heading: &'static str,
    /// Which direction is good.
    pub better: Better,
    /// Reads it from a row; NaN where it could not be computed.
    pub get: fn(&MetricRow) -> f64,
}

impl Metric {
    /// The metric of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.name == name)
    }
}

/// Declares the fields of [`MetricRow`] and the columns of every table at once; the order is that of the files.
macro_rules! metrics {
    ($($(#[$doc:meta])+ $name:ident, $heading:literal, $better:ident;)+) => {
        /// How one method did on one perturbation. NaN stands for "not computed" in every number.
        ///
        /// ```
        /// use pert_metrics::{METRICS, MetricRow};
        /// let row = MetricRow { r2: 0.9, ..MetricRow::new("KLF1+CEBPA", "additive", 250) };
        /// let known = METRICS.iter().filter(|metric| !(metric.get)(&row).is_nan());
        /// assert_eq!(known.map(|metric| metric.name).collect::<Vec<_>>(), ["r2"]);
        /// ```
        #[derive(Debug, Clone, PartialEq)]
        pub struct MetricRow {
            /// The label of the perturbation.
            pub perturbation: String,
            /// `model`, or the name of a baseline or reference.
            pub method: String,
            /// Real cells the method was judged on.
            pub n: usize,
            $($(#[$doc])+ pub $name: f64,)+
            /// What a reader must know about this row (for example, that a covariance was singular).
            pub note: Option<String>,
        }

        impl MetricRow {
            /// A row without numbers.
            pub fn new(
                perturbation: impl Into<String>,
                method: impl Into<String>,
                n: usize,
            ) -> Self {
                Self {
                    perturbation: perturbation.into(),
                    method: method.into(),
                    n,
                    $($name: f64::NAN,)+
                    note: None,
                }
            }
        }

        /// The metrics, in the order of the columns of `metrics.csv`.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: stringify!($name),
            heading: $heading,
            better: Better::$better,
            get: |row| row.$name,
        }),+];
    };
}

metrics! {
    /// Coefficient of determination of the mean profile over genes.
    r2, "R²", Higher;
    /// Squared Pearson correlation of the mean profiles over genes.
    r2_pearson, "Pearson²", Higher;
    /// Fréchet distance in the latent space of the evaluation VAE.
    fid_latent, "FID", Lower;
    /// What `fid_latent` would be if both populations came from one distribution.
    fid_latent_floor, "FID floor", Neither;
    /// Pearson correlation of predicted and real shift from control over genes.
    pearson_delta, "Pearson Δ", Higher;
    /// Unbiased energy distance between the populations in principal components.
    e_distance, "E-distance", Lower;
    /// `fid_latent` over its floor.
    fid_latent_ratio, "FID / floor", Lower;
    /// The floor of `fid_latent` that a Gaussian of the real covariance has, to leading order in 1/n.
    fid_latent_floor_gaussian, "FID floor (Gaussian)", Neither;
    /// Fréchet distance in principal components.
    fid_pca, "FID PCA", Lower;
    /// What `fid_pca` would be if both populations came from one distribution.
    fid_pca_floor, "FID PCA floor", Neither;
    /// `fid_pca` over its floor.
    fid_pca_ratio, "FID PCA / floor", Lower;
    /// `pearson_delta` over the 20 most differentially expressed genes.
    pearson_delta_de20, "Pearson Δ, 20 DE", Higher;
    /// `pearson_delta` with the mean of the training perturbations' means in the place of control (Systema).
    pearson_delta_centroid, "Pearson Δ, centroid", Higher;
    /// Euclidean distance of the mean profiles over the genes most expressed in control.
    l2, "L2", Lower;
    /// Mean absolute difference of the mean profiles over genes.
    mae, "MAE", Lower;
    /// Share of perturbations whose real change is not nearer to the predicted one than that of the right one (PDS), by L1.
    discrimination, "Discrimination", Higher;
    /// The same by Euclidean distance of mean profiles.
    centroid_accuracy, "Centroid accuracy", Higher;
    /// Share of the real differentially expressed genes that are also the predicted ones.
    de_overlap, "DE overlap", Higher;
    /// Unbiased squared maximum mean discrepancy in principal components.
    mmd, "MMD", Lower;
    /// Wasserstein distance per gene, mean over genes.
    wasserstein, "Wasserstein", Lower;
    /// Variance of generated over that of real profiles, median over genes.
    variance_ratio, "Variance ratio", NearOne;
    /// Share of zeros, generated less real, mean over genes.
    zero_fraction_difference, "Zero fraction diff.", NearZero;
    /// Kolmogorov–Smirnov distance of the library sizes.
    library_ks, "Library KS", Lower;
    /// Correlation of predicted and true shift of a simulated screen over genes.
    pearson_delta_true, "Pearson Δ true", Higher;
}

/// Which methods are what; every method not named here is a baseline.
///
/// ```
/// let roles = pert_metrics::Roles::default();
/// assert!(roles.is_baseline("additive"));
/// assert!(!roles.is_baseline("model") && !roles.is_baseline("ceiling"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Roles {
    /// The method under test. Default `model`.
    pub model: String,
    /// Methods that look at the test cells, or are otherwise no predictions: shown, but never called best.
    /// Default `ceiling`.
    pub references: Vec<String>,
}

impl Default for Roles {
    fn default() -> Self {
        Self { model: "model".into(), references: vec!["ceiling".into()] }
    }
}

impl Roles {
    /// Whether a method is a baseline: neither the model nor a reference.
    pub fn is_baseline(&self, method: &str) -> bool {
        method != self.model && !self.is_reference(method)
    }

    /// Whether a method is a reference.
    pub fn is_reference(&self, method: &str) -> bool {
        self.references.iter().any(|reference| reference == method)
    }
}

/// The methods, in the order in which they first stand in the rows.
///
/// ```
/// use pert_metrics::{MetricRow, methods};
/// let row = |method: &str| MetricRow::new("KLF1", method, 100);
/// assert_eq!(methods(&[row("model"), row("additive"), row("model")]), ["model", "additive"]);
/// ```
pub fn methods(rows: &[MetricRow]) -> Vec<&str> {
    let mut methods: Vec<&str> = Vec::new();
    for row in rows {
        if !methods.contains(&row.method.as_str()) {
            methods.push(&row.method);
        }
    }
    methods
}

/// The numbers of a method that could be computed.
///
/// ```
/// use pert_metrics::{Metric, MetricRow, median, values};
/// let r2 = Metric::named("r2").expect("a column of metrics.csv");
/// let scored = |r2: f64| MetricRow { r2, ..MetricRow::new("KLF1", "model", 100) };
/// let rows = [scored(0.5), scored(f64::NAN), scored(0.75)];
/// assert_eq!(values(&rows, "model", r2), [0.5, 0.75]);
/// assert_eq!(median(&values(&rows, "model", r2)), 0.625);
/// ```
pub fn values(rows: &[MetricRow], method: &str, metric: &Metric) -> Vec<f64> {
    rows.iter()
        .filter(|row| row.method == method)
        .map(metric.get)
        .filter(|value| !value.is_nan())
        .collect()
}

/// The middle value, or the mean of the middle two; NaN of nothing.
///
/// ```
/// assert_eq!(pert_metrics::median(&[9.0, 1.0, 2.0]), 2.0);
/// assert_eq!(pert_metrics::median(&[1.0, 2.0]), 1.5);
/// ```
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => (sorted[n / 2 - 1] + sorted[n / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_even_and_no_numbers() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn every_metric_reads_its_own_field() {
        let mut row = MetricRow::new("a", "model", 1);
        assert!(METRICS.iter().all(|metric| (metric.get)(&row).is_nan()));
        row.pearson_delta = 0.5;
        let set: Vec<&str> =
            METRICS.iter().filter(|m| (m.get)(&row) == 0.5).map(|m| m.name).collect();
        assert_eq!(set, ["pearson_delta"]);
        assert_eq!(Metric::named("r2").map(|m| m.heading), Some("R²"));
    }
}
