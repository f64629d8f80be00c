//! Major collections: a minor one, then marking of all that is reachable, then sweeping.
//!
//! A hash part's entry without value does not keep its key alive: the key is replaced by `REMOVED` when it dies.
// Borrows of what raw pointers lead to are written out.
#![allow(clippy::needless_borrow)]
use super::space::Block;
use super::trace::*;
use super::weak::{self, Pending, Tracer};
use super::{Heap, POLL_FINALIZERS, POLL_MAJOR, Roots, object_value};
use crate::object::*;
use crate::proto::Proto;
use crate::thread::{Status, Thread};
use crate::value::{TAG_TABLE, Value};
use std::time::Instant;

/// Stacks of suspended coroutines above this many slots are cut when they are mostly unused.
const LARGE_STACK: u32 = 1024;

struct Major {
    heap: *mut Heap,
    grey: Vec<*mut Header>,
    pending: Pending,
    /// Hash parts with unused keys that may die.
    unused_keys: Vec<*mut HashPart>,
}

impl Heap {
    /// Collects everything.
    pub fn collect_major(&mut self, roots: &mut Roots) {
        self.collect_minor(roots);
        let start = Instant::now();
        self.mark_and_sweep(roots);
        let pause = start.elapsed().as_nanos() as u64;
        self.stats.major += 1;
        self.stats.major_nanos += pause;
        self.stats.max_pause_nanos = self.stats.max_pause_nanos.max(pause);
        self.gc_request &= !POLL_MAJOR;
        if !self.finalizable.is_empty() {
            self.gc_request |= POLL_FINALIZERS;
        }
        self.adapt_threshold();
    }
    fn mark_and_sweep(&mut self, roots: &mut Roots) {
        self.space.clear_marks();
        self.shape_table.start_marking();
        self.weak_tables.clear();
        let mut m = Major {
            grey: core::mem::take(&mut self.grey),
            pending: Pending::default(),
            unused_keys: Vec::new(),
            heap: self,
        };
        // SAFETY: a safepoint with an empty nursery; nobody else uses the heap. Objects live until they are swept; keys of
        // shapes are strings, which have no references.
        unsafe {
            roots(&mut |slot| m.mark_value(*slot));
            m.mark_own_roots();
            weak::finish(&mut m, 0);
            m.clear_unused_keys();
            let heap = &mut *m.heap;
            heap.sweep_shapes(&|v| !is_unmarked(v), &mut |key| m.mark_value(key));
            heap.old_finalizers = heap.with_finalizer.len();
            heap.grey = m.grey;
            heap.sweep();
        }
    }
    fn sweep(&mut self) {
        // SAFETY: what is not marked is not reachable, so nothing refers to it. Marks in headers are cleared as we go.
        unsafe {
            self.interned.sweep(|p, large| if large { (*(p as *mut Header)).gc & GC_MARK == 0 } else { !Block::is_marked(p) });
            let mut dead = Vec::new();
            self.userdata.retain(|v| !is_unmarked(*v) || {
                dead.push((*v.as_userdata()).data);
                (*v.as_userdata()).data = core::ptr::null_mut();
                false
            });
            self.sweep_threads();
            self.sweep_protos();
            self.large.sweep(|h| {
                let marked = (*h).gc & GC_MARK != 0;
                (*h).gc &= !GC_MARK;
                !marked
            });
            self.space.sweep();
            // The host's destructors run when the heap is whole again.
            dead.into_iter().filter(|p| !p.is_null()).for_each(|p| drop(Box::from_raw(p)));
        }
    }
    unsafe fn sweep_threads(&mut self) {
        let mut owned = 0;
        let mut list = core::mem::take(&mut self.threads);
        // SAFETY: from `sweep`.
        unsafe {
            list.retain(|v| {
                let thread = (*v.as_thread_object()).thread;
                if is_unmarked(*v) {
                    if (*thread).remembered {
                        self.remembered_threads.retain(|t| *t != thread);
                    }
                    core::ptr::drop_in_place(thread);
                    let room: Box<core::mem::MaybeUninit<Thread>> = Box::from_raw(thread.cast());
                    if self.spare_threads.len() < SPARE_THREADS {
                        self.spare_threads.push(room);
                    }
                    return false;
                }
                owned += thread_bytes(thread);
                true
            });
        }
        self.threads = list;
        self.policy.owned = owned;
    }
    unsafe fn sweep_protos(&mut self) {
        let mut owned = 0;
        let freed = &mut self.freed_code;
        // SAFETY: from `sweep`; protos are boxed in `new_proto`.
        self.protos.retain(|&p| unsafe {
            if (*p).header.gc & GC_MARK == 0 {
                if (*p).tier.code != 0 {
                    freed.push((*p).tier.code);
                }
                drop(Box::from_raw(p));
                return false;
            }
            (*p).header.gc &= !GC_MARK;
            owned += proto_bytes(p);
            true
        });
        self.policy.owned += owned;
    }
}

/// Rooms of freed threads that are kept for new ones.
const SPARE_THREADS: usize = 4096;

/// Is the object not marked?
#[inline(always)]
unsafe fn is_unmarked(v: Value) -> bool {
    // SAFETY: the caller passes a live or dead, but not yet swept old object.
    unsafe {
        let h = v.as_header();
        if (*h).gc & GC_LARGE != 0 { (*h).gc & GC_MARK == 0 } else { !Block::is_marked(h as *const u8) }
    }
}

impl Major {
    unsafe fn mark_own_roots(&mut self) {
        // SAFETY: the heap's own values are live.
        unsafe {
            let heap = &*self.heap;
            for v in [heap.empty_array, heap.empty_slots, heap.empty_hash, heap.empty_string] {
                self.mark_value(v);
            }
            heap.event_names.iter().chain(heap.char_strings.iter()).for_each(|v| self.mark_value(*v));
            let pinned: Vec<u32> = heap.pinned_shapes.iter().copied().collect();
            for id in pinned {
                (*self.heap).mark_shape(id, &mut |v| self.mark_value(v));
            }
        }
    }
    #[inline(always)]
    unsafe fn mark_value(&mut self, v: Value) {
        // SAFETY: the caller passes a valid Value.
        unsafe {
            if v.is_heap() && self.set_mark(v.as_header()) && !is_leaf((*v.as_header()).kind) {
                self.grey.push(v.as_header());
            }
        }
    }
    /// Marks an object; false when it was marked.
    #[inline(always)]
    unsafe fn set_mark(&mut self, h: *mut Header) -> bool {
        // SAFETY: the caller passes a live old object.
        unsafe {
            debug_assert!((*h).gc & GC_OLD != 0 && (*h).gc & GC_FORWARDED == 0);
            if (*h).gc & GC_LARGE == 0 {
                return Block::mark(h as *const u8);
            }
            let marked = (*h).gc & GC_MARK != 0;
            (*h).gc |= GC_MARK;
            !marked
        }
    }
    unsafe fn mark_range(&mut self, start: *mut Value, n: usize) {
        for i in 0..n {
            // SAFETY: the caller passes slots of a live object.
            unsafe { self.mark_value(*start.add(i)) };
        }
    }
    unsafe fn trace(&mut self, h: *mut Header) {
        // SAFETY: a live old object.
        unsafe {
            match (*h).kind {
                Kind::Table => self.trace_table(h as *mut Table),
                Kind::Closure => {
                    self.mark_value(object_value((*(h as *mut Closure)).proto));
                    self.mark_range(Closure::upvalue(h as *mut Closure, 0), (*h).aux as usize);
                }
                Kind::Proto => self.trace_proto(h as *mut Proto),
                Kind::Thread => self.trace_thread((*(h as *mut ThreadObject)).thread),
                _ => value_ranges(h, |start, n| self.mark_range(start, n)),
            }
        }
    }
    unsafe fn trace_proto(&mut self, p: *mut Proto) {
        // SAFETY: a live proto.
        unsafe {
            proto_ranges(p, |start, n| self.mark_range(start, n));
            for i in 0..(&(*p).protos).len() {
                self.mark_value(object_value((&(*p).protos)[i]));
            }
        }
    }
    unsafe fn trace_thread(&mut self, t: *mut Thread) {
        // SAFETY: a live thread.
        unsafe {
            thread_ranges(t, |start, n| self.mark_range(start, n));
            trace_native(t, |v| self.mark_range(v, 1));
            for i in 0..(&(*t).frames).len() {
                let proto = (&(*t).frames)[i].proto;
                if !proto.is_null() {
                    self.mark_value(object_value(proto));
                }
            }
            let live = (*t).live_top();
            let unused = (*t).stack_cap > LARGE_STACK && live < (*t).stack_cap / 4;
            if unused && matches!((*t).status, Status::Suspended | Status::Dead) {
                (*t).resize((live * 2).max(LARGE_STACK / 2));
            }
        }
    }
    unsafe fn trace_table(&mut self, t: *mut Table) {
        // SAFETY: a live old table; TABLE-4.
        unsafe {
            (*self.heap).mark_shape((*t).header.aux, &mut |v| self.mark_value(v));
            let mode = weak::weak_mode(self.heap, t);
            let inline = (*t).header.extra as usize;
            let parts = [(*t).array.as_header(), (*t).slots.as_header(), (*t).hash.as_header()];
            if mode != 0 {
                weak::trace_values(self, Table::inline(t, 0), inline, mode);
                for part in parts {
                    if self.set_mark(part) {
                        weak::trace_weak_part(self, part, mode);
                    }
                }
                weak::flag_table(self.heap, t, true);
                (*self.heap).weak_tables.push(Value::heap(TAG_TABLE, t as *const u8));
                return;
            }
            if (*t).header.flags & WEAK != 0 {
                weak::flag_table(self.heap, t, false);
            }
            self.mark_range(Table::inline(t, 0), inline);
            for part in parts {
                if self.set_mark(part) {
                    if (*part).kind == Kind::HashPart {
                        self.trace_hash(part as *mut HashPart);
                    } else {
                        let (start, n) = part_values(part);
                        self.mark_range(start, n);
                    }
                }
            }
        }
    }
    unsafe fn trace_hash(&mut self, h: *mut HashPart) {
        // SAFETY: a live hash part.
        unsafe {
            self.mark_value((*h).meta);
            for i in 0..(*h).cap as usize {
                let e = HashPart::entry(h, i);
                if (*e).value.is_nil() {
                    self.unused_key(h, &raw mut (*e).key);
                } else {
                    self.mark_value((*e).key);
                    self.mark_value((*e).value);
                }
            }
        }
    }
    unsafe fn clear_unused_keys(&mut self) {
        for h in core::mem::take(&mut self.unused_keys) {
            // SAFETY: a live hash part.
            unsafe {
                for i in 0..(*h).cap as usize {
                    let e = HashPart::entry(h, i);
                    if (*e).value.is_nil() && (*e).key.is_heap() && is_unmarked((*e).key) {
                        (*e).key = Value::REMOVED;
                    }
                }
            }
        }
    }
}

impl Tracer for Major {
    #[inline(always)]
    unsafe fn mark(&mut self, slot: *mut Value) {
        // SAFETY: the caller passes a slot that holds a valid Value.
        unsafe { self.mark_value(*slot) };
    }
    unsafe fn is_dead(&self, v: Value) -> bool {
        // SAFETY: the caller passes a valid Value.
        v.is_heap() && unsafe { is_unmarked(v) }
    }
    #[inline(always)]
    unsafe fn unused_key(&mut self, part: *mut HashPart, key: *mut Value) {
        // SAFETY: the caller passes a key of a live part.
        unsafe {
            if (*key).is_heap() && self.unused_keys.last() != Some(&part) && is_unmarked(*key) {
                self.unused_keys.push(part);
            }
        }
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

/// Bytes that a thread owns outside of the heap.
pub(super) unsafe fn thread_bytes(t: *const Thread) -> usize {
    // SAFETY: the caller passes a live thread.
    unsafe {
        let native = if (*t).native.is_null() { 0 } else { crate::coroutine_stack::COROUTINE_STACK_COST };
        size_of::<Thread>() + (*t).stack_bytes() + (&(*t).frames).capacity() * size_of::<crate::thread::CallFrame>() + native
    }
}

/// Bytes that a proto owns outside of the heap, about.
pub(super) unsafe fn proto_bytes(p: *const Proto) -> usize {
    // SAFETY: the caller passes a live proto.
    unsafe {
        let p = &*p;
        size_of::<Proto>()
            + p.code.capacity() * 8
            + p.constants.capacity() * 8
            + p.lines.capacity() * 4
            + p.locals.capacity() * size_of::<crate::proto::LocalVar>()
            + p.upvals.capacity() * size_of::<crate::proto::UpvalDesc>()
            + p.feedback.len() * 16
    }
}
