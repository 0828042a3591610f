//! Conditional ZINB variational autoencoder of raw counts: an improved scVI
