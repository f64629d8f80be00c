//! Source bytes to tokens, with one token of lookahead.
//!
//! The source is any bytes; only ASCII letters, digits and `_` make names. `line` is the line where the scanner stands,
//! that is, the line where the newest token ends; `last_line` is the line of the token that was consumed last. The
//! emitter gives instructions the same lines as PUC because both count this way. Strings and comments: `lexer/string.rs`.
//!
//! The source may come in pieces: a token that touches the end of what is there is scanned again when the next piece has
//! come, so that, as in PUC, a piece is asked for when its first byte is needed.
mod string;

use crate::error::{CompileError, Result, c_str};
use crate::Reader;
use crate::intern::Strings;
use crate::token::Tok;
use selune_core::number::{self, Number};

const ALPHA: u8 = 1;
const DIGIT: u8 = 2;
const HEX: u8 = 4;
const SPACE: u8 = 8;

const fn classes() -> [u8; 256] {
    let mut t = [0; 256];
    let mut c = 0;
    while c < 128 {
        let b = c as u8;
        let mut k = 0;
        if b.is_ascii_alphabetic() || b == b'_' {
            k |= ALPHA;
        }
        if b.is_ascii_digit() {
            k |= DIGIT;
        }
        if b.is_ascii_hexdigit() {
            k |= HEX;
        }
        if matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0B | 0x0C) {
            k |= SPACE;
        }
        t[c] = k;
        c += 1;
    }
    t
}
static CLASS: [u8; 256] = classes();

fn is(b: Option<u8>, class: u8) -> bool {
    b.is_some_and(|b| CLASS[b as usize] & class != 0)
}

/// What an error message quotes as the place of the error.
pub(crate) enum Near<'t> {
    /// Nothing.
    Nowhere,
    /// A token.
    Token(Tok),
    /// The text scanned so far of a token that is wrong in itself.
    Text(&'t [u8]),
}

/// The scanner.
pub(crate) struct Lexer<'a> {
    src: Vec<u8>,
    /// Gives what follows `src`; none when that is all.
    more: Option<&'a mut Reader<'a>>,
    pos: usize,
    chunk_name: &'a [u8],
    /// All names and strings seen.
    pub strings: Strings,
    /// The current token.
    pub tok: Tok,
    /// Where the current token starts.
    start: usize,
    /// The line of that place.
    start_line: u32,
    /// The token after the current one and its start, when somebody looked.
    ahead: Option<(Tok, usize)>,
    /// The line where the scanner stands.
    pub line: u32,
    /// The line of the last consumed token.
    pub last_line: u32,
    /// Bytes of a string with escapes.
    buf: Vec<u8>,
}

impl<'a> Lexer<'a> {
    /// A scanner before the first token (call `next` to read it).
    pub fn new(src: &[u8], chunk_name: &'a [u8]) -> Lexer<'a> {
        Lexer {
            src: src.to_vec(),
            more: None,
            pos: 0,
            chunk_name,
            strings: Strings::new(),
            tok: Tok::Eos,
            start: 0,
            start_line: 1,
            ahead: None,
            line: 1,
            last_line: 1,
            buf: Vec::new(),
        }
    }

    /// The same for a source that a function gives piece by piece.
    pub fn of_pieces(more: &'a mut Reader<'a>, chunk_name: &'a [u8]) -> Lexer<'a> {
        Lexer { more: Some(more), ..Lexer::new(b"", chunk_name) }
    }

    /// The source that was read.
    pub fn into_parts(self) -> (Strings, Vec<u8>) {
        (self.strings, self.src)
    }

    /// Goes to the next token.
    #[inline]
    pub fn next(&mut self) -> Result<()> {
        self.last_line = self.line;
        if let Some((tok, start)) = self.ahead.take() {
            self.tok = tok;
            self.start = start;
        } else {
            self.tok = self.scan()?;
        }
        Ok(())
    }

    /// The token after the current one.
    pub fn look_ahead(&mut self) -> Result<Tok> {
        let start = self.start;
        let tok = self.scan()?;
        self.ahead = Some((tok, self.start));
        self.start = start;
        Ok(tok)
    }

    /// An error at the scanner's line.
    #[cold]
    pub fn error(&self, msg: &str, near: Near<'_>) -> Box<CompileError> {
        self.error_bytes(msg.as_bytes(), near)
    }

    /// The same with a message of bytes.
    #[cold]
    pub fn error_bytes(&self, msg: &[u8], near: Near<'_>) -> Box<CompileError> {
        let mut text = msg.to_vec();
        match near {
            Near::Nowhere => {}
            Near::Text(t) => {
                text.extend_from_slice(b" near '");
                text.extend_from_slice(c_str(t));
                text.push(b'\'');
            }
            Near::Token(t) => {
                text.extend_from_slice(b" near ");
                text.extend_from_slice(&self.token_text(t));
            }
        }
        CompileError::syntax(self.chunk_name, self.line, &text)
    }

    /// An error at the current token. (PUC marks "no token" by 0, so a NUL byte is not quoted.)
    #[cold]
    pub fn syntax_error(&self, msg: &str) -> Box<CompileError> {
        let near = if self.tok == Tok::Char(0) { Near::Nowhere } else { Near::Token(self.tok) };
        self.error(msg, near)
    }

    /// The token as messages quote it; names, strings and numbers as they stand in the source.
    fn token_text(&self, tok: Tok) -> Vec<u8> {
        let shown = match tok {
            Tok::Name(s) => self.strings.get(s).to_vec(),
            Tok::Str(s) => self.quoted_source(self.strings.get(s)),
            Tok::Int(_) | Tok::Float(_) => self.src[self.start..self.numeral_end(self.start)].to_vec(),
            other => return other.describe().into_bytes(),
        };
        [b"'", c_str(&shown), b"'"].concat()
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.src.get(self.pos).copied()
    }

    /// Skips a line break (`\n`, `\r`, `\r\n` or `\n\r`).
    #[inline]
    fn skip_newline(&mut self) {
        let first = self.src[self.pos];
        self.pos += 1;
        if let Some(second @ (b'\n' | b'\r')) = self.peek()
            && second != first
        {
            self.pos += 1;
        }
        self.line += 1;
    }

    #[inline]
    fn scan(&mut self) -> Result<Tok> {
        let scanned = self.scan_token();
        if self.more.is_none() { scanned } else { self.scan_in_pieces(scanned) }
    }

    /// Scans again, with more text, while a token touches the end of the text. (One that ends before it has been scanned
    /// without a look at the end.)
    #[cold]
    fn scan_in_pieces(&mut self, mut scanned: Result<Tok>) -> Result<Tok> {
        while self.pos >= self.src.len()
            && let Some(more) = &mut self.more
        {
            match more() {
                Ok(Some(piece)) => {
                    self.src.extend_from_slice(&piece);
                    self.pos = self.start;
                    self.line = self.start_line;
                    scanned = self.scan_token();
                }
                Ok(None) => self.more = None,
                Err(()) => return Err(CompileError::reader()),
            }
        }
        scanned
    }

    /// After a comment or line break that touches the end of the text while more may follow: what follows may belong to it.
    #[inline]
    fn may_go_on(&self) -> bool {
        self.more.is_some() && self.pos >= self.src.len()
    }

    fn scan_token(&mut self) -> Result<Tok> {
        loop {
            self.start = self.pos;
            self.start_line = self.line;
            let Some(c) = self.peek() else { return Ok(Tok::Eos) };
            match c {
                b'\n' | b'\r' => {
                    self.skip_newline();
                    if self.may_go_on() {
                        return Ok(Tok::Eos);
                    }
                }
                b' ' | b'\t' | 0x0B | 0x0C => self.pos += 1,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => return Ok(self.name()),
                b'0'..=b'9' => return self.numeral(),
                b'"' | b'\'' => return self.short_string(c),
                b'-' => {
                    self.pos += 1;
                    if self.peek() != Some(b'-') {
                        return Ok(Tok::Char(b'-'));
                    }
                    self.pos += 1;
                    self.comment()?;
                    if self.may_go_on() {
                        return Ok(Tok::Eos);
                    }
                }
                b'[' => match self.long_bracket_level() {
                    Some(Ok(level)) => return self.long_string(level),
                    Some(Err(len)) => {
                        self.pos += len;
                        let text = &self.src[self.start..self.pos];
                        return Err(self.error("invalid long string delimiter", Near::Text(text)));
                    }
                    None => return self.symbol(Tok::Char(b'['), 1),
                },
                b'.' => {
                    return match (self.src.get(self.pos + 1), self.src.get(self.pos + 2)) {
                        (Some(b'.'), Some(b'.')) => self.symbol(Tok::Dots, 3),
                        (Some(b'.'), _) => self.symbol(Tok::Concat, 2),
                        (Some(b'0'..=b'9'), _) => self.numeral(),
                        _ => self.symbol(Tok::Char(b'.'), 1),
                    };
                }
                _ => return self.operator(c),
            }
        }
    }

    #[inline]
    fn symbol(&mut self, tok: Tok, len: usize) -> Result<Tok> {
        self.pos += len;
        Ok(tok)
    }

    fn operator(&mut self, c: u8) -> Result<Tok> {
        let double = match (c, self.src.get(self.pos + 1)) {
            (b'=', Some(b'=')) => Tok::Eq,
            (b'<', Some(b'=')) => Tok::Le,
            (b'<', Some(b'<')) => Tok::Shl,
            (b'>', Some(b'=')) => Tok::Ge,
            (b'>', Some(b'>')) => Tok::Shr,
            (b'/', Some(b'/')) => Tok::IDiv,
            (b'~', Some(b'=')) => Tok::Ne,
            (b':', Some(b':')) => Tok::DbColon,
            _ => return self.symbol(Tok::Char(c), 1),
        };
        self.symbol(double, 2)
    }

    fn name(&mut self) -> Tok {
        let start = self.pos;
        while is(self.peek(), ALPHA | DIGIT) {
            self.pos += 1;
        }
        let id = self.strings.intern(&self.src[start..self.pos]);
        Tok::keyword(id).unwrap_or(Tok::Name(id))
    }

    /// Where the numeral that starts at `start` ends: the longest run that could be part of one, plus a letter that
    /// touches it (which makes it malformed).
    fn numeral_end(&self, start: usize) -> usize {
        let at = |i: usize| self.src.get(i).copied();
        let mut i = start + 1;
        let mut exponent = b'e';
        if self.src[start] == b'0' && matches!(at(i), Some(b'x' | b'X')) {
            exponent = b'p';
            i += 1;
        }
        while let Some(c) = at(i) {
            if c | 0x20 == exponent {
                i += 1;
                if matches!(at(i), Some(b'+' | b'-')) {
                    i += 1;
                }
            } else if CLASS[c as usize] & HEX != 0 || c == b'.' {
                i += 1;
            } else {
                break;
            }
        }
        if is(at(i), ALPHA) { i + 1 } else { i }
    }

    fn numeral(&mut self) -> Result<Tok> {
        let start = self.pos;
        self.pos = self.numeral_end(start);
        let text = &self.src[start..self.pos];
        match number::parse(text) {
            Some(Number::Int(i)) => Ok(Tok::Int(i)),
            Some(Number::Float(f)) => Ok(Tok::Float(f)),
            None => Err(self.error("malformed number", Near::Text(text))),
        }
    }
}

#[cfg(test)]
mod tests;
