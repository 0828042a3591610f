use pert_report::*;
use rand::Rng;
use std::path::Path;
fn main() {
    let out = Path::new("/tmp/look");
    std::fs::create_dir_all(out).unwrap();
    let mut rng = pert_core::seeded_rng(1, "t");
    let n = 3000;
    let d = 20;
    let mut u = || (0..4).map(|_| rng.next_u32() as f32 / u32::MAX as f32).sum::<f32>() - 2.0;
    let c: Vec<f32> = (0..12 * d).map(|_| u() * 1.2).collect();
    let x: Vec<f32> = (0..n * d).map(|i| c[(i / d % 12) * d + i % d] + u()).collect();
    let g: Vec<f32> = (0..n * d).map(|i| c[(i / d % 12) * d + i % d] * 0.9 + 0.9 * u()).collect();
    let um = Umap::fit(&x, d, &UmapConfig::new(1)).unwrap();
    let gy = um.transform(&g).unwrap();
    let labels = [
        "CEBPE+RUNX1T1",
        "KLF1",
        "TGFBR2+C19orf26",
        "AHR",
        "ETS2+MAPK1",
        "a very long perturbation label indeed",
    ];
    for k in [0, 1, 2, 3, 4, 6] {
        let hs: Vec<_> = (0..k)
            .map(|j| Highlight {
                label: labels[j].into(),
                real: (0..n).filter(|i| i % 12 == j).collect(),
                generated: (0..n).filter(|i| i % 12 == j).collect(),
            })
            .collect();
        scatter_real_generated(&CellScatter {
            title: "Held-out perturbations, Norman 2019",
            axes: Axes::Umap,
            real: um.embedding(),
            generated: &gy,
            highlights: &hs,
        })
        .unwrap()
        .write(out, &format!("umap{k}"))
        .unwrap();
    }
    let mut rows = vec![];
    for i in 0..33 {
        for (m, v) in [
            ("model", 0.36),
            ("no change", 0.47),
            ("training mean", 0.469),
            ("matching mean", 0.42),
            ("additive", 0.45),
            ("kernel ridge", 0.40),
            ("ceiling", 0.0),
        ] {
            let mut r = MetricRow::new(format!("P{i}+Q{i}"), m, 20 + i);
            r.e_distance = (v + 0.06 * u() as f64).max(-0.02);
            r.r2 = 0.9 - 0.2 * r.e_distance;
            r.pearson_delta = 0.8 - r.e_distance;
            r.r2_pearson = r.r2 + 0.01;
            r.fid_latent = 1.2 + r.e_distance * 3.0;
            r.fid_latent_floor = 1.1;
            r.fid_latent_ratio = r.fid_latent / 1.1;
            rows.push(r);
        }
    }
    for m in ["e_distance", "r2", "fid_latent"] {
        metric_boxes(&MetricBoxes::from_rows(&rows, &Roles::default(), Metric::named(m).unwrap()))
            .unwrap()
            .write(out, m)
            .unwrap();
    }
    let ng = 5000;
    let genes: Vec<String> = (0..ng).map(|i| format!("GENE{i}")).collect();
    let real: Vec<f64> = (0..ng).map(|_| (u() as f64).powi(5) * 0.5).collect();
    let pred: Vec<f64> = real.iter().map(|r| 0.6 * r + 0.05 * u() as f64).collect();
    delta_scatter(&DeltaScatter {
        label: "CEBPE+RUNX1T1",
        genes: &genes,
        real: &real,
        predicted: &pred,
        pearson_delta: 0.612,
        n_named: 8,
    })
    .unwrap()
    .write(out, "delta")
    .unwrap();
    for w in [None, Some(100), Some(80)] {
        println!(
            "{}",
            terminal_table(
                &rows,
                &Roles::default(),
                &TerminalStyle { width: w, color: true, max_rows: 4 }
            )
        );
    }
    println!("{}", markdown_table(&rows, &Roles::default(), 2));
}
