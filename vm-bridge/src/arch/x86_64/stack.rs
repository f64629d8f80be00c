//! Running a function on another stack.

use std::arch::naked_asm;
use std::ffi::c_void;

/// Calls `f(argument)` with the stack pointer at `top` and returns on the stack of the caller.
///
/// # Safety
/// `top` is a multiple of 16 and the upper end of writable memory that nothing else uses as long as the call runs, large
/// enough for it. `f` returns (it does not unwind).
#[unsafe(naked)]
pub unsafe extern "C" fn call_on_stack(
    f: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
    top: *mut u8,
) {
    naked_asm!(
        // The unwind information lets a backtrace (panic message, debugger, profiler) find the caller.
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "mov rsp, rdx",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "mov rsp, rbp",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
    )
}
