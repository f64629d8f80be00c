//! The C functions that LLVM's code generator itself calls: for `frem`, `llvm.pow`, `llvm.memcpy` and the like.

use std::ffi::{c_int, c_void};

unsafe extern "C" {
    fn fmod(a: f64, b: f64) -> f64;
    fn pow(a: f64, b: f64) -> f64;
    fn exp(a: f64) -> f64;
    fn exp2(a: f64) -> f64;
    fn log(a: f64) -> f64;
    fn log2(a: f64) -> f64;
    fn log10(a: f64) -> f64;
    fn sin(a: f64) -> f64;
    fn cos(a: f64) -> f64;
    fn floor(a: f64) -> f64;
    fn ceil(a: f64) -> f64;
    fn trunc(a: f64) -> f64;
    fn rint(a: f64) -> f64;
    fn round(a: f64) -> f64;
    fn nearbyint(a: f64) -> f64;
    fn ldexp(a: f64, n: c_int) -> f64;
    fn memcpy(to: *mut c_void, from: *const c_void, n: usize) -> *mut c_void;
    fn memmove(to: *mut c_void, from: *const c_void, n: usize) -> *mut c_void;
    fn memset(to: *mut c_void, byte: c_int, n: usize) -> *mut c_void;
    fn memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
    fn bcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int;
}

macro_rules! addresses {
    ($($name:ident)*) => { vec![$((stringify!($name), $name as *const () as usize)),*] };
}

/// Their names and addresses.
pub(super) fn library() -> Vec<(&'static str, usize)> {
    addresses! {
        fmod pow exp exp2 log log2 log10 sin cos floor ceil trunc rint round nearbyint ldexp
        memcpy memmove memset memcmp bcmp
    }
}
