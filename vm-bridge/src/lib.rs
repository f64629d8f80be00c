//! What both sides of the native boundary agree on: layout, runtime functions, trampolines, code memory, stack maps, deoptimisation.
//!
//! Reading order: `layout` (where things are), `runtime` (what compiled code calls), `arch` (the machine), `frame_state` and
//! `deopt` (compiled frames become interpreter frames), `frames` and `walk` (who looks at compiled frames), `engine` (the
//! whole, as the VM's backend). For a code generator: implement `CodeGenerator`, deliver `NewCode`.

pub mod arch;
mod blame;
pub mod cache;
pub mod code_map;
pub mod code_memory;
pub mod config;
pub mod coroutine_stacks;
pub mod deopt;
pub mod engine;
pub mod error;
pub mod frame_state;
pub mod frames;
pub mod layout;
pub mod native_stack;
pub mod perf_map;
pub mod runtime;
pub mod stackmap;
pub mod stats;
pub mod stubs;
pub mod tier;
pub mod tracker;
pub mod walk;

pub use cache::{CodeCache, CompiledCode, FrameMapping, NewCode, OsrEntry};
pub use config::{DumpOptions, JitConfig, OptLevel, StressOptions, Tiers};
pub use deopt::Deoptimizer;
pub use engine::{CodeGenerator, Finished, JitEngine, Workshop};
pub use error::JitError;
/// The VM, for code generators, which know it only through this crate.
pub use selune_vm as vm;
pub use stats::JitStats;
pub use tier::Tier;
pub use tracker::{HotspotTracker, Place};
