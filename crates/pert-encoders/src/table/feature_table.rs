//! A table of gene features: gene name → vector, dense or sparse.

use std::collections::{HashMap, HashSet};

use super::AliasTable;
use crate::error::TableProblem;
use crate::nearest::nearest_names;

/// Features of genes: one row per gene.
///
/// Tables of numbers are held dense, each column centred and scaled to unit variance over the table's genes (ddof 0;
/// a constant column becomes zero), so that columns of different units weigh alike and zero is the mean gene.
/// Tables of Gene Ontology annotations are held sparse, as raw TF-IDF: a term of document frequency df among the
/// table's N genes weighs idf = ln(N/df), and each gene's vector has unit length. Zero is the gene without
/// annotation. Annotations are those listed; none are propagated (but see [`FeatureTable::read_gaf`]).
///
/// ```
/// use pert_encoders::FeatureTable;
/// let genes = ["KLF1", "MYC"].map(str::to_owned).to_vec();
/// let features = FeatureTable::from_dense(genes, vec!["length".into()], vec![10.0, 14.0])?;
/// // Mean 12, standard deviation 2: the values are −1 and 1.
/// let length = |gene| features.get(gene).map(|row| row.dot(&[1.0]));
/// assert!(length("KLF1").is_some_and(|value| (value + 1.0).abs() < 1e-12));
/// assert!(length("MYC").is_some_and(|value| (value - 1.0).abs() < 1e-12));
/// assert_eq!(length("GATA1"), None);
/// # Ok::<(), pert_encoders::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureTable {
    pub(crate) genes: Vec<String>,
    pub(crate) row_of: HashMap<String, usize>,
    /// Names of the columns: those of the table, or terms in bytewise order.
    pub(crate) columns: Vec<String>,
    pub(crate) values: Values,
    /// Other names of genes; one that is a row's name stands for that row alone.
    pub(crate) aliases: AliasTable,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    /// Row-major, `[n_genes, dim]`.
    Dense(Vec<f64>),
    /// Compressed rows; columns strictly increase within a row.
    Sparse { indptr: Vec<usize>, indices: Vec<u32>, weights: Vec<f64> },
}

/// The features of one gene.
///
/// ```
/// use pert_encoders::FeatureRow;
/// let row = FeatureRow::Sparse { indices: &[1, 3], weights: &[0.6, 0.8] };
/// assert_eq!(row.dot(&[0.0, 10.0, 0.0, 0.0]), 6.0);
/// let mut total = vec![1.0; 4];
/// row.add_to(&mut total, 2.0);
/// assert_eq!(total, [1.0, 1.0 + 2.0 * 0.6, 1.0, 1.0 + 2.0 * 0.8]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FeatureRow<'a> {
    /// All values, `[dim]`.
    Dense(&'a [f64]),
    /// The values that are not zero.
    Sparse {
        /// Their columns, strictly increasing.
        indices: &'a [u32],
        /// The values.
        weights: &'a [f64],
    },
}

impl FeatureRow<'_> {
    /// Adds the row times `weight` to a dense vector, `[dim]`.
    pub fn add_to(&self, total: &mut [f64], weight: f64) {
        match *self {
            Self::Dense(values) => {
                total.iter_mut().zip(values).for_each(|(t, v)| *t += weight * v);
            }
            Self::Sparse { indices, weights } => {
                for (&column, &value) in indices.iter().zip(weights) {
                    total[column as usize] += weight * value;
                }
            }
        }
    }

    /// Adds the row times a matrix, row-major `[dim, out.len()]`, to `out`.
    pub(crate) fn project(&self, matrix: &[f64], out: &mut [f64]) {
        let mut add = |column: usize, value: f64| {
            let row = &matrix[column * out.len()..(column + 1) * out.len()];
            out.iter_mut().zip(row).for_each(|(o, m)| *o += value * m);
        };
        match *self {
            Self::Dense(values) => values.iter().enumerate().for_each(|(c, &v)| add(c, v)),
            Self::Sparse { indices, weights } => {
                indices.iter().zip(weights).for_each(|(&c, &w)| add(c as usize, w));
            }
        }
    }

    /// Adds the outer product with a vector to a matrix, row-major `[dim, other.len()]`.
    pub(crate) fn add_outer_to(&self, other: &[f64], matrix: &mut [f64]) {
        let mut add = |column: usize, value: f64| {
            let row = &mut matrix[column * other.len()..(column + 1) * other.len()];
            row.iter_mut().zip(other).for_each(|(m, o)| *m += value * o);
        };
        match *self {
            Self::Dense(values) => values.iter().enumerate().for_each(|(c, &v)| add(c, v)),
            Self::Sparse { indices, weights } => {
                indices.iter().zip(weights).for_each(|(&c, &w)| add(c as usize, w));
            }
        }
    }

    /// Inner product with a dense vector, `[dim]`.
    pub fn dot(&self, other: &[f64]) -> f64 {
        match *self {
            Self::Dense(values) => values.iter().zip(other).map(|(a, b)| a * b).sum(),
            Self::Sparse { indices, weights } => {
                indices.iter().zip(weights).map(|(&c, w)| w * other[c as usize]).sum()
            }
        }
    }
}

impl FeatureTable {
    /// A table of numbers, row-major `[genes.len(), columns.len()]`; columns are centred and scaled.
    ///
    /// # Errors
    /// [`crate::Error::Table`] (the line is the row's, counted from 1) when values are missing, not finite, or a gene
    /// stands twice.
    pub fn from_dense(
        genes: Vec<String>,
        columns: Vec<String>,
        values: Vec<f64>,
    ) -> Result<Self, crate::Error> {
        let error =
            |line, problem| crate::Error::Table { path: "(in memory)".into(), line, problem };
        let dim = columns.len();
        if genes.is_empty() || dim == 0 {
            return Err(error(None, TableProblem::Empty));
        }
        if genes.len().checked_mul(dim) != Some(values.len()) {
            let (genes, values) = (genes.len(), values.len());
            return Err(error(None, TableProblem::Shape { genes, columns: dim, values }));
        }
        if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
            let problem = TableProblem::NotANumber {
                gene: genes[bad / dim].clone(),
                column: columns[bad % dim].clone(),
                value: values[bad].to_string(),
            };
            return Err(error(Some(bad / dim + 1), problem));
        }
        let row_of = index(&genes).map_err(|(first, second)| {
            let problem =
                TableProblem::DuplicateGene { gene: genes[second].clone(), first: first + 1 };
            error(Some(second + 1), problem)
        })?;
        Ok(Self::held(genes, row_of, columns, Values::Dense(standardised(values, dim))))
    }

    /// The raw TF-IDF of annotation lists; genes are known to be distinct.
    pub(crate) fn from_annotations(
        genes: Vec<String>,
        row_of: HashMap<String, usize>,
        annotations: &[Vec<&str>],
    ) -> Self {
        let terms: HashSet<&str> = annotations.iter().flatten().copied().collect();
        let mut terms: Vec<&str> = terms.into_iter().collect();
        terms.sort_unstable();
        let column_of: HashMap<&str, u32> = terms.iter().copied().zip(0..).collect();
        let columns_of = |list: &Vec<&str>| {
            let mut columns: Vec<u32> = list.iter().map(|term| column_of[term]).collect();
            columns.sort_unstable();
            columns.dedup();
            columns
        };
        let lists: Vec<Vec<u32>> = annotations.iter().map(columns_of).collect();
        let terms = terms.into_iter().map(str::to_owned).collect();
        Self::from_term_lists(genes, row_of, terms, &lists)
    }

    /// The raw TF-IDF of lists of terms, by place; places strictly increase within a list, and every term is listed.
    pub(crate) fn from_term_lists(
        genes: Vec<String>,
        row_of: HashMap<String, usize>,
        terms: Vec<String>,
        lists: &[Vec<u32>],
    ) -> Self {
        let mut document_frequency = vec![0usize; terms.len()];
        lists.iter().flatten().for_each(|&term| document_frequency[term as usize] += 1);
        let n = genes.len() as f64;
        let idf: Vec<f64> = document_frequency.iter().map(|&df| (n / df as f64).ln()).collect();
        let n_entries = lists.iter().map(Vec::len).sum();
        let (mut indices, mut weights) =
            (Vec::with_capacity(n_entries), Vec::with_capacity(n_entries));
        let mut indptr = vec![0];
        for list in lists {
            let start = weights.len();
            indices.extend_from_slice(list);
            weights.extend(list.iter().map(|&term| idf[term as usize]));
            let row = &mut weights[start..];
            let norm = row.iter().map(|w| w * w).sum::<f64>().sqrt();
            if norm > 0.0 {
                row.iter_mut().for_each(|w| *w /= norm);
            }
            indptr.push(weights.len());
        }
        Self::held(genes, row_of, terms, Values::Sparse { indptr, indices, weights })
    }

    /// Number of features of a gene.
    pub fn dim(&self) -> usize {
        self.columns.len()
    }

    /// Whether rows are sparse (annotations) rather than dense (numbers).
    pub fn is_sparse(&self) -> bool {
        matches!(self.values, Values::Sparse { .. })
    }

    /// The genes that have features, in the table's order.
    pub fn genes(&self) -> &[String] {
        &self.genes
    }

    /// Names of the features: the table's columns, or annotation terms in bytewise order.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether a gene has a row, under this name or an alias.
    pub fn contains(&self, gene: &str) -> bool {
        self.row_called(gene).is_some()
    }

    /// The features of a gene, under this name or an alias.
    pub fn get(&self, gene: &str) -> Option<FeatureRow<'_>> {
        self.row_called(gene).map(|row| self.row(row))
    }

    /// The name that the table itself has for a gene.
    pub fn symbol_of(&self, gene: &str) -> Option<&str> {
        self.row_called(gene).map(|row| self.genes[row].as_str())
    }

    /// The same table, which also knows genes by their aliases. A gene of the table is never taken for an alias.
    ///
    /// ```
    /// use pert_encoders::{AliasTable, FeatureTable, TargetEncoder};
    /// let genes = ["KLF1", "MYC"].map(str::to_owned).to_vec();
    /// let features = FeatureTable::from_dense(genes, vec!["length".into()], vec![10.0, 14.0])?;
    /// let features = features.with_aliases(AliasTable::from_pairs([("EKLF", "KLF1"), ("MYC", "KLF1")]));
    /// assert_eq!(features.get("EKLF"), features.get("KLF1"));
    /// assert_eq!((features.symbol_of("EKLF"), features.symbol_of("MYC")), (Some("KLF1"), Some("MYC")));
    /// assert!(features.check_target("GATA1").is_err());
    /// # Ok::<(), pert_encoders::Error>(())
    /// ```
    pub fn with_aliases(self, aliases: AliasTable) -> Self {
        Self { aliases, ..self }
    }

    /// Other names of its genes.
    pub fn aliases(&self) -> &AliasTable {
        &self.aliases
    }

    /// The row of a gene; a name of several genes has none.
    fn row_called(&self, gene: &str) -> Option<usize> {
        let named = |name: &str| self.row_of.get(name).copied();
        named(gene).or_else(|| self.aliases.resolve(gene).ok().flatten().and_then(named))
    }

    /// The `k` genes of the table whose names are nearest (edit distance), for messages.
    pub fn nearest_names(&self, gene: &str, k: usize) -> Vec<&str> {
        nearest_names(gene, self.genes.iter().map(String::as_str), k)
    }

    /// The rows of some genes under the names given, in their order; those without a row are left out.
    ///
    /// Values stay as they are (they are not standardised or weighted anew), so inner products do too. Annotation
    /// terms that none of the genes has are dropped.
    pub fn subset(&self, genes: &[String]) -> Self {
        let (mut rows, mut names): (Vec<usize>, Vec<String>) = Default::default();
        let mut row_of = HashMap::new();
        for gene in genes {
            if let Some(row) = self.row_called(gene)
                && !row_of.contains_key(gene)
            {
                row_of.insert(gene.clone(), rows.len());
                rows.push(row);
                names.push(gene.clone());
            }
        }
        let (columns, values) = match &self.values {
            Values::Dense(values) => {
                let dim = self.dim();
                let values = rows.iter().flat_map(|&r| &values[r * dim..(r + 1) * dim]).copied();
                (self.columns.clone(), Values::Dense(values.collect()))
            }
            Values::Sparse { .. } => {
                let mut used = vec![false; self.dim()];
                for &row in &rows {
                    if let FeatureRow::Sparse { indices, .. } = self.row(row) {
                        indices.iter().for_each(|&c| used[c as usize] = true);
                    }
                }
                let kept: Vec<usize> = (0..self.dim()).filter(|&c| used[c]).collect();
                let mut new_column = vec![0; self.dim()];
                kept.iter().zip(0u32..).for_each(|(&old, new)| new_column[old] = new);
                let (mut indptr, mut new_indices, mut new_weights) =
                    (vec![0], Vec::new(), Vec::new());
                for &row in &rows {
                    if let FeatureRow::Sparse { indices, weights } = self.row(row) {
                        new_indices.extend(indices.iter().map(|&c| new_column[c as usize]));
                        new_weights.extend_from_slice(weights);
                    }
                    indptr.push(new_weights.len());
                }
                let columns = kept.iter().map(|&c| self.columns[c].clone()).collect();
                (columns, Values::Sparse { indptr, indices: new_indices, weights: new_weights })
            }
        };
        Self::held(names, row_of, columns, values)
    }

    /// A table of values that are known to fit, held as they are.
    pub(crate) fn held(
        genes: Vec<String>,
        row_of: HashMap<String, usize>,
        columns: Vec<String>,
        values: Values,
    ) -> Self {
        Self { genes, row_of, columns, values, aliases: AliasTable::default() }
    }

    /// Rows held as they are, row-major `[genes.len(), columns.len()]`; each gene stands once.
    pub(crate) fn from_rows(
        genes: Vec<String>,
        columns: Vec<String>,
        values: Vec<f64>,
    ) -> Result<Self, crate::Error> {
        let row_of = index(&genes).map_err(|(first, row)| crate::Error::Table {
            path: "(in memory)".into(),
            line: Some(row + 1),
            problem: TableProblem::DuplicateGene { gene: genes[row].clone(), first: first + 1 },
        })?;
        Ok(Self::held(genes, row_of, columns, Values::Dense(values)))
    }

    /// The same genes with other features, row-major `[n_genes, columns.len()]`, held as they are.
    pub(crate) fn with_values(&self, columns: Vec<String>, values: Vec<f64>) -> Self {
        let (genes, row_of) = (self.genes.clone(), self.row_of.clone());
        Self::held(genes, row_of, columns, Values::Dense(values)).with_aliases(self.aliases.clone())
    }

    pub(crate) fn row(&self, row: usize) -> FeatureRow<'_> {
        match &self.values {
            Values::Dense(values) => {
                FeatureRow::Dense(&values[row * self.dim()..(row + 1) * self.dim()])
            }
            Values::Sparse { indptr, indices, weights } => {
                let range = indptr[row]..indptr[row + 1];
                FeatureRow::Sparse { indices: &indices[range.clone()], weights: &weights[range] }
            }
        }
    }
}

/// Row of each gene, or the two rows of a gene that stands twice.
pub(crate) fn index(genes: &[String]) -> Result<HashMap<String, usize>, (usize, usize)> {
    let mut row_of = HashMap::with_capacity(genes.len());
    for (row, gene) in genes.iter().enumerate() {
        if let Some(first) = row_of.insert(gene.clone(), row) {
            return Err((first, row));
        }
    }
    Ok(row_of)
}

/// Columns of a row-major matrix centred and scaled to variance 1 (ddof 0); constant columns become zero.
fn standardised(mut values: Vec<f64>, dim: usize) -> Vec<f64> {
    let n = (values.len() / dim) as f64;
    for column in 0..dim {
        // Sums of values divided by the largest stay finite, however large the values are.
        let largest = values.iter().skip(column).step_by(dim).fold(0.0f64, |m, v| m.max(v.abs()));
        let first = values[column];
        if values.iter().skip(column).step_by(dim).all(|&v| v == first) {
            values.iter_mut().skip(column).step_by(dim).for_each(|v| *v = 0.0);
            continue;
        }
        values.iter_mut().skip(column).step_by(dim).for_each(|v| *v /= largest);
        let of_column = || values.iter().skip(column).step_by(dim);
        let mean = of_column().sum::<f64>() / n;
        let sd = (of_column().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        // Differences of denormal size may vanish in the square; such a column is constant for every purpose.
        let scale = if sd > 0.0 { 1.0 / sd } else { 0.0 };
        values.iter_mut().skip(column).step_by(dim).for_each(|v| *v = (*v - mean) * scale);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    #[test]
    fn columns_have_mean_zero_and_variance_one() {
        let values = vec![1.0, 7.0, f64::MAX, 2.0, 7.0, f64::MAX, 6.0, 7.0, -f64::MAX];
        let table =
            FeatureTable::from_dense(names(&["a", "b", "c"]), names(&["x", "k", "l"]), values);
        let table = table.unwrap();
        let Values::Dense(values) = &table.values else { panic!("dense") };
        for column in [0, 2] {
            let of: Vec<f64> = values.iter().skip(column).step_by(3).copied().collect();
            let mean = of.iter().sum::<f64>() / 3.0;
            let variance = of.iter().map(|v| v * v).sum::<f64>() / 3.0;
            approx::assert_abs_diff_eq!(mean, 0.0, epsilon = 1e-12);
            approx::assert_relative_eq!(variance, 1.0, max_relative = 1e-12);
        }
        assert!(values.iter().skip(1).step_by(3).all(|&v| v == 0.0));
    }

    #[test]
    fn a_subset_keeps_inner_products() {
        let genes = names(&["a", "b", "c"]);
        let row_of = index(&genes).unwrap();
        let lists = [vec!["t1", "t2"], vec!["t2", "t3"], vec!["t4"]];
        let table = FeatureTable::from_annotations(genes, row_of, &lists);
        let part = table.subset(&names(&["b", "z", "a", "b"]));
        assert_eq!(part.genes(), ["b", "a"]);
        assert_eq!(part.columns(), ["t1", "t2", "t3"]);
        let product = |table: &FeatureTable| {
            let mut a = vec![0.0; table.dim()];
            table.get("a").unwrap().add_to(&mut a, 1.0);
            table.get("b").unwrap().dot(&a)
        };
        assert_eq!(product(&table), product(&part));
    }

    #[test]
    fn tables_in_memory_are_checked() {
        let make = |genes: &[&str], values: &[f64]| {
            FeatureTable::from_dense(names(genes), names(&["x"]), values.to_vec())
        };
        assert!(matches!(
            make(&["a", "a"], &[1.0, 2.0]),
            Err(Error::Table {
                line: Some(2),
                problem: TableProblem::DuplicateGene { first: 1, .. },
                ..
            })
        ));
        assert!(make(&["a"], &[f64::NAN]).unwrap_err().to_string().contains("\"x\""));
        assert!(make(&["a"], &[1.0, 2.0]).unwrap_err().to_string().contains("2 values"));
        assert!(make(&[], &[]).is_err());
    }
}
