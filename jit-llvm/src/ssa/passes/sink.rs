//! Tables that nobody else ever sees are not made: their slots become values, and an exit describes the table (`Op::Virtual`)
//! so that the deoptimiser can make it. The method is scalar replacement with virtual objects in frame states.
//!
//! SINK-1: a table is taken out only when every use is a store into it, a load from it, a test of it, a frame state, or a
//! store into another table that is taken out. SINK-2: what it holds is known at every use: where ways meet on which it
//! differs, it is not taken out if it is used from there on. SINK-3: one table is one `Virtual` in all frames of an exit.
//! What allocated it stays in place without a use, for `dce` (which leaves a `Waste`).
use super::Replacements;
use crate::ssa::ir::*;
use crate::ssa::types::{Kinds, Range};
use crate::ssa::verify::Dominators;
use selune_core::value::NIL;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most inline slots, and array elements, of a table that is taken out: exits pass each.
const MAX_SLOTS: u32 = 16;
/// How often the work is begun anew without a table that turned out to be in the way.
const MAX_ROUNDS: usize = 24;

/// What a table holds at some point.
#[derive(Clone, PartialEq)]
struct Contents {
    shape: u32,
    /// It is as it was made: no metatable.
    plain: bool,
    slots: Vec<V>,
    elements: Vec<V>,
}

/// Tables that are taken out, and what they hold.
type State = BTreeMap<V, Contents>;

/// Runs the pass.
pub fn run(f: &mut Func) -> bool {
    let dom = Dominators::new(f);
    let mut candidates: HashSet<V> = HashSet::new();
    for b in dom.order() {
        for v in &f.block(*b).insts {
            if let Op::NewTable { shape, inline, narray } = f.op(*v)
                && shape != 0
                && u32::from(inline) <= MAX_SLOTS
                && narray <= MAX_SLOTS
            {
                candidates.insert(*v);
            }
        }
    }
    let mut aliases: HashMap<V, V> = HashMap::new();
    for _ in 0..MAX_ROUNDS {
        remove_escaping(f, &dom, &mut candidates, &aliases);
        if candidates.is_empty() {
            return false;
        }
        let mut walk = Walk::new(f, &candidates, &aliases);
        walk.run(&dom);
        let Walk { f, replaced, stores, exits, entries, conflicts, new_aliases, .. } = walk;
        if conflicts.is_empty() && new_aliases.is_empty() {
            return finish(f, replaced, &stores, exits, entries);
        }
        candidates.retain(|t| !conflicts.contains(t));
        aliases.extend(new_aliases);
    }
    false
}

/// Writes the results of the last walk.
fn finish(f: &mut Func, replaced: Replacements, stores: &HashSet<V>, exits: Vec<(V, FsId)>, entries: Vec<(BlockId, FsId)>) -> bool {
    for (v, state) in exits {
        if let Some(e) = f.inst(v).exit {
            f.exits.push(Exit { state, ..f.exits[e.0 as usize].clone() });
            f.inst_mut(v).exit = Some(ExitId(f.exits.len() as u32 - 1));
        }
    }
    for (b, state) in entries {
        f.block_mut(b).entry_state = Some(state);
    }
    for b in &mut f.blocks {
        b.insts.retain(|v| !stores.contains(v));
    }
    replaced.apply(f) | !stores.is_empty()
}

/// The candidate that `v` is, behind guards and loads that give it.
fn table_of(f: &Func, candidates: &HashSet<V>, aliases: &HashMap<V, V>, v: V) -> Option<V> {
    let mut v = f.base(v);
    while let Some(t) = aliases.get(&v) {
        v = f.base(*t);
    }
    candidates.contains(&v).then_some(v)
}

/// The candidate whose array part `v` is.
fn owner_of(f: &Func, candidates: &HashSet<V>, aliases: &HashMap<V, V>, v: V) -> Option<V> {
    (f.op(v) == Op::LoadArray).then(|| table_of(f, candidates, aliases, f.inst(v).args[0]))?
}

/// Inline slots and elements that a candidate has room for. (Array parts are made with an even number of elements.)
fn room(f: &Func, t: V) -> (usize, usize) {
    match f.op(t) {
        Op::NewTable { inline, narray, .. } => (inline.into(), narray.next_multiple_of(2) as usize),
        _ => (0, 0),
    }
}

/// Takes tables out of the candidates until SINK-1 holds.
fn remove_escaping(f: &Func, dom: &Dominators, candidates: &mut HashSet<V>, aliases: &HashMap<V, V>) {
    loop {
        let mut escaping = HashSet::new();
        for b in dom.order() {
            for v in &f.block(*b).insts {
                let i = f.inst(*v);
                for (n, a) in i.args.iter().enumerate() {
                    let table = |v: V| table_of(f, candidates, aliases, v);
                    let owner = |v: V| owner_of(f, candidates, aliases, v);
                    if let Some(t) = table(*a) {
                        let (inline, _) = room(f, t);
                        let fine = match (i.op, n) {
                            (Op::LoadInline(k) | Op::StoreInline { slot: k, .. }, 0) => usize::from(k) < inline,
                            (Op::GuardKind(k) | Op::IsKind(k), 0) => Kinds::TABLE.within(k),
                            (Op::StoreShape(_) | Op::LoadArray | Op::GuardShape { .. } | Op::GuardPlain | Op::IsShape(_) | Op::IsTruthy, 0) => true,
                            (Op::StoreInline { .. }, 1) => table(i.args[0]).is_some_and(|into| into != t),
                            (Op::StoreElem { .. }, 2) => owner(i.args[0]).is_some_and(|into| into != t),
                            _ => false,
                        };
                        if !fine {
                            escaping.insert(t);
                        }
                    }
                    if let Some(t) = owner(*a) {
                        let within = || i.args.get(1).and_then(|k| element(f, *k)).is_some_and(|k| k < room(f, t).1);
                        let fine = match (i.op, n) {
                            (Op::LoadCap, 0) => true,
                            (Op::LoadElem | Op::StoreElem { .. }, 0) => within(),
                            _ => false,
                        };
                        if !fine {
                            escaping.insert(t);
                        }
                    }
                }
            }
        }
        if escaping.is_empty() {
            return;
        }
        candidates.retain(|t| !escaping.contains(t));
    }
}

/// The position (from 0) of the element with this constant index.
fn element(f: &Func, index: V) -> Option<usize> {
    f.const_int(f.base(index)).and_then(|k| usize::try_from(k.checked_sub(1)?).ok())
}

/// One pass over the function that follows what the candidates hold.
struct Walk<'a> {
    f: &'a mut Func,
    candidates: &'a HashSet<V>,
    aliases: &'a HashMap<V, V>,
    nil: V,
    replaced: Replacements,
    /// Stores into tables that are not made.
    stores: HashSet<V>,
    /// Instructions with exits, and the state with virtual tables.
    exits: Vec<(V, FsId)>,
    /// Loop headers, and the state of their entry with virtual tables.
    entries: Vec<(BlockId, FsId)>,
    /// Candidates that must be given up.
    conflicts: HashSet<V>,
    /// Loads that turned out to give a candidate.
    new_aliases: HashMap<V, V>,
    virtuals: HashMap<(V, u32, Vec<V>), V>,
}

impl<'a> Walk<'a> {
    fn new(f: &'a mut Func, candidates: &'a HashSet<V>, aliases: &'a HashMap<V, V>) -> Walk<'a> {
        let nil = f.constant(Op::ConstValue { bits: NIL, named: u32::MAX });
        let replaced = Replacements::new(f);
        Walk {
            f,
            candidates,
            aliases,
            nil,
            replaced,
            stores: HashSet::new(),
            exits: Vec::new(),
            entries: Vec::new(),
            conflicts: HashSet::new(),
            new_aliases: HashMap::new(),
            virtuals: HashMap::new(),
        }
    }

    fn run(&mut self, dom: &Dominators) {
        let mut before: Vec<Option<State>> = vec![None; self.f.blocks.len()];
        let mut after: Vec<Option<State>> = vec![None; self.f.blocks.len()];
        for &b in dom.order() {
            let preds: Vec<BlockId> = self.f.block(b).preds.iter().copied().filter(|p| dom.reachable(*p)).collect();
            let known: Vec<&State> = preds.iter().filter_map(|p| after[p.0 as usize].as_ref()).collect();
            let mut state = known.first().map(|s| (*s).clone()).unwrap_or_default();
            state.retain(|t, contents| known.iter().all(|s| s.get(t) == Some(contents)));
            if let (Some(entry), [outside]) = (self.f.block(b).entry_state, &known[..]) {
                let outside = (*outside).clone();
                let with_tables = self.state_at(entry, &outside);
                if with_tables != entry {
                    self.entries.push((b, with_tables));
                }
            }
            before[b.0 as usize] = Some(state.clone());
            for v in self.f.block(b).insts.clone() {
                self.visit(v, &mut state);
            }
            after[b.0 as usize] = Some(state);
        }
        // Back edges: what was taken for granted in the loop must hold at its ends.
        for &b in dom.order() {
            let Some(state) = &before[b.0 as usize] else { continue };
            for p in &self.f.block(b).preds {
                let Some(end) = after[p.0 as usize].as_ref() else { continue };
                self.conflicts.extend(state.iter().filter(|(t, contents)| end.get(t) != Some(contents)).map(|(t, _)| *t));
            }
        }
    }

    fn table(&self, v: V) -> Option<V> {
        table_of(self.f, self.candidates, self.aliases, self.replaced.get(v))
    }

    fn visit(&mut self, v: V, state: &mut State) {
        let i = self.f.inst(v).clone();
        if self.candidates.contains(&v)
            && let Op::NewTable { shape, .. } = i.op
        {
            let (inline, elements) = room(self.f, v);
            state.insert(v, Contents { shape, plain: true, slots: vec![self.nil; inline], elements: vec![self.nil; elements] });
            return;
        }
        let first = i.args.first().copied();
        if let Some(t) = first.and_then(|a| self.table(a)) {
            return self.use_table(v, &i, t, state);
        }
        if let Some(t) = first.and_then(|a| owner_of(self.f, self.candidates, self.aliases, a)) {
            return self.use_part(v, &i, t, state);
        }
        if let Some(e) = i.exit {
            let old = self.f.exits[e.0 as usize].state;
            let new = self.state_at(old, state);
            if new != old {
                self.exits.push((v, new));
            }
        }
    }

    fn use_table(&mut self, v: V, i: &Inst, t: V, state: &mut State) {
        let Some(contents) = state.get_mut(&t) else { return self.give_up(t) };
        match i.op {
            Op::LoadInline(k) => {
                let value = contents.slots[usize::from(k)];
                self.give(v, value);
            }
            Op::StoreInline { slot, .. } => {
                contents.slots[usize::from(slot)] = i.args[1];
                self.stores.insert(v);
            }
            Op::StoreShape(id) => {
                (contents.shape, contents.plain) = (id, false);
                self.stores.insert(v);
            }
            Op::GuardShape { ids, n } if ids[..n.into()].contains(&contents.shape) => self.replaced.set(v, t),
            Op::GuardPlain if contents.plain => self.replaced.set(v, t),
            Op::GuardKind(_) => self.replaced.set(v, t),
            Op::IsShape(id) => {
                let answer = contents.shape == id;
                self.answer(v, answer);
            }
            Op::IsKind(_) | Op::IsTruthy => self.answer(v, true),
            Op::LoadArray => {}
            _ => self.give_up(t),
        }
    }

    fn use_part(&mut self, v: V, i: &Inst, t: V, state: &mut State) {
        let Some(contents) = state.get_mut(&t) else { return self.give_up(t) };
        let at = i.args.get(1).and_then(|k| element(self.f, *k));
        match (i.op, at) {
            (Op::LoadCap, _) => {
                let cap = self.f.constant(Op::ConstInt(contents.elements.len() as i64));
                self.replaced.set(v, cap);
            }
            (Op::LoadElem, Some(at)) => {
                let value = contents.elements[at];
                self.give(v, value);
            }
            (Op::StoreElem { .. }, Some(at)) => {
                contents.elements[at] = i.args[2];
                self.stores.insert(v);
            }
            _ => self.give_up(t),
        }
    }

    fn give_up(&mut self, t: V) {
        self.conflicts.insert(t);
    }

    /// The load `v` gives this value.
    fn give(&mut self, v: V, value: V) {
        if let Some(t) = self.table(value)
            && self.aliases.get(&v) != Some(&t)
        {
            self.new_aliases.insert(v, t);
        }
        self.replaced.set(v, value);
    }

    fn answer(&mut self, v: V, yes: bool) {
        let answer = self.f.constant(Op::ConstBool(yes));
        self.replaced.set(v, answer);
    }

    /// The frame state with virtual tables in the place of those that are not made; the same when it has none.
    fn state_at(&mut self, id: FsId, state: &State) -> FsId {
        let mut new = self.f.frame_states[id.0 as usize].clone();
        new.parent = new.parent.map(|p| self.state_at(p, state));
        new.closure = self.value_at(new.closure, state, &mut Vec::new());
        for r in &mut new.regs {
            r.1 = self.value_at(r.1, state, &mut Vec::new());
        }
        for v in &mut new.varargs {
            *v = self.value_at(*v, state, &mut Vec::new());
        }
        if new == self.f.frame_states[id.0 as usize] {
            return id;
        }
        self.f.frame_states.push(new);
        FsId(self.f.frame_states.len() as u32 - 1)
    }

    /// `v`, or the virtual table that it is. `inside`: the tables that it is in.
    fn value_at(&mut self, v: V, state: &State, inside: &mut Vec<V>) -> V {
        let Some(t) = self.table(v) else { return v };
        let Some(contents) = state.get(&t).filter(|_| !inside.contains(&t)) else {
            self.give_up(t);
            return v;
        };
        inside.push(t);
        let mut args = Vec::with_capacity(contents.slots.len() + contents.elements.len());
        for &a in contents.slots.iter().chain(&contents.elements) {
            let a = self.replaced.get(a);
            // The deoptimiser boxes what it needs.
            args.push(match self.f.op(a) {
                Op::BoxInt | Op::BoxSmall | Op::BoxFloat | Op::BoxBool => self.f.inst(a).args[0],
                _ => self.value_at(a, state, inside),
            });
        }
        inside.pop();
        let (inline, array) = room(self.f, t);
        let key = (t, contents.shape, args.clone());
        if let Some(&known) = self.virtuals.get(&key) {
            return known;
        }
        let op = Op::Virtual { of: t, shape: contents.shape, inline: inline as u8, array: array as u8 };
        let made = self.f.new_inst(Inst { op, ty: Ty::Any, args, kinds: Kinds::TABLE, range: Range::FULL, exit: None, site: None });
        self.virtuals.insert(key, made);
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssa::passes::testing::Maker;

    fn shape(id: u32) -> Op {
        Op::GuardShape { ids: [id, 0, 0, 0], n: 1 }
    }

    fn vector(m: &mut Maker, x: V) -> V {
        let t = m.add(Op::NewTable { shape: 3, inline: 2, narray: 2 }, Ty::Any, &[]);
        m.add(Op::StoreInline { slot: 0, barrier: false }, Ty::Void, &[t, x]);
        m.add(Op::StoreShape(4), Ty::Void, &[t]);
        t
    }

    #[test]
    fn a_table_that_only_an_exit_sees_is_described_there() {
        let mut m = Maker::new();
        let p = m.param();
        let t = vector(&mut m, p);
        m.f.frame_states[0].regs.push((2, t));
        let g = m.add(shape(4), Ty::Any, &[t]);
        let x = m.add(Op::LoadInline(0), Ty::Any, &[g]);
        let s = m.add(Op::GuardSmall, Ty::I64, &[x]);
        let r = m.add(Op::BoxInt, Ty::Any, &[s]);
        m.end(Op::Return, &[r]);
        let f = m.check(run);
        let text = f.to_string();
        assert!(!text.contains("store_") && !text.contains("load_") && !text.contains("guard_shape"), "{text}");
        let state = f.exits[f.inst(s).exit.unwrap().0 as usize].state;
        let described = f.frame_states[state.0 as usize].regs[0].1;
        assert_eq!(f.op(described), Op::Virtual { of: t, shape: 4, inline: 2, array: 2 });
        assert_eq!(f.inst(described).args[0], p);
        assert!(f.state_values(state).contains(&p) && !f.state_values(state).contains(&t));
    }

    #[test]
    fn a_table_that_is_returned_is_made() {
        let mut m = Maker::new();
        let p = m.param();
        let inner = vector(&mut m, p);
        let outer = vector(&mut m, inner);
        m.end(Op::Return, &[outer]);
        let text = m.check(run).to_string();
        assert_eq!(text.matches("store_inline").count(), 2, "{text}");
    }

    #[test]
    fn tables_in_tables_go_too() {
        let mut m = Maker::new();
        let p = m.param();
        let inner = vector(&mut m, p);
        let outer = vector(&mut m, inner);
        let i = m.add(Op::LoadInline(0), Ty::Any, &[outer]);
        let g = m.add(Op::GuardKind(Kinds::TABLE), Ty::Any, &[i]);
        let x = m.add(Op::LoadInline(0), Ty::Any, &[g]);
        m.end(Op::Return, &[x]);
        let text = m.check(run).to_string();
        assert!(text.contains("return v1") && !text.contains("store_"), "{text}");
    }

    #[test]
    fn what_differs_where_ways_meet_keeps_the_table() {
        let mut m = Maker::new();
        let (one, two, end) = (m.block(), m.block(), m.block());
        let p = m.param();
        let t = vector(&mut m, p);
        let c = m.add(Op::IsTruthy, Ty::Bool, &[p]);
        m.end(Op::Branch { then: one, els: two, likely: None }, &[c]);
        m.at(one);
        let nil = m.f.constant(Op::ConstValue { bits: NIL, named: u32::MAX });
        m.add(Op::StoreInline { slot: 0, barrier: false }, Ty::Void, &[t, nil]);
        m.end(Op::Jump(end), &[]);
        m.at(two);
        m.end(Op::Jump(end), &[]);
        m.at(end);
        let x = m.add(Op::LoadInline(0), Ty::Any, &[t]);
        m.end(Op::Return, &[x]);
        let text = m.check(run).to_string();
        assert!(text.contains("load_inline") && text.matches("store_inline").count() == 2, "{text}");
    }
}
