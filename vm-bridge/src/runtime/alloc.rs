//! Runtime functions for safepoints and allocation.
use super::{settle, with_vm};
use crate::arch::Outcome;
use selune_core::heap::{POLL_MAJOR, POLL_MINOR};
use selune_vm::safepoint::POLL_JIT;
use selune_vm::{Thrown, Vm};

/// Collects if that is asked for. (A lack of memory is noticed by the interpreter's next poll, which can throw.)
pub(crate) fn collect_if_asked(vm: &mut Vm) {
    if vm.heap.gc_request & (POLL_MINOR | POLL_MAJOR) != 0 {
        vm.collect_for_room();
    }
}

/// Room for `bytes` (of a small object) in the nursery.
///
/// # Safety
/// As all runtime functions: called by compiled code of this VM.
pub unsafe extern "C" fn make_room(vm: *mut Vm, bytes: u64) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            let has_room = |vm: &Vm| vm.heap.nursery_limit.saturating_sub(vm.heap.nursery_top) >= bytes;
            let grown = vm.heap.extend_nursery(bytes as usize);
            collect_if_asked(vm);
            if !grown && !has_room(vm) {
                vm.collect(false);
            }
            if has_room(vm) || vm.heap.extend_nursery(bytes as usize) { Ok(()) } else { Err(vm.memory_error()) }
        })
    }
}

/// An empty table.
///
/// # Safety
/// As `make_room`.
pub unsafe extern "C" fn new_table(vm: *mut Vm, inline: u64, narray: u64) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            if narray >= 1 << 13 {
                vm.reserve(narray as usize * 8)?;
            }
            let t = vm.heap.new_table(narray as usize, inline as usize);
            Ok(settle(vm, t))
        })
    }
}

/// What a poll of the poll word does when it is not 0. True: something waits that compiled code cannot do; leave.
///
/// # Safety
/// As `make_room`.
pub unsafe extern "C" fn poll(vm: *mut Vm) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            if vm.heap.gc_request & POLL_JIT != 0 {
                vm.heap.gc_request &= !POLL_JIT;
                vm.with_backend(|b, vm| b.safepoint(vm));
            }
            Ok(vm.safepoint())
        })
    }
}

/// What a message handler may take of the room that compiled code leaves to Rust code.
const HANDLER_ROOM: u64 = 64 << 10;

/// Raises "stack overflow".
pub(crate) fn native_overflow(vm: &mut Vm) -> Thrown {
    vm.native_overflow(HANDLER_ROOM)
}
