//! Chooses the interpreter's dispatch: handlers that tail-call each other need an optimised build, because stable Rust
//! makes such calls jumps only then; otherwise a plain loop runs the same handlers.
fn main() {
    println!("cargo::rustc-check-cfg=cfg(selune_tail)");
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");
    let opt: u32 = std::env::var("OPT_LEVEL").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    if opt >= 2 && !flags.contains("instrument-coverage") && !flags.contains("sanitizer") {
        println!("cargo::rustc-cfg=selune_tail");
    }
}
