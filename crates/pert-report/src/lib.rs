//! Tables and pictures of an evaluation: UMAP, scatter plots, the slides' table
