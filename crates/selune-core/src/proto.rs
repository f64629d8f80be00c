//! A compiled function: instructions, constants, debug information, feedback and tier state.
use crate::feedback::{FeedbackVector, MetaSlot};
use crate::object::{GC_BARRIER, GC_OLD, Header, Kind};
use crate::opcode::Op;
use crate::value::Value;

/// One instruction, see `opcode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Ins(pub u64);

impl Ins {
    /// Builds from A, B, C with S = 0.
    pub const fn abc(op: Op, a: u8, b: u16, c: u16) -> Ins {
        Ins(op as u64 | (a as u64) << 8 | (b as u64) << 16 | (c as u64) << 32)
    }
    /// Builds from A and a 32-bit field.
    pub const fn abx(op: Op, a: u8, bx: u32) -> Ins {
        Ins(op as u64 | (a as u64) << 8 | (bx as u64) << 16)
    }
    /// Builds from A and a signed 32-bit field.
    pub const fn asbx(op: Op, a: u8, sbx: i32) -> Ins {
        Ins::abx(op, a, sbx as u32)
    }
    /// The same with another S.
    pub const fn with_s(self, s: u16) -> Ins {
        Ins(self.0 & ((1 << 48) - 1) | (s as u64) << 48)
    }
    /// The same with another 32-bit field.
    pub const fn with_sbx(self, sbx: i32) -> Ins {
        Ins(self.0 & !(0xFFFF_FFFF << 16) | (sbx as u32 as u64) << 16)
    }
    /// The opcode (code that is not from the emitter must be verified before this is called).
    #[inline(always)]
    pub const fn op(self) -> Op {
        match Op::from_u8(self.0 as u8) {
            Some(op) => op,
            None => panic!("invalid opcode"),
        }
    }
    /// Field A.
    #[inline(always)]
    pub const fn a(self) -> usize {
        (self.0 >> 8) as u8 as usize
    }
    /// Field B.
    #[inline(always)]
    pub const fn b(self) -> usize {
        (self.0 >> 16) as u16 as usize
    }
    /// Field C.
    #[inline(always)]
    pub const fn c(self) -> usize {
        (self.0 >> 32) as u16 as usize
    }
    /// Field S.
    #[inline(always)]
    pub const fn s(self) -> u16 {
        (self.0 >> 48) as u16
    }
    /// The unsigned 32-bit field.
    #[inline(always)]
    pub const fn bx(self) -> usize {
        (self.0 >> 16) as u32 as usize
    }
    /// The signed 32-bit field.
    #[inline(always)]
    pub const fn sbx(self) -> isize {
        (self.0 >> 16) as u32 as i32 as isize
    }
}

/// The first constant operand of an RK field.
pub const RK_CONST: usize = 256;

/// Where a closure takes a cell from when it is created.
#[derive(Clone, Debug)]
pub struct UpvalDesc {
    /// Name, or nil when stripped.
    pub name: Value,
    /// From a register of the enclosing function (which holds a cell), else from its upvalues.
    pub in_stack: bool,
    /// Register or upvalue number there.
    pub index: u8,
    /// The variable is assigned after its initialisation somewhere (also set by debug.setupvalue).
    pub assigned: bool,
}

/// Debug information of a local.
#[derive(Clone, Debug)]
pub struct LocalVar {
    /// Name.
    pub name: Value,
    /// First instruction where it is alive.
    pub start: u32,
    /// First instruction where it is dead.
    pub end: u32,
    /// Its register.
    pub reg: u8,
    /// The register holds a cell that holds the value.
    pub is_cell: bool,
    /// The register of the cell of a captured local that is never assigned again and stands in `reg` too.
    pub cell_reg: Option<u8>,
}

/// Tier state of a function, at fixed offsets.
#[derive(Debug)]
#[repr(C)]
pub struct Tier {
    /// Register entry of compiled code, or the stub that runs the interpreter; compiled code calls through this field.
    pub entry: usize,
    /// Calls (weighted with loop iterations) left until the tier policy is asked; counts down.
    pub countdown: i32,
    /// Bits of `tier_flags`.
    pub flags: u32,
    /// The backend's own record of this function, 0 none.
    pub code: usize,
}

/// Bits of `Tier::flags`.
pub mod tier_flags {
    /// `entry` is compiled code (else the interpreter's stub).
    pub const COMPILED: u32 = 1;
    /// A job is waiting or running.
    pub const QUEUED: u32 = 2;
    /// The backend cannot compile it now.
    pub const REFUSED: u32 = 4;
}

/// A function's code. A heap object that never moves.
#[repr(C)]
pub struct Proto {
    /// kind `Proto`.
    pub header: Header,
    /// Tier state.
    pub tier: Tier,
    /// Code start (of `code`), for machine code and the interpreter.
    pub code_ptr: *mut Ins,
    /// Constants start (of `constants`).
    pub k_ptr: *const Value,
    /// Feedback start (of `feedback`).
    pub fb_ptr: *mut crate::feedback::Unit,
    /// Fixed parameters.
    pub num_params: u8,
    /// Takes varargs.
    pub is_vararg: bool,
    /// Registers that a frame needs.
    pub max_stack: u8,
    /// Instructions. The S field of `Types` rows is written while running.
    pub code: Vec<Ins>,
    /// Constants; strings are interned.
    pub constants: Vec<Value>,
    /// Nested functions.
    pub protos: Vec<*mut Proto>,
    /// Upvalue descriptors.
    pub upvals: Vec<UpvalDesc>,
    /// Line of each instruction (empty when stripped).
    pub lines: Vec<u32>,
    /// Locals, by start.
    pub locals: Vec<LocalVar>,
    /// Chunk name (a string value, as given to `load`), nil when stripped.
    pub source: Value,
    /// Line where the definition starts (0: main chunk).
    pub line_defined: u32,
    /// Line where it ends.
    pub last_line: u32,
    /// Feedback.
    pub feedback: FeedbackVector,
    /// Feedback of arithmetic that calls metamethods.
    pub meta: Vec<MetaSlot>,
    /// A number unique in this process, for dumps, perf maps and statistics.
    pub id: u32,
}

impl Proto {
    /// An empty function; `finish` must be called after it was filled.
    pub fn new() -> Proto {
        use core::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(1);
        Proto {
            header: Header { aux: 0, kind: Kind::Proto, gc: GC_OLD | GC_BARRIER, flags: 0, extra: 0 },
            tier: Tier { entry: 0, countdown: i32::MAX, flags: 0, code: 0 },
            code_ptr: core::ptr::null_mut(),
            k_ptr: core::ptr::null(),
            fb_ptr: core::ptr::null_mut(),
            num_params: 0,
            is_vararg: false,
            max_stack: 2,
            code: Vec::new(),
            constants: Vec::new(),
            protos: Vec::new(),
            upvals: Vec::new(),
            lines: Vec::new(),
            locals: Vec::new(),
            source: Value::NIL,
            line_defined: 0,
            last_line: 0,
            feedback: FeedbackVector::new(0),
            meta: Vec::new(),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
        }
    }
    /// Sets the cached pointers; the vectors must not grow afterwards.
    pub fn finish(&mut self) {
        self.code_ptr = self.code.as_mut_ptr();
        self.k_ptr = self.constants.as_ptr();
        self.fb_ptr = self.feedback.as_mut_ptr();
    }
    /// The nested functions.
    pub fn children(&self) -> impl ExactSizeIterator<Item = &Proto> {
        // SAFETY: OBJ-2: protos never move, and a proto keeps those nested in it alive.
        self.protos.iter().map(|&p| unsafe { &*p })
    }
    /// The line of instruction `pc`, 0 when unknown.
    pub fn line(&self, pc: usize) -> u32 {
        self.lines.get(pc).copied().unwrap_or(0)
    }
    /// Index of the instruction at `p`.
    pub fn pc_of(&self, p: *const Ins) -> usize {
        (p as usize - self.code.as_ptr() as usize) / size_of::<Ins>()
    }
    /// The `n`-th (from 1) local alive at `pc`.
    pub fn local(&self, n: usize, pc: usize) -> Option<&LocalVar> {
        self.locals.iter().take_while(|l| l.start as usize <= pc).filter(|l| pc < l.end as usize).nth(n.checked_sub(1)?)
    }
}

impl Default for Proto {
    fn default() -> Self {
        Proto::new()
    }
}
