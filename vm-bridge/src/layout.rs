//! The table of layout fields: where machine code finds what, and which memory may overlap which.
//!
//! Every offset that a code generator uses comes from here, by `offset_of!` of the struct itself, so a field that moves
//! takes the machine code along. Each field has an alias class; LAYOUT-1: two accesses through fields of different
//! classes never touch the same byte of the same object (initialising stores use the class of what they initialise),
//! so a compiler may reorder them.
use selune_core::feedback::LoopSlot;
use selune_core::heap::Heap;
use selune_core::native_state::NativeState;
use selune_core::object::{ArrayPart, BoxedInt, Cell, Closure, Header, LuaString, Native, SlotsPart, Table};
use selune_core::proto::{Proto, Tier};
use selune_core::shape::Shape;
pub use selune_core::shape::HAS_META;
use selune_core::thread::Thread;
use selune_core::value::{TAG_BOXINT, TAG_FUNCTION, TAG_OBJECT, TAG_SHIFT, TAG_STRING, TAG_TABLE};
use selune_vm::Vm;
use std::mem::offset_of;

/// Which memory a field is part of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum AliasClass {
    /// Object headers: shape ids, kinds, GC bits.
    Header,
    /// Named slots, inline and out of line.
    Slots,
    /// A table's references to its parts.
    Parts,
    /// Array elements.
    Elems,
    /// Values of captured locals.
    Cells,
    /// What is written once, when the object is made: protos and cells of closures, sizes, boxed integers, characters.
    Fixed,
    /// The VM and its threads.
    Vm,
    /// Tier state of protos.
    Tier,
}

impl AliasClass {
    /// All classes.
    pub const ALL: [AliasClass; 8] = [
        AliasClass::Header,
        AliasClass::Slots,
        AliasClass::Parts,
        AliasClass::Elems,
        AliasClass::Cells,
        AliasClass::Fixed,
        AliasClass::Vm,
        AliasClass::Tier,
    ];

    /// Name in listings.
    pub const fn name(self) -> &'static str {
        match self {
            AliasClass::Header => "header",
            AliasClass::Slots => "slots",
            AliasClass::Parts => "parts",
            AliasClass::Elems => "elems",
            AliasClass::Cells => "cells",
            AliasClass::Fixed => "fixed",
            AliasClass::Vm => "vm",
            AliasClass::Tier => "tier",
        }
    }
}

/// A field of something that is reached from the VM's address or another raw address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawField {
    /// Bytes from the start.
    pub offset: usize,
    /// Alias class.
    pub class: AliasClass,
}

/// A field of a heap object that is reached from a tagged value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectField {
    /// The value's tag.
    pub tag: u64,
    /// Bytes from the start of the object.
    pub offset: usize,
    /// Alias class.
    pub class: AliasClass,
}

impl ObjectField {
    /// What is to be added to the bits of the value to get the field's address.
    pub const fn displacement(self) -> u64 {
        (self.offset as u64).wrapping_sub(self.tag << TAG_SHIFT)
    }
    /// Element `i` (of 8 bytes) of a trailing array whose first element this is.
    pub const fn element(self, i: usize) -> ObjectField {
        ObjectField { offset: self.offset + 8 * i, ..self }
    }
    /// The same field in an object with another tag (headers).
    pub const fn with_tag(self, tag: u64) -> ObjectField {
        ObjectField { tag, ..self }
    }
}

macro_rules! raw_fields {
    ($($(#[$meta:meta])* $name:ident = $offset:expr, $class:ident;)*) => {
        $($(#[$meta])* pub const $name: RawField = RawField { offset: $offset, class: AliasClass::$class };)*
    };
}
macro_rules! object_fields {
    ($($(#[$meta:meta])* $name:ident = $tag:ident, $offset:expr, $class:ident;)*) => {
        $($(#[$meta])* pub const $name: ObjectField = ObjectField { tag: $tag, offset: $offset, class: AliasClass::$class };)*
    };
}

/// Bytes of a tier-independent value slot.
pub const SLOT: usize = 8;

raw_fields! {
    /// `vm.native.context.native_limit`.
    VM_NATIVE_LIMIT = offset_of!(Vm, native) + offset_of!(NativeState, context.native_limit), Vm;
    /// `vm.native.result`.
    VM_RESULT = offset_of!(Vm, native) + offset_of!(NativeState, result), Vm;
    /// `vm.native.nresults`, u32.
    VM_NRESULTS = offset_of!(Vm, native) + offset_of!(NativeState, nresults), Vm;
    /// `vm.native.args[0]`.
    VM_ARGS = offset_of!(Vm, native) + offset_of!(NativeState, args), Vm;
    /// `vm.native.tail_call`, six words.
    VM_TAIL_CALL = offset_of!(Vm, native) + offset_of!(NativeState, tail_call), Vm;
    /// `vm.heap.nursery_top`.
    VM_NURSERY_TOP = offset_of!(Vm, heap) + offset_of!(Heap, nursery_top), Vm;
    /// `vm.heap.nursery_limit`.
    VM_NURSERY_LIMIT = offset_of!(Vm, heap) + offset_of!(Heap, nursery_limit), Vm;
    /// `vm.heap.gc_request`, u32: the poll word.
    VM_POLL = offset_of!(Vm, heap) + offset_of!(Heap, gc_request), Vm;
    /// `vm.heap.empty_array`.
    VM_EMPTY_ARRAY = offset_of!(Vm, heap) + offset_of!(Heap, empty_array), Vm;
    /// `vm.heap.empty_slots`.
    VM_EMPTY_SLOTS = offset_of!(Vm, heap) + offset_of!(Heap, empty_slots), Vm;
    /// `vm.heap.empty_hash`.
    VM_EMPTY_HASH = offset_of!(Vm, heap) + offset_of!(Heap, empty_hash), Vm;
    /// `vm.heap.shapes`: addresses of shapes by id.
    VM_SHAPES = offset_of!(Vm, heap) + offset_of!(Heap, shapes), Vm;
    /// `shape.flags`, u32.
    SHAPE_FLAGS = offset_of!(Shape, flags), Fixed;
    /// `vm.c_levels`, u32.
    VM_C_LEVELS = offset_of!(Vm, c_levels), Vm;
    /// `vm.type_metatables[0]`.
    VM_TYPE_METAS = offset_of!(Vm, type_metatables), Vm;
    /// `vm.cur`: the running thread.
    VM_THREAD = offset_of!(Vm, cur), Vm;
    /// `thread.stack`.
    THREAD_STACK = offset_of!(Thread, stack), Vm;
    /// `thread.top`, u32.
    THREAD_TOP = offset_of!(Thread, top), Vm;
    /// `proto.tier.entry`.
    PROTO_ENTRY = offset_of!(Proto, tier) + offset_of!(Tier, entry), Tier;
    /// `loop_slot.osr_entries`, u32.
    LOOP_OSR_ENTRIES = offset_of!(LoopSlot, osr_entries), Tier;
}

object_fields! {
    /// A table's shape id, u32.
    TABLE_SHAPE = TAG_TABLE, offset_of!(Header, aux), Header;
    /// The whole header of a table, u64.
    TABLE_HEADER = TAG_TABLE, 0, Header;
    /// `Header::kind` of a function, u8.
    FUNCTION_KIND = TAG_FUNCTION, offset_of!(Header, kind), Header;
    /// `Header::kind` of an object with the tag of other objects, u8.
    OBJECT_KIND = TAG_OBJECT, offset_of!(Header, kind), Header;
    /// `Header::gc` of a table, u8.
    TABLE_GC = TAG_TABLE, offset_of!(Header, gc), Header;
    /// `Header::gc` of a part or cell, u8.
    OBJECT_GC = TAG_OBJECT, offset_of!(Header, gc), Header;
    /// `Table::array`.
    TABLE_ARRAY = TAG_TABLE, offset_of!(Table, array), Parts;
    /// `Table::slots`.
    TABLE_SLOTS = TAG_TABLE, offset_of!(Table, slots), Parts;
    /// `Table::hash`.
    TABLE_HASH = TAG_TABLE, offset_of!(Table, hash), Parts;
    /// Inline slot 0.
    TABLE_INLINE = TAG_TABLE, Table::TRAILING, Slots;
    /// `ArrayPart::cap`, u32.
    ARRAY_CAP = TAG_OBJECT, offset_of!(ArrayPart, cap), Fixed;
    /// `ArrayPart::border`, u32.
    ARRAY_BORDER = TAG_OBJECT, offset_of!(ArrayPart, border), Parts;
    /// Element 1 of an array part.
    ARRAY_ELEMENT = TAG_OBJECT, ArrayPart::TRAILING, Elems;
    /// Slot 0 of a slots part.
    SLOTS_SLOT = TAG_OBJECT, SlotsPart::TRAILING, Slots;
    /// `Closure::proto`, which is also where `Native::function` is.
    CLOSURE_PROTO = TAG_FUNCTION, offset_of!(Closure, proto), Fixed;
    /// Cell 0 of a closure.
    CLOSURE_UPVALUE = TAG_FUNCTION, Closure::TRAILING, Fixed;
    /// Upvalue 0 of a native function.
    NATIVE_UPVALUE = TAG_FUNCTION, size_of::<Native>(), Cells;
    /// `Cell::value`.
    CELL_VALUE = TAG_OBJECT, offset_of!(Cell, value), Cells;
    /// `LuaString::len`.
    STRING_LEN = TAG_STRING, offset_of!(LuaString, len), Fixed;
    /// The first byte of a string.
    STRING_BYTES = TAG_STRING, LuaString::TRAILING, Fixed;
    /// `BoxedInt::value`, i64.
    BOXED_VALUE = TAG_BOXINT, offset_of!(BoxedInt, value), Fixed;
}

/// The header word of a young object.
pub const fn header_word(aux: u32, kind: selune_core::object::Kind, extra: u8) -> u64 {
    aux as u64 | (kind as u64) << (8 * offset_of!(Header, kind)) | (extra as u64) << (8 * offset_of!(Header, extra))
}

/// Objects in the nursery have sizes that are multiples of this.
pub const OBJECT_ALIGN: usize = 16;

const _: () = assert!(offset_of!(Closure, proto) == offset_of!(Native, function) && offset_of!(Vm, native) == 0);

#[cfg(test)]
mod tests {
    use super::*;
    use selune_core::object::Kind;

    #[test]
    fn displacements_lead_from_the_tagged_bits_to_the_field() {
        let bits = (TAG_TABLE << TAG_SHIFT) | 0x7f00_1234_5670;
        assert_eq!(bits.wrapping_add(TABLE_INLINE.element(3).displacement()), 0x7f00_1234_5670 + 32 + 24);
    }

    #[test]
    fn header_words_are_headers() {
        let h = Header { aux: 77, kind: Kind::Table, gc: 0, flags: 0, extra: 6 };
        // SAFETY: both are 8 bytes of plain data without padding.
        assert_eq!(header_word(77, Kind::Table, 6), unsafe { std::mem::transmute::<Header, u64>(h) });
    }
}
