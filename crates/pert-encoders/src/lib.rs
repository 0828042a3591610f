//! Perturbation encoders: gene sets with annotations, order-invariant, seen or unseen
