//! The text of a stack.
use super::levels::Level;
use super::names::name_of_level;
use super::{line_of, source_of};
use crate::Vm;
use selune_core::value::Value;

/// Levels shown at the beginning of a long traceback.
const FIRST: usize = 10;
/// Levels shown at its end.
const LAST: usize = 11;

impl Vm {
    /// The traceback of a thread from a level on, after a message (`luaL_traceback`).
    pub fn traceback(&self, thread: Value, msg: Option<&[u8]>, level: usize) -> Vec<u8> {
        let levels: Vec<Level> = self.levels_of(thread).collect();
        let mut out = Vec::new();
        if let Some(m) = msg {
            out.extend_from_slice(m);
            out.push(b'\n');
        }
        out.extend_from_slice(b"stack traceback:");
        let n = levels.len();
        // As PUC counts: the number of the last level less the first one's.
        let long = n as isize - 1 - level as isize > (FIRST + LAST) as isize;
        let mut i = level;
        while i < n {
            if long && i == level + FIRST {
                let skipped = n - i - LAST - 1;
                out.extend_from_slice(format!("\n\t...\t(skipping {skipped} levels)").as_bytes());
                i += skipped + 1;
                continue;
            }
            self.trace_level(&mut out, &levels[i], levels.get(i + 1));
            i += 1;
        }
        out
    }
    fn trace_level(&self, out: &mut Vec<u8>, level: &Level, caller: Option<&Level>) {
        let short_src = match level.code() {
            Some((p, _)) => selune_compiler::chunk_id(source_of(p)),
            None => b"[C]".to_vec(),
        };
        out.extend_from_slice(b"\n\t");
        out.extend_from_slice(&short_src);
        if let Some((p, pc)) = level.code()
            && line_of(p, pc) > 0
        {
            out.extend_from_slice(format!(":{}", line_of(p, pc)).as_bytes());
        }
        out.extend_from_slice(b": in ");
        if let Some(name) = self.module_name_of(level) {
            out.extend_from_slice(&[b"function '", &name[..], b"'"].concat());
        } else if let Some(n) = name_of_level(level, caller) {
            out.extend_from_slice(&[n.kind.as_bytes(), b" '", &n.name, b"'"].concat());
        } else if let Some((p, _)) = level.code() {
            if p.line_defined == 0 {
                out.extend_from_slice(b"main chunk");
            } else {
                out.extend_from_slice(b"function <");
                out.extend_from_slice(&short_src);
                out.extend_from_slice(format!(":{}>", p.line_defined).as_bytes());
            }
        } else {
            out.push(b'?');
        }
        if level.is_tail(caller) {
            out.extend_from_slice(b"\n\t(...tail calls...)");
        }
    }
}
