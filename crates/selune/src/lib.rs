//! Embedding API of Selune: a VM with the standard library and, where LLVM is there, the JIT.
#[cfg(feature = "llvm")]
mod jit;
pub mod options;
pub mod repl;
pub mod run;
pub mod stats;

pub use selune_core::value::Value;
pub use selune_vm::{Args, Config, NativeFn, NativeResult, Thrown, Vm};

/// Version text, as `selune -v` prints it.
pub const VERSION: &str =
    concat!("Selune ", env!("CARGO_PKG_VERSION"), " (Lua 5.4)  The language Lua is Copyright (C) 1994-2025 Lua.org, PUC-Rio");

/// A VM with the standard library.
pub fn new_vm(config: Config) -> Box<Vm> {
    let mut vm = Vm::new(config);
    selune_stdlib::open_libs(&mut vm);
    vm
}
