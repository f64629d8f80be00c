//! A fatal error inside LLVM ends the use of LLVM, not the process. (One test: it is for the whole process.)

use jit_llvm::llvm::*;
use std::sync::mpsc;
use std::time::Duration;
use vm_bridge::code_memory::{CodeMemory, CodeMemoryOptions};

const LONG: Duration = Duration::from_secs(60);

fn object(name: &str) -> Result<Object, LlvmError> {
    let llvm = load()?;
    let compiler = Compiler::new(llvm, CompilerOptions::default())?;
    let context = JobContext::new(llvm);
    let text = format!("define i64 @{name}(i64 %x) nounwind {{ %y = add i64 %x, 1\n ret i64 %y }}");
    let module = compiler.parse(&context, "m", &text)?;
    compiler.compile(&context, &module, &Pipeline::Lean)
}

#[test]
fn the_program_goes_on_without_llvm() {
    let llvm = load().expect("this test needs LLVM 17: ci/install-llvm17");
    let memory = CodeMemory::new(CodeMemoryOptions::default()).unwrap();
    let linker = Linker::new(llvm, memory.clone(), &[], LinkerOptions::default()).unwrap();
    let code = linker.install(object("before").unwrap()).unwrap();
    let waiting = object("after").unwrap();
    let (tell, told) = mpsc::channel();
    fatal::subscribe(move |message| tell.send(message.to_owned()).unwrap());
    std::thread::spawn(|| {
        fatal::on_worker(|| {
            let compiler = Compiler::new(load().unwrap(), CompilerOptions::default()).unwrap();
            let context = JobContext::new(load().unwrap());
            // We set up no assembly parser, so inline assembly in an object is a fatal error.
            let text = "define void @f() { call void asm \"nop\", \"\"()\n ret void }";
            let module = compiler.parse(&context, "m", text).unwrap();
            let object = compiler.compile(&context, &module, &Pipeline::Minimal);
            unreachable!("a fatal error does not return: {object:?}");
        })
    });
    let message = told.recv_timeout(LONG).expect("the subscriber is told");
    assert!(message.contains("asm"), "{message}");
    assert_eq!(fatal::message(), Some(message.clone()));
    assert!(!llvm.is_usable());
    let e = load().unwrap_err();
    assert_eq!(e, LlvmUnavailable::Failed(message.clone()));
    assert_eq!(
        e.to_string(),
        format!("LLVM 17 is switched off after an internal error: {message}")
    );
    // Late subscribers are told at once.
    let (tell, told) = mpsc::channel();
    fatal::subscribe(move |message| tell.send(message.to_owned()).unwrap());
    assert_eq!(told.try_recv(), Ok(message));
    // Nothing can be compiled or installed; what is installed runs and can be dropped.
    assert!(matches!(object("late"), Err(LlvmError::Unavailable(_))));
    assert!(matches!(
        linker.install(waiting),
        Err(LlvmError::Unavailable(_))
    ));
    let address = code.function("before").unwrap();
    // SAFETY: the function has this signature and is still installed.
    let f = unsafe { std::mem::transmute::<u64, extern "C" fn(i64) -> i64>(address) };
    assert_eq!(f(41), 42);
    let in_use = memory.in_use();
    drop(code);
    drop(linker);
    assert_eq!(memory.in_use(), in_use, "freeing would have to call LLVM");
    assert_eq!(f(1), 2, "so the code stays");
}
