//! With the exact denoiser of a Gaussian or of a mixture of two, every sampler must give that distribution back, at its
//! order in the number of steps.

use burn::tensor::{Device, Tensor};
use pert_diffusion::{
    Ddim, Ddpm, DpmSolver, Error, Inversion, NoiseLevel, Parameterization, ReverseProcess, Sampler,
    Schedule, ScheduleConfig, Spacing, TerminalSnr, Timesteps,
};
use pert_nn::standard_normal;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

const MEAN: f64 = 0.8;
const VARIANCE: f64 = 0.25;
const N: usize = 20_000;

/// E[x_0 | x_t] of x_0 ~ N(MEAN, VARIANCE), as an output of the kind asked for.
fn exact(schedule: &Schedule, p: Parameterization, x: Tensor<2>, t: usize) -> Tensor<2> {
    let a = schedule.alpha_bar(t);
    let marginal = a * VARIANCE + 1.0 - a;
    let gain = a.sqrt() * VARIANCE / marginal;
    let x0 = x.clone().add_scalar(-a.sqrt() * MEAN).mul_scalar(gain).add_scalar(MEAN);
    let noise = x.clone().add_scalar(-a.sqrt() * MEAN).mul_scalar((1.0 - a).sqrt() / marginal);
    let level = NoiseLevel::new(schedule, &[t], &x.device());
    p.target(x0, noise, &level)
}

fn assert_gaussian(what: &str, x: Tensor<2>, expected: (f64, f64)) {
    let values: Vec<f64> = x.into_data().iter::<f64>().collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
    // Standard errors at 20,000 rows: 0.0035 of the mean, 1% of the variance. Four of each, and 2% of the variance
    // for the finite number of steps.
    assert!((mean - expected.0).abs() < 0.015, "{what}: mean {mean}, expected {expected:?}");
    let ratio = variance / expected.1;
    assert!((ratio - 1.0).abs() < 0.06, "{what}: variance {variance}, expected {expected:?}");
}

/// Where the deterministic flow carries N(0, 1) from step t: it maps quantiles of x_t to quantiles of x_0, and x_t
/// itself is N(√ᾱ MEAN, ᾱ VARIANCE + 1 − ᾱ), so that an early start keeps a bias of order √ᾱ.
fn flow_from(schedule: &Schedule, t: usize) -> (f64, f64) {
    let a = schedule.alpha_bar(t);
    let marginal = a * VARIANCE + 1.0 - a;
    (MEAN - (VARIANCE / marginal).sqrt() * a.sqrt() * MEAN, VARIANCE / marginal)
}

#[test]
fn samplers_give_back_the_gaussian() {
    let device = Device::default();
    let schedule = Schedule::new(&ScheduleConfig::default()).expect("valid");
    let at = |steps, start, spacing| Timesteps { steps, start, spacing };
    let ddim = |timesteps, eta| -> Box<dyn Sampler> { Box::new(Ddim { timesteps, eta }) };
    let samplers: Vec<(f64, Box<dyn Sampler>)> = vec![
        (1.0, ddim(at(200, 1.0, Spacing::Linspace), 0.0)),
        (0.97, ddim(at(200, 0.97, Spacing::Linspace), 0.0)),
        (1.0, ddim(at(300, 1.0, Spacing::Linspace), 1.0)),
        (0.97, Box::new(DpmSolver::default())),
        (0.97, Box::new(DpmSolver { timesteps: at(40, 0.97, Spacing::LogSnr) })),
        (1.0, Box::new(Ddpm { timesteps: Timesteps::all(&schedule), ..Default::default() })),
        (1.0, Box::new(Ddpm { timesteps: at(300, 1.0, Spacing::Trailing), ..Default::default() })),
    ];
    for p in [Parameterization::Epsilon, Parameterization::X0, Parameterization::V] {
        for (i, (start, sampler)) in samplers.iter().enumerate() {
            let mut rng = ChaCha8Rng::seed_from_u64(4);
            let initial = standard_normal([N, 1], &mut rng, &device);
            let process = ReverseProcess::new(&schedule, p);
            let model = |x, t| exact(&schedule, p, x, t);
            let noise = || standard_normal([N, 1], &mut rng, &device);
            let x0 = process.sample(&**sampler, model, initial, noise).expect("valid");
            let plan = sampler.plan(&schedule).expect("valid");
            let first = (start * 999.0f64).round() as usize;
            // Noise forgets where it started.
            let stochastic = plan.iter().any(|step| step.noise > 0.0);
            let expected = if stochastic { (MEAN, VARIANCE) } else { flow_from(&schedule, first) };
            assert_gaussian(&format!("{p:?}, sampler {i}"), x0, expected);
        }
    }
}

/// A mixture of Gaussians on a line, in f64.
struct Mixture {
    /// Weight, mean, variance.
    parts: Vec<[f64; 3]>,
}

impl Mixture {
    fn one() -> Self {
        Self { parts: vec![[1.0, MEAN, VARIANCE]] }
    }

    fn two() -> Self {
        Self { parts: vec![[0.3, -1.2, 0.09], [0.7, 0.6, 0.16]] }
    }

    /// The parts of the marginal of x_t.
    fn noised(&self, a: f64, s: f64) -> Vec<[f64; 3]> {
        self.parts.iter().map(|[w, m, v]| [*w, a.sqrt() * m, a * v + s]).collect()
    }

    /// E[x_0 | x_t].
    fn x0(&self, x: f64, a: f64, s: f64) -> f64 {
        let (mut total, mut sum) = (0.0, 0.0);
        for ([w, m, v], [_, m_t, v_t]) in self.parts.iter().zip(self.noised(a, s)) {
            let density = w * (-0.5 * (x - m_t).powi(2) / v_t).exp() / v_t.sqrt();
            total += density;
            sum += density * (m + a.sqrt() * v / v_t * (x - m_t));
        }
        sum / total
    }

    fn cdf(parts: &[[f64; 3]], x: f64) -> f64 {
        parts.iter().map(|[w, m, v]| w * normal_cdf((x - m) / v.sqrt())).sum()
    }

    /// The exact end of the flow from x at (a, s): it keeps quantiles.
    fn flow(&self, x: f64, a: f64, s: f64) -> f64 {
        let quantile = Self::cdf(&self.noised(a, s), x);
        let (mut low, mut high) = (-10.0, 10.0);
        for _ in 0..80 {
            let middle = 0.5 * (low + high);
            if Self::cdf(&self.parts, middle) < quantile { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

/// By Simpson's rule from 0: error below 1e-12 for |x| < 8.
fn normal_cdf(x: f64) -> f64 {
    let (n, density) = (400, |z: f64| (-0.5 * z * z).exp());
    let h = x / n as f64;
    let weight = |i: usize| match i {
        0 => 1.0,
        i if i == n => 1.0,
        i => [2.0, 4.0][i % 2],
    };
    let sum: f64 = (0..=n).map(|i| weight(i) * density(h * i as f64)).sum();
    0.5 + sum * h / 3.0 / (2.0 * std::f64::consts::PI).sqrt()
}

/// The quantile of N(0, 1), by bisection.
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if normal_cdf(middle) < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// Initial values (quantiles of N(0, 1)), their exact ends, and the root mean square error of a sampler's ends.
struct Flow {
    schedule: Schedule,
    mixture: Mixture,
    start: f64,
    initial: Vec<f64>,
    ends: Vec<f64>,
}

impl Flow {
    fn new(mixture: Mixture, n_steps: usize, start: f64) -> Self {
        let config = ScheduleConfig { n_steps, ..Default::default() };
        let schedule = Schedule::new(&config).expect("valid");
        let first = (start * (n_steps - 1) as f64).round() as usize;
        let (a, s) = (schedule.alpha_bar(first), schedule.noise_variance(first));
        let initial: Vec<f64> = (0..100).map(|i| quantile((f64::from(i) + 0.5) / 100.0)).collect();
        let ends = initial.iter().map(|&x| mixture.flow(x, a, s)).collect();
        Self { schedule, mixture, start, initial, ends }
    }

    fn model(&self) -> impl Fn(Vec<f64>, usize) -> Vec<f64> + '_ {
        move |x, t| {
            let (a, s) = (self.schedule.alpha_bar(t), self.schedule.noise_variance(t));
            x.into_iter().map(|x| self.mixture.x0(x, a, s)).collect()
        }
    }

    fn process(&self) -> ReverseProcess<'_> {
        ReverseProcess::new(&self.schedule, Parameterization::X0)
    }

    fn error(&self, sampler: &dyn Sampler) -> f64 {
        let noise = || unreachable!("deterministic");
        let x0 = self.process().sample(sampler, self.model(), self.initial.clone(), noise);
        let squares = x0.expect("valid").into_iter().zip(&self.ends).map(|(x, e)| (x - e).powi(2));
        (squares.sum::<f64>() / self.ends.len() as f64).sqrt()
    }

    /// The order at which the error falls from each number of steps to its double.
    fn orders(&self, what: &str, sampler: impl Fn(Timesteps) -> Box<dyn Sampler>) -> Vec<f64> {
        let counts = [20, 40, 80, 160, 320];
        let errors: Vec<f64> = counts
            .iter()
            .map(|&steps| {
                let timesteps = Timesteps { steps, start: self.start, spacing: Spacing::LogSnr };
                self.error(&*sampler(timesteps))
            })
            .collect();
        let orders: Vec<f64> = errors.windows(2).map(|w| (w[0] / w[1]).log2()).collect();
        println!("{what}: errors {errors:.6?} at {counts:?} steps, orders {orders:.2?}");
        orders
    }
}

#[test]
fn samplers_converge_at_their_order() {
    // So many steps that their rounding to whole numbers is far below the errors measured.
    let n_steps = 200_000;
    for (name, mixture) in [("Gaussian", Mixture::one()), ("mixture", Mixture::two())] {
        let flow = Flow::new(mixture, n_steps, 0.97);
        let ddim = flow
            .orders(&format!("{name}, DDIM"), |timesteps| Box::new(Ddim { timesteps, eta: 0.0 }));
        let solver = flow.orders(&format!("{name}, DPM-Solver++(2M)"), |timesteps| {
            Box::new(DpmSolver { timesteps })
        });
        for (what, orders, expected) in [("DDIM", ddim, 1.0), ("DPM-Solver++", solver, 2.0)] {
            // The last doublings, where the leading term of the error rules.
            for order in &orders[2..] {
                assert!((order - expected).abs() < 0.25, "{name} {what}: order {order}");
            }
        }
    }
}

#[test]
fn a_few_steps_of_the_solver_are_as_good_as_many_of_ddim() {
    for (name, mixture) in [("Gaussian", Mixture::one()), ("mixture", Mixture::two())] {
        let flow = Flow::new(mixture, 1000, 0.97);
        let at = |steps, spacing| Timesteps { steps, start: 0.97, spacing };
        let ddim = flow.error(&Ddim { timesteps: at(64, Spacing::Linspace), eta: 0.0 });
        for steps in [10, 15, 20] {
            for spacing in [Spacing::Trailing, Spacing::LogSnr] {
                let solver = flow.error(&DpmSolver { timesteps: at(steps, spacing) });
                println!(
                    "{name}: DPM-Solver++ at {steps} {spacing:?} {solver:.4}, DDIM at 64 {ddim:.4}"
                );
                // Better at 20 steps; below, worse by less than the standard error of a mean of 500 rows.
                let allowed = if steps < 20 { 0.04 } else { 0.0 };
                assert!(solver < ddim + allowed, "{name} {steps}: {solver} against {ddim}");
            }
        }
    }
}

/// With no signal left at the last step, nothing of x_T is kept: the deterministic flow ends at the right mean.
#[test]
fn from_zero_terminal_snr_the_mean_has_no_bias() {
    let config = ScheduleConfig { terminal_snr: TerminalSnr::Zero, ..Default::default() };
    let schedule = Schedule::new(&config).expect("valid");
    let mixture = Mixture::one();
    let model = |x: Vec<f64>, t: usize| -> Vec<f64> {
        let (a, s) = (schedule.alpha_bar(t), schedule.noise_variance(t));
        x.into_iter().map(|x| mixture.x0(x, a, s)).collect()
    };
    let initial = vec![-1.5, 0.0, 0.7];
    let timesteps = Timesteps { steps: 200, start: 1.0, spacing: Spacing::Trailing };
    let samplers: [&dyn Sampler; 2] = [&Ddim { timesteps, eta: 0.0 }, &DpmSolver { timesteps }];
    for sampler in samplers {
        let process = ReverseProcess::new(&schedule, Parameterization::X0);
        let noise = || unreachable!("deterministic");
        let x0 = process.sample(sampler, model, initial.clone(), noise).expect("valid");
        for (x, z) in x0.iter().zip(&initial) {
            let expected = MEAN + VARIANCE.sqrt() * z;
            assert!((x - expected).abs() < 0.01, "{x} is not {expected}");
        }
        // The ε-form divides by √ᾱ = 0 there.
        let process = ReverseProcess::new(&schedule, Parameterization::Epsilon);
        let refused = process.sample(sampler, model, initial.clone(), noise);
        assert!(
            matches!(refused, Err(Error::InvalidSetting { name: "parameterization", .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn inversion_finds_the_noise_again() {
    for (name, mixture) in [("Gaussian", Mixture::one()), ("mixture", Mixture::two())] {
        let flow = Flow::new(mixture, 1000, 0.97);
        let timesteps = Timesteps::default();
        let ddim = Ddim { timesteps, eta: 0.0 };
        let process = flow.process();
        let noise = || unreachable!("deterministic");
        let x0 = process.sample(&ddim, flow.model(), flow.initial.clone(), noise).expect("valid");
        let error = |substitutions| {
            let inversion = Inversion { timesteps, substitutions };
            let found = process.invert(&inversion, flow.model(), x0.clone()).expect("valid");
            let off = found.iter().zip(&flow.initial).map(|(a, b)| (a - b).abs());
            off.fold(0.0, f64::max)
        };
        let (one, ten, many) = (error(1), error(10), error(60));
        println!("{name}: noise found within {one:.1e} (1), {ten:.1e} (10), {many:.1e} (60)");
        assert!(ten < 0.3 * one && many < 1e-6, "{name}: {one} {ten} {many}");
    }
}

/// Rows are sampled alone: the same noise in another order gives the same bits in that order.
#[test]
fn a_permuted_batch_gives_permuted_bits() {
    let device = Device::default();
    let schedule = Schedule::new(&ScheduleConfig::default()).expect("valid");
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let (n, d) = (37, 3);
    let draw = |rng: &mut ChaCha8Rng| -> Vec<f32> {
        (0..n * d).map(|_| StandardNormal.sample(rng)).collect()
    };
    let draws: Vec<Vec<f32>> = (0..26).map(|_| draw(&mut rng)).collect();
    let order: Vec<usize> = (0..n).map(|i| i * 11 % n).collect();
    let permute = |values: &[f32]| -> Vec<f32> {
        order.iter().flat_map(|&i| &values[i * d..(i + 1) * d]).copied().collect()
    };
    let timesteps = Timesteps::default();
    let samplers: [&dyn Sampler; 3] = [
        &Ddim { timesteps, eta: 0.5 },
        &Ddpm { timesteps, ..Default::default() },
        &DpmSolver::default(),
    ];
    for sampler in samplers {
        let run = |arrange: &dyn Fn(&[f32]) -> Vec<f32>| -> Vec<f32> {
            let mut values = draws.iter();
            let mut next = || {
                let values = arrange(values.next().expect("enough"));
                let data = burn::tensor::TensorData::new(values, [n, d]);
                Tensor::<2>::from_data(data, &device)
            };
            let initial = next();
            let model = |x, t| exact(&schedule, Parameterization::Epsilon, x, t);
            let process = ReverseProcess::new(&schedule, Parameterization::Epsilon);
            let x0 = process.sample(sampler, model, initial, next).expect("valid");
            x0.into_data().iter().collect()
        };
        assert_eq!(permute(&run(&|values| values.to_vec())), run(&permute));
    }
}
