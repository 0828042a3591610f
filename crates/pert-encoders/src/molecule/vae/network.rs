//! The layers: token convolutions to a Gaussian, and from a point of it to token probabilities.

use burn::module::Module;
use burn::nn::{LayerNorm, LayerNormConfig, Linear};
use burn::tensor::{Device, Tensor, TensorData, activation};
use pert_core::ChaCha8Rng;
use pert_nn::{LinearInit, linear};

use super::config::SmilesVaeConfig;
use super::tokens::END;

/// Numbers of each place between latent and sequence: the latent is gathered from all places of this width, and spread over
/// them.
const D_PLACE: usize = 32;

/// Offsets that the encoder's convolutions see, in tokens.
const ENCODER_OFFSETS: [&[isize]; 2] = [&[-2, -1, 0, 1, 2], &[-3, 0, 3]];

/// How much farther each convolution of the decoder reaches back than the one before.
const DILATION: isize = 3;

/// Log variances are kept within this of 0, where their exponentials are harmless.
const LARGEST_LOG_VARIANCE: f32 = 10.0;

/// h + relu(W [h(t + o) for o in offsets] + b), h normalised first: a convolution as one matrix product.
#[derive(Module, Debug)]
struct Convolution {
    norm: LayerNorm,
    linear: Linear,
}

impl Convolution {
    fn init(width: usize, n_offsets: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        Self {
            norm: LayerNormConfig::new(width).init(device),
            linear: linear(n_offsets * width, width, LinearInit::KaimingUniform, rng, device),
        }
    }

    /// `[n, t, width]` to the same.
    fn forward(&self, h: Tensor<3>, offsets: &[isize]) -> Tensor<3> {
        let around = neighbours(&self.norm.forward(h.clone()), offsets);
        self.add(h, around)
    }

    /// The last step, from h and what was found around it, `[n, t, offsets · width]`.
    fn add(&self, h: Tensor<3>, around: Tensor<3>) -> Tensor<3> {
        h.add(activation::relu(self.linear.forward(around)))
    }
}

/// Everything that is learned.
#[derive(Module, Debug)]
pub(super) struct Network {
    encoder_tokens: Linear,
    encoder_layer: Convolution,
    encoder_place: Linear,
    posterior: Linear,
    places: Linear,
    decoder_tokens: Linear,
    decoder_layers: Vec<Convolution>,
    output_norm: LayerNorm,
    output: Linear,
}

/// q(z|x): mean and log variance, `[n, d_latent]` each.
pub(super) struct Posterior {
    pub mean: Tensor<2>,
    pub log_variance: Tensor<2>,
}

impl Network {
    /// `n_tokens` counts the end.
    pub fn init(
        config: &SmilesVaeConfig,
        n_tokens: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let SmilesVaeConfig { d_latent, d_hidden, n_layers, .. } = *config;
        let d_places = config.n_places() * D_PLACE;
        let mut layer = |d_in: usize, d_out: usize| {
            linear(d_in, d_out, LinearInit::KaimingUniform, rng, device)
        };
        let d_around = ENCODER_OFFSETS[0].len() * (n_tokens - 1);
        let encoder_tokens = layer(d_around, d_hidden);
        let encoder_place = layer(d_hidden, D_PLACE);
        let posterior = layer(d_places, 2 * d_latent);
        let places = layer(d_latent, d_places);
        let decoder_tokens = layer(n_tokens - 1 + D_PLACE, d_hidden);
        let output = layer(d_hidden, n_tokens);
        Self {
            encoder_tokens,
            encoder_layer: Convolution::init(d_hidden, ENCODER_OFFSETS[1].len(), rng, device),
            encoder_place,
            posterior,
            places,
            decoder_tokens,
            decoder_layers: (0..n_layers)
                .map(|_| Convolution::init(d_hidden, 3, rng, device))
                .collect(),
            output_norm: LayerNormConfig::new(d_hidden).init(device),
            output,
        }
    }

    /// `tokens`: `[n, t, n_tokens − 1]`, a row of zeros where no token stands. What stands behind the last token of a molecule
    /// does not change its posterior.
    pub fn encode(&self, tokens: Tensor<3>, n_places: usize) -> Posterior {
        let [n, t, _] = tokens.dims();
        let is_token = tokens.clone().sum_dim(2); // [n, t, 1]
        let around = neighbours(&tokens, ENCODER_OFFSETS[0]);
        let h = activation::relu(self.encoder_tokens.forward(around)); // [n, t, d_hidden]
        let h = self.encoder_layer.forward(h.mul(is_token.clone()), ENCODER_OFFSETS[1]);
        let h = self.encoder_place.forward(h).mul(is_token); // [n, t, D_PLACE]
        let behind = Tensor::zeros([n, n_places - t, D_PLACE], &h.device());
        let h = if t < n_places { Tensor::cat(vec![h, behind], 1) } else { h };
        let h = self.posterior.forward(h.reshape([n, n_places * D_PLACE])); // [n, 2 d_latent]
        let d_latent = h.dims()[1] / 2;
        let mean = h.clone().narrow(1, 0, d_latent);
        let log_variance =
            h.narrow(1, d_latent, d_latent).clamp(-LARGEST_LOG_VARIANCE, LARGEST_LOG_VARIANCE);
        Posterior { mean, log_variance }
    }

    /// Logits of the token at each place, `[n, t, n_tokens]`, from the latent and the tokens before it.
    ///
    /// `before`: `[n, t, n_tokens − 1]`, at place t the token of place t − 1, zeros where there is none or it is blanked.
    pub fn decode(&self, z: Tensor<2>, before: Tensor<3>, n_places: usize) -> Tensor<3> {
        let [n, t, _] = before.dims();
        let places = self.places.forward(z).reshape([n, n_places, D_PLACE]).narrow(1, 0, t);
        let h = self.decoder_tokens.forward(Tensor::cat(vec![before, places], 2));
        let mut h = activation::relu(h); // [n, t, d_hidden]
        for (layer, reach) in self.decoder_layers.iter().zip(reaches()) {
            h = layer.forward(h, &[-2 * reach, -reach, 0]);
        }
        self.output.forward(self.output_norm.forward(h))
    }

    /// [`Self::decode`] place by place.
    pub fn unroll(&self, z: Tensor<2>, n_places: usize) -> Unrolling<'_> {
        let n = z.dims()[0];
        let places = self.places.forward(z).reshape([n, n_places, D_PLACE]);
        Unrolling { network: self, places, seen: vec![Vec::new(); self.decoder_layers.len()] }
    }
}

/// How far back the decoder's convolutions reach: each three times as far as the one before.
fn reaches() -> impl Iterator<Item = isize> {
    std::iter::successors(Some(1), |reach| Some(reach * DILATION))
}

/// A decoder on its way along the places of molecules. It keeps what each layer saw, so that a place costs the same wherever
/// it is.
pub(super) struct Unrolling<'a> {
    network: &'a Network,
    /// `[n, n_places, D_PLACE]`.
    places: Tensor<3>,
    /// For each layer the normalised input at the places so far, `[n, 1, d_hidden]` each.
    seen: Vec<Vec<Tensor<3>>>,
}

impl Unrolling<'_> {
    /// Logits of the next place, `[n, n_tokens]`, from the token before it, `[n, 1, n_tokens − 1]`.
    pub fn next(&mut self, before: Tensor<3>) -> Tensor<2> {
        let t = self.seen[0].len();
        let place = self.places.clone().narrow(1, t, 1);
        let h = self.network.decoder_tokens.forward(Tensor::cat(vec![before, place], 2));
        let mut h = activation::relu(h); // [n, 1, d_hidden]
        for ((layer, seen), reach) in
            self.network.decoder_layers.iter().zip(&mut self.seen).zip(reaches())
        {
            let here = layer.norm.forward(h.clone());
            let nothing = here.zeros_like();
            seen.push(here);
            let back = |by: usize| t.checked_sub(by).map_or(nothing.clone(), |at| seen[at].clone());
            let reach = reach.unsigned_abs();
            h = layer.add(h, Tensor::cat(vec![back(2 * reach), back(reach), back(0)], 2));
        }
        let logits = self.network.output.forward(self.network.output_norm.forward(h));
        let [n, _, n_tokens] = logits.dims();
        logits.reshape([n, n_tokens])
    }
}

/// What stands at each of the offsets around every place, side by side; zeros beyond the ends.
///
/// # Shapes
/// `x`: `[n, t, d]`; output: `[n, t, offsets.len() · d]`
fn neighbours(x: &Tensor<3>, offsets: &[isize]) -> Tensor<3> {
    Tensor::cat(offsets.iter().map(|&offset| at_offset(x.clone(), offset)).collect(), 2)
}

/// y(t) = x(t + offset), zero beyond the ends.
fn at_offset(x: Tensor<3>, offset: isize) -> Tensor<3> {
    let ([n, t, d], by) = (x.dims(), offset.unsigned_abs());
    if by == 0 {
        return x;
    }
    let zeros = Tensor::zeros([n, by.min(t), d], &x.device());
    match () {
        () if by >= t => zeros,
        () if offset < 0 => Tensor::cat(vec![zeros, x.narrow(1, 0, t - by)], 1),
        () => Tensor::cat(vec![x.narrow(1, by, t - by), zeros], 1),
    }
}

/// The tokens as they stand before each place: moved back by one.
pub(super) fn before(tokens: Tensor<3>) -> Tensor<3> {
    at_offset(tokens, -1)
}

/// Numbers of tokens as ones among zeros, `[n, t, n_tokens]`, each molecule with one end and zeros behind it.
pub(super) fn one_hot(
    molecules: &[&[usize]],
    t: usize,
    n_tokens: usize,
    device: &Device,
) -> Tensor<3> {
    let mut values = vec![0.0f32; molecules.len() * t * n_tokens];
    for (rows, molecule) in values.chunks_exact_mut(t * n_tokens).zip(molecules) {
        let places = molecule.iter().chain(std::iter::once(&END));
        for (row, &number) in rows.chunks_exact_mut(n_tokens).zip(places) {
            row[number] = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(values, [molecules.len(), t, n_tokens]), device)
}

/// The part of [`one_hot`] that the network reads: without the column of the end.
pub(super) fn without_end(one_hot: Tensor<3>) -> Tensor<3> {
    let n_tokens = one_hot.dims()[2];
    one_hot.narrow(2, 1, n_tokens - 1)
}

#[cfg(test)]
mod tests {
    use pert_core::seeded_rng;

    use super::*;

    #[test]
    fn place_by_place_is_the_same_as_at_once() {
        let config = SmilesVaeConfig { d_latent: 3, d_hidden: 8, n_layers: 3, longest: 30 };
        let (rng, device) = (&mut seeded_rng(0, "network"), Device::default());
        let network = Network::init(&config, 5, rng, &device);
        let molecule: Vec<usize> = (0..30).map(|i| 1 + i % 4).collect();
        let tokens = without_end(one_hot(&[&molecule, &molecule[..4]], 31, 5, &device));
        let z = network.encode(tokens.clone(), 31).mean;
        let back = before(tokens);
        let values = |t: Tensor<2>| t.into_data().iter::<f64>().collect::<Vec<_>>();
        let at_once = network.decode(z.clone(), back.clone(), 31);
        let mut unrolling = network.unroll(z, 31);
        for t in 0..31 {
            let expected = values(at_once.clone().narrow(1, t, 1).reshape([2, 5]));
            let found = values(unrolling.next(back.clone().narrow(1, t, 1)));
            for (found, expected) in found.iter().zip(&expected) {
                // f32 sums of some hundred terms around 1.
                assert!((found - expected).abs() < 1e-5, "{t}: {found} is not {expected}");
            }
        }
    }

    #[test]
    fn what_stands_behind_a_molecule_does_not_change_its_posterior() {
        let config = SmilesVaeConfig { d_latent: 4, d_hidden: 8, n_layers: 2, longest: 20 };
        let (rng, device) = (&mut seeded_rng(0, "network"), Device::default());
        let network = Network::init(&config, 4, rng, &device);
        let mean = |t: usize| {
            let tokens = without_end(one_hot(&[&[1, 2, 3, 2]], t, 4, &device));
            network.encode(tokens, 21).mean.into_data().iter::<f64>().collect::<Vec<_>>()
        };
        for (short, long) in mean(5).iter().zip(mean(21)) {
            assert!((short - long).abs() < 1e-6, "{short} is not {long}");
        }
    }
}
