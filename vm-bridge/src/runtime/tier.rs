//! Runtime function for baseline code that has run often.
use super::with_vm;
use crate::arch::Outcome;
use crate::engine::JitEngine;
use crate::tier::TierCell;
use selune_vm::Vm;

/// Asks for better code.
///
/// # Safety
/// Called by compiled code of this VM, which has an engine, with the cell of that code.
pub unsafe extern "C" fn tier_up(vm: *mut Vm, cell: u64) -> Outcome {
    // SAFETY: the caller's promise; the cell lives as long as the code, which is on the stack.
    unsafe {
        with_vm(vm, |vm| {
            JitEngine::of(vm).tier_up(vm, &*(cell as *const TierCell));
            Ok(())
        })
    }
}
