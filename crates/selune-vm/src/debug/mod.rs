//! What a program can learn about itself: positions, names of things in messages, tracebacks, locals and upvalues.
//!
//! Nothing here is kept while a program runs: everything comes from the frames (`levels`), the debug information of the
//! protos, and a symbolic execution of the bytecode that finds out what a register holds (`symbolic`). Texts and numbers are
//! those of PUC Lua 5.4.8. `names` says what a function was called as, `operand_error` and its siblings (`errors`) make
//! messages, `traceback` lists the levels, `info`, `locals`, `upvalues` and `hooks` are what the debug library shows.
mod errors;
mod hooks;
mod info;
mod levels;
mod locals;
mod names;
pub mod symbolic;
mod traceback;
#[cfg(test)]
mod tests;
mod upvalues;

pub use hooks::{HOOK_CALL, HOOK_COUNT, HOOK_LINE, HOOK_RETURN};
pub use info::DebugInfo;
pub use levels::{Level, Levels};

use crate::Vm;
/// What `debug.setcstacklimit` answers.
pub const C_STACK_LIMIT: u32 = crate::vm::MAX_C_LEVELS;
use selune_core::proto::Proto;
use selune_core::string;

/// The chunk name of a function, `=?` when it was stripped.
pub(crate) fn source_of(p: &Proto) -> &[u8] {
    if p.source.is_string() { string::bytes(p.source) } else { b"=?" }
}

/// The line of an instruction, -1 when the function was stripped.
pub(crate) fn line_of(p: &Proto, pc: usize) -> i32 {
    p.lines.get(pc).map_or(-1, |&l| l as i32)
}

impl Vm {
    /// Chunk name and current line (0: unknown) of the function at a level of the running thread (0: the running one, 1: its
    /// caller); None for natives and beyond the last level.
    pub fn debug_position(&self, level: usize) -> Option<(Vec<u8>, u32)> {
        let level = self.levels().nth(level)?;
        let (p, pc) = level.code()?;
        Some((source_of(p).to_vec(), line_of(p, pc).max(0) as u32))
    }
    /// What stands in front of a message that an opcode raises (`luaG_runerror`): "chunk:line: ", or nothing when a native
    /// runs. A stripped function is "?:-1:".
    pub fn running_position(&self) -> Vec<u8> {
        let level = self.levels().next();
        match level.as_ref().and_then(|l| l.code()) {
            Some((p, pc)) => {
                let mut m = selune_compiler::chunk_id(source_of(p));
                m.extend_from_slice(format!(":{}: ", line_of(p, pc)).as_bytes());
                m
            }
            None => Vec::new(),
        }
    }
}
