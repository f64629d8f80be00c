//! Reading and writing the locals, varargs and temporaries of levels in interpreted frames and natives.
//!
//! A local can stand in a register, in a cell that a register holds, or in both (captured and never assigned again). Cells
//! themselves are never shown.
use super::levels::Level;
use crate::Vm;
use selune_core::object::Kind;
use selune_core::opcode::Op;
use selune_core::proto::Proto;
use selune_core::thread::{CallFrame, frame_flags};
use selune_core::value::{TAG_OBJECT, Value};

/// Where a variable stands.
#[derive(Clone, Copy, Debug)]
struct Variable {
    /// Stack slot of the value, if a register holds it.
    value: Option<u32>,
    /// Stack slot of the cell, if it has one.
    cell: Option<u32>,
}

/// Is it one of the objects that Lua never sees?
fn is_internal(v: Value) -> bool {
    v.tag() == TAG_OBJECT && !v.is_thread() && !v.is_userdata()
}

impl Vm {
    /// Name and value of local `n` (from 1; negative: varargs) of a level. None when there is none.
    pub fn get_local(&self, thread: Value, level: &Level, n: i64) -> Option<(Vec<u8>, Value)> {
        let (name, var) = self.find_local(thread, level, n)?;
        let t = self.thread_ref(thread);
        // SAFETY: slots of a frame are within the stack (THREAD-1); a cell slot was seen to hold a cell.
        let value = unsafe {
            match var {
                Variable { value: Some(s), .. } => *t.stack.add(s as usize),
                Variable { cell: Some(s), .. } => (*(*t.stack.add(s as usize)).as_cell()).value,
                _ => return None,
            }
        };
        Some((name, value))
    }
    /// Assigns local `n` of a level; its name, or None when there is none.
    pub fn set_local(&mut self, thread: Value, level: &Level, n: i64, v: Value) -> Option<Vec<u8>> {
        let (name, var) = self.find_local(thread, level, n)?;
        let t = self.thread_of(thread);
        let stack = t.stack;
        let t: *mut _ = t;
        if let Some(s) = var.value {
            // SAFETY: as in `get_local`.
            unsafe { *stack.add(s as usize) = v };
            self.heap.remember_thread(t);
        }
        if let Some(s) = var.cell {
            // SAFETY: as in `get_local`; stored through the barrier.
            unsafe {
                let cell = *stack.add(s as usize);
                self.heap.store(cell.as_header(), &raw mut (*cell.as_cell()).value, v);
            }
            if var.value.is_some() {
                let base = self.thread_ref(thread).frames[level.frame].base;
                mark_assigned(level.proto(), (s - base) as u8, true);
            }
        }
        Some(name)
    }
    /// The name of parameter `n` (from 1) of a Lua function.
    pub fn parameter_name(&self, f: Value, n: i64) -> Option<Vec<u8>> {
        let p = self.proto_of(f)?;
        let n = usize::try_from(n).ok().filter(|&n| n >= 1 && n <= p.num_params as usize)?;
        p.locals.get(n - 1).map(|l| self.bytes(l.name).to_vec())
    }
    /// The stack slot of local `n`, when a register holds it.
    pub(super) fn slot_of_local(&self, level: &Level, n: i64) -> Option<u32> {
        self.find_local(self.current, level, n)?.1.value
    }
    fn find_local(&self, thread: Value, level: &Level, n: i64) -> Option<(Vec<u8>, Variable)> {
        if level.compiled {
            return None;
        }
        // As PUC, which takes C integers.
        let n = n as i32 as i64;
        let t = self.thread_ref(thread);
        let f = t.frames[level.frame];
        // As PUC, where a vararg function is moved above its arguments.
        let limit = t.frames.get(level.frame + 1).map_or(t.top, |above| if above.flags & frame_flags::VARARG != 0 { above.base - 1 } else { above.func });
        let at = |slot: u32| Variable { value: Some(slot), cell: None };
        let Some((p, pc)) = level.code() else {
            let slot = f.func as i64 + n;
            return (n > 0 && slot < limit as i64).then(|| (b"(C temporary)".to_vec(), at(slot as u32)));
        };
        if n < 0 {
            let k = n.unsigned_abs();
            let is_there = f.flags & frame_flags::VARARG != 0 && k <= f.nvarargs as u64;
            return is_there.then(|| (b"(vararg)".to_vec(), at(f.base - 1 - f.nvarargs + (k as u32 - 1))));
        }
        let n = n as usize;
        if let Some(l) = p.local(n, pc) {
            let slot = f.base + l.reg as u32;
            let var = match l.cell_reg {
                // Before their cells are made, all parameters are plain values.
                _ if pc < cells_made(p) => at(slot),
                _ if l.is_cell => Variable { value: None, cell: Some(slot) },
                cell => Variable { value: Some(slot), cell: cell.map(|c| f.base + c as u32) },
            };
            return Some((self.bytes(l.name).to_vec(), var));
        }
        let named = p.locals.iter().filter(|l| l.start as usize <= pc && pc < l.end as usize).count();
        self.temporaries(thread, &f, p, pc, limit).nth(n.checked_sub(named + 1)?).map(|v| (b"(temporary)".to_vec(), v))
    }
    /// The registers below a stack slot that belong to no named local.
    fn temporaries(&self, thread: Value, f: &CallFrame, p: &Proto, pc: usize, limit: u32) -> impl Iterator<Item = Variable> {
        let t = self.thread_ref(thread);
        let base = f.base;
        let alive = move |l: &&selune_core::proto::LocalVar| l.start as usize <= pc && pc < l.end as usize;
        (base..limit).filter_map(move |slot| {
            let reg = (slot - base) as u8;
            if p.locals.iter().filter(alive).any(|l| l.reg == reg || l.cell_reg == Some(reg)) {
                return None;
            }
            // SAFETY: within the frame (THREAD-1).
            let v = unsafe { *t.stack.add(slot as usize) };
            if !is_internal(v) {
                return Some(Variable { value: Some(slot), cell: cell_register(p, pc, reg).map(|c| base + c as u32).filter(|_| p.locals.is_empty()) });
            }
            // A stripped function: the cell of an assigned variable stands for the variable.
            let in_place = v.is_object(Kind::Cell) && p.locals.is_empty() && p.code.iter().any(|i| i.op() == Op::NewCell && i.a() == reg as usize && i.b() == reg as usize);
            in_place.then_some(Variable { value: None, cell: Some(slot) })
        })
    }
}

/// The first instruction behind those at the beginning that make the cells of parameters.
fn cells_made(p: &Proto) -> usize {
    p.code.iter().position(|i| !matches!(i.op(), Op::NewCell | Op::VarArgPrep)).unwrap_or(0)
}

/// The register of the cell that was last made for the value in a register before `pc`, by the code.
fn cell_register(p: &Proto, pc: usize, value: u8) -> Option<u8> {
    let made = p.code[..pc].iter().rev().find(|i| i.op() == Op::NewCell && i.b() == value as usize)?;
    (made.a() != value as usize).then(|| made.a() as u8)
}

/// The register of the value whose cell stands in a register, by debug information or else by the code.
pub(super) fn value_register(p: &Proto, pc: usize, cell: u8) -> Option<u8> {
    if !p.locals.is_empty() {
        return p.locals.iter().find(|l| l.start as usize <= pc && pc < l.end as usize && l.cell_reg == Some(cell)).map(|l| l.reg);
    }
    let made = p.code[..pc].iter().rev().find(|i| i.op() == Op::NewCell && i.a() == cell as usize)?;
    (made.b() != cell as usize).then(|| made.b() as u8)
}

/// Tells the functions nested in `p` that the variable in a cell register (or upvalue) of it is assigned.
pub(super) fn mark_assigned(p: *mut Proto, index: u8, in_stack: bool) {
    // SAFETY: a proto that a frame names is alive, and so are the ones nested in it; nothing else borrows them.
    unsafe {
        for i in 0..(*p).protos.len() {
            let inner: *mut Proto = (&(*p).protos)[i];
            for u in 0..(*inner).upvals.len() {
                let d = &mut (&mut (*inner).upvals)[u];
                if d.in_stack == in_stack && d.index == index {
                    d.assigned = true;
                    mark_assigned(inner, u as u8, false);
                }
            }
        }
    }
}
