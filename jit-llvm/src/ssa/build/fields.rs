//! Named access: `t.x`, globals, methods, by the shapes that feedback names.
//!
//! Without a failed bet the shapes are guarded. After one (`exited`), they are tested, and what is none of them goes to the
//! runtime.
use super::context::Builder;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;
use selune_core::feedback::{FieldEntry, FieldSlot};
use selune_core::proto::Ins;
use selune_core::shape::Metamethod;

/// What to do when something is not as feedback says.
#[derive(Clone, Copy)]
pub(super) enum Miss {
    Exit,
    Go(BlockId),
}

/// Where a named slot is.
#[derive(Clone, Copy, PartialEq)]
enum Place {
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
        if let Some(v) = self.get_named(o, i.c(), i.s()) {
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
    fn check_shape(&mut self, t: V, id: u32, miss: Miss) -> V {
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

    fn place(&self, shape: u32, slot: u16) -> Option<Place> {
        let info = self.job.shapes.get(&shape)?;
        let inline = info.inline_cap as u16;
        (!info.dict).then(|| if slot < inline { Place::Inline(slot) } else { Place::Part(slot - inline) })
    }
    fn load_place(&mut self, t: V, p: Place) -> V {
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

    /// Entries whose shapes the job knows and that this file understands.
    fn entries(&self, s: &FieldSlot, set: bool) -> Vec<FieldEntry> {
        let known = |id: u32| self.job.shapes.get(&id).is_some_and(|i| !i.dict);
        let usable = |e: &FieldEntry| {
            e.shape != 0
                && e.slot != FieldEntry::ABSENT
                && known(e.shape)
                && match (set, e.mshape) {
                    (_, 0) => true,
                    (true, _) => e.flags & FieldEntry::ADD != 0 && known(e.mshape) && self.may_add(e),
                    (false, m) => known(m) && known(e.hshape) && self.job.shapes[&e.shape].metatable != 0,
                }
        };
        s.entries.iter().filter(|e| usable(e)).copied().collect()
    }
    /// Does the metatable that was seen when the key was added lack `__newindex` for certain?
    fn may_add(&self, e: &FieldEntry) -> bool {
        let info = &self.job.shapes[&e.shape];
        let lacks = |m: &crate::job::ShapeInfo| m.absent >> Metamethod::NewIndex as u32 & 1 != 0 && !m.dict;
        !info.own_meta && if info.metatable == 0 { e.hshape == 0 } else { self.job.shapes.get(&e.hshape).is_some_and(lacks) }
    }

    /// `o[K[k]]`; None when the block has ended.
    pub(super) fn get_named(&mut self, o: V, k: usize, s: u16) -> Option<V> {
        let slot = self.proto().feedback.field(s);
        let key = self.const_k(k);
        let entries = self.entries(&slot, false);
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        let nothing = slot.count == 0 && slot.entries[0].shape == 0 && slot.mega == 0 && slot.receivers == 0;
        if nothing && bets && self.unseen() {
            return None;
        }
        if entries.is_empty() || self.job.options.no_feedback || !self.kinds(o).meets(Kinds::TABLE) {
            let o = self.any(o);
            return Some(self.add(Op::Rt(RtOp::GetField), Ty::Any, &[o, key]));
        }
        let complete = slot.mega == 0 && slot.receivers == 0 && bets;
        let slow = self.new_block(true);
        let outer = if complete { Miss::Exit } else { Miss::Go(slow) };
        let t = self.check_table(o, outer);
        if complete && let Some(v) = self.get_same_place(t, &entries) {
            self.drop_block(slow);
            return Some(v);
        }
        let mut ends = Vec::new();
        for (n, e) in entries.iter().enumerate() {
            let last = n + 1 == entries.len();
            if last {
                let t = self.check_shape(t, e.shape, outer);
                let v = self.get_by_entry(t, e, outer);
                ends.push((self.cur, v));
            } else {
                let c = self.add(Op::IsShape(e.shape), Ty::Bool, &[t]);
                let next = self.split(c);
                let v = self.get_by_entry(t, e, outer);
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
    fn get_same_place(&mut self, t: V, entries: &[FieldEntry]) -> Option<V> {
        let first = self.place(entries[0].shape, entries[0].slot)?;
        if entries.iter().any(|e| e.mshape != 0 || self.place(e.shape, e.slot) != Some(first)) {
            return None;
        }
        let mut ids = [0; 4];
        for (id, e) in ids.iter_mut().zip(entries) {
            *id = e.shape;
        }
        let t = self.add_guard(Op::GuardShape { ids, n: entries.len() as u8 }, Ty::Any, &[t], Reason::Shape);
        let v = self.load_place(t, first);
        let plain = entries.iter().all(|e| self.job.shapes[&e.shape].plain());
        Some(if plain { v } else { self.check_not_nil(v, Miss::Exit) })
    }

    /// The field of a table whose shape is the entry's.
    fn get_by_entry(&mut self, t: V, e: &FieldEntry, miss: Miss) -> V {
        if e.mshape == 0 {
            let Some(p) = self.place(e.shape, e.slot) else { return self.const_nil() };
            let v = self.load_place(t, p);
            return if self.job.shapes[&e.shape].plain() { v } else { self.check_not_nil(v, miss) };
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
        let entries = self.entries(&slot, true);
        let bets = slot.exited == 0 && !self.job.options.no_feedback;
        let nothing = slot.count == 0 && slot.entries[0].shape == 0 && slot.mega == 0 && slot.receivers == 0;
        if nothing && bets && self.unseen() {
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
            if !self.job.shapes[&e.shape].plain() {
                // `__newindex` applies where the old value is nil.
                let old = self.load_place(t, p);
                self.check_not_nil(old, miss);
            }
            return self.store_place(t, p, v);
        }
        let bits = self.job.shapes[&e.shape].metatable;
        if bits != 0 {
            let m = self.const_object(bits, format!("metatable of shape {}", e.shape).as_bytes());
            self.check_shape(m, e.hshape, miss);
        }
        // Storing nil adds nothing.
        self.check_not_nil(v, miss);
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
    }
}
