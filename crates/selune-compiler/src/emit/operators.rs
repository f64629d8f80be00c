//! Binary and unary operators on described values.
//!
//! `infix` prepares the left operand before the right one is evaluated, `postfix` does the operation. Numeric constants
//! on the right become K operands. On the left they do not, because metamethods see the order of operands; only
//! comparisons have a mirrored form.
use super::Emitter;
use super::exp::{Exp, Kind};
use crate::ast::{BinOp, UnOp};
use super::Result;
use selune_core::opcode::Op;

/// The opcodes of an arithmetic operator for two registers, and for a register and a constant.
fn arith_ops(op: BinOp) -> (Op, Op) {
    match op {
        BinOp::Add => (Op::Add, Op::AddK),
        BinOp::Sub => (Op::Sub, Op::SubK),
        BinOp::Mul => (Op::Mul, Op::MulK),
        BinOp::Mod => (Op::Mod, Op::ModK),
        BinOp::Pow => (Op::Pow, Op::PowK),
        BinOp::Div => (Op::Div, Op::DivK),
        BinOp::IDiv => (Op::IDiv, Op::IDivK),
        BinOp::BAnd => (Op::BAnd, Op::BAndK),
        BinOp::BOr => (Op::BOr, Op::BOrK),
        BinOp::BXor => (Op::BXor, Op::BXorK),
        BinOp::Shl => (Op::Shl, Op::ShlK),
        _ => (Op::Shr, Op::ShrK),
    }
}

fn is_bitwise(op: BinOp) -> bool {
    matches!(op, BinOp::BAnd | BinOp::BOr | BinOp::BXor | BinOp::Shl | BinOp::Shr)
}

impl Emitter<'_, '_> {
    /// Before the right operand of `op` is evaluated.
    pub(super) fn infix(&mut self, op: BinOp, e: &mut Exp) -> Result<()> {
        match op {
            BinOp::And => self.go_if_true(e),
            BinOp::Or => self.go_if_false(e),
            BinOp::Concat => self.put_in_next(e).map(drop),
            _ if matches!(e.kind, Kind::Cell(_)) => Ok(()),
            BinOp::Eq | BinOp::Ne if e.constant().is_some() => Ok(()),
            _ if e.is_numeral() => Ok(()),
            _ => self.put_in_any(e).map(drop),
        }
    }

    /// After the right operand was evaluated. `line` is the operator's.
    pub(super) fn postfix(&mut self, op: BinOp, mut a: Exp, mut b: Exp, line: u32) -> Result<Exp> {
        match op {
            BinOp::And => {
                self.discharge_vars(&mut b);
                b.f = self.concat_jumps(b.f, a.f);
                Ok(b)
            }
            BinOp::Or => {
                self.discharge_vars(&mut b);
                b.t = self.concat_jumps(b.t, a.t);
                Ok(b)
            }
            BinOp::Concat => self.concat(a, b, line),
            BinOp::Eq | BinOp::Ne => self.equality(op == BinOp::Eq, a, b),
            BinOp::Lt => self.order(Op::Lt, a, b),
            BinOp::Le => self.order(Op::Le, a, b),
            BinOp::Gt => self.order(Op::Lt, b, a),
            BinOp::Ge => self.order(Op::Le, b, a),
            _ => {
                let (plain, with_k) = arith_ops(op);
                let constant = match b.kind {
                    Kind::Float(_) if is_bitwise(op) => None,
                    _ if b.is_numeral() => self.small_constant(&b),
                    _ => None,
                };
                let (op, c) = match constant {
                    Some(k) => (with_k, k),
                    None => (plain, self.put_in_any(&mut b)? as u16),
                };
                let r = self.put_in_any(&mut a)?;
                self.free_exps(&a, &b);
                let pc = self.abc(op, 0, r as u16, c);
                self.fix_line(line);
                Ok(Exp::new(Kind::Reloc(pc)))
            }
        }
    }

    /// Merges with the concatenation that the right operand is.
    fn concat(&mut self, a: Exp, mut b: Exp, line: u32) -> Result<Exp> {
        self.put_in_next(&mut b)?;
        let Kind::Reg(first) = a.kind else { unreachable!("infix put it in a register") };
        match self.previous() {
            Some(p) if p.op() == Op::Concat && p.a() == first as usize + 1 => {
                let at = self.pc() - 1;
                self.set_a(at, first);
                self.set_b(at, p.b() as u16 + 1);
            }
            _ => {
                self.abc(Op::Concat, first, 2, 0);
                self.fix_line(line);
            }
        }
        self.free_exp(&b);
        Ok(a)
    }

    fn equality(&mut self, equal: bool, mut a: Exp, mut b: Exp) -> Result<Exp> {
        if a.constant().is_some() {
            std::mem::swap(&mut a, &mut b);
        }
        let (op, operand) = match self.small_constant(&b) {
            Some(k) => (Op::EqK, k),
            None => (Op::Eq, self.put_in_any(&mut b)? as u16),
        };
        let r = self.put_in_any(&mut a)?;
        self.free_exps(&a, &b);
        Ok(Exp::new(Kind::Jump(self.cond_jump(op, r, operand, equal as u16) as usize)))
    }

    /// `a < b` or `a <= b`.
    fn order(&mut self, op: Op, mut a: Exp, mut b: Exp) -> Result<Exp> {
        let k_of = |e: &mut Self, x: &Exp| if x.is_numeral() { e.small_constant(x) } else { None };
        let (op, r, operand) = if let Some(k) = k_of(self, &b) {
            let r = self.put_in_any(&mut a)?;
            (if op == Op::Lt { Op::LtK } else { Op::LeK }, r, k)
        } else if let Some(k) = k_of(self, &a) {
            let r = self.put_in_any(&mut b)?;
            (if op == Op::Lt { Op::GtK } else { Op::GeK }, r, k)
        } else {
            // Whichever operand stands on the right in the source may have open jumps: it must come first.
            if matches!(a.kind, Kind::Cell(_)) || a.constant().is_some() {
                self.put_in_any(&mut b)?;
            }
            let r = self.put_in_any(&mut a)?;
            let s = self.put_in_any(&mut b)?;
            (op, r, s as u16)
        };
        self.free_exps(&a, &b);
        Ok(Exp::new(Kind::Jump(self.cond_jump(op, r, operand, 1) as usize)))
    }

    /// `op e`. `line` is the operator's.
    pub(super) fn prefix(&mut self, op: UnOp, mut e: Exp, line: u32) -> Result<Exp> {
        self.discharge_vars(&mut e);
        let op = match op {
            UnOp::Not => {
                self.negate_exp(&mut e)?;
                return Ok(e);
            }
            UnOp::Neg => Op::Unm,
            UnOp::BNot => Op::BNot,
            UnOp::Len => Op::Len,
        };
        let r = self.put_in_any(&mut e)?;
        self.free_exp(&e);
        let pc = self.abc(op, 0, r as u16, 0);
        self.fix_line(line);
        Ok(Exp::new(Kind::Reloc(pc)))
    }
}
