//! The library `coroutine`. Resuming, yielding and closing are carried out by the VM.
use crate::register::{Entry, check_function, new_library, set_field};
use selune_core::thread::Status;
use selune_core::value::Value;
use selune_vm::{Args, NativeResult, Vm};

static FUNCTIONS: &[Entry] =
    &[("create", create), ("running", running), ("status", status), ("wrap", wrap), ("isyieldable", isyieldable)];

/// Opens the library.
pub fn open(vm: &mut Vm) {
    let lib = new_library(vm, "coroutine", FUNCTIONS);
    for (name, f) in [("resume", vm.native_resume()), ("yield", vm.native_yield()), ("close", vm.native_close_coroutine())] {
        set_field(vm, lib, name, f);
    }
}

fn create(vm: &mut Vm, args: Args) -> NativeResult {
    let f = check_function(vm, args, 0)?;
    let co = vm.new_coroutine(f);
    vm.ret1(co)
}

fn wrap(vm: &mut Vm, args: Args) -> NativeResult {
    let f = check_function(vm, args, 0)?;
    let co = vm.new_coroutine(f);
    let f = vm.native_wrapped(co);
    vm.ret1(f)
}

fn running(vm: &mut Vm, _: Args) -> NativeResult {
    let (co, is_main) = vm.running();
    vm.push(co);
    vm.push(Value::bool(is_main));
    Ok(2)
}

fn status(vm: &mut Vm, args: Args) -> NativeResult {
    let co = args.get(vm, 0);
    if !co.is_thread() {
        return Err(vm.type_error(args, 1, "thread"));
    }
    let name: &[u8] = match vm.coroutine_status(co) {
        Status::Suspended => b"suspended",
        Status::Running => b"running",
        Status::Normal => b"normal",
        Status::Dead => b"dead",
    };
    let name = vm.intern(name);
    vm.ret1(name)
}

fn isyieldable(vm: &mut Vm, args: Args) -> NativeResult {
    let co = if args.is_empty() { vm.running().0 } else { args.get(vm, 0) };
    if !co.is_thread() {
        return Err(vm.type_error(args, 1, "thread"));
    }
    let yes = vm.is_yieldable(co);
    vm.ret1(Value::bool(yes))
}
