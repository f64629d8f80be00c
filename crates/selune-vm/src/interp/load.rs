//! Handlers: values into registers, upvalues, cells.
use super::*;
use selune_core::object::{Closure, GC_BARRIER};

op! { op_move |vm, pc, base, i, k, fb| { *base.add(i.a()) = *base.add(i.b()); next!(vm, pc, base, k, fb) } }
op! { op_load_k |vm, pc, base, i, k, fb| { *base.add(i.a()) = *k.add(i.bx()); next!(vm, pc, base, k, fb) } }
op! { op_load_nil |vm, pc, base, i, k, fb| {
    let a = base.add(i.a());
    // (A plain loop: see call.rs.)
    for j in 0..=i.b() { a.add(j).write_volatile(Value::NIL) }
    next!(vm, pc, base, k, fb)
} }
op! { op_load_false |vm, pc, base, i, k, fb| { *base.add(i.a()) = Value::FALSE; next!(vm, pc, base, k, fb) } }
op! { op_load_false_skip |vm, pc, base, i, k, fb| { *base.add(i.a()) = Value::FALSE; next!(vm, pc.add(1), base, k, fb) } }
op! { op_load_true |vm, pc, base, i, k, fb| { *base.add(i.a()) = Value::TRUE; next!(vm, pc, base, k, fb) } }
op! { op_get_upval |vm, pc, base, i, k, fb| {
    let cell = *Closure::upvalue(closure_of(base), i.b());
    *base.add(i.a()) = (*cell.as_cell()).value;
    next!(vm, pc, base, k, fb)
} }
op! { op_set_upval |vm, pc, base, i, k, fb| {
    let cell = (*Closure::upvalue(closure_of(base), i.b())).as_cell();
    let v = *base.add(i.a());
    if v.is_heap() && (*cell).header.gc & GC_BARRIER != 0 { return store_cell(vm, pc, base, k, fb) }
    (*cell).value = v;
    next!(vm, pc, base, k, fb)
} }
op! { op_get_cell |vm, pc, base, i, k, fb| {
    *base.add(i.a()) = (*(*base.add(i.b())).as_cell()).value;
    next!(vm, pc, base, k, fb)
} }
op! { op_set_cell |vm, pc, base, i, k, fb| {
    let cell = (*base.add(i.a())).as_cell();
    let v = *base.add(i.b());
    if v.is_heap() && (*cell).header.gc & GC_BARRIER != 0 { return store_cell(vm, pc, base, k, fb) }
    (*cell).value = v;
    next!(vm, pc, base, k, fb)
} }
fn store_cell_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let (cell, v) = if i.op() == selune_core::opcode::Op::SetCell {
        (reg(vm, i.a()), reg(vm, i.b()))
    } else {
        let f = vm.thread().frames.last().expect("a Lua frame").base;
        let closure = vm.stack_at(f as usize - 1);
        // SAFETY: the running closure and its upvalue.
        (unsafe { *Closure::upvalue(closure.as_closure(), i.b()) }, reg(vm, i.a()))
    };
    // SAFETY: a cell; the barrier is the store's.
    unsafe { vm.heap.store(cell.as_header(), &raw mut (*cell.as_cell()).value, v) };
    Ok(Flow::Run)
}
slow!(store_cell, store_cell_inner);
op! { op_new_cell |vm, pc, base, i, k, fb| {
    let v = (*vm).heap.new_cell(*base.add(i.b()));
    *base.add(i.a()) = v;
    if (*vm).heap.gc_request != 0 { return poll(vm, pc, base, k, fb) }
    next!(vm, pc, base, k, fb)
} }
