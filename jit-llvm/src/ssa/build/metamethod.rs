//! Metamethods that feedback names: their shapes are guarded and they are inlined, or called directly.
//!
//! What the interpreter has seen stands in the proto's list of `MetaSlot`s. A metamethod is found by the shape of its object,
//! which proves the metatable, the shape of the metatable, which proves the slot, and the proto of what is there.
use super::context::Builder;
use super::fields::{Miss, Place};
use crate::job::ProtoIdx;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;
use selune_core::feedback::{CallSlot, MetaSlot};
use selune_core::shape::Metamethod;

/// Destination of an operation that has none: no register.
pub(super) const NOWHERE: usize = u8::MAX as usize;

impl Builder<'_> {
    /// What the current instruction was seen to call.
    fn seen_metamethod(&self) -> Option<(MetaSlot, ProtoIdx)> {
        let pc = self.cx.pc as u32;
        let seen = *self.proto().meta.iter().find(|m| m.pc == pc)?;
        Some((seen, self.job.find(seen.callee)?))
    }

    /// Where metatables of tables with this shape have a metamethod.
    fn metamethod_place(&self, shape: u32, event: Metamethod) -> Option<Place> {
        let info = self.job.shapes.get(&shape).filter(|i| !i.own_meta && i.metatable != 0)?;
        let key = *self.job.events.get(event as usize)?;
        let slot = self.job.shapes.get(&info.meta_shape)?.slot_of(key)?;
        self.place(info.meta_shape, slot)
    }

    /// The function `p`, which is at this place of the metatable of `o`; exits when anything is not so.
    fn guard_metamethod(&mut self, o: V, shape: u32, place: Place, p: ProtoIdx) -> V {
        let info = &self.job.shapes[&shape];
        let (bits, meta_shape) = (info.metatable, info.meta_shape);
        let t = self.guard_table(o);
        self.check_shape(t, shape, Miss::Exit);
        let m = self.const_object(bits, format!("metatable of shape {shape}").as_bytes());
        let m = self.check_shape(m, meta_shape, Miss::Exit);
        let f = self.load_place(m, place);
        self.guard_proto(f, p)
    }

    /// The first result of the metamethod `f`, with proto `p`, for register `to`. None when it never returns.
    fn call_metamethod(&mut self, p: ProtoIdx, f: V, args: &[V], to: usize) -> Option<V> {
        if self.may_inline(p) {
            return self.inline_metamethod(p, f, args, to);
        }
        self.add_guard(Op::MetaEnter, Ty::Void, &[], Reason::Leave);
        let mut values = vec![f];
        for v in args {
            let v = self.any(*v);
            values.push(v);
        }
        let v = self.add(Op::Call { callee: Callee::Proto(p), want: Want::One }, Ty::Any, &values);
        self.add(Op::MetaLeave, Ty::Void, &[]);
        self.cx.forget_state();
        Some(v)
    }

    /// The result of the operator's metamethod that feedback names, for register `to`. None: nothing was done. (When the block
    /// has ended, the value is any.)
    pub(super) fn operator_metamethod(&mut self, event: Metamethod, a: V, b: V, to: usize) -> Option<V> {
        let (seen, p) = self.seen_metamethod()?;
        let first = seen.shapes[0] != 0;
        let (o, shape) = if first { (a, seen.shapes[0]) } else { (b, seen.shapes[1]) };
        let place = self.metamethod_place(shape, event)?;
        if !self.kinds(o).meets(Kinds::TABLE) || !first && !self.guard_without(event, a) {
            return None;
        }
        let f = self.guard_metamethod(o, shape, place, p);
        let r = self.call_metamethod(p, f, &[a, b], to);
        Some(r.unwrap_or(a))
    }

    /// Bets that the first operand is a number or a string whose type has no such metamethod. False: it cannot be.
    fn guard_without(&mut self, event: Metamethod, v: V) -> bool {
        if self.is(v, Kinds::STRING) {
            let Some(m) = self.job.strings.filter(|m| self.lacks(m.shape, event)) else { return false };
            let named = self.name(b"metatable of strings");
            let meta = self.add(Op::LoadTypeMeta(vm_bridge::vm::STRING_TYPE as u8), Ty::Any, &[]);
            let meta = self.add_guard(Op::GuardBits { bits: m.metatable, named }, Ty::Any, &[meta], Reason::Kind);
            self.check_shape(meta, m.shape, Miss::Exit);
            return true;
        }
        if !self.kinds(v).meets(Kinds::NUMBER) {
            return false;
        }
        // (Only `debug` can give numbers a metatable.)
        self.guard_kind(v, Kinds::NUMBER, Reason::NotNumber);
        let m = self.add(Op::LoadTypeMeta(vm_bridge::vm::NUMBER_TYPE as u8), Ty::Any, &[]);
        self.add_guard(Op::GuardBits { bits: selune_core::value::NIL, named: u32::MAX }, Ty::Any, &[m], Reason::Kind);
        true
    }

    /// `a == b` for tables with `__eq`. None: nothing was done.
    pub(super) fn equal_metamethod(&mut self, a: V, b: V) -> Option<V> {
        let (seen, p) = self.seen_metamethod()?;
        let place = self.metamethod_place(seen.shapes[0], Metamethod::Eq)?;
        if !self.kinds(a).meets(Kinds::TABLE) || !self.kinds(b).meets(Kinds::TABLE) {
            return None;
        }
        // Something that is no table is never equal.
        let (a, b) = (self.guard_table(a), self.guard_table(b));
        let f = self.guard_metamethod(a, seen.shapes[0], place, p);
        let same = self.add(Op::SameBits, Ty::Bool, &[a, b]);
        // The frame states of both ways are made here.
        self.state();
        let env = self.cx.env.clone();
        let (yes, no) = self.branch_blocks(same, None);
        self.switch_to(no);
        let yes_value = self.const_bool(true);
        let mut ends = vec![(yes, yes_value)];
        if let Some(r) = self.call_metamethod(p, f, &[a, b], NOWHERE)
            && !self.dead
        {
            let c = self.truthy(r);
            ends.push((self.cur, c));
        }
        self.dead = false;
        self.cx.env = env;
        let v = self.join(ends);
        self.cx.forget_state();
        Some(v)
    }

    /// `o[key]` for a key that tables of the shape that was seen lack, by a function `__index`. None: nothing was done.
    /// `to`: the register of the result.
    pub(super) fn index_metamethod(&mut self, o: V, key: V, bits: u64, to: usize) -> Option<V> {
        let (f, p) = self.access_metamethod(Metamethod::Index, o, bits)?;
        if let Some(r) = self.self_register.take() {
            self.set(r, o);
        }
        let r = self.call_metamethod(p, f, &[o, key], to);
        Some(r.unwrap_or(o))
    }

    /// `o[key] = v` for such a key, by a function `__newindex`. False: nothing was done.
    pub(super) fn new_index_metamethod(&mut self, o: V, key: V, bits: u64, v: V) -> bool {
        let Some((f, p)) = self.access_metamethod(Metamethod::NewIndex, o, bits) else { return false };
        self.call_metamethod(p, f, &[o, key, v], NOWHERE);
        true
    }

    /// The function that an access to a named field calls, guarded.
    fn access_metamethod(&mut self, event: Metamethod, o: V, key: u64) -> Option<(V, ProtoIdx)> {
        let (seen, p) = self.seen_metamethod()?;
        let place = self.metamethod_place(seen.shapes[0], event)?;
        let info = &self.job.shapes[&seen.shapes[0]];
        if info.dict || info.slot_of(key).is_some() || !self.kinds(o).meets(Kinds::TABLE) {
            return None;
        }
        Some((self.guard_metamethod(o, seen.shapes[0], place, p), p))
    }

    /// The same for a computed key, behind a test that the table has no such element.
    pub(super) fn element_metamethod(&mut self, event: Metamethod, o: V) -> Option<(u32, Place, ProtoIdx)> {
        let (seen, p) = self.seen_metamethod()?;
        let place = self.metamethod_place(seen.shapes[0], event)?;
        self.kinds(o).meets(Kinds::TABLE).then_some((seen.shapes[0], place, p))
    }

    /// Calls what `element_metamethod` found; the result is for register `to`. None when it never returns.
    pub(super) fn call_element_metamethod(&mut self, found: (u32, Place, ProtoIdx), args: &[V], to: usize) -> Option<V> {
        let (shape, place, p) = found;
        let f = self.guard_metamethod(args[0], shape, place, p);
        self.call_metamethod(p, f, args, to)
    }

    /// What is really called when an object with `__call` is: the function, its proto, and the arguments. None: nothing was done.
    pub(super) fn called_object(&mut self, f: V, args: &[V], slot: &CallSlot) -> Option<(V, ProtoIdx, Vec<V>)> {
        if slot.kind != 0 || slot.count == 0 || slot.exited != 0 || self.job.options.no_feedback || !self.kinds(f).meets(Kinds::TABLE) {
            return None;
        }
        let (seen, p) = self.seen_metamethod()?;
        let place = self.metamethod_place(seen.shapes[0], Metamethod::Call)?;
        let function = self.guard_metamethod(f, seen.shapes[0], place, p);
        Some((function, p, std::iter::once(f).chain(args.iter().copied()).collect()))
    }
}
