//! The typed SSA level between bytecode and LLVM IR.
//!
//! `ir` is the language (read it first), `types` the facts about values, `print` its text, `verify` its rules, `build`
//! makes it from bytecode and feedback, `passes` improve it. `lower` translates it.
pub mod build;
pub mod ir;
pub mod passes;
pub mod print;
pub mod types;
pub mod verify;
