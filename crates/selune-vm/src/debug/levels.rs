//! The logical levels of a thread: one for each function that runs, innermost first.
//!
//! Frames of kind Close are not levels (they belong to the frame below). A Compiled marker stands for as many levels as the
//! backend says. Everything else is one level.
use crate::Vm;
use selune_core::opcode::Op;
use selune_core::proto::{Ins, Proto};
use selune_core::thread::{CallFrame, FrameKind, Thread, frame_flags};
use selune_core::value::Value;

/// A function that runs.
#[derive(Clone, Copy, Debug)]
pub struct Level {
    /// Index of its frame, or of the marker of its segment, in the thread's `frames`.
    pub frame: usize,
    /// Lives in a compiled frame: it has no registers.
    pub compiled: bool,
    /// `frame_flags` of its frame.
    pub flags: u8,
    /// The function; nil when it is compiled and only machine code knows it.
    pub func: Value,
    proto: *mut Proto,
    pc: usize,
}

impl Level {
    /// The function's code and the index of the running instruction; None for natives.
    pub fn code(&self) -> Option<(&Proto, usize)> {
        // SAFETY: the proto of a function that runs is alive and never moves; a level is only looked at while the borrow of
        // the VM it came from, or the caller's, keeps the program from going on.
        if self.proto.is_null() { None } else { Some((unsafe { &*self.proto }, self.pc)) }
    }
    /// The function's proto, null for natives.
    pub fn proto(&self) -> *mut Proto {
        self.proto
    }
    /// Is it a Lua function?
    pub fn is_lua(&self) -> bool {
        !self.proto.is_null()
    }
    /// Was it called by a tail call, `caller` being the level below? Compiled frames have no flags: there a function that
    /// is not the one that the caller's instruction has always called must have taken another one's place.
    pub fn is_tail(&self, caller: Option<&Level>) -> bool {
        if !self.compiled {
            return self.flags & frame_flags::TAIL != 0;
        }
        let Some((p, pc)) = caller.and_then(|c| c.code()) else { return false };
        let i = p.code[pc];
        if i.op() != Op::Call || i.s() == 0 {
            return false;
        }
        let seen = p.feedback.call(i.s());
        seen.kind == 1 && seen.callee != self.proto as usize
    }
}

/// Iterates over the levels of a thread, innermost first.
pub struct Levels<'v> {
    vm: &'v Vm,
    thread: &'v Thread,
    /// Number of frames still to be looked at.
    left: usize,
    /// Compiled markers passed.
    segments: usize,
    /// Levels of the marker at `left`, outermost first.
    compiled: Vec<(*mut Proto, *const Ins)>,
    /// The Lua frame below the marker is the outermost compiled level itself (OSR).
    osr: bool,
}

/// The index of the running instruction, from the address of the next one.
fn running(proto: *mut Proto, next: *const Ins) -> usize {
    // SAFETY: the proto of a frame is alive.
    unsafe { (*proto).pc_of(next) }.saturating_sub(1)
}

fn is_closure_of(f: Value, proto: *mut Proto) -> bool {
    // SAFETY: checked to be a closure, whose proto is alive.
    f.is_lua_closure() && unsafe { (*f.as_closure()).proto } == proto
}

impl Vm {
    /// The levels of the running thread.
    pub fn levels(&self) -> Levels<'_> {
        self.levels_in(self.thread())
    }
    /// The levels of a thread.
    pub fn levels_of(&self, thread: Value) -> Levels<'_> {
        self.levels_in(self.thread_ref(thread))
    }
    fn levels_in<'v>(&'v self, thread: &'v Thread) -> Levels<'v> {
        Levels { vm: self, thread, left: thread.frames.len(), segments: 0, compiled: Vec::new(), osr: false }
    }
    /// The level with this number.
    pub fn level_of(&self, thread: Value, n: usize) -> Option<Level> {
        self.levels_of(thread).nth(n)
    }
    /// A thread's state.
    pub(crate) fn thread_ref(&self, v: Value) -> &Thread {
        assert!(v.is_thread());
        // SAFETY: a thread object owns its Thread until it is swept; the borrow of the VM keeps collections away.
        unsafe { &*(*v.as_thread_object()).thread }
    }
}

impl Iterator for Levels<'_> {
    type Item = Level;
    fn next(&mut self) -> Option<Level> {
        if let Some((proto, next)) = self.compiled.pop() {
            let func = if self.compiled.is_empty() { self.outermost_function(proto) } else { Value::NIL };
            return Some(Level { frame: self.left, compiled: true, flags: 0, func, proto, pc: running(proto, next) });
        }
        loop {
            self.left = self.left.checked_sub(1)?;
            let f: CallFrame = self.thread.frames[self.left];
            match f.kind {
                FrameKind::Close => {}
                FrameKind::Lua if std::mem::take(&mut self.osr) => {}
                FrameKind::Compiled => {
                    if let Some(b) = &self.vm.backend {
                        self.compiled = b.frames_of_segment(self.vm, self.thread, self.segments);
                    }
                    self.segments += 1;
                    // (No level at all: there was no room for the first one.)
                    self.osr = !f.proto.is_null() && !self.compiled.is_empty();
                    self.compiled.reverse();
                    if !self.compiled.is_empty() {
                        return self.next();
                    }
                }
                FrameKind::Lua => {
                    let func = self.value(f.func);
                    return Some(Level { frame: self.left, compiled: false, flags: f.flags, func, proto: f.proto, pc: running(f.proto, f.pc) });
                }
                _ => {
                    let func = self.value(f.func);
                    let proto = std::ptr::null_mut();
                    return Some(Level { frame: self.left, compiled: false, flags: f.flags, func, proto, pc: 0 });
                }
            }
        }
    }
}

impl Levels<'_> {
    /// The function of the outermost compiled level of the marker at `left`: that of the interpreted frame below, whose
    /// activation it is (OSR), or what the instruction that runs there calls.
    fn outermost_function(&self, proto: *mut Proto) -> Value {
        let below = self.left.checked_sub(1).map(|i| self.thread.frames[i]);
        let Some(below) = below.filter(|f| f.kind == FrameKind::Lua) else {
            // The function of a coroutine stands at the bottom of its stack.
            let bottom = if below.is_none() { self.value(0) } else { Value::NIL };
            return if is_closure_of(bottom, proto) { bottom } else { Value::NIL };
        };
        let slot = if self.osr {
            below.func
        } else {
            // SAFETY: the proto of a frame is alive.
            let i = unsafe { (&(*below.proto).code)[running(below.proto, below.pc)] };
            if i.op() != Op::Call {
                return Value::NIL;
            }
            below.base + i.a() as u32
        };
        let f = self.value(slot);
        if is_closure_of(f, proto) { f } else { Value::NIL }
    }
    fn value(&self, slot: u32) -> Value {
        assert!(slot < self.thread.stack_cap);
        // SAFETY: THREAD-1, in bounds.
        unsafe { *self.thread.stack.add(slot as usize) }
    }
}
