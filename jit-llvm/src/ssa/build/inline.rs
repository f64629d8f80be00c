//! Inlining of Lua functions: the callee's bytecode is built in place, its registers being a new environment.
use super::bytecode::Code;
use super::context::{Builder, Ctx, ReturnTarget};
use super::instances::Instances;
use crate::job::ProtoIdx;
use crate::ssa::ir::*;
use selune_core::opcode;
use selune_core::proto::Ins;
use std::collections::HashSet;
use std::rc::Rc;

/// Largest callee.
const MAX_CALLEE: usize = 60;
/// Most instructions that the copies of a recursive function in itself may have together.
const MAX_RECURSION: usize = 110;
/// Callees up to this size do not count.
const TINY: usize = 8;

impl Builder<'_> {
    /// Is it worth it and possible?
    pub(super) fn may_inline(&self, p: ProtoIdx) -> bool {
        let o = &self.job.options;
        let callee = &self.job.protos[p as usize];
        let len = callee.code.len();
        o.inline
            && self.cx.depth < o.inline_depth
            && len <= MAX_CALLEE
            && (len <= TINY || self.inlined + len as u32 <= o.inline_budget)
            && self.may_recur(p)
            && callee.code.iter().enumerate().all(|(pc, i)| match i.op() {
                opcode::Op::Tbc => false,
                // All results of another call may be any number; varargs are known. What stands behind a tail call is never reached.
                opcode::Op::Return => i.b() != 0 || pc > 0 && matches!(callee.code[pc - 1].op(), opcode::Op::VarArg | opcode::Op::TailCall),
                _ => true,
            })
    }

    /// Is `p` not being built already, or small enough to be built in itself some levels deep? A recursive function without loops
    /// spends most of its time in the calls; a level halves their number (Fibonacci: 1.7 times as fast with two levels).
    fn may_recur(&self, p: ProtoIdx) -> bool {
        let level = self.cx.chain.iter().filter(|q| **q == p).count();
        if level == 0 {
            return true;
        }
        let callee = &self.job.protos[p as usize];
        if callee.code.iter().any(|i| matches!(i.op(), opcode::Op::JmpBack | opcode::Op::ForLoop | opcode::Op::TForLoop)) {
            return false;
        }
        let is_call = |i: &&Ins| matches!(i.op(), opcode::Op::Call | opcode::Op::TailCall);
        let calls = callee.code.iter().filter(is_call).filter(|i| callee.feedback.call(i.s()).callee == callee.ptr).count();
        let copies: usize = (1..=level as u32).map(|n| calls.saturating_pow(n)).sum();
        copies.saturating_mul(callee.code.len()) <= MAX_RECURSION
    }

    fn callee_context(&mut self, p: ProtoIdx, f: V, args: &[V]) -> Ctx {
        let proto = &self.job.protos[p as usize];
        let code = self.codes.entry(p).or_insert_with(|| Rc::new(Code::new(proto, p))).clone();
        let path = self.cx.path.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add((self.cx.pc as u64) << 16 | p as u64 | 1 << 60);
        let none = HashSet::new();
        let instances = Instances::new(&code, None, self.hints.peel.get(&path).unwrap_or(&none));
        let mut cx = Ctx::new(p, code, instances, proto);
        cx.closure = f;
        cx.path = path;
        cx.depth = self.cx.depth + 1;
        cx.chain = self.cx.chain.clone();
        cx.chain.push(p);
        cx.outer_depth = self.f.block(self.cur).depth;
        let nil = self.const_nil();
        for n in 0..proto.num_params as usize {
            cx.env[n] = args.get(n).copied().unwrap_or(nil);
        }
        if proto.is_vararg {
            cx.varargs = Some(args.get(proto.num_params as usize..).unwrap_or_default().to_vec());
        }
        self.inlined += proto.code.len() as u32;
        cx
    }

    /// Builds the body of `p` here. Without `want` all results are wanted, and all returns must have the same number of them, or
    /// another attempt is made. None when it never returns.
    pub(super) fn inline_call(&mut self, p: ProtoIdx, f: V, args: &[V], want: Option<Want>, first: usize, nresults: i16) -> Option<Vec<V>> {
        self.inline_body(p, f, args, want, RetInfo { func: first as u8, nresults, meta: false })
    }

    /// Builds the body of the metamethod `p` here, whose result is the current operator's, in register `to`.
    pub(super) fn inline_metamethod(&mut self, p: ProtoIdx, f: V, args: &[V], to: usize) -> Option<V> {
        self.add_guard(Op::MetaEnter, Ty::Void, &[], Reason::Leave);
        let results = self.inline_body(p, f, args, Some(Want::One), RetInfo { func: to as u8, nresults: 1, meta: true })?;
        self.add(Op::MetaLeave, Ty::Void, &[]);
        results.first().copied()
    }

    fn inline_body(&mut self, p: ProtoIdx, f: V, args: &[V], want: Option<Want>, ret: RetInfo) -> Option<Vec<V>> {
        let (first, nresults) = (ret.func as usize, ret.nresults);
        let mut cx = self.callee_context(p, f, args);
        cx.parent = Some(self.state_after_call(first, nresults.max(0) as usize));
        cx.site = Some(self.site());
        cx.ret = Some(ret);
        let cont = self.new_block(false);
        let key = (self.cx.path, self.cx.pc);
        self.targets.push(ReturnTarget { cont, incoming: Vec::new(), want, key });
        cx.target = Some(self.targets.len() - 1);
        let caller = std::mem::replace(&mut self.cx, cx);
        self.enter_context();
        self.build_blocks();
        self.cx = caller;
        let target = self.targets.pop()?;
        if target.incoming.is_empty() {
            self.drop_block(cont);
            self.dead = true;
            return None;
        }
        self.switch_to(cont);
        self.cx.forget_state();
        let preds: Vec<BlockId> = target.incoming.iter().map(|i| i.0).collect();
        self.f.block_mut(cont).preds = preds.clone();
        let n = target.incoming.iter().map(|i| i.1.len()).min().unwrap_or(0);
        if target.incoming.iter().any(|i| i.1.len() != n) {
            self.not_exact(key);
        }
        Some(
            (0..n)
                .map(|k| {
                    let values: Vec<V> = target.incoming.iter().map(|i| i.1[k]).collect();
                    self.merge(&preds, &values)
                })
                .collect(),
        )
    }

    /// The call at this place does not always have the same number of results.
    pub(super) fn not_exact(&mut self, key: (u64, usize)) {
        self.hints.not_exact.insert(key);
        self.hints.changed = true;
        self.retry = true;
    }

    /// Builds the body of `p` in the place of the running function, which is left by it.
    pub(super) fn inline_tail_call(&mut self, p: ProtoIdx, f: V, args: &[V]) {
        let mut cx = self.callee_context(p, f, args);
        cx.parent = self.cx.parent;
        cx.site = self.cx.site;
        cx.ret = self.cx.ret;
        cx.tail = true;
        let caller = std::mem::replace(&mut self.cx, cx);
        self.enter_context();
        self.build_blocks();
        self.cx = caller;
        self.dead = true;
    }
}
