//! Options of an engine.
use crate::code_memory::CodeMemoryOptions;
use crate::native_stack::StackBounds;

/// How much optimisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OptLevel {
    /// The fast pipeline.
    Lean,
    /// The full one.
    Full,
    /// The fast one first, the full one for what stays hot.
    #[default]
    Auto,
}

/// Which tiers of compiled code there are above the interpreter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tiers {
    /// Cranelift alone: needs no LLVM.
    Baseline,
    /// LLVM alone.
    Optimized,
    /// Baseline code first, LLVM for what stays hot.
    #[default]
    Both,
}

/// What to print of each compilation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DumpOptions {
    /// The typed SSA after its passes.
    pub ssa: bool,
    /// LLVM IR as it was emitted.
    pub ll: bool,
    /// LLVM IR after the pipeline.
    pub ll_opt: bool,
    /// Machine code as text.
    pub asm: bool,
    /// Only functions whose name contains this.
    pub function: Option<String>,
}

impl DumpOptions {
    /// Is anything to be printed of the function with this name?
    pub fn wants(&self, name: &str) -> bool {
        (self.ssa || self.ll || self.ll_opt || self.asm) && self.function.as_ref().is_none_or(|f| name.contains(f.as_str()))
    }
}

/// Modes that only move limits, to find defects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StressOptions {
    /// The heap collects at every safepoint: loops have one.
    pub gc: bool,
    /// Every guard fails at its n-th pass.
    pub deopt: bool,
    /// Compile at the first call and the first back edge.
    pub jit: bool,
    /// Compile without feedback.
    pub no_feedback: bool,
    /// Enter loops as early as possible, and leave at loop headers now and then.
    pub osr: bool,
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub struct JitConfig {
    /// Calls and passes over back edges before a function is compiled.
    pub threshold: i32,
    /// Compile on the spot, not in the background.
    pub sync: bool,
    /// Optimisation.
    pub opt_level: OptLevel,
    /// Tiers.
    pub tiers: Tiers,
    /// Calls and passes of loops in baseline code before the optimising tier is asked.
    pub tier_up_threshold: i32,
    /// Code memory.
    pub memory: CodeMemoryOptions,
    /// Times that a side exit may be taken before its bet counts as wrong.
    pub exit_limit: u32,
    /// The native stack that the VM runs on; none: as `native_limit` of the VM says, or if that is 0, the stack of the
    /// thread that attaches the engine.
    pub stack: Option<StackBounds>,
    /// Bytes of the native stack that compiled code leaves to Rust code.
    pub stack_reserve: usize,
    /// Most native stacks of coroutines; others are interpreted.
    pub coroutine_stacks: usize,
    /// Write a perf map.
    pub perf_map: bool,
    /// Tell GDB about code.
    pub gdb: bool,
    /// Verify IR after each pass.
    pub verify: bool,
    /// For which machine: a model that the code generator knows, none for this one.
    pub cpu: Option<String>,
    /// Dumps.
    pub dump: DumpOptions,
    /// Stress modes.
    pub stress: StressOptions,
    /// Say on standard error what is compiled, why not, what is invalidated, and each side exit.
    pub trace: bool,
    /// Only compilations with these numbers (from 1) happen: to find the one that is wrong.
    pub versions: core::ops::RangeInclusive<u32>,
}

impl Default for JitConfig {
    fn default() -> JitConfig {
        JitConfig {
            threshold: 2000,
            sync: false,
            opt_level: OptLevel::default(),
            tiers: Tiers::default(),
            tier_up_threshold: 5_000_000,
            memory: CodeMemoryOptions::default(),
            exit_limit: 8,
            stack: None,
            stack_reserve: 1 << 20,
            coroutine_stacks: 15_000,
            perf_map: false,
            gdb: false,
            verify: cfg!(debug_assertions),
            cpu: None,
            dump: DumpOptions::default(),
            stress: StressOptions::default(),
            trace: false,
            versions: 1..=u32::MAX,
        }
    }
}

impl JitConfig {
    /// How many passes baseline code makes before it asks for better code; none: it never asks.
    pub fn tier_up(&self) -> Option<i32> {
        (self.tiers == Tiers::Both).then_some(self.tier_up_threshold)
    }
}
