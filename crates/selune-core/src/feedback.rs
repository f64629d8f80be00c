//! What the running program was seen to do. Written by every tier, read by the compilers.
//!
//! FB-1: feedback never holds object addresses except of protos and natives' functions, which compilers treat as hints
//! and check again; shapes are named by id, and ids are never reused.
use crate::object::Header;

/// What an opcode records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FeedbackKind {
    /// Nothing.
    None,
    /// `types` bits in the S field of the instruction itself.
    Types,
    /// An `IndexSlot`.
    Index,
    /// A `FieldSlot`.
    Field,
    /// A `CallSlot`.
    Call,
    /// An `AllocSlot`.
    Alloc,
    /// A `LoopSlot`.
    Loop,
}

impl FeedbackKind {
    /// Size of the slot in units of 16 bytes (0: no slot).
    pub const fn units(self) -> usize {
        match self {
            FeedbackKind::None | FeedbackKind::Types => 0,
            FeedbackKind::Index | FeedbackKind::Alloc | FeedbackKind::Loop => 1,
            FeedbackKind::Call => 2,
            FeedbackKind::Field => 5,
        }
    }
}

/// Bits of type feedback (the S field of arithmetic and comparing instructions).
pub mod types {
    /// Both operands were unboxed integers and the result too.
    pub const INT: u16 = 1;
    /// Both operands were floats.
    pub const FLOAT: u16 = 2;
    /// An integer and a float, in this order.
    pub const INT_FLOAT: u16 = 4;
    /// A float and an integer, in this order.
    pub const FLOAT_INT: u16 = 8;
    /// Integers whose result (or one of which) did not fit 48 bits.
    pub const BIG: u16 = 16;
    /// Both strings (comparisons, concat).
    pub const STRING: u16 = 32;
    /// Anything else: strings in arithmetic, metamethods, other types.
    pub const OTHER: u16 = 64;
    /// Comparisons: the condition held / did not hold (branch bias).
    pub const TAKEN: u16 = 128;
    /// See `TAKEN`.
    pub const NOT_TAKEN: u16 = 256;
    /// Equality of tables, functions and other identities, or with nil and booleans.
    pub const IDENTITY: u16 = 512;
    /// Not feedback, but the emitter's: the result of this arithmetic is a temporary, and the next instruction, arithmetic
    /// too, is the only one that reads it. The interpreter need not store it.
    pub const TEMPORARY: u16 = 1024;
    /// Compiled code left here although the bits above said it would not: do not bet on this instruction again.
    pub const EXITED: u16 = 1 << 15;
}

/// One way in which a field was found. `shape` 0: free.
///
/// * own field: `mshape == 0`; the value is slot `slot` of the receiver.
/// * through `__index`: the receiver's shape has a metatable of shape `mshape` whose slot `mslot` (`__index`) holds a table
///   of shape `hshape`, where the value is slot `slot`. Only one hop is cached this way.
/// * absent or a longer chain: `flags & CHAIN`.
/// * adding a field (SetField only): `flags & ADD`, the new shape is `mshape`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[repr(C)]
pub struct FieldEntry {
    /// Shape id of the receiver.
    pub shape: u32,
    /// Shape id of its metatable, or of the receiver after adding.
    pub mshape: u32,
    /// Shape id of the holder.
    pub hshape: u32,
    /// Slot of `__index` in the metatable (low 8 bits are enough for classes; entries that do not fit are not cached).
    pub mslot: u8,
    /// `FieldEntry::ADD` and friends.
    pub flags: u8,
    /// Slot of the value in the receiver or holder.
    pub slot: u16,
}
impl FieldEntry {
    /// `slot` of an absent field.
    pub const ABSENT: u16 = u16::MAX;
    /// `flags`: the store adds the key.
    pub const ADD: u8 = 1;
    /// `flags`: the field is absent, or found by a longer chain of `__index` tables (`mshape` is `u32::MAX`, `slot` is
    /// `ABSENT`): only the receiver's shape is known, compilers look the rest up.
    pub const CHAIN: u8 = 2;
}

/// Feedback of a named access.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct FieldSlot {
    /// The entries seen, first seen first.
    pub entries: [FieldEntry; 4],
    /// More than four shapes, or dictionaries.
    pub mega: u8,
    /// Receiver kinds seen that are not tables: bit 0 string, bit 1 userdata, bit 2 other.
    pub receivers: u8,
    /// Compiled code left here: entries are not to be trusted alone.
    pub exited: u8,
    /// How often (saturating).
    pub count: u8,
    /// Private to the interpreter (methods of strings).
    pub spare: [u32; 3],
}

/// Bits of `IndexSlot::seen`.
pub mod index_seen {
    /// Integer key within the array part.
    pub const ARRAY: u16 = 1;
    /// Integer key just above the array part (append) or element nil where a store grows.
    pub const APPEND: u16 = 2;
    /// Integer key in the hash part, or absent.
    pub const INT_HASH: u16 = 4;
    /// String key.
    pub const STRING: u16 = 8;
    /// Float key.
    pub const FLOAT: u16 = 16;
    /// Other keys.
    pub const OTHER_KEY: u16 = 32;
    /// The element was nil.
    pub const NIL: u16 = 64;
    /// A metamethod ran.
    pub const META: u16 = 128;
    /// The receiver was a string (Len).
    pub const STRING_RECEIVER: u16 = 256;
    /// The receiver was a table with metatable (that did not matter).
    pub const HAS_META: u16 = 512;
    /// Stored or loaded elements: integers.
    pub const ELEM_INT: u16 = 1024;
    /// Floats.
    pub const ELEM_FLOAT: u16 = 2048;
    /// Other values.
    pub const ELEM_OTHER: u16 = 4096;
    /// Compiled code left here.
    pub const EXITED: u16 = 1 << 15;
}

/// Feedback of an indexed access.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct IndexSlot {
    /// `index_seen` bits.
    pub seen: u16,
    /// Spare.
    pub spare: u16,
    /// Shape id of the last receiver.
    pub shape: u32,
    /// Spare.
    pub spare2: u64,
}

/// Feedback of a call.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct CallSlot {
    /// Callee: proto address of a Lua closure, function address of a native, 0 none seen; a hint (FB-1).
    pub callee: usize,
    /// How often (saturating).
    pub count: u32,
    /// 0 nothing, 1 one Lua proto, 2 one native, 3 several.
    pub kind: u8,
    /// All calls so far saw the very same closure object.
    pub same_closure: u8,
    /// Compiled code left here.
    pub exited: u8,
    /// Number of results was not what was usual (MULTI).
    pub multi: u8,
    /// Address bits of the closure last seen (never dereferenced; compared only to set `same_closure`).
    pub closure: u64,
    /// Spare.
    pub spare: u64,
}

/// Feedback of an instruction that called a metamethod; kept beside the slots, since few do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetaSlot {
    /// The instruction.
    pub pc: u32,
    /// Shape ids of the operands that were seen last, 0 for what is no table.
    pub shapes: [u32; 2],
    /// Address of the proto of the metamethod that was called last, 0 when it was no Lua function; a hint (FB-1).
    pub callee: usize,
    /// How often one of these was another one (saturating).
    pub changes: u8,
}

/// Feedback of an allocation site.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct AllocSlot {
    /// Learned number of inline slots.
    pub inline: u8,
    /// Learned array capacity (log2 + 1; 0 none).
    pub array: u8,
    /// How often (saturating).
    pub count: u16,
    /// Spare.
    pub spare: u32,
    /// Spare.
    pub spare2: u64,
}

/// Feedback of a back edge.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct LoopSlot {
    /// Iterations since the last decision.
    pub count: u32,
    /// How many times compiled code was entered here.
    pub osr_entries: u32,
    /// Address of installed OSR code for this loop, 0 none; machine code may be called through it only while it is set.
    pub osr_code: usize,
}

/// One unit of storage.
pub type Unit = [u64; 2];

/// All slots of one proto. Unit 0..5 is the shared slot that nobody trusts.
pub struct FeedbackVector {
    units: Box<[Unit]>,
}

impl FeedbackVector {
    /// The first index that an emitter may hand out.
    pub const FIRST: usize = 5;
    /// A vector of `units` units (at least `FIRST`), all zero.
    pub fn new(units: usize) -> FeedbackVector {
        FeedbackVector { units: vec![[0; 2]; units.max(Self::FIRST)].into_boxed_slice() }
    }
    /// Start of the storage; stable for the life of the proto.
    pub fn as_mut_ptr(&mut self) -> *mut Unit {
        self.units.as_mut_ptr()
    }
    /// Number of units.
    pub fn len(&self) -> usize {
        self.units.len()
    }
    /// Never: there is always the shared slot.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }
    /// A copy, for a compilation job.
    pub fn snapshot(&self) -> FeedbackVector {
        FeedbackVector { units: self.units.clone() }
    }
    fn slot<T: Copy>(&self, s: u16, kind: FeedbackKind) -> T {
        assert!(s as usize + kind.units() <= self.units.len() && size_of::<T>() <= 16 * kind.units());
        // SAFETY: in bounds by the assertion; all slot types are plain data for which every bit pattern is valid.
        unsafe { (self.units.as_ptr().add(s as usize) as *const T).read() }
    }
    /// The field slot at `s`.
    pub fn field(&self, s: u16) -> FieldSlot {
        self.slot(s, FeedbackKind::Field)
    }
    /// The index slot at `s`.
    pub fn index(&self, s: u16) -> IndexSlot {
        self.slot(s, FeedbackKind::Index)
    }
    /// The call slot at `s`.
    pub fn call(&self, s: u16) -> CallSlot {
        self.slot(s, FeedbackKind::Call)
    }
    /// The allocation slot at `s`.
    pub fn alloc(&self, s: u16) -> AllocSlot {
        self.slot(s, FeedbackKind::Alloc)
    }
    /// The loop slot at `s`.
    pub fn loop_slot(&self, s: u16) -> LoopSlot {
        self.slot(s, FeedbackKind::Loop)
    }
}

const _: () = {
    assert!(size_of::<FieldSlot>() == 16 * FeedbackKind::Field.units());
    assert!(size_of::<CallSlot>() <= 16 * FeedbackKind::Call.units() && size_of::<IndexSlot>() == 16);
    assert!(size_of::<AllocSlot>() == 16 && size_of::<LoopSlot>() == 16 && size_of::<Header>() == 8);
};
