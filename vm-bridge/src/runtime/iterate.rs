//! Runtime functions for loops: traversal of tables, numeric `for` of any number type.
use super::with_vm;
use crate::arch::Outcome;
use selune_core::shape::Metamethod;
use selune_core::table;
use selune_core::value::Value;
use selune_vm::Vm;

/// The position behind key `k` (0 for nil), -1 when there is no such key.
///
/// # Safety
/// As all runtime functions: called by compiled code of this VM; `t` is a table.
pub unsafe extern "C" fn next_find(vm: *mut Vm, t: Value, k: Value) -> i64 {
    // SAFETY: the caller's promise.
    let heap = unsafe { &(*vm).heap };
    if k.is_nil() { 0 } else { table::position(heap, t, k).map_or(-1, |at| at as i64) }
}

/// The position behind the next entry, whose key and value go to `args[0]` and `args[1]`; 0 (and nil) at the end.
///
/// # Safety
/// As `next_find`; `at` comes from `next_find` or `next_step`.
pub unsafe extern "C" fn next_step(vm: *mut Vm, t: Value, at: i64) -> i64 {
    // SAFETY: the caller's promise.
    let vm = unsafe { &mut *vm };
    match table::next_from(&vm.heap, t, at as usize) {
        Some((at, k, v)) => {
            (vm.native.args[0], vm.native.args[1]) = (k, v);
            at as i64
        }
        None => {
            (vm.native.args[0], vm.native.args[1]) = (Value::NIL, Value::NIL);
            0
        }
    }
}

/// Prepares a numeric `for`: index, limit and step go to `args[1..=3]`; false when it does not run.
///
/// # Safety
/// As `next_find`.
pub unsafe extern "C" fn for_prep(vm: *mut Vm, init: Value, limit: Value, step: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            let prepared = vm.for_prep(init, limit, step)?;
            if let Some((a, l, s)) = prepared {
                vm.native.args[1..4].copy_from_slice(&[a, l, s]);
            } else {
                vm.native.args[1..4].fill(Value::NIL);
            }
            Ok(prepared.is_some())
        })
    }
}

/// The next index of a numeric `for` that was prepared, nil at its end.
///
/// # Safety
/// As `next_find`; the values come from `for_prep`.
pub unsafe extern "C" fn for_next(vm: *mut Vm, index: Value, limit: Value, step: Value) -> Value {
    // SAFETY: the caller's promise.
    unsafe { &mut *vm }.for_step(index, limit, step).unwrap_or(Value::NIL)
}

/// Throws unless the value can be closed.
///
/// # Safety
/// As `next_find`.
pub unsafe extern "C" fn check_tbc(vm: *mut Vm, v: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { 
        with_vm(vm, |vm| {
            if v.is_falsy() || !vm.metamethod(v, Metamethod::Close).is_nil() {
                return Ok(());
            }
            Err(vm.rt_error("variable got a non-closable value"))
        })
     }
}
