//! `o[k]` and `o[k] = v` with `__index` and `__newindex`.
use super::{Operand, Outcome};
use crate::Vm;
use crate::native::Thrown;
use crate::vm::STRING_TYPE;
use selune_core::shape::Metamethod;
use selune_core::value::Value;

/// Longest chain of `__index` or `__newindex` tables (MAXTAGLOOP of PUC Lua).
const MAX_CHAIN: usize = 2000;

impl Vm {
    /// The value of `o[k]`, or the call that gives it.
    pub fn index_step(&mut self, mut o: Value, k: Value) -> Result<Outcome, Thrown> {
        for hop in 0..MAX_CHAIN {
            let mm = if o.is_table() {
                let v = self.heap.get(o, k);
                if !v.is_nil() {
                    return Ok(Outcome::Value(v));
                }
                let mt = self.heap.metatable(o);
                if mt.is_nil() {
                    return Ok(Outcome::Value(Value::NIL));
                }
                let mm = self.heap.metamethod(mt, Metamethod::Index);
                if mm.is_nil() {
                    return Ok(Outcome::Value(Value::NIL));
                }
                mm
            } else {
                let mm = self.metamethod(o, Metamethod::Index);
                if mm.is_nil() {
                    return Err(self.index_error(o, k, hop == 0));
                }
                mm
            };
            if mm.is_function() {
                return Ok(Outcome::Call2(mm, o, k));
            }
            o = mm;
        }
        Err(self.rt_error("'__index' chain too long; possible loop"))
    }
    /// `o[k]` for an interned string, when no function has to be called for it.
    #[inline]
    pub fn index_name(&self, o: Value, k: Value) -> Option<Value> {
        if o.is_table() {
            return self.heap.index_tables(o, k);
        }
        if !o.is_string() {
            return None;
        }
        let methods = self.heap.metamethod(self.type_metatables[STRING_TYPE], Metamethod::Index);
        if methods.is_table() { self.heap.index_tables(methods, k) } else { None }
    }
    /// `o[k]`. May call.
    pub fn index(&mut self, o: Value, k: Value) -> Result<Value, Thrown> {
        let s = self.index_step(o, k)?;
        self.finish_outcome(s)
    }
    /// Stores, or gives the call that does.
    pub fn set_index_step(&mut self, mut o: Value, k: Value, v: Value) -> Result<Outcome, Thrown> {
        for hop in 0..MAX_CHAIN {
            let mm = if o.is_table() {
                let mt = self.heap.metatable(o);
                if mt.is_nil() || !self.heap.get(o, k).is_nil() {
                    return self.raw_set(o, k, v).map(|()| Outcome::Value(Value::NIL));
                }
                let mm = self.heap.metamethod(mt, Metamethod::NewIndex);
                if mm.is_nil() {
                    return self.raw_set(o, k, v).map(|()| Outcome::Value(Value::NIL));
                }
                mm
            } else {
                let mm = self.metamethod(o, Metamethod::NewIndex);
                if mm.is_nil() {
                    return Err(self.index_error(o, k, hop == 0));
                }
                mm
            };
            if mm.is_function() {
                return Ok(Outcome::Call3(mm, o, k, v));
            }
            o = mm;
        }
        Err(self.rt_error("'__newindex' chain too long; possible loop"))
    }
    /// `o[k] = v`. May call.
    pub fn set_index(&mut self, o: Value, k: Value, v: Value) -> Result<(), Thrown> {
        let s = self.set_index_step(o, k, v)?;
        self.finish_outcome(s).map(drop)
    }
    /// "attempt to index a nil value (local 'x')"; the variable is only named when the instruction's own operand is it.
    #[cold]
    fn index_error(&mut self, o: Value, k: Value, own: bool) -> Thrown {
        if own { self.operand_error("index", o, Operand::Left, Some(k)) } else { self.plain_type_error("index", o) }
    }
}
