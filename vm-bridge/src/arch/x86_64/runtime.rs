//! Exit trampolines: compiled code calls runtime functions through them.
//!
//! A trampoline records the compiled caller's pc, sp and fp in the VM, *calls* the Rust function (the shim), tests its
//! status, and on an error leaves the whole segment for its entry trampoline (`entry::throw`). So nothing is on the fast
//! path of calls in compiled code but one test, and only compiled frames are ever skipped: the shim has returned.

/// What a shim returns: a value in rax, the status in rdx. Compiled code sees the value only.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The result, if the status is 0: a Lua value, or any 64 bits that the compiled caller expects.
    pub value: u64,
    /// 0; 1 for an error whose value is in the VM; 2 or 3: see [`Outcome::switch`].
    pub status: u64,
}

impl Outcome {
    /// The stack that the VM has prepared goes on with this value, and the compiled caller waits until somebody comes back
    /// with one for it. `special`: the other side waits in compiled code too, and the value is why that is over.
    pub const fn switch(value: u64, special: bool) -> Outcome {
        Outcome { value, status: 2 + special as u64 }
    }

    /// The call succeeded.
    pub const fn ok(value: u64) -> Outcome {
        Outcome { value, status: 0 }
    }

    /// The call threw.
    pub const ERROR: Outcome = Outcome {
        value: 0,
        status: 1,
    };

    /// Whether the call threw.
    pub const fn is_error(self) -> bool {
        self.status != 0
    }
}

/// What a shim with a floating-point result returns: the result in xmm0, the status in rax.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DoubleOutcome {
    /// The result, if the status is 0.
    pub value: f64,
    /// 0, or 1 for an error whose value is in the VM.
    pub status: u64,
}

impl DoubleOutcome {
    /// The call succeeded.
    pub const fn ok(value: f64) -> DoubleOutcome {
        DoubleOutcome { value, status: 0 }
    }

    /// The call threw.
    pub const ERROR: DoubleOutcome = DoubleOutcome {
        value: 0.0,
        status: 1,
    };
}

/// Defines the exit trampoline `$name` of the shim `$shim`, an `unsafe extern "C" fn` whose first argument is the VM. It takes
/// up to 5 further integer or pointer arguments and up to 8 doubles: all of them in registers. The kind says what it returns:
///
/// | kind | the shim returns | compiled code sees |
/// |---|---|---|
/// | `value` | [`Outcome`] | 64 bits |
/// | `double` | [`DoubleOutcome`] | `double` |
/// | `infallible` | anything that fits registers, or nothing | the same |
///
/// ```text
/// runtime_trampolines! {
///     /// Compiled code calls this one.
///     pub new_table = shims::new_table as value;
///     pub collect = shims::collect as infallible;
/// }
/// ```
#[macro_export]
macro_rules! runtime_trampolines {
    ($($(#[$meta:meta])* $vis:vis $name:ident = $shim:path as $kind:ident;)*) => {
        $($crate::runtime_trampolines! { @one $kind [$(#[$meta])*] [$vis] $name $shim })*
    };
    (@one value [$(#[$meta:meta])*] [$vis:vis] $name:ident $shim:path) => {
        $crate::runtime_trampolines! { @emit [$(#[$meta])*] [$vis] $name $shim,
            "push rdi",
            "call {shim}",
            "pop rdi",
            "test rdx, rdx",
            "jne {other}",
            "ret",
            other = sym $crate::arch::throw_or_switch,
        }
    };
    (@one double [$(#[$meta:meta])*] [$vis:vis] $name:ident $shim:path) => {
        $crate::runtime_trampolines! { @emit [$(#[$meta])*] [$vis] $name $shim,
            "push rdi",
            "call {shim}",
            "pop rdi",
            "test rax, rax",
            "jne {throw}",
            "ret",
            throw = sym $crate::arch::throw,
        }
    };
    (@one infallible [$(#[$meta:meta])*] [$vis:vis] $name:ident $shim:path) => {
        $crate::runtime_trampolines! { @emit [$(#[$meta])*] [$vis] $name $shim,
            "jmp {shim}",
        }
    };
    (@emit [$(#[$meta:meta])*] [$vis:vis] $name:ident $shim:path, $($rest:tt)*) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// Only compiled code may call this, with the VM as first argument and those that the shim expects.
        #[unsafe(naked)]
        $vis unsafe extern "C" fn $name() {
            ::std::arch::naked_asm!(
                "mov rax, [rsp]",
                "mov [rdi + {exit_pc}], rax",
                "lea rax, [rsp + 8]",
                "mov [rdi + {exit_sp}], rax",
                "mov [rdi + {exit_fp}], rbp",
                $($rest)*
                shim = sym $shim,
                exit_pc = const ::std::mem::offset_of!($crate::arch::NativeState, context.exit_pc),
                exit_sp = const ::std::mem::offset_of!($crate::arch::NativeState, context.exit_sp),
                exit_fp = const ::std::mem::offset_of!($crate::arch::NativeState, context.exit_fp),
            )
        }
    };
}
