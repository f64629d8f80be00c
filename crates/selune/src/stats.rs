//! `--jit-stats` of a run without a compiler: the collector's part.
use selune_vm::Vm;

/// The statistics as text, or as one line of JSON with the same keys as a backend's.
pub fn without_backend(vm: &Vm, json: bool) -> String {
    let s = &vm.heap.stats;
    let pause = s.max_pause_nanos as f64 / 1e3;
    if json {
        format!(
            "{{\"backend\":\"interp\",\"functions_compiled\":0,\"compile_ms\":0,\"code_bytes\":0,\"compile_errors\":0,\"side_exits\":{{}},\"side_exits_total\":0,\"deopts\":0,\"osr_entries\":0,\"gc_minor\":{},\"gc_major\":{},\"gc_pause_max_us\":{pause:.1}}}\n",
            s.minor, s.major
        )
    } else {
        format!(
            "backend            interp\ngc minor           {} ({:.1} ms)\ngc major           {} ({:.1} ms)\ngc longest pause   {pause:.1} us\n",
            s.minor,
            s.minor_nanos as f64 / 1e6,
            s.major,
            s.major_nanos as f64 / 1e6
        )
    }
}
