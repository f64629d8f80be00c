//! Runtime functions for coroutines: resuming and yielding by compiled code, from stack to stack.
use super::call::take_results;
use crate::arch::Outcome;
use selune_core::object::Kind;
use selune_core::value::Value;
use selune_vm::{NativeKind, Vm};

/// Is this one of the natives that [`call`] knows?
#[inline(always)]
pub(super) fn is_special(f: Value) -> bool {
    // SAFETY: OBJ-1, checked to be a function; the flags of a native are its NativeKind.
    f.is_function() && unsafe { (*f.as_header()).kind == Kind::Native && (*f.as_header()).flags != NativeKind::Plain as u8 }
}

/// Calls a native that the VM carries out itself. A resume or yield between native stacks is only made ready.
///
/// # Safety
/// As [`super::call::call`], which has found `f` to be special.
#[inline(never)]
pub(super) unsafe extern "C" fn call(vm: *mut Vm, f: Value, nargs: u64, a0: Value, a1: Value, a2: Value) -> Outcome {
    const RESUME: u8 = NativeKind::Resume as u8;
    const WRAP: u8 = NativeKind::Wrap as u8;
    const YIELD: u8 = NativeKind::Yield as u8;
    // SAFETY: the caller's promise.
    unsafe {
        let (regs, nargs_) = ([a0, a1, a2], nargs as usize);
        let value = match (*f.as_header()).flags {
            RESUME => (*vm).switch_from_compiled(f, NativeKind::Resume, nargs_, regs),
            WRAP => (*vm).switch_from_compiled(f, NativeKind::Wrap, nargs_, regs),
            YIELD => (*vm).switch_from_compiled(f, NativeKind::Yield, nargs_, regs),
            _ => None,
        };
        match value {
            Some(value) => Outcome::switch(value, false),
            None => super::call::call_plain(vm, f, nargs, a0, a1, a2),
        }
    }
}

/// The wait of compiled code for a coroutine is over, and not because that has yielded.
///
/// # Safety
/// Called by the trampoline in which the compiled code of this VM waits.
pub unsafe extern "C" fn landed(vm: *mut Vm, why: u64) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        super::with_vm(vm, |vm| {
            let (at, n, top) = vm.finish_resume(why)?;
            let r = take_results(vm, at, n);
            vm.thread_mut().top = top as u32;
            Ok(r)
        })
    }
}
