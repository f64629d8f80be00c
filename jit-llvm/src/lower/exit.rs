//! Side exits: the cold blocks that guards lead to, and the description of what they pass.
//!
//! An exit block is one patchpoint with the live values, then `ret`: see `vm_bridge::arch` for how it becomes a call. To
//! keep exits small, blocks are shared by all guards with the same exit, constants stand in the description, and equal
//! frame states are one.
use super::LowerError;
use super::emit::Result;
use super::function::Lowering;
use crate::ssa::ir::{ExitId, FsId, Op, Reason, Ty, V};
use inkwell::basic_block::BasicBlock;
use inkwell::values::{BasicMetadataValueEnum, BasicValueEnum};
use vm_bridge::frame_state::{CallSite, CodeInfo, CodeInfoBuilder, LiveKind, ReturnTo, Source, StateId};
use vm_bridge::stackmap::{EXIT_ID, LANDING_ID};

const PATCHPOINT: &str = "llvm.experimental.patchpoint.i64";

impl<'c> Lowering<'_, '_, 'c> {
    pub(super) fn exit_of(&self, v: V) -> Result<ExitId> {
        self.func.inst(v).exit.ok_or(LowerError::Internal("a guard without exit"))
    }

    /// The block that leaves; filled at the end (`finish_exits`).
    pub(super) fn exit_block(&mut self, exit: ExitId) -> Result<BasicBlock<'c>> {
        let slot = self.exit_blocks.get_mut(exit.0 as usize).ok_or(LowerError::Internal("an unknown exit"))?;
        Ok(*slot.get_or_insert_with(|| self.e.context.append_basic_block(self.e.function, &format!("exit{}", exit.0))))
    }

    pub(super) fn lower_exit(&mut self, v: V) -> Result<()> {
        let exit = self.exit_of(v)?;
        let block = self.exit_block(exit)?;
        self.e.jump(block)
    }

    /// The values that an exit passes, ascending.
    fn live_values(&self, state: FsId) -> Vec<V> {
        let mut live: Vec<V> = self.func.state_values(state).into_iter().filter(|v| !self.func.op(*v).is_const()).collect();
        live.sort_unstable();
        live.dedup();
        live
    }

    /// Fills the exit blocks and describes them.
    pub(super) fn finish_exits(mut self) -> Result<CodeInfo> {
        let mut info = CodeInfo::default();
        info.protos = self.func.proto_ptrs.clone();
        info.has_varargs = self.varargs.is_some() && !self.func.osr;
        info.sites = self.call_sites();
        let mut builder = CodeInfoBuilder::new(info);
        let mut states: Vec<Option<StateId>> = vec![None; self.func.frame_states.len()];
        for (i, exit) in self.func.exits.iter().enumerate() {
            // Every exit is described, so that the number of a record is its index.
            let state = self.describe_state(exit.state, &mut states, &mut builder)?;
            let live = self.live_values(exit.state);
            let numbers: Vec<u32> = live.iter().map(|v| v.0).collect();
            let counts = exit.reason != Reason::Leave && self.options.exit_countdowns.is_none();
            builder.add_exit(state, exit.reason as u8, counts, exit.blame, &numbers);
            if let Some(block) = self.exit_blocks[i] {
                self.e.b.position_at_end(block);
                self.patchpoint(i as u64, &live)?;
            }
        }
        Ok(builder.finish())
    }

    fn patchpoint(&mut self, id: u64, live: &[V]) -> Result<()> {
        let e = &self.e;
        let f = e.module.get_function(PATCHPOINT).unwrap_or_else(|| {
            let params = [e.i64.into(), e.i32.into(), e.raw.into(), e.i32.into()];
            e.module.add_function(PATCHPOINT, e.i64.fn_type(&params, true), None)
        });
        let bytes = e.i32.const_int(vm_bridge::arch::EXIT_BYTES as u64, false);
        let mut args: Vec<BasicMetadataValueEnum> =
            vec![e.word(EXIT_ID | LANDING_ID | id).into(), bytes.into(), e.raw.const_null().into(), e.i32.const_zero().into()];
        for &v in live {
            let value = self.get(v)?;
            // A narrow value's upper bits would be undefined.
            args.push(match (value, self.func.ty(v)) {
                (BasicValueEnum::IntValue(b), Ty::Bool) => self.e.zext(b)?.into(),
                // The bits: of a double that turns out to be constant, LLVM would pass a place in its constant pool.
                (BasicValueEnum::FloatValue(f), _) => self.e.b.build_bit_cast(f, self.e.i64, "")?.into(),
                (value, _) => value.into(),
            });
        }
        if !self.func.osr
            && let Some(handle) = self.varargs
        {
            args.push(handle.into());
        }
        let r = self.e.b.build_direct_call(f, &args, "")?.try_as_basic_value().basic();
        let r = r.ok_or(LowerError::Internal("a patchpoint without result"))?.into_int_value();
        let r = self.e.from_bits(r)?;
        self.e.b.build_return(Some(&r))?;
        Ok(())
    }

    fn describe_state(&self, id: FsId, known: &mut [Option<StateId>], builder: &mut CodeInfoBuilder) -> Result<StateId> {
        if let Some(state) = known[id.0 as usize] {
            return Ok(state);
        }
        let state = &self.func.frame_states[id.0 as usize];
        let parent = match state.parent {
            Some(p) => Some(self.describe_state(p, known, builder)?),
            None => None,
        };
        let ret = state.ret.map(|r| ReturnTo { func: r.func, nresults: r.nresults });
        let registers: Vec<(u8, Source)> = state.regs.iter().map(|(r, v)| (*r, self.source(*v))).collect();
        let described = builder.add_state(parent, state.proto, state.pc, self.source(state.closure), ret, state.tail, registers)?;
        known[id.0 as usize] = Some(described);
        Ok(described)
    }

    fn source(&self, v: V) -> Source {
        match self.func.op(v) {
            Op::ConstInt(i) => Source::Int(i),
            Op::ConstNum(bits) => Source::Constant(bits),
            Op::ConstBool(b) => Source::Constant(selune_core::value::Value::bool(b).0),
            Op::ConstValue { bits, .. } => Source::Constant(bits),
            _ => Source::Live(
                v.0,
                match self.func.ty(v) {
                    Ty::I64 => LiveKind::Int,
                    Ty::F64 => LiveKind::Float,
                    Ty::Bool => LiveKind::Bool,
                    Ty::Any | Ty::Void => LiveKind::Value,
                },
            ),
        }
    }

    /// The sites of the function, then that of its entry.
    fn call_sites(&self) -> Vec<CallSite> {
        let own = self.func.sites.iter().map(|s| CallSite { parent: s.parent.map(|p| p.0), proto: s.proto, pc: s.pc });
        own.chain([CallSite { parent: None, proto: 0, pc: 0 }]).collect()
    }
}
