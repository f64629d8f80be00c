//! Feedback of instructions that call metamethods.
use super::field::upvalue;
use super::reg;
use crate::Vm;
use crate::semantics::Outcome;
use selune_core::feedback::MetaSlot;
use selune_core::opcode::Op;
use selune_core::proto::Ins;
use selune_core::value::Value;

/// Notes the call that the running instruction of the topmost frame needs.
pub(crate) fn record_outcome(vm: &mut Vm, o: &Outcome) {
    match *o {
        Outcome::Value(_) => {}
        Outcome::Call2(f, a, b) | Outcome::Call3(f, a, b, _) => record_metamethod(vm, a, b, f),
        Outcome::NotCall2(_, a, b) => record_metamethod(vm, a, b, Value::NIL),
    }
}

/// Notes which metamethod the running instruction calls for which operands.
pub(crate) fn record_metamethod(vm: &mut Vm, a: Value, b: Value, f: Value) {
    let frame = *vm.thread().frames.last().expect("a Lua frame");
    // SAFETY: FRAME-1: pc stands behind the instruction.
    let i: Ins = unsafe { *frame.pc.sub(1) };
    // What is found further up a chain of `__index` tables says nothing of the object itself.
    let receiver = match i.op() {
        Op::GetField | Op::Self_ | Op::GetTable | Op::GetInt => Some(reg(vm, i.b())),
        Op::SetField | Op::SetTable | Op::SetInt => Some(reg(vm, i.a())),
        Op::GetTabUp => Some(upvalue(vm, i.b())),
        Op::SetTabUp => Some(upvalue(vm, i.a())),
        _ => None,
    };
    let shape = |v: Value| if v.is_table() { vm.heap.shape_of(v).id } else { 0 };
    let shapes = match receiver {
        Some(r) => [if r.0 == a.0 { shape(a) } else { 0 }, 0],
        None => [shape(a), shape(b)],
    };
    // SAFETY: protos that frames and closures name are alive; FRAME-1: pc stands behind the instruction.
    let (proto, pc, callee) = unsafe {
        let callee = if f.is_lua_closure() { (*f.as_closure()).proto as usize } else { 0 };
        (&mut *frame.proto, frame.pc.offset_from((*frame.proto).code_ptr) as u32 - 1, callee)
    };
    match proto.meta.iter_mut().find(|m| m.pc == pc) {
        Some(m) if m.shapes == shapes && m.callee == callee => {}
        Some(m) => *m = MetaSlot { pc, shapes, callee, changes: m.changes.saturating_add(1) },
        None => proto.meta.push(MetaSlot { pc, shapes, callee, changes: 0 }),
    }
}
