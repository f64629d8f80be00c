//! Emitted functions to protos in the heap: constants become values, nested functions pointers.
//!
//! Inner functions are made first. Nothing here can collect (GC-1), so constants need no root before the proto that holds
//! them is in the heap.
use crate::ProtoRef;
use crate::ast::Ast;
use crate::emit::{Const, FuncCode};
use crate::intern::StrId;
use selune_core::feedback::FeedbackVector;
use selune_core::heap::Heap;
use selune_core::proto::{LocalVar, Proto, UpvalDesc};
use selune_core::value::Value;

struct Linker<'a> {
    heap: &'a mut Heap,
    ast: &'a Ast,
    /// By string: its value once it was needed.
    strings: Vec<Value>,
    source: Value,
}

/// Makes the protos of a chunk; gives that of the main function.
pub(crate) fn link(heap: &mut Heap, ast: &Ast, functions: Vec<FuncCode>, chunk_name: &[u8]) -> ProtoRef {
    let source = heap.intern(chunk_name);
    let mut linker = Linker { heap, ast, strings: vec![Value::NIL; ast.strings.len()], source };
    let mut made = vec![std::ptr::null_mut(); functions.len()];
    for (i, f) in functions.into_iter().enumerate().rev() {
        made[i] = linker.proto(f, &made);
    }
    made[0]
}

impl Linker<'_> {
    fn string(&mut self, s: StrId) -> Value {
        let known = self.strings[s.index()];
        if !known.is_nil() {
            return known;
        }
        let v = self.heap.intern(self.ast.strings.get(s));
        self.strings[s.index()] = v;
        v
    }

    fn constant(&mut self, c: Const) -> Value {
        match c {
            Const::Nil => Value::NIL,
            Const::False => Value::FALSE,
            Const::True => Value::TRUE,
            Const::Int(i) => self.heap.new_int(i),
            Const::Float(bits) => Value::float(f64::from_bits(bits)),
            Const::Str(s) => self.string(s),
        }
    }

    fn proto(&mut self, f: FuncCode, made: &[ProtoRef]) -> ProtoRef {
        let mut p = Proto::new();
        p.num_params = f.num_params;
        p.is_vararg = f.is_vararg;
        p.max_stack = f.max_stack;
        p.code = f.code;
        p.lines = f.lines;
        p.constants = f.constants.iter().map(|&c| self.constant(c)).collect();
        p.protos = f.protos.iter().map(|id| made[id.index()]).collect();
        p.upvals = f
            .upvals
            .iter()
            .map(|u| UpvalDesc { name: self.string(u.name), in_stack: u.in_stack, index: u.index, assigned: u.assigned })
            .collect();
        p.locals = f
            .locals
            .iter()
            .map(|l| LocalVar {
                name: self.string(l.name),
                start: l.start,
                end: l.end,
                reg: l.reg,
                is_cell: l.is_cell,
                cell_reg: l.cell_reg,
            })
            .collect();
        p.source = self.source;
        p.line_defined = f.line;
        p.last_line = f.last_line;
        p.feedback = FeedbackVector::new(f.feedback_units);
        p.finish();
        self.heap.new_proto(p)
    }
}
