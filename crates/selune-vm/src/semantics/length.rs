//! `#v`.
use super::{Operand, Outcome};
use crate::Vm;
use crate::native::Thrown;
use selune_core::shape::Metamethod;
use selune_core::value::Value;

impl Vm {
    /// `#v`, or the call that gives it.
    pub fn len_step(&mut self, v: Value) -> Result<Outcome, Thrown> {
        if v.is_string() {
            // SAFETY: a string value.
            let n = unsafe { (*v.as_string()).len } as i64;
            return Ok(Outcome::Value(self.int(n)));
        }
        let mm = self.metamethod(v, Metamethod::Len);
        if !mm.is_nil() {
            return Ok(Outcome::Call2(mm, v, v));
        }
        if v.is_table() {
            let n = self.heap.length(v);
            return Ok(Outcome::Value(self.int(n)));
        }
        Err(self.operand_error("get length of", v, Operand::Left, None))
    }
    /// `#v`. May call.
    pub fn len(&mut self, v: Value) -> Result<Value, Thrown> {
        let s = self.len_step(v)?;
        self.finish_outcome(s)
    }
    /// `#v` as an integer (`luaL_len`). May call.
    pub fn len_int(&mut self, v: Value) -> Result<i64, Thrown> {
        let n = self.len(v)?;
        match self.to_integer(n).filter(|_| n.is_number()) {
            Some(i) => Ok(i),
            None => Err(self.error("object length is not an integer")),
        }
    }
}
