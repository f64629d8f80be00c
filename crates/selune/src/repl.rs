//! The interactive mode: reads lines, runs them, prints what they give.
use crate::options::Options;
use crate::run::{call_with_traceback, error_text, report, report_error};
use selune_core::value::Value;
use selune_stdlib::stream;
use selune_vm::{Thrown, Vm};
use std::io::IsTerminal;

/// The prompt in a global, or the default. May call.
fn prompt(vm: &mut Vm, first: bool) -> Result<Vec<u8>, Thrown> {
    let (name, default): (&[u8], &[u8]) = if first { (b"_PROMPT", b"> ") } else { (b"_PROMPT2", b">> ") };
    let (g, k) = (vm.globals(), vm.intern(name));
    let v = vm.raw_get(g, k);
    if v.is_nil() {
        return Ok(default.to_vec());
    }
    let s = vm.tostring(v)?;
    Ok(vm.bytes(s).to_vec())
}

/// Shows the prompt and reads a line. A line that comes from no terminal is shown, as a line editor does. May call.
fn read_line(vm: &mut Vm, first: bool) -> Result<Option<Vec<u8>>, Thrown> {
    let prompt = prompt(vm, first)?;
    stream::write_stdout(&prompt);
    stream::flush_stdout();
    // The stream of `io.stdin`: what one of them has read ahead, the other would miss.
    let mut line = Vec::new();
    let found = stream::stdin().borrow_mut().read_line(&mut line, false);
    if !found.is_ok_and(|found| found) {
        return Ok(None);
    }
    if !std::io::stdin().is_terminal() {
        stream::write_stdout(&line);
        stream::write_stdout(b"\n");
        stream::flush_stdout();
    }
    Ok(Some(line))
}

/// Does the message say that the chunk only lacks its end?
fn incomplete(vm: &Vm, e: Value) -> bool {
    e.is_string() && vm.bytes(e).ends_with(b"<eof>")
}

/// A function from a line (as an expression, else as a statement), asking for more lines while it is not complete. May call.
fn read_chunk(vm: &mut Vm, line: Vec<u8>) -> Result<Result<Value, Value>, Thrown> {
    let as_expression = [b"return ", &line[..], b";"].concat();
    if let Ok(f) = vm.load(&as_expression, b"=stdin", "t", None) {
        return Ok(Ok(f));
    }
    let mut source = line;
    loop {
        match vm.load(&source, b"=stdin", "t", None) {
            Err(e) if incomplete(vm, e) => {
                let h = vm.pin(e);
                match read_line(vm, false)? {
                    Some(more) => {
                        source.push(b'\n');
                        source.extend_from_slice(&more);
                    }
                    None => return Ok(Err(vm.pinned(h))),
                }
            }
            loaded => return Ok(loaded),
        }
    }
}

/// Prints values with the program's own `print`.
fn print_results(vm: &mut Vm, results: &[Value]) {
    let (g, k) = (vm.globals(), vm.intern(b"print"));
    let print = vm.raw_get(g, k);
    let at = vm.top();
    vm.push(print);
    for v in results {
        vm.push(*v);
    }
    if let Err(e) = vm.pcall_at(at, results.len(), 0) {
        let text = error_text(vm, e);
        report(b"", &[b"error calling 'print' (", &text[..], b")"].concat());
    }
    vm.set_top(at);
}

fn run_lines(vm: &mut Vm, o: &Options) -> Result<(), Thrown> {
    while let Some(line) = read_line(vm, true)? {
        let line = match line.strip_prefix(b"=") {
            Some(rest) => [b"return ", rest].concat(),
            None => line,
        };
        let chunk = read_chunk(vm, line)?;
        match chunk.and_then(|f| call_with_traceback(vm, f, &[])) {
            Ok(results) if !results.is_empty() => {
                if vm.check_stack(results.len() + 20) {
                    print_results(vm, &results);
                } else {
                    report(b"", b"stack overflow (too many results to print)");
                }
            }
            Ok(_) => {}
            Err(e) => {
                report_error(vm, o, e);
            }
        }
    }
    Ok(())
}

/// Runs until the end of input; true, unless a prompt cannot be made a string.
pub fn run(vm: &mut Vm, o: &Options) -> bool {
    let quiet = Options { program: Vec::new(), ..o.clone() };
    if run_lines(vm, &quiet).is_err() {
        let e = vm.error_value();
        return report_error(vm, o, e);
    }
    stream::write_stdout(b"\n");
    stream::flush_stdout();
    true
}
