//! The interactive mode: reads lines, runs them, prints what they give.
use crate::options::Options;
use crate::run::{call_with_traceback, report_error};
use selune_core::value::Value;
use selune_stdlib::stream;
use selune_vm::Vm;

/// The prompt in a global, or the default.
fn prompt(vm: &mut Vm, first: bool) -> Vec<u8> {
    let (name, default): (&[u8], &[u8]) = if first { (b"_PROMPT", b"> ") } else { (b"_PROMPT2", b">> ") };
    let (g, k) = (vm.globals(), vm.intern(name));
    let v = vm.raw_get(g, k);
    if v.is_nil() {
        return default.to_vec();
    }
    match vm.tostring(v) {
        Ok(s) => vm.bytes(s).to_vec(),
        Err(_) => default.to_vec(),
    }
}
fn read_line(vm: &mut Vm, first: bool) -> Option<Vec<u8>> {
    let p = prompt(vm, first);
    stream::write_stdout(&p);
    stream::flush_stdout();
    // The stream of `io.stdin`: what one of them has read ahead, the other would miss.
    let mut line = Vec::new();
    let found = stream::stdin().borrow_mut().read_line(&mut line, false);
    found.is_ok_and(|found| found).then_some(line)
}
/// Does the message say that the chunk only lacks its end?
fn incomplete(vm: &Vm, e: Value) -> bool {
    vm.bytes(e).ends_with(b"<eof>")
}
/// A function from a line, asking for more lines while it is not complete. None: end of input.
fn read_chunk(vm: &mut Vm, line: Vec<u8>) -> Option<Result<Value, Value>> {
    let mut as_expression = b"return ".to_vec();
    as_expression.extend_from_slice(&line);
    if let Ok(f) = vm.load(&as_expression, b"=stdin", "t", None) {
        return Some(Ok(f));
    }
    let mut source = line;
    loop {
        match vm.load(&source, b"=stdin", "t", None) {
            Err(e) if incomplete(vm, e) => {
                let more = read_line(vm, false)?;
                source.push(b'\n');
                source.extend_from_slice(&more);
            }
            r => return Some(r),
        }
    }
}
/// Runs until the end of input; true.
pub fn run(vm: &mut Vm, o: &Options) -> bool {
    let o = &Options { program: Vec::new(), ..o.clone() };
    while let Some(line) = read_line(vm, true) {
        let line = match line.strip_prefix(b"=") {
            Some(rest) => [b"return ", rest].concat(),
            None => line,
        };
        let Some(chunk) = read_chunk(vm, line) else { break };
        match chunk.and_then(|f| call_with_traceback(vm, f, &[])) {
            Ok(results) if !results.is_empty() => {
                let (g, k) = (vm.globals(), vm.intern(b"print"));
                let print = vm.raw_get(g, k);
                if let Err(e) = call_with_traceback(vm, print, &results) {
                    report_error(vm, o, e);
                }
            }
            Ok(_) => {}
            Err(e) => {
                report_error(vm, o, e);
            }
        }
        selune_stdlib::flush_all();
    }
    stream::write_stdout(b"\n");
    stream::flush_stdout();
    true
}
