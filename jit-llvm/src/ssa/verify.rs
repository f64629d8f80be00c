//! Checks the rules of `ir`: run after the builder and after each pass in debug builds.
use super::ir::*;
use super::print::inst_text;
use super::types::Kinds;

/// Immediate dominators over the blocks that can be reached.
pub struct Dominators {
    order: Vec<BlockId>,
    /// Position in `order` by block, `usize::MAX` when it cannot be reached.
    pos: Vec<usize>,
    /// By position.
    idom: Vec<usize>,
}

impl Dominators {
    /// Computes them.
    pub fn new(f: &Func) -> Dominators {
        let order = f.rpo();
        let mut pos = vec![usize::MAX; f.blocks.len()];
        for (i, b) in order.iter().enumerate() {
            pos[b.0 as usize] = i;
        }
        let mut idom = vec![usize::MAX; order.len()];
        idom[0] = 0;
        let mut changed = true;
        while changed {
            changed = false;
            for (i, b) in order.iter().enumerate().skip(1) {
                let mut new = usize::MAX;
                for p in &f.block(*b).preds {
                    let p = pos[p.0 as usize];
                    if p == usize::MAX || idom[p] == usize::MAX {
                        continue;
                    }
                    new = if new == usize::MAX { p } else { Self::common(&idom, new, p) };
                }
                if new != usize::MAX && idom[i] != new {
                    idom[i] = new;
                    changed = true;
                }
            }
        }
        Dominators { order, pos, idom }
    }
    fn common(idom: &[usize], mut a: usize, mut b: usize) -> usize {
        while a != b {
            if a > b {
                a = idom[a];
            } else {
                b = idom[b];
            }
        }
        a
    }
    /// Reachable blocks in reverse postorder.
    pub fn order(&self) -> &[BlockId] {
        &self.order
    }
    /// Can the block be reached?
    pub fn reachable(&self, b: BlockId) -> bool {
        self.pos[b.0 as usize] != usize::MAX
    }
    /// Position of a reachable block in `order`.
    pub fn position(&self, b: BlockId) -> usize {
        self.pos[b.0 as usize]
    }
    /// The immediate dominator (the entry's is itself).
    pub fn idom(&self, b: BlockId) -> BlockId {
        self.order[self.idom[self.pos[b.0 as usize]]]
    }
    /// Does `a` dominate `b` (a block dominates itself)?
    pub fn dominates(&self, a: BlockId, b: BlockId) -> bool {
        let (a, mut b) = (self.pos[a.0 as usize], self.pos[b.0 as usize]);
        if a == usize::MAX || b == usize::MAX {
            return b == usize::MAX;
        }
        while b > a {
            b = self.idom[b];
        }
        a == b
    }
}

/// Expected operand types; None: checked elsewhere (phis, Select, variable lists).
fn signature(op: &Op) -> Option<(&'static [Ty], Ty)> {
    use Op::*;
    use Ty::{Any as A, Bool as B, F64 as F, I64 as I, Void};
    Some(match op {
        ConstInt(_) => (&[], I),
        ConstNum(_) => (&[], F),
        ConstBool(_) => (&[], B),
        ConstValue { .. } | Closure | Param(_) | OsrReg(_) | VarArg(_) | NewTable { .. } => (&[], A),
        VarArgCount => (&[], I),
        VarArgSave | VarArgOpen | Waste { .. } | Poll | Jump(_) | Exit | Unreachable => (&[], Void),
        BoxInt | BoxSmall => (&[I], A),
        BoxFloat => (&[F], A),
        BoxBool => (&[B], A),
        UnboxSmall | UnboxInt | GuardSmall | GuardInt => (&[A], I),
        UnboxFloat | UnboxNumber | GuardFloat | GuardNumber => (&[A], F),
        IntToFloat => (&[I], F),
        FloatToInt | GuardIntegral => (&[F], I),
        GuardKind(_) | GuardShape { .. } | GuardPlain | GuardProto(_) | GuardNative { .. } | GuardBits { .. } => (&[A], A),
        GuardIndex => (&[I, I], I),
        Guard { .. } => (&[B], Void),
        IsKind(_) | IsTruthy | IsShape(_) | IsProto(_) => (&[A], B),
        SameBits | CmpNumber(_) | RawEq | CmpStr(_) => (&[A, A], B),
        EqProbe => (&[A, A], I),
        Not => (&[B], B),
        CmpI(_) => (&[I, I], B),
        CmpF(_) => (&[F, F], B),
        ForMore => (&[I, I, I], B),
        ForMoreF => (&[F, F, F], B),
        AddI | SubI | MulI | FloorDivI | FloorModI | AndI | OrI | XorI | ShlI | ShrI => (&[I, I], I),
        NegI | NotI | AbsI => (&[I], I),
        AddF | SubF | MulF | DivF | FloorDivF | FloorModF | PowF => (&[F, F], F),
        NegF | AbsF | SqrtF | FloorF | CeilF | MathF(_) => (&[F], F),
        LoadArray | LoadSlots | LoadInline(_) | LoadSlot(_) | LoadUpval(_) | LoadNativeUpval(_) | LoadCell { .. } | NewCell => (&[A], A),
        VarArgAt => (&[I], A),
        LoadCap | StrLen | TableLen => (&[A], I),
        LoadByte => (&[A, I], I),
        LoadTypeMeta(_) => (&[], A),
        TypeName => (&[A, A], A),
        LoadElem => (&[A, I], A),
        StoreInline { .. } | StoreSlot { .. } | StoreCell { .. } => (&[A, A], Void),
        StoreShape(_) => (&[A], Void),
        StoreElem { .. } => (&[A, I, A], Void),
        NextFind => (&[A, A], I),
        NextStep => (&[A, I], I),
        NextKey | NextValue => (&[I], A),
        MetaEnter | MetaLeave => (&[], Void),
        Branch { .. } => (&[B], Void),
        Rt(r) => match r {
            RtOp::GetTable | RtOp::GetField | RtOp::RawGet => (&[A, A], A),
            RtOp::TablePop => (&[A], A),
            RtOp::StrSub => (&[A, I, I], A),
            RtOp::GetInt => (&[A, I], A),
            RtOp::SetTable | RtOp::SetField | RtOp::RawSet => (&[A, A, A], Void),
            RtOp::SetInt | RtOp::RawSetInt => (&[A, I, A], Void),
            RtOp::Arith(ArithOp::Unm | ArithOp::BNot) | RtOp::Len => (&[A], A),
            RtOp::Arith(_) => (&[A, A], A),
            RtOp::Eq | RtOp::Lt | RtOp::Le => (&[A, A], B),
            RtOp::ForPrep => (&[A, A, A], B),
            RtOp::ForNext => (&[A, A, A], A),
            RtOp::CheckTbc => (&[A], Void),
            RtOp::Concat | RtOp::SetList | RtOp::SetListOpen => return None,
        },
        Phi | Select | CallResult(_) | NewClosure { .. } | Call { .. } | CallOpen { .. } | Return | ReturnOpen | TailCall { .. }
        | TailCallOpen | Virtual { .. } => return None,
    })
}

/// All broken rules, each as a line that names the instruction; empty when the function is fine.
pub fn verify(f: &Func) -> Vec<String> {
    let mut errors = Vec::new();
    let dom = Dominators::new(f);
    // Where each value is defined: block and index.
    let mut def: Vec<Option<(BlockId, usize)>> = vec![None; f.insts.len()];
    for b in dom.order() {
        for (i, v) in f.block(*b).insts.iter().enumerate() {
            if def[v.0 as usize].replace((*b, i)).is_some() {
                errors.push(format!("{v:?} stands twice"));
            }
        }
    }
    for b in dom.order() {
        check_block(f, *b, &mut errors);
        for (i, v) in f.block(*b).insts.iter().enumerate() {
            let inst = f.inst(*v);
            let mut err = |what: String| errors.push(format!("{b:?} `{}`: {what}", inst_text(f, *v)));
            check_types(f, inst, &mut err);
            let used = |u: V, at: BlockId, index: usize| -> bool {
                f.op(u).is_const()
                    || def[u.0 as usize].is_some_and(|(d, k)| if d == at { k < index } else { dom.dominates(d, at) })
            };
            if inst.op == Op::Phi {
                for (a, p) in inst.args.iter().zip(&f.block(*b).preds) {
                    if dom.reachable(*p) && !used(*a, *p, usize::MAX) {
                        err(format!("{a:?} does not dominate the end of {p:?}"));
                    }
                }
            } else {
                for a in &inst.args {
                    if !used(*a, *b, i) {
                        err(format!("{a:?} does not dominate this use"));
                    }
                }
            }
            if let Some(e) = inst.exit {
                let state = f.exits[e.0 as usize].state;
                for a in f.state_values(state) {
                    if !used(a, *b, i) {
                        err(format!("{a:?} of fs{} does not dominate this exit", state.0));
                    }
                }
            }
        }
    }
    errors
}

fn check_block(f: &Func, b: BlockId, errors: &mut Vec<String>) {
    let block = f.block(b);
    if f.terminator(b).is_none() {
        errors.push(format!("{b:?} has no terminator"));
    }
    let mut phis_done = false;
    for (i, v) in block.insts.iter().enumerate() {
        let op = f.op(*v);
        if op.is_terminator() && i + 1 != block.insts.len() {
            errors.push(format!("{b:?}: terminator {v:?} is not last"));
        }
        if op.is_const() {
            errors.push(format!("{b:?}: constant {v:?} stands in a block"));
        }
        if op == Op::Phi && phis_done {
            errors.push(format!("{b:?}: phi {v:?} is not first"));
        }
        phis_done |= op != Op::Phi;
    }
    for s in f.succs(b) {
        let there = f.block(s).preds.iter().filter(|p| **p == b).count();
        let here = f.succs(b).iter().filter(|t| **t == s).count();
        if there != here {
            errors.push(format!("{s:?} has {there} entries for predecessor {b:?}, which has {here} edges to it"));
        }
    }
    for p in &block.preds {
        if !f.succs(*p).contains(&b) {
            errors.push(format!("{b:?}: {p:?} is no predecessor"));
        }
    }
    if b.0 == 0 && !block.preds.is_empty() {
        errors.push("the entry block has predecessors".into());
    }
    for v in &block.insts {
        if f.op(*v) == Op::Phi && f.inst(*v).args.len() != block.preds.len() {
            errors.push(format!("{b:?}: phi {v:?} has {} arguments for {} predecessors", f.inst(*v).args.len(), block.preds.len()));
        }
    }
}

fn check_types(f: &Func, i: &Inst, err: &mut dyn FnMut(String)) {
    let tys: Vec<Ty> = i.args.iter().map(|a| f.ty(*a)).collect();
    if tys.contains(&Ty::Void) {
        err("operand without a value".into());
    }
    if i.op.has_exit() != i.exit.is_some() {
        err("exit missing or not allowed".into());
    }
    if i.op.has_site() != i.site.is_some() {
        err("call site missing or not allowed".into());
    }
    match (signature(&i.op), i.op) {
        (Some((args, result)), _) => {
            if args != tys.as_slice() || i.ty != result {
                err(format!("types {tys:?} -> {:?}, expected {args:?} -> {result:?}", i.ty));
            }
        }
        (None, Op::Phi) => {
            if tys.iter().any(|t| *t != i.ty) || i.ty == Ty::Void {
                err(format!("phi of type {:?} with arguments {tys:?}", i.ty));
            }
        }
        (None, Op::Select) => {
            if tys.len() != 3 || tys[0] != Ty::Bool || tys[1] != i.ty || tys[2] != i.ty {
                err(format!("select {tys:?}"));
            }
        }
        (None, Op::CallResult(_)) => {
            if i.ty != Ty::Any || !matches!(i.args.first().map(|a| f.op(*a)), Some(Op::Call { .. } | Op::CallOpen { .. } | Op::Rt(_))) {
                err("result of what is no call".into());
            }
        }
        (None, Op::Rt(RtOp::SetList | RtOp::SetListOpen)) => {
            if tys.get(1) != Some(&Ty::I64) || tys.iter().enumerate().any(|(k, t)| k != 1 && *t != Ty::Any) {
                err(format!("operands {tys:?}"));
            }
        }
        (None, _) => {
            if tys.iter().any(|t| *t != Ty::Any) {
                err(format!("operands {tys:?}, expected Lua values"));
            }
        }
    }
    if let Op::Call { want, .. } | Op::CallOpen { want } = i.op {
        let expected = if matches!(want, Want::None | Want::Open) { Ty::Void } else { Ty::Any };
        if i.ty != expected {
            err(format!("call of type {:?}", i.ty));
        }
    }
    if i.ty == Ty::Any && i.kinds == Kinds::NONE && i.op != Op::Phi {
        err("no kind is possible".into());
    }
}

/// Panics with the listing when the function breaks a rule; `after` names what ran last.
pub fn check(f: &Func, after: &str) {
    let errors = verify(f);
    assert!(errors.is_empty(), "SSA of {} is broken after {after}:\n{}\n{f}", f.name, errors.join("\n"));
}
