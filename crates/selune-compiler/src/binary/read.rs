//! Bytes to functions.
use super::{MAGIC, checksum, flag, header, tag};
use crate::ProtoRef;
use crate::emit::assign_feedback;
use crate::error::{CompileError, ErrorKind, c_str};
use crate::verify::verify;
use selune_core::feedback::FeedbackVector;
use selune_core::heap::Heap;
use selune_core::proto::{Ins, LocalVar, Proto, UpvalDesc};
use selune_core::value::Value;

/// Nested functions are read recursively; the compiler cannot nest deeper than this.
const MAX_DEPTH: usize = 200;

struct Reader<'a> {
    heap: &'a mut Heap,
    data: &'a [u8],
    pos: usize,
}

type Read<T> = Result<T, &'static str>;

/// Reads a binary chunk. `name` is as for `load`; messages show it.
pub fn undump(heap: &mut Heap, chunk: &[u8], name: &[u8]) -> Result<ProtoRef, CompileError> {
    let mut r = Reader { heap, data: chunk, pos: 0 };
    r.chunk().map_err(|why| {
        let shown = match name.first() {
            Some(b'@' | b'=') => &name[1..],
            Some(0x1b) => b"binary string",
            _ => name,
        };
        let message = [c_str(shown), b": bad binary format (", why.as_bytes(), b")"].concat();
        CompileError { kind: ErrorKind::Binary, message }
    })
}

impl Reader<'_> {
    fn chunk(&mut self) -> Read<ProtoRef> {
        let expected = header();
        let mut at = 0;
        for (len, what) in [
            (4, "not a binary chunk"),
            (1, "version mismatch"),
            (1, "format mismatch"),
            (6, "corrupted chunk"),
            (1, "Instruction size mismatch"),
            (1, "lua_Integer size mismatch"),
            (1, "lua_Number size mismatch"),
            (8, "integer format mismatch"),
            (8, "float format mismatch"),
        ] {
            self.literal(&expected[at..at + len], what)?;
            at += len;
        }
        self.literal(MAGIC, "not a chunk of Selune")?;
        let len = u64::from_le_bytes(self.array()?);
        let sum = u64::from_le_bytes(self.array()?);
        if ((self.data.len() - self.pos) as u64) < len {
            return Err("truncated chunk");
        }
        self.data = &self.data[..self.pos + len as usize];
        if checksum(&self.data[self.pos..]) != sum {
            return Err("corrupted chunk");
        }
        self.byte()?;
        self.function(Value::NIL, None, 0)
    }

    fn bytes(&mut self, n: usize) -> Read<&[u8]> {
        if self.data.len() - self.pos < n {
            return Err("truncated chunk");
        }
        self.pos += n;
        Ok(&self.data[self.pos - n..self.pos])
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        Ok(self.bytes(N)?.try_into().expect("N bytes"))
    }

    fn literal(&mut self, expected: &[u8], what: &'static str) -> Read<()> {
        if self.bytes(expected.len())? == expected { Ok(()) } else { Err(what) }
    }

    fn byte(&mut self) -> Read<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn number(&mut self) -> Read<u64> {
        let mut n = 0u64;
        for shift in (0..64).step_by(7) {
            let b = self.byte()?;
            n |= ((b & 0x7F) as u64) << shift;
            if b & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err("integer overflow")
    }

    /// A number of elements, each of which takes at least one byte.
    fn count(&mut self) -> Read<usize> {
        let n = self.number()?;
        if n > (self.data.len() - self.pos) as u64 { Err("truncated chunk") } else { Ok(n as usize) }
    }

    fn number32(&mut self) -> Read<u32> {
        u32::try_from(self.number()?).map_err(|_| "integer overflow")
    }

    fn value(&mut self) -> Read<Value> {
        Ok(match self.byte()? {
            tag::NIL => Value::NIL,
            tag::FALSE => Value::FALSE,
            tag::TRUE => Value::TRUE,
            tag::INT => {
                let i = i64::from_le_bytes(self.array()?);
                self.heap.new_int(i)
            }
            tag::FLOAT => Value::float(f64::from_le_bytes(self.array()?)),
            tag::STRING => {
                let n = self.count()?;
                let (start, data) = (self.pos, self.data);
                self.bytes(n)?;
                self.heap.intern(&data[start..start + n])
            }
            _ => return Err("corrupted chunk"),
        })
    }

    fn name(&mut self) -> Read<Value> {
        let v = self.value()?;
        if v.is_nil() || v.is_string() { Ok(v) } else { Err("bad format for constant string") }
    }

    fn function(&mut self, parent_source: Value, parent: Option<&Proto>, depth: usize) -> Read<ProtoRef> {
        if depth > MAX_DEPTH {
            return Err("too many nested functions");
        }
        let mut p = Proto::new();
        let [flags, num_params, max_stack] = self.array()?;
        p.is_vararg = flags & flag::VARARG != 0;
        p.num_params = num_params;
        p.max_stack = max_stack;
        p.line_defined = self.number32()?;
        p.last_line = self.number32()?;
        for _ in 0..self.count()? {
            p.code.push(Ins(u64::from_le_bytes(self.array()?)));
        }
        for _ in 0..self.count()? {
            let k = self.value()?;
            p.constants.push(k);
        }
        for _ in 0..self.count()? {
            let [flags, index] = self.array()?;
            p.upvals.push(UpvalDesc { name: Value::NIL, in_stack: flags & 1 != 0, index, assigned: flags & 2 != 0 });
        }
        if flags & flag::STRIPPED == 0 {
            self.debug(&mut p, parent_source)?;
        }
        let children = self.count()?;
        verify(&p, children, parent)?;
        for _ in 0..children {
            let inner = self.function(p.source, Some(&p), depth + 1)?;
            p.protos.push(inner);
        }
        p.feedback = FeedbackVector::new(assign_feedback(&mut p.code));
        p.finish();
        Ok(self.heap.new_proto(p))
    }

    fn debug(&mut self, p: &mut Proto, parent_source: Value) -> Read<()> {
        let source = self.name()?;
        p.source = if source.is_nil() { parent_source } else { source };
        for i in 0..p.upvals.len() {
            p.upvals[i].name = self.name()?;
        }
        let mut line = 0i64;
        for _ in 0..self.count()? {
            let step = self.number()?;
            line += (step >> 1) as i64 ^ -((step & 1) as i64);
            p.lines.push(line as u32);
        }
        for _ in 0..self.count()? {
            let name = self.name()?;
            let (start, end) = (self.number32()?, self.number32()?);
            let [reg, is_cell] = self.array()?;
            let cell = self.number32()?;
            let cell_reg = if cell == 0 { None } else { Some((cell - 1) as u8) };
            p.locals.push(LocalVar { name, start, end, reg, is_cell: is_cell != 0, cell_reg });
        }
        Ok(())
    }
}
