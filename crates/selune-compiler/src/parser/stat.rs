//! Statements.
use super::Parser;
use crate::ast::*;
use crate::error::{Result, c_str};
use crate::intern::StrId;
use crate::token::Tok;

/// Hidden variables of a numeric `for`.
const NUMERIC_STATE: usize = 3;
/// Hidden variables of a generic `for`.
const GENERIC_STATE: usize = 4;

impl Parser<'_> {
    /// Statements up to the end of the block; scopes are the caller's.
    pub(super) fn block_statements(&mut self) -> Result<List> {
        let mark = self.stats.len();
        while !self.at_block_end(true) {
            let last = self.lex.tok == Tok::Return;
            self.statement()?;
            if last {
                break;
            }
        }
        Ok(take_list(&mut self.ast.stats, &mut self.stats, mark))
    }

    fn block(&mut self) -> Result<List> {
        self.enter_block(None);
        let block = self.block_statements()?;
        self.leave_block()?;
        Ok(block)
    }

    /// Reads a statement and pushes it onto the scratch stack (an empty one pushes nothing).
    fn statement(&mut self) -> Result<()> {
        let line = self.lex.line;
        self.enter_level()?;
        let stat = match self.lex.tok {
            Tok::Char(b';') => {
                self.lex.next()?;
                None
            }
            Tok::If => Some(self.if_stat(line)?),
            Tok::While => Some(self.while_stat(line)?),
            Tok::Do => {
                self.lex.next()?;
                let block = self.block()?;
                self.expect_match(Tok::End, Tok::Do, line)?;
                Some(Stat::Do { block, end_line: self.lex.last_line })
            }
            Tok::For => Some(self.for_stat(line)?),
            Tok::Repeat => Some(self.repeat_stat(line)?),
            Tok::Function => Some(self.function_stat(line)?),
            Tok::Local => {
                self.lex.next()?;
                Some(if self.accept(Tok::Function)? { self.local_function()? } else { self.local_stat()? })
            }
            Tok::DbColon => {
                self.lex.next()?;
                let name = self.name()?;
                self.label_stat(name, line)?;
                None
            }
            Tok::Return => {
                self.lex.next()?;
                Some(self.return_stat()?)
            }
            Tok::Break => {
                self.lex.next()?;
                Some(Stat::Goto { label: self.goto_target(None, line), line: self.lex.last_line })
            }
            Tok::Goto => {
                self.lex.next()?;
                let line = self.lex.line;
                let name = self.name()?;
                Some(Stat::Goto { label: self.goto_target(Some(name), line), line: self.lex.last_line })
            }
            _ => Some(self.expr_stat()?),
        };
        self.stats.extend(stat);
        self.leave_level();
        Ok(())
    }

    fn if_stat(&mut self, line: u32) -> Result<Stat> {
        let mark = self.arms.len();
        loop {
            self.lex.next()?;
            let cond = self.expr()?;
            self.expect(Tok::Then)?;
            let then_line = self.lex.last_line;
            let block = self.block()?;
            self.arms.push(Arm { cond, then_line, block });
            if self.lex.tok != Tok::ElseIf {
                break;
            }
        }
        let otherwise = if self.accept(Tok::Else)? { Some(self.block()?) } else { None };
        self.expect_match(Tok::End, Tok::If, line)?;
        let arms = take_list(&mut self.ast.arms, &mut self.arms, mark);
        Ok(Stat::If { arms, otherwise, end_line: self.lex.last_line })
    }

    fn while_stat(&mut self, line: u32) -> Result<Stat> {
        self.lex.next()?;
        let cond = self.expr()?;
        let exit = self.new_label();
        self.enter_block(Some(exit));
        self.expect(Tok::Do)?;
        let do_line = self.lex.last_line;
        let block = self.block()?;
        self.expect_match(Tok::End, Tok::While, line)?;
        self.leave_block()?;
        Ok(Stat::While { cond, do_line, block, end_line: self.lex.last_line, exit })
    }

    fn repeat_stat(&mut self, line: u32) -> Result<Stat> {
        let exit = self.new_label();
        self.enter_block(Some(exit));
        self.enter_block(None);
        self.lex.next()?;
        let block = self.block_statements()?;
        self.expect_match(Tok::Until, Tok::Repeat, line)?;
        let until_line = self.lex.last_line;
        let cond = self.expr()?;
        self.leave_block()?;
        self.leave_block()?;
        Ok(Stat::Repeat { block, cond, until_line, exit })
    }

    fn for_stat(&mut self, line: u32) -> Result<Stat> {
        let exit = self.new_label();
        self.enter_block(Some(exit));
        self.lex.next()?;
        let name = self.name()?;
        let stat = match self.lex.tok {
            Tok::Char(b'=') => self.numeric_for(name, line, exit)?,
            Tok::Char(b',') | Tok::In => self.generic_for(name, exit)?,
            _ => return Err(self.lex.syntax_error("'=' or 'in' expected")),
        };
        self.expect_match(Tok::End, Tok::For, line)?;
        self.leave_block()?;
        let info = self.ast.loops.len() as u32 - 1;
        let end_line = self.lex.last_line;
        // The loop was pushed after all loops inside it.
        self.ast.loops[info as usize].end_line = end_line;
        if let Stat::GenericFor { .. } = stat {
            // Breaks lead to the instruction that closes the fourth value, which is still in scope there.
            self.ast.labels[exit.index()].active += GENERIC_STATE as u32;
        }
        Ok(stat)
    }

    fn declare_state(&mut self, n: usize) -> Result<()> {
        for _ in 0..n {
            self.declare(StrId::FOR_STATE)?;
        }
        Ok(())
    }

    fn numeric_for(&mut self, name: StrId, line: u32, exit: LabelId) -> Result<Stat> {
        self.declare_state(NUMERIC_STATE)?;
        let var = self.declare(name)?;
        self.expect(Tok::Char(b'='))?;
        let head_line = self.lex.last_line;
        let mark = self.items.len();
        for i in 0..3 {
            let expr = self.expr()?;
            self.items.push(Item { expr, sep_line: 0 });
            match i {
                0 => self.expect(Tok::Char(b','))?,
                1 if !self.accept(Tok::Char(b','))? => break,
                _ => {}
            }
        }
        let range = take_list(&mut self.ast.items, &mut self.items, mark);
        self.activate(NUMERIC_STATE);
        let (block, do_line) = self.for_body(1)?;
        let info = self.loop_info(LoopInfo { line, head_line, do_line, end_line: 0, exit });
        Ok(Stat::NumericFor { var, range, block, info })
    }

    fn generic_for(&mut self, name: StrId, exit: LabelId) -> Result<Stat> {
        self.declare_state(GENERIC_STATE)?;
        let first = self.declare(name)?;
        let mut count = 1;
        while self.accept(Tok::Char(b','))? {
            let name = self.name()?;
            self.declare(name)?;
            count += 1;
        }
        self.expect(Tok::In)?;
        let (head_line, line) = (self.lex.last_line, self.lex.line);
        let values = self.expr_list()?;
        self.activate(GENERIC_STATE);
        let (block, do_line) = self.for_body(count)?;
        let info = self.loop_info(LoopInfo { line, head_line, do_line, end_line: 0, exit });
        Ok(Stat::GenericFor { first, count: count as u32, values, block, info })
    }

    fn for_body(&mut self, variables: usize) -> Result<(List, u32)> {
        self.expect(Tok::Do)?;
        let do_line = self.lex.last_line;
        self.enter_block(None);
        self.activate(variables);
        let block = self.block()?;
        self.leave_block()?;
        Ok((block, do_line))
    }

    fn loop_info(&mut self, info: LoopInfo) -> u32 {
        self.ast.loops.push(info);
        self.ast.loops.len() as u32 - 1
    }

    fn function_stat(&mut self, line: u32) -> Result<Stat> {
        self.lex.next()?;
        let (target, method) = self.function_name()?;
        let constant_use = self.constant_use;
        let func = self.function_body(method, line)?;
        self.constant_use = constant_use;
        self.mark_assigned(target)?;
        Ok(Stat::Function { target, func, line })
    }

    fn local_function(&mut self) -> Result<Stat> {
        let name = self.name()?;
        let local = self.declare(name)?;
        self.activate(1);
        let line = self.lex.line;
        let func = self.function_body(false, line)?;
        let v = &mut self.ast.locals[local.index()];
        v.recursive = v.captured;
        Ok(Stat::LocalFunction { local, func })
    }

    fn attribute(&mut self) -> Result<Attrib> {
        if !self.accept(Tok::Char(b'<'))? {
            return Ok(Attrib::Regular);
        }
        let name = self.name()?;
        self.expect(Tok::Char(b'>'))?;
        match c_str(self.lex.strings.get(name)) {
            b"const" => Ok(Attrib::Const),
            b"close" => Ok(Attrib::Close),
            other => Err(self.semantic_error(&[b"unknown attribute '", other, b"'"])),
        }
    }

    fn local_stat(&mut self) -> Result<Stat> {
        let mut closing = false;
        let mut count = 0;
        let first = LocalId(self.ast.locals.len() as u32);
        let mut last;
        loop {
            let name = self.name()?;
            last = self.declare(name)?;
            let attrib = self.attribute()?;
            self.ast.locals[last.index()].attrib = attrib;
            if attrib == Attrib::Close {
                if closing {
                    return Err(self.semantic_error(&[b"multiple to-be-closed variables in local list"]));
                }
                closing = true;
            }
            count += 1;
            if !self.accept(Tok::Char(b','))? {
                break;
            }
        }
        let has_values = self.accept(Tok::Char(b'='))?;
        let line = self.lex.last_line;
        let values = if has_values { self.expr_list()? } else { List::default() };
        if count == values.len && self.ast.local(last).attrib == Attrib::Const {
            let value = self.ast.items[values.range().end - 1].expr;
            if matches!(
                self.ast.expr(value),
                Expr::Nil | Expr::True | Expr::False | Expr::Int(_) | Expr::Float(_) | Expr::Str(_)
            ) {
                self.ast.locals[last.index()].attrib = Attrib::CompileTime(value);
            }
        }
        self.activate(count as usize);
        Ok(Stat::Local { first, count, values, line })
    }

    fn label_stat(&mut self, name: StrId, line: u32) -> Result<()> {
        self.expect(Tok::DbColon)?;
        // The place is here, but whether the label is the last statement is only known after the no-ops that follow.
        let place = self.stats.len();
        while self.at(b';') || self.lex.tok == Tok::DbColon {
            self.statement()?;
        }
        self.check_repeated_label(name)?;
        let last = self.at_block_end(false);
        let label = self.define_label(name, line, last)?;
        self.stats.insert(place, Stat::Label(label));
        Ok(())
    }

    fn return_stat(&mut self) -> Result<Stat> {
        let line = self.lex.last_line;
        let values = if self.at_block_end(true) || self.at(b';') { List::default() } else { self.expr_list()? };
        self.accept(Tok::Char(b';'))?;
        Ok(Stat::Return { values, line })
    }

    fn expr_stat(&mut self) -> Result<Stat> {
        let e = self.suffixed_expr()?;
        if self.at(b'=') || self.at(b',') {
            let (mark, levels) = (self.items.len(), self.levels);
            let line = self.assignment_targets(e)?;
            let targets = take_list(&mut self.ast.items, &mut self.items, mark);
            let values = self.expr_list()?;
            self.levels = levels;
            return Ok(Stat::Assign { targets, values, line });
        }
        match self.ast.expr(e) {
            Expr::Call { .. } | Expr::Method { .. } => Ok(Stat::Call(e)),
            _ => Err(self.lex.syntax_error("syntax error")),
        }
    }

    /// Reads the targets after the first one and the `=`; gives the line of `=`. Each further target takes a level,
    /// which the caller gives back.
    fn assignment_targets(&mut self, first: ExprId) -> Result<u32> {
        let mut target = first;
        loop {
            let is_constant = self.constant_use.is_some_and(|(e, _)| e == target);
            if !is_constant && !matches!(self.ast.expr(target), Expr::Local(_) | Expr::Upvalue(_) | Expr::Index { .. }) {
                return Err(self.lex.syntax_error("syntax error"));
            }
            self.mark_assigned(target)?;
            self.items.push(Item { expr: target, sep_line: 0 });
            if !self.accept(Tok::Char(b','))? {
                break;
            }
            target = self.suffixed_expr()?;
            self.enter_level()?;
        }
        self.expect(Tok::Char(b'='))?;
        Ok(self.lex.last_line)
    }
}
