//! What is known about a function or a level (`lua_getinfo`).
use super::levels::Level;
use super::names::name_of_level;
use super::{line_of, source_of};
use crate::Vm;
use selune_core::object::Closure;
use selune_core::proto::Proto;
use selune_core::thread::frame_flags;
use selune_core::value::Value;

/// The fields of PUC's `lua_Debug`.
#[derive(Clone, Debug)]
pub struct DebugInfo {
    /// Chunk name.
    pub source: Vec<u8>,
    /// Chunk name as messages show it.
    pub short_src: Vec<u8>,
    /// "Lua", "C" or "main".
    pub what: &'static str,
    /// The line that runs, -1 when unknown.
    pub currentline: i32,
    /// Where the definition starts, -1 for natives.
    pub linedefined: i32,
    /// Where it ends, -1 for natives.
    pub lastlinedefined: i32,
    /// What it was called as.
    pub name: Option<Vec<u8>>,
    /// What sort of name that is, "" without one.
    pub namewhat: &'static str,
    /// Number of upvalues.
    pub nups: u32,
    /// Number of fixed parameters.
    pub nparams: u32,
    /// Takes varargs.
    pub isvararg: bool,
    /// Was called by a tail call.
    pub istailcall: bool,
    /// The function; nil for levels in compiled code.
    pub func: Value,
    /// Number of the first value that a call hook sees as argument or a return hook as result.
    pub ftransfer: u32,
    /// How many such values there are.
    pub ntransfer: u32,
}

impl Vm {
    /// About a level of a thread; None beyond the last one.
    pub fn level_info(&self, thread: Value, n: usize) -> Option<DebugInfo> {
        let mut above = None;
        let mut levels = self.levels_of(thread);
        for _ in 0..n {
            above = Some(levels.next()?);
        }
        let level = levels.next()?;
        let mut info = self.info(level.func, level.code());
        let caller = levels.next();
        info.istailcall = level.is_tail(caller.as_ref());
        if let Some(name) = name_of_level(&level, caller.as_ref()) {
            (info.name, info.namewhat) = (Some(name.name), name.kind);
        }
        if let Some(hook) = above.filter(|a: &Level| a.flags & frame_flags::HOOK != 0) {
            let data = self.thread_ref(thread).frames[hook.frame].data;
            (info.ftransfer, info.ntransfer) = ((data >> 32) as u32, data as u32);
        }
        Some(info)
    }
    /// About a function.
    pub fn function_info(&self, f: Value) -> DebugInfo {
        let proto = self.proto_of(f);
        let mut info = self.info(f, proto.map(|p| (p, 0)));
        info.currentline = -1;
        info
    }
    /// The code of a Lua function.
    pub fn proto_of(&self, f: Value) -> Option<&Proto> {
        // SAFETY: checked to be a closure, whose proto is alive while the borrow of the VM keeps collections away.
        if f.is_lua_closure() { Some(unsafe { &*(*f.as_closure()).proto }) } else { None }
    }
    fn info(&self, func: Value, code: Option<(&Proto, usize)>) -> DebugInfo {
        let mut info = DebugInfo {
            source: b"=[C]".to_vec(),
            short_src: b"[C]".to_vec(),
            what: "C",
            currentline: -1,
            linedefined: -1,
            lastlinedefined: -1,
            name: None,
            namewhat: "",
            nups: 0,
            nparams: 0,
            isvararg: true,
            istailcall: false,
            func,
            ftransfer: 0,
            ntransfer: 0,
        };
        if let Some((p, pc)) = code {
            info.source = source_of(p).to_vec();
            info.short_src = selune_compiler::chunk_id(&info.source);
            info.what = if p.line_defined == 0 { "main" } else { "Lua" };
            info.currentline = line_of(p, pc);
            info.linedefined = p.line_defined as i32;
            info.lastlinedefined = p.last_line as i32;
            info.nups = p.upvals.len() as u32;
            info.nparams = p.num_params as u32;
            info.isvararg = p.is_vararg;
        } else if func.is_native() {
            // SAFETY: checked to be a native.
            info.nups = unsafe { (*func.as_native()).header.aux };
        }
        info
    }
    /// The lines of a function that have code, with repetitions; None for natives.
    pub fn active_lines(&self, info: &DebugInfo) -> Option<Vec<u32>> {
        let p = self.proto_of(info.func)?;
        Some(p.lines.iter().skip(p.is_vararg as usize).copied().collect())
    }
    /// The cell of upvalue `n` (from 0) of a Lua closure.
    pub(super) fn cell_of(&self, f: Value, n: usize) -> Option<Value> {
        if n >= self.proto_of(f)?.upvals.len() {
            return None;
        }
        // SAFETY: a closure has as many cells as its proto has upvalues.
        Some(unsafe { *Closure::upvalue(f.as_closure(), n) })
    }
}
