//! `select`, whose other arguments are mostly `...`: the number of varargs, one of them, or those from a known one on.
use super::call::Open;
use super::context::Builder;
use crate::job::{Builtin, JobConst};
use crate::ssa::ir::*;
use crate::ssa::types::{Kinds, Range};
use selune_core::feedback::CallSlot;
use selune_core::proto::Ins;

/// Most arguments among which one is chosen by its number.
const MAX_CHOICE: usize = 8;

impl Builder<'_> {
    /// `select(n, ...)` with the varargs of the compiled function, whose number is not known; None: nothing was done.
    pub(super) fn select_vararg(&mut self, i: Ins, f: V, slot: CallSlot, want: Want) -> Option<Vec<V>> {
        let bets = slot.kind == 2 && slot.exited == 0 && !self.job.options.no_feedback;
        let builtin = self.job.natives.get(&slot.callee).copied();
        let fixed = super::bytecode::open_start(self.proto(), self.cx.pc)?.checked_sub(i.a() + 1)?;
        let (Some(Open::VarArgs), Some(state)) = (&self.cx.open, self.cx.open_state) else { return None };
        if i.b() != 0 || !bets || builtin != Some(Builtin::Select) || fixed != 1 {
            return None;
        }
        let n = self.reg(i.a() + 1);
        let counts = self.is_count_mark(n);
        if !counts && (want != Want::One || !self.kinds(n).meets(Kinds::SMALL)) {
            return None;
        }
        self.cx.use_state(state);
        (self.cx.open, self.cx.open_state) = (None, None);
        self.guard_native(f, slot.callee, builtin);
        if counts {
            return Some(vec![self.add(Op::VarArgCount, Ty::I64, &[])]);
        }
        let n = self.guard_int(n, true);
        let one = self.const_int(1);
        let c = self.cmp_int(Cmp::Le, one, n);
        self.guard(c, true, Reason::Range);
        if self.dead {
            return Some(vec![]);
        }
        let at = self.add(Op::SubI, Ty::I64, &[n, one]);
        Some(vec![self.add(Op::VarArgAt, Ty::Any, &[at])])
    }

    /// `select(args...)`.
    pub(super) fn select_argument(&mut self, function: usize, f: V, args: &[V], want: Want) -> Option<Vec<V>> {
        let (n, rest) = args.split_first()?;
        if self.is_count_mark(*n) {
            self.guard_native(f, function, Some(Builtin::Select));
            return Some(vec![self.const_int(rest.len() as i64)]);
        }
        let number = match self.f.op(*n) {
            Op::ConstInt(n) => Some(n),
            _ => None,
        };
        if let Some(n) = number
            && n >= 1
        {
            self.guard_native(f, function, Some(Builtin::Select));
            return Some(rest.get(n as usize - 1..).unwrap_or_default().to_vec());
        }
        if want != Want::One || number.is_some() || rest.is_empty() || rest.len() > MAX_CHOICE || !self.kinds(*n).meets(Kinds::SMALL) {
            return None;
        }
        self.guard_native(f, function, Some(Builtin::Select));
        let n = self.guard_int(*n, true);
        let cap = self.const_int(rest.len() as i64);
        let n = if self.f.inst(n).range.within(Range::new(1, rest.len() as i64)) {
            n
        } else {
            self.add_guard(Op::GuardIndex, Ty::I64, &[n, cap], Reason::Range)
        };
        let ty = self.f.ty(rest[0]);
        let ty = if rest.iter().all(|v| self.f.ty(*v) == ty) { ty } else { Ty::Any };
        let values: Vec<V> = rest.iter().map(|v| self.convert(*v, ty)).collect();
        let mut chosen = values[rest.len() - 1];
        for (k, v) in values.iter().enumerate().rev().skip(1) {
            let k = self.const_int(k as i64 + 1);
            let c = self.cmp_int(Cmp::Eq, n, k);
            chosen = self.select(c, *v, chosen);
        }
        Some(vec![chosen])
    }

    /// The string `#`.
    fn is_count_mark(&self, v: V) -> bool {
        let Op::ConstValue { bits, .. } = self.f.op(v) else { return false };
        let is_mark = |k: &JobConst| matches!(k, JobConst::Str { bits: b, text } if *b == bits && text.first() == Some(&b'#'));
        self.proto().constants.iter().any(is_mark)
    }
}
