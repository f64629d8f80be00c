//! `collectgarbage`: every option means something to the collector.
use crate::register::check_option;
use selune_core::heap::GcMode;
use selune_core::value::Value;
use selune_vm::{Args, NativeResult, Vm};

const OPTIONS: [&str; 10] =
    ["stop", "restart", "collect", "count", "step", "setpause", "setstepmul", "isrunning", "generational", "incremental"];

/// `collectgarbage([opt [, arg, ...]])`
pub fn collectgarbage(vm: &mut Vm, args: Args) -> NativeResult {
    let option = OPTIONS[check_option(vm, args, 0, Some("collect"), &OPTIONS)?];
    let mut numbers = [0i64; 3];
    let count = match option {
        "step" | "setpause" | "setstepmul" => 1,
        "generational" => 2,
        "incremental" => 3,
        _ => 0,
    };
    for (i, n) in numbers.iter_mut().enumerate().take(count) {
        *n = vm.opt_int(args, i + 1, 0)?;
    }
    if vm.in_finalizer() {
        return vm.ret1(Value::NIL);
    }
    let result = match option {
        "stop" => {
            vm.heap.stopped = true;
            Value::small_int(0)
        }
        "restart" => {
            vm.heap.stopped = false;
            Value::small_int(0)
        }
        "count" => Value::float(vm.heap.bytes_in_use() as f64 / 1024.0),
        "step" if vm.heap.params.mode == GcMode::Generational && numbers[0] <= 0 => {
            vm.collect(false);
            vm.run_finalizers();
            Value::TRUE
        }
        "step" => {
            let done = vm.heap.step(numbers[0].max(0) as usize);
            if done {
                vm.full_collection();
            }
            Value::bool(done)
        }
        "setpause" => parameter(&mut vm.heap.params.pause, quartered(numbers[0])),
        "setstepmul" => parameter(&mut vm.heap.params.stepmul, quartered(numbers[0])),
        "isrunning" => Value::bool(!vm.heap.stopped),
        "generational" | "incremental" => return set_mode(vm, option, numbers),
        _ => {
            vm.full_collection();
            Value::small_int(0)
        }
    };
    vm.ret1(result)
}

/// Sets a parameter and gives its previous value.
fn parameter(place: &mut u32, new: i64) -> Value {
    let old = std::mem::replace(place, new.clamp(0, i64::from(u32::MAX)) as u32);
    Value::small_int(i64::from(old))
}

/// PUC keeps some parameters divided by four.
fn quartered(n: i64) -> i64 {
    n / 4 * 4
}

/// Changes the mode; parameters that are 0 stay. Gives the previous mode.
fn set_mode(vm: &mut Vm, option: &str, numbers: [i64; 3]) -> NativeResult {
    let params = &mut vm.heap.params;
    let old: &[u8] = match params.mode {
        GcMode::Incremental => b"incremental",
        GcMode::Generational => b"generational",
    };
    let places = if option == "generational" {
        params.mode = GcMode::Generational;
        [Some(&mut params.minormul), Some(&mut params.majormul), None]
    } else {
        params.mode = GcMode::Incremental;
        [Some(&mut params.pause), Some(&mut params.stepmul), Some(&mut params.stepsize)]
    };
    let numbers = if option == "generational" {
        [numbers[0], quartered(numbers[1]), 0]
    } else {
        [quartered(numbers[0]), quartered(numbers[1]), numbers[2]]
    };
    for (place, new) in places.into_iter().zip(numbers) {
        if let Some(place) = place
            && new != 0
        {
            parameter(place, new);
        }
    }
    let old = vm.intern(old);
    vm.ret1(old)
}
