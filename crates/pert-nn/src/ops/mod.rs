//! Special functions, count likelihoods and Kullback–Leibler terms, composed of Burn operations and therefore
//! differentiable on every backend; attention and GELU for inference, in passes of their own on the processor.

mod attention;
mod gelu;
mod host;
mod kl;
mod nb;
mod poisson;
mod sparse;
mod special;
mod zinb;

pub use attention::{Rotary, attention};
pub use gelu::gelu;
pub use host::in_memory;
pub use kl::{kl_normal, kl_normal_standard};
pub use nb::nb_log_prob;
pub use poisson::poisson_log_prob;
pub use sparse::{SparseCounts, nb_log_likelihood, poisson_log_likelihood, zinb_log_likelihood};
pub use special::{lgamma, stirling_error};
pub use zinb::zinb_log_prob;
