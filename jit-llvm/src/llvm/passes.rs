//! The pass pipelines, by name, and why they are what they are.
//!
//! Order: a [`Pipeline`] on values that are plain (non-integral) pointers, then `rewrite-statepoints-for-gc`, which makes
//! each call that is not to a `gc-leaf-function` a statepoint and relocates what lives across it, then little: after
//! statepoints no pass may move collected values across them, and none that we run does.

use super::target::CompilerOptions;
use inkwell::passes::PassBuilderOptions;

/// What runs before statepoints are inserted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Pipeline {
    /// Only what must be: the value functions of the prelude are inlined.
    Minimal,
    /// For functions that have just got hot.
    #[default]
    Lean,
    /// For functions that stay hot: loops are unrolled and vectorised. Grows steeply with the number of guards.
    O2,
    /// Passes by name, as for `opt -passes=`.
    Custom(String),
}

impl Pipeline {
    /// The passes' names.
    pub fn text(&self) -> &str {
        match self {
            Pipeline::Minimal => MINIMAL,
            Pipeline::Lean => LEAN,
            Pipeline::O2 => O2,
            Pipeline::Custom(text) => text,
        }
    }
}

const MINIMAL: &str = "always-inline";

/// The smallest pipeline found by measurement that still promotes, removes what is redundant, rotates and hoists. One
/// iteration of instcombine: the later ones find next to nothing and cost as much.
const LEAN: &str = "always-inline,function(\
    sroa,early-cse<memssa>,simplifycfg,\
    loop-mssa(loop-rotate,licm,simple-loop-unswitch<no-nontrivial;trivial>),\
    gvn,instcombine<max-iterations=1>,simplifycfg)";

const O2: &str = "default<O2>";

/// Statepoints, and the removal of what they made redundant.
pub(super) const STATEPOINTS: &str = "rewrite-statepoints-for-gc,function(early-cse)";

/// Collected values must not become vector elements (stack maps cannot describe them): no SLP vectorisation.
pub(super) fn options(compiler: &CompilerOptions) -> PassBuilderOptions {
    let options = PassBuilderOptions::create();
    options.set_verify_each(compiler.verify_each);
    options.set_loop_interleaving(true);
    options.set_loop_vectorization(true);
    options.set_loop_unrolling(true);
    options.set_loop_slp_vectorization(false);
    options
}
