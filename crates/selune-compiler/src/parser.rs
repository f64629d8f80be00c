//! Tokens to a resolved syntax tree. Recursive descent with PUC's grammar functions, messages and limits.
//!
//! Every construct that nests goes through `enter_level`, which counts against the 200 C levels of PUC, so the native
//! stack is bounded. `scope` resolves names, blocks, labels and gotos; `expr` and `stat` are the grammar.
mod expr;
mod scope;
mod stat;

use crate::ast::*;
use crate::error::{CompileError, Result};
use crate::lexer::{Lexer, Near};
use crate::token::Tok;
use scope::{ActiveLabel, FuncState, PendingGoto};

/// PUC's `LUAI_MAXCCALLS`: C calls and syntactic levels together.
const MAX_LEVELS: u32 = 200;
/// Most locals of a function.
const MAX_LOCALS: usize = 200;
/// Most upvalues of a function.
const MAX_UPVALUES: usize = 255;

pub(crate) struct Parser<'a> {
    lex: Lexer<'a>,
    ast: Ast,
    /// The functions that are being read, innermost last.
    funcs: Vec<FuncState>,
    /// Variables in scope of all open functions.
    active: Vec<LocalId>,
    /// For each string: number + 1 of the innermost variable in scope with this name.
    bindings: Vec<u32>,
    /// For each local: the value of `bindings` that it hides, and the depth of its function.
    hidden: Vec<(u32, u32)>,
    labels: Vec<ActiveLabel>,
    gotos: Vec<PendingGoto>,
    /// Open lists of all kinds.
    items: Vec<Item>,
    fields: Vec<Field>,
    stats: Vec<Stat>,
    arms: Vec<Arm>,
    levels: u32,
    /// An expression after which an error of the emitter is to be reported.
    probe: Option<ExprId>,
    /// That error.
    probed: Option<Box<CompileError>>,
    /// The newest expression that stands for a compile-time constant by name, for "attempt to assign".
    constant_use: Option<(ExprId, LocalId)>,
}

/// Parses a chunk; gives its source, too, which may have come in pieces. `levels` is the number of C levels that are already in
/// use.
pub(crate) fn parse(lexer: Lexer<'_>, levels: u32) -> Result<(Ast, Vec<u8>)> {
    let mut p = Parser::new(lexer, levels);
    p.main_function()?;
    let (strings, source) = p.lex.into_parts();
    p.ast.strings = strings;
    Ok((p.ast, source))
}

/// "function or expression needs too many registers" with the place where PUC's one pass would have noticed it: the
/// token that follows the expression `after` (and its comma). Parses the chunk, which has no other error, again.
#[cold]
pub(crate) fn register_error(source: &[u8], chunk_name: &[u8], levels: u32, after: ExprId) -> Box<CompileError> {
    let mut p = Parser::new(Lexer::new(source, chunk_name), levels);
    p.probe = Some(after);
    let end = p.main_function();
    match (p.probed.take(), end) {
        (Some(e), _) | (None, Err(e)) => e,
        (None, Ok(())) => p.lex.syntax_error(TOO_MANY_REGISTERS),
    }
}

const TOO_MANY_REGISTERS: &str = "function or expression needs too many registers";

impl<'a> Parser<'a> {
    fn new(lex: Lexer<'a>, levels: u32) -> Parser<'a> {
        Parser {
            lex,
            ast: Ast::default(),
            funcs: Vec::new(),
            active: Vec::new(),
            bindings: Vec::new(),
            hidden: Vec::new(),
            labels: Vec::new(),
            gotos: Vec::new(),
            items: Vec::new(),
            fields: Vec::new(),
            stats: Vec::new(),
            arms: Vec::new(),
            levels,
            probe: None,
            probed: None,
            constant_use: None,
        }
    }
}

impl Parser<'_> {
    fn main_function(&mut self) -> Result<()> {
        self.open_function(0);
        self.funcs[0].vararg_line = Some(1);
        self.lex.next()?;
        let block = self.block_statements()?;
        if self.lex.tok != Tok::Eos {
            return Err(self.expected(Tok::Eos));
        }
        let line = self.lex.last_line;
        self.close_function(block, 0, line)
    }

    /// Called where the emitter may run out of registers, with the expression before this point.
    #[inline]
    fn probe_after(&mut self, e: ExprId) {
        if self.probe == Some(e) {
            self.probed = Some(self.lex.syntax_error(TOO_MANY_REGISTERS));
        }
    }

    #[inline]
    fn enter_level(&mut self) -> Result<()> {
        self.levels += 1;
        if self.levels >= MAX_LEVELS {
            return Err(CompileError::stack_overflow());
        }
        Ok(())
    }

    #[inline]
    fn leave_level(&mut self) {
        self.levels -= 1;
    }

    /// Goes to the next token if the current one is `tok`.
    #[inline]
    fn accept(&mut self, tok: Tok) -> Result<bool> {
        if self.lex.tok == tok {
            self.lex.next()?;
            return Ok(true);
        }
        Ok(false)
    }

    #[inline]
    fn at(&self, c: u8) -> bool {
        self.lex.tok == Tok::Char(c)
    }

    #[cold]
    fn expected(&self, tok: Tok) -> Box<CompileError> {
        self.lex.syntax_error(&format!("{} expected", tok.describe()))
    }

    #[inline]
    fn expect(&mut self, tok: Tok) -> Result<()> {
        if self.lex.tok != tok {
            return Err(self.expected(tok));
        }
        self.lex.next()
    }

    /// Expects the token `what` that closes `opener` of line `line`.
    fn expect_match(&mut self, what: Tok, opener: Tok, line: u32) -> Result<()> {
        if self.lex.tok == what {
            return self.lex.next();
        }
        if line == self.lex.line {
            return Err(self.expected(what));
        }
        let msg = format!("{} expected (to close {} at line {line})", what.describe(), opener.describe());
        Err(self.lex.syntax_error(&msg))
    }

    fn name(&mut self) -> Result<crate::intern::StrId> {
        match self.lex.tok {
            Tok::Name(s) => {
                self.lex.next()?;
                Ok(s)
            }
            _ => Err(self.lex.syntax_error("<name> expected")),
        }
    }

    /// An error that quotes names and has no "near".
    #[cold]
    fn semantic_error(&self, parts: &[&[u8]]) -> Box<CompileError> {
        self.lex.error_bytes(&parts.concat(), Near::Nowhere)
    }

    fn check_limit(&self, n: usize, limit: usize, what: &str, func: &FuncState) -> Result<()> {
        if n <= limit {
            return Ok(());
        }
        let place = match self.ast.functions[func.id.index()].line {
            0 => "main function".to_string(),
            line => format!("function at line {line}"),
        };
        Err(self.lex.syntax_error(&format!("too many {what} (limit is {limit}) in {place}")))
    }

    /// Does the current token end a block?
    fn at_block_end(&self, until_too: bool) -> bool {
        match self.lex.tok {
            Tok::Else | Tok::ElseIf | Tok::End | Tok::Eos => true,
            Tok::Until => until_too,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
