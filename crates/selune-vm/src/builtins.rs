//! Natives that the VM carries out itself; the standard library registers them.
use crate::Vm;
use crate::native::{Args, NativeKind, NativeResult};
use selune_core::value::Value;

/// `CallFrame::cont` of a Continuation frame that gives exactly three results.
pub(crate) const CONT_THREE: u8 = 3;

/// Body of natives that `call_special` carries out.
fn carried_out_by_the_vm(_: &mut Vm, _: Args) -> NativeResult {
    unreachable!("special natives are carried out by call_special")
}

impl Vm {
    /// `pcall`.
    pub fn native_pcall(&mut self) -> Value {
        self.new_native_with(carried_out_by_the_vm, &"pcall", NativeKind::Pcall, &[])
    }
    /// `xpcall`.
    pub fn native_xpcall(&mut self) -> Value {
        self.new_native_with(carried_out_by_the_vm, &"xpcall", NativeKind::Xpcall, &[])
    }
    /// `coroutine.resume`.
    pub fn native_resume(&mut self) -> Value {
        self.new_native_with(carried_out_by_the_vm, &"resume", NativeKind::Resume, &[])
    }
    /// `coroutine.yield`.
    pub fn native_yield(&mut self) -> Value {
        self.new_native_with(carried_out_by_the_vm, &"yield", NativeKind::Yield, &[])
    }
    /// `coroutine.close`.
    pub fn native_close_coroutine(&mut self) -> Value {
        self.new_native_with(carried_out_by_the_vm, &"close", NativeKind::CloseCoroutine, &[])
    }
    /// The function that `coroutine.wrap` gives for a coroutine.
    pub fn native_wrapped(&mut self, co: Value) -> Value {
        self.new_native_with(carried_out_by_the_vm, &"wrap", NativeKind::Wrap, &[co])
    }
}
