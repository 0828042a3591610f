//! The network of a prior, whichever it is.

use burn::module::{Devices, Module, ModuleMapper, ModuleVisitor};
use burn::tensor::{Device, Tensor};

use super::mlp::MlpDenoiser;
use super::transformer::TransformerDenoiser;
use super::{Condition, Denoiser};

/// The network of a [`Prior`](crate::Prior), as a [`DenoiserConfig`](crate::DenoiserConfig) asks for it.
///
/// Its parameters have the names of the network's own, without that of the variant.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use pert_diffusion::{
///     Condition, Denoiser, DenoiserConfig, DenoiserShape, PriorDenoiser, TransformerDenoiserConfig,
///     seeded_rng,
/// };
/// let (device, rng) = (Device::default(), &mut seeded_rng(0, "example"));
/// let config = DenoiserConfig::from(TransformerDenoiserConfig::default());
/// let denoiser: PriorDenoiser = config.init(&DenoiserShape::new(4, 3, 1000), rng, &device)?;
/// let x_t = Tensor::ones([2, 4], &device);
/// assert_eq!(denoiser.predict(x_t, &[0], Condition::Null).dims(), [2, 4]);
/// # Ok::<(), pert_diffusion::Error>(())
/// ```
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "one value per prior; a box would help nobody")]
pub enum PriorDenoiser {
    /// A residual MLP.
    Mlp(MlpDenoiser),
    /// A transformer.
    Transformer(TransformerDenoiser),
}

/// Evaluates an expression for the network within.
macro_rules! each {
    ($self:expr, $module:ident => $value:expr) => {
        match $self {
            Self::Mlp($module) => $value,
            Self::Transformer($module) => $value,
        }
    };
}

/// Evaluates an expression for the network within and wraps it again.
macro_rules! rewrap {
    ($self:expr, $module:ident => $value:expr) => {
        match $self {
            Self::Mlp($module) => Self::Mlp($value),
            Self::Transformer($module) => Self::Transformer($value),
        }
    };
}

impl Denoiser for PriorDenoiser {
    fn predict(&self, x_t: Tensor<2>, t: &[usize], cond: Condition) -> Tensor<2> {
        each!(self, module => module.predict(x_t, t, cond))
    }
}

/// By hand: the derived one puts the variant before the name of every parameter, and weights stored before there were
/// variants would not load.
impl Module for PriorDenoiser {
    fn collect_devices(&self, devices: Devices) -> Devices {
        each!(self, module => module.collect_devices(devices))
    }

    fn fork(self, device: &Device) -> Self {
        rewrap!(self, module => module.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        rewrap!(self, module => module.to_device(device))
    }

    fn visit<Visitor: ModuleVisitor>(&self, visitor: &mut Visitor) {
        each!(self, module => module.visit(visitor));
    }

    fn map<Mapper: ModuleMapper>(self, mapper: &mut Mapper) -> Self {
        rewrap!(self, module => module.map(mapper))
    }

    fn train(self) -> Self {
        rewrap!(self, module => module.train())
    }

    fn valid(&self) -> Self {
        rewrap!(self, module => module.valid())
    }

    fn materialize(self) -> Self {
        rewrap!(self, module => module.materialize())
    }
}
