//! Side exits: the cold blocks that guards lead to, and the description of what they pass.
//!
//! An exit block passes the live values to the engine's stub and returns what that returns. To keep exits
//! small, blocks are shared by all guards with the same exit, constants stand in the description, and equal frame states
//! are one.
use super::LowerError;
use super::machine::*;
use super::function::Lowering;
use crate::ssa::ir::{ExitId, FsId, Op, Reason, Ty, V};
use std::collections::HashMap;
use vm_bridge::frame_state::{CallSite, CodeInfo, CodeInfoBuilder, LiveKind, ReturnTo, Source, StateId};

/// Virtual tables that have been described.
type Tables = HashMap<V, Source>;

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn exit_of(&self, v: V) -> Result<ExitId> {
        self.func.inst(v).exit.ok_or(LowerError::Internal("a guard without exit"))
    }

    /// The block that leaves; filled at the end (`finish_exits`).
    pub(super) fn exit_block(&mut self, exit: ExitId) -> Result<M::Block> {
        let slot = self.exit_blocks.get_mut(exit.0 as usize).ok_or(LowerError::Internal("an unknown exit"))?;
        if let Some(block) = *slot {
            return Ok(block);
        }
        let block = self.e.block(&format!("exit{}", exit.0))?;
        self.e.set_cold(block);
        *slot = Some(block);
        Ok(block)
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
        let mut tables = Tables::new();
        for (i, exit) in self.func.exits.iter().enumerate() {
            // Every exit is described, so that the number of a record is its index.
            let state = self.describe_state(exit.state, &mut states, &mut tables, &mut builder)?;
            let live = self.live_values(exit.state);
            let numbers: Vec<u32> = live.iter().map(|v| v.0).collect();
            let counts = exit.reason != Reason::Leave && self.options.exit_countdowns.is_none();
            builder.add_exit(state, exit.reason as u8, counts, exit.blame, &numbers);
            if let Some(block) = self.exit_blocks[i] {
                self.e.switch_to(block);
                self.leave(i as u64, &live)?;
            }
        }
        Ok(builder.finish())
    }

    fn leave(&mut self, id: u64, live: &[V]) -> Result<()> {
        let mut values = Vec::with_capacity(live.len() + 1);
        for &v in live {
            let value = self.get(v)?;
            // A narrow value's upper bits would be undefined.
            values.push(if self.func.ty(v) == Ty::Bool { self.e.zext(value)? } else { value });
        }
        if !self.func.osr {
            values.extend(self.varargs);
        }
        self.e.exit(id, &values)
    }

    fn describe_state(&self, id: FsId, known: &mut [Option<StateId>], tables: &mut Tables, builder: &mut CodeInfoBuilder) -> Result<StateId> {
        if let Some(state) = known[id.0 as usize] {
            return Ok(state);
        }
        let state = &self.func.frame_states[id.0 as usize];
        let parent = match state.parent {
            Some(p) => Some(self.describe_state(p, known, tables, builder)?),
            None => None,
        };
        let ret = state.ret.map(|r| ReturnTo { func: r.func, nresults: r.nresults, meta: r.meta });
        let mut registers = Vec::with_capacity(state.regs.len());
        for (r, v) in &state.regs {
            registers.push((*r, self.describe_value(*v, tables, builder)?));
        }
        let mut varargs = Vec::with_capacity(state.varargs.len());
        for v in &state.varargs {
            varargs.push(self.describe_value(*v, tables, builder)?);
        }
        let described = builder.add_state(parent, state.proto, state.pc, self.source(state.closure), ret, state.tail, registers, varargs)?;
        known[id.0 as usize] = Some(described);
        Ok(described)
    }

    /// Where a value comes from; describes the tables that it needs first.
    fn describe_value(&self, v: V, tables: &mut Tables, builder: &mut CodeInfoBuilder) -> Result<Source> {
        let Op::Virtual { shape, inline, array, .. } = self.func.op(v) else { return Ok(self.source(v)) };
        if let Some(&known) = tables.get(&v) {
            return Ok(known);
        }
        let mut contents = Vec::with_capacity(self.func.inst(v).args.len());
        for a in &self.func.inst(v).args {
            contents.push(self.describe_value(*a, tables, builder)?);
        }
        let table = builder.add_table(shape, inline, array, contents)?;
        tables.insert(v, table);
        Ok(table)
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
