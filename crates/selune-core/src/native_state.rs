//! The part of a VM that machine code knows by offset: where compiled frames are on the native stack, and the values that
//! do not fit into registers at calls.
//!
//! `NativeState` is the first field of the VM, so that the VM's address, which compiled code carries around as its first
//! argument, is the address of this struct. Trampolines (vm-bridge, `arch`) and JITs take the offsets from here with
//! `offset_of!`; nothing else fixes them.

use crate::coroutine_stack::CoroutineStack;
use crate::thread::Thread;
use crate::value::Value;

/// How many arguments of a compiled function travel in machine registers.
pub const ARG_REGISTERS: usize = 3;

/// How many values `NativeState::args` holds: the 255 registers of a frame and some room for fixed additions (the
/// function and implied arguments of metamethods).
pub const ARG_SLOTS: usize = 256 + 8;

/// The native stack as seen from its innermost compiled code. Each coroutine that is suspended inside compiled code
/// keeps its own ([`CoroutineStack`]); the running one's is in the [`NativeState`].
///
/// Compiled frames form *segments*: entry trampoline, compiled frames, then Rust code called by the innermost of them. The
/// exit record describes the innermost frame of the innermost segment; the entry trampoline's frame saves the record
/// and `entry_sp` of the enclosing segment.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeContext {
    /// Return address into the compiled frame that called Rust code; 0 when no compiled code is on the stack. Only valid
    /// while such a call runs.
    pub exit_pc: u64,
    /// Stack pointer of that frame (as it is after the return).
    pub exit_sp: u64,
    /// Frame pointer of that frame.
    pub exit_fp: u64,
    /// Stack pointer of the innermost entry trampoline's frame: where an error goes. 0: none.
    pub entry_sp: u64,
    /// Compiled code must not use the stack below this address.
    pub native_limit: u64,
    /// While the handler of a stack overflow runs (which gets some room more): what `native_limit` is otherwise. 0: none does.
    pub overflow_limit: u64,
}

impl NativeContext {
    /// A copy, read word by word: a trampoline has just written some of the words, and a processor cannot read two at once
    /// while they are on their way to memory.
    #[inline(always)]
    pub fn fresh_copy(&self) -> NativeContext {
        // SAFETY: references to fields.
        let word = |w: &u64| unsafe { core::ptr::read_volatile(w) };
        NativeContext {
            exit_pc: word(&self.exit_pc),
            exit_sp: word(&self.exit_sp),
            exit_fp: word(&self.exit_fp),
            entry_sp: self.entry_sp,
            native_limit: self.native_limit,
            overflow_limit: self.overflow_limit,
        }
    }
    /// No compiled code on this stack.
    pub const EMPTY: NativeContext = NativeContext {
        exit_pc: 0,
        exit_sp: 0,
        exit_fp: 0,
        entry_sp: 0,
        native_limit: 0,
        overflow_limit: 0,
    };
}

impl Default for NativeContext {
    fn default() -> NativeContext {
        NativeContext::EMPTY
    }
}

/// See the head of this file.
#[repr(C)]
#[derive(Debug)]
pub struct NativeState {
    /// The running native stack.
    pub context: NativeContext,
    /// A root for one value that crosses a safepoint inside a runtime function (its result), or travels with an error.
    pub result: Value,
    /// How many results the last call returned, when it returned the mark `MULTI`: they are in `args[..nresults]`, or, if
    /// they do not fit there, where the VM keeps them.
    pub nresults: u32,
    /// How many slots of `args` hold live values: what a collection scans.
    pub live_args: u32,
    /// Arguments beyond the first [`ARG_REGISTERS`] (argument `i` in slot `i`), and the values of multiple results.
    pub args: [Value; ARG_SLOTS],
    /// A tail call on its way: entry, closure, number of arguments, the first three of them. Not a root: nothing collects
    /// between the store and the jump.
    pub tail_call: [u64; 3 + ARG_REGISTERS],
    /// Private to the backend; 0 without one.
    pub engine: usize,
    /// Multiple results that do not fit `args` (then all of them stand here); a root.
    pub more: Vec<Value>,
    /// The coroutine's stack that runs; null: the main one.
    pub stack: *mut CoroutineStack,
    /// Where the next switch of stacks keeps the stack pointer.
    pub switch_from: *mut u64,
    /// The stack pointer that the next switch of stacks goes to.
    pub switch_to: u64,
    /// Values on their way between coroutines: thread, index of the first, number. Taken right after the switch.
    pub transfer: (*mut Thread, u32, u32),
}

impl NativeState {
    /// The state of a VM in which nothing runs.
    pub const fn new() -> NativeState {
        NativeState {
            context: NativeContext::EMPTY,
            result: Value::NIL,
            nresults: 0,
            live_args: 0,
            args: [Value::NIL; ARG_SLOTS],
            tail_call: [0; 3 + ARG_REGISTERS],
            engine: 0,
            more: Vec::new(),
            stack: core::ptr::null_mut(),
            switch_from: core::ptr::null_mut(),
            switch_to: 0,
            transfer: (core::ptr::null_mut(), 0, 0),
        }
    }
}

impl Default for NativeState {
    fn default() -> NativeState {
        NativeState::new()
    }
}
