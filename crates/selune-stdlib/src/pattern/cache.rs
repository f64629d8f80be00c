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
            Some(entry) if *entry.pattern == *pattern && entry.anchors == anchors => Rc::clone(&entry.program),
            _ => fill(slot, pattern, anchors),
        }
    }
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

/// Mixes the length and a few bytes; a collision only costs a compilation.
#[inline]
fn slot_of(pattern: &[u8]) -> usize {
    let mut hash = pattern.len() as u32;
    for &c in pattern.iter().take(16) {
        hash = (hash ^ u32::from(c)).wrapping_mul(0x0100_0193);
    }
    (hash >> 16 ^ hash) as usize % SLOTS
}
