//! Text to number: what `tonumber`, the lexer and string coercion accept.
//!
//! Accepts what PUC's `lua_stringtonumber` accepts, no more: surrounding white space, a sign, decimal or hexadecimal
//! integers (hexadecimal ones wrap around; decimal ones that overflow become floats), decimal and hexadecimal floats,
//! correctly rounded; never "inf", "nan" or embedded zeros.
use super::Number;

/// White space in the sense of the C locale.
#[inline(always)]
pub const fn is_space(c: u8) -> bool {
    matches!(c, b' ' | 9..=13)
}

fn trim(mut s: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = s {
        if !is_space(*first) {
            break;
        }
        s = rest;
    }
    while let [rest @ .., last] = s {
        if !is_space(*last) {
            break;
        }
        s = rest;
    }
    s
}

#[inline]
fn split_sign(s: &[u8]) -> (bool, &[u8]) {
    match s {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, s),
    }
}

#[inline]
fn hex_digit(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        b'A'..=b'F' => Some(c - b'A' + 10),
        _ => None,
    }
}

/// Converts a numeral to a number: an integer where it is one, else a float.
pub fn parse(s: &[u8]) -> Option<Number> {
    let s = trim(s);
    if let Some(i) = int_of_trimmed(s) {
        return Some(Number::Int(i));
    }
    float_of_trimmed(s).map(Number::Float)
}

/// Converts a numeral that denotes an integer (a decimal one that overflows does not).
pub fn parse_int(s: &[u8]) -> Option<i64> {
    int_of_trimmed(trim(s))
}

/// Converts any numeral to a float.
pub fn parse_float(s: &[u8]) -> Option<f64> {
    parse(s).map(Number::to_float)
}

fn int_of_trimmed(s: &[u8]) -> Option<i64> {
    let (neg, digits) = split_sign(s);
    let mut a: u64 = 0;
    match digits {
        [] => return None,
        [b'0', b'x' | b'X', hex @ ..] => {
            if hex.is_empty() {
                return None;
            }
            for &c in hex {
                a = a << 4 | u64::from(hex_digit(c)?);
            }
        }
        _ => {
            const LIMIT: u64 = i64::MAX as u64;
            for &c in digits {
                let d = c.wrapping_sub(b'0');
                if d > 9 {
                    return None;
                }
                let d = u64::from(d);
                if a >= LIMIT / 10 && (a > LIMIT / 10 || d > LIMIT % 10 + u64::from(neg)) {
                    return None;
                }
                a = a * 10 + d;
            }
        }
    }
    Some(if neg { a.wrapping_neg() } else { a } as i64)
}

fn float_of_trimmed(s: &[u8]) -> Option<f64> {
    let (neg, body) = split_sign(s);
    if let [b'0', b'x' | b'X', hex @ ..] = body {
        let f = hex_float(hex)?;
        return Some(if neg { -f } else { f });
    }
    if !is_decimal(body) {
        return None;
    }
    std::str::from_utf8(s).ok()?.parse().ok()
}

/// Does `s` have the form `digits [. digits] [e [sign] digits]` with a digit in the mantissa?
fn is_decimal(s: &[u8]) -> bool {
    let digits = |from: usize| s[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let int = digits(0);
    let mut at = int;
    let mut frac = 0;
    if s.get(at) == Some(&b'.') {
        frac = digits(at + 1);
        at += 1 + frac;
    }
    if int + frac == 0 {
        return false;
    }
    if let Some(b'e' | b'E') = s.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = s.get(at) {
            at += 1;
        }
        let exp = digits(at);
        if exp == 0 {
            return false;
        }
        at += exp;
    }
    at == s.len()
}

/// The value of `digits [. digits] [p [sign] decimal digits]`, hexadecimal, after the "0x", rounded to nearest even.
fn hex_float(s: &[u8]) -> Option<f64> {
    let mut mant: u64 = 0;
    let mut sticky = false;
    let mut exp: i64 = 0;
    let mut any = false;
    let mut after_dot = false;
    let mut at = 0;
    while let Some(&c) = s.get(at) {
        if c == b'.' && !after_dot {
            after_dot = true;
        } else if let Some(d) = hex_digit(c) {
            any = true;
            if mant >> 60 == 0 {
                mant = mant << 4 | u64::from(d);
                exp -= if after_dot { 4 } else { 0 };
            } else {
                sticky |= d != 0;
                exp += if after_dot { 0 } else { 4 };
            }
        } else {
            break;
        }
        at += 1;
    }
    if !any {
        return None;
    }
    if let Some(b'p' | b'P') = s.get(at) {
        let (neg, digits) = split_sign(&s[at + 1..]);
        if digits.is_empty() {
            return None;
        }
        let mut e: i64 = 0;
        for &c in digits {
            if !c.is_ascii_digit() {
                return None;
            }
            // Saturates far beyond any exponent that a text in memory could balance.
            e = (e * 10 + i64::from(c - b'0')).min(1 << 58);
        }
        exp += if neg { -e } else { e };
    } else if at != s.len() {
        return None;
    }
    Some(compose(mant, exp, sticky))
}

/// `mant * 2^exp` (a little more if `sticky`), rounded to nearest even.
fn compose(mant: u64, exp: i64, sticky: bool) -> f64 {
    if mant == 0 {
        return 0.0;
    }
    let lz = mant.leading_zeros();
    let mant = mant << lz;
    let top = exp - i64::from(lz) + 63;
    if top > 1023 {
        return f64::INFINITY;
    }
    let normal = top >= -1022;
    let precision = if normal { 53 } else { 53 - (-1022 - top) };
    if precision < 0 {
        return 0.0;
    }
    let shift = 64 - precision as u32;
    let (kept, rest, half) =
        if shift == 64 { (0, mant, 1 << 63) } else { (mant >> shift, mant & ((1 << shift) - 1), 1u64 << (shift - 1)) };
    let up = rest > half || rest == half && (sticky || kept & 1 == 1);
    let kept = kept + u64::from(up);
    // A carry out of the mantissa runs into the exponent, which is what rounding up to the next power of two means.
    f64::from_bits(if normal { (((top + 1022) as u64) << 52) + kept } else { kept })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Number::{Float, Int};

    #[test]
    fn integers() {
        assert_eq!(parse(b"10"), Some(Int(10)));
        assert_eq!(parse(b" \t\n\x0b\x0c\r-10 "), Some(Int(-10)));
        assert_eq!(parse(b"9223372036854775807"), Some(Int(i64::MAX)));
        assert_eq!(parse(b"-9223372036854775808"), Some(Int(i64::MIN)));
        assert_eq!(parse(b"9223372036854775808"), Some(Float(super::super::TWO_63)));
        assert_eq!(parse(b"0xffffffffffffffff"), Some(Int(-1)));
        assert_eq!(parse(b"0x1ffffffffffffffff"), Some(Int(-1)));
        assert_eq!(parse(b"-0x10"), Some(Int(-16)));
        assert_eq!(parse(b"+7"), Some(Int(7)));
    }

    #[test]
    fn floats() {
        for (text, value) in [
            ("1.", 1.0),
            (".5", 0.5),
            ("1e5", 1e5),
            ("-1E-5", -1e-5),
            ("1e999", f64::INFINITY),
            ("0x.8", 0.5),
            ("0x1p4", 16.0),
            ("0xA.8p1", 21.0),
            ("0x1p-1074", 5e-324),
            ("0x1p-1075", 0.0),
            ("0x1.00000000000001p-1075", 5e-324),
            ("0x1.8p-1074", 1e-323),
            ("0x1p1024", f64::INFINITY),
            ("0x1.fffffffffffff8p1023", f64::INFINITY),
            ("0x1.fffffffffffff7p1023", f64::MAX),
            ("0x10000000000000800p0", 18446744073709551616.0),
            ("0x10000000000000801p0", 18446744073709555712.0),
            ("0x0p99999999999999999999", 0.0),
            ("0x1p-99999999999999999999", 0.0),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(Float(value)), "{text}");
        }
        assert!(matches!(parse(b"-0.0"), Some(Float(f)) if f.is_sign_negative()));
        assert!(matches!(parse(b"-0x0.0"), Some(Float(f)) if f.is_sign_negative()));
    }

    #[test]
    fn rejects() {
        for text in [
            "", " ", "-", "+", "0x", "0x.", "0xg", "1e", "1e+", ".", "e5", "inf", "nan", "-inf", "infinity", "NaN", "1 2", "1\0", "0x1p", "0x1p+",
            "1..2", "--1", "- 1", "0x1.2.3", "1e5.0", "1f", "0x1p4x", "1_000", ".e1", "0x.p1",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
