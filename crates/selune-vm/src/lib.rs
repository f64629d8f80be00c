//! Runs bytecode and owns the meaning of Lua.
//!
//! Reading order: `vm` (the state), `interp` (dispatch and opcode handlers), `semantics` (what operations mean, written
//! once for interpreter, natives and compiled code), `call` (frames, delivery of results), `unwind` (errors), `close`,
//! `coroutine`, `safepoint` (collections, finalizers), `native` (what natives see), `backend` (what a JIT offers).
#![allow(clippy::missing_safety_doc)]

pub mod backend;
pub mod builtins;
pub mod call;
pub mod check;
pub mod close;
pub mod compiled;
pub mod coroutine;
pub mod debug;
pub mod direct;
pub mod error;
pub mod interp;
pub mod listing;
pub mod load;
pub mod native;
pub mod safepoint;
pub mod semantics;
pub mod unwind;
mod vm;

pub use native::{Args, NativeFn, NativeKind, NativeResult, Thrown};
pub use vm::{Config, MAX_C_LEVELS, NUMBER_TYPE, STRING_TYPE, Vm};
