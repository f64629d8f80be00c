//! Coroutines. Resuming switches the running thread within the same run of the interpreter, as long as no compiled frame
//! is on the coroutine (compiled.rs): then no Rust frame is suspended.
//!
//! A coroutine that has not started has its function and first arguments on its stack and no frame. A suspended one has a
//! frame of kind Yield on top, whose delivery says where the resumer's values go.
use crate::Vm;
use crate::call::Flow;
use crate::native::{Args, Thrown};
use crate::vm::MAX_C_LEVELS;
use selune_core::thread::{FrameKind, MAX_STACK, Status, Thread, frame_flags};
use selune_core::value::Value;

impl Vm {
    /// A new coroutine that will run `f`.
    pub fn new_coroutine(&mut self, f: Value) -> Value {
        let mut t = self.heap.spare_thread();
        t.stack_slice()[0] = f;
        t.top = 1;
        self.heap.new_thread(t)
    }
    /// What a coroutine is doing.
    pub fn coroutine_status(&mut self, co: Value) -> Status {
        self.thread_of(co).status
    }
    /// Can the running coroutine yield?
    pub fn is_yieldable(&mut self, co: Value) -> bool {
        let main = self.main;
        let t = self.thread_of(co);
        co != main && t.nny == 0
    }
    /// Carries out resume or wrap: the native's frame is on top. Switches to the coroutine.
    pub(crate) fn resume(&mut self, args: Args, wrap: bool) -> Result<Flow, Thrown> {
        let frame_index = self.thread().frames.len() - 1;
        let (co, first) = if wrap {
            (self.upvalue(0), 0)
        } else {
            let co = args.get(self, 0);
            if !co.is_thread() {
                return Err(self.type_error(args, 1, "thread"));
            }
            (co, 1)
        };
        let n = args.n.saturating_sub(first);
        let status = self.thread_of(co).status;
        let problem = match status {
            Status::Suspended if self.c_levels >= MAX_C_LEVELS - 1 => Some("C stack overflow"),
            Status::Suspended => None,
            Status::Dead => Some("cannot resume dead coroutine"),
            _ => Some("cannot resume non-suspended coroutine"),
        };
        if let Some(p) = problem {
            return self.resume_problem(p, wrap);
        }
        let levels = self.c_levels;
        {
            let f = &mut self.thread_mut().frames[frame_index];
            (f.kind, f.nvarargs) = (FrameKind::Resume, levels);
            if wrap {
                f.flags |= frame_flags::WRAP;
            }
        }
        self.c_levels += 1;
        let from = self.cur;
        let resumer = self.current;
        self.thread_mut().status = Status::Normal;
        self.switch_to(co);
        self.thread_mut().resumer = resumer;
        self.thread_mut().status = Status::Running;
        if !self.thread().native.is_null() {
            return self.resume_on_stack(from, args.base + first, n);
        }
        let at = self.thread().top;
        self.ensure_stack(at + n + 4)?;
        for i in 0..n {
            // SAFETY: the arguments stand on the resumer's stack, which does not move here (THREAD-1).
            let v = unsafe { *(*from).stack.add((args.base + first + i) as usize) };
            self.put(at + i, v);
        }
        self.thread_mut().top = at + n;
        match self.thread().frames.last().copied() {
            None => self.begin_coroutine(at - 1, n),
            Some(f) => {
                debug_assert_eq!(f.kind, FrameKind::Yield);
                self.thread_mut().frames.pop();
                self.c_levels += f.nvarargs;
                self.finish_frame(f, at, n)
            }
        }
    }
    fn resume_problem(&mut self, p: &str, wrap: bool) -> Result<Flow, Thrown> {
        if wrap {
            let m = self.where_(1);
            let mut m = m;
            m.extend_from_slice(p.as_bytes());
            let v = self.new_str(&m);
            return Err(self.throw(v));
        }
        let f = self.thread_mut().frames.pop().expect("resume's frame");
        let v = self.new_str(p.as_bytes());
        self.thread_mut().top = f.func + 2;
        self.put(f.func, Value::FALSE);
        self.put(f.func + 1, v);
        self.finish_frame(f, f.func, 2)
    }
    /// Back to who resumed the running coroutine.
    pub(crate) fn leave_coroutine(&mut self) {
        let resumer = self.thread().resumer;
        self.thread_mut().resumer = Value::NIL;
        self.switch_to(resumer);
        self.thread_mut().status = Status::Running;
    }
    /// `n` values at `first` of the coroutine `from` are the results of the resume on top of the running thread.
    pub(crate) fn deliver_to_resumer(&mut self, from: *mut Thread, first: u32, n: u32) -> Result<Flow, Thrown> {
        let f = self.thread_mut().frames.pop().expect("a resume's frame");
        debug_assert_eq!(f.kind, FrameKind::Resume);
        self.c_levels = f.nvarargs;
        let skip = if f.flags & frame_flags::WRAP != 0 { 0 } else { 1 };
        // The function stays where it is for a return hook.
        let to = f.func + 1;
        if to + n + 2 >= MAX_STACK {
            let m = self.new_str(b"too many results to resume");
            if skip == 0 {
                return Err(self.throw(m));
            }
            self.thread_mut().top = to + 2;
            self.put(to, Value::FALSE);
            self.put(to + 1, m);
            return self.finish_frame(f, to, 2);
        }
        self.ensure_stack(to + n + 2)?;
        if skip == 1 {
            self.put(to, Value::TRUE);
        }
        for i in 0..n {
            // SAFETY: values on the other coroutine's stack, which does not move here (THREAD-1).
            let v = unsafe { *(*from).stack.add((first + i) as usize) };
            self.put(to + skip + i, v);
        }
        self.thread_mut().top = to + skip + n;
        self.finish_frame(f, to, skip + n)
    }
    /// The bottom function of the running coroutine has returned.
    pub(crate) fn coroutine_returned(&mut self, first: u32, n: u32) -> Result<Flow, Thrown> {
        let from = self.cur;
        self.thread_mut().status = Status::Dead;
        self.leave_coroutine();
        // SAFETY: the thread object is alive: its value was just current. (The values stay where they are.)
        unsafe { (*from).top = 0 };
        let is_hooked = self.thread().hook_mask != 0;
        let r = self.deliver_to_resumer(from, first, n);
        if !is_hooked {
            // SAFETY: nothing has run since that could collect it.
            self.heap.retire_thread(unsafe { &mut *from });
        }
        r
    }
    /// Carries out yield: its frame is on top.
    pub(crate) fn yield_(&mut self, args: Args) -> Result<Flow, Thrown> {
        if self.thread().nny > 0 || self.current == self.main {
            let outside = self.current == self.main;
            let m = if outside { "attempt to yield from outside a coroutine" } else { "attempt to yield across a C-call boundary" };
            let v = self.new_str(m.as_bytes());
            return Err(self.throw(v));
        }
        let levels = self.c_levels;
        let from = self.cur;
        {
            let t = self.thread_mut();
            t.status = Status::Suspended;
            let f = t.frames.last_mut().expect("yield's frame");
            f.kind = FrameKind::Yield;
            t.top = f.func + 1;
            f.top = f.func + 1;
        }
        self.leave_coroutine();
        let base = self.thread().frames.last().map_or(0, |f| f.nvarargs) + 1;
        // SAFETY: the thread object is alive.
        unsafe { (*from).frames.last_mut().expect("yield's frame").nvarargs = levels.saturating_sub(base) };
        // SAFETY: as above.
        if unsafe { (*from).native.is_null() } {
            return self.deliver_to_resumer(from, args.base, args.n);
        }
        self.yield_on_stack(from, args.base, args.n);
        // Resumed.
        let (from, first, n) = self.native.transfer;
        let f = self.thread_mut().frames.pop().expect("yield's frame");
        self.c_levels += f.nvarargs;
        let at = self.thread().top;
        self.ensure_stack(at + n + 4)?;
        for i in 0..n {
            // SAFETY: the arguments stand on the resumer's stack, which does not move here (THREAD-1).
            let v = unsafe { *(*from).stack.add((first + i) as usize) };
            self.put(at + i, v);
        }
        self.thread_mut().top = at + n;
        self.finish_frame(f, at, n)
    }
    /// Carries out coroutine.close(co).
    pub(crate) fn close_coroutine(&mut self, args: Args) -> Result<Flow, Thrown> {
        let co = args.get(self, 0);
        if !co.is_thread() {
            return Err(self.type_error(args, 1, "coroutine"));
        }
        match self.thread_of(co).status {
            Status::Suspended | Status::Dead => {}
            s => {
                let what = if s == Status::Running { "running" } else { "normal" };
                return Err(self.error(format!("cannot close a {what} coroutine")));
            }
        }
        let pending = self.take_death(co);
        let e = self.close_dead(co, pending.unwrap_or(Value::NIL));
        let f = self.thread_mut().frames.pop().expect("close's frame");
        let ok = e.is_nil() && pending.is_none();
        self.thread_mut().top = f.func + 2;
        self.put(f.func, Value::bool(ok));
        self.put(f.func + 1, e);
        self.finish_frame(f, f.func, if ok { 1 } else { 2 })
    }
    /// The error that killed a coroutine and that nobody has asked `coroutine.close` for yet.
    fn take_death(&mut self, co: Value) -> Option<Value> {
        let t = self.thread_of(co);
        if t.status == Status::Dead && t.top > 0 {
            let at = t.top as usize - 1;
            return Some(t.stack_slice()[at]);
        }
        None
    }
    /// Kills a coroutine that does not run and closes its variables; gives the error that remains. May call.
    pub(crate) fn close_dead(&mut self, co: Value, e: Value) -> Value {
        let resumer = self.current;
        self.abandon_stack(co);
        let e = {
            let t = self.thread_of(co);
            t.frames.clear();
            t.status = Status::Dead;
            if t.tbc.is_empty() {
                t.top = 0;
                return e;
            }
            e
        };
        self.thread_mut().status = Status::Normal;
        self.switch_to(co);
        self.thread_mut().resumer = resumer;
        self.thread_mut().status = Status::Running;
        let e = self.close_all_now(0, e);
        self.thread_mut().status = Status::Dead;
        self.thread_mut().top = 0;
        self.thread_mut().frames.clear();
        self.leave_coroutine();
        e
    }
}
