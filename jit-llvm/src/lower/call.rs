//! Calls, returns and varargs in the convention of compiled code (`vm_bridge::runtime::call`).
//!
//! A call is one indirect call of `entry(vm, closure, nargs, a0, a1, a2)`: every callee has such an entry, compiled or not;
//! what is no closure goes to `rt_call`, which has the same signature. Tail calls are calls in tail position without a
//! safepoint, which the code generator makes jumps (TAIL-1: the caller's frame is gone; all values travel in machine
//! registers or `vm.args`).
use super::LowerError;
use super::emit::{Emit, Likely, Result};
use super::function::Lowering;
use crate::ssa::ir::{Callee, Op, V, Want};
use crate::ssa::types::Kinds;
use inkwell::IntPredicate;
use inkwell::attributes::AttributeLoc;
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum, CallSiteValue, IntValue, PointerValue};
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
struct Arguments<'c> {
    f: PointerValue<'c>,
    count: IntValue<'c>,
    registers: [PointerValue<'c>; ARG_REGISTERS],
}

impl<'c> Lowering<'_, '_, 'c> {
    pub(super) fn lower_call(&mut self, v: V, callee: Callee, want: Want) -> Result<()> {
        let entry = self.entry_of(v, callee)?;
        let arguments = self.arguments(v)?;
        let call = self.call(entry, &arguments)?;
        self.e.name_site(call, self.site(v));
        self.take_results(v, call, want)
    }

    pub(super) fn lower_call_open(&mut self, v: V, want: Want) -> Result<()> {
        let (entry, arguments) = self.open_call(v)?;
        let call = self.call(entry, &arguments)?;
        self.e.name_site(call, self.site(v));
        self.take_results(v, call, want)
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
        let (few, more) = (self.e.block("few"), self.e.block("more"));
        self.e.branch(many, more, few, Likely::No)?;
        self.e.b.position_at_end(more);
        self.call_and_return(v, RtFn::CallMore, &arguments)?;
        self.e.b.position_at_end(few);
        self.tail_call_any(v, self.kinds(callee), &arguments, RtFn::Call)
    }

    /// A closure is jumped to. Anything else is called: natives see the function that calls them (positions of errors).
    fn tail_call_any(&mut self, v: V, kinds: Kinds, a: &Arguments<'c>, other: RtFn) -> Result<()> {
        let (closure, rest) = (self.e.block("closure"), self.e.block("other"));
        if kinds.meets(Kinds::FUNCTION) {
            if !kinds.within(Kinds::FUNCTION) {
                let function = self.e.block("function");
                let is_function = self.e.is_function(a.f)?;
                self.e.branch(is_function, function, rest, Likely::Yes)?;
                self.e.b.position_at_end(function);
            }
            let kind = self.e.load_int(a.f, layout::FUNCTION_KIND, self.e.i8)?;
            let is_closure = self.e.eq(kind, self.e.i8.const_int(Kind::Closure as u64, false))?;
            self.e.branch(is_closure, closure, rest, Likely::Rather)?;
            self.e.b.position_at_end(closure);
            let entry = self.e.entry_of_closure(a.f)?;
            self.jump_to(v, entry, a)?;
        } else {
            self.e.jump(rest)?;
            self.e.b.position_at_end(closure);
            self.e.b.build_unreachable()?;
        }
        self.e.b.position_at_end(rest);
        self.call_and_return(v, other, a)
    }

    fn call_and_return(&mut self, v: V, f: RtFn, a: &Arguments<'c>) -> Result<()> {
        let entry = self.e.runtime(f).as_global_value().as_pointer_value();
        let call = self.call(entry, a)?;
        self.e.name_site(call, self.site(v));
        let r = call.try_as_basic_value().basic().ok_or(LowerError::Internal("a call without result"))?;
        self.release_varargs()?;
        self.e.b.build_return(Some(&r))?;
        Ok(())
    }

    /// Machine address of the callee's register entry.
    fn entry_of(&mut self, v: V, callee: Callee) -> Result<PointerValue<'c>> {
        let f = self.arg(v, 0)?;
        match callee {
            Callee::Own if !self.func.osr => Ok(self.e.function.as_global_value().as_pointer_value()),
            Callee::Own => self.entry_of_proto(self.proto_address(0)?),
            Callee::Proto(p) => self.entry_of_proto(self.proto_address(p)?),
            Callee::Closure => self.e.entry_of_closure(self.any(f)?),
            Callee::Native(_) => Ok(self.e.runtime(RtFn::Call).as_global_value().as_pointer_value()),
            Callee::Any => self.entry_of_any(self.any(f)?, self.kinds(f)),
        }
    }

    fn entry_of_proto(&self, proto: usize) -> Result<PointerValue<'c>> {
        Ok(self.e.load_raw(self.e.address(proto), layout::PROTO_ENTRY, self.e.raw)?.into_pointer_value())
    }

    fn entry_of_any(&mut self, f: PointerValue<'c>, kinds: Kinds) -> Result<PointerValue<'c>> {
        if kinds.within(Kinds::CLOSURE) {
            return self.e.entry_of_closure(f);
        }
        let other = self.e.runtime(RtFn::Call).as_global_value().as_pointer_value();
        if !kinds.meets(Kinds::CLOSURE) {
            return Ok(other);
        }
        let e = &mut self.e;
        let ty = e.raw;
        let from_function = |e: &mut Emit<'_, 'c>| {
            let kind = e.load_int(f, layout::FUNCTION_KIND, e.i8)?;
            let closure = e.eq(kind, e.i8.const_int(Kind::Closure as u64, false))?;
            e.diamond(closure, Likely::Rather, ty, |e| Ok(e.entry_of_closure(f)?.into()), |_| Ok(other.into()))
        };
        if kinds.within(Kinds::FUNCTION) {
            return Ok(from_function(e)?.into_pointer_value());
        }
        let function = e.is_function(f)?;
        Ok(e.diamond(function, Likely::Yes, ty, from_function, |_| Ok(other.into()))?.into_pointer_value())
    }

    /// Arguments from the fourth on go into `vm.args`.
    fn arguments(&mut self, v: V) -> Result<Arguments<'c>> {
        let args = &self.func.inst(v).args;
        let (f, args) = args.split_first().ok_or(LowerError::Internal("a call of nothing"))?;
        let mut registers = [self.e.nil(); ARG_REGISTERS];
        for (i, a) in args.iter().enumerate() {
            match registers.get_mut(i) {
                Some(r) => *r = self.any(*a)?,
                None => self.e.store_raw(self.e.vm, arg_slot(i), self.any(*a)?)?,
            }
        }
        Ok(Arguments { f: self.any(*f)?, count: self.e.int(args.len() as i64), registers })
    }

    /// Puts fixed arguments in front of the open list; the callee's entry and the arguments.
    fn open_call(&mut self, v: V) -> Result<(PointerValue<'c>, Arguments<'c>)> {
        let callee = self.arg(v, 0)?;
        let f = self.any(callee)?;
        self.insert_open(v, 1)?;
        let entry = self.entry_of_any(f, self.kinds(callee))?;
        let more = self.e.runtime(RtFn::CallMore).as_global_value().as_pointer_value();
        let (arguments, many) = self.open_arguments(f)?;
        let entry = self.e.select(many, more, entry)?.into_pointer_value();
        Ok((entry, arguments))
    }

    /// The open list as arguments; whether they are so many that only the runtime can pass them.
    fn open_arguments(&self, f: PointerValue<'c>) -> Result<(Arguments<'c>, IntValue<'c>)> {
        let e = &self.e;
        let count = e.zext(e.load_raw(e.vm, layout::VM_NRESULTS, e.i32)?.into_int_value())?;
        let many = e.compare(IntPredicate::UGT, count, e.int(ARG_SLOTS as i64))?;
        let mut registers = [e.nil(); ARG_REGISTERS];
        for (i, r) in registers.iter_mut().enumerate() {
            *r = e.load_raw(e.vm, arg_slot(i), e.value)?.into_pointer_value();
        }
        Ok((Arguments { f, count, registers }, many))
    }

    /// Puts the operands from `first` on in front of the open list.
    pub(super) fn insert_open(&mut self, v: V, first: usize) -> Result<()> {
        let fixed: Vec<V> = self.func.inst(v).args.get(first..).unwrap_or_default().to_vec();
        let e = &mut self.e;
        let n = e.int(fixed.len() as i64);
        let at = e.runtime_result(RtFn::OpenInsert, &[e.vm.into(), n.into()], 0)?.into_int_value();
        let at = e.b.build_int_to_ptr(at, e.raw, "")?;
        for (i, a) in fixed.into_iter().enumerate() {
            let slot = self.e.offset(at, self.e.int((SLOT * i) as i64))?;
            self.e.store_at(slot, self.any(a)?, layout::VM_ARGS.class)?;
        }
        Ok(())
    }

    fn call(&self, entry: PointerValue<'c>, a: &Arguments<'c>) -> Result<CallSiteValue<'c>> {
        let [a0, a1, a2] = a.registers;
        let args: [BasicMetadataValueEnum; 6] = [self.e.vm.into(), a.f.into(), a.count.into(), a0.into(), a1.into(), a2.into()];
        let ty = Emit::entry_type(self.e.context);
        if entry == self.e.function.as_global_value().as_pointer_value() {
            return Ok(self.e.b.build_direct_call(self.e.function, &args, "")?);
        }
        Ok(self.e.b.build_indirect_call(ty, entry, &args, "")?)
    }

    fn jump_to(&mut self, v: V, entry: PointerValue<'c>, a: &Arguments<'c>) -> Result<()> {
        self.release_varargs()?;
        let call = self.call(entry, a)?;
        if self.func.osr {
            self.e.name_site(call, self.site(v));
        } else {
            call.set_tail_call(true);
            call.add_attribute(AttributeLoc::Function, self.e.string_attribute("gc-leaf-function", ""));
        }
        let r = call.try_as_basic_value().basic().ok_or(LowerError::Internal("a call without result"))?;
        self.e.b.build_return(Some(&r))?;
        Ok(())
    }

    fn take_results(&mut self, v: V, call: CallSiteValue<'c>, want: Want) -> Result<()> {
        let r = call.try_as_basic_value().basic().ok_or(LowerError::Internal("a call without result"))?.into_pointer_value();
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
                let ty = self.e.value;
                let first = self.e.diamond(
                    several,
                    Likely::No,
                    ty,
                    |e| e.runtime_result(RtFn::FirstResult, &[e.vm.into()], 0),
                    |_| Ok(r.into()),
                )?;
                self.set(v, first);
            }
            Want::Fixed(n) => self.take_fixed(v, r, several, n)?,
            Want::Open => {
                let one = self.e.b.build_not(several, "")?;
                self.e.when(one, Likely::Unknown, |e| {
                    e.store_raw(e.vm, arg_slot(0), r)?;
                    e.store_raw(e.vm, layout::VM_NRESULTS, e.i32.const_int(1, false))
                })?;
            }
        }
        Ok(())
    }

    /// All `n` results at once: the instructions `CallResult` behind the call find them in `results`.
    fn take_fixed(&mut self, v: V, r: PointerValue<'c>, several: IntValue<'c>, n: u8) -> Result<()> {
        let e = &mut self.e;
        let (multi, spread, loads, single, join) =
            (e.block("several"), e.block("spread"), e.block("loads"), e.block("single"), e.block("join"));
        e.branch(several, multi, single, Likely::Unknown)?;
        e.b.position_at_end(multi);
        let count = e.load_raw(e.vm, layout::VM_NRESULTS, e.i32)?.into_int_value();
        let as_wanted = e.eq(count, e.i32.const_int(n.into(), false))?;
        e.branch(as_wanted, loads, spread, Likely::Yes)?;
        e.b.position_at_end(spread);
        e.call_runtime(RtFn::SpreadResults, &[e.vm.into(), e.int(n.into()).into()], 0)?;
        e.jump(loads)?;
        e.b.position_at_end(loads);
        let loaded = (0..n).map(|i| e.load_raw(e.vm, arg_slot(i.into()), e.value)).collect::<Result<Vec<_>>>()?;
        e.jump(join)?;
        e.b.position_at_end(single);
        e.jump(join)?;
        e.b.position_at_end(join);
        for (i, value) in loaded.into_iter().enumerate() {
            let otherwise: BasicValueEnum = if i == 0 { r.into() } else { self.e.nil().into() };
            let phi = self.e.phi(self.e.value, &[(value, loads), (otherwise, single)])?.into_pointer_value();
            if i == 0 {
                self.set(v, phi);
            } else {
                self.results.insert((v, i as u8), phi);
            }
        }
        Ok(())
    }

    pub(super) fn lower_call_result(&mut self, v: V, i: u8) -> Result<()> {
        let call = self.arg(v, 0)?;
        let r = match self.results.get(&(call, i)) {
            Some(&r) => r,
            // Runtime functions leave further results in `vm.args`.
            None => self.e.load_raw(self.e.vm, arg_slot(i.into()), self.e.value)?.into_pointer_value(),
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
                    self.e.store_raw(self.e.vm, arg_slot(i), self.any(*value)?)?;
                }
                let n = self.e.i32.const_int(values.len() as u64, false);
                self.e.store_raw(self.e.vm, layout::VM_NRESULTS, n)?;
                self.e.constant(MULTI)
            }
        };
        self.e.b.build_return(Some(&r))?;
        Ok(())
    }

    pub(super) fn lower_return_open(&mut self, v: V) -> Result<()> {
        if !self.func.inst(v).args.is_empty() {
            self.insert_open(v, 0)?;
        }
        self.release_varargs()?;
        self.e.b.build_return(Some(&self.e.constant(MULTI)))?;
        Ok(())
    }

    // ---- varargs
    fn release_varargs(&mut self) -> Result<()> {
        if self.func.osr {
            return Ok(());
        }
        if let Some(handle) = self.varargs {
            let e = &mut self.e;
            e.call_runtime(RtFn::VarArgRelease, &[e.vm.into(), handle.into()], 0)?;
        }
        Ok(())
    }

    pub(super) fn lower_vararg(&mut self, v: V, op: Op) -> Result<()> {
        let site = self.entry_site();
        if op == Op::VarArgSave {
            let param = |i| self.e.function.get_nth_param(i).ok_or(LowerError::Internal("a parameter is missing"));
            let params = self.e.int(self.func.num_params.into());
            let args = [self.e.vm.into(), params.into(), param(2)?, param(3)?, param(4)?, param(5)?];
            let handle = self.e.runtime_result(RtFn::VarArgSave, &args, site)?.into_int_value();
            self.varargs = Some(handle);
            return Ok(());
        }
        let handle = self.varargs.ok_or(LowerError::Internal("varargs that were not saved"))?;
        let e = &mut self.e;
        match op {
            Op::VarArgCount => {
                let count = e.and(handle, e.word(u32::MAX.into()))?;
                self.set(v, count);
            }
            Op::VarArg(i) => {
                let r = e.runtime_result(RtFn::VarArgGet, &[e.vm.into(), handle.into(), e.int(i.into()).into()], 0)?;
                self.set(v, r);
            }
            Op::VarArgOpen => {
                e.call_runtime(RtFn::VarArgOpen, &[e.vm.into(), handle.into()], 0)?;
            }
            _ => return Err(LowerError::Internal("a vararg operation")),
        }
        Ok(())
    }
}

impl<'c> Emit<'_, 'c> {
    fn entry_of_closure(&self, f: PointerValue<'c>) -> Result<PointerValue<'c>> {
        let proto = self.load(f, layout::CLOSURE_PROTO, self.raw)?.into_pointer_value();
        Ok(self.load_raw(proto, layout::PROTO_ENTRY, self.raw)?.into_pointer_value())
    }
}
