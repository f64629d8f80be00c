//! Compiled code by function: what runs now, and what is thrown away but may still be on a stack.
use crate::code_map::{CodeMap, CodeRecord};
use crate::frame_state::CodeInfo;
use crate::frames::Described;
use crate::stackmap::StackMap;
use crate::tier::{Tier, TierCell};
use crate::tracker::Place;
use std::any::Any;
use std::cell::Cell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Where interpreted values are when a loop is entered: the register `R[i]` is at `8 * i` from the frame's address, for
/// every `i` that is live at the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FrameMapping {
    /// Bytes from one register to the next.
    pub stride: u32,
}

/// An entry in the middle of a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OsrEntry {
    /// The loop header in the bytecode.
    pub pc: u32,
    /// The entry, from the start of the code.
    pub native_offset: u32,
    /// How the interpreter's frame is found.
    pub mapping: FrameMapping,
}

/// Code as a generator delivers it: linked and ready to run, not yet known to anybody.
pub struct NewCode {
    /// Who made it.
    pub tier: Tier,
    /// Addresses of the code.
    pub range: Range<u64>,
    /// Address of the entry.
    pub entry: u64,
    /// Its safepoints and exits.
    pub stack_map: StackMap,
    /// What the runtime must know about it.
    pub info: CodeInfo,
    /// Bytes of code memory.
    pub size: usize,
    /// The count of baseline code.
    pub cell: Option<Box<TierCell>>,
    /// Owns the code.
    pub owner: Box<dyn Any + Send>,
}

/// Installed code.
pub struct CompiledCode {
    /// What it is the code of.
    pub place: Place,
    /// Who made it.
    pub tier: Tier,
    /// Addresses of the code.
    pub range: Range<u64>,
    /// Address of the entry.
    pub entry: u64,
    /// Bytes of code memory.
    pub size: usize,
    /// What the runtime knows about it.
    pub info: CodeInfo,
    /// How often each exit was taken.
    pub exit_counts: Vec<Cell<u32>>,
    /// It was thrown away; it runs only as long as it is on a stack.
    pub is_retired: Cell<bool>,
    /// The count of baseline code.
    pub cell: Option<Box<TierCell>>,
    /// How long it took to compile.
    pub compile_time: Duration,
    /// Frees the code when it is dropped.
    _owner: Box<dyn Any + Send>,
}

impl CompiledCode {
    /// Entries in the middle of the function.
    pub fn osr_entries(&self) -> Vec<OsrEntry> {
        let native_offset = (self.entry - self.range.start) as u32;
        let mapping = FrameMapping { stride: 8 };
        self.place.loop_pc.map(|pc| OsrEntry { pc, native_offset, mapping }).into_iter().collect()
    }
}

impl Described for CompiledCode {
    fn info(&self) -> &CodeInfo {
        &self.info
    }
}

/// Code of one engine, by place and by address.
#[derive(Default)]
pub struct CodeCache {
    by_place: HashMap<Place, Arc<CodeRecord<CompiledCode>>>,
    map: CodeMap<CompiledCode>,
    retired: Vec<Arc<CodeRecord<CompiledCode>>>,
}

impl CodeCache {
    /// Nothing is compiled.
    pub fn new() -> CodeCache {
        CodeCache::default()
    }

    /// Adds code; what the place had before is retired.
    pub fn insert(&mut self, place: Place, code: NewCode, compile_time: Duration) -> Arc<CodeRecord<CompiledCode>> {
        self.retire(place);
        let exit_counts = code.info.exits.iter().map(|_| Cell::new(0)).collect();
        let data = CompiledCode {
            place,
            tier: code.tier,
            range: code.range.clone(),
            entry: code.entry,
            size: code.size,
            info: code.info,
            exit_counts,
            is_retired: Cell::new(false),
            cell: code.cell,
            compile_time,
            _owner: code.owner,
        };
        let record = self.map.insert(CodeRecord { range: code.range, stack_map: Some(code.stack_map), data });
        self.by_place.insert(place, record.clone());
        record
    }

    /// The code that a place has now.
    pub fn get(&self, place: Place) -> Option<&Arc<CodeRecord<CompiledCode>>> {
        self.by_place.get(&place)
    }

    /// All code by address, retired code included.
    pub fn map(&self) -> &CodeMap<CompiledCode> {
        &self.map
    }

    /// Takes a place's code out of use. It stays in memory until `sweep`.
    pub fn retire(&mut self, place: Place) -> Option<Arc<CodeRecord<CompiledCode>>> {
        let record = self.by_place.remove(&place)?;
        record.data.is_retired.set(true);
        self.retired.push(record.clone());
        Some(record)
    }

    /// All places that have code.
    pub fn places(&self) -> Vec<Place> {
        self.by_place.keys().copied().collect()
    }

    /// Places of a function that have code.
    pub fn places_of(&self, proto: usize) -> Vec<Place> {
        self.by_place.keys().filter(|p| p.proto == proto).copied().collect()
    }

    /// Is there retired code?
    pub fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Frees retired code that is not on a stack (`is_live` tells by its first address) nor held by an exit at work.
    pub fn sweep(&mut self, is_live: impl Fn(u64) -> bool) {
        let map = &mut self.map;
        self.retired.retain(|record| {
            // Two counts: this list's and the map's.
            let keep = is_live(record.range.start) || Arc::strong_count(record) > 2;
            if !keep {
                map.remove(record.range.start);
            }
            keep
        });
    }
}
