//! Jumps and returns.
use super::call::Open;
use super::context::Builder;
use crate::ssa::ir::*;
use selune_core::proto::Ins;

impl Builder<'_> {
    /// Target of the jump instruction at the current pc.
    pub(super) fn jump_target(&self, i: Ins) -> usize {
        (self.cx.pc as isize + 1 + i.sbx()) as usize
    }
    /// A safepoint at a back edge.
    pub(super) fn poll(&mut self) {
        self.add_guard(Op::Poll, Ty::Void, &[], Reason::Leave);
    }
    pub(super) fn op_jmp(&mut self, i: Ins) {
        self.jump_to(self.jump_target(i));
    }
    pub(super) fn op_jmp_back(&mut self, i: Ins) {
        self.poll();
        self.jump_to(self.jump_target(i));
    }

    pub(super) fn op_return(&mut self, i: Ins) {
        if self.has_variables_to_close() {
            return self.leave();
        }
        if i.b() == 0 {
            let (fixed, open) = self.take_open(i.a());
            return self.return_with_open(fixed, open);
        }
        let values = (i.a()..i.a() + i.b() - 1).map(|r| self.reg(r)).collect();
        self.return_values(values);
    }
    fn return_with_open(&mut self, mut fixed: Vec<V>, open: Open) {
        if let Open::Known(values) = open {
            fixed.extend(values);
            return self.return_values(fixed);
        }
        let boxed: Vec<V> = fixed.iter().map(|v| self.any(*v)).collect();
        if let Open::Raw(r) = open {
            let (several, single) = self.split_raw(r);
            self.switch_to(single);
            fixed.push(r);
            self.return_values(fixed);
            self.switch_to(several);
        }
        self.terminate(Op::ReturnOpen, &boxed);
    }
    pub(super) fn op_return0(&mut self, _: Ins) {
        if self.has_variables_to_close() {
            return self.leave();
        }
        self.return_values(vec![]);
    }
    pub(super) fn op_return1(&mut self, i: Ins) {
        if self.has_variables_to_close() {
            return self.leave();
        }
        let v = self.reg(i.a());
        self.return_values(vec![v]);
    }
    /// Returns to whoever called: out of the compiled function, or behind an inlined call.
    pub(super) fn return_values(&mut self, mut values: Vec<V>) {
        let Some(t) = self.cx.target else {
            let values: Vec<V> = values.into_iter().map(|v| self.any(v)).collect();
            self.terminate(Op::Return, &values);
            return;
        };
        let wanted = match self.targets[t].want {
            None => values.len(),
            Some(Want::None | Want::Open | Want::Raw) => 0,
            Some(Want::One) => 1,
            Some(Want::Fixed(n)) => n as usize,
        };
        let nil = self.const_nil();
        values.resize(wanted, nil);
        let cont = self.targets[t].cont;
        self.targets[t].incoming.push((self.cur, values));
        self.terminate(Op::Jump(cont), &[]);
    }
}
