//! Traversal of tables: array elements inline, the rest by the runtime.
use super::LowerError;
use super::call::arg_slot;
use super::machine::*;
use super::function::Lowering;
use crate::ssa::ir::{Op, V};
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn lower_iteration(&mut self, v: V, op: Op) -> Result<()> {
        match op {
            Op::NextFind => {
                let (table, key) = (self.any_arg(v, 0)?, self.any_arg(v, 1)?);
                let e = self.e;
                let at = e.runtime_result(RtFn::NextFind, &[e.vm(), table, key], 0)?;
                self.set(v, at);
                Ok(())
            }
            Op::NextStep => self.next_step(v),
            Op::NextKey | Op::NextValue => {
                let step = self.arg(v, 0)?;
                let &(key, value) = self.entries.get(&step).ok_or(LowerError::Internal("an entry without its step"))?;
                self.set(v, if op == Op::NextKey { key } else { value });
                Ok(())
            }
            _ => Err(LowerError::Internal("an iteration")),
        }
    }

    /// Position `at` below the array part's capacity is an element's index from 0.
    fn next_step(&mut self, v: V) -> Result<()> {
        let (table, at) = (self.any_arg(v, 0)?, self.int_arg(v, 1)?);
        let e = self.e;
        let array = e.load_value(table, layout::TABLE_ARRAY)?;
        let cap = e.zext(e.load(array, layout::ARRAY_CAP, MTy::I32)?)?;
        let (look, found, slow) = (e.block("element")?, e.block("found")?, e.block("slow")?);
        let join = e.block_with("join", &[MTy::I64, MTy::Value, MTy::Value])?;
        let inside = e.compare(IntPredicate::ULT, at, cap)?;
        e.branch(inside, look, slow, Likely::Unknown)?;
        e.switch_to(look);
        let slot = e.element(e.field(array, layout::ARRAY_ELEMENT)?, at)?;
        let element = e.load_at(slot, MTy::Value, layout::ARRAY_ELEMENT.class)?;
        let absent = e.same(element, e.nil())?;
        e.branch(absent, slow, found, Likely::No)?;
        e.switch_to(found);
        let next = e.add(at, e.int(1))?;
        let key = e.box_small(next)?;
        e.jump_with(join, &[next, key, element])?;
        e.switch_to(slow);
        let other = e.runtime_result(RtFn::NextStep, &[e.vm(), table, at], 0)?;
        let (other_key, other_value) = (e.load_raw(e.vm(), arg_slot(0), MTy::Value)?, e.load_raw(e.vm(), arg_slot(1), MTy::Value)?);
        e.jump_with(join, &[other, other_key, other_value])?;
        e.switch_to(join);
        self.set(v, e.block_param(join, 0)?);
        self.entries.insert(v, (e.block_param(join, 1)?, e.block_param(join, 2)?));
        Ok(())
    }
}
