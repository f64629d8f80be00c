//! Handlers: comparisons and tests. The instruction that follows is the jump; it is read here and never dispatched.
use super::*;
use crate::semantics::Outcome;
use selune_core::feedback::types;
use selune_core::opcode::Op;

/// Ends a comparison of operands of this type: takes the jump that follows, or skips it.
macro_rules! branch {
    ($truth:expr, $bits:expr, $vm:expr, $pc:expr, $base:expr, $i:expr, $k:expr, $fb:expr) => {{
        let truth: bool = $truth;
        if $i.c_is(truth) {
            saw($pc, $bits | types::TAKEN);
            next!($vm, $pc.offset(1 + (*$pc).sbx()), $base, $k, $fb)
        }
        saw($pc, $bits | types::NOT_TAKEN);
        next!($vm, $pc.add(1), $base, $k, $fb)
    }};
}

op! { op_eq |vm, pc, base, i, k, fb| {
    let (a, b) = (base.add(i.a()), base.add(i.b()));
    let (t, u) = (tag_at(a), tag_at(b));
    if t == T_INT && u == T_INT {
        branch!((*a).0 == (*b).0, types::INT, vm, pc, base, i, k, fb)
    }
    if t < T_INT && u < T_INT {
        branch!(i.float_a(base) == i.float_b(base), types::FLOAT, vm, pc, base, i, k, fb)
    }
    return eq_other(vm, pc, base, k, fb)
} }
op! {
    #[inline(never)]
    eq_other |vm, pc, base, i, k, fb| {
        let (a, b) = (*base.add(i.a()), *base.add(i.b()));
        if a.0 == b.0 {
            let bits = if a.is_string() { types::STRING } else { types::IDENTITY };
            branch!(true, bits, vm, pc, base, i, k, fb)
        }
        if !a.is_heap() && !b.is_heap() {
            let bits = if a.is_number() && b.is_number() { types::INT_FLOAT } else { types::IDENTITY };
            branch!(a.raw_equal_slow(b), bits, vm, pc, base, i, k, fb)
        }
        return eq_slow(vm, pc, base, k, fb)
    }
}
op! { op_eq_k |vm, pc, base, i, k, fb| {
    let (a, b) = (*base.add(i.a()), *k.add(i.b()));
    if a.is_small_int() && b.is_small_int() {
        branch!(a.0 == b.0, types::INT, vm, pc, base, i, k, fb)
    }
    if a.is_string() && b.is_string() && (a.0 == b.0 || selune_core::string::is_interned(a)) {
        // Constants are interned (STR-1).
        branch!(a.0 == b.0, types::STRING, vm, pc, base, i, k, fb)
    }
    return eq_k_other(vm, pc, base, k, fb)
} }
op! {
    #[inline(never)]
    eq_k_other |vm, pc, base, i, k, fb| {
        let (a, b) = (*base.add(i.a()), *k.add(i.b()));
        let bits = if a.is_float() && b.is_number() { types::FLOAT } else if a.is_string() && b.is_string() { types::STRING } else { types::IDENTITY };
        branch!(a.raw_equal(b), bits, vm, pc, base, i, k, fb)
    }
}
macro_rules! order {
    ($name:ident, $name_k:ident, $swapped_k:ident, $op:tt) => {
        op! { $name |vm, pc, base, i, k, fb| {
            let (a, b) = (base.add(i.a()) as *const Value, base.add(i.b()) as *const Value);
            let (t, u) = (tag_at(a), tag_at(b));
            if t == T_INT && u == T_INT {
                branch!(((((*a).0 << 16) as i64) $op (((*b).0 << 16) as i64)), types::INT, vm, pc, base, i, k, fb)
            }
            if t < T_INT && u < T_INT {
                branch!(i.float_a(base) $op i.float_b(base), types::FLOAT, vm, pc, base, i, k, fb)
            }
            return order_slow(vm, pc, base, k, fb)
        } }
        op! { $name_k |vm, pc, base, i, k, fb| {
            let (a, b) = (base.add(i.a()) as *const Value, k.add(i.b()) as *const Value);
            let (t, u) = (tag_at(a), tag_at(b));
            if t == T_INT && u == T_INT {
                branch!(((((*a).0 << 16) as i64) $op (((*b).0 << 16) as i64)), types::INT, vm, pc, base, i, k, fb)
            }
            if t < T_INT && u < T_INT {
                branch!(i.float_a(base) $op i.float_b(k), types::FLOAT, vm, pc, base, i, k, fb)
            }
            return order_slow(vm, pc, base, k, fb)
        } }
        op! { $swapped_k |vm, pc, base, i, k, fb| {
            let (a, b) = (base.add(i.a()) as *const Value, k.add(i.b()) as *const Value);
            let (t, u) = (tag_at(a), tag_at(b));
            if t == T_INT && u == T_INT {
                branch!(((((*b).0 << 16) as i64) $op (((*a).0 << 16) as i64)), types::INT, vm, pc, base, i, k, fb)
            }
            if t < T_INT && u < T_INT {
                branch!(i.float_b(k) $op i.float_a(base), types::FLOAT, vm, pc, base, i, k, fb)
            }
            return order_slow(vm, pc, base, k, fb)
        } }
    };
}
order!(op_lt, op_lt_k, op_gt_k, <);
order!(op_le, op_le_k, op_ge_k, <=);

op! { op_test |vm, pc, base, i, k, fb| { branch!((*base.add(i.a())).is_truthy(), 0, vm, pc, base, i, k, fb) } }
op! { op_test_set |vm, pc, base, i, k, fb| {
    let v = *base.add(i.b());
    if i.c_is(v.is_truthy()) {
        *base.add(i.a()) = v;
        saw(pc, types::TAKEN);
        next!(vm, pc.offset(1 + (*pc).sbx()), base, k, fb)
    }
    saw(pc, types::NOT_TAKEN);
    next!(vm, pc.add(1), base, k, fb)
} }

fn operand_bits(a: Value, b: Value) -> u16 {
    match () {
        _ if a.is_int() && b.is_int() => types::INT | types::BIG,
        _ if a.is_int() && b.is_float() => types::INT_FLOAT,
        _ if a.is_float() && b.is_int() => types::FLOAT_INT,
        _ if a.is_string() && b.is_string() => types::STRING,
        _ => types::OTHER,
    }
}
/// Completes a comparison of the topmost frame: sets its pc.
fn decide(vm: &mut Vm, i: Ins, truth: bool) -> Flow {
    let taken = truth == (i.c() != 0);
    saw_slow(vm, if taken { types::TAKEN } else { types::NOT_TAKEN });
    let f = vm.thread_mut().frames.last_mut().expect("a Lua frame");
    // SAFETY: the instruction after a comparison is its jump; both targets are within the code.
    f.pc = unsafe { if taken { f.pc.offset(1 + (*f.pc).sbx()) } else { f.pc.add(1) } };
    Flow::Run
}
fn eq_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let (a, b) = (reg(vm, i.a()), reg(vm, i.b()));
    let bits = operand_bits(a, b);
    match vm.equals_step(a, b) {
        Outcome::Value(v) => {
            saw_slow(vm, if bits == types::OTHER { types::IDENTITY } else { bits });
            Ok(decide(vm, i, v.is_truthy()))
        }
        o => {
            saw_slow(vm, types::OTHER);
            vm.begin_meta(o, 0)
        }
    }
}
slow!(eq_slow, eq_inner);
fn order_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let a = reg(vm, i.a());
    let (a, b, less) = match i.op() {
        Op::Lt => (a, reg(vm, i.b()), true),
        Op::Le => (a, reg(vm, i.b()), false),
        Op::LtK => (a, constant(vm, i.b()), true),
        Op::LeK => (a, constant(vm, i.b()), false),
        Op::GtK => (constant(vm, i.b()), a, true),
        _ => (constant(vm, i.b()), a, false),
    };
    saw_slow(vm, operand_bits(a, b));
    match if less { vm.less_than_step(a, b)? } else { vm.less_equal_step(a, b)? } {
        Outcome::Value(v) => Ok(decide(vm, i, v.is_truthy())),
        o => vm.begin_meta(o, 0),
    }
}
slow!(order_slow, order_inner);
