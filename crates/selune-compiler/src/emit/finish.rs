//! The last pass over a function: jumps to jumps, feedback slots.
use super::{Emitter, FuncCode};
use selune_core::feedback::FeedbackVector;
use selune_core::opcode::Op;
use selune_core::proto::Ins;

/// Jumps to jumps are followed this far (a loop of jumps has no end).
const MAX_HOPS: usize = 100;

fn final_target(code: &[Ins], mut at: usize) -> usize {
    for _ in 0..MAX_HOPS {
        match code.get(at) {
            Some(ins) if ins.op() == Op::Jmp => at = (at as isize + 1 + ins.sbx()) as usize,
            _ => break,
        }
    }
    at
}

/// Gives each instruction that wants one a slot in the feedback vector, while there are any (the others share slot 0);
/// gives the size of the vector.
pub(crate) fn assign_feedback(code: &mut [Ins]) -> usize {
    let mut units = FeedbackVector::FIRST;
    for ins in code {
        let size = ins.op().feedback().units();
        if size > 0 && units + size <= u16::MAX as usize {
            *ins = ins.with_s(units as u16);
            units += size;
        }
    }
    units
}

impl Emitter<'_, '_> {
    /// The finished function.
    pub(super) fn finish(mut self) -> FuncCode {
        let code = &mut self.out.code;
        for pc in 0..code.len() {
            let ins = code[pc];
            if ins.op() == Op::Jmp {
                let target = final_target(code, (pc as isize + 1 + ins.sbx()) as usize);
                code[pc] = ins.with_sbx((target as isize - pc as isize - 1) as i32);
            }
        }
        self.out.feedback_units = assign_feedback(code);
        self.out
    }
}
