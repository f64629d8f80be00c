//! Statements.
use super::Emitter;
use super::assign::Target;
use super::exp::{Exp, Kind};
use super::jumps::NO_JUMP;
use crate::ast::*;
use super::Result;
use selune_core::opcode::Op;
use selune_core::proto::Ins;

impl Emitter<'_, '_> {
    /// The statements of a block; the scope is the caller's.
    pub(super) fn statements(&mut self, block: List) -> Result<()> {
        for i in block.range() {
            self.statement(self.ast.stats[i])?;
            self.free = self.local_top;
        }
        Ok(())
    }

    /// A block with a scope of its own.
    pub(super) fn block(&mut self, block: List) -> Result<()> {
        let scope = self.open_scope();
        self.statements(block)?;
        self.close_scope(scope);
        Ok(())
    }

    fn statement(&mut self, stat: Stat) -> Result<()> {
        match stat {
            Stat::Local { first, count, values, line } => self.local(first, count, values, line),
            Stat::LocalFunction { local, func } => self.local_function(local, func),
            Stat::Assign { targets, values, line } => self.assignment(targets, values, line),
            Stat::Function { target, func, line } => {
                let target = self.target(target)?;
                let value = self.eval(func)?;
                self.store(target, value)?;
                // The store happens where the definition starts; for a plain local the closure itself is the store.
                if !matches!(target, Target::Reg(_)) {
                    self.fix_line(line);
                }
                Ok(())
            }
            Stat::Call(e) => {
                let Kind::Call(pc) = self.eval(e)?.kind else { unreachable!("a call statement is a call") };
                self.set_c(pc, 1);
                Ok(())
            }
            Stat::Do { block, end_line } => {
                let scope = self.open_scope();
                self.statements(block)?;
                self.close_scope(scope);
                self.line = end_line;
                Ok(())
            }
            Stat::While { cond, do_line, block, end_line, exit } => self.while_loop(cond, do_line, block, end_line, exit),
            Stat::Repeat { block, cond, until_line, exit } => self.repeat_loop(block, cond, until_line, exit),
            Stat::NumericFor { var, range, block, info } => self.numeric_for(var, range, block, info),
            Stat::GenericFor { first, count, values, block, info } => self.generic_for(first, count, values, block, info),
            Stat::If { arms, otherwise, end_line } => self.if_stat(arms, otherwise, end_line),
            Stat::Return { values, line } => self.return_stat(values, line),
            Stat::Goto { label, line } => {
                self.line = line;
                self.goto(label);
                Ok(())
            }
            Stat::Label(label) => {
                self.place_label(label);
                Ok(())
            }
        }
    }

    fn goto(&mut self, label: LabelId) {
        let label = self.ast.target(label);
        self.close_for_jump(label);
        match self.chunk.labels[label.index()].pc {
            Some(target) => self.jump_back(target),
            None => {
                let jump = self.jump();
                self.add_pending(label, jump);
            }
        }
    }

    fn local(&mut self, first: LocalId, count: u32, values: List, line: u32) -> Result<()> {
        let base = self.free;
        self.line = line;
        let last = self.expr_list(values)?;
        let last_local = LocalId(first.0 + count - 1);
        if !matches!(self.ast.local(last_local).attrib, Attrib::CompileTime(_)) {
            self.adjust(count as usize, values.len as usize, last)?;
        }
        let before = self.visible;
        self.activate(first, count, base)?;
        for i in 0..count {
            let l = LocalId(first.0 + i);
            if self.ast.local(l).attrib == Attrib::Close {
                let reg = self.chunk.slots[l.index()].reg;
                self.add_closing(before + i, reg);
                self.abc(Op::Tbc, reg, 0, 0);
            }
        }
        Ok(())
    }

    /// Evaluates a condition; the jumps that are taken when it is false are given back.
    pub(super) fn false_jumps(&mut self, mut cond: Exp) -> Result<i32> {
        if matches!(cond.kind, Kind::Nil | Kind::False) && !cond.has_jumps() {
            return Ok(self.jump());
        }
        self.go_if_true(&mut cond)?;
        Ok(cond.f)
    }

    /// The label of a block that is nothing but a jump forwards which closes no variables.
    fn lone_jump(&self, block: List) -> Option<LabelId> {
        let [Stat::Goto { label, .. }] = self.ast.stats[block.range()] else { return None };
        let label = self.ast.target(label);
        let placed = self.chunk.labels[label.index()].pc.is_some();
        (!placed && self.closed_by_jump(label).is_none()).then_some(label)
    }

    fn ends_with_jump(&self, block: List) -> bool {
        matches!(self.ast.stats[block.range()].last(), Some(Stat::Return { .. } | Stat::Goto { .. }))
    }

    fn if_stat(&mut self, arms: List, otherwise: Option<List>, end_line: u32) -> Result<()> {
        let mut escapes = NO_JUMP;
        for i in arms.range() {
            let Arm { cond, then_line, block } = self.ast.arms[i];
            let mut cond = self.eval(cond)?;
            self.line = then_line;
            if let Some(label) = self.lone_jump(block)
                && cond.constant().is_none()
            {
                self.go_if_false(&mut cond)?;
                self.add_pending(label, cond.t);
                continue;
            }
            let skip = self.false_jumps(cond)?;
            self.block(block)?;
            let is_last = i + 1 == arms.range().end && otherwise.is_none();
            if !is_last && !self.ends_with_jump(block) {
                let jump = self.jump();
                // In front of the list, so that long chains stay linear.
                escapes = self.concat_jumps(jump, escapes);
            }
            self.patch_to_here(skip);
        }
        if let Some(block) = otherwise {
            self.block(block)?;
        }
        self.line = end_line;
        self.patch_to_here(escapes);
        Ok(())
    }

    fn return_stat(&mut self, values: List, line: u32) -> Result<()> {
        self.line = line;
        let first = self.local_top;
        let Some(mut last) = self.expr_list(values)? else {
            self.emit_return(first, 0);
            return Ok(());
        };
        if last.is_multi() {
            self.set_results(&last, -1)?;
            if let (Kind::Call(pc), 1, true) = (last.kind, values.len, self.closing.is_empty()) {
                let ins = self.out.code[pc];
                self.out.code[pc] = Ins::abc(Op::TailCall, ins.a() as u8, ins.b() as u16, 0);
            }
            self.emit_return(first, -1);
        } else if values.len == 1 {
            let reg = self.put_in_any(&mut last)?;
            self.emit_return(reg as usize, 1);
        } else {
            self.put_in_next(&mut last)?;
            self.emit_return(first, values.len as isize);
        }
        Ok(())
    }
}
