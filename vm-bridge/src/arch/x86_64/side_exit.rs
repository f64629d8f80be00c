//! Side exits and lazy returns: compiled code leaves for the interpreter in the middle of a function.
//!
//! A side exit is a patchpoint of 5 bytes. While its page is still writable, the nops become a `call` of the engine's
//! *stub*, which stands in code memory (so it is in reach), knows the VM and the handler, and touches no register: any
//! register may hold a live value. The trampoline saves all of them and calls the handler in Rust, which rebuilds the
//! interpreter's frame, runs it to the end of the function and returns the result; that goes back into the exit block,
//! whose code is a copy of rax and the function's own epilogue, and so to the function's caller.
//!
//! A lazy return is the same for a frame that waits for a call: its return address was redirected to another stub. The
//! handler goes on in the interpreter after the call, and leaves the frame through the *landing* of any side exit of
//! the same function (the address after the patched call: the result is in rax there, and the epilogue follows).

use super::{NativeState, Outcome, throw};
use std::arch::naked_asm;
use std::mem::offset_of;
use thiserror::Error;

/// The size of a patchpoint.
pub const EXIT_BYTES: usize = 5;

/// The size of a stub.
pub const STUB_BYTES: usize = 48;

/// Runs an interrupted function to its end: `handler(vm, registers)`.
pub type SideExitHandler = unsafe extern "C" fn(*mut NativeState, *mut ExitRegisters) -> Outcome;

/// Runs a function to its end after a call that it waited for: `handler(vm, return)`.
pub type LazyReturnHandler = unsafe extern "C" fn(*mut NativeState, *mut LazyReturn) -> Outcome;

/// The state of the machine at a side exit. Lives on the stack: exits nest.
#[repr(C)]
#[derive(Debug)]
pub struct ExitRegisters {
    /// General registers by DWARF number: rax rdx rcx rbx rsi rdi rbp rsp r8..r15. rsp is that of the compiled frame.
    pub gpr: [u64; 16],
    /// Low halves of xmm0..xmm15: DWARF numbers 17..=32.
    pub xmm: [u64; 16],
    padding: u64,
    vm: *mut NativeState,
    handler: SideExitHandler,
    /// Which exit this is: the address after the patched call. The trampoline returns there, with the result in rax;
    /// the handler may choose another landing of the same function.
    pub return_address: u64,
}

impl ExitRegisters {
    /// The contents of the register with a DWARF number; none for registers that compiled code must not use (xmm16 and up).
    pub fn get(&self, dwarf: u16) -> Option<u64> {
        match dwarf {
            0..=15 => Some(self.gpr[dwarf as usize]),
            17..=32 => Some(self.xmm[dwarf as usize - 17]),
            _ => None,
        }
    }

    /// Stack pointer of the compiled frame.
    pub fn sp(&self) -> u64 {
        self.gpr[7]
    }

    /// Frame pointer of the compiled frame.
    pub fn fp(&self) -> u64 {
        self.gpr[6]
    }
}

/// A frame that a call has just returned to, whose code is not to go on.
#[repr(C)]
#[derive(Debug)]
pub struct LazyReturn {
    /// Out: the handler sets it to a landing of the frame's function.
    pub landing: u64,
    /// What the callee returned (rax).
    pub value: u64,
    /// What the callee returned if it returns a double (xmm0).
    pub double: f64,
    /// Frame pointer of the frame.
    pub fp: u64,
    /// Stack pointer of the frame.
    pub sp: u64,
    padding: u64,
    vm: *mut NativeState,
    handler: LazyReturnHandler,
}

/// The code that an engine needs in its code memory, in reach of all its code.
#[derive(Clone, Copy, Debug)]
pub enum Stub {
    /// What patched side exits call.
    SideExit(SideExitHandler),
    /// Where redirected return addresses point.
    LazyReturn(LazyReturnHandler),
}

impl Stub {
    /// The stub's machine code, position-independent: `push [handler]; push [vm]; jmp [trampoline]`, then the three words.
    /// `vm` must not move while the stub can be called.
    pub fn code(self, vm: *mut NativeState) -> [u8; STUB_BYTES] {
        let (handler, trampoline) = match self {
            Stub::SideExit(f) => (f as usize, side_exit_trampoline as *const () as usize),
            Stub::LazyReturn(f) => (f as usize, lazy_return_trampoline as *const () as usize),
        };
        let mut code = [0xcc; STUB_BYTES];
        code[..6].copy_from_slice(&[0xff, 0x35, 18, 0, 0, 0]); // the operand is relative to the next instruction
        code[6..12].copy_from_slice(&[0xff, 0x35, 20, 0, 0, 0]);
        code[12..18].copy_from_slice(&[0xff, 0x25, 22, 0, 0, 0]);
        code[24..32].copy_from_slice(&handler.to_le_bytes());
        code[32..40].copy_from_slice(&(vm as usize).to_le_bytes());
        code[40..].copy_from_slice(&trampoline.to_le_bytes());
        code
    }
}

/// Why bytes could not be made a side exit.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotAnExit {
    /// The bytes are not the nops that a patchpoint consists of.
    #[error("no patchpoint: {0:02x?}")]
    NoNops([u8; EXIT_BYTES]),
    /// The stub is out of reach.
    #[error("the exit stub is out of reach")]
    OutOfReach,
}

/// What the 5 bytes of the patchpoint at address `at` become: a call of the stub.
pub fn patch_exit(
    bytes: [u8; EXIT_BYTES],
    at: u64,
    stub: u64,
) -> Result<[u8; EXIT_BYTES], NotAnExit> {
    if !is_nops(&bytes) {
        return Err(NotAnExit::NoNops(bytes));
    }
    let distance = stub.wrapping_sub(at.wrapping_add(EXIT_BYTES as u64)) as i64;
    let distance = i32::try_from(distance).map_err(|_| NotAnExit::OutOfReach)?;
    let mut call = [0xe8; EXIT_BYTES];
    call[1..].copy_from_slice(&distance.to_le_bytes());
    Ok(call)
}

/// Whether the bytes are whole nops (`90`, `66 90`, `0f 1f /0` with its address forms).
fn is_nops(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let length = match bytes {
            [0x90, ..] => 1,
            [0x66, 0x90, ..] => 2,
            [0x0f, 0x1f, 0x00, ..] => 3,
            [0x0f, 0x1f, 0x40, ..] => 4,
            [0x0f, 0x1f, 0x44, ..] => 5,
            _ => return false,
        };
        if length > bytes.len() {
            return false;
        }
        bytes = &bytes[length..];
    }
    true
}

/// On entry: `[rsp]` = vm, `[rsp+8]` = handler (pushed by the stub), `[rsp+16]` = return address of the patched call.
#[unsafe(naked)]
unsafe extern "C" fn side_exit_trampoline() {
    naked_asm!(
        "sub rsp, {saved}",
        "mov [rsp], rax",
        "mov [rsp + 8], rdx",
        "mov [rsp + 16], rcx",
        "mov [rsp + 24], rbx",
        "mov [rsp + 32], rsi",
        "mov [rsp + 40], rdi",
        "mov [rsp + 48], rbp",
        "lea rax, [rsp + {size}]",
        "mov [rsp + 56], rax",
        "mov [rsp + 64], r8",
        "mov [rsp + 72], r9",
        "mov [rsp + 80], r10",
        "mov [rsp + 88], r11",
        "mov [rsp + 96], r12",
        "mov [rsp + 104], r13",
        "mov [rsp + 112], r14",
        "mov [rsp + 120], r15",
        "movsd [rsp + 128], xmm0",
        "movsd [rsp + 136], xmm1",
        "movsd [rsp + 144], xmm2",
        "movsd [rsp + 152], xmm3",
        "movsd [rsp + 160], xmm4",
        "movsd [rsp + 168], xmm5",
        "movsd [rsp + 176], xmm6",
        "movsd [rsp + 184], xmm7",
        "movsd [rsp + 192], xmm8",
        "movsd [rsp + 200], xmm9",
        "movsd [rsp + 208], xmm10",
        "movsd [rsp + 216], xmm11",
        "movsd [rsp + 224], xmm12",
        "movsd [rsp + 232], xmm13",
        "movsd [rsp + 240], xmm14",
        "movsd [rsp + 248], xmm15",
        "mov rdi, [rsp + {vm}]",
        "mov rsi, rsp",
        "call [rsp + {handler}]",
        "test rdx, rdx",
        "jne 2f",
        "add rsp, {ret}",
        "ret",
        "2: mov rdi, [rsp + {vm}]",
        "jmp {throw}",
        saved = const offset_of!(ExitRegisters, vm),
        size = const size_of::<ExitRegisters>(),
        vm = const offset_of!(ExitRegisters, vm),
        handler = const offset_of!(ExitRegisters, handler),
        ret = const offset_of!(ExitRegisters, return_address),
        throw = sym throw,
    )
}

/// On entry: `[rsp]` = vm, `[rsp+8]` = handler (pushed by the stub); above them the frame as it is after the return.
#[unsafe(naked)]
unsafe extern "C" fn lazy_return_trampoline() {
    naked_asm!(
        "sub rsp, {saved}",
        "mov [rsp + {value}], rax",
        "movsd [rsp + {double}], xmm0",
        "mov [rsp + {fp}], rbp",
        "lea rax, [rsp + {size}]",
        "mov [rsp + {sp}], rax",
        "mov rdi, [rsp + {vm}]",
        "mov rsi, rsp",
        "call [rsp + {handler}]",
        "test rdx, rdx",
        "jne 2f",
        "mov rcx, [rsp + {landing}]",
        "add rsp, {size}",
        "jmp rcx",
        "2: mov rdi, [rsp + {vm}]",
        "jmp {throw}",
        saved = const offset_of!(LazyReturn, vm),
        value = const offset_of!(LazyReturn, value),
        double = const offset_of!(LazyReturn, double),
        fp = const offset_of!(LazyReturn, fp),
        sp = const offset_of!(LazyReturn, sp),
        size = const size_of::<LazyReturn>(),
        vm = const offset_of!(LazyReturn, vm),
        handler = const offset_of!(LazyReturn, handler),
        landing = const offset_of!(LazyReturn, landing),
        throw = sym throw,
    )
}

// The trampolines' calls need a stack pointer that is a multiple of 16, as the compiled frame's is.
const _: () = assert!(
    size_of::<ExitRegisters>().is_multiple_of(16) && size_of::<LazyReturn>().is_multiple_of(16)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_nops_are_patched() {
        for nops in [
            [0x0f, 0x1f, 0x44, 0, 8],
            [0x90; 5],
            [0x66, 0x90, 0x0f, 0x1f, 0],
            [0x0f, 0x1f, 0x40, 8, 0x90],
        ] {
            let call = patch_exit(nops, 0x1000, 0x2000).unwrap();
            assert_eq!(call, [0xe8, 0xfb, 0x0f, 0, 0]);
        }
        for other in [
            [0x90, 0x90, 0x90, 0x0f, 0x1f],
            [0x66, 0x90, 0x90, 0x90, 0x66],
            [0xe8, 0, 0, 0, 0],
        ] {
            assert_eq!(
                patch_exit(other, 0x1000, 0x2000),
                Err(NotAnExit::NoNops(other))
            );
        }
        assert_eq!(
            patch_exit([0x90; 5], 0x1000, 0x1_0000_0000),
            Err(NotAnExit::OutOfReach)
        );
        assert_eq!(patch_exit([0x90; 5], 0x7000_0000, 0x10).unwrap()[0], 0xe8);
    }
}
