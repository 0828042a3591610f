//! AnnData `.h5ad` files. The only module that names the HDF5 library.
//!
//! | part of the file | read from | written as |
//! |---|---|---|
//! | counts | `X`, `layers/NAME`, `raw/X`; csr, csc or dense; any number type | `X`, csr, 32-bit float, gzip |
//! | `obs` | categorical (also `__categories`), text, numbers, booleans, nullable | categorical, 64-bit float, boolean |
//! | gene names | index of `var`, of `raw/var` for `raw/X` | index of `var` |
//! | `uns` | a table, on request: dict of vectors, data frame | `model`, `seed`, `version` |
//! | `obsm` | a table, on request: dense | – |
//!
//! A file may come from anywhere, so sizes it declares are compared with its length before memory is taken, and a panic
//! of the HDF5 library on hostile bytes becomes an error here.

mod array;
mod container;
mod frame;
mod matrix;
mod writer;

pub(crate) use array::Array;
pub(crate) use container::{Container, Node};
pub(crate) use frame::{Column, Frame, Precision};
pub(crate) use matrix::{Matrix, Reading};
pub use writer::{Provenance, write_h5ad};
