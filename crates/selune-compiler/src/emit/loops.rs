//! Loops. A back edge is always `JmpBack`, `ForLoop` or `TForLoop`, so that each pass of a loop meets a safepoint.
use super::Emitter;
use super::exp::{Exp, Kind};
use super::jumps::NO_JUMP;
use crate::ast::*;
use super::Result;
use selune_core::opcode::Op;
use selune_core::proto::Ins;

impl Emitter<'_, '_> {
    pub(super) fn while_loop(&mut self, cond: ExprId, do_line: u32, block: List, end_line: u32, exit: LabelId) -> Result<()> {
        let header = self.label_here();
        let cond = self.eval(cond)?;
        let done = self.false_jumps(cond)?;
        self.line = do_line;
        self.block(block)?;
        self.jump_back(header);
        self.line = end_line;
        self.place_label(exit);
        self.patch_to_here(done);
        Ok(())
    }

    pub(super) fn repeat_loop(&mut self, block: List, cond: ExprId, until_line: u32, exit: LabelId) -> Result<()> {
        let header = self.label_here();
        let scope = self.open_scope();
        self.statements(block)?;
        self.line = until_line;
        let mut cond = self.eval(cond)?;
        let mut done = NO_JUMP;
        let ends_now = cond.constant().is_some() && !matches!(cond.kind, Kind::Nil | Kind::False);
        if !ends_now {
            self.go_if_false(&mut cond)?;
            done = cond.t;
            self.close_variables_of(&scope);
            self.jump_back(header);
        }
        self.patch_to_here(done);
        if self.has_closing(&scope) {
            self.close_scope(scope);
        } else {
            self.leave_scope(scope);
        }
        self.place_label(exit);
        Ok(())
    }

    pub(super) fn numeric_for(&mut self, var: LocalId, range: List, block: List, info: u32) -> Result<()> {
        let info = self.ast.loops[info as usize];
        let outer = self.open_scope();
        let base = self.free;
        self.line = info.head_line;
        for i in range.range() {
            let mut e = self.eval(self.ast.items[i].expr)?;
            self.put_in_next(&mut e)?;
        }
        if range.len == 2 {
            self.put_in_next(&mut Exp::new(Kind::Int(1)))?;
        }
        self.activate_state(base, 3);
        self.line = info.do_line;
        let prep = self.push(Ins::asbx(Op::ForPrep, base as u8, 0));
        self.for_body(var, 1, block)?;
        let end = self.label_here();
        self.line = info.line;
        self.push(Ins::asbx(Op::ForLoop, base as u8, prep as i32 - end as i32));
        self.out.code[prep] = self.out.code[prep].with_sbx((end - prep - 1) as i32);
        self.line = info.end_line;
        self.leave_scope(outer);
        self.place_label(info.exit);
        Ok(())
    }

    pub(super) fn generic_for(&mut self, first: LocalId, count: u32, values: List, block: List, info: u32) -> Result<()> {
        let info = self.ast.loops[info as usize];
        let outer = self.open_scope();
        let base = self.free;
        self.line = info.head_line;
        let last = self.expr_list(values)?;
        self.adjust(4, values.len as usize, last)?;
        self.activate_state(base, 4);
        self.add_closing(self.visible - 1, base as u8 + 3);
        // The call of the iterator needs copies of function, state and control value above the loop's own registers.
        self.check_stack(3)?;
        self.line = info.do_line;
        let prep = self.push(Ins::asbx(Op::TForPrep, base as u8, 0));
        self.for_body(first, count, block)?;
        let call = self.label_here();
        self.line = info.line;
        self.abc(Op::TForCall, base as u8, 0, count as u16);
        self.out.code[prep] = self.out.code[prep].with_sbx((call - prep - 1) as i32);
        let end = self.pc();
        self.push(Ins::asbx(Op::TForLoop, base as u8, prep as i32 - end as i32));
        self.line = info.end_line;
        self.place_label(info.exit);
        self.close_scope(outer);
        Ok(())
    }

    fn for_body(&mut self, first: LocalId, count: u32, block: List) -> Result<()> {
        let scope = self.open_scope();
        let cells = self.label_here();
        let reg = self.reserve(count as usize)?;
        self.activate(first, count, reg as usize)?;
        let body = self.pc();
        self.block(block)?;
        self.hide_lines(cells, body);
        self.leave_scope(scope);
        Ok(())
    }
}
