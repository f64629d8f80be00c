//! Jumps and lists of jumps that wait for their target.
//!
//! A list is threaded through the distances of its jumps: each leads to the next one of the list, the last to itself.
use super::Emitter;
use super::exp::{Exp, Kind};
use super::Result;
use selune_core::opcode::Op;
use selune_core::proto::Ins;

/// The empty list.
pub(super) const NO_JUMP: i32 = -1;
/// "Any register" of a TestSet whose target is not chosen yet.
const NO_REG: u8 = 255;

fn is_test(op: Op) -> bool {
    matches!(
        op,
        Op::Eq | Op::EqK | Op::Lt | Op::Le | Op::LtK | Op::LeK | Op::GtK | Op::GeK | Op::Test | Op::TestSet
    )
}

impl Emitter<'_, '_> {
    /// A jump to be patched.
    pub(super) fn jump(&mut self) -> i32 {
        self.push(Ins::asbx(Op::Jmp, 0, NO_JUMP)) as i32
    }

    /// A jump to an instruction that is already there: the back edge of a loop.
    pub(super) fn jump_back(&mut self, target: usize) {
        let distance = target as i32 - (self.pc() as i32 + 1);
        self.push(Ins::asbx(Op::JmpBack, self.free as u8, distance));
    }

    /// Marks the next instruction as the target of a jump.
    pub(super) fn label_here(&mut self) -> usize {
        self.last_target = self.pc();
        self.pc()
    }

    fn next_jump(&self, pc: i32) -> i32 {
        match self.out.code[pc as usize].sbx() as i32 {
            NO_JUMP => NO_JUMP,
            distance => pc + 1 + distance,
        }
    }

    fn set_target(&mut self, pc: i32, target: usize) {
        let ins = &mut self.out.code[pc as usize];
        *ins = ins.with_sbx(target as i32 - (pc + 1));
    }

    /// The list of both lists' jumps.
    pub(super) fn concat_jumps(&mut self, first: i32, second: i32) -> i32 {
        if second == NO_JUMP {
            return first;
        }
        if first == NO_JUMP {
            return second;
        }
        let mut last = first;
        loop {
            match self.next_jump(last) {
                NO_JUMP => break,
                next => last = next,
            }
        }
        self.set_target(last, second as usize);
        first
    }

    /// The test that decides about the jump at `pc`, or the jump itself.
    fn control(&self, pc: i32) -> usize {
        let pc = pc as usize;
        if pc >= 1 && is_test(self.out.code[pc - 1].op()) { pc - 1 } else { pc }
    }

    /// Is there a jump in the list that leaves no value?
    pub(super) fn needs_value(&self, mut list: i32) -> bool {
        while list != NO_JUMP {
            if self.out.code[self.control(list)].op() != Op::TestSet {
                return true;
            }
            list = self.next_jump(list);
        }
        false
    }

    /// Gives the TestSet of a jump its register (or makes it a plain Test); false when there is none.
    fn patch_test_set(&mut self, jump: i32, reg: u8) -> bool {
        let at = self.control(jump);
        let ins = self.out.code[at];
        if ins.op() != Op::TestSet {
            return false;
        }
        if reg != NO_REG && reg as usize != ins.b() {
            self.set_a(at, reg);
        } else {
            self.out.code[at] = Ins::abc(Op::Test, ins.b() as u8, 0, ins.c() as u16);
        }
        true
    }

    /// Turns all TestSet of the list into Test.
    fn remove_values(&mut self, mut list: i32) {
        while list != NO_JUMP {
            self.patch_test_set(list, NO_REG);
            list = self.next_jump(list);
        }
    }

    /// Leads the jumps of a list that leave a value (in `reg`) to `value_target`, the others to `other_target`.
    pub(super) fn patch_values(&mut self, mut list: i32, value_target: usize, reg: u8, other_target: i32) {
        while list != NO_JUMP {
            let next = self.next_jump(list);
            if self.patch_test_set(list, reg) {
                self.set_target(list, value_target);
            } else {
                self.set_target(list, other_target as usize);
            }
            list = next;
        }
    }

    /// Leads all jumps of a list to `target`.
    pub(super) fn patch_list(&mut self, list: i32, target: usize) {
        self.patch_values(list, target, NO_REG, target as i32);
    }

    /// Leads all jumps of a list to the next instruction.
    pub(super) fn patch_to_here(&mut self, list: i32) {
        let here = self.label_here();
        self.patch_list(list, here);
    }

    /// A test and its jump.
    pub(super) fn cond_jump(&mut self, op: Op, a: u8, b: u16, c: u16) -> i32 {
        self.abc(op, a, b, c);
        self.jump()
    }

    /// Inverts the comparison of a `Kind::Jump`.
    fn negate(&mut self, jump: usize) {
        let at = self.control(jump as i32);
        let c = self.out.code[at].c() as u16 ^ 1;
        self.set_c(at, c);
    }

    /// Jumps when the truth of `e` is `cond`.
    fn jump_if(&mut self, e: &mut Exp, cond: bool) -> Result<i32> {
        if let Kind::Reloc(pc) = e.kind {
            let ins = self.out.code[pc];
            if ins.op() == Op::Not {
                debug_assert_eq!(pc + 1, self.pc());
                self.out.code.pop();
                self.out.lines.pop();
                return Ok(self.cond_jump(Op::Test, ins.b() as u8, 0, !cond as u16));
            }
        }
        let reg = self.discharge_to_any(e)?;
        self.free_exp(e);
        Ok(self.cond_jump(Op::TestSet, NO_REG, reg as u16, cond as u16))
    }

    /// Goes on if `e` is true, else jumps (its `f` list).
    pub(super) fn go_if_true(&mut self, e: &mut Exp) -> Result<()> {
        self.discharge_vars(e);
        let jump = match e.kind {
            Kind::Jump(pc) => {
                self.negate(pc);
                pc as i32
            }
            Kind::True | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => NO_JUMP,
            _ => self.jump_if(e, false)?,
        };
        // In front of the list, so that long chains stay linear.
        e.f = self.concat_jumps(jump, e.f);
        self.patch_to_here(e.t);
        e.t = NO_JUMP;
        Ok(())
    }

    /// Goes on if `e` is false, else jumps (its `t` list).
    pub(super) fn go_if_false(&mut self, e: &mut Exp) -> Result<()> {
        self.discharge_vars(e);
        let jump = match e.kind {
            Kind::Jump(pc) => pc as i32,
            Kind::Nil | Kind::False => NO_JUMP,
            _ => self.jump_if(e, true)?,
        };
        e.t = self.concat_jumps(jump, e.t);
        self.patch_to_here(e.f);
        e.f = NO_JUMP;
        Ok(())
    }

    /// `not e`, where `e` is not a constant.
    pub(super) fn negate_exp(&mut self, e: &mut Exp) -> Result<()> {
        match e.kind {
            Kind::Nil | Kind::False => e.kind = Kind::True,
            Kind::True | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => e.kind = Kind::False,
            Kind::Jump(pc) => self.negate(pc),
            _ => {
                let reg = self.discharge_to_any(e)?;
                self.free_exp(e);
                e.kind = Kind::Reloc(self.abc(Op::Not, 0, reg as u16, 0));
            }
        }
        std::mem::swap(&mut e.t, &mut e.f);
        self.remove_values(e.f);
        self.remove_values(e.t);
        Ok(())
    }
}
