//! The builder that all of `lower` writes with: types, constants, memory accesses with alias classes, branches with
//! weights, calls of runtime functions.
//!
//! LOWER-1: a Lua value is `ptr addrspace(1)` from its definition to its last use. Addresses inside objects are made by
//! `getelementptr` from the tagged value (`field`), never through integers; `bits` is for tests and numbers.
use super::LowerError;
use inkwell::attributes::{Attribute, AttributeLoc};
use inkwell::basic_block::BasicBlock;
use inkwell::builder::Builder;
use inkwell::context::Context;
use inkwell::module::Module;
use inkwell::types::{BasicMetadataTypeEnum, BasicType, BasicTypeEnum, FloatType, FunctionType, IntType, PointerType};
use inkwell::values::{
    BasicMetadataValueEnum, BasicValue, BasicValueEnum, CallSiteValue, FloatValue, FunctionValue, InstructionValue, IntValue,
    MetadataValue, PointerValue,
};
use inkwell::{AddressSpace, IntPredicate};
use selune_core::value;
use std::collections::HashMap;
use vm_bridge::layout::{AliasClass, ObjectField, RawField};
use vm_bridge::runtime::{RtEffect, RtFn, RtType};

pub(super) type Result<T> = std::result::Result<T, LowerError>;

/// How likely the first target of a branch is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Likely {
    /// Almost always.
    Yes,
    /// Almost never.
    No,
    /// Mostly.
    Rather,
    /// Nothing is known.
    Unknown,
}

/// See the head of this file.
pub(super) struct Emit<'a, 'c> {
    pub context: &'c Context,
    pub module: &'a Module<'c>,
    pub b: Builder<'c>,
    pub function: FunctionValue<'c>,
    /// The VM's address: the first parameter.
    pub vm: PointerValue<'c>,
    pub i1: IntType<'c>,
    pub i8: IntType<'c>,
    pub i32: IntType<'c>,
    pub i64: IntType<'c>,
    pub f64: FloatType<'c>,
    /// A machine address.
    pub raw: PointerType<'c>,
    /// A Lua value.
    pub value: PointerType<'c>,
    tbaa: [MetadataValue<'c>; AliasClass::ALL.len()],
    weights: [MetadataValue<'c>; 3],
    tbaa_kind: u32,
    prof_kind: u32,
    runtime: HashMap<RtFn, FunctionValue<'c>>,
    pub(super) intrinsics: HashMap<&'static str, FunctionValue<'c>>,
    /// Value functions as calls of the prelude's functions (for listings) or as the instructions themselves.
    pub listing: bool,
}

impl<'a, 'c> Emit<'a, 'c> {
    pub fn new(context: &'c Context, module: &'a Module<'c>, function: FunctionValue<'c>, listing: bool) -> Result<Self> {
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
        let vm = function.get_first_param().ok_or(LowerError::Internal("a function without parameters"))?.into_pointer_value();
        Ok(Emit {
            context,
            module,
            b: context.create_builder(),
            function,
            vm,
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
            runtime: HashMap::new(),
            intrinsics: HashMap::new(),
            listing,
        })
    }

    // ---- constants
    pub fn int(&self, i: i64) -> IntValue<'c> {
        self.i64.const_int(i as u64, true)
    }
    pub fn word(&self, bits: u64) -> IntValue<'c> {
        self.i64.const_int(bits, false)
    }
    pub fn boolean(&self, b: bool) -> IntValue<'c> {
        self.i1.const_int(b as u64, false)
    }
    /// A constant Lua value.
    pub fn constant(&self, bits: u64) -> PointerValue<'c> {
        self.word(bits).const_to_pointer(self.value)
    }
    pub fn nil(&self) -> PointerValue<'c> {
        self.constant(value::NIL)
    }
    /// A machine address that is known now.
    pub fn address(&self, address: usize) -> PointerValue<'c> {
        self.word(address as u64).const_to_pointer(self.raw)
    }

    // ---- blocks and branches
    pub fn block(&self, name: &str) -> BasicBlock<'c> {
        self.context.append_basic_block(self.function, name)
    }
    pub fn current(&self) -> Result<BasicBlock<'c>> {
        self.b.get_insert_block().ok_or(LowerError::Internal("no insertion point"))
    }
    pub fn jump(&self, to: BasicBlock<'c>) -> Result<()> {
        self.b.build_unconditional_branch(to)?;
        Ok(())
    }
    pub fn branch(&self, c: IntValue<'c>, then: BasicBlock<'c>, els: BasicBlock<'c>, likely: Likely) -> Result<()> {
        let branch = self.b.build_conditional_branch(c, then, els)?;
        let weights = match likely {
            Likely::Yes => self.weights[0],
            Likely::No => self.weights[1],
            Likely::Rather => self.weights[2],
            Likely::Unknown => return Ok(()),
        };
        self.meta(branch, weights, self.prof_kind)
    }
    fn meta(&self, i: InstructionValue<'c>, node: MetadataValue<'c>, kind: u32) -> Result<()> {
        i.set_metadata(node, kind).map_err(|_| LowerError::Internal("metadata"))
    }
    pub fn phi(&self, ty: impl BasicType<'c>, incoming: &[(BasicValueEnum<'c>, BasicBlock<'c>)]) -> Result<BasicValueEnum<'c>> {
        let phi = self.b.build_phi(ty, "")?;
        for (v, b) in incoming {
            phi.add_incoming(&[(v as &dyn BasicValue, *b)]);
        }
        Ok(phi.as_basic_value())
    }
    /// `if c { then() } else { els }`; afterwards the builder stands where both meet.
    pub fn diamond(
        &mut self,
        c: IntValue<'c>,
        likely: Likely,
        ty: impl BasicType<'c>,
        then: impl FnOnce(&mut Self) -> Result<BasicValueEnum<'c>>,
        els: impl FnOnce(&mut Self) -> Result<BasicValueEnum<'c>>,
    ) -> Result<BasicValueEnum<'c>> {
        let (t, e, join) = (self.block("then"), self.block("else"), self.block("join"));
        self.branch(c, t, e, likely)?;
        self.b.position_at_end(t);
        let tv = then(self)?;
        let t = self.current()?;
        self.jump(join)?;
        self.b.position_at_end(e);
        let ev = els(self)?;
        let e = self.current()?;
        self.jump(join)?;
        self.b.position_at_end(join);
        self.phi(ty, &[(tv, t), (ev, e)])
    }
    /// `if c { then() }`.
    pub fn when(&mut self, c: IntValue<'c>, likely: Likely, then: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let (t, join) = (self.block("then"), self.block("join"));
        self.branch(c, t, join, likely)?;
        self.b.position_at_end(t);
        then(self)?;
        self.jump(join)?;
        self.b.position_at_end(join);
        Ok(())
    }

    // ---- numbers and tests
    pub fn eq(&self, a: IntValue<'c>, b: IntValue<'c>) -> Result<IntValue<'c>> {
        self.compare(IntPredicate::EQ, a, b)
    }
    pub fn compare(&self, p: IntPredicate, a: IntValue<'c>, b: IntValue<'c>) -> Result<IntValue<'c>> {
        Ok(self.b.build_int_compare(p, a, b, "")?)
    }
    pub fn same(&self, a: PointerValue<'c>, b: PointerValue<'c>) -> Result<IntValue<'c>> {
        Ok(self.b.build_int_compare(IntPredicate::EQ, a, b, "")?)
    }
    /// The 64 bits of a Lua value, for tests and numbers only (LOWER-1).
    pub fn bits(&self, v: PointerValue<'c>) -> Result<IntValue<'c>> {
        Ok(self.b.build_ptr_to_int(v, self.i64, "")?)
    }
    /// A Lua value that is no heap value, from its bits.
    pub fn from_bits(&self, bits: IntValue<'c>) -> Result<PointerValue<'c>> {
        Ok(self.b.build_int_to_ptr(bits, self.value, "")?)
    }
    pub fn select<T: BasicValue<'c>>(&self, c: IntValue<'c>, a: T, b: T) -> Result<BasicValueEnum<'c>> {
        Ok(self.b.build_select(c, a, b, "")?)
    }
    pub fn and(&self, a: IntValue<'c>, b: IntValue<'c>) -> Result<IntValue<'c>> {
        Ok(self.b.build_and(a, b, "")?)
    }
    pub fn or(&self, a: IntValue<'c>, b: IntValue<'c>) -> Result<IntValue<'c>> {
        Ok(self.b.build_or(a, b, "")?)
    }
    pub fn zext(&self, i: IntValue<'c>) -> Result<IntValue<'c>> {
        Ok(self.b.build_int_z_extend(i, self.i64, "")?)
    }
    pub fn is_zero(&self, i: IntValue<'c>) -> Result<IntValue<'c>> {
        self.eq(i, i.get_type().const_zero())
    }

    // ---- memory
    /// The address of a field of the object behind a value.
    pub fn field(&self, v: PointerValue<'c>, field: ObjectField) -> Result<PointerValue<'c>> {
        self.offset(v, self.word(field.displacement()))
    }
    pub fn offset(&self, p: PointerValue<'c>, bytes: IntValue<'c>) -> Result<PointerValue<'c>> {
        // SAFETY: not `inbounds`: any offset is defined.
        Ok(unsafe { self.b.build_gep(self.i8, p, &[bytes], "")? })
    }
    /// Element `index` of 8 bytes from `p` on.
    pub fn element(&self, p: PointerValue<'c>, index: IntValue<'c>) -> Result<PointerValue<'c>> {
        // SAFETY: as `offset`.
        Ok(unsafe { self.b.build_gep(self.i64, p, &[index], "")? })
    }
    pub fn load_at(&self, p: PointerValue<'c>, ty: impl BasicType<'c>, class: AliasClass) -> Result<BasicValueEnum<'c>> {
        let v = self.b.build_load(ty, p, "")?;
        if let Some(i) = v.as_instruction_value() {
            self.meta(i, self.tbaa[class as usize], self.tbaa_kind)?;
        }
        Ok(v)
    }
    pub fn store_at(&self, p: PointerValue<'c>, v: impl BasicValue<'c>, class: AliasClass) -> Result<()> {
        let i = self.b.build_store(p, v)?;
        self.meta(i, self.tbaa[class as usize], self.tbaa_kind)
    }
    pub fn load(&self, v: PointerValue<'c>, field: ObjectField, ty: impl BasicType<'c>) -> Result<BasicValueEnum<'c>> {
        self.load_at(self.field(v, field)?, ty, field.class)
    }
    pub fn load_value(&self, v: PointerValue<'c>, field: ObjectField) -> Result<PointerValue<'c>> {
        Ok(self.load(v, field, self.value)?.into_pointer_value())
    }
    pub fn load_int(&self, v: PointerValue<'c>, field: ObjectField, ty: IntType<'c>) -> Result<IntValue<'c>> {
        Ok(self.load(v, field, ty)?.into_int_value())
    }
    pub fn store(&self, v: PointerValue<'c>, field: ObjectField, what: impl BasicValue<'c>) -> Result<()> {
        self.store_at(self.field(v, field)?, what, field.class)
    }
    pub fn raw_field(&self, base: PointerValue<'c>, field: RawField) -> Result<PointerValue<'c>> {
        self.offset(base, self.word(field.offset as u64))
    }
    pub fn load_raw(&self, base: PointerValue<'c>, field: RawField, ty: impl BasicType<'c>) -> Result<BasicValueEnum<'c>> {
        self.load_at(self.raw_field(base, field)?, ty, field.class)
    }
    pub fn store_raw(&self, base: PointerValue<'c>, field: RawField, what: impl BasicValue<'c>) -> Result<()> {
        self.store_at(self.raw_field(base, field)?, what, field.class)
    }

    // ---- calls
    pub fn string_attribute(&self, key: &str, value: &str) -> Attribute {
        self.context.create_string_attribute(key, value)
    }
    pub fn enum_attribute(&self, name: &str, value: u64) -> Attribute {
        self.context.create_enum_attribute(Attribute::get_named_enum_kind_id(name), value)
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
    pub fn runtime(&mut self, f: RtFn) -> FunctionValue<'c> {
        if let Some(&known) = self.runtime.get(&f) {
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
        self.runtime.insert(f, declared);
        declared
    }
    /// Calls a runtime function; `site` is the number by which its safepoint names the place in the program.
    pub fn call_runtime(&mut self, f: RtFn, args: &[BasicValueEnum<'c>], site: u64) -> Result<Option<BasicValueEnum<'c>>> {
        let declared = self.runtime(f);
        let args: Vec<BasicMetadataValueEnum> = args.iter().map(|a| (*a).into()).collect();
        let call = self.b.build_direct_call(declared, &args, "")?;
        if !f.effect().is_leaf() {
            self.name_site(call, site);
        }
        Ok(call.try_as_basic_value().basic())
    }
    /// The same for functions with a result.
    pub fn runtime_result(&mut self, f: RtFn, args: &[BasicValueEnum<'c>], site: u64) -> Result<BasicValueEnum<'c>> {
        self.call_runtime(f, args, site)?.ok_or(LowerError::Internal("a runtime function without result"))
    }
    /// The same for functions with a boolean result.
    pub fn runtime_bool(&mut self, f: RtFn, args: &[BasicValueEnum<'c>], site: u64) -> Result<IntValue<'c>> {
        let r = self.runtime_result(f, args, site)?.into_int_value();
        Ok(self.b.build_int_truncate(r, self.i1, "")?)
    }
    pub fn name_site(&self, call: CallSiteValue<'c>, site: u64) {
        call.add_attribute(AttributeLoc::Function, self.string_attribute("statepoint-id", &site.to_string()));
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
    /// Calls an LLVM intrinsic with doubles.
    pub fn float_intrinsic(&mut self, name: &'static str, args: &[FloatValue<'c>]) -> Result<FloatValue<'c>> {
        let f = match self.module.get_function(name) {
            Some(f) => f,
            None => {
                let params = vec![self.f64.into(); args.len()];
                self.module.add_function(name, self.f64.fn_type(&params, false), None)
            }
        };
        let args: Vec<BasicMetadataValueEnum> = args.iter().map(|a| (*a).into()).collect();
        let r = self.b.build_direct_call(f, &args, "")?.try_as_basic_value().basic();
        Ok(r.ok_or(LowerError::Internal("an intrinsic without result"))?.into_float_value())
    }
}
