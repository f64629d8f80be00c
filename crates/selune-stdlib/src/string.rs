//! The library `string` apart from patterns (`string_match`), `format` (`string_format`) and `pack` (`string_pack`), and the
//! metatable of strings.
use crate::register::{Entry, new_library, set_field, set_functions, substring};
use crate::{string_format, string_match, string_pack};
use selune_core::value::Value;
use selune_vm::semantics::arith::ArithOp;
use selune_vm::{Args, NativeResult, Thrown, Vm};

static FUNCTIONS: &[Entry] = &[
    ("byte", byte),
    ("char", char_),
    ("dump", dump),
    ("find", string_match::find),
    ("format", string_format::format),
    ("gmatch", string_match::gmatch),
    ("gsub", string_match::gsub),
    ("len", len),
    ("lower", lower),
    ("match", string_match::match_),
    ("rep", rep),
    ("reverse", reverse),
    ("sub", sub),
    ("upper", upper),
    ("pack", string_pack::pack),
    ("packsize", string_pack::packsize),
    ("unpack", string_pack::unpack),
];

static METAMETHODS: &[Entry] = &[
    ("__add", |vm, args| arith(vm, args, ArithOp::Add, "add")),
    ("__sub", |vm, args| arith(vm, args, ArithOp::Sub, "sub")),
    ("__mul", |vm, args| arith(vm, args, ArithOp::Mul, "mul")),
    ("__mod", |vm, args| arith(vm, args, ArithOp::Mod, "mod")),
    ("__pow", |vm, args| arith(vm, args, ArithOp::Pow, "pow")),
    ("__div", |vm, args| arith(vm, args, ArithOp::Div, "div")),
    ("__idiv", |vm, args| arith(vm, args, ArithOp::IDiv, "idiv")),
    ("__unm", |vm, args| arith(vm, args, ArithOp::Unm, "unm")),
];

/// Largest string that `rep` makes.
const MAX_SIZE: usize = i32::MAX as usize;

/// Opens the library and sets the metatable of strings.
pub fn open(vm: &mut Vm) {
    let lib = new_library(vm, "string", FUNCTIONS);
    let metatable = vm.heap.new_table(0, METAMETHODS.len() + 1);
    set_functions(vm, metatable, METAMETHODS);
    set_field(vm, metatable, "__index", lib);
    let any = vm.intern(b"");
    vm.set_metatable(any, metatable);
}

/// A start position, relative to the end when negative, clipped to [1, inf).
#[inline]
pub fn start_position(pos: i64, len: usize) -> usize {
    if pos > 0 {
        pos as usize
    } else if pos == 0 || pos < -(len as i64) {
        1
    } else {
        (len as i64 + pos + 1) as usize
    }
}

/// An end position, relative to the end when negative, clipped to [0, len].
#[inline]
fn end_position(pos: i64, len: usize) -> usize {
    if pos > len as i64 {
        len
    } else if pos >= 0 {
        pos as usize
    } else if pos < -(len as i64) {
        0
    } else {
        (len as i64 + pos + 1) as usize
    }
}

fn len(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let n = vm.bytes(s).len() as i64;
    vm.ret1(Value::small_int(n))
}

fn sub(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let len = vm.bytes(s).len();
    let from = start_position(vm.check_int(args, 1)?, len);
    let to = end_position(vm.opt_int(args, 2, -1)?, len);
    let part = if from <= to { substring(vm, s, from - 1, to) } else { vm.intern(b"") };
    vm.ret1(part)
}

fn reverse(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let mut bytes = vm.bytes(s).to_vec();
    bytes.reverse();
    let s = vm.new_string_from(bytes)?;
    vm.ret1(s)
}

fn lower(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let s = vm.map_string(s, |c| c.to_ascii_lowercase())?;
    vm.ret1(s)
}

fn upper(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let s = vm.map_string(s, |c| c.to_ascii_uppercase())?;
    vm.ret1(s)
}

fn rep(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let n = vm.check_int(args, 1)?;
    let sep = vm.opt_str(args, 2)?;
    if n <= 0 {
        let empty = vm.intern(b"");
        return vm.ret1(empty);
    }
    let unit = vm.bytes(s).len() + sep.map_or(0, |v| vm.bytes(v).len());
    if unit as u64 > MAX_SIZE as u64 / n as u64 {
        return Err(vm.error("resulting string too large"));
    }
    if n == 1 {
        return vm.ret1(s);
    }
    let total = unit * n as usize;
    if total >= 1 << 16 {
        // May collect: the values are read again below.
        vm.reserve(total)?;
    }
    let mut out = Vec::new();
    if out.try_reserve_exact(total).is_err() {
        return Err(vm.memory_error());
    }
    let s = vm.bytes(args.get(vm, 0));
    let sep = vm.bytes(args.get(vm, 2));
    out.extend_from_slice(s);
    out.extend_from_slice(sep);
    // Doubling copies long stretches at once.
    while out.len() < total {
        let more = out.len().min(total - out.len());
        out.extend_from_within(..more);
    }
    out.truncate(total - sep.len());
    let s = vm.new_string_from(out)?;
    vm.ret1(s)
}

fn byte(vm: &mut Vm, args: Args) -> NativeResult {
    let s = vm.check_str(args, 0)?;
    let len = vm.bytes(s).len();
    let pos = vm.opt_int(args, 1, 1)?;
    let from = start_position(pos, len);
    let to = end_position(vm.opt_int(args, 2, pos)?, len);
    if from > to {
        return Ok(0);
    }
    if from == to {
        let c = vm.bytes(s)[from - 1];
        return vm.ret1(Value::small_int(i64::from(c)));
    }
    let n = to - from + 1;
    if n >= i32::MAX as usize || !vm.check_stack(n) {
        return Err(vm.error("string slice too long"));
    }
    for i in from - 1..to {
        let c = vm.bytes(s)[i];
        vm.push(Value::small_int(i64::from(c)));
    }
    Ok(n)
}

fn char_(vm: &mut Vm, args: Args) -> NativeResult {
    let mut small = [0u8; 32];
    let mut large = Vec::new();
    let n = args.len();
    let out: &mut [u8] = if n <= small.len() {
        &mut small[..n]
    } else {
        large.resize(n, 0);
        &mut large
    };
    for (i, place) in out.iter_mut().enumerate() {
        let c = vm.check_int(args, i)?;
        match u8::try_from(c) {
            Ok(c) => *place = c,
            Err(_) => return Err(vm.arg_error(i + 1, "value out of range")),
        }
    }
    let s = vm.new_str(out);
    vm.ret1(s)
}

fn dump(vm: &mut Vm, args: Args) -> NativeResult {
    let strip = args.get(vm, 1).is_truthy();
    let f = crate::register::check_function(vm, args, 0)?;
    match vm.dump(f, strip) {
        Some(bytes) => {
            let s = vm.new_string_from(bytes)?;
            vm.ret1(s)
        }
        None => Err(vm.error("unable to dump given function")),
    }
}

/// The arithmetic metamethods of strings: strings that spell numbers count as such.
fn arith(vm: &mut Vm, args: Args, op: ArithOp, name: &str) -> NativeResult {
    let (a, b) = (args.get(vm, 0), args.get(vm, 1));
    match vm.arith_coerced(op, a, b)? {
        Some(v) => vm.ret1(v),
        None => {
            let v = other_operand(vm, a, b, op, name)?;
            vm.ret1(v)
        }
    }
}

/// Leaves the operation to the second operand's metamethod. May call.
fn other_operand(vm: &mut Vm, a: Value, b: Value, op: ArithOp, name: &str) -> Result<Value, Thrown> {
    let f = if b.is_string() { Value::NIL } else { vm.metamethod(b, op.metamethod()) };
    if f.is_nil() {
        let message = format!("attempt to {name} a '{}' with a '{}'", a.type_name(), b.type_name());
        return Err(vm.error(message));
    }
    vm.call1(f, &[a, b])
}
