//! Finding and loading LLVM 17, once per process, when somebody first asks for it.
//!
//! Nothing of LLVM is linked: a program that never compiles a function with LLVM does not touch the library, and one that
//! runs where there is none is told so by [`load`]. [`Llvm`] is the proof that it is there; everything that calls LLVM
//! is made from it. Next: `target`.

use super::{exit, fatal, stubs};
use std::env;
use std::ffi::{CStr, CString, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::OnceLock;
use thiserror::Error;

/// The names of the library, the most specific first.
const FILE_NAMES: [&str; 3] = ["libLLVM-17.so.1", "libLLVM-17.so", "libLLVM.so.17"];
/// The variable that names the library (a file or a folder); when it is set, no other place is tried.
pub const PATH_VARIABLE: &str = "SELUNE_LLVM17";

/// LLVM 17 is loaded and the x86 target is set up.
#[derive(Debug)]
pub struct Llvm {
    path: PathBuf,
    version: (u32, u32, u32),
}

/// Why there is no LLVM in this process. One line, meant for people.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum LlvmUnavailable {
    /// No place that is searched has the library.
    #[error("LLVM 17 is not installed (no {} in {searched}); ci/install-llvm17 provides it", FILE_NAMES[0])]
    NotFound {
        /// The folders that were searched.
        searched: String,
    },
    /// The library is there but does not load.
    #[error("LLVM 17 does not load: {0}")]
    DoesNotLoad(String),
    /// The library is not what its name says.
    #[error("{path} is not LLVM 17: {why}")]
    WrongLibrary {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// LLVM met an internal error earlier and must not be called any more.
    #[error("LLVM 17 is switched off after an internal error: {0}")]
    Failed(String),
}

/// Loads LLVM at the first call; the answer stays the same, unless LLVM meets a fatal error later.
pub fn load() -> Result<&'static Llvm, LlvmUnavailable> {
    static LLVM: OnceLock<Result<Llvm, LlvmUnavailable>> = OnceLock::new();
    if let Some(message) = fatal::message() {
        return Err(LlvmUnavailable::Failed(message));
    }
    LLVM.get_or_init(|| exit::while_loading(|| open_library(&places())))
        .as_ref()
        .map_err(Clone::clone)
}

impl Llvm {
    /// The file that was loaded.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Major, minor, patch.
    pub fn version(&self) -> (u32, u32, u32) {
        self.version
    }

    /// Whether LLVM may still be called: false after a fatal error in any thread.
    pub fn is_usable(&self) -> bool {
        fatal::message().is_none()
    }
}

/// The folders or files to try, in order, without looking whether they exist.
fn places() -> Vec<PathBuf> {
    if let Some(p) = env::var_os(PATH_VARIABLE).filter(|p| !p.is_empty()) {
        let p = PathBuf::from(p);
        return if p.is_dir() {
            vec![p.join("lib"), p]
        } else {
            vec![p]
        };
    }
    let mut places = Vec::new();
    if let Some(prefix) = env::var_os("LLVM_SYS_170_PREFIX").filter(|p| !p.is_empty()) {
        places.push(PathBuf::from(prefix).join("lib"));
    }
    places.extend(
        env::var_os("PATH")
            .and_then(|path| llvm_config_prefix(&path))
            .map(|p| p.join("lib")),
    );
    places.push(PathBuf::from("/usr/lib/llvm-17/lib"));
    let data = env::var_os("XDG_DATA_HOME")
        .filter(|d| Path::new(d).is_absolute())
        .map(PathBuf::from);
    let data =
        data.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")));
    places.extend(data.map(|d| d.join("selune/llvm17/usr/lib/llvm-17/lib")));
    places
}

/// The installation that `llvm-config-17` on the search path belongs to.
fn llvm_config_prefix(path: &OsStr) -> Option<PathBuf> {
    let program = env::split_paths(path)
        .map(|dir| dir.join("llvm-config-17"))
        .find(|p| p.is_file())?;
    Some(
        program
            .canonicalize()
            .ok()?
            .parent()?
            .parent()?
            .to_path_buf(),
    )
}

/// Is LLVM there? Looks for its file, and loads it only when there is none where it is expected.
pub fn check() -> Result<(), LlvmUnavailable> {
    let found = places().iter().any(|place| file_in(place).is_some());
    if found { Ok(()) } else { load().map(|_| ()) }
}

/// The library in a place, which may be the file itself.
fn file_in(place: &Path) -> Option<PathBuf> {
    let files = FILE_NAMES.iter().map(|name| place.join(name));
    files.chain([place.to_path_buf()]).find(|p| p.is_file())
}

fn open_library(places: &[PathBuf]) -> Result<Llvm, LlvmUnavailable> {
    let explicit = env::var_os(PATH_VARIABLE).is_some_and(|p| !p.is_empty());
    for place in places {
        if let Some(file) = file_in(place) {
            return open_file(&file);
        }
    }
    if !explicit {
        // Whatever the dynamic linker is configured to find.
        for name in FILE_NAMES {
            if let Ok(llvm) = open_file(Path::new(name)) {
                return Ok(llvm);
            }
        }
    }
    let searched = places
        .iter()
        .map(|p| p.to_string_lossy())
        .collect::<Vec<_>>()
        .join(", ");
    Err(LlvmUnavailable::NotFound { searched })
}

fn open_file(path: &Path) -> Result<Llvm, LlvmUnavailable> {
    let shown = path.to_string_lossy().into_owned();
    let wrong = |why: String| LlvmUnavailable::WrongLibrary {
        path: shown.clone(),
        why,
    };
    let c_path = CString::new(path.as_os_str().as_bytes())
        .map_err(|e| LlvmUnavailable::DoesNotLoad(e.to_string()))?;
    // SAFETY: a C string. The library is never unloaded, so its code and data stay valid for the rest of the process.
    let library = unsafe {
        libc::dlopen(
            c_path.as_ptr(),
            libc::RTLD_NOW | libc::RTLD_LOCAL | libc::RTLD_NODELETE,
        )
    };
    let Some(library) = NonNull::new(library) else {
        return Err(LlvmUnavailable::DoesNotLoad(dl_error()));
    };
    exit::register();
    // SAFETY: the handle came from dlopen and was not closed; the name is a C string.
    let symbol =
        |name: &CStr| NonNull::new(unsafe { libc::dlsym(library.as_ptr(), name.as_ptr()) });
    let version =
        library_version(&symbol).ok_or_else(|| wrong("it has no LLVMGetVersion".into()))?;
    if version.0 != 17 {
        return Err(wrong(format!(
            "it is LLVM {}.{}.{}",
            version.0, version.1, version.2
        )));
    }
    // SAFETY: the library says that it is LLVM 17, whose C API is what `llvm-sys` 170 declares, and is never unloaded.
    unsafe { stubs::C_API.bind(symbol) }
        .map_err(|missing| wrong(format!("it has no {}", missing.0)))?;
    if let Some(inside) = symbol(c"LLVMGetVersion") {
        // SAFETY: the function is in the library, which `load` has not given to anybody yet.
        unsafe { exit::keep_statics(inside.as_ptr() as usize) };
    }
    fatal::install();
    initialize_target();
    Ok(Llvm {
        path: path.to_path_buf(),
        version,
    })
}

fn library_version(symbol: &impl Fn(&CStr) -> Option<NonNull<c_void>>) -> Option<(u32, u32, u32)> {
    let f = symbol(c"LLVMGetVersion")?;
    // SAFETY: the function of this name has this signature in every LLVM that has it (16 and later).
    let f = unsafe {
        std::mem::transmute::<NonNull<c_void>, extern "C" fn(*mut u32, *mut u32, *mut u32)>(f)
    };
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    f(&mut major, &mut minor, &mut patch);
    Some((major, minor, patch))
}

fn initialize_target() {
    use llvm_sys::target::*;
    // SAFETY: the functions are bound (by `open_file`, just now); `load` calls this once, in one thread.
    unsafe {
        LLVMInitializeX86TargetInfo();
        LLVMInitializeX86Target();
        LLVMInitializeX86TargetMC();
        LLVMInitializeX86AsmPrinter();
    }
}

fn dl_error() -> String {
    // SAFETY: dlerror returns null or a C string that stays valid until the next call of a dl function in this thread.
    let message = unsafe {
        let p = libc::dlerror();
        if p.is_null() {
            "unknown reason".into()
        } else {
            CStr::from_ptr(p).to_string_lossy().into_owned()
        }
    };
    message.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unavailability_is_one_clear_line() {
        let e = open_library(&[PathBuf::from("/nowhere/lib")]);
        // The dynamic linker may know a library of that name: then there is nothing to complain about.
        if let Err(e) = e {
            let text = e.to_string();
            assert!(
                !text.contains('\n')
                    && text.contains("/nowhere/lib")
                    && text.contains("install-llvm17"),
                "{text}"
            );
        }
        let text = open_file(Path::new("/bin/true")).unwrap_err().to_string();
        assert!(!text.contains('\n') && text.contains("/bin/true"), "{text}");
        // A library that is something else.
        let text = open_file(Path::new("libc.so.6")).unwrap_err().to_string();
        assert_eq!(text, "libc.so.6 is not LLVM 17: it has no LLVMGetVersion");
    }

    #[test]
    fn the_prefix_of_llvm_config_is_found_through_links() {
        let dir = env::temp_dir().join(format!("selune-load-{}", std::process::id()));
        let (bin, path) = (dir.join("opt/bin"), dir.join("path"));
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(bin.join("llvm-config"), "").unwrap();
        std::os::unix::fs::symlink(bin.join("llvm-config"), path.join("llvm-config-17")).unwrap();
        let search = env::join_paths([Path::new("/nowhere"), &path]).unwrap();
        let found = llvm_config_prefix(&search);
        let expected = dir.join("opt").canonicalize().unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(found, Some(expected));
        assert_eq!(llvm_config_prefix(OsStr::new("/nowhere")), None);
    }
}
