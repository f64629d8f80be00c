//! Functions to bytes.
use super::{MAGIC, checksum, flag, header, tag};
use selune_core::feedback::{FeedbackKind, types};
use selune_core::proto::{Ins, Proto};
use selune_core::string;
use selune_core::value::Value;

struct Writer {
    out: Vec<u8>,
    strip: bool,
}

/// The binary chunk of a function and all nested ones; `strip` leaves debug information out.
pub fn dump(proto: &Proto, strip: bool) -> Vec<u8> {
    let mut w = Writer { out: Vec::new(), strip };
    w.out.push(proto.upvals.len() as u8);
    w.function(proto, Value::NIL);
    let mut chunk = header();
    chunk.extend_from_slice(MAGIC);
    chunk.extend_from_slice(&(w.out.len() as u64).to_le_bytes());
    chunk.extend_from_slice(&checksum(&w.out).to_le_bytes());
    chunk.extend_from_slice(&w.out);
    chunk
}

impl Writer {
    fn number(&mut self, mut n: u64) {
        while n >= 0x80 {
            self.out.push(n as u8 | 0x80);
            n >>= 7;
        }
        self.out.push(n as u8);
    }

    fn value(&mut self, v: Value) {
        match v {
            Value::NIL => self.out.push(tag::NIL),
            Value::FALSE => self.out.push(tag::FALSE),
            Value::TRUE => self.out.push(tag::TRUE),
            v if v.is_string() => {
                let bytes = string::bytes(v);
                self.out.push(tag::STRING);
                self.number(bytes.len() as u64);
                self.out.extend_from_slice(bytes);
            }
            v => match v.as_int() {
                Some(i) => {
                    self.out.push(tag::INT);
                    self.out.extend_from_slice(&i.to_le_bytes());
                }
                None => {
                    self.out.push(tag::FLOAT);
                    self.out.extend_from_slice(&v.as_float().to_le_bytes());
                }
            },
        }
    }

    /// `parent_source`: nothing is written when the source is the same.
    fn function(&mut self, p: &Proto, parent_source: Value) {
        let vararg = if p.is_vararg { flag::VARARG } else { 0 };
        let stripped = if self.strip { flag::STRIPPED } else { 0 };
        self.out.extend_from_slice(&[vararg | stripped, p.num_params, p.max_stack]);
        self.number(p.line_defined as u64);
        self.number(p.last_line as u64);
        self.number(p.code.len() as u64);
        for &ins in &p.code {
            self.out.extend_from_slice(&without_feedback(ins).0.to_le_bytes());
        }
        self.number(p.constants.len() as u64);
        for &k in &p.constants {
            self.value(k);
        }
        self.number(p.upvals.len() as u64);
        for u in &p.upvals {
            self.out.extend_from_slice(&[u.in_stack as u8 | (u.assigned as u8) << 1, u.index]);
        }
        if !self.strip {
            self.debug(p, parent_source);
        }
        self.number(p.children().len() as u64);
        for inner in p.children() {
            self.function(inner, p.source);
        }
    }

    fn debug(&mut self, p: &Proto, parent_source: Value) {
        self.value(if p.source == parent_source { Value::NIL } else { p.source });
        for u in &p.upvals {
            self.value(u.name);
        }
        self.number(p.lines.len() as u64);
        let mut last = 0;
        for &line in &p.lines {
            // Small steps in both directions take one byte.
            let step = line as i64 - last;
            self.number((step << 1 ^ step >> 63) as u64);
            last = line as i64;
        }
        self.number(p.locals.len() as u64);
        for l in &p.locals {
            self.value(l.name);
            self.number(l.start as u64);
            self.number(l.end as u64);
            let cell = l.cell_reg.map_or(0, |c| c as u64 + 1);
            self.out.extend_from_slice(&[l.reg, l.is_cell as u8]);
            self.number(cell);
        }
    }
}

/// The instruction as the emitter made it: S is an operand where there is no feedback, and has one bit among that of types.
fn without_feedback(ins: Ins) -> Ins {
    match ins.op().feedback() {
        FeedbackKind::None => ins,
        FeedbackKind::Types => ins.with_s(ins.s() & types::TEMPORARY),
        _ => ins.with_s(0),
    }
}
