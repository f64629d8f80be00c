//! Builds SSA from bytecode and feedback.
//!
//! The builder walks the blocks of the bytecode in reverse postorder with an environment: the SSA value of each live
//! register, unboxed where its type is known. Where ways meet, differing values become phis; at loop headers the phis are
//! made before the back edges are known, with the types of the values that enter. When a back edge then brings something
//! else, the loop gets a hint and the whole function is built again (building costs microseconds, LLVM milliseconds).
//!
//! `bytecode` liveness and flow, `instances` copies of blocks, `context` environments, merging and frame states, `emit`
//! typed instructions and guards; then one file for each family of opcodes, with the method names of the opcode table.
mod arith;
mod builtins;
pub mod bytecode;
mod call;
mod closure;
mod compare;
mod context;
mod emit;
mod fields;
pub mod graph;
mod inline;
pub mod instances;
mod jump;
mod load;
mod loops;
mod metamethod;
mod select;
mod table;
#[cfg(test)]
pub mod testing;

pub use compare::{fold_float, fold_int};
pub use emit::{kinds, kinds_of_bits, result_kinds, result_range};
pub use loops::LOOP_EXITED;

use super::ir::{Func, Ty};
use crate::job::{JobEntry, JobInput};
use bytecode::Code;
use selune_core::opcode::Op;
use selune_core::proto::Ins;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// Why a function is not compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// An opcode that stays in the interpreter for now.
    #[error("opcode {} is left to the interpreter", .0.name())]
    Unsupported(Op),
    /// The function is too large.
    #[error("the function is too large to compile")]
    TooLarge,
    /// The bytecode is not what the emitter makes.
    #[error("bytecode of unexpected form")]
    Malformed,
}

/// What an earlier attempt learned about a loop: `(inlining path, header instance, register)`.
type LoopReg = (u64, usize, usize);

/// What earlier attempts at this function learned.
#[derive(Default)]
struct Hints {
    /// Types of loop phis that differ from the entering value's: unboxed (guarded at the entry) or Any.
    phi: HashMap<LoopReg, Ty>,
    /// Headers (blocks) of loops to be peeled, by inlining path.
    peel: HashMap<u64, HashSet<usize>>,
    /// Calls (inlining path, pc) whose callees do not always return the same number of values.
    not_exact: HashSet<(u64, usize)>,
    /// Give up betting on loop phis.
    pessimistic: bool,
    changed: bool,
}

impl Hints {
    fn set(&mut self, key: LoopReg, ty: Ty) {
        if self.phi.insert(key, ty) != Some(ty) {
            self.changed = true;
        }
    }
}

/// Most bytecode instructions of a function that is compiled.
const MAX_CODE: usize = 6000;
/// Attempts before loop phis are no longer bet on.
const MAX_ATTEMPTS: usize = 10;

/// The code of the loop whose back edges lead to `header`.
fn loop_at(code: &[Ins], header: usize) -> &[Ins] {
    let leads_there = |(pc, i): &(usize, &Ins)| {
        matches!(i.op(), Op::ForLoop | Op::JmpBack | Op::TForLoop) && *pc as isize + 1 + i.sbx() == header as isize
    };
    let end = code.iter().enumerate().filter(leads_there).map(|(pc, _)| pc + 1).max().unwrap_or(header);
    code.get(header..end).unwrap_or_default()
}

/// Builds the root function of a job.
pub fn build(job: &JobInput) -> Result<Func, BuildError> {
    let root = job.root();
    if root.code.len() > MAX_CODE {
        return Err(BuildError::TooLarge);
    }
    // A loop is entered with its variables to be closed waiting in the interpreter's frame, which takes over to close them.
    let closes = match job.entry {
        JobEntry::Normal => &root.code[..],
        JobEntry::Osr { pc } => loop_at(&root.code, pc as usize),
    };
    if let Some(ins) = closes.iter().find(|i| i.op() == Op::Tbc) {
        return Err(BuildError::Unsupported(ins.op()));
    }
    let mut codes = HashMap::new();
    let mut hints = Hints::default();
    for attempt in 0.. {
        hints.pessimistic = attempt >= MAX_ATTEMPTS;
        hints.changed = false;
        let (func, ok) = context::Builder::new(job, &mut codes, &mut hints).run()?;
        if ok && (!hints.changed || attempt > MAX_ATTEMPTS) {
            #[cfg(debug_assertions)]
            super::verify::check(&func, "building");
            return Ok(func);
        }
        if attempt > 2 * MAX_ATTEMPTS {
            return Err(BuildError::Malformed);
        }
    }
    unreachable!("the loop above ends by returning")
}

/// The analysed code of the job's functions, made when needed.
type Codes = HashMap<crate::job::ProtoIdx, Rc<Code>>;
