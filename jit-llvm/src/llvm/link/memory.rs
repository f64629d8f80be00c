//! The memory manager that RuntimeDyld calls back: sections go into the block that `install` has allocated, the stack map
//! into a buffer of its own; at the end exits are patched and the pages sealed.

use crate::llvm::error::LlvmError;
use crate::llvm::object::{SECTION_ALIGNMENT, STACK_MAP_SECTION};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vm_bridge::arch::{EXIT_BYTES, patch_exit};
use vm_bridge::code_memory::{CodeBlock, CodeMemory};
use vm_bridge::stackmap::StackMap;

/// What a linker shares with the callbacks.
#[derive(Debug)]
pub(super) struct LinkShared {
    memory: Option<Arc<CodeMemory>>,
    side_exit_stub: Option<u64>,
    current: Mutex<Current>,
}

/// The object that is being linked: one at a time, the gate is held.
#[derive(Debug, Default)]
struct Current {
    job: Option<LinkJob>,
    linked: Option<Linked>,
    error: Option<LlvmError>,
    reports: Vec<String>,
}

/// The memory for an object, before it is linked.
#[derive(Debug)]
pub(super) struct LinkJob {
    block: CodeBlock,
}

/// What is known of an object when it is linked.
#[derive(Debug)]
pub(super) struct Linked {
    pub(super) range: Range<u64>,
    pub(super) stack_map: StackMap,
}

impl LinkJob {
    pub(super) fn new(block: CodeBlock) -> LinkJob {
        LinkJob { block }
    }
}

impl LinkShared {
    pub(super) fn new(memory: Arc<CodeMemory>, side_exit_stub: Option<u64>) -> LinkShared {
        LinkShared {
            memory: Some(memory),
            side_exit_stub,
            current: Mutex::default(),
        }
    }

    /// What takes the place of one that must be leaked.
    pub(super) fn empty() -> LinkShared {
        LinkShared {
            memory: None,
            side_exit_stub: None,
            current: Mutex::default(),
        }
    }

    pub(super) fn memory(&self) -> &Arc<CodeMemory> {
        match &self.memory {
            Some(memory) => memory,
            None => unreachable!("only a session that is being dropped is without memory"),
        }
    }

    pub(super) fn begin(&self, job: LinkJob) {
        *self.current() = Current {
            job: Some(job),
            ..Current::default()
        };
    }

    pub(super) fn end(&self) {
        *self.current() = Current::default();
    }

    pub(super) fn linked(&self) -> Result<Linked, LlvmError> {
        self.current()
            .linked
            .take()
            .ok_or_else(|| LlvmError::Link("the object was not linked".into()))
    }

    pub(super) fn take_error(&self) -> Option<LlvmError> {
        self.current().error.take()
    }

    pub(super) fn report(&self, message: String) {
        self.current().reports.push(message);
    }

    pub(super) fn take_reports(&self) -> String {
        std::mem::take(&mut self.current().reports).join("; ")
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory of one object, as long as its code is installed.
struct ObjectMemory {
    shared: *const LinkShared,
    block: Option<CodeBlock>,
    /// Bytes handed out of the block's code and data pages.
    used: [usize; 2],
    stack_map: Option<Buffer>,
}

/// Aligned memory for the stack map, which is relocated like any section.
struct Buffer {
    words: Box<[u64]>,
    size: usize,
}

impl ObjectMemory {
    /// Null when the object asks for more than its headers said; LLVM makes a fatal error of that.
    fn section(&mut self, data: bool, size: usize, align: c_uint) -> *mut u8 {
        let Some(block) = &mut self.block else {
            return std::ptr::null_mut();
        };
        let pages = if data {
            block.data_mut()
        } else {
            block.code_mut()
        };
        let used = &mut self.used[usize::from(data)];
        let start = used.next_multiple_of((align as usize).max(SECTION_ALIGNMENT));
        match pages.get_mut(start..start.saturating_add(size)) {
            Some(section) => {
                *used = start + size;
                section.as_mut_ptr()
            }
            None => std::ptr::null_mut(),
        }
    }

    fn finish(&mut self, shared: &LinkShared) -> Result<Linked, LlvmError> {
        let block = self
            .block
            .as_mut()
            .ok_or(LlvmError::Object("linked without memory"))?;
        let code = block.code();
        let start = code.start as u64;
        let range = start..start + self.used[0] as u64;
        let stack_map = match self.stack_map.take() {
            Some(buffer) => StackMap::parse(buffer.bytes(), range.start, range.end - range.start)?,
            None => StackMap::default(),
        };
        let pages = block.code_mut();
        for exit in stack_map.exits() {
            let stub = shared
                .side_exit_stub
                .ok_or(LlvmError::Object("side exits, but no stub for them"))?;
            let at = exit.patch_offset() as usize;
            let site = pages
                .get_mut(at..)
                .and_then(|p| p.first_chunk_mut::<EXIT_BYTES>());
            let site = site.ok_or(LlvmError::Object("a side exit outside the code"))?;
            *site = patch_exit(*site, start + at as u64, stub)?;
        }
        block.seal()?;
        Ok(Linked { range, stack_map })
    }
}

impl Buffer {
    fn new(size: usize) -> Buffer {
        Buffer {
            words: vec![0; size.div_ceil(8)].into_boxed_slice(),
            size,
        }
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the words are initialised and at least `size` bytes.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), self.size) }
    }
}

// The callbacks. RuntimeDyld calls them in the thread that links, which holds the gate; `shared` is the address of the
// session's `LinkShared`, which outlives the LLJIT, and `object` what `create_context` returned. None of them panics
// (a panic would end the process at this border).

pub(super) extern "C" fn create_context(shared: *mut c_void) -> *mut c_void {
    let shared = shared.cast::<LinkShared>().cast_const();
    // SAFETY: see above.
    let job = unsafe { &*shared }.current().job.take();
    let object = ObjectMemory {
        shared,
        block: job.map(|j| j.block),
        used: [0; 2],
        stack_map: None,
    };
    Box::into_raw(Box::new(object)).cast()
}

pub(super) extern "C" fn notify_terminating(_shared: *mut c_void) {}

pub(super) extern "C" fn allocate_code(
    object: *mut c_void,
    size: usize,
    align: c_uint,
    _id: c_uint,
    _name: *const c_char,
) -> *mut u8 {
    // SAFETY: see above.
    unsafe { &mut *object.cast::<ObjectMemory>() }.section(false, size, align)
}

pub(super) extern "C" fn allocate_data(
    object: *mut c_void,
    size: usize,
    align: c_uint,
    _id: c_uint,
    name: *const c_char,
    _read_only: c_int,
) -> *mut u8 {
    // SAFETY: see above; the name is a C string.
    let (object, name) = unsafe { (&mut *object.cast::<ObjectMemory>(), CStr::from_ptr(name)) };
    if name.to_bytes() == STACK_MAP_SECTION.as_bytes() {
        return object
            .stack_map
            .insert(Buffer::new(size))
            .words
            .as_mut_ptr()
            .cast();
    }
    object.section(true, size, align)
}

pub(super) extern "C" fn finalize(object: *mut c_void, error: *mut *mut c_char) -> c_int {
    // SAFETY: see above.
    let object = unsafe { &mut *object.cast::<ObjectMemory>() };
    // SAFETY: see above.
    let shared = unsafe { &*object.shared };
    let result = object.finish(shared);
    let mut current = shared.current();
    match result {
        Ok(linked) => {
            current.linked = Some(linked);
            0
        }
        Err(e) => {
            current.error = Some(e);
            // SAFETY: LLVM frees the message with `free`; ours is kept in `current`.
            unsafe { *error = libc::strdup(c"the code was refused".as_ptr()) };
            1
        }
    }
}

pub(super) extern "C" fn destroy(object: *mut c_void) {
    // SAFETY: see above; this is the last call for the object. Dropping its block frees the code.
    drop(unsafe { Box::from_raw(object.cast::<ObjectMemory>()) });
}
