//! Where the references in each kind of object are. The collectors and the verifier go by this file alone.
// Borrows of what raw pointers lead to are written out.
#![allow(clippy::needless_borrow)]
use crate::object::*;
use crate::proto::Proto;
use crate::thread::Thread;
use crate::value::Value;

/// `Header::flags` of tables: string keys are in the hash part (the shape has `DICT`).
pub const TABLE_DICT: u8 = 128;
/// `Header::flags` of tables and their parts: was weak when last traced. Parts with this bit are left to the table.
pub(crate) const WEAK: u8 = 64;

/// Bytes of an object (a multiple of 8), without a stored identity hash.
///
/// # Safety
/// `h` is a live object in the nursery or the old space (not a proto).
#[inline(always)]
pub unsafe fn object_size(h: *const Header) -> usize {
    // SAFETY: the kind says which struct it is.
    unsafe {
        let aux = (*h).aux as usize;
        match (*h).kind {
            Kind::Table => Table::TRAILING + 8 * (*h).extra as usize,
            Kind::String => string_size((*(h as *const LuaString)).len as usize),
            Kind::Closure => Closure::TRAILING + 8 * aux,
            Kind::Native => Native::TRAILING + 8 * aux,
            Kind::BoxedInt | Kind::Cell | Kind::Thread => 16,
            Kind::ArrayPart => ArrayPart::TRAILING + 8 * (*(h as *const ArrayPart)).cap as usize,
            Kind::SlotsPart => SlotsPart::TRAILING + 8 * (*(h as *const SlotsPart)).cap as usize,
            Kind::HashPart => hash_part_size((*(h as *const HashPart)).cap as usize),
            Kind::Userdata => Userdata::TRAILING + 8 * aux,
            Kind::Proto => size_of::<Proto>(),
        }
    }
}

/// Bytes of a string.
#[inline(always)]
pub(crate) const fn string_size(len: usize) -> usize {
    (LuaString::TRAILING + len + 1 + 7) & !7
}

/// Bytes of a hash part. The shared one of capacity 0 has one entry, which stays free.
#[inline(always)]
pub(crate) const fn hash_part_size(cap: usize) -> usize {
    HashPart::TRAILING + size_of::<HashEntry>() * if cap == 0 { 1 } else { cap }
}

/// Has it no references?
#[inline(always)]
pub(crate) fn is_leaf(kind: Kind) -> bool {
    matches!(kind, Kind::String | Kind::BoxedInt)
}

/// The values in a part of a table, which are contiguous (with the metatable and the keys of hash parts).
#[inline(always)]
pub(crate) unsafe fn part_values(part: *mut Header) -> (*mut Value, usize) {
    // SAFETY: the caller passes a live part.
    unsafe {
        match (*part).kind {
            Kind::ArrayPart => (ArrayPart::element(part as *mut ArrayPart, 0), (*(part as *mut ArrayPart)).cap as usize),
            Kind::SlotsPart => (SlotsPart::slot(part as *mut SlotsPart, 0), (*(part as *mut SlotsPart)).cap as usize),
            _ => (&raw mut (*(part as *mut HashPart)).meta, 1 + 2 * (*(part as *mut HashPart)).cap as usize),
        }
    }
}

/// Calls `f` with each contiguous range of values in an object that is no table, thread or proto.
#[inline(always)]
pub(crate) unsafe fn value_ranges(h: *mut Header, mut f: impl FnMut(*mut Value, usize)) {
    // SAFETY: the caller passes a live object.
    unsafe {
        let aux = (*h).aux as usize;
        match (*h).kind {
            Kind::Closure => f(Closure::upvalue(h as *mut Closure, 0), aux),
            Kind::Native => f(Native::upvalue(h as *mut Native, 0), aux),
            Kind::Cell => f(&raw mut (*(h as *mut Cell)).value, 1),
            Kind::ArrayPart | Kind::SlotsPart | Kind::HashPart => {
                let (start, n) = part_values(h);
                f(start, n);
            }
            Kind::Userdata => {
                f(&raw mut (*(h as *mut Userdata)).metatable, 1);
                f(Userdata::user_value(h as *mut Userdata, 0), aux);
            }
            Kind::String | Kind::BoxedInt | Kind::Table | Kind::Thread | Kind::Proto => {}
        }
    }
}

/// Calls `f` with each contiguous range of values in a proto; nested protos are not included.
pub(crate) unsafe fn proto_ranges(p: *mut Proto, mut f: impl FnMut(*mut Value, usize)) {
    // SAFETY: the caller passes a live proto.
    unsafe {
        f((*p).constants.as_mut_ptr(), (*p).constants.len());
        f(&raw mut (*p).source, 1);
        (&mut (*p).upvals).iter_mut().for_each(|u| f(&raw mut u.name, 1));
        (&mut (*p).locals).iter_mut().for_each(|l| f(&raw mut l.name, 1));
    }
}

/// Calls `f` with each contiguous range of live values of a thread, and nils the rest of its stack (THREAD-1).
pub(crate) unsafe fn thread_ranges(t: *mut Thread, mut f: impl FnMut(*mut Value, usize)) {
    // SAFETY: the caller passes a live thread that no native code is changing (a safepoint).
    unsafe {
        f(&raw mut (*t).this, 1);
        f(&raw mut (*t).resumer, 1);
        f(&raw mut (*t).hook, 1);
        let live = (*t).live_top().min((*t).stack_cap) as usize;
        f((*t).stack, live);
        (*t).clear_unused();
    }
}

/// Calls `f` for the references in the compiled frames of a coroutine that does not run. (Those of active stacks are roots.)
pub(crate) unsafe fn trace_native(t: *mut Thread, mut f: impl FnMut(*mut Value)) {
    // SAFETY: the caller passes a live thread; its stack is its own, and CORO-2 holds for one that is not active.
    unsafe {
        let native = (*t).native;
        if !native.is_null() && !(*native).is_active {
            ((*native).visit)(native, &mut f);
        }
    }
}

/// Does the kind fit the tag of a value?
pub(crate) fn tag_fits(tag: u64, kind: Kind) -> bool {
    use crate::value::*;
    match kind {
        Kind::String => tag == TAG_STRING,
        Kind::Table => tag == TAG_TABLE,
        Kind::Closure | Kind::Native => tag == TAG_FUNCTION,
        Kind::BoxedInt => tag == TAG_BOXINT,
        _ => tag == TAG_OBJECT,
    }
}
