//! One file per command.

pub mod demo;
pub mod evaluate;
pub mod fit;
pub mod inspect;
pub mod predict;
pub mod simulate;
