//! Upvalues of functions and user values of userdata, seen from outside.
use super::levels::Level;
use super::locals::{mark_assigned, value_register};
use crate::Vm;
use selune_core::object::{Closure, Native, Userdata};
use selune_core::value::Value;

impl Vm {
    /// Name and value of upvalue `n` (from 1) of a function; those of natives are called "".
    pub fn function_upvalue(&self, f: Value, n: i64) -> Option<(Vec<u8>, Value)> {
        let i = usize::try_from(n).ok()?.checked_sub(1)?;
        if let Some(slot) = self.native_upvalue(f, i) {
            // SAFETY: checked to be in bounds.
            return Some((Vec::new(), unsafe { *slot }));
        }
        let cell = self.cell_of(f, i)?;
        // SAFETY: closures hold cells.
        Some((self.upvalue_name(f, i), unsafe { (*cell.as_cell()).value }))
    }
    /// Assigns upvalue `n` (from 1) of a function; its name.
    pub fn set_function_upvalue(&mut self, f: Value, n: i64, v: Value) -> Option<Vec<u8>> {
        let i = usize::try_from(n).ok()?.checked_sub(1)?;
        if let Some(slot) = self.native_upvalue(f, i) {
            // SAFETY: a slot of the native; stored through the barrier.
            unsafe { self.heap.store(f.as_header(), slot, v) };
            return Some(Vec::new());
        }
        let cell = self.cell_of(f, i)?;
        // SAFETY: closures hold cells; stored through the barrier. The proto is alive and nothing else borrows it.
        unsafe {
            self.heap.store(cell.as_header(), &raw mut (*cell.as_cell()).value, v);
            let p = (*f.as_closure()).proto;
            (&mut (*p).upvals)[i].assigned = true;
            mark_assigned(p, i as u8, false);
        }
        self.update_register_copies(cell, v);
        Some(self.upvalue_name(f, i))
    }
    /// A number that two upvalues share exactly when they are the same variable.
    pub fn upvalue_id(&mut self, f: Value, n: i64) -> Option<usize> {
        let i = usize::try_from(n).ok()?.checked_sub(1)?;
        if self.native_upvalue(f, i).is_some() {
            return Some(self.pointer_of(f) + 8 * (i + 1));
        }
        let cell = self.cell_of(f, i)?;
        Some(self.pointer_of(cell))
    }
    /// Makes upvalue `n1` of the Lua function `f1` refer to upvalue `n2` of the Lua function `f2`. Both must exist.
    pub fn join_upvalues(&mut self, f1: Value, n1: i64, f2: Value, n2: i64) {
        let (i1, i2) = (n1 as usize - 1, n2 as usize - 1);
        let cell = self.cell_of(f2, i2).expect("checked by upvalue_id");
        assert!(self.cell_of(f1, i1).is_some());
        // SAFETY: checked to be upvalues of closures; stored through the barrier. Nothing else borrows the proto.
        unsafe {
            self.heap.store(f1.as_header(), Closure::upvalue(f1.as_closure(), i1), cell);
            let p = (*f1.as_closure()).proto;
            (&mut (*p).upvals)[i1].assigned = true;
            mark_assigned(p, i1 as u8, false);
        }
    }
    fn upvalue_name(&self, f: Value, i: usize) -> Vec<u8> {
        let name = self.proto_of(f).map_or(Value::NIL, |p| p.upvals[i].name);
        if name.is_string() { self.bytes(name).to_vec() } else { b"(no name)".to_vec() }
    }
    fn native_upvalue(&self, f: Value, i: usize) -> Option<*mut Value> {
        if !f.is_native() {
            return None;
        }
        // SAFETY: checked to be a native and in bounds.
        unsafe { (i < (*f.as_native()).header.aux as usize).then(|| Native::upvalue(f.as_native(), i)) }
    }
    /// A captured variable was assigned from outside although no code assigns it: the functions that have it in a register
    /// too get the new value there.
    fn update_register_copies(&mut self, cell: Value, v: Value) {
        for thread in self.threads_with_frames() {
            let levels: Vec<Level> = self.levels_of(thread).filter(|l| l.is_lua() && !l.compiled).collect();
            let t = self.thread_of(thread);
            let mut wrote = false;
            for l in levels {
                let base = t.frames[l.frame].base;
                let Some((p, pc)) = l.code() else { continue };
                for reg in 0..p.max_stack {
                    let slots = t.stack_slice();
                    if slots[(base + reg as u32) as usize] == cell
                        && let Some(copy) = value_register(p, pc, reg)
                    {
                        slots[(base + copy as u32) as usize] = v;
                        wrote = true;
                        mark_assigned(l.proto(), reg, true);
                    }
                }
            }
            if wrote {
                let t: *mut _ = t;
                self.heap.remember_thread(t);
            }
        }
    }
    /// The running thread and those that wait for it.
    fn threads_with_frames(&self) -> Vec<Value> {
        let mut all = vec![self.current];
        loop {
            let up = self.thread_ref(all[all.len() - 1]).resumer;
            if !up.is_thread() {
                return all;
            }
            all.push(up);
        }
    }
    /// User value `n` (from 1) of a userdata.
    pub fn user_value(&self, u: Value, n: i64) -> Option<Value> {
        // SAFETY: checked to be in bounds.
        self.user_value_slot(u, n).map(|s| unsafe { *s })
    }
    /// Sets user value `n` (from 1) of a userdata; false when it has no such one.
    pub fn set_user_value(&mut self, u: Value, n: i64, v: Value) -> bool {
        let Some(slot) = self.user_value_slot(u, n) else { return false };
        // SAFETY: a slot of the userdata; stored through the barrier.
        unsafe { self.heap.store(u.as_header(), slot, v) };
        true
    }
    fn user_value_slot(&self, u: Value, n: i64) -> Option<*mut Value> {
        let i = usize::try_from(n).ok()?.checked_sub(1)?;
        // SAFETY: checked to be a userdata and in bounds.
        unsafe { (u.is_userdata() && i < (*u.as_header()).aux as usize).then(|| Userdata::user_value(u.as_userdata(), i)) }
    }
}
