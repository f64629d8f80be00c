//! Adding keys: growth of the parts, migration between them, and the change to a dictionary.
use super::hash::{bits_of, cap_for, find_bits, find_boxed, free_entry, max_used};
use super::{set_int, slot_ptr, try_set_int};
use crate::heap::{Heap, TABLE_DICT, object_value};
use crate::object::*;
use crate::shape::OWN_META;
use crate::value::*;

/// Largest capacity of an array part.
const MAX_ARRAY: usize = 1 << 31;
/// Array parts are at least this large when they come to be by appending.
const MIN_ARRAY: usize = 4;

#[inline(never)]
pub(super) fn set_int_slow(heap: &mut Heap, t: Value, i: i64, v: Value) {
    let p = t.as_table();
    // SAFETY: OBJ-1, OBJ-3; an entry found is live.
    unsafe {
        let h = (*p).hash.as_hash();
        if (*h).used != 0 {
            let e = if Value::fits_small(i) { find_bits(h, Value::small_int(i).0) } else { find_boxed(h, i) };
            if !e.is_null() {
                return heap.store(h as *mut Header, &raw mut (*e).value, v);
            }
        }
        if v.is_nil() {
            return;
        }
        let cap = (*(*p).array.as_array()).cap as usize;
        if i == cap as i64 + 1 && grow_for_append(heap, t, cap) {
            try_set_int(heap, t, i, v);
            return;
        }
    }
    let key = heap.new_int(i);
    add_to_hash(heap, t, key, v);
}

/// Makes the array part larger for the key `cap + 1`, if enough of it is in use.
fn grow_for_append(heap: &mut Heap, t: Value, cap: usize) -> bool {
    let new = (cap + 1).next_power_of_two().max(MIN_ARRAY);
    if cap >= MIN_ARRAY {
        // SAFETY: OBJ-1, OBJ-3.
        let elements = unsafe { core::slice::from_raw_parts(super::array(t).0, cap) };
        let in_use = elements.iter().filter(|v| !v.is_nil()).count();
        if (in_use + 1) * 8 <= new * 3 {
            return false;
        }
    }
    resize_array(heap, t, new)
}

/// Makes the array part larger, and moves the keys that fit now out of the hash part. False when there is no memory.
fn resize_array(heap: &mut Heap, t: Value, cap: usize) -> bool {
    let p = t.as_table();
    // 16 bytes of header and two elements fill a granule.
    let cap = (cap + 1) & !1;
    if cap > MAX_ARRAY {
        heap.note_out_of_memory();
        return false;
    }
    // SAFETY: OBJ-1, OBJ-3, TABLE-4; all elements accessed are within capacity.
    unsafe {
        let old = (*p).array.as_array();
        let had = (*old).cap as usize;
        if cap <= had {
            return true;
        }
        let mut new = if had > 0 { heap.grow_array_in_place(old, cap) } else { core::ptr::null_mut() };
        if new.is_null() {
            new = heap.new_array_part(p, cap);
            if new.is_null() {
                return false;
            }
            ArrayPart::element(new, 0).copy_from_nonoverlapping(ArrayPart::element(old, 0), had);
            (*new).border = (*old).border;
            heap.store(p as *mut Header, &raw mut (*p).array, object_value(new));
            if had > 0 {
                heap.discard_part(old as *mut Header);
            }
        } else if new != old {
            heap.store(p as *mut Header, &raw mut (*p).array, object_value(new));
        }
        migrate(heap, t, had, cap);
    }
    true
}

/// Moves the keys in `had + 1 ..= cap` from the hash part to the array part.
unsafe fn migrate(heap: &mut Heap, t: Value, had: usize, cap: usize) {
    // SAFETY: OBJ-1, OBJ-3; the array part has `cap` elements.
    unsafe {
        let h = (*t.as_table()).hash.as_hash();
        let take = |heap: &mut Heap, e: *mut HashEntry, i: i64| {
            try_set_int(heap, t, i, (*e).value);
            *e = HashEntry { key: Value::REMOVED, value: Value::NIL };
        };
        if (*h).used == 0 {
        } else if cap - had < (*h).cap as usize {
            for i in had as i64 + 1..=cap as i64 {
                let e = find_bits(h, Value::small_int(i).0);
                if !e.is_null() {
                    take(heap, e, i);
                }
            }
        } else {
            for i in 0..(*h).cap as usize {
                let e = HashPart::entry(h, i);
                if (*e).key.is_small_int() && ((*e).key.as_small_int() as u64).wrapping_sub(1) < cap as u64 {
                    take(heap, e, (*e).key.as_small_int());
                }
            }
        }
    }
}

/// Adds an interned string that the table does not have.
#[inline(never)]
pub(super) fn add_named(heap: &mut Heap, t: Value, key: Value, v: Value, constant: bool) {
    let p = t.as_table();
    // SAFETY: OBJ-1, SHAPE-1.
    unsafe {
        if (*p).header.flags & TABLE_DICT == 0 {
            let shape = heap.shape_ptr((*p).header.aux);
            if let Some(child) = heap.shape_add(shape, key, constant) {
                return add_slot(heap, t, (*child).id, (*shape).nslots, v);
            }
            if !become_dict(heap, t, 1) {
                return;
            }
        }
    }
    add_to_hash(heap, t, key, v);
}

/// Gives `t` the shape `id`, which has one slot more than its present one, and stores `v` there.
///
/// # Safety
/// `t` is a live table, `slot` the number of slots of its shape, and `id` a child of that shape by a key.
#[inline]
pub unsafe fn add_slot(heap: &mut Heap, t: Value, id: u32, slot: u32, v: Value) {
    let p = t.as_table();
    // SAFETY: the caller's promise, OBJ-3.
    unsafe {
        let cap = (*p).header.extra as usize + (*(*p).slots.as_slots()).cap as usize;
        if slot as usize >= cap {
            resize_slots(heap, t, ((*(*p).slots.as_slots()).cap as usize * 2).max(4));
        }
        (*p).header.aux = id;
        let (container, slot) = slot_ptr(p, slot);
        heap.store(container, slot, v);
    }
}

fn resize_slots(heap: &mut Heap, t: Value, cap: usize) {
    let p = t.as_table();
    // SAFETY: OBJ-1, OBJ-3, TABLE-4; the new part is larger.
    unsafe {
        let old = (*p).slots.as_slots();
        let new = heap.new_slots_part(p, cap);
        SlotsPart::slot(new, 0).copy_from_nonoverlapping(SlotsPart::slot(old, 0), (*old).cap as usize);
        heap.store(p as *mut Header, &raw mut (*p).slots, object_value(new));
        if (*old).cap > 0 {
            heap.discard_part(old as *mut Header);
        }
    }
}

/// Moves all named slots into the hash part, with room for `more` keys. False when there is no memory.
#[cold]
fn become_dict(heap: &mut Heap, t: Value, more: usize) -> bool {
    let p = t.as_table();
    // SAFETY: OBJ-1, OBJ-3, SHAPE-1, TABLE-4; slots are those of the table's shape.
    unsafe {
        let shape = heap.shape_ptr((*p).header.aux);
        let n = (*shape).nslots;
        if !rehash(heap, t, Value::NIL, n as usize + more) {
            return false;
        }
        let metatable = super::metatable(heap, t);
        let h = (*p).hash.as_hash();
        for slot in 0..n {
            let v = *slot_ptr(p, slot).1;
            if !v.is_nil() {
                put(heap, h, (*shape).key_of(slot), v);
            }
        }
        let old_slots = (*p).slots.as_header();
        for i in 0..(*p).header.extra as usize {
            *Table::inline(p, i) = Value::NIL;
        }
        (*p).slots = heap.empty_slots;
        if (*(old_slots as *mut SlotsPart)).cap > 0 {
            heap.discard_part(old_slots);
        }
        let dict = heap.dict_shape_for(shape);
        (*p).header.aux = (*dict).id;
        (*p).header.flags |= TABLE_DICT;
        if (*dict).flags & OWN_META != 0 {
            set_own_metatable(heap, t, metatable);
        }
    }
    true
}

/// Stores the metatable of a table whose shape has `OWN_META` into its hash part.
#[cold]
pub(super) fn set_own_metatable(heap: &mut Heap, t: Value, metatable: Value) {
    let p = t.as_table();
    // SAFETY: OBJ-1, OBJ-3.
    unsafe {
        if heap.is_empty_hash((*p).hash.as_hash()) {
            let new = heap.new_hash_part(p, 2);
            heap.store(p as *mut Header, &raw mut (*p).hash, object_value(new));
        }
        let h = (*p).hash.as_hash();
        heap.store(h as *mut Header, &raw mut (*h).meta, metatable);
    }
}

/// Puts a new key into a hash part that has room.
unsafe fn put(heap: &mut Heap, h: *mut HashPart, k: Value, v: Value) {
    // SAFETY: the caller passes a live hash part with room.
    unsafe {
        let e = free_entry(h, bits_of(heap, k));
        heap.store(h as *mut Header, &raw mut (*e).key, k);
        heap.store(h as *mut Header, &raw mut (*e).value, v);
        (*h).used += 1;
    }
}

/// Adds a key that the table does not have (not nil, not NaN, no float that stands for an integer, interned).
#[inline(never)]
pub(super) fn add_to_hash(heap: &mut Heap, t: Value, k: Value, v: Value) {
    let p = t.as_table();
    // SAFETY: OBJ-1, OBJ-3.
    unsafe {
        let h = (*p).hash.as_hash();
        if (*h).used as usize >= max_used((*h).cap as usize) {
            if !rehash(heap, t, k, 1) {
                return;
            }
            if k.is_small_int() && try_set_int(heap, t, k.as_small_int(), v) {
                return;
            }
        }
        put(heap, (*p).hash.as_hash(), k, v);
    }
}

/// Counts of integer keys `k` with `2^(i-1) < k <= 2^i`.
struct IntKeys([u32; 32]);

impl IntKeys {
    #[inline]
    fn add(&mut self, k: Value) {
        if k.is_small_int() {
            let i = (k.as_small_int() as u64).wrapping_sub(1);
            if i < MAX_ARRAY as u64 {
                self.0[(64 - i.leading_zeros() as usize) & 31] += 1;
            }
        }
    }
    fn any(&self) -> bool {
        self.0.iter().any(|&n| n > 0)
    }
    fn add_array(&mut self, elements: &[Value]) {
        let (mut low, mut i) = (0, 0);
        while low < elements.len() {
            let high = (1 << i).min(elements.len());
            self.0[i] += elements[low..high].iter().filter(|v| !v.is_nil()).count() as u32;
            (low, i) = (high, i + 1);
        }
    }
    /// The largest power of two of which more than half would be in use.
    fn best_size(&self) -> usize {
        let (mut sum, mut best) = (0, 0);
        for (i, &n) in self.0.iter().enumerate() {
            sum += n as usize;
            if n > 0 && sum > (1 << i) / 2 {
                best = 1 << i;
            }
        }
        best
    }
}

/// Makes a new hash part with room for `more` keys (of which `extra` is one, unless nil), after moving what belongs there
/// into the array part. False when there is no memory.
#[cold]
fn rehash(heap: &mut Heap, t: Value, extra: Value, more: usize) -> bool {
    let p = t.as_table();
    // SAFETY: OBJ-1, OBJ-3, TABLE-4; entries accessed are within capacity.
    unsafe {
        let mut ints = IntKeys([0; 32]);
        let old = (*p).hash.as_hash();
        let entries = |f: &mut dyn FnMut(HashEntry)| {
            (0..(*old).cap as usize).map(|i| *HashPart::entry(old, i)).filter(|e| !e.value.is_nil()).for_each(f)
        };
        entries(&mut |e| ints.add(e.key));
        ints.add(extra);
        if ints.any() {
            let (elements, n) = super::array(t);
            ints.add_array(core::slice::from_raw_parts(elements, n));
            let best = ints.best_size();
            if best > n && !resize_array(heap, t, best.max(MIN_ARRAY)) {
                return false;
            }
        }
        let mut n = more;
        entries(&mut |_| n += 1);
        let cap = cap_for(n);
        let new = if cap > 0 { heap.new_hash_part(p, cap) } else { heap.empty_hash.as_hash() };
        if new.is_null() {
            return false;
        }
        (*new).meta = if cap > 0 { (*old).meta } else { Value::NIL };
        entries(&mut |e| {
            let to = free_entry(new, bits_of(heap, e.key));
            *to = e;
            (*new).used += 1;
        });
        heap.store(p as *mut Header, &raw mut (*p).hash, object_value(new));
        if !heap.is_empty_hash(old) {
            heap.discard_part(old as *mut Header);
        }
        true
    }
}

/// Makes room for array elements up to `n`.
pub fn reserve_array(heap: &mut Heap, t: Value, n: usize) {
    resize_array(heap, t, n);
}

/// Makes room for `n` keys in the hash part.
pub fn reserve_hash(heap: &mut Heap, t: Value, n: usize) {
    if n > 0 {
        rehash(heap, t, Value::NIL, n);
    }
}

/// Makes room for `n` named slots.
pub fn reserve_named(heap: &mut Heap, t: Value, n: usize) {
    // SAFETY: OBJ-1, OBJ-3.
    let (inline, cap) = unsafe { ((*t.as_header()).extra as usize, (*(*t.as_table()).slots.as_slots()).cap as usize) };
    let n = n.min(crate::shape::MAX_NAMED as usize);
    if n > inline + cap {
        resize_slots(heap, t, (n - inline + 1) & !1);
    }
}

/// `t[first + i] = values[i]` for all `i`, as constructors do. The values must stay valid during the call.
///
/// # Safety
/// `values` points to `n` valid Values.
pub unsafe fn set_list(heap: &mut Heap, t: Value, first: i64, values: *const Value, n: usize) {
    let last = first as usize + n - usize::from(n > 0);
    // SAFETY: the caller's promise; OBJ-1, OBJ-3; elements up to `last` exist after resizing.
    unsafe {
        let had = super::array(t).1;
        if first < 1 || last > had && !resize_array(heap, t, if had == 0 { last } else { last.max(had + had / 2) }) {
            (0..n).for_each(|i| set_int(heap, t, first + i as i64, *values.add(i)));
            return;
        }
        let a = (*t.as_table()).array.as_array();
        if n > 0 {
            let to = ArrayPart::element(a, first as usize - 1);
            to.copy_from_nonoverlapping(values, n);
            heap.stored_range(a as *mut Header, to, n);
            (*a).border = constructor_border(a, last) as u32;
        }
    }
}

/// The border that PUC Lua finds for a constructor whose last list item has this index.
unsafe fn constructor_border(a: *mut ArrayPart, last: usize) -> usize {
    // SAFETY: the caller passes a live part with at least `last` elements.
    let is_nil = |key: usize| unsafe { (*ArrayPart::element(a, key - 1)).is_nil() };
    if !is_nil(last) {
        return last;
    }
    if last >= 2 && !is_nil(last - 1) {
        return last - 1;
    }
    let (mut i, mut j) = (0, last);
    while j - i > 1 {
        let middle = (i + j) / 2;
        if is_nil(middle) { j = middle } else { i = middle }
    }
    i
}
