//! Hash parts: open addressing with linear probing and Fibonacci hashing.
//!
//! Sixteen keys whose bits differ in the last four only (integers that follow each other) have their places side by side, so that
//! counting up or down walks through memory. Fibonacci hashing keeps such groups apart, as it does integers.
//!
//! `header.aux` is the mask of indices and `header.extra` the shift of hashes. At least a quarter of the entries (half of
//! two) is free, so that probing ends; the shared empty part has one free entry. Keys that are small integers, interned
//! strings, floats, booleans and light userdata are found by their bits; boxed integers by value; others by identity.
use crate::heap::Heap;
use crate::object::{HashEntry, HashPart, Table};
use crate::value::*;
use core::ptr::null_mut;

const FIB: u64 = 0x9E37_79B9_7F4A_7C15;

/// The index at which the search for a key begins, which is found by these bits.
///
/// # Safety
/// `h` is a live hash part.
#[inline(always)]
pub(crate) unsafe fn home(h: *mut HashPart, bits: u64) -> usize {
    // SAFETY: the caller's promise.
    let (mask, shift) = unsafe { ((*h).header.aux as usize, (*h).header.extra) };
    (((bits >> 4).wrapping_mul(FIB) >> shift) as usize).wrapping_add(bits as usize & 15) & mask
}

/// The entry of a key that is found by its bits, or null.
///
/// # Safety
/// `h` is a live hash part.
#[inline(always)]
pub unsafe fn find_bits(h: *mut HashPart, bits: u64) -> *mut HashEntry {
    // SAFETY: the caller's promise.
    unsafe { find_from(h, bits, home(h, bits)) }
}

#[inline(always)]
unsafe fn find_from(h: *mut HashPart, bits: u64, mut i: usize) -> *mut HashEntry {
    // SAFETY: indices are masked; there is a free entry.
    unsafe {
        let mask = (*h).header.aux as usize;
        loop {
            let e = HashPart::entry(h, i);
            let key = (*e).key.0;
            if key == bits {
                return e;
            }
            if key == EMPTY {
                return null_mut();
            }
            i = (i + 1) & mask;
        }
    }
}

/// The entry of an integer that does not fit 48 bits, or null.
pub(super) unsafe fn find_boxed(h: *mut HashPart, i: i64) -> *mut HashEntry {
    // SAFETY: the caller passes a live hash part.
    unsafe {
        let mask = (*h).header.aux as usize;
        let mut at = home(h, i as u64);
        loop {
            let e = HashPart::entry(h, at);
            if (*e).key.is_boxed_int() && (*e).key.as_int() == Some(i) {
                return e;
            }
            if (*e).key == Value::EMPTY {
                return null_mut();
            }
            at = (at + 1) & mask;
        }
    }
}

/// The entry of any key (not nil; floats that stand for integers are not looked for), or null.
pub(super) fn find(heap: &Heap, t: *mut Table, k: Value) -> *mut HashEntry {
    // SAFETY: OBJ-1, OBJ-3.
    unsafe {
        let h = (*t).hash.as_hash();
        match k.tag() {
            TAG_TABLE | TAG_FUNCTION | TAG_OBJECT => match heap.known_identity(k) {
                Some(id) => find_from(h, k.0, home(h, id)),
                None => null_mut(),
            },
            TAG_BOXINT => find_boxed(h, k.as_int().unwrap_or(0)),
            TAG_STRING => match heap.find_interned(k) {
                Some(k) => find_bits(h, k.0),
                None => null_mut(),
            },
            _ => find_bits(h, k.0),
        }
    }
}

/// The bits by which a key is found that is in a hash part, or is to be put into one.
pub(crate) fn bits_of(heap: &Heap, k: Value) -> u64 {
    match k.tag() {
        TAG_TABLE | TAG_FUNCTION | TAG_OBJECT => heap.identity(k),
        TAG_BOXINT => k.as_int().unwrap_or(0) as u64,
        _ => k.0,
    }
}

/// The first free entry for a key with these bits.
pub(super) unsafe fn free_entry(h: *mut HashPart, bits: u64) -> *mut HashEntry {
    // SAFETY: the caller passes a live hash part that is not the shared one; there is a free entry.
    unsafe {
        let mask = (*h).header.aux as usize;
        let mut i = home(h, bits);
        while (*HashPart::entry(h, i)).key != Value::EMPTY {
            i = (i + 1) & mask;
        }
        HashPart::entry(h, i)
    }
}

/// How many entries of a part of this capacity may be in use.
#[inline(always)]
pub(super) const fn max_used(cap: usize) -> usize {
    cap - cap.div_ceil(4)
}

/// The capacity for so many keys, with room for more.
pub(super) fn cap_for(n: usize) -> usize {
    if n == 0 {
        return 0;
    }
    let mut cap = n.next_power_of_two().max(2);
    // A part that is nearly full when it is made would be rebuilt soon again.
    while n > max_used(cap) - cap / 8 {
        cap *= 2;
    }
    cap
}
