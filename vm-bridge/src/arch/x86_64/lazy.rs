//! Symbols that are bound at run time: `lazy_symbols!` *defines* each named C function as a jump through a slot.
//!
//! A library whose bindings are compiled without linking (`llvm-sys` with `no-llvm-linking`) refers to C functions that
//! nobody defines. This macro defines them, hidden, in the crate that invokes it: 12 bytes of code and a slot each. The
//! slots are zero (in `.bss`: no relocation, no cost at process start) until `LazySymbols::bind` fills them.
//! Calling a function whose slot is empty ends the program with a message that names the function.
//!
//! The static that the macro defines refers to the slot table, which stands in the same object file as the functions.
//! So whoever binds them pulls them into the link, whatever the order of the archives on the linker's command line.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The functions that one `lazy_symbols!` defines.
pub struct LazySymbols {
    library: &'static str,
    names: &'static [&'static str],
    required: usize,
    slots: &'static [AtomicUsize],
}

/// A required function that the library does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingSymbol(pub &'static str);

impl LazySymbols {
    /// For `lazy_symbols!`. `names` end with a zero byte; the first `required` of them are required.
    #[doc(hidden)]
    pub const fn new(
        library: &'static str,
        names: &'static [&'static str],
        required: usize,
        slots: &'static [AtomicUsize],
    ) -> LazySymbols {
        assert!(names.len() == slots.len() && required <= names.len());
        LazySymbols {
            library,
            names,
            required,
            slots,
        }
    }

    /// How many functions there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Fills the slots with what `find` returns; none if it does not know one of the required functions.
    ///
    /// # Safety
    /// Each address must be that of a C function with the signature that callers of this name use, and must stay valid
    /// for the rest of the process.
    pub unsafe fn bind(
        &self,
        find: impl Fn(&CStr) -> Option<NonNull<c_void>>,
    ) -> Result<(), MissingSymbol> {
        let mut found = Vec::with_capacity(self.names.len());
        for (i, name) in self.names.iter().enumerate() {
            let address = CStr::from_bytes_with_nul(name.as_bytes())
                .ok()
                .and_then(&find);
            if address.is_none() && i < self.required {
                return Err(MissingSymbol(name.trim_end_matches('\0')));
            }
            found.push(address.map_or(0, |a| a.as_ptr() as usize));
        }
        for (slot, address) in self.slots.iter().zip(found) {
            slot.store(address, Ordering::Release);
        }
        Ok(())
    }

    /// The end of a call through an empty slot.
    #[doc(hidden)]
    pub fn called_unbound(&self, slot: *const AtomicUsize) -> ! {
        let index =
            (slot as usize).wrapping_sub(self.slots.as_ptr() as usize) / size_of::<AtomicUsize>();
        let name = self
            .names
            .get(index)
            .map_or("?", |name| name.trim_end_matches('\0'));
        let library = self.library;
        eprintln!(
            "selune: fatal: {name} was called, but {library} is not loaded or does not have it"
        );
        std::process::abort()
    }
}

/// Defines C functions that jump to what a [`LazySymbols`] is bound to. `table` and `unbound` are names of linker symbols:
/// any that are unique in the program. To be invoked in a module, not in a function.
///
/// ```text
/// lazy_symbols! {
///     /// The C API of LLVM.
///     pub static SYMBOLS: "LLVM 17", table = "selune_llvm_table";
///     LLVMContextCreate LLVMContextDispose;
///     optional: LLVMCreatePerfJITEventListener
/// }
/// ```
#[macro_export]
macro_rules! lazy_symbols {
    ($(#[$meta:meta])* $vis:vis static $symbols:ident: $library:literal, table = $table:literal;
     $($required:ident)*; optional: $($optional:ident)*) => {
        $crate::lazy_symbols! {
            @all $(#[$meta])* $vis static $symbols: $library, table = $table, [$($required)*];
            $($required)* $($optional)*
        }
    };
    (@all $(#[$meta:meta])* $vis:vis static $symbols:ident: $library:literal, table = $table:literal,
     [$($required:ident)*]; $($name:ident)*) => {
        $(#[$meta])*
        $vis static $symbols: $crate::arch::LazySymbols = {
            const NAMES: &[&str] = &[$(concat!(stringify!($name), "\0")),*];
            const REQUIRED: &[&str] = &[$(stringify!($required)),*];
            unsafe extern "C" {
                #[link_name = $table]
                static SLOTS: [::std::sync::atomic::AtomicUsize; NAMES.len()];
            }
            // (A module, because `global_asm!` cannot stand in a block.)
            mod stubs {
                extern "C" fn unbound(slot: *const ::std::sync::atomic::AtomicUsize) -> ! {
                    super::$symbols.called_unbound(slot)
                }
                ::std::arch::global_asm!(
                    concat!(".pushsection .bss.", $table, ",\"aw\",@nobits"),
                    ".balign 8",
                    concat!(".globl ", $table),
                    concat!(".hidden ", $table),
                    concat!($table, ":"),
                    $(concat!(".Lslot_", stringify!($name), ": .zero 8"),)*
                    ".popsection",
                    concat!(".pushsection .text.", $table, ",\"ax\",@progbits"),
                    // r11 is the one register that no caller of a C function expects anything of (rax counts the vector
                    // arguments of a variadic call).
                    $(
                        concat!(".globl ", stringify!($name)),
                        concat!(".hidden ", stringify!($name)),
                        concat!(".type ", stringify!($name), ",@function"),
                        concat!(stringify!($name), ": lea r11, [rip + .Lslot_", stringify!($name), "]"),
                        concat!("jmp .Lbound_", $table),
                        concat!(".size ", stringify!($name), ", . - ", stringify!($name)),
                    )*
                    ".balign 16",
                    concat!(".Lbound_", $table, ":"),
                    "cmp qword ptr [r11], 0",
                    "je 2f",
                    "jmp qword ptr [r11]",
                    "2: mov rdi, r11",
                    "and rsp, -16",
                    "call {unbound}",
                    "ud2",
                    ".popsection",
                    unbound = sym unbound,
                );
            }
            // SAFETY: the assembly above defines the table, with one zeroed slot of 8 bytes for each name.
            $crate::arch::LazySymbols::new($library, NAMES, REQUIRED.len(), unsafe { &SLOTS })
        };
    };
}
