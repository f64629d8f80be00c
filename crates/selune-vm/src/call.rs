//! Frames: how calls begin and where results go.
//!
//! `begin_call` makes the frame of a Lua function, or runs a native to its end; `finish_frame` delivers the results of
//! a frame that is gone. Neither recurses for Lua functions: after both, the topmost frame is a Lua frame to be run
//! (`Flow::Run`), or the frame that this run of the interpreter was made for has returned (`Flow::Exit`).
//!
//! FRAME-1: before anything that may throw, collect or call, the running Lua frame's `pc` is saved.
//! FRAME-2: `Thread::top` is above every live value that no frame's `top` covers (arguments, open results).
use crate::Vm;
use crate::native::{Args, NativeFn, NativeKind, Thrown};
use crate::semantics::Outcome;
use crate::vm::MAX_C_LEVELS;
use selune_core::coroutine_stack::RUST_ROOM;
use selune_core::opcode::Op;
use selune_core::proto::{Ins, Proto};
use selune_core::shape::Metamethod;
use selune_core::thread::{CallFrame, Delivery, ERROR_STACK, FrameKind, MAX_STACK, Thread, frame_flags};
use selune_core::value::Value;

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Run the topmost (Lua) frame.
    Run,
    /// Leave `execute`.
    Exit,
}

/// Data of a metamethod frame whose result is to be negated.
const NEGATED: u64 = u64::MAX;
/// Slots that a native finds free above its arguments (LUA_MINSTACK).
pub(crate) const NATIVE_STACK: u32 = 20;

/// Less room on a coroutine's native stack is as bad as too many C levels. (What is there suffices for 200 levels of any
/// native of the standard library.)
const LEVEL_ROOM: usize = 64 << 10;
/// More than a level of the parser needs.
const PARSER_LEVEL: usize = 1536;

impl Vm {
    #[inline(always)]
    pub(crate) fn get(&self, i: u32) -> Value {
        self.stack_at(i as usize)
    }
    #[inline(always)]
    pub(crate) fn put(&mut self, i: u32, v: Value) {
        self.set_stack_at(i as usize, v)
    }
    /// A frame with everything else zero.
    #[inline(always)]
    pub(crate) fn frame(kind: FrameKind, func: u32, top: u32, nresults: i32, ret: Delivery, data: u64) -> CallFrame {
        CallFrame {
            pc: core::ptr::null(),
            proto: core::ptr::null_mut(),
            base: func + 1,
            func,
            top,
            nresults,
            nvarargs: 0,
            kind,
            flags: 0,
            cont: 0,
            ret,
            data,
        }
    }
    /// Makes room up to slot `top`; throws "stack overflow".
    #[inline]
    pub fn ensure_stack(&mut self, top: u32) -> Result<(), Thrown> {
        if top > self.thread().stack_cap || top > MAX_STACK { self.grow_stack(top) } else { Ok(()) }
    }
    /// Takes back the room for error handling after a stack overflow was caught.
    pub(crate) fn end_of_overflow(&mut self) {
        let live = self.thread().live_top();
        if self.thread().stack_cap > MAX_STACK && live < MAX_STACK - ERROR_STACK {
            self.thread_mut().resize((live * 2).max(256).min(MAX_STACK));
        }
    }
    #[cold]
    fn grow_stack(&mut self, top: u32) -> Result<(), Thrown> {
        if top > MAX_STACK {
            let handling = self.thread().stack_cap > MAX_STACK || self.native.context.overflow_limit != 0;
            if top > MAX_STACK + ERROR_STACK || !handling {
                if !handling {
                    self.thread_mut().resize(MAX_STACK + ERROR_STACK);
                }
                if handling {
                    let v = self.new_str(b"error in error handling");
                    return Err(self.rethrow(v));
                }
                return Err(self.rt_error("stack overflow"));
            }
        }
        self.thread_mut().reserve(top + 16);
        Ok(())
    }
    /// Begins the call of the value at `func` with `nargs` arguments above it.
    pub(crate) fn begin_call(&mut self, func: u32, mut nargs: u32, nresults: i32, ret: Delivery, data: u64) -> Result<Flow, Thrown> {
        loop {
            let f = self.get(func);
            if f.is_lua_closure() {
                // SAFETY: checked to be a closure; protos never move.
                let (proto, countdown) = unsafe {
                    let proto = (*f.as_closure()).proto;
                    (proto, (*proto).tier.countdown.saturating_sub(1))
                };
                if countdown < 0 {
                    return self.begin_hot(f, func, nargs, nresults, ret, data);
                }
                // SAFETY: as above.
                unsafe { (*proto).tier.countdown = countdown };
                self.push_lua_frame(proto, func, nargs, nresults, ret, data)?;
                return Ok(Flow::Run);
            }
            if f.is_native() {
                return self.call_native(f, func, nargs, nresults, ret, data);
            }
            // `__call`: the object becomes the first argument.
            let mm = self.metamethod(f, Metamethod::Call);
            if mm.is_nil() {
                return Err(self.call_error(f));
            }
            self.ensure_stack(func + nargs + 3)?;
            for i in (0..=nargs).rev() {
                let v = self.get(func + i);
                self.put(func + i + 1, v);
            }
            self.put(func, mm);
            nargs += 1;
            self.thread_mut().top = func + 1 + nargs;
        }
    }
    /// Pushes the frame of a Lua function; arguments are adjusted.
    pub(crate) fn push_lua_frame(&mut self, proto: *mut Proto, func: u32, nargs: u32, nresults: i32, ret: Delivery, data: u64) -> Result<(), Thrown> {
        // SAFETY: a proto that a closure names is alive and never moves.
        let p = unsafe { &*proto };
        let params = p.num_params as u32;
        let mut frame = Vm::frame(FrameKind::Lua, func, 0, nresults, ret, data);
        frame.proto = proto;
        frame.pc = p.code_ptr;
        if p.is_vararg {
            self.ensure_stack(func + 2 + nargs + p.max_stack as u32)?;
            let at = func + 1 + nargs;
            let f = self.get(func);
            self.put(at, f);
            for i in 0..params {
                let v = if i < nargs { self.get(func + 1 + i) } else { Value::NIL };
                self.put(at + 1 + i, v);
                if i < nargs {
                    self.put(func + 1 + i, Value::NIL);
                }
            }
            frame.flags |= frame_flags::VARARG;
            frame.nvarargs = nargs.saturating_sub(params);
            frame.base = at + 1;
        } else {
            self.ensure_stack(func + 1 + p.max_stack as u32)?;
            for i in nargs..params {
                self.put(func + 1 + i, Value::NIL);
            }
        }
        frame.top = frame.base + p.max_stack as u32;
        if ret == Delivery::Meta {
            self.enter_c_level()?;
        }
        self.thread_mut().top = frame.top;
        self.thread_mut().frames.push(frame);
        Ok(())
    }
    /// Counts a C level as PUC does; throws "C stack overflow".
    pub(crate) fn enter_c_level(&mut self) -> Result<(), Thrown> {
        self.c_levels += 1;
        if self.c_levels < MAX_C_LEVELS && (self.native.stack.is_null() || self.rust_room() > LEVEL_ROOM) {
            return Ok(());
        }
        self.c_level_overflow()
    }
    /// Bytes that Rust code can use of a coroutine's native stack.
    fn rust_room(&self) -> usize {
        let here = 0u8;
        (&raw const here as usize).saturating_sub((self.native.context.native_limit as usize).saturating_sub(RUST_ROOM))
    }
    /// The C levels in use, for the parser: as many more where its recursion has no room for the rest of them.
    pub(crate) fn levels_for_parser(&self) -> u32 {
        if self.native.stack.is_null() {
            return self.c_levels;
        }
        let fits = (self.rust_room() / PARSER_LEVEL).min(MAX_C_LEVELS as usize) as u32;
        self.c_levels.max(MAX_C_LEVELS - fits)
    }
    #[cold]
    fn c_level_overflow(&mut self) -> Result<(), Thrown> {
        if self.c_levels < MAX_C_LEVELS {
            // On a coroutine's stack; some of what is left is for message handlers.
            self.c_levels -= 1;
            if self.rust_room() > LEVEL_ROOM / 2 {
                return Err(self.rt_error("C stack overflow"));
            }
            let v = self.new_str(b"error in error handling");
            return Err(self.rethrow(v));
        }
        if self.c_levels == MAX_C_LEVELS {
            let t = self.rt_error("C stack overflow");
            self.c_levels -= 1;
            return Err(t);
        }
        if self.c_levels >= MAX_C_LEVELS / 10 * 11 {
            let v = self.new_str(b"error in error handling");
            self.c_levels -= 1;
            return Err(self.rethrow(v));
        }
        Ok(())
    }
    fn call_native(&mut self, f: Value, func: u32, nargs: u32, nresults: i32, ret: Delivery, data: u64) -> Result<Flow, Thrown> {
        let top = func + 1 + nargs;
        self.ensure_stack(top + NATIVE_STACK)?;
        // SAFETY: checked to be a native by the caller; its flags hold a NativeKind, its function a NativeFn.
        let (kind, function) = unsafe {
            let n = f.as_native();
            (core::mem::transmute::<u8, NativeKind>((*n).header.flags), core::mem::transmute::<*const (), NativeFn>((*n).function))
        };
        if kind != NativeKind::Plain {
            return self.call_special(kind, function, func, nargs, nresults, ret, data);
        }
        self.thread_mut().top = top;
        self.thread_mut().frames.push(Vm::frame(FrameKind::Native, func, top, nresults, ret, data));
        if self.thread().hook_mask != 0 {
            self.native_call_hook(nargs)?;
        }
        let n = function(self, Args { base: func + 1, n: nargs })? as u32;
        let t = self.thread_mut();
        let first = t.top - n;
        if t.hook_mask == 0 {
            // What matters of the frame is known here: reading it back at once would wait for its stores.
            match ret {
                Delivery::Call => {
                    t.frames.truncate(t.frames.len() - 1);
                    self.move_results(func, nresults, first, n);
                    return Ok(Flow::Run);
                }
                Delivery::Entry if nresults < 0 => {
                    t.frames.truncate(t.frames.len() - 1);
                    self.move_results(func, nresults, first, n);
                    return Ok(Flow::Exit);
                }
                _ => {}
            }
        }
        let frame = t.frames.pop().expect("the native's frame");
        self.finish_frame(frame, first, n)
    }
    /// Delivers results, fast where the caller is a Lua frame.
    #[inline]
    fn deliver(&mut self, frame: CallFrame, first: u32, n: u32) -> Result<Flow, Thrown> {
        if frame.ret == Delivery::Call && self.thread().hook_mask == 0 {
            self.move_results(frame.func, frame.nresults, first, n);
            return Ok(Flow::Run);
        }
        self.finish_frame(frame, first, n)
    }
    /// Moves `n` results from `first` to `to`, adjusted to `wanted` (-1: all); sets the thread's top above them when all
    /// are wanted.
    #[inline]
    pub(crate) fn move_results(&mut self, to: u32, wanted: i32, first: u32, n: u32) {
        let count = if wanted < 0 { n } else { n.min(wanted as u32) };
        for i in 0..count {
            let v = self.get(first + i);
            self.put(to + i, v);
        }
        if wanted < 0 {
            self.thread_mut().top = to + n;
        } else {
            for i in count..wanted as u32 {
                self.put(to + i, Value::NIL);
            }
            // Below, `top` protects nothing: the Lua frame's own `top` does.
            let t = self.thread_mut();
            t.top = t.frames.last().map_or(to + wanted as u32, |f| f.top.max(to + wanted as u32));
        }
    }
    /// Delivers the results (`n` values from slot `first`) of a frame that was popped.
    pub(crate) fn finish_frame(&mut self, frame: CallFrame, first: u32, n: u32) -> Result<Flow, Thrown> {
        if self.thread().hook_mask != 0 {
            self.return_hook(&frame, first, n)?;
        }
        match frame.ret {
            Delivery::Call => {
                self.move_results(frame.func, frame.nresults, first, n);
                Ok(Flow::Run)
            }
            Delivery::Entry => {
                let count = if frame.nresults < 0 { n } else { frame.nresults as u32 };
                self.ensure_stack(frame.func + count + 1)?;
                self.move_results(frame.func, frame.nresults, first, n);
                self.thread_mut().top = frame.func + count;
                Ok(Flow::Exit)
            }
            Delivery::Meta => {
                if frame.kind == FrameKind::Lua {
                    self.c_levels = self.c_levels.saturating_sub(1);
                }
                let v = if n > 0 { self.get(first) } else { Value::NIL };
                self.finish_op(v, frame.data)
            }
            Delivery::Body => self.body_returned(first, n),
            Delivery::Coroutine => self.coroutine_returned(first, n),
        }
    }
    /// Makes the call that an opcode's slow path needs, as a frame above the running Lua frame, whose pc is saved.
    pub(crate) fn begin_meta(&mut self, o: Outcome, data: u64) -> Result<Flow, Thrown> {
        crate::interp::metamethod::record_outcome(self, &o);
        let data = if matches!(o, Outcome::NotCall2(..)) { NEGATED } else { data };
        let at = self.thread().frames.last().expect("a Lua frame").top;
        let (values, n): ([Value; 4], u32) = match o {
            Outcome::Value(v) => return self.finish_op(v, data),
            Outcome::Call2(f, a, b) | Outcome::NotCall2(f, a, b) => ([f, a, b, Value::NIL], 2),
            Outcome::Call3(f, a, b, c) => ([f, a, b, c], 3),
        };
        self.ensure_stack(at + 6)?;
        for (i, v) in values.iter().enumerate() {
            self.put(at + i as u32, *v);
        }
        self.thread_mut().top = at + 1 + n;
        self.begin_call(at, n, if n == 2 { 1 } else { 0 }, Delivery::Meta, data)
    }
    /// Completes the opcode before the running Lua frame's pc with the result of its metamethod.
    fn finish_op(&mut self, v: Value, data: u64) -> Result<Flow, Thrown> {
        let frame = *self.thread().frames.last().expect("a Lua frame");
        // SAFETY: FRAME-1: pc is saved behind the opcode that called, so one before it is within the code.
        let ins: Ins = unsafe { *frame.pc.sub(1) };
        // SAFETY: pc points into the code, which always ends with a return.
        let next: Ins = unsafe { *frame.pc };
        let mut jump = |truth: bool| {
            let f = self.thread_mut().frames.last_mut().expect("a Lua frame");
            let taken = truth == (ins.c() != 0);
            // SAFETY: the instruction after a comparison is its jump; both targets are within the code.
            f.pc = unsafe { if taken { f.pc.offset(1 + next.sbx()) } else { f.pc.add(1) } };
        };
        match ins.op() {
            Op::Lt | Op::Le | Op::Eq | Op::LtK | Op::LeK | Op::GtK | Op::GeK | Op::EqK => jump(v.is_truthy() != (data == NEGATED)),
            Op::SetTable | Op::SetInt | Op::SetField | Op::SetTabUp => {}
            Op::Concat => {
                // (The frame of an inlined metamethod has no data: these were the only operands.)
                let n = (data as usize).max(2) - 1;
                let at = (frame.base as usize) + ins.a();
                self.set_stack_at(at + n - 1, v);
                let (n, more) = self.concat_step(at, n)?;
                if let Some(o) = more {
                    return self.begin_meta(o, n as u64);
                }
            }
            _ => self.put(frame.base + ins.a() as u32, v),
        }
        let t = self.thread_mut();
        t.top = t.top.min(frame.top).max(frame.base);
        Ok(Flow::Run)
    }
    /// Pushes `f` and arguments and calls; `nresults` results (-1: all) stay on the stack from the former top on. Gives
    /// their number. May call.
    pub fn call_values(&mut self, f: Value, args: &[Value], nresults: i32) -> Result<usize, Thrown> {
        let at = self.call_base();
        self.ensure_stack(at + args.len() as u32 + 2)?;
        self.put(at, f);
        for (i, v) in args.iter().enumerate() {
            self.put(at + 1 + i as u32, *v);
        }
        self.thread_mut().top = at + 1 + args.len() as u32;
        self.call_at(at as usize, args.len(), nresults)
    }
    /// Where a native (or a runtime function on behalf of a Lua frame) may put a call.
    pub(crate) fn call_base(&self) -> u32 {
        self.thread().live_top()
    }
    /// `call_values` with all results. May call.
    pub fn call(&mut self, f: Value, args: &[Value]) -> Result<usize, Thrown> {
        self.call_values(f, args, -1)
    }
    /// Calls and gives the first result (nil when there is none); the stack is as before. May call.
    pub fn call1(&mut self, f: Value, args: &[Value]) -> Result<Value, Thrown> {
        if args.len() <= 3 {
            let mut registers = [Value::NIL; 3];
            registers[..args.len()].copy_from_slice(args);
            if let Some(r) = self.call_direct(f, args.len() as u32, registers, true) {
                return r;
            }
        }
        let top = self.top();
        let at = self.call_base();
        self.call_values(f, args, 1)?;
        let v = self.get(at);
        self.thread_mut().top = top as u32;
        Ok(v)
    }
    /// Calls the value at stack index `func` with `nargs` arguments above it, which are the topmost values. The results,
    /// adjusted to `nresults` (-1: all), replace them; gives their number. May call.
    pub fn call_at(&mut self, func: usize, nargs: usize, nresults: i32) -> Result<usize, Thrown> {
        self.call_marked(func, nargs, nresults, 0, 0)
    }
    /// `call_at`; the frame of the function, when it is a Lua function, gets these flags and data. May call.
    pub(crate) fn call_marked(&mut self, func: usize, nargs: usize, nresults: i32, flags: u8, data: u64) -> Result<usize, Thrown> {
        let levels = self.c_levels;
        self.enter_c_level()?;
        self.thread_mut().nny += 1;
        let cur = self.cur;
        let floor = self.thread().frames.len();
        let f = self.get(func as u32);
        let flow = if flags != 0 && f.is_lua_closure() {
            // SAFETY: checked to be a closure; protos never move. (Its frame shall tell what it is: it is not compiled code's.)
            let proto = unsafe { (*f.as_closure()).proto };
            self.push_lua_frame(proto, func as u32, nargs as u32, nresults, Delivery::Entry, data).map(|()| Flow::Run)
        } else {
            self.begin_call(func as u32, nargs as u32, nresults, Delivery::Entry, data)
        };
        if flow == Ok(Flow::Run)
            && let Some(f) = self.thread_mut().frames.get_mut(floor)
        {
            f.flags |= flags;
        }
        let result = self.run_until(cur, flow, floor).map(|()| self.top() - func);
        // SAFETY: the thread that called is running again, and alive.
        unsafe { (*cur).nny -= 1 };
        self.c_levels = levels;
        result
    }
    /// `call_at` on behalf of compiled code: counts no C level and forbids no yield.
    pub fn call_from_compiled(&mut self, func: usize, nargs: usize, nresults: i32) -> Result<usize, Thrown> {
        let (home, floor) = (self.cur, self.thread().frames.len());
        let flow = self.begin_call(func as u32, nargs as u32, nresults, Delivery::Entry, 0);
        self.run_until(home, flow, floor)?;
        Ok(self.top() - func)
    }
    /// Calls an ordinary native on behalf of compiled code, as `call_from_compiled` does anything: `fill` writes its `nargs`
    /// arguments. Gives where its results are on the stack and their number; the caller sets the thread's top back. None:
    /// it is something else, or there is something to be done around the call.
    #[inline]
    pub fn native_from_compiled(&mut self, f: Value, nargs: u32, fill: impl FnOnce(*mut Value)) -> Option<Result<(usize, usize), Thrown>> {
        if !f.is_native() {
            return None;
        }
        // SAFETY: checked to be a native; its flags hold a NativeKind, its function a NativeFn. THREAD-1 and room on the stack,
        // which is tested.
        unsafe {
            let native = f.as_native();
            let t = self.cur;
            let at = (*t).live_top();
            let top = at + 1 + nargs;
            let floor = (*t).frames.len();
            if (*native).header.flags != NativeKind::Plain as u8 || top + NATIVE_STACK > (*t).stack_cap || floor == (*t).frames.capacity() || (*t).hook_mask != 0 {
                return None;
            }
            let slot = (*t).stack.add(at as usize);
            *slot = f;
            fill(slot.add(1));
            (*t).top = top;
            (*t).frames.push(Vm::frame(FrameKind::Native, at, top, -1, Delivery::Entry, 0));
            let function = core::mem::transmute::<*const (), NativeFn>((*native).function);
            let n = match function(self, Args { base: at + 1, n: nargs }) {
                Ok(n) => n,
                Err(Thrown) => return Some(self.run_until(t, Err(Thrown), floor).map(|()| (at as usize, 0))),
            };
            if (*t).hook_mask != 0 {
                // It has set a hook: its return is told.
                let frame = (*t).frames.pop().expect("the native's frame");
                let first = (*t).top - n as u32;
                return Some(self.finish_frame(frame, first, n as u32).map(|_| (at as usize, n)));
            }
            (*t).frames.set_len(floor);
            Some(Ok(((*t).top as usize - n, n)))
        }
    }
    /// Runs the frames from number `floor` on, whose lowest has `Delivery::Entry`, until that one has returned (its results
    /// are at its `func..` with the top above them). May call.
    pub fn run_frames(&mut self, floor: usize) -> Result<(), Thrown> {
        self.run_until(self.cur, Ok(Flow::Run), floor)
    }
    /// `home` is the thread that frame `floor` is on (the running one may be a coroutine that a call has just resumed).
    pub(crate) fn run_until(&mut self, home: *mut Thread, mut flow: Result<Flow, Thrown>, floor: usize) -> Result<(), Thrown> {
        let levels = self.c_levels;
        loop {
            flow = match flow {
                Ok(Flow::Exit) => return Ok(()),
                Ok(Flow::Run) => crate::interp::run(self),
                Err(Thrown) => match self.unwind(home, floor) {
                    Ok(flow) => Ok(flow),
                    Err(Thrown) => {
                        self.c_levels = levels;
                        return Err(Thrown);
                    }
                },
            };
        }
    }
    /// The error of compiled code that has no room left on the native stack. A message handler gets `room` bytes more; when
    /// they do not suffice, that is an error in error handling.
    #[cold]
    pub fn native_overflow(&mut self, room: u64) -> Thrown {
        let limit = self.native.context.native_limit;
        if self.native.context.overflow_limit != 0 || self.thread().stack_cap > MAX_STACK {
            let v = self.new_str(b"error in error handling");
            return self.rethrow(v);
        }
        self.native.context.overflow_limit = limit;
        self.native.context.native_limit = limit - room;
        let thrown = self.rt_error("stack overflow");
        // The handler has returned, so this is the native stack that it was before.
        self.native.context.native_limit = limit;
        self.native.context.overflow_limit = 0;
        thrown
    }
    /// Like `call_at`, but an error ends here: its value. May call.
    pub fn pcall_at(&mut self, func: usize, nargs: usize, nresults: i32) -> Result<usize, Value> {
        self.pcall_marked(func, nargs, nresults, 0)
    }
    /// `pcall_at` with flags for the function's frame. May call.
    pub(crate) fn pcall_marked(&mut self, func: usize, nargs: usize, nresults: i32, flags: u8) -> Result<usize, Value> {
        let here = (self.cur as *const Thread, self.thread().frames.len());
        let floor = core::mem::replace(&mut self.handler_floor, here);
        let r = self.catching(func, nargs, nresults, flags);
        self.handler_floor = floor;
        r
    }
    /// `pcall_at` of a function whose errors the message handler of an enclosing `xpcall` sees. May call.
    pub fn pcall_handled_at(&mut self, func: usize, nargs: usize, nresults: i32) -> Result<usize, Value> {
        self.catching(func, nargs, nresults, 0)
    }
    fn catching(&mut self, func: usize, nargs: usize, nresults: i32, flags: u8) -> Result<usize, Value> {
        let tbc = self.thread().tbc.len();
        match self.call_marked(func, nargs, nresults, flags, 0) {
            Ok(n) => Ok(n),
            Err(Thrown) => {
                let mut e = self.error;
                if self.thread().tbc.len() > tbc {
                    e = self.close_all_now(tbc, e);
                }
                self.thread_mut().top = func as u32;
                self.end_of_overflow();
                Err(e)
            }
        }
    }
    /// Results of the frame whose `ret` was `Body` go to the special frame below it.
    fn body_returned(&mut self, first: u32, n: u32) -> Result<Flow, Thrown> {
        let below = *self.thread().frames.last().expect("a special frame");
        match below.kind {
            FrameKind::Pcall | FrameKind::Xpcall => {
                self.c_levels = below.nvarargs;
                self.thread_mut().frames.pop();
                // The body's function or registers were below its results: that slot is dead.
                self.put(first - 1, Value::TRUE);
                self.deliver(below, first - 1, n + 1)
            }
            FrameKind::Close => {
                self.thread_mut().top = below.top;
                self.c_levels = self.c_levels.saturating_sub(1);
                self.close_step()
            }
            FrameKind::Continuation => {
                self.c_levels = self.c_levels.saturating_sub(1);
                self.thread_mut().frames.pop();
                if below.cont == crate::builtins::CONT_THREE {
                    self.ensure_stack(below.func + 4)?;
                    self.move_results(below.func, 3, first, n);
                    return self.deliver(below, below.func, 3);
                }
                self.deliver(below, first, n)
            }
            k => unreachable!("results for a frame of kind {k:?}"),
        }
    }
    /// Calls that the VM carries out itself.
    #[allow(clippy::too_many_arguments)]
    fn call_special(&mut self, kind: NativeKind, function: NativeFn, func: u32, nargs: u32, nresults: i32, ret: Delivery, data: u64) -> Result<Flow, Thrown> {
        let top = func + 1 + nargs;
        self.thread_mut().top = top;
        let native = Vm::frame(FrameKind::Native, func, top, nresults, ret, data);
        self.thread_mut().frames.push(native);
        if self.thread().hook_mask != 0 {
            self.native_call_hook(nargs)?;
        }
        let args = Args { base: func + 1, n: nargs };
        match kind {
            NativeKind::Pcall => {
                self.check_any(args, 0)?;
                let levels = self.c_levels;
                let f = self.thread_mut().frames.last_mut().expect("pushed");
                (f.kind, f.nvarargs) = (FrameKind::Pcall, levels);
                self.enter_c_level()?;
                self.begin_call(func + 1, nargs - 1, -1, Delivery::Body, 0)
            }
            NativeKind::Xpcall => {
                let h = args.get(self, 1);
                if !h.is_function() {
                    return Err(self.type_error(args, 2, "function"));
                }
                // func + 1: the handler, func + 2: the function, then its arguments.
                let f = args.get(self, 0);
                self.put(func + 1, h);
                self.put(func + 2, f);
                let levels = self.c_levels;
                let f = self.thread_mut().frames.last_mut().expect("pushed");
                (f.kind, f.nvarargs) = (FrameKind::Xpcall, levels);
                self.enter_c_level()?;
                self.begin_call(func + 2, nargs - 2, -1, Delivery::Body, 0)
            }
            NativeKind::TailCall | NativeKind::TailCall3 => {
                let n = function(self, args)? as u32;
                let first = self.thread().top - n;
                if !core::mem::take(&mut self.tail_pending) {
                    let f = self.thread_mut().frames.pop().expect("pushed");
                    return self.deliver(f, first, n);
                }
                let f = self.thread_mut().frames.last_mut().expect("pushed");
                f.kind = FrameKind::Continuation;
                f.cont = if kind == NativeKind::TailCall3 { crate::builtins::CONT_THREE } else { 0 };
                self.enter_c_level()?;
                self.begin_call(first, n - 1, -1, Delivery::Body, 0)
            }
            NativeKind::Resume => self.resume(args, false),
            NativeKind::Wrap => self.resume(args, true),
            NativeKind::Yield => self.yield_(args),
            NativeKind::CloseCoroutine => self.close_coroutine(args),
            NativeKind::Plain => unreachable!(),
        }
    }
}
