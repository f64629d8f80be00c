//! (skeleton)
use super::{Heap, Roots};
impl Heap {
    /// Panics when the heap breaks one of its invariants.
    pub fn verify(&mut self, _roots: &mut Roots) {}
}
