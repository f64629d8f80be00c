//! Small functions for tests of passes.
use crate::ssa::ir::*;
use crate::ssa::types::{Kinds, Range};
use crate::ssa::verify;

/// Builds a function by hand.
pub struct Maker {
    /// The function.
    pub f: Func,
    cur: BlockId,
}

impl Maker {
    /// With an entry block, a frame state without registers and one parameter (`param`).
    pub fn new() -> Maker {
        let mut f = Func { name: "test".into(), proto_ptrs: vec![0x1000], num_params: 1, ..Func::default() };
        f.new_block();
        let mut m = Maker { f, cur: BlockId(0) };
        let closure = m.add(Op::Closure, Ty::Any, &[]);
        m.add(Op::Param(0), Ty::Any, &[]);
        m.f.frame_states.push(FrameState { parent: None, proto: 0, closure, pc: 0, regs: vec![], ret: None, tail: false, varargs: vec![] });
        m.f.exits.push(Exit { state: FsId(0), reason: Reason::Kind, blame: (0, 0) });
        m.f.sites.push(Site { parent: None, proto: 0, pc: 0 });
        m
    }
    /// The parameter.
    pub fn param(&self) -> V {
        V(1)
    }
    /// A new block.
    pub fn block(&mut self) -> BlockId {
        self.f.new_block()
    }
    /// Goes on there.
    pub fn at(&mut self, b: BlockId) {
        self.cur = b;
    }
    /// An integer constant.
    pub fn int(&mut self, i: i64) -> V {
        self.f.constant(Op::ConstInt(i))
    }
    /// An instruction, with an exit or site where it needs one.
    pub fn add(&mut self, op: Op, ty: Ty, args: &[V]) -> V {
        let range = if matches!(op, Op::GuardSmall | Op::UnboxSmall) { Range::SMALL } else { Range::FULL };
        let v = self.f.new_inst(Inst {
            op,
            ty,
            args: args.to_vec(),
            kinds: Kinds::ANY,
            range,
            exit: op.has_exit().then_some(ExitId(0)),
            site: op.has_site().then_some(SiteId(0)),
        });
        self.f.block_mut(self.cur).insts.push(v);
        v
    }
    /// A terminator, with its edges.
    pub fn end(&mut self, op: Op, args: &[V]) {
        self.add(op, Ty::Void, args);
        for s in self.f.succs(self.cur) {
            let cur = self.cur;
            self.f.block_mut(s).preds.push(cur);
        }
    }
    /// A phi.
    pub fn phi(&mut self, ty: Ty, args: &[V]) -> V {
        self.add(Op::Phi, ty, args)
    }
    /// Runs a pass between two verifications.
    pub fn check(mut self, pass: fn(&mut Func) -> bool) -> Func {
        verify::check(&self.f, "making");
        pass(&mut self.f);
        verify::check(&self.f, "the pass");
        self.f
    }
}
