//! Writing a population as `.h5ad`, as anndata 0.8 and later read it.

use std::io;
use std::path::Path;

use hdf5_pure::{
    AttrValue, DatasetBuilder, EnumTypeBuilder, FileBuilder, GroupBuilder, make_i8_type,
};
use pert_core::{CovariateValues, Population};

use crate::{Error, write_atomically};

/// Where a population comes from; kept in `uns`, and `generated` as a column of `obs`. [`write_h5ad`] shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The model or program that made the cells.
    pub model: String,
    /// The seed they were made with.
    pub seed: u64,
    /// The version of the program.
    pub version: String,
    /// Whether the cells are generated: adds the boolean column `generated` to `obs`, true for every cell.
    pub generated: bool,
}

/// Longest chunk: HDF5 2.0 cannot read chunks of 65,536 to 2²⁴ − 1 elements as the HDF5 library here writes them.
const LONGEST_CHUNK: u64 = 65_535;

/// Deflate level; higher ones cost time and win little on counts.
const DEFLATE_LEVEL: u32 = 4;

/// The name of the column of perturbation labels.
const PERTURBATION: &str = "perturbation";

/// The name of the column that marks generated cells.
const GENERATED: &str = "generated";

/// The name of the index of `obs` and `var`.
const INDEX: &str = "_index";

/// Writes a population as an AnnData file: the old content of `path` is replaced once the new is whole.
///
/// `X` holds raw counts (csr, 32-bit float, gzip); `obs` the categorical `perturbation` and every covariate; `var` the
/// gene names; `uns` the provenance. The same population and provenance give the same bytes.
///
/// # Errors
/// [`Error::Unwritable`] when a covariate has a name that an .h5ad file cannot hold or that stands twice;
/// [`Error::Write`] when the file cannot be written.
///
/// ```
/// use pert_data::{Dataset, Provenance, SimulatorConfig, write_h5ad};
/// # let folder = tempfile::tempdir()?;
/// let (first, second) = (folder.path().join("1.h5ad"), folder.path().join("2.h5ad"));
/// let config = SimulatorConfig::new(1).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
/// let screen = Dataset::simulated(&config)?;
/// let provenance =
///     Provenance { model: "simulator".into(), seed: 1, version: "0.1".into(), generated: true };
/// write_h5ad(&first, screen.population(), &provenance)?;
/// write_h5ad(&second, screen.population(), &provenance)?;
/// assert_eq!(std::fs::read(&first)?, std::fs::read(&second)?); // the same bytes
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn write_h5ad(
    path: &Path,
    population: &Population,
    provenance: &Provenance,
) -> Result<(), Error> {
    let mut columns = vec![PERTURBATION];
    if provenance.generated {
        columns.push(GENERATED);
    }
    for covariate in population.covariates() {
        let name = covariate.name.as_str();
        let reason = if name.is_empty() || name == "." || name.contains('/') {
            format!("covariate {name:?} is no valid column name; rename it without '/'")
        } else if name == INDEX || columns.contains(&name) {
            format!("there are two columns {name:?}; rename the covariate")
        } else {
            columns.push(name);
            continue;
        };
        return Err(Error::Unwritable { path: path.to_owned(), reason });
    }
    let unwritable = |error: hdf5_pure::FormatError| Error::Unwritable {
        path: path.to_owned(),
        reason: error.to_string(),
    };

    let mut file = FileBuilder::new();
    file.set_attr("encoding-type", text("anndata"));
    file.set_attr("encoding-version", text("0.1.0"));

    let mut x = file.create_group("X");
    write_counts(&mut x, population);
    file.add_group(x.finish());

    let mut obs = file.create_group("obs");
    describe_frame(&mut obs, &columns);
    write_strings(&mut obs, INDEX, population.cells());
    write_perturbations(&mut obs, population);
    if provenance.generated {
        let boolean = EnumTypeBuilder::with_base(make_i8_type())
            .value("FALSE", 0)
            .value("TRUE", 1)
            .build()
            .map_err(unwritable)?;
        let n_cells = population.n_cells();
        let column = obs.create_dataset(GENERATED);
        column.with_raw_data(boolean, vec![1; n_cells], n_cells as u64);
        describe(compressed(column, n_cells), "array", "0.2.0");
    }
    for covariate in population.covariates() {
        match &covariate.values {
            CovariateValues::Categorical { levels, codes } => {
                write_categorical(&mut obs, &covariate.name, levels, codes);
            }
            CovariateValues::Numeric(values) => {
                let column = obs.create_dataset(&covariate.name).with_f64_data(values);
                describe(compressed(column, values.len()), "array", "0.2.0");
            }
        }
    }
    file.add_group(obs.finish());

    let mut var = file.create_group("var");
    describe_frame(&mut var, &[]);
    write_strings(&mut var, INDEX, population.genes());
    file.add_group(var.finish());

    let mut uns = file.create_group("uns");
    describe_group(&mut uns, "dict", "0.1.0");
    write_scalar_string(&mut uns, "model", &provenance.model);
    let seed = uns.create_dataset("seed").with_u64_data(&[provenance.seed]).with_shape(&[]);
    describe(seed, "numeric-scalar", "0.2.0");
    write_scalar_string(&mut uns, "version", &provenance.version);
    file.add_group(uns.finish());

    for name in ["layers", "obsm", "obsp", "varm", "varp"] {
        let mut group = file.create_group(name);
        describe_group(&mut group, "dict", "0.1.0");
        file.add_group(group.finish());
    }

    write_atomically(path, |out| {
        file.finish_to(out).map_err(|error| match error {
            hdf5_pure::Error::Io(error) => error,
            error => io::Error::other(error),
        })
    })
}

fn write_counts(x: &mut GroupBuilder, population: &Population) {
    let counts = population.counts();
    describe_group(x, "csr_matrix", "0.1.0");
    let shape = vec![counts.n_cells() as i64, counts.n_genes() as i64];
    x.set_attr("shape", AttrValue::I64Array(shape));
    let n = counts.n_nonzero();
    compressed(x.create_dataset("data").with_f32_data(counts.values()), n);
    let indices: Vec<i32> = counts.indices().iter().map(|&column| column as i32).collect();
    compressed(x.create_dataset("indices").with_i32_data(&indices), n);
    // scipy wants pointers and indices of one type: 32 bits unless the entries do not fit.
    let indptr = counts.indptr();
    if i32::try_from(n).is_ok() {
        let indptr: Vec<i32> = indptr.iter().map(|&p| p as i32).collect();
        compressed(x.create_dataset("indptr").with_i32_data(&indptr), indptr.len());
    } else {
        let indptr: Vec<i64> = indptr.iter().map(|&p| p as i64).collect();
        compressed(x.create_dataset("indptr").with_i64_data(&indptr), indptr.len());
    }
}

fn write_perturbations(obs: &mut GroupBuilder, population: &Population) {
    let levels: Vec<String> =
        population.perturbations().iter().map(|p| p.label().to_owned()).collect();
    let codes: Vec<u32> = (0..population.n_cells())
        .map(|cell| {
            let perturbation = population.perturbation_of(cell);
            let code = population.perturbations().binary_search(perturbation);
            code.expect("every cell's perturbation is listed") as u32
        })
        .collect();
    write_categorical(obs, PERTURBATION, &levels, &codes);
}

fn write_categorical(frame: &mut GroupBuilder, name: &str, levels: &[String], codes: &[u32]) {
    let mut column = frame.create_group(name);
    describe_group(&mut column, "categorical", "0.2.0");
    column.set_attr("ordered", AttrValue::I8(0));
    write_strings(&mut column, "categories", levels);
    // pandas holds codes in the smallest signed type.
    let data = column.create_dataset("codes");
    if i8::try_from(levels.len()).is_ok() {
        data.with_i8_data(&codes.iter().map(|&code| code as i8).collect::<Vec<_>>());
    } else if i16::try_from(levels.len()).is_ok() {
        data.with_i16_data(&codes.iter().map(|&code| code as i16).collect::<Vec<_>>());
    } else {
        data.with_i32_data(&codes.iter().map(|&code| code as i32).collect::<Vec<_>>());
    }
    describe(compressed(data, codes.len()), "array", "0.2.0");
    frame.add_group(column.finish());
}

fn write_strings(group: &mut GroupBuilder, name: &str, values: &[String]) {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    describe(group.create_dataset(name).with_vlen_strings(&values), "string-array", "0.2.0");
}

fn write_scalar_string(group: &mut GroupBuilder, name: &str, value: &str) {
    let scalar = group.create_dataset(name).with_shape(&[]).with_vlen_strings(&[value]);
    describe(scalar, "string", "0.2.0");
}

fn describe_frame(frame: &mut GroupBuilder, columns: &[&str]) {
    describe_group(frame, "dataframe", "0.2.0");
    frame.set_attr("_index", text(INDEX));
    let order = if columns.is_empty() {
        // What anndata writes: an empty array has no text type in numpy.
        AttrValue::F64Array(Vec::new())
    } else {
        AttrValue::VarLenStringArray(columns.iter().map(|&column| column.to_owned()).collect())
    };
    frame.set_attr("column-order", order);
}

fn describe_group(group: &mut GroupBuilder, encoding: &str, version: &str) {
    group.set_attr("encoding-type", text(encoding));
    group.set_attr("encoding-version", text(version));
}

fn describe(dataset: &mut DatasetBuilder, encoding: &str, version: &str) {
    dataset.set_attr("encoding-type", text(encoding));
    dataset.set_attr("encoding-version", text(version));
}

/// Chunked and deflated; a dataset without elements has no chunks.
fn compressed(dataset: &mut DatasetBuilder, length: usize) -> &mut DatasetBuilder {
    match length as u64 {
        0 => dataset,
        length => dataset.with_chunks(&[length.min(LONGEST_CHUNK)]).with_deflate(DEFLATE_LEVEL),
    }
}

/// Text as h5py writes it; readers of fixed-length text would hand out bytes.
fn text(value: &str) -> AttrValue {
    AttrValue::VarLenString(value.to_owned())
}
