//! Memory for machine code: one reserved address range per engine, handed out in blocks of whole pages.
//!
//! Guarantees: a page is never writable and executable at once (a block is written while read-write, then sealed
//! read-execute or read-only, and goes back to no access when it is freed); code, data and stubs of one engine are within
//! 2 GiB of each other, so that the small code model works; the bytes in use are limited, and an allocation beyond the
//! limit is an error for the caller, not for the process. Freed pages go back to the system and are used again.
//!
//! A block is freed when its [`CodeBlock`] is dropped: its owner makes sure that no stack can return into it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;

/// The unit of protection and so of allocation.
pub const PAGE: usize = 4096;

/// How much memory code may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeMemoryOptions {
    /// Address space to reserve, in bytes. It costs nothing until it is used.
    pub reserve: usize,
    /// How many bytes may be in use.
    pub limit: usize,
}

impl Default for CodeMemoryOptions {
    fn default() -> CodeMemoryOptions {
        CodeMemoryOptions {
            reserve: 256 << 20,
            limit: 128 << 20,
        }
    }
}

/// Why there is no memory for code.
#[derive(Debug, Error)]
pub enum CodeMemoryError {
    /// The options make no sense.
    #[error("cannot reserve {0} bytes for code: from 64 KiB to 2 GiB are possible")]
    BadSize(usize),
    /// The limit would be exceeded.
    #[error("code memory is full: {wanted} bytes wanted, {in_use} of {limit} in use")]
    Full {
        /// Bytes that were asked for, in whole pages.
        wanted: usize,
        /// Bytes in use.
        in_use: usize,
        /// The limit.
        limit: usize,
    },
    /// The system refused.
    #[error("{what}: {error}")]
    System {
        /// The call.
        what: &'static str,
        /// Its error.
        error: io::Error,
    },
}

/// A reserved address range; the lower half is for code, the upper for data, so that neighbours mostly share protection.
#[derive(Debug)]
pub struct CodeMemory {
    range: Range<usize>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Free runs, address -> length; neighbours are merged.
    free: [BTreeMap<usize, usize>; 2],
    in_use: usize,
    limit: usize,
}

#[derive(Clone, Copy)]
enum Half {
    Code = 0,
    Data = 1,
}

impl CodeMemory {
    /// Reserves the address range.
    pub fn new(options: CodeMemoryOptions) -> Result<Arc<CodeMemory>, CodeMemoryError> {
        let size = options.reserve;
        if !(64 << 10..=2 << 30).contains(&size) {
            return Err(CodeMemoryError::BadSize(size));
        }
        let half = (size / 2).next_multiple_of(PAGE);
        let size = 2 * half;
        // SAFETY: a new mapping at an address that the system chooses touches nothing that exists.
        let p = unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_NONE, RESERVE_FLAGS, -1, 0) };
        if p == libc::MAP_FAILED {
            return Err(system("reserving code memory"));
        }
        let base = p as usize;
        let free = [
            BTreeMap::from([(base, half)]),
            BTreeMap::from([(base + half, half)]),
        ];
        let state = Mutex::new(State {
            free,
            in_use: 0,
            limit: options.limit,
        });
        Ok(Arc::new(CodeMemory {
            range: base..base + size,
            state,
        }))
    }

    /// The addresses that code and data can have.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Whether an address is in the reserved range.
    pub fn contains(&self, address: usize) -> bool {
        self.range.contains(&address)
    }

    /// Bytes in use, in whole pages.
    pub fn in_use(&self) -> usize {
        self.lock().in_use
    }

    /// How many bytes may be in use.
    pub fn limit(&self) -> usize {
        self.lock().limit
    }

    /// Changes the limit; what is in use stays.
    pub fn set_limit(&self, limit: usize) {
        self.lock().limit = limit;
    }

    /// A block with room for `code` and `data` bytes (either may be 0), readable and writable until it is sealed.
    pub fn allocate(
        self: &Arc<Self>,
        code: usize,
        data: usize,
    ) -> Result<CodeBlock, CodeMemoryError> {
        let (code, data) = (pages(code), pages(data));
        let mut state = self.lock();
        let (in_use, limit) = (state.in_use, state.limit);
        let wanted = code.saturating_add(data);
        let full = CodeMemoryError::Full {
            wanted,
            in_use,
            limit,
        };
        if in_use.saturating_add(wanted) > limit {
            return Err(full);
        }
        let Some(code_at) = state.take(Half::Code, code) else {
            return Err(full);
        };
        let Some(data_at) = state.take(Half::Data, data) else {
            state.give_back(Half::Code, code_at, code);
            return Err(full);
        };
        state.in_use += wanted;
        drop(state);
        // From here on the block's destructor gives everything back.
        let block = CodeBlock {
            memory: self.clone(),
            code: code_at..code_at + code,
            data: data_at..data_at + data,
            sealed: false,
        };
        protect(&block.code, libc::PROT_READ | libc::PROT_WRITE)?;
        protect(&block.data, libc::PROT_READ | libc::PROT_WRITE)?;
        Ok(block)
    }

    /// A sealed block with this code, which must not depend on its address.
    pub fn install(self: &Arc<Self>, code: &[u8]) -> Result<CodeBlock, CodeMemoryError> {
        let mut block = self.allocate(code.len(), 0)?;
        block.code_mut()[..code.len()].copy_from_slice(code);
        block.seal()?;
        Ok(block)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self, block: &CodeBlock) {
        let mut gone = [true; 2];
        for (range, gone) in [&block.code, &block.data].into_iter().zip(&mut gone) {
            if !range.is_empty() {
                // SAFETY: the range was handed out to this block alone and nobody uses it any more (who drops a block
                // promises that). Fresh inaccessible pages over the old ones: the memory goes back, a stale jump faults.
                let p = unsafe {
                    let flags = RESERVE_FLAGS | libc::MAP_FIXED;
                    libc::mmap(
                        range.start as *mut _,
                        range.len(),
                        libc::PROT_NONE,
                        flags,
                        -1,
                        0,
                    )
                };
                *gone = p != libc::MAP_FAILED;
            }
        }
        let mut state = self.lock();
        for ((range, half), gone) in [(&block.code, Half::Code), (&block.data, Half::Data)]
            .into_iter()
            .zip(gone)
        {
            // Pages that the system did not take back (it has too many mappings) stay as they are, counted as used.
            if gone && !range.is_empty() {
                state.give_back(half, range.start, range.len());
                state.in_use -= range.len();
            }
        }
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        // SAFETY: the range is this object's own; each block holds a count of it, so none is left.
        unsafe { libc::munmap(self.range.start as *mut _, self.range.len()) };
    }
}

impl State {
    /// The lowest run that is long enough.
    fn take(&mut self, half: Half, length: usize) -> Option<usize> {
        let free = &mut self.free[half as usize];
        if length == 0 {
            return Some(0);
        }
        let (&at, &found) = free.iter().find(|&(_, &l)| l >= length)?;
        free.remove(&at);
        if found > length {
            free.insert(at + length, found - length);
        }
        Some(at)
    }

    fn give_back(&mut self, half: Half, mut at: usize, mut length: usize) {
        if length == 0 {
            return;
        }
        let free = &mut self.free[half as usize];
        if let Some(next) = free.remove(&(at + length)) {
            length += next;
        }
        if let Some((&before, &l)) = free.range(..at).next_back()
            && before + l == at
        {
            (at, length) = (before, l + length);
        }
        free.insert(at, length);
    }
}

/// Pages for one piece of code and its constants. Freed when dropped.
#[derive(Debug)]
pub struct CodeBlock {
    memory: Arc<CodeMemory>,
    code: Range<usize>,
    data: Range<usize>,
    sealed: bool,
}

impl CodeBlock {
    /// The addresses of the code pages.
    pub fn code(&self) -> Range<usize> {
        self.code.clone()
    }

    /// The addresses of the data pages.
    pub fn data(&self) -> Range<usize> {
        self.data.clone()
    }

    /// Bytes in use, in whole pages.
    pub fn len(&self) -> usize {
        self.code.len() + self.data.len()
    }

    /// Whether the block has no pages.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the code can run, and nothing be written any more.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The code pages, to be written. Empty when the block is sealed.
    pub fn code_mut(&mut self) -> &mut [u8] {
        let range = if self.sealed { 0..0 } else { self.code.clone() };
        Self::slice(range)
    }

    /// The data pages, to be written. Empty when the block is sealed.
    pub fn data_mut(&mut self) -> &mut [u8] {
        let range = if self.sealed { 0..0 } else { self.data.clone() };
        Self::slice(range)
    }

    fn slice<'a>(range: Range<usize>) -> &'a mut [u8] {
        if range.is_empty() {
            return &mut [];
        }
        // SAFETY: the pages are this block's own, initialised (zeroed by the system) and writable as long as the block is
        // not sealed, which the callers' exclusive borrow of the block rules out for the slice's life.
        unsafe { std::slice::from_raw_parts_mut(range.start as *mut u8, range.len()) }
    }

    /// Makes the code executable and the data read-only.
    pub fn seal(&mut self) -> Result<(), CodeMemoryError> {
        if !self.sealed {
            // First, so that nobody writes to what is sealed in part when the second step fails.
            self.sealed = true;
            protect(&self.data, libc::PROT_READ)?;
            protect(&self.code, libc::PROT_READ | libc::PROT_EXEC)?;
        }
        Ok(())
    }
}

impl Drop for CodeBlock {
    fn drop(&mut self) {
        self.memory.clone().release(self);
    }
}

const RESERVE_FLAGS: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;

fn pages(bytes: usize) -> usize {
    bytes
        .checked_next_multiple_of(PAGE)
        .unwrap_or(usize::MAX & !(PAGE - 1))
}

fn protect(range: &Range<usize>, protection: libc::c_int) -> Result<(), CodeMemoryError> {
    if range.is_empty() {
        return Ok(());
    }
    // SAFETY: the pages belong to the calling block, which alone decides who reads, writes or runs them.
    match unsafe { libc::mprotect(range.start as *mut _, range.len(), protection) } {
        0 => Ok(()),
        _ => Err(system("changing the protection of code memory")),
    }
}

fn system(what: &'static str) -> CodeMemoryError {
    CodeMemoryError::System {
        what,
        error: io::Error::last_os_error(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(reserve: usize, limit: usize) -> Arc<CodeMemory> {
        CodeMemory::new(CodeMemoryOptions { reserve, limit }).unwrap()
    }

    /// The protections of the mappings that overlap a range.
    fn protections(range: Range<usize>) -> Vec<String> {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let hex = |s: &str| usize::from_str_radix(s, 16).unwrap();
        maps.lines()
            .filter_map(|line| {
                let (addresses, rest) = line.split_once(' ')?;
                let (low, high) = addresses.split_once('-')?;
                (hex(low) < range.end && range.start < hex(high)).then(|| rest[..4].to_string())
            })
            .collect()
    }

    #[test]
    fn no_page_is_ever_writable_and_executable() {
        let m = memory(1 << 20, 1 << 20);
        assert_eq!(protections(m.range()), ["---p"]);
        let mut block = m.allocate(100, 100).unwrap();
        assert_eq!(protections(block.code()), ["rw-p"]);
        assert_eq!(protections(block.data()), ["rw-p"]);
        block.code_mut()[..6].copy_from_slice(&[0xb8, 42, 0, 0, 0, 0xc3]); // mov eax, 42; ret
        block.data_mut()[0] = 7;
        block.seal().unwrap();
        assert!(block.code_mut().is_empty() && block.data_mut().is_empty());
        assert_eq!(protections(block.code()), ["r-xp"]);
        assert_eq!(protections(block.data()), ["r--p"]);
        // SAFETY: the bytes above are this function.
        let f = unsafe { std::mem::transmute::<usize, extern "C" fn() -> i32>(block.code().start) };
        assert_eq!(f(), 42);
        assert_eq!(m.in_use(), 2 * PAGE);
        drop(block);
        assert_eq!(protections(m.range()), ["---p"]);
        assert_eq!(m.in_use(), 0);
    }

    #[test]
    fn full_is_an_error_and_freeing_makes_room() {
        let m = memory(64 << 10, 6 * PAGE);
        let a = m.allocate(3 * PAGE, 1).unwrap();
        let b = m.allocate(1, 0).unwrap();
        let e = m.allocate(1, 1).unwrap_err();
        assert!(
            matches!(e, CodeMemoryError::Full { wanted, in_use, .. } if wanted == 2 * PAGE && in_use == 5 * PAGE)
        );
        assert_eq!(
            e.to_string(),
            "code memory is full: 8192 bytes wanted, 20480 of 24576 in use"
        );
        let at = a.code().start;
        drop(a);
        let c = m.allocate(2 * PAGE, 0).unwrap();
        assert_eq!(c.code().start, at, "freed pages are used again");
        // The halves of the range are a limit too, and asking for too much takes nothing.
        m.set_limit(usize::MAX);
        assert!(m.allocate(64 << 10, 0).is_err());
        assert!(m.allocate(usize::MAX, usize::MAX).is_err());
        assert!(m.allocate(1, 64 << 10).is_err());
        drop((b, c));
        assert_eq!(m.in_use(), 0);
        // Everything was merged: the largest possible blocks fit again.
        let all = m.allocate(32 << 10, 32 << 10).unwrap();
        assert_eq!(all.len(), 64 << 10);
    }

    #[test]
    fn freed_runs_merge_in_any_order() {
        let m = memory(1 << 20, 1 << 20);
        for order in [[0, 1, 2, 3], [3, 1, 0, 2], [1, 3, 2, 0], [2, 0, 3, 1]] {
            let mut blocks: Vec<_> = (1..=4)
                .map(|n| Some(m.allocate(n * PAGE, PAGE).unwrap()))
                .collect();
            for i in order {
                blocks[i] = None;
            }
            assert_eq!(m.lock().free.each_ref().map(BTreeMap::len), [1, 1]);
        }
    }

    #[test]
    fn sizes_are_checked() {
        for size in [0, 4096, 3 << 30] {
            let options = CodeMemoryOptions {
                reserve: size,
                limit: size,
            };
            assert!(matches!(
                CodeMemory::new(options),
                Err(CodeMemoryError::BadSize(_))
            ));
        }
    }
}
