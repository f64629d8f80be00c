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
    let rest = hay.get(from..)?;
    let at = match needle {
        [] => Some(0),
        [c] => memchr::memchr(*c, rest),
        _ if rest.len() < 64 => find_short(rest, needle),
        _ => memchr::memmem::find(rest, needle),
    };
    at.map(|i| i + from)
}

/// Search without preparation, for short texts.
fn find_short(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let last = hay.len().checked_sub(needle.len())?;
    let first = needle[0];
    (0..=last).find(|&i| hay[i] == first && hay[i..].starts_with(needle))
}

/// Has the pattern no special characters, so that a plain search does?
#[inline]
pub fn is_plain(pattern: &[u8]) -> bool {
    !pattern.iter().any(|c| matches!(c, b'^' | b'$' | b'*' | b'+' | b'?' | b'.' | b'(' | b'[' | b'%' | b'-'))
}
