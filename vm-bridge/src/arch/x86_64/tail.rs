//! Tail calls of code whose compiler cannot make them: a thunk is the function's entry, and calls the body. The body stores
//! what is to be called in [`NativeState::tail_call`] and returns the mark `TAIL_CALL`; the thunk, which has nothing left on
//! the stack by then, jumps there. A frame pointer is kept, so that the walker gets past the thunk's frame.
use super::NativeState;
use selune_core::value::TAIL_CALL;
use std::mem::offset_of;

/// The code, and where in it the body's call returns to.
#[derive(Clone, Debug)]
pub struct TailThunk {
    /// Machine code.
    pub code: Vec<u8>,
    /// Offset of the return address.
    pub return_offset: u32,
}

impl TailThunk {
    /// For a body that starts `distance` bytes before the thunk.
    pub fn new(distance: u32) -> TailThunk {
        let mut code = vec![
            0x55, // push rbp
            0x48, 0x89, 0xe5, // mov rbp, rsp
            0x57, // push rdi
            0x48, 0x83, 0xec, 0x08, // sub rsp, 8
            0xe8, // call
        ];
        let return_offset = code.len() as u32 + 4;
        code.extend((-((distance + return_offset) as i32)).to_le_bytes());
        code.extend([
            0x48, 0x83, 0xc4, 0x08, // add rsp, 8
            0x5f, // pop rdi
            0x5d, // pop rbp
            0x49, 0xba, // mov r10, mark
        ]);
        code.extend(TAIL_CALL.to_le_bytes());
        code.extend([
            0x4c, 0x39, 0xd0, // cmp rax, r10
            0x74, 0x01, // je over the next
            0xc3, // ret
        ]);
        let field = |i: usize| ((offset_of!(NativeState, tail_call) + 8 * i) as i32).to_le_bytes();
        // rsi, rdx, rcx, r8, r9 from [rdi + ...]: the closure, the number of arguments, the first three of them.
        for (i, load) in [[0x48, 0x8b, 0xb7], [0x48, 0x8b, 0x97], [0x48, 0x8b, 0x8f], [0x4c, 0x8b, 0x87], [0x4c, 0x8b, 0x8f]].iter().enumerate() {
            code.extend(load);
            code.extend(field(i + 1));
        }
        code.extend([0xff, 0xa7]); // jmp [rdi + ...]
        code.extend(field(0));
        TailThunk { code, return_offset }
    }
}
