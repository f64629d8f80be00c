//! The loops of a function in SSA form, with what they write.
use crate::ssa::ir::*;
use crate::ssa::verify::Dominators;

/// A natural loop.
#[derive(Clone, Debug)]
pub struct Loop {
    /// Its header.
    pub header: BlockId,
    /// The only predecessor of the header outside, which ends with a jump.
    pub preheader: Option<BlockId>,
    /// Predecessors of the header inside.
    pub latches: Vec<BlockId>,
    /// Blocks by number.
    pub member: Vec<bool>,
    /// Classes of memory that something in it writes.
    pub writes: Mem,
    /// Slots that are stored to (inline or not, number); only complete when `slots_unknown` is false.
    pub slots: Vec<(bool, u16)>,
    /// Something in it writes unknown slots.
    pub slots_unknown: bool,
    /// Number of blocks.
    pub size: usize,
}

impl Loop {
    /// Is the block part of it?
    pub fn has(&self, b: BlockId) -> bool {
        self.member[b.0 as usize]
    }
    /// Can a named slot change in it?
    pub fn writes_slot(&self, slot: (bool, u16)) -> bool {
        self.slots_unknown || self.slots.contains(&slot)
    }
}

/// All natural loops, inner ones before the ones around them.
pub fn find(f: &Func, dom: &Dominators) -> Vec<Loop> {
    let mut out = Vec::new();
    for h in dom.order() {
        let preds = &f.block(*h).preds;
        let latches: Vec<BlockId> = preds.iter().copied().filter(|p| dom.reachable(*p) && dom.dominates(*h, *p)).collect();
        if latches.is_empty() {
            continue;
        }
        let mut member = vec![false; f.blocks.len()];
        member[h.0 as usize] = true;
        let mut work = latches.clone();
        let mut size = 1;
        while let Some(b) = work.pop() {
            if !std::mem::replace(&mut member[b.0 as usize], true) {
                size += 1;
                work.extend(f.block(b).preds.iter().copied().filter(|p| dom.reachable(*p)));
            }
        }
        let outside: Vec<BlockId> = preds.iter().copied().filter(|p| !member[p.0 as usize]).collect();
        let preheader = match outside[..] {
            [p] if matches!(f.terminator(p).map(|t| f.op(t)), Some(Op::Jump(_))) => Some(p),
            _ => None,
        };
        let mut l =
            Loop { header: *h, preheader, latches, member, writes: Mem::NONE, slots: Vec::new(), slots_unknown: false, size };
        for b in dom.order() {
            if l.has(*b) {
                for v in &f.block(*b).insts {
                    note_writes(&mut l, f.op(*v));
                }
            }
        }
        out.push(l);
    }
    out.sort_by_key(|l| l.size);
    out
}

fn note_writes(l: &mut Loop, op: Op) {
    let w = op.effects().writes;
    l.writes = l.writes.or(w);
    match op {
        Op::StoreInline { slot, .. } => l.slots.push((true, slot)),
        Op::StoreSlot { slot, .. } => l.slots.push((false, slot)),
        _ => l.slots_unknown |= w.meets(Mem::SLOTS),
    }
}
