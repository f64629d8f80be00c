//! Ranges from conditions: where a branch has told `x < 10`, `x` is smaller there. Boxes that then surely fit 48 bits need
//! no test, and comparisons that are decided go.
use super::Replacements;
use crate::ssa::build::result_range;
use crate::ssa::ir::*;
use crate::ssa::types::Range;
use crate::ssa::verify::Dominators;
use std::collections::HashMap;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let dom = Dominators::new(f);
    let mut children: HashMap<BlockId, Vec<BlockId>> = HashMap::new();
    for b in dom.order().iter().skip(1) {
        children.entry(dom.idom(*b)).or_default().push(*b);
    }
    let mut p = Pass { f, known: HashMap::new(), undo: Vec::new(), changed: false };
    let mut r = Replacements::new(p.f);
    // (block, how much to undo when it is left)
    let mut stack = vec![(BlockId(0), None)];
    while let Some((b, leave)) = stack.pop() {
        if let Some(n) = leave {
            p.undo_to(n);
            continue;
        }
        let mark = p.undo.len();
        stack.push((b, Some(mark)));
        p.enter(b);
        p.block(b, &mut r);
        for c in children.get(&b).into_iter().flatten() {
            stack.push((*c, None));
        }
    }
    let changed = p.changed;
    r.apply(f) | changed
}

struct Pass<'a> {
    f: &'a mut Func,
    known: HashMap<V, Range>,
    undo: Vec<(V, Option<Range>)>,
    changed: bool,
}

impl Pass<'_> {
    fn range(&self, v: V) -> Range {
        self.known.get(&v).copied().unwrap_or(self.f.inst(v).range)
    }
    fn learn(&mut self, v: V, r: Range) {
        let old = self.range(v);
        let new = old.meet(r);
        if new != old {
            let before = self.known.insert(v, new);
            self.undo.push((v, before));
        }
    }
    fn undo_to(&mut self, n: usize) {
        while self.undo.len() > n {
            if let Some((v, before)) = self.undo.pop() {
                match before {
                    Some(r) => _ = self.known.insert(v, r),
                    None => _ = self.known.remove(&v),
                }
            }
        }
    }

    /// What the branch into this block tells.
    fn enter(&mut self, b: BlockId) {
        let [pred] = self.f.block(b).preds[..] else { return };
        let Some(t) = self.f.terminator(pred) else { return };
        if let Op::Branch { then, els, .. } = self.f.op(t)
            && then != els
        {
            self.assume(self.f.inst(t).args[0], then == b);
        }
    }

    fn assume(&mut self, cond: V, truth: bool) {
        let i = self.f.inst(cond).clone();
        match i.op {
            Op::Not => self.assume(i.args[0], !truth),
            Op::CmpI(c) => {
                let (a, b) = (i.args[0], i.args[1]);
                let (x, y) = (self.range(a), self.range(b));
                let c = match (c, truth) {
                    (c, true) => c,
                    (Cmp::Lt, _) => Cmp::Ge,
                    (Cmp::Le, _) => Cmp::Gt,
                    (Cmp::Gt, _) => Cmp::Le,
                    (Cmp::Ge, _) => Cmp::Lt,
                    (Cmp::Eq, _) => Cmp::Ne,
                    (Cmp::Ne, _) => Cmp::Eq,
                    _ => return,
                };
                let below = |r: Range| Range::new(i64::MIN, r.hi.saturating_sub(1));
                let above = |r: Range| Range::new(r.lo.saturating_add(1), i64::MAX);
                match c {
                    Cmp::Lt => {
                        self.learn(a, below(y));
                        self.learn(b, above(x));
                    }
                    Cmp::Le => {
                        self.learn(a, Range::new(i64::MIN, y.hi));
                        self.learn(b, Range::new(x.lo, i64::MAX));
                    }
                    Cmp::Gt => {
                        self.learn(a, above(y));
                        self.learn(b, below(x));
                    }
                    Cmp::Ge => {
                        self.learn(a, Range::new(y.lo, i64::MAX));
                        self.learn(b, Range::new(i64::MIN, x.hi));
                    }
                    Cmp::Eq => {
                        self.learn(a, y);
                        self.learn(b, x);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn block(&mut self, b: BlockId, r: &mut Replacements) {
        for v in self.f.block(b).insts.clone() {
            let i = self.f.inst(v).clone();
            match i.op {
                Op::Guard { expect } => self.assume(i.args[0], expect),
                Op::BoxInt if self.range(i.args[0]).small() => {
                    self.f.inst_mut(v).op = Op::BoxSmall;
                    self.f.inst_mut(v).kinds = crate::ssa::types::Kinds::SMALL;
                    self.changed = true;
                }
                Op::CmpI(c) => {
                    let (x, y) = (self.range(i.args[0]), self.range(i.args[1]));
                    let known = match c {
                        Cmp::Lt if x.hi < y.lo => Some(true),
                        Cmp::Lt if x.lo >= y.hi => Some(false),
                        Cmp::Le if x.hi <= y.lo => Some(true),
                        Cmp::Le if x.lo > y.hi => Some(false),
                        Cmp::Eq if x.hi < y.lo || y.hi < x.lo => Some(false),
                        Cmp::Ne if x.hi < y.lo || y.hi < x.lo => Some(true),
                        _ => None,
                    };
                    if let Some(t) = known {
                        let c = self.f.constant(Op::ConstBool(t));
                        r.set(v, c);
                    }
                }
                _ if i.ty == Ty::I64 && i.op != Op::Phi => {
                    // The same operation on operands that are known better here.
                    let args: Vec<V> = i.args.clone();
                    let saved: Vec<Range> = args.iter().map(|a| self.f.inst(*a).range).collect();
                    for a in &args {
                        self.f.inst_mut(*a).range = self.known.get(a).copied().unwrap_or(self.f.inst(*a).range);
                    }
                    let new = i.range.meet(result_range(self.f, i.op, &args));
                    for (a, s) in args.iter().zip(saved) {
                        self.f.inst_mut(*a).range = s;
                    }
                    if new != i.range {
                        self.f.inst_mut(v).range = new;
                        self.changed = true;
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    #[test]
    fn a_number_that_is_at_least_two_can_be_decremented_without_a_test() {
        let mut m = Maker::new();
        let p = m.param();
        let (small, large) = (m.block(), m.block());
        let x = m.add(Op::GuardSmall, Ty::I64, &[p]);
        let two = m.int(2);
        let c = m.add(Op::CmpI(Cmp::Lt), Ty::Bool, &[x, two]);
        m.end(Op::Branch { then: small, els: large, likely: None }, &[c]);
        for b in [small, large] {
            m.at(b);
            let one = m.int(1);
            let y = m.add(Op::SubI, Ty::I64, &[x, one]);
            m.f.inst_mut(y).range = Range::SMALL.sub(Range::of(1));
            let r = m.add(Op::BoxInt, Ty::Any, &[y]);
            m.end(Op::Return, &[r]);
        }
        let t = m.check(run).to_string();
        assert_eq!((t.matches("box_small").count(), t.matches("box_int").count()), (1, 1), "{t}");
    }
}
