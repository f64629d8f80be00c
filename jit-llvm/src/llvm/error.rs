//! What can go wrong between IR and running code. None of it is the user's problem: the function stays where it was.

use super::load::LlvmUnavailable;
use thiserror::Error;
use vm_bridge::arch::NotAnExit;
use vm_bridge::code_memory::CodeMemoryError;
use vm_bridge::stackmap::StackMapError;

/// Why a module did not become code.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LlvmError {
    /// There is no LLVM, or not any more.
    #[error(transparent)]
    Unavailable(#[from] LlvmUnavailable),
    /// LLVM does not know this machine.
    #[error("LLVM target: {0}")]
    Target(String),
    /// The module does not parse or is not valid.
    #[error("LLVM refuses the module: {0}")]
    InvalidModule(String),
    /// The optimiser failed.
    #[error("LLVM passes: {0}")]
    Passes(String),
    /// The code generator failed.
    #[error("LLVM code generation: {0}")]
    CodeGeneration(String),
    /// The object file has something that compiled code must not have.
    #[error("object file: {0}")]
    Object(&'static str),
    /// A symbol is missing or defined twice, or the linker failed otherwise.
    #[error("LLVM linker: {0}")]
    Link(String),
    /// Code memory is full, or the system gives no more.
    #[error(transparent)]
    Memory(#[from] CodeMemoryError),
    /// The stack map is not as expected.
    #[error(transparent)]
    StackMap(#[from] StackMapError),
    /// A side exit cannot be patched.
    #[error(transparent)]
    SideExit(#[from] NotAnExit),
}
