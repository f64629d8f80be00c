//! The linker: object files become running code in an engine's code memory.
//!
//! One ORC LLJIT per engine. Its object layer (RuntimeDyld) asks `memory` for sections; when everything is relocated, and
//! the pages are still writable, the stack map is parsed and the side exits are patched; then the pages are sealed.
//!
//! `install` and everything else that calls ORC holds the *gate*. A thread that meets a fatal error inside LLVM is parked
//! with the gate in its hands (see `fatal`); who waits for it then gets an error instead of waiting forever, and what
//! was installed stays where it is, in use or not. Call `install` on a worker thread.

use super::error::LlvmError;
use super::exit;
use super::fatal;
use super::load::{Llvm, LlvmUnavailable};
use super::object::Object;
use llvm_sys::error::{LLVMDisposeErrorMessage, LLVMErrorRef, LLVMGetErrorMessage};
use llvm_sys::execution_engine::{
    LLVMCreateGDBRegistrationListener, LLVMCreatePerfJITEventListener,
};
use llvm_sys::orc2::ee::*;
use llvm_sys::orc2::lljit::*;
use llvm_sys::orc2::*;
use memory::{LinkJob, LinkShared, Linked};
use std::ffi::{CStr, CString, c_char, c_void};
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use vm_bridge::code_memory::CodeMemory;
use vm_bridge::perf_map::PerfMap;
use vm_bridge::stackmap::StackMap;

mod memory;
mod symbols;

/// Options of a [`Linker`].
#[derive(Clone, Debug, Default)]
pub struct LinkerOptions {
    /// What side exits are patched to call. Without one, code that has side exits is refused.
    pub side_exit_stub: Option<u64>,
    /// Tell a debugger about each object (GDB's JIT interface).
    pub gdb: bool,
    /// Tell `perf` about each object through LLVM's own listener (jitdump), if LLVM was built with it.
    pub perf_dump: bool,
    /// Name each function in this map.
    pub perf_map: Option<Arc<PerfMap>>,
}

/// Installs code for one engine.
#[derive(Debug)]
pub struct Linker {
    session: Arc<Session>,
    options: LinkerOptions,
}

/// Code that can run.
#[derive(Debug)]
pub struct InstalledCode {
    /// Each function that the object defines, and its address.
    pub functions: Vec<(String, u64)>,
    /// The addresses of the code.
    pub range: Range<u64>,
    /// Its safepoints and side exits (already patched).
    pub stack_map: StackMap,
    /// Owns the code.
    pub handle: CodeHandle,
}

impl InstalledCode {
    /// The address of a function.
    pub fn function(&self, name: &str) -> Option<u64> {
        self.functions.iter().find(|f| f.0 == name).map(|f| f.1)
    }
}

/// The LLJIT. It must outlive every tracker, so each holds a count of it.
#[derive(Debug)]
struct Session {
    jit: LLVMOrcLLJITRef,
    dylib: LLVMOrcJITDylibRef,
    shared: Box<LinkShared>,
    gate: Gate,
}

// SAFETY: the references are used only while the gate is held, by one thread at a time (ORC itself is thread-safe too).
unsafe impl Send for Session {}
// SAFETY: as above.
unsafe impl Sync for Session {}

/// Owns installed code: dropping it frees the code, so no stack may return into it any more.
#[derive(Debug)]
pub struct CodeHandle {
    tracker: LLVMOrcResourceTrackerRef,
    session: Arc<Session>,
    size: usize,
}

// SAFETY: the tracker is used only while the session's gate is held.
unsafe impl Send for CodeHandle {}
// SAFETY: a shared handle offers nothing that calls LLVM.
unsafe impl Sync for CodeHandle {}

impl Linker {
    /// A linker for code in `memory`. `symbols` are the names by which code calls runtime functions, and their addresses.
    pub fn new(
        llvm: &'static Llvm,
        memory: Arc<CodeMemory>,
        symbols: &[(&str, usize)],
        options: LinkerOptions,
    ) -> Result<Linker, LlvmError> {
        if let Some(message) = fatal::message() {
            return Err(LlvmUnavailable::Failed(message).into());
        }
        debug_assert!(llvm.is_usable());
        let shared = Box::new(LinkShared::new(memory, options.side_exit_stub));
        let layer = LayerOptions {
            shared: &raw const *shared,
            gdb: options.gdb,
            perf_dump: options.perf_dump,
        };
        let mut jit = std::ptr::null_mut();
        // SAFETY: LLVM is loaded. `layer` is only used while the LLJIT is created; `shared`, which the layer keeps the
        // address of, is owned by the session and freed after the LLJIT.
        let session = unsafe {
            let builder = LLVMOrcCreateLLJITBuilder();
            let data = (&raw const layer).cast_mut().cast::<c_void>();
            LLVMOrcLLJITBuilderSetObjectLinkingLayerCreator(builder, create_layer, data);
            check(LLVMOrcCreateLLJIT(&mut jit, builder))?; // consumes the builder
            let execution = LLVMOrcLLJITGetExecutionSession(jit);
            let data = (&raw const *shared).cast_mut().cast::<c_void>();
            LLVMOrcExecutionSessionSetErrorReporter(execution, report_error, data);
            Session {
                jit,
                dylib: LLVMOrcLLJITGetMainJITDylib(jit),
                shared,
                gate: Gate::default(),
            }
        };
        let linker = Linker {
            session: Arc::new(session),
            options,
        };
        linker.define(&symbols::library())?;
        linker.define(symbols)?;
        Ok(linker)
    }

    /// Makes more functions known to code that is installed from now on.
    pub fn define(&self, symbols: &[(&str, usize)]) -> Result<(), LlvmError> {
        if symbols.is_empty() {
            return Ok(());
        }
        let names: Vec<CString> = symbols
            .iter()
            .map(|s| c_string(s.0))
            .collect::<Result<_, _>>()?;
        let _gate = self.session.gate.enter()?;
        let exported = LLVMJITSymbolGenericFlags::LLVMJITSymbolGenericFlagsExported as u8;
        let callable = LLVMJITSymbolGenericFlags::LLVMJITSymbolGenericFlagsCallable as u8;
        let flags = || LLVMJITSymbolFlags {
            GenericFlags: exported | callable,
            TargetFlags: 0,
        };
        let mut pairs = Vec::with_capacity(symbols.len());
        for (name, (_, address)) in names.iter().zip(symbols) {
            // SAFETY: the session is alive; a count of the interned name goes to the materialization unit below.
            let name = unsafe { LLVMOrcLLJITMangleAndIntern(self.session.jit, name.as_ptr()) };
            let symbol = LLVMJITEvaluatedSymbol {
                Address: *address as u64,
                Flags: flags(),
            };
            pairs.push(LLVMOrcCSymbolMapPair {
                Name: name,
                Sym: symbol,
            });
        }
        // SAFETY: the pairs are read during the call; on an error the unit stays ours and is disposed.
        unsafe {
            let unit = LLVMOrcAbsoluteSymbols(pairs.as_mut_ptr(), pairs.len());
            check(LLVMOrcJITDylibDefine(self.session.dylib, unit)).inspect_err(|_| {
                LLVMOrcDisposeMaterializationUnit(unit);
            })
        }
    }

    /// Links an object. The names of its functions must be new among those that are installed.
    pub fn install(&self, object: Object) -> Result<InstalledCode, LlvmError> {
        let session = &self.session;
        let (buffer, layout) = object.into_parts();
        let names: Vec<CString> = layout
            .functions
            .iter()
            .map(|n| c_string(n))
            .collect::<Result<_, _>>()?;
        let Some(first) = names.first() else {
            return Err(LlvmError::Object("no function"));
        };
        // Everything that the object can need, before ORC starts: if memory is full, nothing has happened.
        let block = session.shared.memory().allocate(layout.code, layout.data)?;
        let size = block.len();
        let _gate = session.gate.enter()?;
        session.shared.begin(LinkJob::new(block));
        // SAFETY: the session is alive and the gate held; the buffer goes to ORC, also when it fails.
        let handle = unsafe {
            let tracker = LLVMOrcJITDylibCreateResourceTracker(session.dylib);
            let buffer = std::mem::ManuallyDrop::new(buffer);
            let added = check(LLVMOrcLLJITAddObjectFileWithRT(
                session.jit,
                tracker,
                buffer.as_mut_ptr(),
            ));
            if let Err(e) = added {
                LLVMOrcReleaseResourceTracker(tracker);
                session.shared.end();
                return Err(e);
            }
            CodeHandle {
                tracker,
                session: session.clone(),
                size,
            }
        };
        // Linking happens in the first lookup, in this thread.
        let linked = session.lookup(first).and_then(|_| session.shared.linked());
        let result = linked.and_then(|linked| {
            let addresses = names
                .iter()
                .map(|n| session.lookup(n))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((addresses, linked))
        });
        session.shared.end();
        match result {
            Ok((addresses, Linked { range, stack_map })) => {
                let functions: Vec<_> = layout.functions.into_iter().zip(addresses).collect();
                if let Some(map) = &self.options.perf_map {
                    name_functions(map, &functions, &range);
                }
                Ok(InstalledCode {
                    functions,
                    range,
                    stack_map,
                    handle,
                })
            }
            Err(e) => {
                drop(_gate);
                drop(handle); // needs the gate: frees whatever there is
                Err(e)
            }
        }
    }
}

impl Session {
    /// The gate is held.
    fn lookup(&self, name: &CStr) -> Result<u64, LlvmError> {
        let mut address = 0;
        // SAFETY: the session is alive; the name is read during the call.
        let found = check(unsafe { LLVMOrcLLJITLookup(self.jit, &mut address, name.as_ptr()) });
        // What went wrong in our callbacks is more to the point than what ORC makes of it.
        let reported = self.shared.take_reports();
        match (self.shared.take_error(), found) {
            (Some(e), _) => Err(e),
            (None, Err(LlvmError::Link(e))) if !reported.is_empty() => {
                Err(LlvmError::Link(format!("{e}; {reported}")))
            }
            (None, Err(e)) => Err(e),
            (None, Ok(())) => Ok(address),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Ok(_gate) = self.gate.enter() {
            // SAFETY: nobody else has the session; all trackers were released, since each held a count.
            // An error here would be about code that is going away anyway.
            let _ = check(unsafe { LLVMOrcDisposeLLJIT(self.jit) });
        } else {
            // LLVM must not be called any more: what it may still refer to stays.
            std::mem::forget(std::mem::replace(
                &mut self.shared,
                Box::new(LinkShared::empty()),
            ));
        }
    }
}

impl CodeHandle {
    /// Bytes of code memory that the code takes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Frees the code and says if that failed. No stack may return into it any more.
    pub fn remove(mut self) -> Result<(), LlvmError> {
        self.free()
    }

    fn free(&mut self) -> Result<(), LlvmError> {
        let tracker = std::mem::replace(&mut self.tracker, std::ptr::null_mut());
        if tracker.is_null() {
            return Ok(());
        }
        let _gate = self.session.gate.enter()?;
        // SAFETY: the session is alive (we hold a count), the gate is held, and this is the tracker's only release.
        unsafe {
            let removed = check(LLVMOrcResourceTrackerRemove(tracker));
            LLVMOrcReleaseResourceTracker(tracker);
            removed
        }
    }
}

impl Drop for CodeHandle {
    fn drop(&mut self) {
        // If it fails, the memory stays in use: nothing to be done about it, and no harm.
        let _ = self.free();
    }
}

/// A lock that is not waited for when its holder is parked for good.
#[derive(Debug, Default)]
struct Gate {
    busy: Mutex<bool>,
    free: Condvar,
}

struct GateGuard<'a> {
    gate: &'a Gate,
    _job: exit::Job,
}

impl Gate {
    fn enter(&self) -> Result<GateGuard<'_>, LlvmUnavailable> {
        let job = exit::Job::start();
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(message) = fatal::message() {
                return Err(LlvmUnavailable::Failed(message));
            }
            if !*busy {
                *busy = true;
                return Ok(GateGuard {
                    gate: self,
                    _job: job,
                });
            }
            // Woken when the gate is free; looks from time to time whether it never will be.
            let wait = Duration::from_millis(20);
            busy = self
                .free
                .wait_timeout(busy, wait)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Drop for GateGuard<'_> {
    fn drop(&mut self) {
        *self
            .gate
            .busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = false;
        self.gate.free.notify_one();
    }
}

struct LayerOptions {
    shared: *const LinkShared,
    gdb: bool,
    perf_dump: bool,
}

extern "C" fn create_layer(
    options: *mut c_void,
    session: LLVMOrcExecutionSessionRef,
    _triple: *const c_char,
) -> LLVMOrcObjectLayerRef {
    // SAFETY: the `LayerOptions` that `Linker::new` is waiting with; LLVM is loaded; listeners may be null, which means
    // that LLVM was built without them.
    unsafe {
        let options = &*options.cast::<LayerOptions>();
        let layer = LLVMOrcCreateRTDyldObjectLinkingLayerWithMCJITMemoryManagerLikeCallbacks(
            session,
            options.shared.cast_mut().cast(),
            memory::create_context,
            memory::notify_terminating,
            memory::allocate_code,
            memory::allocate_data,
            memory::finalize,
            Some(memory::destroy),
        );
        if options.gdb {
            LLVMOrcRTDyldObjectLinkingLayerRegisterJITEventListener(
                layer,
                LLVMCreateGDBRegistrationListener(),
            );
        }
        if options.perf_dump {
            let listener = LLVMCreatePerfJITEventListener();
            if !listener.is_null() {
                LLVMOrcRTDyldObjectLinkingLayerRegisterJITEventListener(layer, listener);
            }
        }
        layer
    }
}

/// ORC tells the session's reporter what it cannot return.
extern "C" fn report_error(shared: *mut c_void, error: LLVMErrorRef) {
    if let Err(e) = check(error) {
        // SAFETY: the address of the session's `LinkShared`, which outlives the LLJIT.
        unsafe { &*shared.cast::<LinkShared>() }.report(e.to_string());
    }
}

fn check(error: LLVMErrorRef) -> Result<(), LlvmError> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: an error that is ours; getting its message consumes it, and the message is ours to dispose.
    let message = unsafe {
        let message = LLVMGetErrorMessage(error);
        let text = CStr::from_ptr(message)
            .to_string_lossy()
            .trim()
            .replace('\n', " ");
        LLVMDisposeErrorMessage(message);
        text
    };
    Err(LlvmError::Link(message))
}

fn c_string(name: &str) -> Result<CString, LlvmError> {
    CString::new(name).map_err(|_| LlvmError::Link(format!("the name {name:?} has a zero byte")))
}

/// Functions reach up to the next one.
fn name_functions(map: &PerfMap, functions: &[(String, u64)], range: &Range<u64>) {
    let mut sorted: Vec<_> = functions.iter().collect();
    sorted.sort_by_key(|f| f.1);
    for (i, (name, start)) in sorted.iter().enumerate() {
        let end = sorted.get(i + 1).map_or(range.end, |next| next.1);
        map.add(*start as usize..end as usize, name);
    }
}
