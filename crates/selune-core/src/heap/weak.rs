//! Weak tables, ephemerons and finalizers, the same for minor and major collections.
//!
//! The order is that of PUC Lua 5.4: converge ephemerons; clear weak values; separate the objects to be finalized and mark
//! them; converge again; clear weak keys; clear weak values in tables that were only reached by that. So a weak value
//! loses a finalized object before its finalizer runs, and a weak key after it. Strings and boxed integers are values and are
//! never cleared.
//!
//! WEAK-1: an old table that was weak when it was last traced, and its parts, have the `WEAK` flag, and the table is in
//! `Heap::weak_tables`. The remembered set leaves flagged parts alone; minor collections go by that list, and by the mode that
//! the metatable says then.
use super::trace::{WEAK, part_values};
use super::{Heap, POLL_FINALIZERS};
use crate::object::*;
use crate::shape::{HAS_META, Metamethod, NO_SLOT, OWN_META};
use crate::string;
use crate::table::find_bits;
use crate::value::{TAG_BOXINT, TAG_STRING, Value};

/// Weak keys.
pub(super) const KEYS: u8 = 1;
/// Weak values.
pub(super) const VALUES: u8 = 2;

/// A collection in progress.
pub(super) trait Tracer {
    /// Marks what a slot holds, and updates the slot when that has moved.
    unsafe fn mark(&mut self, slot: *mut Value);
    /// Has the collection not reached this heap value (yet)?
    unsafe fn is_dead(&self, v: Value) -> bool;
    /// The key of an entry without value.
    unsafe fn unused_key(&mut self, part: *mut HashPart, key: *mut Value);
    /// Traces all that was marked.
    fn drain(&mut self);
    /// The heap.
    fn heap(&self) -> *mut Heap;
    /// What is to be decided when all strong references are traced.
    fn weak(&mut self) -> &mut Pending;
}

/// Ranges with references whose referents were not reached when the range was traced.
#[derive(Default)]
pub(super) struct Pending {
    values: Vec<(*mut Value, usize)>,
    entries: Vec<Entries>,
}

#[derive(Clone, Copy)]
struct Entries {
    part: *mut HashPart,
    start: *mut HashEntry,
    n: usize,
    mode: u8,
}

/// Can it vanish from a weak table?
#[inline(always)]
fn is_object(v: Value) -> bool {
    v.is_heap() && v.tag() != TAG_STRING && v.tag() != TAG_BOXINT
}

/// Follows the new address of an object that was evacuated.
pub(super) unsafe fn resolve(v: Value) -> Value {
    // SAFETY: OBJ-1; the word after a forwarded header is the address.
    unsafe {
        if v.is_heap() && (*v.as_header()).gc & GC_FORWARDED != 0 {
            return Value::heap(v.tag(), *(v.as_header().add(1) as *const *const u8));
        }
    }
    v
}

/// The weak mode of a table during a collection.
#[inline(always)]
pub(super) unsafe fn weak_mode(heap: *mut Heap, t: *mut Table) -> u8 {
    // SAFETY: the caller passes a live table.
    unsafe {
        let shape = (*heap).shape_ptr((*t).header.aux);
        if (*shape).flags & HAS_META == 0 { 0 } else { weak_mode_by_metatable(heap, t) }
    }
}

unsafe fn weak_mode_by_metatable(heap: *mut Heap, t: *mut Table) -> u8 {
    // SAFETY: as for `weak_mode`; all parts of tables are live, some of them evacuated.
    unsafe {
        let heap = &*heap;
        let shape = heap.shape_ptr((*t).header.aux);
        let metatable =
            if (*shape).flags & OWN_META != 0 { (*resolve((*t).hash).as_hash()).meta } else { (*shape).metatable };
        if !metatable.is_table() {
            return 0;
        }
        let metatable = resolve(metatable).as_table();
        let id = (*metatable).header.aux;
        if heap.shape(id).lacks(Metamethod::Mode) {
            return 0;
        }
        let key = heap.event_names[Metamethod::Mode as usize];
        let mode = if heap.shape(id).is_dict() {
            let e = find_bits(resolve((*metatable).hash).as_hash(), key.0);
            if e.is_null() { Value::NIL } else { (*e).value }
        } else {
            match heap.find_slot(id, key) {
                NO_SLOT => Value::NIL,
                slot if slot < (*metatable).header.extra as u32 => *Table::inline(metatable, slot as usize),
                slot => {
                    let slots = resolve((*metatable).slots).as_slots();
                    *SlotsPart::slot(slots, slot as usize - (*metatable).header.extra as usize)
                }
            }
        };
        if !mode.is_string() {
            return 0;
        }
        let mode = string::bytes(resolve(mode));
        (if mode.contains(&b'k') { KEYS } else { 0 }) | (if mode.contains(&b'v') { VALUES } else { 0 })
    }
}

/// Sets or clears the `WEAK` flag of a table and its parts, which must be where they stay.
pub(super) unsafe fn flag_table(heap: *mut Heap, t: *mut Table, weak: bool) {
    // SAFETY: the caller passes a live old table with old parts.
    unsafe {
        let flag = |h: *mut Header| if weak { (*h).flags |= WEAK } else { (*h).flags &= !WEAK };
        flag(t as *mut Header);
        for part in [(*t).array, (*t).slots, (*t).hash] {
            if !(*heap).is_shared_part(part.as_header()) {
                flag(part.as_header());
            }
        }
    }
}

/// Traces the values of a weak table's inline slots, array or slots part.
pub(super) unsafe fn trace_weak_values<T: Tracer>(tr: &mut T, start: *mut Value, n: usize) {
    // SAFETY: the caller passes a range of slots of a live object.
    unsafe {
        let mut pending = false;
        for i in 0..n {
            let slot = start.add(i);
            if is_object(*slot) && tr.is_dead(*slot) {
                pending = true;
            } else {
                tr.mark(slot);
            }
        }
        if pending {
            tr.weak().values.push((start, n));
        }
    }
}

/// Traces entries of a weak table's hash part.
pub(super) unsafe fn trace_weak_entries<T: Tracer>(tr: &mut T, part: *mut HashPart, start: *mut HashEntry, n: usize, mode: u8) {
    // SAFETY: the caller passes entries of a live hash part.
    unsafe {
        let mut pending = false;
        for i in 0..n {
            let e = start.add(i);
            let (key, value) = (&raw mut (*e).key, &raw mut (*e).value);
            if (*value).is_nil() {
                tr.unused_key(part, key);
                continue;
            }
            let dead_key = mode & KEYS != 0 && is_object(*key) && tr.is_dead(*key);
            let dead_value = mode & VALUES != 0 && is_object(*value) && tr.is_dead(*value);
            pending |= dead_key || dead_value;
            // A string as a weak key lives only as long as its entry.
            if !dead_key && (mode & KEYS == 0 || !dead_value) {
                tr.mark(key);
            }
            // The value of an ephemeron entry waits for its key.
            if !dead_value && (mode & VALUES != 0 || !dead_key) {
                tr.mark(value);
            }
        }
        if pending {
            tr.weak().entries.push(Entries { part, start, n, mode });
        }
    }
}

/// Traces a whole part of a weak table.
pub(super) unsafe fn trace_weak_part<T: Tracer>(tr: &mut T, part: *mut Header, mode: u8) {
    // SAFETY: the caller passes a live part.
    unsafe {
        if (*part).kind == Kind::HashPart {
            let h = part as *mut HashPart;
            tr.mark(&raw mut (*h).meta);
            trace_weak_entries(tr, h, HashPart::entry(h, 0), (*h).cap as usize, mode);
        } else {
            let (start, n) = part_values(part);
            trace_values(tr, start, n, mode);
        }
    }
}

/// Traces values that are weak when the mode says so.
pub(super) unsafe fn trace_values<T: Tracer>(tr: &mut T, start: *mut Value, n: usize, mode: u8) {
    // SAFETY: the caller passes a range of slots of a live object.
    unsafe {
        if mode & VALUES != 0 { trace_weak_values(tr, start, n) } else { (0..n).for_each(|i| tr.mark(start.add(i))) }
    }
}

/// Finishes a collection after all strong references were traced: see the head of this file. Finalizable objects are
/// searched among those with a finalizer from index `from` on.
pub(super) fn finish<T: Tracer>(tr: &mut T, from: usize) {
    // SAFETY: pending ranges lie in live objects, which do not move any more.
    unsafe {
        tr.drain();
        converge(tr);
        clear_values(tr, 0, 0);
        let (values, entries) = (tr.weak().values.len(), tr.weak().entries.len());
        separate(tr, from);
        tr.drain();
        converge(tr);
        clear_keys(tr);
        clear_values(tr, values, entries);
    }
}

/// Marks the values of ephemeron entries whose keys are marked, until nothing changes. The direction alternates, so that
/// chains in either order are quick.
unsafe fn converge<T: Tracer>(tr: &mut T) {
    let mut backwards = false;
    loop {
        let ranges = tr.weak().entries.len();
        let mut changed = false;
        for r in 0..ranges {
            let r = tr.weak().entries[if backwards { ranges - 1 - r } else { r }];
            if r.mode != KEYS {
                continue;
            }
            for i in 0..r.n {
                // SAFETY: from `finish`.
                unsafe {
                    let e = r.start.add(if backwards { r.n - 1 - i } else { i });
                    let (key, value) = (&raw mut (*e).key, &raw mut (*e).value);
                    let waits = is_object(*key) && tr.is_dead(*key);
                    if !waits && (*value).is_heap() {
                        changed |= tr.is_dead(*value);
                        tr.mark(value);
                    }
                }
            }
            if changed {
                tr.drain();
            }
        }
        if !changed && tr.weak().entries.len() == ranges {
            return;
        }
        backwards = !backwards;
    }
}

unsafe fn clear_values<T: Tracer>(tr: &mut T, from_values: usize, from_entries: usize) {
    // SAFETY: from `finish`.
    unsafe {
        let clear = |tr: &mut T, slot: *mut Value| {
            if is_object(*slot) && tr.is_dead(*slot) { *slot = Value::NIL } else { tr.mark(slot) }
        };
        for r in from_values..tr.weak().values.len() {
            let (start, n) = tr.weak().values[r];
            (0..n).for_each(|i| clear(tr, start.add(i)));
        }
        for r in from_entries..tr.weak().entries.len() {
            let r = tr.weak().entries[r];
            for i in 0..if r.mode & VALUES != 0 { r.n } else { 0 } {
                let e = r.start.add(i);
                clear(tr, &raw mut (*e).value);
                if !(*e).value.is_nil() && !is_object((*e).key) {
                    tr.mark(&raw mut (*e).key);
                }
            }
        }
    }
}

unsafe fn clear_keys<T: Tracer>(tr: &mut T) {
    for r in 0..tr.weak().entries.len() {
        let r = tr.weak().entries[r];
        if r.mode & KEYS == 0 {
            continue;
        }
        for i in 0..r.n {
            // SAFETY: from `finish`.
            unsafe {
                let e = r.start.add(i);
                if is_object((*e).key) && tr.is_dead((*e).key) {
                    *e = HashEntry { key: Value::REMOVED, value: Value::NIL };
                } else if (*e).value.is_nil() {
                    tr.unused_key(r.part, &raw mut (*e).key);
                } else {
                    tr.mark(&raw mut (*e).key);
                }
            }
        }
    }
}

/// Moves the unreached objects with finalizers to the queue, the one marked for finalization last first, and marks the queue.
unsafe fn separate<T: Tracer>(tr: &mut T, from: usize) {
    let heap = tr.heap();
    // SAFETY: the lists are used by nobody else while they are changed here.
    unsafe {
        let mut kept = core::mem::take(&mut (*heap).with_finalizer);
        let mut new = kept.split_off(from);
        for v in new.iter().rev() {
            if tr.is_dead(*v) {
                (*heap).finalizable.push_back(*v);
            }
        }
        new.retain(|v| !tr.is_dead(*v));
        kept.append(&mut new);
        (*heap).with_finalizer = kept;
        let n = (*heap).with_finalizer.len();
        (from..n).for_each(|i| tr.mark((*heap).with_finalizer.as_mut_ptr().add(i)));
        let (a, b) = (*heap).finalizable.as_mut_slices();
        let parts = [(a.as_mut_ptr(), a.len()), (b.as_mut_ptr(), b.len())];
        for (start, n) in parts {
            (0..n).for_each(|i| tr.mark(start.add(i)));
        }
    }
}

impl Heap {
    /// Notes that `v` (a table or userdata) has a metatable with `__gc`; does nothing when it is noted already.
    pub fn register_finalizer(&mut self, v: Value) {
        // SAFETY: OBJ-1.
        unsafe {
            if !self.closing && (*v.as_header()).gc & GC_FINALIZER == 0 {
                (*v.as_header()).gc |= GC_FINALIZER;
                self.with_finalizer.push(v);
            }
        }
    }
    /// The next object whose finalizer is to be called. It is a normal object again: it may be registered once more, and
    /// unless something refers to it the next collection frees it.
    pub fn take_finalizable(&mut self) -> Option<Value> {
        let v = self.finalizable.pop_front();
        if self.finalizable.is_empty() {
            self.gc_request &= !POLL_FINALIZERS;
        }
        // SAFETY: OBJ-1; the queue is a root.
        v.inspect(|v| unsafe { (*v.as_header()).gc &= !GC_FINALIZER })
    }
    /// Are there objects whose finalizers are to be called?
    pub fn has_finalizable(&self) -> bool {
        !self.finalizable.is_empty()
    }
    /// Lets `take_finalizable` answer all objects with finalizers, the last registered first (the program ends).
    pub fn finalize_all(&mut self) {
        let all = core::mem::take(&mut self.with_finalizer);
        self.old_finalizers = 0;
        self.finalizable.extend(all.into_iter().rev());
        if !self.finalizable.is_empty() {
            self.gc_request |= POLL_FINALIZERS;
        }
    }
}
