//! Checks the invariants of everything reachable. For tests and stress runs: it is slow.
// Borrows of what raw pointers lead to are written out.
#![allow(clippy::needless_borrow)]
use super::large::{self, LargeSpace};
use super::space::Block;
use super::trace::*;
use super::{Heap, Roots};
use crate::object::*;
use crate::proto::Proto;
use crate::string;
use crate::table::{bits_of, find_bits, home};
use crate::thread::Thread;
use crate::value::{PAYLOAD_MASK, Value};
use std::collections::HashSet;

struct Verifier {
    heap: *mut Heap,
    /// Objects that exist, by address.
    old: HashSet<usize>,
    remembered: HashSet<usize>,
    seen: HashSet<usize>,
    todo: Vec<*mut Header>,
    parts: HashSet<usize>,
}

impl Heap {
    /// Panics with a message when a reachable object breaks an invariant. Answers the number of reachable objects.
    pub fn verify(&mut self, roots: &mut Roots) -> usize {
        let mut v = Verifier {
            old: HashSet::new(),
            remembered: self.remembered.iter().map(|h| *h as usize).collect(),
            seen: HashSet::new(),
            todo: Vec::new(),
            parts: HashSet::new(),
            heap: self,
        };
        // SAFETY: a safepoint; every address is checked before it is followed.
        unsafe {
            v.list_old();
            roots(&mut |slot| v.value(*slot, &"a root"));
            v.own_roots();
            while let Some(h) = v.todo.pop() {
                v.object(h);
            }
        }
        v.seen.len()
    }
}

impl Verifier {
    unsafe fn list_old(&mut self) {
        // SAFETY: blocks and lists of the heap are live.
        unsafe {
            let heap = &*self.heap;
            for &block in &heap.space.blocks {
                Block::for_each_cell(block, &mut |p| {
                    self.old.insert(p as usize);
                });
            }
            self.old.extend(heap.large.iter().map(|h| h as usize));
            self.old.extend(heap.protos.iter().map(|p| *p as usize));
        }
    }
    unsafe fn own_roots(&mut self) {
        // SAFETY: the heap's own values are live.
        unsafe {
            let heap = &*self.heap;
            let lists = heap.event_names.iter().chain(heap.char_strings.iter()).chain(&heap.with_finalizer);
            lists.chain(&heap.finalizable).chain(&heap.weak_tables).for_each(|v| self.value(*v, &"the heap"));
            for v in [heap.empty_array, heap.empty_slots, heap.empty_hash] {
                self.value(v, &"the heap");
            }
            for &v in &heap.with_finalizer[..heap.old_finalizers] {
                assert!((*v.as_header()).gc & GC_OLD != 0, "a young object among the old ones with finalizers");
            }
            for s in heap.interned.iter() {
                assert!(self.old.contains(&(s.addr() as usize)), "a dead string is interned");
                assert!(string::is_interned(s), "a string in the table of interned ones lacks the flag");
            }
            heap.remembered_threads.iter().for_each(|t| assert!((**t).remembered, "a remembered thread lacks the flag"));
        }
    }
    /// Checks that a value is valid, and remembers to check the object.
    unsafe fn value(&mut self, v: Value, from: &dyn core::fmt::Display) {
        if !v.is_heap() {
            return;
        }
        let p = v.addr() as usize;
        // SAFETY: the address is known to be an object's when its header is read.
        unsafe {
            let heap = &*self.heap;
            let top = (heap.nursery_top & PAYLOAD_MASK) as usize;
            let young = p >= heap.nursery.base && p < top;
            assert!(young || self.old.contains(&p), "{from} refers to {v:?}, which is no object");
            let h = p as *mut Header;
            let gc = (*h).gc;
            assert!(gc & GC_FORWARDED == 0, "{from} refers to {v:?}, which has moved");
            assert!(!young || gc & (GC_OLD | GC_BARRIER | GC_LARGE) == 0, "young object {v:?} has bits of an old one");
            assert!(young || gc & (GC_OLD | GC_LARGE) != 0, "old object {v:?} lacks its bit");
            assert!(gc & GC_MARK == 0, "{v:?} has a mark between collections");
            assert!((*h).kind as u8 >= 1 && (*h).kind as u8 <= Kind::Proto as u8, "{v:?} has no kind");
            assert!(tag_fits(v.tag(), (*h).kind), "{from}: tag and kind of {v:?} differ: {:?}", (*h).kind);
            if self.seen.insert(p) {
                self.todo.push(h);
            }
        }
    }
    /// Checks the values of an object, and that the barrier was kept.
    unsafe fn values(&mut self, container: *mut Header, start: *mut Value, n: usize) {
        // SAFETY: slots of a live object.
        unsafe {
            let gc = (*container).gc;
            let from = format!("{:?} {container:?}", (*container).kind);
            for i in 0..n {
                let slot = start.add(i);
                self.value(*slot, &from);
                if gc & GC_OLD == 0 || !(*self.heap).is_young(*slot) {
                    continue;
                }
                let known = if gc & GC_LARGE != 0 && large::has_cards((*container).kind) {
                    LargeSpace::is_card_marked(container as *mut u8, slot as *mut u8)
                } else {
                    gc & GC_BARRIER == 0
                };
                assert!(known, "old {from} refers to young {:?} and is not remembered (slot {i})", *slot);
            }
        }
    }
    unsafe fn object(&mut self, h: *mut Header) {
        // SAFETY: a live object.
        unsafe {
            let gc = (*h).gc;
            if gc & (GC_OLD | GC_BARRIER) == GC_OLD && !is_leaf((*h).kind) {
                assert!(self.remembered.contains(&(h as usize)), "{:?} {h:?} is on no list of remembered objects", (*h).kind);
            }
            match (*h).kind {
                Kind::String => self.string(h as *mut LuaString),
                Kind::Table => self.table(h as *mut Table),
                Kind::Proto => {
                    proto_ranges(h as *mut Proto, |start, n| self.values(h, start, n));
                    let protos = &(*(h as *mut Proto)).protos;
                    protos.iter().for_each(|p| self.value(super::object_value(*p), &"a proto"));
                }
                Kind::Thread => self.thread((*(h as *mut ThreadObject)).thread),
                Kind::Closure => {
                    self.value(super::object_value((*(h as *mut Closure)).proto), &"a closure");
                    value_ranges(h, |start, n| self.values(h, start, n));
                }
                _ => value_ranges(h, |start, n| self.values(h, start, n)),
            }
        }
    }
    unsafe fn string(&mut self, s: *mut LuaString) {
        // SAFETY: a live string.
        unsafe {
            let (flags, len) = ((*s).header.flags, (*s).len as usize);
            assert!(*LuaString::bytes(s, len) == 0, "string {s:?} does not end with NUL");
            let v = Value::heap(crate::value::TAG_STRING, s as *const u8);
            if flags & STR_HASHED != 0 {
                let hash = string::hash_bytes((*self.heap).seed, string::bytes(v));
                assert!((*s).header.aux == hash, "string {s:?} has a wrong hash");
            }
            if flags & STR_INTERNED != 0 {
                assert!((*self.heap).intern(string::bytes(v)) == v, "interned string {s:?} is not in the table");
            }
        }
    }
    unsafe fn thread(&mut self, t: *mut Thread) {
        // SAFETY: a live thread.
        unsafe {
            let (remembered, heap) = ((*t).remembered, self.heap);
            let listed = (&(*heap).remembered_threads).contains(&t);
            assert!(remembered == listed, "a thread's flag and the list of remembered threads differ");
            let live = (*t).live_top().min((*t).stack_cap) as usize;
            let values = core::slice::from_raw_parts((*t).stack, live).iter();
            for v in values.chain([&(*t).this, &(*t).resumer, &(*t).hook]) {
                self.value(*v, &"a thread");
                assert!(remembered || !(*heap).is_young(*v), "a thread refers to young {v:?} and is not remembered");
            }
        }
    }
    unsafe fn table(&mut self, t: *mut Table) {
        // SAFETY: a live table.
        unsafe {
            let header = (*t).header;
            let heap = &*self.heap;
            let shape = heap.shape_by_id(header.aux).unwrap_or_else(|| panic!("table {t:?} has dead shape {}", header.aux));
            let inline = header.extra as usize;
            assert!(shape.is_dict() == (header.flags & TABLE_DICT != 0), "table {t:?}: shape and flag say different things");
            assert!(shape.is_dict() || shape.inline_cap as usize == inline, "table {t:?} has wrong room inline");
            self.value(shape.metatable, &"a shape");
            (0..shape.nslots).for_each(|i| self.value(shape.key_of(i), &"a shape"));
            self.values(t as *mut Header, &raw mut (*t).array, 3);
            self.values(t as *mut Header, Table::inline(t, 0), inline);
            for (part, kind) in [((*t).array, Kind::ArrayPart), ((*t).slots, Kind::SlotsPart), ((*t).hash, Kind::HashPart)] {
                let h = part.as_header();
                assert!((*h).kind == kind, "table {t:?} has a {:?} for a {kind:?}", (*h).kind);
                let shared = heap.is_shared_part(h);
                assert!(shared || self.parts.insert(h as usize), "two tables share part {h:?}");
                assert!(shared || (*h).flags & WEAK == 0 || header.flags & WEAK != 0, "part {h:?} is weak, its table is not");
            }
            let slots = inline + (*(*t).slots.as_slots()).cap as usize;
            assert!(shape.is_dict() || shape.nslots as usize <= slots, "table {t:?} has no room for its slots");
            let array = (*t).array.as_array();
            assert!((*array).border <= (*array).cap, "table {t:?} has a border beyond its array part");
            self.hash_part(t, (*array).cap as u64);
        }
    }
    unsafe fn hash_part(&mut self, t: *mut Table, array: u64) {
        // SAFETY: a live table.
        unsafe {
            let h = (*t).hash.as_hash();
            let cap = (*h).cap as usize;
            assert!(cap == 0 || cap.is_power_of_two() && (*h).header.aux as usize == cap - 1, "hash part {h:?} has a wrong mask");
            let mut used = 0;
            for i in 0..cap {
                let e = *HashPart::entry(h, i);
                let k = e.key;
                used += (k != Value::EMPTY) as u32;
                assert!(k != Value::EMPTY && k != Value::REMOVED || e.value.is_nil(), "hash part {h:?}: a value without key");
                let position = k.is_small_int() && (k.as_small_int() as u64).wrapping_sub(1) < array;
                assert!(!position, "hash part {h:?} has key {k:?}, which belongs in the array part");
                if k.is_string() {
                    let dict = (*t).header.flags & TABLE_DICT != 0;
                    assert!(dict && string::is_interned(k), "hash part {h:?} has string {k:?}");
                }
                if k.is_heap() || k.is_number() {
                    let mut at = home(h, bits_of(&*self.heap, k));
                    while at != i {
                        assert!((*HashPart::entry(h, at)).key != Value::EMPTY, "hash part {h:?}: {k:?} cannot be found");
                        at = (at + 1) & (cap - 1);
                    }
                    assert!(k.is_heap() || find_bits(h, k.0) == HashPart::entry(h, i), "hash part {h:?} has {k:?} twice");
                }
            }
            assert!(used == (*h).used, "hash part {h:?} counts {} keys and has {used}", (*h).used);
            assert!(cap == 0 || (used as usize) < cap, "hash part {h:?} is full");
        }
    }
}
