//! The basic functions: `print`, `type`, `tostring`, `pairs`, `select`, `error`, ...
//!
//! `pcall` and `xpcall` are carried out by the VM; `load` and its kin are in `load`, `collectgarbage` in `collect`.
use crate::register::{Entry, set_field, set_functions};
use crate::stream;
use selune_core::number;
use selune_core::shape::Metamethod;
use selune_core::value::Value;
use selune_vm::{Args, NativeKind, NativeResult, Thrown, Vm};

static FUNCTIONS: &[Entry] = &[
    ("assert", assert),
    ("collectgarbage", crate::collect::collectgarbage),
    ("error", error),
    ("getmetatable", getmetatable),
    ("ipairs", ipairs),
    ("loadfile", crate::load::loadfile),
    ("load", crate::load::load),
    ("next", next),
    ("print", print),
    ("warn", warn),
    ("rawequal", rawequal),
    ("rawlen", rawlen),
    ("rawget", rawget),
    ("rawset", rawset),
    ("select", select),
    ("setmetatable", setmetatable),
    ("tonumber", tonumber),
    ("tostring", tostring),
];

/// Sets the globals.
pub fn open(vm: &mut Vm) {
    let globals = vm.globals();
    set_functions(vm, globals, FUNCTIONS);
    for (name, f) in [("pcall", vm.native_pcall()), ("xpcall", vm.native_xpcall())] {
        set_field(vm, globals, name, f);
    }
    let f = vm.new_native_with(crate::load::dofile, &"dofile", NativeKind::TailCall, &[]);
    set_field(vm, globals, "dofile", f);
    let next_fn = crate::register::field(vm, globals, "next");
    let f = vm.new_native_with(pairs, &"pairs", NativeKind::TailCall3, &[next_fn]);
    set_field(vm, globals, "pairs", f);
    let iter = vm.new_native(ipairs_step, &"ipairs_aux");
    let f = vm.new_native_with(ipairs, &"ipairs", NativeKind::Plain, &[iter]);
    set_field(vm, globals, "ipairs", f);
    let names = TYPE_NAMES.map(|name| vm.intern(name.as_bytes()));
    let f = vm.new_native_with(type_, &"type", NativeKind::Plain, &names);
    set_field(vm, globals, "type", f);
    let version = vm.intern(b"Lua 5.4");
    set_field(vm, globals, "_VERSION", version);
    set_field(vm, globals, "_G", globals);
    vm.known.next = next as *const () as usize;
    vm.known.ipairs_iter = ipairs_step as *const () as usize;
}

fn print(vm: &mut Vm, args: Args) -> NativeResult {
    let mut out = Vec::new();
    for i in 0..args.len() {
        if i > 0 {
            out.push(b'\t');
        }
        let v = args.get(vm, i);
        let text = vm.tostring(v)?;
        out.extend_from_slice(vm.bytes(text));
    }
    out.push(b'\n');
    stream::write_stdout(&out);
    stream::flush_stdout();
    Ok(0)
}

fn warn(vm: &mut Vm, args: Args) -> NativeResult {
    vm.check_str(args, 0)?;
    for i in 1..args.len() {
        vm.check_str(args, i)?;
    }
    stream::flush_stdout();
    for i in 0..args.len() {
        let text = vm.bytes(args.get(vm, i)).to_vec();
        vm.warn(&text, i + 1 < args.len());
    }
    Ok(0)
}

fn tonumber(vm: &mut Vm, args: Args) -> NativeResult {
    if args.get(vm, 1).is_nil() {
        let v = vm.check_any(args, 0)?;
        if v.is_number() {
            return vm.ret1(v);
        }
        if v.is_string()
            && let Some(n) = number::parse(vm.bytes(v))
        {
            let n = vm.number(n);
            return vm.ret1(n);
        }
        return vm.ret1(Value::NIL);
    }
    let base = vm.check_int(args, 1)?;
    let v = args.get(vm, 0);
    if !v.is_string() {
        return Err(vm.type_error(args, 1, "string"));
    }
    if !(2..=36).contains(&base) {
        return Err(vm.arg_error(2, "base out of range"));
    }
    match parse_in_base(vm.bytes(v), base as u64) {
        Some(i) => {
            let i = vm.int(i);
            vm.ret1(i)
        }
        None => vm.ret1(Value::NIL),
    }
}

/// An integer numeral in a base from 2 to 36, with white space and a sign; wraps around.
fn parse_in_base(s: &[u8], base: u64) -> Option<i64> {
    let from = s.iter().position(|c| !number::is_space(*c))?;
    let to = s.iter().rposition(|c| !number::is_space(*c))? + 1;
    let (negative, digits) = match &s[from..to] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    if digits.is_empty() {
        return None;
    }
    let mut n: u64 = 0;
    for c in digits {
        let digit = u64::from(char::from(*c).to_digit(36)?);
        if digit >= base {
            return None;
        }
        n = n.wrapping_mul(base).wrapping_add(digit);
    }
    Some(if negative { n.wrapping_neg() } else { n } as i64)
}

fn error(vm: &mut Vm, args: Args) -> NativeResult {
    let level = vm.opt_int(args, 1, 1)?;
    let v = args.get(vm, 0);
    Err(raise(vm, v, level))
}

/// Raises an error value; a string gets the position of the function at `level` in front.
fn raise(vm: &mut Vm, v: Value, level: i64) -> Thrown {
    if v.is_string() && level > 0 {
        let mut message = vm.where_(level as usize);
        message.extend_from_slice(vm.bytes(v));
        let v = vm.new_str(&message);
        return vm.throw(v);
    }
    vm.throw(v)
}

fn assert(vm: &mut Vm, args: Args) -> NativeResult {
    if args.get(vm, 0).is_truthy() {
        // The arguments are the topmost values already.
        return Ok(args.len());
    }
    vm.check_any(args, 0)?;
    let message = if args.len() > 1 { args.get(vm, 1) } else { vm.intern(b"assertion failed!") };
    Err(raise(vm, message, 1))
}

fn getmetatable(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 0)?;
    let mt = vm.metatable(v);
    if mt.is_nil() {
        return vm.ret1(mt);
    }
    let protected = vm.metamethod(v, Metamethod::Metatable);
    vm.ret1(if protected.is_nil() { mt } else { protected })
}

fn setmetatable(vm: &mut Vm, args: Args) -> NativeResult {
    let t = vm.check_table(args, 0)?;
    let mt = args.get(vm, 1);
    if !(mt.is_table() || mt.is_nil() && args.len() >= 2) {
        return Err(vm.type_error(args, 2, "nil or table"));
    }
    if !vm.metatable(t).is_nil() && !vm.metamethod(t, Metamethod::Metatable).is_nil() {
        return Err(vm.error("cannot change a protected metatable"));
    }
    vm.set_metatable(t, mt);
    vm.ret1(t)
}

fn rawequal(vm: &mut Vm, args: Args) -> NativeResult {
    let a = vm.check_any(args, 0)?;
    let b = vm.check_any(args, 1)?;
    vm.ret1(Value::bool(a.raw_equal(b)))
}

fn rawlen(vm: &mut Vm, args: Args) -> NativeResult {
    let v = args.get(vm, 0);
    let n = if v.is_table() {
        vm.heap.length(v)
    } else if v.is_string() {
        vm.bytes(v).len() as i64
    } else {
        return Err(vm.type_error(args, 1, "table or string"));
    };
    let n = vm.int(n);
    vm.ret1(n)
}

fn rawget(vm: &mut Vm, args: Args) -> NativeResult {
    let t = vm.check_table(args, 0)?;
    let k = vm.check_any(args, 1)?;
    let v = vm.raw_get(t, k);
    vm.ret1(v)
}

fn rawset(vm: &mut Vm, args: Args) -> NativeResult {
    let t = vm.check_table(args, 0)?;
    let k = vm.check_any(args, 1)?;
    let v = vm.check_any(args, 2)?;
    vm.raw_set(t, k, v)?;
    vm.ret1(t)
}

/// The names of the types, by `Vm::type_number`.
const TYPE_NAMES: [&str; 8] = ["number", "string", "table", "function", "nil", "boolean", "userdata", "thread"];

/// `type(v)`; the names are upvalues.
fn type_(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 0)?;
    let name = vm.upvalue(Vm::type_number(v));
    vm.ret1(name)
}

fn tostring(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 0)?;
    let s = vm.tostring(v)?;
    vm.ret1(s)
}

fn next(vm: &mut Vm, args: Args) -> NativeResult {
    let t = vm.check_table(args, 0)?;
    let k = args.get(vm, 1);
    match vm.heap.next(t, k) {
        Ok(Some((k, v))) => {
            vm.push(k);
            vm.push(v);
            Ok(2)
        }
        Ok(None) => vm.ret1(Value::NIL),
        Err(_) => Err(vm.rt_error("invalid key to 'next'")),
    }
}

/// Without `__pairs` the three values at once; with it a call that gives them.
fn pairs(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 0)?;
    let f = vm.metamethod(v, Metamethod::Pairs);
    if f.is_nil() {
        let next = vm.upvalue(0);
        vm.push(next);
        vm.push(v);
        vm.push(Value::NIL);
        return Ok(3);
    }
    vm.push(f);
    vm.push(v);
    vm.tail_call(2)
}

fn ipairs(vm: &mut Vm, args: Args) -> NativeResult {
    let v = vm.check_any(args, 0)?;
    let iter = vm.upvalue(0);
    vm.push(iter);
    vm.push(v);
    vm.push(Value::small_int(0));
    Ok(3)
}

fn ipairs_step(vm: &mut Vm, args: Args) -> NativeResult {
    let i = vm.check_int(args, 1)?.wrapping_add(1);
    let t = args.get(vm, 0);
    let mut v = if t.is_table() { vm.raw_get_int(t, i) } else { Value::NIL };
    let i = vm.int(i);
    if v.is_nil() {
        v = vm.index(t, i)?;
        if v.is_nil() {
            return vm.ret1(Value::NIL);
        }
    }
    // A boxed integer made before a call may have moved.
    let i = vm.check_int(args, 1)?.wrapping_add(1);
    let i = vm.int(i);
    vm.push(i);
    vm.push(v);
    Ok(2)
}

fn select(vm: &mut Vm, args: Args) -> NativeResult {
    let n = args.len() as i64;
    let first = args.get(vm, 0);
    if first.is_string() && vm.bytes(first).first() == Some(&b'#') {
        return vm.ret1(Value::small_int(n - 1));
    }
    let mut i = vm.check_int(args, 0)?;
    if i < 0 {
        i += n;
    } else if i > n {
        i = n;
    }
    if i < 1 {
        return Err(vm.arg_error(1, "index out of range"));
    }
    // The arguments are the topmost values already.
    Ok((n - i) as usize)
}
