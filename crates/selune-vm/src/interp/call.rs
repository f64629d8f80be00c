//! Handlers: calls, returns, varargs.
use super::*;
use crate::backend::{Advice, Hot, Left};
use crate::call::NATIVE_STACK;
use crate::native::{Args, NativeFn, NativeKind};
use selune_core::coroutine_stack::Work;
use selune_core::feedback::CallSlot;
use selune_core::object::Kind;
use selune_core::proto::{Proto, tier_flags};
use selune_core::thread::{CallFrame, Delivery, FrameKind, Thread, frame_flags};

/// A value of the fields that tell that a frame is a Lua function's, called by CALL, without flags.
#[inline(always)]
fn lua_frame(proto: *mut Proto, code: *const Ins, func: u32, base: u32, top: u32, nresults: i32, nvarargs: u32, flags: u8) -> CallFrame {
    CallFrame { pc: code, proto, base, func, top, nresults, nvarargs, kind: FrameKind::Lua, flags, cont: 0, ret: Delivery::Call, data: 0 }
}
/// Writes the fields of a Lua function's frame that are the same for all plain calls. (Its pc is written when it calls.)
#[inline(always)]
unsafe fn rest_of_lua_frame(frame: *mut CallFrame) {
    // SAFETY: the caller passes room for a frame.
    unsafe {
        (&raw mut (*frame).pc).write(core::ptr::null());
        (&raw mut (*frame).nvarargs).write(0);
        (&raw mut (*frame).kind).write(FrameKind::Lua);
        (&raw mut (*frame).flags).write(0);
        (&raw mut (*frame).cont).write(0);
        (&raw mut (*frame).ret).write(Delivery::Call);
        (&raw mut (*frame).data).write(0);
    }
}
// Loops over arguments and results read `volatile`: there are a few of them, and the vector code that the compiler would make
// of the loops uses so many registers that the handlers would have to save some at every call.

/// Index of a stack slot.
#[inline(always)]
unsafe fn index_of(t: *mut Thread, slot: *mut Value) -> u32 {
    // SAFETY: a live thread. A stack has less than 2^29 slots.
    unsafe { (slot as usize - (*t).stack as usize) as u32 / 8 }
}

op! { op_call |vm, pc, base, i, k, fb| {
    let ra = base.add(i.a());
    let f = *ra;
    if f.is_function() && (*f.as_header()).kind == Kind::Closure {
        let p: *mut Proto = (*f.as_closure()).proto;
        let s: *mut CallSlot = fb_slot(fb, pc);
        // The usual call: always this callee, and no argument is missing. (B is one more than their number, 0: an open list.)
        if (*s).callee == p as usize && i.b() > (*p).num_params as usize && !(*p).is_vararg {
            let t = (*vm).cur;
            let n = (*t).frames.len();
            if n < (*t).frames.capacity() {
                // What is written above the last frame is nothing as long as the length is the old one.
                let frame = (*t).frames.as_mut_ptr().add(n);
                let func = index_of(t, ra);
                (&raw mut (*frame).base).write(func + 1);
                (&raw mut (*frame).func).write(func);
                let top = func + 1 + (*p).max_stack as u32;
                (&raw mut (*frame).top).write(top);
                if top <= (*t).stack_cap {
                    let countdown = (*p).tier.countdown - 1;
                    (*p).tier.countdown = countdown;
                    if countdown >= 0 {
                        (*frame.sub(1)).pc = pc;
                        (&raw mut (*frame).proto).write(p);
                        (&raw mut (*frame).nresults).write(i.c() as i32 - 1);
                        rest_of_lua_frame(frame);
                        (*t).frames.set_len(n + 1);
                        next!(vm, (*p).code_ptr, ra.add(1), (*p).k_ptr, (*p).fb_ptr)
                    }
                }
            }
            // The slow path needs neither registers nor constants.
            return call_slow(vm, pc, core::ptr::null_mut(), core::ptr::null(), core::ptr::null_mut())
        }
    }
    return call_other(vm, pc, base, k, fb)
} }
op! {
    /// Calls with missing or open arguments, of vararg functions, at sites that call several functions; natives.
    #[inline(never)]
    call_other |vm, pc, base, i, k, fb| {
        let ra = base.add(i.a());
        let f = *ra;
        if !f.is_function() { return call_slow(vm, pc, base, k, fb) }
        if (*f.as_header()).kind != Kind::Closure { return call_native(vm, pc, base, k, fb) }
        let p: *mut Proto = (*f.as_closure()).proto;
        let s: *mut CallSlot = fb_slot(fb, pc);
        let countdown = (*p).tier.countdown - 1;
        (*p).tier.countdown = countdown;
        if (*s).kind == 3 { (*s).callee = p as usize }
        let t = (*vm).cur;
        let func = index_of(t, ra);
        let given = if i.b() != 0 { i.b() as u32 - 1 } else { (*t).top - func - 1 };
        let params = (*p).num_params as u32;
        let n = (*t).frames.len();
        if (*s).callee != p as usize || countdown < 0 || n == (*t).frames.capacity() { return call_slow(vm, pc, base, k, fb) }
        let frame = (*t).frames.as_mut_ptr().add(n);
        let mut at = func;
        if (*p).is_vararg {
            // The function and its parameters are copied above the arguments.
            at = func + 1 + given;
            let top = at + 1 + (*p).max_stack as u32;
            if top > (*t).stack_cap { return call_slow(vm, pc, base, k, fb) }
            let to = (*t).stack.add(at as usize);
            *to = f;
            let mut j = 1;
            while j <= params {
                let v = if j <= given { core::mem::replace(&mut *ra.add(j as usize), Value::NIL) } else { Value::NIL };
                *to.add(j as usize) = v;
                j += 1;
            }
            (*t).top = top;
            frame.write(lua_frame(p, (*p).code_ptr, func, at + 1, top, i.c() as i32 - 1, given.saturating_sub(params), frame_flags::VARARG));
        } else {
            let top = at + 1 + (*p).max_stack as u32;
            if top > (*t).stack_cap { return call_slow(vm, pc, base, k, fb) }
            let mut j = given + 1;
            while j <= params {
                *ra.add(j as usize) = Value::NIL;
                j += 1;
            }
            frame.write(lua_frame(p, (*p).code_ptr, func, at + 1, top, i.c() as i32 - 1, 0, 0));
        }
        (*frame.sub(1)).pc = pc;
        (*t).frames.set_len(n + 1);
        next!(vm, (*p).code_ptr, (*t).stack.add(at as usize + 1), (*p).k_ptr, (*p).fb_ptr)
    }
}
/// Calls the native in R[$at] with `$given` arguments for `$wanted` results (-1: all), and goes on; `$slow` does what is unusual.
macro_rules! native {
    ($vm:ident, $pc:ident, $base:ident, $k:ident, $fb:ident, $at:expr, $given:expr, $wanted:expr, $slow:path) => {{
        let native = (*$base.add($at)).as_native();
        let s: *mut CallSlot = fb_slot($fb, $pc);
        let t = (*$vm).cur;
        let func = index_of(t, $base.add($at));
        let given: u32 = $given;
        if (*s).callee != (*native).function as usize
            || (*native).header.flags != NativeKind::Plain as u8
            || !enter_native(t, $pc, func, given, $wanted)
        {
            return $slow($vm, $pc, $base, $k, $fb);
        }
        // SAFETY: the function of a native is a NativeFn.
        let function = core::mem::transmute::<*const (), NativeFn>((*native).function);
        let Ok(n) = function(&mut *$vm, Args { base: func + 1, n: given }) else { return Exit::Threw };
        let t = (*$vm).cur;
        if (*t).hook_mask != 0 {
            (*$vm).native_results = n as u32;
            return native_hooked($vm, $pc, $base, $k, $fb);
        }
        let len = (*t).frames.len() - 1;
        (*t).frames.set_len(len);
        // The stack may have moved.
        let frame = (*t).frames.as_ptr().add(len - 1);
        let base = (*t).stack.add((*frame).base as usize);
        let to = base.add($at);
        let from = (*t).stack.add((*t).top as usize - n);
        let wanted: i32 = $wanted;
        if wanted == 1 && n != 0 {
            *to = *from;
            (*t).top = (*frame).top;
        } else {
            let n = n as u32;
            let count = if wanted < 0 { n } else { wanted as u32 };
            let mut j = 0;
            while j < count {
                *to.add(j as usize) = if j < n { from.add(j as usize).read_volatile() } else { Value::NIL };
                j += 1;
            }
            (*t).top = if wanted < 0 { index_of(t, to) + n } else { (*frame).top.max(index_of(t, to) + count) };
        }
        if (*$vm).heap.gc_request != 0 {
            return poll($vm, $pc, base, $k, $fb);
        }
        next!($vm, $pc, base, $k, $fb)
    }};
}
op! {
    /// Calls an ordinary native on the spot.
    #[inline(never)]
    call_native |vm, pc, base, i, k, fb| {
        let given = if i.b() != 0 { i.b() as u32 - 1 } else { (*(*vm).cur).top - index_of((*vm).cur, base.add(i.a())) - 1 };
        native!(vm, pc, base, k, fb, i.a(), given, i.c() as i32 - 1, call_slow)
    }
}
op! {
    /// A step of a generic loop by an ordinary native.
    #[inline(never)]
    tfor_native |vm, pc, base, i, k, fb| {
        let ra = base.add(i.a());
        (*ra.add(4), *ra.add(5), *ra.add(6)) = (*ra, *ra.add(1), *ra.add(2));
        native!(vm, pc, base, k, fb, i.a() + 4, 2, i.c() as i32, super::loops::tfor_call_slow)
    }
}
op! {
    /// A step of a generic loop by a Lua function.
    #[inline(never)]
    tfor_closure |vm, pc, base, i, k, fb| {
        let ra = base.add(i.a());
        let p: *mut Proto = (*(*ra).as_closure()).proto;
        let s: *mut CallSlot = fb_slot(fb, pc);
        let t = (*vm).cur;
        let n = (*t).frames.len();
        let func = index_of(t, ra) + 4;
        let top = func + 1 + ((*p).max_stack as u32).max(2);
        if (*s).callee != p as usize || (*p).is_vararg || n == (*t).frames.capacity() || top > (*t).stack_cap {
            return super::loops::tfor_call_slow(vm, pc, base, k, fb)
        }
        (*ra.add(4), *ra.add(5), *ra.add(6)) = (*ra, *ra.add(1), *ra.add(2));
        let mut j = 2;
        while j < (*p).num_params as usize {
            *ra.add(5 + j) = Value::NIL;
            j += 1;
        }
        let frame = (*t).frames.as_mut_ptr().add(n);
        (*frame.sub(1)).pc = pc;
        frame.write(lua_frame(p, (*p).code_ptr, func, func + 1, func + 1 + (*p).max_stack as u32, i.c() as i32, 0, 0));
        (*t).frames.set_len(n + 1);
        next!(vm, (*p).code_ptr, ra.add(5), (*p).k_ptr, (*p).fb_ptr)
    }
}
/// Makes the frame of a native called by the running Lua frame; false when there is no room or a hook is to be called.
#[inline(always)]
unsafe fn enter_native(t: *mut Thread, pc: *const Ins, func: u32, nargs: u32, nresults: i32) -> bool {
    // SAFETY: the running thread, with a Lua frame on top.
    unsafe {
        let top = func + 1 + nargs;
        let n = (*t).frames.len();
        if top + NATIVE_STACK > (*t).stack_cap || n == (*t).frames.capacity() || (*t).hook_mask != 0 {
            return false;
        }
        let frame = (*t).frames.as_mut_ptr().add(n);
        (*frame.sub(1)).pc = pc;
        frame.write(Vm::frame(FrameKind::Native, func, top, nresults, Delivery::Call, 0));
        (*t).frames.set_len(n + 1);
        (*t).top = top;
        true
    }
}
op! {
    /// The native on top has set a hook: its return is told. Its results are above what it was called with.
    #[cold]
    #[inline(never)]
    native_hooked |vm, pc, base, i, k, fb| {
        if native_hooked_inner(&mut *vm) { return resume(vm, pc, base, k, fb) }
        Exit::Threw
    }
}
#[inline(never)]
fn native_hooked_inner(vm: &mut Vm) -> bool {
    let frame = vm.thread_mut().frames.pop().expect("the native's frame");
    let n = core::mem::take(&mut vm.native_results);
    let first = vm.thread().top - n;
    vm.finish_frame(frame, first, n).and_then(|_| if vm.heap.gc_request != 0 { vm.poll() } else { Ok(()) }).is_ok()
}

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
    if !f.is_function() {
        let mm = vm.metamethod(f, selune_core::shape::Metamethod::Call);
        super::metamethod::record_metamethod(vm, f, Value::NIL, mm);
    }
    vm.thread_mut().top = func + 1 + nargs;
    let nresults = i.c() as i32 - 1;
    if f.is_lua_closure() {
        // SAFETY: checked to be a closure.
        let proto = unsafe { (*f.as_closure()).proto };
        // SAFETY: the proto of a live closure.
        let tier = unsafe { &mut (*proto).tier };
        if tier.countdown < 0 {
            return vm.begin_hot(f, func, nargs, nresults, Delivery::Call, 0);
        }
        vm.push_lua_frame(proto, func, nargs, nresults, Delivery::Call, 0)?;
        return Ok(Flow::Run);
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
    /// Begins a coroutine: its function is at `func` with `nargs` arguments above it.
    pub(crate) fn begin_coroutine(&mut self, func: u32, nargs: u32) -> Result<Flow, Thrown> {
        let f = self.get(func);
        if f.is_lua_closure() && self.backend.is_some() {
            // SAFETY: checked to be a closure, whose proto is alive and never moves.
            let (proto, tier) = unsafe {
                let proto = (*f.as_closure()).proto;
                (proto, &mut (*proto).tier)
            };
            tier.countdown = tier.countdown.saturating_sub(1);
            let mut compiled = tier.flags & tier_flags::COMPILED != 0;
            if !compiled && tier.countdown < 0 {
                compiled = self.with_backend(|b, vm| b.on_hot(vm, proto, Hot::Entry)) == Some(Advice::Compiled);
            }
            if compiled && self.may_run_compiled() {
                self.ensure_stack(func + nargs + 1 + 16)?;
                let work = Work { closure: f, code: 0, func, nargs, nresults: -1, ret: Delivery::Coroutine };
                if let Some(flow) = self.run_on_own_stack(work) {
                    return flow;
                }
            }
        }
        self.begin_call(func, nargs, -1, Delivery::Coroutine, 0)
    }
    /// Begins the call of a Lua function whose countdown ran out: compiled code, the tier policy, or simply the interpreter.
    pub(crate) fn begin_hot(&mut self, f: Value, func: u32, nargs: u32, nresults: i32, ret: Delivery, data: u64) -> Result<Flow, Thrown> {
        // SAFETY: the caller passes a closure, whose proto is alive and never moves.
        let (proto, tier) = unsafe {
            let proto = (*f.as_closure()).proto;
            (proto, &mut (*proto).tier)
        };
        let mut compiled = tier.flags & tier_flags::COMPILED != 0;
        if !compiled {
            if self.backend.is_none() {
                tier.countdown = i32::MAX;
            } else {
                compiled = self.with_backend(|b, vm| b.on_hot(vm, proto, Hot::Entry)) == Some(Advice::Compiled);
                // (A native that calls has values in its hands.)
                if !compiled && ret == Delivery::Call && self.heap.gc_request != 0 {
                    self.poll()?;
                }
            }
        }
        if !compiled || ret == Delivery::Coroutine || !self.may_run_compiled() {
            self.push_lua_frame(proto, func, nargs, nresults, ret, data)?;
            return Ok(Flow::Run);
        }
        self.ensure_stack(func + nargs + 1 + 16)?;
        if self.needs_own_stack() {
            if ret == Delivery::Call {
                let work = Work { closure: f, code: 0, func, nargs, nresults, ret };
                if let Some(flow) = self.run_on_own_stack(work) {
                    return flow;
                }
            }
            self.push_lua_frame(proto, func, nargs, nresults, ret, data)?;
            return Ok(Flow::Run);
        }
        if ret == Delivery::Meta {
            self.enter_c_level()?;
        }
        match self.with_backend(|b, vm| b.call(vm, f, func + 1, nargs)).expect("a backend") {
            Left::Returned(v) => {
                let frame = Vm::frame(FrameKind::Lua, func, func, nresults, ret, data);
                self.deliver_compiled(frame, v)
            }
            Left::Threw => Err(Thrown),
            Left::Resume => unreachable!("register entries return or throw"),
        }
    }
}

op! { op_tail_call |vm, pc, base, i, k, fb| {
    let ra = base.add(i.a());
    let f = *ra;
    if f.is_function() && (*f.as_header()).kind == Kind::Closure {
        let p: *mut Proto = (*f.as_closure()).proto;
        let s: *mut CallSlot = fb_slot(fb, pc);
        if (*s).kind == 3 { (*s).callee = p as usize }
        if (*s).callee == p as usize && !(*p).is_vararg {
            let t = (*vm).cur;
            // The function and its arguments.
            let given = if i.b() != 0 { i.b() } else { ((*t).top - index_of(t, ra)) as usize };
            let frame = (*t).frames.as_mut_ptr().add((*t).frames.len() - 1);
            let func = (*frame).func;
            if given > (*p).num_params as usize
                && func + 1 + (*p).max_stack as u32 <= (*t).stack_cap
                && (*p).tier.countdown > 0
                && (*vm).heap.gc_request == 0
            {
                (*p).tier.countdown -= 1;
                // The callee takes the frame's place.
                (*frame).proto = p;
                (*frame).base = func + 1;
                (*frame).top = func + 1 + (*p).max_stack as u32;
                (*frame).nvarargs = 0;
                (*frame).flags = frame_flags::TAIL | (*frame).flags & frame_flags::FINALIZER;
                let to = (*t).stack.add(func as usize);
                let mut j = 0;
                while j < given {
                    *to.add(j) = ra.add(j).read_volatile();
                    j += 1;
                }
                next!(vm, (*p).code_ptr, to.add(1), (*p).k_ptr, (*p).fb_ptr)
            }
            // The slow path needs neither registers nor constants.
            return tail_call_slow(vm, pc, core::ptr::null_mut(), core::ptr::null(), core::ptr::null_mut())
        }
    } else if f.is_function() {
        return tail_call_native(vm, pc, base, k, fb)
    }
    return tail_call_slow(vm, pc, base, k, fb)
} }
op! {
    /// Calls an ordinary native on the spot; the return that follows takes its results.
    #[inline(never)]
    tail_call_native |vm, pc, base, i, k, fb| {
        let given = if i.b() != 0 { i.b() as u32 - 1 } else { (*(*vm).cur).top - index_of((*vm).cur, base.add(i.a())) - 1 };
        native!(vm, pc, base, k, fb, i.a(), given, -1, tail_call_slow)
    }
}
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
    let wanted = (*frame).nresults;
    if (*frame).ret == Delivery::Call && wanted <= 1 {
        // (The slot of the function is free also when no result is wanted.)
        *(*t).stack.add((*frame).func as usize) = *base.add(i.a());
        (*t).frames.set_len(n);
        if wanted < 0 { (*t).top = (*frame).func + 1 }
        leave!(vm, t, frame)
    }
    return return1_other(vm, pc, base, k, fb)
} }
op! {
    /// A function that a native called for one result has returned.
    #[inline(never)]
    return1_other |vm, pc, base, i, k, fb| {
        let t = (*vm).cur;
        let n = (*t).frames.len() - 1;
        let frame = (*t).frames.as_mut_ptr().add(n);
        if (*frame).ret == Delivery::Entry && (*frame).nresults == 1 && (*t).hook_mask == 0 {
            *(*t).stack.add((*frame).func as usize) = *base.add(i.a());
            (*t).top = (*frame).func + 1;
            (*t).frames.set_len(n);
            return Exit::Done
        }
        return return_slow(vm, pc, base, k, fb)
    }
}
op! { op_return0 |vm, pc, base, i, k, fb| {
    let t = (*vm).cur;
    let n = (*t).frames.len() - 1;
    let frame = (*t).frames.as_mut_ptr().add(n);
    let wanted = (*frame).nresults;
    if (*frame).ret == Delivery::Call && wanted <= 1 {
        (*t).frames.set_len(n);
        *(*t).stack.add((*frame).func as usize) = Value::NIL;
        if wanted < 0 { (*t).top = (*frame).func }
        leave!(vm, t, frame)
    }
    return return_slow(vm, pc, base, k, fb)
} }
op! { op_return |vm, pc, base, i, _k, _fb| {
    let t = (*vm).cur;
    let n = (*t).frames.len() - 1;
    let frame = (*t).frames.as_mut_ptr().add(n);
    if (*frame).ret == Delivery::Call && (*t).hook_mask == 0 && (i.c() == 0 || (*t).tbc.is_empty()) {
        let from = base.add(i.a());
        let given = if i.b() != 0 { i.b() - 1 } else { ((*t).top - index_of(t, from)) as usize };
        let to = (*t).stack.add((*frame).func as usize);
        let wanted = if (*frame).nresults >= 0 {
            (*frame).nresults as usize
        } else {
            (*t).top = (*frame).func + given as u32;
            given
        };
        let mut j = 0;
        while j < wanted {
            *to.add(j) = if j < given { from.add(j).read_volatile() } else { Value::NIL };
            j += 1;
        }
        (*t).frames.set_len(n);
        leave!(vm, t, frame)
    }
    return return_slow(vm, pc, core::ptr::null_mut(), core::ptr::null(), core::ptr::null_mut())
} }
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
op! { op_var_arg |vm, pc, base, i, k, fb| {
    let t = (*vm).cur;
    let frame = (*t).frames.as_ptr().add((*t).frames.len() - 1);
    let n = (*frame).nvarargs as usize;
    let to = base.add(i.a());
    let mut wanted = i.c();
    if wanted != 0 {
        wanted -= 1;
    } else {
        wanted = n;
        let top = index_of(t, to) + n as u32;
        if top >= (*t).stack_cap { return var_arg_slow(vm, pc, base, k, fb) }
        (*t).top = top;
    }
    // Varargs stand below the copy of the function.
    let from = base.sub(1 + n);
    let mut j = 0;
    while j < wanted {
        *to.add(j) = if j < n { from.add(j).read_volatile() } else { Value::NIL };
        j += 1;
    }
    next!(vm, pc, base, k, fb)
} }
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
