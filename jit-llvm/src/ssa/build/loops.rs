//! Numeric and generic `for`.
//!
//! A prepared numeric loop has its three control values unboxed; the index's range follows from the limit. A generic loop
//! over `next` or the iterator of `ipairs` is inlined together with the `TForLoop` behind it; `next` keeps its position
//! in a hidden register (the key is still what frame states name).
use super::context::{Builder, NONE};
use super::fields::Miss;
use crate::job::Builtin;
use crate::ssa::ir::*;
use crate::ssa::types::{Kinds, Range};
use selune_core::feedback::{CallSlot, types};
use selune_core::opcode;
use selune_core::proto::Ins;

/// Bit of `LoopSlot::osr_entries`: a bet on values that enter the loop has failed.
pub const LOOP_EXITED: u32 = 1 << 31;

impl Builder<'_> {
    pub(super) fn op_for_prep(&mut self, i: Ins) {
        let (a, s) = (i.a(), i.s());
        let v = [self.reg(a), self.reg(a + 1), self.reg(a + 2)];
        let skip = self.jump_target(i) + 1;
        let exited = s & types::EXITED != 0 || self.job.options.no_feedback;
        let can = |b: &Self, k: Kinds| v.iter().all(|v| b.kinds(*v).meets(k));
        let all = |b: &Self, k: Kinds| v.iter().all(|v| b.is(*v, k));
        let seen = s & (types::INT | types::FLOAT);
        if seen == 0 && !exited && !all(self, Kinds::INT) && !all(self, Kinds::FLOAT) && self.unseen() {
            return;
        }
        let step_zero = matches!(self.f.op(v[2]), Op::ConstInt(0)) || self.f.op(v[2]) == Op::ConstNum(0) || self.f.op(v[2]) == Op::ConstNum(1 << 63);
        if !step_zero && (all(self, Kinds::INT) || !exited && seen == types::INT && can(self, Kinds::INT)) {
            return self.int_loop(a, s & types::BIG == 0, skip);
        }
        if !step_zero && (all(self, Kinds::FLOAT) || !exited && seen == types::FLOAT && can(self, Kinds::NUMBER) && !all(self, Kinds::INT)) && self.float_kinds(&v) {
            return self.float_loop(a, skip);
        }
        if !step_zero && !exited && self.is(v[0], Kinds::INT) && self.is(v[1], Kinds::FLOAT) && self.is(v[2], Kinds::INT) {
            // An integer loop up to a float: the limit is rounded towards the loop. Too large ones are left to the interpreter.
            let step = self.f.inst(v[2]).range;
            if self.f.ty(v[2]) == Ty::I64 && (step.lo > 0 || step.hi < 0) {
                let d = self.guard_float(v[1]);
                let rounded = self.add(if step.lo > 0 { Op::FloorF } else { Op::CeilF }, Ty::F64, &[d]);
                let limit = self.add_guard(Op::GuardIntegral, Ty::I64, &[rounded], Reason::NotIntegral);
                self.set(a + 1, limit);
                return self.int_loop(a, false, skip);
            }
        }
        let boxed: Vec<V> = v.iter().map(|v| self.any(*v)).collect();
        let runs = self.add(Op::Rt(RtOp::ForPrep), Ty::Bool, &boxed);
        let mut prepared: Vec<V> = (1..=3).map(|n| self.add(Op::CallResult(n), Ty::Any, &[runs])).collect();
        // Nothing has changed yet, so the instruction can still be left by its guards.
        let other = self.split(runs);
        // Integers or floats: that is decided by the first value and the step, whatever the limit was.
        let seen = if self.job.options.no_feedback { 0 } else { seen };
        for p in prepared.iter_mut() {
            *p = match seen {
                types::INT => self.guard_int(*p, s & types::BIG == 0),
                types::FLOAT => self.guard_float(*p),
                _ => *p,
            };
        }
        self.start_numeric(a, prepared[0], prepared[1], prepared[2]);
        self.switch_to(other);
        self.jump_to(skip);
    }

    /// Would preparing a loop with floats make no integer loop of it (init and step both integers)?
    fn float_kinds(&self, v: &[V; 3]) -> bool {
        self.is(v[0], Kinds::FLOAT) || self.is(v[2], Kinds::FLOAT) || !self.is(v[0], Kinds::INT) && !self.is(v[2], Kinds::INT)
    }

    /// Enters the loop's body with these control values.
    fn start_numeric(&mut self, a: usize, index: V, limit: V, step: V) {
        for (r, v) in [index, limit, step, index].into_iter().enumerate() {
            self.set(a + r, v);
        }
        self.jump_to(self.cx.pc + 1);
    }

    fn int_loop(&mut self, a: usize, small: bool, skip: usize) {
        for r in a..a + 3 {
            let v = self.reg(r);
            self.guard_int(v, small);
        }
        let (x, l, st) = (self.int_reg(a), self.int_reg(a + 1), self.int_reg(a + 2));
        let range = self.f.inst(st).range;
        let zero = self.const_int(0);
        let runs = if range.lo > 0 {
            self.cmp_int(Cmp::Le, x, l)
        } else if range.hi < 0 {
            self.cmp_int(Cmp::Ge, x, l)
        } else {
            let c = self.cmp_int(Cmp::Ne, st, zero);
            self.guard(c, true, Reason::ZeroDivisor);
            let up = self.cmp_int(Cmp::Gt, st, zero);
            let (c, d) = (self.cmp_int(Cmp::Le, x, l), self.cmp_int(Cmp::Ge, x, l));
            self.select(up, c, d)
        };
        self.start_or_skip(runs, a, [x, l, st], skip);
    }

    fn float_loop(&mut self, a: usize, skip: usize) {
        // An integer loop needs integers for both the first value and the step: one of them must be a float for certain.
        let certain = [a, a + 2].into_iter().any(|r| self.cx.env.get(r).is_some_and(|v| *v != NONE && self.is(*v, Kinds::FLOAT)));
        if !certain {
            let v = self.reg(a);
            self.guard_float(v);
        }
        let values = [a, a + 1, a + 2].map(|r| {
            let v = self.reg(r);
            self.guard_number(v)
        });
        let [x, l, st] = values;
        let zero = self.const_num(0.0);
        let past_up = self.add(Op::CmpF(Cmp::Lt), Ty::Bool, &[l, x]);
        let past = match self.f.op(st) {
            Op::ConstNum(bits) if f64::from_bits(bits) > 0.0 => past_up,
            _ => {
                let c = self.add(Op::CmpF(Cmp::Eq), Ty::Bool, &[st, zero]);
                self.guard(c, false, Reason::ZeroDivisor);
                let up = self.add(Op::CmpF(Cmp::Lt), Ty::Bool, &[zero, st]);
                let past_down = self.add(Op::CmpF(Cmp::Lt), Ty::Bool, &[x, l]);
                self.select(up, past_up, past_down)
            }
        };
        let runs = self.not(past);
        self.start_or_skip(runs, a, values, skip);
    }

    fn start_or_skip(&mut self, runs: V, a: usize, [x, l, st]: [V; 3], skip: usize) {
        match self.f.op(runs) {
            Op::ConstBool(true) => self.start_numeric(a, x, l, st),
            Op::ConstBool(false) => self.jump_to(skip),
            _ => {
                let env = self.cx.env.clone();
                let (body, other) = self.branch_blocks(runs, None);
                self.switch_to(body);
                self.start_numeric(a, x, l, st);
                self.cx.env = env;
                self.switch_to(other);
                self.jump_to(skip);
            }
        }
    }

    /// The unboxed integer in a register that was guarded.
    fn int_reg(&mut self, r: usize) -> V {
        let v = self.reg(r);
        match self.f.op(v) {
            Op::ConstValue { .. } | Op::BoxInt | Op::BoxSmall => self.guard_int(v, false),
            _ => v,
        }
    }

    /// The type feedback of the `ForPrep` whose body starts at `body`.
    fn for_feedback(&self, body: usize) -> Option<Ins> {
        let prep = *self.proto().code.get(body.checked_sub(1)?)?;
        (prep.op() == opcode::Op::ForPrep).then_some(prep)
    }

    /// Range of a loop phi that is the index of a numeric loop whose header is being made.
    pub(super) fn loop_index_range(&self, r: usize, first: V) -> Option<Range> {
        let prep = self.for_feedback(self.cx.pc)?;
        let a = prep.a();
        let end = self.cx.pc as isize - 1 + 1 + prep.sbx();
        if r != a && !(r == a + 3 && !self.assigns(self.cx.pc, end as usize, r)) {
            return None;
        }
        let (limit, step) = (*self.cx.env.get(a + 1)?, *self.cx.env.get(a + 2)?);
        if limit == NONE || step == NONE || self.f.ty(limit) != Ty::I64 || self.f.ty(step) != Ty::I64 || self.f.ty(first) != Ty::I64 {
            return None;
        }
        let (x, l, st) = (self.f.inst(first).range, self.f.inst(limit).range, self.f.inst(step).range);
        if st.lo > 0 && x.lo <= l.hi {
            Some(Range::new(x.lo, l.hi))
        } else if st.hi < 0 && l.lo <= x.hi {
            Some(Range::new(l.lo, x.hi))
        } else {
            None
        }
    }
    /// Does an instruction in `from..to` write the register?
    fn assigns(&self, from: usize, to: usize, r: usize) -> bool {
        let mut found = false;
        for pc in from..to.min(self.proto().code.len()) {
            super::bytecode::registers(self.proto(), pc, |_| {}, |w| found |= w == r);
        }
        found
    }

    pub(super) fn op_for_loop(&mut self, i: Ins) {
        self.poll();
        let a = i.a();
        let (body, done) = (self.jump_target(i), self.cx.pc + 1);
        if let Some(prep) = self.for_feedback(body)
            && !self.job.options.no_feedback
        {
            for r in a..a + 3 {
                let v = self.reg(r);
                match prep.s() & (types::INT | types::FLOAT) {
                    types::INT if self.kinds(v).meets(Kinds::INT) => _ = self.guard_int(v, prep.s() & types::BIG == 0),
                    types::FLOAT if self.kinds(v).meets(Kinds::FLOAT) => _ = self.guard_float(v),
                    _ => {}
                }
            }
        }
        let (x, l, st) = (self.int_reg(a), self.int_reg(a + 1), self.int_reg(a + 2));
        let types = [x, l, st].map(|v| self.f.ty(v));
        if types == [Ty::I64; 3] {
            return self.int_step(a, [x, l, st], body, done);
        }
        if types == [Ty::F64; 3] {
            let next = self.add(Op::AddF, Ty::F64, &[x, st]);
            let more = match self.f.op(st) {
                Op::ConstNum(bits) if f64::from_bits(bits) > 0.0 => self.add(Op::CmpF(Cmp::Le), Ty::Bool, &[next, l]),
                Op::ConstNum(_) => self.add(Op::CmpF(Cmp::Le), Ty::Bool, &[l, next]),
                _ => self.add(Op::ForMoreF, Ty::Bool, &[next, l, st]),
            };
            let other = self.split(more);
            return self.next_pass(a, next, other, body, done);
        }
        let boxed: Vec<V> = [x, l, st].iter().map(|v| self.any(*v)).collect();
        let next = self.add(Op::Rt(RtOp::ForNext), Ty::Any, &boxed);
        let more = self.add(Op::IsKind(Kinds::NOT_NIL), Ty::Bool, &[next]);
        let other = self.split(more);
        self.next_pass(a, next, other, body, done);
    }

    fn int_step(&mut self, a: usize, [x, l, st]: [V; 3], body: usize, done: usize) {
        let (rx, rl, rs) = (self.f.inst(x).range, self.f.inst(l).range, self.f.inst(st).range);
        let more = match self.f.const_int(st) {
            Some(1) => self.add(Op::CmpI(Cmp::Lt), Ty::Bool, &[x, l]),
            Some(-1) => self.add(Op::CmpI(Cmp::Lt), Ty::Bool, &[l, x]),
            Some(s) if rl.small() && Range::of(s).small() => {
                let last = self.add(Op::SubI, Ty::I64, &[l, st]);
                let (p, q) = if s > 0 { (x, last) } else { (last, x) };
                self.add(Op::CmpI(Cmp::Le), Ty::Bool, &[p, q])
            }
            // x <= l holds: the distance as an unsigned number is exact.
            _ if rs.lo > 0 => {
                let left = self.add(Op::SubI, Ty::I64, &[l, x]);
                self.f.inst_mut(left).range = Range::FULL;
                self.add(Op::CmpI(Cmp::Ule), Ty::Bool, &[st, left])
            }
            _ => self.add(Op::ForMore, Ty::Bool, &[x, l, st]),
        };
        let other = self.split(more);
        let next = self.add(Op::AddI, Ty::I64, &[x, st]);
        let sum = rx.add(rs);
        self.f.inst_mut(next).range = if rs.lo > 0 {
            Range::new(if sum == Range::FULL { rx.lo } else { sum.lo }, rl.hi.max(rx.lo))
        } else if rs.hi < 0 {
            Range::new(rl.lo.min(rx.hi), if sum == Range::FULL { rx.hi } else { sum.hi })
        } else {
            sum
        };
        self.next_pass(a, next, other, body, done);
    }

    fn next_pass(&mut self, a: usize, next: V, other: BlockId, body: usize, done: usize) {
        let env = self.cx.env.clone();
        self.set(a, next);
        self.set(a + 3, next);
        self.jump_to(body);
        self.cx.env = env;
        self.f.block_mut(other).cold = false;
        self.switch_to(other);
        self.jump_to(done);
    }

    // ---- generic for

    /// The builtin iterator that a `TForCall` has seen.
    fn iterator(&self, call: Ins) -> Option<(usize, Builtin)> {
        let slot = self.proto().feedback.call(call.s());
        let bets = slot.exited == 0 && slot.kind == 2 && !self.job.options.no_feedback;
        let builtin = *self.job.natives.get(&slot.callee)?;
        (bets && matches!(builtin, Builtin::Next | Builtin::IpairsStep)).then_some((slot.callee, builtin))
    }

    pub(super) fn guard_native(&mut self, f: V, function: usize, builtin: Option<Builtin>) -> V {
        if let Op::GuardNative { function: known, .. } = self.f.op(f)
            && known == function
        {
            return f;
        }
        let f = self.any(f);
        let u = self.add_guard(Op::GuardNative { function, builtin }, Ty::Any, &[f], Reason::Callee);
        self.refine(f, u)
    }

    pub(super) fn op_tfor_prep(&mut self, i: Ins) {
        let a = i.a();
        let target = self.jump_target(i);
        let closing = self.reg(a + 3);
        if !self.is(closing, Kinds::FALSY) {
            // A value to be closed keeps the loop in the interpreter.
            let closing = self.any(closing);
            self.add_guard(Op::GuardKind(Kinds::FALSY), Ty::Any, &[closing], Reason::Leave);
        }
        self.start_position(a, target);
        self.jump_to(target);
    }

    /// Sets the hidden position of a loop over `next` from its control value.
    fn start_position(&mut self, a: usize, call_pc: usize) {
        let call = self.proto().code[call_pc];
        let regs = self.proto().max_stack as usize;
        if call.op() != opcode::Op::TForCall {
            return;
        }
        let Some((function, Builtin::Next)) = self.iterator(call) else { return };
        let (Some(hidden), control) = (self.cx.code.hidden(call_pc), self.reg(a + 2)) else { return };
        let f = self.reg(a);
        // The bet is the call's, wherever it is tested.
        let f = self.any(f);
        if !matches!(self.f.op(f), Op::GuardNative { .. }) {
            let exit = self.exit_blaming(Reason::Callee, call_pc as u32);
            let u = self.add(Op::GuardNative { function, builtin: Some(Builtin::Next) }, Ty::Any, &[f]);
            self.f.inst_mut(u).exit = Some(exit);
            self.refine(f, u);
        }
        let t = self.reg_any(a + 1);
        let t = if self.is(t, Kinds::TABLE) {
            t
        } else {
            let exit = self.exit_blaming(Reason::NotTable, call_pc as u32);
            let u = self.add(Op::GuardKind(Kinds::TABLE), Ty::Any, &[t]);
            self.f.inst_mut(u).exit = Some(exit);
            self.refine(t, u)
        };
        let position = if self.is(control, Kinds::NIL) {
            self.const_int(0)
        } else {
            let control = self.any(control);
            let p = self.add(Op::NextFind, Ty::I64, &[t, control]);
            let none = self.const_int(-1);
            let found = self.add(Op::CmpI(Cmp::Ne), Ty::Bool, &[p, none]);
            let exit = self.exit_blaming(Reason::Kind, call_pc as u32);
            let g = self.add(Op::Guard { expect: true }, Ty::Void, &[found]);
            self.f.inst_mut(g).exit = Some(exit);
            p
        };
        self.cx.env[regs + hidden] = position;
    }

    /// OSR enters in the middle of these loops: checks their closing values and finds the positions of `next`.
    pub(super) fn enter_loops_by_osr(&mut self, pc: usize) {
        for (at, ins) in self.proto().code.iter().enumerate().skip(pc) {
            if ins.op() != opcode::Op::TForLoop || (at as isize + 1 + ins.sbx()) as usize > pc {
                continue;
            }
            let a = ins.a();
            if self.cx.env[a + 3] == NONE {
                self.cx.env[a + 3] = self.add(Op::OsrReg(a as u8 + 3), Ty::Any, &[]);
            }
            let closing = self.cx.env[a + 3];
            self.add_guard(Op::GuardKind(Kinds::FALSY), Ty::Any, &[closing], Reason::Leave);
            if let Some(call) = at.checked_sub(1) {
                self.start_position(a, call);
            }
        }
    }

    pub(super) fn op_tfor_call(&mut self, i: Ins) {
        let a = i.a();
        let next = self.proto().code.get(self.cx.pc + 1).copied();
        if let (Some((function, builtin)), Some(loop_ins)) = (self.iterator(i), next)
            && loop_ins.op() == opcode::Op::TForLoop
            && loop_ins.a() == a
        {
            self.poll();
            let f = self.reg(a);
            self.guard_native(f, function, Some(builtin));
            return match builtin {
                Builtin::Next => self.next_loop(i, loop_ins),
                _ => self.ipairs_loop(i, loop_ins),
            };
        }
        let slot: CallSlot = self.proto().feedback.call(i.s());
        let f = self.reg(a);
        let args = [self.reg(a + 1), self.reg(a + 2)];
        let want = if i.c() == 1 { Want::One } else { Want::Fixed(i.c() as u8) };
        if let Some(results) = self.call(f, &args, want, slot, a + 4, i.c() as i16) {
            for (n, v) in results.into_iter().enumerate() {
                self.set(a + 4 + n, v);
            }
        }
    }

    /// The rest of a pass: the loop's variables are these, on to the body, or the end.
    fn iterate(&mut self, i: Ins, loop_ins: Ins, key: V, value: V) {
        let nil = self.const_nil();
        for n in 0..i.c() {
            self.set(i.a() + 4 + n, [key, value].get(n).copied().unwrap_or(nil));
        }
        self.set(i.a() + 2, key);
        let body = (self.cx.pc as isize + 2 + loop_ins.sbx()) as usize;
        self.jump_to(body);
    }

    fn next_loop(&mut self, i: Ins, loop_ins: Ins) {
        let a = i.a();
        let regs = self.proto().max_stack as usize;
        let t = self.reg(a + 1);
        let t = self.guard_table(t);
        let Some(hidden) = self.cx.code.hidden(self.cx.pc).map(|h| regs + h) else { return };
        if self.cx.env[hidden] == NONE {
            let control = self.reg_any(a + 2);
            let p = self.add(Op::NextFind, Ty::I64, &[t, control]);
            let none = self.const_int(-1);
            let found = self.add(Op::CmpI(Cmp::Ne), Ty::Bool, &[p, none]);
            self.guard(found, true, Reason::Kind);
            self.cx.env[hidden] = p;
        }
        let position = self.cx.env[hidden];
        let step = self.add(Op::NextStep, Ty::I64, &[t, position]);
        let key = self.add(Op::NextKey, Ty::Any, &[step]);
        let value = self.add(Op::NextValue, Ty::Any, &[step]);
        let zero = self.const_int(0);
        let more = self.add(Op::CmpI(Cmp::Ne), Ty::Bool, &[step, zero]);
        let done = self.cx.pc + 2;
        let other = self.split(more);
        let env = self.cx.env.clone();
        self.cx.env[hidden] = step;
        self.cx.forget_state();
        self.iterate(i, loop_ins, key, value);
        self.cx.env = env;
        self.switch_to(other);
        self.jump_to(done);
    }

    fn ipairs_loop(&mut self, i: Ins, loop_ins: Ins) {
        let a = i.a();
        let (t, control) = (self.reg(a + 1), self.reg(a + 2));
        let t = self.guard_table(t);
        let control = self.guard_int(control, true);
        let one = self.const_int(1);
        let n = self.add(Op::AddI, Ty::I64, &[control, one]);
        let slow = self.new_block(true);
        let miss = Miss::Go(slow);
        let (array, inside) = self.in_array(t, n);
        self.check(inside, miss, Reason::Bounds);
        let fast = self.add(Op::LoadElem, Ty::Any, &[array, n]);
        let fast = self.check_not_nil(fast, miss);
        let end = self.cur;
        self.switch_to(slow);
        let plain = self.add_guard(Op::GuardPlain, Ty::Any, &[t], Reason::Shape);
        let key = self.any(n);
        let other = self.add(Op::Rt(RtOp::RawGet), Ty::Any, &[plain, key]);
        let more = self.is_kind(other, Kinds::NOT_NIL);
        let stop = self.split(more);
        let env = self.cx.env.clone();
        let value = self.join(vec![(end, fast), (self.cur, other)]);
        self.cx.forget_state();
        self.iterate(i, loop_ins, n, value);
        self.cx.env = env;
        self.switch_to(stop);
        self.jump_to(self.cx.pc + 2);
    }

    pub(super) fn op_tfor_loop(&mut self, i: Ins) {
        self.poll();
        let a = i.a();
        let v = self.reg(a + 4);
        let more = self.is_kind(v, Kinds::NOT_NIL);
        let (body, done) = (self.jump_target(i), self.cx.pc + 1);
        if let Op::ConstBool(c) = self.f.op(more) {
            self.set(a + 2, v);
            return self.jump_to(if c { body } else { done });
        }
        let other = self.split(more);
        let env = self.cx.env.clone();
        self.set(a + 2, v);
        self.jump_to(body);
        self.cx.env = env;
        self.switch_to(other);
        self.jump_to(done);
    }

    /// The back edges (`ForLoop`, `JmpBack`, `TForLoop`) in the loop with this header.
    fn back_edges(&self, node: usize) -> Vec<usize> {
        use opcode::Op::{ForLoop, JmpBack, TForLoop};
        let flow = &self.cx.instances.flow;
        let Some(l) = flow.loop_at[node] else { return vec![] };
        let mut out = Vec::new();
        for (n, i) in self.cx.instances.nodes.iter().enumerate() {
            let b = &self.cx.code.blocks[i.block];
            if flow.loops[l].member[n] {
                out.extend((b.start..b.end).filter(|pc| matches!(self.proto().code[*pc].op(), ForLoop | JmpBack | TForLoop)));
            }
        }
        out.sort_unstable();
        out
    }

    /// The instruction that is blamed for bets on values that enter the loop or are carried around it.
    pub(super) fn loop_end(&self, node: usize) -> usize {
        self.back_edges(node).last().copied().unwrap_or(self.cx.pc)
    }

    /// Is the register the control variable of a generic loop that calls a native? It only goes to that call, as a whole
    /// value, and generators made by `coroutine.wrap` are entered with nil.
    pub(super) fn is_control(&self, node: usize, r: usize) -> bool {
        let code = &self.proto().code;
        let calls_native = |i: Ins| self.proto().feedback.call(i.s()).kind == 2 && self.iterator(i).is_none();
        let is_call = |pc: usize| pc > 0 && code[pc - 1].op() == opcode::Op::TForCall && calls_native(code[pc - 1]);
        self.back_edges(node).into_iter().any(|pc| code[pc].op() == opcode::Op::TForLoop && code[pc].a() + 2 == r && is_call(pc))
    }

    /// May values that enter the loop be bet on?
    pub(super) fn may_bet_on_entry(&self, node: usize) -> bool {
        let failed = |pc: &usize| {
            let slot = self.proto().code[*pc].s();
            self.proto().feedback.loop_slot(slot).osr_entries & LOOP_EXITED != 0
        };
        !self.job.options.no_feedback && !self.back_edges(node).last().is_some_and(failed)
    }
}
