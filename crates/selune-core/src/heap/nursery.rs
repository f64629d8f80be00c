//! The region that young objects are bump-allocated in: one contiguous range of addresses, of which `[base, limit)` is
//! used in the current cycle. What is used beyond the wished size was needed between two safepoints.
use super::os;

/// Address space of a nursery. Only what is used is ever backed by memory.
const REGION: usize = if cfg!(miri) { 1 << 20 } else { 32 << 20 };
/// How far the limit moves when the nursery is full and the next safepoint has not come yet.
const EXTENSION: usize = 128 << 10;

/// The nursery's addresses; the next free one and the limit stand in the heap, where machine code finds them.
pub(crate) struct Nursery {
    region: *mut u8,
    region_size: usize,
    /// Where this cycle's objects start (the start of the region, except in stress mode).
    pub(crate) base: usize,
    /// Wished size.
    pub(crate) size: usize,
    /// Bytes allocated in all cycles before this one.
    pub(crate) before: u64,
    stress: bool,
}

impl Nursery {
    pub(crate) fn new(size: usize, stress: bool) -> Nursery {
        let mut region_size = REGION.max(os::round_up(size, os::PAGE));
        let mut region = os::map(region_size, os::PAGE);
        while region.is_null() && region_size > size {
            region_size = (region_size / 2).max(os::round_up(size, os::PAGE));
            region = os::map(region_size, os::PAGE);
        }
        if region.is_null() {
            region_size = 0;
        }
        Nursery { region, region_size, base: region as usize, size: size.min(region_size), before: 0, stress }
    }
    /// Is this address in the nursery (of this cycle, or of one that stress mode has closed)?
    #[inline(always)]
    pub(crate) fn contains(&self, p: usize) -> bool {
        p.wrapping_sub(self.region as usize) < self.region_size
    }
    /// First address that may not be used before more is asked for.
    pub(crate) fn limit(&self) -> usize {
        (self.base + self.size).min(self.end())
    }
    fn end(&self) -> usize {
        self.region as usize + self.region_size
    }
    /// A limit above `limit` that makes room for `need` bytes at `top`; None when the region is used up.
    pub(crate) fn extend(&self, top: usize, need: usize) -> Option<usize> {
        let limit = (top + need.max(EXTENSION)).min(self.end());
        (top + need <= limit).then_some(limit)
    }
    /// Starts a new cycle; everything up to `top` is dead.
    pub(crate) fn reset(&mut self, top: usize) {
        let used = top - self.base;
        self.before += used as u64;
        if self.stress {
            self.reset_stress(used);
        } else if used > self.size + self.size / 2 {
            let keep = os::round_up(self.size, os::PAGE);
            if used > keep {
                // SAFETY: whole pages of the region; all objects there are dead.
                unsafe { os::decommit((self.base + keep) as *mut u8, os::round_up(used, os::PAGE) - keep) };
            }
        }
    }
    /// Closes the pages that were used, so that a stale pointer into them faults.
    fn reset_stress(&mut self, used: usize) {
        let used = os::round_up(used, os::PAGE);
        // SAFETY: whole pages of the region; all objects there are dead.
        unsafe {
            if used > 0 {
                os::decommit(self.base as *mut u8, used);
                os::protect(self.base as *mut u8, used);
            }
            self.base += used;
            if self.end() - self.base < self.region_size / 4 {
                os::unprotect(self.region, self.region_size);
                self.base = self.region as usize;
            }
        }
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        if !self.region.is_null() {
            // SAFETY: nothing of this heap is used any more.
            unsafe { os::unmap(self.region, self.region_size) };
        }
    }
}
