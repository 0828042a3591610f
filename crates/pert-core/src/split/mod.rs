//! Which cells a model may learn from, and which it is judged on.

mod check;
mod config;
mod draw;
mod file;
mod rule;
mod rules;

#[cfg(test)]
mod tests;

pub use config::SplitConfig;
pub use file::{SPLIT_FORMAT, Split};
pub(crate) use rule::KNOWN_RULES;
pub use rule::{HoldOut, HoldOutRule};
