//! The native stack of a coroutine with compiled frames, as the VM, the collector and trampolines see it.
//!
//! A coroutine is stackless as long as it has interpreted frames only. When it enters compiled code it takes a native stack,
//! on which it runs until that code is left; meanwhile `Thread::native` names it. Stacks form a chain from the one that runs
//! to the main one: each knows its *parent*, which waits for it (`is_active`). A coroutine that yields, or dies of an error,
//! goes back to the parent and leaves its stack as it is.
//!
//! CORO-1: on a stack that is left with a yield or a death there are compiled frames, trampolines, and Rust frames that own
//! nothing; so the memory may be given back without anything running on it. (`Thread::nny` counts the Rust frames for which
//! that is not so.) CORO-2: while a stack is not active its `context` describes it, and no reference in it is young unless its
//! thread is remembered.
use crate::native_state::NativeContext;
use crate::thread::{Delivery, Thread};
use crate::value::Value;

/// How a side that waits takes its values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Waits {
    /// In Rust code: values stand on the VM stack.
    Interpreter,
    /// In a trampoline: the value goes to compiled code, in its convention.
    Compiled,
}

/// What a stack was taken for.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// The function to be called; nil: a loop is entered.
    pub closure: Value,
    /// Code of the loop.
    pub code: usize,
    /// Index of the called value, where results go; the arguments are above.
    pub func: u32,
    /// Number of arguments.
    pub nargs: u32,
    /// How many results are wanted; -1: all.
    pub nresults: i32,
    /// Where they go.
    pub ret: Delivery,
}

/// How the compiled code that a stack was taken for ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// With this value, or the mark MULTI.
    Returned(Value),
    /// The loop's frame was given back to the interpreter.
    Resume,
    /// An error is on its way.
    Threw,
}

/// See the head of this file.
#[repr(C)]
#[derive(Debug)]
pub struct CoroutineStack {
    /// Its stack pointer, while another stack runs.
    pub sp: u64,
    /// Its exit record and limit while it is not active.
    pub context: NativeContext,
    /// The parent's stack pointer, while this one is active.
    pub parent_sp: u64,
    /// The parent's exit record and limit, while this one is active.
    pub parent_context: NativeContext,
    /// The stack that waits for this one; null: the main one.
    pub parent: *mut CoroutineStack,
    /// Runs, or waits for another one that it has resumed.
    pub is_active: bool,
    /// How it waits, after a yield.
    pub waits: Waits,
    /// How its parent waits.
    pub parent_waits: Waits,
    /// The coroutine.
    pub owner: *mut Thread,
    /// What it was taken for.
    pub work: Work,
    /// How that ended.
    pub ended: Ended,
    /// Visits every reference in the compiled frames of a stack that is not active.
    pub visit: unsafe fn(*mut CoroutineStack, &mut dyn FnMut(*mut Value)),
    /// Gives the memory back.
    pub release: unsafe fn(*mut CoroutineStack),
    /// Private to the backend.
    pub engine: usize,
    /// Private to the backend.
    pub low: usize,
    /// Private to the backend.
    pub index: usize,
}

/// Bytes of memory that a stack costs, about.
pub const COROUTINE_STACK_COST: usize = 8 << 10;

/// Bytes below a stack's `native_limit` that Rust code called by compiled code can use.
pub const RUST_ROOM: usize = 352 << 10;
