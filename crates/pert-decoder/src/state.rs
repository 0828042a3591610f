//! The model on disk: a small state for JSON and the weights as safetensors.

use burn::module::Module;
use burn::tensor::Device;
use pert_core::seeded_rng;
use serde::{Deserialize, Serialize};

use crate::config::VaeConfig;
use crate::error::Error;
use crate::library::LibraryPrior;
use crate::network::Network;
use crate::vae::Vae;

/// The version of [`VaeState`] written and read here.
pub const STATE_FORMAT: u32 = 1;

/// Everything of a [`Vae`] but its weights.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{CsrCounts, seeded_rng};
/// use pert_decoder::{Conditions, Vae, VaeConfig};
/// let device = Device::default();
/// let vae = Vae::untrained(VaeConfig::new(3, 2), &mut seeded_rng(0, "weights"), &device)?;
/// let restored = Vae::from_state(vae.state(), &vae.to_safetensors()?, &device)?;
/// let counts = CsrCounts::from_dense(3, &[4.0, 0.0, 1.0])?;
/// let g = |vae: &Vae| vae.encode(&counts, &[0], Conditions::default());
/// assert_eq!(g(&restored)?, g(&vae)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VaeState {
    /// Version of this format, [`STATE_FORMAT`].
    pub format: u32,
    /// The settings.
    pub config: VaeConfig,
    /// p(l|p).
    pub library_prior: LibraryPrior,
    /// What generation adds to every log library size.
    pub log_library_offset: f64,
}

impl Vae {
    /// The state beside the weights.
    pub fn state(&self) -> VaeState {
        VaeState {
            format: STATE_FORMAT,
            config: self.config.clone(),
            library_prior: self.library_prior.clone(),
            log_library_offset: self.log_library_offset,
        }
    }

    /// The weights as a safetensors file.
    ///
    /// # Errors
    /// [`Error::Network`] when the writer refuses.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, Error> {
        Ok(pert_nn::to_safetensors(&self.network)?)
    }

    /// The model of a state and its weights; exactly the one that was stored.
    ///
    /// # Errors
    /// [`Error::StateFormat`], what [`VaeConfig::check`] finds, [`Error::InvalidValue`] for an offset that is not
    /// finite, and [`Error::Network`] for weights that are damaged or another model's.
    pub fn from_state(state: VaeState, weights: &[u8], device: &Device) -> Result<Self, Error> {
        if state.format != STATE_FORMAT {
            return Err(Error::StateFormat { found: state.format, expected: STATE_FORMAT });
        }
        state.config.check()?;
        crate::inputs::check_values(
            "the log library offset",
            [state.log_library_offset],
            "a finite number",
            f64::is_finite,
        )?;
        let device = device.clone().without_autodiff();
        // Every weight drawn here is replaced.
        let network = Network::init(&state.config, &mut seeded_rng(0, "replaced"), &device);
        Ok(Self {
            network: pert_nn::from_safetensors(network, weights)?.valid(),
            config: state.config,
            library_prior: state.library_prior,
            log_library_offset: state.log_library_offset,
            device,
        })
    }
}
