//! What can go wrong in the engine. None of it is the user's problem: the function stays where it was.
use crate::code_memory::CodeMemoryError;
use crate::stackmap::StackMapError;
use selune_core::opcode::Op;
use thiserror::Error;

/// Why there is no code.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JitError {
    /// The code generator does not compile functions with this opcode.
    #[error("opcode {} is not compiled", .0.name())]
    UnsupportedOpcode(Op),
    /// The function is larger than the limit.
    #[error("the function is too large ({0})")]
    TooLarge(String),
    /// There is no code generator on this machine, or not any more.
    #[error("{0}")]
    Unavailable(String),
    /// The baseline tier leaves the function to the optimising one.
    #[error("not in baseline code: {0}")]
    NotInBaseline(&'static str),
    /// The code generator failed; a defect, or a limit of a library.
    #[error("{0}")]
    Generator(String),
    /// To be asked again soon: a collection was requested that lets the generator do better.
    #[error("not yet")]
    NotYet,
    /// No memory for code.
    #[error(transparent)]
    Memory(#[from] CodeMemoryError),
    /// The stack map is not as expected.
    #[error(transparent)]
    StackMap(#[from] StackMapError),
    /// What the code relied on is not true any more.
    #[error("the assumption does not hold any more: {0}")]
    Assumption(&'static str),
    /// The system refused something.
    #[error("{0}")]
    System(#[from] std::io::Error),
}
