//! Values as text: numbers, `tostring`, descriptions.
use crate::Vm;
use crate::native::Thrown;
use selune_core::number::NumBuf;
use selune_core::shape::Metamethod;
use selune_core::value::Value;

impl Vm {
    /// Lua's text of a number.
    #[inline]
    pub fn format_number<'b>(&self, v: Value, buf: &'b mut NumBuf) -> &'b [u8] {
        match v.as_int() {
            Some(i) => buf.int(i),
            None => buf.float(v.as_float()),
        }
    }
    /// A string value with Lua's text of a number.
    pub fn number_to_string(&mut self, v: Value) -> Value {
        let mut buf = NumBuf::new();
        let s = match v.as_int() {
            Some(i) => buf.int(i),
            None => buf.float(v.as_float()),
        };
        self.heap.new_string(s)
    }
    /// `tostring(v)` with `__tostring` and `__name`. May call.
    pub fn tostring(&mut self, v: Value) -> Result<Value, Thrown> {
        if v.is_string() {
            return Ok(v);
        }
        let f = self.metamethod(v, Metamethod::ToString);
        if !f.is_nil() {
            let r = self.call1(f, &[v])?;
            if r.is_string() {
                return Ok(r);
            }
            if r.is_number() {
                return Ok(self.number_to_string(r));
            }
            return Err(self.error("'__tostring' must return a string"));
        }
        if v.is_number() {
            return Ok(self.number_to_string(v));
        }
        let text = match v {
            Value::NIL => b"nil".to_vec(),
            Value::TRUE => b"true".to_vec(),
            Value::FALSE => b"false".to_vec(),
            _ => {
                let name = self.metamethod(v, Metamethod::Name);
                let mut t = if name.is_string() { self.bytes(name).to_vec() } else { v.type_name().as_bytes().to_vec() };
                t.extend_from_slice(format!(": 0x{:x}", self.pointer_of(v)).as_bytes());
                t
            }
        };
        Ok(self.new_str(&text))
    }
    /// The number that `%p` prints: unique for the object's life, stable although objects move.
    pub fn pointer_of(&mut self, v: Value) -> usize {
        if v.is_light() { (v.payload() & !selune_core::value::LIGHT_BIT) as usize } else { self.heap.pointer_of(v) as usize }
    }
}
