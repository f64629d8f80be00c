//! What happens when LLVM gives up. By default it ends the process; here it only ends the use of LLVM.
//!
//! - *Fatal errors* (`report_fatal_error`: "ran out of registers", ...) must not return. The handler notes the message
//!   and parks the thread for good. So whatever calls LLVM runs on a worker thread (`on_worker` marks it) and nobody waits
//!   for an answer without looking at [`message`]; [`subscribe`] is the way to be told. In an unmarked thread the
//!   process has to end, with the message.
//! - *Diagnostics* of a context (errors that LLVM reports and survives) are caught per context, see `target`.
//!
//! After a fatal error LLVM counts as unavailable: `load` says so, and nothing may be freed through it any more (the
//! parked thread may hold its locks).

use std::cell::Cell;
use std::ffi::{CStr, c_char};
use std::sync::{Mutex, OnceLock, PoisonError};

static MESSAGE: OnceLock<String> = OnceLock::new();
type Subscriber = Box<dyn Fn(&str) + Send>;
static SUBSCRIBERS: Mutex<Vec<Subscriber>> = Mutex::new(Vec::new());

thread_local! {
    static ON_WORKER: Cell<bool> = const { Cell::new(false) };
}

/// The message of the fatal error that LLVM met in this process, if it did.
pub fn message() -> Option<String> {
    MESSAGE.get().cloned()
}

/// Runs `f` with this thread marked as one that may be parked for good.
pub fn on_worker<T>(f: impl FnOnce() -> T) -> T {
    struct Reset(bool);
    impl Drop for Reset {
        fn drop(&mut self) {
            ON_WORKER.set(self.0);
        }
    }
    let _reset = Reset(ON_WORKER.replace(true));
    f()
}

/// Whether this thread is marked.
pub(super) fn is_worker() -> bool {
    ON_WORKER.get()
}

/// Has `f` called (in the thread that is about to be parked) when LLVM meets a fatal error; at once if it did already.
/// `f` stays subscribed for the rest of the process; it must not block.
pub fn subscribe(f: impl Fn(&str) + Send + 'static) {
    let mut subscribers = SUBSCRIBERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(message) = MESSAGE.get() {
        drop(subscribers);
        f(message);
    } else {
        subscribers.push(Box::new(f));
    }
}

/// Makes the handler LLVM's. LLVM is loaded.
pub(super) fn install() {
    // SAFETY: LLVM is bound; the handler never returns and never unwinds.
    unsafe { llvm_sys::error_handling::LLVMInstallFatalErrorHandler(Some(on_fatal_error)) };
}

extern "C" fn on_fatal_error(reason: *const c_char) {
    let reason = if reason.is_null() {
        "unknown".into()
    } else {
        // SAFETY: LLVM passes a C string that is valid during the call.
        unsafe { CStr::from_ptr(reason) }
            .to_string_lossy()
            .trim()
            .replace('\n', " ")
    };
    if !is_worker() {
        eprintln!("selune: fatal: LLVM: {reason}");
        std::process::abort();
    }
    // The message first: who subscribes from now on sees it.
    let message = MESSAGE.get_or_init(|| reason);
    let subscribers =
        std::mem::take(&mut *SUBSCRIBERS.lock().unwrap_or_else(PoisonError::into_inner));
    // A panicking subscriber must not unwind through LLVM's frames.
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        for f in &subscribers {
            f(message);
        }
    }));
    loop {
        std::thread::park();
    }
}
