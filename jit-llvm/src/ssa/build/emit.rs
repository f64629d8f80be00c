//! Typed instructions, constants, boxing, guards.
use super::context::{Builder, NONE};
use crate::job::JobConst;
use crate::ssa::ir::*;
use crate::ssa::types::{Kinds, Range};
use selune_core::value::{self, Value};

/// Kinds of a value with these bits.
pub fn kinds_of_bits(bits: u64) -> Kinds {
    match bits >> value::TAG_SHIFT {
        value::TAG_INT => Kinds::SMALL,
        value::TAG_SPECIAL => match bits {
            value::NIL => Kinds::NIL,
            value::FALSE => Kinds::FALSE,
            value::TRUE => Kinds::TRUE,
            _ => Kinds::OBJECT,
        },
        value::TAG_STRING => Kinds::STRING,
        value::TAG_TABLE => Kinds::TABLE,
        value::TAG_FUNCTION => Kinds::FUNCTION,
        value::TAG_OBJECT => Kinds::OBJECT,
        value::TAG_BOXINT => Kinds::BOXED,
        _ => Kinds::FLOAT,
    }
}

impl Builder<'_> {
    /// Appends an instruction. Exits and sites are filled in where the operation has them.
    pub fn add(&mut self, op: Op, ty: Ty, args: &[V]) -> V {
        debug_assert!(!self.dead && !args.contains(&NONE), "{op:?} {args:?}");
        let site = op.has_site().then(|| self.site());
        let v = self.f.new_inst(Inst { op, ty, args: args.to_vec(), kinds: result_kinds(&self.f, op, args), range: Range::FULL, exit: None, site });
        if ty == Ty::I64 {
            self.f.inst_mut(v).range = result_range(&self.f, op, args);
        }
        let cur = self.cur;
        self.f.block_mut(cur).insts.push(v);
        v
    }

    /// Appends an instruction with an exit.
    pub fn add_guard(&mut self, op: Op, ty: Ty, args: &[V], reason: Reason) -> V {
        let exit = self.exit(reason);
        let v = self.add(op, ty, args);
        self.f.inst_mut(v).exit = Some(exit);
        v
    }

    /// Ends the block with an exit.
    pub fn exit_here(&mut self, reason: Reason) {
        let exit = self.exit(reason);
        let v = self.terminate(Op::Exit, &[]);
        self.f.inst_mut(v).exit = Some(exit);
    }

    /// Leaves the rest to the interpreter, on purpose.
    pub fn leave(&mut self) {
        self.exit_here(Reason::Leave);
    }

    /// May the absence of feedback be taken as "never runs"?
    pub fn unseen(&mut self) -> bool {
        if self.job.options.no_feedback {
            return false;
        }
        self.exit_here(Reason::Unseen);
        true
    }

    // ---- constants

    /// An integer.
    pub fn const_int(&mut self, i: i64) -> V {
        self.constant(0, i as u64, || (Op::ConstInt(i), Ty::I64, Kinds::INT, Range::of(i)))
    }
    /// A float.
    pub fn const_num(&mut self, d: f64) -> V {
        self.constant(1, d.to_bits(), || (Op::ConstNum(d.to_bits()), Ty::F64, Kinds::FLOAT, Range::FULL))
    }
    /// A machine boolean.
    pub fn const_bool(&mut self, b: bool) -> V {
        self.constant(2, b as u64, || (Op::ConstBool(b), Ty::Bool, Kinds::BOOL, Range::FULL))
    }
    /// A value by its bits (no object).
    pub fn const_value(&mut self, v: Value) -> V {
        self.constant(3, v.0, || (Op::ConstValue { bits: v.0, named: u32::MAX }, Ty::Any, kinds_of_bits(v.0), Range::FULL))
    }
    /// nil.
    pub fn const_nil(&mut self) -> V {
        self.const_value(Value::NIL)
    }
    /// An old object.
    pub fn const_object(&mut self, bits: u64, name: &[u8]) -> V {
        let named = self.name(name);
        self.constant(3, bits, || (Op::ConstValue { bits, named }, Ty::Any, kinds_of_bits(bits), Range::FULL))
    }
    /// A constant of the current proto.
    pub fn const_k(&mut self, k: usize) -> V {
        match self.proto().constants.get(k) {
            None | Some(JobConst::Nil) => self.const_nil(),
            Some(JobConst::Bool(b)) => self.const_bool(*b),
            Some(JobConst::Int(i)) => self.const_int(*i),
            Some(JobConst::Float(d)) => self.const_num(*d),
            Some(JobConst::Str { bits, text }) => {
                let quoted = format!("{:?}", String::from_utf8_lossy(text));
                self.const_object(*bits, quoted.as_bytes())
            }
        }
    }

    // ---- registers

    /// The value of a register.
    pub fn reg(&mut self, r: usize) -> V {
        match self.cx.env.get(r) {
            Some(&v) if v != NONE => v,
            _ => self.const_nil(),
        }
    }
    /// The value of a register, boxed.
    pub fn reg_any(&mut self, r: usize) -> V {
        let v = self.reg(r);
        self.any(v)
    }
    /// A register or constant.
    pub fn rk(&mut self, n: usize) -> V {
        match n.checked_sub(selune_core::proto::RK_CONST) {
            Some(k) => self.const_k(k),
            None => self.reg(n),
        }
    }
    /// Sets a register.
    pub fn set(&mut self, r: usize, v: V) {
        if let Some(slot) = self.cx.env.get_mut(r) {
            *slot = v;
        }
    }

    // ---- kinds and representation

    /// What a value of any type can be.
    pub fn kinds(&self, v: V) -> Kinds {
        kinds(&self.f, v)
    }
    /// Can only be of these kinds?
    pub fn is(&self, v: V, k: Kinds) -> bool {
        self.kinds(v).within(k)
    }
    /// A boxed value.
    pub fn any(&mut self, v: V) -> V {
        let ty = self.f.ty(v);
        if ty == Ty::Any {
            return v;
        }
        if let Some(o) = self.origin.get(&v) {
            return *o;
        }
        match (ty, self.f.op(v)) {
            (_, Op::ConstInt(i)) if Value::fits_small(i) => self.const_value(Value::small_int(i)),
            (_, Op::ConstNum(bits)) => self.const_value(Value(bits)),
            (_, Op::ConstBool(b)) => self.const_value(Value::bool(b)),
            (Ty::I64, _) if self.f.inst(v).range.small() => self.add(Op::BoxSmall, Ty::Any, &[v]),
            (Ty::I64, _) => self.add(Op::BoxInt, Ty::Any, &[v]),
            (Ty::F64, _) => self.add(Op::BoxFloat, Ty::Any, &[v]),
            _ => self.add(Op::BoxBool, Ty::Any, &[v]),
        }
    }
    /// The value in this representation; only Any can be asked of what has another one.
    pub fn convert(&mut self, v: V, ty: Ty) -> V {
        if self.f.ty(v) == ty { v } else { self.any(v) }
    }
    /// `u` is a better form of `v`: use it from now on.
    pub fn refine(&mut self, v: V, u: V) -> V {
        self.origin.insert(u, v);
        for slot in self.cx.env.iter_mut() {
            if *slot == v {
                *slot = u;
            }
        }
        u
    }
    fn note_unboxed_use(&mut self, v: V) {
        if self.f.op(v) == Op::Phi {
            self.unboxed_uses.insert(v);
        }
    }

    /// The integer, exiting when it is none (`small`: or does not fit 48 bits).
    pub fn guard_int(&mut self, v: V, small: bool) -> V {
        self.note_unboxed_use(v);
        let k = self.kinds(v);
        match (self.f.ty(v), self.f.op(v)) {
            (Ty::I64, _) => return v,
            (_, Op::BoxInt | Op::BoxSmall) => return self.f.inst(v).args[0],
            (_, Op::ConstValue { bits, .. }) if Value(bits).is_small_int() => return self.const_int(Value(bits).as_small_int()),
            _ => {}
        }
        let v = self.any(v);
        let u = if k.within(Kinds::SMALL) {
            self.add(Op::UnboxSmall, Ty::I64, &[v])
        } else if k.within(Kinds::INT) {
            self.add(Op::UnboxInt, Ty::I64, &[v])
        } else if small {
            self.add_guard(Op::GuardSmall, Ty::I64, &[v], Reason::NotInt)
        } else {
            self.add_guard(Op::GuardInt, Ty::I64, &[v], Reason::NotInt)
        };
        self.refine(v, u)
    }
    /// The float, exiting when it is none.
    pub fn guard_float(&mut self, v: V) -> V {
        self.note_unboxed_use(v);
        match (self.f.ty(v), self.f.op(v)) {
            (Ty::F64, _) => return v,
            (_, Op::BoxFloat) => return self.f.inst(v).args[0],
            (_, Op::ConstValue { bits, .. }) if Value(bits).is_float() => return self.const_num(f64::from_bits(bits)),
            _ => {}
        }
        let known = self.is(v, Kinds::FLOAT);
        let v = self.any(v);
        let u = if known { self.add(Op::UnboxFloat, Ty::F64, &[v]) } else { self.add_guard(Op::GuardFloat, Ty::F64, &[v], Reason::NotFloat) };
        self.refine(v, u)
    }
    /// The number as a double, exiting when it is none. The value keeps its form in the registers.
    pub fn guard_number(&mut self, v: V) -> V {
        match self.f.ty(v) {
            Ty::F64 => return v,
            Ty::I64 => return self.int_to_float(v),
            _ => {}
        }
        if self.is(v, Kinds::FLOAT) {
            return self.guard_float(v);
        }
        if self.is(v, Kinds::INT) {
            let i = self.guard_int(v, false);
            return self.int_to_float(i);
        }
        let v = self.any(v);
        if self.is(v, Kinds::NUMBER) {
            self.add(Op::UnboxNumber, Ty::F64, &[v])
        } else {
            self.add_guard(Op::GuardNumber, Ty::F64, &[v], Reason::NotNumber)
        }
    }
    /// An integer as a double.
    pub fn int_to_float(&mut self, v: V) -> V {
        if let Op::ConstInt(i) = self.f.op(v) {
            return self.const_num(i as f64);
        }
        self.note_unboxed_use(v);
        self.add(Op::IntToFloat, Ty::F64, &[v])
    }
    /// The value, exiting when it is of none of these kinds.
    pub fn guard_kind(&mut self, v: V, k: Kinds, reason: Reason) -> V {
        if self.is(v, k) {
            return v;
        }
        let v = self.any(v);
        let u = self.add_guard(Op::GuardKind(k), Ty::Any, &[v], reason);
        self.refine(v, u)
    }
    /// The table, exiting when it is none.
    pub fn guard_table(&mut self, v: V) -> V {
        self.guard_kind(v, Kinds::TABLE, Reason::NotTable)
    }
    /// Exits unless the condition is `expect`.
    pub fn guard(&mut self, cond: V, expect: bool, reason: Reason) {
        match self.f.op(cond) {
            Op::ConstBool(b) if b == expect => {}
            Op::ConstBool(_) => self.exit_here(reason),
            _ => _ = self.add_guard(Op::Guard { expect }, Ty::Void, &[cond], reason),
        }
    }
    /// Is it of these kinds?
    pub fn is_kind(&mut self, v: V, k: Kinds) -> V {
        let have = self.kinds(v);
        if have.within(k) {
            return self.const_bool(true);
        }
        if !have.meets(k) {
            return self.const_bool(false);
        }
        let v = self.any(v);
        self.add(Op::IsKind(k), Ty::Bool, &[v])
    }
    /// Neither nil nor false?
    pub fn truthy(&mut self, v: V) -> V {
        let k = self.kinds(v);
        if self.f.ty(v) == Ty::Bool {
            v
        } else if !k.meets(Kinds::FALSY) {
            self.const_bool(true)
        } else if k.within(Kinds::FALSY) {
            self.const_bool(false)
        } else {
            self.add(Op::IsTruthy, Ty::Bool, &[v])
        }
    }
    /// `not b`.
    pub fn not(&mut self, b: V) -> V {
        match self.f.op(b) {
            Op::ConstBool(c) => self.const_bool(!c),
            Op::Not => self.f.inst(b).args[0],
            _ => self.add(Op::Not, Ty::Bool, &[b]),
        }
    }
    /// Compares integers.
    pub fn cmp_int(&mut self, c: Cmp, a: V, b: V) -> V {
        let (x, y) = (self.f.inst(a).range, self.f.inst(b).range);
        match c {
            Cmp::Lt if x.hi < y.lo => self.const_bool(true),
            Cmp::Lt if x.lo >= y.hi => self.const_bool(false),
            Cmp::Le if x.hi <= y.lo => self.const_bool(true),
            Cmp::Le if x.lo > y.hi => self.const_bool(false),
            Cmp::Gt => self.cmp_int(Cmp::Lt, b, a),
            Cmp::Ge => self.cmp_int(Cmp::Le, b, a),
            Cmp::Eq | Cmp::Ne if x.hi < y.lo || y.hi < x.lo => self.const_bool(c == Cmp::Ne),
            Cmp::Eq | Cmp::Ne if x.lo == x.hi && x == y => self.const_bool(c == Cmp::Eq),
            _ => self.add(Op::CmpI(c), Ty::Bool, &[a, b]),
        }
    }
    /// A diamond's end: merges the values of the blocks that are not dead.
    pub fn join(&mut self, ends: Vec<(BlockId, V)>) -> V {
        let cont = self.new_block(false);
        self.f.block_mut(cont).cold = ends.iter().all(|e| self.f.block(e.0).cold);
        let mut preds = Vec::new();
        let mut values = Vec::new();
        for (b, v) in ends {
            self.switch_to(b);
            self.jump_block(cont);
            preds.push(b);
            values.push(v);
        }
        self.switch_to(cont);
        self.merge(&preds, &values)
    }
}

/// What a value of any type can be.
pub fn kinds(f: &Func, v: V) -> Kinds {
    let i = f.inst(v);
    match i.ty {
        Ty::Any => i.kinds,
        Ty::I64 if i.range.small() => Kinds::SMALL,
        Ty::I64 => Kinds::INT,
        Ty::F64 => Kinds::FLOAT,
        Ty::Bool => Kinds::BOOL,
        Ty::Void => Kinds::NONE,
    }
}

/// Kinds of an operation's result, as far as its operands tell.
pub fn result_kinds(f: &Func, op: Op, args: &[V]) -> Kinds {
    let arg = |i: usize| args.get(i).map_or(Kinds::ANY, |a| kinds(f, *a));
    match op {
        Op::Closure | Op::NewClosure { .. } => Kinds::CLOSURE,
        Op::BoxInt => Kinds::INT,
        Op::BoxSmall => Kinds::SMALL,
        Op::BoxFloat => Kinds::FLOAT,
        Op::BoxBool => Kinds::BOOL,
        Op::GuardKind(k) => {
            let k = arg(0).and(k);
            if k.is_none() { Kinds::ANY } else { k }
        }
        Op::GuardShape { .. } | Op::GuardPlain | Op::NewTable { .. } => Kinds::TABLE,
        Op::GuardProto(_) => Kinds::CLOSURE,
        Op::GuardNative { .. } => Kinds::NATIVE,
        Op::GuardBits { bits, .. } => kinds_of_bits(bits),
        Op::LoadArray | Op::LoadSlots | Op::LoadUpval(_) | Op::NewCell => Kinds::PART,
        Op::TypeName | Op::Rt(RtOp::StrSub) => Kinds::STRING,
        Op::Rt(RtOp::Arith(_) | RtOp::Concat | RtOp::Len) => Kinds::ANY,
        Op::Rt(RtOp::ForNext) => Kinds::NUMBER.or(Kinds::NIL),
        _ => Kinds::ANY,
    }
}

/// Range of an integer operation's result.
pub fn result_range(f: &Func, op: Op, args: &[V]) -> Range {
    let r = |i: usize| args.get(i).map_or(Range::FULL, |a| f.inst(*a).range);
    match op {
        Op::UnboxSmall | Op::GuardSmall => Range::SMALL,
        Op::AddI => r(0).add(r(1)),
        Op::SubI => r(0).sub(r(1)),
        Op::MulI => r(0).mul(r(1)),
        Op::NegI => Range::of(0).sub(r(0)),
        Op::FloorModI => r(0).modulo(r(1)),
        Op::FloorDivI => r(0).idiv(r(1)),
        Op::AndI => r(0).band(r(1)),
        Op::OrI | Op::XorI => r(0).bor(r(1)),
        Op::NotI => Range::of(-1).sub(r(0)),
        Op::ShrI => match r(1) {
            Range { lo, hi } if lo == hi && (1..64).contains(&lo) => {
                if r(0).lo >= 0 { Range::new(r(0).lo >> lo, r(0).hi >> lo) } else { Range::new(0, (u64::MAX >> lo) as i64) }
            }
            _ => Range::FULL,
        },
        Op::ShlI => match r(1) {
            Range { lo, hi } if lo == hi && (0..48).contains(&lo) => r(0).mul(Range::of(1 << lo)),
            _ => Range::FULL,
        },
        Op::AbsI if r(0).lo > i64::MIN => Range::new(0, r(0).lo.abs().max(r(0).hi)),
        Op::GuardIndex => r(0).meet(Range::new(1, r(1).hi.max(1))),
        Op::LoadByte => Range::new(0, 255),
        Op::LoadCap => Range::new(0, u32::MAX as i64),
        Op::StrLen | Op::TableLen | Op::VarArgCount => Range::new(0, Range::SMALL.hi),
        Op::NextStep => Range::new(0, Range::SMALL.hi),
        Op::NextFind => Range::new(-1, Range::SMALL.hi),
        _ => Range::FULL,
    }
}
