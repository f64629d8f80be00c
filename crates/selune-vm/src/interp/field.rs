//! Handlers: named access (`t.x`, globals, methods) with inline caches.
//!
//! The first entry of a feedback slot is tried in the handler itself; the others, and lookups through a metatable's
//! `__index` table, in `get_poly`/`set_poly`; the rest does the full operation and records what it saw.
use super::*;
use crate::semantics::Outcome;
use selune_core::feedback::{FieldEntry, FieldSlot};
use selune_core::object::{Closure, GC_BARRIER, SlotsPart, Table};
use selune_core::opcode::Op;
use selune_core::shape::{Metamethod, Shape};

/// Address of a named slot of a table.
#[inline(always)]
pub(crate) unsafe fn slot_of(t: *mut Table, slot: usize) -> *mut Value {
    // SAFETY: the caller checked the shape, which proves that the slot exists (shape.rs).
    unsafe {
        let inline = (*t).header.extra as usize;
        if slot < inline { Table::inline(t, slot) } else { SlotsPart::slot((*t).slots.as_slots(), slot - inline) }
    }
}
/// The heap object that holds a named slot (for the write barrier).
#[inline(always)]
unsafe fn holder_of(t: *mut Table, slot: usize) -> *mut selune_core::object::Header {
    // SAFETY: as `slot_of`.
    unsafe { if slot < (*t).header.extra as usize { t as *mut _ } else { (*t).slots.as_header() } }
}

macro_rules! get {
    ($name:ident, |$base:ident, $i:ident| $object:expr, $effect:expr) => {
        op! { $name |vm, pc, base, i, k, fb| {
            let o: Value = { let ($base, $i) = (base, i); $object };
            let s: *mut FieldSlot = fb_slot(fb, pc);
            if o.is_table() {
                let t = o.as_table();
                let e = &raw const (*s).entries[0];
                if (*t).header.aux == (*e).shape {
                    if (*e).mshape == 0 {
                        let v = *slot_of(t, (*e).slot as usize);
                        if !v.is_nil() {
                            let f: unsafe fn(*mut Value, Here, Value) = $effect;
                            f(base, i, o);
                            *base.add(i.a()) = v;
                            next!(vm, pc, base, k, fb)
                        }
                    } else {
                        let v = through_index(vm, e);
                        if !v.is_nil() {
                            let f: unsafe fn(*mut Value, Here, Value) = $effect;
                            f(base, i, o);
                            *base.add(i.a()) = v;
                            next!(vm, pc, base, k, fb)
                        }
                    }
                }
            }
            return get_poly(vm, pc, base, k, fb)
        } }
    };
}
get!(op_get_field, |base, i| *base.add(i.b()), |_, _, _| {});
get!(op_get_tab_up, |base, i| (*(*Closure::upvalue(closure_of(base), i.b())).as_cell()).value, |_, _, _| {});
// SAFETY: the emitter reserved both registers.
get!(op_self, |base, i| *base.add(i.b()), |base, i, o| unsafe { *base.add(i.a() + 1) = o });

/// The value that an entry through `__index` names, nil when it does not hold any more. The receiver's shape was checked.
#[inline(always)]
unsafe fn through_index(vm: *mut Vm, e: *const FieldEntry) -> Value {
    // SAFETY: the receiver's shape is alive and proves its metatable; each table's shape is checked before its slot is read.
    unsafe {
        let m = (*(*vm).heap.shape_ptr((*e).shape)).metatable;
        if !m.is_table() || (*m.as_table()).header.aux != (*e).mshape {
            return Value::NIL;
        }
        let h = *slot_of(m.as_table(), (*e).mslot as usize);
        if !h.is_table() || (*h.as_table()).header.aux != (*e).hshape {
            return Value::NIL;
        }
        *slot_of(h.as_table(), (*e).slot as usize)
    }
}

op! {
    #[inline(never)]
    get_poly |vm, pc, base, i, k, fb| {
        let o = match i.op() {
            Op::GetTabUp => (*(*Closure::upvalue(closure_of(base), i.b())).as_cell()).value,
            _ => *base.add(i.b()),
        };
        if o.is_table() {
            let t = o.as_table();
            let s: *mut FieldSlot = fb_slot(fb, pc);
            let shape = (*t).header.aux;
            let mut v = Value::NIL;
            let mut j = 1;
            while j < 4 && (*s).entries[j].shape != 0 {
                let e = &raw const (*s).entries[j];
                if (*e).shape == shape {
                    v = if (*e).mshape == 0 { *slot_of(t, (*e).slot as usize) } else { through_index(vm, e) };
                    break;
                }
                j += 1;
            }
            if v.is_nil() && (*s).mega != 0 {
                v = (*vm).heap.get_str(o, *k.add(i.c()));
            }
            if !v.is_nil() {
                if i.op() == Op::Self_ { *base.add(i.a() + 1) = o }
                *base.add(i.a()) = v;
                next!(vm, pc, base, k, fb)
            }
        }
        return get_slow(vm, pc, base, k, fb)
    }
}

/// The receiver of a named get of the topmost frame.
fn get_receiver(vm: &Vm, i: Ins) -> Value {
    if i.op() == Op::GetTabUp { upvalue(vm, i.b()) } else { reg(vm, i.b()) }
}
/// The value of upvalue `n` of the topmost frame's closure.
pub(crate) fn upvalue(vm: &Vm, n: usize) -> Value {
    let base = vm.thread().frames.last().expect("a Lua frame").base;
    let f = vm.stack_at(base as usize - 1);
    // SAFETY: the running closure and one of its upvalues, which are cells.
    unsafe { (*(*Closure::upvalue(f.as_closure(), n)).as_cell()).value }
}

fn get_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let o = get_receiver(vm, i);
    let key = constant(vm, i.c());
    record_get(vm, i, o, key);
    let outcome = vm.index_step(o, key)?;
    if i.op() == Op::Self_ {
        set_reg(vm, i.a() + 1, o);
    }
    match outcome {
        Outcome::Value(v) => {
            set_reg(vm, i.a(), v);
            Ok(Flow::Run)
        }
        o => vm.begin_meta(o, 0),
    }
}
slow!(get_slow, get_inner);

/// Adds an entry for how `o[key]` is found now.
fn record_get(vm: &mut Vm, i: Ins, o: Value, key: Value) {
    let s: *mut FieldSlot = fb_slot_slow(vm, i);
    // SAFETY: the slot of the running instruction.
    let s = unsafe { &mut *s };
    s.count = s.count.saturating_add(1);
    if !o.is_table() {
        s.receivers |= if o.is_string() {
            1
        } else if o.is_userdata() {
            2
        } else {
            4
        };
        return;
    }
    match find(vm, o, key) {
        Some(e) => add_entry(s, e),
        None => s.mega |= vm.heap.shape_of(o).is_dict() as u8,
    }
}
/// How `o[key]` is found: in its own slot, one hop up, or otherwise; None when no shape tells.
fn find(vm: &Vm, o: Value, key: Value) -> Option<FieldEntry> {
    let shape: &Shape = vm.heap.shape_of(o);
    if shape.is_dict() {
        return None;
    }
    if let Some(slot) = shape.lookup(key) {
        return (slot < FieldEntry::ABSENT as u32).then(|| FieldEntry { shape: shape.id, slot: slot as u16, ..Default::default() });
    }
    let chain =
        FieldEntry { shape: shape.id, mshape: u32::MAX, hshape: 0, mslot: 0, flags: FieldEntry::CHAIN, slot: FieldEntry::ABSENT };
    let m = shape.metatable;
    if !m.is_table() {
        return (!shape.has_own_meta()).then_some(chain);
    }
    let ms = vm.heap.shape_of(m);
    if ms.is_dict() {
        return None;
    }
    let Some(mslot) = ms.lookup(vm.heap.event_name(Metamethod::Index)) else { return Some(chain) };
    // SAFETY: the shape has the slot.
    let h = unsafe { *slot_of(m.as_table(), mslot as usize) };
    if !h.is_table() || mslot > u8::MAX as u32 {
        return None;
    }
    let hs = vm.heap.shape_of(h);
    if hs.is_dict() {
        return None;
    }
    let Some(slot) = hs.lookup(key) else { return Some(chain) };
    // SAFETY: the shape has the slot.
    if unsafe { (*slot_of(h.as_table(), slot as usize)).is_nil() } || slot >= FieldEntry::ABSENT as u32 {
        return None;
    }
    Some(FieldEntry { shape: shape.id, mshape: ms.id, hshape: hs.id, mslot: mslot as u8, flags: 0, slot: slot as u16 })
}
fn add_entry(s: &mut FieldSlot, e: FieldEntry) {
    for old in s.entries.iter_mut() {
        if old.shape == 0 || old.shape == e.shape && old.flags == e.flags {
            *old = e;
            return;
        }
    }
    s.mega = 1;
    // The newest takes the first place in turn, so that a phase change does not leave the cache with dead shapes.
    s.entries.rotate_right(1);
    s.entries[0] = e;
}

macro_rules! set {
    ($name:ident, |$base:ident, $i:ident| $object:expr) => {
        op! { $name |vm, pc, base, i, k, fb| {
            let o: Value = { let ($base, $i) = (base, i); $object };
            let s: *mut FieldSlot = fb_slot(fb, pc);
            if o.is_table() {
                let t = o.as_table();
                let e = &raw const (*s).entries[0];
                if (*t).header.aux == (*e).shape && (*e).mshape == 0 {
                    let slot = (*e).slot as usize;
                    let p = slot_of(t, slot);
                    let v = rk_fast(base, k, i.c());
                    if !(*p).is_nil() && (!v.is_heap() || (*holder_of(t, slot)).gc & GC_BARRIER == 0) {
                        *p = v;
                        next!(vm, pc, base, k, fb)
                    }
                }
            }
            return set_poly(vm, pc, base, k, fb)
        } }
    };
}
set!(op_set_field, |base, i| *base.add(i.a()));
set!(op_set_tab_up, |base, i| (*(*Closure::upvalue(closure_of(base), i.a())).as_cell()).value);

op! {
    #[inline(never)]
    set_poly |vm, pc, base, i, k, fb| {
        let o = if i.op() == Op::SetTabUp { (*(*Closure::upvalue(closure_of(base), i.a())).as_cell()).value } else { *base.add(i.a()) };
        if o.is_table() {
            let t = o.as_table();
            let s: *mut FieldSlot = fb_slot(fb, pc);
            let shape = (*t).header.aux;
            let mut j = 0;
            while j < 4 && (*s).entries[j].shape != 0 {
                let e = &raw const (*s).entries[j];
                if (*e).shape == shape {
                    let slot = (*e).slot as usize;
                    let v = rk_fast(base, k, i.c());
                    if (*e).flags & FieldEntry::ADD != 0 {
                        // A new key: the slot must have room, and a metatable must still lack `__newindex`.
                        let inline = (*t).header.extra as usize;
                        // A shape that no table has had for a while may be gone (FB-1).
                        if (*vm).heap.shape_by_id((*e).mshape).is_none() { break }
                        let room = slot < inline || ((slot - inline) as u64) < (*(*t).slots.as_slots()).cap;
                        let m = (*(*vm).heap.shape_ptr(shape)).metatable;
                        let lacks = if m.is_nil() { (*e).hshape == 0 } else { (*m.as_table()).header.aux == (*e).hshape };
                        if !room || !lacks || v.is_nil() { break }
                        (*vm).heap.store(holder_of(t, slot), slot_of(t, slot), v);
                        (*t).header.aux = (*e).mshape;
                        next!(vm, pc, base, k, fb)
                    }
                    let p = slot_of(t, slot);
                    if (*p).is_nil() { break }
                    (*vm).heap.store(holder_of(t, slot), p, v);
                    next!(vm, pc, base, k, fb)
                }
                j += 1;
            }
        }
        return set_slow(vm, pc, base, k, fb)
    }
}
fn set_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let o = if i.op() == Op::SetTabUp { upvalue(vm, i.a()) } else { reg(vm, i.a()) };
    let (key, v) = (constant(vm, i.b()), rk(vm, i.c()));
    let s: *mut FieldSlot = fb_slot_slow(vm, i);
    // SAFETY: the slot of the running instruction.
    let s = unsafe { &mut *s };
    s.count = s.count.saturating_add(1);
    let before = if o.is_table() { vm.heap.shape_of(o).id } else { 0 };
    if o.is_table() && vm.heap.metatable_lacks_newindex(o) {
        vm.heap.set_named(o, key, v);
        let (sh, now) = (vm.heap.shape_by_id(before), vm.heap.shape_of(o));
        if now.is_dict() {
            s.mega = 1;
        } else if let (Some(sh), Some(slot)) = (sh, now.lookup(key)) {
            let mshape = if sh.metatable.is_table() { vm.heap.shape_of(sh.metatable).id } else { 0 };
            let dict_meta = sh.metatable.is_table() && vm.heap.shape_of(sh.metatable).is_dict();
            if slot >= FieldEntry::ABSENT as u32 {
                s.mega = 1;
            } else if now.id == before {
                add_entry(s, FieldEntry { shape: before, slot: slot as u16, ..Default::default() });
            } else if !dict_meta && !sh.has_own_meta() {
                add_entry(s, FieldEntry { shape: before, mshape: now.id, hshape: mshape, mslot: 0, flags: FieldEntry::ADD, slot: slot as u16 });
            }
        } else {
            // nil to an absent field: nothing to remember, but compilers must know that there are other ways.
            s.mega = 1;
        }
        return Ok(Flow::Run);
    }
    if !o.is_table() {
        s.receivers |= 4;
    }
    match vm.set_index_step(o, key, v)? {
        Outcome::Value(_) => Ok(Flow::Run),
        o => vm.begin_meta(o, 0),
    }
}
slow!(set_slow, set_inner);
