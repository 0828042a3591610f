//! Conditional denoising diffusion (DDPM, DDIM) over embeddings
