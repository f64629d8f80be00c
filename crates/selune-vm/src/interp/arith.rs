//! Handlers: arithmetic, bitwise operators, not, length, concatenation.
use super::*;
use crate::semantics::Outcome;
use crate::semantics::arith::ArithOp;
use selune_core::feedback::{IndexSlot, index_seen, types};
use selune_core::number;
use selune_core::object::ArrayPart;
use selune_core::opcode::Op;

/// The operator of an arithmetic opcode, and whether its right operand is a constant.
pub(crate) fn arith_op(op: Op) -> (ArithOp, bool) {
    use ArithOp as A;
    match op {
        Op::Add => (A::Add, false),
        Op::AddK => (A::Add, true),
        Op::Sub => (A::Sub, false),
        Op::SubK => (A::Sub, true),
        Op::Mul => (A::Mul, false),
        Op::MulK => (A::Mul, true),
        Op::Div => (A::Div, false),
        Op::DivK => (A::Div, true),
        Op::Mod => (A::Mod, false),
        Op::ModK => (A::Mod, true),
        Op::Pow => (A::Pow, false),
        Op::PowK => (A::Pow, true),
        Op::IDiv => (A::IDiv, false),
        Op::IDivK => (A::IDiv, true),
        Op::BAnd => (A::BAnd, false),
        Op::BAndK => (A::BAnd, true),
        Op::BOr => (A::BOr, false),
        Op::BOrK => (A::BOr, true),
        Op::BXor => (A::BXor, false),
        Op::BXorK => (A::BXor, true),
        Op::Shl => (A::Shl, false),
        Op::ShlK => (A::Shl, true),
        Op::Shr => (A::Shr, false),
        Op::ShrK => (A::Shr, true),
        Op::Unm => (A::Unm, false),
        _ => (A::BNot, false),
    }
}

/// Which type bit describes these operands.
fn operand_bits(a: Value, b: Value) -> u16 {
    match (a.is_int(), a.is_float(), b.is_int(), b.is_float()) {
        (true, _, true, _) => types::INT,
        (_, true, _, true) => types::FLOAT,
        (true, _, _, true) => types::INT_FLOAT,
        (_, true, true, _) => types::FLOAT_INT,
        _ => types::OTHER,
    }
}

fn arith_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let (op, konst) = arith_op(i.op());
    let a = reg(vm, i.b());
    let b = match op {
        ArithOp::Unm | ArithOp::BNot => a,
        _ if konst => constant(vm, i.c()),
        _ => reg(vm, i.c()),
    };
    let mut bits = operand_bits(a, b);
    match vm.arith_step(op, a, b)? {
        Outcome::Value(v) => {
            if a.is_boxed_int() || b.is_boxed_int() || v.is_boxed_int() {
                bits |= types::BIG;
            }
            saw_slow(vm, bits);
            set_reg(vm, i.a(), v);
            if vm.heap.gc_request != 0 {
                vm.poll()?;
            }
            Ok(Flow::Run)
        }
        o => {
            saw_slow(vm, types::OTHER);
            vm.begin_meta(o, 0)
        }
    }
}
slow!(arith_slow, arith_inner);

/// Both as floats, when one is a float and the other a float or an unboxed integer; with the type bit.
#[inline(always)]
fn mixed(a: Value, b: Value) -> Option<(f64, f64, u16)> {
    if a.is_float() {
        if b.is_float() {
            return Some((a.as_float(), b.as_float(), types::FLOAT));
        }
        if b.is_small_int() {
            return Some((a.as_float(), b.as_small_int() as f64, types::FLOAT_INT));
        }
    } else if a.is_small_int() && b.is_float() {
        return Some((a.as_small_int() as f64, b.as_float(), types::INT_FLOAT));
    }
    None
}
/// An integer operand shifted up, so that the machine's overflow flag tells whether the result fits 48 bits.
#[inline(always)]
fn up(v: Value) -> i64 {
    (v.0 << 16) as i64
}
/// The value whose integer is `s >> 16`.
#[inline(always)]
fn down(s: i64) -> Value {
    Value(selune_core::value::TAG_INT << 48 | (s as u64) >> 16)
}

/// Arithmetic on an integer and a float; one handler for each opcode.
#[inline(never)]
unsafe fn arith_mixed<const OP: usize, const K: bool>(vm: *mut Vm, pc: *const Ins, base: *mut Value, k: *const Value, fb: *mut Unit) -> Exit {
    // SAFETY: as every handler (INTERP-1).
    unsafe {
        let i = Here::before(pc);
        let a = *base.add(i.b());
        let b = if K { *k.add(i.c()) } else { *base.add(i.c()) };
        if let Some((p, q, bit)) = mixed(a, b) {
            let r = match ArithOp::ALL[OP] {
                ArithOp::Add => p + q,
                ArithOp::Sub => p - q,
                ArithOp::Mul => p * q,
                ArithOp::Mod => number::fmod(p, q),
                ArithOp::IDiv => number::fidiv(p, q),
                _ => return arith_slow(vm, pc, base, k, fb),
            };
            saw(pc, bit);
            *base.add(i.a()) = Value::float_unchecked(r);
            next!(vm, pc, base, k, fb)
        }
        arith_slow(vm, pc, base, k, fb)
    }
}

/// The integer in a slot, boxed or not.
#[inline(always)]
unsafe fn int_at(slot: *const Value) -> Option<i64> {
    // SAFETY: the caller passes a slot; OBJ-1.
    unsafe {
        match tag_at(slot) {
            T_BOX => Some((*(*slot).as_boxed()).value),
            T_INT => Some((*slot).as_small_int()),
            _ => None,
        }
    }
}
/// Tag of boxed integers.
const T_BOX: u16 = selune_core::value::TAG_BOXINT as u16;

/// A handler of arithmetic on integers one of which does not fit 48 bits; `carried`: see `int_op`.
type IntHandler = unsafe fn(*mut Vm, *const Ins, *mut Value, *const Value, *mut Unit, i64) -> Exit;

/// Arithmetic on integers one of which, or whose result, does not fit 48 bits. A result that is a temporary stays in a machine
/// register and goes to the next instruction as `carried` (`CARRIED`: it stands for the register that the instruction before
/// names as its result): most of the boxes would be garbage at once.
#[inline(never)]
unsafe fn int_op<const OP: usize, const K: bool, const CARRIED: bool>(
    vm: *mut Vm,
    pc: *const Ins,
    base: *mut Value,
    k: *const Value,
    fb: *mut Unit,
    carried: i64,
) -> Exit {
    // SAFETY: as every handler (INTERP-1); there is an instruction before one that a value is carried to.
    unsafe {
        let i = Here::before(pc);
        let register = if CARRIED { Here::before(pc.sub(1)).a() } else { usize::MAX };
        // This instruction is none for `int_op`: one with a carried operand finds it in its register, and is done anew.
        macro_rules! otherwise {
            () => {{
                if !CARRIED {
                    return arith_mixed::<OP, K>(vm, pc, base, k, fb);
                }
                (*vm).boxing = (carried, register);
                return box_integer(vm, pc.sub(1), base, k, fb);
            }};
        }
        let x = if CARRIED && i.b() == register {
            carried
        } else {
            let Some(x) = int_at(base.add(i.b())) else { otherwise!() };
            x
        };
        let y = if CARRIED && !K && i.c() == register {
            carried
        } else {
            let Some(y) = int_at(if K { k } else { base }.add(i.c())) else { otherwise!() };
            y
        };
        let r = match ArithOp::ALL[OP] {
            ArithOp::Add => x.wrapping_add(y),
            ArithOp::Sub => x.wrapping_sub(y),
            ArithOp::Mul => x.wrapping_mul(y),
            ArithOp::BAnd => x & y,
            ArithOp::BOr => x | y,
            ArithOp::BXor => x ^ y,
            ArithOp::Shl => number::shl(x, y),
            ArithOp::Shr => number::shr(x, y),
            ArithOp::Mod if y != 0 => number::imod(x, y),
            ArithOp::IDiv if y != 0 => number::idiv(x, y),
            _ => otherwise!(),
        };
        // Division of any integers comes here, other operators only when something is big.
        let divides = matches!(ArithOp::ALL[OP], ArithOp::Mod | ArithOp::IDiv);
        if divides && Value::fits_small(x) && Value::fits_small(y) && Value::fits_small(r) {
            saw(pc, types::INT);
        } else {
            saw(pc, types::INT | types::BIG);
        }
        if Value::fits_small(r) {
            *base.add(i.a()) = Value::small_int(r);
            next!(vm, pc, base, k, fb)
        }
        if i.s() & types::TEMPORARY != 0 && (*vm).handlers == &raw const super::HANDLERS {
            let h = *CARRIED_TO.get_unchecked(*(pc as *const u8) as usize);
            return h(vm, pc.add(1), base, k, fb, r);
        }
        if (*vm).heap.gc_request == 0
            && let Some(v) = (*vm).heap.try_box(r)
        {
            *base.add(i.a()) = v;
            next!(vm, pc, base, k, fb)
        }
        (*vm).boxing = (r, i.a());
        box_integer(vm, pc, base, k, fb)
    }
}
/// What instructions do with a carried operand.
static CARRIED_TO: [IntHandler; selune_core::opcode::OP_COUNT] = {
    let mut table: [IntHandler; selune_core::opcode::OP_COUNT] = [not_carried; selune_core::opcode::OP_COUNT];
    macro_rules! rows {
        ($($op:ident $with_k:ident),*) => { $(
            table[Op::$op as usize] = int_op::<{ ArithOp::$op as usize }, false, true>;
            table[Op::$with_k as usize] = int_op::<{ ArithOp::$op as usize }, true, true>;
        )* };
    }
    rows!(Add AddK, Sub SubK, Mul MulK, Mod ModK, IDiv IDivK, BAnd BAndK, BOr BOrK, BXor BXorK, Shl ShlK, Shr ShrK);
    table
};
/// For instructions that the emitter would not have marked a temporary for.
unsafe fn not_carried(vm: *mut Vm, pc: *const Ins, base: *mut Value, k: *const Value, fb: *mut Unit, carried: i64) -> Exit {
    // SAFETY: as every handler (INTERP-1); there is an instruction before this one.
    unsafe {
        (*vm).boxing = (carried, Here::before(pc.sub(1)).a());
        box_integer(vm, pc.sub(1), base, k, fb)
    }
}
op! {
    /// Boxes the integer of `Vm::boxing` into its register, and goes on.
    #[cold]
    #[inline(never)]
    box_integer |vm, pc, base, i, k, fb| {
        let (n, to) = (*vm).boxing;
        *base.add(to) = (*vm).heap.new_int(n);
        if (*vm).heap.gc_request != 0 { return poll(vm, pc, base, k, fb) }
        next!(vm, pc, base, k, fb)
    }
}

macro_rules! arith {
    ($op:ident, $name:ident, $name_k:ident, |$x:ident, $y:ident| $int:expr, |$p:ident, $q:ident| $float:expr) => {
        arith!(@one $op, false, $name, |base, _k| base as *const Value, |$x, $y| $int, |$p, $q| $float);
        arith!(@one $op, true, $name_k, |_base, k| k, |$x, $y| $int, |$p, $q| $float);
    };
    (@one $op:ident, $konst:literal, $name:ident, |$base:ident, $k:ident| $right:expr, |$x:ident, $y:ident| $int:expr, |$p:ident, $q:ident| $float:expr) => {
        op! { $name |vm, pc, base, i, k, fb| {
            let from = { let ($base, $k) = (base, k); let _ = ($base, $k); $right };
            let (a, b) = (base.add(i.b()) as *const Value, from.add(i.c()));
            let (t, u) = (tag_at(a), tag_at(b));
            if t == T_INT && u == T_INT {
                let ($x, $y) = (*a, *b);
                if let Some(r) = $int {
                    saw(pc, types::INT);
                    *base.add(i.a()) = r;
                    next!(vm, pc, base, k, fb)
                }
            } else if t < T_INT {
                if u >= T_INT { return arith_mixed::<{ ArithOp::$op as usize }, $konst>(vm, pc, base, k, fb) }
                let ($p, $q) = (i.float_b(base), i.float_c(from));
                let r: f64 = $float;
                saw(pc, types::FLOAT);
                *base.add(i.a()) = Value::float_unchecked(r);
                next!(vm, pc, base, k, fb)
            } else if u < T_INT {
                return arith_mixed::<{ ArithOp::$op as usize }, $konst>(vm, pc, base, k, fb)
            }
            return int_op::<{ ArithOp::$op as usize }, $konst, false>(vm, pc, base, k, fb, 0)
        } }
    };
}
arith!(Add, op_add, op_add_k, |x, y| up(x).checked_add(up(y)).map(down), |p, q| p + q);
arith!(Sub, op_sub, op_sub_k, |x, y| up(x).checked_sub(up(y)).map(down), |p, q| p - q);
arith!(Mul, op_mul, op_mul_k, |x, y| up(x).checked_mul(y.as_small_int()).map(down), |p, q| p * q);
arith!(Mod, op_mod, op_mod_k, |x, y| modulo(x.as_small_int(), y.as_small_int()), |p, q| number::fmod(p, q));
arith!(IDiv, op_idiv, op_idiv_k, |x, y| floor_div(x.as_small_int(), y.as_small_int()), |p, q| number::fidiv(p, q));

/// `%` of 48-bit integers where that is cheap; None also for a zero divisor. (`int_op` does the rest.)
#[inline(always)]
fn modulo(a: i64, b: i64) -> Option<Value> {
    if b & (b - 1) == 0 && b > 0 {
        // A power of two: the floored remainder is what the low bits say, for negative numbers too.
        return Some(Value::small_int(a & (b - 1)));
    }
    // Both are small and not negative: the 32-bit division is several times faster.
    ((a | b) >> 31 == 0 && b != 0).then(|| Value::small_int((a as u32 % b as u32) as i64))
}
/// `//` of 48-bit integers where that is cheap; as `modulo`.
#[inline(always)]
fn floor_div(a: i64, b: i64) -> Option<Value> {
    if b & (b - 1) == 0 && b > 0 {
        return Some(Value::small_int(a >> b.trailing_zeros()));
    }
    ((a | b) >> 31 == 0 && b != 0).then(|| Value::small_int((a as u32 / b as u32) as i64))
}

macro_rules! float_arith {
    ($name:ident, $name_k:ident, |$p:ident, $q:ident| $float:expr) => {
        float_arith!(@one $name, |base, _k| base as *const Value, |$p, $q| $float);
        float_arith!(@one $name_k, |_base, k| k, |$p, $q| $float);
    };
    (@one $name:ident, |$base:ident, $k:ident| $right:expr, |$p:ident, $q:ident| $float:expr) => {
        op! { $name |vm, pc, base, i, k, fb| {
            let from = { let ($base, $k) = (base, k); let _ = ($base, $k); $right };
            let (a, b) = (base.add(i.b()) as *const Value, from.add(i.c()));
            if tag_at(a) < T_INT && tag_at(b) < T_INT {
                let ($p, $q) = (i.float_b(base), i.float_c(from));
                let r: f64 = $float;
                saw(pc, types::FLOAT);
                *base.add(i.a()) = Value::float_unchecked(r);
                next!(vm, pc, base, k, fb)
            }
            let (a, b) = (*a, *b);
            let ($p, $q, bit) = if a.is_small_int() && b.is_small_int() {
                (a.as_small_int() as f64, b.as_small_int() as f64, types::INT)
            } else if let Some(m) = mixed(a, b) {
                m
            } else {
                return arith_slow(vm, pc, base, k, fb)
            };
            let r: f64 = $float;
            saw(pc, bit);
            *base.add(i.a()) = Value::float_unchecked(r);
            next!(vm, pc, base, k, fb)
        } }
    };
}
float_arith!(op_div, op_div_k, |p, q| p / q);
float_arith!(op_pow, op_pow_k, |p, q| number::pow(p, q));

macro_rules! bitwise {
    ($op:ident, $name:ident, $name_k:ident, |$x:ident, $y:ident| $r:expr) => {
        bitwise!(@one $op, false, $name, |base, _k| base as *const Value, |$x, $y| $r);
        bitwise!(@one $op, true, $name_k, |_base, k| k, |$x, $y| $r);
    };
    (@one $op:ident, $konst:literal, $name:ident, |$base:ident, $k:ident| $right:expr, |$x:ident, $y:ident| $r:expr) => {
        op! { $name |vm, pc, base, i, k, fb| {
            let from = { let ($base, $k) = (base, k); let _ = ($base, $k); $right };
            let (a, b) = (base.add(i.b()) as *const Value, from.add(i.c()));
            if tag_at(a) == T_INT && tag_at(b) == T_INT {
                let ($x, $y) = ((*a).as_small_int(), (*b).as_small_int());
                let r: i64 = $r;
                if Value::fits_small(r) {
                    saw(pc, types::INT);
                    *base.add(i.a()) = Value::small_int(r);
                    next!(vm, pc, base, k, fb)
                }
            }
            return int_op::<{ ArithOp::$op as usize }, $konst, false>(vm, pc, base, k, fb, 0)
        } }
    };
}
bitwise!(BAnd, op_band, op_band_k, |x, y| x & y);
bitwise!(BOr, op_bor, op_bor_k, |x, y| x | y);
bitwise!(BXor, op_bxor, op_bxor_k, |x, y| x ^ y);
bitwise!(Shl, op_shl, op_shl_k, |x, y| number::shl(x, y));
bitwise!(Shr, op_shr, op_shr_k, |x, y| number::shr(x, y));

op! { op_unm |vm, pc, base, i, k, fb| {
    let a = *base.add(i.b());
    if a.is_float() {
        saw(pc, types::FLOAT);
        *base.add(i.a()) = Value::float_unchecked(-a.as_float());
        next!(vm, pc, base, k, fb)
    }
    if a.is_small_int() && let Some(r) = up(a).checked_neg() {
        saw(pc, types::INT);
        *base.add(i.a()) = down(r);
        next!(vm, pc, base, k, fb)
    }
    return arith_slow(vm, pc, base, k, fb)
} }
op! { op_bnot |vm, pc, base, i, k, fb| {
    let a = *base.add(i.b());
    if a.is_small_int() {
        saw(pc, types::INT);
        *base.add(i.a()) = Value::small_int(!a.as_small_int());
        next!(vm, pc, base, k, fb)
    }
    return arith_slow(vm, pc, base, k, fb)
} }
op! { op_not |vm, pc, base, i, k, fb| {
    *base.add(i.a()) = Value::bool((*base.add(i.b())).is_falsy());
    next!(vm, pc, base, k, fb)
} }

op! { op_len |vm, pc, base, i, k, fb| {
    let v = *base.add(i.b());
    if v.is_table() {
        let t = v.as_table();
        if (*vm).heap.shape_has_no_metatable((*t).header.aux) {
            // The border that was seen last, when it still is one.
            let a = (*t).array.as_array();
            let n = (*a).border as usize;
            if n == 0 || n >= (*a).cap as usize || (*ArrayPart::element(a, n - 1)).is_nil() || !(*ArrayPart::element(a, n)).is_nil() {
                return len_search(vm, pc, base, k, fb)
            }
            let s: *mut IndexSlot = fb_slot(fb, pc);
            (*s).seen |= index_seen::ARRAY;
            *base.add(i.a()) = Value::small_int(n as i64);
            next!(vm, pc, base, k, fb)
        }
    } else if v.is_string() {
        let s: *mut IndexSlot = fb_slot(fb, pc);
        (*s).seen |= index_seen::STRING_RECEIVER;
        *base.add(i.a()) = Value::small_int((*v.as_string()).len as i64);
        next!(vm, pc, base, k, fb)
    }
    return len_slow(vm, pc, base, k, fb)
} }
op! {
    /// The length of a table without metatable.
    #[inline(never)]
    len_search |vm, pc, base, i, k, fb| {
        let n = (*vm).heap.length(*base.add(i.b()));
        let s: *mut IndexSlot = fb_slot(fb, pc);
        (*s).seen |= index_seen::ARRAY;
        *base.add(i.a()) = Value::small_int(n);
        next!(vm, pc, base, k, fb)
    }
}
fn len_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let v = reg(vm, i.b());
    let s: *mut IndexSlot = fb_slot_slow(vm, i);
    match vm.len_step(v)? {
        Outcome::Value(n) => {
            // SAFETY: the slot of this instruction.
            unsafe { (*s).seen |= index_seen::HAS_META };
            set_reg(vm, i.a(), n);
            Ok(Flow::Run)
        }
        o => {
            // SAFETY: the slot of this instruction.
            unsafe { (*s).seen |= index_seen::META };
            vm.begin_meta(o, 0)
        }
    }
}
slow!(len_slow, len_inner);

op! { op_concat |vm, pc, base, i, k, fb| { return concat_slow(vm, pc, base, k, fb) } }
fn concat_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let n = i.b();
    let at = vm.thread().frames.last().expect("a Lua frame").base as usize + i.a();
    match vm.concat_step(at, n)? {
        (_, None) => {
            saw_slow(vm, types::STRING);
            if vm.heap.gc_request != 0 { poll_inner(vm, i) } else { Ok(Flow::Run) }
        }
        (n, Some(o)) => {
            saw_slow(vm, types::OTHER);
            vm.begin_meta(o, n as u64)
        }
    }
}
slow!(concat_slow, concat_inner);
