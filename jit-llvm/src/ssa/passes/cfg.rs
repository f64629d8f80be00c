//! Control flow: folds branches on constants, removes what cannot be reached, joins blocks in a line, drops phis that
//! choose between equal values.
use super::Replacements;
use crate::ssa::ir::*;
use std::collections::HashMap;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let mut changed = false;
    loop {
        let now = fold_branches(f) | remove_unreachable(f) | trivial_phis(f) | join_lines(f);
        if !now {
            return changed;
        }
        changed = true;
    }
}

fn fold_branches(f: &mut Func) -> bool {
    let mut changed = false;
    for b in f.rpo() {
        let Some(t) = f.terminator(b) else { continue };
        let Op::Branch { then, els, .. } = f.op(t) else { continue };
        let taken = match f.op(f.inst(t).args[0]) {
            Op::ConstBool(true) => then,
            Op::ConstBool(false) => els,
            _ => continue,
        };
        let other = if taken == then { els } else { then };
        f.remove_edge(b, other);
        let i = f.inst_mut(t);
        i.op = Op::Jump(taken);
        i.args.clear();
        changed = true;
    }
    changed
}

fn remove_unreachable(f: &mut Func) -> bool {
    let mut reached = vec![false; f.blocks.len()];
    for b in f.rpo() {
        reached[b.0 as usize] = true;
    }
    let mut changed = false;
    for i in 0..f.blocks.len() {
        if reached[i] || f.blocks[i].insts.is_empty() {
            continue;
        }
        let b = BlockId(i as u32);
        for s in f.succs(b) {
            f.remove_edge(b, s);
        }
        let block = f.block_mut(b);
        block.insts.clear();
        block.preds.clear();
        block.entry_state = None;
        changed = true;
    }
    changed
}

fn trivial_phis(f: &mut Func) -> bool {
    let mut changed = false;
    loop {
        let mut r = Replacements::new(f);
        for b in f.rpo() {
            let mut same: HashMap<(Vec<V>, Ty), V> = HashMap::new();
            for v in &f.block(b).insts {
                let i = f.inst(*v);
                if i.op != Op::Phi {
                    break;
                }
                let args: Vec<V> = i.args.iter().map(|a| r.get(*a)).collect();
                let mut others = args.iter().filter(|a| *a != v);
                if let Some(first) = others.next()
                    && others.all(|a| a == first)
                {
                    r.set(*v, *first);
                } else if let Some(twin) = same.get(&(args.clone(), i.ty)) {
                    r.set(*v, *twin);
                } else {
                    same.insert((args, i.ty), *v);
                }
            }
        }
        if !r.apply(f) {
            return changed;
        }
        changed = true;
    }
}

fn join_lines(f: &mut Func) -> bool {
    let mut changed = false;
    for b in f.rpo() {
        while let Some(t) = f.terminator(b) {
            let Op::Jump(c) = f.op(t) else { break };
            if c == b || f.block(c).preds.len() != 1 || f.block(c).insts.first().is_some_and(|v| f.op(*v) == Op::Phi) {
                break;
            }
            f.block_mut(b).insts.pop();
            let moved = std::mem::take(&mut f.block_mut(c).insts);
            f.block_mut(c).preds.clear();
            let cold = f.block(c).cold;
            let block = f.block_mut(b);
            block.insts.extend(moved);
            block.cold |= cold;
            for s in f.succs(b) {
                for p in f.block_mut(s).preds.iter_mut().filter(|p| **p == c) {
                    *p = b;
                }
            }
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    #[test]
    fn a_constant_branch_and_its_dead_arm_vanish() {
        let mut m = Maker::new();
        let (then, els, end) = (m.block(), m.block(), m.block());
        let c = m.f.constant(Op::ConstBool(true));
        m.end(Op::Branch { then, els, likely: None }, &[c]);
        m.at(then);
        let x = m.int(1);
        m.end(Op::Jump(end), &[]);
        m.at(els);
        let y = m.int(2);
        m.end(Op::Jump(end), &[]);
        m.at(end);
        let p = m.phi(Ty::I64, &[x, y]);
        let v = m.add(Op::BoxSmall, Ty::Any, &[p]);
        m.end(Op::Return, &[v]);
        let f = m.check(run);
        assert_eq!(f.rpo().len(), 1, "{f}");
        assert!(f.to_string().contains("box_small 1"), "{f}");
    }
}
