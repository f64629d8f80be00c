//! Runs a compiled pattern over a subject.
//!
//! `Match` holds the positions of one match; nothing is allocated. Depth counts what PUC's recursive matcher counts, so
//! that "pattern too complex" comes for the same patterns and subjects.
use super::compile::{CaptureKind, Follow, Op, Program, Repeat, Single};
use super::{MAX_CAPTURES, MAX_DEPTH, PatternError};

/// "Did not match" and "an error was raised" as positions, which are never larger than a length.
const FAIL: usize = usize::MAX;
const RAISED: usize = usize::MAX - 1;

/// A successful match: where it starts and ends, and its captures.
pub struct Match {
    /// First position.
    pub start: usize,
    /// Position behind the last character.
    pub end: usize,
    spans: [(usize, usize); MAX_CAPTURES],
}

/// The value of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capture {
    /// Text between two positions of the subject.
    Text(usize, usize),
    /// A position (from 0).
    Position(usize),
}

struct Exec<'a> {
    src: &'a [u8],
    program: &'a Program,
    spans: &'a mut [(usize, usize); MAX_CAPTURES],
    error: PatternError,
}

impl Default for Match {
    fn default() -> Self {
        Self::new()
    }
}

impl Match {
    /// Room for a match.
    #[inline]
    pub fn new() -> Match {
        Match { start: 0, end: 0, spans: [(0, 0); MAX_CAPTURES] }
    }

    /// Matches at position `at` only.
    #[inline]
    pub fn at(&mut self, program: &Program, src: &[u8], at: usize) -> Result<bool, PatternError> {
        let mut exec = Exec { src, program, spans: &mut self.spans, error: PatternError::TooComplex };
        match exec.run(at, 0, MAX_DEPTH) {
            FAIL => Ok(false),
            RAISED => Err(exec.error),
            end => {
                (self.start, self.end) = (at, end);
                Ok(true)
            }
        }
    }

    /// Finds the first match that starts at `from` or later (only at `from` if the pattern is anchored).
    pub fn search(&mut self, program: &Program, src: &[u8], from: usize) -> Result<bool, PatternError> {
        if program.anchored {
            return self.at(program, src, from);
        }
        let mut at = from;
        loop {
            at = match program.first {
                Follow::Char(c) => match src.get(at..).and_then(|rest| memchr::memchr(c, rest)) {
                    Some(i) => at + i,
                    None => return Ok(false),
                },
                Follow::Set(i) => {
                    let set = &program.sets[usize::from(i)];
                    match src.get(at..).and_then(|rest| rest.iter().position(|c| set.has(*c))) {
                        Some(i) => at + i,
                        None => return Ok(false),
                    }
                }
                _ => at,
            };
            if self.at(program, src, at)? {
                return Ok(true);
            }
            at += 1;
            if at > src.len() {
                return Ok(false);
            }
        }
    }

    /// Capture `i` (from 0); without captures in the pattern, capture 0 is the whole match.
    #[inline]
    pub fn capture(&self, program: &Program, i: usize) -> Result<Capture, PatternError> {
        match program.captures.get(i) {
            Some(CaptureKind::Text) => Ok(Capture::Text(self.spans[i].0, self.spans[i].1)),
            Some(CaptureKind::Position) => Ok(Capture::Position(self.spans[i].0)),
            Some(CaptureKind::Unfinished) => Err(PatternError::UnfinishedCapture),
            None if i == 0 => Ok(Capture::Text(self.start, self.end)),
            None => Err(PatternError::InvalidCaptureIndex(i as i32 + 1)),
        }
    }
}

impl Exec<'_> {
    #[cold]
    fn raise(&mut self, error: PatternError) -> usize {
        self.error = error;
        RAISED
    }

    #[inline(always)]
    fn is_single(&self, single: Single, s: usize) -> bool {
        match self.src.get(s) {
            None => false,
            Some(&c) => match single {
                Single::Char(want) => c == want,
                Single::Any => true,
                Single::Set(i) => self.program.sets[usize::from(i)].has(c),
            },
        }
    }

    /// Matches the instructions from `pc` on at position `s`; returns the end position, FAIL or RAISED.
    fn run(&mut self, mut s: usize, mut pc: usize, mut depth: u32) -> usize {
        if depth == 0 {
            return self.raise(PatternError::TooComplex);
        }
        depth -= 1;
        loop {
            match self.program.ops[pc] {
                Op::One(single) => {
                    if !self.is_single(single, s) {
                        return FAIL;
                    }
                    s += 1;
                }
                Op::Repeat(single, Repeat::Minus, follow) => {
                    // PUC goes on in the same activation when the item matches nothing at first.
                    if self.is_single(single, s) {
                        return self.shortest(s, pc, single, follow, depth);
                    }
                }
                Op::Repeat(single, repeat, follow) => {
                    let count = self.count(single, s);
                    if count == 0 {
                        // PUC goes on in the same activation when nothing matched.
                        if repeat == Repeat::Plus {
                            return FAIL;
                        }
                    } else {
                        let least = usize::from(repeat == Repeat::Plus);
                        return self.longest(s + least, s + count, pc, follow, depth);
                    }
                }
                Op::Optional(single) => {
                    if self.is_single(single, s) {
                        let end = self.run(s + 1, pc + 1, depth);
                        if end != FAIL {
                            return end;
                        }
                    }
                }
                Op::Open(_) | Op::Position(_) | Op::Close(_) => {
                    if depth == 0 {
                        return self.raise(PatternError::TooComplex);
                    }
                    depth -= 1;
                    match self.program.ops[pc] {
                        Op::Close(l) => self.spans[usize::from(l) % MAX_CAPTURES].1 = s,
                        Op::Open(l) | Op::Position(l) => self.spans[usize::from(l) % MAX_CAPTURES].0 = s,
                        _ => {}
                    }
                }
                Op::Back(l) => {
                    let (from, to) = self.spans[usize::from(l) % MAX_CAPTURES];
                    if !self.src[s..].starts_with(&self.src[from..to]) {
                        return FAIL;
                    }
                    s += to - from;
                }
                Op::Balance(open, close) => match balanced(self.src, s, open, close) {
                    Some(end) => s = end,
                    None => return FAIL,
                },
                Op::Frontier(i) => {
                    let set = &self.program.sets[usize::from(i)];
                    let before = if s == 0 { 0 } else { self.src[s - 1] };
                    let here = self.src.get(s).copied().unwrap_or(0);
                    if set.has(before) || !set.has(here) {
                        return FAIL;
                    }
                }
                Op::End => {
                    if s != self.src.len() {
                        return FAIL;
                    }
                }
                Op::Fail => return FAIL,
                Op::Error(error) => return self.raise(error),
                Op::Finish => return s,
            }
            pc += 1;
        }
    }

    /// How many characters from `s` on match `single`.
    #[inline]
    fn count(&self, single: Single, s: usize) -> usize {
        let rest = &self.src[s..];
        let end = match single {
            Single::Any => None,
            Single::Char(want) => rest.iter().position(|c| *c != want),
            Single::Set(i) => {
                let set = &self.program.sets[usize::from(i)];
                rest.iter().position(|c| !set.has(*c))
            }
        };
        end.unwrap_or(rest.len())
    }

    /// Tries the rest of the pattern at `high`, then lower down to `low`.
    #[inline]
    fn longest(&mut self, low: usize, high: usize, pc: usize, follow: Follow, depth: u32) -> usize {
        if depth == 0 {
            return self.raise(PatternError::TooComplex);
        }
        let mut s = high;
        loop {
            let chance = match follow {
                Follow::Finish => return s,
                Follow::Unknown => true,
                Follow::Char(want) => self.src.get(s) == Some(&want),
                Follow::Set(i) => self.src.get(s).is_some_and(|c| self.program.sets[usize::from(i)].has(*c)),
            };
            if chance {
                let end = self.run(s, pc + 1, depth);
                if end != FAIL {
                    return end;
                }
            }
            if s == low {
                return FAIL;
            }
            s -= 1;
        }
    }

    /// Tries the rest of the pattern at `s`, then further on as long as `single` matches.
    #[inline]
    fn shortest(&mut self, mut s: usize, pc: usize, single: Single, follow: Follow, depth: u32) -> usize {
        if depth == 0 {
            return self.raise(PatternError::TooComplex);
        }
        loop {
            let chance = match follow {
                Follow::Finish => return s,
                Follow::Unknown => true,
                Follow::Char(want) if single == Single::Any => match memchr::memchr(want, &self.src[s..]) {
                    Some(i) => {
                        s += i;
                        true
                    }
                    None => return FAIL,
                },
                Follow::Char(want) => self.src.get(s) == Some(&want),
                Follow::Set(i) => self.src.get(s).is_some_and(|c| self.program.sets[usize::from(i)].has(*c)),
            };
            if chance {
                let end = self.run(s, pc + 1, depth);
                if end != FAIL {
                    return end;
                }
            }
            if !self.is_single(single, s) {
                return FAIL;
            }
            s += 1;
        }
    }
}

/// The end of the balanced text that starts at `s`.
fn balanced(src: &[u8], s: usize, open: u8, close: u8) -> Option<usize> {
    if src.get(s) != Some(&open) {
        return None;
    }
    let mut depth = 1;
    for (i, &c) in src[s + 1..].iter().enumerate() {
        if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(s + i + 2);
            }
        } else if c == open {
            depth += 1;
        }
    }
    None
}
