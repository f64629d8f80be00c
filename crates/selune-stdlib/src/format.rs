//! The engine of `string.format`: conversion specifications and the text they produce.
//!
//! Knows nothing of the VM: the library reads the arguments and calls one function per conversion. The output is what the C
//! library's `printf` writes in the C locale.
mod float;
mod quote;
#[cfg(test)]
mod tests;

pub use float::write_float;
pub use quote::{write_quoted_bytes, write_quoted_float, write_quoted_int};
use selune_core::number::NumBuf;

/// Most characters of a specification behind the '%'.
const MAX_SPEC: usize = 22;

/// A conversion specification: flags, width, precision, conversion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// '-': pad on the right.
    pub left: bool,
    /// '+': always a sign.
    pub plus: bool,
    /// ' ': a space where a plus sign would be.
    pub space: bool,
    /// '#': alternative form.
    pub alternate: bool,
    /// '0': pad with zeros.
    pub zero: bool,
    /// Least number of characters.
    pub width: usize,
    /// Digits after the point, of an integer, or most characters of a string.
    pub precision: Option<usize>,
}

impl Spec {
    /// Has it neither flags nor width nor precision?
    pub fn is_bare(&self) -> bool {
        *self == Spec::default()
    }
}

/// A specification as it stands in a format: its text and its conversion character (0 at the end of the format).
#[derive(Clone, Copy, Debug)]
pub struct RawSpec<'f> {
    /// Flags, width, precision and conversion character.
    pub text: &'f [u8],
    /// The conversion.
    pub conversion: u8,
}

/// What can be wrong with a specification. The texts are complete error messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// More than 21 characters.
    TooLong,
    /// Flags, width or precision that the conversion does not take.
    Invalid(Vec<u8>),
    /// Unknown conversion.
    Unknown(Vec<u8>),
}

impl SpecError {
    /// The error message.
    pub fn message(&self) -> Vec<u8> {
        match self {
            SpecError::TooLong => b"invalid format (too long)".to_vec(),
            SpecError::Invalid(text) => [b"invalid conversion specification: '%", &text[..], b"'"].concat(),
            SpecError::Unknown(text) => [b"invalid conversion '%", &text[..], b"' to 'format'"].concat(),
        }
    }
}

impl<'f> RawSpec<'f> {
    /// Reads the specification at the start of `format` (behind the '%').
    #[inline]
    pub fn read(format: &'f [u8]) -> Result<RawSpec<'f>, SpecError> {
        let len = format.iter().take_while(|c| matches!(c, b'-' | b'+' | b'#' | b' ' | b'.' | b'0'..=b'9')).count();
        if len + 1 >= MAX_SPEC {
            return Err(SpecError::TooLong);
        }
        let conversion = format.get(len).copied().unwrap_or(0);
        Ok(RawSpec { text: &format[..format.len().min(len + 1)], conversion })
    }

    /// The error for a conversion that does not exist.
    pub fn unknown(&self) -> SpecError {
        SpecError::Unknown(self.shown())
    }

    /// The text as C shows it: up to a zero.
    fn shown(&self) -> Vec<u8> {
        self.text.iter().copied().take_while(|c| *c != 0).collect()
    }

    /// Checks the specification against what the conversion accepts.
    #[inline]
    pub fn parse(&self, flags: &[u8], precision: bool) -> Result<Spec, SpecError> {
        let mut spec = Spec::default();
        let mut rest = self.text;
        if rest.len() == 1 {
            return Ok(spec);
        }
        while let [flag, tail @ ..] = rest
            && flags.contains(flag)
        {
            match flag {
                b'-' => spec.left = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'#' => spec.alternate = true,
                _ => spec.zero = true,
            }
            rest = tail;
        }
        if rest.first() != Some(&b'0') {
            (spec.width, rest) = two_digits(rest);
            if let [b'.', tail @ ..] = rest
                && precision
            {
                let (digits, tail) = two_digits(tail);
                spec.precision = Some(digits);
                rest = tail;
            }
        }
        if rest.first().is_some_and(u8::is_ascii_alphabetic) { Ok(spec) } else { Err(SpecError::Invalid(self.shown())) }
    }
}

fn two_digits(s: &[u8]) -> (usize, &[u8]) {
    let count = s.iter().take(2).take_while(|c| c.is_ascii_digit()).count();
    (s[..count].iter().fold(0, |n, c| n * 10 + usize::from(c - b'0')), &s[count..])
}

/// Writes `prefix` (sign or "0x") and `body`, padded to the width; `zeros` says whether zeros may pad.
fn write_padded(out: &mut Vec<u8>, spec: &Spec, prefix: &[u8], body: &[u8], zeros: bool) {
    let pad = spec.width.saturating_sub(prefix.len() + body.len());
    if pad > 0 && !spec.left && !(zeros && spec.zero) {
        out.resize(out.len() + pad, b' ');
    }
    out.extend_from_slice(prefix);
    if pad > 0 && !spec.left && zeros && spec.zero {
        out.resize(out.len() + pad, b'0');
    }
    out.extend_from_slice(body);
    if pad > 0 && spec.left {
        out.resize(out.len() + pad, b' ');
    }
}

fn sign(spec: &Spec, negative: bool) -> &'static [u8] {
    match (negative, spec.plus, spec.space) {
        (true, ..) => b"-",
        (_, true, _) => b"+",
        (_, _, true) => b" ",
        _ => b"",
    }
}

/// `%d` and `%i`.
pub fn write_int(out: &mut Vec<u8>, spec: &Spec, i: i64) {
    let mut buf = NumBuf::new();
    let text = buf.int(i);
    if spec.is_bare() {
        out.extend_from_slice(text);
        return;
    }
    let digits = if i < 0 { &text[1..] } else { text };
    write_digits(out, spec, sign(spec, i < 0), digits, i == 0);
}

/// `%u`, `%o`, `%x` and `%X`.
pub fn write_unsigned(out: &mut Vec<u8>, spec: &Spec, i: i64, conversion: u8) {
    let n = i as u64;
    let mut text = match conversion {
        b'o' => format!("{n:o}"),
        b'x' => format!("{n:x}"),
        b'X' => format!("{n:X}"),
        _ => n.to_string(),
    };
    let mut prefix: &[u8] = b"";
    if spec.alternate {
        match conversion {
            b'x' if n != 0 => prefix = b"0x",
            b'X' if n != 0 => prefix = b"0X",
            b'o' if n != 0 && spec.precision.is_none_or(|p| p <= text.len()) => text.insert(0, '0'),
            b'o' if n == 0 && spec.precision == Some(0) => {
                out.reserve(1);
                return write_padded(out, spec, b"", b"0", false);
            }
            _ => {}
        }
    }
    write_digits(out, spec, prefix, text.as_bytes(), n == 0);
}

/// The digits of an integer with precision (least number of digits) and padding.
fn write_digits(out: &mut Vec<u8>, spec: &Spec, prefix: &[u8], digits: &[u8], is_zero: bool) {
    match spec.precision {
        None => write_padded(out, spec, prefix, digits, true),
        Some(0) if is_zero => write_padded(out, spec, prefix, b"", false),
        Some(p) if p > digits.len() => {
            let mut body = [b'0'; 100];
            body[p - digits.len()..p].copy_from_slice(digits);
            write_padded(out, spec, prefix, &body[..p], false);
        }
        Some(_) => write_padded(out, spec, prefix, digits, false),
    }
}

/// `%c`.
pub fn write_char(out: &mut Vec<u8>, spec: &Spec, c: u8) {
    write_padded(out, spec, b"", &[c], false);
}

/// `%s` with flags, width or precision.
pub fn write_bytes(out: &mut Vec<u8>, spec: &Spec, s: &[u8]) {
    let s = &s[..s.len().min(spec.precision.unwrap_or(usize::MAX))];
    write_padded(out, spec, b"", s, false);
}

/// `%p`: an address, or `(null)` for what has none.
pub fn write_pointer(out: &mut Vec<u8>, spec: &Spec, address: Option<u64>) {
    match address {
        None => write_padded(out, spec, b"", b"(null)", false),
        Some(a) => write_padded(out, spec, b"", format!("0x{a:x}").as_bytes(), false),
    }
}
