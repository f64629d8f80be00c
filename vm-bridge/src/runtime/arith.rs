//! Runtime functions on numbers.
use super::{settle, with_vm};
use crate::arch::Outcome;
use selune_core::number;
use selune_core::value::Value;
use selune_vm::Vm;

pub use selune_vm::semantics::arith::ArithOp;

/// An integer of any size as a value.
///
/// # Safety
/// As all runtime functions: called by compiled code of this VM.
pub unsafe extern "C" fn box_int(vm: *mut Vm, i: i64) -> Value {
    // SAFETY: the caller's promise.
    unsafe { &mut *vm }.int(i)
}

/// Lua's `%` on floats.
pub extern "C" fn float_mod(a: f64, b: f64) -> f64 {
    number::fmod(a, b)
}

/// `^`.
pub extern "C" fn float_pow(a: f64, b: f64) -> f64 {
    number::pow(a, b)
}

/// C's fmod.
pub extern "C" fn float_fmod(a: f64, b: f64) -> f64 {
    number::rem(a, b)
}

/// math.sin.
pub extern "C" fn sin(a: f64) -> f64 {
    a.sin()
}

/// math.cos.
pub extern "C" fn cos(a: f64) -> f64 {
    a.cos()
}

/// math.exp.
pub extern "C" fn exp(a: f64) -> f64 {
    a.exp()
}

/// Its argument. The optimiser does not see through it, so it does not fold what would lose the sign of a NaN.
pub extern "C" fn opaque_float(a: f64) -> f64 {
    a
}

/// Any arithmetic or bitwise operator, by its number.
///
/// # Safety
/// As `box_int`; `op` is the number of an `ArithOp`.
pub unsafe extern "C" fn arith(vm: *mut Vm, op: u64, a: Value, b: Value) -> Outcome {
    // SAFETY: the caller's promise.
    unsafe {
        with_vm(vm, |vm| {
            let v = vm.arith(ArithOp::ALL[op as usize], a, b)?;
            Ok(settle(vm, v))
        })
    }
}
