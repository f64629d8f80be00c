//! One function: blocks in reverse postorder, values, phis, the prologue.
use super::emit::{Emit, Likely, Result};
use super::{LowerError, LowerOptions};
use crate::job::JobInput;
use crate::ssa::ir::{BlockId, Func, Op, Ty, V};
use crate::ssa::types::Kinds;
use inkwell::IntPredicate;
use inkwell::attributes::AttributeLoc;
use inkwell::basic_block::BasicBlock;
use inkwell::types::BasicTypeEnum;
use inkwell::values::{BasicValue, BasicValueEnum, FloatValue, IntValue, PhiValue, PointerValue};
use std::collections::HashMap;
use vm_bridge::frame_state::CodeInfo;
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

pub(super) struct Lowering<'s, 'a, 'c> {
    pub func: &'s Func,
    pub job: &'s JobInput,
    pub e: Emit<'a, 'c>,
    pub options: LowerOptions,
    values: Vec<Option<BasicValueEnum<'c>>>,
    /// Where blocks begin and end (one SSA block may become several).
    heads: Vec<Option<BasicBlock<'c>>>,
    ends: Vec<Option<BasicBlock<'c>>>,
    /// Blocks on the second edge of a branch with equal targets.
    second_edges: HashMap<BlockId, BasicBlock<'c>>,
    phis: Vec<(V, BlockId, PhiValue<'c>)>,
    /// Exit blocks, made at the first guard that needs them.
    pub exit_blocks: Vec<Option<BasicBlock<'c>>>,
    /// Results of calls beyond the first: (call, i).
    pub results: HashMap<(V, u8), PointerValue<'c>>,
    /// Key and value of each `NextStep`.
    pub entries: HashMap<V, (PointerValue<'c>, PointerValue<'c>)>,
    /// Where the varargs are (`runtime::vararg`).
    pub varargs: Option<IntValue<'c>>,
}

impl<'s, 'a, 'c> Lowering<'s, 'a, 'c> {
    pub fn new(func: &'s Func, job: &'s JobInput, e: Emit<'a, 'c>, options: LowerOptions) -> Self {
        let blocks = func.blocks.len();
        Lowering {
            func,
            job,
            e,
            options,
            values: vec![None; func.insts.len()],
            heads: vec![None; blocks],
            ends: vec![None; blocks],
            second_edges: HashMap::new(),
            phis: Vec::new(),
            exit_blocks: vec![None; func.exits.len()],
            results: HashMap::new(),
            entries: HashMap::new(),
            varargs: None,
        }
    }

    pub fn run(mut self) -> Result<CodeInfo> {
        let order = self.func.rpo();
        let entry = self.e.block("entry");
        for &b in &order {
            self.heads[b.0 as usize] = Some(self.e.block(&format!("b{}", b.0)));
        }
        self.e.b.position_at_end(entry);
        self.prologue()?;
        self.e.jump(self.head(BlockId(0))?)?;
        for &b in &order {
            self.e.b.position_at_end(self.head(b)?);
            for &v in &self.func.block(b).insts {
                self.lower_inst(b, v)?;
            }
            self.ends[b.0 as usize].get_or_insert(self.e.current()?);
        }
        self.fill_phis()?;
        self.finish_exits()
    }

    /// Leaves when the native stack is used up.
    fn prologue(&mut self) -> Result<()> {
        let noinline = self.e.enum_attribute("noinline", 0);
        self.e.function.add_attribute(AttributeLoc::Function, noinline);
        let calls = |op: &Op| matches!(op, Op::Call { .. } | Op::CallOpen { .. } | Op::TailCall { .. } | Op::TailCallOpen);
        let uses_varargs = |op: &Op| matches!(op, Op::VarArgCount | Op::VarArg(_) | Op::VarArgOpen);
        let (mut any_call, mut any_vararg) = (false, false);
        for block in &self.func.blocks {
            for v in &block.insts {
                any_call |= calls(&self.func.op(*v));
                any_vararg |= uses_varargs(&self.func.op(*v));
            }
        }
        if any_call {
            let e = &mut self.e;
            let frame = e.module.get_function("llvm.frameaddress.p0").unwrap_or_else(|| {
                e.module.add_function("llvm.frameaddress.p0", e.raw.fn_type(&[e.i32.into()], false), None)
            });
            let zero = e.i32.const_zero().into();
            let here = e.b.build_direct_call(frame, &[zero], "")?.try_as_basic_value().basic();
            let here = here.ok_or(LowerError::Internal("frameaddress"))?.into_pointer_value();
            let limit = e.load_raw(e.vm, layout::VM_NATIVE_LIMIT, e.raw)?.into_pointer_value();
            let over = e.b.build_int_compare(IntPredicate::ULT, here, limit, "")?;
            let (stop, go) = (e.block("overflow"), e.block("start"));
            e.branch(over, stop, go, Likely::No)?;
            e.b.position_at_end(stop);
            let site = self.entry_site();
            let e = &mut self.e;
            e.call_runtime(RtFn::StackOverflow, &[e.vm.into()], site)?;
            e.b.build_unreachable()?;
            e.b.position_at_end(go);
        }
        if any_vararg && self.func.osr {
            let e = &mut self.e;
            self.varargs = Some(e.runtime_result(RtFn::VarArgOfFrame, &[e.vm.into()], 0)?.into_int_value());
        }
        Ok(())
    }

    /// The call site of what belongs to no instruction: behind the function's own ones.
    pub fn entry_site(&self) -> u64 {
        self.func.sites.len() as u64
    }
    pub fn site(&self, v: V) -> u64 {
        self.func.inst(v).site.map_or(self.entry_site(), |s| s.0.into())
    }

    pub fn head(&self, b: BlockId) -> Result<BasicBlock<'c>> {
        self.heads.get(b.0 as usize).copied().flatten().ok_or(LowerError::Internal("a jump to an unreachable block"))
    }

    pub fn machine_type(&self, ty: Ty) -> Result<BasicTypeEnum<'c>> {
        Ok(match ty {
            Ty::Any => self.e.value.into(),
            Ty::I64 => self.e.i64.into(),
            Ty::F64 => self.e.f64.into(),
            Ty::Bool => self.e.i1.into(),
            Ty::Void => return Err(LowerError::Internal("a value of no type")),
        })
    }

    // ---- values
    pub fn set(&mut self, v: V, value: impl BasicValue<'c>) {
        self.values[v.0 as usize] = Some(value.as_basic_value_enum());
    }
    /// The value of an operand; constants are made here.
    pub fn get(&self, v: V) -> Result<BasicValueEnum<'c>> {
        Ok(match self.func.op(v) {
            Op::ConstInt(i) => self.e.int(i).into(),
            Op::ConstNum(bits) => self.float_constant(bits)?.into(),
            Op::ConstBool(b) => self.e.boolean(b).into(),
            Op::ConstValue { bits, .. } => self.e.constant(bits).into(),
            _ => self.values[v.0 as usize].ok_or(LowerError::Internal("a use before its definition"))?,
        })
    }
    /// NaNs keep their sign and payload.
    fn float_constant(&self, bits: u64) -> Result<FloatValue<'c>> {
        let f = f64::from_bits(bits);
        if !f.is_nan() {
            return Ok(self.e.f64.const_float(f));
        }
        Ok(self.e.b.build_bit_cast(self.e.word(bits), self.e.f64, "")?.into_float_value())
    }
    pub fn any(&self, v: V) -> Result<PointerValue<'c>> {
        match self.get(v)? {
            BasicValueEnum::PointerValue(p) => Ok(p),
            _ => Err(LowerError::Internal("expected a Lua value")),
        }
    }
    pub fn int(&self, v: V) -> Result<IntValue<'c>> {
        match self.get(v)? {
            BasicValueEnum::IntValue(i) => Ok(i),
            _ => Err(LowerError::Internal("expected an integer or boolean")),
        }
    }
    pub fn float(&self, v: V) -> Result<FloatValue<'c>> {
        match self.get(v)? {
            BasicValueEnum::FloatValue(f) => Ok(f),
            _ => Err(LowerError::Internal("expected a float")),
        }
    }
    /// Operand `i`.
    pub fn arg(&self, v: V, i: usize) -> Result<V> {
        self.func.inst(v).args.get(i).copied().ok_or(LowerError::Internal("an operand is missing"))
    }
    pub fn any_arg(&self, v: V, i: usize) -> Result<PointerValue<'c>> {
        self.any(self.arg(v, i)?)
    }
    pub fn int_arg(&self, v: V, i: usize) -> Result<IntValue<'c>> {
        self.int(self.arg(v, i)?)
    }
    pub fn float_arg(&self, v: V, i: usize) -> Result<FloatValue<'c>> {
        self.float(self.arg(v, i)?)
    }
    /// What kinds a value can have.
    pub fn kinds(&self, v: V) -> Kinds {
        self.func.inst(v).kinds
    }

    // ---- control
    fn lower_inst(&mut self, block: BlockId, v: V) -> Result<()> {
        match self.func.op(v) {
            Op::Phi => {
                let phi = self.e.b.build_phi(self.machine_type(self.func.ty(v))?, "")?;
                self.set(v, phi.as_basic_value());
                self.phis.push((v, block, phi));
                Ok(())
            }
            Op::Closure => self.lower_closure(v),
            Op::Param(i) => self.lower_param(v, i),
            Op::OsrReg(i) => {
                let r = self.load_frame(8 * i64::from(i))?;
                self.set(v, r);
                Ok(())
            }
            Op::Jump(to) => {
                self.end(block)?;
                self.e.jump(self.head(to)?)
            }
            Op::Branch { then, els, likely } => self.lower_branch(block, v, then, els, likely),
            Op::Unreachable => {
                self.end(block)?;
                self.e.b.build_unreachable()?;
                Ok(())
            }
            Op::ConstInt(_) | Op::ConstNum(_) | Op::ConstBool(_) | Op::ConstValue { .. } => Ok(()),
            op => self.lower_family(block, v, op),
        }
    }

    /// Notes the LLVM block that an SSA block's terminator stands in.
    pub fn end(&mut self, block: BlockId) -> Result<()> {
        self.ends[block.0 as usize] = Some(self.e.current()?);
        Ok(())
    }

    fn lower_branch(&mut self, block: BlockId, v: V, then: BlockId, els: BlockId, likely: Option<bool>) -> Result<()> {
        let c = self.int_arg(v, 0)?;
        self.end(block)?;
        let first = self.head(then)?;
        let mut second = self.head(els)?;
        let likely = match likely {
            Some(true) => Likely::Rather,
            Some(false) => Likely::No,
            None => Likely::Unknown,
        };
        if then == els {
            // Phis there tell the two edges apart.
            let edge = self.e.block("edge");
            self.second_edges.insert(block, edge);
            second = edge;
        }
        let likely = match (self.func.block(then).cold, self.func.block(els).cold) {
            (false, true) => Likely::Yes,
            (true, false) => Likely::No,
            _ => likely,
        };
        self.e.branch(c, first, second, likely)?;
        if then == els {
            self.e.b.position_at_end(second);
            self.e.jump(first)?;
        }
        Ok(())
    }

    fn fill_phis(&mut self) -> Result<()> {
        for (v, block, phi) in std::mem::take(&mut self.phis) {
            let preds = &self.func.block(block).preds;
            let mut seen: Vec<BlockId> = Vec::new();
            for (i, pred) in preds.iter().enumerate() {
                // Predecessors that cannot be reached were not lowered.
                let Some(end) = self.ends[pred.0 as usize] else { continue };
                let end = if seen.contains(pred) { self.second_edges.get(pred).copied().unwrap_or(end) } else { end };
                seen.push(*pred);
                let arg = self.arg(v, i)?;
                if let Op::ConstNum(bits) = self.func.op(arg)
                    && f64::from_bits(bits).is_nan()
                {
                    // Needs an instruction in the predecessor.
                    let at = end.get_terminator().ok_or(LowerError::Internal("a block without end"))?;
                    self.e.b.position_before(&at);
                }
                let value = self.get(arg)?;
                phi.add_incoming(&[(&value as &dyn BasicValue, end)]);
            }
        }
        Ok(())
    }

    // ---- entry values
    fn parameter(&self, i: u32) -> Result<BasicValueEnum<'c>> {
        self.e.function.get_nth_param(i).ok_or(LowerError::Internal("a parameter is missing"))
    }
    fn load_frame(&self, offset: i64) -> Result<PointerValue<'c>> {
        let frame = self.parameter(1)?.into_pointer_value();
        let at = self.e.offset(frame, self.e.int(offset))?;
        Ok(self.e.load_at(at, self.e.value, layout::AliasClass::Vm)?.into_pointer_value())
    }
    fn lower_closure(&mut self, v: V) -> Result<()> {
        // In an interpreter's frame the called value stands below the first register.
        let closure = if self.func.osr { self.load_frame(-8)? } else { self.parameter(1)?.into_pointer_value() };
        self.set(v, closure);
        Ok(())
    }
    fn lower_param(&mut self, v: V, i: u8) -> Result<()> {
        let p = if u32::from(i) < 3 {
            self.parameter(3 + u32::from(i))?.into_pointer_value()
        } else {
            let nargs = self.parameter(2)?.into_int_value();
            let at = layout::RawField { offset: layout::VM_ARGS.offset + 8 * usize::from(i), ..layout::VM_ARGS };
            let passed = self.e.load_raw(self.e.vm, at, self.e.value)?.into_pointer_value();
            let given = self.e.compare(IntPredicate::UGT, nargs, self.e.int(i.into()))?;
            self.e.select(given, passed, self.e.nil())?.into_pointer_value()
        };
        self.set(v, p);
        Ok(())
    }

    fn lower_family(&mut self, block: BlockId, v: V, op: Op) -> Result<()> {
        use Op::*;
        match op {
            BoxInt | BoxSmall | BoxFloat | BoxBool | UnboxSmall | UnboxInt | UnboxFloat | UnboxNumber | IntToFloat | FloatToInt | AddI | SubI
            | MulI | FloorDivI | FloorModI | AndI | OrI | XorI | ShlI | ShrI | NegI | NotI | AbsI | AddF | SubF | MulF | DivF | FloorDivF
            | FloorModF | PowF | NegF | AbsF | SqrtF | FloorF | CeilF | MathF(_) => self.lower_number(v, op),
            GuardSmall | GuardInt | GuardFloat | GuardNumber | GuardKind(_) | GuardShape { .. } | GuardPlain | GuardProto(_) | GuardNative { .. }
            | GuardBits { .. } | GuardIndex | Guard { .. } | GuardIntegral => self.lower_guard(v, op),
            IsKind(_) | IsTruthy | SameBits | IsShape(_) | IsProto(_) | Not | CmpI(_) | CmpF(_) | CmpNumber(_) | RawEq | EqProbe | CmpStr(_) | ForMore
            | ForMoreF | Select => self.lower_test(v, op),
            LoadArray | LoadSlots | LoadCap | LoadElem | LoadInline(_) | LoadSlot(_) | LoadUpval(_) | LoadCell { .. } | StrLen | TableLen
            | StoreInline { .. } | StoreSlot { .. } | StoreShape(_) | StoreElem { .. } | StoreCell { .. } => self.lower_memory(v, op),
            NewTable { .. } | NewCell | NewClosure { .. } => self.lower_alloc(v, op),
            Call { callee, want } => self.lower_call(v, callee, want),
            CallOpen { want } => self.lower_call_open(v, want),
            CallResult(i) => self.lower_call_result(v, i),
            Rt(op) => self.lower_runtime(v, op),
            VarArgSave | VarArgCount | VarArg(_) | VarArgOpen => self.lower_vararg(v, op),
            NextFind | NextStep | NextKey | NextValue => self.lower_iteration(v, op),
            Poll => self.lower_poll(v),
            Exit | Return | ReturnOpen | TailCall { .. } | TailCallOpen => {
                self.end(block)?;
                match op {
                    Exit => self.lower_exit(v),
                    Return => self.lower_return(v),
                    ReturnOpen => self.lower_return_open(v),
                    TailCall { callee } => self.lower_tail_call(v, callee),
                    _ => self.lower_tail_call_open(v),
                }
            }
            _ => Err(LowerError::Internal("an instruction of no family")),
        }
    }
}
