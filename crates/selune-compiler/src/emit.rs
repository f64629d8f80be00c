//! Syntax tree to bytecode, one function at a time, the enclosing one first.
//!
//! Registers are a stack: locals at the bottom in order of declaration, temporaries above. An expression is first
//! described (`exp::Exp`) and becomes a value in a register only when somebody says in which one, so that results are
//! computed where they are needed. `eval` walks expressions without recursing into left operands, callees and indexed
//! objects, so chains of any length take no native stack.
//!
//! Captured locals (`Storage`): one that is assigned again lives in a heap cell that its register holds; one that is
//! not keeps its value in the register and has a cell, made from it, in a second register. A cell is made where the
//! variable is declared, so each pass of a loop has its own.
//!
//! Lines: `line` is the line of the last token that PUC's one-pass compiler would have consumed at this point; every
//! instruction gets it, except where PUC corrects the line afterwards.
//!
//! Files: `code` (instructions, constants, registers), `exp` (descriptions to registers), `jumps`, `operators`, `eval`
//! (expressions), `assign`, `stat`, `loops`, `scope` (locals, cells, labels), `finish`.
mod assign;
mod code;
mod eval;
mod exp;
mod finish;
mod jumps;
mod loops;
mod operators;
mod scope;
mod stat;

pub(crate) use finish::assign_feedback;

use crate::ast::*;
use crate::intern::StrId;
use selune_core::opcode::Op;
use selune_core::proto::Ins;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;

/// A constant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Const {
    Nil,
    False,
    True,
    Int(i64),
    /// Bits of a float.
    Float(u64),
    Str(StrId),
}

/// Where a closure finds a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpvalSpec {
    pub name: StrId,
    pub in_stack: bool,
    pub index: u8,
    pub assigned: bool,
}

/// Debug information of a local.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalSpec {
    pub name: StrId,
    pub start: u32,
    pub end: u32,
    pub reg: u8,
    pub is_cell: bool,
    pub cell_reg: Option<u8>,
}

/// The code of a function, before it becomes a heap object.
#[derive(Default)]
pub(crate) struct FuncCode {
    pub code: Vec<Ins>,
    pub lines: Vec<u32>,
    pub constants: Vec<Const>,
    /// Nested functions.
    pub protos: Vec<FuncId>,
    pub upvals: Vec<UpvalSpec>,
    pub locals: Vec<LocalSpec>,
    pub num_params: u8,
    pub is_vararg: bool,
    pub max_stack: u8,
    pub line: u32,
    pub last_line: u32,
    /// Size of the feedback vector in units.
    pub feedback_units: usize,
}

/// How a local is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Storage {
    /// Compile-time constant: nowhere.
    None,
    /// In its register.
    Plain,
    /// In a cell that its register holds.
    Cell,
    /// In its register, and in a cell that the second register holds.
    Both(u8),
}

/// What a local got.
#[derive(Clone, Copy, Debug)]
struct Slot {
    reg: u8,
    storage: Storage,
}

/// State that all functions of a chunk share.
struct Chunk<'a> {
    ast: &'a Ast,
    /// By local.
    slots: Vec<Slot>,
    /// By label: the instruction, once it is known, and the jumps that wait for it.
    labels: Vec<LabelState>,
    /// By string: function + 1 whose constant it was last, and the index there.
    string_constants: Vec<(u32, u32)>,
    /// By function: where its upvalues are, known when the enclosing function has been emitted.
    upvals: Vec<Vec<UpvalSpec>>,
}

#[derive(Clone, Copy)]
struct LabelState {
    pc: Option<usize>,
    pending: i32,
}

/// A to-be-closed variable in scope.
#[derive(Clone, Copy)]
struct Closing {
    /// Its number among the visible variables.
    index: u32,
    reg: u8,
}

/// The function that is being emitted.
struct Emitter<'a, 'c> {
    chunk: &'c mut Chunk<'a>,
    ast: &'a Ast,
    id: FuncId,
    out: FuncCode,
    other_constants: HashMap<Const, u32, BuildHasherDefault<code::ConstHasher>>,
    /// Next free register.
    free: usize,
    /// Registers below this one belong to locals.
    local_top: usize,
    /// Number of visible variables, compile-time constants included.
    visible: u32,
    closing: Vec<Closing>,
    /// Indices into `out.locals` of variables in scope.
    open_debug: Vec<usize>,
    line: u32,
    /// The newest instruction that a jump leads to: nothing before it may be merged with what follows.
    last_target: usize,
    /// Operators whose left operands are being evaluated.
    spine: Vec<ExprId>,
    /// Captured locals may take two registers.
    pairs: bool,
    /// Some do.
    used_pairs: bool,
    /// The expression that was completed last.
    done: ExprId,
}

/// A function needs more registers than there are; noticed after this expression.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutOfRegisters(pub ExprId);

/// Results inside the emitter.
type Result<T> = std::result::Result<T, OutOfRegisters>;

/// Emits all functions of a chunk.
pub(crate) fn emit(ast: &Ast) -> Result<Vec<FuncCode>> {
    let mut chunk = Chunk {
        ast,
        slots: vec![Slot { reg: 0, storage: Storage::None }; ast.locals.len()],
        labels: vec![LabelState { pc: None, pending: jumps::NO_JUMP }; ast.labels.len()],
        string_constants: vec![(0, 0); ast.strings.len()],
        upvals: vec![Vec::new(); ast.functions.len()],
    };
    chunk.upvals[0].push(UpvalSpec { name: StrId::ENV, in_stack: true, index: 0, assigned: ast.env_assigned });
    let mut out = Vec::with_capacity(ast.functions.len());
    for i in 0..ast.functions.len() as u32 {
        out.push(emit_function(&mut chunk, FuncId(i))?);
    }
    Ok(out)
}

fn emit_function(chunk: &mut Chunk<'_>, id: FuncId) -> Result<FuncCode> {
    // A second register for captured locals is a luxury: without it the function may fit where it did not.
    for pairs in [true, false] {
        let mut e = Emitter::new(chunk, id, pairs);
        let result = e.function();
        if result.is_err() && e.used_pairs {
            continue;
        }
        result?;
        return Ok(e.finish());
    }
    unreachable!("the second attempt uses no pairs")
}

impl<'a, 'c> Emitter<'a, 'c> {
    fn new(chunk: &'c mut Chunk<'a>, id: FuncId, pairs: bool) -> Self {
        let ast = chunk.ast;
        let f = &ast.functions[id.index()];
        if !pairs {
            // What the first attempt left behind must not be believed.
            chunk.string_constants.iter_mut().filter(|s| s.0 == id.0 + 1).for_each(|s| s.0 = 0);
            chunk.labels.fill(LabelState { pc: None, pending: jumps::NO_JUMP });
        }
        let out = FuncCode {
            upvals: chunk.upvals[id.index()].clone(),
            num_params: f.params as u8,
            is_vararg: f.vararg_line.is_some(),
            max_stack: 2,
            line: f.line,
            last_line: f.last_line,
            ..FuncCode::default()
        };
        Emitter {
            chunk,
            ast,
            id,
            out,
            other_constants: HashMap::default(),
            free: 0,
            local_top: 0,
            visible: 0,
            closing: Vec::new(),
            open_debug: Vec::new(),
            line: f.line,
            last_target: 0,
            spine: Vec::new(),
            pairs,
            used_pairs: false,
            done: ExprId(0),
        }
    }

    fn function(&mut self) -> Result<()> {
        let f = &self.ast.functions[self.id.index()];
        self.declare_params(f)?;
        if let Some(line) = f.vararg_line {
            self.line = line;
            self.abc(Op::VarArgPrep, f.params as u8, 0, 0);
        }
        let cells = self.pc();
        self.make_param_cells(f);
        let body = self.pc();
        self.statements(f.block)?;
        self.line = f.return_line;
        self.emit_return(self.local_top, 0);
        self.hide_lines(cells, body);
        self.close_debug(0);
        Ok(())
    }

}

#[cfg(test)]
mod tests;
