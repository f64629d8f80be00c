//! Handlers: calls, returns, varargs.
use super::*;
use crate::backend::{Advice, Hot, Left};
use selune_core::feedback::CallSlot;
use selune_core::object::Kind;
use selune_core::proto::{Proto, tier_flags};
use selune_core::thread::{CallFrame, Delivery, FrameKind, frame_flags};

op! { op_call |vm, pc, base, i, k, fb| {
    let ra = base.add(i.a());
    let f = *ra;
    if f.is_function() && (*f.as_header()).kind == Kind::Closure {
        let p: *mut Proto = (*f.as_closure()).proto;
        let s: *mut CallSlot = fb_slot(fb, pc);
        let t = (*vm).cur;
        let stack = (*t).stack;
        let func = (ra as usize - stack as usize) as u32 / 8;
        let top = func + 1 + (*p).max_stack as u32;
        let countdown = (*p).tier.countdown - 1;
        (*p).tier.countdown = countdown;
        let n = (*t).frames.len();
        if (*s).callee == p as usize && countdown >= 0 && !(*p).is_vararg && top <= (*t).stack_cap && n < (*t).frames.capacity() {
            let given = if i.b() != 0 { i.b() as u32 - 1 } else { (*t).top - func - 1 };
            let mut j = given;
            while j < (*p).num_params as u32 {
                *ra.add(1 + j as usize) = Value::NIL;
                j += 1;
            }
            let frame = (*t).frames.as_mut_ptr().add(n);
            (*frame.sub(1)).pc = pc;
            frame.write(CallFrame {
                pc: (*p).code_ptr,
                proto: p,
                base: func + 1,
                func,
                top,
                nresults: i.c() as i32 - 1,
                nvarargs: 0,
                kind: FrameKind::Lua,
                flags: 0,
                cont: 0,
                ret: Delivery::Call,
                data: 0,
            });
            (*t).frames.set_len(n + 1);
            next!(vm, (*p).code_ptr, ra.add(1), (*p).k_ptr, (*p).fb_ptr)
        }
    }
    return call_slow(vm, pc, base, k, fb)
} }

/// Notes who is called from a site.
#[inline(never)]
pub(super) fn record_callee(s: *mut CallSlot, f: Value) {
    // SAFETY: a call slot of the running code.
    let s = unsafe { &mut *s };
    s.count = s.count.saturating_add(1);
    if !f.is_function() {
        return;
    }
    // SAFETY: a function value.
    let (callee, kind) = unsafe {
        if f.is_native() { ((*f.as_native()).function as usize, 2) } else { ((*f.as_closure()).proto as usize, 1) }
    };
    if s.kind == 0 {
        (s.callee, s.kind, s.closure, s.same_closure) = (callee, kind, f.0, 1);
    } else if s.callee != callee {
        s.callee = callee;
        s.kind = 3;
        s.same_closure = 0;
    } else if s.closure != f.0 {
        s.same_closure = 0;
    }
}

fn call_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let base = vm.thread().frames.last().expect("a Lua frame").base;
    let func = base + i.a() as u32;
    let nargs = if i.b() != 0 { i.b() as u32 - 1 } else { vm.thread().top - func - 1 };
    let f = vm.get(func);
    record_callee(fb_slot_slow(vm, i), f);
    vm.thread_mut().top = func + 1 + nargs;
    let nresults = i.c() as i32 - 1;
    if f.is_lua_closure() {
        // SAFETY: checked to be a closure.
        let proto = unsafe { (*f.as_closure()).proto };
        // SAFETY: the proto of a live closure.
        let tier = unsafe { &mut (*proto).tier };
        if tier.countdown < 0 {
            return vm.call_hot(f, proto, func, nargs, nresults);
        }
    }
    // SAFETY: checked to be a native. Read before the call, during which it may move.
    let plain = f.is_native() && unsafe { (*f.as_native()).header.flags } == crate::native::NativeKind::Plain as u8;
    let r = vm.begin_call(func, nargs, nresults, Delivery::Call, 0)?;
    // Natives that make frames may have left this one; they do not allocate much.
    if vm.heap.gc_request != 0 && plain {
        vm.poll()?;
    }
    Ok(r)
}
slow!(call_slow, call_inner);

impl Vm {
    /// Calls a function whose countdown ran out: compiled code, the tier policy, or simply the interpreter.
    fn call_hot(&mut self, f: Value, proto: *mut Proto, func: u32, nargs: u32, nresults: i32) -> Result<Flow, Thrown> {
        // SAFETY: the proto of a live closure.
        let tier = unsafe { &mut (*proto).tier };
        let mut compiled = tier.flags & tier_flags::COMPILED != 0;
        if !compiled {
            if self.backend.is_none() {
                tier.countdown = i32::MAX;
                return self.begin_call(func, nargs, nresults, Delivery::Call, 0);
            }
            compiled = self.with_backend(|b, vm| b.on_hot(vm, proto, Hot::Entry)) == Some(Advice::Compiled);
        }
        if !compiled || !self.may_run_compiled() {
            if !compiled && self.heap.gc_request != 0 {
                self.poll()?;
            }
            return self.begin_call(func, nargs, nresults, Delivery::Call, 0);
        }
        self.ensure_stack(func + nargs + 1 + 16)?;
        match self.with_backend(|b, vm| b.call(vm, f, func + 1, nargs)).expect("a backend") {
            Left::Returned(v) => {
                let frame = Vm::frame(FrameKind::Lua, func, func, nresults, Delivery::Call, 0);
                self.deliver_compiled(frame, v)
            }
            Left::Threw => Err(Thrown),
            Left::Resume => unreachable!("register entries return or throw"),
        }
    }
}

op! { op_tail_call |vm, pc, base, i, k, fb| { return tail_call_slow(vm, pc, base, k, fb) } }
fn tail_call_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let frame = *vm.thread().frames.last().expect("a Lua frame");
    let mut func = frame.base + i.a() as u32;
    let mut nargs = if i.b() != 0 { i.b() as u32 - 1 } else { vm.thread().top - func - 1 };
    vm.thread_mut().top = func + 1 + nargs;
    let mut f = vm.get(func);
    record_callee(fb_slot_slow(vm, i), f);
    while !f.is_function() {
        let mm = vm.metamethod(f, selune_core::shape::Metamethod::Call);
        if mm.is_nil() {
            return Err(vm.call_error(f));
        }
        vm.ensure_stack(func + nargs + 4)?;
        for j in (0..=nargs).rev() {
            let v = vm.get(func + j);
            vm.put(func + j + 1, v);
        }
        vm.put(func, mm);
        nargs += 1;
        vm.thread_mut().top = func + 1 + nargs;
        f = mm;
    }
    if !f.is_lua_closure() {
        // A native: called in place, then its results are returned.
        let r = vm.begin_call(func, nargs, -1, Delivery::Call, 0)?;
        if r == Flow::Exit || vm.thread().frames.last().is_none_or(|g| g.pc != frame.pc || g.base != frame.base) {
            // It made frames of its own (pcall and the like): the RETURN that follows this instruction takes its results.
            return Ok(r);
        }
        return Ok(Flow::Run);
    }
    // The callee takes the frame's place.
    let to = frame.func;
    for j in 0..=nargs {
        let v = vm.get(func + j);
        vm.put(to + j, v);
    }
    func = to;
    vm.thread_mut().top = func + 1 + nargs;
    vm.thread_mut().frames.pop();
    // SAFETY: checked to be a closure.
    let proto = unsafe { (*f.as_closure()).proto };
    let levels = vm.c_levels;
    vm.push_lua_frame(proto, func, nargs, frame.nresults, frame.ret, frame.data)?;
    vm.c_levels = levels;
    let g = vm.thread_mut().frames.last_mut().expect("just pushed");
    g.flags |= frame_flags::TAIL | frame.flags & frame_flags::FINALIZER;
    if vm.heap.gc_request != 0 {
        vm.poll()?;
    }
    // SAFETY: the proto of a live closure.
    let tier = unsafe { &mut (*proto).tier };
    tier.countdown = tier.countdown.saturating_sub(1);
    if tier.countdown < 0 && tier.flags & tier_flags::COMPILED == 0 {
        match vm.backend {
            None => tier.countdown = i32::MAX,
            Some(_) => {
                vm.with_backend(|b, vm| b.on_hot(vm, proto, Hot::Entry));
            }
        }
    }
    Ok(Flow::Run)
}
slow!(tail_call_slow, tail_call_inner);

/// The part of a return where a Lua frame called with CALL takes the results.
macro_rules! leave {
    ($vm:expr, $t:expr, $frame:expr) => {{
        let g = $frame.sub(1);
        let p = (*g).proto;
        next!($vm, (*g).pc, (*$t).stack.add((*g).base as usize), (*p).k_ptr, (*p).fb_ptr)
    }};
}
op! { op_return1 |vm, pc, base, i, k, fb| {
    let t = (*vm).cur;
    let n = (*t).frames.len() - 1;
    let frame = (*t).frames.as_mut_ptr().add(n);
    if (*frame).ret == Delivery::Call && (*frame).nresults == 1 {
        *(*t).stack.add((*frame).func as usize) = *base.add(i.a());
        (*t).frames.set_len(n);
        leave!(vm, t, frame)
    }
    return return_slow(vm, pc, base, k, fb)
} }
op! { op_return0 |vm, pc, base, i, k, fb| {
    let t = (*vm).cur;
    let n = (*t).frames.len() - 1;
    let frame = (*t).frames.as_mut_ptr().add(n);
    if (*frame).ret == Delivery::Call && (*frame).nresults <= 1 && (*frame).nresults >= 0 {
        if (*frame).nresults == 1 { *(*t).stack.add((*frame).func as usize) = Value::NIL }
        (*t).frames.set_len(n);
        leave!(vm, t, frame)
    }
    return return_slow(vm, pc, base, k, fb)
} }
op! { op_return |vm, pc, base, i, k, fb| { return return_slow(vm, pc, base, k, fb) } }
fn return_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    use selune_core::opcode::Op;
    let frame = *vm.thread().frames.last().expect("a Lua frame");
    let first = frame.base + i.a() as u32;
    let n = match i.op() {
        Op::Return0 => 0,
        Op::Return1 => 1,
        _ if i.b() != 0 => i.b() as u32 - 1,
        _ => vm.thread().top - first,
    };
    if i.op() == Op::Return && i.c() != 0 && vm.thread().tbc.last().is_some_and(|t| t.slot >= frame.base) {
        vm.thread_mut().top = first + n;
        return vm.begin_close_with(frame.base, crate::close::After::Return, None, first, n);
    }
    vm.thread_mut().frames.pop();
    vm.finish_frame(frame, first, n)
}
slow!(return_slow, return_inner);

op! { op_var_arg_prep |vm, pc, base, i, k, fb| { let _ = i; next!(vm, pc, base, k, fb) } }
op! { op_var_arg |vm, pc, base, i, k, fb| { return var_arg_slow(vm, pc, base, k, fb) } }
fn var_arg_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let frame = *vm.thread().frames.last().expect("a Lua frame");
    let n = frame.nvarargs;
    let to = frame.base + i.a() as u32;
    let wanted = if i.c() == 0 { n } else { i.c() as u32 - 1 };
    if i.c() == 0 {
        vm.ensure_stack(to + n + 1)?;
        vm.thread_mut().top = to + n;
    }
    // Varargs stand below the copy of the function.
    let from = frame.base - 1 - n;
    for j in 0..wanted {
        let v = if j < n { vm.get(from + j) } else { Value::NIL };
        vm.put(to + j, v);
    }
    Ok(Flow::Run)
}
slow!(var_arg_slow, var_arg_inner);
