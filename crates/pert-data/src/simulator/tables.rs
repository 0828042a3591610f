//! The simulator's tables as tab-separated text.

use std::io::{self, Write};
use std::path::Path;

use super::Simulation;
use crate::{Error, write_atomically};

impl Simulation {
    /// Writes the features a model is shown: header `gene`, `f1`, …; one row per gene.
    ///
    /// Numbers are written with as many digits as it takes to read them back exactly.
    ///
    /// # Errors
    /// [`Error::Write`]; nothing half-written is left.
    pub fn write_features_tsv(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        write_atomically(path.as_ref(), |out| {
            let table = &self.features;
            writeln!(out, "gene\t{}", table.columns.join("\t"))?;
            for (gene, row) in table.genes.iter().zip(table.values.chunks(table.columns.len())) {
                write_row(out, gene, row)?;
            }
            Ok(())
        })
    }

    /// Writes the truth: header `perturbation`, `quantity`, then the genes; two rows per perturbation (control
    /// included), quantity `log_normalised_mean` and `rho`.
    ///
    /// # Errors
    /// [`Error::Write`]; nothing half-written is left.
    pub fn write_truth_tsv(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        write_atomically(path.as_ref(), |out| {
            writeln!(out, "perturbation\tquantity\t{}", self.population.genes().join("\t"))?;
            for truth in &self.truth {
                let label = truth.perturbation.label();
                let quantity = |name| format!("{label}\t{name}");
                write_row(out, &quantity("log_normalised_mean"), &truth.log_normalised_mean)?;
                write_row(out, &quantity("rho"), &truth.rho)?;
            }
            Ok(())
        })
    }
}

fn write_row(out: &mut dyn Write, name: &str, values: &[f64]) -> io::Result<()> {
    out.write_all(name.as_bytes())?;
    for value in values {
        write!(out, "\t{value}")?;
    }
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::super::{SimulatorConfig, simulate};
    use std::fs;

    #[test]
    fn tables_read_back_exactly_and_leave_no_other_file() {
        let config =
            SimulatorConfig::new(2).with_n_cells(300).with_n_genes(60).with_n_perturbations(5);
        let simulation = simulate(&config).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (features, truth) = (folder.path().join("f.tsv"), folder.path().join("t.tsv"));
        simulation.write_features_tsv(&features).unwrap();
        simulation.write_truth_tsv(&truth).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);

        let text = fs::read_to_string(&features).unwrap();
        assert!(text.starts_with("gene\tf1\tf2\t"));
        let numbers: Vec<f64> = text
            .lines()
            .skip(1)
            .flat_map(|line| line.split('\t').skip(1).map(|v| v.parse::<f64>().unwrap()))
            .collect();
        assert_eq!(numbers, simulation.features.values);

        let text = fs::read_to_string(&truth).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
        assert_eq!(rows.len(), 1 + 2 * 6);
        assert_eq!(rows[0][..3], ["perturbation", "quantity", "GENE0001"]);
        assert_eq!(rows[1][..2], ["control", "log_normalised_mean"]);
        assert_eq!(rows[2][..2], ["control", "rho"]);
        let rho: Vec<f64> = rows[2][2..].iter().map(|v| v.parse().unwrap()).collect();
        assert_eq!(rho, simulation.truth[0].rho);
    }

    #[test]
    fn an_unwritable_place_is_named() {
        let config =
            SimulatorConfig::new(2).with_n_cells(130).with_n_genes(50).with_n_perturbations(1);
        let error = simulate(&config).unwrap().write_truth_tsv("no/such/folder/t.tsv").unwrap_err();
        assert!(error.to_string().contains("no/such/folder/t.tsv"), "{error}");
    }
}
