//! Checks that the operands of code that does not come from the emitter are in range.
//!
//! Guarantees after success: opcodes exist; registers are below `max_stack`, constants, upvalues and nested functions
//! exist and constants have the type that the opcode wants; jumps stay in the function and control cannot run off its
//! end; a test is followed by a jump. What registers hold is not checked.
use selune_core::opcode::Op;
use selune_core::proto::{Ins, Proto, RK_CONST};

/// Registers that `TForCall` uses above its base, and that stand behind them as scratch.
const GENERIC_STATE: usize = 4;

struct Checker<'a> {
    p: &'a Proto,
    children: usize,
}

/// Checks a function with `children` nested ones, whose enclosing function is `parent` (none for the outermost).
pub(crate) fn verify(p: &Proto, children: usize, parent: Option<&Proto>) -> Result<(), &'static str> {
    let c = Checker { p, children };
    let ends = p.code.last().is_some_and(|i| {
        Op::from_u8(i.0 as u8).is_some_and(|op| matches!(op, Op::Return | Op::Return0 | Op::Return1 | Op::JmpBack))
    });
    let upvals_ok = p.upvals.iter().all(|u| match parent {
        Some(f) if u.in_stack => u.index < f.max_stack,
        Some(f) => (u.index as usize) < f.upvals.len(),
        None => true,
    });
    let debug_ok = (p.lines.is_empty() || p.lines.len() == p.code.len())
        && p.locals.iter().all(|l| {
            l.reg < p.max_stack && l.cell_reg.is_none_or(|r| r < p.max_stack) && l.end as usize <= p.code.len()
        });
    let frame_ok = p.max_stack >= 2 && p.num_params <= p.max_stack && p.upvals.len() <= 255;
    if !(ends && upvals_ok && debug_ok && frame_ok) {
        return Err("corrupted chunk");
    }
    for (pc, &ins) in p.code.iter().enumerate() {
        if Op::from_u8(ins.0 as u8).is_none() || !c.instruction(pc, ins) {
            return Err("corrupted chunk");
        }
    }
    Ok(())
}

impl Checker<'_> {
    fn reg(&self, r: usize) -> bool {
        r < self.p.max_stack as usize
    }
    /// `n` registers from `first` on.
    fn regs(&self, first: usize, n: usize) -> bool {
        first + n <= self.p.max_stack as usize
    }
    /// S: the number of registers in use.
    fn in_use(&self, ins: Ins) -> bool {
        ins.s() <= self.p.max_stack as u16
    }
    fn any_k(&self, k: usize) -> bool {
        k < self.p.constants.len()
    }
    fn string_k(&self, k: usize) -> bool {
        self.p.constants.get(k).is_some_and(|v| v.is_string())
    }
    fn number_k(&self, k: usize) -> bool {
        self.p.constants.get(k).is_some_and(|v| v.is_number())
    }
    fn rk(&self, x: usize) -> bool {
        if x >= RK_CONST { self.any_k(x - RK_CONST) } else { self.reg(x) }
    }
    fn upval(&self, u: usize) -> bool {
        u < self.p.upvals.len()
    }
    fn target(&self, pc: usize, extra: isize) -> bool {
        let to = pc as isize + 1 + self.p.code[pc].sbx() + extra;
        (0..self.p.code.len() as isize).contains(&to)
    }
    fn op_at(&self, pc: isize) -> Option<Op> {
        usize::try_from(pc).ok().and_then(|i| self.p.code.get(i)).and_then(|i| Op::from_u8(i.0 as u8))
    }
    fn op_at_target(&self, pc: usize) -> Option<Op> {
        self.op_at(pc as isize + 1 + self.p.code[pc].sbx())
    }
    /// A jump follows, and the instruction after it exists.
    fn test(&self, pc: usize, c: usize) -> bool {
        c <= 1 && self.op_at(pc as isize + 1) == Some(Op::Jmp) && pc + 2 < self.p.code.len()
    }
    /// Operands `first..`, as many as the count field says (0: up to the top).
    fn counted(&self, first: usize, count: usize) -> bool {
        count == 0 || self.regs(first, count - 1)
    }

    fn instruction(&self, pc: usize, ins: Ins) -> bool {
        let (a, b, c) = (ins.a(), ins.b(), ins.c());
        let a_ok = match ins.op() {
            Op::SetTabUp => self.upval(a),
            Op::Return0 | Op::VarArgPrep => true,
            // Nothing may be left to return above the last register, and all of them may be live at a back edge.
            Op::Return | Op::JmpBack => a <= self.p.max_stack as usize,
            _ => self.reg(a),
        };
        a_ok && match ins.op() {
            Op::NewCell => self.reg(b) && self.in_use(ins),
            Op::Move | Op::GetCell | Op::SetCell | Op::Unm | Op::BNot | Op::Not | Op::Len => self.reg(b),
            Op::LoadK => self.any_k(ins.bx()),
            Op::LoadNil => self.regs(a, b + 1),
            Op::LoadFalse | Op::LoadTrue | Op::Return0 | Op::Return1 | Op::Tbc | Op::Close => true,
            Op::LoadFalseSkip => pc + 2 < self.p.code.len(),
            Op::GetUpval | Op::SetUpval => self.upval(b),
            Op::NewTable => true,
            Op::GetTable => self.reg(b) && self.reg(c),
            Op::GetInt => self.reg(b),
            Op::GetField => self.reg(b) && self.string_k(c),
            Op::GetTabUp => self.upval(b) && self.string_k(c),
            Op::SetTable => self.reg(b) && self.rk(c),
            Op::SetInt => self.rk(c),
            Op::SetField => self.string_k(b) && self.rk(c),
            Op::SetTabUp => self.string_k(b) && self.rk(c),
            Op::Self_ => self.regs(a, 2) && self.reg(b) && self.string_k(c),
            Op::SetList => self.regs(a, b + 1),
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow | Op::IDiv => self.reg(b) && self.reg(c),
            Op::BAnd | Op::BOr | Op::BXor | Op::Shl | Op::Shr => self.reg(b) && self.reg(c),
            Op::AddK | Op::SubK | Op::MulK | Op::DivK | Op::ModK | Op::PowK | Op::IDivK => self.reg(b) && self.number_k(c),
            Op::BAndK | Op::BOrK | Op::BXorK | Op::ShlK | Op::ShrK => self.reg(b) && self.number_k(c),
            Op::Concat => b >= 2 && self.regs(a, b),
            Op::Eq | Op::Lt | Op::Le => self.reg(b) && self.test(pc, c),
            Op::EqK => self.any_k(b) && self.test(pc, c),
            Op::LtK | Op::LeK | Op::GtK | Op::GeK => self.number_k(b) && self.test(pc, c),
            Op::Test => self.test(pc, c),
            Op::TestSet => self.reg(b) && self.test(pc, c),
            Op::Jmp | Op::JmpBack => self.target(pc, 0),
            Op::ForPrep => self.regs(a, 4) && self.target(pc, 1) && self.op_at_target(pc) == Some(Op::ForLoop),
            Op::ForLoop => self.regs(a, 4) && self.target(pc, 0),
            Op::TForPrep => self.regs(a, GENERIC_STATE) && self.op_at_target(pc) == Some(Op::TForCall),
            Op::TForCall => {
                self.regs(a, GENERIC_STATE + c.max(3)) && self.op_at(pc as isize + 1) == Some(Op::TForLoop)
            }
            Op::TForLoop => self.regs(a, GENERIC_STATE + 1) && self.target(pc, 0),
            Op::Call => self.counted(a, b) && self.counted(a, c),
            Op::TailCall => self.counted(a, b),
            Op::Return => self.counted(a, b),
            Op::VarArg => self.counted(a, c),
            Op::VarArgPrep => pc == 0 && self.p.is_vararg,
            Op::Closure => ins.bx() < self.children && self.in_use(ins),
        }
    }
}
