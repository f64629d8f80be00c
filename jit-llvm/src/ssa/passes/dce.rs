//! Removes instructions whose value nobody needs.
use crate::ssa::ir::*;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let mut needed = vec![false; f.insts.len()];
    let mut work = Vec::new();
    for b in f.rpo() {
        for v in &f.block(b).insts {
            if !f.op(*v).removable() {
                work.push(*v);
            }
        }
        // States for guards that are moved in front of loops are only needed by such guards.
    }
    let mut states_seen = vec![false; f.frame_states.len()];
    while let Some(v) = work.pop() {
        if std::mem::replace(&mut needed[v.0 as usize], true) {
            continue;
        }
        work.extend(f.inst(v).args.iter().filter(|a| !needed[a.0 as usize]));
        if let Some(e) = f.inst(v).exit {
            let state = f.exits[e.0 as usize].state;
            if !std::mem::replace(&mut states_seen[state.0 as usize], true) {
                work.extend(f.state_values(state));
            }
        }
    }
    let mut changed = false;
    for b in &mut f.blocks {
        let before = b.insts.len();
        b.insts.retain(|v| needed[v.0 as usize]);
        changed |= b.insts.len() != before;
        b.entry_state = None;
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    #[test]
    fn unused_values_go_and_guards_stay() {
        let mut m = Maker::new();
        let p = m.param();
        let g = m.add(Op::GuardSmall, Ty::I64, &[p]);
        m.add(Op::NegI, Ty::I64, &[g]);
        m.end(Op::Return, &[p]);
        let t = m.check(run).to_string();
        assert!(t.contains("guard_small") && !t.contains("neg_i"), "{t}");
    }
    #[test]
    fn a_loop_of_phis_that_only_feeds_itself_goes() {
        let mut m = Maker::new();
        let (header, end) = (m.block(), m.block());
        let zero = m.int(0);
        let p = m.param();
        m.end(Op::Jump(header), &[]);
        m.at(header);
        let phi = m.phi(Ty::I64, &[zero]);
        let next = m.add(Op::AddI, Ty::I64, &[phi, zero]);
        m.f.inst_mut(phi).args.push(next);
        let c = m.add(Op::IsTruthy, Ty::Bool, &[p]);
        m.end(Op::Branch { then: header, els: end, likely: None }, &[c]);
        m.at(end);
        m.end(Op::Return, &[p]);
        let t = m.check(run).to_string();
        assert!(!t.contains("phi"), "{t}");
    }
}
