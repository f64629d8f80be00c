//! Runs a program: the environment's LUA_INIT, `-e` and `-l`, the script, the REPL; reports errors as `lua` does.
use crate::options::{BackendChoice, Before, Options, Script, StatsFormat};
use selune_core::shape::Metamethod;
use selune_core::value::Value;
use selune_stdlib::stream;
use selune_vm::{Args, Config, NativeResult, Thrown, Vm};
use std::io::{IsTerminal, Write};

/// Most arguments of a script.
const MOST_ARGS: i64 = 900_000;

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
    } else {
        let to_string = vm.metamethod(v, Metamethod::ToString);
        if !to_string.is_nil() {
            let s = vm.call1(to_string, &[v])?;
            if s.is_string() {
                return vm.ret1(s);
            }
        }
        format!("(error object is a {} value)", args.get(vm, 0).type_name()).into_bytes()
    };
    let (thread, _) = vm.running();
    let t = vm.traceback(thread, Some(&text), 1);
    let s = vm.new_str(&t);
    vm.ret1(s)
}

/// Calls a function with the message handler; Err: the message. Ctrl-C stops it.
pub(crate) fn call_with_traceback(vm: &mut Vm, f: Value, args: &[Value]) -> Result<Vec<Value>, Value> {
    let xpcall = vm.native_xpcall();
    let handler = vm.new_native(message_handler, &"msgh");
    let top = vm.top();
    let mut all = vec![f, handler];
    all.extend_from_slice(args);
    let n = match vm.interruptible(|vm| vm.call_values(xpcall, &all, -1)) {
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

/// Text of an error value for a message.
pub(crate) fn error_text(vm: &mut Vm, e: Value) -> Vec<u8> {
    if e.is_string() || e.is_number() {
        // Numbers have no metamethods: this cannot fail.
        if let Ok(s) = vm.tostring(e) {
            return vm.bytes(s).to_vec();
        }
    }
    b"(error message not a string)".to_vec()
}

/// Reports an error value; false.
pub(crate) fn report_error(vm: &mut Vm, o: &Options, e: Value) -> bool {
    let text = error_text(vm, e);
    report(&o.program, &text);
    false
}

/// Runs a loaded chunk; reports errors.
fn do_chunk(vm: &mut Vm, o: &Options, loaded: Result<Value, Value>) -> bool {
    match loaded.and_then(|f| call_with_traceback(vm, f, &[])) {
        Ok(_) => true,
        Err(e) => report_error(vm, o, e),
    }
}

fn do_string(vm: &mut Vm, o: &Options, chunk: &[u8], name: &[u8]) -> bool {
    let loaded = vm.load(chunk, name, "bt", None);
    do_chunk(vm, o, loaded)
}

fn do_file(vm: &mut Vm, o: &Options, name: Option<&[u8]>) -> bool {
    let loaded = selune_stdlib::load_file(vm, name, "bt", None);
    do_chunk(vm, o, loaded)
}

/// The global `arg`: all words, so that the script (or the program, when there is none) is at index 0.
fn set_arg_table(vm: &mut Vm, o: &Options) {
    let t = vm.heap.new_table(0, 0);
    let script = if o.script_at < o.words.len() { o.script_at as i64 } else { 0 };
    for (i, w) in o.words.iter().enumerate() {
        let s = vm.new_str(w);
        vm.raw_set_int(t, i as i64 - script, s);
    }
    let (g, k) = (vm.globals(), vm.intern(b"arg"));
    let _ = vm.raw_set(g, k, t);
}

/// What the global `arg` holds from 1 on: earlier code may have changed it.
fn script_args(vm: &mut Vm) -> Result<Vec<Value>, Thrown> {
    let (g, k) = (vm.globals(), vm.intern(b"arg"));
    let t = vm.raw_get(g, k);
    if !t.is_table() {
        return Err(vm.error("'arg' is not a table"));
    }
    let h = vm.pin(t);
    let n = vm.len_int(t)?;
    let t = vm.pinned(h);
    if n > MOST_ARGS {
        return Err(vm.error("stack overflow (too many arguments to script)"));
    }
    Ok((1..=n).map(|i| vm.raw_get_int(t, i)).collect())
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
    set_arg_table(vm, o);
    if o.version {
        print_version();
    }
    if !o.ignore_env {
        selune_stdlib::set_search_path(vm);
        if !run_init(vm, o) {
            return false;
        }
    }
    for b in &o.before {
        let ok = match b {
            Before::WarningsOn => {
                vm.warn(b"@on", false);
                true
            }
            Before::Execute(s) => do_string(vm, o, s, b"=(command line)"),
            Before::Require(global, module) => require(vm, o, global, module),
        };
        if !ok {
            return false;
        }
    }
    let executes = o.before.iter().any(|b| matches!(b, Before::Execute(_)));
    match &o.script {
        Script::None if o.interactive => {}
        Script::None if o.version || executes => return true,
        Script::None if std::io::stdin().is_terminal() => {
            print_version();
            return crate::repl::run(vm, o);
        }
        Script::None => return do_file(vm, o, None),
        Script::Stdin if !run_script(vm, o, None) => return false,
        Script::File(name) if !run_script(vm, o, Some(name)) => return false,
        _ => {}
    }
    if o.interactive {
        return crate::repl::run(vm, o);
    }
    true
}

fn print_version() {
    stream::write_stdout(crate::VERSION.as_bytes());
    stream::write_stdout(b"\n");
    stream::flush_stdout();
}

/// Runs what `LUA_INIT_5_4` or `LUA_INIT` says.
fn run_init(vm: &mut Vm, o: &Options) -> bool {
    use std::os::unix::ffi::OsStrExt;
    for name in ["LUA_INIT_5_4", "LUA_INIT"] {
        if let Some(v) = std::env::var_os(name) {
            return match v.as_bytes().strip_prefix(b"@") {
                Some(file) => do_file(vm, o, Some(file)),
                None => do_string(vm, o, v.as_bytes(), format!("={name}").as_bytes()),
            };
        }
    }
    true
}

/// Loads a script (None: the standard input), shows its bytecode when asked to, and runs it with its arguments.
fn run_script(vm: &mut Vm, o: &Options, name: Option<&[u8]>) -> bool {
    let f = match selune_stdlib::load_file(vm, name, "bt", None) {
        Ok(f) => f,
        Err(e) => return report_error(vm, o, e),
    };
    for (_, function) in o.dump.iter().filter(|(stage, _)| stage == "bytecode") {
        print!("{}", vm.listing(f, function.as_deref()));
    }
    if o.dump.iter().any(|d| d.0 == "bytecode") && o.dump.len() == 1 {
        return true;
    }
    let h = vm.pin(f);
    let args = match script_args(vm) {
        Ok(args) => args,
        Err(_) => {
            let e = vm.error_value();
            return report_error(vm, o, e);
        }
    };
    let f = vm.pinned(h);
    match call_with_traceback(vm, f, &args) {
        Ok(_) => true,
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
