//! The table of variants: in which ways each program runs.
//!
//! A stress mode only moves limits, so every variant prints the same.

/// One way to run `selune`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Name, as test names and `-- only:`/`-- skip:` say it.
    pub name: &'static str,
    /// Arguments before the script.
    pub args: &'static [&'static str],
    /// Slower than a plain run by about this factor; time limits are multiplied by it.
    pub slowness: u32,
}

/// LLVM alone.
const LLVM: &[&str] = &["--backend", "llvm", "--jit-sync", "--jit-threshold=2", "--jit-opt=lean"];
/// Baseline code alone.
const BASELINE: &[&str] = &["--backend", "baseline", "--jit-sync", "--jit-threshold=2"];
/// Baseline code, and soon LLVM's.
const TIERS: &[&str] = &["--backend", "llvm", "--jit-sync", "--jit-threshold=2", "--jit-tier-up=5"];

macro_rules! llvm_stress {
    ($mode:literal) => {
        &["--backend", "llvm", "--jit-sync", "--jit-threshold=2", "--jit-opt=lean", concat!("--stress=", $mode)]
    };
}

macro_rules! baseline_stress {
    ($mode:literal) => {
        &["--backend", "baseline", "--jit-sync", "--jit-threshold=2", concat!("--stress=", $mode)]
    };
}

/// All variants. `interp` and `llvm` are the plain ones.
pub const VARIANTS: &[Variant] = &[
    Variant { name: "interp", args: &["--backend", "interp"], slowness: 1 },
    Variant { name: "interp-gc", args: &["--backend", "interp", "--stress=gc"], slowness: 6 },
    Variant { name: "llvm", args: LLVM, slowness: 2 },
    Variant { name: "llvm-gc", args: llvm_stress!("gc"), slowness: 6 },
    Variant { name: "llvm-deopt", args: llvm_stress!("deopt"), slowness: 6 },
    Variant { name: "llvm-jit", args: llvm_stress!("jit"), slowness: 6 },
    Variant { name: "llvm-nofeedback", args: llvm_stress!("nofeedback"), slowness: 6 },
    Variant { name: "llvm-osr", args: llvm_stress!("osr"), slowness: 6 },
    Variant { name: "baseline", args: BASELINE, slowness: 2 },
    Variant { name: "baseline-gc", args: baseline_stress!("gc"), slowness: 6 },
    Variant { name: "baseline-deopt", args: baseline_stress!("deopt"), slowness: 6 },
    Variant { name: "baseline-jit", args: baseline_stress!("jit"), slowness: 6 },
    Variant { name: "tiers", args: TIERS, slowness: 3 },
];

/// The variant of this name.
pub fn by_name(name: &str) -> Option<&'static Variant> {
    VARIANTS.iter().find(|v| v.name == name)
}

/// Does `pattern` (`llvm`, `*-gc`, `llvm*`, `*`) name the variant?
pub fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(tail), _) if !tail.ends_with('*') => name.ends_with(tail),
        (_, Some(head)) => name.starts_with(head),
        _ => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_variants() {
        assert!(matches("llvm", "llvm"));
        assert!(!matches("llvm", "llvm-gc"));
        assert!(matches("llvm*", "llvm-gc"));
        assert!(matches("*-gc", "interp-gc"));
        assert!(matches("*", "interp"));
    }

    #[test]
    fn names_are_unique() {
        for (i, v) in VARIANTS.iter().enumerate() {
            assert!(VARIANTS[i + 1..].iter().all(|w| w.name != v.name));
        }
    }
}
