//! Assignment: targets are evaluated from left to right, then the values, then the stores happen from right to left.
use super::Emitter;
use super::exp::{Exp, Kind};
use crate::ast::*;
use super::Result;
use selune_core::opcode::Op;

/// The object of an indexed target.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Object {
    Reg(u8),
    /// A local that lives in a cell; read when the store happens.
    Cell(u8),
    /// An upvalue; only with constant string keys.
    Upval(u8),
}

/// The key of an indexed target.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Key {
    Field(u16),
    Int(u16),
    Reg(u8),
    Cell(u8),
}

/// Something that can be assigned to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Reg(u8),
    Cell(u8),
    Upval(u8),
    Indexed(Indexed),
}

/// `object[key]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indexed {
    object: Object,
    key: Key,
}

impl Emitter<'_, '_> {
    /// Evaluates what a target needs before the values are evaluated.
    pub(super) fn target(&mut self, e: ExprId) -> Result<Target> {
        let line = self.ast.line(e);
        Ok(match self.ast.expr(e) {
            Expr::Local(l) => {
                self.line = line;
                match self.local_kind(l) {
                    Kind::Cell(r) => Target::Cell(r),
                    Kind::Reg(r) => Target::Reg(r),
                    other => unreachable!("a local is {other:?}"),
                }
            }
            Expr::Upvalue(u) => {
                self.line = line;
                Target::Upval(u)
            }
            Expr::Index { object, key } => {
                let mut object = self.eval(object)?;
                self.prepare_object(&mut object)?;
                let key = self.key(key, line)?;
                Target::Indexed(self.indexed_target(object, key)?)
            }
            other => unreachable!("{other:?} cannot be assigned to"),
        })
    }

    fn indexed_target(&mut self, mut object: Exp, mut key: Exp) -> Result<Indexed> {
        let field = match key.kind {
            Kind::Str(_) => self.small_constant(&key),
            _ => None,
        };
        let object = match object.kind {
            Kind::Upval(u) if field.is_some() => Object::Upval(u),
            Kind::Cell(r) => Object::Cell(r),
            _ => Object::Reg(self.put_in_any(&mut object)?),
        };
        let key = match (field, key.kind) {
            (Some(k), _) => Key::Field(k),
            (_, Kind::Int(i @ 0..=0xFFFF)) => Key::Int(i as u16),
            (_, Kind::Cell(r)) => Key::Cell(r),
            _ => Key::Reg(self.put_in_any(&mut key)?),
        };
        Ok(Indexed { object, key })
    }

    /// `[key] = value` in a constructor.
    pub(super) fn named_field(&mut self, table: u8, key: ExprId, value: ExprId) -> Result<()> {
        let free = self.free;
        let line = self.ast.line(key);
        let key = self.key(key, line)?;
        let target = self.indexed_target(Exp::new(Kind::Reg(table)), key)?;
        let value = self.eval(value)?;
        self.store_indexed(target, value)?;
        self.free = free;
        Ok(())
    }

    /// Assigns `value`.
    pub(super) fn store(&mut self, target: Target, mut value: Exp) -> Result<()> {
        match target {
            Target::Reg(r) => {
                self.free_exp(&value);
                self.put_in(&mut value, r);
            }
            Target::Cell(c) => {
                let r = self.put_in_any(&mut value)?;
                self.abc(Op::SetCell, c, r as u16, 0);
                self.free_exp(&value);
            }
            Target::Upval(u) => {
                let r = self.put_in_any(&mut value)?;
                self.abc(Op::SetUpval, r, u as u16, 0);
                self.free_exp(&value);
            }
            Target::Indexed(t) => self.store_indexed(t, value)?,
        }
        Ok(())
    }

    fn store_indexed(&mut self, t: Indexed, mut value: Exp) -> Result<()> {
        let rk = self.rk_operand(&mut value)?;
        let free = self.free;
        let object = match t.object {
            Object::Upval(u) => {
                let Key::Field(k) = t.key else { unreachable!("upvalues are indexed by constant strings") };
                self.abc(Op::SetTabUp, u, k, rk);
                self.free_exp(&value);
                return Ok(());
            }
            Object::Reg(r) => r,
            Object::Cell(c) => self.read_cell(c)?,
        };
        match t.key {
            Key::Field(k) => self.abc(Op::SetField, object, k, rk),
            Key::Int(i) => self.abc(Op::SetInt, object, i, rk),
            Key::Reg(r) => self.abc(Op::SetTable, object, r as u16, rk),
            Key::Cell(c) => {
                let r = self.read_cell(c)?;
                self.abc(Op::SetTable, object, r as u16, rk)
            }
        };
        self.free = free;
        self.free_exp(&value);
        Ok(())
    }

    fn read_cell(&mut self, cell: u8) -> Result<u8> {
        let r = self.reserve(1)?;
        self.abc(Op::GetCell, r, cell as u16, 0);
        Ok(r)
    }

    /// If earlier targets of the same assignment use the variable that `target` assigns, they get a copy of it.
    fn save_from(&mut self, target: Target, earlier: &mut [Target]) -> Result<()> {
        let (object, key) = match target {
            Target::Reg(r) => (Object::Reg(r), Some(Key::Reg(r))),
            Target::Cell(c) => (Object::Cell(c), Some(Key::Cell(c))),
            Target::Upval(u) => (Object::Upval(u), None),
            Target::Indexed(_) => return Ok(()),
        };
        let copy = self.free as u8;
        let mut conflict = false;
        for t in earlier {
            let Target::Indexed(t) = t else { continue };
            if t.object == object {
                t.object = Object::Reg(copy);
                conflict = true;
            }
            if Some(t.key) == key {
                t.key = Key::Reg(copy);
                conflict = true;
            }
        }
        if conflict {
            self.reserve(1)?;
            match target {
                Target::Reg(r) => self.abc(Op::Move, copy, r as u16, 0),
                Target::Cell(c) => self.abc(Op::GetCell, copy, c as u16, 0),
                Target::Upval(u) => self.abc(Op::GetUpval, copy, u as u16, 0),
                Target::Indexed(_) => unreachable!("only variables conflict"),
            };
        }
        Ok(())
    }

    /// `targets = values`. `line`: of `=`.
    pub(super) fn assignment(&mut self, targets: List, values: List, line: u32) -> Result<()> {
        let items = &self.ast.items[targets.range()];
        if let [single] = items {
            let target = self.target(single.expr)?;
            self.line = line;
            return self.assign_all(&[target], values);
        }
        let mut all: Vec<Target> = Vec::with_capacity(items.len());
        for item in items {
            let target = self.target(item.expr)?;
            self.save_from(target, &mut all)?;
            all.push(target);
        }
        self.line = line;
        self.assign_all(&all, values)
    }

    fn assign_all(&mut self, targets: &[Target], values: List) -> Result<()> {
        let last = self.expr_list(values)?;
        let mut left = targets;
        if targets.len() == values.len as usize {
            let mut e = last.expect("as many values as targets");
            self.set_one_result(&mut e);
            let (target, others) = targets.split_last().expect("there are targets");
            self.store(*target, e)?;
            left = others;
        } else {
            self.adjust(targets.len(), values.len as usize, last)?;
        }
        for target in left.iter().rev() {
            let top = self.free as u8 - 1;
            self.store(*target, Exp::new(Kind::Reg(top)))?;
        }
        Ok(())
    }
}
