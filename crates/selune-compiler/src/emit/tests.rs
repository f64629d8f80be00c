//! Code shapes, as listings.
use super::*;
use selune_core::disasm::{Names, instruction, number, quote};
use selune_core::number::Number;
use std::fmt::Write;

struct View<'a>(&'a FuncCode, &'a Ast);

impl Names for View<'_> {
    fn constant(&self, k: usize) -> String {
        match self.0.constants[k] {
            Const::Nil => "nil".into(),
            Const::False => "false".into(),
            Const::True => "true".into(),
            Const::Int(i) => number(Number::Int(i)),
            Const::Float(f) => number(Number::Float(f64::from_bits(f))),
            Const::Str(s) => quote(self.1.strings.get(s)),
        }
    }
    fn upvalue(&self, u: usize) -> String {
        String::from_utf8_lossy(self.1.strings.get(self.0.upvals[u].name)).into_owned()
    }
}

/// The listing of all functions of a chunk: `line op operands ; note`.
pub(crate) fn listing(src: &str) -> String {
    let ast = crate::parser::parse(src.as_bytes(), b"=test", 2).unwrap_or_else(|e| panic!("{e}"));
    let mut out = String::new();
    for (i, f) in emit(&ast, b"=test").unwrap_or_else(|e| panic!("{e}")).iter().enumerate() {
        if i > 0 {
            writeln!(out, "-- function {i}").unwrap();
        }
        let view = View(f, &ast);
        for (pc, &ins) in f.code.iter().enumerate() {
            writeln!(out, "{:>3} [{}] {}", pc + 1, f.lines[pc], instruction(ins, pc, &view)).unwrap();
        }
    }
    out
}

#[test]
fn scratch() {
    if let Ok(path) = std::env::var("SRC") {
        println!("{}", listing(&std::fs::read_to_string(path).unwrap()));
    }
}
