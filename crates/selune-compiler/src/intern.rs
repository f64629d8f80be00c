//! The strings of one chunk: names and string constants, each stored once and named by a small number.
//!
//! The numbers of the reserved words come first (`StrId(0)` is `and`), so the lexer tells a keyword by its number.
use crate::token::KEYWORDS;
use std::sync::OnceLock;

/// Number of a string of the chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
pub struct StrId(pub u32);

impl StrId {
    /// `_ENV`.
    pub const ENV: StrId = StrId(KEYWORDS.len() as u32);
    /// `self`.
    pub const SELF: StrId = StrId(KEYWORDS.len() as u32 + 1);
    /// The name that debug information gives to the hidden variables of `for` loops.
    pub const FOR_STATE: StrId = StrId(KEYWORDS.len() as u32 + 2);
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// All strings of a chunk: bytes one after the other and an open-addressing table over them.
#[derive(Clone)]
pub struct Strings {
    bytes: Vec<u8>,
    /// End of string `i` in `bytes`.
    ends: Vec<usize>,
    hashes: Vec<u32>,
    /// String number + 1, or 0.
    table: Vec<u32>,
}

fn hash(s: &[u8]) -> u32 {
    const K: u64 = 0x517c_c1b7_2722_0a95;
    let mut h = s.len() as u64;
    let mut chunks = s.chunks_exact(8);
    for c in &mut chunks {
        h = (h.rotate_left(5) ^ u64::from_le_bytes(c.try_into().unwrap())).wrapping_mul(K);
    }
    let mut tail = 0u64;
    for &b in chunks.remainder() {
        tail = tail << 8 | b as u64;
    }
    h = (h.rotate_left(5) ^ tail).wrapping_mul(K);
    (h >> 32) as u32
}

impl Default for Strings {
    fn default() -> Self {
        Strings::new()
    }
}

impl Strings {
    /// Only the reserved words and the names that the compiler itself knows.
    pub fn new() -> Strings {
        static FIRST: OnceLock<Strings> = OnceLock::new();
        FIRST.get_or_init(Strings::reserved).clone()
    }
    fn reserved() -> Strings {
        let mut s = Strings { bytes: Vec::with_capacity(1024), ends: Vec::new(), hashes: Vec::new(), table: vec![0; 256] };
        for word in KEYWORDS {
            s.intern(word.as_bytes());
        }
        s.intern(b"_ENV");
        s.intern(b"self");
        s.intern(b"(for state)");
        s
    }
    /// The bytes of a string.
    pub fn get(&self, id: StrId) -> &[u8] {
        let start = if id.0 == 0 { 0 } else { self.ends[id.index() - 1] };
        &self.bytes[start..self.ends[id.index()]]
    }
    /// How many strings there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// Never: the reserved words are always there.
    pub fn is_empty(&self) -> bool {
        false
    }
    /// The number of a string, new if it was not there.
    pub fn intern(&mut self, s: &[u8]) -> StrId {
        let h = hash(s);
        let mask = self.table.len() - 1;
        let mut i = h as usize & mask;
        loop {
            match self.table[i] {
                0 => break,
                n if self.hashes[n as usize - 1] == h && self.get(StrId(n - 1)) == s => return StrId(n - 1),
                _ => i = (i + 1) & mask,
            }
        }
        self.bytes.extend_from_slice(s);
        self.ends.push(self.bytes.len());
        self.hashes.push(h);
        self.table[i] = self.ends.len() as u32;
        if self.ends.len() * 2 > self.table.len() {
            self.grow();
        }
        StrId(self.ends.len() as u32 - 1)
    }
    fn grow(&mut self) {
        let mask = self.table.len() * 2 - 1;
        self.table = vec![0; mask + 1];
        for (n, &h) in self.hashes.iter().enumerate() {
            let mut i = h as usize & mask;
            while self.table[i] != 0 {
                i = (i + 1) & mask;
            }
            self.table[i] = n as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn equal_strings_have_one_number() {
        let mut s = Strings::new();
        assert_eq!(s.intern(b"_ENV"), StrId::ENV);
        assert_eq!(s.intern(b"self"), StrId::SELF);
        assert_eq!(s.intern(b"and"), StrId(0));
        let ids: Vec<_> = (0..5000).map(|i| s.intern(format!("name{i}").as_bytes())).collect();
        for (i, id) in ids.iter().enumerate() {
            assert_eq!(s.intern(format!("name{i}").as_bytes()), *id);
            assert_eq!(s.get(*id), format!("name{i}").as_bytes());
        }
        assert_eq!(s.intern(b""), s.intern(b""));
    }
}
