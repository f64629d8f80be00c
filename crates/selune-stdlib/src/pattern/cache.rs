//! Compiled patterns by their text, so that a pattern in a loop is compiled once.
use super::Program;
use std::rc::Rc;

const SLOTS: usize = 64;

/// A small direct-mapped cache of compiled patterns.
pub struct PatternCache {
    slots: Vec<Option<Entry>>,
}

struct Entry {
    pattern: Box<[u8]>,
    anchors: bool,
    program: Rc<Program>,
}

impl Default for PatternCache {
    fn default() -> Self {
        Self::new()
    }
}

impl PatternCache {
    /// An empty cache.
    pub fn new() -> PatternCache {
        PatternCache { slots: (0..SLOTS).map(|_| None).collect() }
    }

    /// The program of a pattern (see `Program::new`).
    #[inline]
    pub fn get(&mut self, pattern: &[u8], anchors: bool) -> Rc<Program> {
        let slot = &mut self.slots[slot_of(pattern)];
        match slot {
            Some(entry) if entry.anchors == anchors && same(&entry.pattern, pattern) => Rc::clone(&entry.program),
            _ => fill(slot, pattern, anchors),
        }
    }
}

/// Are they equal? Patterns are short: comparing them in place is cheaper than a call.
#[inline]
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && if a.len() <= 16 { a.iter().zip(b).all(|(x, y)| x == y) } else { a == b }
}

#[cold]
fn fill(slot: &mut Option<Entry>, pattern: &[u8], anchors: bool) -> Rc<Program> {
    let program = Rc::new(Program::new(pattern, anchors));
    // A huge pattern is not worth its memory.
    if pattern.len() <= 4096 {
        *slot = Some(Entry { pattern: pattern.into(), anchors, program: Rc::clone(&program) });
    }
    program
}

/// Mixes the length and the bytes at both ends; a collision only costs a compilation.
#[inline]
fn slot_of(pattern: &[u8]) -> usize {
    let ends = match (pattern.first_chunk::<4>(), pattern.last_chunk::<4>()) {
        (Some(a), Some(b)) => (u64::from(u32::from_le_bytes(*a)) << 32) | u64::from(u32::from_le_bytes(*b)),
        _ => pattern.iter().fold(0, |h, &c| h << 8 | u64::from(c)),
    };
    ((ends ^ pattern.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 58) as usize
}
const _: () = assert!(SLOTS == 1 << (64 - 58));
