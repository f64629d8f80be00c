//! `a .. b .. c`.
use super::{Operand, Outcome};
use crate::Vm;
use crate::native::Thrown;
use selune_core::number::NumBuf;
use selune_core::shape::Metamethod;
use selune_core::value::Value;

/// Most bytes of a string (MAXSIZE of PUC Lua is larger; memory ends before).
const MAX_STRING: usize = isize::MAX as usize / 2;

/// No text of a number has more bytes.
const LONGEST_NUMBER: usize = 64;

impl Vm {
    /// Joins as much as can be joined without metamethods at the right end of `slots..slots + n` (stack indices): gives
    /// the new n and, when it is not 1, the call that joins the last two.
    pub fn concat_step(&mut self, slots: usize, mut n: usize) -> Result<(usize, Option<Outcome>), Thrown> {
        while n > 1 {
            let (a, b) = (self.stack_at(slots + n - 2), self.stack_at(slots + n - 1));
            let ok = |v: Value| v.is_string() || v.is_number();
            if !ok(a) || !ok(b) {
                let mut f = self.metamethod(a, Metamethod::Concat);
                if f.is_nil() {
                    f = self.metamethod(b, Metamethod::Concat);
                }
                if f.is_nil() {
                    let (bad, which) = if ok(a) { (b, Operand::Right) } else { (a, Operand::Left) };
                    return Err(self.concat_error(bad, which, slots + n - if ok(a) { 1 } else { 2 }));
                }
                return Ok((n, Some(Outcome::Call2(f, a, b))));
            }
            let mut first = n - 2;
            while first > 0 && ok(self.stack_at(slots + first - 1)) {
                first -= 1;
            }
            let v = self.join(slots + first, n - first)?;
            self.set_stack_at(slots + first, v);
            n = first + 1;
        }
        Ok((n, None))
    }
    /// The concatenation of strings and numbers at `at..at + n`.
    fn join(&mut self, at: usize, n: usize) -> Result<Value, Thrown> {
        if n == 2 {
            let (a, b) = (self.stack_at(at), self.stack_at(at + 1));
            if a.is_string() && b.is_string() {
                let (la, lb) = (self.bytes(a).len(), self.bytes(b).len());
                if la == 0 {
                    return Ok(b);
                }
                if lb == 0 {
                    return Ok(a);
                }
                if la + lb >= 1 << 16 {
                    self.reserve(la + lb)?;
                }
                return Ok(self.heap.new_string2(selune_core::string::bytes(self.stack_at(at)), selune_core::string::bytes(self.stack_at(at + 1))));
            }
        }
        let mut total = 0usize;
        let mut numbers = 0;
        for i in 0..n {
            let v = self.stack_at(at + i);
            if v.is_string() {
                total += selune_core::string::len(v);
                if total > MAX_STRING {
                    return Err(self.rt_error("string length overflow"));
                }
            } else {
                numbers += 1;
            }
        }
        let most = total + numbers * LONGEST_NUMBER;
        if most >= 1 << 16 {
            self.reserve(most)?;
        }
        if numbers > 0 {
            return self.join_numbers(at, n);
        }
        let slots = self.thread().stack;
        // SAFETY: THREAD-1: the loop above has read these slots; the stack does not move before the string is made (GC-1).
        Ok(self.heap.new_string_concat(total, (at..at + n).map(|i| selune_core::string::bytes(unsafe { *slots.add(i) }))))
    }
    /// `join` where some of the values are numbers.
    fn join_numbers(&mut self, at: usize, n: usize) -> Result<Value, Thrown> {
        let mut out = core::mem::take(&mut self.joining);
        out.clear();
        let mut buf = NumBuf::new();
        for i in 0..n {
            let v = self.stack_at(at + i);
            if v.is_number() {
                out.extend_from_slice(self.format_number(v, &mut buf));
            } else {
                out.extend_from_slice(selune_core::string::bytes(v));
            }
        }
        let v = self.heap.new_string(&out);
        // A buffer that was needed once for a long string is not kept.
        if out.capacity() <= 1 << 12 {
            self.joining = out;
        }
        Ok(v)
    }
    /// `values[0] .. values[1] .. ...` for natives and compiled code. May call.
    pub fn concat(&mut self, values: &[Value]) -> Result<Value, Thrown> {
        let at = self.top();
        for &v in values {
            self.push(v);
        }
        let mut n = values.len();
        loop {
            match self.concat_step(at, n)? {
                (_, None) => break,
                (m, Some(o)) => {
                    let v = self.finish_outcome(o)?;
                    n = m - 1;
                    self.set_stack_at(at + n - 1, v);
                }
            }
        }
        let v = self.stack_at(at);
        self.set_top(at);
        Ok(v)
    }
    #[cold]
    fn concat_error(&mut self, bad: Value, which: Operand, slot: usize) -> Thrown {
        let _ = which;
        self.register_error("concatenate", bad, slot)
    }
}
