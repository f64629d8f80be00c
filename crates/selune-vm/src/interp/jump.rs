//! Handlers: jumps and back edges.
use super::*;
use crate::backend::{Advice, Hot, Left};
use selune_core::coroutine_stack::Work;
use selune_core::feedback::LoopSlot;
use selune_core::native_state::ARG_SLOTS;
use selune_core::proto::tier_flags;
use selune_core::value::MULTI;

op! { op_jmp |vm, pc, base, i, k, fb| { next!(vm, pc.offset(i.sbx()), base, k, fb) } }
op! { op_jmp_back |vm, pc, base, i, k, fb| {
    if count_down(fb, pc) { return back_edge_hot(vm, pc, base, k, fb) }
    next!(vm, pc.offset(i.sbx()), base, k, fb)
} }

/// Passes until the next coroutine in a loop enters its code.
const SOON: u32 = 16;

/// Passes until a loop is entered again whose function is not compiled.
const AGAIN: u32 = 64;

/// Counts one pass over a back edge; true when it is time to ask the tier policy.
#[inline(always)]
pub(super) unsafe fn count_down(fb: *mut Unit, pc: *const Ins) -> bool {
    // SAFETY: the slot of this instruction.
    unsafe {
        let s: *mut LoopSlot = fb_slot(fb, pc);
        let c = (*s).count.wrapping_sub(1);
        (*s).count = c;
        (c as i32) < 0
    }
}
/// The counter of a back edge ran out; it is taken here.
pub(super) fn back_edge_hot_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let s: *mut LoopSlot = fb_slot_slow(vm, i);
    let f = vm.thread_mut().frames.last_mut().expect("a Lua frame");
    // SAFETY: the loop header is within the code.
    f.pc = unsafe { f.pc.offset(i.sbx()) };
    match i.op() {
        selune_core::opcode::Op::JmpBack => poll_with(vm, i.a())?,
        _ => vm.poll()?,
    }
    let frame = *vm.thread().frames.last().expect("a Lua frame");
    // SAFETY: the proto of a frame is alive.
    let header = unsafe { (*frame.proto).pc_of(frame.pc) } as u32;
    // SAFETY: the slot of the running instruction; it stays where it is as long as the proto lives.
    let slot = unsafe { &mut *s };
    let first = slot.osr_entries == 0 && slot.osr_code == 0;
    if first {
        // The first pass: starts the count.
        slot.osr_entries = 1;
        slot.count = vm.loop_threshold();
        return Ok(Flow::Run);
    }
    slot.count = vm.loop_threshold();
    if i.s() == 0 || vm.backend.is_none() || !vm.may_run_compiled() {
        return Ok(Flow::Run);
    }
    let code = if slot.osr_code != 0 {
        slot.osr_code
    } else {
        match vm.with_backend(|b, vm| b.on_hot(vm, frame.proto, Hot::Loop(header))) {
            Some(Advice::Osr(code)) => code,
            _ => return Ok(Flow::Run),
        }
    };
    slot.osr_entries = slot.osr_entries.saturating_add(1);
    // SAFETY: the proto of a frame is alive.
    if unsafe { (*frame.proto).tier.flags } & tier_flags::COMPILED == 0 {
        // The function's next call comes here in the interpreter, too.
        slot.count = slot.count.min(AGAIN);
    }
    if vm.needs_own_stack() {
        // Other coroutines in this loop shall not wait long for code that stands ready.
        slot.count = slot.count.min(SOON);
        let work = Work { closure: Value::NIL, code, func: frame.func, nargs: 0, nresults: frame.nresults, ret: frame.ret };
        return vm.run_on_own_stack(work).unwrap_or(Ok(Flow::Run));
    }
    match vm.with_backend(|b, vm| b.enter_osr(vm, code)).expect("a backend") {
        Left::Resume => Ok(Flow::Run),
        Left::Threw => Err(Thrown),
        Left::Returned(v) => {
            let frame = vm.thread_mut().frames.pop().expect("the frame that OSR code finished");
            vm.deliver_compiled(frame, v)
        }
    }
}
slow!(back_edge_hot, back_edge_hot_inner);

impl Vm {
    /// Passes over a back edge between two questions to the tier policy.
    pub(crate) fn loop_threshold(&self) -> u32 {
        self.hot_threshold.clamp(1, 1 << 30) as u32
    }
    /// Delivers what compiled code returned as the results of a popped frame.
    pub(crate) fn deliver_compiled(&mut self, frame: selune_core::thread::CallFrame, v: Value) -> Result<Flow, Thrown> {
        let at = frame.func;
        if v.0 != MULTI {
            self.put(at, v);
            return self.finish_frame(frame, at, 1);
        }
        let n = self.native.nresults as usize;
        self.ensure_stack(at + n as u32 + 4)?;
        for i in 0..n {
            // (`more` may still hold results that compiled code has dropped.)
            let v = if n <= ARG_SLOTS { self.native.args[i] } else { self.native.more[i] };
            self.put(at + i as u32, v);
        }
        self.native.more.clear();
        self.finish_frame(frame, at, n as u32)
    }
}
