//! Counters of an engine, as text and as JSON.
use selune_core::heap::GcStats;
use std::fmt::Write;
use std::time::Duration;

/// Why side exits are taken, in the order of the code generators' numbers.
pub const REASONS: [&str; 17] = [
    "not_int",
    "not_float",
    "not_number",
    "not_table",
    "not_string",
    "not_function",
    "not_nil",
    "nil",
    "kind",
    "shape",
    "callee",
    "bounds",
    "zero_divisor",
    "not_integral",
    "range",
    "unseen",
    "leave",
];
/// The reason "an instruction that had never run".
pub const REASON_UNSEEN: u8 = 15;
/// The reason that is no failed bet.
pub const REASON_LEAVE: u8 = 16;

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JitStats {
    /// Versions of functions that were installed, OSR code included.
    pub functions_compiled: u64,
    /// Of these: entries into loops.
    pub osr_compiled: u64,
    /// Of these: made by the baseline tier.
    pub baseline_compiled: u64,
    /// Time spent compiling.
    pub compile_time: Duration,
    /// Processor time of the VM's own thread.
    pub vm_time: Duration,
    /// Bytes of machine code that were installed in all.
    pub code_bytes: u64,
    /// Bytes of code memory in use.
    pub code_in_use: u64,
    /// Compilations that failed.
    pub compile_errors: u64,
    /// What the last one said.
    pub last_error: Option<String>,
    /// Side exits by reason.
    pub side_exits: [u64; REASONS.len()],
    /// Exits and other events that wrote interpreter frames.
    pub deopts: u64,
    /// Entries into loops that were taken.
    pub osr_entries: u64,
    /// Entries into compiled functions from the VM.
    pub entries: u64,
    /// Entries into compiled code in coroutines, on native stacks of their own.
    pub coroutine_entries: u64,
    /// Versions that were thrown away because a bet failed.
    pub invalidations: u64,
}

impl JitStats {
    /// Side exits that were failed bets.
    pub fn side_exits_total(&self) -> u64 {
        self.side_exits.iter().sum::<u64>() - self.side_exits[REASON_LEAVE as usize]
    }

    /// One line of JSON.
    pub fn to_json(&self, gc: &GcStats) -> String {
        let mut s = String::from("{");
        let compile_ms = self.compile_time.as_secs_f64() * 1e3;
        let _ = write!(s, "\"functions_compiled\":{},\"osr_compiled\":{},", self.functions_compiled, self.osr_compiled);
        let _ = write!(s, "\"baseline_compiled\":{},", self.baseline_compiled);
        let _ = write!(s, "\"vm_ms\":{:.3},", self.vm_time.as_secs_f64() * 1e3);
        let _ = write!(s, "\"compile_ms\":{compile_ms:.3},\"code_bytes\":{},", self.code_bytes);
        let _ = write!(s, "\"code_in_use\":{},\"compile_errors\":{},\"side_exits\":{{", self.code_in_use, self.compile_errors);
        let counted = self.side_exits.iter().zip(REASONS).take(REASON_LEAVE as usize);
        for (i, (n, name)) in counted.enumerate() {
            let _ = write!(s, "{}\"{name}\":{n}", if i > 0 { "," } else { "" });
        }
        let _ = write!(s, "}},\"side_exits_total\":{},\"leaves\":{},", self.side_exits_total(), self.side_exits[REASON_LEAVE as usize]);
        let _ = write!(s, "\"deopts\":{},\"osr_entries\":{},\"entries\":{},", self.deopts, self.osr_entries, self.entries);
        let _ = write!(s, "\"coroutine_entries\":{},\"invalidations\":{},", self.coroutine_entries, self.invalidations);
        let _ = write!(s, "\"gc_minor\":{},\"gc_major\":{},", gc.minor, gc.major);
        let _ = write!(s, "\"gc_pause_total_us\":{:.1},\"gc_pause_max_us\":{:.1}}}", total_us(gc), max_us(gc));
        s
    }

    /// Lines for people.
    pub fn to_text(&self, gc: &GcStats) -> String {
        let mut s = String::new();
        let ms = self.compile_time.as_secs_f64() * 1e3;
        let _ = writeln!(
            s,
            "functions compiled  {} ({} of them entries into loops; {} by the baseline tier, {} by LLVM)",
            self.functions_compiled,
            self.osr_compiled,
            self.baseline_compiled,
            self.functions_compiled - self.baseline_compiled
        );
        let _ = writeln!(s, "compile time        {ms:.1} ms");
        let _ = writeln!(s, "program's thread    {:.1} ms", self.vm_time.as_secs_f64() * 1e3);
        let _ = writeln!(s, "machine code        {} bytes, {} in use", self.code_bytes, self.code_in_use);
        let _ = writeln!(s, "compile errors      {}", self.compile_errors);
        if let Some(e) = &self.last_error {
            let _ = writeln!(s, "  last              {e}");
        }
        let _ = writeln!(s, "entries             {} calls, {} loops", self.entries, self.osr_entries);
        let _ = writeln!(s, "in coroutines       {} stacks taken", self.coroutine_entries);
        let _ = writeln!(s, "side exits          {}", self.side_exits_total());
        for (n, name) in self.side_exits.iter().zip(REASONS).filter(|(n, _)| **n > 0) {
            let _ = writeln!(s, "  {name:<17} {n}");
        }
        let _ = writeln!(s, "deoptimisations     {}, {} versions thrown away", self.deopts, self.invalidations);
        let _ = writeln!(s, "collections         {} minor, {} major", gc.minor, gc.major);
        let _ = write!(s, "pauses              {:.2} ms in all, {:.1} us at most", total_us(gc) / 1e3, max_us(gc));
        s
    }
}

fn total_us(gc: &GcStats) -> f64 {
    (gc.minor_nanos + gc.major_nanos) as f64 / 1e3
}

fn max_us(gc: &GcStats) -> f64 {
    gc.max_pause_nanos as f64 / 1e3
}
