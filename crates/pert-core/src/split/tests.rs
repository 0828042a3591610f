//! The rules on a small screen of genes, and splits made by hand.

use std::collections::HashSet;

use super::*;
use crate::{
    Covariate, CovariateRole, CsrCounts, Error, LabelFormat, LabelKind, Perturbation, Population,
};

fn screen() -> Population {
    let labels = ["control", "A", "B", "C", "A+B", "B+C", "A+D", "D+E"];
    let per_label = 10;
    let n = labels.len() * per_label;
    let perturbations: Vec<Perturbation> = (0..n)
        .map(|i| Perturbation::parse(labels[i % labels.len()], &LabelFormat::default()).unwrap())
        .collect();
    let types: Vec<String> = (0..n).map(|i| format!("t{}", (i / labels.len()) % 2)).collect();
    Population::new(
        CsrCounts::from_dense(1, &vec![1.0; n]).unwrap(),
        vec!["g".into()],
        (0..n).map(|i| i.to_string()).collect(),
        &perturbations,
        vec![Covariate::categorical("type", CovariateRole::CellType, &types)],
    )
    .unwrap()
}

fn split(rule: &str) -> Split {
    SplitConfig::new(rule.parse().unwrap(), 3).split(&screen()).unwrap()
}

#[test]
fn no_cell_is_both_learned_from_and_judged_on() {
    let (screen, format) = (screen(), LabelFormat::default());
    for rule in [
        "cells",
        "seen-0:0.5",
        "seen-1:0.5",
        "seen-2",
        "unseen-single",
        "sorted-3:1",
        "labels:A,B+C",
        "covariate-transfer",
    ] {
        let Ok(split) = SplitConfig::new(rule.parse().unwrap(), 3).split(&screen) else {
            panic!("{rule} holds nothing out")
        };
        let train: HashSet<usize> = split.train_cells(&screen, &format).into_iter().collect();
        let test = split.test_cells(&screen, &format);
        assert!(!test.is_empty() && !train.is_empty(), "{rule}");
        assert!(test.iter().all(|i| !train.contains(i)), "{rule}");
        let reference = split.reference_cells(&screen);
        let shared = reference.iter().filter(|&i| train.contains(i)).count();
        assert_eq!(shared, if rule == "cells" { reference.len() } else { 0 }, "{rule}");
        let json = serde_json::to_string(&split).unwrap();
        assert_eq!(serde_json::from_str::<Split>(&json).unwrap(), split);
    }
}

#[test]
fn every_fifth_cell_of_each_label() {
    let (screen, split) = (screen(), split("cells"));
    let test = split.test_cells(&screen, &LabelFormat::default());
    let a = Perturbation::parse("A", &LabelFormat::default()).unwrap();
    let cells = screen.cells_of(&a);
    let expected = [cells[4], cells[9]];
    let of_a: Vec<usize> = test.into_iter().filter(|&i| screen.perturbation_of(i) == &a).collect();
    assert_eq!(of_a, expected);
}

#[test]
fn sorted_labels_are_taken_by_index() {
    // bytewise: A, A+B, A+D, B, B+C, C, D+E
    assert_eq!(split("sorted-3:1").test, ["A+B", "B+C"]);
    assert_eq!(split("sorted-5").test, ["A", "C"]);
}

#[test]
fn seen_k_counts_the_genes_seen_alone() {
    let format = LabelFormat::default();
    for k in 0..=2u8 {
        let split = split(&format!("seen-{k}:0.5"));
        let alone: HashSet<&str> = split.train.iter().map(String::as_str).collect();
        for label in &split.test {
            let p = Perturbation::parse(label, &format).unwrap();
            let seen = p.targets().iter().filter(|g| alone.contains(g.as_str())).count();
            assert_eq!(seen, usize::from(k), "{label} under seen-{k}");
        }
    }
}

#[test]
fn labels_alone_make_a_split() {
    let screen = screen();
    let split = Split {
        format: 1,
        rule: "by hand".into(),
        seed: 0,
        train: vec!["A".into(), "B".into()],
        test: vec!["B+A".into()],
        test_cells: vec![],
    };
    assert_eq!(split.test_cells(&screen, &LabelFormat::default()).len(), 10);
    assert_eq!(split.train_cells(&screen, &LabelFormat::default()).len(), 30);
    assert_eq!(split.reference_cells(&screen).len(), 10);
}

#[test]
fn a_rule_that_holds_everything_or_nothing_is_an_error() {
    let one = screen();
    let all = SplitConfig::new("labels:A,B,C,A+B,B+C,A+D,D+E".parse().unwrap(), 0).split(&one);
    assert!(matches!(all, Err(Error::EmptySplit { .. })));
    let unknown = SplitConfig::new("labels:A+Z".parse().unwrap(), 0).split(&one).unwrap_err();
    assert!(unknown.to_string().contains("A+B"), "{unknown}");
}

fn screen_of(labels: &[&str], kind: LabelKind) -> Population {
    let format = LabelFormat { kind, ..LabelFormat::default() };
    let n = labels.len() * 2;
    let of_cell: Vec<Perturbation> =
        (0..n).map(|i| Perturbation::parse(labels[i / 2], &format).unwrap()).collect();
    let counts = CsrCounts::from_dense(1, &vec![1.0; n]).unwrap();
    let cells = (0..n).map(|i| i.to_string()).collect();
    Population::new(counts, vec!["g".into()], cells, &of_cell, vec![]).unwrap()
}

#[test]
fn a_held_out_position_takes_every_variant_that_changes_it() {
    let labels = [
        "control",
        "K_G12D",
        "K_G12V",
        "K_G12=",
        "K_G13D",
        "K_G12D_G13D",
        "K_G12V+T_R12H",
        "T_R12H",
        "T_R12*",
        "K_Q61=_G12D",
    ];
    let screen = screen_of(&labels, LabelKind::Variants);
    let mut seen = HashSet::new();
    for seed in 0..40 {
        let config = SplitConfig::new("position:0.34".parse().unwrap(), seed);
        let split = config.split(&screen).unwrap();
        // One of the positions K 12, K 13 and T 12. The gene counts, a synonymous change does not.
        let (test, unused): (&[&str], &[&str]) = match split.test[0].as_str() {
            "K_G12D" => (&["K_G12D", "K_G12V", "K_Q61=_G12D"], &["K_G12D_G13D", "K_G12V+T_R12H"]),
            "K_G13D" => (&["K_G13D"], &["K_G12D_G13D"]),
            "T_R12*" => (&["T_R12*", "T_R12H"], &["K_G12V+T_R12H"]),
            other => panic!("{other}"),
        };
        assert_eq!(split.test, test);
        let mut train: Vec<&str> =
            labels.iter().copied().filter(|l| !test.contains(l) && !unused.contains(l)).collect();
        train.sort_unstable();
        assert_eq!(split.train, train);
        seen.insert(split.test[0].clone());
    }
    assert_eq!(seen.len(), 3);
    // With both of its positions held out, a double variant is tested.
    let two = |seed| SplitConfig::new("position:0.67".parse().unwrap(), seed).split(&screen);
    let tested: HashSet<String> = (0..40).flat_map(|seed| two(seed).unwrap().test).collect();
    assert!(tested.contains("K_G12D_G13D") && tested.contains("K_G12V+T_R12H"));
}

#[test]
fn all_doses_of_a_group_are_held_out_together() {
    let labels = ["control", "a_1uM", "a_2uM", "b", "c_1uM", "a+b", "a_5uM+c_1uM", "d+e"];
    let screen = screen_of(&labels, LabelKind::Drugs);
    let group = |drug: &str| match drug {
        "a" | "b" | "e" => Some("x".to_owned()),
        _ => Some("z".to_owned()),
    };
    let asked = std::cell::RefCell::new(Vec::new());
    let config = SplitConfig::new("scaffold:0.5".parse().unwrap(), 0);
    let split = config
        .split_with_groups(&screen, &|drug| {
            asked.borrow_mut().push(drug.to_owned());
            group(drug)
        })
        .unwrap();
    assert_eq!(asked.into_inner(), ["a", "b", "c", "d", "e"]);
    let test: &[&str] =
        if split.test[0] == "c_1uM" { &["c_1uM"] } else { &["a+b", "a_1uM", "a_2uM", "b"] };
    assert_eq!(split.test, test);
    assert!(!split.train.iter().any(|l| l == "d+e" || l == "a_5uM+c_1uM"));

    let error = config.split_with_groups(&screen, &|d| group(d).filter(|_| d != "c")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("of 5, 1 have none: c;") && text.contains("--smiles"), "{text}");
    assert!(matches!(config.split(&screen), Err(Error::NoGroup { drugs, .. }) if drugs.len() == 5));
}

#[test]
fn a_rule_for_another_kind_of_screen_says_so() {
    let error = SplitConfig::new("position".parse().unwrap(), 0).split(&screen()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("is for variants") && text.contains("\"A\""), "{text}");
    let doubles = screen_of(&["control", "K_G12D_G13D", "K_G1D_G2D"], LabelKind::Variants);
    let none = SplitConfig::new("position".parse().unwrap(), 0).split(&doubles);
    assert!(matches!(none, Err(Error::EmptySplit { .. })));
}

#[test]
fn a_label_named_twice_is_held_out_once() {
    assert_eq!(split("labels:A,B+C,A").test, ["A", "B+C"]);
}

#[test]
fn every_field_of_a_file_is_checked() {
    let (screen, format) = (screen(), LabelFormat::default());
    let good = split("seen-2");
    assert_eq!(good.check_against(&screen, &format), Ok(()));
    let refused = |change: &dyn Fn(&mut Split)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad.check_against(&screen, &format).unwrap_err()
    };
    assert!(matches!(refused(&|s| s.format = 2), Error::SplitFormat { found: 2, .. }));
    for (list, change) in [
        ("train", &(|s: &mut Split| s.train.push("A".into())) as &dyn Fn(&mut Split)),
        ("test", &|s| s.test.push(s.test[0].clone())),
        ("test_cells", &|s| s.test_cells.push(s.test_cells[0].clone())),
        ("train", &|s| s.train.push("E+D".into())),
        ("train", &|s| s.train.push("control+control".into())),
    ] {
        let error = refused(change);
        assert!(
            matches!(&error, Error::SplitDuplicate { list: l, .. } if *l == list),
            "{list}: {error}"
        );
    }
    assert!(matches!(refused(&|s| s.train.push(s.test[0].clone())), Error::SplitOverlap { .. }));
    let both = refused(&|s| {
        s.rule = "by hand".into();
        s.train.push(s.test[0].clone());
        s.test_cells.clear();
    });
    assert!(both.to_string().contains("name the cells held out in test_cells"), "{both}");
    let uncontrolled = refused(&|s| s.train.retain(|label| label != "control"));
    assert!(matches!(uncontrolled, Error::SplitWithoutControl { .. }));
    for list in [0, 1] {
        let unknown = refused(&|s| [&mut s.train, &mut s.test][list].push("A+Z".into()));
        assert!(matches!(&unknown, Error::UnknownPerturbation { label, .. } if label == "A+Z"));
    }
    let cells = refused(&|s| s.test_cells.push("nobody".into()));
    assert!(matches!(&cells, Error::UnknownCells { cells, .. } if cells == &["nobody"]), "{cells}");
    let empty = refused(&|s| s.test.push("A++B".into()));
    assert!(matches!(empty, Error::EmptyLabelPart { .. }));
    for json in [
        r#"{"format":1,"rule":"r","seed":0,"train":[],"test":[],"tests":[]}"#,
        r#"{"format":1,"rule":"r","seed":-1,"train":[],"test":[]}"#,
        r#"{"format":1,"seed":0,"train":[],"test":[]}"#,
        r#"{"format":1,"rule":"r","seed":0,"train":["A",1],"test":[]}"#,
    ] {
        assert!(serde_json::from_str::<Split>(json).is_err(), "{json}");
    }
}
