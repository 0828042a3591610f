//! The real screens beside the repository: shapes and counts as their list of sources states them.

use std::collections::HashSet;

use pert_core::GuideSuffix;
use pert_data::{Dataset, Error, GeneSelection, ReadOptions, inspect, select_genes};

/// File, cells, genes, non-zeros, labels, whether it has a control beside something else.
const FILES: [(&str, usize, usize, usize, usize, bool); 7] = [
    ("norman19_k562_crispra_dev.h5ad", 3375, 500, 50_462, 34, true),
    ("mcfaline23_glioma_crispri_dev.h5ad", 2586, 500, 161_328, 10, true),
    ("papalexi21_thp1_crispr_ko.h5ad", 20_729, 299, 1_390_126, 26, true),
    ("kang18_pbmc_ifnb_scgen.h5ad", 1975, 6998, 643_449, 2, true),
    ("kang18_pbmc_ifnb_harmony.h5ad", 2000, 9015, 1_129_806, 2, true),
    ("gasperini19_k562_highmoi_unlabelled.h5ad", 40_002, 366, 4_556_731, 1, false),
    ("kang18_pbmc_control_8684.h5ad", 8684, 2511, 3_683_938, 1, true),
];

#[test]
fn every_file_is_described() {
    for (name, n_cells, n_genes, n_nonzero, n_labels, has_control) in FILES {
        let Some(path) = pert_testkit::shared_data(name) else { continue };
        let found = inspect(&path, &ReadOptions::default()).unwrap();
        assert_eq!((found.n_cells, found.n_genes), (n_cells, n_genes), "{name}");
        assert!(found.counts, "{name}");
        assert_eq!(found.count_layer.as_deref(), Some("X"), "{name}");
        assert_eq!(found.perturbation_key.as_deref(), Some("perturbation"), "{name}");
        assert_eq!(found.separator, '+', "{name}");
        assert_eq!(found.perturbations.len(), n_labels, "{name}");
        assert_eq!(found.perturbations.values().sum::<usize>(), n_cells, "{name}");
        let sparsity = 1.0 - n_nonzero as f64 / (n_cells as f64 * n_genes as f64);
        // The same quotient, computed in f64 on both sides.
        assert!((found.sparsity.unwrap() - sparsity).abs() < 1e-12, "{name}");
        assert_eq!(found.control.is_some(), has_control, "{name}");
        let json = serde_json::to_value(&found).unwrap();
        assert_eq!(json["n_cells"], n_cells, "{name}");
    }
}

#[test]
fn every_file_with_a_control_is_read() {
    for (name, n_cells, n_genes, n_nonzero, n_labels, has_control) in FILES {
        let Some(path) = pert_testkit::shared_data(name) else { continue };
        if !has_control {
            let error = Dataset::read_h5ad(path).unwrap_err();
            assert!(matches!(error, Error::NoControl { .. }), "{name}: {error}");
            assert!(error.to_string().contains("\"unknown\" (40002 cells)"), "{error}");
            continue;
        }
        let dataset = Dataset::read_h5ad(path).unwrap();
        let population = dataset.population();
        assert_eq!(population.n_genes(), n_genes, "{name}");
        assert_eq!(population.counts().n_nonzero(), n_nonzero, "{name}");
        assert_eq!(population.perturbations().len(), n_labels, "{name}");
        let dropped: usize = dataset
            .notes()
            .iter()
            .filter(|note| note.contains("without any count"))
            .map(|note| note.split(' ').next().unwrap().parse::<usize>().unwrap())
            .sum();
        assert_eq!(population.n_cells() + dropped, n_cells, "{name}");
    }
}

#[test]
fn the_advised_filter_keeps_16192_cells_of_papalexi() {
    let Some(path) = pert_testkit::shared_data("papalexi21_thp1_crispr_ko.h5ad") else { return };
    let options = ReadOptions {
        filters: vec!["guide_umi_fraction>=0.8".parse().unwrap()],
        batch_key: Some("bio_rep".into()),
        ..ReadOptions::default()
    };
    let dataset = Dataset::read_h5ad_with(path, &options).unwrap();
    let note = "filter guide_umi_fraction>=0.8 keeps 16192 of 20729 cells".to_owned();
    assert!(dataset.notes().contains(&note));
    assert_eq!(dataset.population().covariates()[0].name, "bio_rep");
    let found = inspect(dataset.path().unwrap(), &options).unwrap();
    assert_eq!(found.perturbations.values().sum::<usize>(), 16_192);
    assert!(found.suggested_command.contains("--filter 'guide_umi_fraction>=0.8'"));
}

#[test]
fn norman_pairs_are_sets_of_genes_and_its_genes_are_kept() {
    let Some(path) = pert_testkit::shared_data("norman19_k562_crispra_dev.h5ad") else { return };
    let dataset = Dataset::read_h5ad(path).unwrap();
    let population = dataset.population();
    let of_size = |n| population.perturbations().iter().filter(|p| p.targets().len() == n).count();
    assert_eq!((of_size(0), of_size(1), of_size(2)), (1, 18, 15));
    let all: Vec<usize> = (0..population.n_cells()).collect();
    let chosen = select_genes(population, &all, &GeneSelection { n_top: 100 });
    assert!((100..=500).contains(&chosen.len()));
}

/// What the list of sources says of each file: control label, single targets, pairs, covariates that the command names, and
/// what is held out: every file has fewer than 8 pairs whose genes were both seen alone.
#[test]
fn guesses_agree_with_the_list_of_sources() {
    for (name, control, singles, pairs, covariates, hold_out) in [
        ("norman19_k562_crispra_dev", "control", 18, 15, "", " --hold-out cells"),
        (
            "mcfaline23_glioma_crispri_dev",
            "control",
            9,
            0,
            " --cell-type-key cell_type",
            " --hold-out cells",
        ),
        (
            "papalexi21_thp1_crispr_ko",
            "control",
            25,
            0,
            " --batch-key bio_rep",
            " --hold-out cells",
        ),
        (
            "kang18_pbmc_ifnb_scgen",
            "control",
            1,
            0,
            " --cell-type-key cell_type",
            " --hold-out cells",
        ),
        ("kang18_pbmc_ifnb_harmony", "control", 1, 0, "", " --hold-out cells"),
        ("gasperini19_k562_highmoi_unlabelled", "unknown", 0, 0, "", ""),
        (
            "kang18_pbmc_control_8684",
            "control",
            0,
            0,
            " --cell-type-key cell_type --batch-key donor",
            "",
        ),
    ] {
        let Some(path) = pert_testkit::shared_data(&format!("{name}.h5ad")) else { continue };
        let found = inspect(&path, &ReadOptions::default()).unwrap();
        let sizes = &found.perturbation_summary;
        assert_eq!((sizes.n_singles, sizes.n_pairs), (singles, pairs), "{name}");
        let command = format!(
            "pert fit {} -o model --perturbation-key perturbation --control {control}{covariates}{hold_out}",
            path.display()
        );
        assert_eq!(found.suggested_command, command, "{name}");
        assert_eq!(found.suggested_evaluate.is_some(), !hold_out.is_empty(), "{name}");
        let text = found.to_string();
        assert!(text.lines().count() <= 30, "{name}: {text}");
        let too_long = |line: &&str| line.chars().count() > 100 && !line.contains(".h5ad");
        assert_eq!(text.lines().find(too_long), None, "{name}");

        // What is read when nothing is said is what was shown.
        let options = ReadOptions { control: Some(control.into()), ..ReadOptions::default() };
        let read = Dataset::read_h5ad_with(&path, &options).unwrap();
        assert_eq!(read.perturbation_key(), "perturbation", "{name}");
        let read_covariates: HashSet<&str> =
            read.population().covariates().iter().map(|c| c.name.as_str()).collect();
        let shown: HashSet<&str> =
            found.covariates.iter().filter(|c| c.used).map(|c| c.name.as_str()).collect();
        assert_eq!(read_covariates, shown, "{name}");
    }
}

#[test]
fn guides_of_papalexi_are_genes_when_they_are_asked_for() {
    let Some(path) = pert_testkit::shared_data("papalexi21_thp1_crispr_ko.h5ad") else { return };
    let options = ReadOptions { perturbation_key: Some("guide".into()), ..ReadOptions::default() };
    let found = inspect(&path, &options).unwrap();
    assert_eq!((found.control.as_deref(), found.guide_suffix), (Some("NT"), GuideSuffix::Strip));
    assert_eq!(found.perturbation_summary.n_perturbations, 25);
    // The perturbation column was derived from the guides: one agrees with the other.
    let guides = Dataset::read_h5ad_with(&path, &options).unwrap();
    let genes = Dataset::read_h5ad(&path).unwrap();
    for cell in 0..genes.population().n_cells() {
        let of = |dataset: &Dataset| dataset.population().perturbation_of(cell).targets().to_vec();
        assert_eq!(of(&guides), of(&genes), "cell {cell}");
    }
}
