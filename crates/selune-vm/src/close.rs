//! To-be-closed variables: the list per thread, and the frames that run `__close` methods.
//!
//! A closing is a frame of kind Close above the frame whose variables it closes. Its `func` slot holds the error value (or
//! nil); method calls happen above it. `data` is the level (stack slot) from which on variables are closed, `cont` what
//! comes after.
use crate::Vm;
use crate::call::Flow;
use crate::native::Thrown;
use selune_core::shape::Metamethod;
use selune_core::thread::{Delivery, FrameKind, Tbc};
use selune_core::value::Value;

/// What goes on when all variables are closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum After {
    /// The Lua frame below goes on at its pc.
    Go = 0,
    /// The Lua frame below returns; its results wait at slots `nvarargs .. nvarargs + nresults` of the Close frame.
    Return,
    /// The pcall below gives `false, error`.
    Catch,
    /// `execute` is left (closing on behalf of a native).
    Leave,
}

impl Vm {
    /// Registers the variable in `slot`; throws when its value cannot be closed. nil and false need no closing.
    pub(crate) fn add_tbc(&mut self, slot: u32) -> Result<(), Thrown> {
        let v = self.get(slot);
        if v.is_falsy() {
            return Ok(());
        }
        if self.metamethod(v, Metamethod::Close).is_nil() {
            let name = self.local_name_of_slot(slot);
            let mut m = b"variable '".to_vec();
            m.extend_from_slice(&name);
            m.extend_from_slice(b"' got a non-closable value");
            return Err(self.rt_error(m));
        }
        let t = self.thread_mut();
        let frame = t.frames.len() as u32 - 1;
        t.tbc.push(Tbc { slot, frame });
        Ok(())
    }
    /// Begins to close all variables at `level` and above. `error`: the error on its way, if one is.
    pub(crate) fn begin_close(&mut self, level: u32, after: After, error: Option<Value>) -> Result<Flow, Thrown> {
        self.begin_close_with(level, after, error, 0, 0)
    }
    /// The same with the place of waiting results.
    pub(crate) fn begin_close_with(&mut self, level: u32, after: After, error: Option<Value>, first: u32, n: u32) -> Result<Flow, Thrown> {
        let at = match after {
            // Everything above the variables is dead after an error.
            After::Catch | After::Leave => self.thread().tbc.last().map_or(level, |t| t.slot + 1),
            After::Return => self.thread().live_top().max(first + n),
            After::Go => self.thread().live_top(),
        };
        self.ensure_stack(at + 8)?;
        self.put(at, error.unwrap_or(Value::NIL));
        let mut f = Vm::frame(FrameKind::Close, at, at + 1, n as i32, Delivery::Body, level as u64);
        f.cont = after as u8;
        f.nvarargs = first;
        let t = self.thread_mut();
        t.top = at + 1;
        t.frames.push(f);
        self.close_step()
    }
    /// Calls the next `__close` method of the Close frame on top, or goes on with what waits.
    pub(crate) fn close_step(&mut self) -> Result<Flow, Thrown> {
        let frame = *self.thread().frames.last().expect("a Close frame");
        let level = frame.data as u32;
        if let Some(t) = self.thread().tbc.last().copied().filter(|t| t.slot >= level) {
            self.thread_mut().tbc.pop();
            let v = self.get(t.slot);
            let e = self.get(frame.func);
            let mm = self.metamethod(v, Metamethod::Close);
            let at = frame.func + 1;
            self.ensure_stack(at + 4)?;
            // A value that lost its metamethod is called itself, so that the error names it.
            self.put(at, if mm.is_nil() { v } else { mm });
            self.put(at + 1, v);
            self.put(at + 2, e);
            self.thread_mut().top = at + 3;
            if !mm.is_function() && self.metamethod(mm, Metamethod::Call).is_nil() {
                let mut m = b"attempt to call a ".to_vec();
                m.extend_from_slice(mm.type_name().as_bytes());
                m.extend_from_slice(b" value (metamethod 'close')");
                return Err(self.rt_error(m));
            }
            self.enter_c_level()?;
            return self.begin_call(at, 2, 0, Delivery::Body, 0);
        }
        self.thread_mut().frames.pop();
        let e = self.get(frame.func);
        match frame.cont {
            c if c == After::Go as u8 => {
                let t = self.thread_mut();
                t.top = t.frames.last().map_or(t.top, |f| f.top);
                Ok(Flow::Run)
            }
            c if c == After::Return as u8 => {
                let lua = self.thread_mut().frames.pop().expect("the returning frame");
                self.finish_frame(lua, frame.nvarargs, frame.nresults as u32)
            }
            c if c == After::Catch as u8 => self.finish_catch(e),
            _ => {
                self.thread_mut().top = frame.func + 1;
                Ok(Flow::Exit)
            }
        }
    }
    /// Closes the variables from number `keep` of the list on at once, from native code; gives the error value that
    /// remains (a method's error replaces the former one). May call.
    pub(crate) fn close_all_now(&mut self, keep: usize, mut e: Value) -> Value {
        let (cur, floor, levels) = (self.cur, self.thread().frames.len(), self.c_levels);
        self.thread_mut().nny += 1;
        while self.thread().tbc.len() > keep {
            if self.enter_c_level().is_err() {
                // The variables stay open, as when a `__close` method fails so early.
                e = self.error;
                self.thread_mut().tbc.pop();
                continue;
            }
            let level = self.thread().tbc[keep].slot;
            let mut flow = self.begin_close(level, After::Leave, Some(e));
            loop {
                flow = match flow {
                    Ok(Flow::Exit) => break,
                    Ok(Flow::Run) => crate::interp::run(self),
                    Err(Thrown) => match self.unwind(cur, floor) {
                        Ok(f) => Ok(f),
                        Err(Thrown) => {
                            e = self.error;
                            break;
                        }
                    },
                };
            }
        }
        self.thread_mut().nny -= 1;
        self.c_levels = levels;
        e
    }
}
