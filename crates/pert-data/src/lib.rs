//! Cell files in and out: AnnData .h5ad, gene selection, a simulator with known truth
