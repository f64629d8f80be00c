//! The compilers: bytecode and feedback to typed SSA to machine code, by Cranelift (baseline) or LLVM.
//!
//! Reading order: `job` (what a compilation may know), `ssa` (the typed level: built, improved), `lower` (to LLVM's
//! or Cranelift's IR), `llvm` and `baseline` (to machine code), `worker` (the threads that do all this), `backend` (what the engine of `vm-bridge` talks to).

pub mod backend;
mod baseline;
pub mod job;
pub mod llvm;
pub mod lower;
pub mod ssa;
mod worker;

pub use backend::{LlvmBackend, attach};
