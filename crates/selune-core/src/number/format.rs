//! Number to text: `%d` for integers, `%.14g` for floats, as `tostring`, `..` and `print` show them.
//!
//! The result is byte for byte what PUC prints: 14 significant digits, trailing zeros dropped, ".0" after floats that look
//! like integers, `inf`, `-inf`, `nan`, `-nan`. Floats of everyday size are converted exactly in 128-bit integers; the rest goes
//! through the standard library's exact formatting, which rounds the same way.
use super::Number;
use std::io::Write;

/// Room for any number as text, and the way to write one.
pub struct NumBuf {
    bytes: [u8; 40],
}

impl Default for NumBuf {
    fn default() -> Self {
        Self::new()
    }
}

const DIGIT_PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

const POW10: [u64; 20] = {
    let mut table = [1u64; 20];
    let mut i = 1;
    while i < 20 {
        table[i] = table[i - 1] * 10;
        i += 1;
    }
    table
};

const POW5: [u64; 28] = {
    let mut table = [1u64; 28];
    let mut i = 1;
    while i < 28 {
        table[i] = table[i - 1] * 5;
        i += 1;
    }
    table
};

impl NumBuf {
    /// An empty buffer.
    #[inline]
    pub const fn new() -> Self {
        NumBuf { bytes: [0; 40] }
    }

    /// Writes a number as Lua shows it.
    #[inline]
    pub fn number(&mut self, n: Number) -> &[u8] {
        match n {
            Number::Int(i) => self.int(i),
            Number::Float(f) => self.float(f),
        }
    }

    /// Writes an integer (`%d`).
    pub fn int(&mut self, i: i64) -> &[u8] {
        let mut at = write_decimal(&mut self.bytes, 40, i.unsigned_abs());
        if i < 0 {
            at -= 1;
            self.bytes[at] = b'-';
        }
        &self.bytes[at..]
    }

    /// Writes a float (`%.14g`, with ".0" if it looks like an integer).
    pub fn float(&mut self, f: f64) -> &[u8] {
        let a = f.abs();
        if a < 1e14 && a == a.trunc() {
            // An integral float: its digits are those of the integer.
            self.bytes[38] = b'.';
            self.bytes[39] = b'0';
            let mut at = write_decimal(&mut self.bytes, 38, a as u64);
            if f.is_sign_negative() {
                at -= 1;
                self.bytes[at] = b'-';
            }
            return &self.bytes[at..];
        }
        let len = self.general(f);
        &self.bytes[..len]
    }

    /// Writes `%.14g` of a float that is not integral below 1e14, from the start of the buffer; returns the length.
    fn general(&mut self, f: f64) -> usize {
        let mut len = 0;
        if f.is_sign_negative() {
            self.bytes[0] = b'-';
            len = 1;
        }
        let a = f.abs();
        if a.is_nan() || a.is_infinite() {
            self.bytes[len..len + 3].copy_from_slice(if a.is_nan() { b"nan" } else { b"inf" });
            return len + 3;
        }
        let (mut digits, exp) = significant_digits(a, 14);
        let mut count = 14;
        while digits % 10 == 0 && count > 1 {
            digits /= 10;
            count -= 1;
        }
        let mut text = [0u8; 16];
        write_decimal(&mut text, count, digits);
        let text = &text[..count];
        let out = &mut self.bytes[len..];
        len + if !(-4..14).contains(&exp) { exponential(out, text, exp) } else { fixed(out, text, exp) }
    }
}

/// `d.ddde+XX`; returns the length.
fn exponential(out: &mut [u8], text: &[u8], exp: i32) -> usize {
    out[0] = text[0];
    let mut at = 1;
    if text.len() > 1 {
        out[1] = b'.';
        out[2..text.len() + 1].copy_from_slice(&text[1..]);
        at = text.len() + 1;
    }
    out[at] = b'e';
    out[at + 1] = if exp < 0 { b'-' } else { b'+' };
    let e = exp.unsigned_abs() as usize;
    at += 2;
    if e >= 100 {
        out[at] = b'0' + (e / 100) as u8;
        at += 1;
    }
    out[at..at + 2].copy_from_slice(&DIGIT_PAIRS[e % 100 * 2..][..2]);
    at + 2
}

/// Plain decimal notation for exponents -4..14; returns the length.
fn fixed(out: &mut [u8], text: &[u8], exp: i32) -> usize {
    if exp < 0 {
        let zeros = -exp as usize;
        out[..zeros + 1].fill(b'0');
        out[1] = b'.';
        out[zeros + 1..zeros + 1 + text.len()].copy_from_slice(text);
        return zeros + 1 + text.len();
    }
    let int = exp as usize + 1;
    if text.len() <= int {
        // Rounding made it integral.
        out[..text.len()].copy_from_slice(text);
        out[text.len()..int].fill(b'0');
        out[int..int + 2].copy_from_slice(b".0");
        return int + 2;
    }
    out[..int].copy_from_slice(&text[..int]);
    out[int] = b'.';
    out[int + 1..text.len() + 1].copy_from_slice(&text[int..]);
    text.len() + 1
}

/// Writes the decimal digits of `n` so that they end before `end`; returns where they start.
#[inline]
fn write_decimal(buf: &mut [u8], end: usize, mut n: u64) -> usize {
    let mut at = end;
    while n >= 100 {
        let pair = (n % 100) as usize * 2;
        n /= 100;
        at -= 2;
        buf[at..at + 2].copy_from_slice(&DIGIT_PAIRS[pair..pair + 2]);
    }
    if n >= 10 {
        at -= 2;
        buf[at..at + 2].copy_from_slice(&DIGIT_PAIRS[n as usize * 2..][..2]);
    } else {
        at -= 1;
        buf[at] = b'0' + n as u8;
    }
    at
}

/// The `n` significant decimal digits (1 to 17) of a positive finite float, rounded half to even on the exact value, as
/// one integer, and the decimal exponent of the first one.
pub fn significant_digits(a: f64, n: u32) -> (u64, i32) {
    let (low, high) = (POW10[n as usize - 1], POW10[n as usize]);
    let bits = a.to_bits();
    let exp2 = (bits >> 52) as i32;
    if exp2 != 0 {
        let mant = bits & ((1 << 52) - 1) | 1 << 52;
        // floor(log10) of the power of two below a: right or one too small.
        let mut exp = ((exp2 - 1023) * 1233) >> 12;
        for _ in 0..2 {
            let Some((q, round_up)) = scaled(mant, exp2 - 1075, n as i32 - 1 - exp) else { break };
            if q >= high {
                exp += 1;
                continue;
            }
            if q < low {
                break;
            }
            let q = q + u64::from(round_up);
            return if q == high { (low, exp + 1) } else { (q, exp) };
        }
    }
    significant_digits_slow(a, n)
}

/// `a * 10^places` (up to 15 places) rounded half to even on the exact value, for a float from 0 to below 2^53 whose result fits;
/// None when it does not.
pub fn fixed_digits(a: f64, places: u32) -> Option<u64> {
    if !(0.0..9_007_199_254_740_992.0).contains(&a) || places > 15 {
        return None;
    }
    let bits = a.to_bits();
    let exp2 = (bits >> 52) as i32;
    if exp2 < 1023 - 100 {
        // Below 2^-100 everything rounds to 0.
        return Some(0);
    }
    let (q, up) = scaled(bits & ((1 << 52) - 1) | 1 << 52, exp2 - 1075, places as i32)?;
    q.checked_add(u64::from(up))
}

/// `floor(mant * 2^e * 10^k)` and whether rounding half to even goes up; None where 128 bits might not do.
#[inline]
fn scaled(mant: u64, e: i32, k: i32) -> Option<(u64, bool)> {
    if (0..=27).contains(&k) {
        let product = u128::from(mant) * u128::from(POW5[k as usize]);
        let shift = e + k;
        if shift >= 0 {
            return if shift <= 8 { u64::try_from(product << shift).ok().map(|q| (q, false)) } else { None };
        }
        let shift = -shift as u32;
        if shift >= 127 {
            return Some((0, false));
        }
        let q = u64::try_from(product >> shift).ok()?;
        let rest = product & ((1 << shift) - 1);
        let half = 1u128 << (shift - 1);
        return Some((q, rest > half || rest == half && q & 1 == 1));
    }
    if (-19..0).contains(&k) && (-10..=64).contains(&e) {
        let (num, den) = (u128::from(mant) << e.max(0), u128::from(POW10[-k as usize]) << (-e).max(0));
        let q = u64::try_from(num / den).ok()?;
        let rest = num % den * 2;
        return Some((q, rest > den || rest == den && q & 1 == 1));
    }
    None
}

#[cold]
fn significant_digits_slow(a: f64, n: u32) -> (u64, i32) {
    let mut text = [0u8; 32];
    let mut rest = &mut text[..];
    // 17 digits and an exponent fit.
    let _ = write!(rest, "{a:.*e}", n as usize - 1);
    let mut digits = 0;
    let mut at = 0;
    while text[at] != b'e' {
        if text[at] != b'.' {
            digits = digits * 10 + u64::from(text[at] - b'0');
        }
        at += 1;
    }
    at += 1;
    let neg = text[at] == b'-';
    let mut exp = 0;
    for &c in text[at + usize::from(neg)..].iter().take_while(|c| **c != 0) {
        exp = exp * 10 + i32::from(c - b'0');
    }
    (digits, if neg { -exp } else { exp })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(f: f64) -> String {
        String::from_utf8(NumBuf::new().float(f).to_vec()).unwrap()
    }

    #[test]
    fn known_floats() {
        for (f, text) in [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e14, "1e+14"),
            (1e15, "1e+15"),
            (99999999999999.0, "99999999999999.0"),
            (99999999999999.5, "1e+14"),
            (1e100, "1e+100"),
            (123456.789, "123456.789"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (std::f64::consts::PI, "3.1415926535898"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (5e-324, "4.9406564584125e-324"),
            (f64::MAX, "1.7976931348623e+308"),
            (0.99999999999999999, "1.0"),
            (9.99999999999996, "10.0"),
            (9007199254740993.0, "9.007199254741e+15"),
        ] {
            assert_eq!(show(f), text);
        }
        assert_eq!(show(f64::from_bits(0x7FF8 << 48)), "nan");
        assert_eq!(show(f64::from_bits(0xFFF8 << 48)), "-nan");
    }

    #[test]
    fn known_integers() {
        for i in [0, 7, -7, 10, 99, 100, 12345, i64::MAX, i64::MIN] {
            assert_eq!(NumBuf::new().int(i), i.to_string().as_bytes());
        }
    }

    /// What the C library prints, with PUC's ".0".
    fn reference(f: f64) -> String {
        let mut buf = [0u8; 64];
        // SAFETY: the buffer has 64 bytes, the format takes one double.
        let n = unsafe { libc::snprintf(buf.as_mut_ptr().cast(), 64, c"%.14g".as_ptr(), f) } as usize;
        let mut text = String::from_utf8(buf[..n].to_vec()).unwrap();
        if text.bytes().all(|c| c == b'-' || c.is_ascii_digit()) {
            text.push_str(".0");
        }
        text
    }

    #[test]
    fn agrees_with_the_c_library() {
        let mut x = 0x9E37_79B9_7F4A_7C15u64;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for round in 0..1_500_000 {
            let r = next();
            let f = match round % 6 {
                0 => f64::from_bits(r),
                1 => (r >> 11) as f64 / (1u64 << (r % 64)) as f64,
                2 => (r as i64 >> (r % 60)) as f64 / 1000.0,
                3 => (r % 1_000_000) as f64 * 0.001,
                4 => (r >> 12) as f64 * 0.5,
                _ => ((r % 2_000_000_000_000_000) as f64 + 0.5) * [1.0, 0.1, 0.01, 10.0][(r >> 60) as usize % 4],
            };
            if !f.is_nan() {
                assert_eq!(show(f), reference(f), "{:x}", f.to_bits());
            }
        }
        for e in -320..309 {
            for m in [1.0, 2.5, 9.9999999999999, 9.99999999999995, 5.0] {
                let f: f64 = format!("{m}e{e}").parse().unwrap();
                assert_eq!(show(f), reference(f));
            }
        }
    }
}
