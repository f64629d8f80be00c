//! Guards: the bets. Each tests and goes on in a new block, or leaves through a side exit.
use super::LowerError;
use super::machine::*;
use super::function::Lowering;
use crate::ssa::ir::{ExitId, Op, V};
use crate::ssa::types::Kinds;
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn lower_guard(&mut self, v: V, op: Op) -> Result<()> {
        use Op::*;
        let exit = self.exit_of(v)?;
        let x = self.arg(v, 0)?;
        let known = self.kinds(x);
        let r = match op {
            GuardSmall => {
                let a = self.any(x)?;
                self.guard_kind(a, known, Kinds::SMALL, exit)?;
                self.e.unbox_small(a)?
            }
            GuardFloat => {
                let a = self.any(x)?;
                self.guard_kind(a, known, Kinds::FLOAT, exit)?;
                self.e.unbox_float(a)?
            }
            GuardInt => {
                let a = self.any(x)?;
                self.guard_integer(a, known, exit)?
            }
            GuardNumber => {
                let a = self.any(x)?;
                self.guard_kind(a, known, Kinds::NUMBER, exit)?;
                self.unbox_number(a, known.and(Kinds::NUMBER))?
            }
            GuardKind(set) => {
                let a = self.any(x)?;
                self.guard_kind(a, known, set, exit)?;
                a
            }
            GuardShape { ids, n } => {
                let a = self.any(x)?;
                let found = self.e.load(a, layout::TABLE_SHAPE, MTy::I32)?;
                let mut ok = None;
                for id in ids.iter().take(n.into()) {
                    let same = self.e.eq(found, self.e.int32(*id))?;
                    ok = Some(match ok {
                        Some(ok) => self.e.or(ok, same)?,
                        None => same,
                    });
                }
                self.guard(ok.ok_or(LowerError::Internal("a guard for no shape"))?, exit)?;
                a
            }
            GuardPlain => {
                let a = self.any(x)?;
                let e = self.e;
                let id = e.zext(e.load(a, layout::TABLE_SHAPE, MTy::I32)?)?;
                let shapes = e.load_raw(e.vm(), layout::VM_SHAPES, MTy::Raw)?;
                let shape = e.load_at(e.element(shapes, id)?, MTy::Raw, layout::AliasClass::Vm)?;
                let flags = e.load_raw(shape, layout::SHAPE_FLAGS, MTy::I32)?;
                let plain = e.eq(e.and(flags, e.int32(layout::HAS_META))?, e.int32(0))?;
                self.guard(plain, exit)?;
                a
            }
            GuardProto(p) => {
                let wanted = self.proto_address(p)?;
                self.guard_code(x, wanted, exit)?
            }
            GuardNative { function, .. } => self.guard_code(x, function, exit)?,
            GuardBits { bits, .. } => {
                let a = self.any(x)?;
                let same = self.e.same(a, self.e.constant(bits))?;
                self.guard(same, exit)?;
                a
            }
            GuardIndex => {
                let (index, cap) = (self.int(x)?, self.int_arg(v, 1)?);
                let from_zero = self.e.sub(index, self.e.int(1))?;
                let within = self.e.compare(IntPredicate::ULT, from_zero, cap)?;
                self.guard(within, exit)?;
                index
            }
            Guard { expect } => {
                let c = self.int(x)?;
                let ok = if expect { c } else { self.e.not(c)? };
                return self.guard(ok, exit);
            }
            GuardIntegral => self.guard_integral(x, exit)?,
            _ => return Err(LowerError::Internal("a guard")),
        };
        self.set(v, r);
        Ok(())
    }

    /// Goes on if `ok`, leaves otherwise.
    pub(super) fn guard(&mut self, ok: M::X, exit: ExitId) -> Result<()> {
        let ok = self.stressed(ok, exit)?;
        let (go, out) = (self.e.block("go")?, self.exit_block(exit)?);
        self.e.branch(ok, go, out, Likely::Yes)?;
        self.e.switch_to(go);
        Ok(())
    }

    /// Under stress, guards fail when their countdown has come to 0.
    fn stressed(&mut self, ok: M::X, exit: ExitId) -> Result<M::X> {
        let Some(countdowns) = self.options.exit_countdowns else { return Ok(ok) };
        let e = self.e;
        let at = e.address(countdowns + 4 * exit.0 as usize);
        let n = e.load_at(at, MTy::I32, layout::AliasClass::Vm)?;
        let less = e.sub(n, e.int32(1))?;
        e.store_at(at, less, layout::AliasClass::Vm)?;
        let go_on = e.compare(IntPredicate::NE, less, e.int32(0))?;
        e.and(ok, go_on)
    }

    fn guard_kind(&mut self, a: M::X, known: Kinds, set: Kinds, exit: ExitId) -> Result<()> {
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

    fn guard_integer(&mut self, a: M::X, known: Kinds, exit: ExitId) -> Result<M::X> {
        if !known.meets(Kinds::BOXED) {
            self.guard_kind(a, known, Kinds::SMALL, exit)?;
            return self.e.unbox_small(a);
        }
        let e = self.e;
        let (small, other, join) = (e.block("small")?, e.block("other")?, e.block_with("join", &[MTy::I64])?);
        e.branch(e.is_small(a)?, small, other, Likely::Rather)?;
        e.switch_to(small);
        e.jump_with(join, &[e.unbox_small(a)?])?;
        e.switch_to(other);
        self.guard_kind(a, known.minus(Kinds::SMALL), Kinds::BOXED, exit)?;
        e.jump_with(join, &[e.load(a, layout::BOXED_VALUE, MTy::I64)?])?;
        e.switch_to(join);
        e.block_param(join, 0)
    }

    /// A function whose proto (or native function) has this address.
    fn guard_code(&mut self, x: V, address: usize, exit: ExitId) -> Result<M::X> {
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

    fn guard_integral(&mut self, x: V, exit: ExitId) -> Result<M::X> {
        let f = self.float(x)?;
        let size = self.e.float_fn(FloatFn::Abs, f)?;
        let e = self.e;
        // Outside the range of integers the conversion is undefined: convert 0 there, which fails the comparison below.
        // (-2^63 is an integer too, but leaving is right for it as well.)
        let fits = e.compare_floats(FloatPredicate::OLT, size, e.float(f64::to_bits(9223372036854775808.0))?)?;
        let safe = e.select(fits, f, e.float(0)?)?;
        let i = e.float_to_int(safe)?;
        let back = e.int_to_float(i)?;
        let exact = e.compare_floats(FloatPredicate::OEQ, back, f)?;
        self.guard(exact, exit)?;
        Ok(i)
    }

    /// Counts C levels, as the interpreter does around metamethods.
    pub(super) fn lower_level(&mut self, v: V, op: Op) -> Result<()> {
        let e = self.e;
        let before = e.load_raw(e.vm(), layout::VM_C_LEVELS, MTy::I32)?;
        let after = if op == Op::MetaEnter {
            let exit = self.exit_of(v)?;
            let after = e.add(before, e.int32(1))?;
            let few = e.compare(IntPredicate::ULT, after, e.int32(vm_bridge::vm::MAX_C_LEVELS))?;
            self.guard(few, exit)?;
            after
        } else {
            e.sub(before, e.int32(1))?
        };
        self.e.store_raw(self.e.vm(), layout::VM_C_LEVELS, after)
    }

    /// A loop leaves when something is asked for: the interpreter does it at the same place, and enters the loop again. So
    /// loops without calls and allocation have no safepoint, and what lives in them stays in registers.
    pub(super) fn lower_poll(&mut self, v: V) -> Result<()> {
        let exit = self.exit_of(v)?;
        let out = self.exit_block(exit)?;
        let e = self.e;
        let word = e.load_volatile(e.vm(), layout::VM_POLL)?;
        let quiet = e.eq(word, e.int32(0))?;
        let go = e.block("go")?;
        if self.options.poll_calls {
            let ask = e.block("poll")?;
            e.branch(quiet, go, ask, Likely::Yes)?;
            e.switch_to(ask);
            let leave = e.runtime_bool(RtFn::Poll, &[e.vm()], self.site(v))?;
            e.branch(leave, out, go, Likely::No)?;
        } else {
            e.branch(quiet, go, out, Likely::Yes)?;
        }
        e.switch_to(go);
        if let Some(enough) = e.count()? {
            let stay = e.block("stay")?;
            e.branch(enough, out, stay, Likely::No)?;
            e.switch_to(stay);
        }
        Ok(())
    }
}
