//! Keeps LLVM's static variables alive until the process is gone.
//!
//! A static variable in a C++ function is constructed at its first use and registers its destructor then, with
//! `__cxa_atexit`. Such a destructor runs before every handler that was registered earlier, so no handler of ours can keep
//! a worker from using the variable afterwards. Therefore the library's reference to `__cxa_atexit` is bound to a
//! function that registers nothing: these variables are never destroyed. (Global variables registered theirs while the
//! library was loaded; for them the handler in `exit` comes early enough.)

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

const PT_DYNAMIC: u32 = 2;
const PT_GNU_RELRO: u32 = 0x6474_e552;
const DT_PLTRELSZ: usize = 2;
const DT_STRTAB: usize = 5;
const DT_SYMTAB: usize = 6;
const DT_RELA: usize = 7;
const DT_RELASZ: usize = 8;
const DT_JMPREL: usize = 23;
const DT_RELACOUNT: usize = 0x6fff_fff9;
const R_X86_64_GLOB_DAT: u32 = 6;
const R_X86_64_JUMP_SLOT: u32 = 7;

#[repr(C)]
struct Relocation {
    offset: usize,
    kind: u32,
    symbol: u32,
    addend: isize,
}

#[repr(C)]
struct Symbol {
    name: u32,
    rest: [u8; 20],
}

/// What of a loaded library is needed here.
#[derive(Default)]
struct Library {
    /// An address in it: how it is recognised.
    inside: usize,
    base: usize,
    dynamic: usize,
    /// Pages that the dynamic linker has made read-only after it had written them.
    relro: (usize, usize),
}

extern "C" fn registers_nothing(_: *mut c_void, _: *mut c_void, _: *mut c_void) -> c_int {
    0
}

/// Rebinds `__cxa_atexit` for the library that has code at `inside`. Returns how many references there were; none if the
/// library is not as expected, and then its variables are destroyed as usual.
///
/// # Safety
/// The library stays loaded, and no other thread is in it.
pub(super) unsafe fn keep(inside: usize) -> usize {
    let mut library = Library {
        inside,
        ..Library::default()
    };
    // SAFETY: the callback gets the address of `library` back.
    unsafe { libc::dl_iterate_phdr(Some(find), (&raw mut library).cast()) };
    if library.dynamic == 0 {
        return 0;
    }
    let tag = |tag| library.tag(tag).unwrap_or(0);
    let pointer = |t| match tag(t) {
        0 => 0,
        // Most dynamic linkers relocate these entries in place.
        p if p < library.base => p + library.base,
        p => p,
    };
    let (strings, symbols) = (pointer(DT_STRTAB), pointer(DT_SYMTAB));
    if strings == 0 || symbols == 0 {
        return 0;
    }
    // The first relocations are those without a symbol, hundreds of thousands.
    let skipped = tag(DT_RELACOUNT);
    let all = tag(DT_RELASZ) / size_of::<Relocation>();
    let tables = [
        (
            pointer(DT_RELA) + skipped * size_of::<Relocation>(),
            all.saturating_sub(skipped),
        ),
        (
            pointer(DT_JMPREL),
            tag(DT_PLTRELSZ) / size_of::<Relocation>(),
        ),
    ];
    let mut found = 0;
    for (table, count) in tables {
        for i in 0..count {
            // SAFETY: the tables of a library that the dynamic linker has loaded and worked with.
            let name = unsafe {
                let relocation = &*(table as *const Relocation).add(i);
                if !matches!(relocation.kind, R_X86_64_GLOB_DAT | R_X86_64_JUMP_SLOT) {
                    continue;
                }
                let symbol = &*(symbols as *const Symbol).add(relocation.symbol as usize);
                CStr::from_ptr((strings + symbol.name as usize) as *const c_char)
            };
            if name == c"__cxa_atexit" {
                // SAFETY: as above.
                let slot = library.base + unsafe { (*(table as *const Relocation).add(i)).offset };
                // SAFETY: the slot holds the address of `__cxa_atexit` for this library alone.
                found += usize::from(unsafe {
                    library.bind(slot, registers_nothing as *const () as usize)
                });
            }
        }
    }
    found
}

impl Library {
    fn tag(&self, wanted: usize) -> Option<usize> {
        let mut at = self.dynamic as *const [usize; 2];
        loop {
            // SAFETY: the dynamic section is a list of pairs that ends with a zero tag.
            match unsafe { at.read() } {
                [0, _] => return None,
                [tag, value] if tag == wanted => return Some(value),
                // SAFETY: as above.
                _ => at = unsafe { at.add(1) },
            }
        }
    }

    unsafe fn bind(&self, slot: usize, function: usize) -> bool {
        const PAGE: usize = 4096;
        let sealed = (self.relro.0..self.relro.1).contains(&slot);
        let page = (slot & !(PAGE - 1)) as *mut c_void;
        // SAFETY: the page is the library's, and the dynamic linker has no more business with it. If it cannot be made
        // writable, nothing is written.
        unsafe {
            if sealed && libc::mprotect(page, PAGE, libc::PROT_READ | libc::PROT_WRITE) != 0 {
                return false;
            }
            (*(slot as *const AtomicUsize)).store(function, Ordering::Release);
            if sealed {
                libc::mprotect(page, PAGE, libc::PROT_READ);
            }
        }
        true
    }
}

/// Fills in the `Library` whose segments the wanted address is in.
unsafe extern "C" fn find(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    library: *mut c_void,
) -> c_int {
    // SAFETY: the dynamic linker's information about one library, and the `Library` of `keep`.
    let (info, library) = unsafe { (&*info, &mut *library.cast::<Library>()) };
    let base = info.dlpi_addr as usize;
    // SAFETY: as above.
    let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let range = |h: &libc::Elf64_Phdr| {
        (
            base + h.p_vaddr as usize,
            base + (h.p_vaddr + h.p_memsz) as usize,
        )
    };
    let is_in = |h: &libc::Elf64_Phdr| {
        let (start, end) = range(h);
        h.p_type == libc::PT_LOAD && (start..end).contains(&library.inside)
    };
    if !headers.iter().any(is_in) {
        return 0;
    }
    library.base = base;
    for header in headers {
        match header.p_type {
            PT_DYNAMIC => library.dynamic = range(header).0,
            PT_GNU_RELRO => library.relro = range(header),
            _ => {}
        }
    }
    1
}
