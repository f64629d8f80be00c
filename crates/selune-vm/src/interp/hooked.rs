//! The handlers of threads with a debug hook: each calls the hooks that are due and then does what the plain handler does.
use super::{Exit, HANDLERS, Handlers, save};
use crate::Vm;
use crate::native::Thrown;
use selune_core::feedback::Unit;
use selune_core::opcode::{OP_COUNT, Op};
use selune_core::proto::Ins;
use selune_core::value::Value;

/// One handler for all opcodes.
pub(crate) static HOOKED: Handlers = [hooked; OP_COUNT];
