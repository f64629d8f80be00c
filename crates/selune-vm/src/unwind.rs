//! What an error does to the frames.
use crate::Vm;
use crate::call::Flow;
use crate::native::Thrown;
use selune_core::thread::{Delivery, FrameKind, Status, Thread};
use selune_core::value::Value;

impl Vm {
    /// Cuts frames of this run of the interpreter (those above `floor` on `home`, and coroutines resumed by it) until one
    /// catches the error. Err: none did, and all its frames are gone.
    pub(crate) fn unwind(&mut self, home: *mut Thread, floor: usize) -> Result<Flow, Thrown> {
        loop {
            if self.dies_here() {
                self.die();
            }
            let at_floor = core::ptr::eq(self.cur, home) && self.thread().frames.len() <= floor;
            if at_floor {
                return Err(Thrown);
            }
            // A coroutine in which nothing catches keeps its frames, for tracebacks of the dead.
            if !core::ptr::eq(self.cur, home) && !self.thread().frames.iter().any(|f| matches!(f.kind, FrameKind::Pcall | FrameKind::Xpcall)) {
                match self.coroutine_failed() {
                    Ok(Some(flow)) => return Ok(flow),
                    Ok(None) | Err(Thrown) => continue,
                }
            }
            let Some(frame) = self.thread().frames.last().copied() else { unreachable!("a coroutine without its bottom frame") };
            match frame.kind {
                FrameKind::Pcall | FrameKind::Xpcall => {
                    self.c_levels = frame.nvarargs;
                    match self.catch() {
                        // A `__close` method failed at once: the pcall catches that error in turn.
                        Err(Thrown) => {}
                        flow => return flow,
                    }
                }
                _ => {
                    debug_assert!(frame.ret != Delivery::Coroutine);
                    self.thread_mut().frames.pop();
                }
            }
        }
    }
    /// The topmost frame is a pcall: closes what is to be closed above it, then gives `false, error` as its results.
    fn catch(&mut self) -> Result<Flow, Thrown> {
        let frame = *self.thread().frames.last().expect("pcall's frame");
        let e = self.error;
        let level = frame.func + 1;
        if self.thread().tbc.last().is_some_and(|t| t.slot >= level) {
            return self.begin_close(level, crate::close::After::Catch, Some(e));
        }
        self.finish_catch(e)
    }
    /// Gives `false, error` as the results of the pcall whose frame is on top.
    pub(crate) fn finish_catch(&mut self, e: Value) -> Result<Flow, Thrown> {
        let frame = self.thread_mut().frames.pop().expect("pcall's frame");
        // The function stays where it is for a return hook.
        self.thread_mut().top = frame.func + 3;
        self.put(frame.func + 1, Value::FALSE);
        self.put(frame.func + 2, e);
        self.end_of_overflow();
        self.finish_frame(frame, frame.func + 1, 2)
    }
    /// The bottom frame of the running coroutine is gone with an error: who resumed it goes on. None: the error goes on
    /// in the resumer (coroutine.wrap).
    fn coroutine_failed(&mut self) -> Result<Option<Flow>, Thrown> {
        let e = self.error;
        self.thread_mut().status = Status::Dead;
        // The error waits on the dead stack for coroutine.close.
        let at = self.thread().live_top();
        self.thread_mut().reserve(at + 1);
        self.put(at, e);
        self.thread_mut().top = at + 1;
        let failed = self.current;
        self.leave_coroutine();
        let frame = *self.thread().frames.last().expect("a resume's frame");
        self.c_levels = frame.nvarargs;
        if frame.flags & selune_core::thread::frame_flags::WRAP != 0 {
            // Close its variables as coroutine.close does, then go on with the error, position in front of a string.
            let e = self.close_dead(failed, e);
            let e = if e.is_string() {
                self.thread_mut().frames.last_mut().expect("a resume's frame").kind = FrameKind::Native;
                let mut m = self.where_(1);
                m.extend_from_slice(&self.bytes(e).to_vec());
                self.new_str(&m)
            } else {
                e
            };
            self.thread_mut().frames.last_mut().expect("a resume's frame").kind = FrameKind::Native;
            let _ = self.throw(e);
            return Ok(None);
        }
        self.thread_mut().frames.pop();
        self.ensure_stack(frame.func + 4)?;
        self.thread_mut().top = frame.func + 3;
        self.put(frame.func + 1, Value::FALSE);
        self.put(frame.func + 2, e);
        self.finish_frame(frame, frame.func + 1, 2).map(Some)
    }
}
