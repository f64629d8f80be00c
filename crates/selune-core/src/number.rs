//! Numbers of Lua: integers of 64 bits and doubles, their arithmetic, comparison and conversions.
//!
//! Everything here is exact in the sense of the reference manual and works on plain `i64`/`f64`; nothing knows `Value`, the
//! heap or errors. The lexer, the interpreter, the JITs' constant folding and the standard library all use it, so that
//! a number means the same in each tier. Read next: `parse` (text to number), `format` (number to text).
mod format;
mod parse;

pub use format::{NumBuf, fixed_digits, significant_digits};
pub use parse::{is_space, parse, parse_float, parse_int};

/// A Lua number with its subtype.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Subtype integer.
    Int(i64),
    /// Subtype float.
    Float(f64),
}

impl Number {
    /// The number as a float (rounded to nearest when an integer has no exact float).
    #[inline]
    pub fn to_float(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Float(f) => f,
        }
    }
    /// The number as an integer if it has an exact integer representation.
    #[inline]
    pub fn to_int(self) -> Option<i64> {
        match self {
            Number::Int(i) => Some(i),
            Number::Float(f) => float_to_int(f),
        }
    }
}

/// 2^63 as a float: the first float above all integers.
pub const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// The integer equal to `f`, if there is one ("number has no integer representation" otherwise).
#[inline(always)]
pub fn float_to_int(f: f64) -> Option<i64> {
    // The cast saturates and turns NaN into 0; i64::MAX itself is no float, so it can only come from saturation.
    let i = f as i64;
    if i as f64 == f && i != i64::MAX { Some(i) } else { None }
}

/// The largest integer not above `f`, if it is in range.
#[inline]
pub fn float_to_int_floor(f: f64) -> Option<i64> {
    if !(-TWO_63..TWO_63).contains(&f) {
        return None;
    }
    let i = f as i64;
    Some(if i as f64 > f { i - 1 } else { i })
}

/// The smallest integer not below `f`, if it is in range.
#[inline]
pub fn float_to_int_ceil(f: f64) -> Option<i64> {
    if !(-TWO_63..TWO_63).contains(&f) {
        return None;
    }
    let i = f as i64;
    Some(if (i as f64) < f { i + 1 } else { i })
}

/// `m // n` for integers. `n` must not be 0 (the caller raises the error).
#[inline(always)]
pub fn idiv(m: i64, n: i64) -> i64 {
    if n == -1 {
        return m.wrapping_neg();
    }
    let q = m / n;
    if (m ^ n) < 0 && q * n != m { q - 1 } else { q }
}

/// `m % n` for integers. `n` must not be 0 (the caller raises the error).
#[inline(always)]
pub fn imod(m: i64, n: i64) -> i64 {
    if n == -1 {
        return 0;
    }
    let r = m % n;
    if r != 0 && (r ^ n) < 0 { r + n } else { r }
}

/// `a % b` for floats.
#[inline]
pub fn fmod(a: f64, b: f64) -> f64 {
    let m = rem(a, b);
    // The signs differ (m * b < 0 without its rounding to zero).
    if m > 0.0 && b < 0.0 || m < 0.0 && b > 0.0 { m + b } else { m }
}

/// C's `fmod(a, b)`.
#[inline]
pub fn rem(a: f64, b: f64) -> f64 {
    const EXACT: f64 = (1u64 << 53) as f64;
    let (x, y) = (a as i64, b as i64);
    if x as f64 == a && y as f64 == b && y != 0 && a.abs() < EXACT && b.abs() < EXACT {
        let r = if (x | y) as u64 >> 32 == 0 { (x as u32 % y as u32) as i64 } else { x % y };
        return if r == 0 { 0f64.copysign(a) } else { r as f64 };
    }
    rem_by_mantissa(a, b)
}

/// `rem` by division of the mantissas, some bits at a time.
#[inline(never)]
fn rem_by_mantissa(a: f64, b: f64) -> f64 {
    const MANTISSA: u64 = (1 << 52) - 1;
    let parts = |f: f64| ((f.to_bits() >> 52 & 0x7FF) as i64, f.to_bits() & MANTISSA | 1 << 52);
    let ((ea, mut m), (eb, mb)) = (parts(a), parts(b));
    // Exponents of zeros and subnormal numbers, and of infinities and NaN, mean something else.
    if ea == 0 || eb == 0 || ea == 0x7FF || eb == 0x7FF {
        return a % b;
    }
    if a.abs() < b.abs() {
        return a;
    }
    let mut bits = ea - eb;
    m %= mb;
    while bits > 0 && m != 0 {
        let step = bits.min(11);
        m = (m << step) % mb;
        bits -= step;
    }
    // Both factors and the product are exact: it is a multiple of the divisor's last bit.
    let e = eb - 1075;
    let scale = if e >= -1022 { f64::from_bits(((e + 1023) as u64) << 52) } else { f64::from_bits(1 << (e + 1074)) };
    (m as f64 * scale).copysign(a)
}

/// `a // b` for floats.
#[inline]
pub fn fidiv(a: f64, b: f64) -> f64 {
    (a / b).floor()
}

/// `a ^ b`.
#[inline]
pub fn pow(a: f64, b: f64) -> f64 {
    if b == 2.0 { a * a } else { a.powf(b) }
}

/// `x << y`; shifts of 64 and more give 0, negative ones go to the right.
#[inline(always)]
pub fn shl(x: i64, y: i64) -> i64 {
    if y >= 0 {
        if y >= 64 { 0 } else { ((x as u64) << y) as i64 }
    } else if y <= -64 {
        0
    } else {
        ((x as u64) >> -y) as i64
    }
}

/// `x >> y` (logical); shifts of 64 and more give 0, negative ones go to the left.
#[inline(always)]
pub fn shr(x: i64, y: i64) -> i64 {
    if y >= 0 {
        if y >= 64 { 0 } else { ((x as u64) >> y) as i64 }
    } else if y <= -64 {
        0
    } else {
        ((x as u64) << -y) as i64
    }
}

/// Does `i` have an exact float (a quick sufficient test: within 2^53)?
#[inline(always)]
fn fits_float(i: i64) -> bool {
    (i as u64).wrapping_add(1 << 53) <= 2 << 53
}

/// `i < f`.
#[inline]
pub fn int_lt_float(i: i64, f: f64) -> bool {
    if fits_float(i) {
        return (i as f64) < f;
    }
    match float_to_int_ceil(f) {
        Some(fi) => i < fi,
        None => f > 0.0,
    }
}

/// `i <= f`.
#[inline]
pub fn int_le_float(i: i64, f: f64) -> bool {
    if fits_float(i) {
        return (i as f64) <= f;
    }
    match float_to_int_floor(f) {
        Some(fi) => i <= fi,
        None => f > 0.0,
    }
}

/// `f < i`.
#[inline]
pub fn float_lt_int(f: f64, i: i64) -> bool {
    if fits_float(i) {
        return f < i as f64;
    }
    match float_to_int_floor(f) {
        Some(fi) => fi < i,
        None => f < 0.0,
    }
}

/// `f <= i`.
#[inline]
pub fn float_le_int(f: f64, i: i64) -> bool {
    if fits_float(i) {
        return f <= i as f64;
    }
    match float_to_int_ceil(f) {
        Some(fi) => fi <= i,
        None => f < 0.0,
    }
}

/// `i == f`, mathematically.
#[inline]
pub fn int_eq_float(i: i64, f: f64) -> bool {
    float_to_int(f) == Some(i)
}

/// `a < b` for any two numbers.
#[inline]
pub fn lt(a: Number, b: Number) -> bool {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => a < b,
        (Number::Float(a), Number::Float(b)) => a < b,
        (Number::Int(a), Number::Float(b)) => int_lt_float(a, b),
        (Number::Float(a), Number::Int(b)) => float_lt_int(a, b),
    }
}

/// `a <= b` for any two numbers.
#[inline]
pub fn le(a: Number, b: Number) -> bool {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => a <= b,
        (Number::Float(a), Number::Float(b)) => a <= b,
        (Number::Int(a), Number::Float(b)) => int_le_float(a, b),
        (Number::Float(a), Number::Int(b)) => float_le_int(a, b),
    }
}

/// `a == b` for any two numbers.
#[inline]
pub fn eq(a: Number, b: Number) -> bool {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => a == b,
        (Number::Float(a), Number::Float(b)) => a == b,
        (Number::Int(i), Number::Float(f)) | (Number::Float(f), Number::Int(i)) => int_eq_float(i, f),
    }
}

/// The text of a number used as an operand of arithmetic, as a number (coercion of strings).
#[inline]
pub fn coerce(s: &[u8]) -> Option<Number> {
    parse(s)
}

/// The text of a number used where an integer is wanted (coercion of strings: "10", "0x10", "1e1").
#[inline]
pub fn coerce_int(s: &[u8]) -> Option<i64> {
    parse(s)?.to_int()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn float_to_int_edges() {
        assert_eq!(float_to_int(3.0), Some(3));
        assert_eq!(float_to_int(-0.0), Some(0));
        assert_eq!(float_to_int(3.5), None);
        assert_eq!(float_to_int(f64::NAN), None);
        assert_eq!(float_to_int(TWO_63), None);
        assert_eq!(float_to_int(-TWO_63), Some(i64::MIN));
        assert_eq!(float_to_int(f64::INFINITY), None);
        assert_eq!(float_to_int_floor(-0.5), Some(-1));
        assert_eq!(float_to_int_ceil(-0.5), Some(0));
        assert_eq!(float_to_int_floor(-TWO_63), Some(i64::MIN));
        assert_eq!(float_to_int_floor(TWO_63), None);
        assert_eq!(float_to_int_ceil(f64::NAN), None);
    }

    #[test]
    fn integer_division() {
        assert_eq!((idiv(7, 2), idiv(-7, 2), idiv(7, -2), idiv(-7, -2)), (3, -4, -4, 3));
        assert_eq!((imod(7, 3), imod(-7, 3), imod(7, -3), imod(-7, -3)), (1, 2, -2, -1));
        assert_eq!(idiv(i64::MIN, -1), i64::MIN);
        assert_eq!(imod(i64::MIN, -1), 0);
        assert_eq!(idiv(i64::MIN, 1), i64::MIN);
    }

    #[test]
    fn float_modulo() {
        let numbers = [0.0, -0.0, 1.0, -1.0, 2.0, -3.0, 0.1, -0.1, std::f64::consts::TAU, 1e15, 9007199254740991.0, 9007199254740992.0, -9007199254740993e3,
            4294967296.0, 4294967295.0, 1e300, -1e300, 1e-300, 5e-324, -5e-324, 2.2250738585072014e-308, 4.4501477170144023e-308, 3.3e-308,
            f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.3, 1e-5, 123456.789, -98765.4321, 9.3e18, -9223372036854775808.0];
        for a in numbers {
            for b in numbers {
                let (r, expected) = (rem(a, b), a % b);
                assert!(r.to_bits() == expected.to_bits() || r.is_nan() && expected.is_nan(), "{a:e} % {b:e}: {r:e}, not {expected:e}");
            }
        }
        assert_eq!(fmod(5.5, 2.0), 1.5);
        assert_eq!(fmod(-5.5, 2.0), 0.5);
        assert_eq!(fmod(5.5, -2.0), -0.5);
        assert_eq!(fmod(1.0, f64::INFINITY), 1.0);
        assert_eq!(fmod(-1.0, f64::INFINITY), f64::INFINITY);
        assert!(fmod(1.0, 0.0).is_nan());
    }

    #[test]
    fn shifts() {
        assert_eq!(shl(1, 63), i64::MIN);
        assert_eq!(shl(1, 64), 0);
        assert_eq!(shl(-1, -1), i64::MAX);
        assert_eq!(shr(-1, 63), 1);
        assert_eq!(shr(1, -4), 16);
        assert_eq!(shr(1, i64::MIN), 0);
        assert_eq!(shl(1, i64::MIN), 0);
    }

    #[test]
    fn mixed_comparisons() {
        assert!(int_lt_float(i64::MAX, TWO_63));
        assert!(int_le_float(i64::MAX, TWO_63));
        assert!(!float_le_int(TWO_63, i64::MAX));
        assert!(!float_lt_int(TWO_63, i64::MAX));
        assert!(float_le_int(-TWO_63, i64::MIN));
        assert!(!float_lt_int(-TWO_63, i64::MIN));
        let big = (1i64 << 53) + 1;
        assert!(!int_eq_float(big, big as f64));
        assert!(float_lt_int((1i64 << 53) as f64, big));
        for i in [0, 1, big, i64::MAX, i64::MIN] {
            assert!(!int_lt_float(i, f64::NAN) && !int_le_float(i, f64::NAN));
            assert!(!float_lt_int(f64::NAN, i) && !float_le_int(f64::NAN, i));
        }
    }
}
