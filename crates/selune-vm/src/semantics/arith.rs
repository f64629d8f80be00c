//! Arithmetic and bitwise operators with coercions and metamethods.
use super::{Operand, Outcome};
use crate::Vm;
use crate::native::Thrown;
use selune_core::number::{self, Number};
use selune_core::shape::Metamethod;
use selune_core::value::Value;

/// An arithmetic or bitwise operator, in the order of the metamethods from `__add` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ArithOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `/`
    Div,
    /// `//`
    IDiv,
    /// `&`
    BAnd,
    /// `|`
    BOr,
    /// `~`
    BXor,
    /// `<<`
    Shl,
    /// `>>`
    Shr,
    /// unary `-`
    Unm,
    /// unary `~`
    BNot,
}
use ArithOp::*;

impl ArithOp {
    /// All, in order of their numbers.
    pub const ALL: [ArithOp; 14] = [Add, Sub, Mul, Mod, Pow, Div, IDiv, BAnd, BOr, BXor, Shl, Shr, Unm, BNot];
    /// Works on integers only?
    pub fn is_bitwise(self) -> bool {
        matches!(self, BAnd | BOr | BXor | Shl | Shr | BNot)
    }
    /// The metamethod.
    pub fn metamethod(self) -> Metamethod {
        use Metamethod as M;
        [M::Add, M::Sub, M::Mul, M::Mod, M::Pow, M::Div, M::IDiv, M::BAnd, M::BOr, M::BXor, M::Shl, M::Shr, M::Unm, M::BNot][self as usize]
    }
}

/// The number in a value, strings not converted.
#[inline]
pub fn as_number(v: Value) -> Option<Number> {
    if v.is_float() { Some(Number::Float(v.as_float())) } else { v.as_int().map(Number::Int) }
}

/// The integer of a number for bitwise operators.
#[inline]
fn as_bits(v: Value) -> Option<i64> {
    if v.is_float() { number::float_to_int(v.as_float()) } else { v.as_int() }
}

impl Vm {
    /// A value from a number.
    #[inline]
    pub fn number(&mut self, n: Number) -> Value {
        match n {
            Number::Int(i) => self.int(i),
            Number::Float(f) => Value::float(f),
        }
    }
    /// The result on two numbers, None when the operands are not such. Throws for division by zero.
    #[inline]
    fn arith_numbers(&mut self, op: ArithOp, a: Value, b: Value) -> Result<Option<Value>, Thrown> {
        if op.is_bitwise() {
            let (Some(x), Some(y)) = (as_bits(a), as_bits(b)) else { return Ok(None) };
            let r = match op {
                BAnd => x & y,
                BOr => x | y,
                BXor => x ^ y,
                Shl => number::shl(x, y),
                Shr => number::shr(x, y),
                _ => !x,
            };
            return Ok(Some(self.int(r)));
        }
        let (Some(x), Some(y)) = (as_number(a), as_number(b)) else { return Ok(None) };
        if let (Number::Int(x), Number::Int(y)) = (x, y)
            && !matches!(op, Pow | Div)
        {
            let r = match op {
                Add => x.wrapping_add(y),
                Sub => x.wrapping_sub(y),
                Mul => x.wrapping_mul(y),
                Unm => x.wrapping_neg(),
                Mod if y == 0 => return Err(self.rt_error("attempt to perform 'n%0'")),
                Mod => number::imod(x, y),
                _ if y == 0 => return Err(self.rt_error("attempt to divide by zero")),
                _ => number::idiv(x, y),
            };
            return Ok(Some(self.int(r)));
        }
        let (x, y) = (x.to_float(), y.to_float());
        Ok(Some(Value::float(match op {
            Add => x + y,
            Sub => x - y,
            Mul => x * y,
            Div => x / y,
            Unm => -x,
            Pow => number::pow(x, y),
            Mod => number::fmod(x, y),
            _ => number::fidiv(x, y),
        })))
    }
    /// The result of an operator, or the call that gives it. Unary operators take their operand twice.
    pub fn arith_step(&mut self, op: ArithOp, a: Value, b: Value) -> Result<Outcome, Thrown> {
        if let Some(v) = self.arith_numbers(op, a, b)? {
            return Ok(Outcome::Value(v));
        }
        let m = op.metamethod();
        let mut f = self.metamethod(a, m);
        if f.is_nil() {
            f = self.metamethod(b, m);
        }
        if f.is_nil() {
            return Err(self.arith_error(op, a, b));
        }
        Ok(Outcome::Call2(f, a, b))
    }
    /// The result of an operator. May call.
    pub fn arith(&mut self, op: ArithOp, a: Value, b: Value) -> Result<Value, Thrown> {
        let s = self.arith_step(op, a, b)?;
        self.finish_outcome(s)
    }
    /// Arithmetic on operands where strings count as the numbers they spell (string library metamethods); None when one
    /// does not.
    pub fn arith_coerced(&mut self, op: ArithOp, a: Value, b: Value) -> Result<Option<Value>, Thrown> {
        let conv = |vm: &mut Vm, v: Value| {
            if v.is_string() { number::coerce(vm.bytes(v)).map(|n| vm.number(n)) } else { as_number(v).map(|_| v) }
        };
        let (Some(x), Some(y)) = (conv(self, a), conv(self, b)) else { return Ok(None) };
        self.arith_numbers(op, x, y)
    }
    #[cold]
    fn arith_error(&mut self, op: ArithOp, a: Value, b: Value) -> Thrown {
        if op.is_bitwise() {
            if (a.is_number() || (a.is_string())) && (b.is_number() || b.is_string()) && !(a.is_string() || b.is_string()) {
                return self.no_integer_error(a, b);
            }
            let which = if a.is_number() { Operand::Right } else { Operand::Left };
            let bad = if a.is_number() { b } else { a };
            return self.operand_error("perform bitwise operation on", bad, which, None);
        }
        let (bad, which) = if a.is_number() { (b, Operand::Right) } else { (a, Operand::Left) };
        self.operand_error("perform arithmetic on", bad, which, None)
    }
    /// "number has no integer representation", naming the operand.
    #[cold]
    pub fn no_integer_error(&mut self, a: Value, b: Value) -> Thrown {
        let which = if as_bits(a).is_none() { Operand::Left } else { Operand::Right };
        let _ = b;
        let mut m = b"number".to_vec();
        m.extend_from_slice(&self.operand_description(which));
        m.extend_from_slice(b" has no integer representation");
        self.rt_error(m)
    }
}
