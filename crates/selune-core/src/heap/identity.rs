//! Identity: a number per object that survives moving, for hash parts and `%p`.
//!
//! An object that was asked while it was young has the number `VIRTUAL + bytes allocated in the nursery before it`, which
//! no other object of this heap ever gets; it is stored behind the object when it moves. Others have their address.
use super::Heap;
use super::trace::object_size;
use crate::object::{GC_HASH_ASKED, GC_HASH_STORED, GC_OLD, Header};
use crate::value::Value;

/// Above all addresses.
const VIRTUAL: u64 = 1 << 47;

impl Heap {
    /// The identity of a heap object. Not for strings that are compared by value.
    pub fn identity(&self, v: Value) -> u64 {
        let h = v.as_header();
        // SAFETY: OBJ-1.
        unsafe {
            if (*h).gc & GC_HASH_STORED != 0 {
                return *((h as *mut u8).add(object_size(h)) as *const u64);
            }
            if (*h).gc & GC_OLD == 0 && self.nursery.contains(h as usize) {
                (*h).gc |= GC_HASH_ASKED;
                return self.virtual_address(h);
            }
        }
        h as u64
    }
    /// The identity if anyone ever asked for it, or could have.
    #[inline]
    pub(crate) fn known_identity(&self, v: Value) -> Option<u64> {
        let h = v.as_header();
        // SAFETY: OBJ-1.
        let unasked = unsafe { (*h).gc } & (GC_OLD | GC_HASH_ASKED) == 0 && self.nursery.contains(h as usize);
        if unasked { None } else { Some(self.identity(v)) }
    }
    pub(crate) fn virtual_address(&self, h: *mut Header) -> u64 {
        VIRTUAL + self.nursery.before + (h as usize - self.nursery.base) as u64
    }
    /// A mixed hash of an object's identity.
    pub fn identity_hash(&self, v: Value) -> u64 {
        let x = self.identity(v).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        x ^ x >> 32
    }
    /// What `%p` prints (0: no pointer, "(null)"). Equal short strings give the same.
    pub fn pointer_of(&mut self, v: Value) -> u64 {
        if v.is_light() {
            return v.payload() & !crate::value::LIGHT_BIT;
        }
        if v.is_string() && crate::string::len(v) <= 40 {
            return self.intern_value(v).payload();
        }
        let none = !v.is_heap() || v.is_boxed_int();
        if none { 0 } else { self.identity(v) }
    }
}
