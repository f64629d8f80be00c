//! Runtime functions for calls: the compiled code's calling convention, seen from Rust.
//!
//! `f(vm, closure, nargs, a0, a1, a2)`: arguments from the fourth on stand in `native.args[3..]`. The result is the value, or
//! the mark MULTI: then there are `native.nresults` results in `native.args`, or all of them in `native.more` when they
//! are more than `ARG_SLOTS` (CALL-1: nothing that collects runs between a return and the use of its results). The same
//! place holds an *open list*: results or varargs that the next instruction takes all of.
use crate::arch::Outcome;
use selune_core::native_state::ARG_SLOTS;
use selune_core::proto::tier_flags;
use selune_core::value::{self, Value};
use selune_vm::backend::Hot;
use selune_vm::safepoint::POLL_LEAVE;
use selune_vm::{Thrown, Vm};

/// The mark for several results.
pub const MULTI: Value = Value(value::MULTI);

/// Calls anything. Also the register entry of every function that is not compiled.
///
/// # Safety
/// As all runtime functions: called by compiled code of this VM.
pub unsafe extern "C" fn call(vm: *mut Vm, f: Value, nargs: u64, a0: Value, a1: Value, a2: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        if super::coroutine::is_special(f) {
            return super::coroutine::call(vm, f, nargs, a0, a1, a2);
        }
        call_plain(vm, f, nargs, a0, a1, a2)
    }
}

/// The same on the VM stack, whatever is called.
///
/// # Safety
/// As `call`.
pub(super) unsafe extern "C" fn call_plain(vm: *mut Vm, f: Value, nargs: u64, a0: Value, a1: Value, a2: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        super::with_vm(vm, |vm| {
            let n = nargs as usize;
            let more = vm.native.args.as_ptr();
            let fill = |to: *mut Value| {
                for (i, v) in [a0, a1, a2].into_iter().take(n).enumerate() {
                    *to.add(i) = v;
                }
                for i in 3..n {
                    *to.add(i) = *more.add(i);
                }
            };
            if let Some(r) = native(vm, f, n, fill) {
                return r;
            }
            if f.is_native() && let Some(r) = protected(vm, f, n, [a0, a1, a2]) {
                return r;
            }
            let at = begin(vm, f, n)?;
            for (i, v) in [a0, a1, a2].into_iter().take(n).enumerate() {
                vm.set_stack_at(at + 1 + i, v);
            }
            for i in 3..n {
                let v = vm.native.args[i];
                vm.set_stack_at(at + 1 + i, v);
            }
            finish(vm, at, n)
        })
    }
}

/// There is no room for the frame of a compiled function, which has just been called. The main program throws "stack
/// overflow"; in a coroutine, whose stack is small, the interpreter runs the function.
///
/// # Safety
/// As `call`, at the entry of the Lua function `f` (nil: of a loop).
pub unsafe extern "C" fn stack_overflow(vm: *mut Vm, f: Value, nargs: u64, a0: Value, a1: Value, a2: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        // A loop cannot be left here: the VM enters it only where there is more room than its frame needs.
        if (*vm).native.stack.is_null() || f.is_nil() {
            return super::with_vm(vm, |vm| Err::<(), _>(super::alloc::native_overflow(vm)));
        }
        if nargs as usize <= ARG_SLOTS {
            return call(vm, f, nargs, a0, a1, a2);
        }
        // All of so many arguments are in `more` if they are varargs; otherwise those that do not fit `args` are dropped.
        if !(*(*f.as_closure()).proto).is_vararg {
            return call(vm, f, ARG_SLOTS as u64, a0, a1, a2);
        }
        (*vm).native.nresults = nargs as u32;
        call_more(vm, f, nargs, a0, a1, a2)
    }
}

/// Calls with the open list as arguments; the other arguments do not count.
///
/// # Safety
/// As `call`.
pub unsafe extern "C" fn call_more(vm: *mut Vm, f: Value, _nargs: u64, _a0: Value, _a1: Value, _a2: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        super::with_vm(vm, |vm| {
            let n = vm.native.nresults as usize;
            if n <= ARG_SLOTS {
                let list = vm.native.args.as_ptr();
                if let Some(r) = native(vm, f, n, |to| to.copy_from_nonoverlapping(list, n)) {
                    return r;
                }
            }
            let at = begin(vm, f, n)?;
            if n > ARG_SLOTS {
                for (i, v) in std::mem::take(&mut vm.native.more).into_iter().enumerate() {
                    vm.set_stack_at(at + 1 + i, v);
                }
            } else {
                for i in 0..n {
                    let v = vm.native.args[i];
                    vm.set_stack_at(at + 1 + i, v);
                }
            }
            finish(vm, at, n)
        })
    }
}

/// The call of an ordinary native; None when it is something else.
#[inline(always)]
fn native(vm: &mut Vm, f: Value, n: usize, fill: impl FnOnce(*mut Value)) -> Option<Result<Value, Thrown>> {
    let here = 0u8;
    if (&raw const here as u64) < vm.native.context.native_limit {
        return None;
    }
    let top = vm.top();
    let r = vm.native_from_compiled(f, n as u32, fill)?.map(|(at, n)| take_results(vm, at, n));
    vm.thread_mut().top = top as u32;
    leave_if_observed(vm);
    Some(r)
}

/// The call of `pcall` or `xpcall` for a function that has compiled code; None when it is something else.
fn protected(vm: &mut Vm, f: Value, n: usize, args: [Value; 3]) -> Option<Result<Value, Thrown>> {
    let here = 0u8;
    if (&raw const here as u64) < vm.native.context.native_limit {
        return None;
    }
    let r = vm.protected_direct(f, n, args)?;
    leave_if_observed(vm);
    Some(r.map(|()| MULTI))
}

/// After a call that may have made the program one that looks at running functions.
#[inline(always)]
fn leave_if_observed(vm: &mut Vm) {
    if vm.observed() {
        // The code that called is from before; it leaves at its next poll.
        vm.heap.gc_request |= POLL_LEAVE;
    }
}

/// Makes room for a call of `f` with `n` arguments on the VM stack; gives the index of `f`.
fn begin(vm: &mut Vm, f: Value, n: usize) -> Result<usize, Thrown> {
    let here = 0u8;
    // On a coroutine's stack the interpreter takes over, which does not recurse.
    if (&raw const here as u64) < vm.native.context.native_limit && vm.native.stack.is_null() {
        return Err(super::alloc::native_overflow(vm));
    }
    let at = vm.thread().live_top();
    vm.ensure_stack(at + n as u32 + 2)?;
    vm.set_stack_at(at as usize, f);
    Ok(at as usize)
}

fn finish(vm: &mut Vm, at: usize, n: usize) -> Result<Value, Thrown> {
    let top = vm.top();
    vm.thread_mut().top = (at + 1 + n) as u32;
    count(vm, vm.stack_at(at));
    let n = vm.call_from_compiled(at, n, -1)?;
    let r = take_results(vm, at, n);
    vm.thread_mut().top = top as u32;
    leave_if_observed(vm);
    Ok(r)
}

/// Counts a call: a function that is only called by compiled code gets hot, too. This call stays in the interpreter.
fn count(vm: &mut Vm, f: Value) {
    if !f.is_lua_closure() {
        return;
    }
    // SAFETY: OBJ-1, checked to be a closure, whose proto is alive and never moves (OBJ-2).
    let (proto, tier) = unsafe {
        let proto = (*f.as_closure()).proto;
        (proto, &mut (*proto).tier)
    };
    tier.countdown = tier.countdown.saturating_sub(1);
    if tier.countdown < 0 && tier.flags & tier_flags::COMPILED == 0 {
        vm.with_backend(|b, vm| b.on_hot(vm, proto, Hot::Entry));
    }
}

/// Results on the VM stack, in the convention of compiled code.
pub(crate) fn take_results(vm: &mut Vm, at: usize, n: usize) -> Value {
    if n == 1 {
        return vm.stack_at(at);
    }
    put_list(vm, at, n);
    MULTI
}

/// Makes `n` values of the VM stack the open list.
pub(crate) fn put_list(vm: &mut Vm, at: usize, n: usize) {
    if n <= ARG_SLOTS {
        for i in 0..n {
            vm.native.args[i] = vm.stack_at(at + i);
        }
    } else {
        vm.native.more = (at..at + n).map(|i| vm.stack_at(i)).collect();
    }
    vm.native.nresults = n as u32;
}

/// The first of several results, or nil.
///
/// # Safety
/// As `call`; the last call returned MULTI.
pub unsafe extern "C" fn first_result(vm: *mut Vm) -> Value {
    // SAFETY: the caller's promise.
    let native = unsafe { &mut (*vm).native };
    match native.nresults as usize {
        0 => Value::NIL,
        n if n <= ARG_SLOTS => native.args[0],
        _ => std::mem::take(&mut native.more)[0],
    }
}

/// Has exactly `n` results in `args`.
///
/// # Safety
/// As `first_result`; `n <= ARG_SLOTS`.
pub unsafe extern "C" fn spread_results(vm: *mut Vm, n: u64) {
    // SAFETY: the caller's promise.
    let native = unsafe { &mut (*vm).native };
    let (have, want) = (native.nresults as usize, n as usize);
    if have > ARG_SLOTS {
        let more = std::mem::take(&mut native.more);
        native.args[..want].copy_from_slice(&more[..want]);
    } else if have < want {
        native.args[have..want].fill(Value::NIL);
    }
    native.nresults = n as u32;
}

/// Moves the open list up by `n` and gives the address where the `n` values in front of it are to be written. When the
/// whole list fits `args`, what is missing of the first three values is nil.
///
/// # Safety
/// As `call`.
pub unsafe extern "C" fn open_insert(vm: *mut Vm, n: u64) -> *mut Value {
    // SAFETY: the caller's promise.
    let native = unsafe { &mut (*vm).native };
    let (have, n) = (native.nresults as usize, n as usize);
    let total = have + n;
    native.nresults = total as u32;
    if have > ARG_SLOTS {
        native.more.splice(0..0, std::iter::repeat_n(Value::NIL, n));
        return native.more.as_mut_ptr();
    }
    if total > ARG_SLOTS {
        native.more = std::iter::repeat_n(Value::NIL, n).chain(native.args[..have].iter().copied()).collect();
        return native.more.as_mut_ptr();
    }
    native.args.copy_within(..have, n);
    for v in native.args.iter_mut().take(3).skip(total) {
        *v = Value::NIL;
    }
    native.args.as_mut_ptr()
}
