//! Everything that depends on the machine: assembly, registers, instruction bytes. One folder per architecture; the rest
//! of the program sees only what is exported here, and a port adds a folder with the same names.
//!
//! Reading order: `entry` (Rust -> compiled code, and how errors come back), `runtime` (compiled code -> Rust),
//! `side_exit` (compiled code -> interpreter), `stack` (running on another stack), `switch` (coroutines' stacks), `lazy` (symbols bound at run time).

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!(
    "Selune's native boundary is written for x86-64 Linux: add a folder beside vm-bridge/src/arch/x86_64"
);

mod x86_64;
pub use x86_64::*;
