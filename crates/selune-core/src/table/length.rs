//! The length operator: a border, which is the one PUC Lua finds where programs are likely to notice.
use super::get_int;
use crate::object::ArrayPart;
use crate::value::Value;

/// How far the search goes step by step from where a border was last seen.
const NEAR: usize = 4;

/// `#t` without metamethods. Starts where a border was last seen.
#[inline]
pub fn length(t: Value) -> i64 {
    // SAFETY: OBJ-1, OBJ-3; all elements looked at are below `cap`.
    unsafe {
        let a = (*t.as_table()).array.as_array();
        let (cap, seen) = ((*a).cap as usize, (*a).border as usize);
        let is_nil = |i: usize| (*ArrayPart::element(a, i)).is_nil();
        if seen > 0 && seen < cap && !is_nil(seen - 1) {
            if is_nil(seen) {
                return seen as i64;
            }
            if seen + 1 < cap && is_nil(seen + 1) {
                (*a).border = seen as u32 + 1;
                return seen as i64 + 1;
            }
        }
        length_slow(t)
    }
}

#[inline(never)]
fn length_slow(t: Value) -> i64 {
    // SAFETY: OBJ-1, OBJ-3; all elements looked at are at most `cap`.
    unsafe {
        let a = (*t.as_table()).array.as_array();
        let cap = (*a).cap as usize;
        let is_nil = |key: usize| (*ArrayPart::element(a, key - 1)).is_nil();
        let seen = ((*a).border as usize).min(cap);
        // `low` is 0 or holds a value; `high` holds nil.
        let (mut low, mut high);
        if seen == 0 {
            // Nothing is known: as PUC Lua looks, the last two elements first, so that holes in a list are passed over alike.
            if cap == 0 || !is_nil(cap) {
                (*a).border = cap as u32;
                return beyond(t, cap as u64);
            }
            (low, high) = if cap > 1 && !is_nil(cap - 1) { (cap - 1, cap) } else { (0, cap) };
        } else if !is_nil(seen) {
            low = seen;
            let near = (seen + NEAR).min(cap);
            while low < near && !is_nil(low + 1) {
                low += 1;
            }
            if low == cap || low == near && !is_nil(cap) {
                (*a).border = cap as u32;
                return beyond(t, cap as u64);
            }
            high = if low < near { low + 1 } else { cap };
        } else {
            high = seen;
            let near = seen.saturating_sub(NEAR).max(1);
            while high > near && is_nil(high - 1) {
                high -= 1;
            }
            low = if high > near { high - 1 } else { 0 };
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if is_nil(middle) { high = middle } else { low = middle }
        }
        (*a).border = low as u32;
        low as i64
    }
}

/// A border from `cap` on, where all elements of the array part up to `cap` are in use.
fn beyond(t: Value, cap: u64) -> i64 {
    // SAFETY: OBJ-1, OBJ-3.
    if unsafe { (*(*t.as_table()).hash.as_hash()).used } == 0 {
        return cap as i64;
    }
    let is_nil = |i: u64| get_int(t, i as i64).is_nil();
    if is_nil(cap + 1) {
        return cap as i64;
    }
    let (mut i, mut j) = (cap + 1, (cap + 1) * 2);
    while !is_nil(j) {
        i = j;
        if j > i64::MAX as u64 / 2 {
            return last_resort(t, i);
        }
        j *= 2;
    }
    while j - i > 1 {
        let middle = i + (j - i) / 2;
        if is_nil(middle) { j = middle } else { i = middle }
    }
    i as i64
}

/// The table was made to confuse the search by doubling.
fn last_resort(t: Value, i: u64) -> i64 {
    if !get_int(t, i64::MAX).is_nil() {
        return i64::MAX;
    }
    let (mut i, mut j) = (i, i64::MAX as u64);
    while j - i > 1 {
        let middle = i + (j - i) / 2;
        if get_int(t, middle as i64).is_nil() { j = middle } else { i = middle }
    }
    i as i64
}
