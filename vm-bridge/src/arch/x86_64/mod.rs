//! x86-64, System V calling convention.
//!
//! Register use at the boundary: the VM's address is always the first argument (rdi). Compiled code keeps frame pointers
//! (rbp), Rust code need not: a segment of compiled frames is found through the exit record and the entry frame.

mod entry;
mod lazy;
mod runtime;
mod side_exit;
mod stack;
mod switch;
mod tail;

#[doc(no_inline)]
pub use selune_core::native_state::NativeState;

pub use entry::{ENTRY_FRAME_BYTES, SavedSegment, enter, enter_osr, throw};
pub use lazy::{LazySymbols, MissingSymbol};
pub use runtime::{DoubleOutcome, Outcome};
pub use side_exit::{
    EXIT_BYTES, ExitRegisters, LazyReturn, LazyReturnHandler, NotAnExit, STUB_BYTES,
    SideExitHandler, Stub, patch_exit,
};
pub use stack::call_on_stack;
pub use switch::{fresh_stack, switch, throw_or_switch};
pub use tail::TailThunk;

#[cfg(test)]
mod tests;
