//! Guards: the bets. Each tests and goes on in a new block, or leaves through a side exit.
use super::LowerError;
use super::emit::{Likely, Result};
use super::function::Lowering;
use crate::ssa::ir::{ExitId, Op, V};
use crate::ssa::types::Kinds;
use inkwell::values::{BasicValueEnum, IntValue, PointerValue};
use inkwell::{FloatPredicate, IntPredicate};
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

impl<'c> Lowering<'_, '_, 'c> {
    pub(super) fn lower_guard(&mut self, v: V, op: Op) -> Result<()> {
        use Op::*;
        let exit = self.exit_of(v)?;
        let x = self.arg(v, 0)?;
        let known = self.kinds(x);
        let r: BasicValueEnum = match op {
            GuardSmall => {
                let a = self.any(x)?;
                self.guard_kind(a, known, Kinds::SMALL, exit)?;
                self.e.unbox_small(a)?.into()
            }
            GuardFloat => {
                let a = self.any(x)?;
                self.guard_kind(a, known, Kinds::FLOAT, exit)?;
                self.e.unbox_float(a)?.into()
            }
            GuardInt => {
                let a = self.any(x)?;
                self.guard_integer(a, known, exit)?.into()
            }
            GuardNumber => {
                let a = self.any(x)?;
                self.guard_kind(a, known, Kinds::NUMBER, exit)?;
                self.unbox_number(a, known.and(Kinds::NUMBER))?.into()
            }
            GuardKind(set) => {
                let a = self.any(x)?;
                self.guard_kind(a, known, set, exit)?;
                a.into()
            }
            GuardShape { ids, n } => {
                let a = self.any(x)?;
                let found = self.e.load_int(a, layout::TABLE_SHAPE, self.e.i32)?;
                let mut ok = self.e.boolean(false);
                for id in ids.iter().take(n.into()) {
                    let same = self.e.eq(found, self.e.i32.const_int((*id).into(), false))?;
                    ok = if ok.is_constant_int() { same } else { self.e.or(ok, same)? };
                }
                self.guard(ok, exit)?;
                a.into()
            }
            GuardPlain => {
                let a = self.any(x)?;
                let e = &self.e;
                let id = e.zext(e.load_int(a, layout::TABLE_SHAPE, e.i32)?)?;
                let shapes = e.load_raw(e.vm, layout::VM_SHAPES, e.raw)?.into_pointer_value();
                let shape = e.load_at(e.element(shapes, id)?, e.raw, layout::AliasClass::Vm)?.into_pointer_value();
                let flags = e.load_raw(shape, layout::SHAPE_FLAGS, e.i32)?.into_int_value();
                let plain = e.is_zero(e.and(flags, e.i32.const_int(layout::HAS_META.into(), false))?)?;
                self.guard(plain, exit)?;
                a.into()
            }
            GuardProto(p) => {
                let wanted = self.proto_address(p)?;
                self.guard_code(x, wanted, exit)?.into()
            }
            GuardNative { function, .. } => self.guard_code(x, function, exit)?.into(),
            GuardBits { bits, .. } => {
                let a = self.any(x)?;
                let same = self.e.same(a, self.e.constant(bits))?;
                self.guard(same, exit)?;
                a.into()
            }
            GuardIndex => {
                let (index, cap) = (self.int(x)?, self.int_arg(v, 1)?);
                let from_zero = self.e.b.build_int_sub(index, self.e.int(1), "")?;
                let within = self.e.compare(IntPredicate::ULT, from_zero, cap)?;
                self.guard(within, exit)?;
                index.into()
            }
            Guard { expect } => {
                let c = self.int(x)?;
                let ok = if expect { c } else { self.e.b.build_not(c, "")? };
                return self.guard(ok, exit);
            }
            GuardIntegral => self.guard_integral(x, exit)?.into(),
            _ => return Err(LowerError::Internal("a guard")),
        };
        self.set(v, r);
        Ok(())
    }

    /// Goes on if `ok`, leaves otherwise.
    pub(super) fn guard(&mut self, ok: IntValue<'c>, exit: ExitId) -> Result<()> {
        let ok = self.stressed(ok, exit)?;
        let (go, out) = (self.e.block("go"), self.exit_block(exit)?);
        self.e.branch(ok, go, out, Likely::Yes)?;
        self.e.b.position_at_end(go);
        Ok(())
    }

    /// Under stress, guards fail when their countdown has come to 0.
    fn stressed(&mut self, ok: IntValue<'c>, exit: ExitId) -> Result<IntValue<'c>> {
        let Some(countdowns) = self.options.exit_countdowns else { return Ok(ok) };
        let e = &self.e;
        let at = e.address(countdowns + 4 * exit.0 as usize);
        let n = e.b.build_load(e.i32, at, "")?.into_int_value();
        let less = e.b.build_int_sub(n, e.i32.const_int(1, false), "")?;
        e.b.build_store(at, less)?;
        let go_on = e.compare(IntPredicate::NE, less, e.i32.const_zero())?;
        e.and(ok, go_on)
    }

    fn guard_kind(&mut self, a: PointerValue<'c>, known: Kinds, set: Kinds, exit: ExitId) -> Result<()> {
        let (mut known, mut rest) = (known, set);
        // Which function it is stands in the object: first make sure that there is one.
        let functions = set.and(Kinds::FUNCTION);
        if set == functions && functions != Kinds::FUNCTION && !known.within(Kinds::FUNCTION) {
            let is_function = self.is_kind(a, known, Kinds::FUNCTION)?;
            self.guard(is_function, exit)?;
            known = known.and(Kinds::FUNCTION);
            rest = functions;
        }
        let ok = self.is_kind(a, known, rest)?;
        self.guard(ok, exit)
    }

    fn guard_integer(&mut self, a: PointerValue<'c>, known: Kinds, exit: ExitId) -> Result<IntValue<'c>> {
        if !known.meets(Kinds::BOXED) {
            self.guard_kind(a, known, Kinds::SMALL, exit)?;
            return self.e.unbox_small(a);
        }
        let (small, other, join) = (self.e.block("small"), self.e.block("other"), self.e.block("join"));
        let is_small = self.e.is_small(a)?;
        self.e.branch(is_small, small, other, Likely::Rather)?;
        self.e.b.position_at_end(small);
        let i = self.e.unbox_small(a)?;
        let from_small = self.e.current()?;
        self.e.jump(join)?;
        self.e.b.position_at_end(other);
        self.guard_kind(a, known.minus(Kinds::SMALL), Kinds::BOXED, exit)?;
        let wide = self.e.load(a, layout::BOXED_VALUE, self.e.i64)?;
        let from_other = self.e.current()?;
        self.e.jump(join)?;
        self.e.b.position_at_end(join);
        Ok(self.e.phi(self.e.i64, &[(i.into(), from_small), (wide, from_other)])?.into_int_value())
    }

    /// A function whose proto (or native function) has this address.
    fn guard_code(&mut self, x: V, address: usize, exit: ExitId) -> Result<PointerValue<'c>> {
        let f = self.any(x)?;
        let known = self.kinds(x);
        if !known.within(Kinds::FUNCTION) {
            let is_function = self.is_kind(f, known, Kinds::FUNCTION)?;
            self.guard(is_function, exit)?;
        }
        let same = self.e.eq(self.proto_of(f)?, self.e.word(address as u64))?;
        self.guard(same, exit)?;
        Ok(f)
    }

    fn guard_integral(&mut self, x: V, exit: ExitId) -> Result<IntValue<'c>> {
        let f = self.float(x)?;
        let size = self.e.float_intrinsic("llvm.fabs.f64", &[f])?;
        let e = &self.e;
        // Outside the range of integers the conversion is undefined: convert 0 there, which fails the comparison below.
        // (-2^63 is an integer too, but leaving is right for it as well.)
        let fits = e.b.build_float_compare(FloatPredicate::OLT, size, e.f64.const_float(9223372036854775808.0), "")?;
        let safe = e.select(fits, f, e.f64.const_zero())?.into_float_value();
        let i = e.b.build_float_to_signed_int(safe, e.i64, "")?;
        let back = e.b.build_signed_int_to_float(i, e.f64, "")?;
        let exact = e.b.build_float_compare(FloatPredicate::OEQ, back, f, "")?;
        self.guard(exact, exit)?;
        Ok(i)
    }

    pub(super) fn lower_poll(&mut self, v: V) -> Result<()> {
        let exit = self.exit_of(v)?;
        let word = self.e.load_raw(self.e.vm, layout::VM_POLL, self.e.i32)?.into_int_value();
        let quiet = self.e.is_zero(word)?;
        let (ask, go) = (self.e.block("poll"), self.e.block("go"));
        self.e.branch(quiet, go, ask, Likely::Yes)?;
        self.e.b.position_at_end(ask);
        let site = self.site(v);
        let leave = self.e.runtime_bool(RtFn::Poll, &[self.e.vm.into()], site)?;
        let out = self.exit_block(exit)?;
        self.e.branch(leave, out, go, Likely::No)?;
        self.e.b.position_at_end(go);
        Ok(())
    }
}
