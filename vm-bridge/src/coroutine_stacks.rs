//! The pool of native stacks for coroutines with compiled frames.
//!
//! Stacks are cut from slabs of reserved addresses and used again. Each has inaccessible pages below it; since those count
//! against the system's limit of mappings (two for each stack), there is a limit to the number of stacks, beyond which
//! coroutines are interpreted. A stack's description stands at its upper end, so that a coroutine that yields at once
//! touches one page.
use selune_core::coroutine_stack::{CoroutineStack, RUST_ROOM};
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Addresses of one stack, the inaccessible pages included. An odd number of pages: at a power of two all stacks would
/// compete for the same entries of the processor's address translation (a ring of 500 coroutines: 54 against 35 ns a turn).
/// And no more of them than needed, since far-away pages cost more (5,000 coroutines: 165 ns at 2 MB, 85 ns at this distance).
const STACK: usize = (512 << 10) + PAGE;
const PAGE: usize = 4 << 10;
const GUARD: usize = 16 << 10;
/// Bytes at the upper end that compiled code may use; what is below belongs to Rust code that it calls. Deeper calls are
/// interpreted.
const FOR_COMPILED: usize = 128 << 10;
const _: () = assert!(STACK - GUARD - FOR_COMPILED >= RUST_ROOM);
/// Stacks of one slab.
const SLAB: usize = 64;
/// Free stacks that keep their pages.
const KEEP: usize = 512;
/// Different distances of first frames from the page's end, so that they do not all fall into the same lines of caches.
const COLOURS: usize = 16;
const COLOUR: usize = 192;
/// Stacks of all pools of the process, whose mappings count together. (A few more if threads cut at the same time.)
const PROCESS_LIMIT: usize = 24_000;
static CUT: AtomicUsize = AtomicUsize::new(0);

/// See the head of this file.
pub struct StackPool {
    slabs: Vec<usize>,
    /// Stacks that were cut so far.
    made: usize,
    limit: usize,
    free: Vec<usize>,
    in_use: Vec<*mut CoroutineStack>,
}

/// A stack that was just taken.
pub struct Taken {
    /// Where its description goes.
    pub description: *mut CoroutineStack,
    /// Upper end of what frames may use.
    pub top: *mut u64,
    /// Compiled code must not go below.
    pub limit: u64,
    /// Its lowest address, to be kept in the description.
    pub low: usize,
    /// Number among the stacks in use, to be kept in the description.
    pub index: usize,
}

impl StackPool {
    /// An empty pool of at most `limit` stacks.
    pub fn new(limit: usize) -> StackPool {
        StackPool { slabs: Vec::new(), made: 0, limit, free: Vec::new(), in_use: Vec::new() }
    }

    /// A stack, whose description is to be written at once. None: there are too many, or the system gives no more.
    pub fn take(&mut self) -> Option<Taken> {
        let low = match self.free.pop() {
            Some(low) => low,
            None => self.cut()?,
        };
        let number = low / STACK;
        let high = low + STACK - number % COLOURS * COLOUR;
        let description = (high - size_of::<CoroutineStack>()) & !63;
        let index = self.in_use.len();
        self.in_use.push(description as *mut CoroutineStack);
        let limit = (low + STACK - FOR_COMPILED) as u64;
        Some(Taken { description: description as *mut CoroutineStack, top: description as *mut u64, limit, low, index })
    }

    fn cut(&mut self) -> Option<usize> {
        if self.made >= self.limit || CUT.load(Ordering::Relaxed) >= PROCESS_LIMIT {
            return None;
        }
        if self.made == self.slabs.len() * SLAB {
            let Some(slab) = map_slab() else {
                self.limit = self.made;
                return None;
            };
            self.slabs.push(slab);
        }
        let low = self.slabs[self.made / SLAB] + self.made % SLAB * STACK;
        // SAFETY: pages of a slab that nothing uses yet.
        let done = unsafe { libc::mprotect((low + GUARD) as *mut _, STACK - GUARD, libc::PROT_READ | libc::PROT_WRITE) };
        if done != 0 {
            self.limit = self.made;
            return None;
        }
        self.made += 1;
        CUT.fetch_add(1, Ordering::Relaxed);
        Some(low)
    }

    /// Takes a stack back; gives its addresses.
    ///
    /// # Safety
    /// The stack is in use, and nothing will run on it or look at it any more (but for a switch away from it that comes next, if
    /// `keeps_pages`).
    pub unsafe fn give_back(&mut self, stack: *mut CoroutineStack) -> Range<usize> {
        // SAFETY: descriptions of stacks in use are valid.
        unsafe {
            let index = (*stack).index;
            self.in_use.swap_remove(index);
            if let Some(moved) = self.in_use.get(index) {
                (**moved).index = index;
            }
        }
        // SAFETY: as above.
        let low = unsafe { (*stack).low };
        if self.free.len() >= KEEP {
            // SAFETY: the pages are this stack's, and nothing on them is needed.
            unsafe { libc::madvise((low + GUARD) as *mut _, STACK - GUARD, libc::MADV_DONTNEED) };
        }
        self.free.push(low);
        low..low + STACK
    }

    /// Will the next stack that is given back keep its pages, so that it may still be running?
    pub fn keeps_pages(&self) -> bool {
        self.free.len() < KEEP
    }

    /// The stacks in use.
    pub fn in_use(&self) -> &[*mut CoroutineStack] {
        &self.in_use
    }
}

/// Addresses for a slab. Small pages: a huge one would cost its whole size for one coroutine.
fn map_slab() -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping at an address that the system chooses touches nothing that exists.
    unsafe {
        let p = libc::mmap(ptr::null_mut(), SLAB * STACK, libc::PROT_NONE, flags, -1, 0);
        if p == libc::MAP_FAILED {
            return None;
        }
        libc::madvise(p, SLAB * STACK, libc::MADV_NOHUGEPAGE);
        Some(p as usize)
    }
}

impl Drop for StackPool {
    fn drop(&mut self) {
        CUT.fetch_sub(self.made, Ordering::Relaxed);
        for &slab in &self.slabs {
            // SAFETY: the mapping is the pool's own. Each stack in use keeps the engine, and so the pool, alive.
            unsafe { libc::munmap(slab as *mut _, SLAB * STACK) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe fn take(pool: &mut StackPool) -> Option<*mut CoroutineStack> {
        let taken = pool.take()?;
        // SAFETY: the pool's memory, writable; of the description only these fields are used here.
        unsafe {
            ((*taken.description).index, (*taken.description).low) = (taken.index, taken.low);
            taken.top.sub(1).write(42);
            (taken.limit as *mut u64).write(42);
        }
        assert_eq!(taken.top as usize % 16, 0);
        Some(taken.description)
    }

    #[test]
    fn stacks_are_used_again_and_limited() {
        let mut pool = StackPool::new(SLAB + 3);
        // SAFETY: each stack is given back once.
        unsafe {
            let all: Vec<_> = std::iter::from_fn(|| take(&mut pool)).collect();
            assert_eq!(all.len(), SLAB + 3);
            assert_eq!(pool.in_use().len(), SLAB + 3);
            for (i, s) in all.iter().enumerate() {
                assert_eq!((**s).index, i);
            }
            pool.give_back(all[5]);
            assert_eq!((*pool.in_use()[5]).index, 5);
            assert_eq!(take(&mut pool), Some(all[5]));
            for s in &all {
                pool.give_back(*s);
            }
            assert!(pool.in_use().is_empty());
            assert_eq!(std::iter::from_fn(|| take(&mut pool)).count(), SLAB + 3);
        }
    }
}
