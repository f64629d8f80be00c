//! Old space: blocks of 64 KB, each cut into cells of one size class. Objects never move here.
//!
//! Each block has two bitmaps with one bit per 16 bytes, set at the first granule of a cell: `alloc` (the cell holds an
//! object) and `mark` (reached in the current major collection). Sweeping is `alloc = mark`: it touches no object. The
//! allocator bumps through runs of free cells, so there are no free lists to thread through dead objects.
use super::os;

/// Size and alignment of a block.
pub(crate) const BLOCK: usize = 1 << 16;
/// Granule of sizes and of the bitmaps.
pub(crate) const GRANULE: usize = 16;
/// The largest object that lives in a block; larger ones are allocated on their own (`large`).
pub(crate) const MAX_CELL: usize = 8192;
const WORDS: usize = BLOCK / GRANULE / 64;
/// Blocks are taken from the system in chunks of this size.
const CHUNK: usize = if cfg!(miri) { 4 * BLOCK } else { 1 << 20 };
/// Chunks' worth of address space put aside for when the system refuses.
const RESERVE: usize = if cfg!(miri) { 4 * BLOCK } else { 6 << 20 };
/// Empty blocks that keep their pages between collections.
const KEEP_EMPTY: usize = 32;

const SIZES: [u16; 36] = [
    16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536,
    1792, 2048, 2560, 3072, 3584, 4096, 5120, 6144, 7168, 8192,
];
const CLASS_OF: [u8; MAX_CELL / GRANULE + 1] = {
    let mut table = [0; MAX_CELL / GRANULE + 1];
    let (mut i, mut class) = (0, 0);
    while i < table.len() {
        while (SIZES[class] as usize) < i * GRANULE {
            class += 1;
        }
        table[i] = class as u8;
        i += 1;
    }
    table
};

/// Header of a block.
#[repr(C, align(64))]
pub(crate) struct Block {
    /// Size of its cells in bytes; 0 while it is empty.
    pub(crate) cell: u32,
    class: u32,
    pub(crate) alloc: [u64; WORDS],
    pub(crate) mark: [u64; WORDS],
}

const FIRST_CELL: usize = size_of::<Block>();

impl Block {
    /// The block that an old, not large object lives in.
    #[inline(always)]
    pub(crate) fn of(p: *const u8) -> *mut Block {
        (p as usize & !(BLOCK - 1)) as *mut Block
    }
    #[inline(always)]
    fn bit(p: *const u8) -> (usize, u64) {
        let granule = (p as usize & (BLOCK - 1)) / GRANULE;
        (granule / 64, 1 << (granule % 64))
    }
    /// Marks the object at `p`; true when it was not marked before.
    #[inline(always)]
    pub(crate) unsafe fn mark(p: *const u8) -> bool {
        let (word, bit) = Block::bit(p);
        // SAFETY: `p` is in a block, whose header is ours.
        unsafe {
            let w = &raw mut (*Block::of(p)).mark[word];
            let old = *w;
            *w = old | bit;
            old & bit == 0
        }
    }
    /// Is the object at `p` marked?
    #[inline(always)]
    pub(crate) unsafe fn is_marked(p: *const u8) -> bool {
        let (word, bit) = Block::bit(p);
        // SAFETY: as in `mark`.
        unsafe { (*Block::of(p)).mark[word] & bit != 0 }
    }
    /// Does a live cell start at `p`?
    pub(crate) unsafe fn is_allocated(p: *const u8) -> bool {
        let (word, bit) = Block::bit(p);
        // SAFETY: as in `mark`.
        unsafe { (*Block::of(p)).alloc[word] & bit != 0 }
    }
    fn cells(cell: usize) -> usize {
        (BLOCK - FIRST_CELL) / cell
    }
    /// Calls `f` with the address of each allocated cell.
    pub(crate) unsafe fn for_each_cell(this: *mut Block, f: &mut dyn FnMut(*mut u8)) {
        for word in 0..WORDS {
            // SAFETY: the caller passes a live block.
            let mut bits = unsafe { (*this).alloc[word] };
            while bits != 0 {
                let granule = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                // SAFETY: within the block.
                f(unsafe { (this as *mut u8).add(granule * GRANULE) });
            }
        }
    }
}

/// Where one size class allocates: a run of free cells, and where to look for the next.
#[derive(Clone, Copy)]
struct Run {
    cur: *mut u8,
    end: *mut u8,
    /// The block that `cur` is in, null none.
    block: *mut Block,
    /// First cell of `block` that was not looked at.
    next: u32,
}

/// Old space without large objects.
pub(crate) struct Space {
    runs: [Run; SIZES.len()],
    /// Blocks with free cells, by class, found by the last sweep.
    partial: [Vec<*mut Block>; SIZES.len()],
    /// All blocks in use.
    pub(crate) blocks: Vec<*mut Block>,
    empty: Vec<*mut Block>,
    chunks: Vec<(*mut u8, usize)>,
    fresh: *mut u8,
    fresh_end: *mut u8,
    reserve: *mut u8,
    /// Bytes in cells.
    pub(crate) bytes: usize,
    /// The system refused a chunk, and the reserve was used.
    pub(crate) exhausted: bool,
}

impl Space {
    pub(crate) fn new() -> Space {
        let run = Run { cur: core::ptr::null_mut(), end: core::ptr::null_mut(), block: core::ptr::null_mut(), next: 0 };
        Space {
            runs: [run; SIZES.len()],
            partial: [const { Vec::new() }; SIZES.len()],
            blocks: Vec::new(),
            empty: Vec::new(),
            chunks: Vec::new(),
            fresh: core::ptr::null_mut(),
            fresh_end: core::ptr::null_mut(),
            reserve: os::map(RESERVE, BLOCK),
            bytes: 0,
            exhausted: false,
        }
    }
    /// Room for an object of at most `MAX_CELL` bytes. Never fails: see `exhausted`.
    #[inline(always)]
    pub(crate) fn alloc(&mut self, size: usize) -> *mut u8 {
        debug_assert!(size > 0 && size <= MAX_CELL);
        let class = CLASS_OF[size.div_ceil(GRANULE)] as usize;
        let run = &mut self.runs[class];
        if run.cur == run.end {
            self.next_run(class);
        }
        let run = &mut self.runs[class];
        let p = run.cur;
        let cell = SIZES[class] as usize;
        self.bytes += cell;
        let (word, bit) = Block::bit(p);
        // SAFETY: the run is not empty now, and lies in `run.block`.
        unsafe {
            run.cur = p.add(cell);
            (*run.block).alloc[word] |= bit;
        }
        p
    }
    /// Gives a cell back before the next sweep. It may be used again only after that sweep, so stale pointers to it that
    /// nobody follows do no harm.
    pub(crate) unsafe fn free(&mut self, p: *mut u8) {
        let (word, bit) = Block::bit(p);
        let block = Block::of(p);
        // SAFETY: the caller passes an object of this space that nothing refers to.
        unsafe {
            (*block).alloc[word] &= !bit;
            self.bytes -= (*block).cell as usize;
        }
    }
    #[cold]
    #[inline(never)]
    fn next_run(&mut self, class: usize) {
        let cell = SIZES[class] as usize;
        loop {
            let run = &mut self.runs[class];
            if !run.block.is_null() && run.find(cell) {
                return;
            }
            let block = match self.partial[class].pop() {
                Some(block) => block,
                None => self.new_block(class),
            };
            self.runs[class] = Run { cur: core::ptr::null_mut(), end: core::ptr::null_mut(), block, next: 0 };
        }
    }
    fn new_block(&mut self, class: usize) -> *mut Block {
        let block = match self.empty.pop() {
            Some(block) => block,
            None => {
                if self.fresh == self.fresh_end {
                    self.new_chunk();
                }
                let block = self.fresh as *mut Block;
                self.fresh = self.fresh.wrapping_add(BLOCK);
                block
            }
        };
        // SAFETY: the block is ours, and its bitmaps are zero (fresh pages, or swept empty).
        unsafe {
            (*block).cell = SIZES[class] as u32;
            (*block).class = class as u32;
        }
        self.blocks.push(block);
        block
    }
    #[cold]
    fn new_chunk(&mut self) {
        let mut size = CHUNK;
        let mut p = os::map(CHUNK, BLOCK);
        if p.is_null() {
            self.exhausted = true;
            (p, size) = (core::mem::replace(&mut self.reserve, core::ptr::null_mut()), RESERVE);
            if p.is_null() {
                // The VM had six megabytes' worth of warning and went on allocating.
                std::alloc::handle_alloc_error(std::alloc::Layout::from_size_align(CHUNK, BLOCK).expect("a valid layout"));
            }
        }
        self.chunks.push((p, size));
        self.fresh = p;
        self.fresh_end = p.wrapping_add(size);
    }
    /// Clears all marks.
    pub(crate) fn clear_marks(&mut self) {
        for &block in &self.blocks {
            // SAFETY: blocks in use are live.
            unsafe { (*block).mark = [0; WORDS] };
        }
    }
    /// Frees every cell that is not marked. Blocks that become empty can serve any class.
    pub(crate) fn sweep(&mut self) {
        for (class, run) in self.runs.iter_mut().enumerate() {
            *run = Run { cur: core::ptr::null_mut(), end: core::ptr::null_mut(), block: core::ptr::null_mut(), next: 0 };
            self.partial[class].clear();
        }
        self.bytes = 0;
        let mut kept = Vec::with_capacity(self.blocks.len());
        for &block in &self.blocks {
            // SAFETY: blocks in use are live.
            unsafe {
                (*block).alloc = (*block).mark;
                let live = (*block).alloc.iter().map(|w| w.count_ones() as usize).sum::<usize>();
                let cell = (*block).cell as usize;
                self.bytes += live * cell;
                if live == 0 {
                    (*block).cell = 0;
                    if self.empty.len() >= KEEP_EMPTY {
                        let body = round_body(block);
                        os::decommit(body, block as usize + BLOCK - body as usize);
                    }
                    self.empty.push(block);
                } else {
                    if live < Block::cells(cell) {
                        self.partial[(*block).class as usize].push(block);
                    }
                    kept.push(block);
                }
            }
        }
        self.blocks = kept;
        if self.reserve.is_null() {
            self.reserve = os::map(RESERVE, BLOCK);
        }
        self.exhausted = false;
    }
}

fn round_body(block: *mut Block) -> *mut u8 {
    (block as *mut u8).wrapping_add(os::round_up(FIRST_CELL, os::PAGE))
}

impl Run {
    /// Finds the next run of free cells in `block`.
    fn find(&mut self, cell: usize) -> bool {
        let n = Block::cells(cell);
        let base = (self.block as *mut u8).wrapping_add(FIRST_CELL);
        let mut i = self.next as usize;
        // SAFETY: all addresses are cells of `block`.
        let used = |i: usize| unsafe { Block::is_allocated(base.add(i * cell)) };
        while i < n && used(i) {
            i += 1;
        }
        let start = i;
        while i < n && !used(i) {
            i += 1;
        }
        self.next = i as u32;
        if start == i {
            self.block = core::ptr::null_mut();
            return false;
        }
        (self.cur, self.end) = (base.wrapping_add(start * cell), base.wrapping_add(i * cell));
        true
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        // SAFETY: nothing of this heap is used any more.
        unsafe {
            for &(p, size) in &self.chunks {
                os::unmap(p, size);
            }
            if !self.reserve.is_null() {
                os::unmap(self.reserve, RESERVE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn cells_are_disjoint_and_sweeping_frees_the_unmarked() {
        let mut space = Space::new();
        let all: Vec<_> = (0..if cfg!(miri) { 300 } else { 5000 }).map(|i| space.alloc(16 + i % 300)).collect();
        let mut sorted = all.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), all.len());
        space.clear_marks();
        for p in all.iter().step_by(3) {
            // SAFETY: just allocated.
            assert!(unsafe { Block::mark(*p) } && !unsafe { Block::mark(*p) });
        }
        space.sweep();
        for (i, p) in all.iter().enumerate() {
            // SAFETY: blocks stay mapped.
            let allocated = unsafe { (*Block::of(*p)).cell != 0 && Block::is_allocated(*p) };
            assert_eq!(allocated, i % 3 == 0);
        }
        let blocks = space.blocks.len();
        (0..if cfg!(miri) { 100 } else { 3000 }).for_each(|i| {
            let p = space.alloc(16 + i % 300);
            assert!(!all.iter().step_by(3).any(|q| *q == p));
        });
        assert!(space.blocks.len() <= blocks + 1);
        space.clear_marks();
        space.sweep();
        assert!(space.blocks.is_empty() && space.bytes == 0);
    }
}
