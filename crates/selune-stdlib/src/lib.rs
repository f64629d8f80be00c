//! The Lua standard library, on the native-function API of the VM.
//!
//! `open_libs` opens everything. Each library is one file; `pattern`, `format` and `pack` are engines on plain bytes that know
//! nothing of the VM; `stream` is buffered files. There is no `unsafe` in this crate: what touches memory or the system
//! beyond Rust's standard library is in `selune_core`.
//!
//! NATIVE-2 (see `selune_vm::native`) rules every function here: a `Value` in a Rust local is valid until something that
//! may call Lua; after such a call values are read again from the stack.
#![forbid(unsafe_code)]

mod base;
mod collect;
mod coroutine;
mod debug;
mod format;
mod io;
mod load;
mod math;
mod os;
mod pack;
mod package;
mod pattern;
mod random;
mod register;
mod sort;
pub mod stream;
mod string;
mod string_format;
mod string_match;
mod string_pack;
mod table;
mod utf8;

pub use load::load_file;
pub use package::set_search_path;
pub use stream::flush_all;

use selune_vm::Vm;

/// Opens all libraries: sets the globals and `package.loaded`.
pub fn open_libs(vm: &mut Vm) {
    package::open(vm);
    base::open(vm);
    coroutine::open(vm);
    table::open(vm);
    io::open(vm);
    os::open(vm);
    string::open(vm);
    math::open(vm);
    utf8::open(vm);
    debug::open(vm);
}
