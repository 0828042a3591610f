//! Annotations carried up an ontology made by hand.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use pert_encoders::{
    Annotations, Error, Evidence, FeatureRow, FeatureTable, Ontology, OntologyError,
};
use pert_testkit::{assert_close, shared_data};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ontology").join(name)
}

fn annotations(evidence: &Evidence) -> Annotations {
    let ontology = Ontology::read(file("small.obo")).unwrap();
    let direct = Annotations::read_gaf(file("small.gaf"), evidence).unwrap();
    direct.propagated(&ontology).unwrap()
}

/// `GO:000000n` for each digit.
fn terms(digits: &str) -> Option<Vec<String>> {
    Some(digits.chars().map(|digit| format!("GO:000000{digit}")).collect())
}

fn owned(terms: Option<Vec<&str>>) -> Option<Vec<String>> {
    terms.map(|terms| terms.into_iter().map(str::to_owned).collect())
}

/// Written by hand from the two files: part_of leads from 4 to 3, 9 is 4 by its other name, 6 was replaced by 4, 7 by nothing;
/// neither `regulates` nor `has_part` leads upwards, and what a gene is NOT involved in is left out.
#[test]
fn every_gene_has_the_terms_on_its_paths() {
    let all = annotations(&Evidence::all());
    assert_eq!(all.genes(), ["A", "B", "C", "E", "F", "G"]);
    for (gene, digits) in
        [("A", "1234"), ("B", "1234"), ("C", "13"), ("E", "125"), ("F", ""), ("G", "1234")]
    {
        assert_eq!(owned(all.terms_of(gene)), terms(digits), "{gene}");
    }
    assert_eq!(all.terms_of("D"), None);
}

#[test]
fn evidence_that_does_not_count_is_left_out() {
    let experimental = annotations(&Evidence::experimental());
    assert_eq!(experimental.genes(), ["A", "C", "F", "G"]);
    let manual = annotations(&Evidence::except(["IEA"]).unwrap());
    assert_eq!(owned(manual.terms_of("B")), terms("12"));
    let author = annotations(&Evidence::only(["TAS"]).unwrap());
    assert_eq!(author.genes(), ["B"]);
}

#[test]
fn features_are_weighted_by_rarity_after_propagation() {
    let features = FeatureTable::read_gaf(file("small.gaf"), file("small.obo")).unwrap();
    assert_eq!(Some(features.columns().to_vec()), terms("12345"));
    // Of 6 genes, 5 have term 1, 4 each terms 2 and 3, 3 term 4, and 1 term 5.
    let [one, two, five] = [6f64 / 5.0, 6.0 / 4.0, 6.0].map(f64::ln);
    let norm = (one * one + two * two + five * five).sqrt();
    let Some(FeatureRow::Sparse { indices, weights }) = features.get("E") else { panic!("E") };
    assert_eq!(indices, [0, 1, 4]);
    assert_close("E", weights, &[one / norm, two / norm, five / norm], 1e-14);
    assert_eq!(features.get("F"), Some(FeatureRow::Sparse { indices: &[], weights: &[] }));
}

#[test]
fn packed_files_are_the_same_and_the_wrong_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pack = |name: &str| {
        let path = folder.path().join(name);
        let mut gzip = GzEncoder::new(std::fs::File::create(&path).unwrap(), Compression::fast());
        gzip.write_all(&std::fs::read(file(name)).unwrap()).unwrap();
        gzip.finish().unwrap();
        path
    };
    let (gaf, obo) = (pack("small.gaf"), pack("small.obo"));
    let plain = FeatureTable::read_gaf(file("small.gaf"), file("small.obo")).unwrap();
    assert_eq!(FeatureTable::read_gaf(&gaf, &obo).unwrap(), plain);
    let alone = FeatureTable::read(&gaf).unwrap_err();
    assert!(matches!(alone, Error::Ontology(OntologyError::NeedsOntology { .. })), "{alone}");
    let alone = FeatureTable::read(&obo).unwrap_err();
    assert!(matches!(alone, Error::Ontology(OntologyError::NoGenes { .. })), "{alone}");
    let swapped = FeatureTable::read_gaf(&obo, &gaf).unwrap_err();
    assert!(matches!(swapped, Error::Ontology(OntologyError::NoTerms { .. })), "{swapped}");
    assert!(matches!(
        Annotations::read_gaf(&obo, &Evidence::all()),
        Err(Error::Ontology(OntologyError::Version { .. }))
    ));
}

#[test]
fn the_hallmark_sets_are_read_and_weighted() {
    let Some(path) = shared_data("msigdb_hallmark_v6.tsv.gz") else { return };
    let features = FeatureTable::read(&path).unwrap();
    // Counted with zcat, tail, tr and sort: 50 sets, 4,386 distinct genes.
    assert_eq!((features.columns().len(), features.genes().len()), (50, 4_386));
    let folder = tempfile::tempdir().unwrap();
    let gmt = folder.path().join("sets");
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
    let lines =
        text.lines().skip(1).map(|line| line.replace('|', "\t").replacen('\t', "\tna\t", 1));
    std::fs::write(&gmt, lines.collect::<Vec<_>>().join("\n")).unwrap();
    assert_eq!(FeatureTable::read(&gmt).unwrap(), features);
}
