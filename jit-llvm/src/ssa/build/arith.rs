//! Arithmetic, bitwise operators, not, length, concatenation.
//!
//! What feedback saw decides the form: integers and floats are computed unboxed behind guards; a mix is dispatched in
//! place; the rest, and what has failed before, falls back to the runtime.
use super::context::Builder;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;
use selune_core::feedback::{index_seen, types};
use selune_core::number;
use selune_core::proto::Ins;
use selune_core::shape::Metamethod;

/// Type bits that say which operands were seen.
const SEEN: u16 = types::INT | types::FLOAT | types::INT_FLOAT | types::FLOAT_INT | types::STRING | types::OTHER;

macro_rules! binary {
    ($($name:ident $name_k:ident $op:ident;)*) => { impl Builder<'_> { $(
        pub(super) fn $name(&mut self, i: Ins) {
            let b = self.reg(i.c());
            self.binary(i, ArithOp::$op, b);
        }
        pub(super) fn $name_k(&mut self, i: Ins) {
            let b = self.const_k(i.c());
            self.binary(i, ArithOp::$op, b);
        }
    )* } };
}
binary! {
    op_add op_add_k Add;
    op_sub op_sub_k Sub;
    op_mul op_mul_k Mul;
    op_div op_div_k Div;
    op_mod op_mod_k Mod;
    op_pow op_pow_k Pow;
    op_idiv op_idiv_k IDiv;
    op_band op_band_k BAnd;
    op_bor op_bor_k BOr;
    op_bxor op_bxor_k BXor;
    op_shl op_shl_k Shl;
    op_shr op_shr_k Shr;
}

/// The metamethod of an operator.
fn event(op: ArithOp) -> Metamethod {
    use Metamethod as M;
    match op {
        ArithOp::Add => M::Add,
        ArithOp::Sub => M::Sub,
        ArithOp::Mul => M::Mul,
        ArithOp::Div => M::Div,
        ArithOp::Mod => M::Mod,
        ArithOp::Pow => M::Pow,
        ArithOp::IDiv => M::IDiv,
        ArithOp::BAnd => M::BAnd,
        ArithOp::BOr => M::BOr,
        ArithOp::BXor => M::BXor,
        ArithOp::Shl => M::Shl,
        ArithOp::Shr => M::Shr,
        ArithOp::Unm => M::Unm,
        ArithOp::BNot => M::BNot,
    }
}

/// Works on integers only.
fn is_bitwise(op: ArithOp) -> bool {
    use ArithOp::*;
    matches!(op, BAnd | BOr | BXor | Shl | Shr | BNot)
}

impl Builder<'_> {
    fn binary(&mut self, i: Ins, op: ArithOp, b: V) {
        let a = self.reg(i.b());
        if let Some(v) = self.arith(op, a, b, i.s()) {
            self.set(i.a(), v);
        }
    }

    /// `a op b` (unary operators: b = a). None when the block has ended.
    pub(super) fn arith(&mut self, op: ArithOp, a: V, b: V, s: u16) -> Option<V> {
        let (ka, kb) = (self.kinds(a), self.kinds(b));
        let exited = s & types::EXITED != 0 || self.job.options.no_feedback;
        // What the operands can be at all.
        let mut can = 0;
        for (bit, x, y) in [
            (types::INT, Kinds::INT, Kinds::INT),
            (types::FLOAT, Kinds::FLOAT, Kinds::FLOAT),
            (types::INT_FLOAT, Kinds::INT, Kinds::FLOAT),
            (types::FLOAT_INT, Kinds::FLOAT, Kinds::INT),
        ] {
            if ka.meets(x) && kb.meets(y) {
                can |= bit;
            }
        }
        if !ka.within(Kinds::NUMBER) || !kb.within(Kinds::NUMBER) {
            can |= types::OTHER | types::STRING;
        }
        let known = can.count_ones() == 1;
        let mut bits = s & SEEN & can;
        if known {
            bits = can;
        } else if s & SEEN == 0 && !exited {
            if can & (types::OTHER | types::STRING) == 0 {
                // Numbers for certain, only the mix is unknown.
                bits = can;
            } else {
                return if self.unseen() { None } else { Some(self.generic_arith(op, a, b)) };
            }
        }
        let small = s & types::BIG == 0;
        if bits == types::OTHER && !exited
            && let Some(r) = self.operator_metamethod(event(op), a, b, self.proto().code[self.cx.pc].a())
        {
            return if self.dead { None } else { Some(r) };
        }
        if bits & (types::OTHER | types::STRING) != 0 || bits == 0 {
            return Some(if bits & !(types::OTHER | types::STRING) == 0 && !exited { self.generic_arith(op, a, b) } else { self.dispatch(op, a, b, can, true)? });
        }
        if exited && !known {
            return self.dispatch(op, a, b, can, true);
        }
        if is_bitwise(op) {
            let x = self.guard_integer(a, small)?;
            let y = if a == b { x } else { self.guard_integer(b, small)? };
            return self.int_op(op, x, y, false);
        }
        if matches!(op, ArithOp::Div | ArithOp::Pow) {
            let x = self.guard_number(a);
            let y = if a == b { x } else { self.guard_number(b) };
            return Some(self.float_op(op, x, y));
        }
        let all = |set: u16| bits & !set == 0;
        if all(types::INT) {
            let x = self.guard_int(a, small);
            let y = if a == b { x } else { self.guard_int(b, small) };
            return self.int_op(op, x, y, false);
        }
        let (x, y) = if all(types::FLOAT) {
            let x = self.guard_float(a);
            (x, if a == b { x } else { self.guard_float(b) })
        } else if all(types::INT_FLOAT) {
            let x = self.guard_int(a, small);
            (self.int_to_float(x), self.guard_float(b))
        } else if all(types::FLOAT_INT) {
            let x = self.guard_float(a);
            let y = self.guard_int(b, small);
            (x, self.int_to_float(y))
        } else if all(types::FLOAT | types::INT_FLOAT) {
            (self.guard_number(a), self.guard_float(b))
        } else if all(types::FLOAT | types::FLOAT_INT) {
            (self.guard_float(a), self.guard_number(b))
        } else {
            return self.dispatch(op, a, b, bits, false);
        };
        Some(self.float_op(op, x, y))
    }

    /// An operand of a bitwise operator.
    fn guard_integer(&mut self, v: V, small: bool) -> Option<V> {
        if !self.is(v, Kinds::FLOAT) {
            return Some(self.guard_int(v, small));
        }
        let d = self.guard_float(v);
        Some(self.add_guard(Op::GuardIntegral, Ty::I64, &[d], Reason::NotIntegral))
    }

    /// Full semantics in the runtime.
    fn generic_arith(&mut self, op: ArithOp, a: V, b: V) -> V {
        let numbers = self.is(a, Kinds::NUMBER) && self.is(b, Kinds::NUMBER);
        let (a, b) = (self.any(a), self.any(b));
        let args: &[V] = if matches!(op, ArithOp::Unm | ArithOp::BNot) { &[a] } else { &[a, b] };
        let v = self.add(Op::Rt(RtOp::Arith(op)), Ty::Any, args);
        if numbers {
            self.f.inst_mut(v).kinds = Kinds::NUMBER;
        }
        v
    }

    /// Tests for the seen operand types one after the other; what is none of them goes to the runtime or exits.
    fn dispatch(&mut self, op: ArithOp, a: V, b: V, bits: u16, runtime: bool) -> Option<V> {
        let slow = self.new_block(true);
        let mut ends = Vec::new();
        let float_only = matches!(op, ArithOp::Div | ArithOp::Pow);
        if bits & types::INT != 0 && !float_only {
            let c = self.both(a, Kinds::SMALL, b, Kinds::SMALL);
            let next = self.split(c);
            let (x, y) = (self.unboxed_int(a), self.unboxed_int(b));
            let divides = matches!(op, ArithOp::Mod | ArithOp::IDiv);
            if divides && self.f.const_int(y) == Some(0) {
                self.jump_block(slow);
            } else {
                if divides && !self.never_zero(y) {
                    let zero = self.const_int(0);
                    let c = self.cmp_int(Cmp::Ne, y, zero);
                    let back = self.split(c);
                    let good = self.cur;
                    self.switch_to(back);
                    self.jump_block(slow);
                    self.switch_to(good);
                }
                let v = self.int_op(op, x, y, true)?;
                let v = self.any(v);
                ends.push((self.cur, v));
            }
            self.switch_to(next);
        }
        let mixes = types::INT_FLOAT | types::FLOAT_INT;
        if bits & (types::FLOAT | mixes) != 0 && !is_bitwise(op) || float_only {
            let c = if float_only {
                self.both(a, Kinds::NUMBER, b, Kinds::NUMBER)
            } else if bits & mixes == 0 {
                self.both(a, Kinds::FLOAT, b, Kinds::FLOAT)
            } else {
                let (fa, nb) = (self.is_kind(a, Kinds::FLOAT), self.is_kind(b, Kinds::NUMBER));
                let second = self.both(b, Kinds::FLOAT, a, Kinds::NUMBER);
                self.select(fa, nb, second)
            };
            let next = self.split(c);
            let (x, y) = (self.unboxed_number(a), self.unboxed_number(b));
            let v = self.float_op(op, x, y);
            let v = self.any(v);
            ends.push((self.cur, v));
            self.switch_to(next);
        }
        self.jump_block(slow);
        self.switch_to(slow);
        if runtime {
            let v = self.generic_arith(op, a, b);
            ends.push((self.cur, v));
        } else {
            self.exit_here(Reason::NotNumber);
        }
        if ends.is_empty() {
            return None;
        }
        let v = self.join(ends);
        self.cx.forget_state();
        Some(v)
    }

    /// Goes on in a new block when `c` holds; returns the block of the other case.
    pub(super) fn split(&mut self, c: V) -> BlockId {
        let (then, els) = self.branch_blocks(c, None);
        self.switch_to(then);
        els
    }
    /// Both of their kinds?
    pub(super) fn both(&mut self, a: V, ka: Kinds, b: V, kb: Kinds) -> V {
        let x = self.is_kind(a, ka);
        let y = if a == b && ka == kb { x } else { self.is_kind(b, kb) };
        self.and(x, y)
    }
    /// `a and b` of machine booleans.
    pub(super) fn and(&mut self, a: V, b: V) -> V {
        let no = self.const_bool(false);
        self.select(a, b, no)
    }
    /// `if c then a else b`, folded where known.
    pub(super) fn select(&mut self, c: V, a: V, b: V) -> V {
        match self.f.op(c) {
            _ if a == b => a,
            Op::ConstBool(true) => a,
            Op::ConstBool(false) => b,
            _ if self.f.op(a) == Op::ConstBool(true) && self.f.op(b) == Op::ConstBool(false) => c,
            _ => {
                let (ty, k) = (self.f.ty(a), self.kinds(a).or(self.kinds(b)));
                let range = self.f.inst(a).range.join(self.f.inst(b).range);
                let v = self.add(Op::Select, ty, &[c, a, b]);
                let i = self.f.inst_mut(v);
                (i.kinds, i.range) = (k, range);
                v
            }
        }
    }
    /// Unboxes what was tested to be an unboxed integer.
    pub(super) fn unboxed_int(&mut self, v: V) -> V {
        match (self.f.ty(v), self.f.op(v)) {
            (Ty::I64, _) => v,
            (_, Op::ConstValue { bits, .. }) => self.const_int(selune_core::value::Value(bits).as_small_int()),
            _ => self.add(Op::UnboxSmall, Ty::I64, &[v]),
        }
    }
    /// Unboxes what was tested to be a number.
    fn unboxed_number(&mut self, v: V) -> V {
        match self.f.ty(v) {
            Ty::F64 => v,
            Ty::I64 => self.int_to_float(v),
            _ if self.is(v, Kinds::FLOAT) => self.add(Op::UnboxFloat, Ty::F64, &[v]),
            _ => self.add(Op::UnboxNumber, Ty::F64, &[v]),
        }
    }
    fn never_zero(&self, v: V) -> bool {
        let r = self.f.inst(v).range;
        r.lo > 0 || r.hi < 0
    }

    /// The operation on unboxed integers; exits when the divisor is 0 (unless that was tested).
    fn int_op(&mut self, op: ArithOp, x: V, y: V, tested: bool) -> Option<V> {
        use ArithOp::*;
        if matches!(op, Div | Pow) {
            let (x, y) = (self.int_to_float(x), self.int_to_float(y));
            return Some(self.float_op(op, x, y));
        }
        if let (Some(a), Some(b)) = (self.f.const_int(x), self.f.const_int(y)) {
            let folded = match op {
                Add => a.wrapping_add(b),
                Sub => a.wrapping_sub(b),
                Mul => a.wrapping_mul(b),
                BAnd => a & b,
                BOr => a | b,
                BXor => a ^ b,
                Shl => number::shl(a, b),
                Shr => number::shr(a, b),
                Unm => a.wrapping_neg(),
                BNot => !a,
                Mod if b != 0 => number::imod(a, b),
                IDiv if b != 0 => number::idiv(a, b),
                _ => {
                    self.exit_here(Reason::ZeroDivisor);
                    return None;
                }
            };
            return Some(self.const_int(folded));
        }
        let machine = match op {
            Add => Op::AddI,
            Sub => Op::SubI,
            Mul => Op::MulI,
            Mod => Op::FloorModI,
            IDiv => Op::FloorDivI,
            BAnd => Op::AndI,
            BOr => Op::OrI,
            BXor => Op::XorI,
            Shl => Op::ShlI,
            Shr => Op::ShrI,
            Unm => return Some(self.add(Op::NegI, Ty::I64, &[x])),
            BNot => return Some(self.add(Op::NotI, Ty::I64, &[x])),
            Div | Pow => return None,
        };
        if matches!(op, Mod | IDiv) && !self.never_zero(y) && !tested {
            let zero = self.const_int(0);
            let c = self.cmp_int(Cmp::Ne, y, zero);
            self.guard(c, true, Reason::ZeroDivisor);
            if self.dead {
                return None;
            }
        }
        Some(self.add(machine, Ty::I64, &[x, y]))
    }

    /// The operation on floats.
    fn float_op(&mut self, op: ArithOp, x: V, y: V) -> V {
        use ArithOp::*;
        let machine = match op {
            Add => Op::AddF,
            Sub => Op::SubF,
            Mul => Op::MulF,
            Div => Op::DivF,
            Mod => Op::FloorModF,
            IDiv => Op::FloorDivF,
            // `number::pow` squares by multiplication too.
            Pow if self.f.op(y) == Op::ConstNum(2f64.to_bits()) => return self.add(Op::MulF, Ty::F64, &[x, x]),
            Pow => Op::PowF,
            _ => return self.add(Op::NegF, Ty::F64, &[x]),
        };
        self.add(machine, Ty::F64, &[x, y])
    }

    pub(super) fn op_unm(&mut self, i: Ins) {
        let v = self.reg(i.b());
        if let Some(r) = self.arith(ArithOp::Unm, v, v, i.s()) {
            self.set(i.a(), r);
        }
    }
    pub(super) fn op_bnot(&mut self, i: Ins) {
        let v = self.reg(i.b());
        if let Some(r) = self.arith(ArithOp::BNot, v, v, i.s()) {
            self.set(i.a(), r);
        }
    }
    pub(super) fn op_not(&mut self, i: Ins) {
        let v = self.reg(i.b());
        let t = self.truthy(v);
        let r = self.not(t);
        self.set(i.a(), r);
    }

    pub(super) fn op_len(&mut self, i: Ins) {
        let seen = self.proto().feedback.index(i.s()).seen;
        let v = self.reg(i.b());
        let bets = seen & index_seen::EXITED == 0 && !self.job.options.no_feedback;
        let string = self.is(v, Kinds::STRING) || bets && seen == index_seen::STRING_RECEIVER;
        let r = if string {
            let s = self.guard_kind(v, Kinds::STRING, Reason::NotString);
            self.add(Op::StrLen, Ty::I64, &[s])
        } else if bets && seen == index_seen::ARRAY {
            let t = self.guard_table(v);
            let t = self.add_guard(Op::GuardPlain, Ty::Any, &[t], Reason::Shape);
            self.add(Op::TableLen, Ty::I64, &[t])
        } else {
            if bets && seen == 0 && self.unseen() {
                return;
            }
            if bets && seen == index_seen::META
                && let Some(r) = self.operator_metamethod(Metamethod::Len, v, v, i.a())
            {
                if !self.dead {
                    self.set(i.a(), r);
                }
                return;
            }
            let v = self.any(v);
            self.add(Op::Rt(RtOp::Len), Ty::Any, &[v])
        };
        self.set(i.a(), r);
    }

    pub(super) fn op_concat(&mut self, i: Ins) {
        let exited = i.s() & types::EXITED != 0 || self.job.options.no_feedback;
        if i.b() == 2 && i.s() & SEEN == types::OTHER && !exited {
            let (a, b) = (self.reg(i.a()), self.reg(i.a() + 1));
            if let Some(r) = self.operator_metamethod(Metamethod::Concat, a, b, i.a()) {
                if !self.dead {
                    self.set(i.a(), r);
                }
                return;
            }
        }
        let values: Vec<V> = (i.a()..i.a() + i.b()).map(|r| self.reg_any(r)).collect();
        let v = self.add(Op::Rt(RtOp::Concat), Ty::Any, &values);
        if values.iter().all(|v| self.is(*v, Kinds::STRING.or(Kinds::NUMBER))) {
            self.f.inst_mut(v).kinds = Kinds::STRING;
        }
        self.set(i.a(), v);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::build::{build, testing};
    use selune_core::opcode::Op as B;

    fn text(code: Vec<Ins>, params: u8) -> String {
        build(&testing::job(testing::proto(params, code))).expect("builds").to_string()
    }

    #[test]
    fn integers_are_guarded_once_and_added_unboxed() {
        let t = text(
            vec![
                Ins::abc(B::Add, 1, 0, 0).with_s(types::INT),
                Ins::abc(B::AddK, 1, 1, 1).with_s(types::INT),
                Ins::abc(B::Return1, 1, 0, 0),
            ],
            1,
        );
        assert_eq!(t.matches("guard_small").count(), 1, "{t}");
        assert_eq!(t.matches("add_i").count(), 2, "{t}");
    }
    #[test]
    fn mixed_operands_are_converted() {
        let t = text(vec![Ins::abc(B::MulK, 1, 0, 2).with_s(types::INT_FLOAT), Ins::abc(B::Return1, 1, 0, 0)], 1);
        assert!(t.contains("mul_f"), "{t}");
    }
    #[test]
    fn unseen_code_leaves() {
        let t = text(vec![Ins::abc(B::Add, 1, 0, 0), Ins::abc(B::Return1, 1, 0, 0)], 1);
        assert!(t.contains("unseen"), "{t}");
    }
    #[test]
    fn a_failed_bet_gets_a_runtime_path() {
        let t = text(vec![Ins::abc(B::Add, 1, 0, 0).with_s(types::INT | types::EXITED), Ins::abc(B::Return1, 1, 0, 0)], 1);
        assert!(t.contains("rt arith add") && !t.contains("guard"), "{t}");
    }
    #[test]
    fn no_folding_by_zero() {
        let t = text(
            vec![Ins::abx(B::LoadNil, 1, 0), Ins::abc(B::ModK, 1, 0, 1).with_s(types::INT), Ins::abc(B::Return1, 1, 0, 0)],
            1,
        );
        assert!(t.contains("floor_mod_i") && !t.contains("zero_divisor"), "{t}");
    }
}
