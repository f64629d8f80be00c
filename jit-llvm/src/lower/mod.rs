//! SSA to machine-level instructions: LLVM IR, or Cranelift's.
//!
//! One machine function per SSA function. Each family of instructions has its file with a method `lower_*` that `function`
//! calls; `machine` is what they write with, `llvm` its form for LLVM, `exit` side exits and what the runtime must know
//! about them.
//!
//! Reading order: `machine` (LOWER-1), `function` (blocks, phis, values), `exit`, then the families: `number`, `test`,
//! `guard`, `memory`, `alloc`, `call`, `runtime`, `iterate`.
mod alloc;
mod call;
mod clif;
mod llvm;
mod machine;
mod exit;
mod function;
mod guard;
mod iterate;
mod memory;
mod number;
mod runtime;
mod test;

use crate::job::JobInput;
use crate::ssa::ir::Func;
use clif::ClifMachine;
pub(crate) use clif::{EXIT, Surroundings, signature as lower_signature};
use cranelift_codegen::ir::StackSlot;
use cranelift_codegen::isa::TargetFrontendConfig;
use cranelift_frontend::FunctionBuilder;
use function::Lowering;
use llvm::LlvmMachine;
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
    /// The baseline tier leaves that to the optimising one.
    #[error("not in baseline code: {0}")]
    NotInBaseline(&'static str),
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
    /// Value functions as calls by name, for listings.
    pub listing: bool,
    /// Stress: loops call the runtime at polls and go on, in place of leaving.
    pub poll_calls: bool,
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
    let ty = if func.osr { LlvmMachine::osr_type(context) } else { LlvmMachine::entry_type(context) };
    let function = module.add_function(symbol, ty, None);
    let machine = LlvmMachine::new(context, module, function, options.listing);
    let info = Lowering::new(func, job, &machine, options).run()?;
    Ok((function, info))
}

/// Writes the function through Cranelift's builder. Also gives what the runtime needs to know about its code (as `lower`), and
/// the slot of the frame where side exits put what is live, and whether the function makes tail calls.
pub(crate) fn lower_clif(
    (builder, config): (FunctionBuilder, TargetFrontendConfig),
    func: &Func,
    job: &JobInput,
    around: Surroundings,
    options: LowerOptions,
) -> Result<(CodeInfo, StackSlot, bool), LowerError> {
    let machine = ClifMachine::new(builder, around);
    let info = Lowering::new(func, job, &machine, options).run()?;
    let (exit_slot, tail_calls) = machine.finish(config);
    Ok((info, exit_slot, tail_calls))
}
