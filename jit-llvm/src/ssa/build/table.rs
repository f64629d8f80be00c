//! Table constructors and access by computed or integer keys.
//!
//! A get of an array element is a bounds test, a load and a nil test. Keys outside the array part and nil elements go to
//! the raw access of the runtime when the table has no metatable (guarded there, not on the fast path).
use super::call::Open;
use super::context::Builder;
use super::fields::Miss;
use super::metamethod::NOWHERE;
use crate::ssa::ir::*;
use crate::ssa::types::Kinds;
use selune_core::feedback::index_seen as seen;
use selune_core::heap::Heap;
use selune_core::proto::Ins;
use selune_core::shape::Metamethod;

/// Longest constructor list that is stored element by element.
const MAX_DIRECT_LIST: usize = 16;

impl Builder<'_> {
    pub(super) fn op_new_table(&mut self, i: Ins) {
        let learned = self.proto().feedback.alloc(i.s()).inline as usize;
        let inline = Heap::inline_cap(i.c().max(learned));
        let shape = self.job.root_shapes.get(inline).copied().unwrap_or(0);
        let v = self.add(Op::NewTable { shape, inline: inline as u8, narray: i.b() as u32 }, Ty::Any, &[]);
        self.shape_hints.insert(v, shape);
        self.set(i.a(), v);
    }

    pub(super) fn op_set_list(&mut self, i: Ins) {
        let first = (i.c() | (i.s() as usize) << 16) as i64 + 1;
        let t = self.reg_any(i.a());
        if i.b() != 0 {
            let values = (i.a() + 1..i.a() + i.b() + 1).map(|r| self.reg(r)).collect();
            return self.set_list(t, first, values);
        }
        let (mut values, open) = self.take_open(i.a() + 1);
        if let Open::Known(more) = open {
            values.extend(more);
            return self.set_list(t, first, values);
        }
        let index = self.const_int(first);
        let mut args = vec![t, index];
        for v in &values {
            let v = self.any(*v);
            args.push(v);
        }
        let mut ends = Vec::new();
        if let Open::Raw(r) = open {
            let (several, single) = self.split_raw(r);
            self.switch_to(single);
            values.push(r);
            self.set_list(t, first, values);
            ends.push(self.cur);
            self.switch_to(several);
        }
        self.add(Op::Rt(RtOp::SetListOpen), Ty::Void, &args);
        ends.push(self.cur);
        self.join_void(ends);
    }

    /// Elements from `first` on of a fresh table.
    fn set_list(&mut self, t: V, first: i64, values: Vec<V>) {
        let values: Vec<V> = values.into_iter().map(|v| self.any(v)).collect();
        let last = first + values.len() as i64 - 1;
        if let Op::NewTable { shape, inline, narray: 0 } = self.f.op(t)
            && (1..=MAX_DIRECT_LIST).contains(&values.len())
            && first == 1
        {
            // A list whose length the constructor did not know.
            self.f.inst_mut(t).op = Op::NewTable { shape, inline, narray: last as u32 };
        }
        if let Op::NewTable { narray, .. } = self.f.op(t)
            && values.len() <= MAX_DIRECT_LIST
            && last <= narray as i64
        {
            let array = self.add(Op::LoadArray, Ty::Any, &[t]);
            for (n, v) in values.into_iter().enumerate() {
                let index = self.const_int(first + n as i64);
                let barrier = self.needs_barrier(v);
                self.add(Op::StoreElem { barrier }, Ty::Void, &[array, index, v]);
            }
            return;
        }
        let first = self.const_int(first);
        let mut args = vec![t, first];
        args.extend(values);
        self.add(Op::Rt(RtOp::SetList), Ty::Void, &args);
    }

    pub(super) fn op_get_table(&mut self, i: Ins) {
        let (o, key) = (self.reg(i.b()), self.reg(i.c()));
        if let Some(v) = self.get_index(o, key, i.s()) {
            self.set(i.a(), v);
        }
    }
    pub(super) fn op_get_int(&mut self, i: Ins) {
        let (o, key) = (self.reg(i.b()), self.const_int(i.c() as i64));
        if let Some(v) = self.get_index(o, key, i.s()) {
            self.set(i.a(), v);
        }
    }
    pub(super) fn op_set_table(&mut self, i: Ins) {
        let (o, key, v) = (self.reg(i.a()), self.reg(i.b()), self.rk(i.c()));
        self.set_index(o, key, v, i.s());
    }
    pub(super) fn op_set_int(&mut self, i: Ins) {
        let (o, key, v) = (self.reg(i.a()), self.const_int(i.b() as i64), self.rk(i.c()));
        self.set_index(o, key, v, i.s());
    }

    /// Are integer keys all that was seen (and possible)?
    fn integer_keys(&self, key: V, bits: u16) -> bool {
        self.is(key, Kinds::INT)
            || bits & (seen::STRING | seen::FLOAT | seen::OTHER_KEY) == 0
                && bits & (seen::ARRAY | seen::INT_HASH | seen::APPEND) != 0
                && self.kinds(key).meets(Kinds::SMALL)
    }

    fn generic_get(&mut self, o: V, key: V) -> V {
        let o = self.any(o);
        if self.f.ty(key) == Ty::I64 {
            return self.add(Op::Rt(RtOp::GetInt), Ty::Any, &[o, key]);
        }
        let key = self.any(key);
        self.add(Op::Rt(RtOp::GetTable), Ty::Any, &[o, key])
    }

    /// `1 <= k <= cap` of a table's array part; gives the part too.
    pub(super) fn in_array(&mut self, t: V, k: V) -> (V, V) {
        let array = self.add(Op::LoadArray, Ty::Any, &[t]);
        let cap = self.add(Op::LoadCap, Ty::I64, &[array]);
        let one = self.const_int(1);
        let at = self.add(Op::SubI, Ty::I64, &[k, one]);
        (array, self.add(Op::CmpI(Cmp::Ult), Ty::Bool, &[at, cap]))
    }

    /// `o[key]`; None when the block has ended.
    fn get_index(&mut self, o: V, key: V, s: u16) -> Option<V> {
        let bits = self.proto().feedback.index(s).seen;
        let bets = bits & seen::EXITED == 0 && !self.job.options.no_feedback;
        if bits == 0 && bets && self.unseen() {
            return None;
        }
        let integers = self.integer_keys(key, bits);
        if bits & seen::META != 0 && bets && self.kinds(o).meets(Kinds::TABLE) {
            return self.get_element_or_call(o, key, integers && bits & (seen::ARRAY | seen::APPEND) != 0);
        }
        if bits & seen::META != 0 || self.job.options.no_feedback || !self.kinds(o).meets(Kinds::TABLE) || !integers && !bets {
            return Some(self.generic_get(o, key));
        }
        if !integers {
            // Strings and others: the raw access of the runtime, as long as there is no metatable.
            let t = self.guard_table(o);
            let t = self.add_guard(Op::GuardPlain, Ty::Any, &[t], Reason::Shape);
            let key = self.any(key);
            return Some(self.add(Op::Rt(RtOp::RawGet), Ty::Any, &[t, key]));
        }
        if !bets {
            return Some(self.get_element_or_runtime(o, key));
        }
        let t = self.guard_table(o);
        let k = self.guard_int(key, true);
        if bits & (seen::INT_HASH | seen::NIL) == 0 {
            let array = self.add(Op::LoadArray, Ty::Any, &[t]);
            let cap = self.add(Op::LoadCap, Ty::I64, &[array]);
            let k = self.add_guard(Op::GuardIndex, Ty::I64, &[k, cap], Reason::Bounds);
            let v = self.add(Op::LoadElem, Ty::Any, &[array, k]);
            return Some(match bits & (seen::ELEM_INT | seen::ELEM_FLOAT | seen::ELEM_OTHER) {
                seen::ELEM_INT => self.guard_int(v, true),
                seen::ELEM_FLOAT => self.guard_float(v),
                _ => self.guard_kind(v, Kinds::NOT_NIL, Reason::IsNil),
            });
        }
        let slow = self.new_block(true);
        let mut ends = Vec::new();
        if bits & seen::ARRAY != 0 {
            let (array, inside) = self.in_array(t, k);
            self.check(inside, Miss::Go(slow), Reason::Bounds);
            let v = self.add(Op::LoadElem, Ty::Any, &[array, k]);
            let v = self.check_not_nil(v, Miss::Go(slow));
            ends.push((self.cur, v));
        } else {
            self.jump_block(slow);
        }
        self.switch_to(slow);
        let plain = self.add_guard(Op::GuardPlain, Ty::Any, &[t], Reason::Shape);
        let key = self.any(k);
        let v = self.add(Op::Rt(RtOp::RawGet), Ty::Any, &[plain, key]);
        ends.push((self.cur, v));
        Some(self.join(ends))
    }

    /// The element, or what `__index` says when there is none.
    fn get_element_or_call(&mut self, o: V, key: V, array: bool) -> Option<V> {
        let t = self.guard_table(o);
        let slow = self.new_block(false);
        let mut ends = Vec::new();
        if array {
            let hash = self.new_block(true);
            let k = self.guard_int(key, true);
            let (part, inside) = self.in_array(t, k);
            self.check(inside, Miss::Go(hash), Reason::Bounds);
            let v = self.add(Op::LoadElem, Ty::Any, &[part, k]);
            let v = self.check_not_nil(v, Miss::Go(slow));
            ends.push((self.cur, v));
            self.switch_to(hash);
        }
        let boxed = self.any(key);
        let v = self.add(Op::Rt(RtOp::RawGet), Ty::Any, &[t, boxed]);
        let v = self.check_not_nil(v, Miss::Go(slow));
        ends.push((self.cur, v));
        self.switch_to(slow);
        let env = self.cx.env.clone();
        let to = self.proto().code[self.cx.pc].a();
        let other = match self.element_metamethod(Metamethod::Index, o) {
            Some(found) => self.call_element_metamethod(found, &[t, key], to),
            None => Some(self.generic_get(o, key)),
        };
        if let Some(v) = other && !self.dead {
            ends.push((self.cur, v));
        }
        self.dead = false;
        self.cx.env = env;
        let v = self.join(ends);
        self.cx.forget_state();
        Some(v)
    }

    /// Tests everything; what is no element goes to the runtime.
    fn get_element_or_runtime(&mut self, o: V, key: V) -> V {
        let slow = self.new_block(true);
        let miss = Miss::Go(slow);
        let t = self.check_table(o, miss);
        let small = self.is_kind(key, Kinds::SMALL);
        let (array, v);
        if self.f.ty(key) != Ty::I64 {
            self.check(small, miss, Reason::NotInt);
        }
        let k = self.unboxed_int(key);
        let inside;
        (array, inside) = self.in_array(t, k);
        self.check(inside, miss, Reason::Bounds);
        v = self.add(Op::LoadElem, Ty::Any, &[array, k]);
        let v = self.check_not_nil(v, miss);
        let end = self.cur;
        self.switch_to(slow);
        let other = self.generic_get(o, key);
        let v = self.join(vec![(end, v), (self.cur, other)]);
        self.cx.forget_state();
        v
    }

    fn generic_set(&mut self, o: V, key: V, v: V) {
        let (o, v) = (self.any(o), self.any(v));
        if self.f.ty(key) == Ty::I64 {
            self.add(Op::Rt(RtOp::SetInt), Ty::Void, &[o, key, v]);
        } else {
            let key = self.any(key);
            self.add(Op::Rt(RtOp::SetTable), Ty::Void, &[o, key, v]);
        }
    }

    /// `o[key] = v`.
    fn set_index(&mut self, o: V, key: V, v: V, s: u16) {
        let bits = self.proto().feedback.index(s).seen;
        let bets = bits & seen::EXITED == 0 && !self.job.options.no_feedback;
        if bits == 0 && bets && self.unseen() {
            return;
        }
        let integers = self.integer_keys(key, bits);
        if bits & seen::META != 0 && bets && self.kinds(o).meets(Kinds::TABLE) {
            return self.set_element_or_call(o, key, v);
        }
        if bits & seen::META != 0 || self.job.options.no_feedback || !self.kinds(o).meets(Kinds::TABLE) || !integers && !bets {
            return self.generic_set(o, key, v);
        }
        if !integers {
            let t = self.guard_table(o);
            let t = self.add_guard(Op::GuardPlain, Ty::Any, &[t], Reason::Shape);
            let (key, v) = (self.any(key), self.any(v));
            self.add(Op::Rt(RtOp::RawSet), Ty::Void, &[t, key, v]);
            return;
        }
        if !bets {
            return self.set_element_or_runtime(o, key, v);
        }
        let t = self.guard_table(o);
        let k = self.guard_int(key, true);
        let t = self.add_guard(Op::GuardPlain, Ty::Any, &[t], Reason::Shape);
        let v = self.any(v);
        let barrier = self.needs_barrier(v);
        if bits & (seen::APPEND | seen::INT_HASH) == 0 {
            let array = self.add(Op::LoadArray, Ty::Any, &[t]);
            let cap = self.add(Op::LoadCap, Ty::I64, &[array]);
            let k = self.add_guard(Op::GuardIndex, Ty::I64, &[k, cap], Reason::Bounds);
            self.add(Op::StoreElem { barrier }, Ty::Void, &[array, k, v]);
            return;
        }
        let (array, inside) = self.in_array(t, k);
        let slow = self.split(inside);
        self.add(Op::StoreElem { barrier }, Ty::Void, &[array, k, v]);
        let end = self.cur;
        self.f.block_mut(slow).cold = bits & seen::ARRAY != 0;
        self.switch_to(slow);
        self.add(Op::Rt(RtOp::RawSetInt), Ty::Void, &[t, k, v]);
        self.join_void(vec![end, self.cur]);
    }

    /// Stores to an existing element, or calls `__newindex`.
    fn set_element_or_call(&mut self, o: V, key: V, v: V) {
        let Some(found) = self.element_metamethod(Metamethod::NewIndex, o) else { return self.generic_set(o, key, v) };
        let t = self.guard_table(o);
        let boxed = self.any(key);
        let old = self.add(Op::Rt(RtOp::RawGet), Ty::Any, &[t, boxed]);
        let some = self.is_kind(old, Kinds::NOT_NIL);
        let (exists, absent) = self.branch_blocks(some, None);
        self.switch_to(absent);
        let env = self.cx.env.clone();
        self.call_element_metamethod(found, &[t, key, v], NOWHERE);
        let mut ends = Vec::new();
        if !self.dead {
            ends.push(self.cur);
        }
        self.dead = false;
        self.cx.env = env;
        self.switch_to(exists);
        let v = self.any(v);
        self.add(Op::Rt(RtOp::RawSet), Ty::Void, &[t, boxed, v]);
        ends.push(self.cur);
        self.join_void(ends);
    }

    /// `t[#t + 1] = v` of a table without metatable.
    pub(super) fn append(&mut self, t: V, v: V) {
        let n = self.add(Op::TableLen, Ty::I64, &[t]);
        let one = self.const_int(1);
        let k = self.add(Op::AddI, Ty::I64, &[n, one]);
        let v = self.any(v);
        let barrier = self.needs_barrier(v);
        let (array, inside) = self.in_array(t, k);
        let slow = self.split(inside);
        self.add(Op::StoreElem { barrier }, Ty::Void, &[array, k, v]);
        let end = self.cur;
        self.switch_to(slow);
        self.add(Op::Rt(RtOp::RawSetInt), Ty::Void, &[t, k, v]);
        self.join_void(vec![end, self.cur]);
        self.cx.forget_state();
    }

    fn set_element_or_runtime(&mut self, o: V, key: V, v: V) {
        let slow = self.new_block(true);
        let miss = Miss::Go(slow);
        let t = self.check_table(o, miss);
        if self.f.ty(key) != Ty::I64 {
            let small = self.is_kind(key, Kinds::SMALL);
            self.check(small, miss, Reason::NotInt);
        }
        let k = self.unboxed_int(key);
        let (array, inside) = self.in_array(t, k);
        self.check(inside, miss, Reason::Bounds);
        let old = self.add(Op::LoadElem, Ty::Any, &[array, k]);
        self.check_not_nil(old, miss);
        let boxed = self.any(v);
        let barrier = self.needs_barrier(boxed);
        self.add(Op::StoreElem { barrier }, Ty::Void, &[array, k, boxed]);
        let end = self.cur;
        self.switch_to(slow);
        self.generic_set(o, key, v);
        self.join_void(vec![end, self.cur]);
    }
}
