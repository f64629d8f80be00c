//! What is known about installed code, found by address: the walker, exits and tracebacks ask here.
//!
//! A map belongs to one VM and is used by its thread alone. Records are shared (`Arc`), so that a record that an exit is
//! working with outlives the removal of its code from the map.

use crate::stackmap::{Exit, Safepoint, StackMap};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// One piece of installed code. `D` is what its compiler wants to know about it.
#[derive(Debug)]
pub struct CodeRecord<D> {
    /// The addresses of the code.
    pub range: Range<u64>,
    /// Where the values of its frames are; none for code that keeps them all in the VM's own stack.
    pub stack_map: Option<StackMap>,
    /// The descriptor.
    pub data: D,
}

impl<D> CodeRecord<D> {
    /// The offset of an address in the code.
    pub fn offset(&self, pc: u64) -> Option<u32> {
        // One past the end is the return address of a call that is the last instruction.
        let inside = pc >= self.range.start && pc <= self.range.end;
        inside.then(|| (pc - self.range.start) as u32)
    }

    /// The safepoint with this return address.
    pub fn safepoint(&self, pc: u64) -> Option<&Safepoint> {
        self.stack_map.as_ref()?.safepoint_at(self.offset(pc)?)
    }

    /// The side exit with this return address.
    pub fn exit(&self, pc: u64) -> Option<&Exit> {
        self.stack_map.as_ref()?.exit_at(self.offset(pc)?)
    }

    /// Where a frame of the function with this index (in the stack map) can be left with a result.
    pub fn landing(&self, function: u32) -> Option<u64> {
        let f = self
            .stack_map
            .as_ref()?
            .functions()
            .get(function as usize)?;
        Some(self.range.start + u64::from(f.landing?))
    }
}

/// All installed code of a VM.
#[derive(Debug)]
pub struct CodeMap<D> {
    records: BTreeMap<u64, Arc<CodeRecord<D>>>,
}

impl<D> Default for CodeMap<D> {
    fn default() -> CodeMap<D> {
        CodeMap {
            records: BTreeMap::new(),
        }
    }
}

impl<D> CodeMap<D> {
    /// An empty map.
    pub fn new() -> CodeMap<D> {
        CodeMap::default()
    }

    /// Adds code. Its range must not overlap with that of other code in the map.
    pub fn insert(&mut self, record: CodeRecord<D>) -> Arc<CodeRecord<D>> {
        debug_assert!(!record.range.is_empty());
        debug_assert!(
            self.records
                .range(..record.range.end)
                .next_back()
                .is_none_or(|(_, r)| r.range.end <= record.range.start)
        );
        let record = Arc::new(record);
        self.records.insert(record.range.start, record.clone());
        record
    }

    /// Takes code out; the code itself is its owner's to free.
    pub fn remove(&mut self, start: u64) -> Option<Arc<CodeRecord<D>>> {
        self.records.remove(&start)
    }

    /// The code that an address belongs to. A return address may be one past the end.
    pub fn find(&self, pc: u64) -> Option<&Arc<CodeRecord<D>>> {
        // Looked up by the byte before it: that is inside the code that called.
        let (_, record) = self.records.range(..pc).next_back()?;
        (pc <= record.range.end).then_some(record)
    }

    /// All code by ascending address.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CodeRecord<D>>> {
        self.records.values()
    }

    /// How many pieces of code there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no code.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_return_addresses() {
        let mut map = CodeMap::new();
        for (i, range) in [0x1000..0x1100, 0x1100..0x1180, 0x2000..0x2010]
            .into_iter()
            .enumerate()
        {
            map.insert(CodeRecord {
                range,
                stack_map: None,
                data: i,
            });
        }
        let at = |map: &CodeMap<usize>, pc| map.find(pc).map(|r| r.data);
        for (pc, expected) in [
            (0x1000, None),
            (0x1001, Some(0)),
            (0x1100, Some(0)),
            (0x1101, Some(1)),
            (0x1180, Some(1)),
            (0x1181, None),
            (0x2010, Some(2)),
            (0, None),
            (u64::MAX, None),
        ] {
            assert_eq!(at(&map, pc), expected, "{pc:x}");
        }
        assert_eq!(map.remove(0x1100).unwrap().data, 1);
        assert_eq!(at(&map, 0x1101), None);
        assert_eq!(map.len(), 2);
    }
}
