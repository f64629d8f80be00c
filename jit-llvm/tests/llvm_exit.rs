//! A program may end while its worker threads compile: it ends as it wants to, not in LLVM's ruins.

use jit_llvm::llvm::*;
use std::process::Command;
use std::time::Duration;

const CHILD: &str = "SELUNE_TEST_EXIT_CHILD";

/// Compiles the same again and again.
fn work(llvm: &'static Llvm) {
    fatal::on_worker(|| {
        let compiler = Compiler::new(llvm, CompilerOptions::default()).unwrap();
        let text = "define i64 @f(i64 %x) nounwind {\ne:\n  br label %l\nl:\n  %i = phi i64 [ 0, %e ], [ %j, %l ]\n  %s = phi i64 [ 0, %e ], [ %t, %l ]\n  \
                    %t = add i64 %s, %i\n  %j = add i64 %i, 1\n  %c = icmp slt i64 %j, %x\n  br i1 %c, label %l, label %x1\nx1:\n  ret i64 %t\n}";
        loop {
            let context = JobContext::new(llvm);
            let module = compiler.parse(&context, "m", text).unwrap();
            compiler.compile(&context, &module, &Pipeline::O2).unwrap();
        }
    })
}

#[test]
fn exit_while_compiling() {
    if let Ok(milliseconds) = std::env::var(CHILD) {
        exit::arm();
        for _ in 0..3 {
            std::thread::spawn(|| work(load().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(milliseconds.parse().unwrap()));
        std::process::exit(7);
    }
    load().expect("this test needs LLVM 17: ci/install-llvm17");
    // From the loading of the library on.
    for milliseconds in (0..60).step_by(5) {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let status = child
            .args(["exit_while_compiling", "-q"])
            .env(CHILD, milliseconds.to_string())
            .output()
            .unwrap();
        assert_eq!(status.status.code(), Some(7), "{status:?}");
    }
    assert!(!exit::is_busy());
}
