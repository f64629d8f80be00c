//! Argument checks of natives (indices from 0), with PUC Lua's messages.
use crate::Vm;
use crate::native::{Args, Thrown};
use selune_core::number;
use selune_core::value::Value;

impl Vm {
    /// An integer (floats with integer values and strings are converted).
    #[inline]
    pub fn check_int(&mut self, a: Args, i: usize) -> Result<i64, Thrown> {
        let v = a.get(self, i);
        if v.is_small_int() { Ok(v.as_small_int()) } else { self.check_int_slow(a, i) }
    }
    #[cold]
    fn check_int_slow(&mut self, a: Args, i: usize) -> Result<i64, Thrown> {
        let v = a.get(self, i);
        match self.to_integer(v) {
            Some(n) => Ok(n),
            None if self.to_number(v).is_some() => Err(self.arg_error(i + 1, "number has no integer representation")),
            None => Err(self.type_error(a, i + 1, "number")),
        }
    }
    /// A number as a float.
    #[inline]
    pub fn check_num(&mut self, a: Args, i: usize) -> Result<f64, Thrown> {
        let v = a.get(self, i);
        if v.is_float() {
            return Ok(v.as_float());
        }
        match self.to_number(v) {
            Some(n) => Ok(n),
            None => Err(self.type_error(a, i + 1, "number")),
        }
    }
    /// A string; a number is converted, in the argument's place too.
    #[inline]
    pub fn check_str(&mut self, a: Args, i: usize) -> Result<Value, Thrown> {
        let v = a.get(self, i);
        if v.is_string() {
            return Ok(v);
        }
        if v.is_number() {
            let s = self.number_to_string(v);
            a.set(self, i, s);
            return Ok(s);
        }
        Err(self.type_error(a, i + 1, "string"))
    }
    /// `check_int`, or the default when the argument is nil or missing.
    #[inline]
    pub fn opt_int(&mut self, a: Args, i: usize, default: i64) -> Result<i64, Thrown> {
        if a.get(self, i).is_nil() { Ok(default) } else { self.check_int(a, i) }
    }
    /// `check_num`, or the default when the argument is nil or missing.
    #[inline]
    pub fn opt_num(&mut self, a: Args, i: usize, default: f64) -> Result<f64, Thrown> {
        if a.get(self, i).is_nil() { Ok(default) } else { self.check_num(a, i) }
    }
    /// `check_str`, or None when the argument is nil or missing.
    #[inline]
    pub fn opt_str(&mut self, a: Args, i: usize) -> Result<Option<Value>, Thrown> {
        if a.get(self, i).is_nil() { Ok(None) } else { self.check_str(a, i).map(Some) }
    }
    /// A table.
    #[inline]
    pub fn check_table(&mut self, a: Args, i: usize) -> Result<Value, Thrown> {
        let v = a.get(self, i);
        if v.is_table() { Ok(v) } else { Err(self.type_error(a, i + 1, "table")) }
    }
    /// Any value, nil included, but the argument must be there.
    #[inline]
    pub fn check_any(&mut self, a: Args, i: usize) -> Result<Value, Thrown> {
        if i < a.len() { Ok(a.get(self, i)) } else { Err(self.arg_error(i + 1, "value expected")) }
    }
    /// The integer that a value stands for (`lua_tointegerx`).
    #[inline]
    pub fn to_integer(&self, v: Value) -> Option<i64> {
        if let Some(i) = v.as_int() {
            return Some(i);
        }
        if v.is_float() {
            return number::float_to_int(v.as_float());
        }
        if v.is_string() { number::coerce_int(self.bytes(v)) } else { None }
    }
    /// The float that a value stands for (`lua_tonumberx`).
    #[inline]
    pub fn to_number(&self, v: Value) -> Option<f64> {
        if let Some(n) = v.as_number() {
            return Some(n);
        }
        if v.is_string() { number::coerce(self.bytes(v)).map(|n| n.to_float()) } else { None }
    }
}
