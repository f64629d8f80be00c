//! `%q`: values as Lua literals that read back as the same value.
use super::{Spec, write_float};
use selune_core::number::NumBuf;

/// A string in quotes; control characters become decimal escapes, newlines a backslash and a newline.
pub fn write_quoted_bytes(out: &mut Vec<u8>, s: &[u8]) {
    out.reserve(s.len() + 2);
    out.push(b'"');
    for (i, &c) in s.iter().enumerate() {
        match c {
            b'"' | b'\\' | b'\n' => out.extend_from_slice(&[b'\\', c]),
            c if c.is_ascii_control() => {
                out.push(b'\\');
                let mut buf = NumBuf::new();
                let digits = buf.int(i64::from(c));
                if s.get(i + 1).is_some_and(u8::is_ascii_digit) {
                    out.extend_from_slice(&b"000"[digits.len()..]);
                }
                out.extend_from_slice(digits);
            }
            c => out.push(c),
        }
    }
    out.push(b'"');
}

/// An integer; the smallest one has no decimal literal and is written in hexadecimal.
pub fn write_quoted_int(out: &mut Vec<u8>, i: i64) {
    if i == i64::MIN {
        out.extend_from_slice(b"0x8000000000000000");
    } else {
        out.extend_from_slice(NumBuf::new().int(i));
    }
}

/// A float, in hexadecimal so that nothing is lost.
pub fn write_quoted_float(out: &mut Vec<u8>, f: f64) {
    if f == f64::INFINITY {
        out.extend_from_slice(b"1e9999");
    } else if f == f64::NEG_INFINITY {
        out.extend_from_slice(b"-1e9999");
    } else if f.is_nan() {
        out.extend_from_slice(b"(0/0)");
    } else {
        write_float(out, &Spec::default(), f, b'a');
    }
}
