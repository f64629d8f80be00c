//! Calls.
use super::bytecode::open_start;
use super::context::Builder;
use crate::job::JobEntry;
use crate::ssa::ir::*;
use selune_core::feedback::CallSlot;
use selune_core::opcode;
use selune_core::proto::Ins;
use selune_core::value::{MULTI, Value};

/// The results that field C of a call asks for.
fn want_of(c: usize) -> Want {
    match c {
        0 => Want::Open,
        1 => Want::None,
        2 => Want::One,
        n => Want::Fixed((n - 1) as u8),
    }
}

/// The values that the instruction before made for this one, which takes all of them.
pub(super) enum Open {
    /// They are the open list of the VM.
    List,
    /// All varargs of the compiled function.
    VarArgs,
    /// These.
    Known(Vec<V>),
    /// The result of a call with `Want::Raw`.
    Raw(V),
}

impl Builder<'_> {
    pub(super) fn op_call(&mut self, i: Ins) {
        let a = i.a();
        let want = want_of(i.c());
        if want == Want::Open && self.before_osr_tail_call() {
            return self.leave();
        }
        let f = self.reg(a);
        let slot = self.proto().feedback.call(i.s());
        if let Some(results) = self.select_vararg(i, f, slot, want) {
            return match want {
                _ if self.dead => {}
                Want::Open => self.cx.open = Some(Open::Known(results)),
                _ => {
                    let results = self.adjust(results, want);
                    self.set_results(a, results);
                }
            };
        }
        let args = match self.arguments(i) {
            Ok(args) => args,
            Err((fixed, open)) => {
                let results = self.call_with_open(f, fixed, open, want, slot, a, i.c() as i16 - 1);
                return match results {
                    Some(results) if want == Want::Open => self.cx.open = results.first().map(|r| Open::Raw(*r)),
                    Some(results) => self.set_results(a, results),
                    None => {}
                };
            }
        };
        if want == Want::Open {
            if let Some(open) = self.call_for_all(f, &args, slot, a) {
                self.cx.open = Some(open);
            }
        } else if let Some(results) = self.call(f, &args, want, slot, a, i.c() as i16 - 1) {
            self.set_results(a, results);
        }
    }

    /// The arguments of a call, or the fixed ones and what the instruction before made for it. When they are all known though
    /// their number was not fixed, exits go on where they are made.
    fn arguments(&mut self, i: Ins) -> Result<Vec<V>, (Vec<V>, Open)> {
        let a = i.a();
        if i.b() != 0 {
            return Ok((a + 1..a + i.b()).map(|r| self.reg(r)).collect());
        }
        match (&self.cx.open, self.cx.open_state) {
            (Some(Open::Known(_)), Some(state)) => self.cx.use_state(state),
            _ => return Err(self.take_open(a + 1)),
        }
        let (mut args, open) = self.take_open(a + 1);
        if let Open::Known(values) = open {
            args.extend(values);
        }
        Ok(args)
    }

    /// The registers from `first` on that belong to an instruction with an open list, boxed or not, and that list.
    pub(super) fn take_open(&mut self, first: usize) -> (Vec<V>, Open) {
        let end = open_start(self.proto(), self.cx.pc).unwrap_or(first);
        let fixed = (first..end).map(|r| self.reg(r)).collect();
        self.cx.open_state = None;
        match self.cx.open.take() {
            Some(Open::VarArgs) => {
                self.add(Op::VarArgOpen, Ty::Void, &[]);
                (fixed, Open::List)
            }
            Some(open) => (fixed, open),
            None => (fixed, Open::List),
        }
    }

    /// A call all of whose results go to the next instruction. None when the block has ended.
    fn call_for_all(&mut self, f: V, args: &[V], slot: CallSlot, a: usize) -> Option<Open> {
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        if bets && slot.kind == 1 && let Some(p) = self.job.find(slot.callee) {
            let key = (self.cx.path, self.cx.pc);
            if self.may_inline(p) && !self.hints.not_exact.contains(&key) {
                let f = self.guard_proto(f, p);
                return self.inline_call(p, f, args, None, a, -1).map(Open::Known);
            }
        }
        if bets && slot.kind == 2
            && let Some(b) = self.job.natives.get(&slot.callee).copied()
            && let Some(results) = self.builtin(b, slot.callee, f, args, Want::Raw)
        {
            return (!self.dead).then_some(Open::Known(results));
        }
        let results = self.call(f, args, Want::Raw, slot, a, -1)?;
        results.first().map(|r| Open::Raw(*r))
    }

    /// A call with fixed arguments and the values that the instruction before made. No exit may be taken here: the interpreter
    /// could not be told how many there are. With `Want::Open` the only result is a raw one.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn call_with_open(&mut self, f: V, fixed: Vec<V>, open: Open, want: Want, slot: CallSlot, first: usize, nresults: i16) -> Option<Vec<V>> {
        let want = if want == Want::Open { Want::Raw } else { want };
        let mut boxed = vec![self.any(f)];
        for v in &fixed {
            let v = self.any(*v);
            boxed.push(v);
        }
        let r = match open {
            Open::List | Open::VarArgs => return Some(self.emit_call(Op::CallOpen { want }, &boxed, want)),
            Open::Known(values) => {
                let args: Vec<V> = fixed.into_iter().chain(values).collect();
                return self.call_without_exit(f, &args, want, slot, first, nresults);
            }
            Open::Raw(r) => r,
        };
        let (several, single) = self.split_raw(r);
        self.switch_to(several);
        let results = self.emit_call(Op::CallOpen { want }, &boxed, want);
        let mut ends = vec![(self.cur, results)];
        self.switch_to(single);
        let args: Vec<V> = fixed.into_iter().chain([r]).collect();
        if let Some(results) = self.call_without_exit(f, &args, want, slot, first, nresults) {
            ends.push((self.cur, results));
        }
        Some(self.join_lists(ends))
    }

    /// Branches by a raw result: (the block for the open list, the block for exactly one value).
    pub(super) fn split_raw(&mut self, r: V) -> (BlockId, BlockId) {
        let mark = self.const_value(Value(MULTI));
        let several = self.add(Op::SameBits, Ty::Bool, &[r, mark]);
        self.branch_blocks(several, Some(false))
    }

    /// Goes on where these blocks meet, with one value for each position.
    fn join_lists(&mut self, ends: Vec<(BlockId, Vec<V>)>) -> Vec<V> {
        let n = ends.first().map_or(0, |e| e.1.len());
        self.join_void(ends.iter().map(|e| e.0).collect());
        if ends.len() == 1 {
            return ends.into_iter().next().map(|e| e.1).unwrap_or_default();
        }
        let preds = self.f.block(self.cur).preds.clone();
        (0..n).map(|k| self.merge(&preds, &ends.iter().map(|e| e.1[k]).collect::<Vec<V>>())).collect()
    }

    /// A call that tests what feedback says of its callee instead of betting on it.
    fn call_without_exit(&mut self, f: V, args: &[V], want: Want, slot: CallSlot, first: usize, nresults: i16) -> Option<Vec<V>> {
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        let generic = |s: &mut Self| {
            let mut values = vec![s.any(f)];
            for a in args {
                let a = s.any(*a);
                values.push(a);
            }
            s.emit_call(Op::Call { callee: Callee::Any, want }, &values, want)
        };
        if bets && slot.kind == 1 && want != Want::Raw
            && let Some(p) = self.job.find(slot.callee)
            && self.may_inline(p)
        {
            let boxed = self.any(f);
            let known = self.add(Op::IsProto(p), Ty::Bool, &[boxed]);
            let (yes, no) = self.branch_blocks(known, Some(true));
            self.switch_to(no);
            let results = generic(self);
            let mut ends = vec![(self.cur, results)];
            self.switch_to(yes);
            if let Some(results) = self.inline_call(p, boxed, args, Some(want), first, nresults) {
                ends.push((self.cur, results));
            }
            return Some(self.join_lists(ends));
        }
        Some(generic(self))
    }

    /// Does an open list that is made here go to a tail call, or a return, that must be left to the interpreter? It is left
    /// before then.
    pub(super) fn before_osr_tail_call(&self) -> bool {
        if !self.f.osr || self.cx.target.is_some() {
            return false;
        }
        // Calls in between make another list of it; no exit can describe a list, so none of them is begun.
        let passes_on = |n: &&Ins| n.op() == opcode::Op::Call && n.b() == 0 && n.c() == 0;
        let next = self.proto().code.iter().skip(self.cx.pc + 1).find(|n| !passes_on(n));
        next.is_some_and(|n| n.op() == opcode::Op::TailCall || n.op() == opcode::Op::Return && self.has_variables_to_close())
    }

    fn set_results(&mut self, a: usize, results: Vec<V>) {
        for (n, v) in results.into_iter().enumerate() {
            self.set(a + n, v);
        }
    }

    /// The call instruction with its results.
    fn emit_call(&mut self, op: Op, args: &[V], want: Want) -> Vec<V> {
        let ty = if want == Want::None { Ty::Void } else { Ty::Any };
        let v = self.add(op, ty, args);
        self.cx.forget_state();
        match want {
            Want::None | Want::Open => vec![],
            Want::One | Want::Raw => vec![v],
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
        if let Some((f, p, args)) = self.called_object(f, args, &slot) {
            if want != Want::Raw && self.may_inline(p) {
                return self.inline_call(p, f, &args, Some(want), first, nresults);
            }
            let mut values = vec![f];
            for a in args {
                let a = self.any(a);
                values.push(a);
            }
            return Some(self.emit_call(Op::Call { callee: Callee::Proto(p), want }, &values, want));
        }
        let mut callee = Callee::Any;
        let mut f = f;
        if bets && slot.kind == 1 && let Some(p) = self.job.find(slot.callee) {
            f = self.guard_proto(f, p);
            if want != Want::Raw && self.may_inline(p) {
                return self.inline_call(p, f, args, Some(want), first, nresults);
            }
            callee = if p == 0 && self.job.entry == JobEntry::Normal { Callee::Own } else { Callee::Proto(p) };
        } else if bets && slot.kind == 2 {
            let builtin = self.job.natives.get(&slot.callee).copied();
            if let Some(b) = builtin
                && want != Want::Raw
                && let Some(results) = self.builtin(b, slot.callee, f, args, want)
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
            Want::None | Want::Open | Want::Raw => 0,
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
        let f = self.reg(a);
        let slot = self.proto().feedback.call(i.s());
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        if let Some(t) = self.cx.target {
            // In an inlined function: an ordinary call whose results are returned.
            return self.call_and_return(i, f, slot, t);
        }
        if let Some(results) = self.select_vararg(i, f, slot, Want::Raw) {
            if !self.dead {
                self.return_values(results);
            }
            return;
        }
        let args = match self.arguments(i) {
            Ok(args) => args,
            Err((fixed, open)) => return self.tail_call_with_open(f, fixed, open),
        };
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
            && let Some(results) = self.builtin(b, slot.callee, f, &args, Want::Raw)
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

    fn tail_call_with_open(&mut self, f: V, fixed: Vec<V>, open: Open) {
        let mut boxed = vec![self.any(f)];
        for v in fixed {
            let v = self.any(v);
            boxed.push(v);
        }
        let callee = Callee::Any;
        match open {
            Open::List | Open::VarArgs => _ = self.terminate(Op::TailCallOpen, &boxed),
            Open::Known(values) => {
                for v in values {
                    let v = self.any(v);
                    boxed.push(v);
                }
                self.terminate(Op::TailCall { callee }, &boxed);
            }
            Open::Raw(r) => {
                let (several, single) = self.split_raw(r);
                self.switch_to(several);
                self.terminate(Op::TailCallOpen, &boxed);
                self.switch_to(single);
                boxed.push(r);
                self.terminate(Op::TailCall { callee }, &boxed);
            }
        }
    }

    /// A tail call in an inlined function.
    fn call_and_return(&mut self, i: Ins, f: V, slot: CallSlot, t: usize) {
        let a = i.a();
        let args = self.arguments(i);
        let Some(want) = self.targets[t].want else {
            // The number of results is to be known.
            let open = args.ok().and_then(|args| self.call_for_all(f, &args, slot, a));
            return match open {
                Some(Open::Known(values)) => self.return_values(values),
                _ if self.dead => {}
                _ => {
                    let key = self.targets[t].key;
                    self.not_exact(key);
                    self.terminate(Op::Unreachable, &[]);
                }
            };
        };
        let n = match want {
            Want::None | Want::Open | Want::Raw => 0,
            Want::One => 1,
            Want::Fixed(n) => n as i16,
        };
        let results = match args {
            Ok(args) => self.call(f, &args, want, slot, a, n),
            Err((fixed, open)) => self.call_with_open(f, fixed, open, want, slot, a, n),
        };
        if let Some(results) = results {
            self.return_values(results);
        }
    }
}
