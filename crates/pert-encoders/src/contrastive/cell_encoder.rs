//! A trained cell encoder: stored state, embeddings.

use burn::tensor::{Device, Tensor};
use pert_core::{CsrCounts, seeded_rng};
use pert_nn::{from_safetensors, to_safetensors};
use serde::{Deserialize, Serialize};

use super::config::ContrastiveConfig;
use super::data::check_cells;
use super::error::ContrastiveError;
use super::network::{Network, profiles};
use crate::Error;
use crate::pooling::TokenBatch;

/// Version of [`CellEncoderState`] written and read here.
pub const CELL_ENCODER_FORMAT: u32 = 1;

/// Cells encoded at once.
const CELLS_AT_ONCE: usize = 512;

/// Batches are padded to a multiple of this, so that a cell takes the same path through the matrix products, to the last
/// bit, whatever the number of cells beside it.
const ROW_MULTIPLE: usize = 64;

/// All of a cell encoder but its weights, for a model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CellEncoderState {
    /// Format version, [`CELL_ENCODER_FORMAT`].
    pub format: u32,
    /// Settings it was trained with.
    pub config: ContrastiveConfig,
    /// Number of genes.
    pub n_genes: usize,
    /// Number of perturbations in training.
    pub n_perturbations: usize,
}

/// The cell encoder y → g of contrastive training: log1p(10⁴ y / Σy), less the mean of the training
/// cells, through a network, scaled to length 1, for the loss
/// knows its direction alone. Cells of one perturbation lie around its vector.
///
/// ```
/// use burn::tensor::Device;
/// use pert_core::{CsrCounts, seeded_rng};
/// use pert_encoders::{CellEncoder, ContrastiveConfig, ContrastiveData};
/// use std::ops::ControlFlow;
///
/// let counts = CsrCounts::from_dense(2, &[9.0, 1.0, 8.0, 1.0, 1.0, 7.0, 2.0, 9.0])?;
/// let (cells, perturbation_of) = (&[0, 1, 2, 3][..], &[0, 0, 1, 1][..]);
/// let data = ContrastiveData { counts: &counts, cells, perturbation_of, n_perturbations: 2, tokens: None };
/// let config = ContrastiveConfig { d: 4, steps: 50, ..Default::default() };
/// let (rng, device) = (&mut seeded_rng(0, "cell encoder"), Device::default());
/// let encoder = CellEncoder::fit(&data, &config, rng, &device, &mut |_| ControlFlow::Continue(()))?;
/// let g = encoder.encode(&counts, cells)?; // [4, d]
/// let (prototypes, truth) = (encoder.prototypes().expect("learned"), perturbation_of);
/// assert_eq!(encoder.retrieval(&g, &prototypes, truth)?.top1, 1.0);
///
/// let again = CellEncoder::from_state(encoder.state().clone(), &encoder.to_bytes()?, &device)?;
/// assert_eq!(again.encode(&counts, cells)?, g);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CellEncoder {
    pub(super) state: CellEncoderState,
    pub(super) network: Network,
    pub(super) device: Device,
}

impl CellEncoder {
    /// Restores an encoder from its state and the bytes of [`to_bytes`](Self::to_bytes).
    ///
    /// # Errors
    /// [`ContrastiveError`]: another format, settings out of range, weights that are damaged or belong to another model.
    pub fn from_state(
        state: CellEncoderState,
        bytes: &[u8],
        device: &Device,
    ) -> Result<Self, Error> {
        if state.format != CELL_ENCODER_FORMAT {
            let (found, expected) = (state.format, CELL_ENCODER_FORMAT);
            return Err(ContrastiveError::Format { found, expected }.into());
        }
        state.config.checked()?;
        for (name, size) in [("n_genes", state.n_genes), ("n_perturbations", state.n_perturbations)]
        {
            if size == 0 {
                return Err(ContrastiveError::setting(name, "at least 1", size).into());
            }
        }
        let device = device.clone().without_autodiff();
        // The first weights are all replaced; any seed does.
        let rng = &mut seeded_rng(0, "weights to be replaced");
        let network =
            Network::init(&state.config, state.n_genes, state.n_perturbations, rng, &device)?;
        let network = from_safetensors(network, bytes).map_err(ContrastiveError::from)?;
        Ok(Self { state, network, device })
    }

    /// All but the weights.
    pub fn state(&self) -> &CellEncoderState {
        &self.state
    }

    /// The weights as a safetensors file; the same weights give the same bytes.
    ///
    /// # Errors
    /// When the writer refuses a tensor.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        Ok(to_safetensors(&self.network).map_err(ContrastiveError::from)?)
    }

    /// Width of g.
    pub fn dim(&self) -> usize {
        self.state.config.d
    }

    /// The temperature that was learned.
    pub fn temperature(&self) -> f64 {
        self.network.temperature()
    }

    /// g of some cells, row-major `[cells.len(), d]`, each of length 1. A cell's g does not depend on the cells beside it.
    ///
    /// # Errors
    /// [`ContrastiveError`]: another number of genes than in training, a cell that does not exist or has no counts.
    pub fn encode(&self, counts: &CsrCounts, cells: &[usize]) -> Result<Vec<f32>, Error> {
        ContrastiveError::check_length("genes", self.state.n_genes, counts.n_genes())?;
        check_cells(counts, cells)?;
        let mut g = Vec::with_capacity(cells.len() * self.dim());
        for cells in cells.chunks(CELLS_AT_ONCE) {
            let n_rows = cells.len().next_multiple_of(ROW_MULTIPLE);
            let rows = host(self.network.cells(profiles(counts, cells, n_rows, &self.device)));
            g.extend_from_slice(&rows[..cells.len() * self.dim()]);
        }
        Ok(g)
    }

    /// The learned prototypes of the training's perturbations, row-major `[n_perturbations, d]`, each of length 1; `None` when
    /// perturbations were sets of tokens.
    pub fn prototypes(&self) -> Option<Vec<f32>> {
        self.network.prototypes().map(host)
    }

    /// The vectors of perturbations given as sets of tokens, row-major `[n, d]`, each of length 1: of those seen in training
    /// and of others.
    ///
    /// # Errors
    /// [`ContrastiveError::Tokens`] for an encoder of prototypes; tokens of another kind than in training.
    pub fn encode_sets(&self, tokens: &TokenBatch) -> Result<Vec<f32>, Error> {
        let tokens = tokens.to_device(&self.device);
        let vectors = self.network.sets(&tokens).map_err(ContrastiveError::from)?;
        let none = ContrastiveError::Tokens("prototypes were learned, which take no tokens");
        Ok(vectors.map(host).ok_or(none)?)
    }
}

fn host(rows: Tensor<2>) -> Vec<f32> {
    rows.into_data().iter::<f32>().collect()
}
