//! Laws of every hold-out rule on random screens, and the same splits made by another implementation.

use std::collections::{BTreeSet, HashMap, HashSet};

use pert_core::{
    Covariate, CovariateRole, CsrCounts, DrugDose, Error, HoldOutRule, LabelFormat, LabelKind,
    Perturbation, Population, Split, SplitConfig, Variant, seeded_rng, shuffled_indices,
};
use proptest::prelude::*;

fn format(kind: LabelKind) -> LabelFormat {
    LabelFormat { kind, ..LabelFormat::default() }
}

fn screen(labels: &[String], types: &[u8], kind: LabelKind) -> Population {
    let parse = |label: &String| Perturbation::parse(label, &format(kind)).unwrap();
    let of_cell: Vec<Perturbation> = labels.iter().map(parse).collect();
    let types: Vec<String> =
        (0..labels.len()).map(|i| types[i % types.len()].to_string()).collect();
    Population::new(
        CsrCounts::from_dense(1, &vec![1.0; labels.len()]).unwrap(),
        vec!["g".into()],
        (0..labels.len()).map(|i| i.to_string()).collect(),
        &of_cell,
        vec![Covariate::categorical("type", CovariateRole::CellType, &types)],
    )
    .unwrap()
}

/// The group of a drug in the random screens: many drugs, few groups.
fn group_of(drug: &str) -> Option<String> {
    Some(format!("group {}", drug.as_bytes()[0] % 4))
}

/// What a held-out unit of the rule is, for a perturbation: gene, changed position or group.
fn units(p: &Perturbation, rule: &HoldOutRule) -> BTreeSet<String> {
    let of_target = |target: &String| -> Vec<String> {
        match rule {
            HoldOutRule::Position => {
                let variant: Variant = target.parse().unwrap();
                let changes = variant.substitutions().iter().filter(|s| s.from() != s.to());
                changes.map(|s| format!("{:?} {}", variant.gene(), s.position())).collect()
            }
            HoldOutRule::Scaffold => {
                vec![group_of(target.parse::<DrugDose>().unwrap().drug()).unwrap()]
            }
            _ => vec![target.clone()],
        }
    };
    p.targets().iter().flat_map(of_target).collect()
}

#[derive(Debug)]
struct Case {
    kind: LabelKind,
    rule: &'static str,
    labels: Vec<String>,
    types: Vec<u8>,
}

fn case() -> impl Strategy<Value = Case> {
    let kinds = vec![LabelKind::Genes, LabelKind::Variants, LabelKind::Drugs];
    proptest::sample::select(kinds).prop_flat_map(|kind| {
        let (part, own): (&str, &[&str]) = match kind {
            LabelKind::Genes => ("[A-H]", &["unseen-single", "seen-0:0.4", "seen-1", "seen-2"]),
            // The residue of the reference is always A, so that no position contradicts itself.
            LabelKind::Variants => {
                ("[XY]_A[1-6][CDE=*](_A[7-9][CD=])?", &["position", "position:0.5"])
            }
            LabelKind::Drugs => ("[a-h](_[12]uM)?", &["scaffold:0.3", "scaffold:0.6"]),
        };
        let rules = [own, &["cells", "sorted-3:1", "covariate-transfer:0.3"]].concat();
        let label = prop_oneof![
            4 => part.prop_map(|a| a),
            3 => (part, part).prop_map(|(a, b)| format!("{a}+{b}")),
            1 => (part, part, part).prop_map(|(a, b, c)| format!("{a}+{b}+{c}")),
            1 => Just("control".to_owned()),
        ];
        (
            Just(kind),
            proptest::sample::select(rules),
            proptest::collection::vec(label, 1..60),
            proptest::collection::vec(0u8..3, 7),
        )
            .prop_map(|(kind, rule, labels, types)| Case { kind, rule, labels, types })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_split_keeps_apart_what_it_says(case in case(), seed: u64, control_split in 0.0..1.0f64) {
        let (format, screen) = (format(case.kind), screen(&case.labels, &case.types, case.kind));
        let config = SplitConfig { control_split, ..SplitConfig::new(case.rule.parse().unwrap(), seed) };
        let split = match config.split_with_groups(&screen, &group_of) {
            Ok(split) => split,
            Err(Error::EmptySplit { .. }) => return Ok(()),
            Err(other) => return Err(TestCaseError::fail(other.to_string())),
        };
        prop_assert_eq!(split.check(), Ok(()));
        if screen.perturbations()[0].is_control() {
            prop_assert_eq!(split.check_against(&screen, &format), Ok(()));
        }

        // Every cell is learned from, held out, or of an unused label; and no two of them.
        let train: HashSet<usize> = split.train_cells(&screen, &format).into_iter().collect();
        let named: HashSet<&str> = split.test_cells.iter().map(String::as_str).collect();
        let listed: HashSet<Perturbation> = split.train.iter().chain(&split.test)
            .map(|l| Perturbation::parse(l, &format).unwrap()).collect();
        for cell in 0..screen.n_cells() {
            let places = [
                train.contains(&cell),
                named.contains(screen.cells()[cell].as_str()),
                !listed.contains(screen.perturbation_of(cell)),
            ];
            prop_assert_eq!(places.iter().filter(|&&here| here).count(), 1, "cell {}", cell);
        }
        let test = split.test_cells(&screen, &format);
        prop_assert!(!test.is_empty());
        prop_assert!(test.iter().all(|i| named.contains(screen.cells()[*i].as_str())));

        // Nothing held out is seen in training.
        let rule = &config.hold_out.rule;
        let units_of = |cells: &mut dyn Iterator<Item = usize>| -> BTreeSet<String> {
            cells.flat_map(|i| units(screen.perturbation_of(i), rule)).collect()
        };
        let of_train = units_of(&mut train.iter().copied());
        match rule {
            HoldOutRule::UnseenSingle | HoldOutRule::Position | HoldOutRule::Scaffold => {
                let of_test = units_of(&mut test.iter().copied());
                prop_assert!(of_train.is_disjoint(&of_test), "{:?} and {:?}", of_train, of_test);
                for p in screen.perturbations().iter().filter(|p| !listed.contains(p)) {
                    let of_p = units(p, rule);
                    prop_assert!(!of_p.is_disjoint(&of_test) && !of_p.is_subset(&of_test)
                        || *rule == HoldOutRule::UnseenSingle, "{} could be used", p);
                }
            }
            HoldOutRule::Seen(k) => {
                let singles = train.iter().map(|&i| screen.perturbation_of(i).targets());
                let alone: HashSet<&str> =
                    singles.filter(|genes| genes.len() == 1).map(|genes| genes[0].as_str()).collect();
                for &i in &test {
                    let genes = screen.perturbation_of(i).targets();
                    let n_seen = genes.iter().filter(|g| alone.contains(g.as_str())).count();
                    prop_assert_eq!((genes.len(), n_seen), (2, usize::from(*k)));
                    prop_assert!(*k == 2 || genes.iter().any(|g| !of_train.contains(g)));
                }
            }
            HoldOutRule::CovariateTransfer => {
                for &i in &test {
                    let p = screen.perturbation_of(i);
                    prop_assert!(train.iter().any(|&j| screen.perturbation_of(j) == p));
                }
            }
            _ => {}
        }

        // As a file it is the same split, and the same seed makes it again.
        let json = serde_json::to_string(&split).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Split>(&json).unwrap(), &split);
        prop_assert_eq!(&config.split_with_groups(&screen, &group_of).unwrap(), &split);
        // The order of cells in the file decides which cells, but not which perturbations.
        let backwards: Vec<usize> = (0..screen.n_cells()).rev().collect();
        let turned = config.split_with_groups(&screen.select_cells(&backwards), &group_of).unwrap();
        let keys = |labels: &[String]| -> BTreeSet<String> {
            labels.iter().map(|l| Perturbation::parse(l, &format).unwrap().key()).collect()
        };
        let one_spelling = screen.perturbations().iter().all(|p| {
            screen.cells_of(p).iter().all(|&i| case.labels[i] == p.label())
        });
        if one_spelling {
            prop_assert_eq!(keys(&turned.train), keys(&split.train));
            prop_assert_eq!(keys(&turned.test), keys(&split.test));
        }
    }

    #[test]
    fn no_text_of_a_split_makes_it_panic(
        train in proptest::collection::vec("[AB+]{0,4}|control", 0..5),
        test in proptest::collection::vec("[AB+]{0,4}", 0..5),
        test_cells in proptest::collection::vec("[0-9]{0,2}", 0..5),
        rule in "\\PC{0,12}|seen-2|cells",
    ) {
        let labels = ["control", "A", "B", "A+B"].map(str::to_owned);
        let screen = screen(&labels, &[0], LabelKind::Genes);
        let split = Split { format: 1, rule, seed: 0, train, test, test_cells };
        if split.check_against(&screen, &format(LabelKind::Genes)).is_ok() {
            let train = split.train_cells(&screen, &format(LabelKind::Genes));
            let test = split.test_cells(&screen, &format(LabelKind::Genes));
            prop_assert!(test.iter().all(|i| !train.contains(i)));
        }
    }
}

#[test]
fn another_seed_is_another_split() {
    let variants: Vec<String> =
        (1..30).map(|i| format!("X_A{i}C")).chain(["control".into()]).collect();
    let genes: Vec<String> = ('A'..='T')
        .map(String::from)
        .chain(('A'..='S').zip('B'..='T').map(|(a, b)| format!("{a}+{b}")))
        .chain(["control".into()])
        .collect();
    let drugs: Vec<String> =
        ('a'..='z').map(|c| format!("{c}_1uM")).chain(["control".into()]).collect();
    for (rule, labels, kind) in [
        ("position", &variants, LabelKind::Variants),
        ("unseen-single", &genes, LabelKind::Genes),
        ("seen-0", &genes, LabelKind::Genes),
        ("seen-1", &genes, LabelKind::Genes),
        ("seen-2", &genes, LabelKind::Genes),
        ("scaffold", &drugs, LabelKind::Drugs),
    ] {
        let screen = screen(labels, &[0], kind);
        let own_group = |drug: &str| Some(drug.to_owned());
        let tests: HashSet<Vec<String>> = (0..20)
            .map(|seed| {
                let config = SplitConfig::new(rule.parse().unwrap(), seed);
                config.split_with_groups(&screen, &own_group).unwrap().test
            })
            .collect();
        assert!(tests.len() >= 10, "{rule}: {} different of 20", tests.len());
    }
}

#[derive(serde::Deserialize)]
struct Golden {
    shuffled_70: Vec<usize>,
    screens: Vec<GoldenScreen>,
}

#[derive(serde::Deserialize)]
struct GoldenScreen {
    kind: LabelKind,
    labels: Vec<String>,
    groups: HashMap<String, String>,
    cases: Vec<GoldenSplit>,
}

#[derive(serde::Deserialize)]
struct GoldenSplit {
    rule: String,
    seed: u64,
    train: Vec<String>,
    test: Vec<String>,
    test_cells: Vec<usize>,
}

#[test]
fn splits_match_those_of_another_implementation() {
    let golden: Golden = pert_testkit::golden(env!("CARGO_MANIFEST_DIR"), "splits");
    assert_eq!(shuffled_indices(70, &mut seeded_rng(3, "split")), golden.shuffled_70);
    let mut n_cases = 0;
    for GoldenScreen { kind, labels, groups, cases } in golden.screens {
        let screen = screen(&labels, &[0], kind);
        for case in cases {
            let config = SplitConfig::new(case.rule.parse().unwrap(), case.seed);
            let split =
                config.split_with_groups(&screen, &|drug| groups.get(drug).cloned()).unwrap();
            assert_eq!((split.train, split.test), (case.train, case.test), "{}", case.rule);
            let cells: Vec<usize> = split.test_cells.iter().map(|c| c.parse().unwrap()).collect();
            assert_eq!(cells, case.test_cells, "{}", case.rule);
            n_cases += 1;
        }
    }
    assert_eq!(n_cases, 18);
}
