//! Fit, predict and evaluate: the road from a screen to a table
