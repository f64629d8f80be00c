//! Tests: what a value is, comparisons, conditions of loops.
use super::LowerError;
use super::machine::*;
use super::function::Lowering;
use crate::ssa::ir::{Cmp, Op, V};
use crate::ssa::types::Kinds;
use selune_core::object::Kind;
use selune_core::value::{FALSE, NIL, TRUE};
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn lower_test(&mut self, v: V, op: Op) -> Result<()> {
        use Op::*;
        if op == Select {
            let (c, a, b) = (self.int_arg(v, 0)?, self.get(self.arg(v, 1)?)?, self.get(self.arg(v, 2)?)?);
            let r = self.e.select(c, a, b)?;
            self.set(v, r);
            return Ok(());
        }
        if op == EqProbe {
            let r = self.eq_probe(v)?;
            self.set(v, r);
            return Ok(());
        }
        let r = match op {
            IsKind(set) => {
                let x = self.arg(v, 0)?;
                self.is_kind(self.any(x)?, self.kinds(x), set)?
            }
            IsTruthy => {
                let x = self.arg(v, 0)?;
                self.is_kind(self.any(x)?, self.kinds(x), Kinds::TRUTHY)?
            }
            SameBits => self.e.same(self.any_arg(v, 0)?, self.any_arg(v, 1)?)?,
            IsShape(id) => {
                let shape = self.e.load(self.any_arg(v, 0)?, layout::TABLE_SHAPE, MTy::I32)?;
                self.e.eq(shape, self.e.int32(id))?
            }
            IsProto(p) => self.is_proto(v, p)?,
            Not => self.e.not(self.int_arg(v, 0)?)?,
            CmpI(c) => self.e.compare(int_predicate(c), self.int_arg(v, 0)?, self.int_arg(v, 1)?)?,
            CmpF(c) => self.e.compare_floats(float_predicate(c)?, self.float_arg(v, 0)?, self.float_arg(v, 1)?)?,
            CmpNumber(c) => self.compare_numbers(v, c)?,
            RawEq => self.equal_or(v, RtFn::RawEqual, true)?,
            CmpStr(Cmp::Eq) => self.equal_or(v, RtFn::StringEq, false)?,
            CmpStr(c) => {
                let f = match c {
                    Cmp::Lt => RtFn::StringLt,
                    Cmp::Le => RtFn::StringLe,
                    _ => return Err(LowerError::Internal("a comparison of strings")),
                };
                let (a, b) = (self.any_arg(v, 0)?, self.any_arg(v, 1)?);
                self.e.runtime_bool(f, &[a, b], 0)?
            }
            ForMore => self.for_more(v)?,
            ForMoreF => {
                let (index, limit, step) = (self.float_arg(v, 0)?, self.float_arg(v, 1)?, self.float_arg(v, 2)?);
                let e = self.e;
                let compare = |p, a, b| e.compare_floats(p, a, b);
                let up = compare(FloatPredicate::OGT, step, e.float(0)?)?;
                let below = compare(FloatPredicate::OLE, index, limit)?;
                let above = compare(FloatPredicate::OLE, limit, index)?;
                e.select(up, below, above)?
            }
            _ => return Err(LowerError::Internal("a test")),
        };
        self.set(v, r);
        Ok(())
    }

    /// Is a value, known to be of some of `known`, of one of the kinds `set`?
    pub(super) fn is_kind(&mut self, v: M::X, known: Kinds, set: Kinds) -> Result<M::X> {
        let (yes, no) = (known.and(set), known.minus(set));
        if no.is_none() {
            return Ok(self.e.boolean(true));
        }
        if yes.is_none() {
            return Ok(self.e.boolean(false));
        }
        if let Some(r) = self.one_test(v, yes, no)? {
            return Ok(r);
        }
        // The complement may be simpler.
        if let Some(r) = self.one_test(v, no, yes)? {
            return self.e.not(r);
        }
        let mut any = self.e.boolean(false);
        for kind in (0..12).map(|i| Kinds(1 << i)).filter(|k| yes.meets(*k)) {
            let r = self.one_test(v, kind, known.minus(kind))?.ok_or(LowerError::Internal("a kind without test"))?;
            any = self.e.or(any, r)?;
        }
        Ok(any)
    }

    /// A test that is true for all kinds of `yes` and false for all of `no`, when there is a short one.
    fn one_test(&mut self, v: M::X, yes: Kinds, no: Kinds) -> Result<Option<M::X>> {
        // A test that is true for exactly `set` will do when `yes` is within it and `no` outside.
        let fits = |set: Kinds| yes.within(set) && !no.meets(set);
        let e = self.e;
        Ok(Some(if fits(Kinds::SMALL) {
            e.is_small(v)?
        } else if fits(Kinds::FLOAT) {
            e.is_float(v)?
        } else if fits(Kinds::TABLE) {
            e.is_table(v)?
        } else if fits(Kinds::STRING) {
            e.is_string(v)?
        } else if fits(Kinds::NIL) {
            e.same(v, e.constant(NIL))?
        } else if fits(Kinds::FALSE) {
            e.same(v, e.constant(FALSE))?
        } else if fits(Kinds::TRUE) {
            e.same(v, e.constant(TRUE))?
        } else if fits(Kinds::TRUTHY) {
            e.is_truthy(v)?
        } else if fits(Kinds::FUNCTION) {
            e.is_function(v)?
        } else if fits(Kinds::NUMBER) {
            e.is_number(v)?
        } else if fits(Kinds::INT) {
            e.is_integer(v)?
        } else if fits(Kinds::BOXED) {
            e.is_boxed(v)?
        } else if fits(Kinds::BOOL) {
            e.is_boolean(v)?
        } else if fits(Kinds::CLOSURE) || fits(Kinds::NATIVE) {
            let kind = if fits(Kinds::CLOSURE) { Kind::Closure } else { Kind::Native };
            let all = yes.or(no).within(Kinds::FUNCTION);
            return self.is_function_of_kind(v, all, kind).map(Some);
        } else if yes.within(Kinds::OBJECT) {
            let others = self.is_kind(v, yes.or(no), no)?;
            self.e.not(others)?
        } else {
            return Ok(None);
        }))
    }

    fn is_function_of_kind(&mut self, v: M::X, known: bool, kind: Kind) -> Result<M::X> {
        let test = move |e: &M| {
            let found = e.load(v, layout::FUNCTION_KIND, MTy::I8)?;
            e.eq(found, e.int8(kind as u8))
        };
        if known {
            return test(&mut self.e);
        }
        let function = self.e.is_function(v)?;
        let ty = MTy::I1;
        let r = self.e.diamond(function, Likely::Rather, ty, |e| test(e), |e| Ok(e.boolean(false)))?;
        Ok(r)
    }

    /// The proto of a closure (or the address of a native's function).
    pub(super) fn proto_of(&self, f: M::X) -> Result<M::X> {
        self.e.load(f, layout::CLOSURE_PROTO, MTy::I64)
    }

    fn is_proto(&mut self, v: V, p: u16) -> Result<M::X> {
        let x = self.arg(v, 0)?;
        let f = self.any(x)?;
        let wanted = self.proto_address(p)?;
        if self.kinds(x).within(Kinds::FUNCTION) {
            return self.e.eq(self.proto_of(f)?, self.e.word(wanted as u64));
        }
        let function = self.e.is_function(f)?;
        let ty = MTy::I1;
        let r = self.e.diamond(
            function,
            Likely::Rather,
            ty,
            |e| e.eq(e.load(f, layout::CLOSURE_PROTO, MTy::I64)?, e.word(wanted as u64)),
            |e| Ok(e.boolean(false)),
        )?;
        Ok(r)
    }

    pub(super) fn proto_address(&self, p: u16) -> Result<usize> {
        self.func.proto_ptrs.get(p as usize).copied().ok_or(LowerError::Internal("an unknown proto"))
    }

    /// True when the bits are equal (and are no NaN), else what the runtime function says.
    fn equal_or(&mut self, v: V, f: RtFn, floats: bool) -> Result<M::X> {
        let (x, y) = (self.arg(v, 0)?, self.arg(v, 1)?);
        let (a, b) = (self.any(x)?, self.any(y)?);
        if floats && self.kinds(x).meets(Kinds::FLOAT) && self.kinds(y).meets(Kinds::FLOAT) {
            return self.e.runtime_bool(f, &[a, b], 0);
        }
        let same = self.e.same(a, b)?;
        let ty = MTy::I1;
        let r = self.e.diamond(
            same,
            Likely::Unknown,
            ty,
            |e| Ok(e.boolean(true)),
            |e| e.runtime_bool(f, &[a, b], 0),
        )?;
        Ok(r)
    }

    fn eq_probe(&mut self, v: V) -> Result<M::X> {
        let (x, y) = (self.arg(v, 0)?, self.arg(v, 1)?);
        let (a, b) = (self.any(x)?, self.any(y)?);
        let mut same = self.e.same(a, b)?;
        if self.kinds(x).meets(Kinds::FLOAT) && self.kinds(y).meets(Kinds::FLOAT) {
            let float = self.e.is_float(a)?;
            let other = self.e.not(float)?;
            same = self.e.and(same, other)?;
        }
        let ty = MTy::I64;
        let r = self.e.diamond(
            same,
            Likely::Unknown,
            ty,
            |e| Ok(e.int(1)),
            |e| e.runtime_result(RtFn::EqProbe, &[e.vm(), a, b], 0),
        )?;
        Ok(r)
    }

    /// Numbers of any form: inline when both are small integers or both are floats.
    fn compare_numbers(&mut self, v: V, c: Cmp) -> Result<M::X> {
        let (a, b) = (self.any_arg(v, 0)?, self.any_arg(v, 1)?);
        let f = match c {
            Cmp::Eq => RtFn::NumberEq,
            Cmp::Lt => RtFn::NumberLt,
            Cmp::Le => RtFn::NumberLe,
            _ => return Err(LowerError::Internal("a comparison of numbers")),
        };
        let float = float_predicate(c)?;
        let e = self.e;
        let (small_a, small_b) = (e.is_small(a)?, e.is_small(b)?);
        let both_small = e.and(small_a, small_b)?;
        let ty = MTy::I1;
        let r = e.diamond(
            both_small,
            Likely::Unknown,
            ty,
            |e| {
                let (x, y) = (e.unbox_small(a)?, e.unbox_small(b)?);
                e.compare(int_predicate(c), x, y)
            },
            |e| {
                let (float_a, float_b) = (e.is_float(a)?, e.is_float(b)?);
                // Small integers are exact as floats.
                let both = e.and(e.or(float_a, small_a)?, e.or(float_b, small_b)?)?;
                e.diamond(
                    both,
                    Likely::Rather,
                    ty,
                    |e| {
                        let as_float = |is_float, v| e.select(is_float, e.unbox_float(v)?, e.int_to_float(e.unbox_small(v)?)?);
                        e.compare_floats(float, as_float(float_a, a)?, as_float(float_b, b)?)
                    },
                    |e| e.runtime_bool(f, &[a, b], 0),
                )
            },
        )?;
        Ok(r)
    }

    fn for_more(&mut self, v: V) -> Result<M::X> {
        let (index, limit) = (self.int_arg(v, 0)?, self.int_arg(v, 1)?);
        let step = self.arg(v, 2)?;
        let e = self.e;
        let rest = |from, to| e.sub(to, from);
        match self.func.const_int(step) {
            // The index is within the limit, so these are the same as the general test; LLVM knows loops of this form.
            Some(1) => return e.compare(IntPredicate::SLT, index, limit),
            Some(-1) => return e.compare(IntPredicate::SGT, index, limit),
            Some(s) if s > 0 => return e.compare(IntPredicate::UGE, rest(index, limit)?, e.int(s)),
            Some(s) => return e.compare(IntPredicate::UGE, rest(limit, index)?, e.word(s.unsigned_abs())),
            None => {}
        }
        let step = self.int(step)?;
        let up = e.compare(IntPredicate::SGT, step, e.int(0))?;
        let more_up = e.compare(IntPredicate::UGE, rest(index, limit)?, step)?;
        let down = e.sub(e.int(0), step)?;
        let more_down = e.compare(IntPredicate::UGE, rest(limit, index)?, down)?;
        let r = e.select(up, more_up, more_down)?;
        Ok(r)
    }
}

fn int_predicate(c: Cmp) -> IntPredicate {
    match c {
        Cmp::Eq => IntPredicate::EQ,
        Cmp::Ne => IntPredicate::NE,
        Cmp::Lt => IntPredicate::SLT,
        Cmp::Le => IntPredicate::SLE,
        Cmp::Gt => IntPredicate::SGT,
        Cmp::Ge => IntPredicate::SGE,
        Cmp::Ult => IntPredicate::ULT,
        Cmp::Ule => IntPredicate::ULE,
    }
}

fn float_predicate(c: Cmp) -> Result<FloatPredicate> {
    Ok(match c {
        Cmp::Eq => FloatPredicate::OEQ,
        Cmp::Ne => FloatPredicate::UNE,
        Cmp::Lt => FloatPredicate::OLT,
        Cmp::Le => FloatPredicate::OLE,
        Cmp::Gt => FloatPredicate::OGT,
        Cmp::Ge => FloatPredicate::OGE,
        Cmp::Ult | Cmp::Ule => return Err(LowerError::Internal("an unsigned comparison of floats")),
    })
}
