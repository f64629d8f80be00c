//! Comparisons and tests. The jump that follows stands in a block of its own: a comparison leads there or behind it.
use super::context::Builder;
use super::metamethod::NOWHERE;
use crate::job::JobConst;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;
use selune_core::feedback::types;
use selune_core::proto::Ins;
use selune_core::shape::Metamethod;

const SEEN: u16 =
    types::INT | types::FLOAT | types::INT_FLOAT | types::FLOAT_INT | types::STRING | types::OTHER | types::IDENTITY;

/// Which arm was seen: Some(true) when only the jump was taken.
fn bias(s: u16) -> Option<bool> {
    match (s & types::TAKEN != 0, s & types::NOT_TAKEN != 0) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

impl Builder<'_> {
    /// Ends the block: to the jump that follows when `cond == C`.
    fn decide(&mut self, i: Ins, cond: V) {
        if self.dead {
            return;
        }
        let pc = self.cx.pc;
        let likely = bias(i.s());
        if i.c() != 0 {
            self.branch_to(cond, likely, pc + 1, pc + 2);
        } else {
            self.branch_to(cond, likely.map(|l| !l), pc + 2, pc + 1);
        }
    }

    pub(super) fn op_eq(&mut self, i: Ins) {
        let (a, b) = (self.reg(i.a()), self.reg(i.b()));
        if let Some(c) = self.equal(a, b, i.s()) {
            self.decide(i, c);
        }
    }
    pub(super) fn op_eq_k(&mut self, i: Ins) {
        let (a, b) = (self.reg(i.a()), self.const_k(i.b()));
        if let Some(c) = self.equal(a, b, i.s()) {
            self.decide(i, c);
        }
    }
    pub(super) fn op_lt(&mut self, i: Ins) {
        let b = self.reg(i.b());
        self.order(i, false, b, true);
    }
    pub(super) fn op_le(&mut self, i: Ins) {
        let b = self.reg(i.b());
        self.order(i, false, b, false);
    }
    pub(super) fn op_lt_k(&mut self, i: Ins) {
        let b = self.const_k(i.b());
        self.order(i, false, b, true);
    }
    pub(super) fn op_le_k(&mut self, i: Ins) {
        let b = self.const_k(i.b());
        self.order(i, false, b, false);
    }
    pub(super) fn op_gt_k(&mut self, i: Ins) {
        let b = self.const_k(i.b());
        self.order(i, true, b, true);
    }
    pub(super) fn op_ge_k(&mut self, i: Ins) {
        let b = self.const_k(i.b());
        self.order(i, true, b, false);
    }

    fn order(&mut self, i: Ins, swapped: bool, b: V, less: bool) {
        let a = self.reg(i.a());
        let (a, b) = if swapped { (b, a) } else { (a, b) };
        if let Some(c) = self.ordered(a, b, less, i.s()) {
            self.decide(i, c);
        }
    }

    /// `a == b` as a machine boolean; None when the block has ended.
    pub(super) fn equal(&mut self, a: V, b: V, s: u16) -> Option<V> {
        let (ka, kb) = (self.kinds(a), self.kinds(b));
        let exact = Kinds::NIL.or(Kinds::BOOL).or(Kinds::FUNCTION);
        if ka.within(Kinds::INT) && kb.within(Kinds::INT) {
            let (x, y) = (self.guard_int(a, false), self.guard_int(b, false));
            return Some(self.cmp_int(Cmp::Eq, x, y));
        }
        if let Some(k) = self.type_test(a, b).or_else(|| self.type_test(b, a)) {
            return Some(k);
        }
        // Kinds that are compared by value with others of the same group only.
        let groups = [Kinds::NUMBER, Kinds::STRING, Kinds::NIL, Kinds::FALSE, Kinds::TRUE, Kinds::FUNCTION, Kinds::TABLE.or(Kinds::OBJECT)];
        if !groups.iter().any(|g| ka.meets(*g) && kb.meets(*g)) {
            return Some(self.const_bool(false));
        }
        if ka.within(exact) || kb.within(exact) {
            let (x, y) = (self.any(a), self.any(b));
            return Some(self.add(Op::SameBits, Ty::Bool, &[x, y]));
        }
        let seen = s & SEEN;
        let exited = s & types::EXITED != 0 || self.job.options.no_feedback;
        if ka.within(Kinds::FLOAT) && kb.within(Kinds::FLOAT) || !exited && seen == types::FLOAT && ka.meets(Kinds::FLOAT) && kb.meets(Kinds::FLOAT) {
            let (x, y) = (self.guard_float(a), self.guard_float(b));
            return Some(self.add(Op::CmpF(Cmp::Eq), Ty::Bool, &[x, y]));
        }
        if ka.within(Kinds::NUMBER) && kb.within(Kinds::NUMBER) {
            let (x, y) = (self.any(a), self.any(b));
            return Some(self.add(Op::CmpNumber(Cmp::Eq), Ty::Bool, &[x, y]));
        }
        if seen == 0 && !exited && self.unseen() {
            return None;
        }
        let bits = seen & !types::BIG;
        if !exited && bits & types::OTHER != 0 && bits & !(types::OTHER | types::IDENTITY) == 0
            && let Some(c) = self.equal_metamethod(a, b)
        {
            return Some(c);
        }
        if exited || bits & types::OTHER != 0 {
            let (x, y) = (self.any(a), self.any(b));
            return Some(self.add(Op::Rt(RtOp::Eq), Ty::Bool, &[x, y]));
        }
        if bits == types::INT && ka.meets(Kinds::INT) && kb.meets(Kinds::INT) {
            let small = s & types::BIG == 0;
            let x = self.guard_int(a, small);
            let y = self.guard_int(b, small);
            return Some(self.cmp_int(Cmp::Eq, x, y));
        }
        if bits & !(types::INT | types::FLOAT | types::INT_FLOAT | types::FLOAT_INT) == 0 && ka.meets(Kinds::NUMBER) && kb.meets(Kinds::NUMBER) {
            let x = self.guard_kind(a, Kinds::NUMBER, Reason::NotNumber);
            let y = self.guard_kind(b, Kinds::NUMBER, Reason::NotNumber);
            let (x, y) = (self.any(x), self.any(y));
            return Some(self.add(Op::CmpNumber(Cmp::Eq), Ty::Bool, &[x, y]));
        }
        if bits == types::STRING && ka.meets(Kinds::STRING) && kb.meets(Kinds::STRING) {
            let x = self.guard_kind(a, Kinds::STRING, Reason::NotString);
            let y = self.guard_kind(b, Kinds::STRING, Reason::NotString);
            return Some(self.add(Op::CmpStr(Cmp::Eq), Ty::Bool, &[x, y]));
        }
        let (x, y) = (self.any(a), self.any(b));
        let compound = Kinds::TABLE.or(Kinds::OBJECT);
        if !ka.meets(compound) || !kb.meets(compound) {
            return Some(self.add(Op::RawEq, Ty::Bool, &[x, y]));
        }
        let probe = self.add(Op::EqProbe, Ty::I64, &[x, y]);
        let (one, two) = (self.const_int(1), self.const_int(2));
        let plain = self.add(Op::CmpI(Cmp::Ne), Ty::Bool, &[probe, two]);
        self.guard(plain, true, Reason::Kind);
        Some(self.add(Op::CmpI(Cmp::Eq), Ty::Bool, &[probe, one]))
    }

    /// `type(x) == "name"`.
    fn type_test(&mut self, name: V, text: V) -> Option<V> {
        let (Op::TypeName, Op::ConstValue { bits, .. }) = (self.f.op(name), self.f.op(text)) else { return None };
        let text = self.proto().constants.iter().find_map(|k| match k {
            JobConst::Str { bits: b, text } if *b == bits => Some(text.as_slice()),
            _ => None,
        })?;
        let kinds = match text {
            b"number" => Kinds::NUMBER,
            b"string" => Kinds::STRING,
            b"table" => Kinds::TABLE,
            b"function" => Kinds::FUNCTION,
            b"nil" => Kinds::NIL,
            b"boolean" => Kinds::BOOL,
            _ => return None,
        };
        let v = self.f.inst(name).args[1];
        Some(self.is_kind(v, kinds))
    }

    /// `a < b` (or `<=`) as a machine boolean; None when the block has ended.
    pub(super) fn ordered(&mut self, a: V, b: V, less: bool, s: u16) -> Option<V> {
        let cmp = if less { Cmp::Lt } else { Cmp::Le };
        let (ka, kb) = (self.kinds(a), self.kinds(b));
        let seen = s & SEEN;
        let exited = s & types::EXITED != 0 || self.job.options.no_feedback;
        let small = s & types::BIG == 0;
        let bet = |bits: u16, k: Kinds| !exited && seen == bits && ka.meets(k) && kb.meets(k);
        if ka.within(Kinds::INT) && kb.within(Kinds::INT) || bet(types::INT, Kinds::INT) {
            let x = self.guard_int(a, small);
            let y = if a == b { x } else { self.guard_int(b, small) };
            if let (Some(p), Some(q)) = (self.f.const_int(x), self.f.const_int(y)) {
                return Some(self.const_bool(if less { p < q } else { p <= q }));
            }
            return Some(self.cmp_int(cmp, x, y));
        }
        if ka.within(Kinds::FLOAT) && kb.within(Kinds::FLOAT) || bet(types::FLOAT, Kinds::FLOAT) {
            let x = self.guard_float(a);
            let y = if a == b { x } else { self.guard_float(b) };
            return Some(self.add(Op::CmpF(cmp), Ty::Bool, &[x, y]));
        }
        let numbers = ka.within(Kinds::NUMBER) && kb.within(Kinds::NUMBER);
        let numeric = types::INT | types::FLOAT | types::INT_FLOAT | types::FLOAT_INT;
        if numbers || !exited && seen != 0 && seen & !numeric == 0 && ka.meets(Kinds::NUMBER) && kb.meets(Kinds::NUMBER) {
            return Some(self.ordered_numbers(a, b, cmp, seen, exited, small));
        }
        if ka.within(Kinds::STRING) && kb.within(Kinds::STRING) || bet(types::STRING, Kinds::STRING) {
            let x = self.guard_kind(a, Kinds::STRING, Reason::NotString);
            let y = self.guard_kind(b, Kinds::STRING, Reason::NotString);
            return Some(self.add(Op::CmpStr(cmp), Ty::Bool, &[x, y]));
        }
        if seen == 0 && !exited && self.unseen() {
            return None;
        }
        if !exited && seen == types::OTHER {
            let event = if less { Metamethod::Lt } else { Metamethod::Le };
            if let Some(r) = self.operator_metamethod(event, a, b, NOWHERE) {
                return if self.dead { None } else { Some(self.truthy(r)) };
            }
        }
        let rt = if less { RtOp::Lt } else { RtOp::Le };
        if seen & numeric == 0 {
            let (x, y) = (self.any(a), self.any(b));
            return Some(self.add(Op::Rt(rt), Ty::Bool, &[x, y]));
        }
        let c = self.both(a, Kinds::NUMBER, b, Kinds::NUMBER);
        let (x, y) = (self.any(a), self.any(b));
        let slow = self.split(c);
        let fast = self.add(Op::CmpNumber(cmp), Ty::Bool, &[x, y]);
        let end = self.cur;
        self.switch_to(slow);
        let other = self.add(Op::Rt(rt), Ty::Bool, &[x, y]);
        let v = self.join(vec![(end, fast), (self.cur, other)]);
        self.cx.forget_state();
        Some(v)
    }

    /// Numbers of different subtypes: small integers are exact as floats, others are compared exactly.
    fn ordered_numbers(&mut self, a: V, b: V, cmp: Cmp, seen: u16, exited: bool, small: bool) -> V {
        let (ka, kb) = (self.kinds(a), self.kinds(b));
        let int_float = ka.within(Kinds::INT) && kb.within(Kinds::FLOAT) || !exited && seen == types::INT_FLOAT;
        let float_int = ka.within(Kinds::FLOAT) && kb.within(Kinds::INT) || !exited && seen == types::FLOAT_INT;
        if small && (int_float && ka.meets(Kinds::SMALL) && kb.meets(Kinds::FLOAT) || float_int && ka.meets(Kinds::FLOAT) && kb.meets(Kinds::SMALL)) {
            let exact = |f: &Func, v: V| f.ty(v) != Ty::I64 || f.inst(v).range.exact_in_double();
            if exact(&self.f, a) && exact(&self.f, b) {
                let (x, y) = if int_float {
                    let i = self.guard_int(a, true);
                    (self.int_to_float(i), self.guard_float(b))
                } else {
                    let d = self.guard_float(a);
                    let i = self.guard_int(b, true);
                    (d, self.int_to_float(i))
                };
                if self.is_exact_conversion(x) && self.is_exact_conversion(y) {
                    return self.add(Op::CmpF(cmp), Ty::Bool, &[x, y]);
                }
            }
        }
        let x = self.guard_kind(a, Kinds::NUMBER, Reason::NotNumber);
        let y = self.guard_kind(b, Kinds::NUMBER, Reason::NotNumber);
        let (x, y) = (self.any(x), self.any(y));
        self.add(Op::CmpNumber(cmp), Ty::Bool, &[x, y])
    }
    fn is_exact_conversion(&self, v: V) -> bool {
        self.f.op(v) != Op::IntToFloat || self.f.inst(self.f.inst(v).args[0]).range.exact_in_double()
    }

    pub(super) fn op_test(&mut self, i: Ins) {
        let v = self.reg(i.a());
        let c = self.truthy(v);
        self.decide(i, c);
    }
    pub(super) fn op_test_set(&mut self, i: Ins) {
        let v = self.reg(i.b());
        let c = self.truthy(v);
        let pc = self.cx.pc;
        if let Op::ConstBool(c) = self.f.op(c) {
            if c == (i.c() != 0) {
                self.set(i.a(), v);
                return self.jump_to(pc + 1);
            }
            return self.jump_to(pc + 2);
        }
        let env = self.cx.env.clone();
        let likely = bias(i.s());
        let (then, els) = self.branch_blocks(c, if i.c() != 0 { likely } else { likely.map(|l| !l) });
        let (taken, not_taken) = if i.c() != 0 { (then, els) } else { (els, then) };
        for (b, sets, to) in [(taken, true, pc + 1), (not_taken, false, pc + 2)] {
            self.f.block_mut(b).cold = false;
            self.cx.env.clone_from(&env);
            self.switch_to(b);
            if sets {
                self.set(i.a(), v);
            }
            self.jump_to(to);
        }
    }
}

/// Lua's comparison of constants, for folding in passes.
pub fn fold_float(c: Cmp, a: f64, b: f64) -> Option<bool> {
    Some(match c {
        Cmp::Eq => a == b,
        Cmp::Ne => a != b,
        Cmp::Lt => a < b,
        Cmp::Le => a <= b,
        Cmp::Gt => a > b,
        Cmp::Ge => a >= b,
        Cmp::Ult | Cmp::Ule => return None,
    })
}

/// The same for integers.
pub fn fold_int(c: Cmp, a: i64, b: i64) -> bool {
    match c {
        Cmp::Eq => a == b,
        Cmp::Ne => a != b,
        Cmp::Lt => a < b,
        Cmp::Le => a <= b,
        Cmp::Gt => a > b,
        Cmp::Ge => a >= b,
        Cmp::Ult => (a as u64) < b as u64,
        Cmp::Ule => a as u64 <= b as u64,
    }
}
