//! The handlers of threads with a debug hook: one for all opcodes calls the hooks that are due and then does what the plain
//! handler does.
use super::{Exit, HANDLERS, Handlers, call, loops, save};
use crate::Vm;
use selune_core::feedback::Unit;
use selune_core::opcode::{OP_COUNT, Op};
use selune_core::proto::Ins;
use selune_core::value::Value;

/// The hooked handlers.
pub(crate) static HOOKED: Handlers = [hooked; OP_COUNT];

unsafe fn hooked(vm: *mut Vm, pc: *const Ins, _base: *mut Value, k: *const Value, fb: *mut Unit) -> Exit {
    // SAFETY: INTERP-1: a Lua frame is on top; nothing else borrows the VM. The hook leaves the frame as it was, but the stack
    // may have moved.
    unsafe {
        save(vm, pc);
        if (*vm).before_instruction(*pc.sub(1)).is_err() {
            return Exit::Threw;
        }
        let t = (*vm).cur;
        let base = (*t).stack.add((&(*t).frames)[(*t).frames.len() - 1].base as usize);
        match (*pc.sub(1)).op() {
            // These deliver results without `finish_frame`, or call natives without a frame.
            Op::Return0 | Op::Return1 => return call::return_slow(vm, pc, base, k, fb),
            Op::TForCall => return loops::tfor_call_slow(vm, pc, base, k, fb),
            op => return HANDLERS[op as usize](vm, pc, base, k, fb),
        }
    }
}
