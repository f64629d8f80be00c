//! Passes over SSA. Each is one file; `optimize` runs them in order and, in debug builds, verifies after each.
pub mod bounds;
pub mod cfg;
pub mod dce;
pub mod exits;
pub mod gvn;
pub mod hoist;
pub mod kinds;
pub mod loops;
pub mod merge;
pub mod ranges;
pub mod simplify;
pub mod sink;
#[cfg(test)]
pub mod testing;

use super::ir::*;
use crate::job::JobInput;

/// Improves a function.
pub fn optimize(f: &mut Func, _job: &JobInput) {
    type Pass = (&'static str, fn(&mut Func) -> bool);
    const FIRST: [Pass; 7] = [
        ("cfg", cfg::run),
        ("kinds", kinds::run),
        ("simplify", simplify::run),
        ("gvn", gvn::run),
        ("merge", merge::run),
        ("cfg", cfg::run),
        ("hoist", hoist::run),
    ];
    const SECOND: [Pass; 9] = [
        ("sink", sink::run),
        ("kinds", kinds::run),
        ("simplify", simplify::run),
        ("gvn", gvn::run),
        ("merge", merge::run),
        // Stores into tables that are gone no longer keep anything in loops.
        ("hoist", hoist::run),
        ("bounds", bounds::run),
        ("ranges", ranges::run),
        ("simplify", simplify::run),
    ];
    const AGAIN: [Pass; 3] = [("cfg", cfg::run), ("kinds", kinds::run), ("simplify", simplify::run)];
    const LAST: [Pass; 4] = [("cfg", cfg::run), ("dce", dce::run), ("cfg", cfg::run), ("exits", exits::run)];
    let run = |f: &mut Func, passes: &[Pass]| {
        let mut changed = false;
        for (name, pass) in passes {
            changed |= pass(f);
            #[cfg(debug_assertions)]
            super::verify::check(f, name);
            let _ = name;
        }
        changed
    };
    run(f, &FIRST);
    run(f, &SECOND);
    // Branches that are decided make phis of one value, which decide other branches.
    for _ in 0..MAX_REPEATS {
        if !run(f, &AGAIN) {
            break;
        }
    }
    run(f, &LAST);
}

/// How often what decides branches is repeated.
const MAX_REPEATS: usize = 3;

/// Values to be replaced by others, applied all at once.
pub struct Replacements {
    to: Vec<V>,
    /// Something is to be replaced.
    pub any: bool,
}

impl Replacements {
    /// None yet.
    pub fn new(f: &Func) -> Replacements {
        Replacements { to: (0..f.insts.len() as u32).map(V).collect(), any: false }
    }
    /// What stands for `v` now.
    pub fn get(&self, mut v: V) -> V {
        while let Some(&t) = self.to.get(v.0 as usize) {
            if t == v {
                break;
            }
            v = t;
        }
        v
    }
    /// Replaces `v` by `by`.
    pub fn set(&mut self, v: V, by: V) {
        let by = self.get(by);
        if by != v {
            self.to[v.0 as usize] = by;
            self.any = true;
        }
    }
    /// Rewrites all operands and frame states and takes the replaced instructions out of their blocks.
    pub fn apply(mut self, f: &mut Func) -> bool {
        if !self.any {
            return false;
        }
        for i in 0..self.to.len() {
            self.to[i] = self.get(V(i as u32));
        }
        let map = |v: &mut V| {
            if let Some(t) = self.to.get(v.0 as usize) {
                *v = *t;
            }
        };
        for i in &mut f.insts {
            i.args.iter_mut().for_each(map);
        }
        for s in &mut f.frame_states {
            map(&mut s.closure);
            s.regs.iter_mut().for_each(|r| map(&mut r.1));
            s.varargs.iter_mut().for_each(map);
        }
        for b in &mut f.blocks {
            b.insts.retain(|v| self.to.get(v.0 as usize).is_none_or(|t| t == v));
        }
        true
    }
}

impl Func {
    /// A new constant.
    pub fn constant(&mut self, op: Op) -> V {
        let (ty, range) = match op {
            Op::ConstInt(i) => (Ty::I64, crate::ssa::types::Range::of(i)),
            Op::ConstNum(_) => (Ty::F64, crate::ssa::types::Range::FULL),
            Op::ConstBool(_) => (Ty::Bool, crate::ssa::types::Range::FULL),
            _ => (Ty::Any, crate::ssa::types::Range::FULL),
        };
        let kinds = match op {
            Op::ConstInt(_) => crate::ssa::types::Kinds::INT,
            Op::ConstNum(_) => crate::ssa::types::Kinds::FLOAT,
            Op::ConstValue { bits, .. } => super::build::kinds_of_bits(bits),
            _ => crate::ssa::types::Kinds::BOOL,
        };
        self.new_inst(Inst { op, ty, args: vec![], kinds, range, exit: None, site: None })
    }
    /// Follows guards that return their operand.
    pub fn base(&self, mut v: V) -> V {
        while self.op(v).is_transparent_guard() {
            v = self.inst(v).args[0];
        }
        v
    }
    /// Takes the edge out that leads from `pred` to `b` (one of them), with its phi arguments.
    pub fn remove_edge(&mut self, pred: BlockId, b: BlockId) {
        let Some(i) = self.block(b).preds.iter().position(|p| *p == pred) else { return };
        self.block_mut(b).preds.remove(i);
        for v in self.block(b).insts.clone() {
            if self.op(v) == Op::Phi {
                self.inst_mut(v).args.remove(i);
            }
        }
    }
}
