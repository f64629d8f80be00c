//! The 64 bits of a Lua value (NaN boxing). This file alone knows them; the JITs take the constants from here.
//!
//! A double is stored as it is. Otherwise the top 16 bits are a tag and the low 48 bits the payload:
//!
//! | top 16 bits | meaning |
//! |---|---|
//! | `<= 0xFFF8` | double (NaNs are canonical: 0x7FF8 or 0xFFF8 and zeros) |
//! | `0xFFF9` | integer that fits 48 bits, sign-extended from bit 47 |
//! | `0xFFFA` | nil, false, true, internal marks, light userdata |
//! | `0xFFFB` | string |
//! | `0xFFFC` | table |
//! | `0xFFFD` | function (Lua closure or native) |
//! | `0xFFFE` | other heap object: userdata, thread, and internal parts (cells, array parts, hash parts) |
//! | `0xFFFF` | boxed 64-bit integer (only for integers that do not fit 48 bits) |
//!
//! VALUE-1: an integer that fits 48 bits is never boxed. VALUE-2: no slot ever holds raw bits.
use crate::object::{self, Kind};

/// Tag of 48-bit integers.
pub const TAG_INT: u64 = 0xFFF9;
/// Tag of nil, booleans, marks and light userdata.
pub const TAG_SPECIAL: u64 = 0xFFFA;
/// Tag of strings.
pub const TAG_STRING: u64 = 0xFFFB;
/// Tag of tables.
pub const TAG_TABLE: u64 = 0xFFFC;
/// Tag of functions.
pub const TAG_FUNCTION: u64 = 0xFFFD;
/// Tag of other heap objects.
pub const TAG_OBJECT: u64 = 0xFFFE;
/// Tag of boxed 64-bit integers.
pub const TAG_BOXINT: u64 = 0xFFFF;
/// Number of payload bits.
pub const TAG_SHIFT: u32 = 48;
/// Mask of the payload.
pub const PAYLOAD_MASK: u64 = (1 << 48) - 1;
/// The largest bit pattern that is a double.
pub const MAX_DOUBLE_BITS: u64 = 0xFFF8_FFFF_FFFF_FFFF;
/// The smallest bit pattern that points to a heap object.
pub const MIN_HEAP_BITS: u64 = TAG_STRING << TAG_SHIFT;

const SPECIAL: u64 = TAG_SPECIAL << TAG_SHIFT;
/// nil. nil and false are the two smallest special values, so "is falsy" is `bits - NIL <= 1`.
pub const NIL: u64 = SPECIAL;
/// false.
pub const FALSE: u64 = SPECIAL | 1;
/// true.
pub const TRUE: u64 = SPECIAL | 2;
/// Internal mark: "not exactly one result; look at `NativeState::nresults`" (returned by compiled code).
pub const MULTI: u64 = SPECIAL | 3;
/// Internal mark: "compiled OSR code left; go on in the interpreter".
pub const RESUME: u64 = SPECIAL | 4;
/// Internal mark: what compiled code returns to the thunk that makes its tail call.
pub const TAIL_CALL: u64 = SPECIAL | 7;
/// Internal mark: an empty key of a hash part (never visible to Lua).
pub const EMPTY: u64 = SPECIAL | 5;
/// Internal mark: a key of a hash part that died (its entry is not free for lookups, and holds nil).
pub const REMOVED: u64 = SPECIAL | 6;
/// Light userdata have this bit of the payload set (addresses are 47 bits on this platform).
pub const LIGHT_BIT: u64 = 1 << 47;

/// Smallest integer that is not boxed.
pub const MIN_SMALL_INT: i64 = -(1 << 47);
/// Largest integer that is not boxed.
pub const MAX_SMALL_INT: i64 = (1 << 47) - 1;

/// A Lua value. Copying it is free; it does not keep anything alive (GC-1: a heap value is only valid until the next
/// safepoint unless it stands in a root, see `heap`).
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Value(pub u64);

impl Value {
    /// nil.
    pub const NIL: Value = Value(NIL);
    /// false.
    pub const FALSE: Value = Value(FALSE);
    /// true.
    pub const TRUE: Value = Value(TRUE);
    /// The mark of empty hash keys.
    pub const EMPTY: Value = Value(EMPTY);
    /// The mark of dead hash keys.
    pub const REMOVED: Value = Value(REMOVED);

    /// A boolean.
    #[inline(always)]
    pub const fn bool(b: bool) -> Value {
        Value(FALSE + b as u64)
    }
    /// A double; NaNs with foreign payloads become canonical but keep their sign.
    #[inline(always)]
    pub fn float(d: f64) -> Value {
        let bits = d.to_bits();
        if bits > MAX_DOUBLE_BITS || (d.is_nan() && bits & PAYLOAD_MASK != 0) { Value::canonical_nan(bits) } else { Value(bits) }
    }
    #[cold]
    fn canonical_nan(bits: u64) -> Value {
        Value(if bits >> 63 != 0 { 0xFFF8 << 48 } else { 0x7FF8 << 48 })
    }
    /// A double that arithmetic produced from canonical ones (such a NaN is canonical already on this platform).
    #[inline(always)]
    pub fn float_unchecked(d: f64) -> Value {
        Value(d.to_bits())
    }
    /// An integer that is known to fit 48 bits.
    #[inline(always)]
    pub const fn small_int(i: i64) -> Value {
        debug_assert!(i >= MIN_SMALL_INT && i <= MAX_SMALL_INT);
        Value(TAG_INT << TAG_SHIFT | i as u64 & PAYLOAD_MASK)
    }
    /// Does the integer need no box?
    #[inline(always)]
    pub const fn fits_small(i: i64) -> bool {
        (i << 16) >> 16 == i
    }
    /// A light userdata.
    #[inline(always)]
    pub const fn light(p: usize) -> Value {
        Value(SPECIAL | LIGHT_BIT | p as u64 & (LIGHT_BIT - 1))
    }
    /// A heap value from tag and address.
    #[inline(always)]
    pub fn heap(tag: u64, p: *const u8) -> Value {
        Value(tag << TAG_SHIFT | p as u64)
    }
    /// The top 16 bits.
    #[inline(always)]
    pub const fn tag(self) -> u64 {
        self.0 >> TAG_SHIFT
    }
    /// The low 48 bits.
    #[inline(always)]
    pub const fn payload(self) -> u64 {
        self.0 & PAYLOAD_MASK
    }
    /// The address of a heap value.
    #[inline(always)]
    pub const fn addr(self) -> *mut u8 {
        (self.0 & PAYLOAD_MASK) as *mut u8
    }
    /// Is it nil?
    #[inline(always)]
    pub const fn is_nil(self) -> bool {
        self.0 == NIL
    }
    /// Is it nil or false?
    #[inline(always)]
    pub const fn is_falsy(self) -> bool {
        self.0.wrapping_sub(NIL) <= 1
    }
    /// Is it anything but nil and false?
    #[inline(always)]
    pub const fn is_truthy(self) -> bool {
        !self.is_falsy()
    }
    /// Is it a boolean?
    #[inline(always)]
    pub const fn is_bool(self) -> bool {
        self.0.wrapping_sub(FALSE) <= 1
    }
    /// Is it an unboxed integer?
    #[inline(always)]
    pub const fn is_small_int(self) -> bool {
        self.tag() == TAG_INT
    }
    /// Is it an integer that needs a box?
    #[inline(always)]
    pub const fn is_boxed_int(self) -> bool {
        self.tag() == TAG_BOXINT
    }
    /// Is it an integer (of Lua's subtype integer)?
    #[inline(always)]
    pub const fn is_int(self) -> bool {
        self.is_small_int() || self.is_boxed_int()
    }
    /// Is it a float?
    #[inline(always)]
    pub const fn is_float(self) -> bool {
        self.0 <= MAX_DOUBLE_BITS
    }
    /// Is it a number?
    #[inline(always)]
    pub const fn is_number(self) -> bool {
        self.is_float() || self.is_int()
    }
    /// Is it a string?
    #[inline(always)]
    pub const fn is_string(self) -> bool {
        self.tag() == TAG_STRING
    }
    /// Is it a table?
    #[inline(always)]
    pub const fn is_table(self) -> bool {
        self.tag() == TAG_TABLE
    }
    /// Is it a function?
    #[inline(always)]
    pub const fn is_function(self) -> bool {
        self.tag() == TAG_FUNCTION
    }
    /// Does it point to a heap object?
    #[inline(always)]
    pub const fn is_heap(self) -> bool {
        self.0 >= MIN_HEAP_BITS
    }
    /// Is it a light userdata?
    #[inline(always)]
    pub const fn is_light(self) -> bool {
        self.tag() == TAG_SPECIAL && self.0 & LIGHT_BIT != 0
    }
    /// Is it a heap object of this kind under `TAG_OBJECT`?
    #[inline(always)]
    pub fn is_object(self, kind: Kind) -> bool {
        // SAFETY: OBJ-1 (a heap value points to an object with a header).
        self.tag() == TAG_OBJECT && unsafe { (*(self.addr() as *const object::Header)).kind } == kind
    }
    /// Is it a Lua closure?
    #[inline(always)]
    pub fn is_lua_closure(self) -> bool {
        // SAFETY: OBJ-1.
        self.is_function() && unsafe { (*(self.addr() as *const object::Header)).kind } == Kind::Closure
    }
    /// Is it a native function?
    #[inline(always)]
    pub fn is_native(self) -> bool {
        // SAFETY: OBJ-1.
        self.is_function() && unsafe { (*(self.addr() as *const object::Header)).kind } == Kind::Native
    }
    /// Is it a coroutine?
    #[inline(always)]
    pub fn is_thread(self) -> bool {
        self.is_object(Kind::Thread)
    }
    /// Is it a full userdata?
    #[inline(always)]
    pub fn is_userdata(self) -> bool {
        self.is_object(Kind::Userdata)
    }
    /// The payload of an unboxed integer.
    #[inline(always)]
    pub const fn as_small_int(self) -> i64 {
        ((self.0 << 16) as i64) >> 16
    }
    /// The double of a float value.
    #[inline(always)]
    pub const fn as_float(self) -> f64 {
        f64::from_bits(self.0)
    }
    /// The integer of an integer value, boxed or not.
    #[inline(always)]
    pub fn as_int(self) -> Option<i64> {
        if self.is_small_int() {
            Some(self.as_small_int())
        } else if self.is_boxed_int() {
            // SAFETY: OBJ-1, the tag says that it is a BoxedInt.
            Some(unsafe { (*(self.addr() as *const object::BoxedInt)).value })
        } else {
            None
        }
    }
    /// The number as a double (None when it is not a number; strings are not converted).
    #[inline(always)]
    pub fn as_number(self) -> Option<f64> {
        if self.is_float() { Some(self.as_float()) } else { self.as_int().map(|i| i as f64) }
    }
    /// Lua's name of the type: "nil", "boolean", "number", "string", "table", "function", "thread", "userdata".
    pub fn type_name(self) -> &'static str {
        match self.tag() {
            TAG_SPECIAL if self.is_nil() => "nil",
            TAG_SPECIAL if self.is_bool() => "boolean",
            TAG_SPECIAL => "userdata",
            TAG_INT | TAG_BOXINT => "number",
            TAG_STRING => "string",
            TAG_TABLE => "table",
            TAG_FUNCTION => "function",
            TAG_OBJECT if self.is_thread() => "thread",
            TAG_OBJECT => "userdata",
            _ => "number",
        }
    }
    /// Number and string equality included; no metamethods.
    #[inline(always)]
    pub fn raw_equal(self, other: Value) -> bool {
        if self.0 == other.0 {
            return !self.is_float() || !self.as_float().is_nan();
        }
        self.raw_equal_slow(other)
    }
    /// `raw_equal` for values whose bits differ.
    pub fn raw_equal_slow(self, other: Value) -> bool {
        // Small integers are exact as floats.
        if self.is_float() && other.is_small_int() {
            return self.as_float() == other.as_small_int() as f64;
        }
        if self.is_string() && other.is_string() {
            return crate::string::equal(self, other);
        }
        match (self.as_int(), other.as_int()) {
            (Some(a), Some(b)) => a == b,
            (Some(a), None) if other.is_float() => int_eq_float(a, other.as_float()),
            (None, Some(b)) if self.is_float() => int_eq_float(b, self.as_float()),
            (None, None) if self.is_float() && other.is_float() => self.as_float() == other.as_float(),
            _ => false,
        }
    }
}

/// Exact comparison of an integer with a float.
#[inline]
pub fn int_eq_float(i: i64, f: f64) -> bool {
    f >= -9223372036854775808.0 && f < 9223372036854775808.0 && f as i64 == i && (f as i64) as f64 == f
}

impl core::fmt::Debug for Value {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match *self {
            Value::NIL => write!(f, "nil"),
            Value::TRUE => write!(f, "true"),
            Value::FALSE => write!(f, "false"),
            v if v.is_float() => write!(f, "{:?}", v.as_float()),
            v if v.is_small_int() => write!(f, "{}", v.as_small_int()),
            v => write!(f, "{}:{:#x}", v.type_name(), v.payload()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn integers_round_trip_at_the_edges() {
        for i in [0, 1, -1, MIN_SMALL_INT, MAX_SMALL_INT] {
            assert_eq!(Value::small_int(i).as_small_int(), i);
            assert!(Value::fits_small(i));
        }
        assert!(!Value::fits_small(MAX_SMALL_INT + 1) && !Value::fits_small(MIN_SMALL_INT - 1));
    }
    #[test]
    fn nans_become_canonical_and_keep_their_sign() {
        assert_eq!(Value::float(f64::from_bits(0xFFFB_0000_0000_1234)).0, 0xFFF8 << 48);
        assert_eq!(Value::float(f64::from_bits(0x7FF8_0000_0000_0001)).0, 0x7FF8 << 48);
        assert!(Value::float(f64::NAN).is_float() && Value::float(-f64::NAN).is_float());
        assert!(!Value::float(f64::NAN).raw_equal(Value::float(f64::NAN)));
    }
    #[test]
    fn falsy_is_nil_and_false() {
        assert!(Value::NIL.is_falsy() && Value::FALSE.is_falsy() && !Value::TRUE.is_falsy() && !Value::small_int(0).is_falsy());
    }
}
