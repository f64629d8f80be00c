//! The `selune` program.
use selune::{options, run};
use std::io::Write;
use std::process::ExitCode;

/// Address space of the stack that programs run on; only what is used takes memory.
const STACK: usize = 256 << 20;

fn main() -> ExitCode {
    let words = std::env::args_os().collect();
    let name = std::env::args_os().next().filter(|n| !n.is_empty()).unwrap_or_else(|| "selune".into());
    let o = match options::parse(words) {
        Ok(o) => o,
        Err(e) => {
            let mut err = std::io::stderr().lock();
            let _ = writeln!(err, "{}: {}", name.display(), e.message);
            if e.usage {
                let _ = err.write_all(options::HELP.as_bytes());
            }
            return ExitCode::FAILURE;
        }
    };
    if o.help {
        print!("{}", options::HELP);
        return ExitCode::SUCCESS;
    }
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || {
        let ok = run::program(&o, STACK);
        // What is still being compiled is of no use any more.
        #[cfg(feature = "llvm")]
        jit_llvm::llvm::exit::leave_if_busy(i32::from(!ok));
        ok
    });
    match worker.map(|w| w.join()) {
        Ok(Ok(true)) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("selune: cannot start: {e}");
            ExitCode::FAILURE
        }
    }
}
