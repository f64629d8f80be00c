//! `load`, `loadfile`, `dofile`: chunks from strings, functions and files.
use crate::os::{error_text, path};
use crate::register::{check_function, opt_bytes};
use crate::stream;
use selune_core::value::Value;
use selune_vm::{Args, NativeResult, Thrown, Vm};
use std::io;

/// Loads a file (None: the standard input) as a chunk: skips a byte order mark and a first line that starts with '#'.
/// Err: the message.
pub fn load_file(vm: &mut Vm, name: Option<&[u8]>, mode: &str, env: Option<Value>) -> Result<Value, Value> {
    let (chunk_name, content) = match name {
        None => {
            let mut content = Vec::new();
            let result = stream::stdin().borrow_mut().read_all(&mut content);
            (b"=stdin".to_vec(), result.map(|()| content).map_err(|e| ("read", e)))
        }
        Some(name) => ([b"@", name].concat(), read_file(name)),
    };
    match content {
        Ok(content) => {
            let content = without_first_line(content);
            vm.load(&content, &chunk_name, mode, env)
        }
        Err((what, e)) => {
            let message = [b"cannot ", what.as_bytes(), b" ", &chunk_name[1..], b": ", error_text(&e).as_bytes()].concat();
            Err(vm.new_str(&message))
        }
    }
}

fn read_file(name: &[u8]) -> Result<Vec<u8>, (&'static str, io::Error)> {
    use io::Read;
    let mut file = std::fs::File::open(path(name)).map_err(|e| ("open", e))?;
    let mut content = Vec::new();
    file.read_to_end(&mut content).map_err(|e| ("read", e))?;
    Ok(content)
}

/// The chunk in a file's content. A newline stays in place of a skipped line, so that line numbers are right.
fn without_first_line(mut content: Vec<u8>) -> Vec<u8> {
    let mut from = if content.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    if content.get(from) == Some(&b'#') {
        from = content.iter().position(|c| *c == b'\n').unwrap_or(content.len());
        if content.get(from + 1) == Some(&0x1B) {
            // A binary chunk has no lines to count.
            from += 1;
        }
    }
    content.drain(..from);
    content
}

/// Pushes the function, or nil and the message.
fn results(vm: &mut Vm, loaded: Result<Value, Value>) -> NativeResult {
    match loaded {
        Ok(f) => vm.ret1(f),
        Err(message) => {
            vm.push(Value::NIL);
            vm.push(message);
            Ok(2)
        }
    }
}

/// An optional mode argument.
fn mode_of(vm: &mut Vm, args: Args, i: usize) -> Result<String, Thrown> {
    Ok(opt_bytes(vm, args, i)?.map_or_else(|| "bt".to_string(), |m| String::from_utf8_lossy(&m).into_owned()))
}

/// `loadfile([filename [, mode [, env]]])`
pub fn loadfile(vm: &mut Vm, args: Args) -> NativeResult {
    let name = opt_bytes(vm, args, 0)?;
    let mode = mode_of(vm, args, 1)?;
    let env = (args.len() > 2).then(|| args.get(vm, 2));
    let loaded = load_file(vm, name.as_deref(), &mode, env);
    results(vm, loaded)
}

/// `dofile([filename])`: a native of kind `TailCall`.
pub fn dofile(vm: &mut Vm, args: Args) -> NativeResult {
    let name = opt_bytes(vm, args, 0)?;
    match load_file(vm, name.as_deref(), "bt", None) {
        Ok(f) => {
            vm.push(f);
            vm.tail_call(1)
        }
        Err(message) => Err(vm.throw(message)),
    }
}

/// `load(chunk [, chunkname [, mode [, env]]])`
pub fn load(vm: &mut Vm, args: Args) -> NativeResult {
    let chunk = args.get(vm, 0);
    let mode = mode_of(vm, args, 2)?;
    // C sees the name up to a zero.
    let until_zero = |name: &[u8]| name.split(|c| *c == 0).next().unwrap_or_default().to_vec();
    if chunk.is_string() || chunk.is_number() {
        let chunk = vm.check_str(args, 0)?;
        let content = vm.bytes(chunk).to_vec();
        let name = opt_bytes(vm, args, 1)?.map_or_else(|| until_zero(&content), |name| until_zero(&name));
        let env = (args.len() > 3).then(|| args.get(vm, 3));
        let loaded = vm.load(&content, &name, &mode, env);
        return results(vm, loaded);
    }
    let name = opt_bytes(vm, args, 1)?.unwrap_or_else(|| b"=(load)".to_vec());
    check_function(vm, args, 0)?;
    let mut total = 0;
    let env = (args.len() > 3).then_some(args.base as usize + 3);
    let loaded = vm.load_pieces(|vm| read_piece(vm, args, &mut total), &until_zero(&name), &mode, env);
    results(vm, loaded)
}

/// What the compiler makes of a byte of source may take so many bytes before it is in the heap.
const BYTES_PER_BYTE: usize = 16;

/// Calls the reader function: a piece, empty at the end. An error in it is the result. May call.
fn read_piece(vm: &mut Vm, args: Args, total: &mut usize) -> Result<Vec<u8>, Value> {
    let at = vm.top();
    let reader = args.get(vm, 0);
    vm.push(reader);
    vm.pcall_handled_at(at, 0, 1)?;
    let piece = vm.pop();
    vm.set_top(at);
    let mut content = Vec::new();
    if !piece.is_nil() && !crate::register::append_text(vm, &mut content, piece) {
        let _ = vm.error("reader function must return a string");
        return Err(vm.error_value());
    }
    // A reader may never end: the memory limit counts for the text, too.
    *total += content.len();
    if vm.reserve(total.saturating_mul(BYTES_PER_BYTE)).is_err() {
        return Err(vm.error_value());
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        let chunk = |s: &[u8]| without_first_line(s.to_vec());
        assert_eq!(chunk(b"#!lua\nx"), b"\nx");
        assert_eq!(chunk(b"\xEF\xBB\xBF#x\ny"), b"\ny");
        assert_eq!(chunk(b"\xEF\xBB\xBFy"), b"y");
        assert_eq!(chunk(b"#only"), b"");
        assert_eq!(chunk(b"#x\n\x1BLua"), b"\x1BLua");
        assert_eq!(chunk(b"x"), b"x");
    }
}
