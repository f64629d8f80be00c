//! Allocation in the nursery, inline: tables, cells, closures.
//!
//! ALLOC-1: the slow path (`rt_make_room`) may collect, and comes before the first byte of the object; from there to the
//! object's last initialising store there is no safepoint. ALLOC-2: a reference to a new object is loaded from memory
//! where it had been stored as a number (tables: the nursery top itself). A reference that the optimiser derives from
//! that of another object would move with that object when something is collected.
use super::LowerError;
use super::machine::*;
use super::function::Lowering;
use crate::job::ProtoIdx;
use crate::ssa::ir::{Op, V};
use selune_core::native_state::ARG_SLOTS;
use selune_core::object::{ArrayPart, Cell, Closure, Kind, Table};
use selune_core::value::{TAG_FUNCTION, TAG_OBJECT, TAG_SHIFT, TAG_TABLE};
use vm_bridge::layout::{self, OBJECT_ALIGN, ObjectField, RawField, SLOT, header_word};
use vm_bridge::runtime::RtFn;

/// Array parts up to this capacity are made inline.
const MAX_INLINE_ARRAY: u32 = 16;
/// Where a reference passes through memory (ALLOC-2): a slot that no collection scans, and no argument reaches.
const SCRATCH: RawField = RawField { offset: layout::VM_ARGS.offset + SLOT * (ARG_SLOTS - 1), ..layout::VM_ARGS };

impl<M: Machine> Lowering<'_, M> {
    pub(super) fn lower_alloc(&mut self, v: V, op: Op) -> Result<()> {
        let r = match op {
            Op::NewTable { shape, inline, narray } => self.new_table(v, shape, inline, narray)?,
            Op::NewCell => self.new_cell(v)?,
            Op::NewClosure { proto, child } => self.new_closure(v, proto, child)?,
            _ => return Err(LowerError::Internal("an allocation")),
        };
        self.set(v, r);
        Ok(())
    }

    pub(super) fn lower_waste(&mut self, v: V, bytes: u32) -> Result<()> {
        self.bump(v, bytes as usize)?;
        Ok(())
    }

    /// Room for `bytes` bytes: the nursery's old top, tagged as a table.
    fn bump(&mut self, v: V, bytes: usize) -> Result<M::X> {
        let bytes = bytes.next_multiple_of(OBJECT_ALIGN) as u64;
        let site = self.site(v);
        let e = self.e;
        let load_top = |e: &M| e.load_raw(e.vm(), layout::VM_NURSERY_TOP, MTy::Value);
        let top = load_top(e)?;
        let limit = e.load_raw(e.vm(), layout::VM_NURSERY_LIMIT, MTy::I64)?;
        let wanted = e.add(e.bits(top)?, e.word(bytes))?;
        let fits = e.compare(IntPredicate::ULE, wanted, limit)?;
        let ty = MTy::Value;
        let top = e
            .diamond(
                fits,
                Likely::Yes,
                ty,
                |_| Ok(top),
                |e| {
                    e.call_runtime(RtFn::MakeRoom, &[e.vm(), e.word(bytes)], site)?;
                    load_top(e)
                },
            )?
            ;
        // As a number, so that the next allocation's top is loaded and not derived from this object (ALLOC-2).
        let new_top = e.add(e.bits(top)?, e.word(bytes))?;
        e.store_raw(e.vm(), layout::VM_NURSERY_TOP, new_top)?;
        Ok(top)
    }

    /// The reference to an object at `offset` from `top` with another tag (ALLOC-2).
    fn launder(&self, top: M::X, offset: usize, tag: u64) -> Result<M::X> {
        let e = self.e;
        let bits = e.add(e.bits(top)?, e.word(((tag - TAG_TABLE) << TAG_SHIFT) + offset as u64))?;
        e.store_raw(e.vm(), SCRATCH, bits)?;
        e.load_raw(e.vm(), SCRATCH, MTy::Value)
    }

    fn new_table(&mut self, v: V, shape: u32, inline: u8, narray: u32) -> Result<M::X> {
        let site = self.site(v);
        if narray > MAX_INLINE_ARRAY {
            let e = self.e;
            let args = [e.vm(), e.word(inline.into()), e.word(narray.into())];
            return e.runtime_result(RtFn::NewTable, &args, site);
        }
        let size = (Table::TRAILING + SLOT * usize::from(inline)).next_multiple_of(OBJECT_ALIGN);
        let cap = narray.next_multiple_of(2);
        let array_size = if cap == 0 { 0 } else { ArrayPart::TRAILING + SLOT * cap as usize };
        let top = self.bump(v, size + array_size)?;
        let e = self.e;
        e.store(top, layout::TABLE_HEADER, e.word(header_word(shape, Kind::Table, inline)))?;
        for (part, empty) in [(layout::TABLE_SLOTS, layout::VM_EMPTY_SLOTS), (layout::TABLE_HASH, layout::VM_EMPTY_HASH)] {
            e.store(top, part, e.load_raw(e.vm(), empty, MTy::Value)?)?;
        }
        for i in 0..usize::from(inline) {
            e.store(top, layout::TABLE_INLINE.element(i), e.nil())?;
        }
        if cap == 0 {
            e.store(top, layout::TABLE_ARRAY, e.load_raw(e.vm(), layout::VM_EMPTY_ARRAY, MTy::Value)?)?;
            return Ok(top);
        }
        // Fields of the part, seen from the table's tag.
        let at = |f: ObjectField| ObjectField { tag: TAG_TABLE, offset: f.offset + size, ..f };
        e.store(top, at(layout::TABLE_HEADER), e.word(header_word(0, Kind::ArrayPart, 0)))?;
        e.store(top, at(layout::ARRAY_CAP), e.int32(cap))?;
        e.store(top, at(layout::ARRAY_BORDER), e.int32(0))?;
        for i in 0..cap as usize {
            e.store(top, at(layout::ARRAY_ELEMENT.element(i)), e.nil())?;
        }
        // As a number (ALLOC-2): a load of it is not replaced by something derived from the table.
        let part = e.add(e.bits(top)?, e.word(((TAG_OBJECT - TAG_TABLE) << TAG_SHIFT) + size as u64))?;
        e.store(top, layout::TABLE_ARRAY, part)?;
        Ok(top)
    }

    fn new_cell(&mut self, v: V) -> Result<M::X> {
        let top = self.bump(v, size_of::<Cell>())?;
        let what = self.any_arg(v, 0)?;
        let e = self.e;
        e.store(top, layout::TABLE_HEADER, e.word(header_word(0, Kind::Cell, 0)))?;
        e.store(top, layout::CELL_VALUE.with_tag(TAG_TABLE), what)?;
        self.launder(top, 0, TAG_OBJECT)
    }

    fn new_closure(&mut self, v: V, proto: ProtoIdx, child: u32) -> Result<M::X> {
        let parent = self.job.protos.get(proto as usize);
        let address = parent.and_then(|p| p.children.get(child as usize)).ok_or(LowerError::Internal("an unknown nested function"))?.ptr;
        let cells = self.func.inst(v).args.clone();
        let top = self.bump(v, Closure::TRAILING + SLOT * cells.len())?;
        let e = self.e;
        e.store(top, layout::TABLE_HEADER, e.word(header_word(cells.len() as u32, Kind::Closure, 0)))?;
        e.store(top, layout::CLOSURE_PROTO.with_tag(TAG_TABLE), e.word(address as u64))?;
        for (i, cell) in cells.iter().enumerate() {
            e.store(top, layout::CLOSURE_UPVALUE.element(i).with_tag(TAG_TABLE), self.any(*cell)?)?;
        }
        self.launder(top, 0, TAG_FUNCTION)
    }
}
