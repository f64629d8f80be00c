//! Traversal of tables: array elements inline, the rest by the runtime.
use super::LowerError;
use super::call::arg_slot;
use super::emit::{Emit, Likely, Result};
use super::function::Lowering;
use crate::ssa::ir::{Op, V};
use inkwell::IntPredicate;
use vm_bridge::layout;
use vm_bridge::runtime::RtFn;

impl<'c> Lowering<'_, '_, 'c> {
    pub(super) fn lower_iteration(&mut self, v: V, op: Op) -> Result<()> {
        match op {
            Op::NextFind => {
                let (table, key) = (self.any_arg(v, 0)?, self.any_arg(v, 1)?);
                let e = &mut self.e;
                let at = e.runtime_result(RtFn::NextFind, &[e.vm.into(), table.into(), key.into()], 0)?;
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
        let e = &mut self.e;
        let array = e.load_value(table, layout::TABLE_ARRAY)?;
        let cap = e.zext(e.load_int(array, layout::ARRAY_CAP, e.i32)?)?;
        let (look, found, slow, join) = (e.block("element"), e.block("found"), e.block("slow"), e.block("join"));
        let inside = e.compare(IntPredicate::ULT, at, cap)?;
        e.branch(inside, look, slow, Likely::Unknown)?;
        e.b.position_at_end(look);
        let slot = e.element(e.field(array, layout::ARRAY_ELEMENT)?, at)?;
        let element = e.load_at(slot, e.value, layout::ARRAY_ELEMENT.class)?.into_pointer_value();
        let absent = e.same(element, e.nil())?;
        e.branch(absent, slow, found, Likely::No)?;
        e.b.position_at_end(found);
        let next = e.b.build_int_add(at, e.int(1), "")?;
        let key = e.box_small(next)?;
        e.jump(join)?;
        e.b.position_at_end(slow);
        let other = e.runtime_result(RtFn::NextStep, &[e.vm.into(), table.into(), at.into()], 0)?;
        let transfer = |e: &Emit<'_, 'c>, i| e.load_raw(e.vm, arg_slot(i), e.value);
        let (other_key, other_value) = (transfer(e, 0)?, transfer(e, 1)?);
        e.jump(join)?;
        e.b.position_at_end(join);
        let (i64, any) = (e.i64, e.value);
        let next = e.phi(i64, &[(next.into(), found), (other, slow)])?;
        let key = e.phi(any, &[(key.into(), found), (other_key, slow)])?.into_pointer_value();
        let value = e.phi(any, &[(element.into(), found), (other_value, slow)])?.into_pointer_value();
        self.set(v, next);
        self.entries.insert(v, (key, value));
        Ok(())
    }
}
