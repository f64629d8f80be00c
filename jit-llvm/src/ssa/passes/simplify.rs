//! Local rules: what boxes and unboxes, guards of what is known, comparisons and arithmetic of constants.
//!
//! No float operation that can give a NaN is folded, except comparisons: the sign of a NaN is the machine's business.
use super::Replacements;
use crate::ssa::build::{fold_float, fold_int, kinds, result_range};
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;
use selune_core::number;
use selune_core::value::Value;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let mut changed = false;
    for _ in 0..4 {
        let mut r = Replacements::new(f);
        let mut touched = false;
        for b in f.rpo() {
            for v in f.block(b).insts.clone() {
                for k in 0..f.inst(v).args.len() {
                    let a = f.inst(v).args[k];
                    f.inst_mut(v).args[k] = r.get(a);
                }
                touched |= refine_range(f, v);
                match rule(f, v) {
                    Some(Rule::Be(by)) => r.set(v, by),
                    Some(Rule::Become(op, args)) => {
                        let i = f.inst_mut(v);
                        (i.op, i.args) = (op, args);
                        if !op.has_exit() {
                            i.exit = None;
                        }
                        touched = true;
                    }
                    None => {}
                }
            }
        }
        if !(r.apply(f) | touched) {
            break;
        }
        changed = true;
    }
    changed
}

enum Rule {
    Be(V),
    Become(Op, Vec<V>),
}

/// The range of an integer operation follows its operands' ranges.
fn refine_range(f: &mut Func, v: V) -> bool {
    let i = f.inst(v);
    if i.ty != Ty::I64 || i.op == Op::Phi {
        return false;
    }
    let new = i.range.meet(result_range(f, i.op, &i.args));
    let changed = new != i.range;
    f.inst_mut(v).range = new;
    changed
}

fn rule(f: &mut Func, v: V) -> Option<Rule> {
    let i = f.inst(v).clone();
    let arg = |n: usize| i.args[n];
    let op_of = |n: usize| f.op(i.args[n]);
    let kind = |n: usize| kinds(f, i.args[n]);
    match i.op {
        Op::BoxInt | Op::BoxSmall => match op_of(0) {
            Op::UnboxSmall | Op::GuardSmall | Op::UnboxInt | Op::GuardInt => Some(Rule::Be(f.inst(arg(0)).args[0])),
            Op::ConstInt(n) if Value::fits_small(n) => Some(Rule::Be(f.constant(Op::ConstValue { bits: Value::small_int(n).0, named: u32::MAX }))),
            _ if i.op == Op::BoxInt && f.inst(arg(0)).range.small() => Some(Rule::Become(Op::BoxSmall, i.args)),
            _ => None,
        },
        Op::BoxFloat => match op_of(0) {
            Op::UnboxFloat | Op::GuardFloat => Some(Rule::Be(f.inst(arg(0)).args[0])),
            Op::ConstNum(bits) => Some(Rule::Be(f.constant(Op::ConstValue { bits, named: u32::MAX }))),
            _ => None,
        },
        Op::BoxBool => match op_of(0) {
            Op::ConstBool(b) => Some(Rule::Be(f.constant(Op::ConstValue { bits: Value::bool(b).0, named: u32::MAX }))),
            _ => None,
        },
        Op::UnboxSmall | Op::UnboxInt | Op::GuardSmall | Op::GuardInt => match op_of(0) {
            Op::BoxInt | Op::BoxSmall => Some(Rule::Be(f.inst(arg(0)).args[0])),
            Op::ConstValue { bits, .. } if Value(bits).is_small_int() => Some(Rule::Be(f.constant(Op::ConstInt(Value(bits).as_small_int())))),
            _ if i.op.has_exit() && kind(0).within(Kinds::SMALL) => Some(Rule::Become(Op::UnboxSmall, i.args)),
            _ if i.op.has_exit() && kind(0).within(Kinds::INT) => Some(Rule::Become(Op::UnboxInt, i.args)),
            _ if i.op == Op::UnboxInt && kind(0).within(Kinds::SMALL) => Some(Rule::Become(Op::UnboxSmall, i.args)),
            _ => None,
        },
        Op::UnboxFloat | Op::GuardFloat => match op_of(0) {
            Op::BoxFloat => Some(Rule::Be(f.inst(arg(0)).args[0])),
            Op::ConstValue { bits, .. } if Value(bits).is_float() => Some(Rule::Be(f.constant(Op::ConstNum(bits)))),
            _ if i.op.has_exit() && kind(0).within(Kinds::FLOAT) => Some(Rule::Become(Op::UnboxFloat, i.args)),
            _ => None,
        },
        Op::UnboxNumber | Op::GuardNumber => match op_of(0) {
            Op::BoxFloat => Some(Rule::Be(f.inst(arg(0)).args[0])),
            Op::BoxInt | Op::BoxSmall => {
                let x = f.inst(arg(0)).args[0];
                Some(Rule::Become(Op::IntToFloat, vec![x]))
            }
            Op::ConstValue { bits, .. } if Value(bits).is_float() => Some(Rule::Be(f.constant(Op::ConstNum(bits)))),
            Op::ConstValue { bits, .. } if Value(bits).is_small_int() => {
                Some(Rule::Be(f.constant(Op::ConstNum((Value(bits).as_small_int() as f64).to_bits()))))
            }
            _ if kind(0).within(Kinds::FLOAT) => Some(Rule::Become(Op::UnboxFloat, i.args)),
            _ if i.op.has_exit() && kind(0).within(Kinds::NUMBER) => Some(Rule::Become(Op::UnboxNumber, i.args)),
            _ => None,
        },
        Op::GuardKind(k) if kind(0).within(k) => Some(Rule::Be(arg(0))),
        Op::GuardProto(p) => match f.op(f.base(arg(0))) {
            Op::Closure if p == 0 => Some(Rule::Be(arg(0))),
            _ => known_guard(f, &i, Op::GuardProto(p)),
        },
        Op::GuardNative { .. } | Op::GuardBits { .. } => known_guard(f, &i, i.op),
        Op::Guard { expect } => match op_of(0) {
            Op::Not => {
                let x = f.inst(arg(0)).args[0];
                Some(Rule::Become(Op::Guard { expect: !expect }, vec![x]))
            }
            _ => None,
        },
        Op::IsKind(k) => {
            if kind(0).within(k) {
                Some(Rule::Be(f.constant(Op::ConstBool(true))))
            } else if !kind(0).meets(k) {
                Some(Rule::Be(f.constant(Op::ConstBool(false))))
            } else {
                None
            }
        }
        Op::IsTruthy => match op_of(0) {
            Op::BoxBool => Some(Rule::Be(f.inst(arg(0)).args[0])),
            _ if !kind(0).meets(Kinds::FALSY) => Some(Rule::Be(f.constant(Op::ConstBool(true)))),
            _ if kind(0).within(Kinds::FALSY) => Some(Rule::Be(f.constant(Op::ConstBool(false)))),
            _ => None,
        },
        Op::SameBits if arg(0) == arg(1) => Some(Rule::Be(f.constant(Op::ConstBool(true)))),
        Op::Not => match op_of(0) {
            Op::ConstBool(b) => Some(Rule::Be(f.constant(Op::ConstBool(!b)))),
            Op::Not => Some(Rule::Be(f.inst(arg(0)).args[0])),
            _ => None,
        },
        Op::Branch { then, els, likely } if op_of(0) == Op::Not => {
            let x = f.inst(arg(0)).args[0];
            Some(Rule::Become(Op::Branch { then: els, els: then, likely: likely.map(|l| !l) }, vec![x]))
        }
        Op::Select => match op_of(0) {
            Op::ConstBool(true) => Some(Rule::Be(arg(1))),
            Op::ConstBool(false) => Some(Rule::Be(arg(2))),
            _ if arg(1) == arg(2) => Some(Rule::Be(arg(1))),
            _ if op_of(1) == Op::ConstBool(true) && op_of(2) == Op::ConstBool(false) => Some(Rule::Be(arg(0))),
            _ => None,
        },
        Op::CmpI(c) => compare_ints(f, c, arg(0), arg(1)),
        Op::CmpF(c) => match (op_of(0), op_of(1)) {
            (Op::ConstNum(a), Op::ConstNum(b)) => {
                fold_float(c, f64::from_bits(a), f64::from_bits(b)).map(|t| Rule::Be(f.constant(Op::ConstBool(t))))
            }
            _ => None,
        },
        Op::IntToFloat => f.const_int(arg(0)).map(|n| Rule::Be(f.constant(Op::ConstNum((n as f64).to_bits())))),
        _ => arithmetic(f, &i),
    }
}

/// A guard of something that an operand's guard tested already, whatever other guards are between.
fn known_guard(f: &Func, i: &Inst, op: Op) -> Option<Rule> {
    let mut v = i.args[0];
    loop {
        if f.op(v) == op {
            return Some(Rule::Be(i.args[0]));
        }
        if !f.op(v).is_transparent_guard() {
            return None;
        }
        v = f.inst(v).args[0];
    }
}

fn compare_ints(f: &mut Func, c: Cmp, a: V, b: V) -> Option<Rule> {
    let (x, y) = (f.inst(a).range, f.inst(b).range);
    let known = match c {
        _ if a == b => Some(fold_int(c, 0, 0)),
        _ if x.lo == x.hi && y.lo == y.hi => Some(fold_int(c, x.lo, y.lo)),
        Cmp::Lt if x.hi < y.lo => Some(true),
        Cmp::Lt if x.lo >= y.hi => Some(false),
        Cmp::Le if x.hi <= y.lo => Some(true),
        Cmp::Le if x.lo > y.hi => Some(false),
        Cmp::Gt if x.lo > y.hi => Some(true),
        Cmp::Gt if x.hi <= y.lo => Some(false),
        Cmp::Ge if x.lo >= y.hi => Some(true),
        Cmp::Ge if x.hi < y.lo => Some(false),
        Cmp::Eq if x.hi < y.lo || y.hi < x.lo => Some(false),
        Cmp::Ne if x.hi < y.lo || y.hi < x.lo => Some(true),
        _ => None,
    };
    known.map(|t| Rule::Be(f.constant(Op::ConstBool(t))))
}

fn arithmetic(f: &mut Func, i: &Inst) -> Option<Rule> {
    let c = |n: usize| i.args.get(n).and_then(|a| f.const_int(*a));
    if let Some(folded) = match (i.op, c(0), c(1)) {
        (Op::AddI, Some(a), Some(b)) => Some(a.wrapping_add(b)),
        (Op::SubI, Some(a), Some(b)) => Some(a.wrapping_sub(b)),
        (Op::MulI, Some(a), Some(b)) => Some(a.wrapping_mul(b)),
        (Op::AndI, Some(a), Some(b)) => Some(a & b),
        (Op::OrI, Some(a), Some(b)) => Some(a | b),
        (Op::XorI, Some(a), Some(b)) => Some(a ^ b),
        (Op::ShlI, Some(a), Some(b)) => Some(number::shl(a, b)),
        (Op::ShrI, Some(a), Some(b)) => Some(number::shr(a, b)),
        (Op::FloorDivI, Some(a), Some(b)) if b != 0 => Some(number::idiv(a, b)),
        (Op::FloorModI, Some(a), Some(b)) if b != 0 => Some(number::imod(a, b)),
        (Op::NegI, Some(a), _) => Some(a.wrapping_neg()),
        (Op::NotI, Some(a), _) => Some(!a),
        _ => None,
    } {
        return Some(Rule::Be(f.constant(Op::ConstInt(folded))));
    }
    match (i.op, c(0), c(1)) {
        (Op::AddI | Op::OrI | Op::XorI | Op::SubI | Op::ShlI | Op::ShrI, _, Some(0)) => Some(Rule::Be(i.args[0])),
        (Op::AddI | Op::OrI | Op::XorI, Some(0), _) => Some(Rule::Be(i.args[1])),
        (Op::MulI | Op::FloorDivI, _, Some(1)) => Some(Rule::Be(i.args[0])),
        (Op::MulI, Some(1), _) => Some(Rule::Be(i.args[1])),
        // (x + a) + b
        (Op::AddI, _, Some(b)) if f.op(i.args[0]) == Op::AddI => {
            let inner = f.inst(i.args[0]).args.clone();
            let a = f.const_int(inner[1])?;
            let sum = f.constant(Op::ConstInt(a.wrapping_add(b)));
            Some(Rule::Become(Op::AddI, vec![inner[0], sum]))
        }
        (Op::FloorModI, _, Some(m)) if m > 0 && m & (m - 1) == 0 => {
            let mask = f.constant(Op::ConstInt(m - 1));
            Some(Rule::Become(Op::AndI, vec![i.args[0], mask]))
        }
        (Op::GuardIndex, _, _) => {
            let (idx, cap) = (f.inst(i.args[0]).range, f.inst(i.args[1]).range);
            (idx.lo >= 1 && idx.hi <= cap.lo).then(|| Rule::Be(i.args[0]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    #[test]
    fn boxes_cancel_and_guards_of_known_values_go() {
        let mut m = Maker::new();
        let p = m.param();
        let x = m.add(Op::GuardSmall, Ty::I64, &[p]);
        let b = m.add(Op::BoxSmall, Ty::Any, &[x]);
        let y = m.add(Op::GuardSmall, Ty::I64, &[b]);
        let s = m.add(Op::AddI, Ty::I64, &[x, y]);
        let r = m.add(Op::BoxInt, Ty::Any, &[s]);
        m.end(Op::Return, &[r]);
        let t = m.check(run).to_string();
        assert!(t.contains("box_int") && !t.contains("box_small"), "{t}");
    }
    #[test]
    fn the_nan_of_zero_by_zero_is_left_to_the_machine() {
        let mut m = Maker::new();
        let z = m.f.constant(Op::ConstNum(0));
        let q = m.add(Op::DivF, Ty::F64, &[z, z]);
        let r = m.add(Op::BoxFloat, Ty::Any, &[q]);
        m.end(Op::Return, &[r]);
        assert!(m.check(run).to_string().contains("div_f"));
    }
    #[test]
    fn modulo_of_a_power_of_two_is_a_mask() {
        let mut m = Maker::new();
        let p = m.param();
        let x = m.add(Op::GuardSmall, Ty::I64, &[p]);
        let eight = m.int(8);
        let y = m.add(Op::FloorModI, Ty::I64, &[x, eight]);
        let r = m.add(Op::BoxInt, Ty::Any, &[y]);
        m.end(Op::Return, &[r]);
        let t = m.check(run).to_string();
        assert!(t.contains("and_i v2 7") && t.contains("box_small"), "{t}");
    }
}
