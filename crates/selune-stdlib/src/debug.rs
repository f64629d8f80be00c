//! The library `debug`.
use crate::register::{Entry, check_function, new_library, opt_bytes, set_field, subtable};
use crate::stream;
use selune_core::value::Value;
use selune_vm::debug::{DebugInfo, HOOK_CALL, HOOK_COUNT, HOOK_LINE, HOOK_RETURN};
use selune_vm::{Args, NativeResult, Thrown, Vm};

static FUNCTIONS: &[Entry] = &[
    ("debug", debug),
    ("getuservalue", getuservalue),
    ("gethook", gethook),
    ("getinfo", getinfo),
    ("getlocal", getlocal),
    ("getregistry", getregistry),
    ("getmetatable", getmetatable),
    ("getupvalue", getupvalue),
    ("upvaluejoin", upvaluejoin),
    ("upvalueid", upvalueid),
    ("setuservalue", setuservalue),
    ("sethook", sethook),
    ("setlocal", setlocal),
    ("setmetatable", setmetatable),
    ("setupvalue", setupvalue),
    ("traceback", traceback),
    ("setcstacklimit", setcstacklimit),
];

/// Opens the library.
pub fn open(vm: &mut Vm) {
    new_library(vm, "debug", FUNCTIONS);
}

/// The thread that a function is about (its first argument, or the running one), and how many arguments that took.
fn thread_argument(vm: &Vm, args: Args) -> (Value, usize) {
    let v = args.get(vm, 0);
    if v.is_thread() { (v, 1) } else { (vm.running().0, 0) }
}

fn getregistry(vm: &mut Vm, _: Args) -> NativeResult {
    let registry = vm.registry();
    vm.ret1(registry)
}

fn getmetatable(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 0)?;
    let metatable = vm.metatable(v);
    vm.ret1(metatable)
}

fn setmetatable(vm: &mut Vm, args: Args) -> NativeResult {
    let metatable = args.get(vm, 1);
    if !(metatable.is_table() || metatable.is_nil() && args.len() >= 2) {
        return Err(vm.type_error(args, 2, "nil or table"));
    }
    let v = args.get(vm, 0);
    vm.set_metatable(v, metatable);
    vm.ret1(v)
}

fn getuservalue(vm: &mut Vm, args: Args) -> NativeResult {
    let n = vm.opt_int(args, 1, 1)?;
    let u = args.get(vm, 0);
    match if u.is_userdata() { vm.user_value(u, n) } else { None } {
        Some(v) => {
            vm.push(v);
            vm.push(Value::TRUE);
            Ok(2)
        }
        None => vm.ret1(Value::NIL),
    }
}

fn setuservalue(vm: &mut Vm, args: Args) -> NativeResult {
    let n = vm.opt_int(args, 2, 1)?;
    let u = args.get(vm, 0);
    if !u.is_userdata() {
        return Err(vm.type_error(args, 1, "userdata"));
    }
    let v = vm.check_any(args, 1)?;
    let done = vm.set_user_value(u, n, v);
    vm.ret1(if done { u } else { Value::NIL })
}

/// A stack level argument.
fn level_argument(vm: &mut Vm, args: Args, i: usize) -> Result<Option<usize>, Thrown> {
    let level = vm.check_int(args, i)?;
    Ok(usize::try_from(level).ok().filter(|l| *l <= i32::MAX as usize))
}

fn getinfo(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = thread_argument(vm, args);
    let options = opt_bytes(vm, args, skip + 1)?.unwrap_or_else(|| b"flnSrtu".to_vec());
    if options.first() == Some(&b'>') {
        return Err(vm.arg_error(skip + 2, "invalid option '>'"));
    }
    let what = args.get(vm, skip);
    let info = if what.is_function() {
        vm.function_info(what)
    } else {
        let level = level_argument(vm, args, skip)?;
        match level.and_then(|l| vm.level_info(thread, l)) {
            Some(info) => info,
            None => return vm.ret1(Value::NIL),
        }
    };
    if !options.iter().all(|o| b"SlnrutLf".contains(o)) {
        return Err(vm.arg_error(skip + 2, "invalid option"));
    }
    let table = vm.heap.new_table(0, 16);
    fill_info(vm, table, &info, &options);
    vm.ret1(table)
}

/// Writes the fields that the options ask for.
fn fill_info(vm: &mut Vm, t: Value, info: &DebugInfo, options: &[u8]) {
    let int = |n: i32| Value::small_int(i64::from(n));
    for option in options {
        match option {
            b'S' => {
                for (name, text) in [("source", &info.source[..]), ("short_src", &info.short_src), ("what", info.what.as_bytes())] {
                    let text = vm.new_str(text);
                    set_field(vm, t, name, text);
                }
                set_field(vm, t, "linedefined", int(info.linedefined));
                set_field(vm, t, "lastlinedefined", int(info.lastlinedefined));
            }
            b'l' => set_field(vm, t, "currentline", int(info.currentline)),
            b'u' => {
                set_field(vm, t, "nups", int(info.nups as i32));
                set_field(vm, t, "nparams", int(info.nparams as i32));
                set_field(vm, t, "isvararg", Value::bool(info.isvararg));
            }
            b'n' => {
                let name = info.name.as_ref().map_or(Value::NIL, |n| vm.new_str(n));
                set_field(vm, t, "name", name);
                let namewhat = vm.new_str(info.namewhat.as_bytes());
                set_field(vm, t, "namewhat", namewhat);
            }
            b'r' => {
                set_field(vm, t, "ftransfer", int(info.ftransfer as i32));
                set_field(vm, t, "ntransfer", int(info.ntransfer as i32));
            }
            b't' => set_field(vm, t, "istailcall", Value::bool(info.istailcall)),
            b'L' => {
                if let Some(lines) = vm.active_lines(info) {
                    let set = vm.heap.new_table(0, 0);
                    for line in lines {
                        vm.raw_set_int(set, i64::from(line), Value::TRUE);
                    }
                    set_field(vm, t, "activelines", set);
                }
            }
            _ => set_field(vm, t, "func", info.func),
        }
    }
}

fn getlocal(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = thread_argument(vm, args);
    let n = vm.check_int(args, skip + 1)?;
    let f = args.get(vm, skip);
    if f.is_function() {
        let name = vm.parameter_name(f, n);
        let name = name.map_or(Value::NIL, |name| vm.new_str(&name));
        return vm.ret1(name);
    }
    vm.observe();
    let level = level_argument(vm, args, skip)?;
    let Some(level) = level.and_then(|l| vm.level_of(thread, l)) else {
        return Err(vm.arg_error(skip + 1, "level out of range"));
    };
    match vm.get_local(thread, &level, n) {
        Some((name, v)) => {
            let name = vm.new_str(&name);
            vm.push(name);
            vm.push(v);
            Ok(2)
        }
        None => vm.ret1(Value::NIL),
    }
}

fn setlocal(vm: &mut Vm, args: Args) -> NativeResult {
    vm.observe();
    let (thread, skip) = thread_argument(vm, args);
    let level = level_argument(vm, args, skip)?;
    let n = vm.check_int(args, skip + 1)?;
    let Some(level) = level.and_then(|l| vm.level_of(thread, l)) else {
        return Err(vm.arg_error(skip + 1, "level out of range"));
    };
    let v = vm.check_any(args, skip + 2)?;
    let name = vm.set_local(thread, &level, n, v);
    let name = name.map_or(Value::NIL, |name| vm.new_str(&name));
    vm.ret1(name)
}

fn getupvalue(vm: &mut Vm, args: Args) -> NativeResult {
    let n = vm.check_int(args, 1)?;
    let f = check_function(vm, args, 0)?;
    let Some((name, v)) = vm.function_upvalue(f, n) else { return Ok(0) };
    let name = vm.new_str(&name);
    vm.push(name);
    vm.push(v);
    Ok(2)
}

fn setupvalue(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 2)?;
    let n = vm.check_int(args, 1)?;
    let f = check_function(vm, args, 0)?;
    let Some(name) = vm.set_function_upvalue(f, n, v) else { return Ok(0) };
    let name = vm.new_str(&name);
    vm.ret1(name)
}

/// The identity of an upvalue given by two arguments.
fn upvalue_argument(vm: &mut Vm, args: Args, i: usize) -> Result<(Value, i64, Option<usize>), Thrown> {
    let n = vm.check_int(args, i + 1)?;
    let f = check_function(vm, args, i)?;
    Ok((f, n, vm.upvalue_id(f, n)))
}

fn upvalueid(vm: &mut Vm, args: Args) -> NativeResult {
    let (_, _, id) = upvalue_argument(vm, args, 0)?;
    vm.ret1(id.map_or(Value::NIL, Value::light))
}

fn upvaluejoin(vm: &mut Vm, args: Args) -> NativeResult {
    let mut pairs = [(Value::NIL, 0); 2];
    for (pair, i) in pairs.iter_mut().zip([0, 2]) {
        let (f, n, id) = upvalue_argument(vm, args, i)?;
        if id.is_none() {
            return Err(vm.arg_error(i + 2, "invalid upvalue index"));
        }
        *pair = (f, n);
    }
    let [(f1, n1), (f2, n2)] = pairs;
    for (i, f) in [(1, f1), (3, f2)] {
        if f.is_native() {
            return Err(vm.arg_error(i, "Lua function expected"));
        }
    }
    vm.join_upvalues(f1, n1, f2, n2);
    Ok(0)
}

fn sethook(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = thread_argument(vm, args);
    if args.get(vm, skip).is_nil() {
        let table = hook_table(vm);
        vm.raw_set(table, thread, Value::NIL)?;
        vm.set_hook(thread, Value::NIL, 0, 0);
        return Ok(0);
    }
    vm.observe();
    let letters = crate::register::check_bytes(vm, args, skip + 1)?;
    let hook = check_function(vm, args, skip)?;
    let count = vm.opt_int(args, skip + 2, 0)?.clamp(0, i64::from(i32::MAX)) as u32;
    let mut mask = if count > 0 { HOOK_COUNT } else { 0 };
    for (letter, bit) in [(b'c', HOOK_CALL), (b'r', HOOK_RETURN), (b'l', HOOK_LINE)] {
        if letters.contains(&letter) {
            mask |= bit;
        }
    }
    let table = hook_table(vm);
    vm.raw_set(table, thread, hook)?;
    vm.set_hook(thread, hook, mask, count);
    Ok(0)
}

/// The registry's table from threads to their hooks, with weak keys.
fn hook_table(vm: &mut Vm) -> Value {
    let registry = vm.registry();
    let table = subtable(vm, registry, "_HOOKKEY");
    if vm.metatable(table).is_nil() {
        let mode = vm.intern(b"k");
        set_field(vm, table, "__mode", mode);
        vm.set_metatable(table, table);
    }
    table
}

fn gethook(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, _) = thread_argument(vm, args);
    let (hook, mask, count) = vm.hook(thread);
    if hook.is_nil() {
        return vm.ret1(Value::NIL);
    }
    let mut letters = Vec::new();
    for (letter, bit) in [(b'c', HOOK_CALL), (b'r', HOOK_RETURN), (b'l', HOOK_LINE)] {
        if mask & bit != 0 {
            letters.push(letter);
        }
    }
    let letters = vm.new_str(&letters);
    for v in [hook, letters, Value::small_int(i64::from(count))] {
        vm.push(v);
    }
    Ok(3)
}

/// Reads and runs lines until "cont" or the end of the input.
fn debug(vm: &mut Vm, _: Args) -> NativeResult {
    let error_output = |text: &[u8]| {
        stream::flush_stdout();
        // There is nobody to tell about a failure.
        let _ = stream::stderr().borrow_mut().write(text);
    };
    loop {
        error_output(b"lua_debug> ");
        let mut line = Vec::new();
        let found = stream::stdin().borrow_mut().read_line(&mut line, true).unwrap_or(false);
        if !found || line == b"cont\n" {
            return Ok(0);
        }
        let at = vm.top();
        let result = match vm.load(&line, b"=(debug command)", "bt", None) {
            Ok(f) => {
                vm.push(f);
                vm.pcall_at(at, 0, 0).map(drop)
            }
            Err(message) => Err(message),
        };
        if let Err(e) = result {
            let mut text = vm.tostring(e).map(|s| vm.bytes(s).to_vec()).unwrap_or_default();
            text.push(b'\n');
            error_output(&text);
        }
        vm.set_top(at);
    }
}

fn traceback(vm: &mut Vm, args: Args) -> NativeResult {
    let (thread, skip) = thread_argument(vm, args);
    let message = args.get(vm, skip);
    if !message.is_nil() && !message.is_string() && !message.is_number() {
        return vm.ret1(message);
    }
    let message = opt_bytes(vm, args, skip)?;
    let own = thread == vm.running().0;
    let level = vm.opt_int(args, skip + 1, i64::from(own))?;
    let text = vm.traceback(thread, message.as_deref(), usize::try_from(level).unwrap_or(usize::MAX));
    let text = vm.new_str(&text);
    vm.ret1(text)
}

/// Kept for compatibility; the limit is fixed.
fn setcstacklimit(vm: &mut Vm, args: Args) -> NativeResult {
    vm.check_int(args, 0)?;
    vm.ret1(Value::small_int(200))
}
