//! `==`, `<`, `<=` with metamethods.
use super::Outcome;
use super::arith::as_number;
use crate::Vm;
use crate::native::Thrown;
use selune_core::number;
use selune_core::shape::Metamethod;
use selune_core::value::Value;

impl Vm {
    /// `a == b`, or the call that gives it (its truth counts).
    pub fn equals_step(&mut self, a: Value, b: Value) -> Outcome {
        if a.raw_equal(b) {
            return Outcome::Value(Value::TRUE);
        }
        if a.is_table() && b.is_table() || a.is_userdata() && b.is_userdata() {
            let mut f = self.metamethod(a, Metamethod::Eq);
            if f.is_nil() {
                f = self.metamethod(b, Metamethod::Eq);
            }
            if !f.is_nil() {
                return Outcome::Call2(f, a, b);
            }
        }
        Outcome::Value(Value::FALSE)
    }
    /// `a == b`. May call.
    pub fn equals(&mut self, a: Value, b: Value) -> Result<bool, Thrown> {
        let s = self.equals_step(a, b);
        Ok(self.finish_outcome(s)?.is_truthy())
    }
    /// `a < b`, or the call that gives it.
    pub fn less_than_step(&mut self, a: Value, b: Value) -> Result<Outcome, Thrown> {
        if let (Some(x), Some(y)) = (as_number(a), as_number(b)) {
            return Ok(Outcome::Value(Value::bool(number::lt(x, y))));
        }
        if a.is_string() && b.is_string() {
            return Ok(Outcome::Value(Value::bool(selune_core::string::compare(a, b).is_lt())));
        }
        self.order_metamethod(Metamethod::Lt, a, b)
    }
    /// `a <= b`, or the call that gives it.
    pub fn less_equal_step(&mut self, a: Value, b: Value) -> Result<Outcome, Thrown> {
        if let (Some(x), Some(y)) = (as_number(a), as_number(b)) {
            return Ok(Outcome::Value(Value::bool(number::le(x, y))));
        }
        if a.is_string() && b.is_string() {
            return Ok(Outcome::Value(Value::bool(selune_core::string::compare(a, b).is_le())));
        }
        self.order_metamethod(Metamethod::Le, a, b)
    }
    fn order_metamethod(&mut self, m: Metamethod, a: Value, b: Value) -> Result<Outcome, Thrown> {
        let mut f = self.metamethod(a, m);
        if f.is_nil() {
            f = self.metamethod(b, m);
        }
        if f.is_nil() && m == Metamethod::Le {
            // As in PUC Lua with LUA_COMPAT_LT_LE (the default build): not (b < a).
            f = self.metamethod(b, Metamethod::Lt);
            if f.is_nil() {
                f = self.metamethod(a, Metamethod::Lt);
            }
            if !f.is_nil() {
                return Ok(Outcome::NotCall2(f, b, a));
            }
        }
        if f.is_nil() { Err(self.compare_error(a, b)) } else { Ok(Outcome::Call2(f, a, b)) }
    }
    /// `a < b`. May call.
    pub fn less_than(&mut self, a: Value, b: Value) -> Result<bool, Thrown> {
        let s = self.less_than_step(a, b)?;
        Ok(self.finish_outcome(s)?.is_truthy())
    }
    /// `a <= b`. May call.
    pub fn less_equal(&mut self, a: Value, b: Value) -> Result<bool, Thrown> {
        let s = self.less_equal_step(a, b)?;
        Ok(self.finish_outcome(s)?.is_truthy())
    }
    #[cold]
    fn compare_error(&mut self, a: Value, b: Value) -> Thrown {
        let (x, y) = (self.type_name_of(a), self.type_name_of(b));
        let mut m = b"attempt to compare ".to_vec();
        if x == y {
            m.extend_from_slice(b"two ");
            m.extend_from_slice(&x);
            m.extend_from_slice(b" values");
        } else {
            m.extend_from_slice(&x);
            m.extend_from_slice(b" with ");
            m.extend_from_slice(&y);
        }
        self.rt_error(m)
    }
}
