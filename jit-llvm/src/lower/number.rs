//! Numbers: boxing and unboxing, integer and float arithmetic.
use super::LowerError;
use super::machine::*;
use super::function::Lowering;
use crate::job::Builtin;
use crate::ssa::ir::{Op, V};
use crate::ssa::types::{Kinds, Range};
use IntPredicate::*;
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn lower_number(&mut self, v: V, op: Op) -> Result<()> {
        use Op::*;
        let r = match op {
            BoxInt => self.box_int(v)?,
            BoxSmall => {
                let i = self.int_arg(v, 0)?;
                self.e.box_small(i)?
            }
            BoxFloat => {
                let f = self.float_arg(v, 0)?;
                self.e.box_float(f)?
            }
            BoxBool => {
                let b = self.int_arg(v, 0)?;
                self.e.box_bool(b)?
            }
            UnboxSmall => {
                let a = self.any_arg(v, 0)?;
                self.e.unbox_small(a)?
            }
            UnboxInt => {
                let (a, kinds) = (self.any_arg(v, 0)?, self.kinds(self.arg(v, 0)?));
                self.unbox_int(a, kinds)?
            }
            UnboxFloat => {
                let a = self.any_arg(v, 0)?;
                self.e.unbox_float(a)?
            }
            UnboxNumber => {
                let (a, kinds) = (self.any_arg(v, 0)?, self.kinds(self.arg(v, 0)?));
                self.unbox_number(a, kinds)?
            }
            IntToFloat => self.e.int_to_float(self.int_arg(v, 0)?)?,
            FloatToInt => self.e.float_to_int(self.float_arg(v, 0)?)?,
            AddI | SubI | MulI | FloorDivI | FloorModI | AndI | OrI | XorI | ShlI | ShrI | NegI | NotI | AbsI => self.integer(v, op)?,
            _ => self.floating(v, op)?,
        };
        self.set(v, r);
        Ok(())
    }

    fn box_int(&mut self, v: V) -> Result<M::X> {
        let i = self.int_arg(v, 0)?;
        if self.func.inst(self.arg(v, 0)?).range.small() {
            return self.e.box_small(i);
        }
        let fits = self.e.fits_small(i)?;
        let ty = MTy::Value;
        let r = self.e.diamond(
            fits,
            Likely::Yes,
            ty,
            |e| e.box_small(i),
            |e| e.runtime_result(RtFn::BoxInt, &[e.vm(), i], 0),
        )?;
        Ok(r)
    }

    /// The integer of an integer value.
    pub(super) fn unbox_int(&mut self, a: M::X, kinds: Kinds) -> Result<M::X> {
        if kinds.within(Kinds::SMALL) {
            return self.e.unbox_small(a);
        }
        let small = self.e.is_small(a)?;
        let ty = MTy::I64;
        let r = self.e.diamond(small, Likely::Rather, ty, |e| e.unbox_small(a), |e| e.load(a, layout::BOXED_VALUE, MTy::I64))?;
        Ok(r)
    }

    /// The number of a number value as a double.
    pub(super) fn unbox_number(&mut self, a: M::X, kinds: Kinds) -> Result<M::X> {
        let kinds = kinds.and(Kinds::NUMBER);
        if kinds.within(Kinds::FLOAT) {
            return self.e.unbox_float(a);
        }
        if !kinds.meets(Kinds::FLOAT) {
            let i = self.unbox_int(a, kinds)?;
            return self.e.int_to_float(i);
        }
        let float = self.e.is_float(a)?;
        let e = self.e;
        let (as_float, boxed, join) = (e.block("float")?, e.block("integer")?, e.block_with("join", &[MTy::F64])?);
        e.branch(float, as_float, boxed, Likely::Unknown)?;
        e.switch_to(as_float);
        e.jump_with(join, &[e.unbox_float(a)?])?;
        e.switch_to(boxed);
        let i = self.unbox_int(a, kinds.and(Kinds::INT))?;
        e.jump_with(join, &[e.int_to_float(i)?])?;
        e.switch_to(join);
        e.block_param(join, 0)
    }

    fn integer(&mut self, v: V, op: Op) -> Result<M::X> {
        use Op::*;
        let a = self.int_arg(v, 0)?;
        let e = self.e;
        match op {
            NegI => return e.sub(e.int(0), a),
            NotI => return e.complement(a),
            AbsI => {
                let negative = e.compare(SLT, a, e.int(0))?;
                let negated = e.sub(e.int(0), a)?;
                return e.select(negative, negated, a);
            }
            _ => {}
        }
        let (x, y) = (self.arg(v, 0)?, self.arg(v, 1)?);
        let b = self.int(y)?;
        let (rx, ry) = (self.func.inst(x).range, self.func.inst(y).range);
        Ok(match op {
            // Ranges that exclude a wrap let LLVM know more about loop counters.
            AddI if no_wrap(i64::checked_add, rx, ry) => e.int_op(IntOp::AddNoWrap, a, b)?,
            SubI if no_wrap(|p, q| p.checked_sub(q), rx, Range { lo: ry.hi, hi: ry.lo }) => e.int_op(IntOp::SubNoWrap, a, b)?,
            AddI => e.add(a, b)?,
            SubI => e.sub(a, b)?,
            MulI => e.int_op(IntOp::Mul, a, b)?,
            AndI => e.and(a, b)?,
            OrI => e.or(a, b)?,
            XorI => e.xor(a, b)?,
            FloorDivI | FloorModI => self.floor_divide(op == FloorDivI, a, b, rx, ry, self.func.const_int(y))?,
            ShlI | ShrI => match self.func.const_int(y) {
                Some(n) => self.shift_by(op == ShlI, a, n)?,
                None => self.shift(op == ShlI, a, b)?,
            },
            _ => return Err(LowerError::Internal("an integer operation")),
        })
    }

    fn floor_divide(&self, quotient: bool, a: M::X, b: M::X, ra: Range, rb: Range, divisor: Option<i64>) -> Result<M::X> {
        let e = self.e;
        if ra.lo >= 0 && rb.lo > 0 {
            return Ok(if quotient { e.int_op(IntOp::Udiv, a, b)? } else { e.int_op(IntOp::Urem, a, b)? });
        }
        if let Some(n) = divisor
            && n > 0
            && (n as u64).is_power_of_two()
        {
            // Arithmetic shifts and masks round towards minus infinity, as floor does.
            return Ok(if quotient {
                e.ashr(a, e.int(n.trailing_zeros().into()))?
            } else {
                e.and(a, e.int(n - 1))?
            });
        }
        // minint // -1 would trap: divide by 1 and negate instead.
        let may_be_minus_one = rb.lo <= -1 && rb.hi >= -1;
        let minus_one = e.eq(b, e.int(-1))?;
        let by = if may_be_minus_one { e.select(minus_one, e.int(1), b)? } else { b };
        let r = e.int_op(IntOp::Srem, a, by)?;
        let zero = e.int(0);
        let inexact = e.compare(NE, r, zero)?;
        let opposite = if rb.lo > 0 {
            e.compare(SLT, r, zero)?
        } else {
            let mixed = e.compare(SLT, e.xor(r, by)?, zero)?;
            e.and(inexact, mixed)?
        };
        if !quotient {
            let moved = e.add(r, by)?;
            let m = e.select(opposite, moved, r)?;
            return Ok(if may_be_minus_one { e.select(minus_one, zero, m)? } else { m });
        }
        let q = e.int_op(IntOp::Sdiv, a, by)?;
        let q = e.sub(q, e.zext(opposite)?)?;
        if !may_be_minus_one {
            return Ok(q);
        }
        let negated = e.sub(zero, a)?;
        e.select(minus_one, negated, q)
    }

    fn shift_by(&self, left: bool, a: M::X, n: i64) -> Result<M::X> {
        let e = self.e;
        let (left, n) = if n < 0 { (!left, n.unsigned_abs()) } else { (left, n as u64) };
        Ok(match (left, n) {
            (_, 64..) => e.int(0),
            (true, n) => e.shl(a, e.word(n))?,
            (false, n) => e.lshr(a, e.word(n))?,
        })
    }

    fn shift(&self, left: bool, a: M::X, n: M::X) -> Result<M::X> {
        let e = self.e;
        let (zero, limit) = (e.int(0), e.int(64));
        let back = e.sub(zero, n)?;
        // Counts beyond 63 are poison in LLVM; they are masked first and the result replaced.
        let mask = |n| e.and(n, e.int(63));
        let (by, back_by) = (mask(n)?, mask(back)?);
        let (there, other) = if left {
            (e.shl(a, by)?, e.lshr(a, back_by)?)
        } else {
            (e.lshr(a, by)?, e.shl(a, back_by)?)
        };
        let in_range = e.compare(ULT, n, limit)?;
        let back_in_range = e.compare(ULT, back, limit)?;
        let otherwise = e.select(back_in_range, other, zero)?;
        e.select(in_range, there, otherwise)
    }

    fn floating(&mut self, v: V, op: Op) -> Result<M::X> {
        use Op::*;
        let a = self.float_arg(v, 0)?;
        let second = |s: &Self| s.float_arg(v, 1);
        Ok(match op {
            NegF => self.e.float_fn(FloatFn::Neg, a)?,
            AbsF => self.e.float_fn(FloatFn::Abs, a)?,
            SqrtF => self.e.float_fn(FloatFn::Sqrt, a)?,
            FloorF => self.e.float_fn(FloatFn::Floor, a)?,
            CeilF => self.e.float_fn(FloatFn::Ceil, a)?,
            MathF(b) => {
                let f = match b {
                    Builtin::MathSin => RtFn::Sin,
                    Builtin::MathCos => RtFn::Cos,
                    Builtin::MathExp => RtFn::Exp,
                    _ => return Err(LowerError::Internal("a function of libm that is not known")),
                };
                self.e.runtime_result(f, &[a], 0)?
            }
            AddF | SubF | MulF | DivF => {
                let mut a = a;
                let b = second(self)?;
                if self.e.is_constant(a) && self.e.is_constant(b) {
                    // Folding would lose the sign of a NaN.
                    a = self.e.runtime_result(RtFn::OpaqueFloat, &[a], 0)?;
                }
                match op {
                    AddF => self.e.float_op(FloatOp::Add, a, b)?,
                    SubF => self.e.float_op(FloatOp::Sub, a, b)?,
                    MulF => self.e.float_op(FloatOp::Mul, a, b)?,
                    _ => self.e.float_op(FloatOp::Div, a, b)?,
                }
            }
            FloorDivF => {
                let q = self.e.float_op(FloatOp::Div, a, second(self)?)?;
                self.e.float_fn(FloatFn::Floor, q)?
            }
            FloorModF => {
                let b = second(self)?;
                self.e.runtime_result(RtFn::FloatMod, &[a, b], 0)?
            }
            PowF => {
                let b = second(self)?;
                if let Op::ConstNum(bits) = self.func.op(self.arg(v, 1)?)
                    && f64::from_bits(bits) == 2.0
                {
                    return self.e.float_op(FloatOp::Mul, a, a);
                }
                self.e.runtime_result(RtFn::FloatPow, &[a, b], 0)?
            }
            _ => return Err(LowerError::Internal("a float operation")),
        })
    }
}

/// Is a sum (of both lower ends, and of both upper ends) within 64 bits?
fn no_wrap(f: impl Fn(i64, i64) -> Option<i64>, a: Range, b: Range) -> bool {
    f(a.lo, b.lo).is_some() && f(a.hi, b.hi).is_some()
}
