//! Runtime functions that compare.
use super::with_vm;
use crate::arch::Outcome;
use selune_core::number;
use selune_core::shape::Metamethod;
use selune_core::string;
use selune_core::value::Value;
use selune_vm::Vm;
use selune_vm::semantics::Outcome as Step;
use selune_vm::semantics::arith::as_number;

/// Equality of two numbers.
pub extern "C" fn number_eq(a: Value, b: Value) -> u64 {
    a.raw_equal(b) as u64
}

/// Order of two numbers of any form.
pub extern "C" fn number_lt(a: Value, b: Value) -> u64 {
    matches!((as_number(a), as_number(b)), (Some(x), Some(y)) if number::lt(x, y)) as u64
}

/// Order of two numbers of any form.
pub extern "C" fn number_le(a: Value, b: Value) -> u64 {
    matches!((as_number(a), as_number(b)), (Some(x), Some(y)) if number::le(x, y)) as u64
}

/// rawequal.
pub extern "C" fn raw_equal(a: Value, b: Value) -> u64 {
    a.raw_equal(b) as u64
}

/// Equality of two strings.
pub extern "C" fn string_eq(a: Value, b: Value) -> u64 {
    a.raw_equal(b) as u64
}

/// Order of two strings.
pub extern "C" fn string_lt(a: Value, b: Value) -> u64 {
    string::compare(a, b).is_lt() as u64
}

/// Order of two strings.
pub extern "C" fn string_le(a: Value, b: Value) -> u64 {
    string::compare(a, b).is_le() as u64
}

/// `a == b`.
///
/// # Safety
/// As all runtime functions: called by compiled code of this VM.
pub unsafe extern "C" fn eq(vm: *mut Vm, a: Value, b: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { with_vm(vm, |vm| vm.equals(a, b)) }
}

/// `a < b`.
///
/// # Safety
/// As `eq`.
pub unsafe extern "C" fn lt(vm: *mut Vm, a: Value, b: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { with_vm(vm, |vm| vm.less_than(a, b)) }
}

/// `a <= b`.
///
/// # Safety
/// As `eq`.
pub unsafe extern "C" fn le(vm: *mut Vm, a: Value, b: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe { with_vm(vm, |vm| vm.less_equal(a, b)) }
}

/// `a == b` as far as it runs no Lua: 0 or 1, or 2 when a metamethod decides.
///
/// # Safety
/// As `eq`.
pub unsafe extern "C" fn eq_probe(vm: *mut Vm, a: Value, b: Value) -> u64 {
    // SAFETY: the caller's promise.
    let vm = unsafe { &mut *vm };
    if a.is_table() && b.is_table() {
        if a.0 == b.0 {
            return 1;
        }
        let lacks = |t: Value| {
            let s = vm.heap.shape_of(t);
            !s.has_own_meta() && (!s.metatable.is_table() || vm.heap.shape_of(s.metatable).lacks(Metamethod::Eq))
        };
        if lacks(a) && lacks(b) {
            return 0;
        }
    }
    match vm.equals_step(a, b) {
        Step::Value(v) => v.is_truthy() as u64,
        _ => 2,
    }
}
