//! Traversal: keys in the order array part, named slots, hash part. Positions stay valid while no key is added.
use super::{find_bits, float_to_key, hash, slot_ptr};
use crate::heap::{Heap, TABLE_DICT};
use crate::object::*;
use crate::string;
use crate::value::*;

/// "invalid key to 'next'".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidKey;

/// The first entry at position `at` or later: the position after it, its key and its value. Traversals start at 0.
#[inline]
pub fn next_from(heap: &Heap, t: Value, at: usize) -> Option<(usize, Value, Value)> {
    // SAFETY: OBJ-1, OBJ-3.
    unsafe {
        let a = (*t.as_table()).array.as_array();
        let cap = (*a).cap as usize;
        let mut i = at;
        while i < cap {
            let v = *ArrayPart::element(a, i);
            i += 1;
            if !v.is_nil() {
                return Some((i, Value::small_int(i as i64), v));
            }
        }
        next_beyond(heap, t, cap, i)
    }
}

unsafe fn next_beyond(heap: &Heap, t: Value, cap: usize, mut at: usize) -> Option<(usize, Value, Value)> {
    // SAFETY: OBJ-1, OBJ-3; slots are those of the table's shape, entries within capacity.
    unsafe {
        let p = t.as_table();
        let shape = heap.shape_of(t);
        let slots = cap + shape.nslots as usize;
        while at < slots {
            let slot = (at - cap) as u32;
            let v = *slot_ptr(p, slot).1;
            at += 1;
            if !v.is_nil() {
                return Some((at, shape.key_of(slot), v));
            }
        }
        let h = (*p).hash.as_hash();
        while at < slots + (*h).cap as usize {
            let e = *HashPart::entry(h, at - slots);
            at += 1;
            if !e.value.is_nil() {
                return Some((at, e.key, e.value));
            }
        }
        None
    }
}

/// The position after key `k` (not nil), for `next_from`; None when there is no such key.
pub fn position(heap: &Heap, t: Value, k: Value) -> Option<usize> {
    let p = t.as_table();
    let k = match k.is_float().then(|| float_to_key(k.as_float())).flatten() {
        Some(i) if Value::fits_small(i) => Value::small_int(i),
        // Boxed integers are found by value; this one needs no box.
        Some(i) => return hash_position(heap, t, |h| unsafe_find_boxed(h, i)),
        None => k,
    };
    // SAFETY: OBJ-1, OBJ-3.
    unsafe {
        let cap = (*(*p).array.as_array()).cap as usize;
        if k.is_small_int() && (k.as_small_int() as u64).wrapping_sub(1) < cap as u64 {
            return Some(k.as_small_int() as usize);
        }
        if k.is_string() {
            let k = heap.find_interned(k)?;
            debug_assert!(string::is_interned(k));
            if (*p).header.flags & TABLE_DICT == 0 {
                return Some(cap + heap.shape_of(t).lookup(k)? as usize + 1);
            }
            return hash_position(heap, t, |h| find_bits(h, k.0));
        }
    }
    hash_position(heap, t, |_| hash::find(heap, p, k))
}

fn unsafe_find_boxed(h: *mut HashPart, i: i64) -> *mut HashEntry {
    // SAFETY: `hash_position` passes a live hash part.
    unsafe { hash::find_boxed(h, i) }
}

fn hash_position(heap: &Heap, t: Value, find: impl FnOnce(*mut HashPart) -> *mut HashEntry) -> Option<usize> {
    // SAFETY: OBJ-1, OBJ-3; an entry found is one of the part.
    unsafe {
        let p = t.as_table();
        let h = (*p).hash.as_hash();
        let e = find(h);
        if e.is_null() {
            return None;
        }
        let cap = (*(*p).array.as_array()).cap as usize;
        Some(cap + heap.shape_of(t).nslots as usize + e.offset_from(HashPart::entry(h, 0)) as usize + 1)
    }
}

/// The entry after key `k` (the first one for nil); None at the end.
pub fn next(heap: &Heap, t: Value, k: Value) -> Result<Option<(Value, Value)>, InvalidKey> {
    let at = if k.is_nil() { 0 } else { position(heap, t, k).ok_or(InvalidKey)? };
    Ok(next_from(heap, t, at).map(|(_, k, v)| (k, v)))
}
