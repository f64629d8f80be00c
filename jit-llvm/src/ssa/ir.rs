//! The SSA language: values, instructions, blocks, frame states, exits, call sites.
//!
//! A function is a list of blocks of instructions; an instruction is its own result value (`V`). Phis stand at the start
//! of their block with one argument per entry of `Block::preds`, in that order; a block ends in exactly one terminator.
//! Constants belong to no block. Every definition dominates its uses (`verify`).
//!
//! SSA-1: an instruction with an `exit` leaves before it has any effect; the frame state of the exit describes the
//! interpreter's registers at `FrameState::pc` as they were when that instruction started.
//! SSA-2: what an instruction may rely on beyond its operands' types (a shape, a bound) is given by an operand that is a
//! guard's result: `GuardShape`, `GuardKind`, `GuardProto`, `GuardIndex` return their operand, and the loads that need the
//! fact take that result. At machine level it is the same value.
//! SSA-3: integers are 64 bits wide and wrap; only `BoxInt` cares whether one fits 48 bits.
use crate::job::{Builtin, ProtoIdx};
use crate::ssa::types::{Kinds, Range};

/// A value: the instruction that computes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct V(pub u32);
/// A block.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u32);
/// Index into `Func::frame_states`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct FsId(pub u32);
/// Index into `Func::exits`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ExitId(pub u32);
/// Index into `Func::sites`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SiteId(pub u32);

impl core::fmt::Debug for V {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "v{}", self.0)
    }
}
impl core::fmt::Debug for BlockId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "b{}", self.0)
    }
}

/// Machine-level type of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Ty {
    /// No result.
    Void,
    /// A Lua value (or tagged internal part), `ptr addrspace(1)`.
    Any,
    /// A Lua integer or an internal count, i64.
    I64,
    /// A Lua float, double.
    F64,
    /// i1.
    Bool,
}

/// Lua's arithmetic and bitwise operators, for generic operations.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs)]
pub enum ArithOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    IDiv,
    BAnd,
    BOr,
    BXor,
    Shl,
    Shr,
    Unm,
    BNot,
}

/// Comparisons. For floats all but `Ne` are false with NaN ("ordered"), `Ne` is true ("unordered").
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[allow(missing_docs)]
pub enum Cmp {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Unsigned (`CmpI` only).
    Ult,
    /// Unsigned (`CmpI` only).
    Ule,
}

/// How many results the caller wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Want {
    /// None; the call has no result value (`Ty::Void`).
    None,
    /// The first (nil when there is none), the call's value.
    One,
    /// `n >= 2`: the call's value is the first, `CallResult(i)` directly behind the call gives the others (padded with nil).
    Fixed(u8),
    /// All: they become the open list (see `Op::CallOpen`); no result value.
    Open,
    /// All: the call's value is the result when there is exactly one, else the mark MULTI, and the results are the open list.
    /// (Compared with `SameBits`; the mark goes nowhere else.)
    Raw,
}

/// What is known of a callee.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Callee {
    /// A closure of the function being compiled (`GuardProto(0)`): call the own entry symbol directly.
    Own,
    /// A closure of this proto (`GuardProto`): call through that proto's `tier.entry`; `num_params` and `is_vararg` are known.
    Proto(ProtoIdx),
    /// Some closure (kinds are within CLOSURE): call through `closure->proto->tier.entry`.
    Closure,
    /// This native function (`GuardNative`).
    Native(usize),
    /// Anything: inline test for a closure, otherwise the runtime (`rt_call`, `__call` included).
    Any,
}

/// Why an exit is taken: index of statistics, and which bet failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Reason {
    NotInt,
    NotFloat,
    NotNumber,
    NotTable,
    NotString,
    NotFunction,
    NotNil,
    IsNil,
    Kind,
    Shape,
    Callee,
    Bounds,
    ZeroDivisor,
    NotIntegral,
    Range,
    /// An instruction that had never run.
    Unseen,
    /// No bet failed: the poll said "leave", or the operation is left to the interpreter on purpose. Never counted.
    Leave,
}

/// Memory that instructions read and write, as a set of classes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Mem(pub u16);
#[allow(missing_docs)]
impl Mem {
    pub const NONE: Mem = Mem(0);
    /// Shape ids in headers.
    pub const SHAPE: Mem = Mem(1);
    /// Named slots, inline and out of line.
    pub const SLOTS: Mem = Mem(2);
    /// A table's part pointers (`array`, `slots`, `hash`).
    pub const PARTS: Mem = Mem(4);
    /// Array elements.
    pub const ELEMS: Mem = Mem(8);
    /// Hash parts.
    pub const HASH: Mem = Mem(16);
    /// Cells.
    pub const CELLS: Mem = Mem(32);
    /// The open list, call results and other transfer areas of the VM.
    pub const VM: Mem = Mem(64);
    /// All of a table.
    pub const TABLE: Mem = Mem(1 | 2 | 4 | 8 | 16);
    /// Everything.
    pub const ALL: Mem = Mem(127);
    pub const fn or(self, o: Mem) -> Mem {
        Mem(self.0 | o.0)
    }
    pub const fn meets(self, o: Mem) -> bool {
        self.0 & o.0 != 0
    }
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// What happens to the heap around an instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Gc {
    /// Not a safepoint.
    None,
    /// A safepoint: objects move, nothing else changes.
    Moves,
    /// May run Lua code: everything in `Mem` can change.
    Clobbers,
}

/// All effects of an instruction.
#[derive(Clone, Copy, Debug)]
pub struct Effects {
    /// Classes read.
    pub reads: Mem,
    /// Classes written.
    pub writes: Mem,
    /// Safepoint class.
    pub gc: Gc,
    /// May throw a Lua error (has a call site).
    pub throws: bool,
}

/// Instructions. "exit" in a comment: the instruction has an `exit` and takes it when the condition fails.
/// "site": it has a call site (error position). Operand types: `A` Any, `I` I64, `F` F64, `B` Bool.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    // ---- constants (in no block; materialise at the use)
    /// `-> I64`.
    ConstInt(i64),
    /// `-> F64`, bits of the double (NaNs keep their sign: build from the bits).
    ConstNum(u64),
    /// `-> Bool`.
    ConstBool(bool),
    /// `-> Any`: nil, a boolean, a boxed small int or double, or the bits of an old object (interned string, metatable,
    /// holder) whose address is stable; `named` is an index into `Func::names` for listings (u32::MAX: not an object).
    ConstValue {
        /// The value's bits.
        bits: u64,
        /// Name in listings.
        named: u32,
    },

    // ---- tables that are not made (in no block; only frame states and other virtual tables refer to them)
    /// `(T inline slots..., T array elements...) -> A`: the table that an exit makes in the place of `of`, with these values (which
    /// are boxed there). See `passes::sink`.
    Virtual {
        /// The allocation that it stands for.
        of: V,
        /// Shape id.
        shape: u32,
        /// Inline slots.
        inline: u8,
        /// Array capacity.
        array: u8,
    },

    // ---- entry values (only in the entry block, before everything else)
    /// `-> Any`: the closure that runs (kinds CLOSURE).
    Closure,
    /// `-> Any`: argument `i` (nil when fewer were passed). i < 3: register; else `vm.args[i]` when i < nargs.
    Param(u8),
    /// `-> Any`: register `i` of the interpreter frame that an OSR entry takes over.
    OsrReg(u8),
    /// Vararg functions, after the params: saves the extra arguments where `VarArg*` find them (released at returns, throws, exits).
    VarArgSave,

    // ---- phi
    /// One argument per predecessor; any type but Void. All arguments have the phi's type.
    Phi,

    // ---- representation
    /// `(I) -> A`: boxes; allocates a BoxedInt when it does not fit 48 bits (never a safepoint: allocation does not collect).
    BoxInt,
    /// `(I) -> A`: boxes an integer that is known to fit 48 bits.
    BoxSmall,
    /// `(F) -> A`.
    BoxFloat,
    /// `(B) -> A`.
    BoxBool,
    /// `(A) -> I`: operand is known to be an unboxed integer.
    UnboxSmall,
    /// `(A) -> I`: operand is known to be an integer, boxed or not.
    UnboxInt,
    /// `(A) -> F`: operand is known to be a float.
    UnboxFloat,
    /// `(A) -> F`: operand is known to be a number (int of either form, or float).
    UnboxNumber,
    /// `(I) -> F`: rounds to nearest.
    IntToFloat,
    /// `(F) -> I`: the float is known to have an exact integer value in range.
    FloatToInt,

    // ---- guards (exit)
    /// `(A) -> I`: exit unless an unboxed integer.
    GuardSmall,
    /// `(A) -> I`: exit unless an integer, boxed or not.
    GuardInt,
    /// `(A) -> F`: exit unless a float.
    GuardFloat,
    /// `(A) -> F`: exit unless a number; integers are converted.
    GuardNumber,
    /// `(A) -> A`: exit unless its kind is in the set. Sets used: TABLE, STRING, CLOSURE, NATIVE, FUNCTION, NIL, NOT_NIL, NUMBER,
    /// INT, BOOL, TRUTHY, FALSY (CLOSURE and NATIVE test header.kind after the tag).
    GuardKind(Kinds),
    /// `(A: a table) -> A`: exit unless header.aux is one of the `n` first ids.
    GuardShape {
        /// Shape ids.
        ids: [u32; 4],
        /// How many of them count (1..=4).
        n: u8,
    },
    /// `(A: a table) -> A`: exit unless the table certainly has no metatable (`Shape::flags & HAS_META == 0` of its shape).
    GuardPlain,
    /// `(A) -> A`: exit unless it is a closure of this proto. The operand may be of any kind (test the tag FUNCTION first; one load
    /// at offset of `Closure::proto`, which is also `Native::function`, then suffices). `Func::proto_ptrs[idx]` is the address.
    GuardProto(ProtoIdx),
    /// `(A) -> A`: exit unless it is a native with this function address. Operand of any kind.
    GuardNative {
        /// Address of the function.
        function: usize,
        /// Which one, when known by name.
        builtin: Option<Builtin>,
    },
    /// `(A) -> A`: exit unless the bits equal this constant's (identity of an old object, interned string, nil, boolean).
    GuardBits {
        /// Expected bits.
        bits: u64,
        /// Name in listings (index into `Func::names`, u32::MAX none).
        named: u32,
    },
    /// `(I idx, I cap) -> I`: exit unless 1 <= idx <= cap (one unsigned compare of idx - 1). Returns idx.
    GuardIndex,
    /// `(B)`: exit unless the operand equals `expect`.
    Guard {
        /// Expected condition.
        expect: bool,
    },
    /// `(F) -> I`: exit unless the float has an exact integer value that fits 64 bits (-0.0 gives 0).
    GuardIntegral,

    // ---- tests
    /// `(A) -> B`: is its kind in the set? (Same sets as `GuardKind`.)
    IsKind(Kinds),
    /// `(A) -> B`: neither nil nor false.
    IsTruthy,
    /// `(A, A) -> B`: same bits (identity; right for equality when one side is nil, a boolean, a table, a function, or both are interned).
    SameBits,
    /// `(A) -> B`: is its shape this? Operand is a table.
    IsShape(u32),
    /// `(A) -> B`: is it a closure of this proto? Operand of any kind.
    IsProto(ProtoIdx),
    /// `(B) -> B`.
    Not,
    /// `(I, I) -> B`.
    CmpI(Cmp),
    /// `(F, F) -> B`.
    CmpF(Cmp),
    /// `(A, A) -> B`: Lua's comparison of two numbers of any form (exact); operands are known to be numbers. Eq, Lt, Le only.
    CmpNumber(Cmp),
    /// `(A, A) -> B`: raw equality (rawequal), any kinds. Leaf.
    RawEq,
    /// `(A, A) -> I`: equality without running Lua: 0 not equal, 1 equal, 2 an `__eq` would have to be called. Leaf (same bits of what is
    /// no float: 1, inline).
    EqProbe,
    /// `(A, A) -> B`: both are strings; Eq, Lt, Le. Leaf.
    CmpStr(Cmp),
    /// `(I, I, I) -> B`: (index, limit, step) of an integer `for`, index within the limit: may index + step run, that is, is
    /// step > 0 ? (u64)(limit - index) >= (u64)step : (u64)(index - limit) >= (u64)-step.
    ForMore,
    /// `(F, F, F) -> B`: (index, limit, step): step > 0 ? index <= limit : limit <= index.
    ForMoreF,
    /// `(B, T, T) -> T`.
    Select,

    // ---- integers (wrap)
    /// `(I, I) -> I`.
    AddI,
    /// `(I, I) -> I`.
    SubI,
    /// `(I, I) -> I`.
    MulI,
    /// `(I, I) -> I`: floor division; the divisor is not 0 (minint // -1 wraps).
    FloorDivI,
    /// `(I, I) -> I`: floor modulo; the divisor is not 0.
    FloorModI,
    /// `(I, I) -> I`.
    AndI,
    /// `(I, I) -> I`.
    OrI,
    /// `(I, I) -> I`.
    XorI,
    /// `(I, I) -> I`: Lua's `<<`: counts >= 64 give 0, negative counts shift right (logical).
    ShlI,
    /// `(I, I) -> I`: Lua's `>>` (logical).
    ShrI,
    /// `(I) -> I`: wrapping negation.
    NegI,
    /// `(I) -> I`: bitwise not.
    NotI,
    /// `(I) -> I`: wrapping absolute value (math.abs).
    AbsI,

    // ---- floats
    /// `(F, F) -> F`.
    AddF,
    /// `(F, F) -> F`.
    SubF,
    /// `(F, F) -> F`.
    MulF,
    /// `(F, F) -> F`. Never let 0/0 be folded by a compiler that loses the sign of the NaN.
    DivF,
    /// `(F, F) -> F`: floor(a / b).
    FloorDivF,
    /// `(F, F) -> F`: Lua's `%` (`number::fmod`).
    FloorModF,
    /// `(F, F) -> F`: `number::pow`.
    PowF,
    /// `(F) -> F`.
    NegF,
    /// `(F) -> F`.
    AbsF,
    /// `(F) -> F`.
    SqrtF,
    /// `(F) -> F`.
    FloorF,
    /// `(F) -> F`.
    CeilF,
    /// `(F) -> F`: a function of libm (sin, cos, exp). Leaf.
    MathF(Builtin),

    // ---- loads
    /// `(A table) -> A part`: the table's ArrayPart.
    LoadArray,
    /// `(A table) -> A part`: the table's SlotsPart.
    LoadSlots,
    /// `(A array part or slots part) -> I`: number of elements, 0 <= cap < 2^32 (u32 at offset 8).
    LoadCap,
    /// `(A array part, I idx) -> A`: element idx (1-based); idx comes from `GuardIndex` or is otherwise in bounds.
    LoadElem,
    /// `(A table) -> A`: inline slot i.
    LoadInline(u16),
    /// `(A slots part) -> A`: slot i of the part.
    LoadSlot(u16),
    /// `(A closure) -> A part`: the cell of upvalue i.
    LoadUpval(u8),
    /// `(A native) -> A`: upvalue i of a native function that has one.
    LoadNativeUpval(u8),
    /// `(A cell) -> A`: its value.
    LoadCell {
        /// The variable is never assigned after its initialisation: the value is the same during the whole activation.
        constant: bool,
    },
    /// `-> A`: the metatable of all values of a type (index of `Vm::type_metatables`).
    LoadTypeMeta(u8),
    /// `(A the function type, A) -> A`: the name of a value's type.
    TypeName,
    /// `(A string) -> I`: number of bytes.
    StrLen,
    /// `(A string, I) -> I`: byte number i (1-based), which `GuardIndex` has tested.
    LoadByte,
    /// `(A table) -> I`: `#t` without metamethods (a border). Reads only; leaf (inline fast path for border == cap or a nil behind the border).
    TableLen,

    // ---- stores (each includes the write barrier on its first operand when `barrier`)
    /// `(A table, A)`: inline slot i.
    StoreInline {
        /// Slot.
        slot: u16,
        /// Barrier needed.
        barrier: bool,
    },
    /// `(A slots part, A)`: slot i of the part.
    StoreSlot {
        /// Slot.
        slot: u16,
        /// Barrier needed.
        barrier: bool,
    },
    /// `(A table)`: sets the shape id (after the new slot was stored).
    StoreShape(u32),
    /// `(A array part, I idx, A)`: element idx, in bounds.
    StoreElem {
        /// Barrier needed.
        barrier: bool,
    },
    /// `(A cell, A)`.
    StoreCell {
        /// Barrier needed.
        barrier: bool,
    },

    // ---- allocation (Moves: the slow path may collect; results are fully initialised)
    /// `-> A`: an empty table of this root shape with `inline` slots (all nil), and an array part of `narray` elements
    /// (0: the shared empty part). Shape 0: the runtime looks the root shape up.
    NewTable {
        /// Shape id.
        shape: u32,
        /// Inline slots.
        inline: u8,
        /// Array capacity.
        narray: u32,
    },
    /// `(A) -> A part`: a new cell.
    NewCell,
    /// `(A cells...) -> A`: a closure of child `child` of proto `proto` with these cells.
    NewClosure {
        /// Enclosing proto.
        proto: ProtoIdx,
        /// Index in its `children`.
        child: u32,
    },
    /// Takes so many bytes of the nursery and puts nothing there: what is left of allocations whose results nobody uses, so
    /// that a program that waits for a collection (a finalizer, a weak table) gets one.
    Waste {
        /// How many.
        bytes: u32,
    },

    // ---- calls (site; Clobbers)
    /// `(A f, A args...)`: calls; see `Callee` and `Want`. More than 3 arguments: the others go into `vm.args[3..]`.
    Call {
        /// What is known of f.
        callee: Callee,
        /// Results.
        want: Want,
    },
    /// `(A f, A fixed args...)`: like `Call` with `Callee::Any`, the open list appended to the arguments. The open list is
    /// produced by the instruction just before (`Call` with `Want::Open`, `CallOpen` with it, `VarArgOpen`): nothing that can
    /// collect, throw or exit stands between.
    CallOpen {
        /// Results.
        want: Want,
    },
    /// `-> A`: result `i >= 1` of the `Call`/`CallOpen`/`Rt` given as operand, which stands just before (other CallResults between).
    CallResult(u8),
    /// A runtime function with the full semantics of the operation (metamethods, errors).
    Rt(RtOp),

    // ---- varargs
    /// `-> I`: how many.
    VarArgCount,
    /// `-> A`: vararg i (0-based), nil beyond the end.
    VarArg(u32),
    /// `(I) -> A`: the vararg with this number (0-based, not negative), nil beyond the end.
    VarArgAt,
    /// All of them become the open list.
    VarArgOpen,

    // ---- iteration over tables (builtin `next`), leaf
    /// `(A table, A key) -> I`: position behind the key (0 for nil), for `NextStep`; -1: no such key (then take the generic path).
    NextFind,
    /// `(A table, I pos) -> I`: position behind the next entry with a value, 0 at the end; its key and value are then in the transfer
    /// area for `NextKey` and `NextValue`, which follow directly.
    NextStep,
    /// `(I: the NextStep) -> A`.
    NextKey,
    /// `(I: the NextStep) -> A`.
    NextValue,

    // ---- metamethods called by operators
    /// Counts a C level; exit (reason Leave) when there are too many.
    MetaEnter,
    /// Takes it back.
    MetaLeave,

    // ---- control
    /// exit (reason Leave) when the poll's slow path says leave. Moves.
    Poll,
    /// Terminator.
    Jump(BlockId),
    /// Terminator `(B)`.
    Branch {
        /// When true.
        then: BlockId,
        /// When false.
        els: BlockId,
        /// What is more likely: Some(true) `then` is hot and `els` cold, None unknown.
        likely: Option<bool>,
    },
    /// Terminator: always exits.
    Exit,
    /// Terminator `(A...)`: returns these values (0, 1 or more).
    Return,
    /// Terminator `(A...)`: returns these values followed by the open list.
    ReturnOpen,
    /// Terminator `(A f, A args...)`: tail call, any callee; `callee` as in `Call`. Site.
    TailCall {
        /// What is known of f.
        callee: Callee,
    },
    /// Terminator `(A f, A args...)`: tail call with the open list appended. Site.
    TailCallOpen,
    /// Terminator: cannot be reached.
    Unreachable,
}

/// Generic operations of `Op::Rt`. All have a site, may throw, and unless noted may run Lua code (Clobbers).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum RtOp {
    /// `(A obj, A key) -> A`.
    GetTable,
    /// `(A obj, I key) -> A`.
    GetInt,
    /// `(A obj, A interned string constant) -> A`.
    GetField,
    /// `(A obj, A key, A value)`.
    SetTable,
    /// `(A obj, I key, A value)`.
    SetInt,
    /// `(A obj, A interned string constant, A value)`.
    SetField,
    /// `(A table, I key, A value)`: the table is known to have no metatable; never runs Lua (Moves).
    RawSetInt,
    /// `(A table, A key, A value)`: the table is known to have no metatable; any key (throws for nil and NaN); never runs Lua (Moves).
    RawSet,
    /// `(A table, A key) -> A`: rawget (also the table's value when it has no metatable). Leaf, does not throw.
    RawGet,
    /// `(A table) -> A`: `table.remove(t)`; the table is known to have no metatable. Leaf, does not throw.
    TablePop,
    /// `(A string, I from, I to) -> A`: `string.sub`. Leaf, does not throw.
    StrSub,
    /// `(A, A) -> A` (`Unm`, `BNot`: `(A) -> A`).
    Arith(ArithOp),
    /// `(A...) -> A`: concatenation of two or more.
    Concat,
    /// `(A) -> A`.
    Len,
    /// `(A, A) -> B`.
    Eq,
    /// `(A, A) -> B`.
    Lt,
    /// `(A, A) -> B`.
    Le,
    /// `(A table, I first, A values...)`: t[first], t[first+1], ... := values; the table is fresh (Moves).
    SetList,
    /// `(A table, I first, A values...)`: the same, followed by the open list.
    SetListOpen,
    /// `(A init, A limit, A step) -> B`: prepares a numeric `for`, false when the loop does not run; `CallResult(1..=3)` are the prepared
    /// index, limit and step (the call's own value is the condition). Throws, does not run Lua.
    ForPrep,
    /// `(A index, A limit, A step) -> A`: the next index, nil when the loop is over. Does not throw.
    ForNext,
    /// `(A)`: throws unless the value can be closed; does nothing for nil and false.
    CheckTbc,
}

impl Op {
    /// Ends a block.
    pub fn is_terminator(&self) -> bool {
        use Op::*;
        matches!(self, Jump(_) | Branch { .. } | Exit | Return | ReturnOpen | TailCall { .. } | TailCallOpen | Unreachable)
    }
    /// Belongs to no block.
    pub fn is_const(&self) -> bool {
        matches!(self, Op::ConstInt(_) | Op::ConstNum(_) | Op::ConstBool(_) | Op::ConstValue { .. })
    }
    /// Must have an exit.
    pub fn has_exit(&self) -> bool {
        use Op::*;
        matches!(
            self,
            GuardSmall | GuardInt | GuardFloat | GuardNumber | GuardKind(_) | GuardShape { .. } | GuardPlain | GuardProto(_) | GuardNative { .. }
                | GuardBits { .. } | GuardIndex | Guard { .. } | GuardIntegral | MetaEnter | Poll | Exit
        )
    }
    /// Must have a call site.
    pub fn has_site(&self) -> bool {
        matches!(self, Op::Call { .. } | Op::CallOpen { .. } | Op::Rt(_) | Op::TailCall { .. } | Op::TailCallOpen)
    }
    /// All its effects (exits aside).
    pub fn effects(&self) -> Effects {
        use Op::*;
        let pure = Effects { reads: Mem::NONE, writes: Mem::NONE, gc: Gc::None, throws: false };
        let reads = |m| Effects { reads: m, ..pure };
        let writes = |m| Effects { writes: m, ..pure };
        let clobber = Effects { reads: Mem::ALL, writes: Mem::ALL, gc: Gc::Clobbers, throws: true };
        match self {
            GuardShape { .. } | GuardPlain | IsShape(_) => reads(Mem::SHAPE),
            LoadArray | LoadSlots => reads(Mem::PARTS),
            LoadElem => reads(Mem::ELEMS),
            LoadInline(_) | LoadSlot(_) => reads(Mem::SLOTS),
            LoadTypeMeta(_) => reads(Mem::SHAPE),
            LoadCell { constant: false } | LoadNativeUpval(_) | TypeName => reads(Mem::CELLS),
            TableLen => reads(Mem::PARTS.or(Mem::ELEMS).or(Mem::HASH)),
            StoreInline { .. } | StoreSlot { .. } => writes(Mem::SLOTS),
            StoreShape(_) => writes(Mem::SHAPE),
            StoreElem { .. } => writes(Mem::ELEMS),
            StoreCell { .. } => writes(Mem::CELLS),
            NewTable { .. } | NewCell | NewClosure { .. } | Waste { .. } => Effects { gc: Gc::Moves, ..pure },
            Call { .. } | CallOpen { .. } | TailCall { .. } | TailCallOpen => clobber,
            CallResult(_) | NextKey | NextValue | ReturnOpen => reads(Mem::VM),
            VarArgOpen | VarArgSave | MetaEnter | MetaLeave => writes(Mem::VM),
            NextFind => reads(Mem::TABLE),
            NextStep => Effects { reads: Mem::TABLE, writes: Mem::VM, ..pure },
            Poll => Effects { gc: Gc::Moves, ..pure },
            EqProbe => reads(Mem::SHAPE.or(Mem::SLOTS)),
            Rt(r) => match r {
                RtOp::RawGet => reads(Mem::TABLE),
                RtOp::TablePop => Effects { reads: Mem::TABLE, ..writes(Mem::ELEMS.or(Mem::HASH)) },
                RtOp::StrSub => pure,
                RtOp::RawSetInt => {
                    Effects { reads: Mem::TABLE, writes: Mem::PARTS.or(Mem::ELEMS).or(Mem::HASH), gc: Gc::Moves, throws: true }
                }
                RtOp::RawSet => Effects { reads: Mem::TABLE, writes: Mem::TABLE, gc: Gc::Moves, throws: true },
                RtOp::SetList | RtOp::SetListOpen => {
                    Effects { reads: Mem::TABLE.or(Mem::VM), writes: Mem::PARTS.or(Mem::ELEMS).or(Mem::HASH), gc: Gc::Moves, throws: true }
                }
                RtOp::ForPrep => Effects { writes: Mem::VM, throws: true, ..pure },
                RtOp::ForNext => pure,
                RtOp::CheckTbc => Effects { throws: true, ..pure },
                _ => clobber,
            },
            _ => pure,
        }
    }
    /// No effect but its value, given that its operands are fine: may be removed when unused, shared, and moved.
    pub fn is_pure(&self) -> bool {
        let e = self.effects();
        e.reads.is_none() && e.writes.is_none() && e.gc == Gc::None && !e.throws && !self.is_pinned() && !self.has_exit()
    }
    /// Stays where it is (terminators, phis, entry values).
    pub fn is_pinned(&self) -> bool {
        matches!(self, Op::Phi | Op::Closure | Op::Param(_) | Op::OsrReg(_) | Op::VarArgSave) || self.is_terminator()
    }
    /// The bytes that an allocation takes (about: what counts is that it is more than none).
    pub fn allocates(&self) -> Option<u32> {
        use selune_core::object::{ArrayPart, Cell, Closure, Table};
        let slots = |trailing: usize, n: u32| trailing as u32 + 8 * n.min(1 << 16);
        match *self {
            Op::NewTable { inline, narray: 0, .. } => Some(slots(Table::TRAILING, inline.into())),
            Op::NewTable { inline, narray, .. } => Some(slots(Table::TRAILING, inline.into()) + slots(ArrayPart::TRAILING, narray)),
            Op::NewCell => Some(size_of::<Cell>() as u32),
            Op::NewClosure { .. } => Some(Closure::TRAILING as u32),
            _ => None,
        }
    }
    /// May be removed when its value is not used. Guards stay: what they test may matter without their value. (Of allocations
    /// `Waste` stays.)
    pub fn removable(&self) -> bool {
        let e = self.effects();
        match self {
            Op::NewTable { .. } | Op::NewCell | Op::NewClosure { .. } => true,
            Op::VarArgSave => false,
            _ => !self.has_exit() && e.writes.is_none() && e.gc == Gc::None && !e.throws && !self.is_terminator(),
        }
    }
    /// Returns its first operand (at machine level the same value), having tested something.
    pub fn is_transparent_guard(&self) -> bool {
        use Op::*;
        matches!(self, GuardKind(_) | GuardShape { .. } | GuardPlain | GuardProto(_) | GuardNative { .. } | GuardBits { .. } | GuardIndex)
    }
}

/// An instruction.
#[derive(Clone, Debug)]
pub struct Inst {
    /// What it does.
    pub op: Op,
    /// Type of its result.
    pub ty: Ty,
    /// Operands.
    pub args: Vec<V>,
    /// For `Ty::Any`: what its value can be.
    pub kinds: Kinds,
    /// For `Ty::I64`: bounds of its value.
    pub range: Range,
    /// Where it leaves to.
    pub exit: Option<ExitId>,
    /// Where errors in it are reported.
    pub site: Option<SiteId>,
}

/// A basic block.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Phis first, the terminator last.
    pub insts: Vec<V>,
    /// Predecessors; phi arguments are in this order. A block may occur twice (both arms of a branch).
    pub preds: Vec<BlockId>,
    /// Header of a loop (target of a back edge).
    pub loop_header: bool,
    /// Nesting depth of loops.
    pub depth: u8,
    /// Reached seldom (slow paths).
    pub cold: bool,
    /// Loop headers: the frame state at the loop's entry, for guards that are moved in front of the loop; it is valid at the end of the
    /// only predecessor outside the loop.
    pub entry_state: Option<FsId>,
}

/// What the interpreter does with an inlined function's results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetInfo {
    /// Register of the caller where the called value stands (the callee's base is the next one) and results go.
    pub func: u8,
    /// Results wanted (-1: all).
    pub nresults: i16,
    /// A metamethod: its result goes into the instruction before the caller's pc.
    pub meta: bool,
}

/// The interpreter frames that an exit writes, innermost here, then `parent`.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameState {
    /// The caller's frame (its `pc` is that of the instruction behind the call), None for the outermost one.
    pub parent: Option<FsId>,
    /// The function.
    pub proto: ProtoIdx,
    /// Its closure.
    pub closure: V,
    /// Where to go on.
    pub pc: u32,
    /// Live registers and their values of any type (I64 is boxed by the deoptimiser); all others are dead (nil).
    pub regs: Vec<(u8, V)>,
    /// How an inlined frame returns; None for the outermost.
    pub ret: Option<RetInfo>,
    /// The frame was entered by a tail call that was inlined (it took its caller's place).
    pub tail: bool,
    /// The varargs of an inlined vararg function.
    pub varargs: Vec<V>,
}

/// An exit.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    /// What to write back.
    pub state: FsId,
    /// Why.
    pub reason: Reason,
    /// The instruction whose bet failed: its feedback gets the EXITED bit. For ForLoop, JmpBack and TForLoop it means a bet
    /// on the loop's entry values.
    pub blame: (ProtoIdx, u32),
}

/// A place in the program where something can throw or call, innermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Site {
    /// The inlined call that leads here.
    pub parent: Option<SiteId>,
    /// Function.
    pub proto: ProtoIdx,
    /// Instruction.
    pub pc: u32,
}

/// A function in SSA form.
#[derive(Clone, Debug, Default)]
pub struct Func {
    /// Name in listings.
    pub name: String,
    /// Instructions by `V`.
    pub insts: Vec<Inst>,
    /// Blocks by `BlockId`; removed ones are empty. `BlockId(0)` is the entry, which has no predecessors.
    pub blocks: Vec<Block>,
    /// Frame states.
    pub frame_states: Vec<FrameState>,
    /// Exits.
    pub exits: Vec<Exit>,
    /// Call sites.
    pub sites: Vec<Site>,
    /// Names of constants for listings.
    pub names: Vec<String>,
    /// Addresses of the job's protos, by `ProtoIdx`.
    pub proto_ptrs: Vec<usize>,
    /// Is it an OSR variant (entered with a frame; exits and returns differ)?
    pub osr: bool,
    /// Is the function vararg?
    pub is_vararg: bool,
    /// Fixed parameters.
    pub num_params: u8,
}

impl Func {
    /// The instruction that computes `v`.
    pub fn inst(&self, v: V) -> &Inst {
        &self.insts[v.0 as usize]
    }
    /// The same, to change it.
    pub fn inst_mut(&mut self, v: V) -> &mut Inst {
        &mut self.insts[v.0 as usize]
    }
    /// Operation of `v`.
    pub fn op(&self, v: V) -> Op {
        self.insts[v.0 as usize].op
    }
    /// Type of `v`.
    pub fn ty(&self, v: V) -> Ty {
        self.insts[v.0 as usize].ty
    }
    /// A block.
    pub fn block(&self, b: BlockId) -> &Block {
        &self.blocks[b.0 as usize]
    }
    /// The same, to change it.
    pub fn block_mut(&mut self, b: BlockId) -> &mut Block {
        &mut self.blocks[b.0 as usize]
    }
    /// A new, empty block.
    pub fn new_block(&mut self) -> BlockId {
        self.blocks.push(Block::default());
        BlockId(self.blocks.len() as u32 - 1)
    }
    /// A new instruction that is in no block yet.
    pub fn new_inst(&mut self, inst: Inst) -> V {
        self.insts.push(inst);
        V(self.insts.len() as u32 - 1)
    }
    /// The terminator of a block.
    pub fn terminator(&self, b: BlockId) -> Option<V> {
        self.block(b).insts.last().copied().filter(|v| self.op(*v).is_terminator())
    }
    /// Successors of a block (an entry twice when both arms of a branch lead there).
    pub fn succs(&self, b: BlockId) -> Vec<BlockId> {
        match self.terminator(b).map(|t| self.op(t)) {
            Some(Op::Jump(t)) => vec![t],
            Some(Op::Branch { then, els, .. }) => vec![then, els],
            _ => vec![],
        }
    }
    /// Blocks that can be reached, in reverse postorder.
    pub fn rpo(&self) -> Vec<BlockId> {
        let mut state = vec![0u8; self.blocks.len()];
        let mut out = Vec::new();
        let mut stack = vec![(BlockId(0), self.succs(BlockId(0)), 0)];
        state[0] = 1;
        while let Some((b, succs, i)) = stack.last_mut() {
            // The last successor first, so that `then` arms come first in the result.
            if let Some(&s) = succs.len().checked_sub(1 + *i).and_then(|k| succs.get(k)) {
                *i += 1;
                if state[s.0 as usize] == 0 {
                    state[s.0 as usize] = 1;
                    let next = self.succs(s);
                    stack.push((s, next, 0));
                }
            } else {
                out.push(*b);
                stack.pop();
            }
        }
        out.reverse();
        out
    }
    /// The constant integer that `v` is.
    pub fn const_int(&self, v: V) -> Option<i64> {
        match self.op(v) {
            Op::ConstInt(i) => Some(i),
            _ => None,
        }
    }
    /// All values that an exit keeps alive, outer frames included; those in virtual tables in the place of these.
    pub fn state_values(&self, state: FsId) -> Vec<V> {
        let mut out = Vec::new();
        let mut next = Some(state);
        while let Some(id) = next {
            let s = &self.frame_states[id.0 as usize];
            self.push_leaves(s.closure, &mut out);
            s.regs.iter().for_each(|r| self.push_leaves(r.1, &mut out));
            s.varargs.iter().for_each(|v| self.push_leaves(*v, &mut out));
            next = s.parent;
        }
        out
    }
    /// `v`, or the values that a virtual table is made of.
    fn push_leaves(&self, v: V, out: &mut Vec<V>) {
        match self.op(v) {
            Op::Virtual { .. } => self.inst(v).args.iter().for_each(|a| self.push_leaves(*a, out)),
            _ => out.push(v),
        }
    }
}
