//! The bytecode of one function as a flow graph with liveness: which registers each instruction reads and writes, basic
//! blocks, and the registers that are live before each instruction.
use super::graph::{Analysis, Graph};
use crate::job::{JobProto, ProtoIdx};
use selune_core::opcode::Op;
use selune_core::proto::{Ins, RK_CONST};

/// A set of registers.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct RegSet([u64; 4]);

impl RegSet {
    /// Adds.
    pub fn add(&mut self, r: usize) {
        self.0[r >> 6 & 3] |= 1 << (r & 63);
    }
    /// Removes.
    pub fn remove(&mut self, r: usize) {
        self.0[r >> 6 & 3] &= !(1 << (r & 63));
    }
    /// Contains?
    pub fn has(&self, r: usize) -> bool {
        self.0[r >> 6 & 3] >> (r & 63) & 1 != 0
    }
    /// Adds all; true when something was new.
    pub fn union(&mut self, o: &RegSet) -> bool {
        let old = *self;
        for (a, b) in self.0.iter_mut().zip(o.0) {
            *a |= b;
        }
        *self != old
    }
    /// Members in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..256).filter(|r| self.has(*r))
    }
}

/// A basic block: instructions `start..end`.
#[derive(Clone, Debug)]
pub struct CodeBlock {
    /// First instruction.
    pub start: usize,
    /// Behind the last instruction.
    pub end: usize,
    /// Registers written in it.
    pub defs: RegSet,
}

/// A function's flow graph.
#[derive(Clone, Debug)]
pub struct Code {
    /// Which function.
    pub proto: ProtoIdx,
    /// Blocks in the order of the code.
    pub blocks: Vec<CodeBlock>,
    /// Block of each instruction.
    pub block_of: Vec<usize>,
    /// Edges.
    pub graph: Graph,
    /// Loops and orders, from instruction 0.
    pub flow: Analysis,
    /// Live registers before each instruction.
    pub live: Vec<RegSet>,
    /// The `TForCall` instructions; each has a hidden register for the position of an inlined `next`.
    pub tfor_calls: Vec<usize>,
}

/// Where the instruction can lead, as instruction numbers (the fall-through or taken jump first is not promised).
pub fn targets(pc: usize, ins: Ins) -> Vec<usize> {
    let jump = (pc as isize + 1 + ins.sbx()) as usize;
    match ins.op() {
        Op::Jmp | Op::JmpBack | Op::TForPrep => vec![jump],
        Op::ForPrep => vec![pc + 1, jump + 1],
        Op::ForLoop | Op::TForLoop => vec![jump, pc + 1],
        Op::LoadFalseSkip => vec![pc + 2],
        Op::Eq | Op::EqK | Op::Lt | Op::Le | Op::LtK | Op::LeK | Op::GtK | Op::GeK | Op::Test | Op::TestSet => vec![pc + 1, pc + 2],
        Op::Return | Op::Return0 | Op::Return1 | Op::TailCall => vec![],
        _ => vec![pc + 1],
    }
}

/// Ends a basic block.
fn ends_block(op: Op) -> bool {
    matches!(
        op,
        Op::Jmp | Op::JmpBack | Op::ForPrep | Op::ForLoop | Op::TForPrep | Op::TForLoop | Op::LoadFalseSkip | Op::Eq | Op::EqK | Op::Lt
            | Op::Le | Op::LtK | Op::LeK | Op::GtK | Op::GeK | Op::Test | Op::TestSet | Op::Return | Op::Return0 | Op::Return1 | Op::TailCall
    )
}

/// The register where the open list that the instruction at `pc` consumes starts (its producer stands just before).
pub fn open_start(proto: &JobProto, pc: usize) -> Option<usize> {
    let before = *proto.code.get(pc.checked_sub(1)?)?;
    (matches!(before.op(), Op::Call | Op::VarArg) && before.c() == 0).then_some(before.a())
}

/// Calls `reads` for each register the instruction reads and `writes` for each it writes.
pub fn registers(proto: &JobProto, pc: usize, mut reads: impl FnMut(usize), mut writes: impl FnMut(usize)) {
    let ins = proto.code[pc];
    let (a, b, c) = (ins.a(), ins.b(), ins.c());
    let rk = |n: usize| (n < RK_CONST).then_some(n);
    match ins.op() {
        Op::LoadK | Op::LoadFalse | Op::LoadFalseSkip | Op::LoadTrue | Op::GetUpval | Op::NewTable | Op::GetTabUp => writes(a),
        Op::LoadNil => (a..=a + b).for_each(writes),
        Op::Move | Op::NewCell | Op::GetCell | Op::GetInt | Op::GetField | Op::Unm | Op::BNot | Op::Not | Op::Len => {
            reads(b);
            writes(a);
        }
        Op::SetUpval | Op::Return1 | Op::Test | Op::Tbc => reads(a),
        Op::SetCell | Op::Eq | Op::Lt | Op::Le => {
            reads(a);
            reads(b);
        }
        Op::GetTable => {
            reads(b);
            reads(c);
            writes(a);
        }
        Op::SetTable => {
            reads(a);
            reads(b);
            rk(c).into_iter().for_each(reads);
        }
        Op::SetInt | Op::SetField => {
            reads(a);
            rk(c).into_iter().for_each(reads);
        }
        Op::SetTabUp => rk(c).into_iter().for_each(reads),
        Op::Self_ => {
            reads(b);
            writes(a);
            writes(a + 1);
        }
        Op::SetList => {
            let end = if b == 0 { open_start(proto, pc).unwrap_or(a + 1) } else { a + b + 1 };
            (a..end).for_each(reads);
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow | Op::IDiv | Op::BAnd | Op::BOr | Op::BXor | Op::Shl | Op::Shr => {
            reads(b);
            reads(c);
            writes(a);
        }
        Op::AddK | Op::SubK | Op::MulK | Op::DivK | Op::ModK | Op::PowK | Op::IDivK | Op::BAndK | Op::BOrK | Op::BXorK | Op::ShlK | Op::ShrK => {
            reads(b);
            writes(a);
        }
        Op::Concat => {
            (a..a + b).for_each(reads);
            writes(a);
        }
        Op::EqK | Op::LtK | Op::LeK | Op::GtK | Op::GeK => reads(a),
        Op::TestSet => {
            reads(b);
            writes(a);
        }
        Op::Jmp | Op::JmpBack | Op::Return0 | Op::VarArgPrep | Op::Close => {}
        Op::ForPrep => {
            (a..a + 3).for_each(reads);
            (a..a + 4).for_each(writes);
        }
        Op::ForLoop => {
            (a..a + 3).for_each(reads);
            writes(a);
            writes(a + 3);
        }
        Op::TForPrep => reads(a + 3),
        Op::TForCall => {
            (a..a + 3).for_each(reads);
            (a + 4..a + 4 + c).for_each(writes);
        }
        Op::TForLoop => {
            reads(a + 4);
            writes(a + 2);
        }
        Op::Call => {
            let end = if b == 0 { open_start(proto, pc).unwrap_or(a + 1) } else { a + b };
            (a..end).for_each(reads);
            (a..(a + c).saturating_sub(1)).for_each(writes);
        }
        Op::TailCall => {
            let end = if b == 0 { open_start(proto, pc).unwrap_or(a + 1) } else { a + b };
            (a..end).for_each(reads);
        }
        Op::Return => {
            let end = if b == 0 { open_start(proto, pc).unwrap_or(a) } else { a + b - 1 };
            (a..end).for_each(reads);
        }
        Op::VarArg => (a..(a + c).saturating_sub(1)).for_each(writes),
        Op::Closure => {
            for u in proto.children.get(ins.bx()).iter().flat_map(|c| &c.upvals).filter(|u| u.in_stack) {
                reads(u.index as usize);
            }
            writes(a);
        }
    }
}

impl Code {
    /// Analyses a function.
    pub fn new(proto: &JobProto, idx: ProtoIdx) -> Code {
        let n = proto.code.len();
        let mut leader = vec![false; n + 1];
        leader[0] = true;
        for (pc, ins) in proto.code.iter().enumerate() {
            if ends_block(ins.op()) {
                leader[pc + 1] = true;
                for t in targets(pc, *ins).into_iter().filter(|t| *t <= n) {
                    leader[t] = true;
                }
            }
        }
        let mut blocks: Vec<CodeBlock> = Vec::new();
        let mut block_of = vec![0; n];
        for pc in 0..n {
            if leader[pc] {
                blocks.push(CodeBlock { start: pc, end: pc, defs: RegSet::default() });
            }
            block_of[pc] = blocks.len() - 1;
            if let Some(b) = blocks.last_mut() {
                b.end = pc + 1;
                registers(proto, pc, |_| {}, |r| b.defs.add(r));
            }
        }
        let succs = blocks
            .iter()
            .map(|b| targets(b.end - 1, proto.code[b.end - 1]).into_iter().filter(|t| *t < n).map(|t| block_of[t]).collect())
            .collect();
        let graph = Graph { succs };
        let flow = graph.analyse();
        let tfor_calls = (0..n).filter(|pc| proto.code[*pc].op() == Op::TForCall).collect();
        let mut code = Code { proto: idx, blocks, block_of, graph, flow, live: vec![RegSet::default(); n + 1], tfor_calls };
        code.liveness(proto);
        code
    }

    fn liveness(&mut self, proto: &JobProto) {
        let mut changed = true;
        while changed {
            changed = false;
            for b in (0..self.blocks.len()).rev() {
                let mut live = RegSet::default();
                let last = self.blocks[b].end - 1;
                for s in &self.graph.succs[b] {
                    let mut there = self.live[self.blocks[*s].start];
                    // TestSet writes on one of its two ways.
                    if proto.code[last].op() == Op::TestSet && self.blocks[*s].start == last + 1 {
                        there.remove(proto.code[last].a());
                    }
                    live.union(&there);
                }
                for pc in (self.blocks[b].start..self.blocks[b].end).rev() {
                    live = Self::before(proto, pc, live);
                    changed |= self.live[pc].union(&live);
                }
            }
        }
    }

    fn before(proto: &JobProto, pc: usize, mut live: RegSet) -> RegSet {
        let op = proto.code[pc].op();
        // What TestSet writes has been taken out on its way.
        if op != Op::TestSet {
            registers(proto, pc, |_| {}, |r| live.remove(r));
        }
        // The values to be closed stay where the interpreter finds them.
        registers(proto, pc, |r| live.add(r), |_| {});
        live
    }

    /// Index of the hidden register of the `TForCall` at `pc`.
    pub fn hidden(&self, pc: usize) -> Option<usize> {
        self.tfor_calls.iter().position(|p| *p == pc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::build::testing::proto;

    #[test]
    fn loop_liveness() {
        // 0: r1 = k0; 1: if r1 < r0 jmp; 2: jmp +2; 3: r1 = r1 + r0; 4: back to 1; 5: return r1
        let p = proto(
            1,
            vec![
                Ins::abx(Op::LoadK, 1, 0),
                Ins::abc(Op::Lt, 1, 0, 0),
                Ins::asbx(Op::Jmp, 0, 2),
                Ins::abc(Op::Add, 1, 1, 0),
                Ins::asbx(Op::JmpBack, 0, -4),
                Ins::abc(Op::Return1, 1, 0, 0),
            ],
        );
        let c = Code::new(&p, 0);
        assert_eq!(c.live[0].iter().collect::<Vec<_>>(), [0]);
        assert_eq!(c.live[1].iter().collect::<Vec<_>>(), [0, 1]);
        assert_eq!(c.live[5].iter().collect::<Vec<_>>(), [1]);
        assert_eq!(c.flow.loops.len(), 1);
        assert_eq!(c.blocks[c.flow.loops[0].header].start, 1);
    }
}
