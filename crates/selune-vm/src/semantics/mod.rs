//! What Lua's operations mean, written once.
//!
//! An operation that may need a metamethod comes in two layers. The `*_step` functions decide without calling: they
//! give an `Outcome`, either the value or the call that gives it. The interpreter makes that call a frame of its own
//! (so that it can yield); natives and compiled code use the second layer, which calls.
pub mod arith;
pub mod compare;
pub mod concat;
pub mod index;
pub mod length;
pub mod text;

use crate::Vm;
use crate::native::Thrown;
use selune_core::value::Value;

/// Which operand of the running instruction is to blame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operand {
    /// The indexed or called object, the only or left operand.
    Left,
    /// The right operand.
    Right,
}

/// A value, or the call that gives it.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// Known.
    Value(Value),
    /// The first result of `f(a, b)`.
    Call2(Value, Value, Value),
    /// The negated truth of the first result of `f(a, b)`.
    NotCall2(Value, Value, Value),
    /// `f(a, b, c)`, results dropped.
    Call3(Value, Value, Value, Value),
}

impl Vm {
    /// Makes the call of an outcome. May call.
    #[inline]
    pub fn finish_outcome(&mut self, o: Outcome) -> Result<Value, Thrown> {
        match o {
            Outcome::Value(v) => Ok(v),
            Outcome::Call2(f, a, b) => self.call1(f, &[a, b]),
            Outcome::NotCall2(f, a, b) => Ok(Value::bool(self.call1(f, &[a, b])?.is_falsy())),
            Outcome::Call3(f, a, b, c) => {
                let at = self.top();
                self.call_values(f, &[a, b, c], 0)?;
                self.set_top(at);
                Ok(Value::NIL)
            }
        }
    }
}
