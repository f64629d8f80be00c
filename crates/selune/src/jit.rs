//! The LLVM backend, set up as the command line says.
use crate::options::{BackendChoice, Options, Stress};
use selune_vm::Vm;
use vm_bridge::{DumpOptions, JitConfig, OptLevel, StressOptions, Tiers};

/// Gives the VM the backend. LLVM itself is loaded when the first function has been hot for a while; one line says so when it
/// was asked for and is not there.
pub fn attach(vm: &mut Vm, o: &Options) -> Result<(), String> {
    let mut config = config(o);
    if o.backend == BackendChoice::Llvm
        && let Err(e) = jit_llvm::llvm::check()
    {
        crate::run::report(&o.program, e.to_string().as_bytes());
        config.tiers = Tiers::Baseline;
    }
    // The program may end while a worker is in LLVM.
    jit_llvm::llvm::exit::arm();
    jit_llvm::attach(vm, config).map(|_| ()).map_err(|e| e.to_string())
}

fn config(o: &Options) -> JitConfig {
    let stress = StressOptions {
        gc: o.stress.contains(&Stress::Gc),
        deopt: o.stress.contains(&Stress::Deopt),
        jit: o.stress.contains(&Stress::Jit),
        no_feedback: o.stress.contains(&Stress::NoFeedback),
        osr: o.stress.contains(&Stress::Osr),
    };
    let mut dump = DumpOptions::default();
    for (stage, function) in &o.dump {
        match stage.as_str() {
            "ssa" => dump.ssa = true,
            "ll" => dump.ll = true,
            "ll-opt" => dump.ll_opt = true,
            "asm" => dump.asm = true,
            _ => continue,
        }
        dump.function = function.clone();
    }
    let opt_level = match o.jit_opt.as_str() {
        "lean" => OptLevel::Lean,
        "2" => OptLevel::Full,
        _ => OptLevel::Auto,
    };
    let llvm_alone = opt_level != OptLevel::Auto || dump.ll || dump.ll_opt || dump.asm;
    let tiers = match o.backend {
        BackendChoice::Baseline => Tiers::Baseline,
        _ if llvm_alone => Tiers::Optimized,
        _ => Tiers::Both,
    };
    let defaults = JitConfig::default();
    JitConfig {
        threshold: o.threshold.map_or(defaults.threshold, |n| n.clamp(1, 1 << 30) as i32),
        sync: o.jit_sync,
        opt_level,
        tiers,
        tier_up_threshold: o.tier_up.map_or(defaults.tier_up_threshold, |n| n.clamp(1, 1 << 30) as i32),
        perf_map: o.perf_map,
        dump,
        stress,
        trace: std::env::var_os("SELUNE_JIT_TRACE").is_some(),
        versions: versions().unwrap_or(defaults.versions),
        ..defaults
    }
}

/// `SELUNE_JIT_VERSIONS=a-b`: compilations with other numbers do not happen (to find one that is wrong, by halving).
fn versions() -> Option<core::ops::RangeInclusive<u32>> {
    let text = std::env::var("SELUNE_JIT_VERSIONS").ok()?;
    let (a, b) = text.split_once('-')?;
    Some(a.parse().ok()?..=b.parse().ok()?)
}
