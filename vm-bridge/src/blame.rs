//! What compiled code's failed bets say of an instruction: its feedback is compared, and marked.
use selune_core::feedback::{CallSlot, FeedbackKind, FieldEntry, FieldSlot, IndexSlot, LoopSlot, index_seen, types};
use selune_core::proto::Proto;

/// A hash of what an instruction's feedback says.
///
/// # Safety
/// `proto` is alive, and has this instruction.
pub(crate) unsafe fn feedback_of(proto: *mut Proto, pc: u32) -> u64 {
    // SAFETY: the caller passes a live proto and an instruction of it; slots are within the vector.
    unsafe {
        let ins = *(*proto).code_ptr.add(pc as usize);
        let slot = (*proto).fb_ptr.add(ins.s() as usize);
        let mix = |h: u64, x: u64| (h ^ x).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23);
        match ins.op().feedback() {
            FeedbackKind::Types => ins.s() as u64,
            FeedbackKind::Index => (*slot.cast::<IndexSlot>()).seen as u64,
            FeedbackKind::Field => {
                let s = &*slot.cast::<FieldSlot>();
                let entry = |h, e: &FieldEntry| mix(mix(mix(h, e.shape as u64), e.mshape as u64), e.hshape as u64);
                s.entries.iter().fold(s.mega as u64 | (s.receivers as u64) << 8, entry)
            }
            FeedbackKind::Call => (*slot.cast::<CallSlot>()).kind as u64,
            _ => 0,
        }
    }
}

/// Marks an instruction's feedback: nothing is to be bet on it any more.
///
/// # Safety
/// As `feedback_of`.
pub(crate) unsafe fn blame(proto: *mut Proto, pc: u32) {
    // SAFETY: the caller passes a live proto and an instruction of it; slots are within the vector.
    unsafe {
        let ins = &mut *(*proto).code_ptr.add(pc as usize);
        let slot = (*proto).fb_ptr.add(ins.s() as usize);
        if let Some(m) = (*proto).meta.iter_mut().find(|m| m.pc == pc) {
            m.changes = u8::MAX;
        }
        match ins.op().feedback() {
            FeedbackKind::Types => *ins = ins.with_s(ins.s() | types::EXITED),
            FeedbackKind::Index => (*slot.cast::<IndexSlot>()).seen |= index_seen::EXITED,
            FeedbackKind::Field => (*slot.cast::<FieldSlot>()).exited = 1,
            FeedbackKind::Call => (*slot.cast::<CallSlot>()).exited = 1,
            FeedbackKind::Loop => (*slot.cast::<LoopSlot>()).osr_entries |= 1 << 31,
            FeedbackKind::None | FeedbackKind::Alloc => {}
        }
    }
}
