//! The optimising compiler: bytecode and feedback to typed SSA to LLVM machine code.

pub mod llvm;
pub mod job;
pub mod ssa;
