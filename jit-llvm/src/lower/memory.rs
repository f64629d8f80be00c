//! Loads and stores: tables, parts, cells, strings; the write barrier.
use super::LowerError;
use super::machine::*;
use super::function::Lowering;
use crate::ssa::ir::{Op, V};
use crate::ssa::types::Kinds;
use selune_core::object::GC_BARRIER;
use vm_bridge::layout::{self, ObjectField};
use vm_bridge::runtime::RtFn;

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn lower_memory(&mut self, v: V, op: Op) -> Result<()> {
        use Op::*;
        let base = self.any_arg(v, 0)?;
        let r = match op {
            LoadArray => self.e.load_value(base, layout::TABLE_ARRAY)?,
            LoadSlots => self.e.load_value(base, layout::TABLE_SLOTS)?,
            LoadCap => self.e.zext(self.e.load(base, layout::ARRAY_CAP, MTy::I32)?)?,
            LoadElem => {
                let at = self.element(base, self.int_arg(v, 1)?)?;
                self.e.load_at(at, MTy::Value, layout::ARRAY_ELEMENT.class)?
            }
            LoadInline(i) => self.e.load_value(base, layout::TABLE_INLINE.element(i.into()))?,
            LoadSlot(i) => self.e.load_value(base, layout::SLOTS_SLOT.element(i.into()))?,
            LoadUpval(i) => self.e.load_value(base, layout::CLOSURE_UPVALUE.element(i.into()))?,
            LoadNativeUpval(i) => self.e.load_value(base, layout::NATIVE_UPVALUE.element(i.into()))?,
            LoadCell { .. } => self.e.load_value(base, layout::CELL_VALUE)?,
            StrLen => self.e.load(base, layout::STRING_LEN, MTy::I64)?,
            LoadByte => {
                let before = ObjectField { offset: layout::STRING_BYTES.offset - 1, ..layout::STRING_BYTES };
                let at = self.e.offset(self.e.field(base, before)?, self.int_arg(v, 1)?)?;
                self.e.zext(self.e.load_at(at, MTy::I8, layout::STRING_BYTES.class)?)?
            }
            TableLen => self.table_len(base)?,
            StoreInline { slot, barrier } => return self.store(v, layout::TABLE_INLINE.element(slot.into()), barrier, layout::TABLE_GC),
            StoreSlot { slot, barrier } => return self.store(v, layout::SLOTS_SLOT.element(slot.into()), barrier, layout::OBJECT_GC),
            StoreCell { barrier } => return self.store(v, layout::CELL_VALUE, barrier, layout::OBJECT_GC),
            StoreShape(id) => return self.e.store(base, layout::TABLE_SHAPE, self.e.int32(id)),
            StoreElem { barrier } => {
                let (at, what) = (self.element(base, self.int_arg(v, 1)?)?, self.arg(v, 2)?);
                self.e.store_at(at, self.any(what)?, layout::ARRAY_ELEMENT.class)?;
                return if barrier { self.barrier(base, layout::OBJECT_GC, at, what) } else { Ok(()) };
            }
            _ => return Err(LowerError::Internal("a memory access")),
        };
        self.set(v, r);
        Ok(())
    }

    pub(super) fn lower_value_load(&mut self, v: V, op: Op) -> Result<()> {
        let r = match op {
            Op::LoadTypeMeta(i) => self.e.load_raw(self.e.vm(), layout::RawField { offset: layout::VM_TYPE_METAS.offset + 8 * usize::from(i), ..layout::VM_TYPE_METAS }, MTy::Value)?,
            _ => self.e.runtime_result(RtFn::TypeName, &[self.any_arg(v, 0)?, self.any_arg(v, 1)?], 0)?,
        };
        self.set(v, r);
        Ok(())
    }

    /// The address of the element with a 1-based index.
    fn element(&self, array: M::X, index: M::X) -> Result<M::X> {
        let zeroth = ObjectField { offset: layout::ARRAY_ELEMENT.offset - layout::SLOT, ..layout::ARRAY_ELEMENT };
        self.e.element(self.e.field(array, zeroth)?, index)
    }

    fn store(&mut self, v: V, field: ObjectField, barrier: bool, gc: ObjectField) -> Result<()> {
        let (base, what) = (self.any_arg(v, 0)?, self.arg(v, 1)?);
        let at = self.e.field(base, field)?;
        self.e.store_at(at, self.any(what)?, field.class)?;
        if barrier { self.barrier(base, gc, at, what) } else { Ok(()) }
    }

    /// After a store of `what` to the address `slot` inside `container`: old containers remember young values.
    fn barrier(&mut self, container: M::X, gc: ObjectField, slot: M::X, what: V) -> Result<()> {
        let kinds = self.kinds(what);
        // Light userdata are among OBJECT but are no heap values; the runtime function looks again.
        if !kinds.meets(Kinds::HEAP) {
            return Ok(());
        }
        let gc = self.e.load(container, gc, MTy::I8)?;
        let bit = self.e.and(gc, self.e.int8(GC_BARRIER))?;
        let mut needed = self.e.compare(IntPredicate::NE, bit, self.e.int8(0))?;
        if !kinds.within(Kinds::HEAP.minus(Kinds::OBJECT)) {
            let value = self.any(what)?;
            let heap = self.e.is_heap(value)?;
            needed = self.e.and(needed, heap)?;
        }
        self.e.when(needed, Likely::No, |e| {
            e.call_runtime(RtFn::Barrier, &[e.vm(), container, slot], 0)?;
            Ok(())
        })
    }

    /// A border: the one that was last seen, when it still is one.
    fn table_len(&mut self, table: M::X) -> Result<M::X> {
        let array = self.e.load_value(table, layout::TABLE_ARRAY)?;
        let cap = self.e.load(array, layout::ARRAY_CAP, MTy::I32)?;
        let seen = self.e.load(array, layout::ARRAY_BORDER, MTy::I32)?;
        let ty = MTy::I64;
        // 1 <= seen < cap: both elements around the border can be looked at.
        let e = self.e;
        let below = e.sub(seen, e.int32(1))?;
        let inside = e.compare(IntPredicate::ULT, below, e.sub(cap, e.int32(1))?)?;
        let some = e.compare(IntPredicate::NE, cap, e.int32(0))?;
        let look = e.and(inside, some)?;
        let slow = |e: &M| e.runtime_result(RtFn::TableLen, &[e.vm(), table], 0);
        let r = e.diamond(
            look,
            Likely::Rather,
            ty,
            |e| {
                let index = e.zext(seen)?;
                let last = e.element(e.field(array, ObjectField { offset: layout::ARRAY_ELEMENT.offset - layout::SLOT, ..layout::ARRAY_ELEMENT })?, index)?;
                let behind = e.element(e.field(array, layout::ARRAY_ELEMENT)?, index)?;
                let class = layout::ARRAY_ELEMENT.class;
                let last = e.load_at(last, MTy::Value, class)?;
                let behind = e.load_at(behind, MTy::Value, class)?;
                let used = e.not(e.same(last, e.nil())?)?;
                let ok = e.and(used, e.same(behind, e.nil())?)?;
                e.diamond(ok, Likely::Rather, ty, |_| Ok(index), slow)
            },
            slow,
        )?;
        Ok(r)
    }
}
