//! A compilation job's input: everything a compiler may know, copied on the VM's thread and immutable afterwards.
//!
//! JOB-1: a job never looks at the heap. Addresses in here are only embedded in code or compared; those of protos,
//! shapes' metatables and interned strings are of old objects that the VM keeps alive until the job is installed or
//! dropped, and `Code` keeps alive afterwards. JOB-2: what feedback says is a bet; the code checks it or leaves.
//! Filled by the bridge, read by `ssa::build`.
use selune_core::feedback::FeedbackVector;
use selune_core::proto::Ins;
use std::collections::HashMap;

/// Index into `JobInput::protos`; 0 is the function to compile.
pub type ProtoIdx = u16;

/// What to compile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobEntry {
    /// The whole function, for its register entry.
    Normal,
    /// The function from a loop header on, entered with the registers of an interpreter frame. `pc` is the instruction
    /// that the back edge leads to (the first of the body for ForLoop and JmpBack; for TForLoop also the body).
    Osr {
        /// The loop header.
        pc: u32,
    },
}

/// Switches of one job.
#[derive(Clone, Copy, Debug)]
pub struct JobOptions {
    /// Treat all feedback as absent: every operation generic, nothing bet (stress mode).
    pub no_feedback: bool,
    /// Inline Lua functions.
    pub inline: bool,
    /// Most SSA instructions that inlining may reach.
    pub inline_budget: u32,
    /// Deepest level of inlining.
    pub inline_depth: u32,
}

impl Default for JobOptions {
    fn default() -> Self {
        JobOptions { no_feedback: false, inline: true, inline_budget: 1500, inline_depth: 4 }
    }
}

/// A constant of a proto.
#[derive(Clone, Debug, PartialEq)]
pub enum JobConst {
    /// nil.
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer of any size (the proto may hold it boxed).
    Int(i64),
    /// A float.
    Float(f64),
    /// An interned string: its value bits (old, does not move) and its text.
    Str {
        /// Bits of the value.
        bits: u64,
        /// Its bytes.
        text: Vec<u8>,
    },
}

/// An upvalue of a proto.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobUpval {
    /// Taken from a register (that holds a cell) of the enclosing function, else from its upvalues.
    pub in_stack: bool,
    /// Register or upvalue number there.
    pub index: u8,
    /// The variable may be assigned after its initialisation.
    pub assigned: bool,
}

/// A nested function, as far as creating its closures needs.
#[derive(Clone, Debug)]
pub struct JobChild {
    /// Address of the proto.
    pub ptr: usize,
    /// `Proto::id`.
    pub id: u32,
    /// Where its cells come from.
    pub upvals: Vec<JobUpval>,
}

/// One function: the root or one that the root's feedback names as a callee (transitively, small ones).
pub struct JobProto {
    /// Address of the proto (old).
    pub ptr: usize,
    /// `Proto::id`.
    pub id: u32,
    /// Name for dumps, for example `fib@3`.
    pub name: String,
    /// Instructions with the type feedback in their S fields, copied at one moment.
    pub code: Vec<Ins>,
    /// Constants.
    pub constants: Vec<JobConst>,
    /// Feedback slots, copied at one moment.
    pub feedback: FeedbackVector,
    /// Line of each instruction (may be empty).
    pub lines: Vec<u32>,
    /// Fixed parameters.
    pub num_params: u8,
    /// Takes varargs.
    pub is_vararg: bool,
    /// Registers of a frame.
    pub max_stack: u8,
    /// Upvalue descriptors.
    pub upvals: Vec<JobUpval>,
    /// Nested functions.
    pub children: Vec<JobChild>,
}

/// A shape that feedback names.
#[derive(Clone, Debug, Default)]
pub struct ShapeInfo {
    /// Inline slots of its tables; slot `i >= inline_cap` is slot `i - inline_cap` of the slots part.
    pub inline_cap: u8,
    /// Named slots in use.
    pub nslots: u16,
    /// Bits of the metatable (a table value; always old), 0 when the shape has none.
    pub metatable: u64,
    /// The tables carry their metatable themselves: the shape says nothing about it.
    pub own_meta: bool,
    /// A dictionary: the shape says nothing about keys.
    pub dict: bool,
    /// Bit i: the name of metamethod i (`MetaBit`) is certainly not a key of tables with this shape.
    pub absent: u32,
    /// Keys by slot: bits of interned strings.
    pub keys: Vec<u64>,
}

impl ShapeInfo {
    /// The slot of a key.
    pub fn slot_of(&self, key: u64) -> Option<u16> {
        self.keys.iter().position(|k| *k == key).map(|i| i as u16)
    }
    /// Neither metatable nor doubt about it.
    pub fn plain(&self) -> bool {
        self.metatable == 0 && !self.own_meta
    }
}

/// A native function that compilers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Builtin {
    Next,
    Pairs,
    Ipairs,
    /// The iterator that `ipairs` returns.
    IpairsStep,
    Type,
    RawGet,
    RawSet,
    RawEqual,
    RawLen,
    Select,
    SetMetatable,
    GetMetatable,
    ToNumber,
    ToString,
    Assert,
    MathFloor,
    MathCeil,
    MathSqrt,
    MathAbs,
    MathMin,
    MathMax,
    MathSin,
    MathCos,
    MathExp,
    MathFmod,
    MathToInteger,
    MathType,
    StringByte,
    StringSub,
    StringLen,
    StringChar,
    TableInsert,
    TableRemove,
    TableUnpack,
}

/// The input of a job.
pub struct JobInput {
    /// `[0]` is the root; the others are candidate callees.
    pub protos: Vec<JobProto>,
    /// What to compile.
    pub entry: JobEntry,
    /// Every shape that a feedback slot of `protos` names (receivers, metatables, holders, results of adding) and that is
    /// still alive; a bet on a shape that is missing here is not made.
    pub shapes: HashMap<u32, ShapeInfo>,
    /// The empty shape without metatable for each number of inline slots (index), 0 where there is none yet.
    pub root_shapes: Vec<u32>,
    /// Function addresses of the natives that compilers know.
    pub natives: HashMap<usize, Builtin>,
    /// Switches.
    pub options: JobOptions,
}

impl JobInput {
    /// The function to compile.
    pub fn root(&self) -> &JobProto {
        &self.protos[0]
    }
    /// The candidate with this proto address.
    pub fn find(&self, ptr: usize) -> Option<ProtoIdx> {
        self.protos.iter().position(|p| p.ptr == ptr).map(|i| i as ProtoIdx)
    }
}
