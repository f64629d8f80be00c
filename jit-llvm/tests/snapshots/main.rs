//! Snapshots of what the compiler makes of small programs: bytecode, SSA after its passes, LLVM IR as emitted and after
//! LLVM's passes.
//!
//! Each `snapshots/<name>.lua` returns a function, which is run a fixed number of times in a VM that compiles on the spot.
//! What the compiler is given on the way is made canonical (`canonical`) and compiled once more, for a fixed CPU, with the
//! listing of each stage kept. Shown is the last version of each function; entries into loops are shown when the
//! program's first line ends in `(with loop entries)`.
//!
//! `scripts/bless snapshots` writes the files anew.
mod canonical;
mod text;

use jit_llvm::LlvmBackend;
use jit_llvm::job::{JobEntry, JobInput, known_natives};
use jit_llvm::llvm::{Compiler, CompilerOptions, Cpu, JobContext, Pipeline, fatal, load};
use jit_llvm::lower::{LowerOptions, lower};
use jit_llvm::ssa::{build::build, passes::optimize};
use selune_core::value::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use vm_bridge::vm::{Config, Vm};
use vm_bridge::{JitConfig, JitEngine};

/// How often a program is run: some more times than it takes until its functions are compiled.
const RUNS: usize = 450;
/// Calls and passes over back edges before a function is compiled.
const THRESHOLD: i32 = 400;
/// For which machine: its instructions are a common subset, and code is the same everywhere.
const CPU: &str = "x86-64-v3";

/// The texts of a program.
#[derive(Default)]
struct Stages {
    bytecode: String,
    ssa: String,
    emitted: String,
    optimised: String,
    prelude: BTreeMap<String, String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../snapshots")
}

/// What is to be compiled, by a name that sorts by place in the source.
type Jobs = BTreeMap<(u32, String), (JobInput, canonical::Names)>;

/// Runs a program and keeps the last job of each function.
fn run(name: &str) -> (String, Jobs) {
    let source = std::fs::read(folder().join(format!("{name}.lua"))).expect("the program");
    let first = String::from_utf8_lossy(&source).lines().next().unwrap_or_default().to_string();
    let loops = first.ends_with("(with loop entries)");
    let mut vm: Box<Vm> = Vm::new(Config::default());
    selune_stdlib::open_libs(&mut vm);
    let jobs = Rc::new(RefCell::new(Jobs::new()));
    let seen = jobs.clone();
    let observer = move |job: &JobInput| {
        let root = job.root();
        let line = root.lines.first().copied().unwrap_or(0);
        let label = match job.entry {
            JobEntry::Normal => root.name.clone(),
            JobEntry::Osr { pc } if loops => format!("{} from pc {pc}", root.name),
            _ => return,
        };
        seen.borrow_mut().insert((line, label), canonical::canonical(job));
    };
    let config = JitConfig { threshold: THRESHOLD, sync: true, ..JitConfig::default() };
    let globals = vm.globals();
    let natives = known_natives(&mut vm.heap, globals, vm.known.ipairs_iter);
    let engine = JitEngine::attach(&mut vm, config, |workshop| Ok(Box::new(LlvmBackend::new(workshop, natives)?.observed(observer))));
    let engine = engine.expect("an engine");
    let chunk = match vm.load(&source, format!("@{name}.lua").as_bytes(), "t", None) {
        Ok(chunk) => chunk,
        Err(e) => panic!("{name}: {}", String::from_utf8_lossy(vm.bytes(e))),
    };
    let bytecode = vm.listing(chunk, None);
    let program = call(&mut vm, chunk, name).expect("the program returns a function");
    let program = vm.pin(program);
    for _ in 0..RUNS {
        let program = vm.pinned(program);
        // What it calls is to be seen.
        // SAFETY: the program is a Lua function, whose proto lives as long as it.
        unsafe { (*(*program.as_closure()).proto).tier.countdown = i32::MAX };
        call(&mut vm, program, name);
    }
    let stats = engine.stats();
    assert_eq!(stats.compile_errors, 0, "{name}: {:?}", stats.last_error);
    vm.close();
    drop(vm);
    (bytecode, jobs.take())
}

/// Calls a function; its first result.
fn call(vm: &mut Vm, f: Value, name: &str) -> Option<Value> {
    let top = vm.top();
    match vm.call_values(f, &[], -1) {
        Ok(n) => {
            let first = (n > 0).then(|| vm.stack_at(vm.top() - n));
            vm.set_top(top);
            first
        }
        Err(_) => {
            let e = vm.error_value();
            panic!("{name}: {}", String::from_utf8_lossy(vm.bytes(e)))
        }
    }
}

/// Compiles a job once more, keeping the listings.
fn add_stages(to: &mut Stages, label: &str, job: &JobInput, names: &canonical::Names) {
    let llvm = load().expect("LLVM");
    let options = CompilerOptions { cpu: Cpu::Model(CPU.into()), verify_each: true, ..CompilerOptions::default() };
    let compiler = Compiler::new(llvm, options).expect("a compiler");
    let mut func = build(job).unwrap_or_else(|e| panic!("{label}: {e}"));
    optimize(&mut func, job);
    let ssa = text::ssa(&func.to_string(), names);
    let context = JobContext::new(llvm);
    let module = context.create_module(label);
    compiler.prepare(&module);
    let options = LowerOptions { listing: true, ..LowerOptions::default() };
    let symbol = label.replace(' ', "_");
    let (function, _) = lower(&context, &module, &func, job, &symbol, options).unwrap_or_else(|e| panic!("{label}: {e}"));
    compiler.mark_function(&context, function);
    let emitted = module.to_string();
    compiler.optimize(&context, &module, &Pipeline::default()).unwrap_or_else(|e| panic!("{label}: {e}"));
    compiler.insert_statepoints(&context, &module).unwrap_or_else(|e| panic!("{label}: {e}"));
    let optimised = module.to_string();
    to.ssa += &format!("{}{ssa}\n", text::legend(&ssa, names));
    to.emitted += &format!("; {label}\n{}\n", text::llvm(&emitted, names));
    to.optimised += &format!("; {label}\n{}\n", text::llvm(&optimised, names));
    to.prelude.extend(text::prelude(&emitted));
}

fn stages(name: &str) -> Stages {
    let (bytecode, jobs) = run(name);
    assert!(!jobs.is_empty(), "{name}: nothing was compiled");
    let mut out = Stages { bytecode, ..Stages::default() };
    for ((_, label), (job, names)) in &jobs {
        add_stages(&mut out, label, job, names);
    }
    out
}

/// In a thread that LLVM may park, and with the stack that compiled code wants.
fn in_thread<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(move || fatal::on_worker(f)).expect("a thread");
    while !thread.is_finished() {
        assert!(fatal::message().is_none(), "LLVM: {:?}", fatal::message());
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    thread.join().unwrap_or_else(|e| std::panic::resume_unwind(e))
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(folder());
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

fn check(name: &'static str) {
    let s = in_thread(move || stages(name));
    settings().bind(|| {
        insta::assert_snapshot!(format!("{name}.1-bytecode"), s.bytecode);
        insta::assert_snapshot!(format!("{name}.2-ssa"), s.ssa);
        insta::assert_snapshot!(format!("{name}.3-ll"), s.emitted);
        insta::assert_snapshot!(format!("{name}.4-ll-opt"), s.optimised);
    });
}

macro_rules! programs {
    ($($name:ident),* $(,)?) => {
        const PROGRAMS: &[&str] = &[$(stringify!($name)),*];
        mod of {
            $(#[test]
            fn $name() {
                super::check(stringify!($name));
            })*
        }
    };
}

programs! {
    // Families of opcodes.
    load, table, arith, compare, jump, loops, loop_entry, call, closure,
    // Programs.
    fib, float_loop, array_sum, field_update, method_call, counter, string_concat, pairs_loop, varargs, pcall_loop,
}

/// What the functions `@selune.*` in the emitted IR stand for.
#[test]
fn prelude() {
    let mut all = BTreeMap::new();
    for name in PROGRAMS {
        all.extend(in_thread(move || stages(name).prelude));
    }
    let all: Vec<String> = all.into_values().collect();
    settings().bind(|| insta::assert_snapshot!("prelude.3-ll", all.join("\n")));
}

#[test]
fn every_file_belongs_to_a_program() {
    let mut expected: BTreeSet<String> = BTreeSet::from(["prelude.3-ll.snap".into()]);
    for name in PROGRAMS {
        let stages = ["1-bytecode.snap", "2-ssa.snap", "3-ll.snap", "4-ll-opt.snap", "lua"];
        expected.extend(stages.iter().map(|s| format!("{name}.{s}")));
    }
    let files = std::fs::read_dir(folder()).expect("the folder").map(|f| f.expect("a file").file_name().to_string_lossy().into_owned());
    let unknown: Vec<String> = files.filter(|f| !expected.contains(f) && !f.ends_with(".snap.new") && f != "README.md").collect();
    assert!(unknown.is_empty(), "files that no program makes: {unknown:?}");
}
