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
use selune_core::thread::FrameKind;
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
            Outcome::Call2(f, a, b) => self.call_metamethod(f, &[a, b]),
            Outcome::NotCall2(f, a, b) => Ok(Value::bool(self.call_metamethod(f, &[a, b])?.is_falsy())),
            Outcome::Call3(f, a, b, c) => self.call_metamethod(f, &[a, b, c]),
        }
    }
    /// The first result of a metamethod, on behalf of a native or of compiled code. In compiled code it may yield, as in
    /// the interpreter: a runtime function owns nothing that would be lost with the stack (CORO-1). May call.
    fn call_metamethod(&mut self, f: Value, args: &[Value]) -> Result<Value, Thrown> {
        let by_native = self.thread().frames.last().is_none_or(|f| f.kind != FrameKind::Compiled);
        let registers = [args[0], args[1], args.get(2).copied().unwrap_or(Value::NIL)];
        if let Some(r) = self.call_direct(f, args.len() as u32, registers, by_native) {
            return r;
        }
        let (top, at, n) = (self.top(), self.call_base(), args.len());
        self.ensure_stack(at + n as u32 + 2)?;
        self.put(at, f);
        for (i, v) in args.iter().enumerate() {
            self.put(at + 1 + i as u32, *v);
        }
        self.thread_mut().top = at + 1 + n as u32;
        if by_native {
            self.call_at(at as usize, n, 1)?;
        } else {
            self.enter_c_level()?;
            let r = self.call_from_compiled(at as usize, n, 1);
            self.c_levels = self.c_levels.saturating_sub(1);
            r?;
        }
        let v = self.get(at);
        self.thread_mut().top = top as u32;
        Ok(v)
    }
}
