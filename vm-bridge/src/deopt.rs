//! Deoptimisation: a compiled frame becomes the interpreter frames that it stands for.
//!
//! DEOPT-1: live values are read and written to the VM stack before anything can collect; allocation (of boxes for wide
//! integers and of tables that the code did without) does not. DEOPT-2: every slot below the top of a new frame is written: registers that are not live become
//! nil. (A frame that is written back has valid values everywhere.)
use crate::frame_state::{CodeInfo, ExitInfo, FrameState, LiveKind, Source};
use crate::runtime::vararg;
use core::cell::RefCell;
use selune_core::proto::Proto;
use selune_core::thread::{CallFrame, Delivery, FrameKind, frame_flags};
use selune_core::value::Value;
use selune_vm::{Thrown, Vm};

/// Writes interpreter frames for an exit of one piece of code.
pub struct Deoptimizer<'a> {
    info: &'a CodeInfo,
    exit: &'a ExitInfo,
    /// Bits of the live values, in the order of `CodeInfo::live_values`; then the handle of the varargs, if the code has
    /// one.
    live: &'a [u64],
    /// Tables that were made, with their numbers: each is one object, whatever refers to it.
    made: RefCell<Vec<(u32, Value)>>,
}

impl<'a> Deoptimizer<'a> {
    /// For this exit with these live values.
    pub fn new(info: &'a CodeInfo, exit: &'a ExitInfo, live: &'a [u64]) -> Deoptimizer<'a> {
        debug_assert_eq!(live.len(), info.live_values(exit).len() + usize::from(info.has_varargs));
        Deoptimizer { info, exit, live, made: RefCell::default() }
    }

    /// Where the compiled function keeps its varargs on the VM stack.
    pub fn varargs(&self) -> Option<(usize, usize)> {
        if !self.info.has_varargs {
            return None;
        }
        self.live.last().map(|handle| vararg::parts(*handle))
    }

    /// Pushes the frames above everything on the running thread. The outermost has `Delivery::Entry` and wants all results.
    pub fn push_frames(&self, vm: &mut Vm) -> Result<(), Thrown> {
        let frames = self.info.frames(self.exit);
        let Some((outermost, inner)) = frames.split_first() else { return Ok(()) };
        let func = vm.thread().live_top() as usize;
        let Some((at, count)) = self.varargs() else {
            let base = self.push_frame(vm, outermost, func, -1, Delivery::Entry)?;
            return self.push_inner(vm, inner, base);
        };
        // func, varargs, func again, registers.
        let base = func + count + 2;
        vm.ensure_stack((base + self.max_stack(self.proto(outermost))) as u32)?;
        let closure = self.value(vm, outermost.closure);
        vm.set_stack_at(func, closure);
        for i in 0..count {
            let v = vm.stack_at(at + i);
            vm.set_stack_at(func + 1 + i, v);
        }
        vm.set_stack_at(base - 1, closure);
        self.write_registers(vm, outermost, base);
        let frame = self.frame(outermost, func, base, -1, Delivery::Entry);
        self.push(vm, CallFrame { nvarargs: count as u32, flags: frame.flags | frame_flags::VARARG, ..frame });
        self.push_inner(vm, inner, base)
    }

    /// Writes into the interpreter's frame that the code took over, which is on top of the thread's frames, and pushes
    /// those of inlined functions above it.
    pub fn write_back(&self, vm: &mut Vm) -> Result<(), Thrown> {
        let frames = self.info.frames(self.exit);
        let Some((outermost, inner)) = frames.split_first() else { return Ok(()) };
        let Some(base) = vm.thread().frames.last().map(|f| f.base as usize) else { return Ok(()) };
        // Other registers keep what they had when the loop was entered: one may be waiting to be closed.
        for (register, source) in self.info.registers(outermost) {
            let v = self.value(vm, source);
            vm.set_stack_at(base + register as usize, v);
        }
        let pc = self.pc(outermost);
        let t = vm.thread_mut();
        if let Some(frame) = t.frames.last_mut() {
            frame.pc = pc;
            t.top = frame.top;
        }
        self.push_inner(vm, inner, base)
    }

    fn push_inner(&self, vm: &mut Vm, inner: &[&FrameState], mut base: usize) -> Result<(), Thrown> {
        for state in inner {
            let (register, nresults, meta) = state.ret.map_or((0, -1, false), |r| (r.func, r.nresults, r.meta));
            base = if meta {
                let func = vm.thread().frames.last().map_or(base, |f| f.top as usize);
                self.push_frame(vm, state, func, 1, Delivery::Meta)?
            } else {
                self.push_frame(vm, state, base + register as usize, nresults.into(), Delivery::Call)?
            };
        }
        Ok(())
    }

    /// Pushes a frame whose function stands at `func`; gives its base.
    fn push_frame(&self, vm: &mut Vm, state: &FrameState, func: usize, nresults: i32, ret: Delivery) -> Result<usize, Thrown> {
        let proto = self.proto(state);
        // SAFETY: protos of installed code are alive.
        let is_vararg = unsafe { (*proto).is_vararg };
        let varargs = self.info.varargs(state);
        let count = varargs.len();
        // func, varargs, func again, registers.
        let base = if is_vararg { func + count + 2 } else { func + 1 };
        vm.ensure_stack((base + self.max_stack(proto)) as u32)?;
        let closure = self.value(vm, state.closure);
        vm.set_stack_at(func, closure);
        if is_vararg {
            for (i, source) in varargs.enumerate() {
                let v = self.value(vm, source);
                vm.set_stack_at(func + 1 + i, v);
            }
            vm.set_stack_at(base - 1, closure);
        }
        self.write_registers(vm, state, base);
        let mut frame = self.frame(state, func, base, nresults, ret);
        if is_vararg {
            frame.flags |= frame_flags::VARARG;
            frame.nvarargs = count as u32;
        }
        self.push(vm, frame);
        Ok(base)
    }

    fn push(&self, vm: &mut Vm, frame: CallFrame) {
        let t = vm.thread_mut();
        t.top = frame.top;
        t.frames.push(frame);
    }

    fn frame(&self, state: &FrameState, func: usize, base: usize, nresults: i32, ret: Delivery) -> CallFrame {
        let proto = self.proto(state);
        CallFrame {
            pc: self.pc(state),
            proto,
            base: base as u32,
            func: func as u32,
            top: (base + self.max_stack(proto)) as u32,
            nresults,
            nvarargs: 0,
            kind: FrameKind::Lua,
            flags: if state.tail { frame_flags::TAIL } else { 0 },
            cont: 0,
            ret,
            data: 0,
        }
    }

    fn proto(&self, state: &FrameState) -> *mut Proto {
        self.info.protos[state.proto as usize] as *mut Proto
    }

    fn max_stack(&self, proto: *mut Proto) -> usize {
        // SAFETY: protos of installed code are alive.
        unsafe { (*proto).max_stack.into() }
    }

    fn pc(&self, state: &FrameState) -> *const selune_core::proto::Ins {
        // SAFETY: protos of installed code are alive; the compiler took the pc from this code.
        unsafe { (*self.proto(state)).code_ptr.add(state.pc as usize) }
    }

    fn write_registers(&self, vm: &mut Vm, state: &FrameState, base: usize) {
        for i in 0..self.max_stack(self.proto(state)) {
            vm.set_stack_at(base + i, Value::NIL);
        }
        for (register, source) in self.info.registers(state) {
            let v = self.value(vm, source);
            vm.set_stack_at(base + register as usize, v);
        }
    }

    /// The table with this number, made at its first use.
    fn table(&self, vm: &mut Vm, number: u32) -> Value {
        let known = self.made.borrow().iter().find(|m| m.0 == number).map(|m| m.1);
        if let Some(table) = known {
            return table;
        }
        let table = self.info.table(number);
        let contents: Vec<Value> = self.info.contents(table).map(|source| self.value(vm, source)).collect();
        let (slots, elements) = contents.split_at(table.inline.into());
        // SAFETY: the compiler took the shape from where the program makes such tables; installed code keeps it alive.
        let made = unsafe { vm.heap.new_table_of_shape(table.shape, table.array.into(), slots, elements) };
        self.made.borrow_mut().push((number, made));
        made
    }

    fn value(&self, vm: &mut Vm, source: Source) -> Value {
        match source {
            Source::Constant(bits) => Value(bits),
            Source::Int(i) => vm.int(i),
            Source::Table(number) => self.table(vm, number),
            Source::Live(number, kind) => {
                let live = self.info.live_values(self.exit);
                let bits = live.binary_search(&number).ok().and_then(|i| self.live.get(i)).copied();
                let bits = bits.unwrap_or(Value::NIL.0);
                match kind {
                    LiveKind::Value => Value(bits),
                    LiveKind::Int => vm.int(bits as i64),
                    LiveKind::Float => Value::float(f64::from_bits(bits)),
                    LiveKind::Bool => Value::bool(bits & 1 != 0),
                }
            }
        }
    }
}
