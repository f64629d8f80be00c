//! Opcodes that load registers: moves, constants, upvalues, cells.
use super::context::Builder;
use crate::ssa::ir::*;
use selune_core::proto::Ins;

impl Builder<'_> {
    pub(super) fn op_move(&mut self, i: Ins) {
        let v = self.reg(i.b());
        self.set(i.a(), v);
    }
    pub(super) fn op_load_k(&mut self, i: Ins) {
        let v = self.const_k(i.bx());
        self.set(i.a(), v);
    }
    pub(super) fn op_load_nil(&mut self, i: Ins) {
        let nil = self.const_nil();
        for r in i.a()..=i.a() + i.b() {
            self.set(r, nil);
        }
    }
    pub(super) fn op_load_false(&mut self, i: Ins) {
        let v = self.const_bool(false);
        self.set(i.a(), v);
    }
    pub(super) fn op_load_false_skip(&mut self, i: Ins) {
        self.op_load_false(i);
        self.jump_to(self.cx.pc + 2);
    }
    pub(super) fn op_load_true(&mut self, i: Ins) {
        let v = self.const_bool(true);
        self.set(i.a(), v);
    }
    /// The value of an upvalue of the running closure.
    pub(super) fn upvalue(&mut self, n: usize) -> V {
        let constant = self.proto().upvals.get(n).is_some_and(|u| !u.assigned);
        let cell = self.upvalue_cell(n);
        self.add(Op::LoadCell { constant }, Ty::Any, &[cell])
    }
    /// The cell of an upvalue.
    pub(super) fn upvalue_cell(&mut self, n: usize) -> V {
        let closure = self.cx.closure;
        if let Op::NewClosure { .. } = self.f.op(closure) {
            return self.f.inst(closure).args[n];
        }
        self.add(Op::LoadUpval(n as u8), Ty::Any, &[closure])
    }
    pub(super) fn op_get_upval(&mut self, i: Ins) {
        let v = self.upvalue(i.b());
        self.set(i.a(), v);
    }
    pub(super) fn op_set_upval(&mut self, i: Ins) {
        let cell = self.upvalue_cell(i.b());
        let v = self.reg_any(i.a());
        self.store_cell(cell, v);
    }
    pub(super) fn op_new_cell(&mut self, i: Ins) {
        let v = self.reg_any(i.b());
        let cell = self.add(Op::NewCell, Ty::Any, &[v]);
        self.set(i.a(), cell);
    }
    pub(super) fn op_get_cell(&mut self, i: Ins) {
        let cell = self.reg_any(i.b());
        let v = self.add(Op::LoadCell { constant: false }, Ty::Any, &[cell]);
        self.set(i.a(), v);
    }
    pub(super) fn op_set_cell(&mut self, i: Ins) {
        let (cell, v) = (self.reg_any(i.a()), self.reg_any(i.b()));
        self.store_cell(cell, v);
    }
    fn store_cell(&mut self, cell: V, v: V) {
        let barrier = self.needs_barrier(v);
        self.add(Op::StoreCell { barrier }, Ty::Void, &[cell, v]);
    }
    /// May the value be a pointer?
    pub(super) fn needs_barrier(&self, v: V) -> bool {
        self.kinds(v).meets(crate::ssa::types::Kinds::HEAP)
    }
}
