//! `%e`, `%f`, `%g` and `%a` of floats.
//!
//! Everyday values are rounded exactly in integers (`selune_core::number`); the rest goes through the exact formatting of
//! Rust's standard library. Both round half to even on the exact binary value, as the C library does.
use super::{Spec, sign, write_padded};
use selune_core::number::{NumBuf, fixed_digits, significant_digits};
use std::io::Write;

/// `%e %E %f %g %G %a %A`.
pub fn write_float(out: &mut Vec<u8>, spec: &Spec, f: f64, conversion: u8) {
    let sign = sign(spec, f.is_sign_negative());
    let a = f.abs();
    if !a.is_finite() {
        let upper = conversion.is_ascii_uppercase();
        let text: &[u8] = match (a.is_nan(), upper) {
            (true, false) => b"nan",
            (true, true) => b"NAN",
            (false, false) => b"inf",
            (false, true) => b"INF",
        };
        return write_padded(out, spec, sign, text, false);
    }
    let mut body = Vec::with_capacity(32);
    match conversion {
        b'f' => fixed(&mut body, spec, a),
        b'e' | b'E' => exponential(&mut body, spec, a),
        b'g' | b'G' => general(&mut body, spec, a),
        _ => {
            hexadecimal(&mut body, spec, a);
            if conversion == b'A' {
                body.make_ascii_uppercase();
            }
            // Zeros go between "0x" and the digits.
            let prefix = [sign, &body[..2]].concat();
            return write_padded(out, spec, &prefix, &body[2..], true);
        }
    }
    if conversion.is_ascii_uppercase() {
        body.make_ascii_uppercase();
    }
    write_padded(out, spec, sign, &body, true);
}

fn fixed(body: &mut Vec<u8>, spec: &Spec, a: f64) {
    let places = spec.precision.unwrap_or(6);
    if let Some(digits) = u32::try_from(places).ok().and_then(|p| fixed_digits(a, p))
        && let Ok(digits) = i64::try_from(digits)
    {
        let mut buf = NumBuf::new();
        let text = buf.int(digits);
        if text.len() <= places {
            body.extend_from_slice(b"0.");
            body.resize(body.len() + places - text.len(), b'0');
            body.extend_from_slice(text);
        } else {
            let (int, fraction) = text.split_at(text.len() - places);
            body.extend_from_slice(int);
            if places > 0 || spec.alternate {
                body.push(b'.');
            }
            body.extend_from_slice(fraction);
        }
        return;
    }
    // Writing to a Vec cannot fail.
    let _ = write!(body, "{a:.places$}");
    if places == 0 && spec.alternate {
        body.push(b'.');
    }
}

/// The `n` significant digits of `a` as text, and the decimal exponent.
fn digits_of(a: f64, n: usize) -> (Vec<u8>, i32) {
    if a == 0.0 {
        return (vec![b'0'; n], 0);
    }
    if n <= 17 {
        let (digits, exp) = significant_digits(a, n as u32);
        return (NumBuf::new().int(digits as i64).to_vec(), exp);
    }
    let text = format!("{a:.*e}", n - 1);
    let (mantissa, exp) = text.split_once('e').unwrap_or((&text, "0"));
    (mantissa.bytes().filter(u8::is_ascii_digit).collect(), exp.parse().unwrap_or(0))
}

fn push_exponential(body: &mut Vec<u8>, digits: &[u8], exp: i32, point: bool) {
    body.push(digits[0]);
    if digits.len() > 1 || point {
        body.push(b'.');
    }
    body.extend_from_slice(&digits[1..]);
    let _ = write!(body, "e{}{:02}", if exp < 0 { '-' } else { '+' }, exp.unsigned_abs());
}

fn exponential(body: &mut Vec<u8>, spec: &Spec, a: f64) {
    let (digits, exp) = digits_of(a, spec.precision.unwrap_or(6) + 1);
    push_exponential(body, &digits, exp, spec.alternate);
}

fn general(body: &mut Vec<u8>, spec: &Spec, a: f64) {
    let precision = spec.precision.unwrap_or(6).max(1);
    let (mut digits, exp) = digits_of(a, precision);
    if !spec.alternate {
        while digits.len() > 1 && digits.last() == Some(&b'0') {
            digits.pop();
        }
    }
    if exp < -4 || exp >= precision as i32 {
        return push_exponential(body, &digits, exp, spec.alternate);
    }
    if exp < 0 {
        body.extend_from_slice(b"0.");
        body.resize(body.len() + (-exp - 1) as usize, b'0');
        body.extend_from_slice(&digits);
        return;
    }
    let int = exp as usize + 1;
    while digits.len() < int {
        digits.push(b'0');
    }
    body.extend_from_slice(&digits[..int]);
    if digits.len() > int || spec.alternate {
        body.push(b'.');
    }
    body.extend_from_slice(&digits[int..]);
}

/// `0x1.8p+1`; subnormals keep a leading 0 and the exponent -1022.
fn hexadecimal(body: &mut Vec<u8>, spec: &Spec, a: f64) {
    let bits = a.to_bits();
    let (biased, mut fraction) = (bits >> 52, bits & ((1 << 52) - 1));
    let exp = match (biased, fraction) {
        (0, 0) => 0,
        (0, _) => -1022,
        _ => biased as i32 - 1023,
    };
    let mut lead = u64::from(biased != 0);
    let mut nibbles = 13;
    if let Some(precision) = spec.precision
        && precision < 13
    {
        let drop = 4 * (13 - precision as u32);
        let all = lead << 52 | fraction;
        let (mut kept, rest, half) = (all >> drop, all & ((1 << drop) - 1), 1u64 << (drop - 1));
        kept += u64::from(rest > half || rest == half && kept & 1 == 1);
        let kept = kept << drop;
        (lead, fraction) = (kept >> 52, kept & ((1 << 52) - 1));
        nibbles = precision;
    }
    let mut digits: Vec<u8> = format!("{fraction:013x}").into_bytes();
    digits.truncate(nibbles);
    match spec.precision {
        None => {
            while digits.last() == Some(&b'0') {
                digits.pop();
            }
        }
        Some(precision) => digits.resize(precision, b'0'),
    }
    let _ = write!(body, "0x{lead}");
    if !digits.is_empty() || spec.alternate {
        body.push(b'.');
    }
    body.extend_from_slice(&digits);
    let _ = write!(body, "p{exp:+}");
}
