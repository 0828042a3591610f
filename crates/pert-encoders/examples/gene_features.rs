//! Features of genes from a table, or from the Gene Ontology's own files, reduced to a few dimensions, with the time of each
//! step: `gene_features TABLE`, or `gene_features ANNOTATIONS.gaf ONTOLOGY.obo`.

use std::time::Instant;

use pert_encoders::{FeatureTable, LARGEST_REDUCED_DIM};

/// As many genes as a large screen perturbs.
const N_SEEN: usize = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let start = Instant::now();
    let features = match arguments.as_slice() {
        [table] => FeatureTable::read(table)?,
        [gaf, obo] => FeatureTable::read_gaf(gaf, obo)?,
        _ => return Err("expected a table, or a GAF and an OBO file".into()),
    };
    let genes = features.genes();
    println!("read {} genes × {} features: {:.2?}", genes.len(), features.dim(), start.elapsed());
    let every = genes.len().div_ceil(N_SEEN);
    let some: Vec<String> = genes.iter().step_by(every).cloned().collect();
    for seen in [&some[..], genes] {
        let start = Instant::now();
        let reduced = features.reduced(seen, LARGEST_REDUCED_DIM)?;
        let (n, dim) = (seen.len(), reduced.dim());
        println!("all genes in the {dim} directions of {n}: {:.2?}", start.elapsed());
    }
    Ok(())
}
