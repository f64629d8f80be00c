//! Memory from the operating system: zeroed pages, mapped lazily. The only file of the heap that makes system calls.
//!
//! Under Miri, which has no `mmap`, the same functions use the plain allocator and protection does nothing.

/// Size of a page (pages may be larger on other platforms; only a granule for rounding here).
pub(crate) const PAGE: usize = 4096;

/// Rounds up to a multiple of `to`, a power of two.
#[inline(always)]
pub(crate) const fn round_up(n: usize, to: usize) -> usize {
    (n + to - 1) & !(to - 1)
}

#[cfg(not(miri))]
mod imp {
    use super::{PAGE, round_up};

    /// Maps `size` bytes of zeroed memory at a multiple of `align`; null when there is none. Pages are taken when touched.
    pub(crate) fn map(size: usize, align: usize) -> *mut u8 {
        let size = round_up(size, PAGE);
        let total = if align > PAGE { size + align } else { size };
        // SAFETY: an anonymous private mapping at an address that the kernel chooses.
        let p = unsafe {
            libc::mmap(
                core::ptr::null_mut(),
                total,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        if p == libc::MAP_FAILED {
            return core::ptr::null_mut();
        }
        let p = p as *mut u8;
        if align <= PAGE {
            return p;
        }
        let skip = round_up(p as usize, align) - p as usize;
        // SAFETY: both ranges lie in the mapping just made and outside of what is returned.
        unsafe {
            if skip > 0 {
                unmap(p, skip);
            }
            if total - skip - size > 0 {
                unmap(p.add(skip + size), total - skip - size);
            }
            p.add(skip)
        }
    }
    /// Gives back what `map` gave (or whole pages of it).
    pub(crate) unsafe fn unmap(p: *mut u8, size: usize) {
        // SAFETY: the caller passes whole pages of a mapping that nobody uses any more.
        unsafe { libc::munmap(p as *mut libc::c_void, round_up(size, PAGE)) };
    }
    /// Makes every access fault (stress mode).
    pub(crate) unsafe fn protect(p: *mut u8, size: usize) {
        // SAFETY: whole pages of a mapping of ours.
        unsafe { libc::mprotect(p as *mut libc::c_void, size, libc::PROT_NONE) };
    }
    /// Undoes `protect`.
    pub(crate) unsafe fn unprotect(p: *mut u8, size: usize) {
        // SAFETY: whole pages of a mapping of ours.
        unsafe { libc::mprotect(p as *mut libc::c_void, size, libc::PROT_READ | libc::PROT_WRITE) };
    }
    /// Gives the pages back but keeps the addresses; they read as zero afterwards.
    pub(crate) unsafe fn decommit(p: *mut u8, size: usize) {
        // SAFETY: whole pages of a mapping of ours whose contents nobody needs.
        unsafe { libc::madvise(p as *mut libc::c_void, size, libc::MADV_DONTNEED) };
    }
}

#[cfg(miri)]
mod imp {
    use std::alloc::{Layout, alloc_zeroed, dealloc};
    const MIRI_ALIGN: usize = 1 << 16;

    pub(crate) fn map(size: usize, align: usize) -> *mut u8 {
        assert!(align <= MIRI_ALIGN);
        // SAFETY: the size is not zero.
        unsafe { alloc_zeroed(Layout::from_size_align_unchecked(size, MIRI_ALIGN)) }
    }
    pub(crate) unsafe fn unmap(p: *mut u8, size: usize) {
        // SAFETY: came from `map` with this size.
        unsafe { dealloc(p, Layout::from_size_align_unchecked(size, MIRI_ALIGN)) };
    }
    pub(crate) unsafe fn protect(_: *mut u8, _: usize) {}
    pub(crate) unsafe fn unprotect(_: *mut u8, _: usize) {}
    pub(crate) unsafe fn decommit(_: *mut u8, _: usize) {}
}

pub(crate) use imp::*;
