//! Joins guards of one block between which nothing happens: a test for "not nil" that is followed by a test for a type
//! becomes that test, and tests of constant indices of one array become the test of the largest.
//!
//! An exit may always go back to an earlier frame state when nothing with an effect was done since.
use super::Replacements;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let mut r = Replacements::new(f);
    for b in f.rpo() {
        let mut start = 0;
        let insts = f.block(b).insts.clone();
        for (i, v) in insts.iter().enumerate() {
            let e = f.op(*v).effects();
            if !e.writes.is_none() || e.gc != Gc::None || e.throws || i + 1 == insts.len() {
                stretch(f, b, &insts[start..i], &mut r);
                start = i + 1;
            }
        }
    }
    r.apply(f)
}

/// Instructions without effects in between.
fn stretch(f: &mut Func, b: BlockId, insts: &[V], r: &mut Replacements) {
    for (i, v) in insts.iter().enumerate() {
        match f.op(*v) {
            Op::GuardKind(Kinds::NOT_NIL) => strengthen(f, b, *v, &insts[i + 1..], r),
            Op::GuardIndex if r.get(*v) == *v => join_indices(f, b, *v, &insts[i + 1..], r),
            _ => {}
        }
    }
}

/// Puts a new instruction in the place in front of `at`.
fn insert_before(f: &mut Func, b: BlockId, at: V, inst: Inst) -> V {
    let v = f.new_inst(inst);
    let block = f.block_mut(b);
    let i = block.insts.iter().position(|x| *x == at).unwrap_or(0);
    block.insts.insert(i, v);
    v
}

/// `first` tests for nil; the first later guard of its value tests more.
fn strengthen(f: &mut Func, b: BlockId, first: V, later: &[V], r: &mut Replacements) {
    let implies_not_nil = |op: Op| match op {
        Op::GuardSmall | Op::GuardInt | Op::GuardFloat | Op::GuardNumber | Op::GuardProto(_) | Op::GuardNative { .. } => true,
        Op::GuardKind(k) => k.within(Kinds::NOT_NIL),
        _ => false,
    };
    let Some(second) = later.iter().copied().find(|v| f.inst(*v).args.first() == Some(&first) && implies_not_nil(f.op(*v))) else {
        return;
    };
    let (Some(e), Some(e2)) = (f.inst(first).exit, f.inst(second).exit) else { return };
    let (state, bet) = (f.exits[e.0 as usize].state, f.exits[e2.0 as usize].clone());
    f.exits.push(Exit { state, ..bet });
    let value = f.inst(first).args[0];
    let mut inst = f.inst(second).clone();
    inst.args = vec![value];
    inst.exit = Some(ExitId(f.exits.len() as u32 - 1));
    let transparent = inst.op.is_transparent_guard();
    let better = insert_before(f, b, first, inst);
    r.set(second, better);
    r.set(first, if transparent { better } else { value });
}

/// All later tests of constant indices against the same capacity.
fn join_indices(f: &mut Func, b: BlockId, first: V, later: &[V], r: &mut Replacements) {
    let cap = f.inst(first).args[1];
    let constant = |f: &Func, v: V| f.const_int(f.inst(v).args[0]);
    let Some(index) = constant(f, first) else { return };
    let same: Vec<V> = later.iter().copied().filter(|v| f.op(*v) == Op::GuardIndex && f.inst(*v).args[1] == cap).collect();
    let Some(largest) = same.iter().filter_map(|v| constant(f, *v)).max().map(|m| m.max(index)) else { return };
    if index < 1 || same.iter().filter_map(|v| constant(f, *v)).any(|i| i < 1) {
        return;
    }
    if largest != index {
        let mut inst = f.inst(first).clone();
        inst.args[0] = f.constant(Op::ConstInt(largest));
        inst.range = crate::ssa::types::Range::of(largest);
        let all = insert_before(f, b, first, inst);
        let _ = all;
    }
    // The value of an index guard is the index; with the test before them they are the constants themselves.
    for v in same.into_iter().chain((largest != index).then_some(first)) {
        if constant(f, v).is_some() {
            let by = f.inst(v).args[0];
            r.set(v, by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    #[test]
    fn not_nil_and_float_is_float() {
        let mut m = Maker::new();
        let p = m.param();
        let a = m.add(Op::GuardKind(Kinds::NOT_NIL), Ty::Any, &[p]);
        let d = m.add(Op::GuardFloat, Ty::F64, &[a]);
        let x = m.add(Op::BoxFloat, Ty::Any, &[d]);
        m.end(Op::Return, &[x, a]);
        let t = m.check(run).to_string();
        assert!(!t.contains("guard_kind") && t.matches("guard_float v1").count() == 1, "{t}");
    }
    #[test]
    fn constant_indices_are_tested_once() {
        let mut m = Maker::new();
        let p = m.param();
        let array = m.add(Op::LoadArray, Ty::Any, &[p]);
        let cap = m.add(Op::LoadCap, Ty::I64, &[array]);
        let mut out = vec![];
        for i in 1..=3 {
            let k = m.int(i);
            let g = m.add(Op::GuardIndex, Ty::I64, &[k, cap]);
            out.push(m.add(Op::LoadElem, Ty::Any, &[array, g]));
        }
        m.end(Op::Return, &out);
        let t = m.check(run).to_string();
        assert!(t.matches("guard_index").count() == 1 && t.contains("guard_index 3"), "{t}");
    }
}
