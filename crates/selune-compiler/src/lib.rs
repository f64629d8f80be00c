//! Lua source to bytecode: lexer, parser, scopes, emitter.
//!
//! `source -> lexer -> parser (names resolved, constants folded) -> ast -> emit (one function at a time) -> link -> Proto`.
//! Messages, limits and line numbers are those of PUC Lua 5.4.8. Reading order: `ast`, `parser`, `emit`, `link`.
pub mod ast;
mod binary;
mod emit;
pub mod error;
mod fold;
pub mod intern;
mod lexer;
mod link;
mod parser;
pub mod token;
mod verify;

pub use binary::{dump, undump};
pub use error::{CompileError, ErrorKind, chunk_id};
use selune_core::heap::Heap;
use selune_core::proto::Proto;

/// A compiled function in the heap; it lives as long as a root or another proto refers to it.
pub type ProtoRef = *mut Proto;

/// C levels that are in use when the main program of a PUC interpreter calls `load`.
pub const DEFAULT_LEVELS: u32 = 2;

/// Compiles a chunk. The main function has one upvalue, `_ENV`. `chunk_name` is as for `load` (`=stdin`, `@file`, or the
/// source itself); the message of an error is complete, with chunk name and line.
pub fn compile(heap: &mut Heap, source: &[u8], chunk_name: &[u8]) -> Result<ProtoRef, CompileError> {
    compile_at(heap, source, chunk_name, DEFAULT_LEVELS)
}

/// The same when `levels` of the 200 C levels are in use: nesting in the source counts from there.
pub fn compile_at(heap: &mut Heap, source: &[u8], chunk_name: &[u8], levels: u32) -> Result<ProtoRef, CompileError> {
    Ok(parse(source, chunk_name, levels)?.link(heap, chunk_name))
}

/// Gives a source piece by piece: None or an empty piece at the end, Err when it failed.
pub type Reader<'r> = dyn FnMut() -> Result<Option<Vec<u8>>, ()> + 'r;

/// A compiled chunk that is not in a heap yet.
pub struct Parsed {
    ast: ast::Ast,
    functions: Vec<emit::FuncCode>,
}

impl Parsed {
    /// Puts the chunk into the heap.
    pub fn link(self, heap: &mut Heap, chunk_name: &[u8]) -> ProtoRef {
        link::link(heap, &self.ast, self.functions, chunk_name)
    }
}

/// `compile_at` without the heap.
pub fn parse(source: &[u8], chunk_name: &[u8], levels: u32) -> Result<Parsed, CompileError> {
    front(lexer::Lexer::new(source, chunk_name), chunk_name, levels)
}

/// The same for a source that comes in pieces: each is asked for when the parser needs its first byte.
pub fn parse_pieces<'a>(more: &'a mut Reader<'a>, chunk_name: &'a [u8], levels: u32) -> Result<Parsed, CompileError> {
    front(lexer::Lexer::of_pieces(more, chunk_name), chunk_name, levels)
}

fn front(lexer: lexer::Lexer<'_>, chunk_name: &[u8], levels: u32) -> Result<Parsed, CompileError> {
    let (ast, source) = parser::parse(lexer, levels).map_err(|e| *e)?;
    match emit::emit(&ast) {
        Ok(functions) => Ok(Parsed { ast, functions }),
        Err(emit::OutOfRegisters(after)) => Err(*parser::register_error(&source, chunk_name, levels, after)),
    }
}

/// Only checks the syntax; for tools.
pub fn check(source: &[u8], chunk_name: &[u8]) -> Result<(), CompileError> {
    parse(source, chunk_name, DEFAULT_LEVELS).map(drop)
}
