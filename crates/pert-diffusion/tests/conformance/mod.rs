//! What every denoiser must keep to, whatever it is inside.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Int, Tensor, TensorData};
use pert_core::{ChaCha8Rng, seeded_rng};
use pert_diffusion::{Condition, ConditionParts, Denoiser, DenoiserShape, Tokens};
use pert_nn::{
    from_safetensors, load_parameters, named_parameters, standard_normal, to_safetensors,
};
use rand::Rng;

/// Rows of a batch: whole tiles of the matrix products, so that a row's place has no part in its bits.
const N: usize = 64;

/// Bound on differences of f32 sums in another order, for outputs of order 1.
const ROUNDING: f32 = 1e-5;

/// Runs every check on the denoisers that `build` makes; two seeds must give different weights.
pub fn assert_conforms<D: Denoiser + Module>(
    shape: DenoiserShape,
    build: impl Fn(u64, &Device) -> D,
) {
    let device = Device::default();
    let denoiser = shaken(build(0, &device));
    let suite = Suite { shape, denoiser, inputs: Inputs::new(shape) };
    suite.outputs_have_the_shape_of_rows();
    suite.rows_do_not_see_each_other();
    suite.rows_permuted_give_outputs_permuted();
    suite.one_condition_stands_for_all_rows();
    suite.a_dropped_perturbation_has_no_influence();
    suite.dropped_covariates_have_no_influence();
    suite.tokens_have_no_order_and_padding_has_no_influence();
    suite.what_is_no_number_stays_in_its_row();
    suite.both_branches_fit_in_one_batch();
    let other =
        from_safetensors(build(1, &device), &to_safetensors(&suite.denoiser).expect("writes"));
    suite.stored_weights_predict_the_same_bits(&other.expect("reads"));
    let tracked = Device::default().autodiff();
    gradients_reach_every_parameter(&shaken(build(0, &tracked)), &suite.inputs, &tracked);
}

/// The same network with every parameter moved, so that layers that start at zero take part.
fn shaken<D: Module>(denoiser: D) -> D {
    let mut parameters = named_parameters(&denoiser);
    for parameter in &mut parameters {
        for (i, value) in parameter.values.iter_mut().enumerate() {
            *value += 0.2 * ((i * 7 + parameter.name.len()) as f32).sin();
        }
    }
    load_parameters(denoiser, &parameters).expect("same names")
}

/// Inputs of N rows on the host; tokens, covariates and estimates whether or not a denoiser reads them.
struct Inputs {
    shape: DenoiserShape,
    x_t: Vec<f32>,
    t: Vec<usize>,
    pooled: Vec<f32>,
    sets: Vec<Vec<f32>>,
    covariates: Vec<f32>,
    estimate: Vec<f32>,
}

fn normal(n: usize, d: usize, rng: &mut ChaCha8Rng) -> Vec<f32> {
    standard_normal([n, d], rng, &Device::default()).into_data().iter::<f32>().collect()
}

fn matrix(values: &[f32], width: usize, device: &Device) -> Tensor<2> {
    let shape = [values.len() / width, width];
    Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
}

impl Inputs {
    fn new(shape: DenoiserShape) -> Self {
        let mut rng = seeded_rng(0, "conformance");
        let t = (0..N).map(|_| (rng.next_u64() % shape.n_steps as u64) as usize).collect();
        let d_token = shape.d_token.max(1);
        Self {
            shape,
            x_t: normal(N, shape.d, &mut rng),
            t,
            pooled: normal(N, shape.d_cond, &mut rng),
            sets: (0..N).map(|row| normal(1 + row % 3, d_token, &mut rng)).collect(),
            covariates: normal(N, shape.d_cov.max(1), &mut rng),
            estimate: normal(N, shape.d, &mut rng),
        }
    }

    fn x_t(&self, device: &Device) -> Tensor<2> {
        matrix(&self.x_t, self.shape.d, device)
    }

    fn tokens(&self, device: &Device) -> Tokens {
        let sets: Vec<&[f32]> = self.sets.iter().map(Vec::as_slice).collect();
        Tokens::of_sets(&sets, self.shape.d_token.max(1), device).expect("valid")
    }

    /// Everything given: every third row's perturbation and every fourth row's covariates dropped.
    fn parts(&self, device: &Device) -> ConditionParts {
        let every = |k: usize| {
            let flags: Vec<f32> = (0..N).map(|row| f32::from(u8::from(row % k == 1))).collect();
            Some(matrix(&flags, 1, device))
        };
        ConditionParts {
            pooled: Some(matrix(&self.pooled, self.shape.d_cond, device)),
            tokens: Some(self.tokens(device)),
            dropped: every(3),
            covariates: Some(matrix(&self.covariates, self.shape.d_cov.max(1), device)),
            covariates_dropped: every(4),
            estimate: Some(matrix(&self.estimate, self.shape.d, device)),
        }
    }
}

/// The rows asked for of every part.
fn select(parts: &ConditionParts, rows: &[usize], device: &Device) -> ConditionParts {
    let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
    let n = rows.len();
    let index = Tensor::<1, Int>::from_data(TensorData::new(rows, [n]), device);
    let pick = |x: &Option<Tensor<2>>| x.clone().map(|x| x.select(0, index.clone()));
    ConditionParts {
        pooled: pick(&parts.pooled),
        tokens: parts.tokens.as_ref().map(|t| t.select(index.clone())),
        dropped: pick(&parts.dropped),
        covariates: pick(&parts.covariates),
        covariates_dropped: pick(&parts.covariates_dropped),
        estimate: pick(&parts.estimate),
    }
}

fn assert_near(what: &str, a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= ROUNDING * a.abs().max(1.0), "{what}: {a} is not {b}");
    }
}

struct Suite<D> {
    shape: DenoiserShape,
    denoiser: D,
    inputs: Inputs,
}

impl<D: Denoiser + Module> Suite<D> {
    fn predict(&self, parts: ConditionParts) -> Vec<f32> {
        self.predict_as(Condition::Parts(parts))
    }

    fn predict_as(&self, cond: Condition) -> Vec<f32> {
        let x_t = self.inputs.x_t(&Device::default());
        let output = self.denoiser.predict(x_t, &self.inputs.t, cond);
        assert_eq!(output.dims(), [N, self.shape.d]);
        output.into_data().iter::<f32>().collect()
    }

    fn parts(&self) -> ConditionParts {
        self.inputs.parts(&Device::default())
    }

    /// The same rows under the parts and places asked for.
    fn predict_rows(&self, rows: &[usize]) -> Vec<f32> {
        let (device, d) = (Device::default(), self.shape.d);
        let parts = select(&self.parts(), rows, &device);
        let x_t: Vec<f32> =
            rows.iter().flat_map(|&r| &self.inputs.x_t[r * d..(r + 1) * d]).copied().collect();
        let t: Vec<usize> = rows.iter().map(|&r| self.inputs.t[r]).collect();
        let output = self.denoiser.predict(matrix(&x_t, d, &device), &t, Condition::Parts(parts));
        output.into_data().iter::<f32>().collect()
    }

    fn outputs_have_the_shape_of_rows(&self) {
        let parts = self.parts();
        let (values, dropped) =
            (parts.pooled.clone().expect("given"), parts.dropped.clone().expect("given"));
        for cond in [
            Condition::Null,
            Condition::Given(values.clone()),
            Condition::Dropped { values, dropped },
            Condition::Parts(ConditionParts::default()),
            Condition::Parts(parts),
        ] {
            let output = self.predict_as(cond);
            assert!(output.iter().all(|v| v.is_finite()));
            assert!(output.iter().any(|v| v.abs() > 1e-3), "it puts out nothing");
        }
        assert_near("null", &self.predict_as(Condition::Null), &self.predict(Default::default()));
    }

    fn rows_do_not_see_each_other(&self) {
        let all = self.predict(self.parts());
        for rows in [vec![0], vec![5, 6, 7], (0..N - 1).collect()] {
            let first = rows[0] * self.shape.d;
            let some = self.predict_rows(&rows);
            assert_near("batch size", &some, &all[first..first + some.len()]);
        }
    }

    fn rows_permuted_give_outputs_permuted(&self) {
        let all = self.predict(self.parts());
        let d = self.shape.d;
        let rows: Vec<usize> = (0..N).map(|i| (i * 29 + 11) % N).collect();
        let expected: Vec<f32> =
            rows.iter().flat_map(|&r| &all[r * d..(r + 1) * d]).copied().collect();
        assert_eq!(self.predict_rows(&rows), expected, "to the last bit");
    }

    fn one_condition_stands_for_all_rows(&self) {
        let device = Device::default();
        let (x_t, one) = (self.inputs.x_t(&device), |row| {
            let parts = select(&self.parts(), &[row], &device);
            ConditionParts { estimate: None, ..parts }
        });
        for row in 0..3 {
            let repeated = select(&one(row), &[0; N], &device);
            let common = self.denoiser.predict(x_t.clone(), &[3], Condition::Parts(one(row)));
            let each = self.denoiser.predict(x_t.clone(), &[3; N], Condition::Parts(repeated));
            let host = |x: Tensor<2>| x.into_data().iter::<f32>().collect::<Vec<_>>();
            assert_near("one for all", &host(common), &host(each));
        }
    }

    fn a_dropped_perturbation_has_no_influence(&self) {
        let device = Device::default();
        let dropped = |parts: ConditionParts| ConditionParts {
            dropped: Some(Tensor::ones([N, 1], &device)),
            ..parts
        };
        // Other pooled vectors, and other tokens in another number.
        let other = || ConditionParts {
            pooled: self.parts().pooled.map(|p| p.mul_scalar(3.0).add_scalar(1.0)),
            tokens: self.other_tokens(),
            ..self.parts()
        };
        let pooled_alone = ConditionParts { tokens: self.parts().tokens, ..other() };
        let null = self.predict(dropped(self.parts()));
        assert_eq!(null, self.predict(dropped(pooled_alone)), "pooled, to the last bit");
        assert_near("tokens", &null, &self.predict(dropped(other())));
        let absent = Condition::Parts(self.parts()).without_perturbation();
        assert_near("absent", &null, &self.predict_as(absent));
        assert_ne!(self.predict(self.parts()), self.predict(other()), "kept, they matter");
    }

    fn other_tokens(&self) -> Option<Tokens> {
        let mut rng = seeded_rng(1, "conformance");
        let d_token = self.shape.d_token.max(1);
        let sets: Vec<Vec<f32>> = (0..N).map(|_| normal(5, d_token, &mut rng)).collect();
        let sets: Vec<&[f32]> = sets.iter().map(Vec::as_slice).collect();
        Some(Tokens::of_sets(&sets, d_token, &Device::default()).expect("valid"))
    }

    fn dropped_covariates_have_no_influence(&self) {
        let device = Device::default();
        let dropped = |factor: f64| {
            self.predict(ConditionParts {
                covariates: self.parts().covariates.map(|c| c.mul_scalar(factor)),
                covariates_dropped: Some(Tensor::ones([N, 1], &device)),
                ..self.parts()
            })
        };
        assert_eq!(dropped(1.0), dropped(-2.0), "to the last bit");
        let absent = ConditionParts { covariates: None, ..self.parts() };
        assert_near("absent", &dropped(1.0), &self.predict(absent));
        if self.shape.d_cov > 0 {
            let covariates = self.parts().covariates.map(|c| c.mul_scalar(-2.0));
            let other = ConditionParts { covariates, ..self.parts() };
            assert_ne!(self.predict(self.parts()), self.predict(other), "kept, they matter");
        }
    }

    fn tokens_have_no_order_and_padding_has_no_influence(&self) {
        let (device, d_token) = (Device::default(), self.shape.d_token.max(1));
        let with = |tokens: Tokens| ConditionParts { tokens: Some(tokens), ..self.parts() };
        let expected = self.predict(self.parts());
        let reversed: Vec<Vec<f32>> = self
            .inputs
            .sets
            .iter()
            .map(|set| set.chunks_exact(d_token).rev().flatten().copied().collect())
            .collect();
        let sets: Vec<&[f32]> = reversed.iter().map(Vec::as_slice).collect();
        let tokens = Tokens::of_sets(&sets, d_token, &device).expect("valid");
        assert_eq!(self.predict(with(tokens)), expected, "B+A is A+B to the last bit");
        // Room for six, most of it padding that holds anything at all.
        let room = 6;
        let (mut values, mut padding) = (Vec::new(), Vec::new());
        for set in &self.inputs.sets {
            let n_empty = room - set.len() / d_token;
            values.extend(std::iter::repeat_n(f32::NAN, n_empty * d_token));
            values.extend(set);
            padding.extend(std::iter::repeat_n(true, n_empty));
            padding.extend(std::iter::repeat_n(false, room - n_empty));
        }
        let tokens = Tokens::new(&values, &padding, [N, room, d_token], &device).expect("valid");
        assert_near("padding", &self.predict(with(tokens)), &expected);
    }

    fn what_is_no_number_stays_in_its_row(&self) {
        let (device, d) = (Device::default(), self.shape.d);
        let expected = self.predict(self.parts());
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x_t = self.inputs.x_t.clone();
            x_t[7 * d] = bad;
            let x_t = matrix(&x_t, d, &device);
            let parts = Condition::Parts(self.parts());
            let output = self.denoiser.predict(x_t, &self.inputs.t, parts);
            let output: Vec<f32> = output.into_data().iter::<f32>().collect();
            assert!(output[7 * d..8 * d].iter().all(|v| !v.is_finite()), "it must show");
            assert_eq!(output[..7 * d], expected[..7 * d]);
            assert_eq!(output[8 * d..], expected[8 * d..]);
        }
    }

    fn both_branches_fit_in_one_batch(&self) {
        let device = Device::default();
        let (cond, x_t) = (Condition::Parts(self.parts()), self.inputs.x_t(&device));
        let expected =
            [self.predict_as(cond.clone()), self.predict_as(cond.clone().without_perturbation())];
        let both = self.denoiser.predict(
            Tensor::cat(vec![x_t.clone(), x_t], 0),
            &self.inputs.t.repeat(2),
            cond.paired_with_null(N, &device),
        );
        let both: Vec<f32> = both.into_data().iter::<f32>().collect();
        assert_near("both branches", &both, &expected.concat());
    }

    fn stored_weights_predict_the_same_bits(&self, restored: &D) {
        let x_t = self.inputs.x_t(&Device::default());
        let output = restored.predict(x_t, &self.inputs.t, Condition::Parts(self.parts()));
        let output: Vec<f32> = output.into_data().iter::<f32>().collect();
        assert_eq!(output, self.predict(self.parts()));
    }
}

/// Names the parameters without a gradient other than 0.
struct Unreached<'a> {
    grads: &'a GradientsParams,
    path: Vec<String>,
    names: Vec<String>,
}

impl ModuleVisitor for Unreached<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let grad = self.grads.get::<D>(param.id);
        let reached = grad.is_some_and(|grad| {
            let values: Vec<f32> = grad.into_data().iter::<f32>().collect();
            values.iter().all(|v| v.is_finite()) && values.iter().any(|&v| v != 0.0)
        });
        if !reached {
            self.names.push(self.path.join("."));
        }
    }
}

fn gradients_reach_every_parameter<D: Denoiser + Module>(
    denoiser: &D,
    inputs: &Inputs,
    device: &Device,
) {
    let cond = Condition::Parts(inputs.parts(device));
    let output = denoiser.predict(inputs.x_t(device), &inputs.t, cond);
    let grads = GradientsParams::from_grads(output.square().sum().backward(), denoiser);
    let mut visitor = Unreached { grads: &grads, path: Vec::new(), names: Vec::new() };
    denoiser.visit(&mut visitor);
    assert!(visitor.names.is_empty(), "no gradient reaches {:?}", visitor.names);
}
