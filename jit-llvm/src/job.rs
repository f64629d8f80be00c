//! A compilation job's input: everything a compiler may know, copied on the VM's thread and immutable afterwards.
//!
//! JOB-1: a job never looks at the heap. Addresses in here are only embedded in code or compared; those of protos,
//! shapes' metatables and interned strings are of old objects that the VM keeps alive until the job is installed or
//! dropped, and `Code` keeps alive afterwards. JOB-2: what feedback says is a bet; the code checks it or leaves.
//! Filled by `collect`, read by `ssa::build`.
use selune_core::feedback::{FieldEntry, FeedbackKind, FeedbackVector, MetaSlot};
use selune_core::heap::Heap;
use selune_core::object::GC_OLD;
use selune_core::proto::{Ins, Proto, UpvalDesc};
use selune_core::shape::{MAX_INLINE, Metamethod};
use selune_core::string;
use selune_core::value::Value;
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
    /// Most bytecode instructions that are inlined.
    pub inline_budget: u32,
    /// Deepest level of inlining.
    pub inline_depth: u32,
}

impl Default for JobOptions {
    fn default() -> Self {
        JobOptions { no_feedback: false, inline: true, inline_budget: 250, inline_depth: 4 }
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
    /// Metamethods that instructions have called.
    pub meta: Vec<MetaSlot>,
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
    /// Shape id that the metatable had, 0 unknown.
    pub meta_shape: u32,
    /// Slot of `__index` in the metatable, when that was a table; of this shape then.
    pub index: Option<(u16, u32)>,
    /// Shapes that tables of this one get by `setmetatable`, by bits of the (old) metatable; at most `MAX_CHILDREN`.
    pub with_metatable: Vec<(u64, u32)>,
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

/// The metatable of all strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringMethods {
    /// Its bits (old).
    pub metatable: u64,
    /// Its shape.
    pub shape: u32,
    /// The slot of `__index` in it, a table.
    pub slot: u16,
    /// That table's shape.
    pub holder: u32,
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
    /// Bits of the string "__index".
    pub index_name: u64,
    /// Bits of the metamethods' names, by number.
    pub events: Vec<u64>,
    /// Where methods of strings are found, when some are called.
    pub strings: Option<StringMethods>,
    /// Function addresses of the natives that compilers know.
    pub natives: HashMap<usize, Builtin>,
    /// A shape's metatable was young, so nothing could be bet on it: collect (minor) and copy again to do better.
    pub young_metatables: bool,
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

/// Instructions whose operands or metamethods changed more often is not bet on.
const MAX_META_CHANGES: u8 = 2;
/// Most functions that a job copies, and how far it follows calls.
const MAX_PROTOS: usize = 24;
const MAX_CALL_DEPTH: u32 = 4;

/// Copies what a job may know. `string_meta` is the metatable of strings; `is_proto` tells whether an address (from feedback, a hint) is that of a live proto.
///
/// # Safety
/// `root` is a live proto of `heap`, and so is every address for which `is_proto` answers yes. Runs on the VM's thread.
pub unsafe fn collect(
    heap: &mut Heap,
    root: *const Proto,
    entry: JobEntry,
    natives: HashMap<usize, Builtin>,
    string_meta: Value,
    is_proto: &dyn Fn(usize) -> bool,
    options: JobOptions,
) -> JobInput {
    let mut job = JobInput {
        protos: Vec::new(),
        entry,
        shapes: HashMap::new(),
        root_shapes: Vec::new(),
        index_name: heap.event_name(Metamethod::Index).0,
        events: Metamethod::all().map(|m| heap.event_name(m).0).collect(),
        strings: None,
        natives,
        young_metatables: false,
        options,
    };
    let mut sets_metatables = false;
    let mut waiting = vec![(root, 0)];
    let mut next = 0;
    while next < waiting.len() && job.protos.len() < MAX_PROTOS {
        let (p, depth) = waiting[next];
        next += 1;
        // SAFETY: the caller's promise.
        let p = unsafe { &*p };
        let copy = copy_proto(p);
        for m in &copy.meta {
            for id in m.shapes {
                job.young_metatables |= copy_shape(heap, id, &mut job.shapes);
            }
            if depth < MAX_CALL_DEPTH && !waiting.iter().any(|w| w.0 as usize == m.callee) && is_proto(m.callee) {
                waiting.push((m.callee as *const Proto, depth + 1));
            }
        }
        for ins in &copy.code {
            if ins.op().feedback() == FeedbackKind::Call && depth < MAX_CALL_DEPTH {
                let c = copy.feedback.call(ins.s());
                sets_metatables |= c.kind == 2 && job.natives.get(&c.callee) == Some(&Builtin::SetMetatable);
                let known = waiting.iter().any(|w| w.0 as usize == c.callee);
                if c.kind == 1 && c.exited == 0 && !known && is_proto(c.callee) {
                    waiting.push((c.callee as *const Proto, depth + 1));
                }
            }
            if ins.op().feedback() == FeedbackKind::Field {
                if copy.feedback.field(ins.s()).receivers & 1 != 0 && job.strings.is_none() {
                    job.strings = string_methods(heap, string_meta, &mut job.shapes);
                    job.young_metatables |= string_meta.is_table() && is_young(string_meta);
                }
                for e in copy.feedback.field(ins.s()).entries {
                    if e.flags & FieldEntry::ADD != 0 && heap.shape_by_id(e.mshape).is_some() {
                        heap.pin_shape(e.mshape);
                    }
                    for id in [e.shape, e.mshape, e.hshape] {
                        job.young_metatables |= copy_shape(heap, id, &mut job.shapes);
                    }
                }
            }
        }
        job.protos.push(copy);
    }
    for inline in (0..=MAX_INLINE).step_by(2) {
        job.root_shapes.resize(inline + 1, 0);
        // SAFETY: shapes never move and roots never die.
        job.root_shapes[inline] = unsafe { (*heap.root_shape(inline)).id };
        copy_shape(heap, job.root_shapes[inline], &mut job.shapes);
    }
    if sets_metatables {
        // Code may give them to tables.
        for (_, child) in job.shapes.values().flat_map(|s| &s.with_metatable) {
            heap.pin_shape(*child);
        }
    }
    job
}

/// What there is to know of the metatable of strings; nothing while it is young.
fn string_methods(heap: &Heap, m: Value, shapes: &mut HashMap<u32, ShapeInfo>) -> Option<StringMethods> {
    if !m.is_table() || is_young(m) {
        return None;
    }
    let shape = heap.shape_of(m);
    let index = heap.event_name(Metamethod::Index);
    let holder = heap.get_str(m, index);
    if shape.is_dict() || !holder.is_table() {
        return None;
    }
    let slot = shape.lookup(index)? as u16;
    let (shape, holder) = (shape.id, heap.shape_of(holder).id);
    copy_shape(heap, shape, shapes);
    copy_shape(heap, holder, shapes);
    Some(StringMethods { metatable: m.0, shape, slot, holder })
}

/// Most shapes with metatables that are copied with a shape.
const MAX_CHILDREN: usize = 12;

/// Copies a shape and what its metatable says. True when a metatable is young.
fn copy_shape(heap: &Heap, id: u32, to: &mut HashMap<u32, ShapeInfo>) -> bool {
    if to.contains_key(&id) {
        return false;
    }
    let Some(s) = heap.shape_by_id(id) else { return false };
    let m = s.metatable;
    // A young metatable may move: nothing is known then.
    let mut young = m.is_table() && is_young(m);
    let mut info = ShapeInfo {
        inline_cap: s.inline_cap as u8,
        nslots: s.nslots as u16,
        metatable: if m.is_table() && !young { m.0 } else { 0 },
        own_meta: young || s.has_own_meta(),
        dict: s.is_dict(),
        absent: s.absent,
        keys: (0..s.nslots).map(|i| s.key_of(i).0).collect(),
        ..ShapeInfo::default()
    };
    let mut more = Vec::new();
    if info.metatable != 0 {
        let ms = heap.shape_of(m);
        info.meta_shape = ms.id;
        more.push(ms.id);
        let index = heap.event_name(Metamethod::Index);
        if !ms.is_dict() && let Some(slot) = ms.lookup(index) {
            let h = heap.get_str(m, index);
            if h.is_table() {
                info.index = Some((slot as u16, heap.shape_of(h).id));
                more.push(heap.shape_of(h).id);
            }
        }
    }
    // A shape that has a metatable may have children that have lost it.
    for child in s.with_metatables().filter(|c| c.metatable.is_table()).take(MAX_CHILDREN) {
        young |= is_young(child.metatable);
        if !is_young(child.metatable) {
            info.with_metatable.push((child.metatable.0, child.id));
            more.push(child.id);
        }
    }
    to.insert(id, info);
    for id in more {
        young |= copy_shape(heap, id, to);
    }
    young
}

fn is_young(v: Value) -> bool {
    // SAFETY: OBJ-1.
    unsafe { (*v.as_header()).gc & GC_OLD == 0 }
}

fn copy_proto(p: &Proto) -> JobProto {
    let constant = |v: &Value| match *v {
        Value::NIL => JobConst::Nil,
        v if v.is_bool() => JobConst::Bool(v == Value::TRUE),
        v if v.is_float() => JobConst::Float(v.as_float()),
        v if v.is_string() => JobConst::Str { bits: v.0, text: string::bytes(v).to_vec() },
        v => v.as_int().map_or(JobConst::Nil, JobConst::Int),
    };
    let upval = |u: &UpvalDesc| JobUpval { in_stack: u.in_stack, index: u.index, assigned: u.assigned };
    JobProto {
        ptr: p as *const Proto as usize,
        id: p.id,
        name: if p.line_defined == 0 { "main".into() } else { format!("function@{}", p.line_defined) },
        code: p.code.clone(),
        constants: p.constants.iter().map(constant).collect(),
        feedback: p.feedback.snapshot(),
        meta: p.meta.iter().filter(|m| m.changes <= MAX_META_CHANGES && m.callee != 0).copied().collect(),
        lines: p.lines.clone(),
        num_params: p.num_params,
        is_vararg: p.is_vararg,
        max_stack: p.max_stack,
        upvals: p.upvals.iter().map(upval).collect(),
        children: p
            .protos
            .iter()
            .map(|c| {
                // SAFETY: the nested protos of a live proto are alive and do not move.
                let c = unsafe { &**c };
                JobChild { ptr: c as *const Proto as usize, id: c.id, upvals: c.upvals.iter().map(upval).collect() }
            })
            .collect(),
    }
}

/// Names of the library functions that compilers know, as `table.field` or `field` of the globals.
const KNOWN: [(&str, Builtin); 33] = [
    ("next", Builtin::Next),
    ("pairs", Builtin::Pairs),
    ("ipairs", Builtin::Ipairs),
    ("type", Builtin::Type),
    ("rawget", Builtin::RawGet),
    ("rawset", Builtin::RawSet),
    ("rawequal", Builtin::RawEqual),
    ("rawlen", Builtin::RawLen),
    ("select", Builtin::Select),
    ("setmetatable", Builtin::SetMetatable),
    ("getmetatable", Builtin::GetMetatable),
    ("tonumber", Builtin::ToNumber),
    ("tostring", Builtin::ToString),
    ("assert", Builtin::Assert),
    ("math.floor", Builtin::MathFloor),
    ("math.ceil", Builtin::MathCeil),
    ("math.sqrt", Builtin::MathSqrt),
    ("math.abs", Builtin::MathAbs),
    ("math.min", Builtin::MathMin),
    ("math.max", Builtin::MathMax),
    ("math.sin", Builtin::MathSin),
    ("math.cos", Builtin::MathCos),
    ("math.exp", Builtin::MathExp),
    ("math.fmod", Builtin::MathFmod),
    ("math.tointeger", Builtin::MathToInteger),
    ("math.type", Builtin::MathType),
    ("string.byte", Builtin::StringByte),
    ("string.sub", Builtin::StringSub),
    ("string.len", Builtin::StringLen),
    ("string.char", Builtin::StringChar),
    ("table.insert", Builtin::TableInsert),
    ("table.remove", Builtin::TableRemove),
    ("table.unpack", Builtin::TableUnpack),
];

/// The library functions that compilers know, by address. Call it once, when the libraries have been opened and before any
/// program runs (a program may put other functions into these fields). `ipairs_step` is the iterator that `ipairs` gives.
pub fn known_natives(heap: &mut Heap, globals: Value, ipairs_step: usize) -> HashMap<usize, Builtin> {
    let mut out = HashMap::from([(ipairs_step, Builtin::IpairsStep)]);
    for (path, builtin) in KNOWN {
        let mut v = globals;
        for name in path.split('.') {
            if v.is_table() {
                let key = heap.intern(name.as_bytes());
                v = heap.get_str(v, key);
            }
        }
        if v.is_native() {
            // SAFETY: OBJ-1, checked to be a native.
            out.insert(unsafe { (*v.as_native()).function } as usize, builtin);
        }
    }
    out.remove(&0);
    out
}
