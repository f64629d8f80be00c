//! The native-function API: what a function written in Rust sees.
//!
//! A native gets its arguments on the VM stack and pushes its results above them. NATIVE-2: a `Value` that a native
//! holds in a Rust local is valid until the native calls something that may run Lua (`call`, `index`, `tostring`, ...:
//! everything that takes `&mut Vm` and is documented as "may call"); after that it reads its values again from the stack.
//! Allocation never collects.
use crate::Vm;
use selune_core::value::Value;

/// An error is on its way; its value stands in the VM (`Vm::error_value`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thrown;

/// What a native gives back: the number of results, which are the topmost values of the stack.
pub type NativeResult = Result<usize, Thrown>;

/// A function written in Rust.
pub type NativeFn = fn(&mut Vm, Args) -> NativeResult;

/// Natives that the VM itself carries out, because they make or remove frames (`Header::flags` of the object).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum NativeKind {
    /// An ordinary `NativeFn`.
    Plain = 0,
    /// pcall.
    Pcall,
    /// xpcall.
    Xpcall,
    /// coroutine.resume.
    Resume,
    /// The function that coroutine.wrap gives; upvalue 0 is the coroutine.
    Wrap,
    /// coroutine.yield.
    Yield,
    /// coroutine.close.
    CloseCoroutine,
    /// A function whose last act is a call of its first stack value with the rest, all results returned
    /// (`NativeFn` prepares `[f, args...]` as its results; the VM then calls it in its place; dofile, `__pairs`).
    TailCall,
    /// Like `TailCall`, but exactly three results are returned (pairs).
    TailCall3,
}

/// Where the arguments of a running native are. Copy; the accessors take the VM.
#[derive(Clone, Copy, Debug)]
pub struct Args {
    /// Stack index of the first argument.
    pub base: u32,
    /// Number of arguments.
    pub n: u32,
}

impl Args {
    /// Number of arguments.
    #[inline]
    pub fn len(self) -> usize {
        self.n as usize
    }
    /// No arguments?
    #[inline]
    pub fn is_empty(self) -> bool {
        self.n == 0
    }
    /// Argument `i` (from 0), nil beyond the last.
    #[inline]
    pub fn get(self, vm: &Vm, i: usize) -> Value {
        if i < self.n as usize { vm.stack_at(self.base as usize + i) } else { Value::NIL }
    }
    /// Replaces argument `i`, which must exist.
    #[inline]
    pub fn set(self, vm: &mut Vm, i: usize, v: Value) {
        assert!(i < self.n as usize);
        vm.set_stack_at(self.base as usize + i, v);
    }
}

impl Vm {
    // ---- the stack of the running native
    /// The value at an absolute stack index.
    #[inline]
    pub fn stack_at(&self, i: usize) -> Value {
        let t = self.thread();
        assert!(i < t.stack_cap as usize);
        // SAFETY: THREAD-1, in bounds.
        unsafe { *t.stack.add(i) }
    }
    /// Writes the value at an absolute stack index below the top.
    #[inline]
    pub fn set_stack_at(&mut self, i: usize, v: Value) {
        let t = self.thread();
        assert!(i < t.stack_cap as usize);
        // SAFETY: THREAD-1, in bounds.
        unsafe { *t.stack.add(i) = v }
    }
    /// Index above the topmost value.
    #[inline]
    pub fn top(&self) -> usize {
        self.thread().top as usize
    }
    /// Moves the top: new slots are nil.
    pub fn set_top(&mut self, top: usize) {
        let old = self.top();
        if top > old {
            self.thread_mut().reserve(top as u32 + 8);
            for i in old..top {
                self.set_stack_at(i, Value::NIL);
            }
        }
        self.thread_mut().top = top as u32;
    }
    /// Pushes a value. The stack grows as needed; use `check_stack` where the number is the program's to choose.
    #[inline]
    pub fn push(&mut self, v: Value) {
        let t = self.thread_mut();
        if t.top >= t.stack_cap {
            t.reserve(t.top + 8);
        }
        // SAFETY: in bounds by the line above.
        unsafe { *t.stack.add(t.top as usize) = v }
        t.top += 1;
    }
    /// Removes and gives the topmost value.
    #[inline]
    pub fn pop(&mut self) -> Value {
        let t = self.thread_mut();
        t.top -= 1;
        // SAFETY: in bounds, `top` was above a pushed value.
        unsafe { *t.stack.add(t.top as usize) }
    }
    /// Is there room for `n` more values under the limit of 1,000,000?
    pub fn check_stack(&mut self, n: usize) -> bool {
        let need = self.top() + n;
        if need > selune_core::thread::MAX_STACK as usize {
            return false;
        }
        self.thread_mut().reserve(need as u32 + 8);
        true
    }
    /// Pushes one result.
    #[inline]
    pub fn ret1(&mut self, v: Value) -> NativeResult {
        self.push(v);
        Ok(1)
    }
    /// An integer value (boxed when it does not fit 48 bits).
    #[inline]
    pub fn int(&mut self, i: i64) -> Value {
        if Value::fits_small(i) { Value::small_int(i) } else { self.heap.new_int(i) }
    }
    /// A new string value.
    #[inline]
    pub fn new_str(&mut self, s: &[u8]) -> Value {
        self.heap.new_string(s)
    }
    /// A new string value from a vector; checks the memory limit first.
    #[inline]
    pub fn new_string_from(&mut self, s: Vec<u8>) -> Result<Value, Thrown> {
        if s.len() >= 1 << 16 {
            self.reserve(s.len())?;
        }
        Ok(self.heap.new_string(&s))
    }
    /// The string of the same length whose bytes are `f` of those of `s`; checks the memory limit first.
    #[inline]
    pub fn map_string(&mut self, s: Value, f: impl Fn(u8) -> u8) -> Result<Value, Thrown> {
        let from = selune_core::string::bytes(s);
        if let [c] = from {
            return Ok(self.heap.char_string(f(*c)));
        }
        if from.is_empty() {
            return Ok(s);
        }
        if from.len() >= 1 << 16 {
            self.reserve(from.len())?;
        }
        // SAFETY: room for as many bytes; the old string stays where it is (GC-1).
        Ok(self.heap.new_string_with(from.len(), |to| unsafe { from.iter().enumerate().for_each(|(i, c)| to.add(i).write(f(*c))) }))
    }
    /// The bytes of a string value (empty for anything else).
    #[inline]
    pub fn bytes(&self, v: Value) -> &[u8] {
        if !v.is_string() {
            return &[];
        }
        selune_core::string::bytes(v)
    }
    /// The interned string, for field names.
    #[inline]
    pub fn intern(&mut self, s: &[u8]) -> Value {
        self.heap.intern(s)
    }
    /// What a native of kind `TailCall` returns when the `n` topmost values are a function and its arguments to be called
    /// in its place (otherwise it returns its results like any native).
    pub fn tail_call(&mut self, n: usize) -> NativeResult {
        self.tail_pending = true;
        Ok(n)
    }
    // ---- natives and their upvalues
    /// A native without upvalues.
    pub fn new_native(&mut self, f: NativeFn, name: &'static &'static str) -> Value {
        self.heap.new_native(f as *const (), name, NativeKind::Plain as u8, &[])
    }
    /// A native of any kind, with upvalues.
    pub fn new_native_with(&mut self, f: NativeFn, name: &'static &'static str, kind: NativeKind, upvalues: &[Value]) -> Value {
        self.heap.new_native(f as *const (), name, kind as u8, upvalues)
    }
    /// The running native's function value.
    #[inline]
    pub fn callee(&self) -> Value {
        let f = self.thread().frames.last().expect("a native is running");
        self.stack_at(f.func as usize)
    }
    /// Upvalue `i` of the running native.
    #[inline]
    pub fn upvalue(&self, i: usize) -> Value {
        let f = self.callee();
        assert!(f.is_native());
        // SAFETY: checked to be a native and in bounds.
        unsafe {
            assert!(i < (*f.as_native()).header.aux as usize);
            *selune_core::object::Native::upvalue(f.as_native(), i)
        }
    }
    /// Sets upvalue `i` of the running native.
    #[inline]
    pub fn set_upvalue(&mut self, i: usize, v: Value) {
        let f = self.callee();
        assert!(f.is_native());
        // SAFETY: checked to be a native and in bounds; the store goes through the barrier.
        unsafe {
            assert!(i < (*f.as_native()).header.aux as usize);
            let slot = selune_core::object::Native::upvalue(f.as_native(), i);
            self.heap.store(f.as_header(), slot, v);
        }
    }
    // ---- userdata
    /// A new userdata with host data and a metatable (nil: none).
    pub fn new_userdata(&mut self, data: Box<dyn core::any::Any>, metatable: Value) -> Value {
        let u = self.heap.new_userdata(data, 0);
        // SAFETY: a userdata just made.
        unsafe { self.heap.store(u.as_header(), &raw mut (*u.as_userdata()).metatable, metatable) };
        if metatable.is_table() && !self.heap.metamethod(metatable, selune_core::shape::Metamethod::Gc).is_nil() {
            self.heap.register_finalizer(u);
        }
        u
    }
    /// The host data of a userdata, when it is a `T`.
    pub fn userdata<T: 'static>(&self, v: Value) -> Option<&T> {
        if !v.is_userdata() {
            return None;
        }
        // SAFETY: checked to be a userdata; its data live until it is swept, which the borrow of the VM keeps away.
        unsafe { (*(*v.as_userdata()).data).downcast_ref() }
    }
    /// The host data of a userdata, when it is a `T`.
    pub fn userdata_mut<T: 'static>(&mut self, v: Value) -> Option<&mut T> {
        if !v.is_userdata() {
            return None;
        }
        // SAFETY: as in `userdata`; `&mut self` makes it the only borrow.
        unsafe { (*(*v.as_userdata()).data).downcast_mut() }
    }
}
