//! Listings of bytecode, as readable as `luac -l` and without addresses, so that they can be compared as text.
//!
//! One line per instruction: number (from 1), source line, opcode, operands, and after `;` what the operands name:
//! constants, upvalues, jump targets. The form of the operands comes from the opcode table.
use crate::number::{NumBuf, Number};
use crate::opcode::{Form, Op};
use crate::proto::{Ins, Proto, RK_CONST};
use crate::value::Value;
use std::fmt::Write;

/// What the operands of a function's instructions name.
pub trait Names {
    /// A constant as it would be written in source.
    fn constant(&self, k: usize) -> String;
    /// The name of an upvalue.
    fn upvalue(&self, u: usize) -> String;
}

impl Names for Proto {
    fn constant(&self, k: usize) -> String {
        self.constants.get(k).map_or("?".into(), |&v| value(v))
    }
    fn upvalue(&self, u: usize) -> String {
        match self.upvals.get(u) {
            Some(d) if d.name.is_string() => String::from_utf8_lossy(crate::string::bytes(d.name)).into_owned(),
            _ => "-".into(),
        }
    }
}

/// A string as it would be written in source; bytes that are not printable ASCII as decimal escapes.
pub fn quote(s: &[u8]) -> String {
    let mut out = String::from("\"");
    for &b in s {
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7E => out.push(b as char),
            _ => {
                let _ = write!(out, "\\{b:03}");
            }
        }
    }
    out.push('"');
    out
}

/// A number as Lua prints it.
pub fn number(n: Number) -> String {
    String::from_utf8_lossy(NumBuf::new().number(n)).into_owned()
}

fn value(v: Value) -> String {
    match v {
        Value::NIL => "nil".into(),
        Value::TRUE => "true".into(),
        Value::FALSE => "false".into(),
        v if v.is_string() => quote(crate::string::bytes(v)),
        v if v.is_float() => number(Number::Float(v.as_float())),
        v => v.as_int().map_or("?".into(), |i| number(Number::Int(i))),
    }
}

/// One instruction without its number and line.
pub fn instruction(ins: Ins, pc: usize, names: &dyn Names) -> String {
    let op = ins.op();
    let (a, b, c) = (ins.a(), ins.b(), ins.c());
    let mut out = format!("{:<14}", op.name());
    let _ = match op.form() {
        Form::A => write!(out, "{a}"),
        Form::AB => write!(out, "{a} {b}"),
        Form::ABC if op == Op::SetList => write!(out, "{a} {b} {}", c | (ins.s() as usize) << 16),
        Form::ABC => write!(out, "{a} {b} {c}"),
        Form::ABx => write!(out, "{a} {}", ins.bx()),
        Form::AsBx if matches!(op, Op::Jmp | Op::JmpBack) => write!(out, "{}", ins.sbx()),
        Form::AsBx => write!(out, "{a} {}", ins.sbx()),
    };
    if let Some(note) = note(ins, pc, names) {
        let _ = write!(out, "\t; {note}");
    }
    out
}

fn note(ins: Ins, pc: usize, names: &dyn Names) -> Option<String> {
    let (a, b, c) = (ins.a(), ins.b(), ins.c());
    let k = |i| names.constant(i);
    let rk = |i: usize| if i >= RK_CONST { format!(" {}", k(i - RK_CONST)) } else { String::new() };
    let target = || (pc as isize + 2 + ins.sbx()) as usize;
    Some(match ins.op() {
        Op::LoadK => k(ins.bx()),
        Op::GetUpval => names.upvalue(b),
        Op::SetUpval => names.upvalue(b),
        Op::GetTabUp => format!("{} {}", names.upvalue(b), k(c)),
        Op::SetTabUp => format!("{} {}{}", names.upvalue(a), k(b), rk(c)),
        Op::GetField | Op::Self_ => k(c),
        Op::SetField => format!("{}{}", k(b), rk(c)),
        Op::SetTable | Op::SetInt if c >= RK_CONST => k(c - RK_CONST),
        Op::AddK | Op::SubK | Op::MulK | Op::DivK | Op::ModK | Op::PowK | Op::IDivK => k(c),
        Op::BAndK | Op::BOrK | Op::BXorK | Op::ShlK | Op::ShrK => k(c),
        Op::EqK | Op::LtK | Op::LeK | Op::GtK | Op::GeK => k(b),
        Op::Jmp | Op::JmpBack | Op::TForPrep | Op::TForLoop | Op::ForLoop => format!("to {}", target()),
        Op::ForPrep => format!("exit to {}", target() + 1),
        Op::Closure => format!("function {}", ins.bx()),
        Op::Call => {
            let count = |n: usize| if n == 0 { "all".to_string() } else { (n - 1).to_string() };
            format!("{} in {} out", count(b), count(c))
        }
        _ => return None,
    })
}

/// The listing of a function and all functions nested in it.
pub fn disasm(proto: &Proto) -> String {
    let mut out = String::new();
    list(proto, "main", &mut out);
    out
}

fn plural(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn list(p: &Proto, path: &str, out: &mut String) {
    let _ = writeln!(out, "{path} <{},{}> ({})", p.line_defined, p.last_line, plural(p.code.len(), "instruction"));
    let _ = writeln!(
        out,
        "{}{} params, {}, {}, {}, {}, {}",
        p.num_params,
        if p.is_vararg { "+" } else { "" },
        plural(p.max_stack as usize, "slot"),
        plural(p.upvals.len(), "upvalue"),
        plural(p.locals.len(), "local"),
        plural(p.constants.len(), "constant"),
        plural(p.protos.len(), "function"),
    );
    for (pc, &ins) in p.code.iter().enumerate() {
        let _ = writeln!(out, "\t{}\t[{}]\t{}", pc + 1, p.line(pc), instruction(ins, pc, p));
    }
    let text = |v: Value| if v.is_string() { String::from_utf8_lossy(crate::string::bytes(v)).into_owned() } else { "-".into() };
    for (i, l) in p.locals.iter().enumerate() {
        let kind = match (l.is_cell, l.cell_reg) {
            (true, _) => " cell".to_string(),
            (_, Some(cell)) => format!(" cell in R[{cell}]"),
            _ => String::new(),
        };
        let _ = writeln!(out, "local {i}\t{}\tR[{}]{kind}\t{}..{}", text(l.name), l.reg, l.start + 1, l.end + 1);
    }
    for (i, u) in p.upvals.iter().enumerate() {
        let place = if u.in_stack { "register" } else { "upvalue" };
        let assigned = if u.assigned { " assigned" } else { "" };
        let _ = writeln!(out, "upvalue {i}\t{}\t{place} {}{assigned}", text(u.name), u.index);
    }
    for (i, inner) in p.children().enumerate() {
        out.push('\n');
        list(inner, &format!("{path}.{i}"), out);
    }
}
