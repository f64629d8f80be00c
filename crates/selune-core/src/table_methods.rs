//! The table operations as methods of the heap, for callers that hold one anyway.
use crate::heap::Heap;
use crate::shape::{HAS_META, Metamethod, NO_SLOT, OWN_META};
use crate::table::{self, InvalidKey, KeyError};
use crate::value::Value;

impl Heap {
    /// `t[k]`, raw.
    #[inline(always)]
    pub fn get(&self, t: Value, k: Value) -> Value {
        table::get(self, t, k)
    }
    /// `t[i]`, raw.
    #[inline(always)]
    pub fn get_int(&self, t: Value, i: i64) -> Value {
        table::get_int(t, i)
    }
    /// `t[key]`, raw, `key` an interned string.
    #[inline(always)]
    pub fn get_str(&self, t: Value, key: Value) -> Value {
        table::get_str(self, t, key)
    }
    /// `t[k] = v`, raw.
    #[inline(always)]
    pub fn set(&mut self, t: Value, k: Value, v: Value) -> Result<(), KeyError> {
        table::set(self, t, k, v)
    }
    /// `t[i] = v`, raw.
    #[inline(always)]
    pub fn set_int(&mut self, t: Value, i: i64, v: Value) {
        table::set_int(self, t, i, v)
    }
    /// `t[key] = v`, raw, `key` any string.
    #[inline(always)]
    pub fn set_str(&mut self, t: Value, key: Value, v: Value) {
        // Only nil and NaN keys are refused.
        let _ = table::set(self, t, key, v);
    }
    /// `t.key = v`, raw, `key` an interned constant of the program.
    #[inline(always)]
    pub fn set_named(&mut self, t: Value, key: Value, v: Value) {
        table::set_named(self, t, key, v, true)
    }
    /// A border of `t`, raw.
    #[inline(always)]
    pub fn length(&self, t: Value) -> i64 {
        table::length(t)
    }
    /// The entry after key `k`.
    #[inline(always)]
    pub fn next(&self, t: Value, k: Value) -> Result<Option<(Value, Value)>, InvalidKey> {
        table::next(self, t, k)
    }
    /// The metatable of a table, or nil.
    #[inline(always)]
    pub fn metatable(&self, t: Value) -> Value {
        table::metatable(self, t)
    }
    /// Sets the metatable of a table (nil: none).
    pub fn set_metatable(&mut self, t: Value, metatable: Value) {
        table::set_metatable(self, t, metatable)
    }
    /// Makes room for `n` array elements.
    pub fn reserve_array(&mut self, t: Value, n: usize) {
        table::reserve_array(self, t, n)
    }
    /// A table as a constructor and stores would have made it: with this shape, these inline slots, and `elements` from 1 on in
    /// an array part with room for `array` of them. Does not collect.
    ///
    /// # Safety
    /// `shape` is a live shape (no dictionary's) of tables with `slots.len()` inline slots, and has no more slots than these; its
    /// metatable, if it has one, has neither `__gc` nor `__mode`.
    pub unsafe fn new_table_of_shape(&mut self, shape: u32, array: usize, slots: &[Value], elements: &[Value]) -> Value {
        let t = self.new_table(array, slots.len());
        debug_assert_eq!(self.shape(shape).inline_cap as usize, slots.len());
        // SAFETY: a new table with so many inline slots, of this shape by the caller's promise.
        unsafe {
            let table = t.as_table();
            (*table).header.aux = shape;
            for (i, v) in slots.iter().enumerate() {
                self.store(table as *mut crate::object::Header, crate::object::Table::inline(table, i), *v);
            }
        }
        for (i, v) in (1..).zip(elements) {
            if !v.is_nil() {
                self.set_int(t, i, *v);
            }
        }
        t
    }
    /// Is it certain that tables of this shape have no metatable?
    #[inline(always)]
    pub fn shape_has_no_metatable(&self, shape: u32) -> bool {
        self.shape(shape).flags & HAS_META == 0
    }
    /// May `t[k] = v` be stored raw whatever `k` is: no metatable, or one without `__newindex`?
    #[inline(always)]
    pub fn metatable_lacks_newindex(&self, t: Value) -> bool {
        let shape = self.shape_of(t);
        if shape.flags & HAS_META == 0 {
            return true;
        }
        self.metamethod(self.metatable(t), Metamethod::NewIndex).is_nil()
    }
    /// `t[key]` for an interned string, through a chain of tables by `__index`; None when something else has to be asked.
    #[inline]
    pub fn index_tables(&self, t: Value, key: Value) -> Option<Value> {
        let v = self.get_str(t, key);
        if !v.is_nil() { Some(v) } else { self.index_tables_above(t, key) }
    }
    /// `index_tables` where `t[key]`, raw, is known to be nil.
    pub fn index_tables_above(&self, mut t: Value, key: Value) -> Option<Value> {
        for _ in 0..100 {
            let shape = self.shape_of(t);
            let m = if shape.flags & OWN_META == 0 { shape.metatable } else { self.metatable(t) };
            if m.is_nil() {
                return Some(Value::NIL);
            }
            let shape = self.shape_of(m);
            t = if shape.is_dict() {
                self.get_str(m, self.event_name(Metamethod::Index))
            } else if shape.index_slot == NO_SLOT {
                return Some(Value::NIL);
            } else {
                // SAFETY: a slot of the shape of a live table.
                unsafe { *table::slot_ptr(m.as_table(), shape.index_slot).1 }
            };
            if !t.is_table() {
                return t.is_nil().then_some(Value::NIL);
            }
            let v = self.get_str(t, key);
            if !v.is_nil() {
                return Some(v);
            }
        }
        None
    }
    /// The interned name of a metamethod.
    #[inline(always)]
    pub fn event_name(&self, m: Metamethod) -> Value {
        self.event_names[m as usize]
    }
}
