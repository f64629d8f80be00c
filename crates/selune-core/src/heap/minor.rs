//! Minor collections: what is reachable in the nursery moves to the old space, and the nursery is empty again.
//!
//! Reachable from the roots, from remembered objects and threads, from marked cards, and from metatables that shapes
//! name. Parts of tables are traced with their table, which knows whether they are weak; a part that is old already is
//! traced only when it was remembered itself.
use super::large::{self, LargeSpace, Prefix};
use super::trace::*;
use super::weak::{self, Pending, Tracer};
use super::{Heap, POLL_FINALIZERS, POLL_MINOR, Roots};
use crate::object::*;
use crate::proto::Proto;
use crate::thread::{Status, Thread};
use crate::value::{PAYLOAD_MASK, Value};
use std::time::Instant;

struct Minor {
    heap: *mut Heap,
    grey: Vec<*mut Header>,
    pending: Pending,
    survived: usize,
    /// There may be young large objects that are no parts of tables.
    large_values: bool,
    /// There are young large objects.
    any_large: bool,
}

impl Heap {
    /// Collects the nursery: all that survives becomes old.
    pub fn collect_minor(&mut self, roots: &mut Roots) {
        let start = Instant::now();
        self.minor(roots);
        let pause = start.elapsed().as_nanos() as u64;
        self.stats.minor_nanos += pause;
        self.stats.max_pause_nanos = self.stats.max_pause_nanos.max(pause);
        self.check_growth();
    }
    fn minor(&mut self, roots: &mut Roots) {
        let used = self.nursery_used();
        let mut m = Minor {
            grey: core::mem::take(&mut self.grey),
            pending: Pending::default(),
            survived: 0,
            large_values: self.large.young_values,
            any_large: self.large.young_bytes > 0,
            heap: self,
        };
        // SAFETY: a safepoint: GC-2 and GC-3 hold, and nobody else uses the heap.
        unsafe {
            roots(&mut |slot| m.mark_root(slot));
            m.trace_all();
            let heap = &mut *m.heap;
            heap.grey = m.grey;
            heap.old_finalizers = heap.with_finalizer.len();
            heap.close_cycle(used, m.survived);
        }
    }
    fn close_cycle(&mut self, used: usize, survived: usize) {
        self.large.sweep_young();
        self.nursery.reset((self.nursery_top & PAYLOAD_MASK) as usize);
        self.stats.minor += 1;
        self.stats.promoted += survived as u64;
        self.stats.nursery_allocated += used as u64;
        self.gc_request &= !POLL_MINOR;
        if !self.finalizable.is_empty() {
            self.gc_request |= POLL_FINALIZERS;
        }
        self.adapt_nursery(used, survived);
        self.open_nursery();
    }
}

impl Minor {
    /// Traces from everything but the VM's roots.
    unsafe fn trace_all(&mut self) {
        let heap = self.heap;
        // SAFETY: the caller is at a safepoint; lists are taken out of the heap while they are worked on.
        unsafe {
            (*heap).shape_table.visit_young_metatables(&mut |slot| self.mark(slot));
            let mut remembered = core::mem::take(&mut (*heap).remembered);
            for &h in &remembered {
                self.trace_remembered(h);
            }
            let dirty = (*heap).large.take_dirty();
            for &part in &dirty {
                if (*(part as *mut Header)).flags & WEAK == 0 {
                    LargeSpace::for_each_card(part, true, |a, b| self.mark_between(a, b));
                }
            }
            self.trace_remembered_threads();
            self.drain();
            self.trace_weak_tables();
            weak::finish(self, (*heap).old_finalizers);
            for &part in &dirty {
                LargeSpace::for_each_card(part, true, |_, _| {});
            }
            for &h in &remembered {
                (*h).gc |= GC_BARRIER;
            }
            remembered.clear();
            (*heap).remembered = remembered;
        }
    }
    unsafe fn mark_range(&mut self, start: *mut Value, n: usize) {
        for i in 0..n {
            // SAFETY: the caller passes slots of a live object.
            unsafe { self.mark(start.add(i)) };
        }
    }
    unsafe fn mark_between(&mut self, start: *mut u8, end: *mut u8) {
        // SAFETY: as for `mark_range`.
        unsafe { self.mark_range(start as *mut Value, (end as usize - start as usize) / 8) };
    }
    /// The new address of a nursery object, which is copied when that has not been done.
    #[inline]
    unsafe fn forward(&mut self, v: Value) -> Value {
        // SAFETY: a live object of the nursery.
        unsafe {
            let h = v.as_header();
            if (*h).gc & GC_FORWARDED == 0 {
                let new = self.copy(h);
                if !is_leaf((*new).kind) {
                    self.grey.push(new);
                }
                return Value::heap(v.tag(), new as *const u8);
            }
            Value::heap(v.tag(), *(h.add(1) as *const *const u8))
        }
    }
    #[inline]
    unsafe fn copy(&mut self, h: *mut Header) -> *mut Header {
        // SAFETY: a live object of the nursery that was not copied yet; the new cell has room for it and its identity.
        unsafe {
            let size = object_size(h);
            let gc = (*h).gc;
            let asked = gc & GC_HASH_ASKED != 0;
            let new = (*self.heap).space.alloc(size + if asked { 8 } else { 0 }) as *mut Header;
            copy_words(h as *const Word, new as *mut Word, size / 8);
            (*new).gc = GC_OLD | GC_BARRIER | gc & GC_FINALIZER;
            if asked {
                (*new).gc |= GC_HASH_STORED;
                *((new as *mut u8).add(size) as *mut u64) = (*self.heap).virtual_address(h);
            }
            self.survived += size;
            (*h).gc |= GC_FORWARDED;
            *(h.add(1) as *mut *mut Header) = new;
            new
        }
    }
    /// A root of compiled code may be a part, of any size, whose table is dead.
    unsafe fn mark_root(&mut self, slot: *mut Value) {
        // SAFETY: the caller passes a slot that holds a valid Value.
        unsafe {
            self.mark(slot);
            if self.any_large && (*slot).is_heap() {
                self.mark_large(*slot);
            }
        }
    }
    #[cold]
    unsafe fn mark_large(&mut self, v: Value) {
        // SAFETY: a live object.
        unsafe {
            if self.promote_large(v.as_header()) && !is_leaf((*v.as_header()).kind) {
                self.grey.push(v.as_header());
            }
        }
    }
    /// Makes a young large object old; false when it is none.
    unsafe fn promote_large(&mut self, h: *mut Header) -> bool {
        // SAFETY: a live object.
        unsafe {
            if (*h).gc & (GC_LARGE | GC_OLD) != GC_LARGE {
                return false;
            }
            (*h).gc |= GC_OLD | GC_BARRIER;
            (*self.heap).large.promote(h as *mut u8);
            self.survived += (*Prefix::of(h as *const u8)).size;
            true
        }
    }
    /// Moves a part of a table, if it is young: then the table must trace it.
    unsafe fn take_part(&mut self, slot: *mut Value) -> bool {
        // SAFETY: the caller passes a slot of a table that holds a part; TABLE-4.
        unsafe {
            let part = (*slot).as_header();
            if (*self.heap).nursery.contains(part as usize) {
                if (*part).gc & GC_FORWARDED != 0 {
                    // A root of compiled code refers to the part itself.
                    *slot = self.forward(*slot);
                    return true;
                }
                *slot = super::object_value(self.copy(part));
                return true;
            }
            self.any_large && self.promote_large(part)
        }
    }
    unsafe fn trace(&mut self, h: *mut Header) {
        // SAFETY: a live old object.
        unsafe {
            match (*h).kind {
                Kind::Table => self.trace_table(h as *mut Table),
                Kind::Thread => self.trace_thread((*(h as *mut ThreadObject)).thread),
                Kind::Proto => proto_ranges(h as *mut Proto, |start, n| self.mark_range(start, n)),
                _ => value_ranges(h, |start, n| self.mark_range(start, n)),
            }
        }
    }
    unsafe fn trace_remembered(&mut self, h: *mut Header) {
        // SAFETY: a live old object.
        unsafe {
            let weak_part = large::has_cards((*h).kind) && (*h).flags & WEAK != 0;
            if !weak_part {
                self.trace(h);
            }
        }
    }
    #[inline]
    unsafe fn trace_table(&mut self, t: *mut Table) {
        // SAFETY: a live old table.
        unsafe {
            let mode = weak::weak_mode(self.heap, t);
            let inline = (*t).header.extra as usize;
            let parts = [&raw mut (*t).array, &raw mut (*t).slots, &raw mut (*t).hash];
            if mode == 0 {
                self.mark_range(Table::inline(t, 0), inline);
                for part in parts {
                    if self.take_part(part) {
                        let (start, n) = part_values((*part).as_header());
                        self.mark_range(start, n);
                    }
                }
                return;
            }
            weak::trace_values(self, Table::inline(t, 0), inline, mode);
            for part in parts {
                if self.take_part(part) {
                    weak::trace_weak_part(self, (*part).as_header(), mode);
                }
            }
            if (*t).header.flags & WEAK == 0 {
                (*self.heap).weak_tables.push(Value::heap(crate::value::TAG_TABLE, t as *const u8));
            }
            weak::flag_table(self.heap, t, true);
        }
    }
    unsafe fn trace_thread(&mut self, thread: *mut Thread) {
        // SAFETY: a live thread.
        unsafe {
            thread_ranges(thread, |start, n| self.mark_range(start, n));
            trace_native(thread, |v| self.mark_range(v, 1));
        }
    }
    unsafe fn trace_remembered_threads(&mut self) {
        // SAFETY: threads leave the list when they are freed.
        unsafe {
            let mut list = core::mem::take(&mut (*self.heap).remembered_threads);
            list.retain(|&t| {
                self.trace_thread(t);
                (*t).remembered = matches!((*t).status, Status::Running | Status::Normal);
                (*t).remembered
            });
            (*self.heap).remembered_threads = list;
        }
    }
    /// Traces the remembered parts of old weak tables (WEAK-1), those included that this collection has found.
    unsafe fn trace_weak_tables(&mut self) {
        let mut i = 0;
        // SAFETY: tables on the list are live, old, and have old parts.
        unsafe {
            while i < (*self.heap).weak_tables.len() {
                let t = (&(*self.heap).weak_tables)[i].as_table();
                let mode = weak::weak_mode(self.heap, t);
                for part in [(*t).array, (*t).slots, (*t).hash] {
                    self.trace_weak_old_part(part.as_header(), mode);
                }
                self.drain();
                i += 1;
            }
        }
    }
    unsafe fn trace_weak_old_part(&mut self, part: *mut Header, mode: u8) {
        // SAFETY: a live part.
        unsafe {
            if (*part).gc & GC_LARGE == 0 {
                if (*part).gc & (GC_OLD | GC_BARRIER) == GC_OLD {
                    weak::trace_weak_part(self, part, mode);
                }
                return;
            }
            LargeSpace::for_each_card(part as *mut u8, false, |start, end| {
                if (*part).kind != Kind::HashPart {
                    return weak::trace_values(self, start as *mut Value, (end as usize - start as usize) / 8, mode);
                }
                let h = part as *mut HashPart;
                self.mark(&raw mut (*h).meta);
                let first = HashPart::entry(h, 0) as usize;
                let from = (start as usize).saturating_sub(first) / 16;
                let to = (end as usize).saturating_sub(first).div_ceil(16).min((*h).cap as usize);
                weak::trace_weak_entries(self, h, HashPart::entry(h, from), to - from, mode);
            });
        }
    }
}

impl Tracer for Minor {
    #[inline(always)]
    unsafe fn mark(&mut self, slot: *mut Value) {
        // SAFETY: the caller passes a slot that holds a valid Value.
        unsafe {
            let v = *slot;
            if v.is_heap() {
                if (*self.heap).nursery.contains(v.payload() as usize) {
                    *slot = self.forward(v);
                } else if self.large_values {
                    self.mark_large(v);
                }
            }
        }
    }
    unsafe fn is_dead(&self, v: Value) -> bool {
        // SAFETY: OBJ-1.
        unsafe {
            if !v.is_heap() {
                return false;
            }
            let gc = (*v.as_header()).gc;
            if (*self.heap).nursery.contains(v.payload() as usize) { gc & GC_FORWARDED == 0 } else { gc & GC_OLD == 0 }
        }
    }
    unsafe fn unused_key(&mut self, _: *mut HashPart, key: *mut Value) {
        // SAFETY: the caller's promise.
        unsafe { self.mark(key) };
    }
    fn drain(&mut self) {
        while let Some(h) = self.grey.pop() {
            // SAFETY: grey objects are live and old.
            unsafe { self.trace(h) };
        }
    }
    fn heap(&self) -> *mut Heap {
        self.heap
    }
    fn weak(&mut self) -> &mut Pending {
        &mut self.pending
    }
}

/// A word that may be part of a pointer.
type Word = core::mem::MaybeUninit<u64>;

#[inline(always)]
unsafe fn copy_words(from: *const Word, to: *mut Word, n: usize) {
    // SAFETY: the caller passes disjoint memory for `n` words. Most objects are a few words, where a call costs more.
    unsafe {
        if n <= 8 {
            for i in 0..n {
                *to.add(i) = *from.add(i);
            }
        } else {
            to.copy_from_nonoverlapping(from, n);
        }
    }
}
