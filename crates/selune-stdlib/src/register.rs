//! Putting natives into tables, and small steps that several libraries share.
use selune_core::string;
use selune_core::value::Value;
use selune_vm::{Args, NativeFn, Thrown, Vm};

/// A function of a library and its name.
pub type Entry = (&'static str, NativeFn);

/// Sets `table[name]`.
pub fn set_field(vm: &mut Vm, table: Value, name: &str, v: Value) {
    let key = vm.intern(name.as_bytes());
    // As a constant of the program: libraries keep shapes, so that access to them is fast.
    vm.heap.set_named(table, key, v);
}

/// `table[name]`, raw.
pub fn field(vm: &mut Vm, table: Value, name: &str) -> Value {
    let key = vm.intern(name.as_bytes());
    vm.raw_get(table, key)
}

/// Sets the functions as fields of a table.
pub fn set_functions(vm: &mut Vm, table: Value, entries: &'static [Entry]) {
    for entry in entries {
        let f = vm.new_native(entry.1, &entry.0);
        set_field(vm, table, entry.0, f);
    }
}

/// A new library table with these functions, set as a global and in `package.loaded`.
pub fn new_library(vm: &mut Vm, name: &str, entries: &'static [Entry]) -> Value {
    let table = vm.heap.new_table(0, entries.len());
    set_functions(vm, table, entries);
    let (globals, loaded) = (vm.globals(), vm.loaded());
    set_field(vm, globals, name, table);
    set_field(vm, loaded, name, table);
    table
}

/// The table `parent[name]`, made when it is not there.
pub fn subtable(vm: &mut Vm, parent: Value, name: &str) -> Value {
    let found = field(vm, parent, name);
    if found.is_table() {
        return found;
    }
    let table = vm.heap.new_table(0, 0);
    set_field(vm, parent, name, table);
    table
}

/// The part `from..to` of a string as a new string (the string itself when it is all of it). Allocating does not collect, so
/// the bytes stay where they are meanwhile.
#[inline]
pub fn substring(vm: &mut Vm, s: Value, from: usize, to: usize) -> Value {
    let bytes = string::bytes(s);
    if to - from == bytes.len() { s } else { vm.new_str(&bytes[from..to]) }
}

/// The text that `v` has as an operand of a function that takes strings: a string's bytes or a number's text.
#[inline]
pub fn append_text(vm: &Vm, out: &mut Vec<u8>, v: Value) -> bool {
    if v.is_string() {
        out.extend_from_slice(vm.bytes(v));
        return true;
    }
    if v.is_number() {
        let mut buf = selune_core::number::NumBuf::new();
        out.extend_from_slice(vm.format_number(v, &mut buf));
        return true;
    }
    false
}

/// One of a list of options (`luaL_checkoption`): its index.
pub fn check_option(vm: &mut Vm, args: Args, i: usize, default: Option<&str>, options: &[&str]) -> Result<usize, Thrown> {
    let name: Vec<u8> = match default {
        Some(d) if args.get(vm, i).is_nil() => d.as_bytes().to_vec(),
        _ => {
            let v = vm.check_str(args, i)?;
            vm.bytes(v).to_vec()
        }
    };
    match options.iter().position(|o| o.as_bytes() == name) {
        Some(at) => Ok(at),
        None => {
            let message = [b"invalid option '", &name[..], b"'"].concat();
            Err(vm.arg_error(i + 1, message))
        }
    }
}

/// Argument `i` must be a function.
pub fn check_function(vm: &mut Vm, args: Args, i: usize) -> Result<Value, Thrown> {
    let v = args.get(vm, i);
    if v.is_function() { Ok(v) } else { Err(vm.type_error(args, i + 1, "function")) }
}

/// The bytes of a string argument, copied (for names and other short texts that must outlive a call).
pub fn check_bytes(vm: &mut Vm, args: Args, i: usize) -> Result<Vec<u8>, Thrown> {
    let v = vm.check_str(args, i)?;
    Ok(vm.bytes(v).to_vec())
}

/// The bytes of an optional string argument, copied.
pub fn opt_bytes(vm: &mut Vm, args: Args, i: usize) -> Result<Option<Vec<u8>>, Thrown> {
    Ok(vm.opt_str(args, i)?.map(|v| vm.bytes(v).to_vec()))
}
