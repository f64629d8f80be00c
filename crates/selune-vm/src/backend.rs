//! What a JIT offers to the VM. The VM knows JITs only as this trait.
use crate::Vm;
use selune_core::coroutine_stack::CoroutineStack;
use selune_core::proto::{Ins, Proto};
use selune_core::thread::Thread;
use selune_core::value::Value;

/// Where a function got hot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hot {
    /// At its entry.
    Entry,
    /// At the back edge whose loop header is this pc.
    Loop(u32),
}

/// What the VM does next after it has told the backend about a hot place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Go on interpreting.
    Interpret,
    /// `proto.tier.flags` says COMPILED now: call through `tier.entry` (for `Hot::Entry`).
    Compiled,
    /// OSR code for this loop stands ready at this address (for `Hot::Loop`).
    Osr(usize),
}

/// How compiled code left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// With this value, or MULTI (`native.nresults` values in `native.args`).
    Returned(Value),
    /// OSR code gave the frame back to the interpreter (the top frames of the thread say where to go on).
    Resume,
    /// An error is on its way.
    Threw,
}

/// A code generator behind the VM. All methods run on the VM's thread; they nest (compiled code calls the interpreter, which
/// calls compiled code).
pub trait Backend {
    /// Short name for listings.
    fn name(&self) -> &'static str;
    /// `proto.tier.countdown` ran out. The backend sets the next countdown.
    fn on_hot(&self, vm: &mut Vm, proto: *mut Proto, hot: Hot) -> Advice;
    /// Calls compiled code of a closure (its proto has `tier_flags::COMPILED`). Arguments stand at stack indices
    /// `args..args + n` of the running thread. Pushes nothing; frames above are its own business.
    fn call(&self, vm: &mut Vm, closure: Value, args: u32, n: u32) -> Left;
    /// The same with the arguments, of which there are at most three, in hand; the others are nil.
    fn call_direct(&self, vm: &mut Vm, closure: Value, n: u32, args: [Value; 3]) -> Left;
    /// Enters OSR code; the interpreter frame on top of the thread's frames is its frame.
    fn enter_osr(&self, vm: &mut Vm, code: usize) -> Left;
    /// A native stack for the running coroutine, which waits to do its `work` when it is switched to. Null: there is none.
    fn take_stack(&self, vm: &mut Vm) -> *mut CoroutineStack;
    /// Goes to the native stack that `native.switch_to` names, and gives what comes when somebody goes to this one.
    /// `special`: the other side waits in compiled code, and `value` is why its wait is over (`compiled::code`).
    ///
    /// # Safety
    /// The switch has been prepared (`native.switch_from`, `switch_to`, context and stack).
    unsafe fn switch(&self, vm: &mut Vm, value: u64, special: u64) -> u64;
    /// Something asked for at a safepoint: finished background jobs to install. Called when the poll word has POLL_JIT.
    fn safepoint(&self, vm: &mut Vm);
    /// Visits every root in compiled frames and in the backend's own structures.
    fn visit_roots(&self, vm: &mut Vm, visit: &mut dyn FnMut(*mut Value));
    /// For the `n`-th (from the innermost) compiled segment of a thread: its logical frames, innermost first, as (proto, pc), the pc being
    /// that of the next instruction as in `CallFrame::pc`. The frame of `enter_osr` is among them, and the marker of that
    /// segment has this function as its `proto` (the Lua frame below the marker is then not a level of its own).
    fn frames_of_segment(&self, vm: &Vm, thread: &Thread, n: usize) -> Vec<(*mut Proto, *const Ins)>;
    /// The program may look at running functions now: no code is entered any more (see `Vm::observe`).
    fn observed(&self);
    /// A proto that had code was freed: nothing is entered for its address any more.
    fn forget(&self, proto: *mut Proto);
    /// Statistics, as text or JSON.
    fn stats(&self, vm: &Vm, json: bool) -> String;
}
