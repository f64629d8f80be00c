//! Entry trampolines: Rust calls compiled code, and errors come back here.
//!
//! An entry frame, from its frame pointer downwards: the enclosing exit record (pc, sp, fp) and `entry_sp`, the
//! callee-saved registers, the VM. `entry_sp` of the VM is the address of the last of these words, so an error needs nothing
//! but the VM to return from the trampoline: the compiled frames above are skipped, and there are no others (Rust code
//! that calls compiled code does so through a trampoline of its own).

use super::Outcome;
use selune_core::native_state::NativeState;
use std::arch::naked_asm;
use std::mem::offset_of;

/// What an entry trampoline saves of the segment that encloses its own; the upper part of its frame.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SavedSegment {
    /// The enclosing segment's `entry_sp`.
    pub entry_sp: u64,
    /// The enclosing segment's exit record.
    pub exit_fp: u64,
    /// The enclosing segment's exit record.
    pub exit_sp: u64,
    /// The enclosing segment's exit record.
    pub exit_pc: u64,
}

/// How far an entry frame's frame pointer is above its `entry_sp`.
pub const ENTRY_FRAME_BYTES: u64 = 80;

impl SavedSegment {
    /// Where the segment whose `entry_sp` this is keeps what it saved: below its frame pointer.
    pub const fn address(entry_sp: u64) -> u64 {
        entry_sp + ENTRY_FRAME_BYTES - size_of::<SavedSegment>() as u64
    }
}

/// Calls a compiled function through its register entry, `extern "C" fn(vm, closure, nargs, a0, a1, a2) -> u64`. Arguments
/// from the fourth on are in `vm.args[3..nargs]`; the caller fills missing ones among `a0..a2` with nil. Status 0: the
/// function's first result, or the mark `MULTI`. Status 1: it threw; the error value is in the VM.
///
/// # Safety
/// `vm` is the address of a VM that starts with its [`NativeState`], and no reference to it is in use; `code` is the register
/// entry of installed code of this VM that stays installed during the call; the values are live.
#[unsafe(naked)]
pub unsafe extern "C" fn enter(
    vm: *mut NativeState,
    code: usize,
    closure: u64,
    nargs: u64,
    a0: u64,
    a1: u64,
    a2: u64,
) -> Outcome {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "mov rax, rsi",
        "mov r10, [rbp + 16]", // a2, the argument on the stack
        "push qword ptr [rdi + {exit_pc}]",
        "push qword ptr [rdi + {exit_sp}]",
        "push qword ptr [rdi + {exit_fp}]",
        "push qword ptr [rdi + {entry_sp}]",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdi",
        "mov [rdi + {entry_sp}], rsp",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov rcx, r8",
        "mov r8, r9",
        "mov r9, r10",
        "call rax",
        "xor edx, edx",
        "jmp {leave}",
        exit_pc = const offset_of!(NativeState, context.exit_pc),
        exit_sp = const offset_of!(NativeState, context.exit_sp),
        exit_fp = const offset_of!(NativeState, context.exit_fp),
        entry_sp = const offset_of!(NativeState, context.entry_sp),
        leave = sym leave,
    )
}

/// Calls the entry in mid-loop of a compiled function, `extern "C" fn(vm, frame) -> u64`, where `frame` is the address of
/// the interpreter's registers. Outcome as of [`enter`]; the value may be the mark `RESUME` as well.
///
/// # Safety
/// As [`enter`]; `frame` is what the code expects.
#[unsafe(naked)]
pub unsafe extern "C" fn enter_osr(vm: *mut NativeState, code: usize, frame: *mut u64) -> Outcome {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "mov rax, rsi",
        "push qword ptr [rdi + {exit_pc}]",
        "push qword ptr [rdi + {exit_sp}]",
        "push qword ptr [rdi + {exit_fp}]",
        "push qword ptr [rdi + {entry_sp}]",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "push rdi",
        "mov [rdi + {entry_sp}], rsp",
        "mov rsi, rdx",
        "call rax",
        "xor edx, edx",
        "jmp {leave}",
        exit_pc = const offset_of!(NativeState, context.exit_pc),
        exit_sp = const offset_of!(NativeState, context.exit_sp),
        exit_fp = const offset_of!(NativeState, context.exit_fp),
        entry_sp = const offset_of!(NativeState, context.entry_sp),
        leave = sym leave,
    )
}

/// Leaves the innermost segment with an error: returns from its entry trampoline with status 1. Jumped to by the exit
/// trampolines with the VM in rdi; what is on the stack above the entry frame is gone.
///
/// # Safety
/// Only trampolines may jump here: the frames that are skipped must all be compiled ones.
#[unsafe(naked)]
pub unsafe extern "C" fn throw(vm: *mut NativeState) -> ! {
    naked_asm!(
        "mov rsp, [rdi + {entry_sp}]",
        "mov edx, 1",
        "jmp {leave}",
        entry_sp = const offset_of!(NativeState, context.entry_sp),
        leave = sym leave,
    )
}

/// The common end of the entry trampolines; rsp is the segment's `entry_sp`.
#[unsafe(naked)]
unsafe extern "C" fn leave() {
    naked_asm!(
        "pop rdi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop qword ptr [rdi + {entry_sp}]",
        "pop qword ptr [rdi + {exit_fp}]",
        "pop qword ptr [rdi + {exit_sp}]",
        "pop qword ptr [rdi + {exit_pc}]",
        "pop rbp",
        "ret",
        exit_pc = const offset_of!(NativeState, context.exit_pc),
        exit_sp = const offset_of!(NativeState, context.exit_sp),
        exit_fp = const offset_of!(NativeState, context.exit_fp),
        entry_sp = const offset_of!(NativeState, context.entry_sp),
    )
}
