//! Shapes: which named slots a table has, in which order, and which metatable.
//!
//! SHAPE-1: shapes never move and are never changed (their caches and the address of a young metatable apart); ids are
//! never used again. SHAPE-2: a table whose shape is not `DICT` has no string key in its hash part, so a check of the
//! shape id proves the slot of a name, its absence, and (unless `OWN_META`) the metatable.
//! SHAPE-3: a shape's parent is alive as long as the shape is, and has a smaller id. SHAPE-4: what a live shape becomes when a
//! constant of the program is added or a live metatable is set is alive as long as the shape is (in inline caches and
//! compiled code, an id that is stored after a check of another one needs no check of its own).
//!
//! Shapes form a tree: roots differ by the number of inline slots; a child has one key more, or another metatable.
//! Children along a line share one list of keys, of which each uses the first `nslots`.
// Pointers to shapes come from the heap itself and are trusted like Values.
#![allow(clippy::not_unsafe_ptr_arg_deref)]
mod keys;
mod metamethod;
mod sweep;

use crate::heap::Heap;
use crate::object::{GC_OLD, Header};
use crate::value::Value;
use core::cell::Cell;
use keys::KeyList;
pub use metamethod::{METAMETHODS, Metamethod};

/// String keys are in the hash part, not in slots.
pub const DICT: u32 = 1;
/// The metatable is in the table's hash part (`HashPart::meta`), which is not the shared empty one.
pub const OWN_META: u32 = 2;
/// There is a metatable, or may be one (`OWN_META`).
pub const HAS_META: u32 = 4;

/// Largest number of inline slots.
pub const MAX_INLINE: usize = 30;
/// A table gets at most this many named slots.
pub const MAX_NAMED: u32 = 1000;
/// A table gets at most this many named slots by keys that are no constants of the program.
pub const MAX_DYNAMIC: u32 = 32;
/// A shape gets at most this many children by keys that are no constants of the program.
const MAX_DYNAMIC_CHILDREN: usize = 64;
/// Longer keys that are no constants of the program are for dictionaries (shapes keep their keys).
const MAX_DYNAMIC_LEN: usize = 40;
/// A shape gets at most this many children by keys.
const MAX_CHILDREN: usize = 4096;
/// A shape gets at most this many children with other metatables; then tables carry their metatables themselves.
const MAX_METATABLES: usize = 128;
/// When this many shapes were made, all new ones are dictionaries.
const MAX_SHAPES: u32 = 1 << 24;
const LOOKUP_CACHE: usize = 512;
const META_CACHE: usize = 64;
/// No slot.
pub const NO_SLOT: u32 = u32::MAX;

/// See the head of this file.
#[repr(C)]
pub struct Shape {
    /// What the `aux` field of the tables' headers holds.
    pub id: u32,
    /// `DICT`, `OWN_META`, `HAS_META`.
    pub flags: u32,
    /// Number of named slots.
    pub nslots: u32,
    /// Number of inline slots of the tables (meaningless with `DICT`).
    pub inline_cap: u32,
    /// Bit `m`: the name of metamethod `m` is no key (always 0 with `DICT`).
    pub absent: u32,
    /// The slot of `__index`, or `NO_SLOT` (always that with `DICT`).
    pub index_slot: u32,
    /// How many keys were added as no constants of the program.
    dynamic: u32,
    /// The metatable, nil without one or with `OWN_META`.
    pub metatable: Value,
    parent: *mut Shape,
    /// What the parent lacks; `EMPTY` for roots and changes of the metatable.
    key: Value,
    keys: *mut KeyList,
    last_child: *mut Shape,
    children: keys::Children,
    metas: Vec<*mut Shape>,
    own_meta: *mut Shape,
    epoch: u32,
    age: u32,
    /// Lives as long as its parent and its metatable (SHAPE-4).
    pinned: bool,
}

impl Shape {
    /// The slot of an interned string, or `NO_SLOT`.
    #[inline]
    pub fn slot_of(&self, key: Value) -> u32 {
        // SAFETY: a shape's list lives as long as the shape.
        unsafe { (*self.keys).find(key, self.nslots) }
    }
    /// The slot of an interned string.
    pub fn lookup(&self, key: Value) -> Option<u32> {
        let slot = self.slot_of(key);
        (slot != NO_SLOT).then_some(slot)
    }
    /// The key of a slot below `nslots`.
    #[inline]
    pub fn key_of(&self, slot: u32) -> Value {
        debug_assert!(slot < self.nslots);
        // SAFETY: as in `slot_of`.
        unsafe { (*self.keys).get(slot) }
    }
    /// The shapes that tables of this one get by `setmetatable`, as far as there are any.
    pub fn with_metatables(&self) -> impl Iterator<Item = &Shape> {
        // SAFETY: SHAPE-3; dead children are taken out by the sweep.
        self.metas.iter().map(|s| unsafe { &**s })
    }
    /// Are string keys in the hash part?
    #[inline(always)]
    pub fn is_dict(&self) -> bool {
        self.flags & DICT != 0
    }
    /// Is the metatable in the hash part?
    #[inline(always)]
    pub fn has_own_meta(&self) -> bool {
        self.flags & OWN_META != 0
    }
    /// Is it certain that tables of this shape (used as metatables) lack this metamethod?
    #[inline(always)]
    pub fn lacks(&self, m: Metamethod) -> bool {
        self.absent >> m as u32 & 1 != 0
    }
}

#[derive(Clone, Copy)]
#[repr(C)]
struct CachedSlot {
    key: u64,
    shape: u32,
    slot: u32,
}

#[derive(Clone, Copy)]
struct CachedMeta {
    parent: u32,
    metatable: u64,
    shape: *mut Shape,
}

/// What the heap knows about shapes, besides the table by id.
pub(crate) struct Shapes {
    count: u32,
    cap: u32,
    roots: [*mut Shape; MAX_INLINE / 2 + 1],
    dict_root: *mut Shape,
    lookup_cache: Box<[Cell<CachedSlot>; LOOKUP_CACHE]>,
    meta_cache: Box<[CachedMeta]>,
    /// Shapes whose metatable was young when they were made.
    young_meta: Vec<*mut Shape>,
    epoch: u32,
}

impl Shapes {
    pub(crate) fn new() -> Shapes {
        const NO_META: CachedMeta = CachedMeta { parent: 0, metatable: 0, shape: core::ptr::null_mut() };
        Shapes {
            count: 0,
            cap: 0,
            roots: [core::ptr::null_mut(); MAX_INLINE / 2 + 1],
            dict_root: core::ptr::null_mut(),
            lookup_cache: Box::new([const { Cell::new(CachedSlot { key: 0, shape: 0, slot: NO_SLOT }) }; LOOKUP_CACHE]),
            meta_cache: vec![NO_META; META_CACHE].into_boxed_slice(),
            young_meta: Vec::new(),
            epoch: 0,
        }
    }
}

impl Heap {
    /// The shape with this id, which a live table has.
    #[inline(always)]
    pub fn shape(&self, id: u32) -> &Shape {
        // SAFETY: SHAPE-1; shapes of live tables are alive.
        unsafe { &*self.shape_ptr(id) }
    }
    /// The shape of a table.
    #[inline(always)]
    pub fn shape_of(&self, table: Value) -> &Shape {
        // SAFETY: OBJ-1.
        self.shape(unsafe { (*table.as_header()).aux })
    }
    /// Address of the shape with this id, which a live table has.
    #[inline(always)]
    pub fn shape_ptr(&self, id: u32) -> *mut Shape {
        debug_assert!(id != 0 && id < self.shape_table.count);
        // SAFETY: ids of live tables are below `count`.
        unsafe { *self.shapes.add(id as usize) }
    }
    /// The shape with this id, if it is still alive (ids in feedback and code may be of dead ones).
    pub fn shape_by_id(&self, id: u32) -> Option<&Shape> {
        if id == 0 || id >= self.shape_table.count {
            return None;
        }
        // SAFETY: in bounds; entries are null or live shapes.
        unsafe { (*self.shapes.add(id as usize)).as_ref() }
    }
    /// The number of inline slots that a table gets for this wish.
    #[inline(always)]
    pub fn inline_cap(wish: usize) -> usize {
        if wish > MAX_INLINE { MAX_INLINE } else { (wish + 1) & !1 }
    }
    /// The shape of new tables with `inline_cap` (even, at most `MAX_INLINE`) inline slots.
    #[inline(always)]
    pub fn root_shape(&mut self, inline_cap: usize) -> *mut Shape {
        let root = self.shape_table.roots[inline_cap / 2];
        if root.is_null() { self.make_root(inline_cap) } else { root }
    }
    #[cold]
    fn make_root(&mut self, inline_cap: usize) -> *mut Shape {
        let root = self.new_shape(0, inline_cap as u32, Value::NIL, core::ptr::null_mut(), Value::EMPTY, KeyList::empty());
        self.shape_table.roots[inline_cap / 2] = root;
        root
    }
    /// The shape of dictionaries without a metatable.
    pub fn dict_root(&mut self) -> *mut Shape {
        if self.shape_table.dict_root.is_null() {
            self.shape_table.dict_root =
                self.new_shape(DICT, 0, Value::NIL, core::ptr::null_mut(), Value::EMPTY, KeyList::empty());
        }
        self.shape_table.dict_root
    }
    fn new_shape(
        &mut self, flags: u32, inline_cap: u32, metatable: Value, parent: *mut Shape, key: Value, keys: *mut KeyList,
    ) -> *mut Shape {
        let t = &mut self.shape_table;
        if t.count == t.cap {
            let cap = (t.cap * 2).max(256);
            let mut new = vec![core::ptr::null_mut(); cap as usize].into_boxed_slice();
            if t.count > 0 {
                // SAFETY: made here with `cap` entries.
                let old = unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(self.shapes, t.cap as usize)) };
                new[..old.len()].copy_from_slice(&old);
            }
            (self.shapes, t.cap, t.count) = (Box::leak(new).as_mut_ptr(), cap, t.count.max(1));
        }
        let id = t.count;
        t.count += 1;
        let shape = Box::into_raw(Box::new(Shape {
            id,
            flags: flags & (DICT | OWN_META) | if metatable.is_nil() && flags & OWN_META == 0 { 0 } else { HAS_META },
            nslots: 0,
            inline_cap,
            absent: if flags & DICT != 0 { 0 } else { (1 << METAMETHODS) - 1 },
            index_slot: NO_SLOT,
            dynamic: 0,
            metatable,
            parent,
            key,
            keys,
            last_child: core::ptr::null_mut(),
            children: keys::Children::new(),
            metas: Vec::new(),
            own_meta: core::ptr::null_mut(),
            epoch: t.epoch,
            age: 0,
            pinned: key == Value::EMPTY,
        }));
        // SAFETY: `id < cap`; the shape is fresh, its parent alive, and the list a live one.
        unsafe {
            *self.shapes.add(id as usize) = shape;
            (*keys).users += 1;
            if !parent.is_null() {
                ((*shape).nslots, (*shape).absent, (*shape).dynamic) = ((*parent).nslots, (*parent).absent, (*parent).dynamic);
                (*shape).index_slot = (*parent).index_slot;
            }
        }
        if metatable.is_heap() {
            // SAFETY: OBJ-1.
            if unsafe { (*metatable.as_header()).gc } & GC_OLD == 0 {
                t.young_meta.push(shape);
            }
        }
        self.stats.shapes += 1;
        shape
    }
    /// The shape of tables of `shape` after `key` (interned, not yet a key) was added at slot `nslots`; None when the
    /// table must become a dictionary. `constant`: the key is a constant of the program.
    #[inline]
    pub fn shape_add(&mut self, shape: *mut Shape, key: Value, constant: bool) -> Option<*mut Shape> {
        // SAFETY: SHAPE-1, live shapes.
        unsafe {
            let last = (*shape).last_child;
            let mut child = if !last.is_null() && (*last).key == key { last } else { (*shape).children.find(key) };
            if child.is_null() {
                child = self.new_child(shape, key, constant)?;
            }
            (*shape).last_child = child;
            (*child).pinned |= constant;
            Some(child)
        }
    }
    #[cold]
    unsafe fn new_child(&mut self, shape: *mut Shape, key: Value, constant: bool) -> Option<*mut Shape> {
        // SAFETY: SHAPE-1, a live shape.
        unsafe {
            let children = (*shape).children.len();
            let full = (*shape).nslots >= MAX_NAMED || children >= MAX_CHILDREN || self.shape_table.count >= MAX_SHAPES;
            if (*shape).flags & DICT != 0 || full {
                return None;
            }
            let many = (*shape).dynamic >= MAX_DYNAMIC || children >= MAX_DYNAMIC_CHILDREN;
            if !constant && (many || crate::string::len(key) > MAX_DYNAMIC_LEN) {
                return None;
            }
            let keys = KeyList::extended((*shape).keys, (*shape).nslots, key);
            let child = self.new_shape((*shape).flags, (*shape).inline_cap, (*shape).metatable, shape, key, keys);
            (*child).nslots += 1;
            (*child).dynamic += !constant as u32;
            let event = (*key.as_header()).extra;
            if event != 0 {
                (*child).absent &= !(1 << (event - 1));
                if event - 1 == Metamethod::Index as u8 {
                    (*child).index_slot = (*shape).nslots;
                }
            }
            (*shape).children.insert(key, child);
            Some(child)
        }
    }
    /// The shape of tables of `shape` when their metatable becomes `metatable` (a table or nil). When the answer has
    /// `OWN_META`, the table must store its metatable in its hash part.
    #[inline]
    pub fn shape_with_metatable(&mut self, shape: *mut Shape, metatable: Value) -> *mut Shape {
        // SAFETY: SHAPE-1, live shapes.
        unsafe {
            if (*shape).metatable == metatable || (*shape).flags & OWN_META != 0 {
                return shape;
            }
            let cached = &self.shape_table.meta_cache[meta_index((*shape).id, metatable)];
            if cached.parent == (*shape).id && cached.metatable == metatable.0 {
                return cached.shape;
            }
            self.shape_with_metatable_slow(shape, metatable)
        }
    }
    #[cold]
    unsafe fn shape_with_metatable_slow(&mut self, shape: *mut Shape, metatable: Value) -> *mut Shape {
        // SAFETY: SHAPE-1, live shapes.
        unsafe {
            let change = (*shape).key == Value::EMPTY && !(*shape).parent.is_null();
            let base = if change { (*shape).parent } else { shape };
            let found = if (*base).metatable == metatable {
                base
            } else if let Some(&found) = (*base).metas.iter().find(|s| (***s).metatable == metatable) {
                found
            } else if (*base).metas.len() < MAX_METATABLES && self.shape_table.count < MAX_SHAPES {
                let new = self.new_shape((*base).flags, (*base).inline_cap, metatable, base, Value::EMPTY, (*base).keys);
                (*base).metas.push(new);
                new
            } else {
                return self.own_meta(base);
            };
            self.shape_table.meta_cache[meta_index((*shape).id, metatable)] =
                CachedMeta { parent: (*shape).id, metatable: metatable.0, shape: found };
            found
        }
    }
    unsafe fn own_meta(&mut self, base: *mut Shape) -> *mut Shape {
        // SAFETY: SHAPE-1, a live shape.
        unsafe {
            if (*base).own_meta.is_null() {
                (*base).own_meta =
                    self.new_shape((*base).flags | OWN_META, (*base).inline_cap, Value::NIL, base, Value::EMPTY, (*base).keys);
            }
            (*base).own_meta
        }
    }
    /// The dictionary shape that goes with this shape's metatable.
    pub fn dict_shape_for(&mut self, shape: *mut Shape) -> *mut Shape {
        let root = self.dict_root();
        // SAFETY: SHAPE-1, live shapes.
        unsafe {
            if (*shape).flags & OWN_META != 0 { self.own_meta(root) } else { self.shape_with_metatable(root, (*shape).metatable) }
        }
    }
    /// Slot of an interned string in tables of this (not `DICT`) shape, or `NO_SLOT`; through a small global cache.
    #[inline(always)]
    pub fn find_slot(&self, shape: u32, key: Value) -> u32 {
        let cached = self.shape_table.lookup_cache[lookup_index(shape, key)].get();
        if cached.key == key.0 && cached.shape == shape { cached.slot } else { self.find_slot_slow(shape, key) }
    }
    /// `find_slot` when the cache knows it, `NO_SLOT` otherwise and for shapes that lack the key.
    #[inline(always)]
    pub fn find_slot_cached(&self, shape: u32, key: Value) -> u32 {
        let cached = self.shape_table.lookup_cache[lookup_index(shape, key)].get();
        if cached.key == key.0 && cached.shape == shape { cached.slot } else { NO_SLOT }
    }
    #[inline(never)]
    fn find_slot_slow(&self, shape: u32, key: Value) -> u32 {
        let slot = self.shape(shape).slot_of(key);
        // Entries cannot become wrong: a shape's keys never change, and ids are not used again.
        self.shape_table.lookup_cache[lookup_index(shape, key)].set(CachedSlot { key: key.0, shape, slot });
        slot
    }
    /// The raw metamethod `m` of a metatable (nil when there is none, also when `metatable` is nil).
    #[inline(always)]
    pub fn metamethod(&self, metatable: Value, m: Metamethod) -> Value {
        if !metatable.is_table() {
            return Value::NIL;
        }
        // SAFETY: OBJ-1.
        let id = unsafe { (*(metatable.addr() as *const Header)).aux };
        if self.shape(id).lacks(m) { Value::NIL } else { crate::table::get_str(self, metatable, self.event_names[m as usize]) }
    }
}

#[inline(always)]
fn lookup_index(shape: u32, key: Value) -> usize {
    // Keys lie side by side and shapes have neighbouring numbers: without the factor pairs of them would meet.
    ((key.0 >> 4) as u32 ^ shape.wrapping_mul(0x9E37_79B1) >> 20) as usize % LOOKUP_CACHE
}

#[inline(always)]
fn meta_index(shape: u32, metatable: Value) -> usize {
    ((metatable.0 >> 4) as usize ^ shape as usize) % META_CACHE
}
