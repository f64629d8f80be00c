//! The syntax tree of one chunk, with names already resolved.
//!
//! Nodes live in vectors and name each other by index, so a tree of any depth is dropped without recursion. Constants
//! are folded while the tree is built (`fold`), uses of compile-time constants are replaced by their values, and jumps
//! know their labels. What the emitter must know about a variable before it sees its last use (captured? assigned
//! again?) stands in `Local` once parsing is done.
//!
//! Lines: an expression's line is that of its last token (for operators: of the operator), because that is the line PUC
//! gives to the instructions that come from it. Lines of separators are kept where PUC's one pass would emit the code
//! of the operand before only after it had read the separator.
use crate::intern::{StrId, Strings};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
        impl $name {
            /// As an index.
            #[inline]
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )* };
}
ids! {
    /// An expression.
    ExprId;
    /// A local variable of the chunk.
    LocalId;
    /// A function of the chunk; 0 is the main function and a function comes before those nested in it.
    FuncId;
    /// A label.
    LabelId;
}

impl LocalId {
    /// Stands for the `_ENV` of the chunk, an upvalue of the main function, in upvalue lists.
    pub const CHUNK_ENV: LocalId = LocalId(u32::MAX);
}

/// A list in one of the pools of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct List {
    /// First element.
    pub start: u32,
    /// Number of elements.
    pub len: u32,
}
impl List {
    /// As a range of indices.
    #[inline]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// An element of an expression list.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// The expression.
    pub expr: ExprId,
    /// The line of the separator or closing bracket that was read before the value is needed in its register; 0 when
    /// that is the end of the expression itself.
    pub sep_line: u32,
}

/// An element of a table constructor.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The key; none for list elements.
    pub key: Option<ExprId>,
    /// The value.
    pub value: ExprId,
    /// The line of what follows the element: the separator, or `}` after the last one.
    pub sep_line: u32,
}

/// Binary operators that compute a value from two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Mod,
    Pow,
    Div,
    IDiv,
    BAnd,
    BOr,
    BXor,
    Shl,
    Shr,
    Concat,
    Eq,
    Lt,
    Le,
    Ne,
    Gt,
    Ge,
    And,
    Or,
}

/// Unary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum UnOp {
    Neg,
    BNot,
    Not,
    Len,
}

/// An expression.
#[derive(Clone, Copy, Debug)]
pub enum Expr {
    /// `nil`.
    Nil,
    /// `true`.
    True,
    /// `false`.
    False,
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A string.
    Str(StrId),
    /// `...`.
    Vararg,
    /// A local of the same function.
    Local(LocalId),
    /// An upvalue of the function.
    Upvalue(u8),
    /// A function.
    Function(FuncId),
    /// `object[key]`; `object.name` and globals have a string as key.
    Index {
        /// The indexed value.
        object: ExprId,
        /// The key.
        key: ExprId,
    },
    /// `callee(args)`.
    Call {
        /// The called value.
        callee: ExprId,
        /// `Item`s.
        args: List,
        /// Line where the arguments start.
        open_line: u32,
    },
    /// `object:name(args)`.
    Method {
        /// The object.
        object: ExprId,
        /// The method's name, a string expression.
        name: ExprId,
        /// `Item`s.
        args: List,
        /// Line where the arguments start.
        open_line: u32,
    },
    /// A unary operation.
    Unary {
        /// The operator.
        op: UnOp,
        /// The operand.
        operand: ExprId,
    },
    /// A binary operation.
    Binary {
        /// The operator.
        op: BinOp,
        /// Left operand.
        lhs: ExprId,
        /// Right operand.
        rhs: ExprId,
    },
    /// A table constructor.
    Table {
        /// `Field`s.
        fields: List,
        /// Line of `{`.
        open_line: u32,
    },
    /// `(e)`: exactly one value, and no variable.
    Paren(ExprId),
}

/// `if`/`elseif` with its block.
#[derive(Clone, Copy, Debug)]
pub struct Arm {
    /// The condition.
    pub cond: ExprId,
    /// Line of `then`.
    pub then_line: u32,
    /// The block.
    pub block: List,
}

/// A statement. Blocks are lists in `Ast::stats`.
#[derive(Clone, Copy, Debug)]
pub enum Stat {
    /// `local` names with attributes.
    Local {
        /// First variable; the others follow.
        first: LocalId,
        /// Number of variables; a last one that is a compile-time constant is among them.
        count: u32,
        /// `Item`s.
        values: List,
        /// Line of the last token before the values.
        line: u32,
    },
    /// `local function`.
    LocalFunction {
        /// The variable.
        local: LocalId,
        /// The function expression.
        func: ExprId,
    },
    /// Assignment to one or more targets.
    Assign {
        /// `Item`s: the targets.
        targets: List,
        /// `Item`s: the values.
        values: List,
        /// Line of `=`.
        line: u32,
    },
    /// `function a.b:c() end`.
    Function {
        /// The target.
        target: ExprId,
        /// The function expression.
        func: ExprId,
        /// Line of `function`.
        line: u32,
    },
    /// A call.
    Call(ExprId),
    /// `do block end`.
    Do {
        /// The block.
        block: List,
        /// Line of `end`.
        end_line: u32,
    },
    /// `while`.
    While {
        /// The condition.
        cond: ExprId,
        /// Line of `do`.
        do_line: u32,
        /// The body.
        block: List,
        /// Line of `end`.
        end_line: u32,
        /// Where `break` goes.
        exit: LabelId,
    },
    /// `repeat`.
    Repeat {
        /// The body; its locals are visible in the condition.
        block: List,
        /// The condition.
        cond: ExprId,
        /// Line of `until`.
        until_line: u32,
        /// Where `break` goes.
        exit: LabelId,
    },
    /// Numeric `for`.
    NumericFor {
        /// The variable.
        var: LocalId,
        /// `Item`s: start, limit and perhaps step.
        range: List,
        /// The body.
        block: List,
        /// Other lines and the exit, in `Ast::loops`.
        info: u32,
    },
    /// Generic `for`.
    GenericFor {
        /// First variable.
        first: LocalId,
        /// Number of variables.
        count: u32,
        /// `Item`s.
        values: List,
        /// The body.
        block: List,
        /// Other lines and the exit, in `Ast::loops`.
        info: u32,
    },
    /// `if`.
    If {
        /// `Arm`s.
        arms: List,
        /// The block after `else`.
        otherwise: Option<List>,
        /// Line of `end`.
        end_line: u32,
    },
    /// `return`.
    Return {
        /// `Item`s.
        values: List,
        /// Line of `return`.
        line: u32,
    },
    /// `goto` and `break`.
    Goto {
        /// The target.
        label: LabelId,
        /// Line of the statement.
        line: u32,
    },
    /// A label.
    Label(LabelId),
}

/// What `for` loops have besides their expressions.
#[derive(Clone, Copy, Debug)]
pub struct LoopInfo {
    /// The line that the loop instructions have: of `for` when numeric, of what follows `in` when generic.
    pub line: u32,
    /// Line of the last token before the expressions.
    pub head_line: u32,
    /// Line of `do`.
    pub do_line: u32,
    /// Line of `end`.
    pub end_line: u32,
    /// Where `break` goes.
    pub exit: LabelId,
}

/// Attribute of a local.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attrib {
    /// None.
    Regular,
    /// `<const>`, with a value that is only known at run time.
    Const,
    /// `<close>`.
    Close,
    /// `<const>` whose value is this constant expression; occupies no register.
    CompileTime(ExprId),
}

/// A local variable.
#[derive(Clone, Copy, Debug)]
pub struct Local {
    /// Its name.
    pub name: StrId,
    /// Attribute.
    pub attrib: Attrib,
    /// Used by an inner function.
    pub captured: bool,
    /// Assigned after its initialisation.
    pub assigned: bool,
    /// A local function that refers to itself.
    pub recursive: bool,
}

/// Where a function takes an upvalue from.
#[derive(Clone, Copy, Debug)]
pub struct Upvalue {
    /// The variable behind it.
    pub local: LocalId,
    /// Its name.
    pub name: StrId,
    /// A local of the enclosing function, else its upvalue `index`.
    pub in_parent: bool,
    /// Upvalue number in the enclosing function when not `in_parent`.
    pub index: u8,
}

/// A label, or the exit of a loop.
#[derive(Clone, Copy, Debug)]
pub struct Label {
    /// How many variables of the function are alive there (compile-time constants are counted too).
    pub active: u32,
    /// The label that a goto written before its label means.
    pub same_as: Option<LabelId>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The enclosing function.
    pub parent: Option<FuncId>,
    /// First parameter; the others follow.
    pub first_param: LocalId,
    /// Number of parameters.
    pub params: u32,
    /// Line of `...`, when it takes varargs.
    pub vararg_line: Option<u32>,
    /// The body.
    pub block: List,
    /// Upvalues.
    pub upvalues: Vec<Upvalue>,
    /// Line where it starts (0: the main function).
    pub line: u32,
    /// Line of `end` (0 for the main function).
    pub last_line: u32,
    /// Line of the final return.
    pub return_line: u32,
}

/// A chunk.
#[derive(Default)]
pub struct Ast {
    /// Names and string constants.
    pub strings: Strings,
    /// Expressions.
    pub exprs: Vec<Expr>,
    /// Line of each expression.
    pub expr_lines: Vec<u32>,
    /// Elements of expression lists.
    pub items: Vec<Item>,
    /// Elements of table constructors.
    pub fields: Vec<Field>,
    /// Statements of blocks.
    pub stats: Vec<Stat>,
    /// Arms of `if` statements.
    pub arms: Vec<Arm>,
    /// Facts about `for` loops.
    pub loops: Vec<LoopInfo>,
    /// Locals.
    pub locals: Vec<Local>,
    /// Labels and exits of loops.
    pub labels: Vec<Label>,
    /// Functions.
    pub functions: Vec<Function>,
    /// The chunk assigns to its `_ENV` upvalue.
    pub env_assigned: bool,
}

impl Ast {
    /// An expression.
    #[inline]
    pub fn expr(&self, e: ExprId) -> Expr {
        self.exprs[e.index()]
    }
    /// Line of an expression.
    #[inline]
    pub fn line(&self, e: ExprId) -> u32 {
        self.expr_lines[e.index()]
    }
    /// A new expression.
    #[inline]
    pub fn add(&mut self, e: Expr, line: u32) -> ExprId {
        self.exprs.push(e);
        self.expr_lines.push(line);
        ExprId(self.exprs.len() as u32 - 1)
    }
    /// The label that a goto leads to.
    pub fn target(&self, l: LabelId) -> LabelId {
        self.labels[l.index()].same_as.unwrap_or(l)
    }
    /// A local.
    #[inline]
    pub fn local(&self, l: LocalId) -> &Local {
        &self.locals[l.index()]
    }
}

/// Moves what a parser gathered above `mark` on its scratch stack into a pool.
pub(crate) fn take_list<T: Copy>(pool: &mut Vec<T>, scratch: &mut Vec<T>, mark: usize) -> List {
    let start = pool.len() as u32;
    pool.extend_from_slice(&scratch[mark..]);
    scratch.truncate(mark);
    List { start, len: pool.len() as u32 - start }
}
