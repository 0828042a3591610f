//! Numbers about populations of cells: R2, Frechet distance with its floor, energy distance, rank tests
