//! The one stack walker over compiled frames: for collections, errors, tracebacks and deoptimisation.
//!
//! It starts at the exit record (or at that of a suspended coroutine), follows frame pointers through the compiled frames
//! of a segment up to its entry trampoline, and goes on with the enclosing segment, whose exit record the trampoline saved.
//! A return address is known by the code it lies in; what is neither code nor an entry frame where one must be is a fatal
//! error, because a frame that the collector misses would be memory corruption later.
//!
//! A frame whose code is not to go on when its callee returns is *redirected* ([`redirect`]): its return address is
//! replaced by that of the engine's lazy-return stub, and [`Redirects`] keeps the true one, by which the walker still
//! knows the frame.

use crate::arch::{ENTRY_FRAME_BYTES, SavedSegment};
use crate::code_map::{CodeMap, CodeRecord};
use crate::stackmap::{Location, Safepoint};
use selune_core::native_state::NativeContext;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

/// A compiled frame that waits for a call.
#[derive(Debug)]
pub struct Frame<'a, D> {
    /// Its code.
    pub code: &'a Arc<CodeRecord<D>>,
    /// The call it waits for; none in code without a stack map.
    pub safepoint: Option<&'a Safepoint>,
    /// Where it would go on (the true address, if it is redirected).
    pub pc: u64,
    /// Stack pointer after the call.
    pub sp: u64,
    /// Frame pointer.
    pub fp: u64,
    /// Whether its return address was redirected. Then its values live elsewhere, and the stack map does not count.
    pub is_redirected: bool,
}

/// The true return addresses of redirected frames of one native stack.
#[derive(Debug, Default)]
pub struct Redirects {
    stub: u64,
    /// (stack pointer of the frame, true return address)
    entries: Vec<(u64, u64)>,
}

impl Redirects {
    /// None yet. `stub` is the address of the engine's lazy-return stub.
    pub fn new(stub: u64) -> Redirects {
        Redirects {
            stub,
            entries: Vec::new(),
        }
    }

    /// Whether no frame is redirected.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The true return address of the frame with this stack pointer, which is returned to now: the entry is taken out.
    pub fn take(&mut self, sp: u64) -> Option<u64> {
        let i = self.entries.iter().position(|e| e.0 == sp)?;
        Some(self.entries.swap_remove(i).1)
    }

    /// Forgets the frames in a part of the stack that an error has cut off.
    pub fn discard(&mut self, stack: Range<u64>) {
        self.entries.retain(|e| !stack.contains(&e.0));
    }

    fn true_pc(&self, pc: u64, sp: u64) -> (u64, bool) {
        if pc != self.stub || self.stub == 0 {
            return (pc, false);
        }
        match self.entries.iter().find(|e| e.0 == sp) {
            Some(e) => (e.1, true),
            None => corrupt("a redirected frame is not known", pc, sp),
        }
    }
}

impl<D> Frame<'_, D> {
    /// Where the return address into this frame is: pushed by its call.
    pub fn return_slot(&self) -> *mut u64 {
        (self.sp - 8) as *mut u64
    }

    /// The values of the call's deopt bundle.
    pub fn deopt_values(&self) -> &[Location] {
        match (&self.code.stack_map, self.safepoint) {
            (Some(map), Some(safepoint)) => map.deopt_values(safepoint),
            _ => &[],
        }
    }

    /// Passes every collected value of the frame through `forward`, which returns where the object is now, and updates
    /// the values and what is derived from them. A value may be passed more than once.
    ///
    /// # Safety
    /// The frame still waits for its call. `forward` gives the same answer for the same value throughout.
    pub unsafe fn relocate(&self, mut forward: impl FnMut(u64) -> u64) {
        let (Some(map), Some(safepoint), false) =
            (&self.code.stack_map, self.safepoint, self.is_redirected)
        else {
            return;
        };
        let pairs = map.gc_pairs(safepoint);
        // Slots occur in several pairs, so everything is read before anything is written. Derived slots first: what is
        // in them is `derived + (new base - old base)`, and for most pairs both are one slot.
        let mut writes: smallbuf::Writes = smallbuf::Writes::new();
        for pair in pairs {
            let (base, derived) = (
                pair.base.address(self.sp, self.fp),
                pair.derived.address(self.sp, self.fp),
            );
            // SAFETY: the slots are in this frame, which waits for the call that this stack map describes.
            let (old, dependent) = unsafe { (base.read(), derived.read()) };
            let new = forward(old);
            if new != old {
                writes.push(base, new);
                if derived != base {
                    writes.push(derived, dependent.wrapping_add(new.wrapping_sub(old)));
                }
            }
        }
        for (slot, value) in writes.iter() {
            // SAFETY: as above.
            unsafe { slot.write(value) };
        }
    }
}

/// A list of pending writes that allocates only for large frames.
mod smallbuf {
    pub(super) struct Writes {
        inline: [(*mut u64, u64); 32],
        used: usize,
        more: Vec<(*mut u64, u64)>,
    }

    impl Writes {
        pub(super) fn new() -> Writes {
            Writes {
                inline: [(std::ptr::null_mut(), 0); 32],
                used: 0,
                more: Vec::new(),
            }
        }

        pub(super) fn push(&mut self, slot: *mut u64, value: u64) {
            match self.inline.get_mut(self.used) {
                Some(free) => {
                    *free = (slot, value);
                    self.used += 1;
                }
                None => self.more.push((slot, value)),
            }
        }

        pub(super) fn iter(&self) -> impl Iterator<Item = (*mut u64, u64)> {
            self.inline[..self.used].iter().chain(&self.more).copied()
        }
    }
}

/// Calls `visit` for every compiled frame of a native stack, innermost first, until it breaks.
///
/// # Safety
/// `context` describes a native stack whose exit record is valid: its innermost compiled code is calling a runtime
/// function (or is suspended in one, or there is none). `map` has all code that is on the stack.
pub unsafe fn walk<D>(
    context: &NativeContext,
    map: &CodeMap<D>,
    redirects: &Redirects,
    mut visit: impl FnMut(&Frame<D>) -> ControlFlow<()>,
) {
    let mut recent = RecentCode([None; RECENT]);
    let (mut pc, mut sp, mut fp) = (context.exit_pc, context.exit_sp, context.exit_fp);
    let mut entry_sp = context.entry_sp;
    while pc != 0 {
        loop {
            let (true_pc, is_redirected) = redirects.true_pc(pc, sp);
            let Some((code, safepoint)) = recent.find(map, true_pc) else {
                break;
            };
            if code.stack_map.is_some() && safepoint.is_none() {
                corrupt(
                    "a return address in compiled code that is no safepoint",
                    true_pc,
                    sp,
                );
            }
            debug_assert!(
                frame_size_is_right(code, safepoint, sp, fp),
                "frame size of {true_pc:#x}"
            );
            if visit(&Frame {
                code,
                safepoint,
                pc: true_pc,
                sp,
                fp,
                is_redirected,
            })
            .is_break()
            {
                return;
            }
            // SAFETY: compiled code keeps frame pointers: the caller's, then the return address, are where fp points.
            (pc, sp, fp) = unsafe {
                let frame = fp as *const u64;
                (frame.add(1).read(), fp + 16, frame.read())
            };
        }
        // Not compiled code: so this is the return address into the segment's entry trampoline, and fp is its frame's.
        if entry_sp == 0 || fp != entry_sp + ENTRY_FRAME_BYTES {
            corrupt("a return address that belongs to no code", pc, sp);
        }
        // SAFETY: an entry frame has this record there; just checked that it is one.
        let saved = unsafe { (SavedSegment::address(entry_sp) as *const SavedSegment).read() };
        (pc, sp, fp, entry_sp) = (saved.exit_pc, saved.exit_sp, saved.exit_fp, saved.entry_sp);
    }
}

/// Has those frames for which `choose` answers true return into the lazy-return stub instead of their own code. `choose` is
/// not asked about frames that are redirected already.
///
/// # Safety
/// As for [`walk`]; `redirects` is that of this stack and knows the stub. The chosen frames have a landing, and `choose` has
/// brought their values to where the stub's handler expects them.
pub unsafe fn redirect<D>(
    context: &NativeContext,
    map: &CodeMap<D>,
    redirects: &mut Redirects,
    mut choose: impl FnMut(&Frame<D>) -> bool,
) {
    let mut chosen = Vec::new();
    let visit = |frame: &Frame<D>| {
        if !frame.is_redirected && choose(frame) {
            chosen.push((frame.sp, frame.pc, frame.return_slot()));
        }
        ControlFlow::Continue(())
    };
    // SAFETY: the caller's promise.
    unsafe { walk(context, map, redirects, visit) };
    for (sp, pc, slot) in chosen {
        redirects.entries.push((sp, pc));
        // SAFETY: the slot is below the frame's stack pointer, where its call pushed the return address; the call has not
        // returned yet, since the walker has just found the frame.
        unsafe { slot.write(redirects.stub) };
    }
}

const RECENT: usize = 8;

/// What a return address belongs to.
type Place<'a, D> = (&'a Arc<CodeRecord<D>>, Option<&'a Safepoint>);

/// What the last return addresses belonged to: deep stacks mostly repeat a few.
struct RecentCode<'a, D>([Option<(u64, Place<'a, D>)>; RECENT]);

impl<'a, D> RecentCode<'a, D> {
    fn find(&mut self, map: &'a CodeMap<D>, pc: u64) -> Option<Place<'a, D>> {
        let known = &mut self.0[(pc >> 2) as usize % RECENT];
        if let Some((at, place)) = *known
            && at == pc
        {
            return Some(place);
        }
        let code = map.find(pc)?;
        let place = (code, code.safepoint(pc));
        *known = Some((pc, place));
        Some(place)
    }
}

/// The frame size counts everything between the stack pointer and the return address's slot.
fn frame_size_is_right<D>(
    code: &CodeRecord<D>,
    safepoint: Option<&Safepoint>,
    sp: u64,
    fp: u64,
) -> bool {
    let (Some(map), Some(safepoint)) = (&code.stack_map, safepoint) else {
        return true;
    };
    let function = map.functions().get(safepoint.function as usize);
    function
        .and_then(|f| f.frame_size)
        .is_none_or(|size| sp + u64::from(size) == fp + 8)
}

#[cold]
fn corrupt(what: &str, pc: u64, sp: u64) -> ! {
    eprintln!("selune: fatal: stack walk: {what} (pc {pc:#x}, sp {sp:#x})");
    std::process::abort()
}
