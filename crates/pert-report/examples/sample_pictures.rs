//! Pictures and tables of made-up evaluations, to look at after a change: `sample_pictures FOLDER`.

use std::error::Error;
use std::path::Path;

use pert_metrics::{MetricRow, Roles};
use pert_report::{
    Axes, CellScatter, DeltaScatter, Highlight, TerminalStyle, delta_scatter, metric_boxes,
    scatter_real_generated, terminal_table,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: sample_pictures FOLDER")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let roles = Roles {
        model: "model".into(),
        references: vec!["training_cells".into(), "ceiling".into()],
    };
    let one_method =
        Roles { model: "my-very-long-model-name (fitted twice)".into(), ..roles.clone() };
    for (name, rows, roles) in [
        ("few", rows(3, &roles, Kind::Usual), &roles),
        ("usual", rows(30, &roles, Kind::Usual), &roles),
        ("many", rows(150, &roles, Kind::Usual), &roles),
        ("more", rows(400, &roles, Kind::Usual), &roles),
        ("extreme", rows(30, &roles, Kind::Extreme), &roles),
        ("missing", rows(30, &roles, Kind::Missing), &roles),
        ("single", rows(1, &roles, Kind::Usual), &roles),
        ("one-method", rows(12, &one_method, Kind::OneMethod), &one_method),
    ] {
        metric_boxes(&rows, roles)?.write(folder, &format!("metrics-{name}"))?;
        let text = terminal_table(&rows, roles, &TerminalStyle::default());
        std::fs::write(folder.join(format!("table-{name}.txt")), text)?;
    }
    let rows = rows(30, &roles, Kind::Extreme);
    for width in [40, 60, 80, 200] {
        let style = TerminalStyle { width: Some(width), color: width == 80, max_rows: 6 };
        let text = terminal_table(&rows, &roles, &style);
        std::fs::write(folder.join(format!("table-{width}.txt")), text)?;
    }
    changes(folder)?;
    cells(folder)
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Usual,
    Extreme,
    Missing,
    OneMethod,
}

/// Pseudo-random numbers in (−1, 1), bell-shaped.
fn noise(seed: usize) -> f64 {
    (1..=6).map(|i| ((seed * 7 + i * 131) as f64 * 12.9898).sin() * 43758.5453 % 1.0).sum::<f64>()
        / 3.0
}

fn label(i: usize) -> String {
    match i % 4 {
        0 => format!("GENE{i:04}"),
        1 => format!("CEBPA+KLF{i} $x$ <&>"),
        2 => format!("very-long-drug-name-{i} (10 µM)"),
        _ => format!("N-[4-(methylsulfonyl)phenyl]-acetamide-{i} (0.3 µM, 48 h)"),
    }
}

fn rows(n: usize, roles: &Roles, kind: Kind) -> Vec<MetricRow> {
    let mut methods = vec![
        (roles.model.as_str(), 0.97, 0.8, 1.4, 0.05),
        ("no_change", 0.85, f64::NAN, 9.0, 0.8),
        ("training_mean", 0.9, 0.45, 6.0, 0.5),
        ("matching_mean", 0.92, 0.5, 4.0, 0.4),
        ("additive", 0.95, 0.7, 2.5, 0.2),
        ("random_training_cells", 0.88, 0.4, 7.0, 0.7),
        ("kernel_ridge", 0.965, 0.78, 1.9, 0.1),
        ("training_cells", 0.985, 0.88, 1.1, 0.01),
        ("ceiling", 0.99, 0.9, 1.0, 0.0),
    ];
    match kind {
        Kind::OneMethod => methods.truncate(1),
        Kind::Usual => drop(methods.remove(7)),
        _ => {}
    }
    let mut rows = Vec::new();
    for i in 0..n {
        for (m, &(method, r2, delta, ratio, e)) in methods.iter().enumerate() {
            let z = |k: usize| noise(i * 37 + m * 11 + k * 1009);
            let mut row = MetricRow::new(label(i), method, 50 + i * 7);
            row.r2 = r2 + 0.5 * (1.0 - r2) * z(1);
            row.r2_pearson = row.r2 + 0.002;
            row.pearson_delta = delta + 0.1 * z(2);
            row.fid_latent_ratio =
                if method == "ceiling" { 1.0 } else { ratio * (0.3 * z(3)).exp() };
            row.fid_latent_floor = 0.12;
            row.fid_latent = row.fid_latent_ratio * 0.12;
            row.e_distance = e * (1.0 + 0.3 * z(4)) + 0.01 * z(5);
            if kind == Kind::Extreme && (m == 1 || (m == 2 && i % 5 == 0)) {
                row.r2 = -35.0 - 100.0 * z(1).abs();
                row.fid_latent_ratio *= 4e6;
                row.fid_latent *= 4e6;
                row.e_distance *= 900.0;
            }
            if kind == Kind::Missing && (m % 3 == 0 || i % 2 == 0) {
                (row.fid_latent_ratio, row.pearson_delta) = (f64::INFINITY, f64::NAN);
            }
            rows.push(row);
        }
    }
    rows
}

fn changes(folder: &Path) -> Result<(), Box<dyn Error>> {
    let n = 5_000;
    let genes: Vec<String> = (0..n)
        .map(|g| {
            if g % 11 == 0 {
                format!("HLA-DRB{g}-antisense-transcript")
            } else {
                format!("GENE{g}")
            }
        })
        .collect();
    let usual: Vec<f64> = (0..n).map(|g| 0.6 * noise(g).powi(3)).collect();
    let good: Vec<f64> =
        usual.iter().enumerate().map(|(g, d)| 0.8 * d + 0.02 * noise(g + 9_999)).collect();
    let bad: Vec<f64> = (0..n).map(|g| 0.1 * noise(g + 77_777).powi(3)).collect();
    // All large genes at one place: names have little room.
    let heaped: Vec<f64> =
        (0..n).map(|g| if g < 14 { 3.0 + 0.02 * noise(g) } else { 0.05 * noise(g) }).collect();
    let mut holes = usual.clone();
    holes.iter_mut().step_by(3).for_each(|d| *d = f64::NAN);
    let panel = |heading, label, real, predicted, pearson_delta| DeltaScatter {
        heading,
        label,
        n_cells: 1_234,
        genes: &genes,
        real,
        predicted,
        pearson_delta,
        n_named: 8,
    };
    let long = "N-[4-(methylsulfonyl)phenyl]-acetamide (0.3 µM, 48 h) + something";
    for (name, panels) in [
        (
            "usual",
            vec![
                panel("Best of 30", "CEBPA+KLF1 $x$ <&>", &usual, &good, 0.93),
                panel("Worst of 30", "very-long-drug-name (10 µM)", &usual, &bad, -0.07),
            ],
        ),
        ("one", vec![panel("Only one", "KLF1", &usual, &good, 0.93)]),
        (
            "extreme",
            vec![
                panel("Best of 3", long, &heaped, &heaped, 1.0),
                panel("Worst of 3", "KLF1", &holes, &bad, f64::NAN),
            ],
        ),
    ] {
        delta_scatter(&panels)?.write(folder, &format!("delta-{name}"))?;
    }
    Ok(())
}

fn cells(folder: &Path) -> Result<(), Box<dyn Error>> {
    for (name, n, n_labels) in
        [("usual", 1_800, 30), ("few", 90, 3), ("one", 60, 1), ("two", 300, 2), ("four", 300, 4)]
    {
        let cloud = |shift: usize| -> Vec<f32> {
            (0..n)
                .flat_map(|i| {
                    let group = (i % n_labels) as f64;
                    let (x, y) = (noise(i * 2 + shift), noise(i * 2 + 1 + shift));
                    [(3.0 * (group * 1.3).cos() + x) as f32, (3.0 * (group * 1.3).sin() + y) as f32]
                })
                .collect()
        };
        let highlights: Vec<Highlight> = (0..n_labels.min(6))
            .map(|group| {
                let rows: Vec<usize> = (group..n).step_by(n_labels).collect();
                Highlight { label: label(group), real: rows.clone(), generated: rows }
            })
            .collect();
        let (real, generated) = (cloud(1), cloud(100_001));
        scatter_real_generated(&CellScatter {
            title: "Held-out perturbations: real and generated cells",
            axes: Axes::Umap,
            real: &real,
            generated: &generated,
            highlights: &highlights,
        })?
        .write(folder, &format!("umap-{name}"))?;
    }
    Ok(())
}
