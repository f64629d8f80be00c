//! The `selune` program.
fn main() {}
