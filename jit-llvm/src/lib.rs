//! The optimising compiler: bytecode and feedback to typed SSA to LLVM machine code.
//!
//! Reading order: `job` (what a compilation may know), `ssa` (the typed level: built, improved), `lower` (to LLVM IR), `llvm`
//! (to machine code), `worker` (the thread that does all this), `backend` (what the engine of `vm-bridge` talks to).

pub mod backend;
pub mod job;
pub mod llvm;
pub mod lower;
pub mod ssa;
mod worker;

pub use backend::{LlvmBackend, attach};
