//! Expressions of the tree to described values.
use super::Emitter;
use super::exp::{Exp, Kind};
use crate::ast::*;
use super::Result;
use selune_core::opcode::Op;
use selune_core::proto::Ins;

/// Values that a constructor gathers in registers before it stores them.
const FIELDS_PER_FLUSH: usize = 50;

impl Emitter<'_, '_> {
    /// An expression. Left operands, callees and indexed objects are walked on `spine`, not by recursion.
    pub(super) fn eval(&mut self, e: ExprId) -> Result<Exp> {
        let mark = self.spine.len();
        let mut e = e;
        loop {
            let left = match self.ast.expr(e) {
                Expr::Binary { lhs, .. } => lhs,
                Expr::Index { object, .. } | Expr::Method { object, .. } => object,
                Expr::Call { callee, .. } => callee,
                _ => break,
            };
            self.spine.push(e);
            e = left;
        }
        let mut value = self.leaf(e)?;
        self.done = e;
        while self.spine.len() > mark {
            let node = self.spine.pop().expect("above the mark");
            value = self.step(node, value)?;
            self.done = node;
        }
        Ok(value)
    }

    fn leaf(&mut self, e: ExprId) -> Result<Exp> {
        let line = self.ast.line(e);
        let kind = match self.ast.expr(e) {
            Expr::Unary { op, operand } => {
                self.line = line;
                let value = self.eval(operand)?;
                return self.prefix(op, value, line);
            }
            Expr::Paren(inner) => {
                let mut value = self.eval(inner)?;
                self.line = line;
                self.single_value(&mut value);
                return Ok(value);
            }
            Expr::Table { fields, open_line } => return self.table(fields, open_line, line),
            Expr::Nil => Kind::Nil,
            Expr::True => Kind::True,
            Expr::False => Kind::False,
            Expr::Int(i) => Kind::Int(i),
            Expr::Float(f) => Kind::Float(f),
            Expr::Str(s) => Kind::Str(s),
            Expr::Local(l) => self.local_kind(l),
            Expr::Upvalue(u) => Kind::Upval(u),
            Expr::Vararg => Kind::Vararg(self.abc(Op::VarArg, 0, 0, 2)),
            Expr::Function(f) => {
                self.line = line;
                Kind::Reloc(self.closure(f))
            }
            Expr::Binary { .. } | Expr::Index { .. } | Expr::Method { .. } | Expr::Call { .. } => {
                unreachable!("they are steps")
            }
        };
        self.line = line;
        Ok(Exp::new(kind))
    }

    /// A parenthesised value: one value, read now unless it is a local.
    fn single_value(&mut self, e: &mut Exp) {
        if !matches!(e.kind, Kind::Cell(_)) {
            self.discharge_vars(e);
        }
    }

    /// Applies an operator, index or call to its left operand.
    fn step(&mut self, node: ExprId, mut left: Exp) -> Result<Exp> {
        let line = self.ast.line(node);
        match self.ast.expr(node) {
            Expr::Binary { op, rhs, .. } => {
                self.line = line;
                self.infix(op, &mut left)?;
                let right = self.eval(rhs)?;
                self.postfix(op, left, right, line)
            }
            Expr::Index { key, .. } => self.index(left, key, line),
            Expr::Call { args, open_line, .. } => {
                let base = self.put_in_next(&mut left)?;
                self.call(base, args, open_line, line)
            }
            Expr::Method { name, args, open_line, .. } => {
                self.line = self.ast.line(name);
                let base = self.self_call(left, name)?;
                self.call(base, args, open_line, line)
            }
            _ => unreachable!("leaves have no left operand"),
        }
    }

    /// Before the key is evaluated: the object in a register, or left where it is when it can be read later.
    pub(super) fn prepare_object(&mut self, object: &mut Exp) -> Result<()> {
        match object.kind {
            Kind::Upval(_) | Kind::Cell(_) if !object.has_jumps() => Ok(()),
            _ => self.put_in_any(object).map(drop),
        }
    }

    /// `object[key]`. `line`: of the end of the key.
    fn index(&mut self, mut object: Exp, key: ExprId, line: u32) -> Result<Exp> {
        self.prepare_object(&mut object)?;
        let mut key = self.key(key, line)?;
        if let (Kind::Str(_), Some(k)) = (key.kind, self.small_constant(&key)) {
            if let Kind::Upval(u) = object.kind {
                return Ok(Exp::new(Kind::TabUp(u, k)));
            }
            let t = self.put_in_any(&mut object)?;
            return Ok(Exp::new(Kind::Field(t, k)));
        }
        let t = self.put_in_any(&mut object)?;
        if let Kind::Int(i @ 0..=0xFFFF) = key.kind {
            return Ok(Exp::new(Kind::Element(t, i as u16)));
        }
        let key = self.put_in_any(&mut key)?;
        Ok(Exp::new(Kind::Index(t, key)))
    }

    /// A key: a constant, a local's cell, or a value that needs no more than a register.
    pub(super) fn key(&mut self, key: ExprId, line: u32) -> Result<Exp> {
        let mut key = self.eval(key)?;
        self.settle(&mut key)?;
        self.line = line;
        Ok(key)
    }

    /// Loads function and object of a method call; gives the function's register.
    fn self_call(&mut self, mut object: Exp, name: ExprId) -> Result<u8> {
        let reg = self.put_in_any(&mut object)?;
        let Expr::Str(name) = self.ast.expr(name) else { unreachable!("method names are strings") };
        self.free_exp(&object);
        let base = self.reserve(2)?;
        let mut key = Exp::new(Kind::Str(name));
        match self.small_constant(&key) {
            Some(k) => {
                self.abc(Op::Self_, base, reg as u16, k);
            }
            None => {
                self.abc(Op::Move, base + 1, reg as u16, 0);
                let k = self.put_in_next(&mut key)?;
                self.abc(Op::GetTable, base, base as u16 + 1, k as u16);
                self.free_exp(&key);
            }
        }
        Ok(base)
    }

    /// A call of what stands in `base` (and an object above it).
    fn call(&mut self, base: u8, args: List, open_line: u32, end_line: u32) -> Result<Exp> {
        // Arguments without parentheses have no bracket that would have been read before them.
        if self.ast.items[args.range()].last().is_none_or(|last| last.sep_line != 0) {
            self.line = open_line;
        }
        let b = match self.expr_list(args)? {
            Some(last) if last.is_multi() => {
                self.set_results(&last, -1)?;
                0
            }
            Some(mut last) => {
                self.line = end_line;
                self.put_in_next(&mut last)?;
                self.free - base as usize
            }
            None => self.free - base as usize,
        };
        let pc = self.abc(Op::Call, base, b as u16, 2);
        self.fix_line(open_line);
        self.line = end_line;
        self.free = base as usize + 1;
        Ok(Exp::new(Kind::Call(pc)))
    }

    /// All values of a list but the last go to the next registers; the last is given back as it is.
    pub(super) fn expr_list(&mut self, list: List) -> Result<Option<Exp>> {
        let items = &self.ast.items[list.range()];
        let Some((last, others)) = items.split_last() else { return Ok(None) };
        for item in others {
            let mut e = self.eval(item.expr)?;
            if item.sep_line != 0 {
                self.line = item.sep_line;
            }
            self.put_in_next(&mut e)?;
        }
        Ok(Some(self.eval(last.expr)?))
    }

    /// Makes an expression list of `have` values, of which all but `last` stand in registers, `want` values.
    pub(super) fn adjust(&mut self, want: usize, have: usize, last: Option<Exp>) -> Result<()> {
        let missing = want as isize - have as isize;
        match last {
            Some(e) if e.is_multi() => self.set_results(&e, (missing + 1).max(0))?,
            other => {
                if let Some(mut e) = other {
                    self.put_in_next(&mut e)?;
                }
                if missing > 0 {
                    let first = self.free;
                    self.check_stack(missing as usize)?;
                    self.load_nil(first, missing as usize);
                }
            }
        }
        if missing > 0 {
            self.reserve(missing as usize)?;
        } else {
            self.free -= missing.unsigned_abs();
        }
        Ok(())
    }

    fn closure(&mut self, f: FuncId) -> usize {
        let specs = self.ast.functions[f.index()].upvalues.iter().map(|u| self.upvalue_spec(u)).collect();
        self.chunk.upvals[f.index()] = specs;
        let n = self.out.protos.len() as u32;
        self.out.protos.push(f);
        self.push(Ins::abx(Op::Closure, 0, n))
    }

    fn table(&mut self, fields: List, open_line: u32, end_line: u32) -> Result<Exp> {
        let fields = &self.ast.fields[fields.range()];
        let named = fields.iter().filter(|f| f.key.is_some()).count();
        let mut elements = fields.len() - named;
        if let Some(Field { key: None, value, .. }) = fields.last()
            && matches!(self.ast.expr(*value), Expr::Call { .. } | Expr::Method { .. } | Expr::Vararg)
        {
            elements -= 1;
        }
        let cap = |n: usize| n.min(u16::MAX as usize) as u16;
        let table = self.free as u8;
        self.abc(Op::NewTable, table, cap(elements), cap(named));
        self.reserve(1)?;
        self.line = open_line;
        let (mut stored, mut waiting) = (0usize, 0usize);
        // A list element gets its register only when PUC has read what follows it.
        let mut pending: Option<Exp> = None;
        for (i, field) in fields.iter().enumerate() {
            if i > 0 {
                self.line = fields[i - 1].sep_line;
            }
            if let Some(mut e) = pending.take() {
                self.put_in_next(&mut e)?;
                waiting += 1;
                if waiting == FIELDS_PER_FLUSH {
                    self.set_list(table, waiting, stored);
                    stored += waiting;
                    waiting = 0;
                }
            }
            match field.key {
                None => pending = Some(self.eval(field.value)?),
                Some(key) => self.named_field(table, key, field.value)?,
            }
        }
        self.line = end_line;
        match pending {
            Some(e) if e.is_multi() => {
                self.set_results(&e, -1)?;
                self.set_list(table, 0, stored);
            }
            Some(mut e) => {
                self.put_in_next(&mut e)?;
                self.set_list(table, waiting + 1, stored);
            }
            None if waiting > 0 => self.set_list(table, waiting, stored),
            None => {}
        }
        Ok(Exp::new(Kind::Reg(table)))
    }

    /// Stores `n` values above `table` (0: up to the top) behind the first `stored` elements.
    fn set_list(&mut self, table: u8, n: usize, stored: usize) {
        let ins = Ins::abc(Op::SetList, table, n as u16, stored as u16).with_s((stored >> 16) as u16);
        self.push(ins);
        self.free = table as usize + 1;
    }
}
