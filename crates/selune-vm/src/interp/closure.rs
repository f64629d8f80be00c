//! Handlers: closures and to-be-closed variables.
use super::*;
use crate::close::After;
use selune_core::object::Closure;

op! { op_closure |vm, pc, base, i, k, fb| {
    let outer = closure_of(base);
    let p = *(*(*outer).proto).protos.as_ptr().add(i.bx());
    let descs = &(*p).upvals;
    let n = descs.len();
    let f = (*vm).heap.new_closure(p, n);
    for j in 0..n {
        let d = &*descs.as_ptr().add(j);
        let cell = if d.in_stack { *base.add(d.index as usize) } else { *Closure::upvalue(outer, d.index as usize) };
        // A new object: no barrier is needed before the next safepoint.
        *Closure::upvalue(f.as_closure(), j) = cell;
    }
    *base.add(i.a()) = f;
    if (*vm).heap.gc_request != 0 { return poll(vm, pc, base, k, fb) }
    next!(vm, pc, base, k, fb)
} }
op! { op_tbc |vm, pc, base, i, k, fb| { return tbc_slow(vm, pc, base, k, fb) } }
fn tbc_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let base = vm.thread().frames.last().expect("a Lua frame").base;
    vm.add_tbc(base + i.a() as u32).map(|()| Flow::Run)
}
slow!(tbc_slow, tbc_inner);
op! { op_close |vm, pc, base, i, k, fb| { return close_slow(vm, pc, base, k, fb) } }
fn close_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let level = vm.thread().frames.last().expect("a Lua frame").base + i.a() as u32;
    if vm.thread().tbc.last().is_none_or(|t| t.slot < level) {
        return Ok(Flow::Run);
    }
    vm.begin_close(level, After::Go, None)
}
slow!(close_slow, close_inner);
