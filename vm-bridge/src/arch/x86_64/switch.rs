//! Switching between native stacks of coroutines.
//!
//! A stack that waits has on it, from its stack pointer upwards, the callee-saved registers (r15 to rbx, rbp) and the address
//! where it goes on, as if that had called. Who goes there brings a value (rax). The address may be in compiled code: then the
//! switch was made at the end of a trampoline, and no Rust frame stands between two pieces of compiled code.

use super::NativeState;
use std::arch::naked_asm;
use std::mem::offset_of;

/// The end of exit trampolines whose shim returned a status that is not 0 (in rdx; rdi: the VM; rax: the value; on top of
/// the stack: the return address into compiled code).
///
/// # Safety
/// Only exit trampolines may jump here.
#[unsafe(naked)]
pub unsafe extern "C" fn throw_or_switch() {
    naked_asm!(
        "cmp edx, 1",
        "je {throw}",
        "sub edx, 2",
        "jmp {exchange}",
        throw = sym super::throw,
        exchange = sym exchange,
    )
}

/// Goes to the stack `vm.switch_to` with a value; returns with what comes back. `special`: the other side waits in compiled
/// code, and the value is why its wait is over.
///
/// # Safety
/// `vm.switch_to` is the stack pointer of a stack that waits, `vm.switch_from` where this stack's is to be kept; no reference to
/// the VM is in use.
#[unsafe(naked)]
pub unsafe extern "C" fn switch(vm: *mut NativeState, value: u64, special: u64) -> u64 {
    naked_asm!(
        "mov rax, rsi",
        "jmp {exchange}",
        exchange = sym exchange,
    )
}

/// The switch itself: rdi is the VM, rax the value, rdx 0 or 1 (special).
#[unsafe(naked)]
unsafe extern "C" fn exchange() {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov rcx, [rdi + {from}]",
        "mov [rcx], rsp",
        "mov rsp, [rdi + {to}]",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "test rdx, rdx",
        "jne 2f",
        // Not a return: the processor would expect it to go where the other stack called.
        "pop rcx",
        "jmp rcx",
        "2: push rdi",
        "mov rsi, rax",
        "call {landed}",
        "pop rdi",
        "test rdx, rdx",
        "jne {other}",
        "ret",
        from = const offset_of!(NativeState, switch_from),
        to = const offset_of!(NativeState, switch_to),
        landed = sym crate::runtime::coroutine::landed,
        other = sym throw_or_switch,
    )
}

/// Prepares a new stack whose upper end is `top`: who goes there the first time starts `f(vm)`. Gives its stack pointer.
///
/// # Safety
/// `top` is a multiple of 16 and the upper end of writable memory that nothing else uses. `f` does not return.
pub unsafe fn fresh_stack(top: *mut u64, f: unsafe extern "C" fn(*mut NativeState) -> !) -> u64 {
    const REGISTERS: usize = 6;
    // SAFETY: the caller's promise. The frame pointer is 0, and so is the return address of `f`: here walks end.
    unsafe {
        let sp = top.sub(2 + REGISTERS);
        sp.write_bytes(0, 2 + REGISTERS);
        sp.add(REGISTERS).write(f as usize as u64);
        sp as u64
    }
}
