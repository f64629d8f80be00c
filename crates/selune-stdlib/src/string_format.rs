//! `string.format` on the format engine.
use crate::format::{
    RawSpec, SpecError, write_bytes, write_char, write_float, write_int, write_pointer, write_quoted_bytes, write_quoted_float, write_quoted_int,
    write_unsigned,
};
use selune_core::value::Value;
use selune_vm::{Args, NativeResult, Thrown, Vm};

/// Longest string that a width without precision still pads.
const MAX_PADDED: usize = 100;

#[cold]
fn spec_error(vm: &mut Vm, e: SpecError) -> Thrown {
    vm.error(e.message())
}

/// `string.format(formatstring, ...)`
pub fn format(vm: &mut Vm, args: Args) -> NativeResult {
    vm.check_str(args, 0)?;
    let mut out = Vec::with_capacity(64);
    let mut at = 0;
    let mut arg = 0;
    loop {
        // The format may have moved: an argument's `__tostring` may have run.
        let format = vm.bytes(args.get(vm, 0));
        let Some(percent) = memchr::memchr(b'%', &format[at..]) else {
            out.extend_from_slice(&format[at..]);
            break;
        };
        out.extend_from_slice(&format[at..at + percent]);
        at += percent + 1;
        if format.get(at) == Some(&b'%') {
            out.push(b'%');
            at += 1;
            continue;
        }
        arg += 1;
        if arg >= args.len() {
            return Err(vm.arg_error(arg + 1, "no value"));
        }
        let mut text = [0u8; 24];
        let raw = match RawSpec::read(&format[at..]) {
            Ok(raw) => raw,
            Err(e) => return Err(spec_error(vm, e)),
        };
        // A copy, so that the VM is free for conversions.
        let len = raw.text.len();
        text[..len].copy_from_slice(raw.text);
        let raw = RawSpec { text: &text[..len], conversion: raw.conversion };
        convert(vm, args, arg, &raw, &mut out)?;
        at += len;
    }
    let s = vm.new_string_from(out)?;
    vm.ret1(s)
}

/// Checks a specification.
macro_rules! spec {
    ($vm:ident, $raw:ident, $flags:expr, $precision:expr) => {
        match $raw.parse($flags, $precision) {
            Ok(spec) => spec,
            Err(e) => return Err(spec_error($vm, e)),
        }
    };
}

/// One conversion. May call (`%s`).
fn convert(vm: &mut Vm, args: Args, arg: usize, raw: &RawSpec<'_>, out: &mut Vec<u8>) -> Result<(), Thrown> {
    match raw.conversion {
        b'd' | b'i' => {
            let i = vm.check_int(args, arg)?;
            write_int(out, &spec!(vm, raw, b"-+0 ", true), i);
        }
        b's' => string(vm, args, arg, raw, out)?,
        b'f' | b'e' | b'E' | b'g' | b'G' => {
            let f = vm.check_num(args, arg)?;
            write_float(out, &spec!(vm, raw, b"-+#0 ", true), f, raw.conversion);
        }
        b'x' | b'X' | b'o' => {
            let i = vm.check_int(args, arg)?;
            write_unsigned(out, &spec!(vm, raw, b"-#0", true), i, raw.conversion);
        }
        b'u' => {
            let i = vm.check_int(args, arg)?;
            write_unsigned(out, &spec!(vm, raw, b"-0", true), i, b'u');
        }
        b'a' | b'A' => {
            let spec = spec!(vm, raw, b"-+#0 ", true);
            let f = vm.check_num(args, arg)?;
            write_float(out, &spec, f, raw.conversion);
        }
        b'c' => {
            let spec = spec!(vm, raw, b"-", false);
            let c = vm.check_int(args, arg)?;
            write_char(out, &spec, c as u8);
        }
        b'p' => {
            let v = args.get(vm, arg);
            let spec = spec!(vm, raw, b"-", false);
            let has_address = v.is_string() || v.is_table() || v.is_function() || v.is_thread() || v.is_userdata() || v.is_light();
            let address = if has_address { Some(vm.pointer_of(v) as u64) } else { None };
            write_pointer(out, &spec, address);
        }
        b'q' => {
            if raw.text.len() != 1 {
                return Err(vm.error("specifier '%q' cannot have modifiers"));
            }
            literal(vm, args, arg, out)?;
        }
        _ => return Err(spec_error(vm, raw.unknown())),
    }
    Ok(())
}

/// `%s`. May call.
fn string(vm: &mut Vm, args: Args, arg: usize, raw: &RawSpec<'_>, out: &mut Vec<u8>) -> Result<(), Thrown> {
    let v = args.get(vm, arg);
    let s = vm.tostring(v)?;
    if raw.text.len() == 1 {
        out.extend_from_slice(vm.bytes(s));
        return Ok(());
    }
    if vm.bytes(s).contains(&0) {
        return Err(vm.arg_error(arg + 1, "string contains zeros"));
    }
    let spec = spec!(vm, raw, b"-", true);
    if spec.precision.is_none() && vm.bytes(s).len() >= MAX_PADDED {
        out.extend_from_slice(vm.bytes(s));
    } else {
        write_bytes(out, &spec, vm.bytes(s));
    }
    Ok(())
}

/// `%q`.
fn literal(vm: &mut Vm, args: Args, arg: usize, out: &mut Vec<u8>) -> Result<(), Thrown> {
    let v = args.get(vm, arg);
    if v.is_string() {
        write_quoted_bytes(out, vm.bytes(v));
    } else if let Some(i) = v.as_int() {
        write_quoted_int(out, i);
    } else if v.is_float() {
        write_quoted_float(out, v.as_float());
    } else if v.is_nil() || v == Value::TRUE || v == Value::FALSE {
        let s = vm.tostring(v)?;
        out.extend_from_slice(vm.bytes(s));
    } else {
        return Err(vm.arg_error(arg + 1, "value has no literal form"));
    }
    Ok(())
}
