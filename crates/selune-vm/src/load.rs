//! Turning source or binary chunks into functions.
use crate::Vm;
use crate::safepoint::POLL_LEAVE;
use selune_core::proto::Proto;
use selune_core::value::Value;

/// The functions of the debug library that look at functions that run. A chunk that names one is taken to call it.
const OBSERVERS: [&[u8]; 3] = [b"getlocal", b"setlocal", b"sethook"];

impl Vm {
    /// Compiles a chunk. `mode` is "t", "b" or "bt"; `env` the value of the first upvalue (default: the globals). Err: the
    /// message as a string value.
    pub fn load(&mut self, chunk: &[u8], name: &[u8], mode: &str, env: Option<Value>) -> Result<Value, Value> {
        let binary = chunk.first() == Some(&0x1b);
        let kind = if binary { "binary" } else { "text" };
        if !mode.contains(if binary { 'b' } else { 't' }) {
            let m = format!("attempt to load a {kind} chunk (mode is '{mode}')");
            return Err(self.new_str(m.as_bytes()));
        }
        let levels = self.levels_for_parser();
        let compiled = if binary { selune_compiler::undump(&mut self.heap, chunk, name) } else { selune_compiler::compile_at(&mut self.heap, chunk, name, levels) };
        match compiled {
            Ok(proto) => Ok(self.main_closure(proto, env)),
            Err(e) => Err(self.compile_error(e)),
        }
    }
    /// The value of an error of the compiler.
    fn compile_error(&mut self, e: selune_compiler::CompileError) -> Value {
        let v = self.new_str(&e.message);
        if e.kind == selune_compiler::ErrorKind::StackOverflow {
            // This one is raised like an error of a running function: a message handler sees it.
            let _ = self.throw(v);
            return self.error;
        }
        v
    }
    /// `load` of a chunk that comes in pieces: each is asked for when the parser needs it. `next` gives an empty piece at the
    /// end; its error value is the result. `env` is a stack index, as `next` may call.
    pub fn load_pieces(
        &mut self,
        mut next: impl FnMut(&mut Vm) -> Result<Vec<u8>, Value>,
        name: &[u8],
        mode: &str,
        env: Option<usize>,
    ) -> Result<Value, Value> {
        let mut first = next(self)?;
        let binary = first.first() == Some(&0x1b);
        if !mode.contains(if binary { 'b' } else { 't' }) || first.is_empty() {
            return self.load(&first, name, mode, env.map(|slot| self.stack_at(slot)));
        }
        if binary {
            let mut chunk = first;
            loop {
                let loaded = self.load(&chunk, name, mode, env.map(|slot| self.stack_at(slot)));
                match loaded {
                    Err(e) if e.is_string() && self.bytes(e).ends_with(b"(truncated chunk)") => {
                        let h = self.pin(e);
                        let piece = next(self)?;
                        let e = self.pinned(h);
                        self.handles.truncate(h);
                        if piece.is_empty() {
                            return Err(e);
                        }
                        chunk.extend_from_slice(&piece);
                    }
                    loaded => return loaded,
                }
            }
        }
        let levels = self.levels_for_parser();
        let mut failed = None;
        let mut more = || {
            let piece = if first.is_empty() { next(self) } else { Ok(core::mem::take(&mut first)) };
            match piece {
                Ok(piece) if piece.is_empty() => Ok(None),
                Ok(piece) => Ok(Some(piece)),
                Err(e) => {
                    failed = Some(e);
                    Err(())
                }
            }
        };
        let parsed = selune_compiler::parse_pieces(&mut more, name, levels);
        // Nothing has run since the reader failed, so its error value is as it was.
        match (parsed, failed) {
            (_, Some(e)) => Err(e),
            (Ok(parsed), None) => {
                let proto = parsed.link(&mut self.heap, name);
                Ok(self.main_closure(proto, env.map(|slot| self.stack_at(slot))))
            }
            (Err(e), None) => Err(self.compile_error(e)),
        }
    }
    /// A Lua function as a binary chunk (`string.dump`); None for natives.
    pub fn dump(&self, f: Value, strip: bool) -> Option<Vec<u8>> {
        self.proto_of(f).map(|proto| selune_compiler::dump(proto, strip))
    }
    /// A closure of a main function: fresh upvalues, the first one the environment.
    fn main_closure(&mut self, proto: *mut Proto, env: Option<Value>) -> Value {
        if self.prepare_protos(proto) {
            self.observe();
        }
        // SAFETY: a proto just made.
        let n = unsafe { (*proto).upvals.len() };
        let f = self.heap.new_closure(proto, n);
        for i in 0..n {
            let v = if i == 0 { env.unwrap_or(self.globals) } else { Value::NIL };
            let cell = self.heap.new_cell(v);
            // SAFETY: the closure has n upvalues.
            unsafe {
                let slot = selune_core::object::Closure::upvalue(f.as_closure(), i);
                self.heap.store(f.as_header(), slot, cell);
            }
        }
        f
    }
    /// Gives a function and all its nested ones their tier state. True: they name functions that look at running functions.
    fn prepare_protos(&mut self, proto: *mut Proto) -> bool {
        // SAFETY: protos just made, reachable from the compiler's result.
        let p = unsafe { &mut *proto };
        p.tier.countdown = self.hot_threshold;
        p.tier.entry = self.default_entry;
        let mut observes = self.backend.is_some()
            && p.constants.iter().any(|k| k.is_string() && OBSERVERS.contains(&self.bytes(*k)));
        for i in 0..p.protos.len() {
            observes |= self.prepare_protos(p.protos[i]);
        }
        observes
    }
    /// May the program look at running functions?
    pub fn observed(&self) -> bool {
        self.observed
    }
    /// From now on the program may look at the local variables of functions that run, change them, and set hooks. Compiled code
    /// keeps no account of its variables at calls, so all runs in the interpreter.
    pub fn observe(&mut self) {
        if !core::mem::replace(&mut self.observed, true) {
            self.heap.gc_request |= POLL_LEAVE;
            self.with_backend(|b, _| b.observed());
        }
    }
}
