//! Global value numbering with memory: an instruction that repeats a dominating one is replaced by it.
//!
//! Pure operations and guards of values are numbered by operation and operands. Loads and guards that look at memory also
//! carry the versions of the memory classes they read; a write makes a new version, and where ways with different versions
//! meet, or at the header of a loop that writes, there is a new one. Stores are forwarded to loads. A table made here that
//! nobody else can know yet has versions of its own, so stores to it disturb nothing.
use super::Replacements;
use super::loops;
use crate::ssa::ir::*;
use crate::ssa::verify::Dominators;
use std::collections::HashMap;

/// Number of single memory classes.
const CLASSES: usize = 7;
const SLOTS: usize = 1;

/// Versions of memory at a point.
#[derive(Clone, PartialEq)]
struct Memory {
    /// By class.
    class: [u32; CLASSES],
    /// Versions of single named slots that differ from the class's.
    slots: HashMap<(bool, u16), u32>,
    /// Tables, cells and closures that only this function knows, with their own version.
    fresh: HashMap<V, u32>,
}

#[derive(PartialEq, Eq, Hash, Clone, Debug)]
struct Key {
    op: Op,
    ty: Ty,
    args: Vec<V>,
    versions: Vec<u32>,
}

struct Gvn<'a> {
    f: &'a mut Func,
    dom: Dominators,
    table: HashMap<Key, Vec<(V, BlockId)>>,
    r: Replacements,
    next: u32,
    /// Other instructions to be taken out.
    dead: Vec<V>,
    constants: HashMap<Op, V>,
}

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let dom = Dominators::new(f);
    let all_loops = loops::find(f, &dom);
    let order = dom.order().to_vec();
    let r = Replacements::new(f);
    let mut g = Gvn { f, dom, table: HashMap::new(), r, next: 1, dead: Vec::new(), constants: HashMap::new() };
    let mut out: Vec<Option<Memory>> = vec![None; g.f.blocks.len()];
    for b in order {
        let mut m = g.entry_memory(b, &out, &all_loops);
        for v in g.f.block(b).insts.clone() {
            g.visit(b, v, &mut m);
        }
        out[b.0 as usize] = Some(m);
    }
    let dead = std::mem::take(&mut g.dead);
    let Gvn { f, r, .. } = g;
    for b in &mut f.blocks {
        b.insts.retain(|v| !dead.contains(v));
    }
    r.apply(f) | !dead.is_empty()
}

impl Gvn<'_> {
    fn fresh_version(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn entry_memory(&mut self, b: BlockId, out: &[Option<Memory>], all: &[loops::Loop]) -> Memory {
        let preds: Vec<BlockId> = self.f.block(b).preds.iter().copied().filter(|p| self.dom.reachable(*p)).collect();
        let known: Vec<&Memory> = preds.iter().filter_map(|p| out[p.0 as usize].as_ref()).collect();
        let Some(first) = known.first().copied() else {
            return Memory { class: [1; CLASSES], slots: HashMap::new(), fresh: HashMap::new() };
        };
        let mut m = first.clone();
        if known.len() > 1 || known.len() < preds.len() {
            for c in 0..CLASSES {
                if known.iter().any(|k| k.class[c] != first.class[c]) {
                    m.class[c] = self.fresh_version();
                }
            }
            let slots: Vec<(bool, u16)> = known.iter().flat_map(|k| k.slots.keys().copied()).collect();
            for s in slots {
                let version = |k: &Memory| k.slots.get(&s).copied().unwrap_or(k.class[SLOTS]);
                let v = if known.iter().any(|k| version(k) != version(first)) { self.fresh_version() } else { version(first) };
                m.slots.insert(s, v);
            }
            m.fresh.retain(|v, n| known.iter().all(|k| k.fresh.get(v) == Some(n)));
        }
        if known.len() < preds.len() {
            // A loop header (or a block of an irreducible loop, which counts as writing everything).
            m.fresh.clear();
            match all.iter().find(|l| l.header == b) {
                Some(l) => {
                    for c in 0..CLASSES {
                        if l.writes.0 >> c & 1 != 0 && (c != SLOTS || l.slots_unknown) {
                            m.class[c] = self.fresh_version();
                        }
                    }
                    if l.slots_unknown {
                        m.slots.clear();
                    } else {
                        for s in &l.slots {
                            let v = self.fresh_version();
                            m.slots.insert(*s, v);
                        }
                    }
                }
                None => {
                    for c in 0..CLASSES {
                        m.class[c] = self.fresh_version();
                    }
                    m.slots.clear();
                }
            }
        }
        m
    }

    /// Versions that a read of this operation depends on.
    fn versions(&self, op: Op, args: &[V], m: &Memory) -> Vec<u32> {
        let reads = op.effects().reads;
        if reads.is_none() {
            return vec![];
        }
        if let Some(own) = args.first().and_then(|a| m.fresh.get(a)) {
            return vec![u32::MAX, *own];
        }
        let slot = match op {
            Op::LoadInline(s) => Some((true, s)),
            Op::LoadSlot(s) => Some((false, s)),
            _ => None,
        };
        (0..CLASSES)
            .filter(|c| reads.0 >> c & 1 != 0)
            .map(|c| match slot {
                Some(s) if c == SLOTS => m.slots.get(&s).copied().unwrap_or(m.class[SLOTS]),
                _ => m.class[c],
            })
            .collect()
    }

    fn key(&mut self, op: Op, ty: Ty, args: &[V], m: &Memory) -> Key {
        // Guards return their operand, so facts belong to the value behind them.
        let mut args: Vec<V> = args.iter().map(|a| self.f.base(self.r.get(*a))).map(|a| self.r.get(a)).collect();
        let versions = self.versions(op, &args, m);
        for a in args.iter_mut() {
            *a = self.constant_id(*a);
        }
        if commutes(op) && args.len() == 2 && args[1] < args[0] {
            args.swap(0, 1);
        }
        Key { op, ty, args, versions }
    }

    /// Equal constants have one name.
    fn constant_id(&mut self, v: V) -> V {
        let op = self.f.op(v);
        if op.is_const() { *self.constants.entry(op).or_insert(v) } else { v }
    }

    fn find(&self, key: &Key, b: BlockId) -> Option<V> {
        let found = self.table.get(key)?;
        found.iter().rev().find(|(_, d)| self.dom.dominates(*d, b)).map(|(v, _)| *v)
    }

    fn record(&mut self, key: Key, v: V, b: BlockId) {
        self.table.entry(key).or_default().push((v, b));
    }

    fn visit(&mut self, b: BlockId, v: V, m: &mut Memory) {
        for k in 0..self.f.inst(v).args.len() {
            let a = self.f.inst(v).args[k];
            self.f.inst_mut(v).args[k] = self.r.get(a);
        }
        let i = self.f.inst(v).clone();
        self.escape(&i, m);
        let numbered = match i.op {
            // A constant cell is initialised once, which may happen after its making.
            Op::LoadCell { constant: true } if self.f.op(i.args[0]) == Op::NewCell => Some(Op::LoadCell { constant: false }),
            op if is_numbered(op) => Some(op),
            _ => None,
        };
        if let Some(op) = numbered {
            let key = self.key(op, i.ty, &i.args, m);
            if let Some(same) = self.find(&key, b) {
                if i.ty == Ty::Void {
                    self.dead.push(v);
                } else if same != v && self.f.ty(same) == i.ty {
                    self.r.set(v, same);
                }
                return;
            }
            self.record(key, v, b);
            return;
        }
        self.write(b, v, &i, m);
    }

    /// Objects that become known elsewhere are no longer private.
    fn escape(&mut self, i: &Inst, m: &mut Memory) {
        if m.fresh.is_empty() {
            return;
        }
        let address_only = matches!(
            i.op,
            Op::StoreInline { .. } | Op::StoreSlot { .. } | Op::StoreElem { .. } | Op::StoreCell { .. } | Op::StoreShape(_)
        ) || i.op.is_transparent_guard()
            || matches!(i.op, Op::LoadInline(_) | Op::LoadSlot(_) | Op::LoadElem | Op::LoadCell { .. } | Op::LoadUpval(_) | Op::LoadCap);
        // Parts are separate objects that alias nothing else, but are not tracked: their table is given up.
        for (n, a) in i.args.iter().enumerate() {
            if n == 0 && address_only {
                continue;
            }
            let root = self.f.base(self.r.get(*a));
            m.fresh.remove(&root);
        }
    }

    /// Effects on memory, and what stores make known.
    fn write(&mut self, b: BlockId, v: V, i: &Inst, m: &mut Memory) {
        let target = i.args.first().map(|a| self.f.base(self.r.get(*a)));
        let own = target.filter(|t| m.fresh.contains_key(t));
        match i.op {
            Op::NewTable { shape, .. } => {
                let version = self.fresh_version();
                m.fresh.insert(v, version);
                if shape != 0 {
                    let guard = Op::GuardShape { ids: [shape, 0, 0, 0], n: 1 };
                    let key = self.key(guard, Ty::Any, &[v], m);
                    self.record(key, v, b);
                }
                let key = self.key(Op::GuardPlain, Ty::Any, &[v], m);
                self.record(key, v, b);
                return;
            }
            Op::NewCell => {
                let version = self.fresh_version();
                m.fresh.insert(v, version);
                let key = self.key(Op::LoadCell { constant: false }, Ty::Any, &[v], m);
                self.record(key, i.args[0], b);
                return;
            }
            Op::StoreInline { slot, .. } => {
                self.new_slot_version(own, (true, slot), m);
                let key = self.key(Op::LoadInline(slot), Ty::Any, &i.args[..1], m);
                return self.record(key, i.args[1], b);
            }
            Op::StoreSlot { slot, .. } => {
                self.new_slot_version(own, (false, slot), m);
                let key = self.key(Op::LoadSlot(slot), Ty::Any, &i.args[..1], m);
                return self.record(key, i.args[1], b);
            }
            Op::StoreShape(id) => {
                let version = self.fresh_version();
                match own {
                    Some(t) => self.carry_fresh(t, version, m),
                    None => m.class[0] = version,
                }
                let guard = Op::GuardShape { ids: [id, 0, 0, 0], n: 1 };
                let key = self.key(guard, Ty::Any, &i.args[..1], m);
                return self.record(key, target.unwrap_or(v), b);
            }
            Op::StoreElem { .. } => {
                m.class[3] = self.fresh_version();
                let key = self.key(Op::LoadElem, Ty::Any, &i.args[..2], m);
                return self.record(key, i.args[2], b);
            }
            Op::StoreCell { .. } => {
                let version = self.fresh_version();
                match own {
                    Some(t) => _ = m.fresh.insert(t, version),
                    None => m.class[5] = version,
                }
                let key = self.key(Op::LoadCell { constant: false }, Ty::Any, &i.args[..1], m);
                return self.record(key, i.args[1], b);
            }
            _ => {}
        }
        let w = i.op.effects().writes;
        for c in 0..CLASSES {
            if w.0 >> c & 1 != 0 {
                m.class[c] = self.fresh_version();
            }
        }
        if w.meets(Mem::SLOTS) {
            m.slots.clear();
        }
    }

    fn new_slot_version(&mut self, own: Option<V>, slot: (bool, u16), m: &mut Memory) {
        let version = self.fresh_version();
        match own {
            Some(t) => self.carry_slots(t, slot, version, m),
            None => _ = m.slots.insert(slot, version),
        }
    }

    /// A private table changed its shape: what is known of its slots stays known.
    fn carry_fresh(&mut self, t: V, version: u32, m: &mut Memory) {
        self.carry(t, version, m, |op| matches!(op, Op::LoadInline(_) | Op::LoadArray | Op::LoadSlots));
    }

    /// One slot of a private table changed: what else is known of it stays known.
    fn carry_slots(&mut self, t: V, slot: (bool, u16), version: u32, m: &mut Memory) {
        self.carry(t, version, m, |op| match op {
            Op::LoadInline(s) => !slot.0 || s != slot.1,
            Op::GuardShape { .. } | Op::GuardPlain | Op::LoadArray | Op::LoadSlots => true,
            _ => false,
        });
    }

    fn carry(&mut self, t: V, version: u32, m: &mut Memory, keep: impl Fn(Op) -> bool) {
        let Some(old) = m.fresh.insert(t, version) else { return };
        let kept: Vec<(Key, Vec<(V, BlockId)>)> = self
            .table
            .iter()
            .filter(|(k, _)| k.versions == [u32::MAX, old] && k.args.first() == Some(&t) && keep(k.op))
            .map(|(k, v)| (Key { versions: vec![u32::MAX, version], ..k.clone() }, v.clone()))
            .collect();
        self.table.extend(kept);
    }
}

fn commutes(op: Op) -> bool {
    use Op::*;
    // Floats too: which NaN of two comes out is not defined by Lua.
    matches!(op, AddI | MulI | AndI | OrI | XorI | CmpI(Cmp::Eq | Cmp::Ne) | CmpF(Cmp::Eq | Cmp::Ne) | SameBits | RawEq)
}

/// Operations that are shared when repeated.
fn is_numbered(op: Op) -> bool {
    let e = op.effects();
    if op.is_pinned() || op.is_const() || matches!(op, Op::Poll | Op::Exit | Op::CallResult(_) | Op::NextKey | Op::NextValue) {
        return false;
    }
    e.writes.is_none() && e.gc == Gc::None && !e.throws
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;
    use crate::ssa::types::Kinds;

    fn shape(id: u32) -> Op {
        Op::GuardShape { ids: [id, 0, 0, 0], n: 1 }
    }

    #[test]
    fn a_second_guard_and_load_go_until_something_is_called() {
        let mut m = Maker::new();
        let p = m.param();
        let t = m.add(Op::GuardKind(Kinds::TABLE), Ty::Any, &[p]);
        let a = m.add(shape(5), Ty::Any, &[t]);
        let x = m.add(Op::LoadInline(0), Ty::Any, &[a]);
        let u = m.add(Op::GuardKind(Kinds::TABLE), Ty::Any, &[p]);
        let b = m.add(shape(5), Ty::Any, &[u]);
        let y = m.add(Op::LoadInline(0), Ty::Any, &[b]);
        m.add(Op::Call { callee: Callee::Any, want: Want::None }, Ty::Void, &[x, y]);
        let c = m.add(shape(5), Ty::Any, &[t]);
        let z = m.add(Op::LoadInline(0), Ty::Any, &[c]);
        m.end(Op::Return, &[z]);
        let t = m.check(run).to_string();
        assert_eq!(t.matches("guard_shape").count(), 2, "{t}");
        assert_eq!(t.matches("load_inline").count(), 2, "{t}");
        assert_eq!(t.matches("guard_kind").count(), 1, "{t}");
    }
    #[test]
    fn stores_are_forwarded_and_other_slots_stay_known() {
        let mut m = Maker::new();
        let p = m.param();
        let a = m.add(shape(5), Ty::Any, &[p]);
        let x = m.add(Op::LoadInline(0), Ty::Any, &[a]);
        m.add(Op::StoreInline { slot: 1, barrier: true }, Ty::Void, &[a, p]);
        let y = m.add(Op::LoadInline(0), Ty::Any, &[a]);
        let z = m.add(Op::LoadInline(1), Ty::Any, &[a]);
        m.end(Op::Return, &[x, y, z]);
        let t = m.check(run).to_string();
        assert_eq!(t.matches("load_inline").count(), 1, "{t}");
        assert!(t.contains("return v3 v3 v1"), "{t}");
    }
    #[test]
    fn a_store_in_a_loop_makes_its_loads_variable() {
        let mut m = Maker::new();
        let p = m.param();
        let (header, end) = (m.block(), m.block());
        let a = m.add(shape(5), Ty::Any, &[p]);
        m.add(Op::LoadInline(0), Ty::Any, &[a]);
        m.end(Op::Jump(header), &[]);
        m.at(header);
        let x = m.add(Op::LoadInline(0), Ty::Any, &[a]);
        let y = m.add(Op::LoadInline(1), Ty::Any, &[a]);
        m.add(Op::StoreInline { slot: 0, barrier: true }, Ty::Void, &[a, y]);
        let c = m.add(Op::IsTruthy, Ty::Bool, &[x]);
        m.end(Op::Branch { then: header, els: end, likely: None }, &[c]);
        m.at(end);
        m.end(Op::Return, &[p]);
        let t = m.check(run).to_string();
        assert_eq!(t.matches("load_inline 0").count(), 2, "{t}");
    }
    #[test]
    fn a_new_table_keeps_its_shape_while_others_change() {
        let mut m = Maker::new();
        let p = m.param();
        let t = m.add(Op::NewTable { shape: 3, inline: 2, narray: 0 }, Ty::Any, &[]);
        let a = m.add(shape(3), Ty::Any, &[t]);
        m.add(Op::StoreInline { slot: 0, barrier: false }, Ty::Void, &[a, p]);
        m.add(Op::StoreShape(4), Ty::Void, &[a]);
        let b = m.add(shape(4), Ty::Any, &[t]);
        let x = m.add(Op::LoadInline(0), Ty::Any, &[b]);
        m.end(Op::Return, &[t, x]);
        let text = m.check(run).to_string();
        assert!(!text.contains("guard_shape") && !text.contains("load_inline"), "{text}");
    }
    #[test]
    fn a_cell_initialised_after_its_closure_is_not_its_first_value() {
        let mut m = Maker::new();
        let nil = m.f.constant(Op::ConstValue { bits: selune_core::value::NIL, named: u32::MAX });
        let p = m.param();
        let c = m.add(Op::NewCell, Ty::Any, &[nil]);
        m.add(Op::StoreCell { barrier: true }, Ty::Void, &[c, p]);
        let x = m.add(Op::LoadCell { constant: true }, Ty::Any, &[c]);
        m.end(Op::Return, &[x]);
        assert!(m.check(run).to_string().contains("return v1"));
    }
}
