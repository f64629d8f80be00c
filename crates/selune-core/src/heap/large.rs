//! Objects above `MAX_CELL` bytes: each has an allocation of its own with a prefix in front, and never moves (parts of
//! tables apart, which are reallocated while they grow: only their table refers to them).
//!
//! LARGE-1: a large object is young until it survives a minor collection, which visits the young ones by a list.
//! LARGE-2: old large parts of tables keep their barrier bit and note stores in cards of 512 bytes.
use super::space::GRANULE;
use crate::object::{GC_OLD, Header, Kind};
use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};

/// Bytes per card, as a shift.
pub(crate) const CARD_SHIFT: u32 = 9;
/// Offset of the first value in every large part (array, slots and hash parts have none before it).
const FIRST_VALUE: usize = 16;

/// Stands in front of each large object.
#[repr(C, align(16))]
pub(crate) struct Prefix {
    /// Bytes of the object.
    pub(crate) size: usize,
    /// One byte per card of old parts, else null.
    cards: *mut u8,
    ncards: usize,
    index: u32,
    /// Is on the list of objects with marked cards.
    pub(crate) dirty: bool,
}

impl Prefix {
    /// The prefix of a large object.
    #[inline(always)]
    pub(crate) fn of(p: *const u8) -> *mut Prefix {
        (p as *mut Prefix).wrapping_sub(1)
    }
    fn object(this: *mut Prefix) -> *mut u8 {
        this.wrapping_add(1) as *mut u8
    }
    fn layout(size: usize) -> Layout {
        // SAFETY: sizes are bounded by `LargeSpace::alloc`, and the alignment is a power of two.
        unsafe { Layout::from_size_align_unchecked(size_of::<Prefix>() + size, GRANULE) }
    }
}

/// Is it a part of a table, so that cards stand for the remembered set?
#[inline(always)]
pub(crate) fn has_cards(kind: Kind) -> bool {
    matches!(kind, Kind::ArrayPart | Kind::SlotsPart | Kind::HashPart)
}

/// All large objects of a heap.
pub(crate) struct LargeSpace {
    objects: Vec<*mut Prefix>,
    free: Vec<u32>,
    young: Vec<u32>,
    dirty: Vec<u32>,
    /// Bytes of old ones.
    pub(crate) bytes: usize,
    /// Bytes of young ones.
    pub(crate) young_bytes: usize,
    /// There may be young ones that are no parts of tables.
    pub(crate) young_values: bool,
    /// An allocation that `Heap::reserve` made, and its size.
    reserved: (*mut Prefix, usize),
}

impl LargeSpace {
    pub(crate) fn new() -> LargeSpace {
        LargeSpace {
            objects: Vec::new(),
            free: Vec::new(),
            young: Vec::new(),
            dirty: Vec::new(),
            bytes: 0,
            young_bytes: 0,
            young_values: false,
            reserved: (core::ptr::null_mut(), 0),
        }
    }
    /// Makes sure that the next `alloc` of at most `size` bytes succeeds.
    pub(crate) fn reserve(&mut self, size: usize) -> bool {
        if size > isize::MAX as usize / 4 {
            return false;
        }
        if self.reserved.1 < size {
            self.release_reserved();
            // SAFETY: the layout's size is not zero.
            let p = unsafe { alloc(Prefix::layout(size)) } as *mut Prefix;
            if p.is_null() {
                return false;
            }
            self.reserved = (p, size);
        }
        true
    }
    /// Gives back what `reserve` took and nobody used.
    pub(crate) fn release_reserved(&mut self) {
        if self.reserved.1 > 0 {
            // SAFETY: allocated with this layout.
            unsafe { dealloc(self.reserved.0 as *mut u8, Prefix::layout(self.reserved.1)) };
            self.reserved = (core::ptr::null_mut(), 0);
        }
    }
    /// Uninitialised room for a young (or `old`) object; null when the system has none.
    pub(crate) fn alloc(&mut self, size: usize, old: bool) -> *mut u8 {
        if size > isize::MAX as usize / 4 {
            return core::ptr::null_mut();
        }
        // SAFETY: the layouts' sizes are not zero; a reserved block is shrunk to the size that is used.
        let p = unsafe {
            if self.reserved.1 >= size {
                let (p, had) = core::mem::replace(&mut self.reserved, (core::ptr::null_mut(), 0));
                let want = Prefix::layout(size).size();
                if had == size { p as *mut u8 } else { realloc(p as *mut u8, Prefix::layout(had), want) }
            } else {
                alloc(Prefix::layout(size))
            }
        } as *mut Prefix;
        if p.is_null() {
            return core::ptr::null_mut();
        }
        let index = self.free.pop().unwrap_or_else(|| {
            self.objects.push(core::ptr::null_mut());
            self.objects.len() as u32 - 1
        });
        self.objects[index as usize] = p;
        // SAFETY: fresh memory of sufficient size.
        unsafe { p.write(Prefix { size, cards: core::ptr::null_mut(), ncards: 0, index, dirty: false }) };
        if old {
            self.bytes += size;
        } else {
            self.young.push(index);
            self.young_bytes += size;
        }
        Prefix::object(p)
    }
    unsafe fn is_old(p: *mut Prefix) -> bool {
        // SAFETY: every object starts with a header.
        unsafe { (*(Prefix::object(p) as *mut Header)).gc & GC_OLD != 0 }
    }
    /// Gives a part another size; null (and nothing changed) when the system refuses. The new bytes are uninitialised.
    pub(crate) unsafe fn resize(&mut self, object: *mut u8, size: usize) -> *mut u8 {
        if size > isize::MAX as usize / 4 {
            return core::ptr::null_mut();
        }
        let p = Prefix::of(object);
        // SAFETY: the caller passes a live large object that only it refers to.
        unsafe {
            let (had, old) = ((*p).size, LargeSpace::is_old(p));
            let new = realloc(p as *mut u8, Prefix::layout(had), Prefix::layout(size).size()) as *mut Prefix;
            if new.is_null() {
                return core::ptr::null_mut();
            }
            self.objects[(*new).index as usize] = new;
            (*new).size = size;
            if old {
                self.bytes = self.bytes - had + size;
                let ncards = cards_for(size);
                let cards = alloc_zeroed(card_layout(ncards));
                assert!(!cards.is_null(), "no memory for cards");
                cards.copy_from_nonoverlapping((*new).cards, ncards.min((*new).ncards));
                dealloc((*new).cards, card_layout((*new).ncards));
                ((*new).cards, (*new).ncards) = (cards, ncards);
            } else {
                self.young_bytes = self.young_bytes - had + size;
            }
            Prefix::object(new)
        }
    }
    /// Frees a large object at once. Nothing may refer to it; the lists may still name its index.
    pub(crate) unsafe fn free(&mut self, object: *mut u8) {
        let p = Prefix::of(object);
        // SAFETY: the caller passes a live large object.
        unsafe {
            let (size, index) = ((*p).size, (*p).index);
            *(if LargeSpace::is_old(p) { &mut self.bytes } else { &mut self.young_bytes }) -= size;
            self.objects[index as usize] = core::ptr::null_mut();
            self.free.push(index);
            if !(*p).cards.is_null() {
                dealloc((*p).cards, card_layout((*p).ncards));
            }
            dealloc(p as *mut u8, Prefix::layout(size));
        }
    }
    /// A young object has become old.
    pub(crate) unsafe fn promote(&mut self, object: *mut u8) {
        let p = Prefix::of(object);
        // SAFETY: the caller passes a live large object, whose header is complete.
        unsafe {
            self.young_bytes -= (*p).size;
            self.bytes += (*p).size;
            if has_cards((*(object as *mut Header)).kind) {
                (*p).ncards = cards_for((*p).size);
                (*p).cards = alloc_zeroed(card_layout((*p).ncards));
                assert!(!(*p).cards.is_null(), "no memory for cards");
            }
        }
    }
    /// Frees the young objects that were not promoted.
    pub(crate) fn sweep_young(&mut self) {
        for index in core::mem::take(&mut self.young) {
            let p = self.objects[index as usize];
            // SAFETY: objects in the table are live; an index that was freed and used again names another live object.
            if !p.is_null() && unsafe { !LargeSpace::is_old(p) } {
                // SAFETY: young and not reached, so nothing refers to it.
                unsafe { self.free(Prefix::object(p)) };
            }
        }
        self.young_values = false;
        debug_assert_eq!(self.young_bytes, 0);
    }
    /// Notes a store into an old part.
    pub(crate) unsafe fn mark_card(&mut self, object: *mut u8, slot: *mut u8) {
        let p = Prefix::of(object);
        // SAFETY: LARGE-2; `slot` lies in the object.
        unsafe {
            debug_assert!(!(*p).cards.is_null());
            *(*p).cards.add((slot as usize - object as usize) >> CARD_SHIFT) = 1;
            if !(*p).dirty {
                (*p).dirty = true;
                self.dirty.push((*p).index);
            }
        }
    }
    /// The objects with marked cards, which are unlisted by this.
    pub(crate) fn take_dirty(&mut self) -> Vec<*mut u8> {
        let objects = &self.objects;
        let list = core::mem::take(&mut self.dirty).into_iter().map(|i| objects[i as usize]);
        // SAFETY: objects in the table are live.
        list.filter(|&p| !p.is_null() && unsafe { core::mem::replace(&mut (*p).dirty, false) }).map(Prefix::object).collect()
    }
    /// Calls `f` with each range of bytes `[start, end)` of marked cards, clipped to the values of the object; `clear`
    /// unmarks them.
    pub(crate) unsafe fn for_each_card(object: *mut u8, clear: bool, mut f: impl FnMut(*mut u8, *mut u8)) {
        let p = Prefix::of(object);
        // SAFETY: the caller passes a live old part.
        unsafe {
            if (*p).cards.is_null() {
                return;
            }
            let cards = core::slice::from_raw_parts_mut((*p).cards, (*p).ncards);
            let mut i = 0;
            while i < cards.len() {
                if cards[i] == 0 {
                    i += 1;
                    continue;
                }
                let start = i;
                while i < cards.len() && cards[i] != 0 {
                    if clear {
                        cards[i] = 0;
                    }
                    i += 1;
                }
                let end = (i << CARD_SHIFT).min((*p).size);
                f(object.add((start << CARD_SHIFT).max(FIRST_VALUE)), object.add(end));
            }
        }
    }
    /// Is the card of `slot` marked?
    pub(crate) unsafe fn is_card_marked(object: *mut u8, slot: *mut u8) -> bool {
        let p = Prefix::of(object);
        // SAFETY: as in `mark_card`.
        unsafe { !(*p).cards.is_null() && *(*p).cards.add((slot as usize - object as usize) >> CARD_SHIFT) != 0 }
    }
    /// All large objects.
    pub(crate) fn iter(&self) -> impl Iterator<Item = *mut Header> + '_ {
        self.objects.iter().filter(|p| !p.is_null()).map(|&p| Prefix::object(p) as *mut Header)
    }
    /// Frees the old objects for which `dead` says so.
    pub(crate) fn sweep(&mut self, mut dead: impl FnMut(*mut Header) -> bool) {
        for i in 0..self.objects.len() {
            let p = self.objects[i];
            if !p.is_null() && dead(Prefix::object(p) as *mut Header) {
                // SAFETY: not reached by the collection, so nothing refers to it.
                unsafe { self.free(Prefix::object(p)) };
            }
        }
    }
}

fn cards_for(size: usize) -> usize {
    (size >> CARD_SHIFT) + 1
}

fn card_layout(n: usize) -> Layout {
    // SAFETY: `n` is at most an object's size.
    unsafe { Layout::from_size_align_unchecked(n, 1) }
}

impl Drop for LargeSpace {
    fn drop(&mut self) {
        self.release_reserved();
        self.sweep(|_| true);
    }
}
