//! Lua patterns: compiled once (`compile`), matched by a backtracking machine (`exec`), kept in a cache (`cache`).
//!
//! Everything works on bytes and knows nothing of the VM. A pattern that is malformed compiles too: the error is an
//! instruction of its own and is raised when matching reaches it, exactly where PUC notices it.
mod cache;
mod compile;
mod exec;
mod set;
#[cfg(test)]
mod tests;

pub use cache::PatternCache;
pub use compile::Program;
pub use exec::{Capture, Match};
use std::fmt;

/// Most captures of one pattern.
pub const MAX_CAPTURES: usize = 32;
/// Deepest recursion of the matcher ("pattern too complex" beyond).
pub const MAX_DEPTH: u32 = 200;

/// What can be wrong with a pattern or its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// A lone '%' at the end.
    EndsWithEscape,
    /// '[' without ']'.
    MissingBracket,
    /// '%b' without its two characters.
    MissingBalance,
    /// '%f' not followed by a set.
    MissingFrontierSet,
    /// More than 32 captures.
    TooManyCaptures,
    /// ')' without '('.
    InvalidPatternCapture,
    /// '%n' where capture n is not finished or does not exist.
    InvalidCaptureIndex(i32),
    /// '(' without ')'.
    UnfinishedCapture,
    /// Recursion limit.
    TooComplex,
    /// '%' and something else than a digit or '%' in a replacement string.
    InvalidReplacement,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PatternError::EndsWithEscape => "malformed pattern (ends with '%')",
            PatternError::MissingBracket => "malformed pattern (missing ']')",
            PatternError::MissingBalance => "malformed pattern (missing arguments to '%b')",
            PatternError::MissingFrontierSet => "missing '[' after '%f' in pattern",
            PatternError::TooManyCaptures => "too many captures",
            PatternError::InvalidPatternCapture => "invalid pattern capture",
            PatternError::InvalidCaptureIndex(i) => return write!(f, "invalid capture index %{i}"),
            PatternError::UnfinishedCapture => "unfinished capture",
            PatternError::TooComplex => "pattern too complex",
            PatternError::InvalidReplacement => "invalid use of '%' in replacement string",
        })
    }
}

/// Finds `needle` in `hay[from..]`; the position is relative to `hay`.
#[inline]
pub fn find_plain(hay: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    /// So many places where only the first byte fits are looked at before the search is prepared.
    const PATIENCE: usize = 16;
    let [first, rest @ ..] = needle else { return (from <= hay.len()).then_some(from) };
    let mut at = from;
    for _ in 0..PATIENCE {
        at += memchr::memchr(*first, hay.get(at..)?)?;
        if rest.is_empty() || hay[at + 1..].starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
    memchr::memmem::find(hay.get(at..)?, needle).map(|i| at + i)
}

/// Has the pattern no special characters, so that a plain search does?
#[inline]
pub fn is_plain(pattern: &[u8]) -> bool {
    !pattern.iter().any(|c| matches!(c, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-'))
}
