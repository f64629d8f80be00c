//! Numbers: boxing and unboxing, integer and float arithmetic.
use super::LowerError;
use super::emit::{Likely, Result};
use super::function::Lowering;
use crate::job::Builtin;
use crate::ssa::ir::{Op, V};
use crate::ssa::types::{Kinds, Range};
use inkwell::IntPredicate::*;
use inkwell::values::{BasicValueEnum, FloatValue, IntValue, PointerValue};
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

impl<'c> Lowering<'_, '_, 'c> {
    pub(super) fn lower_number(&mut self, v: V, op: Op) -> Result<()> {
        use Op::*;
        let r: BasicValueEnum = match op {
            BoxInt => self.box_int(v)?.into(),
            BoxSmall => {
                let i = self.int_arg(v, 0)?;
                self.e.box_small(i)?.into()
            }
            BoxFloat => {
                let f = self.float_arg(v, 0)?;
                self.e.box_float(f)?.into()
            }
            BoxBool => {
                let b = self.int_arg(v, 0)?;
                self.e.box_bool(b)?.into()
            }
            UnboxSmall => {
                let a = self.any_arg(v, 0)?;
                self.e.unbox_small(a)?.into()
            }
            UnboxInt => {
                let (a, kinds) = (self.any_arg(v, 0)?, self.kinds(self.arg(v, 0)?));
                self.unbox_int(a, kinds)?.into()
            }
            UnboxFloat => {
                let a = self.any_arg(v, 0)?;
                self.e.unbox_float(a)?.into()
            }
            UnboxNumber => {
                let (a, kinds) = (self.any_arg(v, 0)?, self.kinds(self.arg(v, 0)?));
                self.unbox_number(a, kinds)?.into()
            }
            IntToFloat => self.e.b.build_signed_int_to_float(self.int_arg(v, 0)?, self.e.f64, "")?.into(),
            FloatToInt => self.e.b.build_float_to_signed_int(self.float_arg(v, 0)?, self.e.i64, "")?.into(),
            AddI | SubI | MulI | FloorDivI | FloorModI | AndI | OrI | XorI | ShlI | ShrI | NegI | NotI | AbsI => self.integer(v, op)?.into(),
            _ => self.floating(v, op)?.into(),
        };
        self.set(v, r);
        Ok(())
    }

    fn box_int(&mut self, v: V) -> Result<PointerValue<'c>> {
        let i = self.int_arg(v, 0)?;
        if self.func.inst(self.arg(v, 0)?).range.small() {
            return self.e.box_small(i);
        }
        let fits = self.e.fits_small(i)?;
        let ty = self.e.value;
        let r = self.e.diamond(
            fits,
            Likely::Yes,
            ty,
            |e| Ok(e.box_small(i)?.into()),
            |e| e.runtime_result(RtFn::BoxInt, &[e.vm.into(), i.into()], 0),
        )?;
        Ok(r.into_pointer_value())
    }

    /// The integer of an integer value.
    pub(super) fn unbox_int(&mut self, a: PointerValue<'c>, kinds: Kinds) -> Result<IntValue<'c>> {
        if kinds.within(Kinds::SMALL) {
            return self.e.unbox_small(a);
        }
        let small = self.e.is_small(a)?;
        let ty = self.e.i64;
        let r = self.e.diamond(small, Likely::Rather, ty, |e| Ok(e.unbox_small(a)?.into()), |e| e.load(a, layout::BOXED_VALUE, e.i64))?;
        Ok(r.into_int_value())
    }

    /// The number of a number value as a double.
    pub(super) fn unbox_number(&mut self, a: PointerValue<'c>, kinds: Kinds) -> Result<FloatValue<'c>> {
        let kinds = kinds.and(Kinds::NUMBER);
        if kinds.within(Kinds::FLOAT) {
            return self.e.unbox_float(a);
        }
        if !kinds.meets(Kinds::FLOAT) {
            let i = self.unbox_int(a, kinds)?;
            return Ok(self.e.b.build_signed_int_to_float(i, self.e.f64, "")?);
        }
        let float = self.e.is_float(a)?;
        let (join, boxed) = (self.e.block("join"), self.e.block("integer"));
        let as_float = self.e.block("float");
        self.e.branch(float, as_float, boxed, Likely::Unknown)?;
        self.e.b.position_at_end(as_float);
        let f = self.e.unbox_float(a)?;
        let from_float = self.e.current()?;
        self.e.jump(join)?;
        self.e.b.position_at_end(boxed);
        let i = self.unbox_int(a, kinds.and(Kinds::INT))?;
        let converted = self.e.b.build_signed_int_to_float(i, self.e.f64, "")?;
        let from_int = self.e.current()?;
        self.e.jump(join)?;
        self.e.b.position_at_end(join);
        let r = self.e.phi(self.e.f64, &[(f.into(), from_float), (converted.into(), from_int)])?;
        Ok(r.into_float_value())
    }

    fn integer(&mut self, v: V, op: Op) -> Result<IntValue<'c>> {
        use Op::*;
        let a = self.int_arg(v, 0)?;
        let e = &self.e;
        match op {
            NegI => return Ok(e.b.build_int_sub(e.int(0), a, "")?),
            NotI => return Ok(e.b.build_not(a, "")?),
            AbsI => {
                let negative = e.compare(SLT, a, e.int(0))?;
                let negated = e.b.build_int_sub(e.int(0), a, "")?;
                return Ok(e.select(negative, negated, a)?.into_int_value());
            }
            _ => {}
        }
        let (x, y) = (self.arg(v, 0)?, self.arg(v, 1)?);
        let b = self.int(y)?;
        let (rx, ry) = (self.func.inst(x).range, self.func.inst(y).range);
        Ok(match op {
            // Ranges that exclude a wrap let LLVM know more about loop counters.
            AddI if no_wrap(i64::checked_add, rx, ry) => e.b.build_int_nsw_add(a, b, "")?,
            SubI if no_wrap(|p, q| p.checked_sub(q), rx, Range { lo: ry.hi, hi: ry.lo }) => e.b.build_int_nsw_sub(a, b, "")?,
            AddI => e.b.build_int_add(a, b, "")?,
            SubI => e.b.build_int_sub(a, b, "")?,
            MulI => e.b.build_int_mul(a, b, "")?,
            AndI => e.and(a, b)?,
            OrI => e.or(a, b)?,
            XorI => e.b.build_xor(a, b, "")?,
            FloorDivI | FloorModI => self.floor_divide(op == FloorDivI, a, b, rx, ry, self.func.const_int(y))?,
            ShlI | ShrI => match self.func.const_int(y) {
                Some(n) => self.shift_by(op == ShlI, a, n)?,
                None => self.shift(op == ShlI, a, b)?,
            },
            _ => return Err(LowerError::Internal("an integer operation")),
        })
    }

    fn floor_divide(&self, quotient: bool, a: IntValue<'c>, b: IntValue<'c>, ra: Range, rb: Range, divisor: Option<i64>) -> Result<IntValue<'c>> {
        let e = &self.e;
        if ra.lo >= 0 && rb.lo > 0 {
            return Ok(if quotient { e.b.build_int_unsigned_div(a, b, "")? } else { e.b.build_int_unsigned_rem(a, b, "")? });
        }
        if let Some(n) = divisor
            && n > 0
            && (n as u64).is_power_of_two()
        {
            // Arithmetic shifts and masks round towards minus infinity, as floor does.
            return Ok(if quotient {
                e.b.build_right_shift(a, e.int(n.trailing_zeros().into()), true, "")?
            } else {
                e.and(a, e.int(n - 1))?
            });
        }
        // minint // -1 would trap: divide by 1 and negate instead.
        let may_be_minus_one = rb.lo <= -1 && rb.hi >= -1;
        let minus_one = e.eq(b, e.int(-1))?;
        let by = if may_be_minus_one { e.select(minus_one, e.int(1), b)?.into_int_value() } else { b };
        let r = e.b.build_int_signed_rem(a, by, "")?;
        let zero = e.int(0);
        let inexact = e.compare(NE, r, zero)?;
        let opposite = if rb.lo > 0 {
            e.compare(SLT, r, zero)?
        } else {
            let mixed = e.compare(SLT, e.b.build_xor(r, by, "")?, zero)?;
            e.and(inexact, mixed)?
        };
        if !quotient {
            let moved = e.b.build_int_add(r, by, "")?;
            let m = e.select(opposite, moved, r)?.into_int_value();
            return Ok(if may_be_minus_one { e.select(minus_one, zero, m)?.into_int_value() } else { m });
        }
        let q = e.b.build_int_signed_div(a, by, "")?;
        let q = e.b.build_int_sub(q, e.zext(opposite)?, "")?;
        if !may_be_minus_one {
            return Ok(q);
        }
        let negated = e.b.build_int_sub(zero, a, "")?;
        Ok(e.select(minus_one, negated, q)?.into_int_value())
    }

    fn shift_by(&self, left: bool, a: IntValue<'c>, n: i64) -> Result<IntValue<'c>> {
        let e = &self.e;
        let (left, n) = if n < 0 { (!left, n.unsigned_abs()) } else { (left, n as u64) };
        Ok(match (left, n) {
            (_, 64..) => e.int(0),
            (true, n) => e.b.build_left_shift(a, e.word(n), "")?,
            (false, n) => e.b.build_right_shift(a, e.word(n), false, "")?,
        })
    }

    fn shift(&self, left: bool, a: IntValue<'c>, n: IntValue<'c>) -> Result<IntValue<'c>> {
        let e = &self.e;
        let (zero, limit) = (e.int(0), e.int(64));
        let back = e.b.build_int_sub(zero, n, "")?;
        // Counts beyond 63 are poison in LLVM; they are masked first and the result replaced.
        let mask = |n| e.and(n, e.int(63));
        let (by, back_by) = (mask(n)?, mask(back)?);
        let (there, other) = if left {
            (e.b.build_left_shift(a, by, "")?, e.b.build_right_shift(a, back_by, false, "")?)
        } else {
            (e.b.build_right_shift(a, by, false, "")?, e.b.build_left_shift(a, back_by, "")?)
        };
        let in_range = e.compare(ULT, n, limit)?;
        let back_in_range = e.compare(ULT, back, limit)?;
        let otherwise = e.select(back_in_range, other, zero)?.into_int_value();
        Ok(e.select(in_range, there, otherwise)?.into_int_value())
    }

    fn floating(&mut self, v: V, op: Op) -> Result<FloatValue<'c>> {
        use Op::*;
        let a = self.float_arg(v, 0)?;
        let second = |s: &Self| s.float_arg(v, 1);
        Ok(match op {
            NegF => self.e.b.build_float_neg(a, "")?,
            AbsF => self.e.float_intrinsic("llvm.fabs.f64", &[a])?,
            SqrtF => self.e.float_intrinsic("llvm.sqrt.f64", &[a])?,
            FloorF => self.e.float_intrinsic("llvm.floor.f64", &[a])?,
            CeilF => self.e.float_intrinsic("llvm.ceil.f64", &[a])?,
            MathF(b) => {
                let f = match b {
                    Builtin::MathSin => RtFn::Sin,
                    Builtin::MathCos => RtFn::Cos,
                    Builtin::MathExp => RtFn::Exp,
                    _ => return Err(LowerError::Internal("a function of libm that is not known")),
                };
                self.e.runtime_result(f, &[a.into()], 0)?.into_float_value()
            }
            AddF | SubF | MulF | DivF => {
                let mut a = a;
                let b = second(self)?;
                if a.is_const() && b.is_const() {
                    // Folding would lose the sign of a NaN.
                    a = self.e.runtime_result(RtFn::OpaqueFloat, &[a.into()], 0)?.into_float_value();
                }
                match op {
                    AddF => self.e.b.build_float_add(a, b, "")?,
                    SubF => self.e.b.build_float_sub(a, b, "")?,
                    MulF => self.e.b.build_float_mul(a, b, "")?,
                    _ => self.e.b.build_float_div(a, b, "")?,
                }
            }
            FloorDivF => {
                let q = self.e.b.build_float_div(a, second(self)?, "")?;
                self.e.float_intrinsic("llvm.floor.f64", &[q])?
            }
            FloorModF => {
                let b = second(self)?;
                self.e.runtime_result(RtFn::FloatMod, &[a.into(), b.into()], 0)?.into_float_value()
            }
            PowF => {
                let b = second(self)?;
                if let Op::ConstNum(bits) = self.func.op(self.arg(v, 1)?)
                    && f64::from_bits(bits) == 2.0
                {
                    return Ok(self.e.b.build_float_mul(a, a, "")?);
                }
                self.e.runtime_result(RtFn::FloatPow, &[a.into(), b.into()], 0)?.into_float_value()
            }
            _ => return Err(LowerError::Internal("a float operation")),
        })
    }
}

/// Is a sum (of both lower ends, and of both upper ends) within 64 bits?
fn no_wrap(f: impl Fn(i64, i64) -> Option<i64>, a: Range, b: Range) -> bool {
    f(a.lo, b.lo).is_some() && f(a.hi, b.hi).is_some()
}
