//! Type propagation: the kinds of every boxed value, through phis, from what is certain at its definition.
//!
//! Optimistic: phis start with no kind and grow until nothing changes.
use crate::ssa::build::kinds;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;

/// Runs the pass. Only `Inst::kinds` changes.
pub fn run(f: &mut Func) -> bool {
    let order = f.rpo();
    let mut before = Vec::new();
    for b in &order {
        for v in f.block(*b).insts.clone() {
            if f.ty(v) == Ty::Any && matches!(f.op(v), Op::Phi | Op::Select | Op::GuardKind(_)) {
                before.push((v, f.inst(v).kinds));
                f.inst_mut(v).kinds = Kinds::NONE;
            }
        }
    }
    let mut changed = true;
    while changed {
        changed = false;
        for (v, _) in &before {
            let i = f.inst(*v);
            let new = match i.op {
                Op::Phi => i.args.iter().fold(Kinds::NONE, |k, a| k.or(kinds(f, *a))),
                Op::Select => kinds(f, i.args[1]).or(kinds(f, i.args[2])),
                Op::GuardKind(k) => kinds(f, i.args[0]).and(k),
                _ => continue,
            };
            // Only growth, so that it ends.
            let new = new.or(i.kinds);
            if new != i.kinds {
                f.inst_mut(*v).kinds = new;
                changed = true;
            }
        }
    }
    let mut better = false;
    for (v, old) in before {
        // What can have no kind is never reached.
        if f.inst(v).kinds.is_none() {
            f.inst_mut(v).kinds = old;
        }
        better |= f.inst(v).kinds != old;
    }
    better
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    #[test]
    fn a_loop_phi_keeps_the_kinds_of_what_enters_it() {
        let mut m = Maker::new();
        let (header, end) = (m.block(), m.block());
        let p = m.param();
        let t = m.add(Op::GuardKind(Kinds::TABLE), Ty::Any, &[p]);
        m.f.inst_mut(t).kinds = Kinds::TABLE;
        m.end(Op::Jump(header), &[]);
        m.at(header);
        let phi = m.phi(Ty::Any, &[t]);
        m.f.inst_mut(phi).args.push(phi);
        let c = m.add(Op::IsTruthy, Ty::Bool, &[p]);
        m.end(Op::Branch { then: header, els: end, likely: None }, &[c]);
        m.at(end);
        m.end(Op::Return, &[phi]);
        let f = m.check(run);
        assert_eq!(f.inst(phi).kinds, Kinds::TABLE);
    }
}
