use burn::tensor::Device;
use pert_core::{CsrCounts, seeded_rng};
use pert_decoder::*;
use rand_distr::{Distribution, Gamma, Poisson};
#[test]
fn time() {
    let (n, g) = (1000, 500);
    let rng = &mut seeded_rng(0, "d");
    let mut dense = vec![];
    for _ in 0..n {
        for j in 0..g {
            let mu = 0.02 + 0.3 * (j % 10) as f64 / 10.0;
            let r: f64 = Gamma::new(0.8, mu / 0.8).unwrap().sample(rng);
            dense.push(if r > 0.0 { Poisson::new(r).unwrap().sample(rng) as f32 } else { 0.0 });
        }
    }
    let counts = CsrCounts::from_dense(g, &dense).unwrap();
    let cells: Vec<usize> = (0..n).collect();
    let groups = vec![0; n];
    let gv = vec![0.1f32; n * 10];
    for (name, likelihood, d_cell, nl) in [
        ("zinb enc", Likelihood::Zinb, 0, 10),
        ("zinb dec", Likelihood::Zinb, 10, 5),
        ("nb dec", Likelihood::Nb, 10, 5),
    ] {
        let inputs = VaeInputs {
            cell: (d_cell > 0).then_some(&gv[..]),
            covariate: None,
            library_group: &groups,
            n_groups: 1,
        };
        let config = VaeConfig { d_cell, likelihood, ..VaeConfig::new(g, nl) };
        let train = TrainConfig::default();
        let rng = &mut seeded_rng(0, "t");
        let mut t =
            Trainer::new(&counts, &cells, &inputs, &config, &train, rng, &Device::default())
                .unwrap();
        for _ in 0..10 {
            t.step().unwrap();
        }
        let mut times = vec![];
        for _ in 0..100 {
            let s = std::time::Instant::now();
            t.step().unwrap();
            times.push(s.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!("{name}: min {:.2} median {:.2} ms", times[0], times[50]);
        let vae = t.finish().unwrap();
        let s = std::time::Instant::now();
        vae.generate(inputs.conditions(), &vec![4.0; n], None, &mut seeded_rng(1, "g")).unwrap();
        println!("generate {n} cells: {:.1} ms", s.elapsed().as_secs_f64() * 1e3);
    }
}
