//! What a running Lua program is made of: values, heap, objects, opcode table, protos, feedback.
//!
//! Reading order: `value` (the 64 bits), `object` (layouts of heap objects), `heap` (allocation and collection),
//! `shape` and `table` (how tables work), `opcode` (the bytecode), `proto`, `feedback`, `thread` (stacks and frames).
#![allow(clippy::missing_safety_doc)]

pub mod coroutine_stack;
pub mod disasm;
pub mod feedback;
pub mod heap;
pub mod native_state;
pub mod number;
pub mod object;
pub mod opcode;
pub mod proto;
pub mod shape;
pub mod signal;
pub mod string;
pub mod sys;
pub mod table;
mod table_methods;
pub mod thread;
pub mod value;
