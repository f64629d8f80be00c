//! Instructions, constants and registers.
use super::{Const, Emitter, LocalSpec, OutOfRegisters, Result};
use crate::intern::StrId;
use selune_core::opcode::Op;
use selune_core::proto::{Ins, RK_CONST};
use std::hash::Hasher;

/// Registers of a function; PUC's limit.
const MAX_REGS: usize = 255;
/// Largest constant index that a B or C field can hold.
pub(super) const MAX_K: u32 = u16::MAX as u32;
/// Largest constant index that an RK field can hold.
pub(super) const MAX_RK: u32 = MAX_K - RK_CONST as u32;

/// Constants of a function that are looked for before a new one is made: large tables of data have mostly different
/// numbers, and a map of them all costs more than it saves.
const MAX_SHARED: usize = 1 << 14;

/// A multiplicative hash: the keys are numbers of the program itself, and there are at most `MAX_SHARED`.
#[derive(Default)]
pub(super) struct ConstHasher(u64);

impl Hasher for ConstHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(b as u64);
        }
    }
    fn write_u64(&mut self, n: u64) {
        self.0 = (self.0.rotate_left(5) ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }
    fn write_i64(&mut self, n: i64) {
        self.write_u64(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.write_u64(n as u64);
    }
}

impl Emitter<'_, '_> {
    /// Index of the next instruction.
    #[inline]
    pub(super) fn pc(&self) -> usize {
        self.out.code.len()
    }

    #[inline]
    pub(super) fn push(&mut self, ins: Ins) -> usize {
        // Opcodes that allocate, and have no feedback there, say in S how many registers are in use: what lies above is no root
        // of a collection that they start.
        let ins = if matches!(ins.op(), Op::Closure | Op::NewCell) { ins.with_s(self.free as u16) } else { ins };
        self.out.code.push(ins);
        self.out.lines.push(self.line);
        self.out.code.len() - 1
    }

    #[inline]
    pub(super) fn abc(&mut self, op: Op, a: u8, b: u16, c: u16) -> usize {
        self.push(Ins::abc(op, a, b, c))
    }

    /// Gives the newest instruction another line.
    pub(super) fn fix_line(&mut self, line: u32) {
        if let Some(l) = self.out.lines.last_mut() {
            *l = line;
        }
    }

    /// Gives the newest instruction the line of the one before it: it makes the cell of a variable, where PUC executes
    /// nothing and hooks see no line.
    pub(super) fn hide_line(&mut self) {
        if let [.., before, newest] = &mut self.out.lines[..] {
            *newest = *before;
        }
    }

    /// Gives the instructions from `start` to `end` the line of the one at `end`: those that make the cells of parameters
    /// and loop variables would otherwise show hooks a line where PUC executes nothing.
    pub(super) fn hide_lines(&mut self, start: usize, end: usize) {
        if let Some(&line) = self.out.lines.get(end) {
            self.out.lines[start..end].fill(line);
        }
    }

    /// Sets field A of an instruction.
    pub(super) fn set_a(&mut self, pc: usize, a: u8) {
        let ins = &mut self.out.code[pc];
        ins.0 = ins.0 & !0xFF00 | (a as u64) << 8;
    }

    /// Sets field C of an instruction.
    pub(super) fn set_c(&mut self, pc: usize, c: u16) {
        let ins = &mut self.out.code[pc];
        ins.0 = ins.0 & !(0xFFFF << 32) | (c as u64) << 32;
    }

    /// Sets field B of an instruction.
    pub(super) fn set_b(&mut self, pc: usize, b: u16) {
        let ins = &mut self.out.code[pc];
        ins.0 = ins.0 & !(0xFFFF << 16) | (b as u64) << 16;
    }

    /// The newest instruction, unless a jump leads to where the next one will stand.
    pub(super) fn previous(&self) -> Option<Ins> {
        if self.last_target == self.pc() { None } else { self.out.code.last().copied() }
    }

    /// Makes sure that `n` registers above the used ones exist.
    pub(super) fn check_stack(&mut self, n: usize) -> Result<()> {
        let top = self.free + n;
        if top > self.out.max_stack as usize {
            if top >= MAX_REGS {
                return Err(OutOfRegisters(self.done));
            }
            self.out.max_stack = top as u8;
        }
        Ok(())
    }

    /// Takes `n` registers; gives the first.
    #[inline]
    pub(super) fn reserve(&mut self, n: usize) -> Result<u8> {
        self.check_stack(n)?;
        let first = self.free as u8;
        self.free += n;
        Ok(first)
    }

    /// Gives a register back, if it is a temporary (then it is the topmost one).
    #[inline]
    pub(super) fn free_reg(&mut self, reg: u8) {
        if reg as usize >= self.local_top {
            self.free -= 1;
            debug_assert_eq!(self.free, reg as usize, "registers are freed in stack order");
        }
    }

    /// Gives two registers back.
    pub(super) fn free_regs(&mut self, a: u8, b: u8) {
        self.free_reg(a.max(b));
        self.free_reg(a.min(b));
    }

    pub(super) fn constant(&mut self, c: Const) -> u32 {
        if let Const::Str(s) = c {
            return self.string_constant(s);
        }
        if let Some(&index) = self.other_constants.get(&c) {
            return index;
        }
        let index = self.out.constants.len() as u32;
        self.out.constants.push(c);
        if self.other_constants.len() < MAX_SHARED {
            self.other_constants.insert(c, index);
        }
        index
    }

    pub(super) fn string_constant(&mut self, s: StrId) -> u32 {
        let stamp = self.id.0 + 1;
        let entry = &mut self.chunk.string_constants[s.index()];
        if entry.0 != stamp {
            *entry = (stamp, self.out.constants.len() as u32);
            self.out.constants.push(Const::Str(s));
        }
        entry.1
    }

    pub(super) fn load_constant(&mut self, reg: u8, c: Const) -> usize {
        let k = self.constant(c);
        self.push(Ins::abx(Op::LoadK, reg, k))
    }

    /// nil to `n` registers, together with an adjacent LoadNil before it.
    pub(super) fn load_nil(&mut self, first: usize, n: usize) {
        let last = first + n - 1;
        if let Some(p) = self.previous()
            && p.op() == Op::LoadNil
        {
            let (p_first, p_last) = (p.a(), p.a() + p.b());
            if (p_first <= first && first <= p_last + 1) || (first <= p_first && p_first <= last + 1) {
                let (lo, hi) = (first.min(p_first), last.max(p_last));
                let at = self.pc() - 1;
                self.out.code[at] = Ins::abc(Op::LoadNil, lo as u8, (hi - lo) as u16, 0);
                return;
            }
        }
        self.abc(Op::LoadNil, first as u8, n as u16 - 1, 0);
    }

    /// A return of `n` values from `first` on; `n` -1: up to the top.
    pub(super) fn emit_return(&mut self, first: usize, n: isize) {
        let closes = !self.closing.is_empty();
        let first = first as u8;
        match n {
            0 | 1 if closes || self.out.is_vararg => {
                self.abc(Op::Return, first, n as u16 + 1, closes as u16);
            }
            0 => {
                self.abc(Op::Return0, first, 0, 0);
            }
            1 => {
                self.abc(Op::Return1, first, 0, 0);
            }
            _ => {
                self.abc(Op::Return, first, (n + 1) as u16, closes as u16);
            }
        }
    }

    /// Debug information of a variable that becomes visible here.
    pub(super) fn open_debug(&mut self, name: StrId, reg: u8, is_cell: bool, cell_reg: Option<u8>) {
        self.open_debug.push(self.out.locals.len());
        let start = self.pc() as u32;
        self.out.locals.push(LocalSpec { name, start, end: start, reg, is_cell, cell_reg });
    }

    /// Ends the newest variables, down to `keep` open ones.
    pub(super) fn close_debug(&mut self, keep: usize) {
        let end = self.pc() as u32;
        for i in self.open_debug.drain(keep..) {
            self.out.locals[i].end = end;
        }
    }
}
