//! Runs a program: the environment's LUA_INIT, `-e` and `-l`, the script, the REPL; reports errors as `lua` does.
use crate::options::{BackendChoice, Before, Options, Script, StatsFormat, path};
use selune_core::shape::Metamethod;
use selune_core::value::Value;
use selune_vm::{Args, Config, NativeResult, Vm};
use std::io::{IsTerminal, Write};

/// Prints a message as `lua` does: the program's name in front.
pub fn report(program: &[u8], message: &[u8]) {
    let mut err = std::io::stderr().lock();
    if !program.is_empty() {
        let _ = err.write_all(program);
        let _ = err.write_all(b": ");
    }
    let _ = err.write_all(message);
    let _ = err.write_all(b"\n");
    let _ = err.flush();
}

/// The message handler: makes a string of the error and adds a traceback.
fn message_handler(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    let text = if v.is_string() {
        vm.bytes(v).to_vec()
    } else if v.is_number() {
        let s = vm.tostring(v)?;
        vm.bytes(s).to_vec()
    } else if !vm.metamethod(v, Metamethod::ToString).is_nil() {
        let s = vm.tostring(v)?;
        return vm.ret1(s);
    } else {
        format!("(error object is a {} value)", v.type_name()).into_bytes()
    };
    let (thread, _) = vm.running();
    let t = vm.traceback(thread, Some(&text), 1);
    let s = vm.new_str(&t);
    vm.ret1(s)
}

/// Calls a function with the message handler; Err: the message.
pub(crate) fn call_with_traceback(vm: &mut Vm, f: Value, args: &[Value]) -> Result<Vec<Value>, Value> {
    let xpcall = vm.native_xpcall();
    let handler = vm.new_native(message_handler, &"msgh");
    let top = vm.top();
    let mut all = vec![f, handler];
    all.extend_from_slice(args);
    let n = match vm.call_values(xpcall, &all, -1) {
        Ok(n) => n,
        Err(_) => {
            vm.set_top(top);
            return Err(vm.error_value());
        }
    };
    let results: Vec<Value> = (0..n).map(|i| vm.stack_at(vm.top() - n + i)).collect();
    vm.set_top(top);
    if results[0] == Value::TRUE { Ok(results[1..].to_vec()) } else { Err(results.get(1).copied().unwrap_or(Value::NIL)) }
}

/// Reports an error value; false.
pub(crate) fn report_error(vm: &mut Vm, o: &Options, e: Value) -> bool {
    let text = if e.is_string() { vm.bytes(e).to_vec() } else { b"(error message not a string)".to_vec() };
    report(&o.program, &text);
    false
}

/// Loads and runs a chunk; reports errors.
pub(crate) fn do_chunk(vm: &mut Vm, o: &Options, chunk: &[u8], name: &[u8], args: &[Value]) -> bool {
    let r = vm.load(chunk, name, "bt", None).and_then(|f| call_with_traceback(vm, f, args));
    match r {
        Ok(_) => true,
        Err(e) => report_error(vm, o, e),
    }
}

/// Source of a file without a byte order mark and a first line that begins with `#`.
pub fn strip_first_line(source: &[u8]) -> Vec<u8> {
    let s = source.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(source);
    if s.first() == Some(&b'#') {
        let end = s.iter().position(|c| *c == b'\n').unwrap_or(s.len());
        // A binary chunk may follow such a line directly; source keeps the newline, so that lines are counted right.
        let rest = &s[end..];
        return if rest.get(1) == Some(&0x1b) { rest[1..].to_vec() } else { rest.to_vec() };
    }
    s.to_vec()
}

fn read_script(s: &Script) -> Result<(Vec<u8>, Vec<u8>), Vec<u8>> {
    let (bytes, name) = match s {
        Script::File(f) => {
            let r = std::fs::read(path(f));
            let bytes = r.map_err(|e| {
                let reason = e.to_string();
                let mut m = b"cannot open ".to_vec();
                m.extend_from_slice(f);
                m.extend_from_slice(b": ");
                m.extend_from_slice(reason.split(" (os error").next().unwrap_or_default().as_bytes());
                m
            })?;
            let mut name = b"@".to_vec();
            name.extend_from_slice(f);
            (bytes, name)
        }
        _ => {
            let mut bytes = Vec::new();
            selune_stdlib::stream::stdin().borrow_mut().read_all(&mut bytes).map_err(|e| format!("cannot read stdin ({e})").into_bytes())?;
            (bytes, b"=stdin".to_vec())
        }
    };
    Ok((strip_first_line(&bytes), name))
}

fn set_arg_table(vm: &mut Vm, o: &Options) -> Vec<Value> {
    let t = vm.heap.new_table(0, 0);
    let h = vm.pin(t);
    for (i, w) in o.words.iter().enumerate() {
        let s = vm.new_str(w);
        let t = vm.pinned(h);
        vm.raw_set_int(t, i as i64 - if o.script_at < o.words.len() { o.script_at as i64 } else { 0 }, s);
    }
    let (g, k) = (vm.globals(), vm.intern(b"arg"));
    let t = vm.pinned(h);
    let _ = vm.raw_set(g, k, t);
    if o.script_at < o.words.len() { o.words[o.script_at + 1..].iter().map(|w| vm.new_str(w)).collect() } else { Vec::new() }
}

/// Runs the whole program on the current thread, whose stack has about `stack` bytes. True: success.
pub fn program(o: &Options, stack: usize) -> bool {
    let here = 0u8;
    let limit = (&raw const here as usize).saturating_sub(stack - (1 << 20));
    let stress_gc = o.stress.contains(&crate::options::Stress::Gc);
    let mut vm = crate::new_vm(Config { memory_limit: o.memory_limit, stress_gc });
    if !attach_backend(&mut vm, o, limit) {
        return false;
    }
    // As `lua` does.
    vm.heap.params.mode = selune_core::heap::GcMode::Generational;
    let ok = run(&mut vm, o);
    vm.close();
    selune_stdlib::flush_all();
    if o.stats != StatsFormat::Off {
        print_stats(&vm, o);
    }
    // Everything goes with the process.
    std::mem::forget(vm);
    ok
}

fn print_stats(vm: &Vm, o: &Options) {
    let json = o.stats == StatsFormat::Json;
    let text = match &vm.backend {
        Some(b) => b.stats(vm, json),
        None => crate::stats::without_backend(vm, json),
    };
    eprint!("{text}");
}

/// Gives the VM the backend that was asked for; false (after a clear line) when that is impossible.
fn attach_backend(vm: &mut Vm, o: &Options, limit: usize) -> bool {
    vm.native.context.native_limit = limit as u64;
    if o.backend == BackendChoice::Interp {
        return true;
    }
    match attach_llvm(vm, o) {
        Ok(()) => true,
        Err(_) if o.backend == BackendChoice::Default => true,
        Err(line) => {
            report(&o.program, line.as_bytes());
            false
        }
    }
}
#[cfg(not(feature = "llvm"))]
fn attach_llvm(_: &mut Vm, _: &Options) -> Result<(), String> {
    Err("this selune was built without the llvm backend".into())
}
#[cfg(feature = "llvm")]
fn attach_llvm(vm: &mut Vm, o: &Options) -> Result<(), String> {
    crate::jit::attach(vm, o)
}

fn run(vm: &mut Vm, o: &Options) -> bool {
    let args = set_arg_table(vm, o);
    let handles: Vec<usize> = args.iter().map(|v| vm.pin(*v)).collect();
    if o.version {
        println!("{}", crate::VERSION);
    }
    if !o.ignore_env {
        for name in ["LUA_INIT_5_4", "LUA_INIT"] {
            if let Some(v) = std::env::var_os(name) {
                use std::os::unix::ffi::OsStrExt;
                let v = v.as_bytes();
                let ok = match v.strip_prefix(b"@") {
                    Some(f) => match read_script(&Script::File(f.to_vec())) {
                        Ok((source, chunk)) => do_chunk(vm, o, &source, &chunk, &[]),
                        Err(m) => {
                            report(&o.program, &m);
                            false
                        }
                    },
                    None => do_chunk(vm, o, v, format!("={name}").as_bytes(), &[]),
                };
                if !ok {
                    return false;
                }
                break;
            }
        }
    }
    for b in &o.before {
        let ok = match b {
            Before::WarningsOn => {
                vm.warn(b"@on", false);
                true
            }
            Before::Execute(s) => do_chunk(vm, o, s, b"=(command line)", &[]),
            Before::Require(global, module) => require(vm, o, global, module),
        };
        if !ok {
            return false;
        }
    }
    let script = match &o.script {
        Script::None if o.interactive || o.version || !o.before.is_empty() => None,
        Script::None if std::io::stdin().is_terminal() => {
            println!("{}", crate::VERSION);
            return crate::repl::run(vm, o);
        }
        Script::None => Some(Script::Stdin),
        s => Some(s.clone()),
    };
    if let Some(s) = script {
        let (source, name) = match read_script(&s) {
            Ok(r) => r,
            Err(m) => {
                report(&o.program, &m);
                return false;
            }
        };
        for (stage, function) in &o.dump {
            if stage == "bytecode" && !dump_bytecode(vm, o, &source, &name, function.as_deref()) {
                return false;
            }
        }
        if o.dump.iter().any(|d| d.0 == "bytecode") && o.dump.len() == 1 {
            return true;
        }
        let args: Vec<Value> = handles.iter().map(|h| vm.pinned(*h)).collect();
        if !do_chunk(vm, o, &source, &name, &args) {
            return false;
        }
    }
    if o.interactive {
        return crate::repl::run(vm, o);
    }
    true
}

fn dump_bytecode(vm: &mut Vm, o: &Options, source: &[u8], name: &[u8], function: Option<&str>) -> bool {
    match vm.load(source, name, "bt", None) {
        Ok(f) => {
            print!("{}", vm.listing(f, function));
            true
        }
        Err(e) => report_error(vm, o, e),
    }
}

fn require(vm: &mut Vm, o: &Options, global: &[u8], module: &[u8]) -> bool {
    let (g, k) = (vm.globals(), vm.intern(b"require"));
    let f = vm.raw_get(g, k);
    let m = vm.new_str(module);
    match call_with_traceback(vm, f, &[m]) {
        Ok(r) => {
            let (g, k) = (vm.globals(), vm.intern(global));
            let _ = vm.raw_set(g, k, r.first().copied().unwrap_or(Value::NIL));
            true
        }
        Err(e) => report_error(vm, o, e),
    }
}
