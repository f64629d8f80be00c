//! The last pass over a function: jumps to jumps, feedback slots, temporaries.
use super::{Emitter, FuncCode};
use selune_core::feedback::{FeedbackVector, types};
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

/// Is it arithmetic that integers stay integers in? With a constant on the right?
fn integer_arithmetic(op: Op) -> Option<bool> {
    match op {
        Op::Add | Op::Sub | Op::Mul | Op::Mod | Op::IDiv | Op::BAnd | Op::BOr | Op::BXor | Op::Shl | Op::Shr => Some(false),
        Op::AddK | Op::SubK | Op::MulK | Op::ModK | Op::IDivK | Op::BAndK | Op::BOrK | Op::BXorK | Op::ShlK | Op::ShrK => Some(true),
        _ => None,
    }
}

/// Marks arithmetic whose result only the next instruction reads (`types::TEMPORARY`): a register that is no local's is
/// read once, by the operator that the temporary value is an operand of.
fn mark_temporaries(out: &mut FuncCode) {
    for pc in 1..out.code.len() {
        let (before, ins) = (out.code[pc - 1], out.code[pc]);
        let (Some(_), Some(constant)) = (integer_arithmetic(before.op()), integer_arithmetic(ins.op())) else { continue };
        let reg = before.a();
        if ins.b() != reg && (constant || ins.c() != reg) {
            continue;
        }
        let alive = |start: u32, end: u32| start as usize <= pc && pc < end as usize;
        let is_local = |r: u8| r as usize == reg;
        if !out.locals.iter().any(|l| alive(l.start, l.end) && (is_local(l.reg) || l.cell_reg.is_some_and(is_local))) {
            out.code[pc - 1] = before.with_s(before.s() | types::TEMPORARY);
        }
    }
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
        mark_temporaries(&mut self.out);
        self.out
    }
}
