//! The proof that Selune is right and fast: behaviour tests, random programs, the official suite, benchmarks.
//!
//! Start at `behaviour` (what a test is) and `variants` (in which ways it runs); the program's subcommands are in `main.rs`.

pub mod behaviour;
pub mod bench;
pub mod fuzz;
pub mod official;
pub mod places;
pub mod process;
pub mod stats;
pub mod variants;
