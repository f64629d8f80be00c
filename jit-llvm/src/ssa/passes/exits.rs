//! Exits that write back the same state and blame the same instruction become one: each is a block of machine code with
//! all live values, which costs compile time and space. The reason of the first one counts for all.
use crate::ssa::ir::*;
use std::collections::HashMap;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let states = equal_states(f);
    let mut first: HashMap<(FsId, (u16, u32), bool), ExitId> = HashMap::new();
    let mut changed = false;
    for b in f.rpo() {
        for v in f.block(b).insts.clone() {
            let Some(e) = f.inst(v).exit else { continue };
            let exit = &mut f.exits[e.0 as usize];
            exit.state = states[exit.state.0 as usize];
            let key = (exit.state, exit.blame, exit.reason == Reason::Leave);
            let same = *first.entry(key).or_insert(e);
            changed |= same != e;
            f.inst_mut(v).exit = Some(same);
        }
    }
    changed
}

/// For each state the first one that says the same.
fn equal_states(f: &mut Func) -> Vec<FsId> {
    type Key = (Option<FsId>, u16, V, u32, Vec<(u8, V)>, Option<(u8, i16, bool)>, bool, Vec<V>);
    let mut known: HashMap<Key, FsId> = HashMap::new();
    let mut out: Vec<FsId> = Vec::with_capacity(f.frame_states.len());
    for i in 0..f.frame_states.len() {
        // A parent is made before its children.
        let s = &mut f.frame_states[i];
        s.parent = s.parent.map(|p| out.get(p.0 as usize).copied().unwrap_or(p));
        let key = (s.parent, s.proto, s.closure, s.pc, s.regs.clone(), s.ret.map(|r| (r.func, r.nresults, r.meta)), s.tail, s.varargs.clone());
        out.push(*known.entry(key).or_insert(FsId(i as u32)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    #[test]
    fn guards_of_one_instruction_share_their_exit() {
        let mut m = Maker::new();
        let p = m.param();
        let a = m.add(Op::GuardSmall, Ty::I64, &[p]);
        let copy = m.f.frame_states[0].clone();
        m.f.frame_states.push(copy);
        m.f.exits.push(Exit { state: FsId(1), reason: Reason::NotInt, blame: (0, 0) });
        let b = m.add(Op::GuardInt, Ty::I64, &[p]);
        m.f.inst_mut(b).exit = Some(ExitId(1));
        let s = m.add(Op::AddI, Ty::I64, &[a, b]);
        let r = m.add(Op::BoxInt, Ty::Any, &[s]);
        m.end(Op::Return, &[r]);
        let f = m.check(run);
        assert_eq!(f.inst(a).exit, f.inst(b).exit);
    }
}
