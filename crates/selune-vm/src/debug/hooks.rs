//! Debug hooks: where they are kept and when they are called.
//!
//! While a thread with a hook runs, the interpreter uses a second table of handlers (`interp::hooked`), whose entries call
//! `before_instruction` and then the plain handler; without hooks nothing is tested anywhere but at calls of natives and at
//! slow returns. Order and number of events are those of PUC's `luaG_traceexec`, `luaD_hookcall` and `rethook`.
//! HOOK-1: no hook is called while a hook or a finalizer runs (`Vm::hooks_off`).
use super::levels::Level;
use super::line_of;
use crate::Vm;
use crate::native::Thrown;
use selune_core::opcode::Op;
use selune_core::proto::{Ins, Proto};
use selune_core::thread::{CallFrame, FrameKind, frame_flags};
use selune_core::value::Value;

/// Hook at calls.
pub const HOOK_CALL: u8 = 1;
/// Hook at returns.
pub const HOOK_RETURN: u8 = 2;
/// Hook at new lines.
pub const HOOK_LINE: u8 = 4;
/// Hook at every so many instructions.
pub const HOOK_COUNT: u8 = 8;

/// Is it an instruction that PUC does not execute: the return that finishes a tail call of a native, or a jump that the one
/// executed last (at `last`) leads to (PUC leads jumps to their final targets)?
fn is_silent(p: &Proto, pc: usize, last: usize) -> bool {
    match p.code[pc].op() {
        Op::Return => pc > 0 && p.code[pc - 1].op() == Op::TailCall,
        Op::Jmp | Op::JmpBack => {
            let is_jump = |at: usize| p.code.get(at).is_some_and(|i| matches!(i.op(), Op::Jmp | Op::JmpBack));
            let mut at = if is_jump(last) { last } else { last + 1 };
            for _ in 0..100 {
                if !is_jump(at) {
                    return false;
                }
                at = at.wrapping_add_signed(1 + p.code[at].sbx());
                if at == pc {
                    return true;
                }
            }
            false
        }
        _ => false,
    }
}

impl Vm {
    /// Sets the hook of a thread; a mask of 0 or nil as hook: none.
    pub fn set_hook(&mut self, thread: Value, hook: Value, mask: u8, count: u32) {
        let t = self.thread_of(thread);
        (t.hook, t.hook_mask) = if hook.is_nil() || mask == 0 { (Value::NIL, 0) } else { (hook, mask) };
        t.hook_count = (count, count);
        for f in &mut t.frames {
            f.flags |= frame_flags::ENTERED;
        }
        let t: *mut _ = t;
        self.heap.remember_thread(t);
        self.choose_handlers();
    }
    /// Hook (nil: none), mask and count of a thread.
    pub fn hook(&self, thread: Value) -> (Value, u8, u32) {
        let t = self.thread_ref(thread);
        (t.hook, t.hook_mask, t.hook_count.0)
    }
    /// Allows or forbids hooks; gives what was before.
    pub(crate) fn allow_hooks(&mut self, allow: bool) -> bool {
        let before = !std::mem::replace(&mut self.hooks_off, !allow);
        self.choose_handlers();
        before
    }
    /// Makes the interpreter use the handlers that fit the running thread's hooks.
    pub(crate) fn choose_handlers(&mut self) {
        let hooked = self.thread().hook_mask != 0 && !self.hooks_off;
        self.handlers = if hooked { &raw const crate::interp::hooked::HOOKED } else { &raw const crate::interp::HANDLERS };
    }
    /// Is this hook to be called now?
    fn wants(&self, bit: u8) -> bool {
        self.thread().hook_mask & bit != 0 && !self.hooks_off
    }
    /// Calls the hooks that are due before an instruction of the topmost (Lua) frame, whose pc is saved.
    pub(crate) fn before_instruction(&mut self, ins: Ins) -> Result<(), Thrown> {
        let f = *self.thread().frames.last().expect("a Lua frame");
        // SAFETY: the proto of a frame is alive and never moves.
        let p: &Proto = unsafe { &*f.proto };
        let pc = p.pc_of(f.pc) - 1;
        if pc == 0 && f.flags & frame_flags::ENTERED == 0 {
            let t = self.thread_mut();
            t.frames.last_mut().expect("a Lua frame").flags |= frame_flags::ENTERED;
            t.hook_last.1 = 0;
            if self.wants(HOOK_CALL) {
                let event = if f.flags & frame_flags::TAIL != 0 { "tail call" } else { "call" };
                self.call_hook(event, -1, 1, p.num_params as u32)?;
            }
        }
        if ins.op() == Op::VarArgPrep {
            // The next instruction counts as a new line.
            self.thread_mut().hook_last.1 = 1;
            return Ok(());
        }
        if is_silent(p, pc, self.thread().hook_last.1 as usize) {
            return Ok(());
        }
        if self.wants(HOOK_COUNT) {
            let count = &mut self.thread_mut().hook_count;
            count.1 = count.1.wrapping_sub(1);
            if count.1 == 0 {
                count.1 = count.0;
                self.call_hook("count", -1, 0, 0)?;
            }
        }
        if self.wants(HOOK_LINE) {
            let last = Some(self.thread().hook_last.1 as usize).filter(|&l| l < p.code.len()).unwrap_or(0);
            if pc <= last || p.lines.get(last) != p.lines.get(pc) {
                self.call_hook("line", line_of(p, pc), 0, 0)?;
            }
            self.thread_mut().hook_last.1 = pc as u32;
        }
        Ok(())
    }
    /// Calls the call hook of the native whose frame is on top.
    #[cold]
    pub(crate) fn native_call_hook(&mut self, nargs: u32) -> Result<(), Thrown> {
        if self.wants(HOOK_CALL) {
            self.call_hook("call", -1, 1, nargs)?;
        }
        Ok(())
    }
    /// Calls the return hook of a frame that was popped and whose results are `n` values from slot `first`.
    #[cold]
    pub(crate) fn return_hook(&mut self, frame: &CallFrame, first: u32, n: u32) -> Result<(), Thrown> {
        let compiled = frame.kind == FrameKind::Lua && frame.proto.is_null();
        if self.wants(HOOK_RETURN) && !compiled {
            let t = self.thread_mut();
            let top = t.top;
            t.top = top.max(first + n);
            // A pcall that is over must not catch an error of the hook.
            let kind = if frame.kind == FrameKind::Lua { FrameKind::Lua } else { FrameKind::Native };
            t.frames.push(CallFrame { kind, ..*frame });
            let number = self.number_of_slot(first);
            self.call_hook("return", -1, number, n)?;
            let t = self.thread_mut();
            t.frames.pop();
            t.top = top;
        }
        if let Some(&f) = self.thread().frames.iter().rev().find(|f| f.kind != FrameKind::Close)
            && f.kind == FrameKind::Lua
        {
            // SAFETY: the proto of a frame is alive.
            let pc = unsafe { (*f.proto).pc_of(f.pc) }.saturating_sub(1);
            self.thread_mut().hook_last.1 = pc as u32;
        }
        Ok(())
    }
    /// The number under which `get_local` finds a stack slot of the topmost frame.
    fn number_of_slot(&self, slot: u32) -> u32 {
        let Some(level): Option<Level> = self.levels().next() else { return 0 };
        let frame = self.thread().frames[level.frame];
        if !level.is_lua() {
            return slot - frame.func;
        }
        (1..=256).find(|&n| self.slot_of_local(&level, n) == Some(slot)).unwrap_or(0) as u32
    }
    /// Calls the running thread's hook for an event. `line` < 0: none.
    fn call_hook(&mut self, event: &str, line: i32, first: u32, n: u32) -> Result<(), Thrown> {
        let hook = self.thread().hook;
        let event = self.intern(event.as_bytes());
        let line = if line < 0 { Value::NIL } else { Value::small_int(line.into()) };
        let (at, top) = (self.call_base(), self.top());
        self.ensure_stack(at + 4)?;
        for (i, v) in [hook, event, line].into_iter().enumerate() {
            self.put(at + i as u32, v);
        }
        self.thread_mut().top = at + 3;
        self.allow_hooks(false);
        let r = self.call_marked(at as usize, 2, 0, frame_flags::HOOK, (first as u64) << 32 | n as u64);
        self.allow_hooks(true);
        self.thread_mut().top = top as u32;
        r.map(drop)
    }
}
