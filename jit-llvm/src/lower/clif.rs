//! Cranelift's IR as the machine that lowering writes for: the baseline tier.
//!
//! A Lua value is an `i64` that is declared to Cranelift as needing a stack map: it is stored in the frame at its definition
//! and loaded again at each use when it lives across a call, and the stack maps of calls name the slots. CLIF-1: nothing
//! derived from a value (addresses inside its object, its bits) is used behind a call that may collect; the lowering holds
//! no such thing across calls, and `bases` are forgotten at each.
//!
//! A side exit stores what is live in a slot of the frame and calls the engine's stub; `baseline` makes the records that
//! tell the engine where they are.
use super::LowerError;
use super::machine::*;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F64, I8, I32, I64};
use cranelift_codegen::ir::{self, AbiParam, BlockArg, InstBuilder, MemFlagsData, SourceLoc, StackSlot, StackSlotData, StackSlotKind, Value};
use cranelift_codegen::isa::{CallConv, TargetFrontendConfig};
use cranelift_frontend::FunctionBuilder;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use selune_core::value::TAIL_CALL;
use vm_bridge::layout::{self, AliasClass, ObjectField, RawField};
use vm_bridge::runtime::{RtFn, RtType};

/// What a call's source location says: nothing, a call site, or (with `EXIT`) a side exit. Numbers are one higher, so that 0
/// can stand for nothing.
pub(crate) const EXIT: u32 = 1 << 30;

/// A value, or a constant that becomes one where it is used.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Word {
    Of(Value, MTy),
    Constant(u64, MTy),
}

impl Word {
    fn ty(self) -> MTy {
        match self {
            Word::Of(_, ty) | Word::Constant(_, ty) => ty,
        }
    }
}

/// What the machine must know of its surroundings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    /// What side exits call.
    pub side_exit_stub: u64,
    /// Address of the function's proto.
    pub proto: usize,
    /// Address of the count of passes (`vm_bridge::tier`), if there is better code to be asked for.
    pub counter: Option<usize>,
    /// Is it an entry into a loop?
    pub osr: bool,
}

/// See the head of this file.
pub(super) struct ClifMachine<'b> {
    b: RefCell<FunctionBuilder<'b>>,
    entry: ir::Block,
    around: Surroundings,
    signatures: RefCell<HashMap<(Vec<ir::Type>, Option<ir::Type>), ir::SigRef>>,
    /// Untagged addresses of objects in the current block: (value, tag).
    bases: RefCell<HashMap<(Value, u64), Value>>,
    types: RefCell<HashMap<ir::Block, Vec<MTy>>>,
    /// Where side exits put what is live, and how much that can be.
    exit_slot: StackSlot,
    exit_words: Cell<u32>,
    tail_calls: Cell<bool>,
    /// The block whose parameters are the function's Lua values (`PARAMETERS`).
    parameters: Cell<Option<ir::Block>>,
}

/// Which parameters of a register entry are Lua values.
const PARAMETERS: [usize; 4] = [1, 3, 4, 5];
const TRUSTED: MemFlagsData = MemFlagsData::trusted();

fn clif_type(ty: MTy) -> ir::Type {
    match ty {
        MTy::I1 | MTy::I8 => I8,
        MTy::I32 => I32,
        MTy::I64 | MTy::Raw | MTy::Value => I64,
        MTy::F64 => F64,
    }
}

/// The signature of the function's entry.
pub(crate) fn signature(osr: bool) -> ir::Signature {
    let mut s = ir::Signature::new(CallConv::SystemV);
    s.params = vec![AbiParam::new(I64); if osr { 2 } else { 6 }];
    s.returns = vec![AbiParam::new(I64)];
    s
}

impl<'b> ClifMachine<'b> {
    /// Writes into an empty function.
    pub fn new(mut b: FunctionBuilder<'b>, around: Surroundings) -> Self {
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        // Locations are kept relative to the first one: from 0, none is taken for no location.
        b.set_srcloc(SourceLoc::new(0));
        let exit_slot = b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3));
        ClifMachine {
            b: RefCell::new(b),
            entry,
            around,
            signatures: RefCell::default(),
            bases: RefCell::default(),
            types: RefCell::default(),
            exit_slot,
            exit_words: Cell::new(1),
            tail_calls: Cell::new(false),
            parameters: Cell::new(None),
        }
    }

    /// The function is complete. Gives the slot of the side exits, and whether it makes tail calls.
    pub fn finish(self, config: TargetFrontendConfig) -> (StackSlot, bool) {
        let mut b = self.b.into_inner();
        b.func.sized_stack_slots[self.exit_slot].size = 8 * self.exit_words.get();
        b.seal_all_blocks();
        b.finalize(config);
        (self.exit_slot, self.tail_calls.get())
    }

    fn value(&self, x: Word) -> Value {
        match x {
            Word::Of(v, _) => v,
            Word::Constant(bits, MTy::F64) => self.b.borrow_mut().ins().f64const(f64::from_bits(bits)),
            Word::Constant(bits, ty) => self.b.borrow_mut().ins().iconst(clif_type(ty), bits as i64),
        }
    }
    fn made(&self, v: Value, ty: MTy) -> Word {
        if ty == MTy::Value {
            self.b.borrow_mut().declare_value_needs_stack_map(v);
        }
        Word::Of(v, ty)
    }
    fn args(&self, args: &[Word]) -> Vec<BlockArg> {
        args.iter().map(|a| BlockArg::Value(self.value(*a))).collect()
    }
    fn signature(&self, params: Vec<ir::Type>, ret: Option<ir::Type>) -> ir::SigRef {
        let mut known = self.signatures.borrow_mut();
        *known.entry((params.clone(), ret)).or_insert_with(|| {
            let mut s = ir::Signature::new(CallConv::SystemV);
            s.params = params.into_iter().map(AbiParam::new).collect();
            s.returns = ret.into_iter().map(AbiParam::new).collect();
            self.b.borrow_mut().import_signature(s)
        })
    }
    fn call_address(&self, address: Value, args: &[Value], ret: Option<ir::Type>, location: u32) -> Option<Value> {
        let params = {
            let b = self.b.borrow();
            args.iter().map(|a| b.func.dfg.value_type(*a)).collect()
        };
        let signature = self.signature(params, ret);
        let mut b = self.b.borrow_mut();
        b.set_srcloc(SourceLoc::new(location));
        let call = b.ins().call_indirect(signature, address, args);
        b.set_srcloc(SourceLoc::new(0));
        self.bases.borrow_mut().clear();
        b.inst_results(call).first().copied()
    }
    /// The address of an object.
    fn base(&self, v: Word, tag: u64) -> Result<Value> {
        let Word::Of(value, _) = v else {
            let Word::Constant(bits, _) = v else { return Err(LowerError::Internal("a value")) };
            return Ok(self.value(Word::Constant(bits.wrapping_sub(tag << selune_core::value::TAG_SHIFT), MTy::Raw)));
        };
        if let Some(known) = self.bases.borrow().get(&(value, tag)) {
            return Ok(*known);
        }
        let mut b = self.b.borrow_mut();
        let distance = b.ins().iconst(I64, (tag << selune_core::value::TAG_SHIFT).wrapping_neg() as i64);
        let base = b.ins().iadd(value, distance);
        self.bases.borrow_mut().insert((value, tag), base);
        Ok(base)
    }
    fn load_from(&self, base: Value, offset: i32, ty: MTy) -> Word {
        let v = self.b.borrow_mut().ins().load(clif_type(ty), TRUSTED, base, offset);
        self.made(v, ty)
    }
    fn unary(&self, ty: MTy, x: Word, f: impl FnOnce(&mut FunctionBuilder<'b>, Value) -> Value) -> Result<Word> {
        let x = self.value(x);
        let v = f(&mut self.b.borrow_mut(), x);
        Ok(self.made(v, ty))
    }
    fn binary(&self, ty: MTy, x: Word, y: Word, f: impl FnOnce(&mut FunctionBuilder<'b>, Value, Value) -> Value) -> Result<Word> {
        let (x, y) = (self.value(x), self.value(y));
        let v = f(&mut self.b.borrow_mut(), x, y);
        Ok(self.made(v, ty))
    }
    /// Counts down; the condition that the count is below 0.
    fn count_down(&self, counter: usize) -> Result<Word> {
        let at = Word::Constant(counter as u64, MTy::Raw);
        let n = self.load_at(at, MTy::I32, AliasClass::Tier)?;
        let less = self.sub(n, self.int32(1))?;
        self.store_at(at, less, AliasClass::Tier)?;
        self.compare(IntPredicate::SLT, less, self.int32(0))
    }
    fn target_entry(&self, target: Target<Word>) -> Result<Word> {
        match target {
            Target::Entry(entry) => Ok(entry),
            // By way of the proto: there may be better code by then.
            Target::Own => self.load_raw(self.address(self.around.proto), layout::PROTO_ENTRY, MTy::Raw),
        }
    }
    fn site(site: u64) -> Result<u32> {
        u32::try_from(site + 1).ok().filter(|s| *s < EXIT).ok_or(LowerError::Internal("too many call sites"))
    }
    fn offset32(offset: usize) -> Result<i32> {
        i32::try_from(offset).map_err(|_| LowerError::Internal("a large offset"))
    }
}

impl Machine for ClifMachine<'_> {
    type X = Word;
    type Block = ir::Block;

    fn vm(&self) -> Word {
        Word::Of(self.b.borrow().block_params(self.entry)[0], MTy::Raw)
    }
    fn parameter(&self, i: u32) -> Result<Word> {
        if let Some(block) = self.parameters.get()
            && let Some(at) = PARAMETERS.iter().position(|p| *p == i as usize)
        {
            return self.block_param(block, at);
        }
        let v = *self.b.borrow().block_params(self.entry).get(i as usize).ok_or(LowerError::Internal("a parameter is missing"))?;
        Ok(Word::Of(v, if !self.around.osr && i == 2 { MTy::I64 } else { MTy::Raw }))
    }

    fn constant_of(&self, ty: MTy, bits: u64) -> Word {
        Word::Constant(bits, ty)
    }
    fn float(&self, bits: u64) -> Result<Word> {
        Ok(Word::Constant(bits, MTy::F64))
    }
    fn is_constant(&self, x: Word) -> bool {
        matches!(x, Word::Constant(..))
    }

    fn block_with(&self, _: &str, params: &[MTy]) -> Result<ir::Block> {
        let mut b = self.b.borrow_mut();
        let block = b.create_block();
        for ty in params {
            let v = b.append_block_param(block, clif_type(*ty));
            if *ty == MTy::Value {
                b.declare_value_needs_stack_map(v);
            }
        }
        if !params.is_empty() {
            self.types.borrow_mut().insert(block, params.to_vec());
        }
        Ok(block)
    }
    fn block_param(&self, block: ir::Block, i: usize) -> Result<Word> {
        let v = self.b.borrow().block_params(block).get(i).copied();
        let ty = self.types.borrow().get(&block).and_then(|t| t.get(i)).copied();
        v.zip(ty).map(|(v, ty)| Word::Of(v, ty)).ok_or(LowerError::Internal("a block without this parameter"))
    }
    fn switch_to(&self, block: ir::Block) {
        self.bases.borrow_mut().clear();
        self.b.borrow_mut().switch_to_block(block);
    }
    fn set_cold(&self, block: ir::Block) {
        self.b.borrow_mut().set_cold_block(block);
    }
    fn jump_with(&self, to: ir::Block, args: &[Word]) -> Result<()> {
        let args = self.args(args);
        self.b.borrow_mut().ins().jump(to, &args);
        Ok(())
    }
    fn branch_with(&self, c: Word, then: ir::Block, then_args: &[Word], els: ir::Block, els_args: &[Word], likely: Likely) -> Result<()> {
        let (then_args, els_args) = (self.args(then_args), self.args(els_args));
        let c = self.value(c);
        let mut b = self.b.borrow_mut();
        match likely {
            Likely::No => b.set_cold_block(then),
            Likely::Yes => b.set_cold_block(els),
            Likely::Rather | Likely::Unknown => {}
        }
        b.ins().brif(c, then, &then_args, els, &els_args);
        Ok(())
    }
    fn unreachable(&self) -> Result<()> {
        // `unwrap_user` codes are nonzero.
        self.b.borrow_mut().ins().trap(ir::TrapCode::unwrap_user(1));
        Ok(())
    }
    fn return_value(&self, x: Word) -> Result<()> {
        let v = self.value(x);
        self.b.borrow_mut().ins().return_(&[v]);
        Ok(())
    }

    fn int_op(&self, op: IntOp, x: Word, y: Word) -> Result<Word> {
        self.binary(if x.ty() == MTy::Value { MTy::I64 } else { x.ty() }, x, y, |b, x, y| match op {
            IntOp::Add | IntOp::AddNoWrap => b.ins().iadd(x, y),
            IntOp::Sub | IntOp::SubNoWrap => b.ins().isub(x, y),
            IntOp::Mul => b.ins().imul(x, y),
            IntOp::And => b.ins().band(x, y),
            IntOp::Or => b.ins().bor(x, y),
            IntOp::Xor => b.ins().bxor(x, y),
            IntOp::Shl => b.ins().ishl(x, y),
            IntOp::Lshr => b.ins().ushr(x, y),
            IntOp::Ashr => b.ins().sshr(x, y),
            IntOp::Udiv => b.ins().udiv(x, y),
            IntOp::Urem => b.ins().urem(x, y),
            IntOp::Sdiv => b.ins().sdiv(x, y),
            IntOp::Srem => b.ins().srem(x, y),
        })
    }
    fn float_op(&self, op: FloatOp, x: Word, y: Word) -> Result<Word> {
        self.binary(MTy::F64, x, y, |b, x, y| match op {
            FloatOp::Add => b.ins().fadd(x, y),
            FloatOp::Sub => b.ins().fsub(x, y),
            FloatOp::Mul => b.ins().fmul(x, y),
            FloatOp::Div => b.ins().fdiv(x, y),
        })
    }
    fn float_fn(&self, f: FloatFn, x: Word) -> Result<Word> {
        self.unary(MTy::F64, x, |b, x| match f {
            FloatFn::Neg => b.ins().fneg(x),
            FloatFn::Abs => b.ins().fabs(x),
            FloatFn::Sqrt => b.ins().sqrt(x),
            FloatFn::Floor => b.ins().floor(x),
            FloatFn::Ceil => b.ins().ceil(x),
        })
    }
    fn compare(&self, p: IntPredicate, x: Word, y: Word) -> Result<Word> {
        let p = match p {
            IntPredicate::EQ => IntCC::Equal,
            IntPredicate::NE => IntCC::NotEqual,
            IntPredicate::SLT => IntCC::SignedLessThan,
            IntPredicate::SLE => IntCC::SignedLessThanOrEqual,
            IntPredicate::SGT => IntCC::SignedGreaterThan,
            IntPredicate::SGE => IntCC::SignedGreaterThanOrEqual,
            IntPredicate::ULT => IntCC::UnsignedLessThan,
            IntPredicate::ULE => IntCC::UnsignedLessThanOrEqual,
            IntPredicate::UGT => IntCC::UnsignedGreaterThan,
            IntPredicate::UGE => IntCC::UnsignedGreaterThanOrEqual,
        };
        self.binary(MTy::I1, x, y, |b, x, y| b.ins().icmp(p, x, y))
    }
    fn compare_floats(&self, p: FloatPredicate, x: Word, y: Word) -> Result<Word> {
        let p = match p {
            FloatPredicate::OEQ => FloatCC::Equal,
            FloatPredicate::UNE => FloatCC::NotEqual,
            FloatPredicate::OLT => FloatCC::LessThan,
            FloatPredicate::OLE => FloatCC::LessThanOrEqual,
            FloatPredicate::OGT => FloatCC::GreaterThan,
            FloatPredicate::OGE => FloatCC::GreaterThanOrEqual,
        };
        self.binary(MTy::I1, x, y, |b, x, y| b.ins().fcmp(p, x, y))
    }
    fn not(&self, c: Word) -> Result<Word> {
        self.binary(MTy::I1, c, Word::Constant(1, MTy::I1), |b, x, y| b.ins().bxor(x, y))
    }
    fn select(&self, c: Word, x: Word, y: Word) -> Result<Word> {
        let c = self.value(c);
        self.binary(x.ty(), x, y, |b, x, y| b.ins().select(c, x, y))
    }
    fn zext(&self, x: Word) -> Result<Word> {
        if clif_type(x.ty()) == I64 {
            return Ok(x);
        }
        self.unary(MTy::I64, x, |b, x| b.ins().uextend(I64, x))
    }
    fn lowest_bit(&self, x: Word) -> Result<Word> {
        let bit = self.int_op(IntOp::And, x, Word::Constant(1, MTy::I64))?;
        self.unary(MTy::I1, bit, |b, x| b.ins().ireduce(I8, x))
    }
    fn int_to_float(&self, i: Word) -> Result<Word> {
        self.unary(MTy::F64, i, |b, x| b.ins().fcvt_from_sint(F64, x))
    }
    fn float_to_int(&self, f: Word) -> Result<Word> {
        self.unary(MTy::I64, f, |b, x| b.ins().fcvt_to_sint_sat(I64, x))
    }
    fn float_bits(&self, f: Word) -> Result<Word> {
        if let Word::Constant(bits, _) = f {
            return Ok(Word::Constant(bits, MTy::I64));
        }
        self.unary(MTy::I64, f, |b, x| b.ins().bitcast(I64, ir::MemFlagsData::new(), x))
    }
    fn float_of_bits(&self, bits: Word) -> Result<Word> {
        if let Word::Constant(bits, _) = bits {
            return Ok(Word::Constant(bits, MTy::F64));
        }
        self.unary(MTy::F64, bits, |b, x| b.ins().bitcast(F64, ir::MemFlagsData::new(), x))
    }
    fn bits(&self, v: Word) -> Result<Word> {
        Ok(match v {
            Word::Of(v, _) => Word::Of(v, MTy::I64),
            Word::Constant(bits, _) => Word::Constant(bits, MTy::I64),
        })
    }
    fn from_bits(&self, bits: Word) -> Result<Word> {
        Ok(match bits {
            Word::Of(v, _) => Word::Of(v, MTy::Value),
            Word::Constant(bits, _) => Word::Constant(bits, MTy::Value),
        })
    }
    fn address_of_bits(&self, bits: Word) -> Result<Word> {
        Ok(match bits {
            Word::Of(v, _) => Word::Of(v, MTy::Raw),
            Word::Constant(bits, _) => Word::Constant(bits, MTy::Raw),
        })
    }

    fn offset(&self, p: Word, bytes: Word) -> Result<Word> {
        self.binary(MTy::Raw, p, bytes, |b, x, y| b.ins().iadd(x, y))
    }
    fn element(&self, p: Word, index: Word) -> Result<Word> {
        self.binary(MTy::Raw, p, index, |b, p, i| {
            let bytes = b.ins().ishl_imm_u(i, 3);
            b.ins().iadd(p, bytes)
        })
    }
    fn load_at(&self, p: Word, ty: MTy, _: AliasClass) -> Result<Word> {
        let p = self.value(p);
        Ok(self.load_from(p, 0, ty))
    }
    fn store_at(&self, p: Word, x: Word, _: AliasClass) -> Result<()> {
        let (p, x) = (self.value(p), self.value(x));
        self.b.borrow_mut().ins().store(TRUSTED, x, p, 0);
        Ok(())
    }
    fn field(&self, v: Word, field: ObjectField) -> Result<Word> {
        let base = self.base(v, field.tag)?;
        if field.offset == 0 {
            return Ok(Word::Of(base, MTy::Raw));
        }
        let offset = Self::offset32(field.offset)?;
        self.unary(MTy::Raw, Word::Of(base, MTy::Raw), |b, base| b.ins().iadd_imm_s(base, i64::from(offset)))
    }
    fn load(&self, v: Word, field: ObjectField, ty: MTy) -> Result<Word> {
        let base = self.base(v, field.tag)?;
        Ok(self.load_from(base, Self::offset32(field.offset)?, ty))
    }
    fn store(&self, v: Word, field: ObjectField, what: Word) -> Result<()> {
        let (base, what) = (self.base(v, field.tag)?, self.value(what));
        self.b.borrow_mut().ins().store(TRUSTED, what, base, Self::offset32(field.offset)?);
        Ok(())
    }
    fn load_raw(&self, base: Word, field: RawField, ty: MTy) -> Result<Word> {
        let base = self.value(base);
        Ok(self.load_from(base, Self::offset32(field.offset)?, ty))
    }
    fn store_raw(&self, base: Word, field: RawField, what: Word) -> Result<()> {
        let (base, what) = (self.value(base), self.value(what));
        self.b.borrow_mut().ins().store(TRUSTED, what, base, Self::offset32(field.offset)?);
        Ok(())
    }

    fn frame_address(&self) -> Result<Word> {
        let v = self.b.borrow_mut().ins().get_frame_pointer(I64);
        Ok(Word::Of(v, MTy::Raw))
    }
    fn runtime_entry(&self, f: RtFn) -> Result<Word> {
        Ok(Word::Constant(f.address() as u64, MTy::Raw))
    }
    fn call_runtime(&self, f: RtFn, args: &[Word], site: u64) -> Result<Option<Word>> {
        let address = self.value(Word::Constant(f.address() as u64, MTy::Raw));
        let args: Vec<Value> = args.iter().map(|a| self.value(*a)).collect();
        let ret = match f.result() {
            RtType::Void => None,
            RtType::Float => Some(MTy::F64),
            RtType::Value => Some(MTy::Value),
            RtType::Vm => Some(MTy::Raw),
            RtType::Int | RtType::Bool => Some(MTy::I64),
        };
        let location = if f.effect().is_leaf() { 0 } else { Self::site(site)? };
        let r = self.call_address(address, &args, ret.map(clif_type), location);
        Ok(r.zip(ret).map(|(r, ty)| self.made(r, ty)))
    }
    fn call(&self, target: Target<Word>, args: CallArgs<Word>, site: u64) -> Result<Word> {
        let entry = self.value(self.target_entry(target)?);
        let args: Vec<Value> = std::iter::once(self.vm()).chain(args).map(|a| self.value(a)).collect();
        let r = self.call_address(entry, &args, Some(I64), Self::site(site)?).ok_or(LowerError::Internal("a call without result"))?;
        Ok(self.made(r, MTy::Value))
    }
    /// Cranelift has tail calls only in a calling convention of its own: the function's entry is a thunk (`TailThunk`).
    fn jump_to(&self, target: Target<Word>, args: CallArgs<Word>) -> Result<()> {
        let entry = self.target_entry(target)?;
        for (i, x) in std::iter::once(entry).chain(args).enumerate() {
            let word = RawField { offset: layout::VM_TAIL_CALL.offset + layout::SLOT * i, ..layout::VM_TAIL_CALL };
            self.store_raw(self.vm(), word, x)?;
        }
        self.tail_calls.set(true);
        self.return_value(self.constant(TAIL_CALL))
    }
    fn exit(&self, id: u64, live: &[Word]) -> Result<()> {
        let id = u32::try_from(id + 1).ok().filter(|i| *i < EXIT).ok_or(LowerError::Internal("too many exits"))?;
        self.exit_words.set(self.exit_words.get().max(live.len() as u32));
        for (i, x) in live.iter().enumerate() {
            let v = self.value(*x);
            self.b.borrow_mut().ins().stack_store(I64, v, self.exit_slot, 8 * i as i32);
        }
        let stub = self.value(Word::Constant(self.around.side_exit_stub, MTy::Raw));
        let r = self.call_address(stub, &[], Some(I64), EXIT | id).ok_or(LowerError::Internal("an exit without result"))?;
        self.return_value(Word::Of(r, MTy::Value))
    }
    fn count(&self) -> Result<Option<Word>> {
        self.around.counter.map(|counter| self.count_down(counter)).transpose()
    }
    /// The parameters are passed on to a block behind the call, and only there declared as collected: the call does not collect.
    fn count_entry(&self, site: u64) -> Result<()> {
        let go = self.block_with("go", &[MTy::Value, MTy::Value, MTy::Value, MTy::Value])?;
        let passed = PARAMETERS.map(|i| Word::Of(self.b.borrow().block_params(self.entry)[i], MTy::I64));
        if let Some(counter) = self.around.counter {
            let over = self.count_down(counter)?;
            let ask = self.block("count")?;
            self.branch_with(over, ask, &[], go, &passed, Likely::No)?;
            self.switch_to(ask);
            self.call_runtime(RtFn::TierUp, &[self.vm(), self.word(counter as u64)], site)?;
        }
        self.jump_with(go, &passed)?;
        self.switch_to(go);
        self.parameters.set(Some(go));
        Ok(())
    }
}
