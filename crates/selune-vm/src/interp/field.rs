//! Handlers: named access (`t.x`, globals, methods) with inline caches.
//!
//! The first entry of a feedback slot is tried in the handler itself; the others, and lookups through a metatable's
//! `__index` table, in `get_poly`/`set_poly`; the rest does the full operation and records what it saw.
use super::*;
use crate::semantics::Outcome;
use selune_core::feedback::{FieldEntry, FieldSlot};
use selune_core::object::{Closure, GC_BARRIER, SlotsPart, Table};
use selune_core::opcode::Op;
use selune_core::shape::{Metamethod, NO_SLOT, Shape};

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
    ($name:ident, $other:ident, |$base:ident, $i:ident| $object:expr) => {
        op! { $name |vm, pc, base, i, k, fb| {
            let o: *const Value = { let ($base, $i) = (base, i); $object };
            if tag_at(o) == T_TABLE {
                let t = (*o).as_table();
                let s: *mut FieldSlot = fb_slot(fb, pc);
                let e = &raw const (*s).entries[0];
                if (*t).header.aux == (*e).shape && (*e).mshape == 0 {
                    let v = *slot_of(t, (*e).slot as usize);
                    if !v.is_nil() {
                        *base.add(i.a()) = v;
                        next!(vm, pc, base, k, fb)
                    }
                }
            }
            return $other(vm, pc, base, k, fb)
        } }
    };
}
get!(op_get_field, get_entries, |base, i| base.add(i.b()));
op! {
    /// The second to fourth entry of a slot, and what the heap remembers, for fields of the receiver itself.
    #[inline(never)]
    get_entries |vm, pc, base, i, k, fb| {
        let o = base.add(i.b());
        if tag_at(o) == T_TABLE {
            let t = (*o).as_table();
            let s: *mut FieldSlot = fb_slot(fb, pc);
            let shape = (*t).header.aux;
            let mut e = &raw const (*s).entries[1];
            let end = e.add(3);
            while e != end && (*e).shape != shape { e = e.add(1) }
            let slot = if e != end {
                if (*e).mshape == 0 { (*e).slot as u32 } else { NO_SLOT }
            } else if (*s).mega != 0 {
                (*vm).heap.find_slot_cached(shape, *k.add(i.c()))
            } else {
                NO_SLOT
            };
            if slot != NO_SLOT {
                let v = *slot_of(t, slot as usize);
                if !v.is_nil() {
                    *base.add(i.a()) = v;
                    next!(vm, pc, base, k, fb)
                }
            }
        }
        return get_poly(vm, pc, base, k, fb)
    }
}
get!(op_get_tab_up, get_poly, |base, i| &raw const (*(*Closure::upvalue(closure_of(base), i.b())).as_cell()).value);
op! { op_self |vm, pc, base, i, k, fb| {
    let o = base.add(i.b());
    if tag_at(o) == T_TABLE {
        let o = *o;
        let t = o.as_table();
        let s: *mut FieldSlot = fb_slot(fb, pc);
        let e = &raw const (*s).entries[0];
        if (*t).header.aux == (*e).shape {
            let v = if (*e).mshape == 0 { *slot_of(t, (*e).slot as usize) } else { through_index(vm, e) };
            if !v.is_nil() {
                // (The emitter reserved both registers.)
                *base.add(i.a() + 1) = o;
                *base.add(i.a()) = v;
                next!(vm, pc, base, k, fb)
            }
        }
    } else if tag_at(o) == selune_core::value::TAG_STRING as u16 {
        return self_string(vm, pc, base, k, fb)
    }
    return get_poly(vm, pc, base, k, fb)
} }
op! {
    /// Methods of strings. Two shapes are known: that of their metatable (`Vm::string_index`, with the slot of `__index`), and
    /// that of the table of methods, with the method's slot, in the words of the feedback slot that nobody else uses.
    #[inline(never)]
    self_string |vm, pc, base, i, k, fb| {
        let s: *mut FieldSlot = fb_slot(fb, pc);
        let m = (*vm).type_metatables[STRING_TYPE];
        if m.is_table() && (*m.as_table()).header.aux == (*vm).string_index.0 {
            let methods = *slot_of(m.as_table(), (*vm).string_index.1 as usize);
            if methods.is_table() && (*methods.as_table()).header.aux == (*s).spare[0] {
                let v = *slot_of(methods.as_table(), (*s).spare[1] as usize);
                if !v.is_nil() {
                    *base.add(i.a() + 1) = *base.add(i.b());
                    *base.add(i.a()) = v;
                    next!(vm, pc, base, k, fb)
                }
            }
        }
        if (*s).receivers & 1 != 0 { note_string_method(&mut *vm, s, *k.add(i.c())) }
        return get_poly(vm, pc, base, k, fb)
    }
}
/// Notes where a method of strings is found, when shapes tell.
#[cold]
#[inline(never)]
fn note_string_method(vm: &mut Vm, s: *mut FieldSlot, key: Value) {
    let m = vm.type_metatables[STRING_TYPE];
    if !m.is_table() || vm.heap.shape_of(m).is_dict() {
        return;
    }
    let shape = vm.heap.shape_of(m);
    let Some(at) = shape.lookup(vm.heap.event_name(Metamethod::Index)) else { return };
    vm.string_index = (shape.id, at);
    let methods = vm.heap.get_str(m, vm.heap.event_name(Metamethod::Index));
    if methods.is_table() && !vm.heap.shape_of(methods).is_dict() && let Some(slot) = vm.heap.shape_of(methods).lookup(key) {
        // SAFETY: the feedback slot of the running instruction.
        unsafe { ((*s).spare[0], (*s).spare[1]) = (vm.heap.shape_of(methods).id, slot) };
    }
}
/// The smallest tag of heap values.
const T_HEAP: u16 = selune_core::value::TAG_STRING as u16;
/// Tag of tables.
const T_TABLE: u16 = selune_core::value::TAG_TABLE as u16;

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
    /// The other entries of the slot, absent fields, chains of `__index` tables, methods of strings.
    #[inline(never)]
    get_poly |vm, pc, base, i, k, fb| {
        let o = match i.op() {
            Op::GetTabUp => (*(*Closure::upvalue(closure_of(base), i.b())).as_cell()).value,
            _ => *base.add(i.b()),
        };
        let s: *mut FieldSlot = fb_slot(fb, pc);
        let found = if o.is_table() {
            let shape = (*o.as_table()).header.aux;
            let mut j = 0;
            while j < 4 && (*s).entries[j].shape != shape { j += 1 }
            let e = &raw const (*s).entries[j & 3];
            let way = if j == 4 { u32::MAX } else { (*e).mshape };
            let mut v = Value::NIL;
            if way != u32::MAX {
                v = if way == 0 { *slot_of(o.as_table(), (*e).slot as usize) } else { through_index(vm, e) };
            }
            // What the slot does not know, or knows wrong, is recorded in the slow path.
            if !v.is_nil() {
                Some(v)
            } else if way == 0 {
                (*vm).heap.index_tables_above(o, *k.add(i.c()))
            } else if way == u32::MAX && (j < 4 || (*s).mega != 0) {
                (*vm).heap.index_tables(o, *k.add(i.c()))
            } else {
                None
            }
        } else if o.is_string() && (*s).receivers & 1 != 0 {
            let methods = (*vm).heap.metamethod((*vm).type_metatables[STRING_TYPE], Metamethod::Index);
            if methods.is_table() { (*vm).heap.index_tables(methods, *k.add(i.c())) } else { None }
        } else {
            None
        };
        if let Some(v) = found {
            if i.op() == Op::Self_ { *base.add(i.a() + 1) = o }
            *base.add(i.a()) = v;
            next!(vm, pc, base, k, fb)
        }
        return get_slow(vm, pc, base, k, fb)
    }
}
/// `type_index` of strings.
const STRING_TYPE: usize = 4;

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
            let o: *const Value = { let ($base, $i) = (base, i); $object };
            if tag_at(o) == T_TABLE {
                let t = (*o).as_table();
                let s: *mut FieldSlot = fb_slot(fb, pc);
                let e = &raw const (*s).entries[0];
                let slot = (*e).slot as usize;
                let inline = (*t).header.extra as usize;
                if (*t).header.aux == (*e).shape && (*e).mshape == 0 && slot < inline {
                    let p = Table::inline(t, slot);
                    let v = rk_slot(base, k, i.c());
                    if !(*p).is_nil() && (tag_at(v) < T_HEAP || (*t).header.gc & GC_BARRIER == 0) {
                        *p = *v;
                        next!(vm, pc, base, k, fb)
                    }
                }
            }
            return set_poly(vm, pc, base, k, fb)
        } }
    };
}
set!(op_set_field, |base, i| base.add(i.a()));
set!(op_set_tab_up, |base, i| &raw const (*(*Closure::upvalue(closure_of(base), i.a())).as_cell()).value);

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
                    if (*p).is_nil() && !(*vm).heap.metatable_lacks_newindex(o) { break }
                    (*vm).heap.store(holder_of(t, slot), p, v);
                    next!(vm, pc, base, k, fb)
                }
                j += 1;
            }
            if j == 4 && (*s).mega != 0 {
                let slot = (*vm).heap.find_slot_cached(shape, *k.add(i.b()));
                if slot != NO_SLOT {
                    let p = slot_of(t, slot as usize);
                    if !(*p).is_nil() {
                        (*vm).heap.store(holder_of(t, slot as usize), p, rk_fast(base, k, i.c()));
                        next!(vm, pc, base, k, fb)
                    }
                }
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
