//! The library `package` and `require`.
use crate::load::load_file;
use crate::os::path;
use crate::register::{Entry, check_bytes, field, new_library, opt_bytes, set_field, subtable};
use selune_core::value::Value;
use selune_vm::{Args, NativeFn, NativeKind, NativeResult, Thrown, Vm};
use std::os::unix::ffi::OsStringExt;

static FUNCTIONS: &[Entry] = &[("loadlib", loadlib), ("searchpath", searchpath)];

static SEARCHERS: &[(&str, NativeFn)] =
    &[("searcher_preload", search_preload), ("searcher_Lua", search_lua), ("searcher_C", search_c), ("searcher_Croot", search_c_root)];

const PATH: &str =
    "/usr/local/share/lua/5.4/?.lua;/usr/local/share/lua/5.4/?/init.lua;/usr/local/lib/lua/5.4/?.lua;/usr/local/lib/lua/5.4/?/init.lua;./?.lua;./?/init.lua";
const CPATH: &str = "/usr/local/lib/lua/5.4/?.so;/usr/local/lib/lua/5.4/loadall.so;./?.so";
const CONFIG: &[u8] = b"/\n;\n?\n!\n-\n";

/// Opens the library.
pub fn open(vm: &mut Vm) {
    let lib = new_library(vm, "package", FUNCTIONS);
    let (registry, loaded, globals) = (vm.registry(), vm.loaded(), vm.globals());
    let searchers = vm.heap.new_table(SEARCHERS.len(), 0);
    for (i, (name, f)) in SEARCHERS.iter().enumerate() {
        let f = vm.new_native_with(*f, name, NativeKind::Plain, &[lib]);
        vm.raw_set_int(searchers, i as i64 + 1, f);
    }
    let preload = subtable(vm, registry, "_PRELOAD");
    let config = vm.new_str(CONFIG);
    let (path, cpath) = (vm.new_str(PATH.as_bytes()), vm.new_str(CPATH.as_bytes()));
    for (name, v) in
        [("searchers", searchers), ("path", path), ("cpath", cpath), ("config", config), ("loaded", loaded), ("preload", preload)]
    {
        set_field(vm, lib, name, v);
    }
    let require = vm.new_native_with(require, &"require", NativeKind::Plain, &[lib]);
    set_field(vm, globals, "require", require);
}

/// Sets `package.path` and `package.cpath` from the environment variables `LUA_PATH_5_4`, `LUA_PATH`, `LUA_CPATH_5_4` and `LUA_CPATH`, in
/// which ";;" stands for the default path.
pub fn set_search_path(vm: &mut Vm) {
    let loaded = vm.loaded();
    let lib = field(vm, loaded, "package");
    if !lib.is_table() {
        return;
    }
    for (name, variable, default) in [("path", "LUA_PATH", PATH), ("cpath", "LUA_CPATH", CPATH)] {
        let value = std::env::var_os(format!("{variable}_5_4")).or_else(|| std::env::var_os(variable));
        if let Some(value) = value {
            let value = with_default(&value.into_vec(), default.as_bytes());
            let value = vm.new_str(&value);
            set_field(vm, lib, name, value);
        }
    }
}

/// Puts the default path in place of the first ";;".
fn with_default(value: &[u8], default: &[u8]) -> Vec<u8> {
    let Some(at) = memchr::memmem::find(value, b";;") else { return value.to_vec() };
    let (before, after) = (&value[..at], &value[at + 2..]);
    let mut out = before.to_vec();
    if !before.is_empty() {
        out.push(b';');
    }
    out.extend_from_slice(default);
    if !after.is_empty() {
        out.push(b';');
        out.extend_from_slice(after);
    }
    out
}

fn replace(s: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(s.len());
    let mut rest = s;
    while let Some(at) = memchr::memmem::find(rest, what) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(with);
        rest = &rest[at + what.len()..];
    }
    out.extend_from_slice(rest);
    out
}

/// The first readable file of a path with the name in place of '?'; Err: what was tried, as a message.
fn search(name: &[u8], in_path: &[u8], sep: &[u8], dir_sep: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
    let name = if sep.is_empty() { name.to_vec() } else { replace(name, sep, dir_sep) };
    let names = replace(in_path, b"?", &name);
    for file in names.split(|c| *c == b';') {
        if !names.is_empty() && std::fs::File::open(path(file)).is_ok() {
            return Ok(file.to_vec());
        }
    }
    let tried = replace(&names, b";", b"'\n\tno file '");
    Err([b"no file '", &tried[..], b"'"].concat())
}

fn searchpath(vm: &mut Vm, args: Args) -> NativeResult {
    let name = check_bytes(vm, args, 0)?;
    let in_path = check_bytes(vm, args, 1)?;
    let sep = opt_bytes(vm, args, 2)?.unwrap_or_else(|| b".".to_vec());
    let dir_sep = opt_bytes(vm, args, 3)?.unwrap_or_else(|| b"/".to_vec());
    match search(&name, &in_path, &sep, &dir_sep) {
        Ok(file) => {
            let file = vm.new_str(&file);
            vm.ret1(file)
        }
        Err(message) => {
            let message = vm.new_str(&message);
            vm.push(Value::NIL);
            vm.push(message);
            Ok(2)
        }
    }
}

/// C libraries cannot be loaded: they need the C API.
fn loadlib(vm: &mut Vm, args: Args) -> NativeResult {
    check_bytes(vm, args, 0)?;
    check_bytes(vm, args, 1)?;
    let message = vm.new_str(b"dynamic libraries not enabled; check your Lua installation");
    let place = vm.intern(b"absent");
    for v in [Value::NIL, message, place] {
        vm.push(v);
    }
    Ok(3)
}

/// Searches `package[key]`.
fn find_file(vm: &mut Vm, name: &[u8], key: &str) -> Result<Result<Vec<u8>, Vec<u8>>, Thrown> {
    let lib = vm.upvalue(0);
    let key_value = vm.intern(key.as_bytes());
    let in_path = vm.index(lib, key_value)?;
    if !in_path.is_string() && !in_path.is_number() {
        return Err(vm.error(format!("'package.{key}' must be a string")));
    }
    let mut text = Vec::new();
    crate::register::append_text(vm, &mut text, in_path);
    Ok(search(name, &text, b".", b"/"))
}

fn push_message(vm: &mut Vm, message: &[u8]) -> NativeResult {
    let message = vm.new_str(message);
    vm.ret1(message)
}

fn search_preload(vm: &mut Vm, args: Args) -> NativeResult {
    let name = vm.check_str(args, 0)?;
    let registry = vm.registry();
    let preload = field(vm, registry, "_PRELOAD");
    let f = vm.index(preload, name)?;
    if f.is_nil() {
        let name = vm.bytes(args.get(vm, 0));
        let message = [b"no field package.preload['", name, b"']"].concat();
        return push_message(vm, &message);
    }
    vm.push(f);
    let data = vm.intern(b":preload:");
    vm.push(data);
    Ok(2)
}

/// "error loading module ..."
fn load_error(vm: &mut Vm, name: &[u8], file: &[u8], message: &[u8]) -> Thrown {
    vm.error([b"error loading module '", name, b"' from file '", file, b"':\n\t", message].concat())
}

fn search_lua(vm: &mut Vm, args: Args) -> NativeResult {
    let name = check_bytes(vm, args, 0)?;
    let file = match find_file(vm, &name, "path")? {
        Ok(file) => file,
        Err(message) => return push_message(vm, &message),
    };
    match load_file(vm, Some(&file), "bt", None) {
        Ok(f) => {
            vm.push(f);
            let file = vm.new_str(&file);
            vm.push(file);
            Ok(2)
        }
        Err(message) => {
            let message = vm.bytes(message).to_vec();
            Err(load_error(vm, &name, &file, &message))
        }
    }
}

fn search_c(vm: &mut Vm, args: Args) -> NativeResult {
    let name = check_bytes(vm, args, 0)?;
    match find_file(vm, &name, "cpath")? {
        Ok(file) => Err(load_error(vm, &name, &file, b"dynamic libraries not enabled; check your Lua installation")),
        Err(message) => push_message(vm, &message),
    }
}

fn search_c_root(vm: &mut Vm, args: Args) -> NativeResult {
    let name = check_bytes(vm, args, 0)?;
    let Some(dot) = memchr::memchr(b'.', &name) else { return Ok(0) };
    match find_file(vm, &name[..dot], "cpath")? {
        Ok(file) => Err(load_error(vm, &name, &file, b"dynamic libraries not enabled; check your Lua installation")),
        Err(message) => push_message(vm, &message),
    }
}

/// Finds a loader: leaves it and its data on the stack. May call.
fn find_loader(vm: &mut Vm, args: Args) -> Result<(), Thrown> {
    let lib = vm.upvalue(0);
    let key = vm.intern(b"searchers");
    let searchers = vm.index(lib, key)?;
    if !searchers.is_table() {
        return Err(vm.error("'package.searchers' must be a table"));
    }
    // On the stack, as the searchers are called.
    vm.push(searchers);
    let at = vm.top();
    let mut message = Vec::new();
    for i in 1.. {
        let searcher = vm.raw_get_int(vm.stack_at(at - 1), i);
        if searcher.is_nil() {
            let name = vm.bytes(args.get(vm, 0));
            let text = [b"module '", name, b"' not found:", &message[..]].concat();
            return Err(vm.error(text));
        }
        let name = args.get(vm, 0);
        vm.call_values(searcher, &[name], 2)?;
        let found = vm.stack_at(at);
        if found.is_function() {
            return Ok(());
        }
        if found.is_string() || found.is_number() {
            message.extend_from_slice(b"\n\t");
            crate::register::append_text(vm, &mut message, found);
        }
        vm.set_top(at);
    }
    Ok(())
}

/// `require(modname)`
fn require(vm: &mut Vm, args: Args) -> NativeResult {
    let name = vm.check_str(args, 0)?;
    let loaded = vm.loaded();
    let known = vm.index(loaded, name)?;
    if known.is_truthy() {
        return vm.ret1(known);
    }
    find_loader(vm, args)?;
    let at = vm.top() - 2;
    let (loader, data) = (vm.stack_at(at), vm.stack_at(at + 1));
    let name = args.get(vm, 0);
    let result = vm.call1(loader, &[name, data])?;
    let (loaded, name) = (vm.loaded(), args.get(vm, 0));
    if !result.is_nil() {
        vm.set_index(loaded, name, result)?;
    }
    let (loaded, name) = (vm.loaded(), args.get(vm, 0));
    let mut module = vm.index(loaded, name)?;
    if module.is_nil() {
        module = Value::TRUE;
        let (loaded, name) = (vm.loaded(), args.get(vm, 0));
        vm.set_index(loaded, name, module)?;
    }
    vm.push(module);
    let data = vm.stack_at(at + 1);
    vm.push(data);
    Ok(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(with_default(b"a;;b", b"D"), b"a;D;b");
        assert_eq!(with_default(b";;", b"D"), b"D");
        assert_eq!(with_default(b"a", b"D"), b"a");
        assert_eq!(replace(b"a.b.c", b".", b"/"), b"a/b/c");
        assert_eq!(search(b"x.y", b"./?.none;/?/q", b".", b"/").unwrap_err(), b"no file './x/y.none'\n\tno file '/x/y/q'");
    }
}
