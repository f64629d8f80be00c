//! A coroutine's (or the main program's) stacks: values and call frames.
//!
//! The VM stack holds the registers of interpreted frames: `func` (the called value), then its registers from
//! `base = func + 1` on. A vararg function's frame is moved above its arguments: `func, fixed.., varargs..,
//! func copy, base = fixed copies..`; `nvarargs` values stand just below the copy of `func`.
//! THREAD-1: every slot in `[0, cap)` holds a valid Value; a collection nils the slots above the topmost live one.
use crate::coroutine_stack::CoroutineStack;
use crate::proto::{Ins, Proto};
use crate::value::Value;

/// What a frame is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FrameKind {
    /// An interpreted Lua function.
    Lua,
    /// A native function is running.
    Native,
    /// pcall: the protected call's frame is above.
    Pcall,
    /// xpcall: like Pcall; the handler stands at `func + 1`.
    Xpcall,
    /// coroutine.resume or wrap, waiting for the other coroutine.
    Resume,
    /// coroutine.yield, waiting to be resumed.
    Yield,
    /// Running `__close` methods of the frame below; then the pending return, error or jump goes on.
    Close,
    /// A native that called and goes on when the call returns (dofile, pairs and the like).
    Continuation,
    /// Marker: one segment of compiled frames stands on the native stack here.
    Compiled,
}

/// Where a frame's results go when it returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Delivery {
    /// To the Lua frame below: `func..`, adjusted to `nresults` (called by CALL).
    Call,
    /// To the Lua frame below: as the continuation `cont` of the opcode that needed a metamethod.
    Meta,
    /// To the special frame below (Pcall, Close, ...), which goes on.
    Body,
    /// To `func..`, adjusted; leaves `execute`.
    Entry,
    /// It is the bottom of a coroutine: to who resumed it.
    Coroutine,
}

/// Bits of `CallFrame::flags`.
pub mod frame_flags {
    /// Varargs stand below `func`.
    pub const VARARG: u8 = 1;
    /// Was called by a tail call.
    pub const TAIL: u8 = 2;
    /// Has registered to-be-closed variables.
    pub const TBC: u8 = 4;
    /// Called as a finalizer.
    pub const FINALIZER: u8 = 8;
    /// Is a hook.
    pub const HOOK: u8 = 16;
    /// Lives in a compiled frame; written back here (values are in this region now).
    pub const WRITTEN_BACK: u8 = 32;
    /// A resume on behalf of coroutine.wrap.
    pub const WRAP: u8 = 64;
    /// Its call hook was called, or it began before there was one.
    pub const ENTERED: u8 = 128;
}

/// One activation. Indices are into the thread's value stack, so that the stack may move.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CallFrame {
    /// The next instruction of a Lua frame (saved at calls and other safepoints), null for natives.
    pub pc: *const Ins,
    /// The running proto, null for natives.
    pub proto: *mut Proto,
    /// Index of R[0].
    pub base: u32,
    /// Index of the called value.
    pub func: u32,
    /// First index above what the frame uses (base + max_stack for Lua functions, top of values for natives).
    pub top: u32,
    /// Results that the caller wants; -1: all.
    pub nresults: i32,
    /// Number of varargs, which stand at `base - 1 - nvarargs .. base - 1` when `VARARG`; a number that is private to the VM in
    /// frames that are no Lua functions.
    pub nvarargs: u32,
    /// What it is.
    pub kind: FrameKind,
    /// `frame_flags`.
    pub flags: u8,
    /// Continuation code of `Meta`, `Close` and `Continuation` frames (meaning private to the VM).
    pub cont: u8,
    /// Where its results go.
    pub ret: Delivery,
    /// Data of the continuation (meaning private to the VM).
    pub data: u64,
}

/// What a coroutine is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Status {
    /// Not started, or yielded.
    Suspended,
    /// The current one.
    Running,
    /// Has resumed another one.
    Normal,
    /// Finished or failed.
    Dead,
}

/// A variable to be closed.
#[derive(Clone, Copy, Debug)]
pub struct Tbc {
    /// Its stack slot.
    pub slot: u32,
    /// Index of its frame in `frames`.
    pub frame: u32,
}

/// A coroutine's state.
#[repr(C)]
pub struct Thread {
    /// The value stack: `stack_cap` valid values.
    pub stack: *mut Value,
    /// Its size in slots, as far as it may be used. Behind it more may be allocated (`reserve`), all nil: a collection looks at
    /// no more than this, and lowers it when a deep recursion is over.
    pub stack_cap: u32,
    /// First free slot above the topmost frame's values; while a native runs, where it pushes.
    pub top: u32,
    /// The frames, innermost last.
    pub frames: Vec<CallFrame>,
    /// Variables to be closed, innermost last.
    pub tbc: Vec<Tbc>,
    /// What it is doing.
    pub status: Status,
    /// Is on the list of remembered threads of the current nursery cycle.
    pub remembered: bool,
    /// Number of runs of the interpreter (C boundaries) on this thread that a yield cannot cross.
    pub nny: u32,
    /// The coroutine's own value (0xFFFE); nil for a main thread without one.
    pub this: Value,
    /// The coroutine that resumed this one, or nil.
    pub resumer: Value,
    /// Hook function, or nil.
    pub hook: Value,
    /// Hook mask.
    pub hook_mask: u8,
    /// Count of instructions between count hooks, and what is left.
    pub hook_count: (u32, u32),
    /// Line and pc last seen by the line hook.
    pub hook_last: (u32, u32),
    /// Allocated slots of the stack.
    allocated: u32,
    /// The native stack that a coroutine with compiled frames runs on; null: none.
    pub native: *mut CoroutineStack,
}

/// Initial slots of a coroutine's stack.
pub const INITIAL_STACK: u32 = 48;
/// Most slots of a stack that Lua code may use ("stack overflow" beyond), LUAI_MAXSTACK of PUC Lua.
pub const MAX_STACK: u32 = 1_000_000;
/// A stack of more slots shrinks when it is mostly unused.
const DEEP_STACK: u32 = 16 << 10;
/// Slots kept free beyond `MAX_STACK` for error handling.
pub const ERROR_STACK: u32 = 2_000;

impl Thread {
    /// A thread with `cap` slots, all nil.
    pub fn new(cap: u32) -> Thread {
        Thread::with(Storage { stack: Box::leak(vec![Value::NIL; cap as usize].into_boxed_slice()).as_mut_ptr(), cap, frames: Vec::new() })
    }
    /// A thread with the memory of one that has ended.
    pub(crate) fn with(mut storage: Storage) -> Thread {
        let (stack, cap, frames) = (storage.stack, storage.cap, core::mem::take(&mut storage.frames));
        core::mem::forget(storage);
        Thread {
            stack,
            stack_cap: cap,
            top: 0,
            frames,
            tbc: Vec::new(),
            status: Status::Suspended,
            remembered: false,
            nny: 0,
            this: Value::NIL,
            resumer: Value::NIL,
            hook: Value::NIL,
            hook_mask: 0,
            hook_count: (0, 0),
            hook_last: (0, 0),
            allocated: cap,
            native: core::ptr::null_mut(),
        }
    }
    /// Makes the stack at least `need` slots large (it may move; new slots are nil).
    pub fn reserve(&mut self, need: u32) {
        if need > self.stack_cap {
            let wish = need.max((self.stack_cap * 2).min(MAX_STACK));
            if need <= self.allocated { self.stack_cap = wish.min(self.allocated) } else { self.resize(wish) }
        }
    }
    /// Sets the slots above the topmost live one to nil; when there are many more than live ones, most are taken out of use
    /// until they are needed again.
    pub(crate) fn clear_unused(&mut self) {
        let live = self.live_top().min(self.stack_cap);
        self.stack_slice()[live as usize..].fill(Value::NIL);
        // (Above the limit an overflow is being handled.)
        if self.stack_cap > DEEP_STACK && self.stack_cap <= MAX_STACK && live < self.stack_cap / 4 {
            self.stack_cap = (live * 2).max(DEEP_STACK / 2);
        }
    }
    /// Takes the memory of a coroutine that has ended, if it never grew large: its stack has no slots then.
    pub(crate) fn take_storage(&mut self) -> Option<Storage> {
        if self.allocated != INITIAL_STACK || self.frames.capacity() > SPARE_FRAMES || !self.frames.is_empty() || !self.tbc.is_empty() {
            return None;
        }
        self.stack_slice().fill(Value::NIL);
        let storage = Storage { stack: self.stack, cap: self.allocated, frames: core::mem::take(&mut self.frames) };
        (self.stack, self.stack_cap, self.allocated, self.top) = (core::ptr::NonNull::dangling().as_ptr(), 0, 0, 0);
        Some(storage)
    }
    /// Bytes of the stack.
    pub fn stack_bytes(&self) -> usize {
        self.allocated as usize * size_of::<Value>()
    }
    /// Gives the stack exactly `cap` slots; values above are lost.
    pub fn resize(&mut self, cap: u32) {
        let old = self.stack_slice().to_vec();
        let mut new = vec![Value::NIL; cap as usize];
        let n = old.len().min(new.len());
        new[..n].copy_from_slice(&old[..n]);
        let new = Box::leak(new.into_boxed_slice()).as_mut_ptr();
        self.free_stack();
        (self.stack, self.stack_cap, self.allocated) = (new, cap, cap);
    }
    /// All slots.
    #[inline]
    pub fn stack_slice(&mut self) -> &mut [Value] {
        // SAFETY: THREAD-1; `stack` is our own allocation of at least `stack_cap` values.
        unsafe { core::slice::from_raw_parts_mut(self.stack, self.stack_cap as usize) }
    }
    fn free_stack(&mut self) {
        // SAFETY: allocated as a boxed slice of exactly this length in `new` or `resize`.
        drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(self.stack, self.allocated as usize)) });
    }
    /// Gives back the native stack of a coroutine that will not run again.
    pub fn release_native(&mut self) {
        let native = core::mem::replace(&mut self.native, core::ptr::null_mut());
        if !native.is_null() {
            // SAFETY: the stack was this thread's; CORO-1: nothing on it needs to be run or dropped.
            unsafe { ((*native).release)(native) };
        }
    }
    /// The index above all slots that can be live.
    #[inline]
    pub fn live_top(&self) -> u32 {
        self.frames.last().map_or(0, |f| f.top).max(self.top)
    }
}

/// The memory of a coroutine: a stack whose slots are all nil, and room for frames.
pub(crate) struct Storage {
    stack: *mut Value,
    cap: u32,
    frames: Vec<CallFrame>,
}

/// Most frames that memory which is used again has room for.
const SPARE_FRAMES: usize = 16;

impl Storage {
    /// Bytes of it.
    pub(crate) fn bytes(&self) -> usize {
        self.cap as usize * size_of::<Value>() + self.frames.capacity() * size_of::<CallFrame>()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        // SAFETY: allocated as a boxed slice of exactly this length by a thread that has given it away.
        drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(self.stack, self.cap as usize)) });
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.release_native();
        self.free_stack();
    }
}
