//! Names that the symbolic execution finds in compiled code.
use super::symbolic::{Name, callee_name, operand_name};
use crate::{Config, Vm};
use selune_core::opcode::Op;
use selune_core::proto::Proto;

/// Compiles a chunk and looks at the last instruction that `pick` accepts, in the outermost function that has one.
fn at_last(source: &str, pick: fn(Op) -> bool, look: fn(&Proto, usize) -> Option<Name>) -> String {
    let mut vm = Vm::new(Config::default());
    let f = vm.load(source.as_bytes(), b"=test", "t", None).expect("valid source");
    let mut p = vm.proto_of(f).expect("a Lua function");
    let pc = loop {
        if let Some(pc) = p.code.iter().rposition(|i| pick(i.op())) {
            break pc;
        }
        // SAFETY: a proto of a live function.
        p = unsafe { &**p.protos.first().expect("such an instruction") };
    };
    look(p, pc).map_or(String::new(), |n| format!("{} '{}'", n.kind, String::from_utf8_lossy(&n.name)))
}
fn called(source: &str) -> String {
    at_last(source, |op| matches!(op, Op::Call | Op::TForCall), callee_name)
}
fn indexed(source: &str) -> String {
    at_last(source, |op| matches!(op, Op::GetField | Op::GetTable | Op::GetInt | Op::GetTabUp), |p, pc| operand_name(p, pc, false))
}

#[test]
fn calls_are_named_by_how_the_function_was_found() {
    assert_eq!(called("f()"), "global 'f'");
    assert_eq!(called("a.b()"), "field 'b'");
    assert_eq!(called("a:b()"), "method 'b'");
    assert_eq!(called("local f; f()"), "local 'f'");
    assert_eq!(called("local f; function g() f() end"), "upvalue 'f'");
    assert_eq!(called("local f; g = function() return f end; f = 1; f()"), "local 'f'");
    assert_eq!(called("local f; g = function() return f end; f()"), "local 'f'");
    assert_eq!(called("a[1]()"), "field 'integer index'");
    assert_eq!(called("local i; a[i]()"), "field '?'");
    assert_eq!(called("local t = 1; local _ENV = t; f()"), "global 'f'");
    assert_eq!(called("('x')()"), "constant 'x'");
    assert_eq!(called("for _ in f do end"), "for iterator 'for iterator'");
    assert_eq!(called("(f or g)()"), "");
}

#[test]
fn operands_are_named_by_what_set_the_register() {
    assert_eq!(indexed("return x.y"), "global 'x'");
    assert_eq!(indexed("return a.b.c"), "field 'b'");
    assert_eq!(indexed("local a; return a.b"), "local 'a'");
    assert_eq!(indexed("local a; local b = a; return b.c"), "local 'b'");
    assert_eq!(indexed("local a; return function() return a.b end"), "upvalue 'a'");
    assert_eq!(indexed("local a; f(function() a = 1 end); return a.b"), "local 'a'");
}
