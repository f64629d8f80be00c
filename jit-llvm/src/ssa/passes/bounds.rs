//! Bounds of arrays that a counting loop walks: one guard in front of the loop that the whole range of the index is inside
//! replaces the test in each pass.
//!
//! For `GuardIndex(i + c, cap)` in a loop whose index `i` runs from `first` up to `limit`, with `cap` unchanged in the loop,
//! `first + c >= 1` and `limit + c <= cap` are guarded at the entry. The bet fails when the loop is left early by design;
//! the exit blames the access, which then keeps its own test.
use super::loops::{self, Loop};
use super::Replacements;
use crate::ssa::ir::*;
use crate::ssa::types::Range;
use crate::ssa::verify::Dominators;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let dom = Dominators::new(f);
    let mut home: Vec<Option<BlockId>> = vec![None; f.insts.len()];
    for b in dom.order() {
        for v in &f.block(*b).insts {
            home[v.0 as usize] = Some(*b);
        }
    }
    let mut r = Replacements::new(f);
    for l in loops::find(f, &dom) {
        let Some(pre) = l.preheader else { continue };
        let Some(state) = f.block(l.header).entry_state else { continue };
        let available = |f: &Func, v: V| f.op(v).is_const() || home.get(v.0 as usize).copied().flatten().is_some_and(|h| dom.dominates(h, pre));
        if !f.state_values(state).iter().all(|v| available(f, *v)) {
            continue;
        }
        let mut done: Vec<(V, V, i64, V)> = Vec::new();
        for (phi, first, limit) in counters(f, &l, &dom) {
            if !available(f, limit) || !available(f, first) {
                continue;
            }
            for b in dom.order().to_vec() {
                if !l.has(b) || f.block(b).cold || !l.latches.iter().all(|x| dom.dominates(b, *x)) {
                    continue;
                }
                for v in f.block(b).insts.clone() {
                    let i = f.inst(v).clone();
                    if i.op != Op::GuardIndex || !available(f, i.args[1]) {
                        continue;
                    }
                    let Some(c) = offset_from(f, i.args[0], phi) else { continue };
                    let Some(exit) = i.exit else { continue };
                    let exit = Exit { state, ..f.exits[exit.0 as usize].clone() };
                    let what = (first, limit, c, i.args[1]);
                    if !done.contains(&what) {
                        guard_range(f, pre, first, limit, c, i.args[1], exit);
                        done.push(what);
                    }
                    r.set(v, i.args[0]);
                }
            }
        }
    }
    r.apply(f)
}

/// `v` as `phi + c`.
fn offset_from(f: &Func, v: V, phi: V) -> Option<i64> {
    if v == phi {
        return Some(0);
    }
    let i = f.inst(v);
    let c = |n: usize| i.args.get(n).and_then(|a| f.const_int(*a));
    match i.op {
        Op::AddI if i.args[0] == phi => c(1).filter(|c| c.abs() < 1 << 20),
        Op::AddI if i.args[1] == phi => c(0).filter(|c| c.abs() < 1 << 20),
        Op::SubI if i.args[0] == phi => c(1).filter(|c| c.abs() < 1 << 20).map(|c| -c),
        _ => None,
    }
}

/// Phis that count up by a constant and never pass a limit: (phi, first value, limit).
fn counters(f: &Func, l: &Loop, dom: &Dominators) -> Vec<(V, V, V)> {
    let mut out = Vec::new();
    let [latch] = l.latches[..] else { return out };
    let header = f.block(l.header);
    let Some(entry) = header.preds.iter().position(|p| !l.has(*p)) else { return out };
    if header.preds.len() != 2 {
        return out;
    }
    for v in &header.insts {
        let i = f.inst(*v);
        if i.op != Op::Phi {
            break;
        }
        let (first, next) = (i.args[entry], i.args[1 - entry]);
        let n = f.inst(next);
        if i.ty != Ty::I64 || n.op != Op::AddI || n.args[0] != *v || f.const_int(n.args[1]).is_none_or(|s| s <= 0) {
            continue;
        }
        if let Some(limit) = limit_of(f, *v, next, latch, l, dom)
            && limit_holds_at_entry(f, first, limit, l)
        {
            out.push((*v, first, limit));
        }
    }
    out
}

/// The limit that is tested on the way to the latch: `i < limit` for step 1, or `i <= limit - step`.
fn limit_of(f: &Func, phi: V, next: V, latch: BlockId, l: &Loop, dom: &Dominators) -> Option<V> {
    let step = f.const_int(f.inst(next).args[1])?;
    let mut b = latch;
    loop {
        if let [pred] = f.block(b).preds[..]
            && let Some(t) = f.terminator(pred)
            && let Op::Branch { then, els, .. } = f.op(t)
            && then == b
            && els != b
        {
            let c = f.inst(f.inst(t).args[0]);
            match c.op {
                Op::CmpI(Cmp::Lt) if c.args[0] == phi && step == 1 => return Some(c.args[1]),
                Op::CmpI(Cmp::Le) if c.args[0] == phi => {
                    let last = f.inst(c.args[1]);
                    if last.op == Op::SubI && f.const_int(last.args[1]) == Some(step) {
                        return Some(last.args[0]);
                    }
                }
                _ => {}
            }
        }
        if b == l.header {
            return None;
        }
        b = dom.idom(b);
        if !l.has(b) {
            return None;
        }
    }
}

/// Does the first value not pass the limit either? It is tested by the branch in front of the loop, or both are constants.
fn limit_holds_at_entry(f: &Func, first: V, limit: V, l: &Loop) -> bool {
    if f.inst(first).range.hi <= f.inst(limit).range.lo {
        return true;
    }
    let Some(mut b) = l.preheader else { return false };
    for _ in 0..4 {
        let [pred] = f.block(b).preds[..] else { return false };
        if let Some(t) = f.terminator(pred)
            && let Op::Branch { then, els, .. } = f.op(t)
            && then != els
        {
            let c = f.inst(f.inst(t).args[0]);
            let holds = match c.op {
                Op::CmpI(Cmp::Le) => then == b && same(f, c.args[0], first) && same(f, c.args[1], limit),
                Op::CmpI(Cmp::Lt) => {
                    // A peeled pass: first is one more than what was smaller than the limit.
                    then == b && same(f, c.args[1], limit) && {
                        let n = f.inst(first);
                        let successor = match (f.const_int(first), f.const_int(c.args[0])) {
                            (Some(x), Some(y)) => x.checked_sub(1) == Some(y),
                            _ => n.op == Op::AddI && n.args[0] == c.args[0] && f.const_int(n.args[1]) == Some(1),
                        };
                        same(f, c.args[0], first) || successor
                    }
                }
                _ => false,
            };
            if holds {
                return true;
            }
        }
        b = pred;
    }
    false
}

/// The same value or equal constants.
fn same(f: &Func, a: V, b: V) -> bool {
    a == b || f.op(a).is_const() && f.op(a) == f.op(b)
}

/// Guards `first + c >= 1` and `limit + c <= cap` at the end of `pre`.
fn guard_range(f: &mut Func, pre: BlockId, first: V, limit: V, c: i64, cap: V, exit: Exit) {
    let add = |f: &mut Func, op: Op, ty: Ty, args: Vec<V>| {
        let range = match op {
            Op::AddI => f.inst(args[0]).range.add(f.inst(args[1]).range),
            _ => Range::FULL,
        };
        let exit = op.has_exit().then(|| {
            f.exits.push(exit.clone());
            ExitId(f.exits.len() as u32 - 1)
        });
        let v = f.new_inst(Inst { op, ty, args, kinds: crate::ssa::types::Kinds::ANY, range, exit, site: None });
        let block = f.block_mut(pre);
        let at = block.insts.len() - 1;
        block.insts.insert(at, v);
        v
    };
    if f.inst(first).range.lo.saturating_add(c) < 1 {
        let least = f.constant(Op::ConstInt(1 - c));
        let ok = add(f, Op::CmpI(Cmp::Ge), Ty::Bool, vec![first, least]);
        add(f, Op::Guard { expect: true }, Ty::Void, vec![ok]);
    }
    // limit <= cap - c: cap is below 2^32 and c small, so this cannot wrap.
    let most = if c == 0 {
        cap
    } else {
        let minus = f.constant(Op::ConstInt(-c));
        add(f, Op::AddI, Ty::I64, vec![cap, minus])
    };
    let ok = add(f, Op::CmpI(Cmp::Le), Ty::Bool, vec![limit, most]);
    add(f, Op::Guard { expect: true }, Ty::Void, vec![ok]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;
    use crate::ssa::types::Kinds;

    #[test]
    fn one_guard_in_front_of_the_loop_replaces_the_test_in_each_pass() {
        let mut m = Maker::new();
        let (pre, header, latch, end) = (m.block(), m.block(), m.block(), m.block());
        let p = m.param();
        let (one, n) = (m.int(1), m.add(Op::GuardSmall, Ty::I64, &[p]));
        let t = m.add(Op::GuardKind(Kinds::TABLE), Ty::Any, &[p]);
        let array = m.add(Op::LoadArray, Ty::Any, &[t]);
        let cap = m.add(Op::LoadCap, Ty::I64, &[array]);
        let c = m.add(Op::CmpI(Cmp::Le), Ty::Bool, &[one, n]);
        m.end(Op::Branch { then: pre, els: end, likely: None }, &[c]);
        m.at(pre);
        m.end(Op::Jump(header), &[]);
        m.f.block_mut(header).entry_state = Some(FsId(0));
        m.at(header);
        let i = m.phi(Ty::I64, &[one]);
        let g = m.add(Op::GuardIndex, Ty::I64, &[i, cap]);
        m.add(Op::LoadElem, Ty::Any, &[array, g]);
        let c = m.add(Op::CmpI(Cmp::Lt), Ty::Bool, &[i, n]);
        m.end(Op::Branch { then: latch, els: end, likely: None }, &[c]);
        m.at(latch);
        let next = m.add(Op::AddI, Ty::I64, &[i, one]);
        m.end(Op::Jump(header), &[]);
        m.f.inst_mut(i).args.push(next);
        m.at(end);
        m.end(Op::Return, &[p]);
        let t = m.check(run).to_string();
        assert!(!t.contains("guard_index") && t.contains("guard true"), "{t}");
    }
}
