//! The state of one Lua universe. Many can live in one process.
use crate::backend::Backend;
use crate::native::Thrown;
use selune_core::heap::{Heap, HeapConfig, POLL_MINOR};
use selune_core::native_state::NativeState;
use selune_core::shape::Metamethod;
use selune_core::thread::{Status, Thread};
use selune_core::value::Value;

/// What a VM is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Bytes that the heap may use.
    pub memory_limit: usize,
    /// Collect at every safepoint.
    pub stress_gc: bool,
}

impl Default for Config {
    fn default() -> Self {
        Config { memory_limit: usize::MAX, stress_gc: false }
    }
}

/// Index of strings in `Vm::type_metatables`.
pub const STRING_TYPE: usize = 4;
/// Index of numbers there.
pub const NUMBER_TYPE: usize = 3;

/// Index of a basic type in tables of per-type metatables.
pub fn type_index(v: Value) -> usize {
    use selune_core::value::{TAG_FUNCTION, TAG_OBJECT, TAG_SPECIAL, TAG_STRING, TAG_TABLE};
    match v.tag() {
        TAG_STRING => STRING_TYPE,
        TAG_TABLE => 5,
        TAG_FUNCTION => 6,
        TAG_SPECIAL if v.is_nil() => 0,
        TAG_SPECIAL if v.is_bool() => 1,
        TAG_OBJECT if v.is_thread() => 8,
        TAG_SPECIAL | TAG_OBJECT => 7,
        _ => NUMBER_TYPE,
    }
}

/// One Lua universe. `repr(C)`: machine code reaches the first fields by fixed offsets.
#[repr(C)]
pub struct Vm {
    /// What machine code and trampolines share with the VM; at offset 0.
    pub native: NativeState,
    /// All objects.
    pub heap: Heap,
    /// The running coroutine's (or the main program's) stacks; points into the object `current`.
    pub cur: *mut Thread,
    /// The running coroutine's value.
    pub(crate) current: Value,
    /// The main thread's value.
    pub(crate) main: Value,
    /// The value of the error on its way.
    pub(crate) error: Value,
    /// Metatables of types without individual ones, by `type_index`.
    pub type_metatables: [Value; 9],
    pub(crate) registry: Value,
    pub(crate) globals: Value,
    pub(crate) loaded: Value,
    /// Depth of Rust activations, as PUC counts C calls (limit 200).
    pub c_levels: u32,
    /// The JIT, when there is one. Set once, before anything runs.
    pub backend: Option<std::rc::Rc<dyn Backend>>,
    /// Start value of `Tier::countdown` of new protos.
    pub(crate) hot_threshold: i32,
    /// Register entry of functions that are not compiled: the bridge's stub that runs the interpreter; 0 without a bridge.
    pub default_entry: usize,
    /// Message handlers of frames below this one (of this thread) are not asked: native code will catch the error.
    pub(crate) handler_floor: (*const Thread, usize),
    pub(crate) in_finalizer: bool,
    /// The program may look at running functions (see `Vm::observe`).
    pub(crate) observed: bool,
    /// A major collection was left to the next poll (see `Vm::collect_for_room`).
    pub(crate) postponed: bool,
    /// No hooks are called now (a hook or finalizer runs).
    pub(crate) hooks_off: bool,
    /// The interpreter's handlers: the plain ones, or those that call hooks.
    pub(crate) handlers: *const crate::interp::Handlers,
    /// Set by a native of kind TailCall that wants its call (see `Vm::tail_call`).
    pub(crate) tail_pending: bool,
    /// Scratch of `..` with numbers.
    pub(crate) joining: Vec<u8>,
    /// A shape of the metatable of strings, and its slot of `__index` (`interp/field.rs`).
    pub(crate) string_index: (u32, u32),
    /// An integer to be boxed, and the register for it (`interp/arith.rs`).
    pub(crate) boxing: (i64, usize),
    /// Number of results of a native that has set a hook (`interp/call.rs`).
    pub(crate) native_results: u32,
    pub(crate) stress_gc: bool,
    pub(crate) warn_on: bool,
    pub(crate) warn_continues: bool,
    /// Natives that opcodes know, as function addresses.
    pub known: KnownNatives,
    /// Roots of hosts.
    pub(crate) handles: Vec<Value>,
    /// State of the loop dispatch between handlers.
    #[cfg(not(selune_tail))]
    pub(crate) loop_state: (*const selune_core::proto::Ins, *mut Value, *const Value, *mut selune_core::feedback::Unit),
    /// Set by a host or signal to stop the program ("interrupted!").
    pub interrupt: std::sync::Arc<core::sync::atomic::AtomicBool>,
}

/// Addresses of natives that opcodes specialise on; 0 when the library is not open.
#[derive(Default, Clone, Copy, Debug)]
pub struct KnownNatives {
    /// `next`.
    pub next: usize,
    /// The iterator that `ipairs` gives.
    pub ipairs_iter: usize,
}

/// Most Rust activations (LUAI_MAXCCALLS of PUC Lua).
pub const MAX_C_LEVELS: u32 = 200;

impl Vm {
    /// A universe without libraries.
    pub fn new(config: Config) -> Box<Vm> {
        let mut heap = *Heap::new(HeapConfig { memory_limit: config.memory_limit, stress: config.stress_gc, ..HeapConfig::default() });
        let mut main = Thread::new(256);
        main.status = Status::Running;
        let main = heap.new_thread(main);
        // SAFETY: a thread object just made; it never moves (old) and is a root below.
        let cur = unsafe { (*main.as_thread_object()).thread };
        let globals = heap.new_table(0, 0);
        let registry = heap.new_table(0, 0);
        let loaded = heap.new_table(0, 0);
        let mut vm = Box::new(Vm {
            native: NativeState::new(),
            heap,
            cur,
            current: main,
            main,
            error: Value::NIL,
            type_metatables: [Value::NIL; 9],
            registry,
            globals,
            loaded,
            // As many as `lua` has used when a script starts.
            c_levels: 0,
            backend: None,
            hot_threshold: i32::MAX,
            default_entry: 0,
            handler_floor: (core::ptr::null(), 0),
            in_finalizer: false,
            observed: false,
            postponed: false,
            hooks_off: false,
            handlers: &raw const crate::interp::HANDLERS,
            tail_pending: false,
            joining: Vec::new(),
            string_index: (0, 0),
            boxing: (0, 0),
            native_results: 0,
            stress_gc: config.stress_gc,
            warn_on: false,
            warn_continues: false,
            known: KnownNatives::default(),
            handles: Vec::new(),
            #[cfg(not(selune_tail))]
            loop_state: (core::ptr::null(), core::ptr::null_mut(), core::ptr::null(), core::ptr::null_mut()),
            interrupt: Default::default(),
        });
        if config.stress_gc {
            vm.heap.gc_request |= POLL_MINOR;
        }
        vm.heap.remember_thread(cur);
        let (g, l) = (vm.intern(b"_G"), vm.intern(b"_LOADED"));
        vm.raw_set(globals, g, globals).expect("a string key");
        vm.raw_set(loaded, g, globals).expect("a string key");
        vm.raw_set(registry, l, loaded).expect("a string key");
        vm
    }
    /// The running thread.
    #[inline(always)]
    pub fn thread(&self) -> &Thread {
        // SAFETY: `cur` points into the thread object `current`, a root that never moves.
        unsafe { &*self.cur }
    }
    /// The running thread.
    #[inline(always)]
    pub fn thread_mut(&mut self) -> &mut Thread {
        // SAFETY: as in `thread`; `&mut self` makes it the only borrow.
        unsafe { &mut *self.cur }
    }
    /// Another thread's state.
    pub fn thread_of(&mut self, v: Value) -> &mut Thread {
        assert!(v.is_thread());
        // SAFETY: a thread object owns its Thread until it is swept; `&mut self` keeps collections away.
        unsafe { &mut *(*v.as_thread_object()).thread }
    }
    /// The running coroutine's value and whether it is the main one.
    pub fn running(&self) -> (Value, bool) {
        (self.current, self.current == self.main)
    }
    /// Makes another thread the running one.
    pub(crate) fn switch_to(&mut self, v: Value) {
        // SAFETY: a thread object.
        self.cur = unsafe { (*v.as_thread_object()).thread };
        self.current = v;
        self.choose_handlers();
        self.heap.remember_thread(self.cur);
    }
    /// The table of globals.
    pub fn globals(&self) -> Value {
        self.globals
    }
    /// The registry table.
    pub fn registry(&self) -> Value {
        self.registry
    }
    /// `package.loaded`.
    pub fn loaded(&self) -> Value {
        self.loaded
    }
    /// Raw read of a table.
    #[inline]
    pub fn raw_get(&self, t: Value, k: Value) -> Value {
        debug_assert!(t.is_table());
        self.heap.get(t, k)
    }
    /// Raw read by integer key.
    #[inline]
    pub fn raw_get_int(&self, t: Value, i: i64) -> Value {
        self.heap.get_int(t, i)
    }
    /// Raw write of a table; throws for nil and NaN keys.
    pub fn raw_set(&mut self, t: Value, k: Value, v: Value) -> Result<(), Thrown> {
        match self.heap.set(t, k, v) {
            Ok(()) => Ok(()),
            Err(e) => Err(self.key_error(e)),
        }
    }
    pub(crate) fn key_error(&mut self, e: selune_core::table::KeyError) -> Thrown {
        use selune_core::table::KeyError::*;
        match e {
            Nil => self.rt_error("table index is nil"),
            NaN => self.rt_error("table index is NaN"),
        }
    }
    /// Raw write by integer key.
    pub fn raw_set_int(&mut self, t: Value, i: i64, v: Value) {
        let k = self.int(i);
        let _ = self.heap.set(t, k, v);
    }
    /// Number of a value's type: which upvalue of the function `type` is its name.
    pub fn type_number(v: Value) -> usize {
        if v.is_number() {
            0
        } else if v.is_string() {
            1
        } else if v.is_table() {
            2
        } else if v.is_function() {
            3
        } else if v.is_nil() {
            4
        } else if v == Value::TRUE || v == Value::FALSE {
            5
        } else if v.is_thread() {
            7
        } else {
            6
        }
    }
    /// The metatable of any value, nil when it has none.
    #[inline]
    pub fn metatable(&self, v: Value) -> Value {
        if v.is_table() {
            self.heap.metatable(v)
        } else if v.is_userdata() {
            // SAFETY: checked to be a userdata.
            unsafe { (*v.as_userdata()).metatable }
        } else {
            self.type_metatables[type_index(v)]
        }
    }
    /// Sets the metatable (nil: none) of a table or userdata, or of the value's whole type.
    pub fn set_metatable(&mut self, v: Value, mt: Value) {
        if v.is_table() {
            self.heap.set_metatable(v, mt);
        } else if v.is_userdata() {
            // SAFETY: a userdata; stored through the barrier.
            unsafe { self.heap.store(v.as_header(), &raw mut (*v.as_userdata()).metatable, mt) };
        } else {
            self.type_metatables[type_index(v)] = mt;
            return;
        }
        if mt.is_table() && !self.heap.metamethod(mt, Metamethod::Gc).is_nil() {
            self.heap.register_finalizer(v);
        }
    }
    /// The metamethod of a value, nil when it has none.
    #[inline]
    pub fn metamethod(&self, v: Value, m: Metamethod) -> Value {
        let mt = self.metatable(v);
        if mt.is_nil() { Value::NIL } else { self.heap.metamethod(mt, m) }
    }
    /// Name of a value's type for messages: `__name` of its metatable when that is a string.
    pub fn type_name_of(&self, v: Value) -> Vec<u8> {
        if v.is_table() || v.is_userdata() {
            let n = self.metamethod(v, Metamethod::Name);
            if n.is_string() {
                return self.bytes(n).to_vec();
            }
        }
        v.type_name().as_bytes().to_vec()
    }
    /// Sets how hot a function must get before the backend is asked, for protos made from now on.
    pub fn set_hot_threshold(&mut self, n: i32) {
        self.hot_threshold = n;
    }
    /// Keeps a value alive and up to date; gives a handle.
    pub fn pin(&mut self, v: Value) -> usize {
        self.handles.push(v);
        self.handles.len() - 1
    }
    /// The value of a handle.
    pub fn pinned(&self, h: usize) -> Value {
        self.handles[h]
    }
    /// Is `warn` on?
    pub fn warnings(&self) -> bool {
        self.warn_on
    }
    /// Emits a warning as PUC's `lua_warning` with `lua.c`'s state machine ("@on", "@off" control it).
    pub fn warn(&mut self, msg: &[u8], to_continue: bool) {
        use std::io::Write;
        if !to_continue && !self.warn_continues && msg.first() == Some(&b'@') {
            match msg {
                b"@on" => self.warn_on = true,
                b"@off" => self.warn_on = false,
                _ => {}
            }
            return;
        }
        if self.warn_on {
            let mut err = std::io::stderr().lock();
            if !self.warn_continues {
                let _ = err.write_all(b"Lua warning: ");
            }
            let _ = err.write_all(msg);
            if !to_continue {
                let _ = err.write_all(b"\n");
            }
        }
        self.warn_continues = to_continue;
    }
}
