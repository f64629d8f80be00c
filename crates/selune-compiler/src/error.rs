//! Compile errors with the exact texts of PUC Lua, and the short form of chunk names that stands in front of them.
//!
//! A message is bytes, not UTF-8: it quotes the source.

/// What sort of error a chunk has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorKind {
    /// The source is not Lua (or exceeds a limit of the language); the message has a position.
    Syntax,
    /// Too many nested constructs for the C levels that are left. PUC raises this like an error at run time, so the
    /// message has no position and goes through the message handler.
    StackOverflow,
    /// A binary chunk is damaged, or of another version.
    Binary,
    /// The function that gives the source failed; what with is for its owner to know.
    Reader,
}

/// Why a chunk did not compile.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", String::from_utf8_lossy(message))]
pub struct CompileError {
    /// The sort of error.
    pub kind: ErrorKind,
    /// The complete message, as `load` returns it.
    pub message: Vec<u8>,
}

impl CompileError {
    /// "C stack overflow".
    pub fn stack_overflow() -> Box<CompileError> {
        Box::new(CompileError { kind: ErrorKind::StackOverflow, message: b"C stack overflow".to_vec() })
    }
    /// The end of a source whose reader failed.
    pub fn reader() -> Box<CompileError> {
        Box::new(CompileError { kind: ErrorKind::Reader, message: Vec::new() })
    }
    /// A syntax error at a line of a chunk.
    pub fn syntax(chunk_name: &[u8], line: u32, msg: &[u8]) -> Box<CompileError> {
        let mut message = chunk_id(chunk_name);
        message.extend_from_slice(format!(":{line}: ").as_bytes());
        message.extend_from_slice(msg);
        Box::new(CompileError { kind: ErrorKind::Syntax, message })
    }
}

/// Results inside the compiler; the error is boxed because it is rare.
pub(crate) type Result<T> = std::result::Result<T, Box<CompileError>>;

/// Room for a shortened chunk name, terminator included (PUC's `LUA_IDSIZE`).
const ID_SIZE: usize = 60;

/// The chunk name as messages show it: `=name` as it is, `@file` with `...` in front when too long, other names as
/// `[string "first line..."]`.
pub fn chunk_id(name: &[u8]) -> Vec<u8> {
    let name = c_str(name);
    match name.first() {
        Some(b'=') => name[1..name.len().min(ID_SIZE)].to_vec(),
        Some(b'@') if name.len() <= ID_SIZE => name[1..].to_vec(),
        Some(b'@') => [b"...", &name[name.len() - (ID_SIZE - 4)..]].concat(),
        _ => {
            let room = ID_SIZE - "[string \"...\"]".len() - 1;
            let line_end = name.iter().position(|&b| b == b'\n');
            let mut out = b"[string \"".to_vec();
            if name.len() < room && line_end.is_none() {
                out.extend_from_slice(name);
            } else {
                out.extend_from_slice(&name[..line_end.unwrap_or(name.len()).min(room)]);
                out.extend_from_slice(b"...");
            }
            out.extend_from_slice(b"\"]");
            out
        }
    }
}

/// The bytes before the first NUL: what PUC's `%s` prints.
pub(crate) fn c_str(s: &[u8]) -> &[u8] {
    &s[..s.iter().position(|&b| b == 0).unwrap_or(s.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    fn id(s: &str) -> String {
        String::from_utf8(chunk_id(s.as_bytes())).unwrap()
    }
    #[test]
    fn chunk_names_are_shortened_as_by_puc() {
        assert_eq!(id("=stdin"), "stdin");
        assert_eq!(id("@a.lua"), "a.lua");
        assert_eq!(id("return 1"), "[string \"return 1\"]");
        assert_eq!(id("a\nb"), "[string \"a...\"]");
        assert_eq!(id(&"x".repeat(44)), format!("[string \"{}\"]", "x".repeat(44)));
        assert_eq!(id(&"x".repeat(45)), format!("[string \"{}...\"]", "x".repeat(45)));
        assert_eq!(id(&format!("={}", "y".repeat(70))), "y".repeat(59));
        assert_eq!(id(&format!("@{}", "y".repeat(59))), "y".repeat(59));
        assert_eq!(id(&format!("@{}z", "y".repeat(70))), format!("...{}z", "y".repeat(55)));
        assert_eq!(id(""), "[string \"\"]");
    }
}
