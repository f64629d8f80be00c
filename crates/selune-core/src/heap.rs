//! The heap: a nursery in which objects are bump-allocated, and an old space in which they stay.
//!
//! GC-1: a heap value is valid until the next safepoint unless it stands in a root. Allocation never collects: when the
//! nursery is full it takes more and asks for a collection (`gc_request`), which the VM runs at a safepoint.
//! GC-2: an old object that refers to a young one is remembered: `GC_BARRIER` is clear and it is on the list, or a card is
//! marked (large parts of tables), or it is a remembered thread. `Heap::store` is the one store primitive; an object that
//! was allocated after the last safepoint may be filled without it.
//! GC-3: between collections every slot of every object holds a valid Value.
//!
//! Object sizes are multiples of 16 bytes. Machine code allocates `n` bytes in the nursery by `top = nursery_top;
//! if top + n <= nursery_limit { nursery_top = top + n }`; both are tagged as tables, and the header's `gc` is 0.
//!
//! Where to read next: `alloc` (constructors), `trace` (the layout of references), `minor`, `major`, `weak` (weak tables,
//! finalizers), `space`, `large`, `nursery` (memory), `verify`.
// Pointers to threads, protos and shapes come from the heap itself and are trusted like Values.
#![allow(clippy::not_unsafe_ptr_arg_deref)]
mod alloc;
mod identity;
mod large;
mod major;
mod minor;
mod nursery;
mod os;
mod policy;
mod space;
mod trace;
mod verify;
mod weak;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use crate::object::{GC_BARRIER, GC_LARGE, GC_OLD, HashPart, Header};
use crate::proto::Proto;
use crate::shape::{METAMETHODS, Metamethod, Shape, Shapes};
use crate::string::InternTable;
use crate::thread::Thread;
use crate::value::{TAG_OBJECT, TAG_SHIFT, TAG_TABLE, Value};
use core::ptr::NonNull;
use large::LargeSpace;
use nursery::Nursery;
use space::{MAX_CELL, Space};
use std::collections::VecDeque;

pub use policy::{GcMode, GcParams, GcStats, OutOfMemory};
pub use trace::{TABLE_DICT, object_size};

/// Bit of `Heap::gc_request`: a minor collection is due.
pub const POLL_MINOR: u32 = 1;
/// Bit of `Heap::gc_request`: a major collection is due.
pub const POLL_MAJOR: u32 = 2;
/// Bit of `Heap::gc_request`: objects wait for their finalizers (`take_finalizable`).
pub const POLL_FINALIZERS: u32 = 4;
/// The first bit of `Heap::gc_request` that the heap does not use.
pub const POLL_FIRST_FREE: u32 = 8;

/// The largest size of an object in the nursery. (An identity hash may be added when it moves.)
pub const MAX_YOUNG: usize = MAX_CELL - 16;

/// Options of a heap.
#[derive(Clone, Debug)]
pub struct HeapConfig {
    /// Size of the nursery at first.
    pub nursery: usize,
    /// Size up to which it grows when much survives.
    pub nursery_max: usize,
    /// Bytes that may be in use.
    pub memory_limit: usize,
    /// Closed nurseries fault when they are touched. (The VM then collects at every safepoint.)
    pub stress: bool,
    /// Seed of string hashes.
    pub seed: u64,
}

impl Default for HeapConfig {
    fn default() -> Self {
        let nursery = if cfg!(miri) { 1 << 16 } else { 512 << 10 };
        HeapConfig { nursery, nursery_max: 4 << 20, memory_limit: usize::MAX, stress: false, seed: 0x5e1e_2e00_9d5f_1ab3 }
    }
}

/// Enumerates the slots of roots: it calls its argument with the address of each. Slots may hold any Value.
pub type Roots<'a> = dyn FnMut(&mut dyn FnMut(*mut Value)) + 'a;

/// See the head of this file.
#[repr(C)]
pub struct Heap {
    /// The next free byte of the nursery, tagged as a table.
    pub nursery_top: u64,
    /// The end of what may be used, in the same form.
    pub nursery_limit: u64,
    /// Not 0: something is to be done at the next safepoint (`POLL_*`; further bits belong to the VM).
    pub gc_request: u32,
    /// `collectgarbage("stop")`: no bit is set by allocation, except in want of memory.
    pub stopped: bool,
    /// Memory ran out, or the limit was passed: the VM collects and raises "not enough memory" if that did not help.
    pub out_of_memory: bool,
    /// The program is over: no finalizers are registered any more.
    pub closing: bool,
    /// The `ArrayPart` of tables without one.
    pub empty_array: Value,
    /// The `SlotsPart` of tables without one.
    pub empty_slots: Value,
    /// The `HashPart` of tables without one.
    pub empty_hash: Value,
    /// Shapes by id (null: dead). Moves when it grows.
    pub shapes: *mut *mut Shape,
    /// The names of metamethods, interned.
    pub event_names: [Value; METAMETHODS],
    /// Seed of string hashes.
    pub seed: u64,
    /// What happened so far.
    pub stats: GcStats,
    /// What decides when to collect.
    pub params: GcParams,
    /// Bytes that may be in use.
    pub memory_limit: usize,
    pub(crate) shape_table: Shapes,
    pub(crate) interned: InternTable,
    pub(crate) nursery: Nursery,
    pub(crate) space: Space,
    pub(crate) large: LargeSpace,
    /// Strings of one byte, or nil.
    char_strings: Box<[Value; 256]>,
    empty_string: Value,
    /// Old objects that may refer to young ones, their `GC_BARRIER` clear.
    remembered: Vec<*mut Header>,
    remembered_threads: Vec<*mut Thread>,
    /// Objects with a finalizer, oldest mark first; those before `old_finalizers` are old.
    with_finalizer: Vec<Value>,
    old_finalizers: usize,
    /// Objects whose finalizers are to be called, in this order.
    finalizable: VecDeque<Value>,
    /// Old tables that were weak when they were last traced.
    weak_tables: Vec<Value>,
    protos: Vec<*mut Proto>,
    threads: Vec<Value>,
    /// Rooms of freed threads.
    spare_threads: Vec<Box<core::mem::MaybeUninit<Thread>>>,
    /// Memory of coroutines that have returned.
    spare_storage: Vec<crate::thread::Storage>,
    userdata: Vec<Value>,
    /// `Tier::code` of the protos that were freed and had one; the VM takes them out.
    pub freed_code: Vec<usize>,
    /// Shapes that live as long as the heap: compiled code gives them to tables.
    pinned_shapes: std::collections::HashSet<u32>,
    /// Stack of the collector.
    grey: Vec<*mut Header>,
    policy: policy::Policy,
}

impl Heap {
    /// A heap without objects (the shared empty parts and names of metamethods apart).
    pub fn new(config: HeapConfig) -> Box<Heap> {
        let nursery = Nursery::new(config.nursery, config.stress);
        let mut heap = Box::new(Heap {
            nursery_top: 0,
            nursery_limit: 0,
            gc_request: 0,
            stopped: false,
            out_of_memory: false,
            closing: false,
            empty_array: Value::NIL,
            empty_slots: Value::NIL,
            empty_hash: Value::NIL,
            shapes: NonNull::dangling().as_ptr(),
            event_names: [Value::NIL; METAMETHODS],
            seed: config.seed,
            stats: GcStats::default(),
            params: GcParams::default(),
            memory_limit: config.memory_limit,
            shape_table: Shapes::new(),
            interned: InternTable::new(),
            nursery,
            space: Space::new(),
            large: LargeSpace::new(),
            char_strings: Box::new([Value::NIL; 256]),
            empty_string: Value::NIL,
            remembered: Vec::new(),
            remembered_threads: Vec::new(),
            with_finalizer: Vec::new(),
            old_finalizers: 0,
            finalizable: VecDeque::new(),
            weak_tables: Vec::new(),
            protos: Vec::new(),
            threads: Vec::new(),
            spare_threads: Vec::new(),
            spare_storage: Vec::new(),
            userdata: Vec::new(),
            freed_code: Vec::new(),
            pinned_shapes: std::collections::HashSet::new(),
            grey: Vec::new(),
            policy: policy::Policy::new(config.nursery_max),
        });
        heap.open_nursery();
        heap.make_shared_objects();
        heap
    }
    fn make_shared_objects(&mut self) {
        self.make_empty_parts();
        self.empty_string = self.intern(b"");
        for m in Metamethod::all() {
            let name = self.intern(m.name().as_bytes());
            // SAFETY: just made; `extra` of a string tells which metamethod's name it is.
            unsafe { (*name.as_header()).extra = m as u8 + 1 };
            self.event_names[m as usize] = name;
        }
        self.root_shape(0);
    }
    fn open_nursery(&mut self) {
        self.nursery_top = TAG_TABLE << TAG_SHIFT | self.nursery.base as u64;
        self.nursery_limit = TAG_TABLE << TAG_SHIFT | self.nursery.limit() as u64;
    }
    pub(crate) fn nursery_used(&self) -> usize {
        (self.nursery_top & crate::value::PAYLOAD_MASK) as usize - self.nursery.base
    }
    /// Bytes in use: old objects, large ones, and what was allocated in the nursery since the last collection. What
    /// `collectgarbage("count")` tells.
    pub fn bytes_in_use(&self) -> usize {
        self.old_bytes() + self.large.young_bytes + self.nursery_used()
    }
    pub(crate) fn old_bytes(&self) -> usize {
        self.space.bytes + self.large.bytes + self.policy.external + self.policy.owned
    }
    /// Stores `v` into `slot` of `container` (an object, or a part of a table: the object whose memory it is).
    ///
    /// # Safety
    /// `container` is a live object of this heap and `slot` one of its slots.
    #[inline(always)]
    pub unsafe fn store(&mut self, container: *mut Header, slot: *mut Value, v: Value) {
        // SAFETY: the caller's promise.
        unsafe {
            *slot = v;
            if (*container).gc & GC_BARRIER != 0 && v.is_heap() {
                self.barrier(container, slot);
            }
        }
    }
    /// What a store must do when `container` has `GC_BARRIER` and the value stored in `slot` is a heap value.
    ///
    /// # Safety
    /// As for `store`.
    #[inline(never)]
    pub unsafe fn barrier(&mut self, container: *mut Header, slot: *mut Value) {
        // SAFETY: the caller's promise, OBJ-1.
        unsafe {
            if (*(*slot).as_header()).gc & GC_OLD == 0 {
                self.remember(container, slot);
            }
        }
    }
    unsafe fn remember(&mut self, container: *mut Header, slot: *mut Value) {
        // SAFETY: a live old object, from `barrier`.
        unsafe {
            if (*container).gc & GC_LARGE != 0 && large::has_cards((*container).kind) {
                self.large.mark_card(container as *mut u8, slot as *mut u8);
            } else {
                (*container).gc &= !GC_BARRIER;
                self.remembered.push(container);
            }
        }
    }
    /// Must be called when many slots of `container` were written without `store`.
    ///
    /// # Safety
    /// `container` is a live object of this heap; `[start, start + n)` are slots of it.
    pub unsafe fn stored_range(&mut self, container: *mut Header, start: *mut Value, n: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            if (*container).gc & GC_BARRIER == 0 {
                return;
            }
            for i in 0..n {
                let slot = start.add(i);
                if (*slot).is_heap() && (*(*slot).as_header()).gc & GC_OLD == 0 {
                    self.remember(container, slot);
                    if (*container).gc & GC_BARRIER == 0 {
                        return;
                    }
                }
            }
        }
    }
    /// Must be called when a thread starts or goes on running, and before another one writes its stack. Threads whose
    /// status is `Running` or `Normal` stay remembered.
    #[inline]
    pub fn remember_thread(&mut self, thread: *mut Thread) {
        // SAFETY: the VM passes a live thread.
        unsafe {
            if !(*thread).remembered {
                (*thread).remembered = true;
                self.remembered_threads.push(thread);
            }
        }
    }
    /// Keeps a live shape (and its metatable) alive as long as the heap: for compiled code that gives it to tables.
    pub fn pin_shape(&mut self, id: u32) {
        debug_assert!(self.shape_by_id(id).is_some());
        self.pinned_shapes.insert(id);
    }
    /// Is the collector free to move or free this value now? (True for values in the nursery and young large objects.)
    #[inline]
    pub fn is_young(&self, v: Value) -> bool {
        // SAFETY: OBJ-1.
        v.is_heap() && unsafe { (*v.as_header()).gc & GC_OLD == 0 }
    }
    /// The shared empty hash part holds one free entry, so that lookups need no test for it.
    #[inline(always)]
    pub(crate) fn is_empty_hash(&self, h: *mut HashPart) -> bool {
        h == self.empty_hash.as_hash()
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        self.drop_objects();
        self.drop_shapes();
    }
}

/// Makes a Value of an internal part, cell or other object.
#[inline(always)]
pub(crate) fn object_value<T>(p: *mut T) -> Value {
    Value::heap(TAG_OBJECT, p as *const u8)
}
