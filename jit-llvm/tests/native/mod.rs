//! A toy VM for the tests of the native boundary: its collector moves *every* object at *every* safepoint and makes the old
//! space inaccessible, so that any stale address in compiled code faults at once.
#![allow(dead_code)] // each test uses a part

use jit_llvm::llvm::*;
use selune_core::native_state::{NativeContext, NativeState};
use selune_core::value as v;
use std::ops::ControlFlow;
use std::ptr;
use std::sync::Arc;
use vm_bridge::arch::{
    ExitRegisters, LazyReturn, LazyReturnHandler, Outcome, SideExitHandler, enter, enter_osr,
};
use vm_bridge::code_map::{CodeMap, CodeRecord};
use vm_bridge::code_memory::{CodeMemory, CodeMemoryOptions};
use vm_bridge::stubs::NativeStubs;
use vm_bridge::walk::{Redirects, walk};

pub const NIL: u64 = v::NIL;
pub const FALSE: u64 = v::FALSE;

pub fn int(i: i64) -> u64 {
    v::TAG_INT << v::TAG_SHIFT | i as u64 & v::PAYLOAD_MASK
}

pub fn as_int(x: u64) -> i64 {
    (x << 16) as i64 >> 16
}

pub fn tag(x: u64) -> u64 {
    x >> v::TAG_SHIFT
}

pub fn is_int(x: u64) -> bool {
    tag(x) == v::TAG_INT
}

pub fn is_table(x: u64) -> bool {
    tag(x) == v::TAG_TABLE
}

pub fn field(table: u64, i: usize) -> *mut u64 {
    assert!(is_table(table));
    ((table & v::PAYLOAD_MASK) as *mut u64).wrapping_add(1 + i)
}

/// A field's value. The table is live.
pub fn get(table: u64, i: usize) -> u64 {
    // SAFETY: tests pass live tables and fields that they have.
    unsafe { field(table, i).read() }
}

/// Sets a field. The table is live.
pub fn set(table: u64, i: usize, x: u64) {
    // SAFETY: tests pass live tables and fields that they have.
    unsafe { field(table, i).write(x) }
}

// ---- the heap ----------------------------------------------------------------------------------------------------

const SPACE: usize = 256 << 10;
const SPACES: usize = 16;
const FORWARDED: u64 = 1 << 63;

/// Objects are a header word (the number of fields) and the fields. There are a few spaces in turn; all but the current one
/// are inaccessible.
pub struct Heap {
    spaces: usize,
    current: usize,
    used: usize,
    /// Handles of Rust code.
    pub roots: Vec<u64>,
    pub collections: usize,
    pub frames: usize,
    pub deepest: usize,
}

fn protect(at: usize, protection: i32) {
    // SAFETY: the range is one of the heap's own spaces.
    let result = unsafe { libc::mprotect(at as *mut _, SPACE, protection) };
    assert_eq!(result, 0);
}

impl Heap {
    fn new() -> Heap {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping.
        let p = unsafe {
            libc::mmap(
                ptr::null_mut(),
                SPACE * SPACES,
                libc::PROT_NONE,
                flags,
                -1,
                0,
            )
        };
        assert_ne!(p, libc::MAP_FAILED);
        protect(p as usize, libc::PROT_READ | libc::PROT_WRITE);
        Heap {
            spaces: p as usize,
            current: 0,
            used: 0,
            roots: vec![],
            collections: 0,
            frames: 0,
            deepest: 0,
        }
    }

    pub fn alloc(&mut self, fields: usize) -> u64 {
        let at = self.spaces + self.current * SPACE + self.used;
        self.used += 8 + 8 * fields;
        assert!(self.used <= SPACE, "toy heap full");
        let object = at as *mut u64;
        // SAFETY: fresh memory of the current space.
        unsafe {
            object.write(fields as u64);
            (1..=fields).for_each(|i| object.add(i).write(NIL));
        }
        v::TAG_TABLE << v::TAG_SHIFT | at as u64
    }

    /// Moves everything reachable from the compiled frames and the handles.
    fn collect<T>(
        &mut self,
        context: &NativeContext,
        map: &CodeMap<T>,
        redirects: &Redirects,
        more: &mut [u64],
    ) {
        let old = self.spaces + self.current * SPACE;
        let (old, old_end) = (old, old + self.used);
        self.current = (self.current + 1) % SPACES;
        let new = self.spaces + self.current * SPACE;
        protect(new, libc::PROT_READ | libc::PROT_WRITE);
        let mut used = 0;
        let forward = |x: u64, used: &mut usize| -> u64 {
            let at = (x & v::PAYLOAD_MASK) as usize;
            if tag(x) < v::TAG_STRING || at < old || at >= old_end {
                return x;
            }
            let object = at as *mut u64;
            // SAFETY: an object of the old space (or one that was moved and says where to), and room for it in the new.
            unsafe {
                let header = object.read();
                if header & FORWARDED != 0 {
                    return tag(x) << v::TAG_SHIFT | header & !FORWARDED;
                }
                let words = header as usize + 1;
                let to = (new + *used) as *mut u64;
                ptr::copy_nonoverlapping(object, to, words);
                *used += words * 8;
                object.write(FORWARDED | to as u64);
                tag(x) << v::TAG_SHIFT | to as u64
            }
        };
        let mut frames = 0;
        // SAFETY: the callers are runtime functions and side exits, where the exit record is valid.
        unsafe {
            walk(context, map, redirects, |frame| {
                frames += 1;
                frame.relocate(|x| forward(x, &mut used));
                ControlFlow::Continue(())
            });
        }
        for root in self.roots.iter_mut().chain(more) {
            *root = forward(*root, &mut used);
        }
        let mut scan = 0;
        while scan < used {
            let object = (new + scan) as *mut u64;
            // SAFETY: a complete object of the new space.
            unsafe {
                let fields = object.read() as usize;
                for i in 1..=fields {
                    object
                        .add(i)
                        .write(forward(object.add(i).read(), &mut used));
                }
                scan += 8 + 8 * fields;
            }
        }
        self.used = used;
        // SAFETY: the old space is the heap's own and dead; its pages go back to the system.
        unsafe { libc::madvise(old as *mut _, SPACE, libc::MADV_DONTNEED) };
        protect(old, libc::PROT_NONE);
        self.collections += 1;
        self.frames += frames;
        self.deepest = self.deepest.max(frames);
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: the heap's own mapping, which nothing refers to any more.
        unsafe { libc::munmap(self.spaces as *mut _, SPACE * SPACES) };
    }
}

// ---- the VM ------------------------------------------------------------------------------------------------------

/// `T` is the state of a test.
#[repr(C)]
pub struct Toy<T> {
    pub native: NativeState,
    /// Read by compiled code (`FLAG`).
    pub flag: u64,
    pub heap: Heap,
    pub map: CodeMap<()>,
    pub redirects: Redirects,
    pub error: u64,
    pub state: T,
    codes: Vec<CodeHandle>,
    linker: Option<Linker>,
    stubs: Option<NativeStubs>,
    memory: Arc<CodeMemory>,
}

/// Offset of `Toy::flag`.
pub const FLAG: usize = std::mem::offset_of!(Toy<()>, flag);

pub fn llvm() -> &'static Llvm {
    load().expect("these tests need LLVM 17: ci/install-llvm17")
}

/// A way to compile.
#[derive(Clone, Debug)]
pub struct Mode {
    pub code_generation: CodeGeneration,
    pub pipeline: Pipeline,
    /// More passes after statepoints were inserted.
    pub late: &'static str,
}

/// What matters of the many combinations.
pub fn modes() -> Vec<Mode> {
    use CodeGeneration::*;
    let tidy = "function(early-cse,instcombine,simplifycfg)";
    let sroa = || Pipeline::Custom("always-inline,function(sroa,early-cse)".into());
    let o3 = || Pipeline::Custom("default<O3>".into());
    [
        (Less, Pipeline::Minimal, ""),
        (Less, sroa(), tidy),
        (Less, Pipeline::Lean, ""),
        (Default, Pipeline::Lean, tidy),
        (Less, Pipeline::O2, ""),
        (Default, Pipeline::O2, ""),
        (Aggressive, o3(), tidy),
    ]
    .map(|(code_generation, pipeline, late)| Mode {
        code_generation,
        pipeline,
        late,
    })
    .into()
}

impl<T> Toy<T> {
    pub fn new(state: T, symbols: &[(&str, unsafe extern "C" fn())]) -> Box<Toy<T>> {
        Toy::with_exits(state, symbols, no_exit, no_lazy_return)
    }

    pub fn with_exits(
        state: T,
        symbols: &[(&str, unsafe extern "C" fn())],
        side_exit: SideExitHandler,
        lazy_return: LazyReturnHandler,
    ) -> Box<Toy<T>> {
        let memory = CodeMemory::new(CodeMemoryOptions {
            reserve: 32 << 20,
            limit: 8 << 20,
        })
        .unwrap();
        let mut vm = Box::new(Toy {
            native: NativeState::new(),
            flag: 0,
            heap: Heap::new(),
            map: CodeMap::new(),
            redirects: Redirects::default(),
            error: NIL,
            state,
            codes: vec![],
            linker: None,
            stubs: None,
            memory: memory.clone(),
        });
        // SAFETY: the box does not move, and owns the stubs.
        let stubs =
            unsafe { NativeStubs::install(&memory, vm.native(), side_exit, lazy_return) }.unwrap();
        let symbols: Vec<_> = symbols
            .iter()
            .map(|(name, f)| (*name, *f as *const () as usize))
            .collect();
        let options = LinkerOptions {
            side_exit_stub: Some(stubs.side_exit()),
            ..LinkerOptions::default()
        };
        vm.redirects = Redirects::new(stubs.lazy_return());
        vm.linker = Some(Linker::new(llvm(), memory, &symbols, options).unwrap());
        vm.stubs = Some(stubs);
        vm
    }

    pub fn native(&mut self) -> *mut NativeState {
        (&raw mut *self).cast()
    }

    /// Compiles IR (the prelude is added) and installs it. Returns a way to find its functions.
    pub fn install(&mut self, ir: &str, mode: &Mode) -> impl Fn(&str) -> usize + use<T> {
        let options = CompilerOptions {
            code_generation: mode.code_generation,
            verify_each: true,
            ..CompilerOptions::default()
        };
        let compiler = Compiler::new(llvm(), options).unwrap();
        let context = JobContext::new(llvm());
        let module = compiler
            .parse(&context, "test", &format!("{ir}{PRELUDE}"))
            .unwrap();
        compiler
            .optimize(&context, &module, &mode.pipeline)
            .unwrap();
        compiler.insert_statepoints(&context, &module).unwrap();
        if !mode.late.is_empty() {
            compiler.run(&context, &module, mode.late).unwrap();
        }
        let object = compiler.emit(&context, &module).unwrap();
        let code = self.linker.as_ref().unwrap().install(object).unwrap();
        self.map.insert(CodeRecord {
            range: code.range,
            stack_map: Some(code.stack_map),
            data: (),
        });
        self.codes.push(code.handle);
        let functions = code.functions;
        move |name| {
            functions
                .iter()
                .find(|f| f.0 == name)
                .unwrap_or_else(|| panic!("{name}"))
                .1 as usize
        }
    }

    /// Removes all code; nothing of it may be left.
    pub fn remove_all(&mut self) {
        let starts: Vec<u64> = self.map.iter().map(|r| r.range.start).collect();
        starts.iter().for_each(|s| drop(self.map.remove(*s)));
        let before = self.memory.in_use();
        let size: usize = self.codes.iter().map(CodeHandle::size).sum();
        self.codes.drain(..).for_each(|code| code.remove().unwrap());
        assert_eq!(self.memory.in_use(), before - size);
    }

    /// Collects. Only while a runtime function or side exit runs, or no compiled code does.
    pub fn collect(&mut self) {
        let Toy {
            native,
            heap,
            map,
            redirects,
            ..
        } = self;
        let mut result = [native.result.0];
        heap.collect(&native.context, map, redirects, &mut result);
        native.result.0 = result[0];
    }
}

/// The toy behind the address that machine code passes around.
///
/// # Safety
/// `vm` is the address of a `Toy<T>`; no other reference to it is used while this one is.
pub unsafe fn toy<'a, T>(vm: *mut NativeState) -> &'a mut Toy<T> {
    // SAFETY: the caller's promise; the state is the toy's first field.
    unsafe { &mut *vm.cast::<Toy<T>>() }
}

/// Calls compiled code with up to three arguments.
pub fn call<T>(vm: *mut Toy<T>, code: usize, arguments: &[u64]) -> Outcome {
    let a = |i| arguments.get(i).copied().unwrap_or(NIL);
    // SAFETY: tests pass their VM and functions of their code with live arguments.
    unsafe {
        enter(
            vm.cast(),
            code,
            NIL,
            arguments.len() as u64,
            a(0),
            a(1),
            a(2),
        )
    }
}

/// Calls the entry in mid-loop of compiled code.
pub fn call_osr<T>(vm: *mut Toy<T>, code: usize, frame: *mut u64) -> Outcome {
    // SAFETY: tests pass their VM, an entry of their code, and the frame that it expects.
    unsafe { enter_osr(vm.cast(), code, frame) }
}

/// The compiled frames on the stack.
pub fn depth<T>(vm: &Toy<T>) -> usize {
    let mut n = 0;
    // SAFETY: tests ask in runtime functions, or when no compiled code runs.
    unsafe {
        walk(&vm.native.context, &vm.map, &vm.redirects, |_| {
            n += 1;
            ControlFlow::Continue(())
        });
    }
    n
}

unsafe extern "C" fn no_exit(_: *mut NativeState, _: *mut ExitRegisters) -> Outcome {
    unreachable!("no exits here")
}

unsafe extern "C" fn no_lazy_return(_: *mut NativeState, _: *mut LazyReturn) -> Outcome {
    unreachable!("no redirected frames here")
}

/// Small always-inlined functions on values: a front end emits the same. A field's address is derived from the tagged value.
pub const PRELUDE: &str = r#"
define internal i1 @is_int(ptr addrspace(1) %v) #9 {
  %b = ptrtoint ptr addrspace(1) %v to i64
  %t = lshr i64 %b, 48
  %r = icmp eq i64 %t, 65529
  ret i1 %r
}
define internal i1 @is_table(ptr addrspace(1) %v) #9 {
  %b = ptrtoint ptr addrspace(1) %v to i64
  %t = lshr i64 %b, 48
  %r = icmp eq i64 %t, 65532
  ret i1 %r
}
define internal i1 @is_nil(ptr addrspace(1) %v) #9 {
  %r = icmp eq ptr addrspace(1) %v, inttoptr (i64 -1688849860263936 to ptr addrspace(1))
  ret i1 %r
}
define internal i1 @is_double(ptr addrspace(1) %v) #9 {
  %b = ptrtoint ptr addrspace(1) %v to i64
  %r = icmp ule i64 %b, -1970324836974593
  ret i1 %r
}
define internal i64 @to_int(ptr addrspace(1) %v) #9 {
  %b = ptrtoint ptr addrspace(1) %v to i64
  %s = shl i64 %b, 16
  %r = ashr exact i64 %s, 16
  ret i64 %r
}
define internal ptr addrspace(1) @box_int(i64 %i) #9 {
  %m = and i64 %i, 281474976710655
  %b = or i64 %m, -1970324836974592
  %r = inttoptr i64 %b to ptr addrspace(1)
  ret ptr addrspace(1) %r
}
define internal i1 @fits48(i64 %i) #9 {
  %s = shl i64 %i, 16
  %a = ashr exact i64 %s, 16
  %r = icmp eq i64 %a, %i
  ret i1 %r
}
define internal double @to_double(ptr addrspace(1) %v) #9 {
  %b = ptrtoint ptr addrspace(1) %v to i64
  %r = bitcast i64 %b to double
  ret double %r
}
define internal ptr addrspace(1) @box_double(double %d) #9 {
  %b = bitcast double %d to i64
  %r = inttoptr i64 %b to ptr addrspace(1)
  ret ptr addrspace(1) %r
}
define internal ptr addrspace(1) @field(ptr addrspace(1) %t, i64 %i) #9 {
  %o = getelementptr i8, ptr addrspace(1) %t, i64 1125899906842632
  %p = getelementptr i64, ptr addrspace(1) %o, i64 %i
  ret ptr addrspace(1) %p
}
attributes #0 = { nounwind "frame-pointer"="all" }
attributes #9 = { alwaysinline speculatable nounwind willreturn memory(none) "gc-leaf-function" }
"#;
