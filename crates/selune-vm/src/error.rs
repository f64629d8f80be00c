//! Making errors: values, positions and the message handler.
//!
//! An error is `Err(Thrown)` in Rust and a value in `Vm::error`. The message handler of the innermost xpcall runs when
//! the error is made, with the whole stack still there.
use crate::Vm;
use crate::native::{Args, Thrown};
use selune_core::thread::FrameKind;
use selune_core::value::Value;

impl Vm {
    /// Raises an error with this value. May call (a message handler).
    pub fn throw(&mut self, v: Value) -> Thrown {
        self.error = v;
        let handler = self
            .thread()
            .frames
            .iter()
            .skip(if core::ptr::eq(self.handler_floor.0, self.cur) { self.handler_floor.1 } else { 0 })
            .rev()
            .find(|f| matches!(f.kind, FrameKind::Pcall | FrameKind::Xpcall))
            .filter(|f| f.kind == FrameKind::Xpcall)
            .map(|f| f.func + 1);
        if let Some(slot) = handler {
            let h = self.stack_at(slot as usize);
            match self.call1(h, &[v]) {
                Ok(r) => self.error = r,
                Err(t) => return t,
            }
        }
        Thrown
    }
    /// Raises an error without asking a message handler (it has been asked already).
    pub fn rethrow(&mut self, v: Value) -> Thrown {
        self.error = v;
        Thrown
    }
    /// The value of the error on its way.
    pub fn error_value(&self) -> Value {
        self.error
    }
    /// Raises a string error with the position of the running function's caller in front when that is a Lua function
    /// (what a native raises; PUC's `luaL_error`).
    pub fn error(&mut self, msg: impl AsRef<[u8]>) -> Thrown {
        let mut m = self.where_(1);
        m.extend_from_slice(msg.as_ref());
        let v = self.new_str(&m);
        self.throw(v)
    }
    /// Raises a string error with the position of the running function when that is a Lua function (what an opcode
    /// raises; PUC's `luaG_runerror`).
    #[cold]
    pub fn rt_error(&mut self, msg: impl AsRef<[u8]>) -> Thrown {
        let mut m = self.running_position();
        m.extend_from_slice(msg.as_ref());
        let v = self.new_str(&m);
        self.throw(v)
    }
    /// "chunk:line: " of the function at a level (0 the running one, 1 its caller), empty when it has no line.
    pub fn where_(&self, level: usize) -> Vec<u8> {
        match self.debug_position(level) {
            Some((source, line)) if line > 0 => {
                let mut m = selune_compiler::chunk_id(&source);
                m.extend_from_slice(format!(":{line}: ").as_bytes());
                m
            }
            _ => Vec::new(),
        }
    }
    /// "bad argument #i to 'f' (msg)"; `i` from 1.
    #[cold]
    pub fn arg_error(&mut self, mut i: usize, msg: impl AsRef<[u8]>) -> Thrown {
        let msg = msg.as_ref();
        let (name, is_method) = self.callee_name();
        if is_method {
            i -= 1;
            if i == 0 {
                let mut m = b"calling '".to_vec();
                m.extend_from_slice(&name);
                m.extend_from_slice(b"' on bad self (");
                m.extend_from_slice(msg);
                m.push(b')');
                return self.error(m);
            }
        }
        let mut m = format!("bad argument #{i} to '").into_bytes();
        m.extend_from_slice(&name);
        m.extend_from_slice(b"' (");
        m.extend_from_slice(msg);
        m.push(b')');
        self.error(m)
    }
    /// "bad argument #i to 'f' (expected expected, got what)"; `i` from 1.
    #[cold]
    pub fn type_error(&mut self, args: Args, i: usize, expected: &str) -> Thrown {
        let got = if i > args.len() {
            b"no value".to_vec()
        } else {
            let v = args.get(self, i - 1);
            let name = self.metamethod(v, selune_core::shape::Metamethod::Name);
            if name.is_string() {
                self.bytes(name).to_vec()
            } else if v.is_light() {
                b"light userdata".to_vec()
            } else {
                v.type_name().as_bytes().to_vec()
            }
        };
        let mut m = format!("{expected} expected, got ").into_bytes();
        m.extend_from_slice(&got);
        self.arg_error(i, m)
    }
    /// Checks the memory limit before a large allocation; runs an emergency collection first.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), Thrown> {
        if self.heap.reserve(bytes).is_ok() {
            return Ok(());
        }
        Err(self.memory_error())
    }
    /// Raises "not enough memory" (no position, no handler).
    #[cold]
    pub fn memory_error(&mut self) -> Thrown {
        let v = self.intern(b"not enough memory");
        self.rethrow(v)
    }
}
