//! Native stacks: a large reserved one for the main program, and the bounds of the one that a thread came with.
//!
//! "Stack overflow" in Lua never depends on the native stack; its limit only decides whether compiled code may be entered.

use crate::arch::call_on_stack;
use std::ffi::c_void;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

/// The main program's stack: addresses, not memory.
pub const MAIN_STACK: usize = 256 << 20;

const GUARD: usize = 64 << 10;
const MINIMUM: usize = 1 << 20;

/// The addresses of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StackBounds {
    /// The lowest address that may be used.
    pub low: usize,
    /// The address after the highest.
    pub high: usize,
}

impl StackBounds {
    /// The bounds of the calling thread's own stack.
    pub fn of_this_thread() -> io::Result<StackBounds> {
        // SAFETY: the attribute object is initialised by pthread_getattr_np before it is read and destroyed once.
        unsafe {
            let mut attributes = std::mem::zeroed();
            match libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) {
                0 => {}
                code => return Err(io::Error::from_raw_os_error(code)),
            }
            let (mut low, mut size) = (ptr::null_mut(), 0);
            let code = libc::pthread_attr_getstack(&attributes, &mut low, &mut size);
            libc::pthread_attr_destroy(&mut attributes);
            match code {
                0 => Ok(StackBounds {
                    low: low as usize,
                    high: low as usize + size,
                }),
                code => Err(io::Error::from_raw_os_error(code)),
            }
        }
    }

    /// How many bytes there are.
    pub fn size(&self) -> usize {
        self.high - self.low
    }

    /// Whether an address is on this stack.
    pub fn contains(&self, address: usize) -> bool {
        (self.low..self.high).contains(&address)
    }
}

/// A stack of its own, with inaccessible pages below it.
#[derive(Debug)]
pub struct NativeStack {
    map: usize,
    length: usize,
}

impl NativeStack {
    /// Reserves a stack of `size` bytes; less (but at least 1 MiB) if the system does not give that much.
    pub fn new(size: usize) -> io::Result<NativeStack> {
        let mut size = size.max(MINIMUM).next_multiple_of(GUARD);
        loop {
            match NativeStack::map(size) {
                Ok(stack) => return Ok(stack),
                Err(e) if size / 2 < MINIMUM => return Err(e),
                Err(_) => size = (size / 2).next_multiple_of(GUARD),
            }
        }
    }

    fn map(size: usize) -> io::Result<NativeStack> {
        let length = size + GUARD;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: a new mapping at an address that the system chooses touches nothing that exists.
        let p = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                flags,
                -1,
                0,
            )
        };
        if p == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = NativeStack {
            map: p as usize,
            length,
        };
        // SAFETY: the pages are part of the new mapping and nothing is in them.
        match unsafe { libc::mprotect(p, GUARD, libc::PROT_NONE) } {
            0 => Ok(stack),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The usable part.
    pub fn bounds(&self) -> StackBounds {
        StackBounds {
            low: self.map + GUARD,
            high: self.map + self.length,
        }
    }

    /// Runs `f` on this stack, in this thread. A panic goes on in the caller.
    pub fn run<R>(&mut self, f: impl FnOnce(StackBounds) -> R) -> R {
        struct Call<F, R> {
            f: Option<F>,
            bounds: StackBounds,
            result: Option<std::thread::Result<R>>,
        }
        unsafe extern "C" fn start<F: FnOnce(StackBounds) -> R, R>(call: *mut c_void) {
            // SAFETY: the address of the `Call` below, which waits for us.
            let call = unsafe { &mut *call.cast::<Call<F, R>>() };
            if let Some(f) = call.f.take() {
                let bounds = call.bounds;
                call.result = Some(catch_unwind(AssertUnwindSafe(|| f(bounds))));
            }
        }
        fn start_of<F: FnOnce(StackBounds) -> R, R>(
            _: &Call<F, R>,
        ) -> unsafe extern "C" fn(*mut c_void) {
            start::<F, R>
        }
        let bounds = self.bounds();
        let mut call = Call {
            f: Some(f),
            bounds,
            result: None,
        };
        let start = start_of(&call);
        // SAFETY: the top is page-aligned, the memory below it is this stack's own and (by the exclusive borrow) unused;
        // `start` does not unwind.
        unsafe { call_on_stack(start, (&raw mut call).cast(), bounds.high as *mut u8) };
        match call.result {
            Some(Ok(result)) => result,
            Some(Err(panic)) => resume_unwind(panic),
            None => unreachable!("the call was made"),
        }
    }
}

impl Drop for NativeStack {
    fn drop(&mut self) {
        // SAFETY: the mapping is this object's own, and nothing runs on it: `run` borrows the object.
        unsafe { libc::munmap(self.map as *mut _, self.length) };
    }
}

/// Runs `f` on a fresh stack of `size` bytes (see [`NativeStack::new`]), giving it the stack's bounds.
pub fn on_stack<R>(size: usize, f: impl FnOnce(StackBounds) -> R) -> io::Result<R> {
    Ok(NativeStack::new(size)?.run(f))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recurses through some kilobytes a level.
    fn deep(n: usize) -> usize {
        let pad = std::hint::black_box([n; 512]);
        if n == 0 {
            0
        } else {
            deep(n - 1) + pad[n % 512] / n
        }
    }

    #[test]
    fn runs_deep_recursion_within_the_bounds() {
        let result = on_stack(MAIN_STACK, |bounds| {
            let here = 0u8;
            assert!(bounds.contains(&raw const here as usize));
            assert_eq!(bounds.size(), MAIN_STACK);
            assert!(
                !StackBounds::of_this_thread()
                    .unwrap()
                    .contains(&raw const here as usize)
            );
            deep(30_000) // 130 MB
        });
        assert_eq!(result.unwrap(), 30_000);
    }

    #[test]
    fn panics_come_through() {
        // (`resume_unwind` is a panic without a message on the screen.)
        let r = catch_unwind(|| on_stack(1, |_| resume_unwind(Box::new(42))));
        assert_eq!(r.unwrap_err().downcast_ref(), Some(&42));
        // Nested, and used again.
        let mut stack = NativeStack::new(MINIMUM).unwrap();
        for i in 0..3 {
            assert_eq!(stack.run(|_| on_stack(MINIMUM, |_| i + 1).unwrap()), i + 1);
        }
    }

    #[test]
    fn knows_this_threads_stack() {
        let here = 0u8;
        assert!(
            StackBounds::of_this_thread()
                .unwrap()
                .contains(&raw const here as usize)
        );
    }
}
