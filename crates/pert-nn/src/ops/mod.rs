//! Special functions, count likelihoods and Kullback–Leibler terms, composed of Burn operations and therefore
//! differentiable on every backend.

mod kl;
mod nb;
mod poisson;
mod sparse;
mod special;
mod zinb;

pub use kl::{kl_normal, kl_normal_standard};
pub use nb::nb_log_prob;
pub use poisson::poisson_log_prob;
pub use sparse::{SparseCounts, nb_log_likelihood, poisson_log_likelihood, zinb_log_likelihood};
pub use special::{lgamma, stirling_error};
pub use zinb::zinb_log_prob;
