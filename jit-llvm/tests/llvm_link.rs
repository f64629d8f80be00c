//! The route from IR text to running code and back: linking, W^X, errors, removal, reuse, two threads.

use jit_llvm::llvm::*;
use std::sync::Arc;
use vm_bridge::code_memory::{CodeMemory, CodeMemoryError, CodeMemoryOptions, PAGE};

const IR: &str = r#"
@k = internal constant [4 x i64] [i64 10, i64 20, i64 30, i64 40]
declare i64 @helper(i64) nonlazybind
define i64 @f(i64 %i) nounwind {
  %p = getelementptr i64, ptr @k, i64 %i
  %v = load i64, ptr %p
  %r = call i64 @helper(i64 %v)
  %s = add i64 %r, 1
  ret i64 %s
}
define double @g(double %a, double %b) nounwind {
  %r = frem double %a, %b
  ret double %r
}
"#;

extern "C" fn helper(x: i64) -> i64 {
    assert_no_writable_code();
    x * 2
}

fn assert_no_writable_code() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    for line in maps.lines() {
        let protection = line.split(' ').nth(1).unwrap();
        assert!(
            !(protection.contains('w') && protection.contains('x')),
            "{line}"
        );
    }
}

fn llvm() -> &'static Llvm {
    load().expect("these tests need LLVM 17: ci/install-llvm17")
}

fn memory() -> Arc<CodeMemory> {
    CodeMemory::new(CodeMemoryOptions {
        reserve: 16 << 20,
        limit: 8 << 20,
    })
    .unwrap()
}

fn linker(memory: &Arc<CodeMemory>) -> Linker {
    let symbols = [("helper", helper as *const () as usize)];
    Linker::new(llvm(), memory.clone(), &symbols, LinkerOptions::default()).unwrap()
}

fn compile(text: &str, pipeline: &Pipeline) -> Result<Object, LlvmError> {
    let compiler = Compiler::new(
        llvm(),
        CompilerOptions {
            verify_each: true,
            ..CompilerOptions::default()
        },
    )?;
    let context = JobContext::new(llvm());
    let module = compiler.parse(&context, "test", text)?;
    compiler.compile(&context, &module, pipeline)
}

fn call(code: &InstalledCode, name: &str, argument: i64) -> i64 {
    let address = code.function(name).unwrap();
    // SAFETY: the functions of this test that are called so have this signature; the code is installed.
    let f = unsafe { std::mem::transmute::<u64, extern "C" fn(i64) -> i64>(address) };
    f(argument)
}

#[test]
fn links_runs_removes_and_reuses() {
    let memory = memory();
    let linker = linker(&memory);
    let mut places = Vec::new();
    for pipeline in [
        Pipeline::Minimal,
        Pipeline::Lean,
        Pipeline::O2,
        Pipeline::Custom("default<O3>".into()),
    ] {
        let object = compile(IR, &pipeline).unwrap();
        assert_eq!(object.functions(), ["f", "g"]);
        assert!(object.memory_needed() > 0);
        let code = linker.install(object).unwrap();
        assert!(
            memory.contains(code.range.start as usize) && memory.contains(code.range.end as usize)
        );
        assert_eq!(code.handle.size(), memory.in_use());
        assert_no_writable_code();
        assert_eq!(call(&code, "f", 2), 61);
        let g = code.function("g").unwrap();
        // SAFETY: `g` has this signature.
        let g = unsafe { std::mem::transmute::<u64, extern "C" fn(f64, f64) -> f64>(g) };
        assert_eq!(g(7.5, 2.0), 1.5);
        places.push(code.range.start);
        code.handle.remove().unwrap();
        assert_eq!(memory.in_use(), 0);
    }
    assert!(
        places.iter().all(|p| *p == places[0]),
        "freed memory is used again"
    );
}

#[test]
fn many_objects_live_side_by_side_and_dropping_frees() {
    let memory = memory();
    let linker = linker(&memory);
    let mut codes = Vec::new();
    for i in 0..50 {
        let text =
            format!("define i64 @f{i}(i64 %x) nounwind {{ %y = add i64 %x, {i}\n ret i64 %y }}");
        codes.push(
            linker
                .install(compile(&text, &Pipeline::Lean).unwrap())
                .unwrap(),
        );
    }
    for (i, code) in codes.iter().enumerate() {
        assert_eq!(call(code, &format!("f{i}"), 1000), 1000 + i as i64);
    }
    assert_eq!(memory.in_use(), 50 * PAGE);
    drop(codes);
    assert_eq!(memory.in_use(), 0);
}

#[test]
fn the_linker_may_go_before_its_code() {
    let memory = memory();
    let code = linker(&memory)
        .install(compile(IR, &Pipeline::Lean).unwrap())
        .unwrap();
    assert_eq!(call(&code, "f", 0), 21);
    drop(code);
    assert_eq!(memory.in_use(), 0);
}

#[test]
fn errors_leave_everything_as_it_was() {
    let memory = memory();
    let linker = linker(&memory);
    let error = |text: &str| match compile(text, &Pipeline::Lean).and_then(|o| linker.install(o)) {
        Ok(code) => panic!("{code:?}"),
        Err(e) => e,
    };
    let e = error(
        "declare void @nobody_has_this()\ndefine void @f() nounwind { call void @nobody_has_this()\n ret void }",
    );
    assert!(
        matches!(&e, LlvmError::Link(text) if text.contains("nobody_has_this")),
        "{e}"
    );
    assert_eq!(memory.in_use(), 0);
    assert!(matches!(
        error("define i64 @f() { ret void }"),
        LlvmError::InvalidModule(_)
    ));
    assert!(matches!(
        error("@x = global i64 1\ndefine void @f() nounwind { store i64 2, ptr @x\n ret void }"),
        LlvmError::Object(_)
    ));
    assert!(matches!(error("@x = constant i64 1"), LlvmError::Object(_)));
    let e = error("define void @f() { ret void }");
    assert!(
        matches!(&e, LlvmError::Object(text) if text.contains("unwinding")),
        "{e}"
    );
    let e = compile(IR, &Pipeline::Custom("no-such-pass".into())).unwrap_err();
    assert!(
        matches!(&e, LlvmError::Passes(text) if text.contains("no-such-pass")),
        "{e}"
    );
    // The code generator reports an error and goes on.
    let e = error(
        "define double @f(double %x) nounwind \"target-features\"=\"-sse,-sse2\" { ret double %x }",
    );
    assert!(matches!(&e, LlvmError::CodeGeneration(_)), "{e}");
    // A duplicate name.
    let code = linker
        .install(compile(IR, &Pipeline::Lean).unwrap())
        .unwrap();
    let e = error(IR);
    assert!(
        matches!(&e, LlvmError::Link(text) if text.contains('f')),
        "{e}"
    );
    assert_eq!(call(&code, "f", 1), 41);
    // Side exits without a stub for them.
    let e = error(
        "declare i64 @llvm.experimental.patchpoint.i64(i64, i32, ptr, i32, ...)\n\
         define i64 @e() nounwind { %r = call i64 (i64, i32, ptr, i32, ...) @llvm.experimental.patchpoint.i64(i64 -4611686018427387903, i32 5, ptr null, i32 0)\n ret i64 %r }",
    );
    assert!(
        matches!(&e, LlvmError::Object(text) if text.contains("no stub")),
        "{e}"
    );
    assert_eq!(memory.in_use(), code.handle.size());
}

#[test]
fn full_code_memory_is_an_error() {
    let memory = CodeMemory::new(CodeMemoryOptions {
        reserve: 1 << 20,
        limit: 3 * PAGE,
    })
    .unwrap();
    let linker = linker(&memory);
    let text = |i: usize| format!("define i64 @f{i}(i64 %x) nounwind {{ ret i64 {i} }}");
    let mut codes = Vec::new();
    let e = loop {
        match linker.install(compile(&text(codes.len()), &Pipeline::Lean).unwrap()) {
            Ok(code) => codes.push(code),
            Err(e) => break e,
        }
    };
    assert!(
        matches!(e, LlvmError::Memory(CodeMemoryError::Full { .. })),
        "{e}"
    );
    assert_eq!(codes.len(), 3);
    codes.pop();
    let code = linker
        .install(compile(&text(99), &Pipeline::Lean).unwrap())
        .unwrap();
    assert_eq!(call(&code, "f99", 0), 99);
}

#[test]
fn worker_threads_compile_and_install_at_once() {
    let memory = memory();
    let linker = linker(&memory);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let linker = &linker;
            scope.spawn(move || {
                fatal::on_worker(|| {
                    let compiler = Compiler::new(llvm(), CompilerOptions::default()).unwrap();
                    for i in 0..30 {
                        let context = JobContext::new(llvm());
                        let text = format!("define i64 @t{worker}_{i}(i64 %x) nounwind {{ %y = add i64 %x, {i}\n ret i64 %y }}");
                        let module = compiler.parse(&context, "m", &text).unwrap();
                        let object = compiler.compile(&context, &module, &Pipeline::Lean).unwrap();
                        let code = linker.install(object).unwrap();
                        assert_eq!(call(&code, &format!("t{worker}_{i}"), 1), 1 + i);
                    }
                });
            });
        }
    });
    assert_eq!(memory.in_use(), 0);
}

#[test]
fn code_for_a_fixed_machine_is_the_same_everywhere() {
    let options = CompilerOptions {
        cpu: Cpu::Model("x86-64-v3".into()),
        ..CompilerOptions::default()
    };
    let compiler = Compiler::new(llvm(), options).unwrap();
    let context = JobContext::new(llvm());
    let module = compiler
        .parse(
            &context,
            "m",
            "define i64 @f(i64 %x) nounwind { %y = mul i64 %x, 5\n ret i64 %y }",
        )
        .unwrap();
    compiler
        .optimize(&context, &module, &Pipeline::Lean)
        .unwrap();
    let text = compiler.assembly(&context, &module).unwrap();
    assert!(text.contains("leaq\t(%rdi,%rdi,4), %rax"), "{text}");
    // The module can still be used.
    assert_eq!(compiler.assembly(&context, &module).unwrap(), text);
    assert!(compiler.emit(&context, &module).is_ok());
    assert!(
        Compiler::new(
            llvm(),
            CompilerOptions {
                cpu: Cpu::Host,
                ..CompilerOptions::default()
            }
        )
        .is_ok()
    );
}

#[test]
fn debugger_and_profiler_options_do_no_harm() {
    let memory = memory();
    let options = LinkerOptions {
        gdb: true,
        perf_dump: false,
        ..LinkerOptions::default()
    };
    let linker = Linker::new(
        llvm(),
        memory.clone(),
        &[("helper", helper as *const () as usize)],
        options,
    )
    .unwrap();
    let code = linker
        .install(compile(IR, &Pipeline::Lean).unwrap())
        .unwrap();
    assert_eq!(call(&code, "f", 3), 81);
    drop(code);
    assert_eq!(memory.in_use(), 0);
}
