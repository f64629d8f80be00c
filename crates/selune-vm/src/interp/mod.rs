//! The interpreter's dispatch. Handlers are functions in the family files; each ends by jumping to the next one (or, in
//! builds without optimisation, by returning to a loop that calls it).
//!
//! State travels in machine registers: the VM, `pc` (the next instruction), `base` (address of R[0]), the instruction, the
//! constants, the feedback. INTERP-1: `base`, constants and feedback are those of the topmost frame; whoever changes frames
//! or the stack ends in `resume`, which loads them anew. INTERP-2: handlers own nothing that needs dropping and lend no
//! address of a local, so that the jump is a jump; whatever does stands in a cold function of its own (`slow!`).
mod arith;
mod call;
mod closure;
mod compare;
mod field;
pub(crate) mod hooked;
mod jump;
mod load;
mod loops;
pub(crate) mod metamethod;
mod table;

use crate::Vm;
use crate::call::Flow;
use crate::native::Thrown;
use selune_core::feedback::Unit;
use selune_core::opcode::OP_COUNT;
use selune_core::proto::Ins;
use selune_core::value::Value;

/// Why the handlers stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Exit {
    /// The frame that this run was made for has returned.
    Done,
    /// An error is on its way.
    Threw,
    /// Loop dispatch only: go on with the state in `LoopState`.
    #[cfg(not(selune_tail))]
    Next,
}

pub(crate) type Handler = unsafe fn(*mut Vm, *const Ins, *mut Value, *const Value, *mut Unit) -> Exit;
/// One handler per opcode.
pub(crate) type Handlers = [Handler; OP_COUNT];

/// The running instruction, read field by field from memory: each operand is one load that waits for nothing, and no machine
/// register is held for the whole of it.
#[derive(Clone, Copy)]
pub(crate) struct Here(*const u8);
impl Here {
    #[inline(always)]
    pub(crate) unsafe fn before(pc: *const Ins) -> Here {
        // SAFETY: pc is behind the running instruction.
        Here(unsafe { pc.sub(1) } as *const u8)
    }
    #[inline(always)]
    unsafe fn u16(self, at: usize) -> usize {
        // SAFETY: within the 8 bytes of the instruction.
        unsafe { (self.0.add(at) as *const u16).read() as usize }
    }
    #[inline(always)]
    pub(crate) unsafe fn a(self) -> usize {
        // SAFETY: as `u16`.
        unsafe { *self.0.add(1) as usize }
    }
    #[inline(always)]
    pub(crate) unsafe fn b(self) -> usize {
        // SAFETY: as `u16`.
        unsafe { self.u16(2) }
    }
    #[inline(always)]
    pub(crate) unsafe fn c(self) -> usize {
        // SAFETY: as `u16`.
        unsafe { self.u16(4) }
    }
    /// Is C, which is 0 or 1, this?
    #[inline(always)]
    pub(crate) unsafe fn c_is(self, truth: bool) -> bool {
        // SAFETY: as `u16`.
        unsafe { *self.0.add(4) == truth as u8 }
    }
    /// The float in R[B], read from memory anew: a float operand is loaded into a float register at once instead of going
    /// through the general register that its tag was tested in, and no register is held for it meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn float_b(self, from: *const Value) -> f64 {
        // SAFETY: as `u16`; the operand is in bounds (INTERP-1).
        unsafe { (from as *const f64).add((self.0.add(2) as *const u16).read_volatile() as usize).read_volatile() }
    }
    /// The same for C.
    #[inline(always)]
    pub(crate) unsafe fn float_c(self, from: *const Value) -> f64 {
        // SAFETY: as `float_b`.
        unsafe { (from as *const f64).add((self.0.add(4) as *const u16).read_volatile() as usize).read_volatile() }
    }
    /// The same for A.
    #[inline(always)]
    pub(crate) unsafe fn float_a(self, from: *const Value) -> f64 {
        // SAFETY: as `float_b`.
        unsafe { (from as *const f64).add(self.0.add(1).read_volatile() as usize).read_volatile() }
    }
    #[inline(always)]
    pub(crate) unsafe fn s(self) -> u16 {
        // SAFETY: as `u16`.
        unsafe { self.u16(6) as u16 }
    }
    #[inline(always)]
    pub(crate) unsafe fn sbx(self) -> isize {
        // SAFETY: as `u16`; the field is not aligned.
        unsafe { (self.0.add(2) as *const i32).read_unaligned() as isize }
    }
    #[inline(always)]
    pub(crate) unsafe fn bx(self) -> usize {
        // SAFETY: as `sbx`.
        unsafe { (self.0.add(2) as *const u32).read_unaligned() as usize }
    }
    #[inline(always)]
    pub(crate) unsafe fn op(self) -> selune_core::opcode::Op {
        // SAFETY: as `u16`.
        unsafe { Ins(*self.0 as u64).op() }
    }
}

/// Ends a handler: on to the instruction at `pc`.
#[cfg(selune_tail)]
macro_rules! next {
    ($vm:expr, $pc:expr, $base:expr, $k:expr, $fb:expr) => {{
        let pc: *const selune_core::proto::Ins = $pc;
        let h = *(*(*$vm).handlers).get_unchecked(*(pc as *const u8) as usize);
        return h($vm, pc.add(1), $base, $k, $fb);
    }};
}
#[cfg(not(selune_tail))]
macro_rules! next {
    ($vm:expr, $pc:expr, $base:expr, $k:expr, $fb:expr) => {{
        (*$vm).loop_state = ($pc, $base, $k, $fb);
        return $crate::interp::Exit::Next;
    }};
}
/// A handler.
macro_rules! op {
    ($(#[$m:meta])* $name:ident |$vm:ident, $pc:ident, $base:ident, $i:ident, $k:ident, $fb:ident| $body:block) => {
        $(#[$m])*
        pub(super) unsafe fn $name($vm: *mut crate::Vm, $pc: *const selune_core::proto::Ins, $base: *mut selune_core::value::Value,
            $k: *const selune_core::value::Value, $fb: *mut selune_core::feedback::Unit) -> crate::interp::Exit {
            // SAFETY: INTERP-1; registers and constants named by code from the emitter are in bounds.
            #[allow(unused_unsafe, unused_variables)]
            unsafe { let $i = $crate::interp::Here::before($pc); $body }
        }
    };
}
/// A cold handler around `fn inner(&mut Vm, Ins) -> Result<Flow, Thrown>`: saves the pc, runs it, goes on.
macro_rules! slow {
    ($name:ident, $inner:expr) => {
        #[cold]
        #[inline(never)]
        pub(super) unsafe fn $name(
            vm: *mut crate::Vm,
            pc: *const selune_core::proto::Ins,
            base: *mut selune_core::value::Value,
            k: *const selune_core::value::Value,
            fb: *mut selune_core::feedback::Unit,
        ) -> crate::interp::Exit {
            // In a function of its own: locals of what would be inlined here would keep the jump below from being one (INTERP-2).
            #[inline(never)]
            fn inner(vm: &mut crate::Vm, i: selune_core::proto::Ins) -> Result<crate::call::Flow, crate::native::Thrown> {
                $inner(vm, i)
            }
            // SAFETY: INTERP-1: a Lua frame is on top; nothing else borrows the VM.
            unsafe {
                crate::interp::save(vm, pc);
                match inner(&mut *vm, *pc.sub(1)) {
                    Ok(crate::call::Flow::Run) => return crate::interp::resume(vm, pc, base, k, fb),
                    Ok(crate::call::Flow::Exit) => crate::interp::Exit::Done,
                    Err(crate::native::Thrown) => crate::interp::Exit::Threw,
                }
            }
        }
    };
}
pub(crate) use {next, op, slow};

macro_rules! handlers {
    ($(($name:ident, $method:ident, $form:ident, $fb:ident, $eff:ident, $doc:literal);)*) => {
        /// The plain handlers.
        pub(crate) static HANDLERS: Handlers = {
            use {arith::*, call::*, closure::*, compare::*, field::*, jump::*, load::*, loops::*, table::*};
            [$($method),*]
        };
    };
}
selune_core::for_each_op!(handlers);

/// Saves the pc of the topmost frame (FRAME-1).
#[inline(always)]
pub(crate) unsafe fn save(vm: *mut Vm, pc: *const Ins) {
    // SAFETY: a Lua frame is on top while a handler runs.
    unsafe {
        let frames = &mut (*(*vm).cur).frames;
        let n = frames.len();
        (*frames.as_mut_ptr().add(n - 1)).pc = pc;
    }
}

op! {
    /// Goes on with the topmost frame.
    resume_here |vm, _pc, _base, _i, _k, _fb| {
        let t = (*vm).cur;
        let n = (*t).frames.len();
        let f = (*t).frames.as_ptr().add(n - 1);
        debug_assert!((*f).kind == selune_core::thread::FrameKind::Lua);
        let p = (*f).proto;
        next!(vm, (*f).pc, (*t).stack.add((*f).base as usize), (*p).k_ptr, (*p).fb_ptr)
    }
}
pub(crate) use resume_here as resume;

/// Does what the poll word asks for, then goes on.
fn poll_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    use selune_core::opcode::Op;
    let live = match i.op() {
        Op::NewTable | Op::Concat => i.a() + 1,
        Op::Closure | Op::NewCell if i.s() != 0 => (i.s() as usize).max(i.a() + 1),
        _ => return vm.poll().map(|()| Flow::Run),
    };
    poll_with(vm, live).map(|()| Flow::Run)
}

/// Polls in the topmost Lua frame. Registers above the `live` first ones are no roots: what they still hold may go.
fn poll_with(vm: &mut Vm, live: usize) -> Result<(), Thrown> {
    let n = vm.thread().frames.len() - 1;
    let (top, base) = (vm.thread().frames[n].top, vm.thread().frames[n].base);
    let t = vm.thread_mut();
    t.frames[n].top = base + live as u32;
    t.top = base + live as u32;
    let r = vm.poll();
    vm.thread_mut().frames[n].top = top;
    r
}
slow!(poll, poll_inner);

/// A place for `pc` before the first instruction is known.
static HALT: [Ins; 1] = [Ins(0)];

/// Runs the topmost Lua frame until the frame with `Delivery::Entry` above the caller's has returned.
pub(crate) fn run(vm: &mut Vm) -> Result<Flow, Thrown> {
    let vm: *mut Vm = vm;
    // SAFETY: the topmost frame is a Lua frame (call.rs).
    let exit = unsafe {
        let none = core::ptr::null_mut();
        #[cfg(selune_tail)]
        {
            resume(vm, HALT.as_ptr().add(1), none, core::ptr::null(), core::ptr::null_mut())
        }
        #[cfg(not(selune_tail))]
        {
            let mut e = resume(vm, HALT.as_ptr().add(1), none, core::ptr::null(), core::ptr::null_mut());
            while e == Exit::Next {
                let (pc, base, k, fb) = (*vm).loop_state;
                e = (*(*vm).handlers)[(*pc).0 as u8 as usize](vm, pc.add(1), base, k, fb);
            }
            e
        }
    };
    match exit {
        Exit::Done => Ok(Flow::Exit),
        Exit::Threw => Err(Thrown),
        #[cfg(not(selune_tail))]
        Exit::Next => unreachable!(),
    }
}

/// A register of the topmost frame.
#[inline(always)]
pub(crate) fn reg(vm: &Vm, n: usize) -> Value {
    let f = vm.thread().frames.last().expect("a Lua frame");
    vm.stack_at(f.base as usize + n)
}
/// Sets a register of the topmost frame.
#[inline(always)]
pub(crate) fn set_reg(vm: &mut Vm, n: usize, v: Value) {
    let at = vm.thread().frames.last().expect("a Lua frame").base as usize + n;
    vm.set_stack_at(at, v);
}
/// A constant of the topmost frame's function.
#[inline(always)]
pub(crate) fn constant(vm: &Vm, n: usize) -> Value {
    let f = vm.thread().frames.last().expect("a Lua frame");
    // SAFETY: the proto of a frame is alive.
    unsafe { (&(*f.proto).constants)[n] }
}
/// R[n] or K[n - 256] of the topmost frame.
#[inline(always)]
pub(crate) fn rk(vm: &Vm, n: usize) -> Value {
    if n < selune_core::proto::RK_CONST { reg(vm, n) } else { constant(vm, n - selune_core::proto::RK_CONST) }
}
/// The address of R[n] or K[n - 256].
#[inline(always)]
pub(crate) unsafe fn rk_slot(base: *mut Value, k: *const Value, n: usize) -> *const Value {
    // SAFETY: operands from the emitter are in bounds.
    unsafe { if n < selune_core::proto::RK_CONST { base.add(n) } else { k.add(n - selune_core::proto::RK_CONST) } }
}
/// R[n] or K[n - 256].
#[inline(always)]
pub(crate) unsafe fn rk_fast(base: *mut Value, k: *const Value, n: usize) -> Value {
    // SAFETY: as `rk_slot`.
    unsafe { *rk_slot(base, k, n) }
}
/// The closure that the topmost frame runs.
#[inline(always)]
pub(crate) unsafe fn closure_of(base: *mut Value) -> *mut selune_core::object::Closure {
    // SAFETY: the slot below R[0] holds the running closure (thread.rs).
    unsafe { (*base.sub(1)).as_closure() }
}
/// The tag of the value in a slot, read for itself: the test is of a half-word in memory, and no register holds the value.
#[inline(always)]
pub(crate) unsafe fn tag_at(slot: *const Value) -> u16 {
    // SAFETY: the caller passes a slot; the tag is in its last two bytes.
    unsafe { *(slot as *const u16).add(3) }
}
/// Tag of unboxed integers; smaller ones are those of floats.
pub(crate) const T_INT: u16 = selune_core::value::TAG_INT as u16;

/// Adds type bits to the running instruction's feedback.
#[inline(always)]
pub(crate) unsafe fn saw(pc: *const Ins, bits: u16) {
    // SAFETY: pc - 1 is the running instruction, whose last 16 bits are S; code is writable data (Proto::code).
    unsafe {
        if bits < 256 {
            // One test of a byte in memory.
            let s = (pc as *mut u8).sub(2);
            if *s & bits as u8 != bits as u8 {
                *s |= bits as u8
            }
        } else {
            let s = (pc as *mut u16).sub(1);
            if *s & bits != bits {
                *s |= bits
            }
        }
    }
}
/// Adds a type bit to the feedback of the topmost frame's running instruction (pc saved).
pub(crate) fn saw_slow(vm: &mut Vm, bit: u16) {
    let f = vm.thread().frames.last().expect("a Lua frame");
    // SAFETY: as `saw`.
    unsafe { (*(f.pc.sub(1) as *mut Ins)).0 |= (bit as u64) << 48 }
}
/// The feedback slot of the running instruction.
#[inline(always)]
pub(crate) unsafe fn fb_slot<T>(fb: *mut Unit, pc: *const Ins) -> *mut T {
    // SAFETY: S of an instruction with a slot is in bounds of the vector.
    unsafe { fb.add(Here::before(pc).s() as usize) as *mut T }
}
/// The feedback slot of the topmost frame's running instruction.
pub(crate) fn fb_slot_slow<T>(vm: &Vm, i: Ins) -> *mut T {
    let f = vm.thread().frames.last().expect("a Lua frame");
    // SAFETY: as `fb_slot`.
    unsafe { (*f.proto).fb_ptr.add(i.s() as usize) as *mut T }
}
