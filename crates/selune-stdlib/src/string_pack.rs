//! `string.pack`, `packsize` and `unpack` on the pack engine.
use crate::pack::{Format, Item, Kind, LUA_INT_SIZE, MAX_SIZE, PackError, fits_signed, fits_unsigned, read_int, write_int};
use crate::register::substring;
use crate::string::start_position;
use selune_core::value::Value;
use selune_vm::{Args, NativeResult, Thrown, Vm};

#[cold]
fn format_error(vm: &mut Vm, e: PackError) -> Thrown {
    match e {
        PackError::Plain(text) => vm.error(text),
        PackError::Format(text) => vm.arg_error(1, text),
    }
}

/// The next option of the format, or an error of the program's.
fn next(vm: &mut Vm, format: &mut Format<'_>, total: usize) -> Result<Option<Item>, Thrown> {
    format.next(total).map_err(|e| format_error(vm, e))
}

/// The format. Nothing in this library can collect, so its bytes stay where they are.
fn format_of<'a>(vm: &mut Vm, args: Args) -> Result<&'a [u8], Thrown> {
    vm.check_str(args, 0).map(selune_core::string::bytes)
}

/// `string.pack(fmt, v1, v2, ...)`
pub fn pack(vm: &mut Vm, args: Args) -> NativeResult {
    let fmt = format_of(vm, args)?;
    // As in PUC, the first missing argument counts as nil.
    vm.push(Value::NIL);
    let args = Args { base: args.base, n: args.n + 1 };
    let mut format = Format::new(fmt);
    let mut out = Vec::new();
    let mut arg = 0;
    while let Some(item) = next(vm, &mut format, out.len())? {
        out.resize(out.len() + item.align, 0);
        arg += 1;
        match item.kind {
            Kind::Padding => {
                out.push(0);
                arg -= 1;
            }
            Kind::PadAlign | Kind::Nothing => arg -= 1,
            _ => pack_value(vm, args, arg, item, format.little, &mut out)?,
        }
    }
    let s = vm.new_string_from(out)?;
    vm.ret1(s)
}

fn pack_value(vm: &mut Vm, args: Args, arg: usize, item: Item, little: bool, out: &mut Vec<u8>) -> Result<(), Thrown> {
    let size = item.size;
    let mut floats = |bytes: &mut [u8]| {
        if !little {
            bytes.reverse();
        }
        out.extend_from_slice(bytes);
    };
    match item.kind {
        Kind::Int => {
            let n = vm.check_int(args, arg)?;
            if !fits_signed(n, size) {
                return Err(vm.arg_error(arg + 1, "integer overflow"));
            }
            write_int(out, n, little, size, n < 0);
        }
        Kind::Uint => {
            let n = vm.check_int(args, arg)?;
            if !fits_unsigned(n as u64, size) {
                return Err(vm.arg_error(arg + 1, "unsigned overflow"));
            }
            write_int(out, n, little, size, false);
        }
        Kind::Float => floats(&mut (vm.check_num(args, arg)? as f32).to_le_bytes()),
        Kind::Double => floats(&mut vm.check_num(args, arg)?.to_le_bytes()),
        Kind::Chars => {
            let s = vm.check_str(args, arg)?;
            let len = vm.bytes(s).len();
            if len > size {
                return Err(vm.arg_error(arg + 1, "string longer than given size"));
            }
            out.extend_from_slice(vm.bytes(s));
            out.resize(out.len() + size - len, 0);
        }
        Kind::String => {
            let s = vm.check_str(args, arg)?;
            let len = vm.bytes(s).len();
            if !fits_unsigned(len as u64, size) {
                return Err(vm.arg_error(arg + 1, "string length does not fit in given size"));
            }
            write_int(out, len as i64, little, size, false);
            out.extend_from_slice(vm.bytes(s));
        }
        _ => {
            let s = vm.check_str(args, arg)?;
            if vm.bytes(s).contains(&0) {
                return Err(vm.arg_error(arg + 1, "string contains zeros"));
            }
            out.extend_from_slice(vm.bytes(s));
            out.push(0);
        }
    }
    Ok(())
}

/// `string.packsize(fmt)`
pub fn packsize(vm: &mut Vm, args: Args) -> NativeResult {
    let fmt = format_of(vm, args)?;
    let mut format = Format::new(fmt);
    let mut total = 0;
    while let Some(item) = next(vm, &mut format, total)? {
        if matches!(item.kind, Kind::String | Kind::Zero) {
            return Err(vm.arg_error(1, "variable-length format"));
        }
        let size = item.size + item.align;
        if size > MAX_SIZE || total > MAX_SIZE - size {
            return Err(vm.arg_error(1, "format result too large"));
        }
        total += size;
    }
    vm.ret1(Value::small_int(total as i64))
}

/// `string.unpack(fmt, s [, pos])`
pub fn unpack(vm: &mut Vm, args: Args) -> NativeResult {
    let fmt = format_of(vm, args)?;
    let data = vm.check_str(args, 1)?;
    let len = vm.bytes(data).len();
    let mut pos = start_position(vm.opt_int(args, 2, 1)?, len) - 1;
    if pos > len {
        return Err(vm.arg_error(3, "initial position out of string"));
    }
    let mut format = Format::new(fmt);
    let mut count = 0;
    while let Some(item) = next(vm, &mut format, pos)? {
        if item.align.saturating_add(item.size) > len - pos {
            return Err(vm.arg_error(2, "data string too short"));
        }
        pos += item.align;
        if !vm.check_stack(2) {
            return Err(vm.error("stack overflow (too many results)"));
        }
        if let Some(v) = unpack_value(vm, data, &mut pos, item, format.little)? {
            vm.push(v);
            count += 1;
        }
    }
    vm.push(Value::small_int(pos as i64 + 1));
    Ok(count + 1)
}

/// Reads one value at `pos` and moves it behind.
fn unpack_value(vm: &mut Vm, data: Value, pos: &mut usize, item: Item, little: bool) -> Result<Option<Value>, Thrown> {
    let (from, to) = (*pos, *pos + item.size);
    *pos = to;
    let field = &vm.bytes(data)[from..to];
    let value = match item.kind {
        Kind::Int | Kind::Uint => match read_int(field, little, item.kind == Kind::Int) {
            Some(n) => vm.int(n),
            None => return Err(too_large(vm, item.size)),
        },
        Kind::Float => {
            let mut bytes: [u8; 4] = field.try_into().unwrap_or_default();
            if !little {
                bytes.reverse();
            }
            Value::float(f64::from(f32::from_le_bytes(bytes)))
        }
        Kind::Double => {
            let mut bytes: [u8; 8] = field.try_into().unwrap_or_default();
            if !little {
                bytes.reverse();
            }
            Value::float(f64::from_le_bytes(bytes))
        }
        Kind::Chars => substring(vm, data, from, to),
        Kind::String => {
            let Some(n) = read_int(field, little, false) else { return Err(too_large(vm, item.size)) };
            if n as u64 > (vm.bytes(data).len() - to) as u64 {
                return Err(vm.arg_error(2, "data string too short"));
            }
            *pos = to + n as usize;
            substring(vm, data, to, *pos)
        }
        Kind::Zero => {
            let Some(n) = memchr::memchr(0, &vm.bytes(data)[from..]) else {
                return Err(vm.arg_error(2, "unfinished string for format 'z'"));
            };
            *pos = from + n + 1;
            substring(vm, data, from, from + n)
        }
        Kind::Padding | Kind::PadAlign | Kind::Nothing => return Ok(None),
    };
    Ok(Some(value))
}

#[cold]
fn too_large(vm: &mut Vm, size: usize) -> Thrown {
    debug_assert!(size > LUA_INT_SIZE);
    vm.error(format!("{size}-byte integer does not fit into Lua Integer"))
}
