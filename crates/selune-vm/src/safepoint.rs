//! Safepoints: the only places where objects move.
//!
//! The interpreter polls `heap.gc_request` after opcodes that allocate, at back edges and calls; compiled code polls the
//! same word. A poll may collect and run finalizers.
use crate::Vm;
use crate::native::Thrown;
use core::sync::atomic::Ordering;
use selune_core::heap::{POLL_FINALIZERS, POLL_MAJOR, POLL_MINOR};
use selune_core::shape::Metamethod;
use selune_core::value::Value;

/// Poll bit: the backend has finished jobs to install.
pub const POLL_JIT: u32 = 1 << 8;
/// Poll bit: a host asked for an interruption.
pub const POLL_INTERRUPT: u32 = 1 << 9;
/// Poll bit: compiled code is to leave.
pub const POLL_LEAVE: u32 = 1 << 10;

impl Vm {
    /// Does everything that was asked for. May collect and call; FRAME-1 must hold. Throws for memory and interrupts.
    #[cold]
    #[inline(never)]
    pub fn poll(&mut self) -> Result<(), Thrown> {
        let mut word = self.heap.gc_request;
        if word & POLL_INTERRUPT != 0 || self.interrupt.load(Ordering::Relaxed) {
            self.heap.gc_request &= !POLL_INTERRUPT;
            if self.interrupt.swap(false, Ordering::Relaxed) {
                return Err(self.error("interrupted!"));
            }
        }
        if word & POLL_JIT != 0 {
            self.heap.gc_request &= !POLL_JIT;
            self.with_backend(|b, vm| b.safepoint(vm));
            word = self.heap.gc_request;
        }
        if word & (POLL_MINOR | POLL_MAJOR) != 0 {
            self.collect(word & POLL_MAJOR != 0);
            if self.heap.take_out_of_memory() {
                return Err(self.memory_error());
            }
        }
        if self.heap.gc_request & POLL_FINALIZERS != 0 {
            self.run_finalizers();
        }
        self.heap.gc_request &= !POLL_LEAVE;
        Ok(())
    }
    /// Runs `f`; meanwhile Ctrl-C raises "interrupted!" in the program instead of ending the process.
    pub fn interruptible<R>(&mut self, f: impl FnOnce(&mut Vm) -> R) -> R {
        let (flag, word) = (std::sync::Arc::as_ptr(&self.interrupt), &raw mut self.heap.gc_request);
        // SAFETY: SIGNAL-1: both places are parts of this VM, which is borrowed until `listening` ends.
        let listening = unsafe { selune_core::signal::Listening::start(flag, word, POLL_INTERRUPT) };
        let result = f(self);
        drop(listening);
        result
    }
    /// Lends the backend out.
    #[inline]
    pub fn with_backend<R>(&mut self, f: impl FnOnce(&dyn crate::backend::Backend, &mut Vm) -> R) -> Option<R> {
        let b: *const dyn crate::backend::Backend = &**self.backend.as_ref()?;
        // SAFETY: the backend is set once, before anything runs, and lives as long as the VM. (A count held here would be
        // lost with the native stack of a coroutine: CORO-1.)
        Some(f(unsafe { &*b }, self))
    }
    /// A safepoint of compiled code: collects when asked to and does what else needs no call. True: something is queued
    /// that compiled code must not do itself (it takes a side exit and the interpreter does it).
    pub fn safepoint(&mut self) -> bool {
        let word = self.heap.gc_request;
        // A loop may wait for an entry of a weak table to vanish while its code keeps what it read there, or the answer to its
        // question. So the interpreter makes these collections.
        let visible = word & POLL_MAJOR != 0 && self.heap.has_weak_tables();
        if word & (POLL_MINOR | POLL_MAJOR) != 0 && !visible {
            self.collect(word & POLL_MAJOR != 0);
        }
        // The interpreter's next poll finds the rest.
        visible
            || self.heap.gc_request & POLL_LEAVE != 0
            || self.heap.out_of_memory
            || self.heap.gc_request & POLL_FINALIZERS != 0 && !self.in_finalizer
            || self.heap.gc_request & POLL_INTERRUPT != 0
            || self.interrupt.load(Ordering::Relaxed)
    }
    /// Collects where compiled code wants room. A major collection that the program can see waits for a poll to leave (see
    /// `safepoint`), but not twice: there may be no loop.
    pub fn collect_for_room(&mut self) {
        let word = self.heap.gc_request;
        let major = word & POLL_MAJOR != 0;
        if major && self.heap.has_weak_tables() && !self.heap.out_of_memory && !core::mem::replace(&mut self.postponed, true) {
            self.collect(false);
            self.heap.gc_request |= POLL_MAJOR;
        } else if word & (POLL_MINOR | POLL_MAJOR) != 0 {
            self.collect(major);
        }
    }
    /// Collects, moving objects. `major`: the whole heap.
    pub fn collect(&mut self, major: bool) {
        let vm: *mut Vm = self;
        // SAFETY: the roots are fields of the VM apart from the heap, which the collector borrows; they are enumerated
        // while nothing else runs.
        let heap = unsafe { &mut (*vm).heap };
        let mut roots = |visit: &mut dyn FnMut(*mut Value)| {
            // SAFETY: see above.
            let vm = unsafe { &mut *vm };
            for v in [&raw mut vm.current, &raw mut vm.main, &raw mut vm.error, &raw mut vm.registry, &raw mut vm.globals, &raw mut vm.loaded, &raw mut vm.native.result] {
                visit(v);
            }
            for v in vm.type_metatables.iter_mut().chain(vm.handles.iter_mut()) {
                visit(v);
            }
            let live = vm.native.live_args as usize;
            for v in vm.native.args[..live].iter_mut().chain(vm.native.more.iter_mut()) {
                visit(v);
            }
            vm.with_backend(|b, vm| b.visit_roots(vm, visit));
        };
        if major {
            self.postponed = false;
            heap.collect_major(&mut roots);
            // Before anything is allocated at the same addresses.
            for code in core::mem::take(&mut self.heap.freed_code) {
                self.with_backend(|b, _| b.forget(code as *mut selune_core::proto::Proto));
            }
        } else {
            heap.collect_minor(&mut roots);
        }
        if self.heap.out_of_memory {
            // Stays asked for, so that compiled code leaves at its next poll and the interpreter raises the error.
            self.heap.gc_request |= POLL_MAJOR;
        }
        if self.stress_gc {
            self.heap.gc_request |= POLL_MINOR;
        }
    }
    /// Runs the `__gc` methods of what the last collection found unreachable. May call; errors become warnings.
    pub fn run_finalizers(&mut self) {
        self.heap.gc_request &= !POLL_FINALIZERS;
        if self.in_finalizer {
            return;
        }
        while let Some(v) = self.heap.take_finalizable() {
            self.finalize(v);
        }
    }
    fn finalize(&mut self, v: Value) {
        let f = self.metamethod(v, Metamethod::Gc);
        if f.is_nil() {
            return;
        }
        if !f.is_function() && self.metamethod(f, Metamethod::Call).is_nil() {
            let text = format!("error in __gc (attempt to call a {} value (metamethod '__gc'))", f.type_name());
            return self.warn(text.as_bytes(), false);
        }
        self.in_finalizer = true;
        let hooks = self.allow_hooks(false);
        let (saved, top) = (self.error, self.top() as u32);
        let h = self.pin(saved);
        let at = self.call_base();
        let ok = self.ensure_stack(at + 4).is_ok();
        if ok {
            self.put(at, f);
            self.put(at + 1, v);
            self.thread_mut().top = at + 2;
            if let Err(e) = self.pcall_marked(at as usize, 1, 0, selune_core::thread::frame_flags::FINALIZER) {
                let text = if e.is_string() { self.bytes(e).to_vec() } else { b"error object is not a string".to_vec() };
                self.warn(b"error in ", true);
                self.warn(b"__gc", true);
                self.warn(b" (", true);
                self.warn(&text, true);
                self.warn(b")", false);
            }
        }
        self.thread_mut().top = top;
        self.error = self.handles[h];
        self.handles.truncate(h);
        self.allow_hooks(hooks);
        self.in_finalizer = false;
    }
    /// Is a `__gc` method running?
    pub fn in_finalizer(&self) -> bool {
        self.in_finalizer
    }
    /// `collectgarbage("collect")`: everything unreachable goes, finalizers run. May call.
    pub fn full_collection(&mut self) {
        self.collect(true);
        self.run_finalizers();
    }
    /// Runs the finalizers of all objects that have one, at the end of the VM, last registered first. What gets one
    /// meanwhile keeps it to itself.
    pub fn close(&mut self) {
        let e = Value::NIL;
        if self.current.0 != self.main.0 {
            // Called in a coroutine: the main program's variables are closed, as `lua_close` does.
            let main = self.main;
            self.switch_to(main);
            let t = self.thread_mut();
            t.top = t.live_top();
            t.frames.clear();
        }
        self.close_all_now(0, e);
        self.heap.closing = true;
        self.heap.finalize_all();
        // A finalizer may call `os.exit` with closing: the rest of them still run.
        self.in_finalizer = false;
        self.run_finalizers();
    }
}
