//! A compiler's thread: jobs go in, linked code comes out. There is one for baseline code, so that it does not wait for
//! LLVM, and one for LLVM.
//!
//! LLVM is loaded here, at the first job, so that nobody waits for it. One target machine and one linker serve all jobs
//! of an engine; each job has a context of its own. A fatal error inside LLVM parks the thread for good (`llvm::fatal`):
//! whoever waits looks for that too, and no later job is accepted.
use crate::baseline::Baseline;
use crate::job::JobInput;
use crate::llvm::{
    CodeGeneration, Compiler, CompilerOptions, Cpu, JobContext, Linker, LinkerOptions, LlvmError, Pipeline, fatal, load,
};
use crate::lower::{LowerOptions, lower};
use crate::ssa::build::{BuildError, build};
use crate::ssa::ir::{Func, Op};
use crate::ssa::passes::optimize;
use std::collections::VecDeque;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use vm_bridge::runtime;
use vm_bridge::{Finished, JitConfig, JitError, NewCode, OptLevel, Place, Tier, Workshop};

/// One compilation.
pub(crate) struct Job {
    pub place: Place,
    pub input: JobInput,
    /// By which compiler.
    pub tier: Tier,
    /// Unique among the names of the engine's functions.
    pub symbol: String,
}

#[derive(Default)]
struct Queues {
    waiting: VecDeque<Job>,
    finished: Vec<Finished>,
    busy: bool,
    quit: bool,
}

#[derive(Default)]
struct Shared {
    queues: Mutex<Queues>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread and its queues.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub fn start(workshop: Workshop) -> Result<Worker, JitError> {
        let shared = Arc::<Shared>::default();
        let theirs = shared.clone();
        let thread = std::thread::Builder::new()
            .name("selune-jit".into())
            .stack_size(16 << 20)
            .spawn(move || fatal::on_worker(|| work(&theirs, workshop)))?;
        let to_wake = Arc::downgrade(&shared);
        fatal::subscribe(move |_| {
            if let Some(shared) = to_wake.upgrade() {
                shared.changed.notify_all();
            }
        });
        Ok(Worker { shared, thread: Some(thread) })
    }

    pub fn submit(&self, job: Job) {
        self.shared.lock().waiting.push_back(job);
        self.shared.changed.notify_all();
    }

    pub fn take_finished(&self) -> Vec<Finished> {
        std::mem::take(&mut self.shared.lock().finished)
    }

    /// Returns when all jobs are done, or LLVM has failed.
    pub fn wait(&self) {
        let mut queues = self.shared.lock();
        while (queues.busy || !queues.waiting.is_empty()) && fatal::message().is_none() {
            // Looks from time to time, in case the message came between the test and the wait.
            let wait = Duration::from_millis(50);
            queues = self.shared.changed.wait_timeout(queues, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        {
            let mut queues = self.shared.lock();
            queues.quit = true;
            queues.waiting.clear();
        }
        self.shared.changed.notify_all();
        let Some(thread) = self.thread.take() else { return };
        while !thread.is_finished() {
            if fatal::message().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let _ = thread.join();
    }
}

fn work(shared: &Shared, workshop: Workshop) {
    let mut tools: Option<Tools> = None;
    let mut baseline: Option<Baseline> = None;
    loop {
        let job = {
            let mut queues = shared.lock();
            queues.busy = false;
            shared.changed.notify_all();
            loop {
                if queues.quit {
                    return;
                }
                if let Some(job) = queues.waiting.pop_front() {
                    queues.busy = true;
                    break job;
                }
                queues = shared.changed.wait(queues).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let start = Instant::now();
        let (place, tier) = (job.place, job.tier);
        // A defect of the compiler must not end the thread: somebody may wait for it.
        let attempt = AssertUnwindSafe(|| compile(&mut tools, &mut baseline, &workshop, job));
        let result = catch_unwind(attempt).unwrap_or_else(|_| Err(JitError::Generator("the compiler panicked".into())));
        shared.lock().finished.push(Finished { place, tier, result, time: start.elapsed() });
    }
}

fn compile(tools: &mut Option<Tools>, baseline: &mut Option<Baseline>, workshop: &Workshop, job: Job) -> Result<NewCode, JitError> {
    if job.tier == Tier::Optimized {
        return Tools::get(tools, workshop)?.compile(job);
    }
    // (Not `get_or_insert_with`: it may fail.)
    if baseline.is_none() {
        *baseline = Some(Baseline::new(workshop)?);
    }
    let Some(baseline) = baseline else { return Err(JitError::Unavailable("no baseline compiler".into())) };
    let config = &workshop.config;
    let mut clock = PhaseClock::start(config.trace);
    let func = make_ssa(&job.input)?;
    clock.tick("ssa");
    let wants = config.dump.wants(&func.name);
    if wants && config.dump.ssa {
        print("ssa", &job.symbol, &func.to_string());
    }
    let countdowns = config.stress.deopt.then(|| exit_countdowns(func.exits.len()));
    let options = LowerOptions { listing: wants && config.dump.asm, poll_calls: config.stress.gc, exit_countdowns: countdowns };
    let symbol = job.symbol.clone();
    let code = baseline.compile(&func, &job.input, job.place, job.symbol, options)?;
    clock.tick("baseline");
    clock.report(&symbol, instructions(&func), func.exits.len(), code.range.end - code.range.start);
    Ok(code)
}

fn instructions(func: &Func) -> usize {
    func.blocks.iter().map(|b| b.insts.len()).sum()
}

struct Tools {
    compiler: Compiler,
    linker: Linker,
    config: JitConfig,
}

impl Tools {
    fn get<'t>(tools: &'t mut Option<Tools>, workshop: &Workshop) -> Result<&'t Tools, JitError> {
        if tools.is_none() {
            let llvm = load().map_err(|e| JitError::Unavailable(e.to_string()))?;
            let config = workshop.config.clone();
            let options = CompilerOptions {
                cpu: config.cpu.clone().map_or(Cpu::Host, Cpu::Model),
                code_generation: CodeGeneration::Less,
                verify_each: config.verify,
            };
            let compiler = Compiler::new(llvm, options).map_err(generator)?;
            let options = LinkerOptions {
                side_exit_stub: Some(workshop.side_exit_stub),
                gdb: config.gdb,
                perf_dump: false,
                perf_map: workshop.perf_map.clone(),
            };
            let linker = Linker::new(llvm, workshop.memory.clone(), &runtime::symbols(), options).map_err(generator)?;
            *tools = Some(Tools { compiler, linker, config });
        }
        tools.as_ref().ok_or_else(|| JitError::Unavailable("LLVM is not loaded".into()))
    }

    fn compile(&self, job: Job) -> Result<NewCode, JitError> {
        let mut clock = PhaseClock::start(self.config.trace);
        let func = make_ssa(&job.input)?;
        clock.tick("ssa");
        let dump = &self.config.dump;
        let wants = dump.wants(&func.name);
        if wants && dump.ssa {
            print("ssa", &job.symbol, &func.to_string());
        }
        let countdowns = self.config.stress.deopt.then(|| exit_countdowns(func.exits.len()));
        let options = LowerOptions { listing: wants, poll_calls: self.config.stress.gc, exit_countdowns: countdowns };
        let llvm = self.compiler.llvm();
        let context = JobContext::new(llvm);
        let module = context.create_module(&job.symbol);
        self.compiler.prepare(&module);
        let (function, mut info) =
            lower(&context, &module, &func, &job.input, &job.symbol, options).map_err(|e| JitError::Generator(e.to_string()))?;
        self.compiler.mark_function(&context, function);
        clock.tick("lower");
        if wants && dump.ll {
            print("llvm ir", &job.symbol, &module.to_string());
        }
        self.compiler.optimize(&context, &module, &self.pipeline(&func)).map_err(generator)?;
        clock.tick("optimise");
        self.compiler.insert_statepoints(&context, &module).map_err(generator)?;
        clock.tick("statepoints");
        if wants && dump.ll_opt {
            print("optimised llvm ir", &job.symbol, &module.to_string());
        }
        if wants && dump.asm {
            print("machine code", &job.symbol, &self.compiler.assembly(&context, &module).map_err(generator)?);
        }
        let object = self.compiler.emit(&context, &module).map_err(generator)?;
        clock.tick("emit");
        let code = self.linker.install(object).map_err(generator)?;
        clock.tick("link");
        clock.report(&job.symbol, instructions(&func), func.exits.len(), code.range.end - code.range.start);
        let entry = code.function(&job.symbol).ok_or_else(|| JitError::Generator("the function is not in its object".into()))?;
        info.name = job.symbol;
        info.osr_pc = job.place.loop_pc;
        info.objects = named_objects(&func);
        Ok(NewCode {
            tier: Tier::Optimized,
            cell: None,
            range: code.range,
            entry,
            stack_map: code.stack_map,
            info,
            size: code.handle.size(),
            owner: Box::new(code.handle),
        })
    }

    fn pipeline(&self, func: &Func) -> Pipeline {
        let guards = func.exits.len();
        match self.config.opt_level {
            OptLevel::Lean | OptLevel::Auto => Pipeline::Lean,
            // Grows too steeply with the number of guards.
            OptLevel::Full if guards > 400 => Pipeline::Lean,
            OptLevel::Full => Pipeline::O2,
        }
    }
}

/// Processor time of the steps of a compilation, for traces.
struct PhaseClock {
    on: bool,
    last: f64,
    phases: Vec<(&'static str, f64)>,
}

impl PhaseClock {
    fn start(on: bool) -> PhaseClock {
        PhaseClock { on, last: if on { selune_core::sys::thread_cpu_time() } else { 0.0 }, phases: Vec::new() }
    }

    fn tick(&mut self, phase: &'static str) {
        if self.on {
            let now = selune_core::sys::thread_cpu_time();
            self.phases.push((phase, now - self.last));
            self.last = now;
        }
    }

    fn report(&self, symbol: &str, instructions: usize, exits: usize, bytes: u64) {
        if self.on {
            let phases: Vec<String> = self.phases.iter().map(|(n, t)| format!("{n} {:.2}", t * 1e3)).collect();
            eprintln!("selune: jit: {symbol}: {instructions} instructions, {exits} exits, {bytes} bytes; ms: {}", phases.join(", "));
        }
    }
}

/// A dump. Who reads it may have gone.
pub(crate) fn print(stage: &str, symbol: &str, text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "; {stage} of {symbol}\n{text}");
}

/// From bytecode to optimised SSA.
pub(crate) fn make_ssa(input: &JobInput) -> Result<Func, JitError> {
    let mut func = build(input).map_err(|e| match e {
        BuildError::Unsupported(op) => JitError::UnsupportedOpcode(op),
        BuildError::TooLarge => JitError::TooLarge(format!("{} instructions", input.root().code.len())),
        BuildError::Malformed => JitError::Generator(e.to_string()),
    })?;
    optimize(&mut func, input);
    Ok(func)
}

fn generator(e: LlvmError) -> JitError {
    match e {
        LlvmError::Unavailable(e) => JitError::Unavailable(e.to_string()),
        LlvmError::Memory(e) => JitError::Memory(e),
        LlvmError::StackMap(e) => JitError::StackMap(e),
        e => JitError::Generator(e.to_string()),
    }
}

/// Old objects whose addresses are in the code.
pub(crate) fn named_objects(func: &Func) -> Vec<u64> {
    let mut objects: Vec<u64> = func
        .insts
        .iter()
        .filter_map(|i| match i.op {
            Op::ConstValue { bits, .. } | Op::GuardBits { bits, .. } => Some(bits),
            _ => None,
        })
        .filter(|bits| selune_core::value::Value(*bits).is_heap())
        .collect();
    objects.sort_unstable();
    objects.dedup();
    objects
}

/// Stress: after how many passes each exit is taken. Never freed: the code may outlive everything that could own them.
fn exit_countdowns(n: usize) -> usize {
    let counts: Vec<i32> = (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as i32 + 1).collect();
    Box::leak(counts.into_boxed_slice()).as_ptr() as usize
}
