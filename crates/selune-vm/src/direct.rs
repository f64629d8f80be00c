//! Direct calls: a native, or an operation that needs a metamethod, calls a Lua function that has compiled code.
//!
//! Arguments and the result travel in machine registers; on the VM's side nothing is written but the marker of the segment.
//! What is unusual (other functions, hooks, no room) is left to the general calls (call.rs), which also count the calls that
//! make a function hot.
use crate::Vm;
use crate::backend::Left;
use crate::native::{NativeKind, Thrown};
use crate::vm::MAX_C_LEVELS;
use selune_core::native_state::ARG_SLOTS;
use selune_core::proto::tier_flags;
use selune_core::thread::{Delivery, FrameKind};
use selune_core::value::{MULTI, Value};

impl Vm {
    /// Has this value compiled code that may run here, one C level further in?
    #[inline(always)]
    fn is_direct(&self, f: Value) -> bool {
        // SAFETY: checked to be a closure, whose proto is alive and never moves.
        let compiled = || unsafe { (*(*f.as_closure()).proto).tier.flags & tier_flags::COMPILED != 0 };
        f.is_lua_closure() && compiled() && self.c_levels + 1 < MAX_C_LEVELS && self.may_run_compiled() && !self.needs_own_stack()
    }
    /// The first result of `f(args...)`, of which there are `n`; None: it cannot be called in this way, and nothing has been
    /// done. `by_native`: the caller is no point where coroutines may yield; if not, it owns nothing (CORO-1). May call.
    #[inline]
    pub fn call_direct(&mut self, f: Value, n: u32, args: [Value; 3], by_native: bool) -> Option<Result<Value, Thrown>> {
        if !self.is_direct(f) {
            return None;
        }
        let (cur, here) = (self.cur, by_native as u32);
        self.c_levels += 1;
        self.thread_mut().nny += here;
        let left = self.with_backend(|b, vm| b.call_direct(vm, f, n, args)).expect("a backend");
        // SAFETY: the thread that called is running again, and alive.
        unsafe { (*cur).nny -= here };
        // (It may have been resumed at another level.)
        self.c_levels = self.c_levels.saturating_sub(1);
        Some(match left {
            Left::Returned(v) if v.0 == MULTI => Ok(self.first_of_several()),
            Left::Returned(v) => Ok(v),
            Left::Threw => Err(Thrown),
            Left::Resume => unreachable!("register entries return or throw"),
        })
    }
    /// The first of the results that compiled code has just returned with MULTI, nil when there is none.
    #[cold]
    fn first_of_several(&mut self) -> Value {
        match self.native.nresults as usize {
            0 => Value::NIL,
            n if n <= ARG_SLOTS => self.native.args[0],
            _ => core::mem::take(&mut self.native.more)[0],
        }
    }
    /// `pcall` or `xpcall` (the native `f`) on behalf of compiled code, whose `n` arguments are these and those in
    /// `native.args`, of a function that has compiled code; the results are left there, as MULTI says. None: it is something
    /// else, and nothing has been done. May call.
    pub fn protected_direct(&mut self, f: Value, n: usize, args: [Value; 3]) -> Option<Result<(), Thrown>> {
        // SAFETY: the caller passes a native, whose flags hold a NativeKind.
        let kind = unsafe { (*f.as_native()).header.flags };
        let [body, a1, a2] = args;
        let more = &self.native.args;
        let (kind, skip, handler, registers) = match n {
            1..=4 if kind == NativeKind::Pcall as u8 => (FrameKind::Pcall, 1, body, [a1, a2, if n > 3 { more[3] } else { Value::NIL }]),
            2..=5 if kind == NativeKind::Xpcall as u8 && a1.is_function() => {
                let argument = |i| if i < n { more[i] } else { Value::NIL };
                (FrameKind::Xpcall, 2, a1, [a2, argument(3), argument(4)])
            }
            _ => return None,
        };
        let at = self.thread().live_top();
        if !self.is_direct(body) || at + 8 > self.thread().stack_cap {
            return None;
        }
        let (top, cur, levels) = (self.thread().top, self.cur, self.c_levels);
        self.put(at, f);
        self.put(at + 1, handler);
        self.put(at + 2, Value::NIL);
        let mut frame = Vm::frame(kind, at, at + 3, -1, Delivery::Entry, 0);
        frame.nvarargs = levels;
        let floor = self.thread().frames.len();
        self.thread_mut().top = at + 3;
        self.thread_mut().frames.push(frame);
        self.c_levels = levels + 1;
        let left = self.with_backend(|b, vm| b.call_direct(vm, body, (n - skip) as u32, registers)).expect("a backend");
        match left {
            Left::Returned(v) => {
                self.c_levels = self.c_levels.saturating_sub(1);
                let t = self.thread_mut();
                t.frames.truncate(floor);
                t.top = top;
                self.put_true_before(v);
            }
            Left::Threw => {
                if let Err(t) = self.run_until(cur, Err(Thrown), floor) {
                    return Some(Err(t));
                }
                let n = (self.thread().top - at) as usize;
                for i in 0..n {
                    self.native.args[i] = self.get(at + i as u32);
                }
                self.native.nresults = n as u32;
                self.thread_mut().top = top;
            }
            Left::Resume => unreachable!("register entries return or throw"),
        }
        Some(Ok(()))
    }
    /// Makes the results that compiled code has just returned those of `pcall`: true stands before them.
    #[inline]
    fn put_true_before(&mut self, v: Value) {
        let native = &mut self.native;
        if v.0 != MULTI {
            (native.args[0], native.args[1], native.nresults) = (Value::TRUE, v, 2);
            return;
        }
        let n = native.nresults as usize;
        native.nresults += 1;
        if n < ARG_SLOTS {
            native.args.copy_within(..n, 1);
            native.args[0] = Value::TRUE;
        } else {
            if n == ARG_SLOTS {
                native.more = native.args.to_vec();
            }
            native.more.insert(0, Value::TRUE);
        }
    }
}
