//! Layouts of the heap objects. Machine code reaches into them by `offset_of!`, so every struct is `repr(C)`.
//!
//! OBJ-1: every heap value points to an object that starts with a `Header` of a kind that fits the value's tag.
//! OBJ-2: every field that can point to a movable object is a tagged `Value`; raw pointers point only to what never
//! moves (protos, shapes, code, Rust data).
//! OBJ-3: a table's `array`, `slots` and `hash` are never nil: absent parts are the VM's shared empty parts (capacity 0).
use crate::proto::Proto;
use crate::value::Value;

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// `LuaString`, tag string.
    String = 1,
    /// `Table`, tag table.
    Table,
    /// `Closure`, tag function.
    Closure,
    /// `Native`, tag function.
    Native,
    /// `BoxedInt`, tag boxed integer.
    BoxedInt,
    /// `Cell`, tag object: a captured local.
    Cell,
    /// `ArrayPart`, tag object: elements 1..=cap of a table.
    ArrayPart,
    /// `SlotsPart`, tag object: named slots that have no room inline.
    SlotsPart,
    /// `HashPart`, tag object: keys that are not in the array part or the shape.
    HashPart,
    /// `ThreadObject`, tag object.
    Thread,
    /// `Userdata`, tag object.
    Userdata,
    /// `Proto`, tag object (only inside the heap; never moves).
    Proto,
}

/// GC byte of a header: the write barrier's one bit, "old and not remembered" (or, while marking, "black").
pub const GC_BARRIER: u8 = 1;
/// GC byte: in old space (does not move).
pub const GC_OLD: u8 = 2;
/// GC byte: marked in the current major collection.
pub const GC_MARK: u8 = 4;
/// GC byte: evacuated; the word after the header is the new address.
pub const GC_FORWARDED: u8 = 8;
/// GC byte: an identity hash was given out while the object was young.
pub const GC_HASH_ASKED: u8 = 16;
/// GC byte: the identity hash stands in 8 bytes after the object.
pub const GC_HASH_STORED: u8 = 32;
/// GC byte: the object has a `__gc` finalizer that has not run.
pub const GC_FINALIZER: u8 = 64;
/// GC byte: allocated on its own (large object).
pub const GC_LARGE: u8 = 128;

/// First word of every object. `aux`: shape id (tables), hash (strings), number of upvalues (functions) or of user
/// values (userdata), otherwise 0.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Header {
    /// Depends on the kind; for tables the shape id, so that a shape guard is one 32-bit compare.
    pub aux: u32,
    /// The kind.
    pub kind: Kind,
    /// `GC_*` bits.
    pub gc: u8,
    /// Depends on the kind (`STR_*` for strings, array kind for tables).
    pub flags: u8,
    /// Depends on the kind (inline slot capacity for tables).
    pub extra: u8,
}

/// String flag: interned (pointer equality decides between interned strings; interned strings are old).
pub const STR_INTERNED: u8 = 1;
/// String flag: `Header::aux` holds the hash.
pub const STR_HASHED: u8 = 2;

/// A string: `len` bytes and a NUL follow.
#[repr(C)]
pub struct LuaString {
    /// aux = hash when `STR_HASHED`.
    pub header: Header,
    /// Number of bytes.
    pub len: u64,
}

/// A table; `header.extra` inline slots follow (the same number for all tables of one shape).
#[repr(C)]
pub struct Table {
    /// aux = shape id, extra = number of inline slots.
    pub header: Header,
    /// The `ArrayPart`.
    pub array: Value,
    /// The `SlotsPart`: named slots from `header.extra` on.
    pub slots: Value,
    /// The `HashPart`.
    pub hash: Value,
}

/// Elements 1..=cap of a table; `cap` values follow, unused ones are nil.
#[repr(C)]
pub struct ArrayPart {
    /// aux unused.
    pub header: Header,
    /// Number of elements that follow.
    pub cap: u32,
    /// Where a border was last seen (`#t` starts there); `<= cap`.
    pub border: u32,
}

/// Overflow of named slots; `cap` values follow.
#[repr(C)]
pub struct SlotsPart {
    /// aux unused.
    pub header: Header,
    /// Number of values that follow.
    pub cap: u64,
}

/// One entry of a hash part. `key` is `Value::EMPTY` when free; an entry whose value is nil keeps its key.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct HashEntry {
    /// The key; float keys with integer values are integers, strings are interned.
    pub key: Value,
    /// The value.
    pub value: Value,
}

/// Open addressing with linear probing; `cap` entries follow (a power of two, or 0).
#[repr(C)]
pub struct HashPart {
    /// aux unused.
    pub header: Header,
    /// Number of entries that follow.
    pub cap: u32,
    /// Entries whose key is not EMPTY.
    pub used: u32,
    /// The metatable when the table's shape says that objects carry it themselves, else nil.
    pub meta: Value,
}

/// A Lua function: proto and captured cells; `header.aux` cells follow.
#[repr(C)]
pub struct Closure {
    /// aux = number of upvalues.
    pub header: Header,
    /// The code. Never moves.
    pub proto: *mut Proto,
}

/// A native function; `header.aux` upvalues follow.
#[repr(C)]
pub struct Native {
    /// aux = number of upvalues, flags = `NativeKind` of the VM.
    pub header: Header,
    /// The function (`selune_vm::native::NativeFn`), opaque here.
    pub function: *const (),
    /// Static name for listings, never null.
    pub name: &'static &'static str,
}

/// A captured local.
#[repr(C)]
pub struct Cell {
    /// aux unused.
    pub header: Header,
    /// Its value.
    pub value: Value,
}

/// An integer that does not fit 48 bits.
#[repr(C)]
pub struct BoxedInt {
    /// aux unused.
    pub header: Header,
    /// The integer.
    pub value: i64,
}

/// A coroutine; old. The thread itself is Rust data that the object owns.
#[repr(C)]
pub struct ThreadObject {
    /// aux unused.
    pub header: Header,
    /// Owned; freed when the object is swept.
    pub thread: *mut crate::thread::Thread,
}

/// A full userdata; old; `header.aux` user values follow.
#[repr(C)]
pub struct Userdata {
    /// aux = number of user values.
    pub header: Header,
    /// nil or a table.
    pub metatable: Value,
    /// Owned host data (`Box<Box<dyn Any>>` as a raw pointer), freed when the object is swept.
    pub data: *mut Box<dyn core::any::Any>,
}

macro_rules! trailing {
    ($t:ty, $name:ident, $elem:ty) => {
        impl $t {
            /// Offset of the trailing array.
            pub const TRAILING: usize = core::mem::size_of::<$t>();
            /// Address of element `i` of the trailing array.
            ///
            /// # Safety
            /// `this` points to a live object (OBJ-1) and `i` is at most its number of trailing elements.
            #[inline(always)]
            pub unsafe fn $name(this: *mut $t, i: usize) -> *mut $elem {
                // SAFETY: the caller's promise; trailing elements directly follow the struct.
                unsafe { (this.add(1) as *mut $elem).add(i) }
            }
        }
    };
}
trailing!(LuaString, bytes, u8);
trailing!(Table, inline, Value);
trailing!(ArrayPart, element, Value);
trailing!(SlotsPart, slot, Value);
trailing!(HashPart, entry, HashEntry);
trailing!(Closure, upvalue, Value);
trailing!(Native, upvalue, Value);
trailing!(Userdata, user_value, Value);

macro_rules! cast {
    ($($f:ident $t:ty;)*) => { impl Value { $(
        /// The object behind the value, which must be of this kind (unchecked).
        #[inline(always)]
        pub const fn $f(self) -> *mut $t { self.addr() as *mut $t }
    )* } };
}
cast! { as_header Header; as_string LuaString; as_table Table; as_array ArrayPart; as_slots SlotsPart; as_hash HashPart;
as_closure Closure; as_native Native; as_cell Cell; as_boxed BoxedInt; as_thread_object ThreadObject; as_userdata Userdata; as_proto Proto; }

/// Inline slot `i` of a table is at this offset.
pub const TABLE_INLINE: usize = Table::TRAILING;
const _: () = assert!(TABLE_INLINE == 32 && ArrayPart::TRAILING == 16 && HashPart::TRAILING == 24 && core::mem::size_of::<Header>() == 8);
