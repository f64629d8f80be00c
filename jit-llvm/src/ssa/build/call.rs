//! Calls.
use super::bytecode::open_start;
use super::context::Builder;
use crate::job::JobEntry;
use crate::ssa::ir::*;
use selune_core::feedback::CallSlot;
use selune_core::opcode;
use selune_core::proto::Ins;

/// The results that field C of a call asks for.
fn want_of(c: usize) -> Want {
    match c {
        0 => Want::Open,
        1 => Want::None,
        2 => Want::One,
        n => Want::Fixed((n - 1) as u8),
    }
}

impl Builder<'_> {
    pub(super) fn op_call(&mut self, i: Ins) {
        let a = i.a();
        let want = want_of(i.c());
        if want == Want::Open && self.before_osr_tail_call() {
            return self.leave();
        }
        if i.b() == 0 {
            let end = open_start(self.proto(), self.cx.pc).unwrap_or(a + 1);
            let values: Vec<V> = (a..end).map(|r| self.reg_any(r)).collect();
            let results = self.emit_call(Op::CallOpen { want }, &values, want);
            return self.set_results(a, results);
        }
        let f = self.reg(a);
        let args: Vec<V> = (a + 1..a + i.b()).map(|r| self.reg(r)).collect();
        let slot = self.proto().feedback.call(i.s());
        if let Some(results) = self.call(f, &args, want, slot, a, i.c() as i16 - 1) {
            self.set_results(a, results);
        }
    }

    /// Does an open list that is made here go to a tail call that must be left to the interpreter? It is left before then.
    pub(super) fn before_osr_tail_call(&self) -> bool {
        if !self.f.osr || self.cx.target.is_some() {
            return false;
        }
        // Calls in between make another list of it; no exit can describe a list, so none of them is begun.
        let passes_on = |n: &&Ins| n.op() == opcode::Op::Call && n.b() == 0 && n.c() == 0;
        let next = self.proto().code.iter().skip(self.cx.pc + 1).find(|n| !passes_on(n));
        next.is_some_and(|n| n.op() == opcode::Op::TailCall)
    }

    fn set_results(&mut self, a: usize, results: Vec<V>) {
        for (n, v) in results.into_iter().enumerate() {
            self.set(a + n, v);
        }
    }

    /// The call instruction with its results.
    fn emit_call(&mut self, op: Op, args: &[V], want: Want) -> Vec<V> {
        let ty = if matches!(want, Want::None | Want::Open) { Ty::Void } else { Ty::Any };
        let v = self.add(op, ty, args);
        self.cx.forget_state();
        match want {
            Want::None | Want::Open => vec![],
            Want::One => vec![v],
            Want::Fixed(n) => {
                let mut out = vec![v];
                out.extend((1..n).map(|n| self.add(Op::CallResult(n), Ty::Any, &[v])));
                out
            }
        }
    }

    /// `f(args...)` by what feedback says of the callee. Results go to registers from `first` on; `nresults` as in frame states.
    /// None when the block has ended.
    pub(super) fn call(&mut self, f: V, args: &[V], want: Want, slot: CallSlot, first: usize, nresults: i16) -> Option<Vec<V>> {
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        if slot.count == 0 && slot.kind == 0 && bets && self.unseen() {
            return None;
        }
        let mut callee = Callee::Any;
        let mut f = f;
        if bets && slot.kind == 1 && let Some(p) = self.job.find(slot.callee) {
            f = self.guard_proto(f, p);
            if want != Want::Open && self.may_inline(p) {
                return self.inline_call(p, f, args, want, first, nresults);
            }
            callee = if p == 0 && self.job.entry == JobEntry::Normal { Callee::Own } else { Callee::Proto(p) };
        } else if bets && slot.kind == 2 {
            let builtin = self.job.natives.get(&slot.callee).copied();
            if let Some(b) = builtin
                && want != Want::Open
                && let Some(results) = self.builtin(b, slot.callee, f, args)
            {
                return (!self.dead).then(|| self.adjust(results, want));
            }
            let boxed = self.any(f);
            f = self.add_guard(Op::GuardNative { function: slot.callee, builtin }, Ty::Any, &[boxed], Reason::Callee);
            callee = Callee::Native(slot.callee);
        }
        let mut values = vec![self.any(f)];
        for a in args {
            let a = self.any(*a);
            values.push(a);
        }
        Some(self.emit_call(Op::Call { callee, want }, &values, want))
    }

    /// Exactly the number of results that is wanted.
    fn adjust(&mut self, mut results: Vec<V>, want: Want) -> Vec<V> {
        let n = match want {
            Want::None | Want::Open => 0,
            Want::One => 1,
            Want::Fixed(n) => n as usize,
        };
        let nil = self.const_nil();
        results.resize(n, nil);
        results
    }

    /// Bets that `f` is a closure of this proto.
    pub(super) fn guard_proto(&mut self, f: V, p: crate::job::ProtoIdx) -> V {
        match self.f.op(f) {
            Op::GuardProto(q) if q == p => return f,
            Op::NewClosure { proto, child } => {
                let made = self.job.protos[proto as usize].children.get(child as usize).map(|c| c.ptr);
                if made == Some(self.job.protos[p as usize].ptr) {
                    return f;
                }
            }
            Op::Closure if p == 0 => return f,
            _ => {}
        }
        let f = self.any(f);
        let u = self.add_guard(Op::GuardProto(p), Ty::Any, &[f], Reason::Callee);
        self.refine(f, u)
    }

    pub(super) fn op_tail_call(&mut self, i: Ins) {
        let a = i.a();
        if self.f.osr && self.cx.target.is_none() {
            // The interpreter's frame cannot be replaced from here.
            return self.leave();
        }
        if i.b() == 0 {
            let end = open_start(self.proto(), self.cx.pc).unwrap_or(a + 1);
            let values: Vec<V> = (a..end).map(|r| self.reg_any(r)).collect();
            self.terminate(Op::TailCallOpen, &values);
            return;
        }
        let f = self.reg(a);
        let args: Vec<V> = (a + 1..a + i.b()).map(|r| self.reg(r)).collect();
        let slot = self.proto().feedback.call(i.s());
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        if let Some(t) = self.cx.target {
            // In an inlined function: an ordinary call whose results are returned.
            let want = self.targets[t].want;
            let n = match want {
                Want::None | Want::Open => 0,
                Want::One => 1,
                Want::Fixed(n) => n as i16,
            };
            if let Some(results) = self.call(f, &args, want, slot, a, n) {
                self.return_values(results);
            }
            return;
        }
        if slot.count == 0 && slot.kind == 0 && bets && self.unseen() {
            return;
        }
        let (mut f, mut callee) = (f, Callee::Any);
        if bets && slot.kind == 1 && let Some(p) = self.job.find(slot.callee) {
            f = self.guard_proto(f, p);
            if !self.job.root().is_vararg && self.may_inline(p) {
                return self.inline_tail_call(p, f, &args);
            }
            callee = if p == 0 { Callee::Own } else { Callee::Proto(p) };
        } else if bets
            && slot.kind == 2
            && let Some(b) = self.job.natives.get(&slot.callee).copied()
            && let Some(results) = self.builtin(b, slot.callee, f, &args)
        {
            if !self.dead {
                self.return_values(results);
            }
            return;
        }
        let mut values = vec![self.any(f)];
        for v in args {
            let v = self.any(v);
            values.push(v);
        }
        self.terminate(Op::TailCall { callee }, &values);
    }
}
