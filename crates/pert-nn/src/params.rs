//! A module's weights by name, to and from safetensors bytes.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::container::TensorContainer;
use burn::tensor::{Tensor, TensorData};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::error::Error;

/// A float parameter of a module, copied to the host.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Field names from the module's root, joined by dots: `layers.0.linear.weight`.
    pub name: String,
    /// Length of every axis.
    pub shape: Vec<usize>,
    /// Values in row-major order.
    pub values: Vec<f32>,
}

/// The float parameters of a module in field order.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::{LinearInit, count_parameters, linear, named_parameters};
/// let rng = &mut seeded_rng(0, "example");
/// let layer = linear(4, 3, LinearInit::XavierUniform, rng, &Device::default());
/// let parameters = named_parameters(&layer);
/// assert_eq!((parameters[0].name.as_str(), &parameters[0].shape[..]), ("weight", &[4, 3][..]));
/// assert_eq!((parameters[1].name.as_str(), &parameters[1].values[..]), ("bias", &[0.0; 3][..]));
/// assert_eq!(count_parameters(&layer), 4 * 3 + 3);
/// ```
pub fn named_parameters<M: Module>(module: &M) -> Vec<NamedTensor> {
    let mut visitor = Reader { path: Vec::new(), tensors: Vec::new() };
    module.visit(&mut visitor);
    visitor.tensors
}

/// The number of float parameters (scalars) of a module.
pub fn count_parameters<M: Module>(module: &M) -> usize {
    module.num_params()
}

/// Replaces every parameter of a module; identity and gradient state of the parameters stay.
///
/// # Errors
/// A parameter that is missing, unknown, given twice, of another shape, of the wrong number of values or with a
/// value that is not finite; each error names the parameter.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::{Error, LinearInit, linear, load_parameters, named_parameters};
/// let layer = |d_in, seed| {
///     let rng = &mut seeded_rng(seed, "example");
///     linear(d_in, 3, LinearInit::KaimingUniform, rng, &Device::default())
/// };
/// let weights = named_parameters(&layer(4, 0));
/// assert_eq!(named_parameters(&load_parameters(layer(4, 1), &weights)?), weights);
/// assert!(matches!(load_parameters(layer(5, 1), &weights), Err(Error::ShapeMismatch { .. })));
/// # Ok::<(), Error>(())
/// ```
pub fn load_parameters<M: Module>(module: M, tensors: &[NamedTensor]) -> Result<M, Error> {
    let mut by_name = BTreeMap::new();
    for tensor in tensors {
        if by_name.insert(tensor.name.as_str(), tensor).is_some() {
            return Err(Error::DuplicateParameter { name: tensor.name.clone() });
        }
    }
    let mut mapper = Writer { path: Vec::new(), by_name, error: None };
    let module = module.map(&mut mapper);
    if let Some(error) = mapper.error {
        return Err(error);
    }
    match mapper.by_name.into_keys().next() {
        Some(name) => Err(Error::UnknownParameter { name: name.to_owned() }),
        None => Ok(module),
    }
}

/// The weights of a module as a safetensors file; the same weights give the same bytes.
///
/// # Errors
/// [`Error::CorruptWeights`] when the writer refuses a tensor.
pub fn to_safetensors<M: Module>(module: &M) -> Result<Vec<u8>, Error> {
    let parameters = named_parameters(module);
    let bytes: Vec<Vec<u8>> = parameters.iter().map(tensor_bytes).collect();
    let mut views = Vec::with_capacity(parameters.len());
    for (parameter, bytes) in parameters.iter().zip(&bytes) {
        let view = TensorView::new(Dtype::F32, parameter.shape.clone(), bytes)?;
        views.push((parameter.name.as_str(), view));
    }
    Ok(safetensors::serialize(views, None)?)
}

/// Replaces every parameter of a module by those of a safetensors file.
///
/// # Errors
/// [`Error::CorruptWeights`] for bytes that are no such file, [`Error::WrongType`] for a tensor that is not F32,
/// and what [`load_parameters`] finds.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::{LinearInit, from_safetensors, linear, named_parameters, to_safetensors};
/// let layer = |seed| {
///     let rng = &mut seeded_rng(seed, "example");
///     linear(4, 3, LinearInit::KaimingUniform, rng, &Device::default())
/// };
/// let bytes = to_safetensors(&layer(0))?;
/// let restored = from_safetensors(layer(1), &bytes)?;
/// assert_eq!(named_parameters(&restored), named_parameters(&layer(0)));
/// # Ok::<(), pert_nn::Error>(())
/// ```
pub fn from_safetensors<M: Module>(module: M, bytes: &[u8]) -> Result<M, Error> {
    let file = SafeTensors::deserialize(bytes)?;
    load_parameters(module, &tensors_of(&file, |_| true)?)
}

/// All tensors of a safetensors file, sorted by name, and the file's metadata.
///
/// # Errors
/// [`Error::CorruptWeights`] for bytes that are no such file, [`Error::WrongType`] for a tensor that is not F32.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::seeded_rng;
/// use pert_nn::{LinearInit, linear, read_safetensors, to_safetensors};
/// let rng = &mut seeded_rng(0, "example");
/// let layer = linear(4, 3, LinearInit::KaimingUniform, rng, &Device::default());
/// let (tensors, metadata) = read_safetensors(&to_safetensors(&layer)?)?;
/// assert_eq!((tensors[0].name.as_str(), tensors[1].name.as_str()), ("bias", "weight"));
/// assert!(metadata.is_empty());
/// # Ok::<(), pert_nn::Error>(())
/// ```
pub fn read_safetensors(
    bytes: &[u8],
) -> Result<(Vec<NamedTensor>, BTreeMap<String, String>), Error> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    Ok((tensors_of(&SafeTensors::deserialize(bytes)?, |_| true)?, metadata))
}

/// The values of a tensor as a file holds them.
pub(crate) fn tensor_bytes(tensor: &NamedTensor) -> Vec<u8> {
    tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The F32 tensors of a file whose names are wanted, sorted by name.
pub(crate) fn tensors_of(
    file: &SafeTensors<'_>,
    wanted: impl Fn(&str) -> bool,
) -> Result<Vec<NamedTensor>, Error> {
    let mut tensors = Vec::with_capacity(file.len());
    for (name, view) in file.iter().filter(|(name, _)| wanted(name)) {
        if view.dtype() != Dtype::F32 {
            let found = format!("{:?}", view.dtype());
            return Err(Error::WrongType { name: name.to_owned(), found });
        }
        // Copied byte by byte: the file's buffer need not be aligned for f32.
        let values = view
            .data()
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        tensors.push(NamedTensor { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    // The reader's order is that of a hash map; sorted, the first error found is always the same.
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

/// The values of a module's parameters by identity, on the device they are on.
pub(crate) fn values_by_id<M: Module>(module: &M) -> TensorContainer<ParamId> {
    let mut collect = Collect { values: TensorContainer::new() };
    module.visit(&mut collect);
    collect.values
}

struct Collect {
    values: TensorContainer<ParamId>,
}

impl ModuleVisitor for Collect {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.values.register(param.id, param.base());
    }
}

struct Reader {
    path: Vec<String>,
    tensors: Vec<NamedTensor>,
}

impl ModuleVisitor for Reader {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.base();
        let shape = tensor.dims().to_vec();
        let values = tensor.into_data().iter::<f32>().collect();
        self.tensors.push(NamedTensor { name: self.path.join("."), shape, values });
    }
}

struct Writer<'a> {
    path: Vec<String>,
    by_name: BTreeMap<&'a str, &'a NamedTensor>,
    error: Option<Error>,
}

impl Writer<'_> {
    fn take(&mut self, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let name = self.path.join(".");
        let Some(stored) = self.by_name.remove(name.as_str()) else {
            return Err(Error::MissingParameter { name, shape: shape.to_vec() });
        };
        if stored.shape != shape {
            let (expected, found) = (shape.to_vec(), stored.shape.clone());
            return Err(Error::ShapeMismatch { name, expected, found });
        }
        if stored.values.len() != shape.iter().product::<usize>() {
            let found = stored.values.len();
            return Err(Error::ValueCount { name, shape: shape.to_vec(), found });
        }
        if let Some((index, &value)) =
            stored.values.iter().enumerate().find(|(_, v)| !v.is_finite())
        {
            return Err(Error::NonFiniteParameter { name, index, value });
        }
        Ok(stored.values.clone())
    }
}

impl ModuleMapper for Writer<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.error.is_some() {
            return param;
        }
        let shape = param.base().dims();
        match self.take(&shape) {
            Ok(values) => param.map(|old| {
                let new = Tensor::from_data(TensorData::new(values, shape), &old.device());
                if old.is_require_grad() { new.require_grad() } else { new }
            }),
            Err(error) => {
                self.error = Some(error);
                param
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlp::{Activation, Mlp, MlpConfig, Norm};
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn mlp(seed: u64, device: &Device) -> Mlp {
        let config = MlpConfig {
            d_in: 3,
            d_hidden: 4,
            n_layers: 2,
            d_out: Some(2),
            norm: Norm::Layer,
            activation: Activation::Relu,
        };
        config.init(&mut ChaCha8Rng::seed_from_u64(seed), device).expect("valid")
    }

    #[test]
    fn names_are_field_paths() {
        let names: Vec<String> =
            named_parameters(&mlp(0, &Device::default())).into_iter().map(|p| p.name).collect();
        let expected = [
            "layers.0.linear.weight",
            "layers.0.linear.bias",
            "layers.0.norm.gamma",
            "layers.0.norm.beta",
            "layers.1.linear.weight",
            "layers.1.linear.bias",
            "layers.1.norm.gamma",
            "layers.1.norm.beta",
            "output.weight",
            "output.bias",
        ];
        assert_eq!(names, expected);
        assert_eq!(count_parameters(&mlp(0, &Device::default())), 12 + 4 + 8 + 16 + 4 + 8 + 8 + 2);
    }

    #[test]
    fn bytes_restore_every_weight_on_any_device() {
        let source = mlp(1, &Device::default().autodiff());
        let bytes = to_safetensors(&source).expect("writes");
        assert_eq!(bytes, to_safetensors(&source.valid()).expect("writes"));
        let plain = from_safetensors(mlp(2, &Device::default()), &bytes).expect("reads");
        assert_eq!(named_parameters(&plain), named_parameters(&source));
        let tracked =
            from_safetensors(mlp(3, &Device::default().autodiff()), &bytes).expect("reads");
        assert_eq!(named_parameters(&tracked), named_parameters(&source));
        let output = tracked.forward(Tensor::ones([1, 3], &Device::default().autodiff()));
        let grads = burn::optim::GradientsParams::from_grads(output.sum().backward(), &tracked);
        assert_eq!(grads.len(), 10);
    }

    #[test]
    fn wrong_weights_are_named() {
        let device = Device::default();
        let good = named_parameters(&mlp(1, &device));
        let load = |tensors: &[NamedTensor]| {
            load_parameters(mlp(2, &device), tensors).map(|_| ()).expect_err("must be refused")
        };
        let shape = vec![3, 4];
        let name = String::from("layers.0.linear.weight");
        assert_eq!(load(&good[1..]), Error::MissingParameter { name: name.clone(), shape });
        let mut extra = good.clone();
        extra.push(NamedTensor { name: "other".into(), shape: vec![1], values: vec![0.0] });
        assert_eq!(load(&extra), Error::UnknownParameter { name: "other".into() });
        let mut twice = good.clone();
        twice.push(good[0].clone());
        assert_eq!(load(&twice), Error::DuplicateParameter { name: name.clone() });
        let mut shape = good.clone();
        shape[0].shape = vec![4, 3];
        let (expected, found) = (vec![3, 4], vec![4, 3]);
        assert_eq!(load(&shape), Error::ShapeMismatch { name: name.clone(), expected, found });
        let mut short = good.clone();
        short[0].values.pop();
        assert!(matches!(load(&short), Error::ValueCount { found: 11, .. }));
        let mut nan = good.clone();
        nan[0].values[5] = f32::NAN;
        assert!(matches!(load(&nan), Error::NonFiniteParameter { index: 5, .. }));
    }

    #[test]
    fn damaged_bytes_are_an_error_and_never_a_panic() {
        let bytes = to_safetensors(&mlp(1, &Device::default())).expect("writes");
        let load = |bytes: &[u8]| from_safetensors(mlp(2, &Device::default()), bytes).map(|_| ());
        for length in 0..bytes.len() {
            assert!(load(&bytes[..length]).is_err(), "cut to {length} bytes");
        }
        // A damaged header may still describe the same tensors (a space for a space), but must not panic.
        for position in 0..200 {
            let mut damaged = bytes.clone();
            damaged[position] ^= 0x5a;
            let _ = load(&damaged);
        }
        assert!(matches!(load(b"version https://git-lfs"), Err(Error::CorruptWeights { .. })));
    }
}
