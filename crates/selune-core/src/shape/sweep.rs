//! What collections do with shapes: update young metatables, mark what live shapes name, free the dead.
//!
//! A shape that no table has any more stays while its parent and its metatable live, so that caches and code stay good
//! (SHAPE-4); those by keys that are no constants of the program go after a few major collections.
use super::keys::KeyList;
use super::{Shape, Shapes};
use crate::heap::Heap;
use crate::value::Value;

/// Major collections that a shape without tables survives, when nothing pins it.
const MAX_AGE: u32 = 3;

impl Shapes {
    /// Calls `visit` with the slot of each metatable that may be young; none is afterwards.
    pub(crate) fn visit_young_metatables(&mut self, visit: &mut dyn FnMut(*mut Value)) {
        if !self.young_meta.is_empty() {
            self.forget_metas();
            for shape in core::mem::take(&mut self.young_meta) {
                // SAFETY: shapes die only in major collections, when this list is empty.
                visit(unsafe { &raw mut (*shape).metatable });
            }
        }
    }
    fn forget_metas(&mut self) {
        self.meta_cache.iter_mut().for_each(|c| c.parent = 0);
    }
    /// Starts the marking of a major collection.
    pub(crate) fn start_marking(&mut self) {
        self.epoch += 1;
    }
}

impl Heap {
    /// Marks a shape and its ancestors: `visit` gets each metatable and key for the first time in this collection.
    #[inline(always)]
    pub(crate) fn mark_shape(&mut self, id: u32, visit: &mut dyn FnMut(Value)) {
        let shape = self.shape_ptr(id);
        // SAFETY: the shape of a live table.
        if unsafe { (*shape).epoch } != self.shape_table.epoch {
            self.mark_shape_slow(shape, visit);
        }
    }
    #[cold]
    fn mark_shape_slow(&mut self, mut shape: *mut Shape, visit: &mut dyn FnMut(Value)) {
        let epoch = self.shape_table.epoch;
        // SAFETY: SHAPE-3.
        unsafe {
            while !shape.is_null() && (*shape).epoch != epoch {
                ((*shape).epoch, (*shape).age) = (epoch, 0);
                visit((*shape).metatable);
                (*(*shape).keys).visit((*shape).nslots, epoch, visit);
                shape = (*shape).parent;
            }
        }
    }
    /// Frees the shapes that are not marked and too old or without their metatable; `is_live` tells whether a metatable is
    /// marked, and `mark_key` marks the keys of shapes that stay nevertheless.
    pub(crate) fn sweep_shapes(&mut self, is_live: &dyn Fn(Value) -> bool, mark_key: &mut dyn FnMut(Value)) {
        let epoch = self.shape_table.epoch;
        let mut dead = Vec::new();
        let mut lists: Vec<*mut KeyList> = Vec::new();
        for id in 1..self.shape_table.count {
            // SAFETY: entries below `count` are null or live shapes; SHAPE-3 (parents come first).
            unsafe {
                let shape = *self.shapes.add(id as usize);
                if shape.is_null() {
                    continue;
                }
                if (*shape).epoch != epoch {
                    let parent = (*shape).parent;
                    (*shape).age += 1;
                    let root = parent.is_null();
                    let young = (*shape).pinned || (*shape).age <= MAX_AGE;
                    let usable = (*shape).metatable.is_nil() || is_live((*shape).metatable);
                    if root || young && usable && (*parent).epoch == epoch {
                        (*shape).epoch = epoch;
                        (*(*shape).keys).visit((*shape).nslots, epoch, mark_key);
                    } else {
                        dead.push(shape);
                        continue;
                    }
                }
                if (*(*shape).keys).used == 0 {
                    lists.push((*shape).keys);
                }
                let used = &raw mut (*(*shape).keys).used;
                *used = (*used).max((*shape).nslots + 1);
            }
        }
        // A list of dead shapes only goes with its last user below; `used` counts one too many so that 0 means unseen.
        for list in lists {
            // SAFETY: lists of live shapes.
            unsafe {
                (*list).used -= 1;
                (*list).truncate();
                (*list).used = 0;
            }
        }
        if !dead.is_empty() {
            self.free_shapes(&dead);
        }
    }
    fn free_shapes(&mut self, dead: &[*mut Shape]) {
        self.shape_table.forget_metas();
        let epoch = self.shape_table.epoch;
        // SAFETY: dead shapes are still allocated here; SHAPE-3 says that live ones have live parents, so that only
        // parents of dead shapes name them.
        unsafe {
            for &shape in dead {
                let parent = (*shape).parent;
                if (*parent).epoch == epoch {
                    (*parent).children.retain(|c| (*c).epoch == epoch);
                    (*parent).metas.retain(|c| (**c).epoch == epoch);
                    (*parent).last_child = core::ptr::null_mut();
                    if !(*parent).own_meta.is_null() && (*(*parent).own_meta).epoch != epoch {
                        (*parent).own_meta = core::ptr::null_mut();
                    }
                }
            }
            for &shape in dead {
                *self.shapes.add((*shape).id as usize) = core::ptr::null_mut();
                free_shape(shape);
            }
        }
        self.stats.shapes -= dead.len();
    }
    /// Frees all shapes (the heap is being dropped).
    pub(crate) fn drop_shapes(&mut self) {
        for id in 1..self.shape_table.count {
            // SAFETY: entries below `count` are null or live shapes, and nobody uses them any more.
            unsafe {
                let shape = *self.shapes.add(id as usize);
                if !shape.is_null() {
                    free_shape(shape);
                }
            }
        }
        if self.shape_table.cap > 0 {
            // SAFETY: made in `new_shape` with `cap` entries.
            drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(self.shapes, self.shape_table.cap as usize)) });
        }
    }
}

unsafe fn free_shape(shape: *mut Shape) {
    // SAFETY: the caller passes a shape that nothing names any more.
    unsafe {
        let keys = (*shape).keys;
        (*keys).users -= 1;
        if (*keys).users == 0 {
            drop(Box::from_raw(keys));
        }
        drop(Box::from_raw(shape));
    }
}
