//! Stack maps: where the values of compiled frames are, at each call (safepoint) and at each side exit.
//!
//! [`StackMap::parse`] reads LLVM's section `.llvm_stackmaps` (version 3) and keeps what is needed in a compact form of
//! its own: offsets from the start of the code, sorted; lists of slots and locations shared between records that have
//! the same. It trusts nothing: whatever it does not expect is an error, so that a wrong bet about LLVM means that a
//! function stays interpreted, never a wrong root. In particular it refuses collected values whose size is not 8 (the
//! optimiser may make vectors of them), and values in registers at safepoints.
//!
//! Reading order: the types, `StackMap`, then `parser`.

use crate::arch::{EXIT_BYTES, ExitRegisters};
use thiserror::Error;

mod parser;

/// Records whose id has this bit are side exits (patchpoints), the others safepoints (statepoints).
pub const EXIT_ID: u64 = 1 << 63;
/// Set in the id of a side exit whose result the code after it returns. All exits that are made by this program have it.
pub const LANDING_ID: u64 = 1 << 62;

/// DWARF number of the frame pointer.
const FP: u16 = 6;
/// DWARF number of the stack pointer.
const SP: u16 = 7;

/// Why a stack map is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackMapError {
    /// It ends in the middle of a record.
    #[error("stack map: cut short at byte {0}")]
    Truncated(usize),
    /// Its header is of another version.
    #[error("stack map: version {0}, expected 3")]
    Version(u8),
    /// A function or record lies outside the code.
    #[error("stack map: address {0:#x} outside the code")]
    OutsideCode(u64),
    /// Something else is not as expected.
    #[error("stack map: record {id:#x}: {what}")]
    Unexpected {
        /// The id of the record.
        id: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The whole is not as expected.
    #[error("stack map: {0}")]
    Malformed(&'static str),
}

/// Where a value is. What it *is* (value, integer, double, ...) is not known here, and the sizes in stack maps are not to be
/// trusted for that: upper bits of narrow values are undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// In a register (DWARF number). Only at side exits.
    Register(u16),
    /// The value is the address `register + offset`.
    Direct {
        /// DWARF number.
        register: u16,
        /// Bytes.
        offset: i32,
    },
    /// In memory at `register + offset`.
    Indirect {
        /// DWARF number: the stack or frame pointer.
        register: u16,
        /// Bytes.
        offset: i32,
        /// 1, 2, 4 or 8 bytes.
        size: u8,
    },
    /// Known at compile time.
    Constant(i64),
}

/// A place in a frame that holds a collected value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// At this offset from the stack pointer.
    Sp(i32),
    /// At this offset from the frame pointer.
    Fp(i32),
}

/// A value that a collection may move, and another one (or the same) that is derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GcPair {
    /// Holds a Lua value.
    pub base: Slot,
    /// Holds an address at a fixed distance from that value's.
    pub derived: Slot,
}

/// A call in compiled code during which the frame can be looked at.
#[derive(Clone, Copy, Debug)]
pub struct Safepoint {
    /// Return address, from the start of the code.
    pub offset: u32,
    /// Index of the function.
    pub function: u32,
    /// The id that the code generator gave it.
    pub id: u64,
    gc: (u32, u32),
    deopt: (u32, u32),
}

/// A place where compiled code leaves for the interpreter.
#[derive(Clone, Copy, Debug)]
pub struct Exit {
    /// Address after the patched call, from the start of the code.
    pub offset: u32,
    /// Index of the function.
    pub function: u32,
    /// The id that the code generator gave it, without flags. Not unique: passes may copy an exit.
    pub id: u64,
    /// Whether the code after the exit returns the result.
    pub is_landing: bool,
    live: (u32, u32),
}

impl Exit {
    /// The first byte of the patchpoint.
    pub fn patch_offset(&self) -> u32 {
        self.offset - EXIT_BYTES as u32
    }
}

/// A function that has records.
#[derive(Clone, Copy, Debug)]
pub struct FunctionFrame {
    /// Entry, from the start of the code.
    pub offset: u32,
    /// Bytes from the stack pointer to the return address's slot; none if it varies.
    pub frame_size: Option<u32>,
    /// Where a frame can be left with a result in the result register: the offset of one of its landings.
    pub landing: Option<u32>,
}

/// All records of one piece of code.
#[derive(Clone, Debug, Default)]
pub struct StackMap {
    functions: Vec<FunctionFrame>,
    safepoints: Vec<Safepoint>,
    exits: Vec<Exit>,
    pairs: Vec<GcPair>,
    locations: Vec<Location>,
}

/// A safepoint of a code generator that makes its own records.
#[derive(Clone, Debug)]
pub struct SafepointRecord {
    /// Return address, from the start of the code.
    pub offset: u32,
    /// The call site.
    pub id: u64,
    /// Where collected values are, from the stack pointer.
    pub slots: Vec<i32>,
}

/// A side exit of a code generator that makes its own records; it calls the engine's stub itself.
#[derive(Clone, Debug)]
pub struct ExitRecord {
    /// Return address, from the start of the code.
    pub offset: u32,
    /// The exit.
    pub id: u64,
    /// Where live values are (8 bytes each), from the stack pointer.
    pub slots: Vec<i32>,
}

impl StackMap {
    /// For one function, from records in any order.
    pub fn from_records(mut safepoints: Vec<SafepointRecord>, mut exits: Vec<ExitRecord>) -> StackMap {
        safepoints.sort_by_key(|s| s.offset);
        exits.sort_by_key(|e| e.offset);
        let mut map = StackMap { functions: vec![FunctionFrame { offset: 0, frame_size: None, landing: None }], ..StackMap::default() };
        for s in safepoints {
            let gc = (map.pairs.len() as u32, s.slots.len() as u32);
            map.pairs.extend(s.slots.iter().map(|at| GcPair { base: Slot::Sp(*at), derived: Slot::Sp(*at) }));
            map.safepoints.push(Safepoint { offset: s.offset, function: 0, id: s.id, gc, deopt: (0, 0) });
        }
        for e in exits {
            let live = (map.locations.len() as u32, e.slots.len() as u32);
            map.locations.extend(e.slots.iter().map(|at| Location::Indirect { register: SP, offset: *at, size: 8 }));
            map.exits.push(Exit { offset: e.offset, function: 0, id: e.id, is_landing: false, live });
        }
        map
    }

    /// Reads a section whose addresses are those of the final code, which is `code_size` bytes at `code_start`.
    pub fn parse(
        section: &[u8],
        code_start: u64,
        code_size: u64,
    ) -> Result<StackMap, StackMapError> {
        parser::parse(section, code_start, code_size)
    }

    /// The functions that have records.
    pub fn functions(&self) -> &[FunctionFrame] {
        &self.functions
    }

    /// All safepoints by ascending offset.
    pub fn safepoints(&self) -> &[Safepoint] {
        &self.safepoints
    }

    /// All side exits by ascending offset.
    pub fn exits(&self) -> &[Exit] {
        &self.exits
    }

    /// The safepoint with this return address (from the start of the code).
    pub fn safepoint_at(&self, offset: u32) -> Option<&Safepoint> {
        let i = self
            .safepoints
            .binary_search_by_key(&offset, |s| s.offset)
            .ok()?;
        self.safepoints.get(i)
    }

    /// The side exit with this return address (from the start of the code).
    pub fn exit_at(&self, offset: u32) -> Option<&Exit> {
        let i = self
            .exits
            .binary_search_by_key(&offset, |e| e.offset)
            .ok()?;
        self.exits.get(i)
    }

    /// The collected values of the frame at a safepoint.
    pub fn gc_pairs(&self, s: &Safepoint) -> &[GcPair] {
        &self.pairs[s.gc.0 as usize..][..s.gc.1 as usize]
    }

    /// The values of a safepoint's deopt bundle, in order. Collected values among them are in `gc_pairs` as well.
    pub fn deopt_values(&self, s: &Safepoint) -> &[Location] {
        &self.locations[s.deopt.0 as usize..][..s.deopt.1 as usize]
    }

    /// The live values of a side exit, in order.
    pub fn live_values(&self, e: &Exit) -> &[Location] {
        &self.locations[e.live.0 as usize..][..e.live.1 as usize]
    }

    /// Bytes of memory that the map takes.
    pub fn heap_size(&self) -> usize {
        size_of_val(&*self.functions)
            + size_of_val(&*self.safepoints)
            + size_of_val(&*self.exits)
            + size_of_val(&*self.pairs)
            + size_of_val(&*self.locations)
    }
}

impl Slot {
    /// The slot's address in a frame.
    pub fn address(self, sp: u64, fp: u64) -> *mut u64 {
        match self {
            Slot::Sp(offset) => sp.wrapping_add_signed(offset.into()) as *mut u64,
            Slot::Fp(offset) => fp.wrapping_add_signed(offset.into()) as *mut u64,
        }
    }
}

impl Location {
    /// The 64 bits at this location of a side exit; the upper part is undefined for values narrower than that.
    ///
    /// # Safety
    /// The registers are those of an exit that has this location; its frame is still there.
    pub unsafe fn read_at_exit(self, registers: &ExitRegisters) -> u64 {
        // SAFETY: passed on; the parser admits no registers at exits that `ExitRegisters` lacks.
        unsafe { self.read(|r| registers.get(r).unwrap_or_default()) }
    }

    /// The 64 bits at this location of a frame that waits for a call.
    ///
    /// # Safety
    /// The frame with this stack and frame pointer is at a safepoint that has this location.
    pub unsafe fn read_in_frame(self, sp: u64, fp: u64) -> u64 {
        // SAFETY: passed on; the parser admits only these two registers at safepoints.
        unsafe { self.read(|r| if r == SP { sp } else { fp }) }
    }

    unsafe fn read(self, register: impl Fn(u16) -> u64) -> u64 {
        match self {
            Location::Register(r) => register(r),
            Location::Direct {
                register: r,
                offset,
            } => register(r).wrapping_add_signed(offset.into()),
            Location::Constant(c) => c as u64,
            Location::Indirect {
                register: r,
                offset,
                size,
            } => {
                let p = register(r).wrapping_add_signed(offset.into()) as *const u8;
                // SAFETY: the caller says that the location belongs to this frame; spill slots are aligned to their size.
                unsafe {
                    match size {
                        1 => p.read().into(),
                        2 => p.cast::<u16>().read().into(),
                        4 => p.cast::<u32>().read().into(),
                        _ => p.cast::<u64>().read(),
                    }
                }
            }
        }
    }
}
