//! The text form of SSA functions: for dumps, snapshots and tests. It contains no addresses.
//!
//! ```text
//! func fib@3 params 1
//! b0:
//!   v1 = param 0 : any
//!   v2 = guard_small v1 : i64 -> e0
//!   branch v5 b1 b2
//! e0: not_int fs0 blame 0:1
//! fs0: 0 pc 1 closure v0 [r0=v1]
//! ```
use super::ir::*;
use super::types::{Kinds, Range};
use core::fmt::{self, Display, Formatter, Write};

/// `CamelCase` to `snake_case`.
fn snake(s: &str) -> String {
    let mut out = String::new();
    for c in s.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Adds the virtual tables that `v` is and contains, inner ones first.
fn virtual_tables(f: &Func, v: V, tables: &mut Vec<V>) {
    if matches!(f.op(v), Op::Virtual { .. }) && !tables.contains(&v) {
        f.inst(v).args.iter().for_each(|a| virtual_tables(f, *a, tables));
        tables.push(v);
    }
}

fn object_name(f: &Func, named: u32) -> String {
    f.names.get(named as usize).cloned().unwrap_or_else(|| "?".into())
}

fn value_name(f: &Func, bits: u64, named: u32) -> String {
    if named != u32::MAX { object_name(f, named) } else { format!("{:?}", selune_core::value::Value(bits)) }
}

/// The operation with its immediates.
pub fn op_text(f: &Func, op: Op) -> String {
    use Op::*;
    let debug = format!("{op:?}");
    let head = snake(debug.split([' ', '(', '{']).next().unwrap_or_default());
    match op {
        ConstInt(i) => format!("{i}"),
        ConstNum(bits) => format!("{:?}", selune_core::value::Value(bits)),
        ConstBool(b) => format!("{b}"),
        ConstValue { bits, named } => value_name(f, bits, named),
        Param(i) | OsrReg(i) | CallResult(i) | LoadUpval(i) | LoadNativeUpval(i) | LoadTypeMeta(i) => format!("{head} {i}"),
        GuardKind(k) | IsKind(k) => format!("{head} {k:?}"),
        GuardShape { ids, n } => format!("{head} {:?}", &ids[..n as usize]),
        IsShape(i) | StoreShape(i) | VarArg(i) => format!("{head} {i}"),
        GuardProto(p) | IsProto(p) => format!("{head} {p}"),
        GuardNative { builtin, .. } => match builtin {
            Some(b) => format!("{head} {}", snake(&format!("{b:?}"))),
            None => format!("{head} other"),
        },
        GuardBits { bits, named } => format!("{head} {}", value_name(f, bits, named)),
        Guard { expect } => format!("{head} {expect}"),
        CmpI(c) | CmpF(c) | CmpNumber(c) | CmpStr(c) => format!("{head} {}", snake(&format!("{c:?}"))),
        MathF(b) => format!("{head} {}", snake(&format!("{b:?}"))),
        LoadInline(i) | LoadSlot(i) => format!("{head} {i}"),
        LoadCell { constant } => format!("{head}{}", if constant { " constant" } else { "" }),
        StoreInline { slot, barrier } | StoreSlot { slot, barrier } => format!("{head} {slot}{}", if barrier { " barrier" } else { "" }),
        StoreElem { barrier } | StoreCell { barrier } => format!("{head}{}", if barrier { " barrier" } else { "" }),
        NewTable { shape, inline, narray } => format!("{head} shape {shape} inline {inline} array {narray}"),
        Virtual { of, shape, inline, array } => format!("{head} {of:?} shape {shape} inline {inline} array {array}"),
        Waste { bytes } => format!("{head} {bytes}"),
        NewClosure { proto, child } => format!("{head} {proto}:{child}"),
        Call { callee, want } => format!("{head} {} {}", callee_text(callee), want_text(want)),
        CallOpen { want } => format!("{head} {}", want_text(want)),
        TailCall { callee } => format!("{head} {}", callee_text(callee)),
        Rt(RtOp::Arith(a)) => format!("rt arith {}", snake(&format!("{a:?}"))),
        Rt(r) => format!("rt {}", snake(&format!("{r:?}"))),
        Jump(_) | Branch { .. } => head,
        _ => head,
    }
}

fn callee_text(c: Callee) -> String {
    match c {
        Callee::Proto(p) => format!("proto {p}"),
        Callee::Native(_) => "native".into(),
        c => snake(&format!("{c:?}")),
    }
}

fn want_text(w: Want) -> String {
    match w {
        Want::Fixed(n) => format!("want {n}"),
        w => format!("want {}", snake(&format!("{w:?}"))),
    }
}

/// A value as an operand: constants in place.
fn operand(f: &Func, v: V) -> String {
    if f.op(v).is_const() { op_text(f, f.op(v)) } else { format!("{v:?}") }
}

fn type_text(i: &Inst) -> String {
    let t = format!("{:?}", i.ty).to_lowercase();
    match i.ty {
        Ty::Any if i.kinds != Kinds::ANY => format!("{:?}", i.kinds),
        Ty::I64 if i.range == Range::SMALL => "i48".into(),
        Ty::I64 if i.range != Range::FULL => {
            let b = |n: i64| match n {
                i64::MIN => String::new(),
                i64::MAX => String::new(),
                n if n == Range::SMALL.lo => "-s".into(),
                n if n == Range::SMALL.hi => "s".into(),
                n => n.to_string(),
            };
            format!("i64[{}..{}]", b(i.range.lo), b(i.range.hi))
        }
        _ => t,
    }
}

/// One instruction as a line without indentation.
pub fn inst_text(f: &Func, v: V) -> String {
    let i = f.inst(v);
    let mut s = String::new();
    if i.ty != Ty::Void {
        let _ = write!(s, "{v:?} = ");
    }
    s += &op_text(f, i.op);
    let args: Vec<String> = i.args.iter().map(|a| operand(f, *a)).collect();
    if !args.is_empty() {
        let _ = write!(s, " {}", args.join(" "));
    }
    match i.op {
        Op::Jump(t) => _ = write!(s, " {t:?}"),
        Op::Branch { then, els, likely } => {
            let hint = match likely {
                Some(true) => " likely",
                Some(false) => " unlikely",
                None => "",
            };
            let _ = write!(s, " {then:?} {els:?}{hint}");
        }
        _ => {}
    }
    if i.ty != Ty::Void {
        let _ = write!(s, " : {}", type_text(i));
    }
    if let Some(e) = i.exit {
        let _ = write!(s, " -> e{}", e.0);
    }
    if let Some(site) = i.site {
        let site = f.sites[site.0 as usize];
        let _ = write!(s, " @{}:{}", site.proto, site.pc);
    }
    s
}

impl Display for Func {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "func {} params {}{}{}",
            self.name,
            self.num_params,
            if self.is_vararg { " vararg" } else { "" },
            if self.osr { " osr" } else { "" }
        )?;
        let order = self.rpo();
        let mut exits = Vec::new();
        for b in &order {
            let block = self.block(*b);
            write!(out, "{b:?}:")?;
            if !block.preds.is_empty() {
                let p: Vec<String> = block.preds.iter().map(|p| format!("{p:?}")).collect();
                write!(out, " <- {}", p.join(" "))?;
            }
            if block.loop_header {
                write!(out, " loop")?;
            }
            writeln!(out, "{}", if block.cold { " cold" } else { "" })?;
            for v in &block.insts {
                writeln!(out, "  {}", inst_text(self, *v))?;
                exits.extend(self.inst(*v).exit);
            }
        }
        let mut states: Vec<FsId> = Vec::new();
        for e in exits {
            let exit = &self.exits[e.0 as usize];
            let reason = snake(&format!("{:?}", exit.reason));
            writeln!(out, "e{}: {reason} fs{} blame {}:{}", e.0, exit.state.0, exit.blame.0, exit.blame.1)?;
            let mut next = Some(exit.state);
            while let Some(s) = next.filter(|s| !states.contains(s)) {
                states.push(s);
                next = self.frame_states[s.0 as usize].parent;
            }
        }
        states.sort_by_key(|s| s.0);
        let mut tables: Vec<V> = Vec::new();
        for id in &states {
            let s = &self.frame_states[id.0 as usize];
            s.regs.iter().map(|r| r.1).chain(s.varargs.iter().copied()).for_each(|v| virtual_tables(self, v, &mut tables));
        }
        for v in tables {
            writeln!(out, "{}", inst_text(self, v))?;
        }
        for id in states {
            let s = &self.frame_states[id.0 as usize];
            let regs: Vec<String> = s.regs.iter().map(|(r, v)| format!("r{r}={}", operand(self, *v))).collect();
            write!(out, "fs{}: {} pc {} closure {} [{}]", id.0, s.proto, s.pc, operand(self, s.closure), regs.join(" "))?;
            if let Some(p) = s.parent {
                write!(out, " in fs{}", p.0)?;
            }
            if let Some(r) = s.ret {
                write!(out, " ret r{} x{}{}", r.func, r.nresults, if r.meta { " meta" } else { "" })?;
            }
            if !s.varargs.is_empty() {
                let varargs: Vec<String> = s.varargs.iter().map(|v| operand(self, *v)).collect();
                write!(out, " varargs [{}]", varargs.join(" "))?;
            }
            writeln!(out, "{}", if s.tail { " tail" } else { "" })?;
        }
        Ok(())
    }
}
