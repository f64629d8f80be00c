//! Pattern text to a linear program.
//!
//! Lua patterns have no alternation, so which captures are open or closed at each point is known here: `)` knows its
//! capture and `%1` knows whether it is valid. Each repetition carries the set of bytes that what follows it can start
//! with (its *follow* set), so that the matcher tries only places where the rest has a chance.
use super::set::{self, ByteSet};
use super::{MAX_CAPTURES, PatternError};

/// What one character is matched against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Single {
    /// This byte.
    Char(u8),
    /// Any byte.
    Any,
    /// A byte of this set of the program.
    Set(u16),
}

/// What the rest of the pattern after a repetition can start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// Anything, or nothing.
    Unknown,
    /// The pattern is over.
    Finish,
    /// Only this byte.
    Char(u8),
    /// Only a byte of this set.
    Set(u16),
}

/// How often a repeated item matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// `*`
    Star,
    /// `+`
    Plus,
    /// `-`
    Minus,
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// One character.
    One(Single),
    /// A repeated character.
    Repeat(Single, Repeat, Follow),
    /// An optional character.
    Optional(Single),
    /// Start of capture n.
    Open(u8),
    /// Position capture n.
    Position(u8),
    /// End of capture n.
    Close(u8),
    /// The text of capture n again.
    Back(u8),
    /// `%bxy`
    Balance(u8, u8),
    /// `%f[set]`
    Frontier(u16),
    /// End of the subject (`$`).
    End,
    /// Never matches (`%1` for a position capture).
    Fail,
    /// Raises the error.
    Error(PatternError),
    /// The whole pattern has matched.
    Finish,
}

/// What a capture holds after a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureKind {
    /// Text.
    Text,
    /// A position.
    Position,
    /// Was never closed: using it is an error.
    Unfinished,
}

/// A compiled pattern.
#[derive(Debug)]
pub struct Program {
    pub(super) ops: Vec<Op>,
    pub(super) sets: Vec<ByteSet>,
    pub(super) captures: Vec<CaptureKind>,
    /// Starts with '^': matches only at the first position.
    pub(super) anchored: bool,
    /// What a match can start with.
    pub(super) first: Follow,
}

struct Compiler<'p> {
    pattern: &'p [u8],
    at: usize,
    program: Program,
}

impl Program {
    /// Compiles a pattern. With `anchors` a leading '^' anchors; without (as in gmatch) it is an ordinary character.
    pub fn new(pattern: &[u8], anchors: bool) -> Program {
        let anchored = anchors && pattern.first() == Some(&b'^');
        let program = Program { ops: Vec::with_capacity(pattern.len() + 1), sets: Vec::new(), captures: Vec::new(), anchored, first: Follow::Unknown };
        let mut compiler = Compiler { pattern, at: usize::from(anchored), program };
        if let Err(error) = compiler.items() {
            compiler.program.ops.push(Op::Error(error));
        }
        let mut program = compiler.program;
        program.ops.push(Op::Finish);
        program.add_follows();
        program
    }

    /// Number of captures.
    pub fn capture_count(&self) -> usize {
        self.captures.len()
    }

    /// Is it anchored at the start?
    pub fn anchored(&self) -> bool {
        self.anchored
    }

    fn add_set(&mut self, set: ByteSet) -> u16 {
        let known = self.sets.iter().position(|s| *s == set);
        let index = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        // A pattern with more distinct sets than this would need hundreds of kilobytes of text.
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    fn single_set(&self, single: Single) -> ByteSet {
        match single {
            Single::Any => ByteSet::ALL,
            Single::Set(i) => self.sets[usize::from(i)],
            Single::Char(c) => {
                let mut set = ByteSet::EMPTY;
                set.add(c);
                set
            }
        }
    }

    /// Fills in the follow sets, from the end; `next` is what can start a match of the instructions behind.
    fn add_follows(&mut self) {
        let mut next: Option<ByteSet> = None;
        let mut finish = false;
        for i in (0..self.ops.len()).rev() {
            let op = self.ops[i];
            if let Op::Repeat(single, repeat, _) = op {
                let follow = if finish { Follow::Finish } else { self.follow(next) };
                self.ops[i] = Op::Repeat(single, repeat, follow);
            }
            finish = op == Op::Finish;
            next = match op {
                Op::One(single) | Op::Repeat(single, Repeat::Plus, _) => Some(self.single_set(single)),
                Op::Repeat(single, ..) | Op::Optional(single) => next.map(|mut set| {
                    set.union(&self.single_set(single));
                    set
                }),
                Op::Open(_) | Op::Position(_) | Op::Close(_) => next,
                Op::Balance(open, _) => Some(self.single_set(Single::Char(open))),
                Op::Back(_) | Op::Frontier(_) | Op::End | Op::Fail | Op::Error(_) | Op::Finish => None,
            };
        }
        self.first = self.follow(next);
    }

    fn follow(&mut self, next: Option<ByteSet>) -> Follow {
        match next {
            None | Some(ByteSet::ALL) => Follow::Unknown,
            Some(set) => set.single().map_or_else(|| Follow::Set(self.add_set(set)), Follow::Char),
        }
    }
}

impl Compiler<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.pattern.get(self.at + ahead).copied()
    }

    fn push(&mut self, op: Op) {
        self.program.ops.push(op);
    }

    fn items(&mut self) -> Result<(), PatternError> {
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                (b'(', next) => self.open(next == Some(b')'))?,
                (b')', _) => self.close()?,
                (b'$', None) => {
                    self.at += 1;
                    self.push(Op::End);
                }
                (b'%', Some(b'b')) => self.balance()?,
                (b'%', Some(b'f')) => self.frontier()?,
                (b'%', Some(digit @ b'0'..=b'9')) => self.back(digit)?,
                _ => self.single_with_suffix(c)?,
            }
        }
        Ok(())
    }

    fn open(&mut self, position: bool) -> Result<(), PatternError> {
        let level = self.program.captures.len();
        if level >= MAX_CAPTURES {
            return Err(PatternError::TooManyCaptures);
        }
        self.at += if position { 2 } else { 1 };
        self.program.captures.push(if position { CaptureKind::Position } else { CaptureKind::Unfinished });
        self.push(if position { Op::Position(level as u8) } else { Op::Open(level as u8) });
        Ok(())
    }

    fn close(&mut self) -> Result<(), PatternError> {
        let open = self.program.captures.iter().rposition(|c| *c == CaptureKind::Unfinished);
        let level = open.ok_or(PatternError::InvalidPatternCapture)?;
        self.program.captures[level] = CaptureKind::Text;
        self.at += 1;
        self.push(Op::Close(level as u8));
        Ok(())
    }

    fn back(&mut self, digit: u8) -> Result<(), PatternError> {
        let index = i32::from(digit) - i32::from(b'0');
        let kind = usize::try_from(index - 1).ok().and_then(|i| self.program.captures.get(i).copied());
        self.at += 2;
        match kind {
            None | Some(CaptureKind::Unfinished) => Err(PatternError::InvalidCaptureIndex(index)),
            Some(CaptureKind::Text) => {
                self.push(Op::Back(index as u8 - 1));
                Ok(())
            }
            Some(CaptureKind::Position) => {
                self.push(Op::Fail);
                Ok(())
            }
        }
    }

    fn balance(&mut self) -> Result<(), PatternError> {
        let (Some(open), Some(close)) = (self.peek(2), self.peek(3)) else { return Err(PatternError::MissingBalance) };
        self.at += 4;
        self.push(Op::Balance(open, close));
        Ok(())
    }

    fn frontier(&mut self) -> Result<(), PatternError> {
        self.at += 2;
        if self.peek(0) != Some(b'[') {
            return Err(PatternError::MissingFrontierSet);
        }
        let set = self.bracket()?;
        let set = self.program.add_set(set);
        self.push(Op::Frontier(set));
        Ok(())
    }

    /// The set at '['; `at` goes behind its ']'. The first character after '[' or '[^' never ends the set.
    fn bracket(&mut self) -> Result<ByteSet, PatternError> {
        let start = self.at + 1;
        let mut end = start + usize::from(self.pattern.get(start) == Some(&b'^'));
        loop {
            let c = *self.pattern.get(end).ok_or(PatternError::MissingBracket)?;
            end += 1;
            if c == b'%' && end < self.pattern.len() {
                end += 1;
            }
            if self.pattern.get(end) == Some(&b']') {
                break;
            }
        }
        self.at = end + 1;
        Ok(set::bracket(&self.pattern[start..end]))
    }

    fn single_with_suffix(&mut self, c: u8) -> Result<(), PatternError> {
        let single = match c {
            b'.' => {
                self.at += 1;
                Single::Any
            }
            b'%' => {
                let class = self.peek(1).ok_or(PatternError::EndsWithEscape)?;
                self.at += 2;
                let set = set::escaped(class);
                set.single().map_or_else(|| Single::Set(self.program.add_set(set)), Single::Char)
            }
            b'[' => {
                let set = self.bracket()?;
                set.single().map_or_else(|| Single::Set(self.program.add_set(set)), Single::Char)
            }
            _ => {
                self.at += 1;
                Single::Char(c)
            }
        };
        let op = match self.peek(0) {
            Some(b'*') => Op::Repeat(single, Repeat::Star, Follow::Unknown),
            Some(b'+') => Op::Repeat(single, Repeat::Plus, Follow::Unknown),
            Some(b'-') => Op::Repeat(single, Repeat::Minus, Follow::Unknown),
            Some(b'?') => Op::Optional(single),
            _ => {
                self.push(Op::One(single));
                return Ok(());
            }
        };
        self.at += 1;
        self.push(op);
        Ok(())
    }
}
