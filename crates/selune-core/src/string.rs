//! Strings: bytes, hash, equality, order; the table of interned strings.
//!
//! STR-1: two interned strings are equal exactly when they are the same object; interned strings are old and hashed.
//! STR-2: keys of tables and shapes are interned. Other strings become so when they are first stored as a key.
//! The table of interned strings is weak.
use crate::heap::Heap;
use crate::object::{GC_LARGE, LuaString, STR_HASHED, STR_INTERNED};
use crate::value::{PAYLOAD_MASK, TAG_STRING, Value};
use core::cmp::Ordering;

/// The bytes of a string. They stay where they are until the next safepoint; the lifetime is the caller's promise not to
/// use them longer (GC-1).
#[inline(always)]
pub fn bytes<'a>(s: Value) -> &'a [u8] {
    debug_assert!(s.is_string());
    let p = s.as_string();
    // SAFETY: OBJ-1; `len` bytes follow the header.
    unsafe { core::slice::from_raw_parts(LuaString::bytes(p, 0), (*p).len as usize) }
}

/// Number of bytes.
#[inline(always)]
pub fn len(s: Value) -> usize {
    // SAFETY: OBJ-1.
    unsafe { (*s.as_string()).len as usize }
}

/// Is it interned?
#[inline(always)]
pub fn is_interned(s: Value) -> bool {
    // SAFETY: OBJ-1.
    unsafe { (*s.as_header()).flags & STR_INTERNED != 0 }
}

/// Are these bytes the same? (Most strings are short: a call of the general comparison costs more than comparing them.)
#[inline(always)]
fn same(a: &[u8], b: &[u8]) -> bool {
    let n = a.len();
    if n != b.len() {
        return false;
    }
    if n > 32 {
        return a == b;
    }
    let word = |s: &[u8], at: usize| u64::from_le_bytes(s[at..at + 8].try_into().expect("eight bytes"));
    let half = |s: &[u8], at: usize| u32::from_le_bytes(s[at..at + 4].try_into().expect("four bytes"));
    match n {
        0 => true,
        1..4 => a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1],
        4..8 => half(a, 0) == half(b, 0) && half(a, n - 4) == half(b, n - 4),
        _ => {
            let mut at = 0;
            while at + 8 < n {
                if word(a, at) != word(b, at) {
                    return false;
                }
                at += 8;
            }
            word(a, n - 8) == word(b, n - 8)
        }
    }
}

/// Are two strings equal?
#[inline]
pub fn equal(a: Value, b: Value) -> bool {
    if a == b {
        return true;
    }
    let (p, q) = (a.as_string(), b.as_string());
    // SAFETY: OBJ-1.
    unsafe {
        let (f, g) = ((*p).header.flags, (*q).header.flags);
        if (*p).len != (*q).len || f & g & STR_INTERNED != 0 {
            return false;
        }
        if f & g & STR_HASHED != 0 && (*p).header.aux != (*q).header.aux {
            return false;
        }
    }
    same(bytes(a), bytes(b))
}

/// The order of two strings, by bytes (that of PUC Lua in the C locale, embedded zeros included).
#[inline]
pub fn compare(a: Value, b: Value) -> Ordering {
    if a == b { Ordering::Equal } else { bytes(a).cmp(bytes(b)) }
}

/// The hash of a string, kept in its header.
#[inline(always)]
pub fn hash(heap: &Heap, s: Value) -> u32 {
    let p = s.as_string();
    // SAFETY: OBJ-1.
    unsafe {
        if (*p).header.flags & STR_HASHED == 0 {
            (*p).header.aux = hash_bytes(heap.seed, bytes(s));
            (*p).header.flags |= STR_HASHED;
        }
        (*p).header.aux
    }
}

/// The hash of bytes under a seed.
pub fn hash_bytes(seed: u64, b: &[u8]) -> u32 {
    const K: u64 = 0xA076_1D64_78BD_642F;
    #[inline(always)]
    fn fold(a: u64, b: u64) -> u64 {
        let r = a as u128 * b as u128;
        r as u64 ^ (r >> 64) as u64
    }
    let word = |at: usize| u64::from_le_bytes(b[at..at + 8].try_into().expect("eight bytes"));
    let half = |at: usize| u32::from_le_bytes(b[at..at + 4].try_into().expect("four bytes")) as u64;
    let n = b.len();
    let mut h = seed ^ (n as u64).wrapping_mul(0xE703_7ED1_A0B4_28DB);
    let last = match n {
        0 => 0,
        1..4 => (b[0] as u64) << 16 | (b[n / 2] as u64) << 8 | b[n - 1] as u64,
        4..8 => half(0) << 32 | half(n - 4),
        _ => {
            let mut at = 0;
            while at + 8 < n {
                h = fold(h ^ word(at), K);
                at += 8;
            }
            word(n - 8)
        }
    };
    let h = fold(h ^ last ^ K, seed | 1 ^ 0x8EBC_6AF0_9C88_C6E3);
    (h ^ h >> 32) as u32
}

/// The table of interned strings: open addressing; an entry is `address | 15 bits of the hash << 48 | large << 63`.
pub(crate) struct InternTable {
    entries: Box<[u64]>,
    /// Entries that are not free.
    used: usize,
    /// Entries that are strings.
    pub(crate) live: usize,
}

const FREE: u64 = 0;
const REMOVED: u64 = 1;
const LARGE_BIT: u64 = 1 << 63;

fn entry_tag(hash: u32) -> u64 {
    (hash as u64 >> 17) << 48
}

impl InternTable {
    pub(crate) fn new() -> InternTable {
        InternTable { entries: vec![FREE; 256].into_boxed_slice(), used: 0, live: 0 }
    }
    #[inline]
    fn find(&self, hash: u32, b: &[u8]) -> Option<Value> {
        let mask = self.entries.len() - 1;
        let mut i = hash as usize & mask;
        loop {
            // SAFETY: the mask keeps it within the table, whose size is a power of two.
            let e = unsafe { *self.entries.get_unchecked(i) };
            if e == FREE {
                return None;
            }
            if (e ^ entry_tag(hash)) << 1 >> 49 == 0 && e != REMOVED {
                let s = Value(TAG_STRING << 48 | e & PAYLOAD_MASK);
                if same(bytes(s), b) {
                    return Some(s);
                }
            }
            i = (i + 1) & mask;
        }
    }
    fn insert(&mut self, hash: u32, s: Value) {
        if (self.used + 1) * 4 > self.entries.len() * 3 {
            self.rebuild();
        }
        // SAFETY: OBJ-1.
        let large = unsafe { (*s.as_header()).gc & GC_LARGE != 0 };
        self.place(hash, s.payload() | entry_tag(hash) | if large { LARGE_BIT } else { 0 });
        self.live += 1;
    }
    fn place(&mut self, hash: u32, entry: u64) {
        let mask = self.entries.len() - 1;
        let mut i = hash as usize & mask;
        while self.entries[i] > REMOVED {
            i = (i + 1) & mask;
        }
        self.used += (self.entries[i] == FREE) as usize;
        self.entries[i] = entry;
    }
    fn rebuild(&mut self) {
        let size = ((self.live + 1) * 2).next_power_of_two().max(256);
        let old = core::mem::replace(&mut self.entries, vec![FREE; size].into_boxed_slice());
        self.used = 0;
        for e in old.into_iter().filter(|&e| e > REMOVED) {
            // SAFETY: entries are live, hashed strings (STR-1).
            let hash = unsafe { (*((e & PAYLOAD_MASK) as *const LuaString)).header.aux };
            self.place(hash, e);
        }
    }
    /// Removes the strings for which `dead(address, large)` says so.
    pub(crate) fn sweep(&mut self, mut dead: impl FnMut(*mut u8, bool) -> bool) {
        for e in self.entries.iter_mut().filter(|e| **e > REMOVED) {
            if dead((*e & PAYLOAD_MASK) as *mut u8, *e & LARGE_BIT != 0) {
                *e = REMOVED;
                self.live -= 1;
            }
        }
        if self.live * 8 < self.entries.len() && self.entries.len() > 256 {
            self.rebuild();
        }
    }
    pub(crate) fn iter(&self) -> impl Iterator<Item = Value> + '_ {
        self.entries.iter().filter(|e| **e > REMOVED).map(|e| Value(TAG_STRING << 48 | e & PAYLOAD_MASK))
    }
}

impl Heap {
    /// The interned string of these bytes.
    pub fn intern(&mut self, b: &[u8]) -> Value {
        let hash = hash_bytes(self.seed, b);
        match self.interned.find(hash, b) {
            Some(s) => s,
            None => self.intern_new(hash, b),
        }
    }
    #[cold]
    fn intern_new(&mut self, hash: u32, b: &[u8]) -> Value {
        let s = self.new_old_string(b);
        let p = s.as_string();
        // SAFETY: just made.
        unsafe {
            (*p).header.aux = hash;
            (*p).header.flags = STR_HASHED | STR_INTERNED;
        }
        self.interned.insert(hash, s);
        s
    }
    /// The interned string that equals this one.
    #[inline]
    pub fn intern_value(&mut self, s: Value) -> Value {
        if is_interned(s) {
            return s;
        }
        let h = hash(self, s);
        match self.interned.find(h, bytes(s)) {
            Some(s) => s,
            None => self.intern_new(h, bytes(s)),
        }
    }
    /// The interned string that equals this one, if there is one (if not, no table has it as a key).
    #[inline]
    pub fn find_interned(&self, s: Value) -> Option<Value> {
        if is_interned(s) {
            return Some(s);
        }
        self.interned.find(hash(self, s), bytes(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::HeapConfig;

    #[test]
    fn interning_finds_equal_bytes_only() {
        let mut heap = Heap::new(HeapConfig::default());
        let all: Vec<_> = (0..3000).map(|i| heap.intern(format!("name {i}").as_bytes())).collect();
        for (i, s) in all.iter().enumerate() {
            let young = heap.new_string(format!("name {i}").as_bytes());
            assert!(heap.find_interned(young) == Some(*s) && heap.intern_value(young) == *s && equal(young, *s) && young != *s);
            assert_eq!(bytes(*s), format!("name {i}").as_bytes());
        }
        let other = heap.new_string(b"no such name");
        assert_eq!(heap.find_interned(other), None);
    }
    #[test]
    fn order_is_by_bytes() {
        let mut heap = Heap::new(HeapConfig::default());
        let words: [&[u8]; 7] = [b"", b"\0", b"\0a", b"a", b"a\0b", b"ab", b"\xff"];
        for (i, a) in words.iter().enumerate() {
            for (j, b) in words.iter().enumerate() {
                let (a, b) = (heap.new_string(a), heap.new_string(b));
                assert_eq!(compare(a, b), i.cmp(&j));
            }
        }
    }
    #[test]
    fn hashes_of_similar_strings_differ() {
        let mut seen = std::collections::HashSet::new();
        for n in 0..40 {
            for i in 0..n {
                let mut b = vec![b'x'; n];
                b[i] = b'y';
                seen.insert(hash_bytes(1, &b));
            }
        }
        assert_eq!(seen.len(), 780);
    }
}
