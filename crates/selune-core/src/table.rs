//! Tables: reading and writing without metamethods.
//!
//! A table has up to four places: an array part for the keys 1..=cap, named slots for strings (inline, then the slots
//! part; which is which says the shape), and a hash part for everything else.
//! TABLE-1: an integer key in 1..=cap is never in the hash part. TABLE-2: no string key is in the hash part unless the
//! table has `TABLE_DICT` (SHAPE-2). TABLE-3: storing to an existing key, nil included, never moves anything; only a new key may
//! replace parts, and so invalidates pointers into them. A key whose value is nil stays until then, so `next` goes on.
//! TABLE-4: each part but the shared empty ones belongs to one table.
//!
//! Functions take tables as Values and trust the tag. `get*` find nothing for absent keys and answer nil.
mod grow;
mod hash;
mod iterate;
mod length;
mod slide;
#[cfg(test)]
mod tests;

use crate::heap::{Heap, TABLE_DICT};
use crate::object::*;
use crate::shape::{NO_SLOT, OWN_META};
use crate::string;
use crate::value::*;

pub use grow::{add_slot, reserve_array, reserve_hash, reserve_named, set_list};
pub use hash::find_bits;
pub(crate) use hash::{bits_of, home};
pub use iterate::{InvalidKey, next, next_from, position};
pub use length::length;

/// Why a key cannot be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyError {
    /// "index is nil".
    Nil,
    /// "index is NaN".
    NaN,
}

/// The integer that a float key stands for.
#[inline(always)]
pub fn float_to_key(f: f64) -> Option<i64> {
    let i = f as i64;
    // 2^63 saturates to a value that converts back to 2^63.
    if i as f64 == f && i != i64::MAX { Some(i) } else { None }
}

// ---- reading

/// `t[i]` of an array element; None when `i` is not within the array part.
///
/// # Safety
/// `t` is a live table.
#[inline(always)]
pub unsafe fn try_get_int(t: Value, i: i64) -> Option<Value> {
    // SAFETY: the caller's promise, OBJ-3; the index is within bounds.
    unsafe {
        let a = (*t.as_table()).array.as_array();
        let n = (i as u64).wrapping_sub(1);
        if n < (*a).cap as u64 { Some(*ArrayPart::element(a, n as usize)) } else { None }
    }
}

/// `t[i]`.
#[inline(always)]
pub fn get_int(t: Value, i: i64) -> Value {
    // SAFETY: OBJ-1.
    match unsafe { try_get_int(t, i) } {
        Some(v) => v,
        None => get_int_hash(t, i),
    }
}

#[inline(never)]
fn get_int_hash(t: Value, i: i64) -> Value {
    // SAFETY: OBJ-1, OBJ-3; entries found are live.
    unsafe {
        let h = (*t.as_table()).hash.as_hash();
        let e = if Value::fits_small(i) { find_bits(h, Value::small_int(i).0) } else { hash::find_boxed(h, i) };
        if e.is_null() { Value::NIL } else { (*e).value }
    }
}

/// The address of named slot `slot` of `t`, which its shape has.
///
/// # Safety
/// `t` is a live table, and `slot` less than the number of slots of its shape.
#[inline(always)]
pub unsafe fn slot_ptr(t: *mut Table, slot: u32) -> (*mut Header, *mut Value) {
    // SAFETY: the caller's promise; a table has memory for all slots of its shape.
    unsafe {
        let inline = (*t).header.extra as u32;
        if slot < inline {
            return (t as *mut Header, Table::inline(t, slot as usize));
        }
        let s = (*t).slots.as_slots();
        (s as *mut Header, SlotsPart::slot(s, (slot - inline) as usize))
    }
}

/// `t[key]` for an interned string.
#[inline]
pub fn get_str(heap: &Heap, t: Value, key: Value) -> Value {
    debug_assert!(string::is_interned(key));
    let t = t.as_table();
    // SAFETY: OBJ-1, OBJ-3; a slot found is one of the table's shape.
    unsafe {
        if (*t).header.flags & TABLE_DICT != 0 {
            let e = find_bits((*t).hash.as_hash(), key.0);
            return if e.is_null() { Value::NIL } else { (*e).value };
        }
        let slot = heap.find_slot((*t).header.aux, key);
        if slot == NO_SLOT { Value::NIL } else { *slot_ptr(t, slot).1 }
    }
}

/// `t[k]`.
#[inline]
pub fn get(heap: &Heap, t: Value, k: Value) -> Value {
    match k.tag() {
        TAG_INT => get_int(t, k.as_small_int()),
        TAG_STRING => match heap.find_interned(k) {
            Some(k) => get_str(heap, t, k),
            None => Value::NIL,
        },
        _ => get_other(heap, t, k),
    }
}

#[inline(never)]
fn get_other(heap: &Heap, t: Value, k: Value) -> Value {
    if k.is_float() {
        if let Some(i) = float_to_key(k.as_float()) {
            return get_int(t, i);
        }
    } else if k.is_boxed_int() {
        return get_int_hash(t, k.as_int().unwrap_or(0));
    }
    let e = hash::find(heap, t.as_table(), k);
    // SAFETY: an entry found is live.
    if e.is_null() { Value::NIL } else { unsafe { (*e).value } }
}

// ---- writing

/// `t[i] = v` when `i` is within the array part; false when it is not.
///
/// # Safety
/// `t` is a live table of this heap.
#[inline(always)]
pub unsafe fn try_set_int(heap: &mut Heap, t: Value, i: i64, v: Value) -> bool {
    // SAFETY: the caller's promise, OBJ-3; the index is within bounds.
    unsafe {
        let a = (*t.as_table()).array.as_array();
        let n = (i as u64).wrapping_sub(1);
        if n < (*a).cap as u64 {
            heap.store(a as *mut Header, ArrayPart::element(a, n as usize), v);
            return true;
        }
        false
    }
}

/// `t[i] = v`.
#[inline(always)]
pub fn set_int(heap: &mut Heap, t: Value, i: i64, v: Value) {
    // SAFETY: OBJ-1.
    if !unsafe { try_set_int(heap, t, i, v) } {
        grow::set_int_slow(heap, t, i, v);
    }
}

/// `t[key] = v` for an interned string that is a constant of the program (or as good as one: few different ones occur).
#[inline]
pub fn set_str(heap: &mut Heap, t: Value, key: Value, v: Value) {
    set_named(heap, t, key, v, true);
}

/// `t[key] = v` for an interned string; `constant`: it is a constant of the program.
#[inline]
pub fn set_named(heap: &mut Heap, t: Value, key: Value, v: Value, constant: bool) {
    debug_assert!(string::is_interned(key));
    let p = t.as_table();
    // SAFETY: OBJ-1, OBJ-3; a slot found is one of the table's shape.
    unsafe {
        if (*p).header.flags & TABLE_DICT != 0 {
            let h = (*p).hash.as_hash();
            let e = find_bits(h, key.0);
            if !e.is_null() {
                return heap.store(h as *mut Header, &raw mut (*e).value, v);
            }
        } else {
            let slot = heap.find_slot((*p).header.aux, key);
            if slot != NO_SLOT {
                let (container, slot) = slot_ptr(p, slot);
                return heap.store(container, slot, v);
            }
        }
    }
    if !v.is_nil() {
        grow::add_named(heap, t, key, v, constant);
    }
}

/// `t[k] = v`.
#[inline]
pub fn set(heap: &mut Heap, t: Value, k: Value, v: Value) -> Result<(), KeyError> {
    match k.tag() {
        TAG_INT => set_int(heap, t, k.as_small_int(), v),
        TAG_STRING => set_string(heap, t, k, v),
        _ => return set_other(heap, t, k, v),
    }
    Ok(())
}

fn set_string(heap: &mut Heap, t: Value, k: Value, v: Value) {
    // A nil needs no new string: if the key is not interned, nothing is stored under it.
    let key = if v.is_nil() { heap.find_interned(k) } else { Some(heap.intern_value(k)) };
    if let Some(key) = key {
        set_named(heap, t, key, v, false);
    }
}

#[inline(never)]
fn set_other(heap: &mut Heap, t: Value, k: Value, v: Value) -> Result<(), KeyError> {
    if k.is_float() {
        let f = k.as_float();
        if f.is_nan() {
            return Err(KeyError::NaN);
        }
        if let Some(i) = float_to_key(f) {
            set_int(heap, t, i, v);
            return Ok(());
        }
    } else if let Some(i) = k.as_int() {
        set_int(heap, t, i, v);
        return Ok(());
    } else if k.is_nil() {
        return Err(KeyError::Nil);
    }
    let e = hash::find(heap, t.as_table(), k);
    if !e.is_null() {
        // SAFETY: OBJ-3; an entry found is live and in the table's hash part.
        unsafe { heap.store((*t.as_table()).hash.as_header(), &raw mut (*e).value, v) };
    } else if !v.is_nil() {
        grow::add_to_hash(heap, t, k, v);
    }
    Ok(())
}

// ---- metatables

/// The metatable of a table, or nil.
#[inline(always)]
pub fn metatable(heap: &Heap, t: Value) -> Value {
    let shape = heap.shape_of(t);
    if shape.flags & OWN_META == 0 {
        return shape.metatable;
    }
    // SAFETY: OBJ-1, OBJ-3.
    unsafe { (*(*t.as_table()).hash.as_hash()).meta }
}

/// Gives a table a metatable (a table or nil). The VM registers finalizers itself.
#[inline]
pub fn set_metatable(heap: &mut Heap, t: Value, metatable: Value) {
    let p = t.as_table();
    // SAFETY: OBJ-1; a live shape.
    unsafe {
        let shape = heap.shape_with_metatable(heap.shape_ptr((*p).header.aux), metatable);
        (*p).header.aux = (*shape).id;
        if (*shape).flags & OWN_META != 0 {
            grow::set_own_metatable(heap, t, metatable);
        }
    }
}

/// Address and number of the elements of the array part (keys from 1 on). Only good until a key is added (TABLE-3).
#[inline(always)]
pub fn array(t: Value) -> (*mut Value, usize) {
    // SAFETY: OBJ-1, OBJ-3.
    unsafe {
        let a = (*t.as_table()).array.as_array();
        (ArrayPart::element(a, 0), (*a).cap as usize)
    }
}
