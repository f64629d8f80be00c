//! (skeleton)
use super::{Heap, Roots};
impl Heap {
    /// Collects the nursery.
    pub fn collect_minor(&mut self, _roots: &mut Roots) {}
}
