use pert_report::*;
use rand::Rng;
fn main() {
    let mut rng = pert_core::seeded_rng(1, "t");
    let n = 20000;
    let d = 50;
    let mut u = || (0..4).map(|_| rng.next_u32() as f32 / u32::MAX as f32).sum::<f32>() - 2.0;
    let c: Vec<f32> = (0..20 * d).map(|_| u() * 2.0).collect();
    let x: Vec<f32> = (0..n * d).map(|i| c[(i / d % 20) * d + i % d] + u()).collect();
    for e in [Some(1), None] {
        let t = std::time::Instant::now();
        let cfg = UmapConfig { n_epochs: e, ..UmapConfig::new(1) };
        let um = Umap::fit(&x, d, &cfg).unwrap();
        println!("{e:?} {:?} {:?}", t.elapsed(), &um.embedding()[..4]);
        if e.is_none() {
            let t = std::time::Instant::now();
            um.transform(&x[..d * 2000]).unwrap();
            println!("transform 2000 {:?}", t.elapsed());
        }
    }
}
