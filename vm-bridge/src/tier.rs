//! Tiers of compiled code, and how baseline code asks for better.
//!
//! Baseline code counts its calls and the passes of its loops down. Below zero, a call asks by `rt_tier_up` and goes on, and
//! a loop leaves (which asks too). The engine has the place compiled by the optimising tier and replaces the code. A loop that
//! was left is entered again soon, in whatever code there is then.
use crate::tracker::Place;
use std::cell::UnsafeCell;

/// By which compiler code was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum Tier {
    /// Fast to compile.
    Baseline,
    /// LLVM.
    #[default]
    Optimized,
}

/// The count of one piece of baseline code, at an address that the code knows.
#[repr(C)]
#[derive(Debug)]
pub struct TierCell {
    count: UnsafeCell<i32>,
    /// What the code was compiled for.
    pub place: Place,
}

// SAFETY: the compiler's thread makes a cell; from the installation of the code on only the VM's thread uses it.
unsafe impl Sync for TierCell {}

impl TierCell {
    /// A count of `n`.
    pub fn new(place: Place, n: i32) -> Box<TierCell> {
        Box::new(TierCell { count: UnsafeCell::new(n), place })
    }

    /// Address of the count (an i32), and of the cell.
    pub fn address(&self) -> usize {
        self as *const TierCell as usize
    }

    /// Is the count below 0?
    pub fn is_over(&self) -> bool {
        // SAFETY: as in `set_count`.
        unsafe { *self.count.get() < 0 }
    }

    /// Sets the count.
    pub fn set_count(&self, n: i32) {
        // SAFETY: only the VM's thread uses the cell of installed code, and no reference to the count exists.
        unsafe { *self.count.get() = n };
    }
}
