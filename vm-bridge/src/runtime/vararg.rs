//! Runtime functions for varargs. A compiled vararg function keeps its extra arguments on the VM stack; the handle says
//! where: index of the first in the upper half, number in the lower.
use super::call::put_list;
use super::with_vm;
use crate::arch::Outcome;
use selune_core::native_state::ARG_SLOTS;
use selune_core::thread::FrameKind;
use selune_core::value::Value;
use selune_vm::Vm;

/// Index of the first vararg and their number.
pub fn parts(handle: u64) -> (usize, usize) {
    ((handle >> 32) as usize, handle as u32 as usize)
}

/// Keeps the arguments from `params` on.
///
/// # Safety
/// As all runtime functions: called by compiled code of this VM, at the entry of a function with `nargs` arguments.
pub unsafe extern "C" fn save(vm: *mut Vm, params: u64, nargs: u64, a0: Value, a1: Value, a2: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            let (params, nargs) = (params as usize, nargs as usize);
            let count = nargs.saturating_sub(params);
            let at = vm.thread().live_top() as usize;
            vm.ensure_stack((at + count + 1) as u32)?;
            // More arguments than `args` holds are all in `more`.
            let more = if nargs > ARG_SLOTS { std::mem::take(&mut vm.native.more) } else { Vec::new() };
            for i in 0..count {
                let v = match params + i {
                    n if nargs > ARG_SLOTS => more[n],
                    0 => a0,
                    1 => a1,
                    2 => a2,
                    n => vm.native.args[n],
                };
                vm.set_stack_at(at + i, v);
            }
            vm.thread_mut().top = (at + count) as u32;
            Ok(((at as u64) << 32 | count as u64) as i64)
        })
    }
}

/// The varargs of the interpreter's frame that OSR code took over.
///
/// # Safety
/// As `save`.
pub unsafe extern "C" fn of_frame(vm: *mut Vm) -> u64 {
    // SAFETY: the caller's promise.
    let vm = unsafe { &*vm };
    let frame = vm.thread().frames.iter().rev().find(|f| f.kind == FrameKind::Lua);
    frame.map_or(0, |f| u64::from(f.base - 1 - f.nvarargs) << 32 | u64::from(f.nvarargs))
}

/// All of them as the open list.
///
/// # Safety
/// As `save`; the handle is this activation's.
pub unsafe extern "C" fn open(vm: *mut Vm, handle: u64) {
    let (at, count) = parts(handle);
    // SAFETY: the caller's promise.
    put_list(unsafe { &mut *vm }, at, count);
}

/// Forgets them.
///
/// # Safety
/// As `open`.
pub unsafe extern "C" fn release(vm: *mut Vm, handle: u64) {
    // SAFETY: the caller's promise.
    unsafe { &mut *vm }.thread_mut().top = parts(handle).0 as u32;
}
