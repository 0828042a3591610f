//! The simulator's tables as text.

use std::io::{self, Write};
use std::path::Path;

use super::{Shown, Simulation};
use crate::{Error, write_atomically};

/// Residues per line of a FASTA file, as usual.
const FASTA_WIDTH: usize = 60;

impl Simulation {
    /// Writes what a model is shown of the perturbations.
    ///
    /// Of genes, their features: header `gene`, `f1`, …; one row per gene, with as many digits as it takes to read the
    /// numbers back exactly. Of drugs, their structures: header `drug`, `smiles`; one row per drug. Of variants, the
    /// reference: one FASTA record, named by the gene.
    ///
    /// # Errors
    /// [`Error::Write`]; nothing half-written is left.
    pub fn write_shown(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        write_atomically(path.as_ref(), |out| match &self.shown {
            Shown::Features(table) => {
                writeln!(out, "gene\t{}", table.columns.join("\t"))?;
                let rows = table.values.chunks(table.columns.len());
                table.genes.iter().zip(rows).try_for_each(|(gene, row)| write_row(out, gene, row))
            }
            Shown::Compounds(compounds) => {
                writeln!(out, "drug\tsmiles")?;
                compounds.iter().try_for_each(|c| writeln!(out, "{}\t{}", c.name, c.smiles))
            }
            Shown::Protein(protein) => {
                writeln!(out, ">{} simulated", protein.gene)?;
                protein.sequence.as_bytes().chunks(FASTA_WIDTH).try_for_each(|line| {
                    out.write_all(line)?;
                    out.write_all(b"\n")
                })
            }
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
    use super::super::{Shown, Simulation, SimulatorConfig, SimulatorKind, simulate};
    use std::fs;

    fn small(kind: SimulatorKind) -> Simulation {
        let config = SimulatorConfig::of(kind, 2).with_n_cells(300).with_n_genes(60);
        simulate(&config.with_n_perturbations(5)).unwrap()
    }

    fn shown(simulation: &Simulation) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(simulation.shown.file_ending());
        simulation.write_shown(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn features_read_back_exactly() {
        let simulation = small(SimulatorKind::GenePairs);
        let text = shown(&simulation);
        assert!(text.starts_with("gene\tf1\tf2\t"));
        let numbers: Vec<f64> = text
            .lines()
            .skip(1)
            .flat_map(|line| line.split('\t').skip(1).map(|v| v.parse::<f64>().unwrap()))
            .collect();
        let Shown::Features(table) = &simulation.shown else { panic!() };
        assert_eq!(numbers, table.values);
    }

    #[test]
    fn structures_and_sequences_read_back() {
        let simulation = small(SimulatorKind::Drugs);
        let Shown::Compounds(compounds) = &simulation.shown else { panic!() };
        let text = shown(&simulation);
        let rows: Vec<(&str, &str)> =
            text.lines().skip(1).map(|line| line.split_once('\t').unwrap()).collect();
        assert_eq!(text.lines().next(), Some("drug\tsmiles"));
        assert_eq!(rows.len(), 2);
        for (row, compound) in rows.iter().zip(compounds) {
            assert_eq!(*row, (compound.name.as_str(), compound.smiles.as_str()));
        }

        let simulation = small(SimulatorKind::Variants);
        let Shown::Protein(protein) = &simulation.shown else { panic!() };
        let text = shown(&simulation);
        let (header, sequence) = text.split_once('\n').unwrap();
        assert_eq!(header.split_whitespace().next(), Some(">SIMP1"));
        assert_eq!(sequence.replace('\n', ""), protein.sequence);
    }

    #[test]
    fn the_truth_reads_back_exactly_whatever_the_kind() {
        for kind in SimulatorKind::ALL {
            let simulation = small(kind);
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("t.tsv");
            simulation.write_truth_tsv(&path).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let rows: Vec<Vec<&str>> =
                text.lines().map(|line| line.split('\t').collect()).collect();
            assert_eq!(rows.len(), 1 + 2 * 6);
            let control = simulation.label_format.control.as_str();
            assert_eq!(rows[0][..3], ["perturbation", "quantity", "GENE0001"]);
            assert_eq!(rows[1][..2], [control, "log_normalised_mean"]);
            assert_eq!(rows[2][..2], [control, "rho"]);
            let rho: Vec<f64> = rows[2][2..].iter().map(|v| v.parse().unwrap()).collect();
            assert_eq!(rho, simulation.truth[0].rho);
        }
    }

    #[test]
    fn an_unwritable_place_is_named() {
        let simulation = small(SimulatorKind::GenePairs);
        for error in [
            simulation.write_truth_tsv("no/such/folder/t.tsv").unwrap_err(),
            simulation.write_shown("no/such/folder/t.tsv").unwrap_err(),
        ] {
            assert!(error.to_string().contains("no/such/folder/t.tsv"), "{error}");
        }
    }
}
