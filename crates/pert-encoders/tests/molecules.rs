//! Molecules against RDKit, and against everything that is none.

use pert_encoders::{LONGEST_SMILES, Molecule};
use pert_testkit::golden;
use proptest::prelude::*;

#[derive(serde::Deserialize)]
struct Golden {
    compounds: Vec<Judged>,
    corners: Vec<Judged>,
    edited: Vec<Judged>,
}

/// What RDKit says of a SMILES; nothing where it refuses it.
#[derive(serde::Deserialize)]
struct Judged {
    smiles: String,
    canonical: Option<String>,
    scaffold: Option<String>,
    group: Option<String>,
}

fn molecules() -> Golden {
    golden(env!("CARGO_MANIFEST_DIR"), "molecules")
}

/// The SMILES that are judged otherwise than by RDKit.
fn different(cases: &[Judged]) -> Vec<String> {
    let differs = |case: &&Judged| match Molecule::parse(&case.smiles) {
        Ok(molecule) => {
            case.canonical.as_deref() != Some(molecule.canonical_smiles())
                || case.scaffold.as_deref() != Some(molecule.murcko_scaffold())
                || case.group.as_deref() != Some(molecule.scaffold_group())
        }
        Err(_) => case.canonical.is_some(),
    };
    let found = |case: &Judged| format!("{:?} is {:?}", case.smiles, Molecule::parse(&case.smiles));
    cases.iter().filter(differs).map(found).collect()
}

#[test]
fn spelling_and_scaffold_are_those_of_rdkit() {
    let golden = molecules();
    assert_eq!(golden.compounds.len(), 188);
    assert!(golden.compounds.iter().all(|c| c.canonical.is_some()));
    for cases in [&golden.compounds, &golden.corners, &golden.edited] {
        let different = different(cases);
        assert!(different.is_empty(), "{} of {}: {different:#?}", different.len(), cases.len());
    }
}

#[test]
fn a_canonical_smiles_and_a_scaffold_are_read_as_themselves() {
    for case in molecules().compounds {
        let molecule = Molecule::parse(&case.smiles).unwrap();
        let again = Molecule::parse(molecule.canonical_smiles()).unwrap();
        assert_eq!(again, molecule, "{}", case.smiles);
        let scaffold = molecule.murcko_scaffold();
        if !scaffold.is_empty() {
            let bare = Molecule::parse(scaffold).unwrap();
            assert_eq!((bare.murcko_scaffold(), bare.canonical_smiles()), (scaffold, scaffold));
        }
    }
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    assert!(Molecule::parse(&"C".repeat(LONGEST_SMILES)).is_ok());
    let error = Molecule::parse(&"C".repeat(LONGEST_SMILES + 1)).unwrap_err().to_string();
    assert!(error.contains("2001 bytes") && error.contains('…') && error.len() < 300, "{error}");
    // A name behind it does not count.
    assert!(Molecule::parse(&format!("CCO {}", "x".repeat(10 * LONGEST_SMILES))).is_ok());
    for deep in ["C(".repeat(900), "[".repeat(900), "C1".repeat(900), "(".repeat(900)] {
        assert!(Molecule::parse(&deep).is_err());
    }
}

/// A real SMILES with some bytes taken out, put in or doubled.
fn edited() -> impl Strategy<Value = String> {
    let compounds: Vec<String> = molecules().compounds.into_iter().map(|c| c.smiles).collect();
    let edit = (any::<prop::sample::Index>(), 0..3u8, "[A-Za-z0-9()\\[\\]=#@+\\-/\\\\.%:*$~]");
    (prop::sample::select(compounds), prop::collection::vec(edit, 1..5)).prop_map(
        |(smiles, edits)| {
            let mut letters: Vec<char> = smiles.chars().collect();
            for (place, what, letter) in edits {
                let place = place.index(letters.len());
                match what {
                    0 if letters.len() > 1 => drop(letters.remove(place)),
                    1 => letters.insert(place, letter.chars().next().unwrap()),
                    _ => letters.extend_from_within(place..letters.len().min(place + 12)),
                }
            }
            letters.into_iter().collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_text_makes_it_panic(
        text in "\\PC{0,40}|[A-Za-z0-9()\\[\\]=#@+\\-/\\\\.%:*$~]{0,60}|[CNOcno1-3()=#\\[\\]@+H-]{0,24}",
    ) {
        let _ = Molecule::parse(&text);
    }

    #[test]
    fn no_edit_of_a_real_one_makes_it_panic(text in edited()) {
        if let Ok(molecule) = Molecule::parse(&text) {
            prop_assert!(Molecule::parse(molecule.canonical_smiles()).is_ok());
            prop_assert!(!molecule.scaffold_group().is_empty());
        }
    }
}
