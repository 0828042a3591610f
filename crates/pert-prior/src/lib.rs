//! Predict how cells respond to perturbations nobody has measured: encoders, diffusion prior, ZINB decoder, honest evaluation
