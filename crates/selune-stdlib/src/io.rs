//! The library `io`: files as userdata over `stream`.
use crate::os::{error_text, exec_result, file_result, new_temporary, path};
use crate::register::{Entry, check_bytes, check_option, field, new_library, opt_bytes, set_field, set_functions};
use crate::stream::{self, Buffering, Handle};
use selune_core::number::{self, NumBuf};
use selune_core::value::Value;
use selune_vm::{Args, NativeKind, NativeResult, Thrown, Vm};
use std::rc::Rc;

static FUNCTIONS: &[Entry] = &[
    ("close", io_close),
    ("flush", io_flush),
    ("input", io_input),
    ("lines", io_lines),
    ("open", io_open),
    ("output", io_output),
    ("popen", io_popen),
    ("read", io_read),
    ("tmpfile", io_tmpfile),
    ("type", io_type),
    ("write", io_write),
];

static METHODS: &[Entry] =
    &[("read", read), ("write", write), ("lines", lines), ("flush", flush), ("seek", seek), ("close", close), ("setvbuf", setvbuf)];

static METAMETHODS: &[Entry] = &[("__gc", finalize), ("__close", finalize), ("__tostring", tostring)];

/// Name of the metatable of files in the registry, and of the type in messages.
const FILE: &str = "FILE*";
/// Where the default files stand in the registry.
const INPUT: &str = "_IO_input";
const OUTPUT: &str = "_IO_output";
/// Most formats of `lines`.
const MAX_LINES_FORMATS: usize = 250;

/// The host data of a file userdata.
struct LuaFile {
    /// None once closed.
    stream: Option<Handle>,
    /// A standard stream: cannot be closed.
    standard: bool,
}

/// Opens the library.
pub fn open(vm: &mut Vm) {
    let lib = new_library(vm, "io", FUNCTIONS);
    let metatable = vm.heap.new_table(0, METAMETHODS.len() + 2);
    let name = vm.intern(FILE.as_bytes());
    set_field(vm, metatable, "__name", name);
    set_functions(vm, metatable, METAMETHODS);
    let methods = vm.heap.new_table(0, METHODS.len());
    set_functions(vm, methods, METHODS);
    set_field(vm, metatable, "__index", methods);
    let registry = vm.registry();
    set_field(vm, registry, FILE, metatable);
    for (name, key, stream) in [("stdin", Some(INPUT), stream::stdin()), ("stdout", Some(OUTPUT), stream::stdout()), ("stderr", None, stream::stderr())] {
        let file = new_file(vm, stream, true);
        set_field(vm, lib, name, file);
        if let Some(key) = key {
            set_field(vm, registry, key, file);
        }
    }
}

fn new_file(vm: &mut Vm, stream: Handle, standard: bool) -> Value {
    let registry = vm.registry();
    let metatable = field(vm, registry, FILE);
    vm.new_userdata(Box::new(LuaFile { stream: Some(stream), standard }), metatable)
}

/// Argument `i` as a file, open or closed.
fn check_file(vm: &mut Vm, args: Args, i: usize) -> Result<Value, Thrown> {
    let v = args.get(vm, i);
    if vm.userdata::<LuaFile>(v).is_some() { Ok(v) } else { Err(vm.type_error(args, i + 1, FILE)) }
}

fn handle_of(vm: &Vm, file: Value) -> Option<Handle> {
    vm.userdata::<LuaFile>(file)?.stream.clone()
}

/// Argument `i` as an open file.
fn check_open(vm: &mut Vm, args: Args, i: usize) -> Result<Handle, Thrown> {
    let file = check_file(vm, args, i)?;
    handle_of(vm, file).ok_or_else(|| vm.error("attempt to use a closed file"))
}

/// A default file.
fn default_file(vm: &mut Vm, key: &str) -> Result<Handle, Thrown> {
    let registry = vm.registry();
    let file = field(vm, registry, key);
    handle_of(vm, file).ok_or_else(|| vm.error(format!("default {} file is closed", &key["_IO_".len()..])))
}

fn io_type(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 0)?;
    let name: &[u8] = match vm.userdata::<LuaFile>(v) {
        None => return vm.ret1(Value::NIL),
        Some(LuaFile { stream: None, .. }) => b"closed file",
        Some(_) => b"file",
    };
    let name = vm.intern(name);
    vm.ret1(name)
}

fn tostring(vm: &mut Vm, args: Args) -> NativeResult {
    let file = check_file(vm, args, 0)?;
    let text = match handle_of(vm, file) {
        None => "file (closed)".to_string(),
        Some(handle) => format!("file ({:p})", Rc::as_ptr(&handle)),
    };
    let s = vm.new_str(text.as_bytes());
    vm.ret1(s)
}

/// Closes an open file; the results of `close`.
fn close_file(vm: &mut Vm, file: Value) -> NativeResult {
    let Some(data) = vm.userdata_mut::<LuaFile>(file) else { return Ok(0) };
    if data.standard {
        let message = vm.new_str(b"cannot close standard file");
        vm.push(Value::NIL);
        vm.push(message);
        return Ok(2);
    }
    let Some(handle) = data.stream.take() else { return Ok(0) };
    let result = handle.borrow_mut().close();
    match result {
        Ok(Some(status)) => exec_result(vm, status),
        Ok(None) => file_result(vm, Ok(()), None),
        Err(e) => file_result(vm, Err(e), None),
    }
}

fn close(vm: &mut Vm, args: Args) -> NativeResult {
    check_open(vm, args, 0)?;
    let file = args.get(vm, 0);
    close_file(vm, file)
}

fn io_close(vm: &mut Vm, args: Args) -> NativeResult {
    if !args.is_empty() {
        return close(vm, args);
    }
    let registry = vm.registry();
    let file = field(vm, registry, OUTPUT);
    if handle_of(vm, file).is_none() {
        return Err(vm.error("attempt to use a closed file"));
    }
    close_file(vm, file)
}

fn finalize(vm: &mut Vm, args: Args) -> NativeResult {
    let file = check_file(vm, args, 0)?;
    if let Some(data) = vm.userdata::<LuaFile>(file)
        && !data.standard
    {
        close_file(vm, file)?;
    }
    Ok(0)
}

fn io_open(vm: &mut Vm, args: Args) -> NativeResult {
    let name = check_bytes(vm, args, 0)?;
    let mode = opt_bytes(vm, args, 1)?.unwrap_or_else(|| b"r".to_vec());
    if !stream::is_mode(&mode) {
        return Err(vm.arg_error(2, "invalid mode"));
    }
    match stream::open(path(&name), &mode) {
        Ok(stream) => {
            let file = new_file(vm, stream, false);
            vm.ret1(file)
        }
        Err(e) => file_result(vm, Err(e), Some(&name)),
    }
}

fn io_popen(vm: &mut Vm, args: Args) -> NativeResult {
    let command = check_bytes(vm, args, 0)?;
    let mode = opt_bytes(vm, args, 1)?.unwrap_or_else(|| b"r".to_vec());
    if mode != b"r" && mode != b"w" {
        return Err(vm.arg_error(2, "invalid mode"));
    }
    match stream::popen(path(&command), mode == b"w") {
        Ok(stream) => {
            let file = new_file(vm, stream, false);
            vm.ret1(file)
        }
        Err(e) => file_result(vm, Err(e), Some(&command)),
    }
}

fn io_tmpfile(vm: &mut Vm, _: Args) -> NativeResult {
    match new_temporary().and_then(|(name, file)| std::fs::remove_file(name).map(|()| file)) {
        Ok(file) => {
            let file = new_file(vm, stream::from_file(file), false);
            vm.ret1(file)
        }
        Err(e) => file_result(vm, Err(e), None),
    }
}

/// Opens a file or raises an error.
fn open_or_throw(vm: &mut Vm, name: &[u8], mode: &[u8]) -> Result<Value, Thrown> {
    match stream::open(path(name), mode) {
        Ok(stream) => Ok(new_file(vm, stream, false)),
        Err(e) => {
            let message = [b"cannot open file '", name, b"' (", error_text(&e).as_bytes(), b")"].concat();
            Err(vm.error(message))
        }
    }
}

/// Sets (if there is an argument) and gives a default file.
fn default(vm: &mut Vm, args: Args, key: &str, mode: &[u8]) -> NativeResult {
    let registry = vm.registry();
    let v = args.get(vm, 0);
    if !v.is_nil() {
        let file = if v.is_string() || v.is_number() {
            let name = check_bytes(vm, args, 0)?;
            open_or_throw(vm, &name, mode)?
        } else {
            check_open(vm, args, 0)?;
            v
        };
        set_field(vm, registry, key, file);
    }
    let file = field(vm, registry, key);
    vm.ret1(file)
}

fn io_input(vm: &mut Vm, args: Args) -> NativeResult {
    default(vm, args, INPUT, b"r")
}

fn io_output(vm: &mut Vm, args: Args) -> NativeResult {
    default(vm, args, OUTPUT, b"w")
}

/// The iterator of `lines` over a file; formats are the arguments from the second on.
fn lines_iterator(vm: &mut Vm, args: Args, file: Value, close: bool) -> Result<Value, Thrown> {
    let count = args.len().saturating_sub(1);
    if count > MAX_LINES_FORMATS {
        return Err(vm.arg_error(MAX_LINES_FORMATS + 2, "too many arguments"));
    }
    let mut upvalues = vec![file, Value::bool(close), Value::small_int(count as i64)];
    upvalues.extend((1..args.len()).map(|i| args.get(vm, i)));
    Ok(vm.new_native_with(next_line, &"lines_aux", NativeKind::Plain, &upvalues))
}

fn lines(vm: &mut Vm, args: Args) -> NativeResult {
    check_open(vm, args, 0)?;
    let file = args.get(vm, 0);
    let f = lines_iterator(vm, args, file, false)?;
    vm.ret1(f)
}

fn io_lines(vm: &mut Vm, args: Args) -> NativeResult {
    if args.get(vm, 0).is_nil() {
        let registry = vm.registry();
        let file = field(vm, registry, INPUT);
        if handle_of(vm, file).is_none() {
            return Err(vm.error("attempt to use a closed file"));
        }
        let f = lines_iterator(vm, args, file, false)?;
        return vm.ret1(f);
    }
    let name = check_bytes(vm, args, 0)?;
    let file = open_or_throw(vm, &name, b"r")?;
    let f = lines_iterator(vm, args, file, true)?;
    for v in [f, Value::NIL, Value::NIL, file] {
        vm.push(v);
    }
    Ok(4)
}

/// The iterator of `lines`; upvalues: file, whether to close it at the end, number of formats, formats.
fn next_line(vm: &mut Vm, _: Args) -> NativeResult {
    let file = vm.upvalue(0);
    let Some(handle) = handle_of(vm, file) else { return Err(vm.error("file is already closed")) };
    let count = vm.upvalue(2).as_small_int() as usize;
    let from = vm.top();
    let n = read_formats(vm, &handle, count, |vm, i| vm.upvalue(3 + i), 2)?;
    let first = vm.stack_at(vm.top() - n);
    if first.is_truthy() {
        return Ok(n);
    }
    if n > 1 {
        let message = vm.bytes(vm.stack_at(from + 1)).to_vec();
        return Err(vm.error(message));
    }
    if vm.upvalue(1).is_truthy() {
        let file = vm.upvalue(0);
        close_file(vm, file)?;
    }
    Ok(0)
}

fn io_read(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = default_file(vm, INPUT)?;
    read_args(vm, args, &handle, 0)
}

fn read(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = check_open(vm, args, 0)?;
    read_args(vm, args, &handle, 1)
}

fn read_args(vm: &mut Vm, args: Args, handle: &Handle, first: usize) -> NativeResult {
    read_formats(vm, handle, args.len().saturating_sub(first), |vm, i| args.get(vm, first + i), first + 1)
}

/// Reads by each of `count` formats (a line when there is none) and pushes the results; `arg` is the number of the first
/// format's argument. The first that fails gives nil and ends it.
#[inline]
fn read_formats(vm: &mut Vm, handle: &Handle, count: usize, format: impl Fn(&Vm, usize) -> Value, arg: usize) -> NativeResult {
    let mut done = 0;
    loop {
        let step = if count == 0 {
            Step::Line(false)
        } else {
            let format = format(vm, done);
            step_of(vm, format, arg + done)?
        };
        let v = match read_step(vm, handle, step) {
            Ok(v) => v?,
            Err(e) => return file_result(vm, Err(e), None),
        };
        vm.push(v.unwrap_or(Value::NIL));
        done += 1;
        if v.is_none() || done >= count {
            return Ok(done);
        }
    }
}

/// What one format reads.
enum Step {
    Bytes(usize),
    Number,
    Line(bool),
    All,
}

fn step_of(vm: &mut Vm, format: Value, arg: usize) -> Result<Step, Thrown> {
    if format.is_number() {
        return match vm.to_integer(format) {
            Some(n) => Ok(Step::Bytes(n as usize)),
            None => Err(vm.arg_error(arg, "number has no integer representation")),
        };
    }
    if !format.is_string() {
        let message = format!("string expected, got {}", if format.is_nil() { "nil" } else { format.type_name() });
        return Err(vm.arg_error(arg, message));
    }
    let text = vm.bytes(format);
    match text.strip_prefix(b"*").unwrap_or(text).first() {
        Some(b'n') => Ok(Step::Number),
        Some(b'l') => Ok(Step::Line(false)),
        Some(b'L') => Ok(Step::Line(true)),
        Some(b'a') => Ok(Step::All),
        _ => Err(vm.arg_error(arg, "invalid format")),
    }
}

/// Reads one value; inside, None is the end of the file.
fn read_step(vm: &mut Vm, handle: &Handle, step: Step) -> std::io::Result<Result<Option<Value>, Thrown>> {
    let mut stream = handle.borrow_mut();
    if let Step::Line(keep) = step
        && let Some(line) = stream.buffered_line(keep)
    {
        return Ok(Ok(Some(vm.new_str(line))));
    }
    let mut out = Vec::new();
    let found = match step {
        Step::Bytes(0) => !stream.at_end()?,
        Step::Bytes(n) => stream.read_bytes(&mut out, n)?,
        Step::Line(keep) => stream.read_line(&mut out, keep)?,
        Step::All => {
            stream.read_all(&mut out)?;
            true
        }
        Step::Number => {
            let text = stream.read_numeral()?;
            return Ok(Ok(number::parse(&text).map(|n| vm.number(n))));
        }
    };
    drop(stream);
    if !found {
        return Ok(Ok(None));
    }
    Ok(vm.new_string_from(out).map(Some))
}

fn write_values(vm: &mut Vm, args: Args, handle: &Handle, first: usize) -> std::io::Result<Result<(), Thrown>> {
    let mut result = Ok(());
    for i in first..args.len() {
        let v = args.get(vm, i);
        let step = if v.is_string() {
            handle.borrow_mut().write(vm.bytes(v))
        } else if v.is_number() {
            let mut buf = NumBuf::new();
            let text = vm.format_number(v, &mut buf);
            // As C prints it: no ".0".
            handle.borrow_mut().write(text.strip_suffix(b".0").unwrap_or(text))
        } else {
            return Ok(Err(vm.type_error(args, i + 1, "string")));
        };
        // Later values are still written; the first error is told.
        result = result.and(step);
    }
    result.map(Ok)
}

fn io_write(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = default_file(vm, OUTPUT)?;
    match write_values(vm, args, &handle, 0) {
        Ok(done) => {
            done?;
            let registry = vm.registry();
            let file = field(vm, registry, OUTPUT);
            vm.ret1(file)
        }
        Err(e) => file_result(vm, Err(e), None),
    }
}

fn write(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = check_open(vm, args, 0)?;
    match write_values(vm, args, &handle, 1) {
        Ok(done) => {
            done?;
            let file = args.get(vm, 0);
            vm.ret1(file)
        }
        Err(e) => file_result(vm, Err(e), None),
    }
}

fn seek(vm: &mut Vm, args: Args) -> NativeResult {
    const WHENCE: [&str; 3] = ["set", "cur", "end"];
    let handle = check_open(vm, args, 0)?;
    let whence = WHENCE[check_option(vm, args, 1, Some("cur"), &WHENCE)?];
    let offset = vm.opt_int(args, 2, 0)?;
    let result = handle.borrow_mut().seek(whence, offset);
    match result {
        Ok(at) => {
            let at = vm.int(at as i64);
            vm.ret1(at)
        }
        Err(e) => file_result(vm, Err(e), None),
    }
}

fn setvbuf(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = check_open(vm, args, 0)?;
    let mode = [Buffering::No, Buffering::Full, Buffering::Line][check_option(vm, args, 1, None, &["no", "full", "line"])?];
    let size = vm.opt_int(args, 2, 1024)?;
    let result = handle.borrow_mut().set_buffering(mode, usize::try_from(size).unwrap_or(1024));
    file_result(vm, result, None)
}

fn io_flush(vm: &mut Vm, _: Args) -> NativeResult {
    let handle = default_file(vm, OUTPUT)?;
    let result = handle.borrow_mut().flush();
    file_result(vm, result, None)
}

fn flush(vm: &mut Vm, args: Args) -> NativeResult {
    let handle = check_open(vm, args, 0)?;
    let result = handle.borrow_mut().flush();
    file_result(vm, result, None)
}
