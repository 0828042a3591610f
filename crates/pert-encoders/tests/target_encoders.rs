//! Every encoder of targets under the conformance suite.

mod conformance;

use std::path::Path;

use burn::tensor::Device;
use conformance::assert_conforms;
use pert_core::LabelKind;
use pert_encoders::{
    AliasTable, DrugEncoder, FeatureTable, InvalidDrug, Roberta, SaltRule, SmilesNetworkEncoder,
};

fn table(text: &str) -> FeatureTable {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table");
    std::fs::write(&path, text).unwrap();
    FeatureTable::read(&path).unwrap()
}

const GENES: [&str; 3] = ["KLF1", "MYC", "SPI1"];

#[test]
fn a_table_of_numbers_conforms() {
    let table = table("gene\tlength\tcharge\nKLF1\t1\t-2\nMYC\t5\t0.5\nSPI1\t3\t7\n");
    assert_conforms(&table, &GENES, "GATA1", LabelKind::Genes);
}

#[test]
fn a_table_of_annotations_conforms_whole_and_reduced() {
    let table = table(
        "gene_symbol\tn_terms\tgo_ids\nKLF1\t2\tGO:1|GO:2\nMYC\t2\tGO:2|GO:3\nSPI1\t2\tGO:4|GO:5\n\
         TP53\t1\tGO:1\n",
    );
    assert_conforms(&table, &GENES, "GATA1", LabelKind::Genes);
    let reduced = table.reduced(&GENES.map(str::to_owned), 2).unwrap();
    assert_conforms(&reduced, &GENES, "GATA1", LabelKind::Genes);
}

#[test]
fn a_table_with_aliases_conforms_under_either_name() {
    let table = table("gene\tlength\tcharge\nKLF1\t1\t-2\nMYC\t5\t0.5\nSPI1\t3\t7\n");
    let aliases =
        AliasTable::from_pairs([("EKLF", "KLF1"), ("PU.1", "SPI1"), ("X", "MYC"), ("X", "SPI1")]);
    let encoder = table.with_aliases(aliases);
    for targets in [GENES, ["EKLF", "MYC", "PU.1"]] {
        for unknown in ["GATA1", "X"] {
            assert_conforms(&encoder, &targets, unknown, LabelKind::Genes);
        }
    }
}

const DRUGS: [(&str, &str); 4] = [
    ("aspirin", "CC(=O)Oc1ccccc1C(=O)O"),
    ("ethanol", "CCO"),
    ("nicotine", "CN1CCC[C@H]1c1cccnc1"),
    ("bad", "C("),
];

#[test]
fn drugs_conform_as_fingerprints_and_as_states_of_a_network() {
    let (salts, invalid) = (SaltRule::LargestPart, InvalidDrug::Skip);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/roberta");
    let morgan = DrugEncoder::new(DRUGS, salts, invalid).unwrap();
    let network = |name: &str| {
        let network = Roberta::load(folder.join(name), &Device::default()).unwrap();
        SmilesNetworkEncoder::new(&network, DRUGS, salts, invalid).unwrap()
    };
    let (pairs, letters) = (network("pairs"), network("letters"));
    let plain = ["aspirin", "ethanol", "nicotine"];
    let dosed = ["aspirin_1uM", "ethanol_10nM", "nicotine_100nM"];
    for unknown in ["aspirine", "bad"] {
        assert_conforms(&morgan, &plain, unknown, LabelKind::Drugs);
        assert_conforms(&pairs, &plain, unknown, LabelKind::Drugs);
        assert_conforms(&letters, &plain, unknown, LabelKind::Drugs);
    }
    assert_conforms(&morgan.with_dose(), &dosed, "aspirin", LabelKind::Drugs);
    assert_conforms(&pairs.with_dose(), &dosed, "aspirin", LabelKind::Drugs);
}
