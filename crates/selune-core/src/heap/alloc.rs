//! Constructors of all objects. Every object is complete when they return; none of them collects (GC-1).
use super::major::{proto_bytes, thread_bytes};
use super::space::MAX_CELL;
use super::trace::{TABLE_DICT, WEAK, hash_part_size, string_size};
use super::{Heap, MAX_YOUNG, POLL_MINOR, object_value, os};
use crate::object::*;
use crate::proto::Proto;
use crate::shape::MAX_INLINE;
use crate::thread::{INITIAL_STACK, Thread};
use crate::value::{PAYLOAD_MASK, TAG_BOXINT, TAG_FUNCTION, TAG_STRING, TAG_TABLE, Value};
use core::ptr::null_mut;

/// Room for an object, and what its header's `gc` must be.
pub(crate) type Room = (*mut u8, u8);

/// Memory of ended coroutines that is kept for new ones.
const SPARE_STORAGE: usize = 64;

impl Heap {
    /// Uninitialised room for a young object of `size` bytes (a multiple of 16); `gc` bits for its header. The caller
    /// writes all of it before the next safepoint.
    #[inline(always)]
    pub(crate) fn alloc(&mut self, size: usize) -> Room {
        debug_assert!(size.is_multiple_of(16));
        let top = self.nursery_top;
        let new = top.wrapping_add(size as u64);
        if size <= MAX_YOUNG && new <= self.nursery_limit {
            self.nursery_top = new;
            return ((top & PAYLOAD_MASK) as *mut u8, 0);
        }
        self.alloc_slow(size)
    }
    #[cold]
    #[inline(never)]
    fn alloc_slow(&mut self, size: usize) -> Room {
        if size > MAX_YOUNG {
            return self.alloc_large(size, false);
        }
        self.request(POLL_MINOR);
        if self.memory_limit != usize::MAX {
            self.check_growth();
        }
        let top = (self.nursery_top & PAYLOAD_MASK) as usize;
        match self.nursery.extend(top, size) {
            Some(limit) => {
                self.nursery_limit = TAG_TABLE << 48 | limit as u64;
                self.alloc(size)
            }
            None => {
                let p = self.space.alloc(size);
                self.remembered.push(p as *mut Header);
                self.check_growth();
                (p, GC_OLD)
            }
        }
    }
    /// Makes room for `size` bytes (at most `MAX_YOUNG`) in the nursery without collecting, and asks for a collection as an
    /// allocation does that finds none. False when the nursery cannot grow any more.
    pub fn extend_nursery(&mut self, size: usize) -> bool {
        self.request(POLL_MINOR);
        if self.memory_limit != usize::MAX {
            self.check_growth();
        }
        let top = (self.nursery_top & PAYLOAD_MASK) as usize;
        let limit = self.nursery.extend(top, size);
        if let Some(limit) = limit {
            self.nursery_limit = TAG_TABLE << 48 | limit as u64;
        }
        limit.is_some()
    }
    #[cold]
    fn alloc_large(&mut self, size: usize, old: bool) -> Room {
        let mut p = self.large.alloc(size, old);
        if p.is_null() {
            // `reserve` was not asked, or something else took the memory: what lies idle may be enough.
            self.large.release_reserved();
            p = self.large.alloc(size, old);
            if p.is_null() {
                let layout = std::alloc::Layout::from_size_align(size, 16).unwrap_or(std::alloc::Layout::new::<u64>());
                std::alloc::handle_alloc_error(layout);
            }
        }
        self.large.young_values |= !old;
        self.check_growth();
        (p, GC_LARGE | if old { GC_OLD } else { 0 })
    }
    /// Room for an old object; when it has references it must be put on the list of remembered objects.
    fn alloc_old(&mut self, size: usize) -> Room {
        if size > MAX_CELL {
            return self.alloc_large(size, true);
        }
        let p = self.space.alloc(size);
        self.check_growth();
        (p, GC_OLD)
    }
    #[inline(always)]
    unsafe fn write_header(p: *mut u8, aux: u32, kind: Kind, gc: u8, flags: u8, extra: u8) {
        // SAFETY: the caller passes fresh room.
        unsafe { (p as *mut Header).write(Header { aux, kind, gc, flags, extra }) };
    }

    // ---- strings

    /// A string; young unless it is very short.
    #[inline]
    pub fn new_string(&mut self, b: &[u8]) -> Value {
        if b.len() <= 1 {
            return self.tiny_string(b);
        }
        // SAFETY: the room has `len` bytes for the contents.
        self.new_string_with(b.len(), |p| unsafe { p.copy_from_nonoverlapping(b.as_ptr(), b.len()) })
    }
    fn tiny_string(&mut self, b: &[u8]) -> Value {
        let Some(&c) = b.first() else { return self.empty_string };
        self.char_string(c)
    }
    /// The (interned) string of one byte.
    #[inline]
    pub fn char_string(&mut self, c: u8) -> Value {
        if self.char_strings[c as usize].is_nil() {
            self.char_strings[c as usize] = self.intern(&[c]);
        }
        self.char_strings[c as usize]
    }
    /// The empty string.
    #[inline]
    pub fn empty_string(&self) -> Value {
        self.empty_string
    }
    /// A young string of `len` bytes, which `fill` must write, all of them, from its argument on.
    #[inline]
    pub fn new_string_with(&mut self, len: usize, fill: impl FnOnce(*mut u8)) -> Value {
        let size = os::round_up(string_size(len), 16);
        let (p, gc) = self.alloc(size);
        // SAFETY: `size` bytes of fresh room.
        unsafe {
            Self::write_header(p, 0, Kind::String, gc, 0, 0);
            (*(p as *mut LuaString)).len = len as u64;
            let bytes = LuaString::bytes(p as *mut LuaString, 0);
            fill(bytes);
            *bytes.add(len) = 0;
        }
        Value::heap(TAG_STRING, p)
    }
    /// The concatenation of two strings.
    pub fn new_string2(&mut self, a: &[u8], b: &[u8]) -> Value {
        // SAFETY: both parts fit in the room together.
        self.new_string_with(a.len() + b.len(), |p| unsafe {
            p.copy_from_nonoverlapping(a.as_ptr(), a.len());
            p.add(a.len()).copy_from_nonoverlapping(b.as_ptr(), b.len());
        })
    }
    /// The concatenation of many strings; `len` is the sum of their lengths.
    pub fn new_string_concat<'a>(&mut self, len: usize, parts: impl Iterator<Item = &'a [u8]>) -> Value {
        self.new_string_with(len, |mut p| {
            let mut left = len;
            for part in parts {
                assert!(part.len() <= left, "parts are longer than announced");
                left -= part.len();
                // SAFETY: `left` bytes are free from `p` on.
                unsafe {
                    p.copy_from_nonoverlapping(part.as_ptr(), part.len());
                    p = p.add(part.len());
                }
            }
            assert!(left == 0, "parts are shorter than announced");
        })
    }
    /// An old string that is not in the table of interned strings yet.
    pub(crate) fn new_old_string(&mut self, b: &[u8]) -> Value {
        let (p, gc) = self.alloc_old(string_size(b.len()));
        // SAFETY: fresh room for the header, the bytes and a NUL.
        unsafe {
            Self::write_header(p, 0, Kind::String, gc, 0, 0);
            (*(p as *mut LuaString)).len = b.len() as u64;
            let bytes = LuaString::bytes(p as *mut LuaString, 0);
            bytes.copy_from_nonoverlapping(b.as_ptr(), b.len());
            *bytes.add(b.len()) = 0;
        }
        Value::heap(TAG_STRING, p)
    }

    // ---- numbers, functions, cells

    /// An integer, boxed when it does not fit 48 bits.
    #[inline(always)]
    pub fn new_int(&mut self, i: i64) -> Value {
        if Value::fits_small(i) { Value::small_int(i) } else { self.new_boxed_int(i) }
    }
    /// A box for an integer that does not fit 48 bits, when there is room in the nursery.
    #[inline(always)]
    pub fn try_box(&mut self, i: i64) -> Option<Value> {
        let new = self.nursery_top.wrapping_add(16);
        if new > self.nursery_limit {
            return None;
        }
        let p = (self.nursery_top & PAYLOAD_MASK) as *mut u8;
        self.nursery_top = new;
        // SAFETY: fresh room.
        unsafe {
            Self::write_header(p, 0, Kind::BoxedInt, 0, 0, 0);
            (*(p as *mut BoxedInt)).value = i;
        }
        Some(Value::heap(TAG_BOXINT, p))
    }
    #[inline(never)]
    fn new_boxed_int(&mut self, i: i64) -> Value {
        let (p, gc) = self.alloc(16);
        // SAFETY: fresh room.
        unsafe {
            Self::write_header(p, 0, Kind::BoxedInt, gc, 0, 0);
            (*(p as *mut BoxedInt)).value = i;
        }
        Value::heap(TAG_BOXINT, p)
    }
    /// A cell that holds `v`.
    #[inline(always)]
    pub fn new_cell(&mut self, v: Value) -> Value {
        let (p, gc) = self.alloc(16);
        // SAFETY: fresh room.
        unsafe {
            Self::write_header(p, 0, Kind::Cell, gc, 0, 0);
            (*(p as *mut Cell)).value = v;
        }
        object_value(p)
    }
    /// A closure; its `n` upvalues are nil until the caller writes the cells.
    #[inline]
    pub fn new_closure(&mut self, proto: *mut Proto, n: usize) -> Value {
        let (p, gc) = self.alloc(os::round_up(Closure::TRAILING + 8 * n, 16));
        // SAFETY: fresh room.
        unsafe {
            Self::write_header(p, n as u32, Kind::Closure, gc, 0, 0);
            (*(p as *mut Closure)).proto = proto;
            fill_nil(Closure::upvalue(p as *mut Closure, 0), n);
        }
        Value::heap(TAG_FUNCTION, p)
    }
    /// A native function; `kind` is for the VM (`Header::flags`).
    pub fn new_native(&mut self, function: *const (), name: &'static &'static str, kind: u8, upvalues: &[Value]) -> Value {
        let (p, gc) = self.alloc(os::round_up(Native::TRAILING + 8 * upvalues.len(), 16));
        // SAFETY: fresh room.
        unsafe {
            Self::write_header(p, upvalues.len() as u32, Kind::Native, gc, kind, 0);
            (*(p as *mut Native)).function = function;
            (*(p as *mut Native)).name = name;
            Native::upvalue(p as *mut Native, 0).copy_from_nonoverlapping(upvalues.as_ptr(), upvalues.len());
        }
        Value::heap(TAG_FUNCTION, p)
    }

    // ---- tables

    /// A table with room for `array` elements and `named` named slots.
    #[inline]
    pub fn new_table(&mut self, array: usize, named: usize) -> Value {
        let inline = Heap::inline_cap(named);
        let shape = self.root_shape(inline);
        let (p, gc) = self.alloc(Table::TRAILING + 8 * inline);
        // SAFETY: fresh room; a live shape.
        unsafe {
            Self::write_header(p, (*shape).id, Kind::Table, gc, 0, inline as u8);
            let t = p as *mut Table;
            ((*t).array, (*t).slots, (*t).hash) = (self.empty_array, self.empty_slots, self.empty_hash);
            fill_nil(Table::inline(t, 0), inline);
        }
        let t = Value::heap(TAG_TABLE, p);
        if array != 0 || named > MAX_INLINE {
            self.make_room(t, array, named);
        }
        t
    }
    #[cold]
    fn make_room(&mut self, t: Value, array: usize, named: usize) {
        if array > 0 {
            crate::table::reserve_array(self, t, array);
        }
        if named > MAX_INLINE {
            crate::table::reserve_named(self, t, named);
        }
    }
    /// A table without metatable whose string keys are in the hash part, with room for `n` of them.
    pub fn new_dict(&mut self, n: usize) -> Value {
        let t = self.new_table(0, 0);
        let shape = self.dict_root();
        // SAFETY: just made; a live shape.
        unsafe {
            (*t.as_header()).aux = (*shape).id;
            (*t.as_header()).flags = TABLE_DICT;
        }
        crate::table::reserve_hash(self, t, n);
        t
    }
    pub(crate) fn make_empty_parts(&mut self) {
        // SAFETY: fresh old objects, complete at the end of the block. They have no references, and nobody stores to them.
        unsafe {
            let (p, gc) = self.alloc_old(ArrayPart::TRAILING);
            Self::write_header(p, 0, Kind::ArrayPart, gc | GC_BARRIER, 0, 0);
            ((*(p as *mut ArrayPart)).cap, (*(p as *mut ArrayPart)).border) = (0, 0);
            self.empty_array = object_value(p);
            let (p, gc) = self.alloc_old(SlotsPart::TRAILING);
            Self::write_header(p, 0, Kind::SlotsPart, gc | GC_BARRIER, 0, 0);
            (*(p as *mut SlotsPart)).cap = 0;
            self.empty_slots = object_value(p);
            let (p, gc) = self.alloc_old(hash_part_size(0));
            Self::write_header(p, 0, Kind::HashPart, gc | GC_BARRIER, 0, 63);
            let h = p as *mut HashPart;
            ((*h).cap, (*h).used, (*h).meta) = (0, 0, Value::NIL);
            *HashPart::entry(h, 0) = HashEntry { key: Value::EMPTY, value: Value::NIL };
            self.empty_hash = object_value(h);
        }
    }
    /// An array part of `cap` nils for `table`; null when there is no memory.
    pub(crate) fn new_array_part(&mut self, table: *mut Table, cap: usize) -> *mut ArrayPart {
        let (p, gc) = self.alloc_part(ArrayPart::TRAILING + 8 * cap);
        if !p.is_null() {
            // SAFETY: fresh room.
            unsafe {
                Self::write_header(p, 0, Kind::ArrayPart, gc, (*table).header.flags & WEAK, 0);
                ((*(p as *mut ArrayPart)).cap, (*(p as *mut ArrayPart)).border) = (cap as u32, 0);
                fill_nil(ArrayPart::element(p as *mut ArrayPart, 0), cap);
            }
        }
        p as *mut ArrayPart
    }
    /// A slots part of `cap` nils for `table`.
    pub(crate) fn new_slots_part(&mut self, table: *mut Table, cap: usize) -> *mut SlotsPart {
        let (p, gc) = self.alloc(os::round_up(SlotsPart::TRAILING + 8 * cap, 16));
        // SAFETY: fresh room.
        unsafe {
            Self::write_header(p, 0, Kind::SlotsPart, gc, (*table).header.flags & WEAK, 0);
            (*(p as *mut SlotsPart)).cap = cap as u64;
            fill_nil(SlotsPart::slot(p as *mut SlotsPart, 0), cap);
        }
        p as *mut SlotsPart
    }
    /// A hash part of `cap` (a power of two, at least 2) free entries for `table`; null when there is no memory.
    pub(crate) fn new_hash_part(&mut self, table: *mut Table, cap: usize) -> *mut HashPart {
        let (p, gc) = self.alloc_part(hash_part_size(cap));
        if !p.is_null() {
            let h = p as *mut HashPart;
            // SAFETY: fresh room.
            unsafe {
                let shift = 64 - cap.trailing_zeros() as u8;
                Self::write_header(p, cap as u32 - 1, Kind::HashPart, gc, (*table).header.flags & WEAK, shift);
                ((*h).cap, (*h).used, (*h).meta) = (cap as u32, 0, Value::NIL);
                for i in 0..cap {
                    *HashPart::entry(h, i) = HashEntry { key: Value::EMPTY, value: Value::NIL };
                }
            }
        }
        p as *mut HashPart
    }
    fn alloc_part(&mut self, size: usize) -> Room {
        let size = os::round_up(size, 16);
        if size <= MAX_YOUNG {
            return self.alloc(size);
        }
        let p = self.large.alloc(size, false);
        if p.is_null() {
            self.note_out_of_memory();
        }
        self.check_growth();
        (p, GC_LARGE)
    }
    /// Makes an array part larger in place, or moves it without leaving garbage, where its memory allows that; the new
    /// elements are nil. Null: it must be copied (or there is no memory).
    pub(crate) unsafe fn grow_array_in_place(&mut self, part: *mut ArrayPart, cap: usize) -> *mut ArrayPart {
        // SAFETY: the caller passes a live part that only one table refers to, and which is not the shared one.
        unsafe {
            let had = (*part).cap as usize;
            let mut new = part;
            if (*part).header.gc & GC_LARGE != 0 {
                new = self.large.resize(part as *mut u8, ArrayPart::TRAILING + 8 * cap) as *mut ArrayPart;
                if new.is_null() {
                    return null_mut();
                }
                self.check_growth();
            } else if (*part).header.gc & GC_OLD == 0 {
                let end = part as u64 + os::round_up(ArrayPart::TRAILING + 8 * had, 16) as u64;
                let new_end = TAG_TABLE << 48 | (part as u64 + os::round_up(ArrayPart::TRAILING + 8 * cap, 16) as u64);
                let fits = ArrayPart::TRAILING + 8 * cap <= MAX_YOUNG && new_end <= self.nursery_limit;
                if end != self.nursery_top & PAYLOAD_MASK || !fits {
                    return null_mut();
                }
                self.nursery_top = new_end;
            } else {
                return null_mut();
            }
            (*new).cap = cap as u32;
            fill_nil(ArrayPart::element(new, had), cap - had);
            new
        }
    }
    /// Frees a part that its table has just replaced, if that can be done at once.
    pub(crate) unsafe fn discard_part(&mut self, part: *mut Header) {
        // SAFETY: the caller passes a live part that nothing refers to any more.
        unsafe {
            let gc = (*part).gc;
            if gc & GC_LARGE != 0 {
                self.large.free(part as *mut u8);
            } else if gc & (GC_OLD | GC_BARRIER) == GC_OLD | GC_BARRIER && !self.is_shared_part(part) {
                // Not remembered, so no list names it.
                self.space.free(part as *mut u8);
            }
        }
    }
    pub(super) fn is_shared_part(&self, part: *mut Header) -> bool {
        [self.empty_array, self.empty_slots, self.empty_hash].iter().any(|v| v.as_header() == part)
    }

    // ---- objects that own Rust data; they are old

    fn remembered_old(&mut self, size: usize, aux: u32, kind: Kind) -> *mut u8 {
        let (p, gc) = self.alloc_old(size);
        // SAFETY: fresh room; a born-old object counts as remembered, so its slots may be filled freely.
        unsafe { Self::write_header(p, aux, kind, gc, 0, 0) };
        self.remembered.push(p as *mut Header);
        p
    }
    /// A full userdata with `user_values` nils.
    pub fn new_userdata(&mut self, data: Box<dyn core::any::Any>, user_values: usize) -> Value {
        let p = self.remembered_old(Userdata::TRAILING + 8 * user_values, user_values as u32, Kind::Userdata) as *mut Userdata;
        // SAFETY: fresh room.
        unsafe {
            (*p).metatable = Value::NIL;
            (*p).data = Box::into_raw(Box::new(data));
            fill_nil(Userdata::user_value(p, 0), user_values);
        }
        self.userdata.push(object_value(p));
        object_value(p)
    }
    /// A coroutine (or main thread): takes the thread, and sets its `this`. It is remembered.
    pub fn new_thread(&mut self, thread: Thread) -> Value {
        let p = self.remembered_old(size_of::<ThreadObject>(), 0, Kind::Thread) as *mut ThreadObject;
        let v = object_value(p);
        let thread = match self.spare_threads.pop() {
            Some(mut room) => {
                room.write(thread);
                Box::into_raw(room).cast()
            }
            None => Box::into_raw(Box::new(thread)),
        };
        // SAFETY: fresh room and a box that nobody uses.
        unsafe {
            (*p).thread = thread;
            (*thread).this = v;
            (*thread).remembered = false;
        }
        self.threads.push(v);
        self.remember_thread(thread);
        // SAFETY: a live thread.
        self.policy.owned += unsafe { thread_bytes(thread) };
        v
    }
    /// A thread for a new coroutine, in memory that was used before if there is some.
    pub fn spare_thread(&mut self) -> Thread {
        self.spare_storage.pop().map_or_else(|| Thread::new(INITIAL_STACK), Thread::with)
    }
    /// A coroutine has returned, and its results were taken: its memory is for the next one.
    pub fn retire_thread(&mut self, thread: &mut Thread) {
        if self.spare_storage.len() < SPARE_STORAGE
            && let Some(storage) = thread.take_storage()
        {
            self.policy.owned = self.policy.owned.saturating_sub(storage.bytes());
            self.spare_storage.push(storage);
        }
    }
    /// A coroutine has taken a native stack of so many bytes, or given it back.
    pub fn count_coroutine_stack(&mut self, bytes: isize) {
        self.policy.owned = self.policy.owned.saturating_add_signed(bytes);
        if bytes > 0 {
            self.check_growth();
        }
    }
    /// Is this the address of a proto that is alive?
    pub fn is_live_proto(&self, address: usize) -> bool {
        self.protos.iter().any(|p| *p as usize == address)
    }
    /// Takes a finished proto. It never moves.
    pub fn new_proto(&mut self, mut proto: Proto) -> *mut Proto {
        // Marked in the header, like a large object; remembered at birth, because its constants may be young.
        proto.header = Header { aux: 0, kind: Kind::Proto, gc: GC_OLD | GC_LARGE, flags: 0, extra: 0 };
        let p = Box::into_raw(Box::new(proto));
        self.protos.push(p);
        self.remembered.push(p as *mut Header);
        // SAFETY: a live proto.
        self.policy.owned += unsafe { proto_bytes(p) };
        self.check_growth();
        p
    }
    /// Frees everything that is not a plain cell (the heap is being dropped).
    pub(crate) fn drop_objects(&mut self) {
        for v in core::mem::take(&mut self.userdata) {
            // SAFETY: live objects until now.
            unsafe { drop_userdata(v) };
        }
        for v in core::mem::take(&mut self.threads) {
            // SAFETY: live objects until now.
            unsafe { drop(Box::from_raw((*v.as_thread_object()).thread)) };
        }
        for p in core::mem::take(&mut self.protos) {
            // SAFETY: boxed in `new_proto`.
            unsafe { drop(Box::from_raw(p)) };
        }
    }
}

/// Drops the host's data of a userdata.
unsafe fn drop_userdata(v: Value) {
    // SAFETY: the caller passes a userdata that nothing refers to.
    unsafe {
        let p = v.as_userdata();
        if !(*p).data.is_null() {
            drop(Box::from_raw((*p).data));
            (*p).data = null_mut();
        }
    }
}

#[inline(always)]
unsafe fn fill_nil(p: *mut Value, n: usize) {
    for i in 0..n {
        // SAFETY: the caller passes room for `n` values.
        unsafe { p.add(i).write(Value::NIL) };
    }
}
