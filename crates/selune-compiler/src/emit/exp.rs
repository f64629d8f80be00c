//! Descriptions of values that are not yet in a register, and how they get there.
use super::code::{MAX_K, MAX_RK};
use super::jumps::NO_JUMP;
use super::{Const, Emitter};
use super::Result;
use crate::intern::StrId;
use selune_core::opcode::Op;
use selune_core::proto::RK_CONST;

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Nil,
    True,
    False,
    Int(i64),
    Float(f64),
    Str(StrId),
    /// In a register: a local's or a temporary one.
    Reg(u8),
    /// In the cell that this register holds. Read as late as possible: PUC's locals are registers, so that what a
    /// call in the same expression assigns to them is seen.
    Cell(u8),
    Upval(u8),
    /// Field `key` (a constant) of an upvalue.
    TabUp(u8, u16),
    /// Field `key` (a constant) of a register.
    Field(u8, u16),
    /// Element of a register at a small integer.
    Element(u8, u16),
    /// Element of a register at a register.
    Index(u8, u8),
    /// A comparison whose jump is at this instruction; it is taken when the comparison holds.
    Jump(usize),
    /// The instruction puts its result in a register that is not chosen yet.
    Reloc(usize),
    /// A call at this instruction; its results start in its A.
    Call(usize),
    /// VarArg at this instruction, register not chosen yet.
    Vararg(usize),
}

/// A value, and jumps taken when it turned out true (`t`) or false (`f`) early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exp {
    pub kind: Kind,
    pub t: i32,
    pub f: i32,
}

impl Exp {
    pub(super) fn new(kind: Kind) -> Exp {
        Exp { kind, t: NO_JUMP, f: NO_JUMP }
    }
    pub(super) fn has_jumps(&self) -> bool {
        self.t != self.f
    }
    pub(super) fn is_numeral(&self) -> bool {
        !self.has_jumps() && matches!(self.kind, Kind::Int(_) | Kind::Float(_))
    }
    pub(super) fn is_multi(&self) -> bool {
        matches!(self.kind, Kind::Call(_) | Kind::Vararg(_))
    }
    /// The constant that it is, if it is one.
    pub(super) fn constant(&self) -> Option<Const> {
        if self.has_jumps() {
            return None;
        }
        Some(match self.kind {
            Kind::Nil => Const::Nil,
            Kind::True => Const::True,
            Kind::False => Const::False,
            Kind::Int(i) => Const::Int(i),
            Kind::Float(f) => Const::Float(f.to_bits()),
            Kind::Str(s) => Const::Str(s),
            _ => return None,
        })
    }
}

impl Emitter<'_, '_> {
    /// Makes a multiple-result expression give one value.
    pub(super) fn set_one_result(&mut self, e: &mut Exp) {
        match e.kind {
            Kind::Call(pc) => e.kind = Kind::Reg(self.out.code[pc].a() as u8),
            Kind::Vararg(pc) => {
                self.set_c(pc, 2);
                e.kind = Kind::Reloc(pc);
            }
            _ => {}
        }
    }

    /// Makes a multiple-result expression give `n` values from the next register on; -1: all.
    pub(super) fn set_results(&mut self, e: &Exp, n: isize) -> Result<()> {
        match e.kind {
            Kind::Call(pc) => self.set_c(pc, (n + 1) as u16),
            Kind::Vararg(pc) => {
                self.set_c(pc, (n + 1) as u16);
                let reg = self.reserve(1)?;
                self.set_a(pc, reg);
            }
            _ => {}
        }
        Ok(())
    }

    /// Emits the read of a variable or field; afterwards the value is constant, in a register, or relocatable.
    pub(super) fn discharge_vars(&mut self, e: &mut Exp) {
        let pc = match e.kind {
            Kind::Cell(r) => self.abc(Op::GetCell, 0, r as u16, 0),
            Kind::Upval(u) => self.abc(Op::GetUpval, 0, u as u16, 0),
            Kind::TabUp(u, key) => self.abc(Op::GetTabUp, 0, u as u16, key),
            Kind::Field(t, key) => {
                self.free_reg(t);
                self.abc(Op::GetField, 0, t as u16, key)
            }
            Kind::Element(t, i) => {
                self.free_reg(t);
                self.abc(Op::GetInt, 0, t as u16, i)
            }
            Kind::Index(t, key) => {
                self.free_regs(t, key);
                self.abc(Op::GetTable, 0, t as u16, key as u16)
            }
            Kind::Call(_) | Kind::Vararg(_) => return self.set_one_result(e),
            _ => return,
        };
        e.kind = Kind::Reloc(pc);
    }

    fn discharge_to(&mut self, e: &mut Exp, reg: u8) {
        self.discharge_vars(e);
        match e.kind {
            Kind::Nil => self.load_nil(reg as usize, 1),
            Kind::False => {
                self.abc(Op::LoadFalse, reg, 0, 0);
            }
            Kind::True => {
                self.abc(Op::LoadTrue, reg, 0, 0);
            }
            Kind::Int(i) => {
                self.load_constant(reg, Const::Int(i));
            }
            Kind::Float(f) => {
                self.load_constant(reg, Const::Float(f.to_bits()));
            }
            Kind::Str(s) => {
                self.load_constant(reg, Const::Str(s));
            }
            Kind::Reloc(pc) => self.set_a(pc, reg),
            Kind::Reg(r) => {
                if r != reg {
                    self.abc(Op::Move, reg, r as u16, 0);
                }
            }
            // A comparison: its jumps say what the value is.
            _ => return,
        }
        e.kind = Kind::Reg(reg);
    }

    /// Puts the value in some register; its jumps stay open.
    pub(super) fn discharge_to_any(&mut self, e: &mut Exp) -> Result<u8> {
        if let Kind::Reg(r) = e.kind {
            return Ok(r);
        }
        let reg = self.reserve(1)?;
        self.discharge_to(e, reg);
        Ok(reg)
    }

    /// Puts the value in `reg` and leads its jumps to the end of the expression.
    pub(super) fn put_in(&mut self, e: &mut Exp, reg: u8) {
        self.discharge_to(e, reg);
        if let Kind::Jump(pc) = e.kind {
            e.t = self.concat_jumps(e.t, pc as i32);
        }
        if e.has_jumps() {
            let (mut load_false, mut load_true) = (NO_JUMP, NO_JUMP);
            if self.needs_value(e.t) || self.needs_value(e.f) {
                let over = if matches!(e.kind, Kind::Jump(_)) { NO_JUMP } else { self.jump() };
                self.label_here();
                load_false = self.abc(Op::LoadFalseSkip, reg, 0, 0) as i32;
                self.label_here();
                load_true = self.abc(Op::LoadTrue, reg, 0, 0) as i32;
                self.patch_to_here(over);
            }
            let end = self.label_here();
            self.patch_values(e.f, end, reg, load_false);
            self.patch_values(e.t, end, reg, load_true);
        }
        *e = Exp::new(Kind::Reg(reg));
    }

    /// Gives back the register of a temporary value.
    pub(super) fn free_exp(&mut self, e: &Exp) {
        if let Kind::Reg(r) = e.kind {
            self.free_reg(r);
        }
    }

    /// Gives back the registers of two values.
    pub(super) fn free_exps(&mut self, a: &Exp, b: &Exp) {
        match (a.kind, b.kind) {
            (Kind::Reg(x), Kind::Reg(y)) => self.free_regs(x, y),
            _ => {
                self.free_exp(a);
                self.free_exp(b);
            }
        }
    }

    /// Puts the value in the next register.
    pub(super) fn put_in_next(&mut self, e: &mut Exp) -> Result<u8> {
        self.discharge_vars(e);
        self.free_exp(e);
        let reg = self.reserve(1)?;
        self.put_in(e, reg);
        Ok(reg)
    }

    /// Puts the value in some register.
    pub(super) fn put_in_any(&mut self, e: &mut Exp) -> Result<u8> {
        self.discharge_vars(e);
        if let Kind::Reg(r) = e.kind {
            if !e.has_jumps() {
                return Ok(r);
            }
            if r as usize >= self.local_top {
                self.put_in(e, r);
                return Ok(r);
            }
        }
        self.put_in_next(e)
    }

    /// Puts the value in a register unless it is a constant, or a variable that can still be read later.
    pub(super) fn settle(&mut self, e: &mut Exp) -> Result<()> {
        if e.has_jumps() || matches!(e.kind, Kind::Jump(_)) {
            self.put_in_any(e)?;
        } else if !matches!(e.kind, Kind::Cell(_)) {
            self.discharge_vars(e);
        }
        Ok(())
    }

    /// The index of a constant expression that fits a B or C field.
    pub(super) fn small_constant(&mut self, e: &Exp) -> Option<u16> {
        let k = self.constant_index(e)?;
        (k <= MAX_K).then_some(k as u16)
    }

    fn constant_index(&mut self, e: &Exp) -> Option<u32> {
        Some(self.constant(e.constant()?))
    }

    /// The value as an RK operand; a register operand is left in `e` to be freed.
    pub(super) fn rk_operand(&mut self, e: &mut Exp) -> Result<u16> {
        if let Some(k) = self.constant_index(e)
            && k <= MAX_RK
        {
            return Ok(k as u16 + RK_CONST as u16);
        }
        Ok(self.put_in_any(e)? as u16)
    }
}
