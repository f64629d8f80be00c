//! The engine of `string.pack`, `packsize` and `unpack`: format options, alignment, integers of 1 to 16 bytes.
//!
//! Knows nothing of the VM; the library reads arguments and pushes results.
use std::fmt;

/// Largest size of an integer.
const MAX_INT_SIZE: i32 = 16;
/// Size of a Lua integer.
pub const LUA_INT_SIZE: usize = 8;
/// Largest total size.
pub const MAX_SIZE: usize = i32::MAX as usize;

/// What a format option stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signed integer.
    Int,
    /// Unsigned integer.
    Uint,
    /// `f`
    Float,
    /// `d` and `n`
    Double,
    /// `cN`
    Chars,
    /// `sN`
    String,
    /// `z`
    Zero,
    /// `x`
    Padding,
    /// `X`
    PadAlign,
    /// Configuration and spaces.
    Nothing,
}

/// One option of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it stands for.
    pub kind: Kind,
    /// Its size (of the length for strings).
    pub size: usize,
    /// Bytes of padding before it.
    pub align: usize,
}

/// What can be wrong with a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackError {
    /// An error of its own.
    Plain(String),
    /// An error of argument 1.
    Format(&'static str),
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PackError::Plain(text) => f.write_str(text),
            PackError::Format(text) => f.write_str(text),
        }
    }
}

/// Reads the options of a format.
pub struct Format<'f> {
    rest: &'f [u8],
    /// Little endian?
    pub little: bool,
    max_align: usize,
}

impl<'f> Format<'f> {
    /// Starts at the beginning of a format, which ends at a zero.
    pub fn new(format: &'f [u8]) -> Format<'f> {
        let end = format.iter().position(|c| *c == 0).unwrap_or(format.len());
        Format { rest: &format[..end], little: cfg!(target_endian = "little"), max_align: 1 }
    }

    fn number(&mut self) -> Option<i32> {
        if !self.rest.first()?.is_ascii_digit() {
            return None;
        }
        let mut n = 0;
        while let Some(c) = self.rest.first().filter(|c| c.is_ascii_digit()) {
            n = n * 10 + i32::from(c - b'0');
            self.rest = &self.rest[1..];
            if n > (i32::MAX - 9) / 10 {
                break;
            }
        }
        Some(n)
    }

    fn int_size(&mut self, default: usize) -> Result<usize, PackError> {
        match self.number() {
            None => Ok(default),
            Some(n) if (1..=MAX_INT_SIZE).contains(&n) => Ok(n as usize),
            Some(n) => Err(PackError::Plain(format!("integral size ({n}) out of limits [1,{MAX_INT_SIZE}]"))),
        }
    }

    fn option(&mut self, c: u8) -> Result<(Kind, usize), PackError> {
        self.rest = &self.rest[1..];
        Ok(match c {
            b'b' => (Kind::Int, 1),
            b'B' => (Kind::Uint, 1),
            b'h' => (Kind::Int, 2),
            b'H' => (Kind::Uint, 2),
            b'l' | b'j' => (Kind::Int, 8),
            b'L' | b'J' | b'T' => (Kind::Uint, 8),
            b'f' => (Kind::Float, 4),
            b'n' | b'd' => (Kind::Double, 8),
            b'i' => (Kind::Int, self.int_size(4)?),
            b'I' => (Kind::Uint, self.int_size(4)?),
            b's' => (Kind::String, self.int_size(8)?),
            b'c' => match self.number() {
                Some(n) => (Kind::Chars, n as usize),
                None => return Err(PackError::Plain("missing size for format option 'c'".into())),
            },
            b'z' => (Kind::Zero, 0),
            b'x' => (Kind::Padding, 1),
            b'X' => (Kind::PadAlign, 0),
            b' ' => (Kind::Nothing, 0),
            b'<' | b'>' | b'=' => {
                self.little = if c == b'=' { cfg!(target_endian = "little") } else { c == b'<' };
                (Kind::Nothing, 0)
            }
            b'!' => {
                self.max_align = self.int_size(8)?;
                (Kind::Nothing, 0)
            }
            _ => return Err(PackError::Plain(format!("invalid format option '{}'", char::from(c)))),
        })
    }

    /// The next option, for data that has `total` bytes so far; None at the end.
    pub fn next(&mut self, total: usize) -> Result<Option<Item>, PackError> {
        let Some(&c) = self.rest.first() else { return Ok(None) };
        let (kind, size) = self.option(c)?;
        let mut align = size;
        if kind == Kind::PadAlign {
            const INVALID: PackError = PackError::Format("invalid next option for option 'X'");
            let Some(&next) = self.rest.first() else { return Err(INVALID) };
            let (next, next_align) = self.option(next)?;
            if next == Kind::Chars || next_align == 0 {
                return Err(INVALID);
            }
            align = next_align;
        }
        let mut padding = 0;
        if align > 1 && kind != Kind::Chars {
            align = align.min(self.max_align);
            if !align.is_power_of_two() {
                return Err(PackError::Format("format asks for alignment not power of 2"));
            }
            padding = align.wrapping_sub(total & (align - 1)) & (align - 1);
        }
        Ok(Some(Item { kind, size, align: padding }))
    }
}

/// Writes the low `size` bytes of an integer, sign-extended when it is larger than a Lua integer and negative.
pub fn write_int(out: &mut Vec<u8>, n: i64, little: bool, size: usize, negative: bool) {
    let mut bytes = [if negative { 0xFF } else { 0 }; MAX_INT_SIZE as usize];
    bytes[..LUA_INT_SIZE].copy_from_slice(&n.to_le_bytes());
    let bytes = &mut bytes[..size];
    if !little {
        bytes.reverse();
    }
    out.extend_from_slice(bytes);
}

/// Reads an integer of 1 to 16 bytes; None when it does not fit a Lua integer.
pub fn read_int(data: &[u8], little: bool, signed: bool) -> Option<i64> {
    let size = data.len();
    let byte = |i: usize| if little { data[i] } else { data[size - 1 - i] };
    let mut n: u64 = 0;
    for i in (0..size.min(LUA_INT_SIZE)).rev() {
        n = n << 8 | u64::from(byte(i));
    }
    if size < LUA_INT_SIZE {
        if signed {
            let shift = 64 - 8 * size as u32;
            return Some((n << shift) as i64 >> shift);
        }
    } else {
        let fill = if signed && (n as i64) < 0 { 0xFF } else { 0 };
        if (LUA_INT_SIZE..size).any(|i| byte(i) != fill) {
            return None;
        }
    }
    Some(n as i64)
}

/// Does `n` fit a signed integer of `size` bytes?
pub fn fits_signed(n: i64, size: usize) -> bool {
    size >= LUA_INT_SIZE || {
        let limit = 1i64 << (size * 8 - 1);
        (-limit..limit).contains(&n)
    }
}

/// Does `n` fit an unsigned integer of `size` bytes?
pub fn fits_unsigned(n: u64, size: usize) -> bool {
    size >= LUA_INT_SIZE || n < 1 << (size * 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(format: &str) -> Result<Vec<Item>, PackError> {
        let mut reader = Format::new(format.as_bytes());
        let (mut total, mut items) = (0, Vec::new());
        while let Some(item) = reader.next(total)? {
            total += item.align + item.size;
            items.push(item);
        }
        Ok(items)
    }

    #[test]
    fn alignment() {
        let pads = |f: &str| items(f).unwrap().iter().map(|i| i.align).collect::<Vec<_>>();
        assert_eq!(pads("!8 b i8"), [0, 0, 0, 0, 7]);
        assert_eq!(pads("!4 b i8"), [0, 0, 0, 0, 3]);
        assert_eq!(pads("b i8"), [0, 0, 0]);
        assert_eq!(pads("!bXi4"), [0, 0, 3]);
    }

    #[test]
    fn format_errors() {
        let text = |f: &str| items(f).unwrap_err().to_string();
        assert_eq!(text("i17"), "integral size (17) out of limits [1,16]");
        assert_eq!(text("i0"), "integral size (0) out of limits [1,16]");
        assert_eq!(text("c"), "missing size for format option 'c'");
        assert_eq!(text("r"), "invalid format option 'r'");
        assert_eq!(text("X"), "invalid next option for option 'X'");
        assert_eq!(text("Xc1"), "invalid next option for option 'X'");
        assert_eq!(text("Xz"), "invalid next option for option 'X'");
        assert_eq!(text("!i3"), "format asks for alignment not power of 2");
    }

    #[test]
    fn integers_round_trip() {
        for size in 1..=16 {
            for little in [true, false] {
                for n in [0i64, 1, -1, 100, -100, i64::MAX, i64::MIN] {
                    if fits_signed(n, size) {
                        let mut out = Vec::new();
                        write_int(&mut out, n, little, size, n < 0);
                        assert_eq!(out.len(), size);
                        assert_eq!(read_int(&out, little, true), Some(n));
                    }
                }
            }
        }
        assert_eq!(read_int(&[0; 9], true, false), Some(0));
        assert_eq!(read_int(&[0, 0, 0, 0, 0, 0, 0, 0, 1], true, false), None);
        assert_eq!(read_int(&[255; 16], true, true), Some(-1));
        assert_eq!(read_int(&[255; 16], true, false), None);
    }
}
