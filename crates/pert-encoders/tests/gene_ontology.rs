//! The Gene Ontology table of human genes, where it is at hand.

use pert_core::{LabelFormat, Perturbation};
use pert_encoders::{Error, FeatureRow, FeatureTable, GeneSetEncoder, UnknownGene};
use pert_testkit::shared_data;

#[test]
fn the_real_table_is_read_and_lacks_ier5l() {
    let Some(path) = shared_data("go_human_gene2terms.tsv.gz") else { return };
    let features = FeatureTable::read(path).unwrap();
    assert!(features.is_sparse());
    // Counted with zcat, cut and sort.
    assert_eq!((features.genes().len(), features.dim()), (18_635, 15_755));
    for gene in features.genes() {
        let Some(FeatureRow::Sparse { weights, .. }) = features.get(gene) else { panic!("{gene}") };
        let squared: f64 = weights.iter().map(|w| w * w).sum();
        assert!((squared - 1.0).abs() < 1e-12 || weights.is_empty(), "{gene}: {squared}");
    }
    assert!(!features.contains("IER5L"));
    // The table lacks IER5 too; CERKL, PEX5L and PRR5L are as far off, but share no beginning.
    assert_eq!(features.nearest_names("IER5L", 2), ["IER2", "IER3"]);

    let mut bytes = Vec::new();
    features.write_tsv(&mut bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("features.tsv");
    std::fs::write(&copy, bytes).unwrap();
    assert!(FeatureTable::read(&copy).unwrap() == features, "the copy differs");

    let parse = |label: &str| Perturbation::parse(label, &LabelFormat::default()).unwrap();
    let seen: Vec<String> =
        ["CEBPE", "RUNX1T1", "KLF1", "BAK1", "IER5L"].map(str::to_owned).to_vec();
    let strict = GeneSetEncoder::new(seen.clone(), Some(features.clone()), UnknownGene::Error);
    let error = strict.encode(&parse("CEBPE+IER5L")).unwrap_err();
    assert!(matches!(error, Error::UnknownGenes { .. }), "{error}");
    let mild =
        GeneSetEncoder::new(seen, Some(features), UnknownGene::Mean).with_reduced(32).unwrap();
    assert_eq!(mild.condition_dim(), 5 + 4); // four genes with features span four dimensions
    assert_eq!(mild.encode(&parse("IER5L+CEBPE")).unwrap().unknown, ["IER5L"]);
    assert_eq!(
        mild.condition(&parse("CEBPE+RUNX1T1")).unwrap(),
        mild.condition(&parse("RUNX1T1+CEBPE")).unwrap()
    );
}
