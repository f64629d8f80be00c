//! Finds names for what registers hold by looking at the code that set them.
//!
//! The search goes over the instructions before a place, keeps the last one that set the register, and forgets it when a
//! jump may have skipped it. It is PUC's (`findsetreg`, `getobjname` of ldebug.c), so that messages are the same, with one
//! addition: a captured local lives in a cell, and a register loaded from the cell has the local's name.
use selune_core::opcode::Op;
use selune_core::proto::{Ins, Proto, RK_CONST};
use selune_core::string;
use selune_core::value::Value;

/// A name and what kind of thing has it ("local", "upvalue", "global", "field", "method", "constant", "metamethod",
/// "for iterator", "hook").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// What has the name.
    pub kind: &'static str,
    /// The name.
    pub name: Vec<u8>,
}

impl Name {
    /// A name of a kind.
    pub fn new(kind: &'static str, name: &[u8]) -> Name {
        Name { kind, name: name.to_vec() }
    }
    /// " (kind 'name')".
    pub fn in_parentheses(&self) -> Vec<u8> {
        let mut m = format!(" ({} '", self.kind).into_bytes();
        m.extend_from_slice(&self.name);
        m.extend_from_slice(b"')");
        m
    }
}

fn text(v: Value) -> Option<&'static [u8]> {
    v.is_string().then(|| string::bytes(v))
}

/// The local that stands in a register, as value or as cell, at an instruction.
pub fn local_in<'p>(p: &'p Proto, reg: usize, pc: usize) -> Option<&'p selune_core::proto::LocalVar> {
    p.locals.iter().take_while(|l| l.start as usize <= pc).find(|l| pc < l.end as usize && l.reg as usize == reg)
}

/// The name of an upvalue, "?" when stripped.
pub fn upvalue_name(p: &Proto, n: usize) -> Vec<u8> {
    p.upvals.get(n).and_then(|u| text(u.name)).unwrap_or(b"?").to_vec()
}

fn constant_name(p: &Proto, k: usize) -> Option<Name> {
    p.constants.get(k).and_then(|&v| text(v)).map(|s| Name::new("constant", s))
}

/// Does the instruction set field A's register?
fn sets_a(op: Op) -> bool {
    use Op::*;
    !matches!(
        op,
        SetUpval | SetCell | SetTable | SetInt | SetField | SetTabUp | SetList | Eq | EqK | Lt | Le | LtK | LeK | GtK | GeK | Test | Jmp | JmpBack | TForPrep | Return | Return0 | Return1 | Tbc | Close
    )
}

/// The last instruction before `last` that set a register, when it surely ran.
fn setter(p: &Proto, last: usize, reg: usize) -> Option<usize> {
    let mut found = None;
    // Code before this address may have been skipped.
    let mut target = 0;
    for pc in 0..last {
        let i = p.code[pc];
        let a = i.a();
        let changes = match i.op() {
            Op::LoadNil => a <= reg && reg <= a + i.b(),
            Op::TForCall => reg >= a + 4,
            Op::Call | Op::TailCall => reg >= a,
            Op::Jmp | Op::JmpBack => {
                let dest = pc as isize + 1 + i.sbx();
                if dest <= last as isize && dest > target as isize {
                    target = dest as usize;
                }
                false
            }
            op => sets_a(op) && reg == a,
        };
        if changes {
            found = if pc < target { None } else { Some(pc) };
        }
    }
    found
}

/// Names a register without table accesses; or else gives the instruction that set it.
fn basic_name(p: &Proto, pc: usize, reg: usize) -> Result<Name, Option<usize>> {
    if let Some(l) = local_in(p, reg, pc) {
        return Ok(Name::new("local", text(l.name).unwrap_or(b"?")));
    }
    let Some(at) = setter(p, pc, reg) else { return Err(None) };
    let i = p.code[at];
    match i.op() {
        Op::Move if i.b() < i.a() => basic_name(p, at, i.b()),
        Op::GetCell => local_in(p, i.b(), at).map(|l| Name::new("local", text(l.name).unwrap_or(b"?"))).ok_or(Some(at)),
        Op::GetUpval => Ok(Name { kind: "upvalue", name: upvalue_name(p, i.b()) }),
        Op::LoadK => constant_name(p, i.bx()).ok_or(Some(at)),
        _ => Err(Some(at)),
    }
}

/// The constant that a register holds, for keys; "?" otherwise.
fn key_name(p: &Proto, pc: usize, reg: usize) -> Vec<u8> {
    match basic_name(p, pc, reg) {
        Ok(n) if n.kind == "constant" => n.name,
        _ => b"?".to_vec(),
    }
}

fn field_kind(is_env: bool) -> &'static str {
    if is_env { "global" } else { "field" }
}

/// "global" when the table in a register is the variable `_ENV`, else "field".
fn register_kind(p: &Proto, pc: usize, table: usize) -> &'static str {
    field_kind(basic_name(p, pc, table).is_ok_and(|n| matches!(n.kind, "local" | "upvalue") && n.name == b"_ENV"))
}

/// A name for what a register holds when the instruction at `pc` runs.
pub fn register_name(p: &Proto, pc: usize, reg: usize) -> Option<Name> {
    let at = match basic_name(p, pc, reg) {
        Ok(n) => return Some(n),
        Err(at) => at?,
    };
    let i = p.code[at];
    let constant = |k| constant_name(p, k).map_or(b"?".to_vec(), |n| n.name);
    let (kind, name) = match i.op() {
        Op::GetTabUp => (field_kind(upvalue_name(p, i.b()) == b"_ENV"), constant(i.c())),
        Op::GetTable => (register_kind(p, at, i.b()), key_name(p, at, i.c())),
        Op::GetInt => ("field", b"integer index".to_vec()),
        Op::GetField => (register_kind(p, at, i.b()), constant(i.c())),
        Op::Self_ => ("method", constant(i.c())),
        _ => return None,
    };
    Some(Name { kind, name })
}

/// What the instruction at `pc` calls the function that it calls.
pub fn callee_name(p: &Proto, pc: usize) -> Option<Name> {
    use Op::*;
    let i = p.code[pc];
    let event = match i.op() {
        Call | TailCall => return register_name(p, pc, i.a()),
        TForCall => return Some(Name::new("for iterator", b"for iterator")),
        GetTable | GetInt | GetField | GetTabUp | Self_ => "index",
        SetTable | SetInt | SetField | SetTabUp => "newindex",
        Add | AddK => "add",
        Sub | SubK => "sub",
        Mul | MulK => "mul",
        Div | DivK => "div",
        Mod | ModK => "mod",
        Pow | PowK => "pow",
        IDiv | IDivK => "idiv",
        BAnd | BAndK => "band",
        BOr | BOrK => "bor",
        BXor | BXorK => "bxor",
        Shl | ShlK => "shl",
        Shr | ShrK => "shr",
        Unm => "unm",
        BNot => "bnot",
        Len => "len",
        Concat => "concat",
        Eq => "eq",
        Lt | LtK | GtK => "lt",
        Le | LeK | GeK => "le",
        Close | Return => "close",
        _ => return None,
    };
    Some(Name::new("metamethod", event.as_bytes()))
}

/// Where an operand of an instruction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a register.
    Register(usize),
    /// In an upvalue.
    Upvalue(usize),
    /// It is a constant, or there is no such operand.
    Nowhere,
}

/// Where the left (or only, or indexed) operand of an instruction stands, or the right one.
pub fn operand_place(i: Ins, right: bool) -> Place {
    use Op::*;
    match i.op() {
        GetTabUp => Place::Upvalue(i.b()),
        SetTabUp => Place::Upvalue(i.a()),
        GetTable | GetInt | GetField | Self_ | Unm | BNot | Len => Place::Register(i.b()),
        SetTable | SetInt | SetField | Call | TailCall => Place::Register(i.a()),
        Add | Sub | Mul | Div | Mod | Pow | IDiv | BAnd | BOr | BXor | Shl | Shr => Place::Register(if right { i.c() } else { i.b() }),
        AddK | SubK | MulK | DivK | ModK | PowK | IDivK | BAndK | BOrK | BXorK | ShlK | ShrK if !right => Place::Register(i.b()),
        _ => Place::Nowhere,
    }
}

/// A name for an operand of the instruction at `pc`.
pub fn operand_name(p: &Proto, pc: usize, right: bool) -> Option<Name> {
    match operand_place(p.code[pc], right) {
        Place::Register(r) if r < RK_CONST => register_name(p, pc, r),
        Place::Upvalue(u) => Some(Name { kind: "upvalue", name: upvalue_name(p, u) }),
        _ => None,
    }
}
