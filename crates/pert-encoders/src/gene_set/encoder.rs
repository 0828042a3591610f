//! The encoder of gene sets.

use std::collections::BTreeSet;

use pert_core::Perturbation;

use super::reduction::{Reduction, check_reduced_dim};
use super::target_features::TargetFeatures;
use crate::Error;
use crate::nearest::nearest_names;
use crate::table::FeatureTable;

/// Nearest names told for an unknown gene, and the number of unknown genes they are told for: every one is named, but
/// a long list comes from tables that do not match rather than from slips of the pen.
const N_NEAREST: usize = 3;
const N_WITH_NEAREST: usize = 10;

/// What to do with a gene about which nothing is known.
///
/// ```
/// use pert_core::{LabelFormat, Perturbation};
/// use pert_encoders::{GeneSetEncoder, UnknownGene};
/// let unseen = Perturbation::parse("MYC", &LabelFormat::default())?;
/// assert!(GeneSetEncoder::new(vec!["KLF1".into()], None, UnknownGene::Error).encode(&unseen).is_err());
/// let encoding = GeneSetEncoder::new(vec!["KLF1".into()], None, UnknownGene::Mean).encode(&unseen)?;
/// assert_eq!((encoding.id, encoding.unknown), (vec![0.0], vec!["MYC".to_owned()]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownGene {
    /// Refuse it, naming it.
    #[default]
    Error,
    /// Encode it as zero features: the mean gene.
    Mean,
}

/// What kernels read of a gene set. Control is all zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneSetEncoding {
    /// 1 for each gene of the set among those seen in training, `[n_seen]`.
    pub id: Vec<f64>,
    /// Sum of the genes' features, `[dim]` of the table; empty without a table.
    pub features: Vec<f64>,
    /// Genes encoded as the mean gene: without features or, without a table, unseen.
    pub unknown: Vec<String>,
}

/// Encodes sets of genes; the order in a label does not matter, control is zero.
///
/// | | features given | no features |
/// |---|---|---|
/// | seen gene | id and features | id |
/// | unseen gene | features | unknown |
/// | gene without a row in the table | unknown (a seen one keeps its id) | – |
///
/// Unknown genes are an error or the mean gene, as [`UnknownGene`] says.
///
/// ```
/// use pert_core::{LabelFormat, Perturbation};
/// use pert_encoders::{GeneSetEncoder, UnknownGene};
///
/// let seen = ["KLF1", "CEBPA", "SPI1"].map(str::to_owned).to_vec();
/// let encoder = GeneSetEncoder::new(seen, None, UnknownGene::Error);
/// assert_eq!(encoder.seen_genes(), ["CEBPA", "KLF1", "SPI1"]);
/// let set = |label| Perturbation::parse(label, &LabelFormat::default());
/// assert_eq!(encoder.encode(&set("SPI1+CEBPA")?)?.id, [1.0, 0.0, 1.0]);
/// assert_eq!(encoder.encode(&set("control")?)?.id, [0.0; 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct GeneSetEncoder {
    seen_genes: Vec<String>,
    features: Option<TargetFeatures>,
    unknown: UnknownGene,
    reduced: Option<Reduced>,
}

/// How features are shown to networks.
#[derive(Debug, Clone)]
struct Reduced {
    map: FeatureMap,
    /// Reduced features per table column, row-major `[table dim, dim]`; empty for the identity.
    projection: Vec<f64>,
}

/// From features to those shown to networks.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FeatureMap {
    /// The table has few columns: they are shown as they are.
    Identity,
    /// The leading singular directions of the seen genes' features.
    Singular(Reduction),
    /// What an encoder of drugs itself shows to networks.
    Own,
}

/// What must be kept beside the feature table to rebuild an encoder bit for bit.
///
/// ```
/// use pert_encoders::{GeneSetEncoder, UnknownGene};
/// let encoder = GeneSetEncoder::new(vec!["KLF1".into()], None, UnknownGene::Mean);
/// let json = serde_json::to_string(&encoder.state())?;
/// let restored = GeneSetEncoder::from_state(serde_json::from_str(&json)?, None)?;
/// assert_eq!(restored.seen_genes(), encoder.seen_genes());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneSetEncoderState {
    seen_genes: Vec<String>,
    unknown: UnknownGene,
    /// Dimension and fingerprint of the feature table, if there is one.
    table: Option<(usize, String)>,
    map: Option<FeatureMap>,
}

impl GeneSetEncoder {
    /// An encoder that knows the genes perturbed in training (sorted and made distinct here) and a feature table.
    pub fn new(
        mut seen_genes: Vec<String>,
        features: Option<FeatureTable>,
        unknown: UnknownGene,
    ) -> Self {
        seen_genes.sort_unstable();
        seen_genes.dedup();
        Self { seen_genes, features: features.map(Into::into), unknown, reduced: None }
    }

    /// The same with other features: those of drugs or protein variants.
    pub fn with_features(self, features: TargetFeatures) -> Self {
        Self { features: Some(features), reduced: None, ..self }
    }

    /// Prepares [`GeneSetEncoder::condition`]: features are reduced to at most `k` dimensions, by a truncated singular
    /// value decomposition of the *seen* genes' features, so nothing leaks from held-out genes. A table with at most
    /// `k` columns is shown as it is.
    ///
    /// # Errors
    /// [`Error::ReducedDim`] unless 1 ≤ k ≤ [`LARGEST_REDUCED_DIM`](crate::LARGEST_REDUCED_DIM).
    ///
    /// ```
    /// use pert_encoders::{FeatureTable, GeneSetEncoder, UnknownGene};
    /// let genes = ["A", "B", "C"].map(str::to_owned).to_vec();
    /// let columns = ["length", "charge", "weight"].map(str::to_owned).to_vec();
    /// let values = vec![1.0, 0.0, 5.0, 2.0, 1.0, 0.0, 4.0, 9.0, 1.0];
    /// let features = FeatureTable::from_dense(genes.clone(), columns, values)?;
    /// // Three seen genes, and three features shown as two numbers.
    /// let encoder = GeneSetEncoder::new(genes, Some(features), UnknownGene::Error).with_reduced(2)?;
    /// assert_eq!(encoder.condition_dim(), 3 + 2);
    /// # Ok::<(), pert_encoders::Error>(())
    /// ```
    pub fn with_reduced(mut self, k: usize) -> Result<Self, Error> {
        check_reduced_dim(k)?;
        self.reduced = match &self.features {
            None => None,
            Some(TargetFeatures::Drugs(_)) => {
                Some(Reduced { map: FeatureMap::Own, projection: Vec::new() })
            }
            Some(features) if features.dim() <= k => {
                Some(Reduced { map: FeatureMap::Identity, projection: Vec::new() })
            }
            Some(features) => {
                let genes: Vec<String> =
                    self.seen_genes.iter().filter(|g| features.contains(g)).cloned().collect();
                let table = features.table_of(&genes)?;
                let reduction = Reduction::fit(&table, genes, k);
                let projection = reduction.projection(&table);
                Some(Reduced { map: FeatureMap::Singular(reduction), projection })
            }
        };
        Ok(self)
    }

    /// Genes perturbed in training, sorted bytewise; the axis of [`GeneSetEncoding::id`].
    pub fn seen_genes(&self) -> &[String] {
        &self.seen_genes
    }

    /// What is known of targets beside having seen them.
    pub fn features(&self) -> Option<&TargetFeatures> {
        self.features.as_ref()
    }

    /// Encodes a gene set for kernels.
    ///
    /// # Errors
    /// [`Error::UnknownGenes`], naming all of the set's, unless they are to be encoded as the mean gene.
    pub fn encode(&self, perturbation: &Perturbation) -> Result<GeneSetEncoding, Error> {
        self.check([perturbation])?;
        let mut features = vec![0.0; self.features.as_ref().map_or(0, TargetFeatures::dim)];
        if let Some(known) = &self.features {
            for gene in perturbation.targets() {
                known.with_row(gene, |row| row.add_to(&mut features, 1.0));
            }
        }
        let unknown =
            perturbation.targets().iter().filter(|g| !self.is_known(g)).cloned().collect();
        Ok(GeneSetEncoding { id: self.id(perturbation), features, unknown })
    }

    /// Encodes a gene set for networks: id ‖ reduced features summed over genes, `[condition_dim]`.
    ///
    /// Without [`GeneSetEncoder::with_reduced`] or without a table, the id alone.
    ///
    /// # Errors
    /// As [`GeneSetEncoder::encode`].
    pub fn condition(&self, perturbation: &Perturbation) -> Result<Vec<f32>, Error> {
        let encoding = self.encode(perturbation)?;
        let mut condition = encoding.id;
        match &self.reduced {
            None => {}
            Some(Reduced { map: FeatureMap::Identity, .. }) => condition.extend(encoding.features),
            Some(Reduced { map: FeatureMap::Own, .. }) => {
                let mut shown = vec![0.0; self.condition_dim() - self.seen_genes.len()];
                if let Some(TargetFeatures::Drugs(map)) = &self.features {
                    let known = perturbation.targets().iter().filter(|t| self.is_known(t));
                    let known: Vec<&str> = known.map(String::as_str).collect();
                    for row in map.condition(&known)?.chunks_exact(shown.len().max(1)) {
                        shown.iter_mut().zip(row).for_each(|(s, v)| *s += f64::from(*v));
                    }
                }
                condition.extend(shown);
            }
            Some(Reduced { map: FeatureMap::Singular(Reduction { dim, .. }), projection }) => {
                let mut reduced = vec![0.0; *dim];
                for (column, &value) in
                    encoding.features.iter().enumerate().filter(|(_, value)| **value != 0.0)
                {
                    let row = &projection[column * dim..(column + 1) * dim];
                    reduced.iter_mut().zip(row).for_each(|(r, p)| *r += value * p);
                }
                condition.extend(reduced);
            }
        }
        Ok(condition.into_iter().map(|value| value as f32).collect())
    }

    /// Length of what [`GeneSetEncoder::condition`] gives: number of seen genes + reduced dimensions.
    pub fn condition_dim(&self) -> usize {
        let reduced = match &self.reduced {
            None => 0,
            Some(Reduced { map: FeatureMap::Singular(reduction), .. }) => reduction.dim,
            Some(Reduced { map: FeatureMap::Identity, .. }) => {
                self.features.as_ref().map_or(0, TargetFeatures::dim)
            }
            Some(Reduced { map: FeatureMap::Own, .. }) => match &self.features {
                Some(TargetFeatures::Drugs(map)) => map.condition_dim(),
                _ => 0,
            },
        };
        self.seen_genes.len() + reduced
    }

    /// Checks many gene sets at once, so that one message names every unknown gene.
    ///
    /// # Errors
    /// [`Error::UnknownGenes`] or what a drug or variant is refused for, unless unknown ones are encoded as the mean.
    pub fn check<'a>(
        &self,
        perturbations: impl IntoIterator<Item = &'a Perturbation>,
    ) -> Result<(), Error> {
        if self.unknown == UnknownGene::Mean {
            return Ok(());
        }
        let unknown: BTreeSet<&String> = perturbations
            .into_iter()
            .flat_map(Perturbation::targets)
            .filter(|gene| !self.is_known(gene))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        // Drugs and variants say why.
        if let Some(features) = &self.features {
            unknown.iter().try_for_each(|target| features.check(target))?;
        }
        let what = match self.features {
            Some(_) => "features",
            None => "training cells (and no feature table)",
        };
        let genes = unknown.into_iter().enumerate().map(|(place, gene)| {
            let nearest = if place < N_WITH_NEAREST { self.nearest(gene) } else { Vec::new() };
            (gene.clone(), nearest)
        });
        Err(Error::UnknownGenes { what, genes: genes.collect() })
    }

    /// What to save beside the feature table.
    pub fn state(&self) -> GeneSetEncoderState {
        GeneSetEncoderState {
            seen_genes: self.seen_genes.clone(),
            unknown: self.unknown,
            table: self.features.as_ref().map(|f| (f.dim(), f.fingerprint())),
            map: self.reduced.as_ref().map(|r| r.map.clone()),
        }
    }

    /// Rebuilds an encoder from its state and the features it was saved with, as [`FeatureTable::write_tsv`] or
    /// [`TargetFeatures::to_json`] keeps them.
    ///
    /// # Errors
    /// [`Error::StateMismatch`] when the table is missing, another one, or the state contradicts itself.
    pub fn from_state(
        state: GeneSetEncoderState,
        features: Option<TargetFeatures>,
    ) -> Result<Self, Error> {
        let mismatch = |reason: String| Err(Error::StateMismatch { reason });
        let found = features.as_ref().map(|f| (f.dim(), f.fingerprint()));
        if found != state.table {
            let tell = |table: &Option<(usize, String)>| match table {
                None => "no table".to_owned(),
                Some((dim, hash)) => format!("a table of {dim} features ({hash})"),
            };
            return mismatch(format!("expected {}, found {}", tell(&state.table), tell(&found)));
        }
        if !state.seen_genes.is_sorted_by(|a, b| a < b) {
            return mismatch("its seen genes are not sorted".to_owned());
        }
        if state.map.is_some() && features.is_none() {
            return mismatch("it reduces features but has no table".to_owned());
        }
        if let Some(FeatureMap::Singular(reduction)) = &state.map {
            let (n, dim) = (reduction.genes.len(), reduction.dim);
            if n.checked_mul(dim) != Some(reduction.coefficients.len()) {
                let found = reduction.coefficients.len();
                return mismatch(format!("{found} coefficients for {n} genes × {dim} dimensions"));
            }
            let table = features.as_ref();
            if let Some(gene) =
                reduction.genes.iter().find(|g| !table.is_some_and(|t| t.contains(g)))
            {
                return mismatch(format!("the table lacks gene {gene:?}"));
            }
        }
        let reduced = match (state.map, &features) {
            (Some(FeatureMap::Singular(reduction)), Some(features)) => {
                let projection = reduction.projection(&*features.table_of(&reduction.genes)?);
                Some(Reduced { map: FeatureMap::Singular(reduction), projection })
            }
            (Some(map), _) => Some(Reduced { map, projection: Vec::new() }),
            (None, _) => None,
        };
        let GeneSetEncoderState { seen_genes, unknown, .. } = state;
        Ok(Self { seen_genes, features, unknown, reduced })
    }

    fn id(&self, perturbation: &Perturbation) -> Vec<f64> {
        let mut id = vec![0.0; self.seen_genes.len()];
        for gene in perturbation.targets() {
            if let Ok(place) = self.seen_genes.binary_search(gene) {
                id[place] = 1.0;
            }
        }
        id
    }

    fn is_known(&self, gene: &String) -> bool {
        match &self.features {
            Some(features) => features.contains(gene),
            None => self.seen_genes.binary_search(gene).is_ok(),
        }
    }

    fn nearest(&self, gene: &str) -> Vec<String> {
        let nearest = match self.features.as_ref().map(TargetFeatures::table) {
            Some(table) => {
                table.map_or_else(Vec::new, |table| table.nearest_names(gene, N_NEAREST))
            }
            None => nearest_names(gene, self.seen_genes.iter().map(String::as_str), N_NEAREST),
        };
        nearest.into_iter().map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pert_core::LabelFormat;
    use proptest::prelude::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    fn parse(label: &str) -> Perturbation {
        Perturbation::parse(label, &LabelFormat::default()).unwrap()
    }

    /// 8 genes `G0`…`G7` with `dim` columns.
    fn table(dim: usize) -> FeatureTable {
        let genes = (0..8).map(|i| format!("G{i}")).collect();
        let columns = (0..dim).map(|i| format!("c{i}")).collect();
        let values = (0..8 * dim).map(|i| ((i * i) as f64 * 0.37).sin()).collect();
        FeatureTable::from_dense(genes, columns, values).unwrap()
    }

    fn encoder(dim: usize, unknown: UnknownGene) -> GeneSetEncoder {
        let seen = names(&["G5", "G0", "G1", "G3", "G0", "NEW"]);
        GeneSetEncoder::new(seen, Some(table(dim)), unknown).with_reduced(3).unwrap()
    }

    #[test]
    fn control_is_zero_and_sets_add_up() {
        let encoder = encoder(3, UnknownGene::Error);
        assert_eq!(encoder.seen_genes(), ["G0", "G1", "G3", "G5", "NEW"]);
        let control = encoder.encode(&parse("control")).unwrap();
        assert!(control.id.iter().chain(&control.features).all(|&v| v == 0.0));
        assert_eq!(
            encoder.condition(&parse("control")).unwrap(),
            vec![0.0; encoder.condition_dim()]
        );
        let encode = |label: &str| encoder.encode(&parse(label)).unwrap();
        let (a, b, ab) = (encode("G0"), encode("G7"), encode("G7+G0"));
        assert_eq!(ab.id, [1.0, 0.0, 0.0, 0.0, 0.0]);
        for ((a, b), ab) in a.features.iter().zip(&b.features).zip(&ab.features) {
            assert_eq!(a + b, *ab);
        }
    }

    #[test]
    fn unknown_genes_are_all_named_or_are_the_mean() {
        let strict = encoder(3, UnknownGene::Error);
        let error = strict.check(&[parse("G0+XYZ"), parse("NEW"), parse("G8+XYZ")]).unwrap_err();
        let Error::UnknownGenes { genes, .. } = &error else { panic!("{error}") };
        assert_eq!(genes.iter().map(|g| g.0.as_str()).collect::<Vec<_>>(), ["G8", "NEW", "XYZ"]);
        let message = error.to_string();
        assert!(message.contains("--unknown-gene mean") && message.contains("G0"), "{message}");
        assert!(strict.condition(&parse("G0+XYZ")).is_err());

        let mild = encoder(3, UnknownGene::Mean);
        let encoding = mild.encode(&parse("NEW+XYZ")).unwrap();
        assert_eq!(encoding.unknown, ["NEW", "XYZ"]);
        assert_eq!(encoding.id, [0.0, 0.0, 0.0, 0.0, 1.0]);
        assert_eq!(encoding.features, [0.0; 3]);

        let ids = |unknown| GeneSetEncoder::new(names(&["KLF1"]), None, unknown);
        assert!(ids(UnknownGene::Error).encode(&parse("KLF1")).is_ok());
        let error = ids(UnknownGene::Error).encode(&parse("KLF2")).unwrap_err().to_string();
        assert!(error.contains("KLF2") && error.contains("KLF1"), "{error}");
        let mean = ids(UnknownGene::Mean).encode(&parse("KLF2")).unwrap();
        assert_eq!((mean.id, mean.unknown), (vec![0.0], names(&["KLF2"])));
    }

    #[test]
    fn features_are_reduced_only_when_there_are_many() {
        assert_eq!(encoder(2, UnknownGene::Error).condition_dim(), 5 + 2);
        let many = encoder(12, UnknownGene::Error);
        assert_eq!(many.condition_dim(), 5 + 3);
        let condition = many.condition(&parse("G7")).unwrap(); // unseen, with features
        assert_eq!(condition.len(), 8);
        assert!(
            condition[..5].iter().all(|&v| v == 0.0) && condition[5..].iter().any(|&v| v != 0.0)
        );
        let plain = GeneSetEncoder::new(names(&["G0"]), None, UnknownGene::Mean);
        assert_eq!(plain.clone().with_reduced(3).unwrap().condition_dim(), 1);
        for k in [0, 33] {
            assert!(matches!(plain.clone().with_reduced(k), Err(Error::ReducedDim { .. })));
        }
        // No seen gene has features: there is nothing to decompose, and nothing breaks.
        let none = GeneSetEncoder::new(names(&["X"]), Some(table(12)), UnknownGene::Mean);
        assert_eq!(none.with_reduced(3).unwrap().condition_dim(), 1);
    }

    #[test]
    fn saved_and_rebuilt_it_is_the_same_bit_for_bit() {
        let features = |dim| Some(TargetFeatures::Table(table(dim)));
        for dim in [2, 12] {
            let encoder = encoder(dim, UnknownGene::Mean);
            let json = serde_json::to_string(&encoder.state()).unwrap();
            let state: GeneSetEncoderState = serde_json::from_str(&json).unwrap();
            let again = GeneSetEncoder::from_state(state.clone(), features(dim)).unwrap();
            for label in ["G0", "G7+G1", "NEW+G2", "control"] {
                let (a, b) = (encoder.condition(&parse(label)), again.condition(&parse(label)));
                assert_eq!(a.unwrap(), b.unwrap(), "{label}");
            }
            let part = TargetFeatures::Table(table(dim).subset(&names(&["G0"])));
            for other in [None, features(5), Some(part)] {
                let error = GeneSetEncoder::from_state(state.clone(), other).unwrap_err();
                assert!(matches!(error, Error::StateMismatch { .. }), "{error}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_order_of_genes_does_not_matter(mut genes in prop::collection::vec("G[0-9]|NEW", 1..4), dim in 1usize..9) {
            let encoder = encoder(dim, UnknownGene::Mean);
            let label = |genes: &[String]| parse(&genes.join("+"));
            let one = (encoder.encode(&label(&genes)).unwrap(), encoder.condition(&label(&genes)).unwrap());
            genes.reverse();
            let other = (encoder.encode(&label(&genes)).unwrap(), encoder.condition(&label(&genes)).unwrap());
            prop_assert_eq!(one, other);
        }
    }
}
