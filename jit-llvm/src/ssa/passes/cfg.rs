//! Control flow: folds branches on constants, removes what cannot be reached, joins blocks in a line, drops phis that
//! choose between equal values.
use super::Replacements;
use crate::ssa::ir::*;
use std::collections::HashMap;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let mut changed = false;
    loop {
        let now = fold_branches(f) | remove_unreachable(f) | trivial_phis(f) | join_lines(f) | skip_empty(f) | join_arms(f);
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

/// Edges to blocks that only jump lead to where those jump. Blocks in front of loops stay: guards are moved there.
fn skip_empty(f: &mut Func) -> bool {
    let mut changed = false;
    for b in f.rpo() {
        let [only] = f.block(b).insts[..] else { continue };
        let Op::Jump(to) = f.op(only) else { continue };
        if to == b || b.0 == 0 || f.block(to).loop_header || f.block(b).loop_header {
            continue;
        }
        let phis: Vec<V> = f.block(to).insts.iter().copied().filter(|v| f.op(*v) == Op::Phi).collect();
        let Some(at) = f.block(to).preds.iter().position(|p| *p == b) else { continue };
        for p in f.block(b).preds.clone() {
            // A predecessor that leads there on another way too must bring the same values on both.
            let others: Vec<usize> = (0..f.block(to).preds.len()).filter(|i| f.block(to).preds[*i] == p).collect();
            if others.iter().any(|i| phis.iter().any(|v| f.inst(*v).args[*i] != f.inst(*v).args[at])) {
                continue;
            }
            let Some(t) = f.terminator(p) else { continue };
            let change = |x: &mut BlockId| if *x == b { *x = to };
            let mut edges = 0;
            match &mut f.inst_mut(t).op {
                Op::Jump(x) => {
                    edges = 1;
                    change(x);
                }
                Op::Branch { then, els, .. } => {
                    edges = (*then == b) as usize + (*els == b) as usize;
                    change(then);
                    change(els);
                }
                _ => {}
            }
            f.block_mut(b).preds.retain(|x| *x != p);
            for _ in 0..edges {
                f.block_mut(to).preds.push(p);
                for v in &phis {
                    let value = f.inst(*v).args[at];
                    f.inst_mut(*v).args.push(value);
                }
            }
            changed = true;
        }
    }
    changed
}

/// A branch whose arms lead to one place with the same values is a jump.
fn join_arms(f: &mut Func) -> bool {
    let mut changed = false;
    for b in f.rpo() {
        let Some(t) = f.terminator(b) else { continue };
        let Op::Branch { then, els, .. } = f.op(t) else { continue };
        let edges: Vec<usize> = (0..f.block(then).preds.len()).filter(|i| f.block(then).preds[*i] == b).collect();
        let [x, y] = edges[..] else { continue };
        if then != els || f.block(then).insts.iter().any(|v| f.op(*v) == Op::Phi && f.inst(*v).args[x] != f.inst(*v).args[y]) {
            continue;
        }
        f.remove_edge(b, then);
        let i = f.inst_mut(t);
        i.op = Op::Jump(then);
        i.args.clear();
        changed = true;
    }
    changed
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
    fn arms_that_do_nothing_vanish() {
        let mut m = Maker::new();
        let (then, els, end) = (m.block(), m.block(), m.block());
        let p = m.param();
        let c = m.add(Op::IsTruthy, Ty::Bool, &[p]);
        m.end(Op::Branch { then, els, likely: None }, &[c]);
        for b in [then, els] {
            m.at(b);
            m.end(Op::Jump(end), &[]);
        }
        m.at(end);
        m.end(Op::Return, &[p]);
        let f = m.check(run);
        assert!(f.rpo().len() == 1 && !f.to_string().contains("branch"), "{f}");
    }
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
