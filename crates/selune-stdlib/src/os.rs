//! The library `os`.
use crate::register::{Entry, check_bytes, check_option, new_library, opt_bytes, set_field};
use crate::stream;
use selune_core::sys::{Calendar, CalendarFields, cpu_time};
use selune_core::value::Value;
use selune_vm::{Args, NativeResult, Thrown, Vm};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

static FUNCTIONS: &[Entry] = &[
    ("clock", clock),
    ("date", date),
    ("difftime", difftime),
    ("execute", execute),
    ("exit", exit),
    ("getenv", getenv),
    ("remove", remove),
    ("rename", rename),
    ("setlocale", setlocale),
    ("time", time),
    ("tmpname", tmpname),
];

/// Opens the library.
pub fn open(vm: &mut Vm) {
    new_library(vm, "os", FUNCTIONS);
}

/// A path from the bytes of a Lua string; C sees it up to a zero.
pub fn path(bytes: &[u8]) -> &Path {
    let end = bytes.iter().position(|c| *c == 0).unwrap_or(bytes.len());
    Path::new(OsStr::from_bytes(&bytes[..end]))
}

/// What the C library calls an error of the system.
pub fn error_text(e: &io::Error) -> String {
    let text = e.to_string();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_string(),
        None => text,
    }
}

/// `true`, or nil, "file: message" and the error number (`luaL_fileresult`).
pub fn file_result(vm: &mut Vm, result: io::Result<()>, name: Option<&[u8]>) -> NativeResult {
    match result {
        Ok(()) => vm.ret1(Value::TRUE),
        Err(e) => {
            let mut message = name.map_or(Vec::new(), |n| [n, b": "].concat());
            message.extend_from_slice(error_text(&e).as_bytes());
            let message = vm.new_str(&message);
            vm.push(Value::NIL);
            vm.push(message);
            vm.push(Value::small_int(i64::from(e.raw_os_error().unwrap_or(0))));
            Ok(3)
        }
    }
}

/// `true` or nil, "exit" or "signal", and the code (`luaL_execresult`).
pub fn exec_result(vm: &mut Vm, status: ExitStatus) -> NativeResult {
    let (what, code): (&[u8], i32) = match status.signal() {
        Some(signal) => (b"signal", signal),
        None => (b"exit", status.code().unwrap_or(0)),
    };
    let ok = what == b"exit" && code == 0;
    let what = vm.intern(what);
    vm.push(if ok { Value::TRUE } else { Value::NIL });
    vm.push(what);
    vm.push(Value::small_int(i64::from(code)));
    Ok(3)
}

fn clock(vm: &mut Vm, _: Args) -> NativeResult {
    vm.ret1(Value::float(cpu_time()))
}

fn execute(vm: &mut Vm, args: Args) -> NativeResult {
    let Some(command) = opt_bytes(vm, args, 0)? else {
        return vm.ret1(Value::bool(Path::new("/bin/sh").exists()));
    };
    stream::flush_all();
    match Command::new("/bin/sh").arg("-c").arg(path(&command)).status() {
        Ok(status) => exec_result(vm, status),
        Err(e) => file_result(vm, Err(e), None),
    }
}

fn exit(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    let status = match v {
        Value::TRUE => 0,
        Value::FALSE => 1,
        _ => vm.opt_int(args, 0, 0)? as i32,
    };
    if args.get(vm, 1).is_truthy() {
        vm.close();
    }
    stream::flush_all();
    std::process::exit(status)
}

fn getenv(vm: &mut Vm, args: Args) -> NativeResult {
    let name = check_bytes(vm, args, 0)?;
    let name = path(&name).as_os_str();
    let valid = !name.is_empty() && !name.as_bytes().contains(&b'=');
    match std::env::var_os(name).filter(|_| valid) {
        Some(value) => {
            let v = vm.new_str(value.as_bytes());
            vm.ret1(v)
        }
        None => vm.ret1(Value::NIL),
    }
}

fn remove(vm: &mut Vm, args: Args) -> NativeResult {
    let name = check_bytes(vm, args, 0)?;
    let path = path(&name);
    let is_dir = std::fs::symlink_metadata(path).is_ok_and(|m| m.is_dir());
    let result = if is_dir { std::fs::remove_dir(path) } else { std::fs::remove_file(path) };
    file_result(vm, result, Some(&name))
}

fn rename(vm: &mut Vm, args: Args) -> NativeResult {
    let from = check_bytes(vm, args, 0)?;
    let to = check_bytes(vm, args, 1)?;
    let result = std::fs::rename(path(&from), path(&to));
    file_result(vm, result, None)
}

/// Creates a file of a new name in /tmp that only its owner can read; the name, and the file open for both.
pub fn new_temporary() -> io::Result<(String, std::fs::File)> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let mut random = crate::random::Random::new((now.as_nanos() as u64, u64::from(std::process::id())));
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    for _ in 0..100 {
        let mut name = String::from("/tmp/lua_");
        for _ in 0..6 {
            name.push(char::from(LETTERS[(random.next() % 62) as usize]));
        }
        match std::fs::OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&name) {
            Ok(file) => return Ok((name, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = e,
            Err(e) => return Err(e),
        }
    }
    Err(last)
}

fn tmpname(vm: &mut Vm, _: Args) -> NativeResult {
    match new_temporary() {
        Ok((name, _)) => {
            let name = vm.new_str(name.as_bytes());
            vm.ret1(name)
        }
        Err(_) => Err(vm.error("unable to generate a unique filename")),
    }
}

/// Only the C locale exists.
fn setlocale(vm: &mut Vm, args: Args) -> NativeResult {
    let name = opt_bytes(vm, args, 0)?;
    check_option(vm, args, 1, Some("all"), &["all", "collate", "ctype", "monetary", "numeric", "time"])?;
    match name.as_deref() {
        None | Some(b"" | b"C" | b"POSIX") => {
            let name = vm.intern(b"C");
            vm.ret1(name)
        }
        Some(_) => vm.ret1(Value::NIL),
    }
}

fn now() -> i64 {
    match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
        Ok(since) => since.as_secs() as i64,
        Err(before) => -(before.duration().as_secs() as i64),
    }
}

/// The places of a date table, in the order in which they are written.
const FIELDS: [(&str, i64); 8] = [("year", 1900), ("month", 1), ("day", 0), ("hour", 0), ("min", 0), ("sec", 0), ("yday", 1), ("wday", 1)];

/// Writes all fields of a calendar time to a table.
fn set_fields(vm: &mut Vm, table: Value, f: &CalendarFields) {
    let values = [f.year, f.month, f.day, f.hour, f.min, f.sec, f.yday, f.wday];
    for ((name, delta), v) in FIELDS.into_iter().zip(values) {
        set_field(vm, table, name, Value::small_int(i64::from(v) + delta));
    }
    if f.isdst >= 0 {
        set_field(vm, table, "isdst", Value::bool(f.isdst != 0));
    }
}

/// An integer field of a date table, minus its offset.
fn get_field(vm: &mut Vm, args: Args, name: &str, default: Option<i32>, delta: i64) -> Result<i32, Thrown> {
    let key = vm.intern(name.as_bytes());
    let v = vm.index(args.get(vm, 0), key)?;
    let Some(n) = vm.to_integer(v) else {
        if !v.is_nil() {
            return Err(vm.error(format!("field '{name}' is not an integer")));
        }
        return default.ok_or_else(|| vm.error(format!("field '{name}' missing in date table")));
    };
    // The first condition keeps the subtraction from overflowing.
    let fits = if n >= 0 { n - delta <= i64::from(i32::MAX) } else { i64::from(i32::MIN) + delta <= n };
    if fits { Ok((n - delta) as i32) } else { Err(vm.error(format!("field '{name}' is out-of-bound"))) }
}

fn time(vm: &mut Vm, args: Args) -> NativeResult {
    if args.get(vm, 0).is_nil() {
        return vm.ret1(Value::small_int(now()));
    }
    vm.check_table(args, 0)?;
    let mut f = CalendarFields {
        year: get_field(vm, args, "year", None, 1900)?,
        month: get_field(vm, args, "month", None, 1)?,
        day: get_field(vm, args, "day", None, 0)?,
        hour: get_field(vm, args, "hour", Some(12), 0)?,
        min: get_field(vm, args, "min", Some(0), 0)?,
        sec: get_field(vm, args, "sec", Some(0), 0)?,
        ..CalendarFields::default()
    };
    let key = vm.intern(b"isdst");
    let isdst = vm.index(args.get(vm, 0), key)?;
    f.isdst = if isdst.is_nil() { -1 } else { i32::from(isdst.is_truthy()) };
    let (time, regular) = Calendar::timestamp(f);
    let table = args.get(vm, 0);
    set_fields(vm, table, &regular.fields());
    match time {
        Some(t) => {
            let t = vm.int(t);
            vm.ret1(t)
        }
        None => Err(vm.error("time result cannot be represented in this installation")),
    }
}

fn difftime(vm: &mut Vm, args: Args) -> NativeResult {
    let a = vm.check_int(args, 0)?;
    let b = vm.check_int(args, 1)?;
    vm.ret1(Value::float((i128::from(a) - i128::from(b)) as f64))
}

/// The length of the `strftime` conversion at the start of `s` (behind the '%'), 0 when there is none.
fn conversion_length(s: &[u8]) -> usize {
    match s {
        [b'E', b'c' | b'C' | b'x' | b'X' | b'y' | b'Y', ..] => 2,
        [b'O', b'd' | b'e' | b'H' | b'I' | b'm' | b'M' | b'S' | b'u' | b'U' | b'V' | b'w' | b'W' | b'y', ..] => 2,
        [c, ..] if b"aAbBcCdDeFgGhHIjmMnprRStTuUVwWxXyYzZ%".contains(c) => 1,
        _ => 0,
    }
}

fn date(vm: &mut Vm, args: Args) -> NativeResult {
    let format = opt_bytes(vm, args, 0)?.unwrap_or_else(|| b"%c".to_vec());
    let time = if args.get(vm, 1).is_nil() { now() } else { vm.check_int(args, 1)? };
    let (utc, format) = match &format[..] {
        [b'!', rest @ ..] => (true, rest),
        all => (false, all),
    };
    let calendar = if utc { Calendar::utc(time) } else { Calendar::local(time) };
    let Some(calendar) = calendar else {
        return Err(vm.error("date result cannot be represented in this installation"));
    };
    if format.split(|c| *c == 0).next() == Some(b"*t") {
        let table = vm.heap.new_table(0, 9);
        set_fields(vm, table, &calendar.fields());
        return vm.ret1(table);
    }
    let mut out = Vec::new();
    let mut rest = format;
    while let Some(at) = memchr::memchr(b'%', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        let len = conversion_length(rest);
        if len == 0 {
            let shown: Vec<u8> = rest.iter().copied().take_while(|c| *c != 0).collect();
            let message = [b"invalid conversion specifier '%", &shown[..], b"'"].concat();
            return Err(vm.arg_error(1, message));
        }
        let mut conversion = String::from("%");
        conversion.extend(rest[..len].iter().map(|c| char::from(*c)));
        out.extend_from_slice(&calendar.format(&conversion));
        rest = &rest[len..];
    }
    out.extend_from_slice(rest);
    let s = vm.new_string_from(out)?;
    vm.ret1(s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions() {
        assert_eq!(conversion_length(b"Y-"), 1);
        assert_eq!(conversion_length(b"Ec"), 2);
        assert_eq!(conversion_length(b"Ez"), 0);
        assert_eq!(conversion_length(b"Oy"), 2);
        assert_eq!(conversion_length(b""), 0);
        assert_eq!(conversion_length(b"Q"), 0);
    }
}
