//! Compiled frames as the VM sees them: roots for the collector, functions and instructions for positions and tracebacks.
use crate::arch::SavedSegment;
use crate::code_map::{CodeMap, CodeRecord};
use crate::frame_state::CodeInfo;
use crate::walk::{Redirects, walk};
use selune_core::native_state::NativeContext;
use selune_core::proto::{Ins, Proto};
use selune_core::value::Value;
use std::ops::ControlFlow;
use std::sync::Arc;

/// What the code map knows about a piece of code, for this module.
pub trait Described {
    /// The description.
    fn info(&self) -> &CodeInfo;
}

/// Passes every collected value of all compiled frames to the collector; tells whose code they are.
///
/// # Safety
/// As [`walk`]; `visit` updates the slot that it is given to where the object is now, the same for the same object.
pub unsafe fn visit_roots<D>(
    context: &NativeContext,
    map: &CodeMap<D>,
    redirects: &Redirects,
    visit: &mut dyn FnMut(*mut Value),
    mut on_code: impl FnMut(&Arc<CodeRecord<D>>),
) {
    // SAFETY: passed on.
    unsafe {
        walk(context, map, redirects, |frame| {
            frame.relocate(|bits| {
                let mut v = Value(bits);
                if v.is_heap() {
                    visit(&mut v);
                }
                v.0
            });
            on_code(frame.code);
            ControlFlow::Continue(())
        });
    }
}

/// The functions on the `n`-th segment of compiled frames (from the innermost, which is 0): innermost first, each with the
/// instruction behind the running one. Inlined functions have their own entries.
///
/// # Safety
/// As [`walk`]. The protos of code in the map are alive.
pub unsafe fn frames_of_segment<D: Described>(
    context: &NativeContext,
    map: &CodeMap<D>,
    redirects: &Redirects,
    n: usize,
) -> Vec<(*mut Proto, *const Ins)> {
    let mut found = Vec::new();
    // A segment's frames are between its entry frame and that of the segment that it encloses.
    let mut below = 0;
    let mut entry = context.entry_sp;
    for _ in 0..n {
        if entry == 0 {
            return found;
        }
        below = entry;
        // SAFETY: a segment's entry frame is there as long as the segment is.
        entry = unsafe { (SavedSegment::address(entry) as *const SavedSegment).read() }.entry_sp;
    }
    if entry == 0 {
        return found;
    }
    // SAFETY: passed on.
    unsafe {
        walk(context, map, redirects, |frame| {
            if frame.sp > entry {
                return ControlFlow::Break(());
            }
            if frame.sp > below
                && let Some(safepoint) = frame.safepoint
            {
                let info = frame.code.data.info();
                for (proto, pc) in info.call_chain(safepoint.id) {
                    let proto = info.protos[proto as usize] as *mut Proto;
                    found.push((proto, (*proto).code_ptr.add(pc as usize + 1).cast_const()));
                }
            }
            ControlFlow::Continue(())
        });
    }
    found
}
