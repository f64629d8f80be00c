//! Coroutines with compiled frames: when they take a native stack, and how values and control go between stacks.
//!
//! Interpreted frames need no native stack: resuming and yielding exchange the running thread within one run of the
//! interpreter (coroutine.rs). When a coroutine enters compiled code it does so on a native stack of its own
//! (`run_on_own_stack`), and the run of the interpreter waits for it as its parent. Who comes back says why: the coroutine
//! yielded, the code ended (the run goes on with the coroutine's interpreted frames), or it died (`came_back`).
//!
//! A side that waits does so in Rust code, or right in the trampoline of compiled code (`Waits`): the two functions
//! `resume_from_compiled` and `yield_from_compiled` do everything before the switch, which then goes from compiled code
//! straight to compiled code. Frames of kind Resume and Yield stand on the threads in either case, so that both sides of
//! a switch, tracebacks and `coroutine.close` need not know how the other one waits.
use crate::Vm;
use crate::call::Flow;
use crate::native::{NativeKind, Thrown};
use crate::vm::MAX_C_LEVELS;
use selune_core::coroutine_stack::{COROUTINE_STACK_COST, CoroutineStack, Ended, Waits, Work};
use selune_core::native_state::ARG_SLOTS;
use selune_core::proto::tier_flags;
use selune_core::thread::{CallFrame, Delivery, FrameKind, Status, Thread, frame_flags};
use selune_core::value::{MULTI, Value};

/// Why a parent's wait is over.
pub mod code {
    /// The coroutine yielded: its resumer runs, values are in `native.transfer`.
    pub const YIELDED: u64 = 0;
    /// The compiled code ended (`CoroutineStack::ended`): the coroutine runs.
    pub const ENDED: u64 = 1;
    /// The coroutine runs, with an error that nothing in it catches.
    pub const DIED: u64 = 2;
}

/// Bytes of a coroutine's stack that must be free above the limit when compiled code is entered by the VM.
const ENTRY_ROOM: u64 = 16 << 10;

impl Vm {
    /// May compiled code be entered by the interpreter here?
    #[inline]
    pub fn may_run_compiled(&self) -> bool {
        self.thread().hook_mask == 0 && (self.native.stack.is_null() || self.has_room_on_stack())
    }
    /// On a coroutine's stack compiled code leaves more and more to the interpreter, which does not recurse.
    fn has_room_on_stack(&self) -> bool {
        let here = 0u8;
        (&raw const here as u64) > self.native.context.native_limit + ENTRY_ROOM
    }
    /// Is this a coroutine that runs on somebody else's native stack?
    #[inline]
    pub(crate) fn needs_own_stack(&self) -> bool {
        self.thread().native.is_null() && self.current != self.main
    }
    /// Enters compiled code on a new native stack; returns when the coroutine yields, dies or has ended the code. None:
    /// there is no stack, nothing has happened.
    pub(crate) fn run_on_own_stack(&mut self, work: Work) -> Option<Result<Flow, Thrown>> {
        let stack = self.take_stack()?;
        let owner = self.cur;
        self.thread_mut().native = stack;
        // SAFETY: a stack that the backend has just made.
        unsafe { ((*stack).owner, (*stack).work) = (owner, work) };
        // SAFETY: as above; nothing runs on it yet.
        unsafe { self.enter_stack(stack, Waits::Interpreter) };
        let code = self.switch_stacks(0, 0);
        Some(self.came_back(code))
    }
    /// A native stack, unless there are too many of them.
    fn take_stack(&mut self) -> Option<*mut CoroutineStack> {
        if self.heap.memory_limit != usize::MAX && self.heap.reserve(COROUTINE_STACK_COST).is_err() {
            return None;
        }
        let stack = self.with_backend(|b, vm| b.take_stack(vm)).filter(|s| !s.is_null())?;
        self.heap.count_coroutine_stack(COROUTINE_STACK_COST as isize);
        Some(stack)
    }
    /// Makes a stack that waits the running one, with the running one as its parent. The switch itself must follow.
    #[inline(always)]
    unsafe fn enter_stack(&mut self, stack: *mut CoroutineStack, waits: Waits) {
        // SAFETY: the caller passes a live stack that is not active.
        let s = unsafe { &mut *stack };
        s.parent = self.native.stack;
        s.parent_context = self.native.context.fresh_copy();
        s.parent_waits = waits;
        s.is_active = true;
        self.native.context = s.context;
        self.native.stack = stack;
        self.native.switch_from = &raw mut s.parent_sp;
        self.native.switch_to = s.sp;
    }
    /// Makes the parent of the running stack the running one; gives how it waits. The switch itself must follow.
    #[inline(always)]
    pub fn leave_stack(&mut self, waits: Waits) -> Waits {
        // SAFETY: only called on a coroutine's stack, which is alive.
        let s = unsafe { &mut *self.native.stack };
        s.context = self.native.context.fresh_copy();
        s.waits = waits;
        s.is_active = false;
        self.native.context = s.parent_context;
        self.native.stack = s.parent;
        self.native.switch_from = &raw mut s.sp;
        self.native.switch_to = s.parent_sp;
        s.parent_waits
    }
    /// Goes to the stack that was prepared; comes back when somebody goes to this one.
    fn switch_stacks(&mut self, value: u64, special: u64) -> u64 {
        // SAFETY: every caller has just called `enter_stack` or `leave_stack`.
        self.with_backend(|b, vm| unsafe { b.switch(vm, value, special) }).expect("a backend")
    }
    /// The parent goes on after a switch to a coroutine's stack.
    pub fn came_back(&mut self, why: u64) -> Result<Flow, Thrown> {
        match why {
            code::YIELDED => {
                let (from, first, n) = self.native.transfer;
                self.deliver_to_resumer(from, first, n)
            }
            code::ENDED => {
                let stack = self.thread().native;
                // SAFETY: the running coroutine's stack, just left for good.
                let (work, ended) = unsafe { ((*stack).work, (*stack).ended) };
                self.release_stack();
                match ended {
                    Ended::Threw => Err(Thrown),
                    Ended::Resume => Ok(Flow::Run),
                    Ended::Returned(v) if work.closure.is_nil() => {
                        let frame = self.thread_mut().frames.pop().expect("the frame that the loop's code finished");
                        self.deliver_compiled(frame, v)
                    }
                    Ended::Returned(v) => {
                        let frame = Vm::frame(FrameKind::Lua, work.func, work.func, work.nresults, work.ret, 0);
                        self.deliver_compiled(frame, v)
                    }
                }
            }
            _ => Err(Thrown),
        }
    }
    /// Gives back the native stack of the running coroutine, which runs on its parent's now.
    fn release_stack(&mut self) {
        self.heap.count_coroutine_stack(-(COROUTINE_STACK_COST as isize));
        self.thread_mut().release_native();
    }
    /// The native stack of a coroutine that does not run and never will again goes.
    pub(crate) fn abandon_stack(&mut self, co: Value) {
        if !self.thread_of(co).native.is_null() {
            self.heap.count_coroutine_stack(-(COROUTINE_STACK_COST as isize));
            self.thread_of(co).release_native();
        }
    }

    // ---- dying
    /// Will the error on its way kill the running coroutine, and may its native stack be left as it is (CORO-1)? Then its
    /// frames stay for tracebacks, as those of a stackless coroutine do.
    pub fn dies_here(&self) -> bool {
        let t = self.thread();
        !t.native.is_null()
            && core::ptr::eq(t.native, self.native.stack)
            && t.nny == 0
            && !t.frames.iter().any(|f| matches!(f.kind, FrameKind::Pcall | FrameKind::Xpcall))
    }
    /// Leaves the running coroutine's stack for ever; its parent goes on with the error.
    #[cold]
    pub fn die(&mut self) -> ! {
        let parent = self.leave_stack(Waits::Interpreter);
        self.switch_stacks(code::DIED, (parent == Waits::Compiled) as u64);
        unreachable!("a dead coroutine was resumed")
    }

    // ---- resuming
    /// Resumes a coroutine that is suspended on its native stack, on behalf of a native whose frame has become a Resume.
    /// The coroutine is the running one already; `n` values at `first` of `from` are what it gets.
    pub(crate) fn resume_on_stack(&mut self, from: *mut Thread, first: u32, n: u32) -> Result<Flow, Thrown> {
        let stack = self.thread().native;
        // SAFETY: the running coroutine's stack.
        let value = match unsafe { (*stack).waits } {
            Waits::Compiled => {
                let f = self.thread_mut().frames.pop().expect("yield's frame");
                self.c_levels += f.nvarargs;
                self.pack(from, first, n, None).0
            }
            Waits::Interpreter => {
                self.native.transfer = (from, first, n);
                0
            }
        };
        // SAFETY: the stack of a suspended coroutine waits.
        unsafe { self.enter_stack(stack, Waits::Interpreter) };
        let why = self.switch_stacks(value, 0);
        self.came_back(why)
    }
    /// Compiled code calls resume, wrap or yield with `nargs` arguments, the first three in `regs` (nil when missing): does all
    /// of it but the switch of stacks, if both sides are on native stacks of their own. Gives what the other side gets.
    #[inline(always)]
    pub fn switch_from_compiled(&mut self, f: Value, kind: NativeKind, nargs: usize, regs: [Value; 3]) -> Option<u64> {
        match kind {
            NativeKind::Yield => self.yield_from_compiled(f, nargs, regs),
            NativeKind::Wrap => {
                // SAFETY: a native of this kind has the coroutine as its upvalue.
                let co = unsafe { *selune_core::object::Native::upvalue(f.as_native(), 0) };
                self.resume_from_compiled(f, co, true, nargs, regs)
            }
            NativeKind::Resume if nargs > 0 && regs[0].is_thread() => self.resume_from_compiled(f, regs[0], false, nargs, regs),
            _ => None,
        }
    }
    #[inline(always)]
    fn resume_from_compiled(&mut self, f: Value, co: Value, wrap: bool, nargs: usize, regs: [Value; 3]) -> Option<u64> {
        // SAFETY: a thread object owns its Thread until it is swept, and nothing is swept here.
        let c = unsafe { &mut *(*co.as_thread_object()).thread };
        let stack = c.native;
        if c.status != Status::Suspended || nargs > ARG_SLOTS {
            return None;
        }
        if stack.is_null() {
            return self.start_from_compiled(f, co, wrap, nargs, regs[0], regs[1], regs[2]);
        }
        let levels = self.c_levels;
        // SAFETY: a live coroutine's stack.
        let waits = unsafe { (*stack).waits };
        if waits != Waits::Compiled || c.hook_mask != 0 || self.thread().hook_mask != 0 || levels >= MAX_C_LEVELS - 1 {
            return None;
        }
        self.push_waiting(FrameKind::Resume, f, 0)?;
        let yielded = c.frames.pop().expect("yield's frame");
        debug_assert_eq!(yielded.kind, FrameKind::Yield);
        self.make_running(c, co, wrap, yielded.nvarargs);
        let value = if wrap { self.pack_arguments(nargs, regs) } else { self.pack_rest(nargs, regs) };
        // SAFETY: the stack of a suspended coroutine waits.
        unsafe { self.enter_stack(stack, Waits::Compiled) };
        Some(value.0)
    }
    /// The running thread, on which the frame of a resume was pushed, waits for `co`, whose own C levels are counted again.
    #[inline(always)]
    fn make_running(&mut self, c: &mut Thread, co: Value, wrap: bool, own_levels: u32) {
        let (resumer, levels) = (self.current, self.c_levels);
        let t = self.thread_mut();
        t.status = Status::Normal;
        let frame = t.frames.last_mut().expect("pushed");
        frame.nvarargs = levels;
        frame.flags = if wrap { frame_flags::WRAP } else { 0 };
        self.c_levels = levels + 1 + own_levels;
        c.resumer = resumer;
        c.status = Status::Running;
        self.cur = c;
        self.current = co;
        self.heap.remember_thread(self.cur);
    }
    /// The same for a coroutine that has not started, whose function is compiled: it begins on a stack of its own.
    #[inline(never)]
    #[allow(clippy::too_many_arguments)]
    fn start_from_compiled(&mut self, f: Value, co: Value, wrap: bool, nargs: usize, a0: Value, a1: Value, a2: Value) -> Option<u64> {
        let regs = [a0, a1, a2];
        // SAFETY: a thread object owns its Thread until it is swept, and nothing is swept here.
        let c = unsafe { &mut *(*co.as_thread_object()).thread };
        let first = nargs - !wrap as usize;
        let is_new = c.frames.is_empty() && c.top == 1 && first as u32 + 20 <= c.stack_cap;
        if !is_new || c.hook_mask != 0 || self.thread().hook_mask != 0 || self.c_levels >= MAX_C_LEVELS - 1 {
            return None;
        }
        let closure = c.stack_slice()[0];
        // SAFETY: checked to be a closure, whose proto is alive.
        let is_compiled = closure.is_lua_closure() && unsafe { (*(*closure.as_closure()).proto).tier.flags & tier_flags::COMPILED != 0 };
        if !is_compiled || !self.may_run_compiled() {
            return None;
        }
        self.push_waiting(FrameKind::Resume, f, 0)?;
        let Some(stack) = self.take_stack() else {
            self.thread_mut().frames.pop();
            return None;
        };
        c.native = stack;
        let work = Work { closure, code: 0, func: 0, nargs: first as u32, nresults: -1, ret: Delivery::Coroutine };
        // SAFETY: a stack that the backend has just made.
        unsafe { ((*stack).owner, (*stack).work) = (&raw mut *c, work) };
        self.make_running(c, co, wrap, 0);
        let skip = nargs - first;
        for (i, slot) in c.stack_slice()[1..].iter_mut().take(first).enumerate() {
            let from = i + skip;
            *slot = if from < 3 { regs[from] } else { self.native.args[from] };
        }
        c.top = 1 + first as u32;
        // SAFETY: nothing runs on it yet.
        unsafe { self.enter_stack(stack, Waits::Compiled) };
        Some(0)
    }
    /// The bottom function of the running coroutine has ended its compiled code with `v`, and the resumer waits in compiled code:
    /// everything but the switch to it, and giving back the native stack. Gives what the resumer gets; None: nothing was done.
    pub fn end_to_compiled(&mut self, v: Value) -> Option<u64> {
        let t = self.thread();
        // SAFETY: the stack that runs is the coroutine's, alive.
        let (work, waits) = unsafe { ((*t.native).work, (*t.native).parent_waits) };
        let is_bottom = work.ret == Delivery::Coroutine && !work.closure.is_nil();
        let many = v.0 == MULTI && self.native.nresults as usize >= ARG_SLOTS;
        if !is_bottom || waits != Waits::Compiled || t.hook_mask != 0 || many {
            return None;
        }
        let (from, resumer) = (self.cur, t.resumer);
        // SAFETY: the resumer of a running coroutine is a thread, alive as long as this one runs.
        let r = unsafe { &mut *(*resumer.as_thread_object()).thread };
        if r.hook_mask != 0 {
            return None;
        }
        let resume = r.frames.pop().expect("a resume's frame");
        self.c_levels = resume.nvarargs;
        r.status = Status::Running;
        self.cur = r;
        self.current = resumer;
        self.heap.remember_thread(self.cur);
        self.leave_stack(Waits::Interpreter);
        // SAFETY: the thread object is alive: its value was just current.
        let ended = unsafe { &mut *from };
        (ended.status, ended.resumer, ended.native, ended.top) = (Status::Dead, Value::NIL, core::ptr::null_mut(), 0);
        self.heap.count_coroutine_stack(-(COROUTINE_STACK_COST as isize));
        self.heap.retire_thread(ended);
        if resume.flags & frame_flags::WRAP != 0 {
            return Some(v.0);
        }
        let n = if v.0 == MULTI { self.native.nresults as usize } else { 1 };
        let args = &mut self.native.args;
        if v.0 == MULTI {
            args.copy_within(..n, 1);
        } else {
            args[1] = v;
        }
        args[0] = Value::TRUE;
        self.native.nresults = n as u32 + 1;
        Some(MULTI)
    }
    #[inline(always)]
    fn yield_from_compiled(&mut self, f: Value, nargs: usize, regs: [Value; 3]) -> Option<u64> {
        let t = self.thread();
        let stack = t.native;
        if stack.is_null() || t.nny > 0 || t.hook_mask != 0 || nargs > ARG_SLOTS {
            return None;
        }
        debug_assert!(core::ptr::eq(stack, self.native.stack));
        let (from, resumer) = (self.cur, t.resumer);
        // SAFETY: the resumer of a running coroutine is a thread, alive as long as this one runs.
        let r = unsafe { &mut *(*resumer.as_thread_object()).thread };
        if r.hook_mask != 0 {
            return None;
        }
        let at = self.push_waiting(FrameKind::Yield, f, nargs as u32)?;
        let resume = *r.frames.last().expect("a resume's frame");
        debug_assert_eq!(resume.kind, FrameKind::Resume);
        let t = self.thread_mut();
        t.status = Status::Suspended;
        t.resumer = Value::NIL;
        let levels = self.c_levels.saturating_sub(resume.nvarargs + 1);
        self.thread_mut().frames.last_mut().expect("pushed").nvarargs = levels;
        // SAFETY: the running coroutine's stack.
        let parent_waits = unsafe { (*stack).parent_waits };
        let value = match parent_waits {
            Waits::Compiled => {
                r.frames.pop();
                self.c_levels = resume.nvarargs;
                if resume.flags & frame_flags::WRAP != 0 { self.pack_arguments(nargs, regs).0 } else { self.pack_success(nargs, regs).0 }
            }
            Waits::Interpreter => {
                self.put_arguments(at + 1, nargs, regs[0], regs[1], regs[2]);
                self.native.transfer = (from, at + 1, nargs as u32);
                code::YIELDED
            }
        };
        r.status = Status::Running;
        self.cur = r;
        self.current = resumer;
        self.heap.remember_thread(self.cur);
        self.leave_stack(Waits::Compiled);
        Some(value)
    }
    /// Pushes the frame of a native that waits, called by compiled code, with room for `n` values above it; gives its slot.
    /// None: there is no room.
    #[inline(always)]
    fn push_waiting(&mut self, kind: FrameKind, f: Value, n: u32) -> Option<u32> {
        let t = self.thread_mut();
        let at = t.live_top();
        if at + n + 2 > t.stack_cap {
            return None;
        }
        // A parent that has to go on in Rust gives the results to this frame and then restores the top (`finish_resume`).
        let data = t.top.into();
        t.frames.push(CallFrame { data, ..Vm::frame(kind, at, at + 1, -1, Delivery::Entry, 0) });
        // SAFETY: in bounds by the test above.
        unsafe { *t.stack.add(at as usize) = f };
        Some(at)
    }
    /// A resume by compiled code cannot end in its trampoline: the coroutine's stack is gone or dead, and what comes of that is
    /// found out by the interpreter. Gives where the results are, their number, and the top to be restored. May call.
    pub fn finish_resume(&mut self, why: u64) -> Result<(usize, usize, usize), Thrown> {
        let resumer = self.thread().resumer;
        let home: *mut Thread = self.thread_of(resumer);
        // SAFETY: the resumer of a running coroutine is alive.
        let frames = unsafe { &(*home).frames };
        let (floor, frame) = (frames.len() - 1, *frames.last().expect("a resume's frame"));
        let flow = self.came_back(why);
        self.run_until(home, flow, floor)?;
        let func = frame.func as usize;
        Ok((func, self.top() - func, frame.data as usize))
    }

    // ---- values in the convention of compiled code
    /// `lead` and `n` values at `first` of a thread's stack.
    pub(crate) fn pack(&mut self, from: *mut Thread, first: u32, n: u32, lead: Option<Value>) -> Value {
        let (lead_count, n) = (lead.is_some() as usize, n as usize);
        let total = n + lead_count;
        // SAFETY: the caller passes values on a live thread's stack, which does not move here (THREAD-1).
        let values = unsafe { core::slice::from_raw_parts((*from).stack.add(first as usize), n) };
        if total == 1 {
            return lead.unwrap_or_else(|| values[0]);
        }
        self.native.nresults = total as u32;
        if total <= ARG_SLOTS {
            if let Some(v) = lead {
                self.native.args[0] = v;
            }
            self.native.args[lead_count..total].copy_from_slice(values);
        } else {
            self.native.more = lead.into_iter().chain(values.iter().copied()).collect();
        }
        Value(MULTI)
    }
    /// Writes the arguments of a call by compiled code to the stack. (Out of the way of the paths on which they stay in registers.)
    #[inline(never)]
    fn put_arguments(&mut self, at: u32, n: usize, a0: Value, a1: Value, a2: Value) {
        for i in 0..n {
            let v = if i < 3 { [a0, a1, a2][i] } else { self.native.args[i] };
            self.put(at + i as u32, v);
        }
    }
    /// The arguments of a call by compiled code. (Slots beyond the values are written too.)
    #[inline(always)]
    fn pack_arguments(&mut self, nargs: usize, regs: [Value; 3]) -> Value {
        if nargs == 1 {
            return regs[0];
        }
        let args = &mut self.native.args;
        (args[0], args[1], args[2]) = (regs[0], regs[1], regs[2]);
        self.native.nresults = nargs as u32;
        Value(MULTI)
    }
    /// The same but for the first one.
    #[inline(always)]
    fn pack_rest(&mut self, nargs: usize, regs: [Value; 3]) -> Value {
        if nargs == 2 {
            return regs[1];
        }
        let args = &mut self.native.args;
        (args[0], args[1]) = (regs[1], regs[2]);
        if nargs > 3 {
            args.copy_within(3..nargs, 2);
        }
        self.native.nresults = nargs as u32 - 1;
        Value(MULTI)
    }
    /// `true` and the arguments of a call by compiled code.
    #[inline(always)]
    fn pack_success(&mut self, nargs: usize, regs: [Value; 3]) -> Value {
        if nargs == ARG_SLOTS {
            return self.pack_success_many(regs[0], regs[1], regs[2]);
        }
        let args = &mut self.native.args;
        if nargs > 3 {
            args.copy_within(3..nargs, 4);
        }
        (args[0], args[1], args[2], args[3]) = (Value::TRUE, regs[0], regs[1], regs[2]);
        self.native.nresults = nargs as u32 + 1;
        Value(MULTI)
    }
    #[cold]
    #[inline(never)]
    fn pack_success_many(&mut self, a0: Value, a1: Value, a2: Value) -> Value {
        self.native.more = [Value::TRUE, a0, a1, a2].into_iter().chain(self.native.args[3..].iter().copied()).collect();
        self.native.nresults = ARG_SLOTS as u32 + 1;
        Value(MULTI)
    }
    /// The running coroutine, on its native stack, has become suspended, and its resumer the running thread: goes there with
    /// `n` values at `first`. Comes back when it is resumed; then the values for it are in `native.transfer`.
    pub(crate) fn yield_on_stack(&mut self, from: *mut Thread, first: u32, n: u32) {
        // SAFETY: the stack that runs is the coroutine's, alive.
        let parent_waits = unsafe { (*self.native.stack).parent_waits };
        let value = match parent_waits {
            Waits::Compiled => {
                let resume = self.thread_mut().frames.pop().expect("a resume's frame");
                self.c_levels = resume.nvarargs;
                let lead = if resume.flags & frame_flags::WRAP != 0 { None } else { Some(Value::TRUE) };
                self.pack(from, first, n, lead).0
            }
            Waits::Interpreter => {
                self.native.transfer = (from, first, n);
                code::YIELDED
            }
        };
        self.leave_stack(Waits::Interpreter);
        self.switch_stacks(value, 0);
    }
}
