//! The plate-deploy command.
fn main() {}
