//! Removes instructions whose value nobody needs. Allocations leave `Waste`, one on each way that had some: a loop that
//! makes garbage until something is collected must come to its end.
use super::loops;
use crate::ssa::ir::*;
use crate::ssa::verify::Dominators;

/// Most bytes of a `Waste`: the nursery has at least so much room when it is empty.
const MAX_WASTE: u32 = 4096;

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
        let mut waste: Option<V> = None;
        b.insts.retain(|v| {
            if needed[v.0 as usize] {
                return true;
            }
            let Some(more) = f.insts[v.0 as usize].op.allocates() else { return false };
            match waste.map(|w| &mut f.insts[w.0 as usize].op) {
                Some(Op::Waste { bytes }) => {
                    *bytes = bytes.saturating_add(more).min(MAX_WASTE);
                    false
                }
                _ => {
                    waste = Some(*v);
                    let inst = &mut f.insts[v.0 as usize];
                    (inst.op, inst.ty) = (Op::Waste { bytes: more.min(MAX_WASTE) }, Ty::Void);
                    inst.args.clear();
                    true
                }
            }
        });
        changed |= b.insts.len() != before;
        b.entry_state = None;
    }
    thin_waste(f);
    changed
}

/// Takes away what a `Waste` in another block makes needless: one that comes before it at each pass of its loop.
fn thin_waste(f: &mut Func) {
    let wastes: Vec<(BlockId, V)> = f
        .rpo()
        .into_iter()
        .filter_map(|b| f.block(b).insts.iter().find(|v| matches!(f.op(**v), Op::Waste { .. })).map(|v| (b, *v)))
        .collect();
    if wastes.len() < 2 {
        return;
    }
    let dom = Dominators::new(f);
    let all = loops::find(f, &dom);
    for (b, v) in &wastes {
        let covers = |a: &BlockId| a != b && dom.dominates(*a, *b) && all.iter().all(|l| !l.has(*b) || l.has(*a));
        if wastes.iter().any(|(a, _)| covers(a)) {
            f.block_mut(*b).insts.retain(|x| x != v);
        }
    }
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
    fn unused_allocations_still_take_room() {
        let mut m = Maker::new();
        let p = m.param();
        m.add(Op::NewTable { shape: 1, inline: 2, narray: 0 }, Ty::Any, &[]);
        m.add(Op::NewCell, Ty::Any, &[p]);
        m.end(Op::Return, &[p]);
        let t = m.check(run).to_string();
        assert!(!t.contains("new_table") && !t.contains("new_cell") && t.matches("waste").count() == 1, "{t}");
    }
    #[test]
    fn a_loop_wastes_once_at_each_pass() {
        let mut m = Maker::new();
        let (header, next, end) = (m.block(), m.block(), m.block());
        let p = m.param();
        m.add(Op::NewCell, Ty::Any, &[p]);
        m.end(Op::Jump(header), &[]);
        m.at(header);
        m.add(Op::NewCell, Ty::Any, &[p]);
        let c = m.add(Op::IsTruthy, Ty::Bool, &[p]);
        m.end(Op::Branch { then: next, els: end, likely: None }, &[c]);
        m.at(next);
        m.add(Op::NewCell, Ty::Any, &[p]);
        m.end(Op::Jump(header), &[]);
        m.at(end);
        m.add(Op::NewCell, Ty::Any, &[p]);
        m.end(Op::Return, &[p]);
        let t = m.check(run).to_string();
        assert_eq!(t.matches("waste").count(), 2, "{t}");
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
