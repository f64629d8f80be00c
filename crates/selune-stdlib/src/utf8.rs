//! The library `utf8`.
use crate::register::{Entry, new_library, set_field};
use selune_core::value::Value;
use selune_vm::{Args, NativeKind, NativeResult, Vm};

static FUNCTIONS: &[Entry] = &[("offset", offset), ("codepoint", codepoint), ("char", char_), ("len", len)];

/// Largest code that the encoding can hold.
const MAX_CODE: u32 = 0x7FFF_FFFF;
/// Matches one encoded character.
const CHAR_PATTERN: &[u8] = b"[\0-\x7F\xC2-\xFD][\x80-\xBF]*";

/// Opens the library.
pub fn open(vm: &mut Vm) {
    let lib = new_library(vm, "utf8", FUNCTIONS);
    let pattern = vm.new_str(CHAR_PATTERN);
    set_field(vm, lib, "charpattern", pattern);
    let strict = vm.new_native(next_strict, &"codes_aux");
    let lax = vm.new_native(next_lax, &"codes_aux");
    let codes = vm.new_native_with(codes, &"codes", NativeKind::Plain, &[strict, lax]);
    set_field(vm, lib, "codes", codes);
}

/// Is it a continuation byte (nothing is none)?
#[inline]
fn is_continuation(s: &[u8], at: usize) -> bool {
    s.get(at).is_some_and(|c| c & 0xC0 == 0x80)
}

/// Decodes one character: its code and length.
#[inline]
fn decode(s: &[u8], strict: bool) -> Option<(u32, usize)> {
    const LEAST: [u32; 6] = [u32::MAX, 0x80, 0x800, 0x10000, 0x20_0000, 0x400_0000];
    let first = *s.first()?;
    if first < 0x80 {
        return Some((u32::from(first), 1));
    }
    let count = (first << 1).leading_ones() as usize;
    if count == 0 || count > 5 {
        return None;
    }
    let mut code = u64::from(first) & (0x3F >> count);
    for i in 1..=count {
        let c = *s.get(i)?;
        if c & 0xC0 != 0x80 {
            return None;
        }
        code = code << 6 | u64::from(c & 0x3F);
    }
    let code = u32::try_from(code).ok().filter(|c| *c <= MAX_CODE && *c >= LEAST[count])?;
    if strict && (code > 0x10_FFFF || (0xD800..=0xDFFF).contains(&code)) {
        return None;
    }
    Some((code, count + 1))
}

/// Appends the encoding of a code up to 2^31.
pub fn encode(out: &mut Vec<u8>, code: u32) {
    if code < 0x80 {
        out.push(code as u8);
        return;
    }
    let mut bytes = [0u8; 6];
    let mut at = 6;
    let mut rest = code;
    let mut first_max = 0x3F;
    loop {
        at -= 1;
        bytes[at] = 0x80 | (rest & 0x3F) as u8;
        rest >>= 6;
        first_max >>= 1;
        if rest <= first_max {
            break;
        }
    }
    at -= 1;
    bytes[at] = (!first_max << 1 | rest) as u8;
    out.extend_from_slice(&bytes[at..]);
}

/// A position relative to the end when negative; 0 when before the start.
fn position(pos: i64, len: usize) -> i64 {
    if pos >= 0 {
        pos
    } else if pos.unsigned_abs() > len as u64 {
        0
    } else {
        len as i64 + pos + 1
    }
}

fn len(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let size = vm.bytes(s).len();
    let mut from = position(vm.opt_int(args, 1, 1)?, size) - 1;
    let to = position(vm.opt_int(args, 2, -1)?, size) - 1;
    let strict = args.get(vm, 3).is_falsy();
    if !(0..=size as i64).contains(&from) {
        return Err(vm.arg_error(2, "initial position out of bounds"));
    }
    if to >= size as i64 {
        return Err(vm.arg_error(3, "final position out of bounds"));
    }
    let mut n = 0;
    while from <= to {
        match decode(&vm.bytes(s)[from as usize..], strict) {
            Some((_, len)) => from += len as i64,
            None => {
                vm.push(Value::NIL);
                vm.push(Value::small_int(from + 1));
                return Ok(2);
            }
        }
        n += 1;
    }
    vm.ret1(Value::small_int(n))
}

fn codepoint(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let size = vm.bytes(s).len();
    let from = position(vm.opt_int(args, 1, 1)?, size);
    let to = position(vm.opt_int(args, 2, from)?, size);
    let strict = args.get(vm, 3).is_falsy();
    if from < 1 {
        return Err(vm.arg_error(2, "out of bounds"));
    }
    if to > size as i64 {
        return Err(vm.arg_error(3, "out of bounds"));
    }
    if from > to {
        return Ok(0);
    }
    if to - from >= i64::from(i32::MAX) || !vm.check_stack((to - from) as usize + 1) {
        return Err(vm.error("string slice too long"));
    }
    let (mut at, to) = (from as usize - 1, to as usize);
    let mut n = 0;
    while at < to {
        let Some((code, len)) = decode(&vm.bytes(s)[at..], strict) else { return Err(vm.error("invalid UTF-8 code")) };
        vm.push(Value::small_int(i64::from(code)));
        at += len;
        n += 1;
    }
    Ok(n)
}

fn char_(vm: &mut Vm, args: Args) -> NativeResult {
    let mut out = Vec::new();
    for i in 0..args.len() {
        let code = vm.check_int(args, i)?;
        match u32::try_from(code).ok().filter(|c| *c <= MAX_CODE) {
            Some(code) => encode(&mut out, code),
            None => return Err(vm.arg_error(i + 1, "value out of range")),
        }
    }
    let s = vm.new_string_from(out)?;
    vm.ret1(s)
}

fn offset(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let size = vm.bytes(s).len() as i64;
    let mut n = vm.check_int(args, 1)?;
    let default = if n >= 0 { 1 } else { size + 1 };
    let mut at = position(vm.opt_int(args, 2, default)?, size as usize) - 1;
    if !(0..=size).contains(&at) {
        return Err(vm.arg_error(3, "position out of bounds"));
    }
    let bytes = vm.bytes(s);
    let continues = |at: i64| is_continuation(bytes, at as usize);
    if n == 0 {
        while at > 0 && continues(at) {
            at -= 1;
        }
    } else if continues(at) {
        return Err(vm.error("initial position is a continuation byte"));
    } else if n < 0 {
        while n < 0 && at > 0 {
            at -= 1;
            while at > 0 && continues(at) {
                at -= 1;
            }
            n += 1;
        }
    } else {
        n -= 1;
        while n > 0 && at < size {
            at += 1;
            while continues(at) {
                at += 1;
            }
            n -= 1;
        }
    }
    vm.ret1(if n == 0 { Value::small_int(at + 1) } else { Value::NIL })
}

fn codes(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let lax = args.get(vm, 1).is_truthy();
    if is_continuation(vm.bytes(s), 0) {
        return Err(vm.arg_error(1, "invalid UTF-8 code"));
    }
    let next = vm.upvalue(usize::from(lax));
    vm.push(next);
    vm.push(s);
    vm.push(Value::small_int(0));
    Ok(3)
}

fn next_strict(vm: &mut Vm, args: Args) -> NativeResult {
    next(vm, args, true)
}

fn next_lax(vm: &mut Vm, args: Args) -> NativeResult {
    next(vm, args, false)
}

/// The step of `codes`: the character behind the one at the given position.
fn next(vm: &mut Vm, args: Args, strict: bool) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let n = vm.to_integer(args.get(vm, 1)).unwrap_or(0);
    let bytes = vm.bytes(s);
    let Some(mut at) = usize::try_from(n).ok().filter(|n| *n < bytes.len()) else { return Ok(0) };
    // Position n counts from 1, so `at` is the byte behind the first byte of the previous character.
    while is_continuation(bytes, at) {
        at += 1;
    }
    if at >= bytes.len() {
        return Ok(0);
    }
    match decode(&bytes[at..], strict) {
        Some((code, len)) if !is_continuation(bytes, at + len) => {
            vm.push(Value::small_int(at as i64 + 1));
            vm.push(Value::small_int(i64::from(code)));
            Ok(2)
        }
        _ => Err(vm.error("invalid UTF-8 code")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for code in [0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10_FFFF, 0x20_0000, 0x400_0000, MAX_CODE] {
            let mut out = Vec::new();
            encode(&mut out, code);
            assert_eq!(decode(&out, false), Some((code, out.len())), "{code:x}");
            assert_eq!(decode(&out, true).is_some(), code <= 0x10_FFFF);
        }
        assert_eq!(decode(b"\xC0\x80", false), None);
        assert_eq!(decode(b"\xED\xA0\x80", true), None);
        assert_eq!(decode(b"\xED\xA0\x80", false), Some((0xD800, 3)));
        assert_eq!(decode(b"\x80", false), None);
        assert_eq!(decode(b"\xE4\xB8", false), None);
        assert_eq!(decode(b"\xFF", false), None);
    }
}
