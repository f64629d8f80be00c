//! Handlers: table constructors and access by computed or integer keys.
use super::*;
use crate::semantics::Outcome;
use selune_core::feedback::{AllocSlot, IndexSlot, index_seen};
use selune_core::object::{ArrayPart, GC_BARRIER, GC_OLD};
use selune_core::opcode::Op;
use selune_core::string;

op! { op_new_table |vm, pc, base, i, k, fb| {
    let s: *mut AllocSlot = fb_slot(fb, pc);
    let named = i.c().max((*s).inline as usize);
    let t = (*vm).heap.new_table(i.b(), named);
    *base.add(i.a()) = t;
    if (*vm).heap.gc_request != 0 { return poll(vm, pc, base, k, fb) }
    next!(vm, pc, base, k, fb)
} }

/// The smallest tag of heap values.
const T_HEAP: u16 = selune_core::value::TAG_STRING as u16;
/// Tag of tables.
const T_TABLE: u16 = selune_core::value::TAG_TABLE as u16;

/// The element at integer key `n`, when it stands in the array part.
#[inline(always)]
unsafe fn element(o: Value, n: i64) -> Option<*mut Value> {
    // SAFETY: a table's array part is always there (OBJ-3); in bounds by the compare.
    unsafe {
        let a = (*o.as_table()).array.as_array();
        let at = (n as u64).wrapping_sub(1);
        if at < (*a).cap as u64 { Some(ArrayPart::element(a, at as usize)) } else { None }
    }
}
#[inline(always)]
unsafe fn note(fb: *mut Unit, pc: *const Ins, bits: u16) {
    // SAFETY: the slot of this instruction.
    unsafe {
        let s: *mut IndexSlot = fb_slot(fb, pc);
        if bits < 256 {
            let seen = &raw mut (*s).seen as *mut u8;
            if *seen & bits as u8 != bits as u8 {
                *seen |= bits as u8
            }
        } else if (*s).seen & bits != bits {
            (*s).seen |= bits
        }
    }
}
/// Bit for the type of an element.
#[inline(always)]
fn elem_bit(v: Value) -> u16 {
    if v.is_float() {
        index_seen::ELEM_FLOAT
    } else if v.is_small_int() {
        index_seen::ELEM_INT
    } else {
        index_seen::ELEM_OTHER
    }
}

op! { op_get_table |vm, pc, base, i, k, fb| {
    let (o, key) = (base.add(i.b()), base.add(i.c()));
    if tag_at(o) == T_TABLE && tag_at(key) == T_INT && let Some(p) = element(*o, (*key).as_small_int()) {
        let v = *p;
        if !v.is_nil() {
            note(fb, pc, index_seen::ARRAY);
            *base.add(i.a()) = v;
            next!(vm, pc, base, k, fb)
        }
    }
    return get_generic(vm, pc, base, k, fb)
} }
op! { op_get_int |vm, pc, base, i, k, fb| {
    let o = base.add(i.b());
    if tag_at(o) == T_TABLE && let Some(p) = element(*o, i.c() as i64) {
        let v = *p;
        if !v.is_nil() {
            note(fb, pc, index_seen::ARRAY);
            *base.add(i.a()) = v;
            next!(vm, pc, base, k, fb)
        }
    }
    return get_generic(vm, pc, base, k, fb)
} }
/// What an access by this key says about the site.
fn key_bits(o: Value, key: Value) -> u16 {
    if key.is_small_int() {
        // SAFETY: `element` of a table.
        if o.is_table() && unsafe { element(o, key.as_small_int()) }.is_some() { index_seen::ARRAY } else { index_seen::INT_HASH }
    } else if key.is_string() {
        index_seen::STRING
    } else if key.is_float() {
        index_seen::FLOAT
    } else {
        index_seen::OTHER_KEY
    }
}
op! {
    #[inline(never)]
    get_generic |vm, pc, base, i, k, fb| {
        let o = *base.add(i.b());
        let mut key = if i.op() == Op::GetInt { Value::small_int(i.c() as i64) } else { *base.add(i.c()) };
        if o.is_table() {
            if key.is_string() && !string::is_interned(key) && let Some(same) = (*vm).heap.find_interned(key) {
                // The next access by this register finds the key without looking for it.
                *base.add(i.c()) = same;
                key = same;
            }
            let v = (*vm).heap.get(o, key);
            if !v.is_nil() || (*vm).heap.shape_has_no_metatable((*o.as_table()).header.aux) {
                note(fb, pc, key_bits(o, key) | if v.is_nil() { index_seen::NIL } else { elem_bit(v) });
                *base.add(i.a()) = v;
                next!(vm, pc, base, k, fb)
            }
        }
        return get_slow_index(vm, pc, base, k, fb)
    }
}
fn get_index_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let o = reg(vm, i.b());
    let key = if i.op() == Op::GetInt { Value::small_int(i.c() as i64) } else { reg(vm, i.c()) };
    let s: *mut IndexSlot = fb_slot_slow(vm, i);
    // SAFETY: the slot of the running instruction.
    unsafe { (*s).seen |= index_seen::META | key_bits(o, key) };
    match vm.index_step(o, key)? {
        Outcome::Value(v) => {
            set_reg(vm, i.a(), v);
            Ok(Flow::Run)
        }
        o => vm.begin_meta(o, 0),
    }
}
slow!(get_slow_index, get_index_inner);

op! { op_set_table |vm, pc, base, i, k, fb| {
    let (o, key) = (base.add(i.a()), base.add(i.b()));
    if tag_at(o) == T_TABLE && tag_at(key) == T_INT {
        let array = (*(*o).as_table()).array.as_array();
        let at = ((*key).as_small_int() as u64).wrapping_sub(1);
        if at < (*array).cap as u64 {
            let p = ArrayPart::element(array, at as usize);
            if !(*p).is_nil() {
                let v = rk_slot(base, k, i.c());
                if tag_at(v) >= T_HEAP && (*array).header.gc & GC_BARRIER != 0 && (*(*v).as_header()).gc & GC_OLD == 0 {
                    return set_generic(vm, pc, base, k, fb)
                }
                *p = *v;
                note(fb, pc, index_seen::ARRAY);
                next!(vm, pc, base, k, fb)
            }
        }
    }
    return set_generic(vm, pc, base, k, fb)
} }
op! { op_set_int |vm, pc, base, i, k, fb| {
    let (o, v) = (*base.add(i.a()), rk_fast(base, k, i.c()));
    if o.is_table() && let Some(p) = element(o, i.b() as i64) && !(*p).is_nil()
        && (!v.is_heap() || (*(*o.as_table()).array.as_header()).gc & GC_BARRIER == 0)
    {
        note(fb, pc, index_seen::ARRAY);
        *p = v;
        next!(vm, pc, base, k, fb)
    }
    return set_generic(vm, pc, base, k, fb)
} }
op! {
    #[inline(never)]
    set_generic |vm, pc, base, i, k, fb| {
        let o = *base.add(i.a());
        let key = if i.op() == Op::SetInt { Value::small_int(i.b() as i64) } else { *base.add(i.b()) };
        let v = rk_fast(base, k, i.c());
        if o.is_table() && (*vm).heap.metatable_lacks_newindex(o) {
            if key.is_small_int() {
                let bits = key_bits(o, key);
                note(fb, pc, elem_bit(v) | if bits == index_seen::INT_HASH && is_append(o, key.as_small_int()) { index_seen::APPEND } else { bits });
                (*vm).heap.set_int(o, key.as_small_int(), v);
                if (*vm).heap.gc_request != 0 { return poll(vm, pc, base, k, fb) }
                next!(vm, pc, base, k, fb)
            }
            if key.is_string() {
                note(fb, pc, index_seen::STRING | elem_bit(v));
                // A computed key may not be interned yet; a string key is never refused.
                let _ = (*vm).heap.set(o, key, v);
                if (*vm).heap.gc_request != 0 { return poll(vm, pc, base, k, fb) }
                next!(vm, pc, base, k, fb)
            }
        }
        return set_slow_index(vm, pc, base, k, fb)
    }
}
/// Is `n` the key just above the array part?
unsafe fn is_append(o: Value, n: i64) -> bool {
    // SAFETY: OBJ-3.
    unsafe { (*(*o.as_table()).array.as_array()).cap as i64 + 1 == n }
}
fn set_index_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let o = reg(vm, i.a());
    let key = if i.op() == Op::SetInt { Value::small_int(i.b() as i64) } else { reg(vm, i.b()) };
    let v = rk(vm, i.c());
    let s: *mut IndexSlot = fb_slot_slow(vm, i);
    // SAFETY: the slot of the running instruction.
    unsafe { (*s).seen |= index_seen::META | key_bits(o, key) };
    match vm.set_index_step(o, key, v)? {
        Outcome::Value(_) => {
            if vm.heap.gc_request != 0 {
                vm.poll()?;
            }
            Ok(Flow::Run)
        }
        o => vm.begin_meta(o, 0),
    }
}
slow!(set_slow_index, set_index_inner);

op! { op_set_list |vm, pc, base, i, k, fb| {
    let offset = i.c() | (i.s() as usize) << 16;
    let t = *base.add(i.a());
    let n = if i.b() != 0 { i.b() } else { (*(*vm).cur).stack.add((*(*vm).cur).top as usize).offset_from(base.add(i.a() + 1)) as usize };
    selune_core::table::set_list(&mut (*vm).heap, t, offset as i64 + 1, base.add(i.a() + 1), n);
    if (*vm).heap.gc_request != 0 { return poll(vm, pc, base, k, fb) }
    next!(vm, pc, base, k, fb)
} }
