//! SSA to LLVM IR.
//!
//! One LLVM function per SSA function, built through inkwell. Each family of instructions has its file with a method
//! `lower_*` that `function` calls; `emit` is the builder they share, `prelude` the value functions, `exit` side exits and
//! what the runtime must know about them.
//!
//! Reading order: `emit` (LOWER-1), `function` (blocks, phis, values), `exit`, then the families: `number`, `test`,
//! `guard`, `memory`, `alloc`, `call`, `runtime`, `iterate`.
mod alloc;
mod call;
mod emit;
mod exit;
mod function;
mod guard;
mod iterate;
mod memory;
mod number;
mod prelude;
mod runtime;
mod test;

use crate::job::JobInput;
use crate::ssa::ir::Func;
use emit::Emit;
use function::Lowering;
use inkwell::builder::BuilderError;
use inkwell::context::Context;
use inkwell::module::Module;
use inkwell::values::FunctionValue;
use thiserror::Error;
use vm_bridge::frame_state::{CodeInfo, TooLarge};

/// Why a function was not lowered. A defect of the compiler, counted; the program goes on without this code.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum LowerError {
    /// The SSA function is not what it should be, or `lower` is not.
    #[error("lowering: {0}")]
    Internal(&'static str),
    /// LLVM's builder refused something.
    #[error("lowering: {0}")]
    Builder(String),
    /// Too many values in frame states.
    #[error("lowering: {0}")]
    FrameState(#[from] TooLarge),
}

impl From<BuilderError> for LowerError {
    fn from(e: BuilderError) -> LowerError {
        LowerError::Builder(e.to_string())
    }
}

/// How to lower.
#[derive(Clone, Copy, Debug, Default)]
pub struct LowerOptions {
    /// Value functions as calls of the prelude, for listings.
    pub listing: bool,
    /// Stress: the address of a countdown (i32) for each exit, which is taken when it reaches 0.
    pub exit_countdowns: Option<usize>,
}

/// Adds the function `symbol` to the module. Also gives what the runtime needs to know about its code; `name`, `objects` and
/// `osr_pc` in it are left to the caller.
pub fn lower<'c>(
    context: &'c Context,
    module: &Module<'c>,
    func: &Func,
    job: &JobInput,
    symbol: &str,
    options: LowerOptions,
) -> Result<(FunctionValue<'c>, CodeInfo), LowerError> {
    let ty = if func.osr { Emit::osr_type(context) } else { Emit::entry_type(context) };
    let function = module.add_function(symbol, ty, None);
    let emit = Emit::new(context, module, function, options.listing)?;
    let info = Lowering::new(func, job, emit, options).run()?;
    Ok((function, info))
}
