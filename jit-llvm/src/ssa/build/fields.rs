//! Named access: `t.x`, globals, methods, by the shapes that feedback names.
//!
//! Without a failed bet the shapes are guarded. After one (`exited`), they are tested, and what is none of them goes to the
//! runtime.
use super::context::Builder;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;
use selune_core::feedback::{FieldEntry, FieldSlot};
use selune_core::opcode;
use selune_core::proto::Ins;
use selune_core::shape::Metamethod;

/// What to do when something is not as feedback says.
#[derive(Clone, Copy)]
pub(super) enum Miss {
    Exit,
    Go(BlockId),
}

/// Longest chain of `__index` tables that is followed.
const MAX_CHAIN: usize = 4;

/// A way along `__index` tables.
struct Chain {
    steps: Vec<Step>,
    /// Where the key is in the last holder; None: nowhere, the result is nil.
    found: Option<Place>,
}

/// From a table of one shape to its metatable's `__index`.
struct Step {
    from: u32,
    /// Where `__index` is and the shape of the table there; None: there is no `__index`.
    index: Option<(Place, u32)>,
}

/// Where a named slot is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Place {
    Inline(u16),
    Part(u16),
}

impl Builder<'_> {
    pub(super) fn op_get_field(&mut self, i: Ins) {
        let o = self.reg(i.b());
        if let Some(v) = self.get_named(o, i.c(), i.s()) {
            self.set(i.a(), v);
        }
    }
    pub(super) fn op_get_tab_up(&mut self, i: Ins) {
        let o = self.upvalue(i.b());
        if let Some(v) = self.get_named(o, i.c(), i.s()) {
            self.set(i.a(), v);
        }
    }
    pub(super) fn op_self(&mut self, i: Ins) {
        let o = self.reg(i.b());
        // A metamethod's frame state has the receiver in its place already.
        self.self_register = Some(i.a() + 1);
        let v = self.get_named(o, i.c(), i.s());
        self.self_register = None;
        if let Some(v) = v {
            let o = self.reg(i.b());
            self.set(i.a() + 1, o);
            self.set(i.a(), v);
        }
    }
    pub(super) fn op_set_field(&mut self, i: Ins) {
        let (o, v) = (self.reg(i.a()), self.rk(i.c()));
        self.set_named(o, i.b(), v, i.s());
    }
    pub(super) fn op_set_tab_up(&mut self, i: Ins) {
        let (o, v) = (self.upvalue(i.a()), self.rk(i.c()));
        self.set_named(o, i.b(), v, i.s());
    }

    /// Goes on when `cond` holds, else misses.
    pub(super) fn check(&mut self, cond: V, miss: Miss, reason: Reason) {
        match miss {
            Miss::Exit => self.guard(cond, true, reason),
            Miss::Go(slow) => {
                if self.f.op(cond) == Op::ConstBool(true) {
                    return;
                }
                let other = self.split(cond);
                let good = self.cur;
                self.switch_to(other);
                self.jump_block(slow);
                self.switch_to(good);
            }
        }
    }
    /// The table, or a miss.
    pub(super) fn check_table(&mut self, v: V, miss: Miss) -> V {
        match miss {
            Miss::Exit => self.guard_table(v),
            Miss::Go(_) => {
                let v = self.any(v);
                let c = self.is_kind(v, Kinds::TABLE);
                self.check(c, miss, Reason::NotTable);
                v
            }
        }
    }
    /// The table with this shape, or a miss.
    pub(super) fn check_shape(&mut self, t: V, id: u32, miss: Miss) -> V {
        match miss {
            Miss::Exit => self.add_guard(Op::GuardShape { ids: [id, 0, 0, 0], n: 1 }, Ty::Any, &[t], Reason::Shape),
            Miss::Go(_) => {
                let c = self.add(Op::IsShape(id), Ty::Bool, &[t]);
                self.check(c, miss, Reason::Shape);
                t
            }
        }
    }
    /// The value when it is not nil, or a miss.
    pub(super) fn check_not_nil(&mut self, v: V, miss: Miss) -> V {
        match miss {
            Miss::Exit => self.guard_kind(v, Kinds::NOT_NIL, Reason::IsNil),
            Miss::Go(_) => {
                let c = self.is_kind(v, Kinds::NOT_NIL);
                self.check(c, miss, Reason::IsNil);
                v
            }
        }
    }

    pub(super) fn place(&self, shape: u32, slot: u16) -> Option<Place> {
        let info = self.job.shapes.get(&shape)?;
        let inline = info.inline_cap as u16;
        (!info.dict).then(|| if slot < inline { Place::Inline(slot) } else { Place::Part(slot - inline) })
    }
    pub(super) fn load_place(&mut self, t: V, p: Place) -> V {
        match p {
            Place::Inline(s) => self.add(Op::LoadInline(s), Ty::Any, &[t]),
            Place::Part(s) => {
                let part = self.add(Op::LoadSlots, Ty::Any, &[t]);
                self.add(Op::LoadSlot(s), Ty::Any, &[part])
            }
        }
    }
    fn store_place(&mut self, t: V, p: Place, v: V) {
        let barrier = self.needs_barrier(v);
        match p {
            Place::Inline(slot) => self.add(Op::StoreInline { slot, barrier }, Ty::Void, &[t, v]),
            Place::Part(slot) => {
                let part = self.add(Op::LoadSlots, Ty::Any, &[t]);
                self.add(Op::StoreSlot { slot, barrier }, Ty::Void, &[part, v])
            }
        };
    }

    /// Entries whose shapes the job knows and that this file understands, one for each shape.
    fn entries(&self, s: &FieldSlot, key: u64, set: bool) -> Vec<FieldEntry> {
        let known = |id: u32| self.job.shapes.get(&id).is_some_and(|i| !i.dict);
        let usable = |e: &FieldEntry| {
            e.shape != 0
                && known(e.shape)
                && match (set, e.mshape) {
                    (false, _) if e.flags & FieldEntry::CHAIN != 0 => self.chain(e.shape, key).is_some(),
                    _ if e.slot == FieldEntry::ABSENT => false,
                    (_, 0) => true,
                    (true, _) => e.flags & FieldEntry::ADD != 0 && known(e.mshape) && self.may_add(e),
                    (false, m) => known(m) && known(e.hshape) && self.job.shapes[&e.shape].metatable != 0,
                }
        };
        let mut out: Vec<FieldEntry> = Vec::new();
        for e in s.entries.iter().filter(|e| usable(e)) {
            // An own slot says more than a chain that was walked because it was nil.
            match out.iter_mut().find(|o| o.shape == e.shape && !set) {
                Some(o) if o.mshape != 0 => *o = *e,
                Some(_) => {}
                None => out.push(*e),
            }
        }
        out
    }
    /// Does the metatable that was seen when the key was added lack `__newindex` for certain?
    fn may_add(&self, e: &FieldEntry) -> bool {
        let info = &self.job.shapes[&e.shape];
        !info.own_meta && if info.metatable == 0 { e.hshape == 0 } else { self.lacks(e.hshape, Metamethod::NewIndex) }
    }
    /// Do metatables of this shape lack a metamethod for certain?
    pub(super) fn lacks(&self, shape: u32, m: Metamethod) -> bool {
        self.job.shapes.get(&shape).is_some_and(|i| i.absent >> m as u32 & 1 != 0 && !i.dict)
    }

    /// Where a lookup of `key` ends that begins behind a table of this shape (its own slots left aside), by what the job knows
    /// of metatables: None when it cannot tell.
    fn chain(&self, shape: u32, key: u64) -> Option<Chain> {
        let mut out = Chain { steps: Vec::new(), found: None };
        let mut shape = shape;
        for _ in 0..MAX_CHAIN {
            let info = self.job.shapes.get(&shape)?;
            if info.dict || info.own_meta {
                return None;
            }
            if info.metatable == 0 {
                return Some(out);
            }
            let from = shape;
            if self.lacks(info.meta_shape, Metamethod::Index) {
                out.steps.push(Step { from, index: None });
                return Some(out);
            }
            let (slot, holder) = info.index?;
            let place = self.place(info.meta_shape, slot)?;
            out.steps.push(Step { from, index: Some((place, holder)) });
            let h = self.job.shapes.get(&holder)?;
            if h.dict {
                return None;
            }
            if let Some(slot) = h.slot_of(key) {
                out.found = Some(self.place(holder, slot)?);
                // A nil there would lead further.
                return Some(out);
            }
            shape = holder;
        }
        None
    }

    /// Checks the steps of a chain and gives the value at its end.
    fn walk(&mut self, chain: &Chain, miss: Miss) -> V {
        let mut holder = None;
        for step in &chain.steps {
            let info = &self.job.shapes[&step.from];
            let m = self.const_object(info.metatable, format!("metatable of shape {}", step.from).as_bytes());
            let m = self.check_shape(m, info.meta_shape, miss);
            if let Some((place, shape)) = step.index {
                let h = self.load_place(m, place);
                let h = self.check_table(h, miss);
                holder = Some((self.check_shape(h, shape, miss), shape));
            }
        }
        match (chain.found, holder) {
            (Some(p), Some((h, shape))) => {
                let v = self.load_place(h, p);
                if self.job.shapes[&shape].plain() { v } else { self.check_not_nil(v, miss) }
            }
            _ => self.const_nil(),
        }
    }

    /// A value from an own slot of a table with this shape, whose metatable applies when it is nil.
    fn own_value(&mut self, v: V, shape: u32, key: u64, miss: Miss) -> V {
        if self.job.shapes[&shape].plain() {
            return v;
        }
        let Some(chain) = self.chain(shape, key).filter(|c| c.found.is_none()) else {
            return self.check_not_nil(v, miss);
        };
        // Nothing further up either: then nil is what it is.
        let some = self.is_kind(v, Kinds::NOT_NIL);
        let (yes, no) = self.branch_blocks(some, None);
        self.switch_to(no);
        self.walk(&chain, miss);
        self.join_void(vec![yes, self.cur]);
        v
    }

    /// `o[K[k]]`; None when the block has ended.
    pub(super) fn get_named(&mut self, o: V, k: usize, s: u16) -> Option<V> {
        let slot = self.proto().feedback.field(s);
        let key = self.const_k(k);
        let bits = self.key_bits(key);
        let entries = self.entries(&slot, bits, false);
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        let nothing = slot.count == 0 && slot.entries[0].shape == 0 && slot.mega == 0 && slot.receivers == 0;
        if nothing && bets && self.unseen() {
            return None;
        }
        if entries.is_empty() && slot.mega == 0 && slot.receivers == 1 && bets && self.kinds(o).meets(Kinds::STRING)
            && let Some(v) = self.get_string_method(o, bits)
        {
            return Some(v);
        }
        if entries.is_empty() && slot.mega == 0 && slot.receivers == 0 && bets {
            let i = self.proto().code[self.cx.pc];
            if let Some(v) = self.index_metamethod(o, key, bits, i.a()) {
                return if self.dead { None } else { Some(v) };
            }
        }
        if entries.is_empty() || self.job.options.no_feedback || !self.kinds(o).meets(Kinds::TABLE) {
            let o = self.any(o);
            return Some(self.add(Op::Rt(RtOp::GetField), Ty::Any, &[o, key]));
        }
        let complete = slot.mega == 0 && slot.receivers == 0 && bets;
        let slow = self.new_block(true);
        let outer = if complete { Miss::Exit } else { Miss::Go(slow) };
        let t = self.check_table(o, outer);
        if complete && let Some(v) = self.get_same_place(t, &entries, bits) {
            self.drop_block(slow);
            return Some(v);
        }
        let mut ends = Vec::new();
        for (n, e) in entries.iter().enumerate() {
            let last = n + 1 == entries.len();
            if last {
                let t = self.check_shape(t, e.shape, outer);
                let v = self.get_by_entry(t, e, bits, outer);
                ends.push((self.cur, v));
            } else {
                let c = self.add(Op::IsShape(e.shape), Ty::Bool, &[t]);
                let next = self.split(c);
                let v = self.get_by_entry(t, e, bits, outer);
                ends.push((self.cur, v));
                self.switch_to(next);
            }
        }
        if !complete {
            self.switch_to(slow);
            let o = self.any(o);
            let v = self.add(Op::Rt(RtOp::GetField), Ty::Any, &[o, key]);
            ends.push((self.cur, v));
        } else {
            self.drop_block(slow);
        }
        if ends.len() == 1 {
            self.switch_to(ends[0].0);
            return Some(ends[0].1);
        }
        let v = self.join(ends);
        self.cx.forget_state();
        Some(v)
    }

    /// A field of a string: one of the library's functions.
    fn get_string_method(&mut self, o: V, key: u64) -> Option<V> {
        let m = self.job.strings?;
        let index = self.place(m.shape, m.slot)?;
        let holder = self.job.shapes.get(&m.holder)?;
        let (plain, place) = (holder.plain(), self.place(m.holder, holder.slot_of(key)?)?);
        self.guard_kind(o, Kinds::STRING, Reason::NotString);
        let named = self.name(b"metatable of strings");
        let meta = self.add(Op::LoadTypeMeta(vm_bridge::vm::STRING_TYPE as u8), Ty::Any, &[]);
        let meta = self.add_guard(Op::GuardBits { bits: m.metatable, named }, Ty::Any, &[meta], Reason::Shape);
        let meta = self.check_shape(meta, m.shape, Miss::Exit);
        let h = self.load_place(meta, index);
        let h = self.check_table(h, Miss::Exit);
        let h = self.check_shape(h, m.holder, Miss::Exit);
        let v = self.load_place(h, place);
        Some(if plain { v } else { self.check_not_nil(v, Miss::Exit) })
    }

    /// A block that turned out not to be needed.
    pub(super) fn drop_block(&mut self, b: BlockId) {
        debug_assert!(self.f.block(b).preds.is_empty());
        let unreachable = self.f.new_inst(Inst {
            op: Op::Unreachable,
            ty: Ty::Void,
            args: vec![],
            kinds: Kinds::NONE,
            range: crate::ssa::types::Range::FULL,
            exit: None,
            site: None,
        });
        self.f.block_mut(b).insts.push(unreachable);
    }

    /// All shapes keep the field in the same place of their own: one guard for all.
    fn get_same_place(&mut self, t: V, entries: &[FieldEntry], key: u64) -> Option<V> {
        let first = self.place(entries[0].shape, entries[0].slot)?;
        let plain = entries.iter().all(|e| self.job.shapes[&e.shape].plain());
        if entries.iter().any(|e| e.mshape != 0 || self.place(e.shape, e.slot) != Some(first)) || entries.len() > 1 && !plain {
            return None;
        }
        let mut ids = [0; 4];
        for (id, e) in ids.iter_mut().zip(entries) {
            *id = e.shape;
        }
        let t = self.add_guard(Op::GuardShape { ids, n: entries.len() as u8 }, Ty::Any, &[t], Reason::Shape);
        let v = self.load_place(t, first);
        Some(match entries {
            [e] => self.own_value(v, e.shape, key, Miss::Exit),
            _ => v,
        })
    }

    /// The field of a table whose shape is the entry's.
    fn get_by_entry(&mut self, t: V, e: &FieldEntry, key: u64, miss: Miss) -> V {
        if e.flags & FieldEntry::CHAIN != 0 {
            return match self.chain(e.shape, key) {
                Some(chain) => self.walk(&chain, miss),
                None => self.const_nil(),
            };
        }
        if e.mshape == 0 {
            let Some(p) = self.place(e.shape, e.slot) else { return self.const_nil() };
            let v = self.load_place(t, p);
            return self.own_value(v, e.shape, key, miss);
        }
        let bits = self.job.shapes[&e.shape].metatable;
        let m = self.const_object(bits, format!("metatable of shape {}", e.shape).as_bytes());
        let m = self.check_shape(m, e.mshape, miss);
        let (Some(index), Some(p)) = (self.place(e.mshape, e.mslot as u16), self.place(e.hshape, e.slot)) else {
            return self.const_nil();
        };
        let h = self.load_place(m, index);
        let h = self.check_table(h, miss);
        let h = self.check_shape(h, e.hshape, miss);
        let v = self.load_place(h, p);
        // nil means going on along the chain.
        if self.job.shapes[&e.hshape].plain() { v } else { self.check_not_nil(v, miss) }
    }

    /// `o[K[k]] = v`.
    pub(super) fn set_named(&mut self, o: V, k: usize, v: V, s: u16) {
        let slot = self.proto().feedback.field(s);
        let key = self.const_k(k);
        let bits = self.key_bits(key);
        let entries = self.entries(&slot, bits, true);
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        let nothing = slot.count == 0 && slot.entries[0].shape == 0 && slot.mega == 0 && slot.receivers == 0;
        if nothing && bets && self.unseen() {
            return;
        }
        if entries.is_empty() && slot.mega == 0 && slot.receivers == 0 && bets && self.new_index_metamethod(o, key, bits, v) {
            return;
        }
        if entries.is_empty() || self.job.options.no_feedback || !self.kinds(o).meets(Kinds::TABLE) {
            let (o, v) = (self.any(o), self.any(v));
            self.add(Op::Rt(RtOp::SetField), Ty::Void, &[o, key, v]);
            return;
        }
        let complete = slot.mega == 0 && slot.receivers == 0 && bets;
        let slow = self.new_block(true);
        let outer = if complete { Miss::Exit } else { Miss::Go(slow) };
        let v = self.any(v);
        let t = self.check_table(o, outer);
        let mut ends = Vec::new();
        for (n, e) in entries.iter().enumerate() {
            if n + 1 == entries.len() {
                let t = self.check_shape(t, e.shape, outer);
                self.set_by_entry(t, e, v, outer, slow);
                ends.push(self.cur);
            } else {
                let c = self.add(Op::IsShape(e.shape), Ty::Bool, &[t]);
                let next = self.split(c);
                self.set_by_entry(t, e, v, outer, slow);
                ends.push(self.cur);
                self.switch_to(next);
            }
        }
        if self.f.block(slow).preds.is_empty() {
            self.drop_block(slow);
        } else {
            self.switch_to(slow);
            let o = self.any(o);
            self.add(Op::Rt(RtOp::SetField), Ty::Void, &[o, key, v]);
            ends.push(self.cur);
        }
        self.join_void(ends);
    }

    /// Goes on where these blocks meet.
    pub(super) fn join_void(&mut self, ends: Vec<BlockId>) {
        if let [only] = ends[..] {
            self.switch_to(only);
        } else {
            let cont = self.new_block(false);
            self.f.block_mut(cont).cold = ends.iter().all(|e| self.f.block(*e).cold);
            for b in ends {
                self.switch_to(b);
                self.jump_block(cont);
            }
            self.switch_to(cont);
        }
        self.cx.forget_state();
    }

    fn set_by_entry(&mut self, t: V, e: &FieldEntry, v: V, miss: Miss, slow: BlockId) {
        if e.flags & FieldEntry::ADD == 0 {
            let Some(p) = self.place(e.shape, e.slot) else { return };
            let info = &self.job.shapes[&e.shape];
            if !info.plain() {
                if info.metatable != 0 && self.lacks(info.meta_shape, Metamethod::NewIndex) {
                    let m = self.const_object(info.metatable, format!("metatable of shape {}", e.shape).as_bytes());
                    self.check_shape(m, info.meta_shape, miss);
                } else {
                    // `__newindex` applies where the old value is nil.
                    let old = self.load_place(t, p);
                    self.check_not_nil(old, miss);
                }
            }
            return self.store_place(t, p, v);
        }
        let bits = self.job.shapes[&e.shape].metatable;
        if bits != 0 {
            let m = self.const_object(bits, format!("metatable of shape {}", e.shape).as_bytes());
            self.check_shape(m, e.hshape, miss);
        }
        // Storing nil adds nothing. Other entries have branches of their own, so the registers keep the value as it was.
        match miss {
            Miss::Exit if !self.is(v, Kinds::NOT_NIL) => {
                self.add_guard(Op::GuardKind(Kinds::NOT_NIL), Ty::Any, &[v], Reason::IsNil);
            }
            Miss::Exit => {}
            Miss::Go(_) => _ = self.check_not_nil(v, miss),
        }
        match self.place(e.mshape, e.slot) {
            Some(p @ Place::Inline(_)) => self.store_place(t, p, v),
            Some(p @ Place::Part(n)) => {
                let part = self.add(Op::LoadSlots, Ty::Any, &[t]);
                let cap = self.add(Op::LoadCap, Ty::I64, &[part]);
                let n = self.const_int(n as i64);
                let room = self.cmp_int(Cmp::Lt, n, cap);
                self.check(room, Miss::Go(slow), Reason::Bounds);
                self.store_place(t, p, v);
            }
            None => return,
        }
        self.add(Op::StoreShape(e.mshape), Ty::Void, &[t]);
        let root = self.f.base(t);
        self.shape_hints.insert(root, e.mshape);
    }

    /// Bits of a constant key.
    fn key_bits(&self, key: V) -> u64 {
        match self.f.op(key) {
            Op::ConstValue { bits, .. } => bits,
            _ => 0,
        }
    }

    /// `setmetatable(t, m)` for a table that was made here and a metatable that tables of its shape have got before.
    /// False when it has to be called (nothing was emitted then).
    pub(super) fn set_metatable_shape(&self, t: V) -> Option<(u32, u32, u64)> {
        let shape = *self.shape_hints.get(&self.f.base(t))?;
        let info = self.job.shapes.get(&shape).filter(|i| i.plain() && !i.dict)?;
        let good = |c: &&(u64, u32)| {
            self.job.shapes.get(&c.1).is_some_and(|i| {
                !i.own_meta && self.lacks(i.meta_shape, Metamethod::Gc) && self.lacks(i.meta_shape, Metamethod::Mode)
            })
        };
        let candidates: Vec<&(u64, u32)> = info.with_metatable.iter().collect();
        let chosen = match candidates[..] {
            [only] => only,
            _ => {
                let next = self.shape_seen_next()?;
                candidates.into_iter().find(|c| c.1 == next)?
            }
        };
        good(&chosen).then_some((shape, chosen.1, chosen.0))
    }

    /// The shape that one of the next instructions saw of the result of the call at the current pc.
    fn shape_seen_next(&self) -> Option<u32> {
        let p = self.proto();
        let mut r = p.code[self.cx.pc].a();
        for pc in self.cx.pc + 1..(self.cx.pc + 8).min(p.code.len()) {
            let i = p.code[pc];
            match i.op() {
                opcode::Op::Move if i.b() == r => r = i.a(),
                opcode::Op::SetField if i.a() == r => return Some(p.feedback.field(i.s()).entries[0].shape),
                opcode::Op::GetField | opcode::Op::Self_ if i.b() == r => return Some(p.feedback.field(i.s()).entries[0].shape),
                opcode::Op::Jmp | opcode::Op::JmpBack | opcode::Op::ForLoop | opcode::Op::Return | opcode::Op::Return1 => return None,
                _ => {}
            }
        }
        None
    }
}
