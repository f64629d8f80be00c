//! Calls, returns and varargs in the convention of compiled code (`vm_bridge::runtime::call`).
//!
//! A call is one indirect call of `entry(vm, closure, nargs, a0, a1, a2)`: every callee has such an entry, compiled or not;
//! what is no closure goes to `rt_call`, which has the same signature. Tail calls are calls in tail position without a
//! safepoint, which the code generator makes jumps (TAIL-1: the caller's frame is gone; all values travel in machine
//! registers or `vm.args`).
use super::LowerError;
use super::machine::*;
use super::function::Lowering;
use crate::ssa::ir::{Callee, Op, V, Want};
use crate::ssa::types::Kinds;
use selune_core::native_state::{ARG_REGISTERS, ARG_SLOTS};
use selune_core::object::Kind;
use selune_core::value::MULTI;
use vm_bridge::layout::{self, RawField, SLOT};
use vm_bridge::runtime::RtFn;

/// `vm.args[i]`.
pub(super) const fn arg_slot(i: usize) -> RawField {
    RawField { offset: layout::VM_ARGS.offset + SLOT * i, ..layout::VM_ARGS }
}

/// The machine arguments of a call.
struct Arguments<X> {
    f: X,
    count: X,
    registers: [X; ARG_REGISTERS],
}

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn lower_call(&mut self, v: V, callee: Callee, want: Want) -> Result<()> {
        let entry = self.entry_of(v, callee)?;
        let arguments = self.arguments(v)?;
        let r = self.call(v, entry, &arguments)?;
        self.take_results(v, r, want)
    }

    pub(super) fn lower_call_open(&mut self, v: V, want: Want) -> Result<()> {
        let (entry, arguments) = self.open_call(v)?;
        let r = self.call(v, entry, &arguments)?;
        self.take_results(v, r, want)
    }

    pub(super) fn lower_tail_call(&mut self, v: V, callee: Callee) -> Result<()> {
        let f = self.arg(v, 0)?;
        match callee {
            Callee::Own | Callee::Proto(_) | Callee::Closure => {
                let entry = self.entry_of(v, callee)?;
                let arguments = self.arguments(v)?;
                self.jump_to(v, entry, &arguments)
            }
            Callee::Native(_) => {
                let arguments = self.arguments(v)?;
                self.call_and_return(v, RtFn::Call, &arguments)
            }
            Callee::Any => {
                let arguments = self.arguments(v)?;
                self.tail_call_any(v, self.kinds(f), &arguments, RtFn::Call)
            }
        }
    }

    pub(super) fn lower_tail_call_open(&mut self, v: V) -> Result<()> {
        let callee = self.arg(v, 0)?;
        self.insert_open(v, 1)?;
        let (arguments, many) = self.open_arguments(self.any(callee)?)?;
        let (few, more) = (self.e.block("few")?, self.e.block("more")?);
        self.e.branch(many, more, few, Likely::No)?;
        self.e.switch_to(more);
        self.call_and_return(v, RtFn::CallMore, &arguments)?;
        self.e.switch_to(few);
        self.tail_call_any(v, self.kinds(callee), &arguments, RtFn::Call)
    }

    /// A closure is jumped to. Anything else is called: natives see the function that calls them (positions of errors).
    fn tail_call_any(&mut self, v: V, kinds: Kinds, a: &Arguments<M::X>, other: RtFn) -> Result<()> {
        let (closure, rest) = (self.e.block("closure")?, self.e.block("other")?);
        if kinds.meets(Kinds::FUNCTION) {
            if !kinds.within(Kinds::FUNCTION) {
                let function = self.e.block("function")?;
                let is_function = self.e.is_function(a.f)?;
                self.e.branch(is_function, function, rest, Likely::Yes)?;
                self.e.switch_to(function);
            }
            let kind = self.e.load(a.f, layout::FUNCTION_KIND, MTy::I8)?;
            let is_closure = self.e.eq(kind, self.e.int8(Kind::Closure as u8))?;
            self.e.branch(is_closure, closure, rest, Likely::Rather)?;
            self.e.switch_to(closure);
            let entry = Target::Entry(self.e.entry_of_closure(a.f)?);
            self.jump_to(v, entry, a)?;
        } else {
            self.e.jump(rest)?;
            self.e.switch_to(closure);
            self.e.unreachable()?;
        }
        self.e.switch_to(rest);
        self.call_and_return(v, other, a)
    }

    fn call_and_return(&mut self, v: V, f: RtFn, a: &Arguments<M::X>) -> Result<()> {
        let entry = Target::Entry(self.e.runtime_entry(f)?);
        let r = self.call(v, entry, a)?;
        self.release_varargs()?;
        self.e.return_value(r)
    }

    /// Machine address of the callee's register entry.
    fn entry_of(&mut self, v: V, callee: Callee) -> Result<Target<M::X>> {
        let f = self.arg(v, 0)?;
        match callee {
            Callee::Own if !self.func.osr => return Ok(Target::Own),
            Callee::Own => self.entry_of_proto(self.proto_address(0)?),
            Callee::Proto(p) => self.entry_of_proto(self.proto_address(p)?),
            Callee::Closure => self.e.entry_of_closure(self.any(f)?),
            Callee::Native(_) => self.e.runtime_entry(RtFn::Call),
            Callee::Any => self.entry_of_any(self.any(f)?, self.kinds(f)),
        }
        .map(Target::Entry)
    }

    fn entry_of_proto(&self, proto: usize) -> Result<M::X> {
        self.e.load_raw(self.e.address(proto), layout::PROTO_ENTRY, MTy::Raw)
    }

    fn entry_of_any(&mut self, f: M::X, kinds: Kinds) -> Result<M::X> {
        if kinds.within(Kinds::CLOSURE) {
            return self.e.entry_of_closure(f);
        }
        let other = self.e.runtime_entry(RtFn::Call)?;
        if !kinds.meets(Kinds::CLOSURE) {
            return Ok(other);
        }
        let e = self.e;
        let ty = MTy::Raw;
        let from_function = |e: &M| {
            let kind = e.load(f, layout::FUNCTION_KIND, MTy::I8)?;
            let closure = e.eq(kind, e.int8(Kind::Closure as u8))?;
            e.diamond(closure, Likely::Rather, ty, |e| e.entry_of_closure(f), |_| Ok(other))
        };
        if kinds.within(Kinds::FUNCTION) {
            return from_function(e);
        }
        let function = e.is_function(f)?;
        e.diamond(function, Likely::Yes, ty, from_function, |_| Ok(other))
    }

    /// Arguments from the fourth on go into `vm.args`.
    fn arguments(&mut self, v: V) -> Result<Arguments<M::X>> {
        let args = &self.func.inst(v).args;
        let (f, args) = args.split_first().ok_or(LowerError::Internal("a call of nothing"))?;
        let mut registers = [self.e.nil(); ARG_REGISTERS];
        for (i, a) in args.iter().enumerate() {
            match registers.get_mut(i) {
                Some(r) => *r = self.any(*a)?,
                None => self.e.store_raw(self.e.vm(), arg_slot(i), self.any(*a)?)?,
            }
        }
        Ok(Arguments { f: self.any(*f)?, count: self.e.int(args.len() as i64), registers })
    }

    /// Puts fixed arguments in front of the open list; the callee's entry and the arguments.
    fn open_call(&mut self, v: V) -> Result<(Target<M::X>, Arguments<M::X>)> {
        let callee = self.arg(v, 0)?;
        let f = self.any(callee)?;
        self.insert_open(v, 1)?;
        let entry = self.entry_of_any(f, self.kinds(callee))?;
        let more = self.e.runtime_entry(RtFn::CallMore)?;
        let (arguments, many) = self.open_arguments(f)?;
        let entry = self.e.select(many, more, entry)?;
        Ok((Target::Entry(entry), arguments))
    }

    /// The open list as arguments; whether they are so many that only the runtime can pass them.
    fn open_arguments(&self, f: M::X) -> Result<(Arguments<M::X>, M::X)> {
        let e = self.e;
        let count = e.zext(e.load_raw(e.vm(), layout::VM_NRESULTS, MTy::I32)?)?;
        let many = e.compare(IntPredicate::UGT, count, e.int(ARG_SLOTS as i64))?;
        let mut registers = [e.nil(); ARG_REGISTERS];
        for (i, r) in registers.iter_mut().enumerate() {
            *r = e.load_raw(e.vm(), arg_slot(i), MTy::Value)?;
        }
        Ok((Arguments { f, count, registers }, many))
    }

    /// Puts the operands from `first` on in front of the open list.
    pub(super) fn insert_open(&mut self, v: V, first: usize) -> Result<()> {
        let fixed: Vec<V> = self.func.inst(v).args.get(first..).unwrap_or_default().to_vec();
        let e = self.e;
        let n = e.int(fixed.len() as i64);
        let at = e.runtime_result(RtFn::OpenInsert, &[e.vm(), n], 0)?;
        let at = e.address_of_bits(at)?;
        for (i, a) in fixed.into_iter().enumerate() {
            let slot = self.e.offset(at, self.e.int((SLOT * i) as i64))?;
            self.e.store_at(slot, self.any(a)?, layout::VM_ARGS.class)?;
        }
        Ok(())
    }

    fn call(&self, v: V, target: Target<M::X>, a: &Arguments<M::X>) -> Result<M::X> {
        let [a0, a1, a2] = a.registers;
        self.e.call(target, [a.f, a.count, a0, a1, a2], self.site(v))
    }

    fn jump_to(&mut self, v: V, target: Target<M::X>, a: &Arguments<M::X>) -> Result<()> {
        self.release_varargs()?;
        if self.func.osr {
            let r = self.call(v, target, a)?;
            return self.e.return_value(r);
        }
        let [a0, a1, a2] = a.registers;
        self.e.jump_to(target, [a.f, a.count, a0, a1, a2])
    }

    fn take_results(&mut self, v: V, r: M::X, want: Want) -> Result<()> {
        match want {
            Want::None => return Ok(()),
            Want::Raw => {
                self.set(v, r);
                return Ok(());
            }
            _ => {}
        }
        let several = self.e.same(r, self.e.constant(MULTI))?;
        match want {
            Want::None | Want::Raw => {}
            Want::One => {
                let ty = MTy::Value;
                let first = self.e.diamond(
                    several,
                    Likely::No,
                    ty,
                    |e| e.runtime_result(RtFn::FirstResult, &[e.vm()], 0),
                    |_| Ok(r),
                )?;
                self.set(v, first);
            }
            Want::Fixed(n) => self.take_fixed(v, r, several, n)?,
            Want::Open => {
                let one = self.e.not(several)?;
                self.e.when(one, Likely::Unknown, |e| {
                    e.store_raw(e.vm(), arg_slot(0), r)?;
                    e.store_raw(e.vm(), layout::VM_NRESULTS, e.int32(1))
                })?;
            }
        }
        Ok(())
    }

    /// All `n` results at once: the instructions `CallResult` behind the call find them in `results`.
    fn take_fixed(&mut self, v: V, r: M::X, several: M::X, n: u8) -> Result<()> {
        let e = self.e;
        let join = e.block_with("join", &vec![MTy::Value; n.into()])?;
        let (multi, spread, loads) = (e.block("several")?, e.block("spread")?, e.block("loads")?);
        let single = e.block("single")?;
        e.branch(several, multi, single, Likely::Unknown)?;
        e.switch_to(multi);
        let count = e.load_raw(e.vm(), layout::VM_NRESULTS, MTy::I32)?;
        let as_wanted = e.eq(count, e.int32(n.into()))?;
        e.branch(as_wanted, loads, spread, Likely::Yes)?;
        e.switch_to(spread);
        e.call_runtime(RtFn::SpreadResults, &[e.vm(), e.int(n.into())], 0)?;
        e.jump(loads)?;
        e.switch_to(loads);
        let loaded = (0..n).map(|i| e.load_raw(e.vm(), arg_slot(i.into()), MTy::Value)).collect::<Result<Vec<_>>>()?;
        e.jump_with(join, &loaded)?;
        e.switch_to(single);
        let mut alone = vec![e.nil(); n.into()];
        alone[0] = r;
        e.jump_with(join, &alone)?;
        e.switch_to(join);
        self.set(v, e.block_param(join, 0)?);
        for i in 1..n {
            self.results.insert((v, i), e.block_param(join, i.into())?);
        }
        Ok(())
    }

    pub(super) fn lower_call_result(&mut self, v: V, i: u8) -> Result<()> {
        let call = self.arg(v, 0)?;
        let r = match self.results.get(&(call, i)) {
            Some(&r) => r,
            // Runtime functions leave further results in `vm.args`.
            None => self.e.load_raw(self.e.vm(), arg_slot(i.into()), MTy::Value)?,
        };
        self.set(v, r);
        Ok(())
    }

    // ---- returns
    pub(super) fn lower_return(&mut self, v: V) -> Result<()> {
        let values: Vec<V> = self.func.inst(v).args.clone();
        self.release_varargs()?;
        let r = match values[..] {
            [one] => self.any(one)?,
            _ => {
                for (i, value) in values.iter().enumerate() {
                    self.e.store_raw(self.e.vm(), arg_slot(i), self.any(*value)?)?;
                }
                let n = self.e.int32(values.len() as u32);
                self.e.store_raw(self.e.vm(), layout::VM_NRESULTS, n)?;
                self.e.constant(MULTI)
            }
        };
        self.e.return_value(r)?;
        Ok(())
    }

    pub(super) fn lower_return_open(&mut self, v: V) -> Result<()> {
        if !self.func.inst(v).args.is_empty() {
            self.insert_open(v, 0)?;
        }
        self.release_varargs()?;
        self.e.return_value(self.e.constant(MULTI))?;
        Ok(())
    }

    // ---- varargs
    fn release_varargs(&mut self) -> Result<()> {
        if self.func.osr {
            return Ok(());
        }
        if let Some(handle) = self.varargs {
            let e = self.e;
            e.call_runtime(RtFn::VarArgRelease, &[e.vm(), handle], 0)?;
        }
        Ok(())
    }

    /// Vararg `i` (not negative) or nil.
    fn vararg(&self, handle: M::X, i: M::X) -> Result<M::X> {
        let e = self.e;
        let first = e.lshr(handle, e.word(32))?;
        let count = e.and(handle, e.word(u32::MAX.into()))?;
        let some = e.compare(IntPredicate::ULT, i, count)?;
        // The slot of the first one exists also when there is none.
        let i = e.select(some, i, e.int(0))?;
        let thread = e.load_raw(e.vm(), layout::VM_THREAD, MTy::Raw)?;
        let stack = e.load_raw(thread, layout::THREAD_STACK, MTy::Raw)?;
        let at = e.element(stack, e.add(first, i)?)?;
        let value = e.load_at(at, MTy::Value, layout::AliasClass::Vm)?;
        e.select(some, value, e.nil())
    }

    pub(super) fn lower_vararg(&mut self, v: V, op: Op) -> Result<()> {
        let site = self.entry_site();
        if op == Op::VarArgSave {
            let param = |i| self.e.parameter(i);
            let params = self.e.int(self.func.num_params.into());
            let args = [self.e.vm(), params, param(2)?, param(3)?, param(4)?, param(5)?];
            let handle = self.e.runtime_result(RtFn::VarArgSave, &args, site)?;
            self.varargs = Some(handle);
            return Ok(());
        }
        let handle = self.varargs.ok_or(LowerError::Internal("varargs that were not saved"))?;
        if let Op::VarArg(_) | Op::VarArgAt = op {
            let i = match op {
                Op::VarArg(i) => self.e.int(i.into()),
                _ => self.int_arg(v, 0)?,
            };
            let r = self.vararg(handle, i)?;
            self.set(v, r);
            return Ok(());
        }
        let e = self.e;
        match op {
            Op::VarArgCount => {
                let count = e.and(handle, e.word(u32::MAX.into()))?;
                self.set(v, count);
            }
            Op::VarArgOpen => {
                e.call_runtime(RtFn::VarArgOpen, &[e.vm(), handle], 0)?;
            }
            _ => return Err(LowerError::Internal("a vararg operation")),
        }
        Ok(())
    }
}
