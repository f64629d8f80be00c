//! An engine's own machine code: the stubs that side exits call and that redirected frames return to.

use crate::arch::{LazyReturnHandler, NativeState, STUB_BYTES, SideExitHandler, Stub};
use crate::code_memory::{CodeBlock, CodeMemory, CodeMemoryError};
use std::sync::Arc;

/// The stubs of one VM, in its code memory.
#[derive(Debug)]
pub struct NativeStubs {
    block: CodeBlock,
}

impl NativeStubs {
    /// Installs the stubs.
    ///
    /// # Safety
    /// As long as code that uses the stubs can run, `vm` is the address of the VM whose code memory this is, and the
    /// handlers do what their types say.
    pub unsafe fn install(
        memory: &Arc<CodeMemory>,
        vm: *mut NativeState,
        side_exit: SideExitHandler,
        lazy_return: LazyReturnHandler,
    ) -> Result<NativeStubs, CodeMemoryError> {
        let code = [
            Stub::SideExit(side_exit).code(vm),
            Stub::LazyReturn(lazy_return).code(vm),
        ];
        Ok(NativeStubs {
            block: memory.install(code.as_flattened())?,
        })
    }

    /// What patched side exits call.
    pub fn side_exit(&self) -> u64 {
        self.block.code().start as u64
    }

    /// Where redirected frames return to.
    pub fn lazy_return(&self) -> u64 {
        self.side_exit() + STUB_BYTES as u64
    }
}
