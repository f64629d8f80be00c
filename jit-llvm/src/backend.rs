//! The optimising compiler as the engine's code generator.
use crate::job::{self, Builtin, JobEntry, JobInput, JobOptions};
use crate::worker::{Job, Worker};
use selune_core::heap::POLL_MINOR;
use selune_core::proto::Proto;
use selune_core::value::{TAG_OBJECT, Value};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use vm_bridge::vm::Vm;
use vm_bridge::{CodeGenerator, Finished, JitConfig, JitEngine, JitError, Place, Tier, Workshop};

/// Functions with more instructions stay in the interpreter.
const MAX_INSTRUCTIONS: usize = 6000;

/// Gives a VM this compiler. To be called when the libraries are open and before any program is loaded; the VM must stay
/// where it is. LLVM itself is loaded when the first function gets hot.
pub fn attach(vm: &mut Vm, config: JitConfig) -> Result<Rc<JitEngine>, JitError> {
    let globals = vm.globals();
    let natives = job::known_natives(&mut vm.heap, globals, vm.known.ipairs_iter);
    JitEngine::attach(vm, config, |workshop| Ok(Box::new(LlvmBackend::new(workshop, natives)?)))
}

/// See the head of this file.
pub struct LlvmBackend {
    config: JitConfig,
    natives: HashMap<usize, Builtin>,
    worker: Worker,
    baseline: Worker,
    versions: Cell<u32>,
    /// Places that have waited once for their metatables to become old.
    postponed: RefCell<HashSet<Place>>,
    observer: Option<Box<dyn Fn(&JobInput)>>,
}

impl LlvmBackend {
    /// With a worker thread of its own. `natives` are the library functions that it knows.
    pub fn new(workshop: Workshop, natives: HashMap<usize, Builtin>) -> Result<LlvmBackend, JitError> {
        let config = workshop.config.clone();
        Ok(LlvmBackend { config, natives, worker: Worker::start(workshop.clone())?, baseline: Worker::start(workshop)?, versions: Cell::new(0), postponed: RefCell::default(), observer: None })
    }

    /// The same, and `observer` sees what each job is given, on the VM's thread.
    pub fn observed(self, observer: impl Fn(&JobInput) + 'static) -> LlvmBackend {
        LlvmBackend { observer: Some(Box::new(observer)), ..self }
    }
}

impl CodeGenerator for LlvmBackend {
    fn name(&self) -> &'static str {
        "llvm"
    }

    fn start(&self, vm: &mut Vm, place: Place, tier: Tier, roots: &mut Vec<u64>) -> Result<(), JitError> {
        if tier == Tier::Optimized
            && let Some(message) = crate::llvm::fatal::message()
        {
            return Err(JitError::Unavailable(message));
        }
        let proto = place.proto as *const Proto;
        // SAFETY: the engine asks for functions that are about to run.
        let size = unsafe { (&(*proto).code).len() };
        if size > MAX_INSTRUCTIONS {
            return Err(JitError::TooLarge(format!("{size} instructions")));
        }
        let entry = place.loop_pc.map_or(JobEntry::Normal, |pc| JobEntry::Osr { pc });
        let stress = self.config.stress;
        let options = JobOptions { no_feedback: stress.no_feedback, ..JobOptions::default() };
        let string_meta = vm.type_metatables[vm_bridge::vm::STRING_TYPE];
        let heap: *mut selune_core::heap::Heap = &mut vm.heap;
        // SAFETY: nothing else uses the heap during the call; the closure only reads which protos there are.
        let is_proto = move |address: usize| unsafe { (*heap).is_live_proto(address) };
        // SAFETY: as above; the root is alive, and so are the protos that the heap knows.
        let input = unsafe { job::collect(&mut *heap, proto, entry, self.natives.clone(), string_meta, &is_proto, options) };
        if input.young_metatables && self.postponed.borrow_mut().insert(place) {
            vm.heap.gc_request |= POLL_MINOR;
            return Err(JitError::NotYet);
        }
        if let Some(observer) = &self.observer {
            observer(&input);
        }
        for p in &input.protos {
            roots.push(Value::heap(TAG_OBJECT, p.ptr as *const u8).0);
        }
        roots.extend(input.strings.map(|s| s.metatable));
        roots.extend(input.shapes.values().map(|s| s.metatable).filter(|m| *m != 0));
        let version = self.versions.get() + 1;
        self.versions.set(version);
        if !self.config.versions.contains(&version) {
            return Err(JitError::Generator(format!("version {version} is not wanted")));
        }
        let symbol = format!("{}.{version}", input.root().name);
        let worker = if tier == Tier::Baseline { &self.baseline } else { &self.worker };
        worker.submit(Job { place, tier, input, symbol });
        if self.config.sync {
            worker.wait();
        }
        Ok(())
    }

    fn take_finished(&self) -> Vec<Finished> {
        let mut finished = self.baseline.take_finished();
        finished.extend(self.worker.take_finished());
        finished
    }
}
