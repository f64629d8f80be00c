//! (skeleton)
use super::Heap;
use crate::value::Value;
impl Heap {
    /// Notes that `v` (a table or userdata) has a metatable with `__gc`; does nothing when it was noted before.
    pub fn register_finalizer(&mut self, _v: Value) {}
    /// The next object whose finalizer is to be called. It is a normal object again.
    pub fn take_finalizable(&mut self) -> Option<Value> {
        None
    }
    /// Lets `take_finalizable` answer all objects with finalizers (the program ends).
    pub fn finalize_all(&mut self) {}
}
