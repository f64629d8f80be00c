//! Opcodes for closures, varargs and to-be-closed variables.
use super::BuildError;
use super::call::Open;
use super::context::Builder;
use crate::ssa::ir::*;
use selune_core::opcode;
use selune_core::proto::Ins;

impl Builder<'_> {
    pub(super) fn op_closure(&mut self, i: Ins) {
        let Some(child) = self.proto().children.get(i.bx()) else {
            return self.fail(BuildError::Malformed);
        };
        let cells: Vec<V> = child
            .upvals
            .iter()
            .map(|u| if u.in_stack { self.reg_any(u.index as usize) } else { self.upvalue_cell(u.index as usize) })
            .collect();
        let v = self.add(Op::NewClosure { proto: self.cx.proto, child: i.bx() as u32 }, Ty::Any, &cells);
        self.set(i.a(), v);
    }
    /// (Behind the loop that was entered.)
    pub(super) fn op_tbc(&mut self, _: Ins) {
        self.leave();
    }
    /// Generic loops are only entered with nothing to close, so there never is anything but variables.
    pub(super) fn op_close(&mut self, _: Ins) {
        if self.has_variables_to_close() {
            self.leave();
        }
    }
    /// Can variables wait to be closed when the function is left? The interpreter does that.
    pub(super) fn has_variables_to_close(&self) -> bool {
        self.f.osr && self.cx.target.is_none() && self.job.root().code.iter().any(|i| i.op() == opcode::Op::Tbc)
    }
    pub(super) fn op_var_arg_prep(&mut self, _: Ins) {}
    pub(super) fn op_var_arg(&mut self, i: Ins) {
        if i.c() == 0 {
            if self.before_osr_tail_call() {
                return self.leave();
            }
            // Whoever takes them may leave and have them made again: nothing happens in between.
            self.cx.open_state = Some(self.state());
            self.cx.open = Some(match &self.cx.varargs {
                Some(values) => Open::Known(values.clone()),
                None => Open::VarArgs,
            });
            return;
        }
        let nil = self.const_nil();
        for n in 0..i.c() - 1 {
            let v = match &self.cx.varargs {
                Some(values) => values.get(n).copied().unwrap_or(nil),
                None => self.add(Op::VarArg(n as u32), Ty::Any, &[]),
            };
            self.set(i.a() + n, v);
        }
    }
}
