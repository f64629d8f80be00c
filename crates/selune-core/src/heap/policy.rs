//! When to collect: what is counted, the parameters, and the limits that follow from them.
use super::{Heap, MAX_YOUNG, POLL_MAJOR, POLL_MINOR};

/// Old bytes that may be allocated before the first major collection, and at least between two.
const MIN_GROWTH: usize = 4 << 20;
/// Young large objects may take this much before a minor collection.
const YOUNG_LARGE: usize = 4 << 20;
/// Programs wait for finalizers and for weak entries to vanish, also when nothing else makes the old space grow. While there
/// are any, a major collection comes after so many bytes were allocated in the nursery, or as many as are live ...
const WAITING: u64 = 2 << 20;
/// ... up to this live size; beyond, that would cost too much, and it takes `WAITING_FACTOR` times the live size.
const WAITING_SMALL: u64 = 4 << 20;
const WAITING_FACTOR: u64 = 16;
/// While such collections find nothing that was waited for, they come half as often each time, down to one for so many bytes.
/// (The standard library's files have finalizers, so nearly every program has objects that are waited for.)
const WAITING_IDLE: u64 = 64 << 20;
/// From this size on, `reserve` tries the allocation itself.
const TRY_RESERVE: usize = 1 << 20;

/// What happened so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcStats {
    /// Minor collections.
    pub minor: u64,
    /// Major collections.
    pub major: u64,
    /// Time in minor collections.
    pub minor_nanos: u64,
    /// Time in major collections (without the minor ones that they start with).
    pub major_nanos: u64,
    /// The longest pause.
    pub max_pause_nanos: u64,
    /// Bytes that survived a minor collection.
    pub promoted: u64,
    /// Bytes allocated in the nursery before its current cycle.
    pub nursery_allocated: u64,
    /// Live shapes.
    pub shapes: usize,
    /// Live old bytes after the last major collection.
    pub live: usize,
}

/// `collectgarbage("incremental" / "generational")`. It is remembered and told back; the collector is always generational.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GcMode {
    /// "incremental", the default.
    Incremental,
    /// "generational".
    Generational,
}

/// Parameters of `collectgarbage`.
#[derive(Clone, Copy, Debug)]
pub struct GcParams {
    /// The mode told.
    pub mode: GcMode,
    /// A major collection starts when the old space has this percentage of its live size (at least 100).
    pub pause: u32,
    /// Told back.
    pub stepmul: u32,
    /// Told back.
    pub stepsize: u32,
    /// Told back.
    pub minormul: u32,
    /// Told back.
    pub majormul: u32,
}

impl Default for GcParams {
    fn default() -> Self {
        GcParams { mode: GcMode::Incremental, pause: 200, stepmul: 100, stepsize: 13, minormul: 20, majormul: 100 }
    }
}

/// The limit would be passed, or the system refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutOfMemory;

/// The state behind the decisions.
pub(crate) struct Policy {
    nursery_max: usize,
    /// A major collection is due when the old bytes exceed this.
    threshold: usize,
    /// `GcStats::nursery_allocated` at the last major collection.
    allocated_at_major: u64,
    /// How many times in a row nothing that was waited for happened in a major collection; and what there was to wait for then.
    idle: u32,
    waited_for: (usize, usize),
    /// Bytes that objects own outside of the heap.
    pub(crate) external: usize,
    /// The same for what the heap itself allocates for threads and protos.
    pub(crate) owned: usize,
    /// Simulated debt of `collectgarbage("step")`, in bytes.
    step_done: usize,
}

impl Policy {
    pub(crate) fn new(nursery_max: usize) -> Policy {
        Policy { nursery_max, threshold: MIN_GROWTH, allocated_at_major: 0, idle: 0, waited_for: (0, 0), external: 0, owned: 0, step_done: 0 }
    }
}

impl Heap {
    pub(crate) fn request(&mut self, bits: u32) {
        if !self.stopped {
            self.gc_request |= bits;
        }
    }
    /// Memory ran out. What could not be allocated is lost; the VM raises an error at the next safepoint.
    #[cold]
    pub fn note_out_of_memory(&mut self) {
        self.out_of_memory = true;
        self.gc_request |= POLL_MAJOR;
    }
    /// To be called after bytes were added to the old space or the young large objects.
    #[inline]
    pub(crate) fn check_growth(&mut self) {
        let old = self.old_bytes();
        if old > self.policy.threshold {
            self.request(POLL_MAJOR);
        }
        if self.large.young_bytes > YOUNG_LARGE.max(old / 8) {
            self.request(POLL_MINOR);
        }
        if self.space.exhausted || self.memory_limit != usize::MAX && self.bytes_in_use() > self.memory_limit {
            self.note_out_of_memory();
        }
    }
    /// Host memory that belongs to objects grew or shrank (counted like old objects).
    pub fn adjust_external(&mut self, delta: isize) {
        self.policy.external = self.policy.external.saturating_add_signed(delta);
        self.check_growth();
    }
    /// Would an allocation of so many bytes fit? To be called before large ones; when it fails, the VM collects, tries
    /// again, and raises "not enough memory". After success the next allocation of this size succeeds.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        let Some(total) = bytes.checked_add(self.bytes_in_use() + 64) else { return Err(OutOfMemory) };
        if total > self.memory_limit {
            return Err(OutOfMemory);
        }
        if bytes >= TRY_RESERVE && !self.large.reserve(bytes + 64) {
            return Err(OutOfMemory);
        }
        Ok(())
    }
    /// Reads and clears the mark that memory ran out; true when it did and a collection since has not helped: the VM
    /// raises "not enough memory".
    pub fn take_out_of_memory(&mut self) -> bool {
        core::mem::take(&mut self.out_of_memory)
    }
    /// Are there weak tables, so that a program can see what a collection finds?
    pub fn has_weak_tables(&self) -> bool {
        !self.weak_tables.is_empty()
    }
    /// After a minor collection in which `survived` of `used` bytes were promoted.
    pub(crate) fn adapt_nursery(&mut self, used: usize, survived: usize) {
        let full = used >= self.nursery.size / 2;
        if full && survived > used / 8 && self.nursery.size < self.policy.nursery_max {
            self.nursery.size = (self.nursery.size * 2).min(self.policy.nursery_max).max(2 * MAX_YOUNG);
        }
        if !self.weak_tables.is_empty() || !self.with_finalizer.is_empty() {
            let live = self.stats.live as u64;
            let pace = if live <= WAITING_SMALL { live.max(WAITING) } else { live * WAITING_FACTOR };
            let pace = if self.waited_for() == self.policy.waited_for { pace.max((WAITING << self.policy.idle).min(WAITING_IDLE)) } else { pace };
            if self.stats.nursery_allocated - self.policy.allocated_at_major >= pace {
                self.request(POLL_MAJOR);
            }
        }
    }
    /// What changes when weak tables or objects with finalizers come or go.
    fn waited_for(&self) -> (usize, usize) {
        (self.weak_tables.len(), self.with_finalizer.len())
    }
    /// After a major collection.
    pub(crate) fn adapt_threshold(&mut self) {
        let waited_for = self.waited_for();
        let idle = waited_for == self.policy.waited_for && self.finalizable.is_empty() && self.weak_tables.is_empty();
        self.policy.idle = if idle { (self.policy.idle + 1).min(16) } else { 0 };
        self.policy.waited_for = waited_for;
        let live = self.old_bytes();
        self.stats.live = live;
        let growth = live as u128 * self.params.pause.max(100).saturating_sub(100) as u128 / 100;
        self.policy.threshold = live.saturating_add((growth as usize).max(MIN_GROWTH));
        self.policy.allocated_at_major = self.stats.nursery_allocated;
        self.policy.step_done = 0;
        if self.memory_limit != usize::MAX {
            self.out_of_memory &= self.bytes_in_use() > self.memory_limit;
        }
    }
    /// `collectgarbage("step", kb)`: true when the steps since the last major collection add up to a cycle; the VM then
    /// runs one (and answers true). `kb` 0 is one basic step.
    pub fn step(&mut self, kb: usize) -> bool {
        let basic = 1usize << self.params.stepsize.min(30);
        let work = if kb == 0 { basic } else { kb.saturating_mul(1024) };
        let mul = self.params.stepmul.max(1) as usize;
        self.policy.step_done = self.policy.step_done.saturating_add(work.saturating_mul(mul) / 100);
        self.policy.step_done >= self.bytes_in_use()
    }
}
