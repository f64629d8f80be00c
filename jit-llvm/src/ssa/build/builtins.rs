//! Library functions that are computed in place.
use super::context::Builder;
use super::fields::Miss;
use crate::job::Builtin;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;

impl Builder<'_> {
    /// The results of a call of a known library function; None: call it after all (nothing was emitted then).
    /// The block may have ended.
    pub(super) fn builtin(&mut self, b: Builtin, function: usize, f: V, args: &[V], want: Want) -> Option<Vec<V>> {
        if b == Builtin::Select {
            return self.select_argument(function, f, args, want);
        }
        let number = |s: &Self, n: usize| args.get(n).is_some_and(|v| s.kinds(*v).meets(Kinds::SMALL.or(Kinds::FLOAT)));
        let possible = match b {
            Builtin::MathFloor | Builtin::MathCeil | Builtin::MathSqrt | Builtin::MathAbs | Builtin::MathSin | Builtin::MathCos | Builtin::MathExp => {
                number(self, 0)
            }
            Builtin::MathMin | Builtin::MathMax => (1..=4).contains(&args.len()) && (0..args.len()).all(|n| number(self, n)),
            Builtin::RawEqual => args.len() == 2,
            Builtin::RawGet => args.len() == 2 && self.kinds(args[0]).meets(Kinds::TABLE),
            Builtin::RawLen | Builtin::StringLen => {
                let k = if b == Builtin::RawLen { Kinds::TABLE } else { Kinds::STRING };
                args.first().is_some_and(|v| self.kinds(*v).meets(k))
            }
            Builtin::Assert | Builtin::Ipairs | Builtin::Type => !args.is_empty(),
            // (At the end there is one result only.)
            Builtin::Next => {
                (1..=2).contains(&args.len()) && !matches!(want, Want::Open | Want::Raw) && self.kinds(args[0]).meets(Kinds::TABLE)
            }
            Builtin::Pairs => args.first().is_some_and(|v| self.kinds(*v).meets(Kinds::TABLE)),
            Builtin::TableInsert => args.len() == 2 && self.kinds(args[0]).meets(Kinds::TABLE),
            Builtin::TableRemove => args.len() == 1 && self.kinds(args[0]).meets(Kinds::TABLE),
            Builtin::StringByte => {
                (1..=2).contains(&args.len()) && self.kinds(args[0]).meets(Kinds::STRING) && args.get(1).is_none_or(|v| self.kinds(*v).meets(Kinds::SMALL))
            }
            Builtin::StringSub => {
                let small = |n: usize| args.get(n).is_none_or(|v| self.kinds(*v).meets(Kinds::SMALL));
                (2..=3).contains(&args.len()) && self.kinds(args[0]).meets(Kinds::STRING) && small(1) && small(2)
            }
            Builtin::SetMetatable => args.len() == 2 && self.kinds(args[1]).meets(Kinds::TABLE) && self.set_metatable_shape(args[0]).is_some(),
            _ => false,
        };
        if !possible {
            return None;
        }
        let f = self.guard_native(f, function, Some(b));
        let one = |v| Some(vec![v]);
        match b {
            Builtin::MathFloor => one(self.round(args[0], Op::FloorF)),
            Builtin::MathCeil => one(self.round(args[0], Op::CeilF)),
            Builtin::MathSqrt => one(self.float_function(Op::SqrtF, args[0])),
            Builtin::MathSin | Builtin::MathCos | Builtin::MathExp => one(self.float_function(Op::MathF(b), args[0])),
            Builtin::MathAbs => one(self.by_subtype(args[0], |s, v| s.add(Op::AbsI, Ty::I64, &[v]), |s, v| s.add(Op::AbsF, Ty::F64, &[v]))),
            Builtin::MathMin => one(self.extreme(args, false)),
            Builtin::MathMax => one(self.extreme(args, true)),
            Builtin::RawEqual => {
                let (x, y) = (self.any(args[0]), self.any(args[1]));
                one(self.add(Op::RawEq, Ty::Bool, &[x, y]))
            }
            Builtin::RawGet => {
                let t = self.guard_table(args[0]);
                let k = self.any(args[1]);
                one(self.add(Op::Rt(RtOp::RawGet), Ty::Any, &[t, k]))
            }
            Builtin::RawLen => {
                let t = self.guard_table(args[0]);
                one(self.add(Op::TableLen, Ty::I64, &[t]))
            }
            Builtin::StringLen => {
                let s = self.guard_kind(args[0], Kinds::STRING, Reason::NotString);
                one(self.add(Op::StrLen, Ty::I64, &[s]))
            }
            Builtin::SetMetatable => {
                let (before, after, bits) = self.set_metatable_shape(args[0])?;
                let name = format!("metatable of shape {after}");
                let named = self.name(name.as_bytes());
                let t = self.guard_table(args[0]);
                let t = self.check_shape(t, before, Miss::Exit);
                let m = self.any(args[1]);
                self.add_guard(Op::GuardBits { bits, named }, Ty::Any, &[m], Reason::Kind);
                // It must still lack `__gc` and `__mode`.
                let m = self.const_object(bits, name.as_bytes());
                self.check_shape(m, self.job.shapes[&after].meta_shape, Miss::Exit);
                self.add(Op::StoreShape(after), Ty::Void, &[t]);
                let root = self.f.base(t);
                self.shape_hints.insert(root, after);
                one(args[0])
            }
            Builtin::Type => {
                let v = self.any(args[0]);
                one(self.add(Op::TypeName, Ty::Any, &[f, v]))
            }
            Builtin::Pairs => {
                // A metatable might have `__pairs`.
                let t = self.plain_table(args[0]);
                let next = self.add(Op::LoadNativeUpval(0), Ty::Any, &[f]);
                Some(vec![next, t, self.const_nil()])
            }
            Builtin::Next => {
                let t = self.guard_table(args[0]);
                let key = match args.get(1) {
                    Some(k) => self.any(*k),
                    None => self.const_nil(),
                };
                let from = self.add(Op::NextFind, Ty::I64, &[t, key]);
                let none = self.const_int(-1);
                let found = self.add(Op::CmpI(Cmp::Ne), Ty::Bool, &[from, none]);
                self.guard(found, true, Reason::Kind);
                let step = self.add(Op::NextStep, Ty::I64, &[t, from]);
                let (key, value) = (self.add(Op::NextKey, Ty::Any, &[step]), self.add(Op::NextValue, Ty::Any, &[step]));
                let (zero, nil) = (self.const_int(0), self.const_nil());
                let more = self.add(Op::CmpI(Cmp::Ne), Ty::Bool, &[step, zero]);
                Some(vec![self.select(more, key, nil), self.select(more, value, nil)])
            }
            Builtin::TableInsert => {
                let t = self.plain_table(args[0]);
                self.append(t, args[1]);
                Some(vec![])
            }
            Builtin::TableRemove => {
                let t = self.plain_table(args[0]);
                let v = self.add(Op::Rt(RtOp::TablePop), Ty::Any, &[t]);
                self.cx.forget_state();
                one(v)
            }
            Builtin::StringByte => {
                let s = self.guard_kind(args[0], Kinds::STRING, Reason::NotString);
                let len = self.add(Op::StrLen, Ty::I64, &[s]);
                let i = match args.get(1) {
                    Some(i) => self.guard_int(*i, true),
                    None => self.const_int(1),
                };
                let i = match self.f.const_int(i) {
                    Some(n) if n < 0 => {
                        let from_end = self.const_int(n + 1);
                        self.add(Op::AddI, Ty::I64, &[len, from_end])
                    }
                    _ => i,
                };
                let i = self.add_guard(Op::GuardIndex, Ty::I64, &[i, len], Reason::Bounds);
                one(self.add(Op::LoadByte, Ty::I64, &[s, i]))
            }
            Builtin::StringSub => {
                let s = self.guard_kind(args[0], Kinds::STRING, Reason::NotString);
                let from = self.guard_int(args[1], true);
                let to = match args.get(2) {
                    Some(to) => self.guard_int(*to, true),
                    None => self.const_int(-1),
                };
                one(self.add(Op::Rt(RtOp::StrSub), Ty::Any, &[s, from, to]))
            }
            Builtin::Ipairs => {
                let step = self.add(Op::LoadNativeUpval(0), Ty::Any, &[f]);
                Some(vec![step, args[0], self.const_int(0)])
            }
            Builtin::Assert => {
                let c = self.truthy(args[0]);
                self.guard(c, true, Reason::Kind);
                Some(args.to_vec())
            }
            _ => None,
        }
    }

    /// The table, exiting when it is none or may have a metatable.
    fn plain_table(&mut self, v: V) -> V {
        let t = self.guard_table(v);
        self.add_guard(Op::GuardPlain, Ty::Any, &[t], Reason::Shape)
    }

    fn float_function(&mut self, op: Op, v: V) -> V {
        let d = self.guard_number(v);
        self.add(op, Ty::F64, &[d])
    }

    /// One computation for integers, one for floats; what is neither exits.
    fn by_subtype(&mut self, v: V, int: impl FnOnce(&mut Self, V) -> V, float: impl FnOnce(&mut Self, V) -> V) -> V {
        if self.is(v, Kinds::INT) {
            let i = self.guard_int(v, false);
            return int(self, i);
        }
        if !self.kinds(v).meets(Kinds::SMALL) {
            let d = self.guard_float(v);
            return float(self, d);
        }
        let v = self.any(v);
        // The state is the same on both ways: nothing has been done yet.
        self.state();
        let c = self.is_kind(v, Kinds::SMALL);
        let env = self.cx.env.clone();
        let other = self.split(c);
        let i = self.unboxed_int(v);
        let r = int(self, i);
        let end = self.cur;
        self.switch_to(other);
        let d = self.guard_float(v);
        let q = float(self, d);
        self.cx.env = env;
        self.join(vec![(end, r), (self.cur, q)])
    }

    fn round(&mut self, v: V, op: Op) -> V {
        self.by_subtype(
            v,
            |_, i| i,
            |s, d| {
                let r = s.add(op, Ty::F64, &[d]);
                s.add_guard(Op::GuardIntegral, Ty::I64, &[r], Reason::NotIntegral)
            },
        )
    }

    fn extreme(&mut self, args: &[V], max: bool) -> V {
        let all = |s: &Self, k: Kinds| args.iter().all(|v| s.is(*v, k));
        let some = |s: &Self, k: Kinds| args.iter().any(|v| s.is(*v, k));
        if all(self, Kinds::INT) {
            let values: Vec<V> = args.iter().map(|v| self.guard_int(*v, false)).collect();
            return self.fold_extreme(&values, max, true);
        }
        if args.iter().all(|v| self.kinds(*v).meets(Kinds::FLOAT)) && some(self, Kinds::FLOAT) {
            let values: Vec<V> = args.iter().map(|v| self.guard_float(*v)).collect();
            return self.fold_extreme(&values, max, false);
        }
        // Compared as they are; the result is one of them.
        let mut best = self.guard_kind(args[0], Kinds::NUMBER, Reason::NotNumber);
        best = self.any(best);
        for v in &args[1..] {
            let v = self.guard_kind(*v, Kinds::NUMBER, Reason::NotNumber);
            let v = self.any(v);
            let (x, y) = if max { (best, v) } else { (v, best) };
            let c = self.add(Op::CmpNumber(Cmp::Lt), Ty::Bool, &[x, y]);
            best = self.select(c, v, best);
        }
        best
    }

    fn fold_extreme(&mut self, values: &[V], max: bool, int: bool) -> V {
        let mut best = values[0];
        for v in &values[1..] {
            let (x, y) = if max { (best, *v) } else { (*v, best) };
            let op = if int { Op::CmpI(Cmp::Lt) } else { Op::CmpF(Cmp::Lt) };
            let c = self.add(op, Ty::Bool, &[x, y]);
            best = self.select(c, *v, best);
        }
        best
    }
}
