//! One function: blocks in reverse postorder, values, phis, the prologue.
use super::machine::*;
use super::{LowerError, LowerOptions};
use crate::job::JobInput;
use crate::ssa::ir::{BlockId, Func, Op, Ty, V};
use crate::ssa::types::Kinds;
use std::collections::HashMap;
use vm_bridge::frame_state::CodeInfo;
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

pub(super) struct Lowering<'s, M: Machine> {
    pub func: &'s Func,
    pub job: &'s JobInput,
    pub e: &'s M,
    pub options: LowerOptions,
    values: Vec<Option<M::X>>,
    /// Where blocks begin (one SSA block may become several).
    heads: Vec<Option<M::Block>>,
    /// Exit blocks, made at the first guard that needs them.
    pub exit_blocks: Vec<Option<M::Block>>,
    /// Results of calls beyond the first: (call, i).
    pub results: HashMap<(V, u8), M::X>,
    /// Key and value of each `NextStep`.
    pub entries: HashMap<V, (M::X, M::X)>,
    /// Where the varargs are (`runtime::vararg`).
    pub varargs: Option<M::X>,
}

impl<'s, M: Machine> Lowering<'s, M> {
    pub fn new(func: &'s Func, job: &'s JobInput, e: &'s M, options: LowerOptions) -> Self {
        Lowering {
            func,
            job,
            e,
            options,
            values: vec![None; func.insts.len()],
            heads: vec![None; func.blocks.len()],
            exit_blocks: vec![None; func.exits.len()],
            results: HashMap::new(),
            entries: HashMap::new(),
            varargs: None,
        }
    }

    /// Writes the function into the machine's current block and others.
    pub fn run(mut self) -> Result<CodeInfo> {
        let order = self.func.rpo();
        for &b in &order {
            let phis = self.phis(b).map(|v| self.machine_type(self.func.ty(v))).collect::<Result<Vec<_>>>()?;
            let head = self.e.block_with(&format!("b{}", b.0), &phis)?;
            if self.func.block(b).cold {
                self.e.set_cold(head);
            }
            self.heads[b.0 as usize] = Some(head);
        }
        self.prologue()?;
        self.e.jump(self.head(BlockId(0))?)?;
        for &b in &order {
            let head = self.head(b)?;
            self.e.switch_to(head);
            for (i, v) in self.phis(b).enumerate() {
                let param = self.e.block_param(head, i)?;
                self.set(v, param);
            }
            for &v in &self.func.block(b).insts {
                self.lower_inst(b, v)?;
            }
        }
        self.finish_exits()
    }

    /// The phis of a block.
    fn phis(&self, b: BlockId) -> impl Iterator<Item = V> + 's {
        let func = self.func;
        func.block(b).insts.iter().copied().take_while(move |v| func.op(*v) == Op::Phi)
    }

    /// Leaves when the native stack is used up.
    fn prologue(&mut self) -> Result<()> {
        let calls = |op: &Op| matches!(op, Op::Call { .. } | Op::CallOpen { .. } | Op::TailCall { .. } | Op::TailCallOpen);
        let uses_varargs = |op: &Op| matches!(op, Op::VarArgCount | Op::VarArg(_) | Op::VarArgAt | Op::VarArgOpen);
        let (mut any_call, mut any_vararg) = (false, false);
        for block in &self.func.blocks {
            for v in &block.insts {
                any_call |= calls(&self.func.op(*v));
                any_vararg |= uses_varargs(&self.func.op(*v));
            }
        }
        let e = self.e;
        if !self.func.osr {
            e.count_entry(self.entry_site())?;
        }
        if any_call {
            let here = e.frame_address()?;
            let limit = e.load_raw(e.vm(), layout::VM_NATIVE_LIMIT, MTy::Raw)?;
            let over = e.compare(IntPredicate::ULT, here, limit)?;
            let (stop, go) = (e.block("overflow")?, e.block("start")?);
            e.set_cold(stop);
            e.branch(over, stop, go, Likely::No)?;
            e.switch_to(stop);
            // No site at all: an error is the caller's, this function is no level yet.
            if self.func.osr {
                // The VM enters loops only where there is room; the main program's stack may be full all the same.
                let (nil, zero) = (e.nil(), e.int(0));
                e.runtime_result(RtFn::StackOverflow, &[e.vm(), nil, zero, nil, nil, nil], self.entry_site() + 1)?;
                e.unreachable()?;
            } else {
                let param = |i| e.parameter(i);
                let args = [param(0)?, param(1)?, param(2)?, param(3)?, param(4)?, param(5)?];
                let r = e.runtime_result(RtFn::StackOverflow, &args, self.entry_site() + 1)?;
                e.return_value(r)?;
            }
            e.switch_to(go);
        }
        if any_vararg && self.func.osr {
            self.varargs = Some(e.runtime_result(RtFn::VarArgOfFrame, &[e.vm()], 0)?);
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

    pub fn head(&self, b: BlockId) -> Result<M::Block> {
        self.heads.get(b.0 as usize).copied().flatten().ok_or(LowerError::Internal("a jump to an unreachable block"))
    }

    pub fn machine_type(&self, ty: Ty) -> Result<MTy> {
        Ok(match ty {
            Ty::Any => MTy::Value,
            Ty::I64 => MTy::I64,
            Ty::F64 => MTy::F64,
            Ty::Bool => MTy::I1,
            Ty::Void => return Err(LowerError::Internal("a value of no type")),
        })
    }

    // ---- values
    pub fn set(&mut self, v: V, value: M::X) {
        self.values[v.0 as usize] = Some(value);
    }
    /// The value of an operand; constants are made here.
    pub fn get(&self, v: V) -> Result<M::X> {
        Ok(match self.func.op(v) {
            Op::ConstInt(i) => self.e.int(i),
            Op::ConstNum(bits) => self.e.float(bits)?,
            Op::ConstBool(b) => self.e.boolean(b),
            Op::ConstValue { bits, .. } => self.e.constant(bits),
            _ => self.values[v.0 as usize].ok_or(LowerError::Internal("a use before its definition"))?,
        })
    }
    fn typed(&self, v: V, ty: &[Ty], what: &'static str) -> Result<M::X> {
        if !ty.contains(&self.func.ty(v)) {
            return Err(LowerError::Internal(what));
        }
        self.get(v)
    }
    pub fn any(&self, v: V) -> Result<M::X> {
        self.typed(v, &[Ty::Any], "expected a Lua value")
    }
    pub fn int(&self, v: V) -> Result<M::X> {
        self.typed(v, &[Ty::I64, Ty::Bool], "expected an integer or boolean")
    }
    pub fn float(&self, v: V) -> Result<M::X> {
        self.typed(v, &[Ty::F64], "expected a float")
    }
    /// Operand `i`.
    pub fn arg(&self, v: V, i: usize) -> Result<V> {
        self.func.inst(v).args.get(i).copied().ok_or(LowerError::Internal("an operand is missing"))
    }
    pub fn any_arg(&self, v: V, i: usize) -> Result<M::X> {
        self.any(self.arg(v, i)?)
    }
    pub fn int_arg(&self, v: V, i: usize) -> Result<M::X> {
        self.int(self.arg(v, i)?)
    }
    pub fn float_arg(&self, v: V, i: usize) -> Result<M::X> {
        self.float(self.arg(v, i)?)
    }
    /// What kinds a value can have.
    pub fn kinds(&self, v: V) -> Kinds {
        self.func.inst(v).kinds
    }

    // ---- control
    fn lower_inst(&mut self, block: BlockId, v: V) -> Result<()> {
        match self.func.op(v) {
            Op::Closure => self.lower_closure(v),
            Op::Param(i) => self.lower_param(v, i),
            Op::OsrReg(i) => {
                let r = self.load_frame(8 * i64::from(i))?;
                self.set(v, r);
                Ok(())
            }
            Op::Jump(to) => {
                let args = self.passed(block, to, 0)?;
                self.e.jump_with(self.head(to)?, &args)
            }
            Op::Branch { then, els, likely } => self.lower_branch(block, v, then, els, likely),
            Op::Unreachable => self.e.unreachable(),
            Op::Phi | Op::ConstInt(_) | Op::ConstNum(_) | Op::ConstBool(_) | Op::ConstValue { .. } => Ok(()),
            op => self.lower_family(v, op),
        }
    }

    /// What a block passes to the phis of another on the `edge`-th edge between them.
    fn passed(&self, from: BlockId, to: BlockId, edge: usize) -> Result<Vec<M::X>> {
        let preds = &self.func.block(to).preds;
        let at = preds.iter().enumerate().filter(|(_, p)| **p == from).nth(edge).map(|(i, _)| i);
        let at = at.ok_or(LowerError::Internal("an edge that its target does not know"))?;
        self.phis(to).map(|phi| self.get(self.arg(phi, at)?)).collect()
    }

    fn lower_branch(&mut self, block: BlockId, v: V, then: BlockId, els: BlockId, likely: Option<bool>) -> Result<()> {
        let c = self.int_arg(v, 0)?;
        let first = self.passed(block, then, 0)?;
        let likely = match likely {
            Some(true) => Likely::Rather,
            Some(false) => Likely::No,
            None => Likely::Unknown,
        };
        let likely = match (self.func.block(then).cold, self.func.block(els).cold) {
            (false, true) => Likely::Yes,
            (true, false) => Likely::No,
            _ => likely,
        };
        if then != els {
            let second = self.passed(block, els, 0)?;
            return self.e.branch_with(c, self.head(then)?, &first, self.head(els)?, &second, likely);
        }
        // Phis there tell the two edges apart.
        let edge = self.e.block("edge")?;
        self.e.branch_with(c, self.head(then)?, &first, edge, &[], likely)?;
        self.e.switch_to(edge);
        let second = self.passed(block, els, 1)?;
        self.e.jump_with(self.head(els)?, &second)
    }

    // ---- entry values
    fn load_frame(&self, offset: i64) -> Result<M::X> {
        let at = self.e.offset(self.e.parameter(1)?, self.e.int(offset))?;
        self.e.load_at(at, MTy::Value, layout::AliasClass::Vm)
    }
    fn lower_closure(&mut self, v: V) -> Result<()> {
        // In an interpreter's frame the called value stands below the first register.
        let closure = if self.func.osr { self.load_frame(-8)? } else { self.e.parameter(1)? };
        self.set(v, closure);
        Ok(())
    }
    fn lower_param(&mut self, v: V, i: u8) -> Result<()> {
        let e = self.e;
        let p = if u32::from(i) < 3 {
            e.parameter(3 + u32::from(i))?
        } else {
            let nargs = e.parameter(2)?;
            let at = layout::RawField { offset: layout::VM_ARGS.offset + 8 * usize::from(i), ..layout::VM_ARGS };
            let passed = e.load_raw(e.vm(), at, MTy::Value)?;
            let given = e.compare(IntPredicate::UGT, nargs, e.int(i.into()))?;
            e.select(given, passed, e.nil())?
        };
        self.set(v, p);
        Ok(())
    }

    fn lower_family(&mut self, v: V, op: Op) -> Result<()> {
        use Op::*;
        match op {
            BoxInt | BoxSmall | BoxFloat | BoxBool | UnboxSmall | UnboxInt | UnboxFloat | UnboxNumber | IntToFloat | FloatToInt | AddI | SubI
            | MulI | FloorDivI | FloorModI | AndI | OrI | XorI | ShlI | ShrI | NegI | NotI | AbsI | AddF | SubF | MulF | DivF | FloorDivF
            | FloorModF | PowF | NegF | AbsF | SqrtF | FloorF | CeilF | MathF(_) => self.lower_number(v, op),
            GuardSmall | GuardInt | GuardFloat | GuardNumber | GuardKind(_) | GuardShape { .. } | GuardPlain | GuardProto(_) | GuardNative { .. }
            | GuardBits { .. } | GuardIndex | Guard { .. } | GuardIntegral => self.lower_guard(v, op),
            IsKind(_) | IsTruthy | SameBits | IsShape(_) | IsProto(_) | Not | CmpI(_) | CmpF(_) | CmpNumber(_) | RawEq | EqProbe | CmpStr(_) | ForMore
            | ForMoreF | Select => self.lower_test(v, op),
            LoadArray | LoadSlots | LoadCap | LoadElem | LoadInline(_) | LoadSlot(_) | LoadUpval(_) | LoadNativeUpval(_) | LoadCell { .. } | StrLen | LoadByte | TableLen
            | StoreInline { .. } | StoreSlot { .. } | StoreShape(_) | StoreElem { .. } | StoreCell { .. } => self.lower_memory(v, op),
            LoadTypeMeta(_) | TypeName => self.lower_value_load(v, op),
            NewTable { .. } | NewCell | NewClosure { .. } => self.lower_alloc(v, op),
            Waste { bytes } => self.lower_waste(v, bytes),
            Call { callee, want } => self.lower_call(v, callee, want),
            CallOpen { want } => self.lower_call_open(v, want),
            CallResult(i) => self.lower_call_result(v, i),
            Rt(op) => self.lower_runtime(v, op),
            VarArgSave | VarArgCount | VarArg(_) | VarArgAt | VarArgOpen => self.lower_vararg(v, op),
            NextFind | NextStep | NextKey | NextValue => self.lower_iteration(v, op),
            Poll => self.lower_poll(v),
            MetaEnter | MetaLeave => self.lower_level(v, op),
            Exit | Return | ReturnOpen | TailCall { .. } | TailCallOpen => {
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
