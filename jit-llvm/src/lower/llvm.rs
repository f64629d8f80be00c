//! LLVM IR as the machine that lowering writes for: through inkwell, with alias classes, branch weights and statepoint ids.
//!
//! A Lua value is `ptr addrspace(1)`; addresses inside objects are made by `getelementptr` from the tagged value, so that
//! LLVM relocates them with it.
use super::LowerError;
use super::machine::*;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::basic_block::BasicBlock;
use inkwell::builder::Builder;
use inkwell::context::Context;
use inkwell::module::{Linkage, Module};
use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum, FloatType, FunctionType, IntType, PointerType};
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, CallSiteValue, FloatValue, FunctionValue, InstructionValue, IntValue,
    MetadataValue, PhiValue, PointerValue,
};
use inkwell::{AddressSpace, FloatPredicate as LlvmFloatPredicate, IntPredicate as LlvmIntPredicate};
use std::cell::RefCell;
use std::collections::HashMap;
use vm_bridge::layout::{AliasClass, RawField};
use vm_bridge::runtime::{RtEffect, RtFn, RtType};
use vm_bridge::stackmap::{EXIT_ID, LANDING_ID};

const PATCHPOINT: &str = "llvm.experimental.patchpoint.i64";

/// See the head of this file.
pub(super) struct LlvmMachine<'a, 'c> {
    context: &'c Context,
    module: &'a Module<'c>,
    b: Builder<'c>,
    function: FunctionValue<'c>,
    i1: IntType<'c>,
    i8: IntType<'c>,
    i32: IntType<'c>,
    i64: IntType<'c>,
    f64: FloatType<'c>,
    raw: PointerType<'c>,
    value: PointerType<'c>,
    tbaa: [MetadataValue<'c>; AliasClass::ALL.len()],
    weights: [MetadataValue<'c>; 3],
    tbaa_kind: u32,
    prof_kind: u32,
    runtime: RefCell<HashMap<RtFn, FunctionValue<'c>>>,
    value_functions: RefCell<HashMap<&'static str, FunctionValue<'c>>>,
    params: RefCell<HashMap<BasicBlock<'c>, Vec<PhiValue<'c>>>>,
    /// Value functions as calls of functions (for listings) or as the instructions themselves.
    listing: bool,
}

impl<'a, 'c> LlvmMachine<'a, 'c> {
    /// For a function that is to be written from its entry block on.
    pub fn new(context: &'c Context, module: &'a Module<'c>, function: FunctionValue<'c>, listing: bool) -> Self {
        let i64 = context.i64_type();
        let i32 = context.i32_type();
        let weights = |a: u64, b: u64| {
            let n = |w: u64| i32.const_int(w, false).into();
            context.metadata_node(&[context.metadata_string("branch_weights").into(), n(a), n(b)])
        };
        let root = context.metadata_node(&[context.metadata_string("selune").into()]);
        let tbaa = AliasClass::ALL.map(|class| {
            let zero = i64.const_int(0, false).into();
            let name = context.metadata_string(class.name()).into();
            let node = context.metadata_node(&[name, root.into(), zero]);
            context.metadata_node(&[node.into(), node.into(), zero])
        });
        let machine = LlvmMachine {
            context,
            module,
            b: context.create_builder(),
            function,
            i1: context.bool_type(),
            i8: context.i8_type(),
            i32,
            i64,
            f64: context.f64_type(),
            raw: context.ptr_type(AddressSpace::default()),
            value: context.ptr_type(AddressSpace::from(1)),
            tbaa,
            weights: [weights(1_048_575, 1), weights(1, 1_048_575), weights(16, 1)],
            tbaa_kind: context.get_kind_id("tbaa"),
            prof_kind: context.get_kind_id("prof"),
            runtime: RefCell::default(),
            value_functions: RefCell::default(),
            params: RefCell::default(),
            listing,
        };
        function.add_attribute(AttributeLoc::Function, machine.enum_attribute("noinline", 0));
        machine.b.position_at_end(context.append_basic_block(function, "entry"));
        machine
    }

    /// The type of compiled code's register entry.
    pub fn entry_type(context: &'c Context) -> FunctionType<'c> {
        let (raw, value) = (context.ptr_type(AddressSpace::default()), context.ptr_type(AddressSpace::from(1)));
        let i64 = context.i64_type();
        value.fn_type(&[raw.into(), value.into(), i64.into(), value.into(), value.into(), value.into()], false)
    }
    /// The type of an entry into a loop.
    pub fn osr_type(context: &'c Context) -> FunctionType<'c> {
        let (raw, value) = (context.ptr_type(AddressSpace::default()), context.ptr_type(AddressSpace::from(1)));
        value.fn_type(&[raw.into(), raw.into()], false)
    }

    fn ty(&self, ty: MTy) -> BasicTypeEnum<'c> {
        match ty {
            MTy::I1 => self.i1.into(),
            MTy::I8 => self.i8.into(),
            MTy::I32 => self.i32.into(),
            MTy::I64 => self.i64.into(),
            MTy::F64 => self.f64.into(),
            MTy::Raw => self.raw.into(),
            MTy::Value => self.value.into(),
        }
    }
    fn current(&self) -> Result<BasicBlock<'c>> {
        self.b.get_insert_block().ok_or(LowerError::Internal("no insertion point"))
    }
    fn meta(&self, i: InstructionValue<'c>, node: MetadataValue<'c>, kind: u32) -> Result<()> {
        i.set_metadata(node, kind).map_err(|_| LowerError::Internal("metadata"))
    }
    fn string_attribute(&self, key: &str, value: &str) -> Attribute {
        self.context.create_string_attribute(key, value)
    }
    fn enum_attribute(&self, name: &str, value: u64) -> Attribute {
        self.context.create_enum_attribute(Attribute::get_named_enum_kind_id(name), value)
    }
    fn integer(&self, x: BasicValueEnum<'c>) -> Result<IntValue<'c>> {
        match x {
            BasicValueEnum::IntValue(i) => Ok(i),
            _ => Err(LowerError::Internal("expected an integer")),
        }
    }
    fn double(&self, x: BasicValueEnum<'c>) -> Result<FloatValue<'c>> {
        match x {
            BasicValueEnum::FloatValue(f) => Ok(f),
            _ => Err(LowerError::Internal("expected a double")),
        }
    }
    fn pointer(&self, x: BasicValueEnum<'c>) -> Result<PointerValue<'c>> {
        match x {
            BasicValueEnum::PointerValue(p) => Ok(p),
            _ => Err(LowerError::Internal("expected a value or address")),
        }
    }

    /// The arguments that the current block passes to a block it leads to.
    fn pass(&self, to: BasicBlock<'c>, args: &[BasicValueEnum<'c>]) -> Result<()> {
        if args.is_empty() {
            return Ok(());
        }
        let from = self.current()?;
        let params = self.params.borrow();
        let phis = params.get(&to).filter(|p| p.len() == args.len()).ok_or(LowerError::Internal("other arguments than the block takes"))?;
        for (phi, arg) in phis.iter().zip(args) {
            phi.add_incoming(&[(arg as &dyn BasicValue, from)]);
        }
        Ok(())
    }

    fn machine_type(&self, t: RtType) -> Option<BasicTypeEnum<'c>> {
        Some(match t {
            RtType::Vm => self.raw.into(),
            RtType::Value => self.value.into(),
            RtType::Int | RtType::Bool => self.i64.into(),
            RtType::Float => self.f64.into(),
            RtType::Void => return None,
        })
    }
    /// The declaration of a runtime function.
    fn runtime(&self, f: RtFn) -> FunctionValue<'c> {
        if let Some(&known) = self.runtime.borrow().get(&f) {
            return known;
        }
        let params: Vec<BasicMetadataTypeEnum> = f.params().iter().filter_map(|p| self.machine_type(*p)).map(Into::into).collect();
        let ty = match self.machine_type(f.result()) {
            Some(t) => t.fn_type(&params, false),
            None => self.context.void_type().fn_type(&params, false),
        };
        let declared = self.module.add_function(f.symbol(), ty, None);
        let mut attributes = vec![self.enum_attribute("nounwind", 0), self.enum_attribute("nonlazybind", 0)];
        if f.effect().is_leaf() {
            attributes.push(self.string_attribute("gc-leaf-function", ""));
        }
        if f.effect() == RtEffect::Pure {
            attributes.push(self.enum_attribute("memory", 0));
            attributes.push(self.enum_attribute("willreturn", 0));
        }
        let cold = [RtFn::MakeRoom, RtFn::Poll, RtFn::StackOverflow, RtFn::BoxInt, RtFn::Barrier, RtFn::FirstResult, RtFn::SpreadResults];
        if cold.contains(&f) {
            attributes.push(self.enum_attribute("cold", 0));
        }
        for a in attributes {
            declared.add_attribute(AttributeLoc::Function, a);
        }
        self.runtime.borrow_mut().insert(f, declared);
        declared
    }
    fn name_site(&self, call: CallSiteValue<'c>, site: u64) {
        call.add_attribute(AttributeLoc::Function, self.string_attribute("statepoint-id", &site.to_string()));
    }
    fn call_target(&self, target: Target<BasicValueEnum<'c>>, args: CallArgs<BasicValueEnum<'c>>) -> Result<CallSiteValue<'c>> {
        let vm: BasicMetadataValueEnum = self.vm().into();
        let args: Vec<BasicMetadataValueEnum> = std::iter::once(vm).chain(args.map(Into::into)).collect();
        Ok(match target {
            Target::Own => self.b.build_direct_call(self.function, &args, "")?,
            Target::Entry(entry) => self.b.build_indirect_call(Self::entry_type(self.context), self.pointer(entry)?, &args, "")?,
        })
    }
    fn result(&self, call: CallSiteValue<'c>) -> Result<BasicValueEnum<'c>> {
        call.try_as_basic_value().basic().ok_or(LowerError::Internal("a call without result"))
    }
    /// Calls an LLVM intrinsic with a double.
    fn float_intrinsic(&self, name: &'static str, arg: BasicValueEnum<'c>) -> Result<BasicValueEnum<'c>> {
        let f = match self.module.get_function(name) {
            Some(f) => f,
            None => self.module.add_function(name, self.f64.fn_type(&[self.f64.into()], false), None),
        };
        self.result(self.b.build_direct_call(f, &[arg.into()], "")?)
    }
}

impl<'c> Machine for LlvmMachine<'_, 'c> {
    type X = BasicValueEnum<'c>;
    type Block = BasicBlock<'c>;

    fn vm(&self) -> Self::X {
        // Every function has this parameter.
        self.function.get_nth_param(0).unwrap_or_else(|| self.raw.const_null().into())
    }
    fn parameter(&self, i: u32) -> Result<Self::X> {
        self.function.get_nth_param(i).ok_or(LowerError::Internal("a parameter is missing"))
    }

    fn constant_of(&self, ty: MTy, bits: u64) -> Self::X {
        match ty {
            MTy::I1 => self.i1.const_int(bits, false).into(),
            MTy::I8 => self.i8.const_int(bits, false).into(),
            MTy::I32 => self.i32.const_int(bits, false).into(),
            MTy::I64 => self.i64.const_int(bits, false).into(),
            MTy::F64 => self.f64.const_float(f64::from_bits(bits)).into(),
            MTy::Raw => self.i64.const_int(bits, false).const_to_pointer(self.raw).into(),
            MTy::Value => self.i64.const_int(bits, false).const_to_pointer(self.value).into(),
        }
    }
    /// NaNs keep their sign and payload.
    fn float(&self, bits: u64) -> Result<Self::X> {
        let f = f64::from_bits(bits);
        if !f.is_nan() {
            return Ok(self.f64.const_float(f).into());
        }
        Ok(self.b.build_bit_cast(self.i64.const_int(bits, false), self.f64, "")?)
    }
    fn is_constant(&self, x: Self::X) -> bool {
        matches!(x, BasicValueEnum::FloatValue(f) if f.is_const())
    }

    fn block_with(&self, name: &str, params: &[MTy]) -> Result<Self::Block> {
        let block = self.context.append_basic_block(self.function, name);
        if !params.is_empty() {
            let here = self.current()?;
            self.b.position_at_end(block);
            let phis = params.iter().map(|ty| self.b.build_phi(self.ty(*ty), "")).collect::<std::result::Result<Vec<_>, _>>()?;
            self.params.borrow_mut().insert(block, phis);
            self.b.position_at_end(here);
        }
        Ok(block)
    }
    fn block_param(&self, b: Self::Block, i: usize) -> Result<Self::X> {
        let params = self.params.borrow();
        let phi = params.get(&b).and_then(|p| p.get(i)).ok_or(LowerError::Internal("a block without this parameter"))?;
        Ok(phi.as_basic_value())
    }
    fn switch_to(&self, b: Self::Block) {
        self.b.position_at_end(b);
    }
    fn set_cold(&self, _: Self::Block) {}
    fn jump_with(&self, to: Self::Block, args: &[Self::X]) -> Result<()> {
        self.pass(to, args)?;
        self.b.build_unconditional_branch(to)?;
        Ok(())
    }
    fn branch_with(&self, c: Self::X, then: Self::Block, then_args: &[Self::X], els: Self::Block, els_args: &[Self::X], likely: Likely) -> Result<()> {
        self.pass(then, then_args)?;
        self.pass(els, els_args)?;
        let branch = self.b.build_conditional_branch(self.integer(c)?, then, els)?;
        let weights = match likely {
            Likely::Yes => self.weights[0],
            Likely::No => self.weights[1],
            Likely::Rather => self.weights[2],
            Likely::Unknown => return Ok(()),
        };
        self.meta(branch, weights, self.prof_kind)
    }
    fn unreachable(&self) -> Result<()> {
        self.b.build_unreachable()?;
        Ok(())
    }
    fn return_value(&self, x: Self::X) -> Result<()> {
        self.b.build_return(Some(&x))?;
        Ok(())
    }

    fn int_op(&self, op: IntOp, a: Self::X, b: Self::X) -> Result<Self::X> {
        let (x, y, b) = (self.integer(a)?, self.integer(b)?, &self.b);
        Ok(match op {
            IntOp::Add => b.build_int_add(x, y, "")?,
            IntOp::AddNoWrap => b.build_int_nsw_add(x, y, "")?,
            IntOp::Sub => b.build_int_sub(x, y, "")?,
            IntOp::SubNoWrap => b.build_int_nsw_sub(x, y, "")?,
            IntOp::Mul => b.build_int_mul(x, y, "")?,
            IntOp::And => b.build_and(x, y, "")?,
            IntOp::Or => b.build_or(x, y, "")?,
            IntOp::Xor => b.build_xor(x, y, "")?,
            IntOp::Shl => b.build_left_shift(x, y, "")?,
            IntOp::Lshr => b.build_right_shift(x, y, false, "")?,
            IntOp::Ashr => b.build_right_shift(x, y, true, "")?,
            IntOp::Udiv => b.build_int_unsigned_div(x, y, "")?,
            IntOp::Urem => b.build_int_unsigned_rem(x, y, "")?,
            IntOp::Sdiv => b.build_int_signed_div(x, y, "")?,
            IntOp::Srem => b.build_int_signed_rem(x, y, "")?,
        }
        .into())
    }
    fn float_op(&self, op: FloatOp, a: Self::X, b: Self::X) -> Result<Self::X> {
        let (x, y, b) = (self.double(a)?, self.double(b)?, &self.b);
        Ok(match op {
            FloatOp::Add => b.build_float_add(x, y, "")?,
            FloatOp::Sub => b.build_float_sub(x, y, "")?,
            FloatOp::Mul => b.build_float_mul(x, y, "")?,
            FloatOp::Div => b.build_float_div(x, y, "")?,
        }
        .into())
    }
    fn float_fn(&self, f: FloatFn, a: Self::X) -> Result<Self::X> {
        match f {
            FloatFn::Neg => Ok(self.b.build_float_neg(self.double(a)?, "")?.into()),
            FloatFn::Abs => self.float_intrinsic("llvm.fabs.f64", a),
            FloatFn::Sqrt => self.float_intrinsic("llvm.sqrt.f64", a),
            FloatFn::Floor => self.float_intrinsic("llvm.floor.f64", a),
            FloatFn::Ceil => self.float_intrinsic("llvm.ceil.f64", a),
        }
    }
    fn compare(&self, p: IntPredicate, a: Self::X, b: Self::X) -> Result<Self::X> {
        let p = match p {
            IntPredicate::EQ => LlvmIntPredicate::EQ,
            IntPredicate::NE => LlvmIntPredicate::NE,
            IntPredicate::SLT => LlvmIntPredicate::SLT,
            IntPredicate::SLE => LlvmIntPredicate::SLE,
            IntPredicate::SGT => LlvmIntPredicate::SGT,
            IntPredicate::SGE => LlvmIntPredicate::SGE,
            IntPredicate::ULT => LlvmIntPredicate::ULT,
            IntPredicate::ULE => LlvmIntPredicate::ULE,
            IntPredicate::UGT => LlvmIntPredicate::UGT,
            IntPredicate::UGE => LlvmIntPredicate::UGE,
        };
        Ok(match (a, b) {
            (BasicValueEnum::PointerValue(a), BasicValueEnum::PointerValue(b)) => self.b.build_int_compare(p, a, b, "")?,
            _ => self.b.build_int_compare(p, self.integer(a)?, self.integer(b)?, "")?,
        }
        .into())
    }
    fn compare_floats(&self, p: FloatPredicate, a: Self::X, b: Self::X) -> Result<Self::X> {
        let p = match p {
            FloatPredicate::OEQ => LlvmFloatPredicate::OEQ,
            FloatPredicate::UNE => LlvmFloatPredicate::UNE,
            FloatPredicate::OLT => LlvmFloatPredicate::OLT,
            FloatPredicate::OLE => LlvmFloatPredicate::OLE,
            FloatPredicate::OGT => LlvmFloatPredicate::OGT,
            FloatPredicate::OGE => LlvmFloatPredicate::OGE,
        };
        Ok(self.b.build_float_compare(p, self.double(a)?, self.double(b)?, "")?.into())
    }
    fn not(&self, c: Self::X) -> Result<Self::X> {
        Ok(self.b.build_not(self.integer(c)?, "")?.into())
    }
    fn select(&self, c: Self::X, a: Self::X, b: Self::X) -> Result<Self::X> {
        Ok(self.b.build_select(self.integer(c)?, a, b, "")?)
    }
    fn zext(&self, x: Self::X) -> Result<Self::X> {
        Ok(self.b.build_int_z_extend(self.integer(x)?, self.i64, "")?.into())
    }
    fn lowest_bit(&self, x: Self::X) -> Result<Self::X> {
        Ok(self.b.build_int_truncate(self.integer(x)?, self.i1, "")?.into())
    }
    fn int_to_float(&self, i: Self::X) -> Result<Self::X> {
        Ok(self.b.build_signed_int_to_float(self.integer(i)?, self.f64, "")?.into())
    }
    fn float_to_int(&self, f: Self::X) -> Result<Self::X> {
        Ok(self.b.build_float_to_signed_int(self.double(f)?, self.i64, "")?.into())
    }
    fn float_bits(&self, f: Self::X) -> Result<Self::X> {
        Ok(self.b.build_bit_cast(self.double(f)?, self.i64, "")?)
    }
    fn float_of_bits(&self, bits: Self::X) -> Result<Self::X> {
        Ok(self.b.build_bit_cast(self.integer(bits)?, self.f64, "")?)
    }
    fn bits(&self, v: Self::X) -> Result<Self::X> {
        Ok(self.b.build_ptr_to_int(self.pointer(v)?, self.i64, "")?.into())
    }
    fn from_bits(&self, bits: Self::X) -> Result<Self::X> {
        Ok(self.b.build_int_to_ptr(self.integer(bits)?, self.value, "")?.into())
    }
    fn address_of_bits(&self, bits: Self::X) -> Result<Self::X> {
        Ok(self.b.build_int_to_ptr(self.integer(bits)?, self.raw, "")?.into())
    }
    fn complement(&self, x: Self::X) -> Result<Self::X> {
        Ok(self.b.build_not(self.integer(x)?, "")?.into())
    }

    fn offset(&self, p: Self::X, bytes: Self::X) -> Result<Self::X> {
        // SAFETY: not `inbounds`: any offset is defined.
        Ok(unsafe { self.b.build_gep(self.i8, self.pointer(p)?, &[self.integer(bytes)?], "")? }.into())
    }
    fn element(&self, p: Self::X, index: Self::X) -> Result<Self::X> {
        // SAFETY: as `offset`.
        Ok(unsafe { self.b.build_gep(self.i64, self.pointer(p)?, &[self.integer(index)?], "")? }.into())
    }
    fn load_at(&self, p: Self::X, ty: MTy, class: AliasClass) -> Result<Self::X> {
        let v = self.b.build_load(self.ty(ty), self.pointer(p)?, "")?;
        if let Some(i) = v.as_instruction_value() {
            self.meta(i, self.tbaa[class as usize], self.tbaa_kind)?;
        }
        Ok(v)
    }
    fn load_volatile(&self, base: Self::X, field: RawField) -> Result<Self::X> {
        let v = self.load_raw(base, field, MTy::I32)?;
        if let Some(i) = v.as_instruction_value() {
            i.set_volatile(true).map_err(|_| LowerError::Internal("a load that cannot be volatile"))?;
        }
        Ok(v)
    }
    fn store_at(&self, p: Self::X, x: Self::X, class: AliasClass) -> Result<()> {
        let i = self.b.build_store(self.pointer(p)?, x)?;
        self.meta(i, self.tbaa[class as usize], self.tbaa_kind)
    }

    fn frame_address(&self) -> Result<Self::X> {
        const NAME: &str = "llvm.frameaddress.p0";
        let f = match self.module.get_function(NAME) {
            Some(f) => f,
            None => self.module.add_function(NAME, self.raw.fn_type(&[self.i32.into()], false), None),
        };
        self.result(self.b.build_direct_call(f, &[self.i32.const_zero().into()], "")?)
    }
    fn runtime_entry(&self, f: RtFn) -> Result<Self::X> {
        Ok(self.runtime(f).as_global_value().as_pointer_value().into())
    }
    fn call_runtime(&self, f: RtFn, args: &[Self::X], site: u64) -> Result<Option<Self::X>> {
        let args: Vec<BasicMetadataValueEnum> = args.iter().map(|a| (*a).into()).collect();
        let call = self.b.build_direct_call(self.runtime(f), &args, "")?;
        if !f.effect().is_leaf() {
            self.name_site(call, site);
        }
        Ok(call.try_as_basic_value().basic())
    }
    fn call(&self, target: Target<Self::X>, args: CallArgs<Self::X>, site: u64) -> Result<Self::X> {
        let call = self.call_target(target, args)?;
        self.name_site(call, site);
        self.result(call)
    }
    fn jump_to(&self, target: Target<Self::X>, args: CallArgs<Self::X>) -> Result<()> {
        let call = self.call_target(target, args)?;
        call.set_tail_call(true);
        call.add_attribute(AttributeLoc::Function, self.string_attribute("gc-leaf-function", ""));
        self.return_value(self.result(call)?)
    }
    /// One patchpoint with the live values, then `ret`: see `vm_bridge::arch` for how it becomes a call.
    fn exit(&self, id: u64, live: &[Self::X]) -> Result<()> {
        let f = self.module.get_function(PATCHPOINT).unwrap_or_else(|| {
            let params = [self.i64.into(), self.i32.into(), self.raw.into(), self.i32.into()];
            self.module.add_function(PATCHPOINT, self.i64.fn_type(&params, true), None)
        });
        let bytes = self.i32.const_int(vm_bridge::arch::EXIT_BYTES as u64, false);
        let id = self.i64.const_int(EXIT_ID | LANDING_ID | id, false);
        let mut args: Vec<BasicMetadataValueEnum> =
            vec![id.into(), bytes.into(), self.raw.const_null().into(), self.i32.const_zero().into()];
        for x in live {
            args.push(match x {
                // The bits: of a double that turns out to be constant, LLVM would pass a place in its constant pool.
                BasicValueEnum::FloatValue(_) => self.float_bits(*x)?.into(),
                x => (*x).into(),
            });
        }
        let r = self.result(self.b.build_direct_call(f, &args, "")?)?;
        self.return_value(self.from_bits(r)?)
    }

    fn value_function(&self, name: &'static str, ret: MTy, v: Self::X, body: fn(&Self, Self::X) -> Result<Self::X>) -> Result<Self::X> {
        if !self.listing {
            return body(self, v);
        }
        let known = self.value_functions.borrow().get(name).copied();
        let f = match known {
            Some(f) => f,
            None => {
                let f = self.module.add_function(name, self.ty(ret).fn_type(&[v.get_type().into()], false), Some(Linkage::Internal));
                for (name, bits) in [("alwaysinline", 0), ("nounwind", 0), ("willreturn", 0), ("memory", 0)] {
                    f.add_attribute(AttributeLoc::Function, self.enum_attribute(name, bits));
                }
                f.add_attribute(AttributeLoc::Function, self.string_attribute("gc-leaf-function", ""));
                let here = self.current()?;
                self.b.position_at_end(self.context.append_basic_block(f, "e"));
                let param = f.get_first_param().ok_or(LowerError::Internal("a value function without parameter"))?;
                let r = body(self, param)?;
                self.b.build_return(Some(&r))?;
                self.b.position_at_end(here);
                self.value_functions.borrow_mut().insert(name, f);
                f
            }
        };
        self.result(self.b.build_direct_call(f, &[v.into()], "")?)
    }
}

