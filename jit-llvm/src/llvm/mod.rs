//! LLVM 17: everything that depends on its version.
//!
//! Reading order: `load` (LLVM is found and loaded at first use), `target` (a worker's compiler and its contexts), `passes`,
//! `object` (machine code in a file), `link` (machine code in memory), `fatal` (when LLVM gives up), `exit` (when the process
//! ends), `error`.
//!
//! Who compiles: `let llvm = load()?;`, in a worker thread (`fatal::on_worker`) `Compiler::new(llvm, options)?`, for each job
//! a `JobContext` and a module in it, `compiler.compile(...)? -> Object`, `linker.install(object)? -> InstalledCode`.

pub mod error;
pub mod exit;
pub mod fatal;
pub mod link;
pub mod load;
pub mod object;
pub mod passes;
mod stubs;
pub mod target;

pub use error::LlvmError;
pub use link::{CodeHandle, InstalledCode, Linker, LinkerOptions};
pub use load::{Llvm, LlvmUnavailable, check, load};
pub use object::Object;
pub use passes::Pipeline;
pub use target::{CodeGeneration, Compiler, CompilerOptions, Cpu, JobContext};
