//! Handlers: numeric and generic for.
use super::jump::{back_edge_hot, count_down};
use super::*;
use selune_core::feedback::{CallSlot, types};
use selune_core::number;

op! { op_for_prep |vm, pc, base, i, k, fb| {
    let ra = base.add(i.a());
    let (init, limit, step) = (*ra, *ra.add(1), *ra.add(2));
    if init.is_small_int() && limit.is_small_int() && step.is_small_int() && step.as_small_int() != 0 {
        saw(pc, types::INT);
        let runs = if step.as_small_int() > 0 { init.as_small_int() <= limit.as_small_int() } else { init.as_small_int() >= limit.as_small_int() };
        if !runs { next!(vm, pc.offset(i.sbx() + 1), base, k, fb) }
        *ra.add(3) = init;
        next!(vm, pc, base, k, fb)
    }
    return for_prep_slow(vm, pc, base, k, fb)
} }

/// A prepared numeric loop: its first value, limit and step.
pub type ForState = (Value, Value, Value);

impl Vm {
    /// Prepares a numeric loop: None when it does not run. In an integer loop all three are integers and the limit is
    /// clipped to integers; otherwise all are floats.
    pub fn for_prep(&mut self, init: Value, limit: Value, step: Value) -> Result<Option<ForState>, Thrown> {
        if let (Some(a), Some(s)) = (init.as_int(), step.as_int()) {
            if s == 0 {
                return Err(self.rt_error("'for' step is zero"));
            }
            let spelled = if limit.is_string() { number::coerce(self.bytes(limit)).and_then(|n| if let number::Number::Int(i) = n { Some(i) } else { None }) } else { None };
            let l = match limit.as_int().or(spelled) {
                Some(l) => l,
                None => {
                    let Some(f) = self.for_number(limit) else { return Err(self.for_error("limit", limit)) };
                    if f.is_nan() {
                        return Ok(None);
                    }
                    match if s < 0 { number::float_to_int_ceil(f) } else { number::float_to_int_floor(f) } {
                        Some(l) => l,
                        None if f > 0.0 && s < 0 || f < 0.0 && s > 0 => return Ok(None),
                        None if f > 0.0 => i64::MAX,
                        None => i64::MIN,
                    }
                }
            };
            if if s > 0 { a > l } else { a < l } {
                return Ok(None);
            }
            return Ok(Some((init, self.int(l), step)));
        }
        let Some(l) = self.for_number(limit) else { return Err(self.for_error("limit", limit)) };
        let Some(s) = self.for_number(step) else { return Err(self.for_error("step", step)) };
        let Some(a) = self.for_number(init) else { return Err(self.for_error("initial value", init)) };
        if s == 0.0 {
            return Err(self.rt_error("'for' step is zero"));
        }
        if if s > 0.0 { l < a } else { a < l } {
            return Ok(None);
        }
        Ok(Some((Value::float(a), Value::float(l), Value::float(s))))
    }
    fn for_number(&self, v: Value) -> Option<f64> {
        self.to_number(v)
    }
    #[cold]
    fn for_error(&mut self, what: &str, v: Value) -> Thrown {
        let mut m = format!("bad 'for' {what} (number expected, got ").into_bytes();
        m.extend_from_slice(&self.type_name_of(v));
        m.push(b')');
        self.rt_error(m)
    }
    /// One step of a prepared loop: the next value, None at its end.
    pub fn for_step(&mut self, at: Value, limit: Value, step: Value) -> Option<Value> {
        if let (Some(i), Some(l), Some(s)) = (at.as_int(), limit.as_int(), step.as_int()) {
            let n = i.checked_add(s)?;
            return if if s > 0 { n <= l } else { n >= l } { Some(self.int(n)) } else { None };
        }
        let (i, l, s) = (at.as_float(), limit.as_float(), step.as_float());
        let n = i + s;
        if if s > 0.0 { n <= l } else { l <= n } { Some(Value::float(n)) } else { None }
    }
}
fn for_prep_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let (init, limit, step) = (reg(vm, i.a()), reg(vm, i.a() + 1), reg(vm, i.a() + 2));
    match vm.for_prep(init, limit, step)? {
        None => {
            let f = vm.thread_mut().frames.last_mut().expect("a Lua frame");
            // SAFETY: the target of the loop's jump is within the code.
            f.pc = unsafe { f.pc.offset(i.sbx() + 1) };
        }
        Some((a, l, s)) => {
            saw_slow(vm, if a.is_float() { types::FLOAT } else { types::INT | if l.is_boxed_int() || a.is_boxed_int() { types::BIG } else { 0 } });
            set_reg(vm, i.a(), a);
            set_reg(vm, i.a() + 1, l);
            set_reg(vm, i.a() + 2, s);
            set_reg(vm, i.a() + 3, a);
        }
    }
    Ok(Flow::Run)
}
slow!(for_prep_slow, for_prep_inner);

op! { op_for_loop |vm, pc, base, i, k, fb| {
    let ra = base.add(i.a());
    let t = tag_at(ra);
    if t == T_INT {
        // (An integer loop whose limit or step is boxed starts with a boxed value, or is left to `for_loop_big`.)
        if tag_at(ra.add(1)) != T_INT || tag_at(ra.add(2)) != T_INT { return for_loop_big(vm, pc, base, k, fb) }
        let up = |v: Value| (v.0 << 16) as i64;
        let (step, limit) = (up(*ra.add(2)), up(*ra.add(1)));
        // Beyond the integers that need no box is beyond the limit.
        let Some(n) = up(*ra).checked_add(step) else { next!(vm, pc, base, k, fb) };
        if step > 0 {
            if n > limit { next!(vm, pc, base, k, fb) }
        } else if n < limit {
            next!(vm, pc, base, k, fb)
        }
        let next = Value(selune_core::value::TAG_INT << 48 | (n as u64) >> 16);
        *ra = next;
        *ra.add(3) = next;
    } else if t < T_INT {
        let read = |slot: *mut Value| (slot as *const f64).read_volatile();
        let (s, limit) = (read(ra.add(2)), read(ra.add(1)));
        let n = read(ra) + s;
        // (A NaN, which the sum of infinities is, ends the loop.)
        let goes_on = if s > 0.0 { n <= limit } else { limit <= n };
        if !goes_on { next!(vm, pc, base, k, fb) }
        let next = Value::float_unchecked(n);
        *ra = next;
        *ra.add(3) = next;
    } else {
        return for_loop_big(vm, pc, base, k, fb)
    }
    if count_down(fb, pc) { return back_edge_hot(vm, pc, base, k, fb) }
    next!(vm, pc.offset(i.sbx()), base, k, fb)
} }
fn for_loop_big_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let (at, limit, step) = (reg(vm, i.a()), reg(vm, i.a() + 1), reg(vm, i.a() + 2));
    if let Some(n) = vm.for_step(at, limit, step) {
        set_reg(vm, i.a(), n);
        set_reg(vm, i.a() + 3, n);
        let f = vm.thread_mut().frames.last_mut().expect("a Lua frame");
        // SAFETY: the loop's body is within the code.
        f.pc = unsafe { f.pc.offset(i.sbx()) };
        if vm.heap.gc_request != 0 {
            vm.poll()?;
        }
    }
    Ok(Flow::Run)
}
slow!(for_loop_big, for_loop_big_inner);

op! { op_tfor_prep |vm, pc, base, i, k, fb| {
    let v = *base.add(i.a() + 3);
    if v.is_falsy() { next!(vm, pc.offset(i.sbx()), base, k, fb) }
    return tfor_prep_slow(vm, pc, base, k, fb)
} }
fn tfor_prep_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let base = vm.thread().frames.last().expect("a Lua frame").base;
    vm.add_tbc(base + i.a() as u32 + 3)?;
    let f = vm.thread_mut().frames.last_mut().expect("a Lua frame");
    // SAFETY: the target is within the code.
    f.pc = unsafe { f.pc.offset(i.sbx()) };
    Ok(Flow::Run)
}
slow!(tfor_prep_slow, tfor_prep_inner);

op! { op_tfor_call |vm, pc, base, i, k, fb| {
    let ra = base.add(i.a());
    let f = *ra;
    if f.is_native() {
        let function = (*f.as_native()).function as usize;
        let s: *mut CallSlot = fb_slot(fb, pc);
        if (*s).callee != function { super::call::record_callee(s, f) }
        if function == (*vm).known.next && (*ra.add(1)).is_table() {
            if let Ok(r) = (*vm).heap.next(*ra.add(1), *ra.add(2)) {
                let (key, v) = r.unwrap_or((Value::NIL, Value::NIL));
                *ra.add(4) = key;
                if i.c() > 1 { *ra.add(5) = v }
                for j in 2..i.c() { *ra.add(4 + j) = Value::NIL }
                next!(vm, pc, base, k, fb)
            }
        } else if function == (*vm).known.ipairs_iter && (*ra.add(1)).is_table() && (*ra.add(2)).is_small_int() {
            let n = (*ra.add(2)).as_small_int() + 1;
            let o = *ra.add(1);
            let v = (*vm).heap.get_int(o, n);
            if !v.is_nil() || (*vm).heap.shape_has_no_metatable((*o.as_table()).header.aux) {
                *ra.add(4) = if v.is_nil() { Value::NIL } else { Value::small_int(n) };
                if i.c() > 1 { *ra.add(5) = v }
                for j in 2..i.c() { *ra.add(4 + j) = Value::NIL }
                next!(vm, pc, base, k, fb)
            }
        }
        return super::call::tfor_native(vm, pc, base, k, fb)
    }
    if f.is_lua_closure() { return super::call::tfor_closure(vm, pc, base, k, fb) }
    return tfor_call_slow(vm, pc, base, k, fb)
} }
fn tfor_call_inner(vm: &mut Vm, i: Ins) -> Result<Flow, Thrown> {
    let at = vm.thread().frames.last().expect("a Lua frame").base + i.a() as u32;
    for j in 0..3 {
        let v = vm.get(at + j);
        vm.put(at + 4 + j, v);
    }
    let s: *mut CallSlot = fb_slot_slow(vm, i);
    super::call::record_callee(s, vm.get(at));
    vm.thread_mut().top = at + 7;
    vm.begin_call(at + 4, 2, i.c() as i32, selune_core::thread::Delivery::Call, 0)
}
slow!(tfor_call_slow, tfor_call_inner);
op! { op_tfor_loop |vm, pc, base, i, k, fb| {
    let ra = base.add(i.a());
    let v = *ra.add(4);
    if v.is_nil() { next!(vm, pc, base, k, fb) }
    *ra.add(2) = v;
    if count_down(fb, pc) { return back_edge_hot(vm, pc, base, k, fb) }
    next!(vm, pc.offset(i.sbx()), base, k, fb)
} }
