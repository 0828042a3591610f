//! The `pert` command.
fn main() {}
