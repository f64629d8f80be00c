//! The builder itself: the function instance being built, its environment, blocks, merging, frame states.
//!
//! BUILD-1: at the start of a bytecode block the environment holds a value for each live register; dead registers hold
//! `NONE`. BUILD-2: a value in the environment may be an unboxed form of another one (`origin`), never the other way round.
use super::metamethod::NOWHERE;
use super::bytecode::Code;
use super::instances::Instances;
use super::{BuildError, Codes, Hints, LoopReg};
use crate::job::{JobEntry, JobInput, JobProto, ProtoIdx};
use crate::ssa::ir::*;
use crate::ssa::types::{Kinds, Range};
use selune_core::feedback::{FeedbackKind, types};
use selune_core::for_each_op;
use selune_core::opcode::OpVisitor;
use selune_core::proto::Ins;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// No value: a dead register.
pub(super) const NONE: V = V(u32::MAX);
/// Most SSA instructions of one function.
const MAX_INSTS: usize = 60_000;

/// Where an inlined function returns to.
pub(super) struct ReturnTarget {
    /// The block behind the call.
    pub cont: BlockId,
    /// The blocks that return, with the values wanted.
    pub incoming: Vec<(BlockId, Vec<V>)>,
    /// How many values; None: as many as each return has.
    pub want: Option<Want>,
    /// The call.
    pub key: (u64, usize),
}

/// The function instance (root or inlined) that is being built.
pub(super) struct Ctx {
    pub proto: ProtoIdx,
    pub code: Rc<Code>,
    pub closure: V,
    /// Frame state of the caller behind the call, None for the root.
    pub parent: Option<FsId>,
    pub ret: Option<RetInfo>,
    pub site: Option<SiteId>,
    pub tail: bool,
    /// Index into `Builder::targets`, None: returns leave the compiled function.
    pub target: Option<usize>,
    /// Identifies the chain of inlined calls.
    pub path: u64,
    pub depth: u32,
    /// Protos in the chain, for recursion.
    pub chain: Vec<ProtoIdx>,
    pub env: Vec<V>,
    pub instances: Instances,
    /// A first instance has been started.
    started: bool,
    /// The instance being built, and its nesting depth of loops outside this function.
    pub node: usize,
    pub outer_depth: u8,
    incoming: Vec<Vec<(BlockId, Vec<V>)>>,
    /// By instance: where forward edges lead.
    entry: Vec<Option<BlockId>>,
    /// By instance: the loop header block and its phis by register.
    header: Vec<Option<(BlockId, Vec<(usize, V)>)>>,
    pub pc: usize,
    /// What the last instruction made for the next one.
    pub open: Option<super::call::Open>,
    /// Where the interpreter goes on to make them again, when that is possible.
    pub open_state: Option<FsId>,
    /// The varargs, when this is an inlined vararg function.
    pub varargs: Option<Vec<V>>,
    state: Option<FsId>,
}

/// Builds one function.
pub(super) struct Builder<'a> {
    pub job: &'a JobInput,
    pub codes: &'a mut Codes,
    pub hints: &'a mut Hints,
    pub f: Func,
    pub cx: Ctx,
    /// The block that instructions are added to.
    pub cur: BlockId,
    /// The current block has ended: what follows cannot be reached.
    pub dead: bool,
    pub targets: Vec<ReturnTarget>,
    /// Boxed value that an unboxed or refined one was made from.
    pub origin: HashMap<V, V>,
    /// Loop phis that are used in their unboxed form.
    pub unboxed_uses: HashSet<V>,
    pub inlined: u32,
    /// The register that a method call's receiver goes to, while the method is looked up.
    pub self_register: Option<usize>,
    /// Shapes that tables made here had last (hints only).
    pub shape_hints: HashMap<V, u32>,
    consts: HashMap<(u8, u64), V>,
    names: HashMap<Vec<u8>, u32>,
    failed: Option<BuildError>,
    pub retry: bool,
}

impl<'a> Builder<'a> {
    pub fn new(job: &'a JobInput, codes: &'a mut Codes, hints: &'a mut Hints) -> Builder<'a> {
        let root = job.root();
        let mut f = Func {
            name: root.name.clone(),
            proto_ptrs: job.protos.iter().map(|p| p.ptr).collect(),
            osr: job.entry != JobEntry::Normal,
            is_vararg: root.is_vararg,
            num_params: root.num_params,
            ..Func::default()
        };
        let entry = f.new_block();
        let code = codes.entry(0).or_insert_with(|| Rc::new(Code::new(root, 0))).clone();
        let none = HashSet::new();
        let peel = hints.peel.get(&0).unwrap_or(&none);
        let osr = match job.entry {
            JobEntry::Osr { pc } => code.block_of.get(pc as usize).copied(),
            JobEntry::Normal => None,
        };
        let instances = Instances::new(&code, osr, peel);
        let cx = Ctx::new(0, code, instances, root);
        Builder {
            job,
            codes,
            hints,
            f,
            cx,
            cur: entry,
            dead: false,
            targets: Vec::new(),
            origin: HashMap::new(),
            unboxed_uses: HashSet::new(),
            inlined: 0,
            self_register: None,
            shape_hints: HashMap::new(),
            consts: HashMap::new(),
            names: HashMap::new(),
            failed: None,
            retry: false,
        }
    }

    /// Builds everything; false: the hints changed on the way and the result is to be thrown away.
    pub fn run(mut self) -> Result<(Func, bool), BuildError> {
        self.cx.closure = self.add(Op::Closure, Ty::Any, &[]);
        self.f.inst_mut(self.cx.closure).kinds = Kinds::CLOSURE;
        match self.job.entry {
            JobEntry::Normal => {
                for i in 0..self.job.root().num_params {
                    self.cx.env[i as usize] = self.add(Op::Param(i), Ty::Any, &[]);
                }
                if self.job.root().is_vararg {
                    self.add(Op::VarArgSave, Ty::Void, &[]);
                }
            }
            JobEntry::Osr { pc } => {
                let pc = pc as usize;
                if pc >= self.job.root().code.len() || self.cx.code.blocks[self.cx.instances.nodes[0].block].start != pc {
                    return Err(BuildError::Malformed);
                }
                for r in self.cx.code.clone().live[pc].iter() {
                    self.cx.env[r] = self.add(Op::OsrReg(r as u8), Ty::Any, &[]);
                }
                self.cx.pc = pc;
                self.enter_loops_by_osr(pc);
            }
        }
        // The entry block has no predecessors, the code's first block may have some.
        self.edge_to(0);
        self.build_blocks();
        match self.failed {
            Some(e) => Err(e),
            None => Ok((self.f, !self.retry)),
        }
    }

    /// Gives up on the whole function.
    pub fn fail(&mut self, e: BuildError) {
        self.failed.get_or_insert(e);
        if !self.dead {
            self.terminate(Op::Unreachable, &[]);
        }
    }

    /// Builds all instances of the current context; the entry edge has been added.
    pub fn build_blocks(&mut self) {
        let order = self.cx.instances.flow.rpo.clone();
        for node in order {
            if self.failed.is_some() || !self.start_node(node) {
                continue;
            }
            let code = self.cx.code.clone();
            let block = &code.blocks[self.cx.instances.nodes[node].block];
            for pc in block.start..block.end {
                self.cx.pc = pc;
                self.cx.state = None;
                let ins = self.proto().code[pc];
                self.visit(pc, ins);
                if self.dead {
                    break;
                }
            }
            if !self.dead {
                self.jump_to(block.end);
            }
            if self.f.insts.len() > MAX_INSTS {
                self.fail(BuildError::TooLarge);
            }
        }
    }

    /// The function being built.
    pub fn proto(&self) -> &'a JobProto {
        &self.job.protos[self.cx.proto as usize]
    }

    // ---- blocks and edges

    fn loop_depth(&self, node: usize) -> u8 {
        let flow = &self.cx.instances.flow;
        self.cx.outer_depth.saturating_add(flow.innermost_at(node).map_or(0, |l| flow.loops[l].depth as u8))
    }

    fn entry_block(&mut self, node: usize) -> BlockId {
        if let Some(b) = self.cx.entry[node] {
            return b;
        }
        let b = self.f.new_block();
        let depth = self.loop_depth(node);
        let is_header = self.cx.instances.flow.loop_at[node].is_some();
        self.f.block_mut(b).depth = if is_header { depth.saturating_sub(1) } else { depth };
        self.cx.entry[node] = Some(b);
        b
    }

    /// Makes the instance current, with its environment merged; false when it cannot be reached.
    fn start_node(&mut self, node: usize) -> bool {
        let incoming = std::mem::take(&mut self.cx.incoming[node]);
        if incoming.is_empty() {
            return false;
        }
        self.cx.node = node;
        self.cx.started = true;
        self.cur = self.entry_block(node);
        self.dead = false;
        self.cx.pc = self.cx.code.blocks[self.cx.instances.nodes[node].block].start;
        self.cx.state = None;
        let live = self.cx.code.live[self.cx.pc];
        let regs = self.proto().max_stack as usize;
        let preds: Vec<BlockId> = incoming.iter().map(|i| i.0).collect();
        self.f.block_mut(self.cur).preds = preds.clone();
        if preds.iter().all(|p| self.f.block(*p).cold) {
            self.f.block_mut(self.cur).cold = true;
        }
        let mut env = vec![NONE; self.cx.env.len()];
        for (r, slot) in env.iter_mut().enumerate() {
            if r >= regs || live.has(r) {
                let values: Vec<V> = incoming.iter().map(|i| i.1[r]).collect();
                if !values.contains(&NONE) {
                    *slot = self.merge(&preds, &values);
                }
            }
        }
        self.cx.env = env;
        if let Some(l) = self.cx.instances.flow.loop_at[node] {
            self.start_loop(node, l);
        }
        true
    }

    /// The current block becomes the pre-header; makes the header with its phis.
    fn start_loop(&mut self, node: usize, l: usize) {
        let flow = &self.cx.instances.flow;
        let natural = flow.loops[l].natural;
        let (mut assigned, mut hidden) = (super::bytecode::RegSet::default(), Vec::new());
        for (n, inst) in self.cx.instances.nodes.iter().enumerate() {
            if flow.loops[l].member[n] {
                let b = &self.cx.code.blocks[inst.block];
                assigned.union(&b.defs);
                hidden.extend((b.start..b.end).filter_map(|pc| self.cx.code.hidden(pc)));
            }
        }
        let regs = self.proto().max_stack as usize;
        let live = self.cx.code.live[self.cx.pc];
        if natural && !self.hints.pessimistic {
            self.guard_loop_entry(node);
        }
        // The frame state may only be used for guards that are moved here when this block dominates the loop.
        let entry_state = natural.then(|| self.state());
        let header = self.f.new_block();
        self.terminate(Op::Jump(header), &[]);
        self.f.block_mut(header).preds.push(self.cur);
        let mut phis = Vec::new();
        for r in 0..self.cx.env.len() {
            let v = self.cx.env[r];
            let wanted = if r < regs { live.has(r) && (!natural || assigned.has(r)) } else { !natural || hidden.contains(&(r - regs)) };
            if v == NONE || !wanted {
                continue;
            }
            let hint = self.hints.phi.get(&self.loop_reg(node, r)).copied();
            if r >= regs && (hint.is_some() || !natural) {
                self.cx.env[r] = NONE;
                continue;
            }
            let ty = match hint {
                _ if r >= regs => Ty::I64,
                Some(Ty::Any) => Ty::Any,
                _ if self.hints.pessimistic || !natural => Ty::Any,
                _ => self.f.ty(v),
            };
            let first = self.at_end_of(self.cur, |b| b.convert(v, ty));
            let phi = self.f.new_inst(Inst {
                op: Op::Phi,
                ty,
                args: vec![first],
                kinds: Kinds::ANY,
                range: self.loop_index_range(r, first).unwrap_or(Range::FULL),
                exit: None,
                site: None,
            });
            self.f.block_mut(header).insts.push(phi);
            phis.push((r, phi));
            self.cx.env[r] = phi;
        }
        let depth = self.loop_depth(node);
        let cold = self.f.block(self.cur).cold;
        let h = self.f.block_mut(header);
        (h.loop_header, h.depth, h.entry_state, h.cold) = (true, depth, entry_state, cold);
        self.cx.header[node] = Some((header, phis));
        self.cur = header;
        self.dead = false;
        self.cx.state = None;
    }

    /// Adds the guards of loop-carried values that earlier attempts asked for.
    fn guard_loop_entry(&mut self, node: usize) {
        for r in 0..self.proto().max_stack as usize {
            let v = self.cx.env[r];
            if v == NONE || self.f.ty(v) != Ty::Any {
                continue;
            }
            let kinds = self.f.inst(v).kinds;
            let before = self.f.exits.len();
            let u = match self.hints.phi.get(&self.loop_reg(node, r)) {
                Some(Ty::I64) if kinds.meets(Kinds::INT) => self.guard_int(v, !self.loop_is_wide(node)),
                Some(Ty::F64) if kinds.meets(Kinds::FLOAT) => self.guard_float(v),
                _ => continue,
            };
            self.cx.env[r] = u;
            // The bet is one on the loop's entry values.
            let blame = self.loop_end(node);
            for e in &mut self.f.exits[before..] {
                e.blame.1 = blame as u32;
            }
        }
    }

    /// Has an operation in the loop seen integers that do not fit 48 bits? Values that enter and come round may be boxed then.
    fn loop_is_wide(&self, node: usize) -> bool {
        let flow = &self.cx.instances.flow;
        let Some(l) = flow.loop_at[node] else { return false };
        let in_loop = self.cx.instances.nodes.iter().zip(&flow.loops[l].member).filter(|(_, m)| **m);
        in_loop.map(|(i, _)| &self.cx.code.blocks[i.block]).any(|b| {
            self.proto().code[b.start..b.end].iter().any(|i| i.op().feedback() == FeedbackKind::Types && i.s() & types::BIG != 0)
        })
    }

    /// Runs `g` with instructions added at the end of a block that may have its terminator already.
    pub fn at_end_of<T>(&mut self, b: BlockId, g: impl FnOnce(&mut Self) -> T) -> T {
        let (cur, dead) = (std::mem::replace(&mut self.cur, b), std::mem::replace(&mut self.dead, false));
        let terminator = match self.f.terminator(b) {
            Some(_) => self.f.block_mut(b).insts.pop(),
            None => None,
        };
        let out = g(self);
        self.f.block_mut(b).insts.extend(terminator);
        (self.cur, self.dead) = (cur, dead);
        out
    }

    /// One value for several, in a block with these predecessors.
    pub fn merge(&mut self, preds: &[BlockId], values: &[V]) -> V {
        let first = values[0];
        if values.iter().all(|v| *v == first) {
            return first;
        }
        let roots: Vec<V> = values.iter().map(|v| self.root(*v)).collect();
        let ty = self.f.ty(first);
        if values.iter().all(|v| self.f.ty(*v) == ty) && (ty != Ty::Any || roots.iter().any(|r| *r != roots[0])) {
            return self.phi(ty, values.to_vec());
        }
        if roots.iter().all(|r| *r == roots[0]) {
            return roots[0];
        }
        let boxed = values.iter().zip(preds).map(|(v, p)| self.at_end_of(*p, |b| b.any(*v))).collect();
        self.phi(Ty::Any, boxed)
    }

    fn phi(&mut self, ty: Ty, args: Vec<V>) -> V {
        let mut kinds = Kinds::NONE;
        let mut range = self.f.inst(args[0]).range;
        for a in &args {
            kinds = kinds.or(self.kinds(*a));
            range = range.join(self.f.inst(*a).range);
        }
        if ty != Ty::I64 {
            range = Range::FULL;
        }
        let v = self.f.new_inst(Inst { op: Op::Phi, ty, args, kinds, range, exit: None, site: None });
        let b = self.f.block_mut(self.cur);
        let at = b.insts.len();
        b.insts.insert(at, v);
        v
    }

    /// The value that `v` is a refined or unboxed form of.
    pub fn root(&self, mut v: V) -> V {
        while let Some(o) = self.origin.get(&v) {
            v = *o;
        }
        v
    }

    /// Ends the current block.
    pub fn terminate(&mut self, op: Op, args: &[V]) -> V {
        let v = self.add(op, Ty::Void, args);
        self.dead = true;
        v
    }

    /// A new block with the current depth, not yet connected.
    pub fn new_block(&mut self, cold: bool) -> BlockId {
        let depth = self.f.block(self.cur).depth;
        let cold = cold || self.f.block(self.cur).cold;
        let b = self.f.new_block();
        (self.f.block_mut(b).depth, self.f.block_mut(b).cold) = (depth, cold);
        b
    }

    /// Goes on in a block of this instruction that has all its predecessors.
    pub fn switch_to(&mut self, b: BlockId) {
        self.cur = b;
        self.dead = false;
    }

    /// Ends the block with a jump to a block of this instruction.
    pub fn jump_block(&mut self, b: BlockId) {
        if !self.dead {
            self.f.block_mut(b).preds.push(self.cur);
            self.terminate(Op::Jump(b), &[]);
        }
    }

    /// Ends the block with a branch to two new blocks.
    pub fn branch_blocks(&mut self, cond: V, likely: Option<bool>) -> (BlockId, BlockId) {
        let then = self.new_block(likely == Some(false));
        let els = self.new_block(likely == Some(true));
        self.f.block_mut(then).preds.push(self.cur);
        self.f.block_mut(els).preds.push(self.cur);
        self.terminate(Op::Branch { then, els, likely }, &[cond]);
        (then, els)
    }

    /// Ends the block: on to the instruction `pc` with the current environment.
    pub fn jump_to(&mut self, pc: usize) {
        if self.dead {
            return;
        }
        let Some(block) = self.cx.code.block_of.get(pc).copied() else {
            return self.fail(BuildError::Malformed);
        };
        let node = self.cx.instances.target(&self.cx.code, self.cx.node, block);
        self.edge_to(node);
    }

    fn edge_to(&mut self, node: usize) {
        if let Some((header, phis)) = self.cx.header[node].clone() {
            return self.back_edge(node, header, &phis);
        }
        let flow = &self.cx.instances.flow;
        if self.cx.started && flow.is_back_edge(self.cx.node, node) {
            // A second entry of a loop whose first was never seen: left to the interpreter.
            let pc = self.start_of(node);
            let pc = std::mem::replace(&mut self.cx.pc, pc);
            self.cx.state = None;
            self.leave();
            self.cx.pc = pc;
            return;
        }
        let b = self.entry_block(node);
        let env = self.cx.env.clone();
        self.cx.incoming[node].push((self.cur, env));
        self.terminate(Op::Jump(b), &[]);
    }

    /// A conditional jump between two instructions.
    pub fn branch_to(&mut self, cond: V, likely: Option<bool>, then_pc: usize, else_pc: usize) {
        if let Op::ConstBool(c) = self.f.op(cond) {
            return self.jump_to(if c { then_pc } else { else_pc });
        }
        let env = self.cx.env.clone();
        let (then, els) = self.branch_blocks(cond, likely);
        for (b, pc) in [(then, then_pc), (els, else_pc)] {
            // A bias says little about what is worth compiling well.
            self.f.block_mut(b).cold = false;
            self.cx.env.clone_from(&env);
            self.switch_to(b);
            self.jump_to(pc);
        }
    }

    /// Ends the block with an edge back to a loop header, its values made to fit the phis.
    fn back_edge(&mut self, node: usize, header: BlockId, phis: &[(usize, V)]) {
        for (r, phi) in phis {
            let (v, ty) = (self.cx.env[*r], self.f.ty(*phi));
            let fitting = match v {
                // Not really live (a register that was never set on this way).
                NONE if ty == Ty::Any => self.const_nil(),
                NONE => {
                    let key = self.loop_reg(node, *r);
                    self.hints.set(key, Ty::Any);
                    self.retry = true;
                    self.any_of_type(ty)
                }
                v => self.fit_loop_value(node, *r, *phi, v, ty),
            };
            self.f.inst_mut(*phi).args.push(fitting);
        }
        // Registers that the loop leaves alone but refined: worth a guard in front of the loop.
        let regs = self.proto().max_stack as usize;
        for r in 0..regs {
            let v = self.cx.env[r];
            if v != NONE && self.cx.code.live[self.start_of(node)].has(r) && !phis.iter().any(|p| p.0 == r) && self.f.ty(v) != Ty::Any {
                let root = self.root(v);
                if root != v && self.f.op(root) != Op::Phi && self.may_bet_on_entry(node) {
                    self.ask(node, r, self.f.ty(v));
                }
            }
        }
        self.f.block_mut(header).preds.push(self.cur);
        self.terminate(Op::Jump(header), &[]);
    }

    fn start_of(&self, node: usize) -> usize {
        self.cx.code.blocks[self.cx.instances.nodes[node].block].start
    }

    /// Asks for another attempt with this type of a loop value (a better one, not a necessary one).
    fn ask(&mut self, node: usize, r: usize, ty: Ty) {
        if !self.hints.phi.contains_key(&self.loop_reg(node, r)) && !self.hints.pessimistic {
            self.hints.set(self.loop_reg(node, r), ty);
            self.retry = true;
        }
    }

    /// Makes `v` a back-edge argument of `phi`, or asks for another attempt.
    fn fit_loop_value(&mut self, node: usize, r: usize, phi: V, v: V, ty: Ty) -> V {
        let have = self.f.ty(v);
        let natural = self.cx.instances.flow.loop_at[node].is_some_and(|l| self.cx.instances.flow.loops[l].natural);
        if have == ty {
            return v;
        }
        if ty == Ty::Any {
            // Entered boxed, carried on unboxed: better guard at the entry, if that can succeed.
            let entry = self.f.inst(phi).args[0];
            let fits = match have {
                Ty::I64 => Kinds::INT,
                Ty::F64 => Kinds::FLOAT,
                _ => Kinds::NONE,
            };
            let unknown = self.f.inst(entry).kinds.meets(fits) && !self.f.op(entry).is_const() && !self.is_boxed_number(entry);
            if natural && unknown && self.may_bet_on_entry(node) && !self.is_control(node, r) {
                self.ask(node, r, have);
            }
            return self.any(v);
        }
        // An integer that becomes a float in the first pass: peel that pass.
        let key = self.loop_reg(node, r);
        let block = self.cx.instances.nodes[node].block;
        if have == Ty::F64 && ty == Ty::I64 && self.peelable(node) {
            if self.hints.peel.entry(self.cx.path).or_default().insert(block) {
                self.hints.changed = true;
            }
            self.retry = true;
        } else if have == Ty::Any && natural && self.unboxed_uses.contains(&phi) && self.may_bet_on_entry(node) && !self.hints.pessimistic {
            // Bet that what comes back is of the type that the loop works with.
            let kinds = self.f.inst(v).kinds;
            let saved = (self.cx.pc, self.cx.state);
            let blame = self.loop_end(node) as u32;
            let pc = self.start_of(node);
            let out = match ty {
                Ty::I64 if kinds.meets(Kinds::INT) && self.loop_is_wide(node) => Some((Op::GuardInt, Reason::NotInt)),
                Ty::I64 if kinds.meets(Kinds::SMALL) => Some((Op::GuardSmall, Reason::NotInt)),
                Ty::F64 if kinds.meets(Kinds::FLOAT) => Some((Op::GuardFloat, Reason::NotFloat)),
                _ => None,
            };
            if let Some((op, reason)) = out {
                self.cx.pc = pc;
                self.cx.state = None;
                let exit = self.exit_blaming(reason, blame);
                let u = self.add(op, ty, &[v]);
                self.f.inst_mut(u).exit = Some(exit);
                if op == Op::GuardSmall {
                    self.f.inst_mut(u).range = Range::SMALL;
                }
                (self.cx.pc, self.cx.state) = saved;
                return u;
            }
            self.hints.set(key, Ty::Any);
            self.retry = true;
        } else {
            self.hints.set(key, Ty::Any);
            self.retry = true;
        }
        self.any_of_type(ty)
    }

    /// Some value of a type, in a result that will be thrown away.
    fn any_of_type(&mut self, ty: Ty) -> V {
        match ty {
            Ty::I64 => self.const_int(0),
            Ty::F64 => self.const_num(0.0),
            Ty::Bool => self.const_bool(false),
            _ => self.const_nil(),
        }
    }

    fn loop_reg(&self, node: usize, r: usize) -> LoopReg {
        let i = self.cx.instances.nodes[node];
        (self.cx.path, i.block | (i.layer as usize) << 24 | (i.copy as usize) << 48, r)
    }

    fn is_boxed_number(&self, v: V) -> bool {
        matches!(self.f.op(v), Op::BoxInt | Op::BoxSmall | Op::BoxFloat)
    }

    /// Small innermost loops that are not peeled yet.
    fn peelable(&self, node: usize) -> bool {
        let block = self.cx.instances.nodes[node].block;
        let flow = &self.cx.code.flow;
        let Some(l) = flow.innermost_at(block).map(|l| &flow.loops[l]) else { return false };
        let size: usize = self.cx.code.blocks.iter().enumerate().filter(|(i, _)| l.member[*i]).map(|(_, b)| b.end - b.start).sum();
        let done = self.hints.peel.get(&self.cx.path).is_some_and(|p| p.contains(&block));
        l.natural && l.innermost && l.header == block && size <= 120 && !done && !self.hints.pessimistic
    }

    // ---- frame states, exits, call sites

    /// The frame state before the current instruction.
    pub fn state(&mut self) -> FsId {
        if let Some(s) = self.cx.state {
            return s;
        }
        let live = self.cx.code.live[self.cx.pc];
        let regs = live.iter().filter(|r| self.cx.env[*r] != NONE).map(|r| (r as u8, self.cx.env[r])).collect();
        let s = FrameState {
            parent: self.cx.parent,
            proto: self.cx.proto,
            closure: self.cx.closure,
            pc: self.cx.pc as u32,
            regs,
            ret: self.cx.ret,
            tail: self.cx.tail,
            varargs: self.cx.varargs.clone().unwrap_or_default(),
        };
        self.f.frame_states.push(s);
        let id = FsId(self.f.frame_states.len() as u32 - 1);
        self.cx.state = Some(id);
        id
    }

    /// The frame state behind the current instruction, a call whose results start at `first` (`NOWHERE`: they go to no register).
    pub fn state_after_call(&mut self, first: usize, results: usize) -> FsId {
        let mut live = self.cx.code.live[self.cx.pc + 1];
        if first == NOWHERE && let Some(skipped) = self.cx.code.live.get(self.cx.pc + 2) {
            // The metamethod of a comparison: its result may skip the jump that follows.
            live.union(skipped);
        }
        let is_result = |r: usize| r >= first && r < first + results.max(1);
        let regs =
            live.iter().filter(|r| self.cx.env[*r] != NONE && !is_result(*r)).map(|r| (r as u8, self.cx.env[r])).collect();
        let (pc, cx) = (self.cx.pc as u32 + 1, &self.cx);
        let varargs = cx.varargs.clone().unwrap_or_default();
        let s = FrameState { parent: cx.parent, proto: cx.proto, closure: cx.closure, pc, regs, ret: cx.ret, tail: cx.tail, varargs };
        self.f.frame_states.push(s);
        FsId(self.f.frame_states.len() as u32 - 1)
    }

    /// An exit that blames the current instruction.
    pub fn exit(&mut self, reason: Reason) -> ExitId {
        let blame = self.cx.pc as u32;
        self.exit_blaming(reason, blame)
    }

    pub fn exit_blaming(&mut self, reason: Reason, pc: u32) -> ExitId {
        let state = self.state();
        self.f.exits.push(Exit { state, reason, blame: (self.cx.proto, pc) });
        ExitId(self.f.exits.len() as u32 - 1)
    }

    /// The call site of the current instruction.
    pub fn site(&mut self) -> SiteId {
        let site = Site { parent: self.cx.site, proto: self.cx.proto, pc: self.cx.pc as u32 };
        if let Some(i) = self.f.sites.iter().rposition(|s| *s == site) {
            return SiteId(i as u32);
        }
        self.f.sites.push(site);
        SiteId(self.f.sites.len() as u32 - 1)
    }

    // ---- constants

    pub(super) fn constant(&mut self, class: u8, key: u64, inst: impl FnOnce() -> (Op, Ty, Kinds, Range)) -> V {
        if let Some(v) = self.consts.get(&(class, key)) {
            return *v;
        }
        let (op, ty, kinds, range) = inst();
        let v = self.f.new_inst(Inst { op, ty, args: vec![], kinds, range, exit: None, site: None });
        self.consts.insert((class, key), v);
        v
    }

    /// Index of a listing name.
    pub fn name(&mut self, text: &[u8]) -> u32 {
        if let Some(i) = self.names.get(text) {
            return *i;
        }
        self.f.names.push(String::from_utf8_lossy(text).into_owned());
        let i = self.f.names.len() as u32 - 1;
        self.names.insert(text.to_vec(), i);
        i
    }
}

impl Ctx {
    pub fn new(proto: ProtoIdx, code: Rc<Code>, instances: Instances, p: &JobProto) -> Ctx {
        let n = instances.nodes.len();
        Ctx {
            proto,
            env: vec![NONE; p.max_stack as usize + code.tfor_calls.len()],
            code,
            closure: NONE,
            parent: None,
            ret: None,
            site: None,
            tail: false,
            target: None,
            path: 0,
            depth: 0,
            chain: vec![proto],
            instances,
            started: false,
            node: 0,
            outer_depth: 0,
            incoming: vec![Vec::new(); n],
            entry: vec![None; n],
            header: vec![None; n],
            pc: 0,
            open: None,
            open_state: None,
            varargs: None,
            state: None,
        }
    }
    /// Exits of the current instruction go on with this state.
    pub fn use_state(&mut self, state: FsId) {
        self.state = Some(state);
    }
    /// Forgets the frame state, because something has been done that must not be repeated.
    pub fn forget_state(&mut self) {
        self.state = None;
    }
}

impl Builder<'_> {
    /// Adds the entry edge of an inlined function.
    pub fn enter_context(&mut self) {
        self.edge_to(0);
    }
}

macro_rules! forward {
    ($(($name:ident, $method:ident, $form:ident, $fb:ident, $eff:ident, $doc:literal);)*) => {
        /// Each method stands in the file of its family.
        impl OpVisitor for Builder<'_> {
            type Out = ();
            $(fn $method(&mut self, _pc: usize, ins: Ins) { Builder::$method(self, ins) })*
        }
    };
}
for_each_op!(forward);
