//! What both sides of the native boundary agree on: layout, runtime functions, trampolines, code memory, stack maps, deoptimisation.

pub mod arch;
pub mod code_map;
pub mod code_memory;
pub mod native_stack;
pub mod perf_map;
pub mod stackmap;
pub mod stubs;
pub mod walk;
