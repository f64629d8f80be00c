//! Tiers of compiled code, and how baseline code asks for better.
//!
//! Baseline code counts its calls and the passes of its loops down. At zero it calls `rt_tier_up` with its cell; the engine
//! has the place compiled by the optimising tier and replaces the code. A loop that still runs in the replaced code is left
//! at its header, and entered again in the new code.
use crate::tracker::Place;
use std::cell::{Cell, UnsafeCell};

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
    /// How often it has asked since it was replaced.
    pub asked: Cell<u32>,
}

// SAFETY: the compiler's thread makes a cell; from the installation of the code on only the VM's thread uses it.
unsafe impl Sync for TierCell {}

impl TierCell {
    /// A count of `n`.
    pub fn new(place: Place, n: i32) -> Box<TierCell> {
        Box::new(TierCell { count: UnsafeCell::new(n), place, asked: Cell::new(0) })
    }

    /// Address of the count (an i32), and of the cell.
    pub fn address(&self) -> usize {
        self as *const TierCell as usize
    }

    /// Sets the count.
    pub fn set_count(&self, n: i32) {
        // SAFETY: only the VM's thread uses the cell of installed code, and no reference to the count exists.
        unsafe { *self.count.get() = n };
    }
}
