//! String literals and comments.
//!
//! Messages quote a wrong literal as PUC's buffer has it: the opening delimiter, the bytes so far with escapes already
//! replaced, and the raw text of the escape that is wrong.
use super::{DIGIT, HEX, Lexer, Near, SPACE, is};
use crate::error::Result;
use crate::token::Tok;

/// The largest code point of `\u{...}`.
const MAX_CODE_POINT: u32 = 0x7FFF_FFFF;

impl Lexer<'_> {
    /// At a `[` (or `]`): `Ok(n)` when a long bracket of level `n` stands here, `Err(len)` when `=` signs follow but no
    /// second bracket, None when it is a plain bracket.
    pub(super) fn long_bracket_level(&self) -> Option<std::result::Result<usize, usize>> {
        let bracket = self.src[self.pos];
        let rest = &self.src[self.pos + 1..];
        let level = rest.iter().take_while(|&&b| b == b'=').count();
        if rest.get(level) == Some(&bracket) {
            Some(Ok(level))
        } else if level > 0 {
            Some(Err(level + 1))
        } else {
            None
        }
    }

    /// After `--`.
    pub(super) fn comment(&mut self) -> Result<()> {
        if self.peek() == Some(b'[')
            && let Some(Ok(level)) = self.long_bracket_level()
        {
            return self.long_body(level, false);
        }
        while !matches!(self.peek(), None | Some(b'\n' | b'\r')) {
            self.pos += 1;
        }
        Ok(())
    }

    pub(super) fn long_string(&mut self, level: usize) -> Result<Tok> {
        self.long_body(level, true)?;
        Ok(Tok::Str(self.strings.intern(&self.buf)))
    }

    /// Reads a long bracket up to its end; the content goes to `buf` when it is a string.
    fn long_body(&mut self, level: usize, is_string: bool) -> Result<()> {
        let first_line = self.line;
        self.pos += level + 2;
        self.buf.clear();
        if matches!(self.peek(), Some(b'\n' | b'\r')) {
            self.skip_newline();
        }
        let mut run = self.pos;
        loop {
            match self.peek() {
                None => {
                    let what = if is_string { "string" } else { "comment" };
                    let msg = format!("unfinished long {what} (starting at line {first_line})");
                    return Err(self.error(&msg, Near::Token(Tok::Eos)));
                }
                Some(b']') => {
                    if self.long_bracket_level() == Some(Ok(level)) {
                        if is_string {
                            self.buf.extend_from_slice(&self.src[run..self.pos]);
                        }
                        self.pos += level + 2;
                        return Ok(());
                    }
                    // The `=` signs cannot start another end, but the bracket after them can.
                    self.pos += match self.long_bracket_level() {
                        Some(Ok(n)) => n + 1,
                        Some(Err(len)) => len,
                        None => 1,
                    };
                }
                Some(b'\n' | b'\r') => {
                    if is_string {
                        self.buf.extend_from_slice(&self.src[run..self.pos]);
                        self.buf.push(b'\n');
                    }
                    self.skip_newline();
                    run = self.pos;
                }
                Some(_) => self.pos += 1,
            }
        }
    }

    /// How a string token that starts at `start` is quoted, given its content.
    pub(super) fn quoted_source(&self, content: &[u8]) -> Vec<u8> {
        let rest = &self.src[self.start..];
        if rest[0] != b'[' {
            return [&rest[..1], content, &rest[..1]].concat();
        }
        let level = rest[1..].iter().take_while(|&&b| b == b'=').count();
        let equals = &rest[1..1 + level];
        [b"[", equals, b"[", content, b"]", equals, b"]"].concat()
    }

    pub(super) fn short_string(&mut self, quote: u8) -> Result<Tok> {
        self.pos += 1;
        let mut run = self.pos;
        self.buf.clear();
        self.buf.push(quote);
        loop {
            match self.peek() {
                Some(c) if c == quote => {
                    let tail = &self.src[run..self.pos];
                    self.pos += 1;
                    let id = if self.buf.len() == 1 {
                        self.strings.intern(tail)
                    } else {
                        self.buf.extend_from_slice(tail);
                        self.strings.intern(&self.buf[1..])
                    };
                    return Ok(Tok::Str(id));
                }
                Some(b'\\') => {
                    self.buf.extend_from_slice(&self.src[run..self.pos]);
                    self.escape()?;
                    run = self.pos;
                }
                None => return Err(self.error("unfinished string", Near::Token(Tok::Eos))),
                Some(b'\n' | b'\r') => {
                    self.buf.extend_from_slice(&self.src[run..self.pos]);
                    return Err(self.error("unfinished string", Near::Text(&self.buf)));
                }
                Some(_) => self.pos += 1,
            }
        }
    }

    /// At a backslash: appends what the escape stands for.
    fn escape(&mut self) -> Result<()> {
        let start = self.pos;
        self.pos += 1;
        let Some(c) = self.peek() else { return Ok(()) };
        let byte = match c {
            b'a' => 0x07,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'v' => 0x0B,
            b'\\' | b'"' | b'\'' => c,
            b'x' => {
                let high = self.hex_digit(start)?;
                let low = self.hex_digit(start)?;
                (high << 4 | low) as u8
            }
            b'u' => return self.utf8_escape(start),
            b'\n' | b'\r' => {
                self.skip_newline();
                self.buf.push(b'\n');
                return Ok(());
            }
            b'z' => {
                self.pos += 1;
                while is(self.peek(), SPACE) {
                    if matches!(self.peek(), Some(b'\n' | b'\r')) {
                        self.skip_newline();
                    } else {
                        self.pos += 1;
                    }
                }
                return Ok(());
            }
            _ => return self.decimal_escape(start),
        };
        self.pos += 1;
        self.buf.push(byte);
        Ok(())
    }

    /// The digit after the current byte; leaves the scanner on it.
    fn hex_digit(&mut self, start: usize) -> Result<u32> {
        self.pos += 1;
        self.check(start, is(self.peek(), HEX), "hexadecimal digit expected")?;
        Ok(hex_value(self.src[self.pos]))
    }

    fn utf8_escape(&mut self, start: usize) -> Result<()> {
        self.pos += 1;
        self.check(start, self.peek() == Some(b'{'), "missing '{'")?;
        let mut code = self.hex_digit(start)?;
        self.pos += 1;
        while is(self.peek(), HEX) {
            self.check(start, code <= MAX_CODE_POINT >> 4, "UTF-8 value too large")?;
            code = code << 4 | hex_value(self.src[self.pos]);
            self.pos += 1;
        }
        self.check(start, self.peek() == Some(b'}'), "missing '}'")?;
        self.pos += 1;
        push_utf8(&mut self.buf, code);
        Ok(())
    }

    fn decimal_escape(&mut self, start: usize) -> Result<()> {
        self.check(start, is(self.peek(), DIGIT), "invalid escape sequence")?;
        let mut value = 0u32;
        for _ in 0..3 {
            if !is(self.peek(), DIGIT) {
                break;
            }
            value = value * 10 + (self.src[self.pos] - b'0') as u32;
            self.pos += 1;
        }
        self.check(start, value <= 255, "decimal escape too large")?;
        self.buf.push(value as u8);
        Ok(())
    }

    /// Raises `msg` unless `ok`, quoting the string so far and the escape from `start` to the current byte.
    fn check(&mut self, start: usize, ok: bool, msg: &str) -> Result<()> {
        if ok {
            return Ok(());
        }
        self.buf.extend_from_slice(&self.src[start..(self.pos + 1).min(self.src.len())]);
        Err(self.error(msg, Near::Text(&self.buf)))
    }
}

fn hex_value(b: u8) -> u32 {
    (b as char).to_digit(16).unwrap_or(0)
}

/// UTF-8 as Lua extends it: up to six bytes, for code points below 2^31.
fn push_utf8(out: &mut Vec<u8>, code: u32) {
    if code < 0x80 {
        out.push(code as u8);
        return;
    }
    let mut tail = [0u8; 6];
    let mut n = 0;
    let mut rest = code;
    let mut first_max = 0x3Fu32;
    while rest > first_max {
        tail[n] = 0x80 | (rest & 0x3F) as u8;
        n += 1;
        rest >>= 6;
        first_max >>= 1;
    }
    out.push(((!first_max << 1) | rest) as u8);
    out.extend(tail[..n].iter().rev());
}
