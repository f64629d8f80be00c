//! The engine: what the VM sees as its backend. It decides what is compiled, keeps the code, enters it, and takes over
//! when it leaves.
//!
//! Everything runs on the VM's thread but the code generator's workers. ENGINE-1: calls nest (compiled code calls the
//! interpreter, which calls the engine), so state is in cells that are never borrowed across anything that may run
//! Lua. ENGINE-2: installed code is only freed when no stack can return into it.
//!
//! Reading order: `JitEngine::attach`, `on_hot`, `call`, then `side_exit`.
use crate::blame::{blame, feedback_of};
use crate::arch::{self, ExitRegisters, LazyReturn, Outcome};
use crate::cache::{CodeCache, CompiledCode, NewCode};
use crate::code_map::CodeRecord;
use crate::code_memory::CodeMemory;
use crate::config::{JitConfig, Tiers};
use crate::coroutine_stacks::StackPool;
use crate::deopt::Deoptimizer;
use crate::error::JitError;
use crate::frames;
use crate::native_stack::StackBounds;
use crate::perf_map::PerfMap;
use crate::runtime::call::take_results;
use crate::runtime::RtFn;
use crate::stats::{JitStats, REASON_LEAVE, REASON_UNSEEN};
use crate::stubs::NativeStubs;
use crate::tier::{Tier, TierCell};
use crate::tracker::{HotspotTracker, Place};
use crate::walk::{Redirects, walk};
use selune_core::feedback::LoopSlot;
use selune_core::coroutine_stack::{CoroutineStack, Ended, Waits, Work};
use selune_core::native_state::{ARG_SLOTS, NativeContext, NativeState};
use selune_core::opcode::Op;
use selune_core::proto::{Ins, Proto, tier_flags};
use selune_core::thread::{CallFrame, Delivery, FrameKind, Thread};
use selune_core::value::{self, Value};
use selune_vm::Vm;
use selune_vm::compiled::code;
use selune_vm::backend::{Advice, Backend, Hot, Left};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What a code generator is given when it is made.
#[derive(Clone)]
pub struct Workshop {
    /// Where code goes.
    pub memory: Arc<CodeMemory>,
    /// What side exits call.
    pub side_exit_stub: u64,
    /// Options.
    pub config: JitConfig,
    /// Names of functions for `perf`.
    pub perf_map: Option<Arc<PerfMap>>,
}

/// A compilation that is over.
pub struct Finished {
    /// What was compiled.
    pub place: Place,
    /// By whom.
    pub tier: Tier,
    /// The code, or why there is none.
    pub result: Result<NewCode, JitError>,
    /// How long it took.
    pub time: Duration,
}

/// Makes machine code of functions.
pub trait CodeGenerator {
    /// Short name for listings.
    fn name(&self) -> &'static str;
    /// Begins to compile. What the job needs of the VM is copied now; objects that must stay alive until it is over are
    /// pushed to `roots` (as bits of values). With `JitConfig::sync` the compilation is over when this returns.
    fn start(&self, vm: &mut Vm, place: Place, tier: Tier, roots: &mut Vec<u64>) -> Result<(), JitError>;
    /// Compilations that are over, each told once.
    fn take_finished(&self) -> Vec<Finished>;
}

/// See the head of this file.
pub struct JitEngine {
    config: JitConfig,
    tracker: RefCell<HotspotTracker>,
    cache: RefCell<CodeCache>,
    generator: Box<dyn CodeGenerator>,
    stats: RefCell<JitStats>,
    redirects: RefCell<Redirects>,
    /// Places that are being compiled, and what their jobs keep alive.
    pending: RefCell<HashMap<Place, Vec<u64>>>,
    /// How many versions were thrown away for a bet of an instruction (proto, pc), and a hash of its feedback at the last time.
    blamed: RefCell<HashMap<(usize, u32), (u32, u64)>>,
    /// How often an inner loop was left to the loop around it.
    deferred: RefCell<HashMap<Place, u32>>,
    /// Places that a tier does not compile.
    refused: RefCell<HashSet<(Place, Tier)>>,
    /// The program looks at running functions: nothing is compiled.
    observed: Cell<bool>,
    memory: Arc<CodeMemory>,
    /// Code of functions that go on in the interpreter because of a side exit, by the address of what that has saved.
    exiting: RefCell<HashMap<usize, Arc<CodeRecord<CompiledCode>>>>,
    /// The registers of the loop that is just being entered.
    osr_registers: RefCell<Vec<Value>>,
    stacks: RefCell<StackPool>,
    sweeps_put_off: Cell<u32>,
    _stubs: NativeStubs,
}

impl JitEngine {
    /// Makes an engine the VM's backend. Must come before the VM loads any chunk, and the VM must stay where it is.
    /// `make` makes the code generator.
    pub fn attach(
        vm: &mut Vm,
        config: JitConfig,
        make: impl FnOnce(Workshop) -> Result<Box<dyn CodeGenerator>, JitError>,
    ) -> Result<Rc<JitEngine>, JitError> {
        let memory = CodeMemory::new(config.memory)?;
        let address = (&raw mut *vm).cast::<NativeState>();
        // SAFETY: the VM stays where it is; the handlers are made for these stubs.
        let stubs = unsafe { NativeStubs::install(&memory, address, side_exit, lazy_return)? };
        let perf_map = if config.perf_map { Some(Arc::new(PerfMap::open()?)) } else { None };
        let workshop =
            Workshop { memory: memory.clone(), side_exit_stub: stubs.side_exit(), config: config.clone(), perf_map };
        let generator = make(workshop)?;
        let threshold = if config.stress.jit { 0 } else { config.threshold };
        let redirects = Redirects::new(stubs.lazy_return());
        let stacks = RefCell::new(StackPool::new(config.coroutine_stacks));
        let engine = Rc::new(JitEngine {
            config,
            tracker: RefCell::new(HotspotTracker::new()),
            cache: RefCell::new(CodeCache::new()),
            generator,
            stats: RefCell::default(),
            redirects: RefCell::new(redirects),
            pending: RefCell::default(),
            blamed: RefCell::default(),
            deferred: RefCell::default(),
            refused: RefCell::default(),
            observed: Cell::new(false),
            memory,
            exiting: RefCell::default(),
            osr_registers: RefCell::default(),
            stacks,
            sweeps_put_off: Cell::new(0),
            _stubs: stubs,
        });
        if vm.native.context.native_limit == 0 || engine.config.stack.is_some() {
            let stack = match engine.config.stack {
                Some(s) => s,
                None => StackBounds::of_this_thread()?,
            };
            let reserve = engine.config.stack_reserve.min(stack.size() / 2);
            vm.native.context.native_limit = (stack.low + reserve) as u64;
        }
        vm.native.engine = Rc::as_ptr(&engine) as usize;
        vm.default_entry = RtFn::Call.address();
        vm.set_hot_threshold(threshold.max(1));
        vm.backend = Some(engine.clone());
        Ok(engine)
    }

    /// The engine of a VM.
    ///
    /// # Safety
    /// The VM has an engine, and lives as long as what this gives is used.
    pub(crate) unsafe fn of<'a>(vm: &Vm) -> &'a JitEngine {
        // SAFETY: `attach` stored the address of what the VM holds.
        unsafe { &*(vm.native.engine as *const JitEngine) }
    }

    /// Options.
    pub fn config(&self) -> &JitConfig {
        &self.config
    }

    /// Counters so far.
    pub fn stats(&self) -> JitStats {
        let mut stats = self.stats.borrow().clone();
        stats.code_in_use = self.memory.in_use() as u64;
        stats
    }

    /// Looks at the code cache.
    pub fn with_cache<R>(&self, f: impl FnOnce(&CodeCache) -> R) -> R {
        f(&self.cache.borrow())
    }

    // ---- compiling

    fn countdown(&self) -> i32 {
        self.config.threshold.max(1)
    }

    /// By which tier a place is to be compiled that has no code.
    fn first_tier(&self, place: Place) -> Tier {
        match self.config.tiers {
            Tiers::Optimized => Tier::Optimized,
            Tiers::Both if self.refused.borrow().contains(&(place, Tier::Baseline)) => Tier::Optimized,
            Tiers::Baseline | Tiers::Both => Tier::Baseline,
        }
    }

    fn request(&self, vm: &mut Vm, place: Place, tier: Tier) {
        if self.observed.get() {
            return;
        }
        let mut roots = vec![Value::heap(value::TAG_OBJECT, place.proto as *const u8).0];
        let result = self.generator.start(vm, place, tier, &mut roots);
        match result {
            Ok(()) => {
                // SAFETY: the proto is on its way into its code, so alive.
                unsafe { (*(place.proto as *mut Proto)).tier.flags |= tier_flags::QUEUED };
                self.pending.borrow_mut().insert(place, roots);
                self.collect_finished();
            }
            Err(JitError::NotYet) => {}
            Err(e) => self.failed(place, tier, &e),
        }
    }

    fn failed(&self, place: Place, tier: Tier, e: &JitError) {
        self.refused.borrow_mut().insert((place, tier));
        if self.config.tiers == Tiers::Both && matches!(e, JitError::NotInBaseline(_)) {
            // The next request goes to the other tier.
            return;
        }
        let mut stats = self.stats.borrow_mut();
        stats.compile_errors += 1;
        stats.last_error = Some(e.to_string());
        self.tracker.borrow_mut().record_failure(place);
        if self.config.trace {
            eprintln!("selune: jit: {} not compiled: {e}", describe(place));
        }
    }

    /// Installs what is finished.
    fn collect_finished(&self) {
        for done in self.generator.take_finished() {
            let Some(_roots) = self.pending.borrow_mut().remove(&done.place) else { continue };
            // SAFETY: the roots kept the proto alive until now.
            unsafe { (*(done.place.proto as *mut Proto)).tier.flags &= !tier_flags::QUEUED };
            self.stats.borrow_mut().compile_time += done.time;
            match done.result {
                Ok(_) if self.observed.get() => {}
                Ok(code) => self.install(done.place, code, done.time),
                Err(e) => self.failed(done.place, done.tier, &e),
            }
        }
    }

    fn install(&self, place: Place, code: NewCode, time: Duration) {
        {
            let mut stats = self.stats.borrow_mut();
            stats.functions_compiled += 1;
            stats.osr_compiled += u64::from(place.loop_pc.is_some());
            stats.baseline_compiled += u64::from(code.tier == Tier::Baseline);
            stats.code_bytes += code.range.end - code.range.start;
        }
        if self.config.trace {
            let bytes = code.range.end - code.range.start;
            eprintln!("selune: jit: {} compiled ({}, {:?}) in {time:.2?}, {bytes} bytes", describe(place), code.info.name, code.tier);
        }
        let record = self.cache.borrow_mut().insert(place, code, time);
        let proto = place.proto as *mut Proto;
        // SAFETY: the proto is alive (its job's roots, or the caller runs it).
        unsafe {
            (*proto).tier.code = place.proto;
            match place.loop_pc {
                None => {
                    (*proto).tier.entry = record.data.entry as usize;
                    (*proto).tier.flags |= tier_flags::COMPILED;
                    (*proto).tier.countdown = -1;
                }
                Some(pc) => set_osr_code(proto, pc, record.data.entry as usize),
            }
        }
    }

    /// Baseline code has run often: asks for better code, if there is none yet.
    pub(crate) fn tier_up(&self, vm: &mut Vm, cell: &TierCell) {
        self.collect_finished();
        let place = cell.place;
        let is_baseline = self.cache.borrow().get(place).is_some_and(|c| c.data.tier == Tier::Baseline);
        if !is_baseline || self.refused.borrow().contains(&(place, Tier::Optimized)) {
            cell.set_count(i32::MAX);
            return;
        }
        cell.set_count(ASK_AGAIN);
        if !self.pending.borrow().contains_key(&place) {
            self.request(vm, place, Tier::Optimized);
        }
    }

    /// Takes code out of use: the function runs in the interpreter until there is a new version.
    pub fn invalidate(&self, place: Place) {
        let Some(record) = self.cache.borrow_mut().retire(place) else { return };
        self.stats.borrow_mut().invalidations += 1;
        self.tracker.borrow_mut().record_invalidation(place);
        let proto = place.proto as *mut Proto;
        // SAFETY: code lives no longer than its proto (`forget`).
        unsafe {
            match place.loop_pc {
                None => {
                    (*proto).tier.entry = RtFn::Call.address();
                    (*proto).tier.flags &= !tier_flags::COMPILED;
                    (*proto).tier.countdown = self.countdown();
                }
                Some(pc) => set_osr_code(proto, pc, 0),
            }
        }
        if self.config.trace {
            eprintln!("selune: jit: {} thrown away", record.data.info.name);
        }
    }

    /// Frees retired code that is on no stack.
    fn sweep(&self, vm: &Vm) {
        if !self.cache.borrow().has_retired() {
            return;
        }
        let stacks = self.stacks.borrow();
        // With very many stacks to be walked the code waits until there is more of it.
        let patience = (stacks.in_use().len() / STACKS_PER_SWEEP) as u32;
        if self.sweeps_put_off.get() < patience {
            self.sweeps_put_off.set(self.sweeps_put_off.get() + 1);
            return;
        }
        self.sweeps_put_off.set(0);
        let mut live = HashSet::new();
        let cache = self.cache.borrow();
        let mut note = |context: &NativeContext| {
            // SAFETY: called on the VM's thread while Rust code runs, so the exit records are valid.
            unsafe {
                walk(context, cache.map(), &self.redirects.borrow(), |frame| {
                    live.insert(frame.code.range.start);
                    ControlFlow::Continue(())
                });
            }
        };
        active_contexts(vm, |context, _| {
            note(context);
            ControlFlow::Continue(())
        });
        for &stack in stacks.in_use() {
            // SAFETY: stacks in use are alive.
            let stack = unsafe { &*stack };
            if !stack.is_active {
                note(&stack.context);
            }
        }
        drop(cache);
        self.cache.borrow_mut().sweep(|start| live.contains(&start));
    }

    // ---- entering

    #[inline(always)]
    fn push_marker(&self, vm: &mut Vm, proto: *mut Proto) -> usize {
        let t = vm.thread_mut();
        let top = t.live_top();
        t.top = top;
        t.frames.push(CallFrame {
            pc: std::ptr::null(),
            proto,
            base: top,
            func: top,
            top,
            nresults: 0,
            nvarargs: 0,
            kind: FrameKind::Compiled,
            flags: 0,
            cont: 0,
            ret: Delivery::Body,
            data: 0,
        });
        t.frames.len() - 1
    }

    /// What is left when code has returned or thrown.
    #[inline(always)]
    fn leave(&self, vm: &mut Vm, frames: usize, top: u32, outcome: Outcome) -> Left {
        if outcome.is_error() {
            vm.thread_mut().frames.truncate(frames);
            return Left::Threw;
        }
        if outcome.value == value::RESUME {
            return Left::Resume;
        }
        vm.thread_mut().frames.truncate(frames);
        vm.thread_mut().top = top;
        Left::Returned(Value(outcome.value))
    }

    // ---- leaving

    /// Counts an exit, and draws the conclusions.
    fn note_exit(&self, record: &Arc<CodeRecord<CompiledCode>>, id: usize) {
        let code = &record.data;
        let exit = code.info.exits[id];
        if self.config.trace {
            let reason = crate::stats::REASONS.get(exit.reason as usize).unwrap_or(&"?");
            eprintln!("selune: jit: {} leaves at exit {id} ({reason}), blame {:?}", code.info.name, exit.blame);
        }
        {
            let mut stats = self.stats.borrow_mut();
            stats.deopts += 1;
            if let Some(n) = stats.side_exits.get_mut(exit.reason as usize) {
                *n += 1;
            }
        }
        if !exit.counts || exit.reason == REASON_LEAVE {
            return;
        }
        let count = code.exit_counts[id].get() + 1;
        code.exit_counts[id].set(count);
        if count < self.config.exit_limit {
            return;
        }
        code.exit_counts[id].set(0);
        if exit.reason != REASON_UNSEEN {
            let proto = code.info.protos[exit.blame.0 as usize] as *mut Proto;
            // The interpreter has recorded what it saw instead, and the next version bets on that too; unless nothing new was
            // recorded, or it happens again and again.
            // SAFETY: protos of installed code are alive.
            unsafe {
                let now = feedback_of(proto, exit.blame.1);
                let mut blamed = self.blamed.borrow_mut();
                let (times, last) = blamed.entry((proto as usize, exit.blame.1)).or_insert((0, !now));
                *times += 1;
                if *times >= PATIENCE || *last == now {
                    blame(proto, exit.blame.1);
                }
                *last = now;
            }
        }
        if !code.is_retired.get() {
            if self.config.trace {
                let reason = crate::stats::REASONS.get(exit.reason as usize).unwrap_or(&"?");
                eprintln!("selune: jit: {}: exit {id} ({reason}) at {:?} taken {count} times", code.info.name, exit.blame);
            }
            self.invalidate(code.place);
        }
    }
}

impl JitEngine {
    /// Is there a loop around this one that comes round often too? Entering there takes one copy of the nest instead of
    /// several; its next pass asks for it. Not more than a few times: it may not come round again soon.
    ///
    /// # Safety
    /// `proto` is alive.
    unsafe fn prefer_outer_loop(&self, proto: *mut Proto, header: u32) -> bool {
        let mut deferred = self.deferred.borrow_mut();
        let times = deferred.entry(Place { proto: proto as usize, loop_pc: Some(header) }).or_insert(0);
        if *times >= MAX_DEFERRED || self.config.threshold < OFTEN_PART {
            return false;
        }
        // SAFETY: the caller's promise; slots of the emitter are within the vector.
        unsafe {
            let p = &*proto;
            let around = |pc: usize, ins: &Ins| {
                let target = pc as i64 + 1 + ins.sbx() as i64;
                matches!(ins.op(), Op::ForLoop | Op::JmpBack | Op::TForLoop)
                    && ins.s() != 0
                    && target < i64::from(header)
                    && pc as u32 > header
            };
            let outer = p.code.iter().enumerate().filter(|(pc, ins)| around(*pc, ins)).filter_map(|(_, ins)| {
                let slot: *mut LoopSlot = p.fb_ptr.add(ins.s() as usize).cast();
                let passes = (self.config.threshold as u32).wrapping_sub((*slot).count);
                let often = (*slot).osr_entries & !(1 << 31) > 1 || passes >= (self.config.threshold / OFTEN_PART) as u32;
                ((*slot).osr_entries != 0 && often).then_some(slot)
            });
            let Some(slot) = outer.last() else { return false };
            (*slot).count = 0;
        }
        *times += 1;
        true
    }
}

/// Passes of baseline code until it asks (and, in a loop, leaves) again.
const ASK_AGAIN: i32 = 100_000;
/// How often an inner loop is left to the loop around it.
const MAX_DEFERRED: u32 = 3;
/// A loop comes round often when it has made this part of the threshold's passes.
const OFTEN_PART: i32 = 64;

impl Backend for JitEngine {
    fn name(&self) -> &'static str {
        self.generator.name()
    }

    // The trait's contract: the proto is alive.
    #[allow(clippy::not_unsafe_ptr_arg_deref)]
    fn on_hot(&self, vm: &mut Vm, proto: *mut Proto, hot: Hot) -> Advice {
        self.collect_finished();
        let loop_pc = match hot {
            Hot::Entry => None,
            Hot::Loop(pc) => Some(pc),
        };
        let place = Place { proto: proto as usize, loop_pc };
        let ready = |engine: &JitEngine| {
            let cache = engine.cache.borrow();
            let code = cache.get(place)?;
            Some(if loop_pc.is_some() { Advice::Osr(code.data.entry as usize) } else { Advice::Compiled })
        };
        if let Some(advice) = ready(self) {
            return advice;
        }
        let mut next = self.countdown();
        if self.pending.borrow().contains_key(&place) {
            next = (next / 8).clamp(1, 200);
        } else {
            {
                let mut tracker = self.tracker.borrow_mut();
                match loop_pc {
                    None => tracker.record_call(place.proto),
                    Some(pc) => tracker.record_loop(place.proto, pc),
                }
            }
            let due = self.tracker.borrow().should_compile(place);
            if due {
                if let Some(pc) = loop_pc {
                    // SAFETY: the VM runs the function.
                    unsafe {
                        if self.prefer_outer_loop(proto, pc) {
                            return Advice::Interpret;
                        }
                        // The next call shall find the whole function compiled.
                        (*proto).tier.countdown = (*proto).tier.countdown.min(1);
                    }
                }
                self.sweep(vm);
                let tier = self.first_tier(place);
                self.request(vm, place, tier);
                if self.config.sync && self.first_tier(place) != tier {
                    self.request(vm, place, Tier::Optimized);
                }
                if let Some(advice) = ready(self) {
                    return advice;
                }
                next = (next / 8).clamp(1, 200);
            }
        }
        if loop_pc.is_none() {
            // SAFETY: the VM is about to run it.
            unsafe { (*proto).tier.countdown = next };
        }
        Advice::Interpret
    }

    fn call(&self, vm: &mut Vm, closure: Value, args: u32, n: u32) -> Left {
        // SAFETY: the VM passes a closure.
        let (entry, is_vararg) = unsafe {
            let proto = (*closure.as_closure()).proto;
            ((*proto).tier.entry, (*proto).is_vararg)
        };
        self.stats.borrow_mut().entries += 1;
        let top = vm.thread().top;
        let argument = |vm: &Vm, i: u32| if i < n { vm.stack_at((args + i) as usize) } else { Value::NIL };
        let [a0, a1, a2] = [0, 1, 2].map(|i| argument(vm, i).0);
        for i in 3..n.min(ARG_SLOTS as u32) {
            vm.native.args[i as usize] = argument(vm, i);
        }
        if n as usize > ARG_SLOTS && is_vararg {
            vm.native.more = (0..n).map(|i| argument(vm, i)).collect();
        }
        // The code has its arguments; what it drops of them can be collected.
        for i in 0..n {
            vm.set_stack_at((args + i) as usize, Value::NIL);
        }
        let frames = self.push_marker(vm, std::ptr::null_mut());
        let vm: *mut Vm = vm;
        // SAFETY: the entry of installed code (or the stub) of this VM; the reference is not used during the call.
        let outcome = unsafe { arch::enter(vm.cast(), entry, closure.0, n.into(), a0, a1, a2) };
        // SAFETY: the call is over.
        self.leave(unsafe { &mut *vm }, frames, top, outcome)
    }

    #[inline]
    fn call_direct(&self, vm: &mut Vm, closure: Value, n: u32, args: [Value; 3]) -> Left {
        // SAFETY: the VM passes a closure.
        let entry = unsafe { (*(*closure.as_closure()).proto).tier.entry };
        self.stats.borrow_mut().entries += 1;
        let top = vm.thread().top;
        let frames = self.push_marker(vm, std::ptr::null_mut());
        let vm: *mut Vm = vm;
        let [a0, a1, a2] = args.map(|v| v.0);
        // SAFETY: as in `call`.
        let outcome = unsafe { arch::enter(vm.cast(), entry, closure.0, n.into(), a0, a1, a2) };
        // SAFETY: the call is over.
        self.leave(unsafe { &mut *vm }, frames, top, outcome)
    }

    fn enter_osr(&self, vm: &mut Vm, code: usize) -> Left {
        let Some(frame) = vm.thread().frames.last().copied() else { return Left::Resume };
        self.stats.borrow_mut().osr_entries += 1;
        let top = vm.thread().top;
        // In a buffer of the engine's: what a frame here owns would be lost with a coroutine's stack (CORO-1).
        let registers = {
            let mut buffer = self.osr_registers.borrow_mut();
            take_registers(vm, &frame, &mut buffer);
            buffer[1..].as_mut_ptr()
        };
        let frames = self.push_marker(vm, frame.proto);
        let vm: *mut Vm = vm;
        // SAFETY: as in `call`; the code was made for this frame's function and loop. It reads the registers before anything
        // can collect, and the closure in front of them.
        let outcome = unsafe { arch::enter_osr(vm.cast(), code, registers.cast()) };
        // SAFETY: the call is over.
        self.leave(unsafe { &mut *vm }, frames, top, outcome)
    }

    fn safepoint(&self, vm: &mut Vm) {
        self.collect_finished();
        self.sweep(vm);
    }

    fn visit_roots(&self, vm: &mut Vm, visit: &mut dyn FnMut(*mut Value)) {
        let cache = self.cache.borrow();
        let mut running = HashSet::new();
        active_contexts(vm, |context, _| {
            let redirects = self.redirects.borrow();
            // SAFETY: called at a safepoint on the VM's thread; the exit records are those of running calls.
            unsafe {
                frames::visit_roots(context, cache.map(), &redirects, visit, |code| {
                    running.insert(code.range.start);
                });
            }
            ControlFlow::Continue(())
        });
        let mut visit_bits = |bits: u64| {
            let mut v = Value(bits);
            if v.is_heap() {
                visit(&mut v);
                debug_assert_eq!(v.0, bits, "what code names does not move");
            }
        };
        for record in cache.map().iter() {
            let info = &record.data.info;
            info.objects.iter().copied().for_each(&mut visit_bits);
            // The function itself lives as long as somebody else knows it, or its code is on a stack.
            let skip = usize::from(!running.contains(&record.range.start));
            for proto in info.protos.iter().skip(skip) {
                visit_bits(Value::heap(value::TAG_OBJECT, *proto as *const u8).0);
            }
        }
        for roots in self.pending.borrow().values() {
            roots.iter().copied().for_each(&mut visit_bits);
        }
    }

    fn frames_of_segment(&self, vm: &Vm, thread: &Thread, n: usize) -> Vec<(*mut Proto, *const Ins)> {
        let Some(context) = context_of(vm, thread) else { return Vec::new() };
        let cache = self.cache.borrow();
        // SAFETY: called on the VM's thread while Rust code runs; code lives no longer than its protos.
        unsafe { frames::frames_of_segment(&context, cache.map(), &self.redirects.borrow(), n) }
    }

    fn take_stack(&self, _vm: &mut Vm) -> *mut CoroutineStack {
        let Some(taken) = self.stacks.borrow_mut().take() else { return std::ptr::null_mut() };
        self.stats.borrow_mut().coroutine_entries += 1;
        let engine: *const JitEngine = self;
        let none = std::ptr::null_mut();
        // SAFETY: the stack is new, and its description is written before anybody reads it. The engine is in an `Rc`
        // (`attach`); the count is given back with the stack.
        unsafe {
            let sp = arch::fresh_stack(taken.top, run_work);
            Rc::increment_strong_count(engine);
            taken.description.write(CoroutineStack {
                sp,
                context: NativeContext { native_limit: taken.limit, ..NativeContext::EMPTY },
                parent_sp: 0,
                parent_context: NativeContext::EMPTY,
                parent: std::ptr::null_mut(),
                is_active: false,
                waits: Waits::Interpreter,
                parent_waits: Waits::Interpreter,
                owner: none as *mut Thread,
                work: Work { closure: Value::NIL, code: 0, func: 0, nargs: 0, nresults: 0, ret: Delivery::Call },
                ended: Ended::Resume,
                visit: visit_stack,
                release: release_stack,
                engine: engine as usize,
                low: taken.low,
                index: taken.index,
            });
        }
        taken.description
    }

    unsafe fn switch(&self, vm: &mut Vm, value: u64, special: u64) -> u64 {
        let vm: *mut Vm = vm;
        // SAFETY: the caller's promise; the reference is not used during the call.
        unsafe { arch::switch(vm.cast(), value, special) }
    }

    fn observed(&self) {
        if self.config.trace {
            eprintln!("selune: jit: the program looks at running functions, which stay in the interpreter");
        }
        self.observed.set(true);
        let places = self.cache.borrow().places();
        for place in places {
            self.invalidate(place);
        }
    }

    fn forget(&self, proto: *mut Proto) {
        let places = self.cache.borrow().places_of(proto as usize);
        for place in places {
            self.cache.borrow_mut().retire(place);
        }
        self.tracker.borrow_mut().forget(proto as usize);
        self.blamed.borrow_mut().retain(|k, _| k.0 != proto as usize);
        self.deferred.borrow_mut().retain(|k, _| k.proto != proto as usize);
        self.refused.borrow_mut().retain(|k| k.0.proto != proto as usize);
    }

    fn stats(&self, vm: &Vm, json: bool) -> String {
        let mut stats = JitEngine::stats(self);
        stats.vm_time = Duration::from_secs_f64(selune_core::sys::thread_cpu_time());
        if json { stats.to_json(&vm.heap.stats) } else { stats.to_text(&vm.heap.stats) }
    }
}

/// The closure and the registers of the topmost frame, for code that goes on in its place. In the frame registers become nil, so
/// that what the code drops can be collected; but for variables that wait to be closed.
fn take_registers(vm: &mut Vm, frame: &CallFrame, registers: &mut Vec<Value>) {
    registers.clear();
    registers.extend((frame.base - 1..frame.top).map(|slot| vm.stack_at(slot as usize)));
    let first = vm.thread().tbc.partition_point(|t| t.slot < frame.base);
    let mut closing: Vec<u32> = vm.thread().tbc[first..].iter().map(|t| t.slot).collect();
    closing.push(frame.top);
    let mut from = frame.base;
    for slot in closing {
        for dead in from..slot {
            vm.set_stack_at(dead as usize, Value::NIL);
        }
        from = slot + 1;
    }
}

/// Stacks that are walked for each time that something was to be swept.
const STACKS_PER_SWEEP: usize = 64;

/// The exit records of the running stack and of those that wait for it, innermost first, with their coroutines (null: the
/// main program).
fn active_contexts(vm: &Vm, mut f: impl FnMut(&NativeContext, *mut Thread) -> ControlFlow<()>) {
    let (mut context, mut stack) = (vm.native.context, vm.native.stack);
    loop {
        // SAFETY: the running stack and its parents are alive.
        let owner = if stack.is_null() { std::ptr::null_mut() } else { unsafe { (*stack).owner } };
        if f(&context, owner).is_break() || stack.is_null() {
            return;
        }
        // SAFETY: as above.
        unsafe { (context, stack) = ((*stack).parent_context, (*stack).parent) };
    }
}

/// The exit record that describes a thread's compiled frames.
fn context_of(vm: &Vm, thread: &Thread) -> Option<NativeContext> {
    // SAFETY: the native stack of a thread is alive.
    if let Some(stack) = unsafe { thread.native.as_ref() }
        && !stack.is_active
    {
        return Some(stack.context);
    }
    let mut found = None;
    active_contexts(vm, |context, owner| {
        if std::ptr::eq(owner, thread) || owner.is_null() && thread.native.is_null() {
            found = Some(*context);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
}

/// The first function on a coroutine's stack: enters compiled code, and leaves the stack for good when that has ended.
unsafe extern "C" fn run_work(vm: *mut NativeState) -> ! {
    let vm: *mut Vm = vm.cast();
    // SAFETY: started by a switch to a stack that `take_stack` has made; no reference to the VM is in use.
    unsafe {
        let stack = (*vm).native.stack;
        let engine = JitEngine::of(&*vm);
        let work = (*stack).work;
        let left = if work.closure.is_nil() {
            engine.enter_osr(&mut *vm, work.code)
        } else {
            engine.call(&mut *vm, work.closure, work.func + 1, work.nargs)
        };
        let keeps_pages = engine.stacks.borrow().keeps_pages();
        if let Left::Returned(v) = left
            && keeps_pages
            && let Some(value) = (*vm).end_to_compiled(v)
        {
            // Nobody takes the stack before the switch away from it.
            release_stack(stack);
            arch::switch(vm.cast(), value, 0);
        }
        (*stack).ended = match left {
            Left::Returned(v) => Ended::Returned(v),
            Left::Resume => Ended::Resume,
            Left::Threw => Ended::Threw,
        };
        let parent = (*vm).leave_stack(Waits::Interpreter);
        arch::switch(vm.cast(), code::ENDED, (parent == Waits::Compiled) as u64);
    }
    eprintln!("selune: fatal: a coroutine's stack was entered after its end");
    std::process::abort()
}

/// Visits the references in the compiled frames of a coroutine that does not run, and whose code they are.
unsafe fn visit_stack(stack: *mut CoroutineStack, visit: &mut dyn FnMut(*mut Value)) {
    // SAFETY: the collector passes the stack of a live thread that is not active; it keeps the engine alive, and its
    // context describes it (CORO-2).
    unsafe {
        let engine = &*((*stack).engine as *const JitEngine);
        let (cache, redirects) = (engine.cache.borrow(), engine.redirects.borrow());
        let mut protos: Vec<usize> = Vec::new();
        frames::visit_roots(&(*stack).context, cache.map(), &redirects, visit, |code| {
            protos.extend(code.data.info.protos.first());
        });
        for proto in protos {
            visit(&mut Value::heap(value::TAG_OBJECT, proto as *const u8));
        }
    }
}

/// Gives a stack back that nobody will go to any more.
unsafe fn release_stack(stack: *mut CoroutineStack) {
    // SAFETY: the stack was in use and kept its engine alive until now.
    unsafe {
        let engine = (*stack).engine as *const JitEngine;
        let addresses = (*engine).stacks.borrow_mut().give_back(stack);
        let mut exiting = (*engine).exiting.borrow_mut();
        if !exiting.is_empty() {
            exiting.retain(|at, _| !addresses.contains(at));
        }
        drop(exiting);
        Rc::decrement_strong_count(engine);
    }
}

/// A side exit was taken: the compiled frame's function goes on in the interpreter.
unsafe extern "C" fn side_exit(vm: *mut NativeState, registers: *mut ExitRegisters) -> Outcome {
    // SAFETY: the stub passes its VM, which has an engine, and the registers that the trampoline has saved.
    let (vm, registers) = unsafe { (&mut *vm.cast::<Vm>(), &mut *registers) };
    // What was needed to write the frames is gone before they run: they may never come back here (CORO-1).
    let (floor, top) = match write_frames(vm, registers) {
        Written::Frames { floor, top } => (floor, top),
        Written::Resume => return Outcome::ok(value::RESUME),
        Written::Threw => return Outcome::ERROR,
    };
    let func = vm.thread().frames[floor].func as usize;
    let ran = vm.run_frames(floor);
    // SAFETY: the VM has an engine.
    let engine = unsafe { JitEngine::of(vm) };
    engine.exiting.borrow_mut().remove(&(&raw const *registers as usize));
    if ran.is_err() {
        return Outcome::ERROR;
    }
    let n = vm.top() - func;
    let result = take_results(vm, func, n);
    vm.thread_mut().top = top;
    Outcome::ok(result.0)
}

/// What a side exit left on the VM stack.
enum Written {
    /// Frames from number `floor` on are to be run, and then this is the thread's top.
    Frames { floor: usize, top: u32 },
    /// The interpreter's frame that a loop's code had taken over.
    Resume,
    /// There was no room.
    Threw,
}

/// Writes the interpreter frames of a side exit.
fn write_frames(vm: &mut Vm, registers: &mut ExitRegisters) -> Written {
    // SAFETY: the VM has an engine.
    let engine = unsafe { JitEngine::of(vm) };
    let record = engine.cache.borrow().map().find(registers.return_address).cloned();
    let found = record.as_ref().and_then(|r| Some((r, r.stack_map.as_ref()?, *r.exit(registers.return_address)?)));
    let Some((record, stack_map, exit)) = found else {
        eprintln!("selune: fatal: an unknown side exit at {:#x}", registers.return_address);
        std::process::abort()
    };
    // SAFETY: the locations are those of this exit, whose frame is still there.
    let live: Vec<u64> =
        stack_map.live_values(&exit).iter().map(|l| unsafe { l.read_at_exit(registers) }).collect();
    // The frame is gone for the walker: what lives of it is in `live`, and on the VM stack soon (DEOPT-1).
    let caller = registers.fp() as *const u64;
    // SAFETY: compiled frames keep a frame pointer: the caller's, then the return address, are where it points.
    unsafe {
        let context = &mut vm.native.context;
        (context.exit_fp, context.exit_pc) = (caller.read(), caller.add(1).read());
        context.exit_sp = registers.fp() + 16;
    }
    let info = &record.data.info;
    let id = exit.id as usize;
    let has_counted = record.data.cell.as_deref().filter(|cell| cell.is_over());
    let deoptimizer = Deoptimizer::new(info, &info.exits[id], &live);
    if info.osr_pc.is_some() {
        // The marker goes; the interpreter's frame is on top again.
        vm.thread_mut().frames.pop();
        let written = deoptimizer.write_back(vm);
        engine.note_exit(record, id);
        if let (Some(header), REASON_LEAVE) = (info.osr_pc, info.exits[id].reason) {
            // When the interpreter has done what was asked for, it comes back at once.
            // SAFETY: protos of installed code are alive.
            unsafe { loop_slots(info.protos[0] as *mut Proto, header).for_each(|slot| (*slot).count = 0) };
        }
        if let Some(cell) = has_counted {
            engine.tier_up(vm, cell);
        }
        return if written.is_ok() { Written::Resume } else { Written::Threw };
    }
    let top = deoptimizer.varargs().map_or(vm.thread().top, |(at, _)| at as u32);
    let floor = vm.thread().frames.len();
    if deoptimizer.push_frames(vm).is_err() {
        return Written::Threw;
    }
    engine.note_exit(record, id);
    if let Some(cell) = has_counted {
        engine.tier_up(vm, cell);
    }
    // The exit returns into the code, which the walker does not see any more.
    engine.exiting.borrow_mut().insert(&raw const *registers as usize, record.clone());
    Written::Frames { floor, top }
}

/// Frames are only redirected by lazy deoptimisation, which no generator asks for.
unsafe extern "C" fn lazy_return(_vm: *mut NativeState, _frame: *mut LazyReturn) -> Outcome {
    eprintln!("selune: fatal: a frame returned to the lazy-return stub");
    std::process::abort()
}

fn describe(place: Place) -> String {
    // SAFETY: places are of live protos.
    let proto = unsafe { &*(place.proto as *const Proto) };
    match place.loop_pc {
        Some(pc) => format!("loop at {pc} (line {}) of proto {}", proto.line(pc as usize), proto.id),
        None => format!("proto {} (line {})", proto.id, proto.line_defined),
    }
}

/// The feedback slots of all back edges that lead to a loop header.
unsafe fn loop_slots(proto: *mut Proto, header: u32) -> impl Iterator<Item = *mut LoopSlot> {
    // SAFETY: the caller passes a live proto.
    let p = unsafe { &*proto };
    p.code.iter().enumerate().filter_map(move |(pc, ins)| {
        let back_edge = matches!(ins.op(), Op::ForLoop | Op::JmpBack | Op::TForLoop);
        let target = pc as i64 + 1 + ins.sbx() as i64;
        // SAFETY: slots of the emitter are within the vector.
        (back_edge && target == i64::from(header) && ins.s() != 0).then(|| unsafe { p.fb_ptr.add(ins.s() as usize).cast() })
    })
}

unsafe fn set_osr_code(proto: *mut Proto, header: u32, code: usize) {
    // SAFETY: passed on.
    unsafe {
        for slot in loop_slots(proto, header) {
            (*slot).osr_code = code;
            if code != 0 {
                // The next pass enters it.
                (*slot).count = 0;
            }
        }
    }
}

/// So many versions of the code may be thrown away for one instruction before nothing is bet on it any more.
const PATIENCE: u32 = 4;
