//! The end of the process while worker threads are inside LLVM.
//!
//! `exit` runs the destructors of LLVM's variables; a worker that is still compiling would work with what is gone. So the
//! destructors of the static ones are not registered at all (`statics`); and a handler that runs before those of the global
//! ones (it is registered after LLVM was loaded) keeps workers from starting another job and waits for those that run.
//!
//! While the library is being loaded neither helps: its constructors have begun to register destructors, which would run
//! first. But what `exit` runs before everything else are the thread-local destructors of the thread that calls it. So
//! threads that have work done by workers call [`arm`], and wait there until the library is loaded.
//!
//! A program that does not want to wait asks [`is_busy`], and leaves with `_exit` then.

use super::fatal;
use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

mod statics;

/// How many jobs there are.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);
static EXITING: AtomicBool = AtomicBool::new(false);

/// If a job takes longer than that, something is wrong with it, and a crash at exit is no worse than a program that hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a thread is loading the library.
static LOADING: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// How many of them are this thread's.
    static OWN: Cell<usize> = const { Cell::new(0) };
    static ARMED: Armed = const { Armed };
}

struct Armed;

impl Drop for Armed {
    /// The thread ends, or the process does.
    fn drop(&mut self) {
        wait_while(|| LOADING.load(Ordering::SeqCst));
    }
}

/// Lets this thread call `exit` at any time: to be called by each thread that has workers compile for it, beforehand.
pub fn arm() {
    static ONCE: Once = Once::new();
    // Before anything of LLVM is there: then it runs after LLVM's destructors, but keeps workers from loading it now.
    ONCE.call_once(register);
    ARMED.with(|_| ());
}

/// Runs `f`, which loads the library.
pub(super) fn while_loading<T>(f: impl FnOnce() -> T) -> T {
    struct Done;
    impl Drop for Done {
        fn drop(&mut self) {
            LOADING.store(false, Ordering::SeqCst);
        }
    }
    let _job = Job::start();
    LOADING.store(true, Ordering::SeqCst);
    let _done = Done;
    f()
}

/// Whether any thread is in the middle of a job.
pub fn is_busy() -> bool {
    ACTIVE.load(Ordering::SeqCst) > 0
}

/// Ends the process with this exit code when a job is running: without waiting for it, and without destructors. Everything
/// that has to be written must be.
pub fn leave_if_busy(code: i32) {
    if is_busy() {
        // SAFETY: ends the process; nothing of it is used any more.
        unsafe { libc::_exit(code) }
    }
}

/// A job: as long as it exists, the process does not end.
#[derive(Debug)]
pub(super) struct Job {
    /// It is counted for one thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Job {
    /// Starts a job; never returns on a worker when the process is ending.
    pub(super) fn start() -> Job {
        ACTIVE.fetch_add(1, Ordering::SeqCst);
        OWN.set(OWN.get() + 1);
        let job = Job {
            _not_send: std::marker::PhantomData,
        };
        if EXITING.load(Ordering::SeqCst) && fatal::is_worker() {
            // Jobs within jobs: none of this thread's goes on.
            std::mem::forget(job);
            ACTIVE.fetch_sub(OWN.replace(0), Ordering::SeqCst);
            loop {
                std::thread::park();
            }
        }
        job
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        OWN.set(OWN.get() - 1);
        ACTIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Registers the handler; again right after LLVM was loaded, so that it runs before the destructors of its variables.
pub(super) fn register() {
    // SAFETY: the handler is a function of this program, which does not unwind. If there is no room for it (the call says
    // so), the process ends as if there were none.
    unsafe { libc::atexit(at_exit) };
}

/// Keeps LLVM's static variables from being destroyed. `inside` is the address of one of its functions.
///
/// # Safety
/// It is, and nobody has called LLVM yet.
pub(super) unsafe fn keep_statics(inside: usize) {
    // SAFETY: the caller's promise; LLVM is never unloaded.
    let kept = unsafe { statics::keep(inside) };
    debug_assert!(kept > 0, "LLVM's reference to __cxa_atexit was not found");
}

extern "C" fn at_exit() {
    EXITING.store(true, Ordering::SeqCst);
    let own = OWN.try_with(Cell::get).unwrap_or(0);
    // A thread that a fatal error has parked stays where it is.
    wait_while(|| ACTIVE.load(Ordering::SeqCst) > own && fatal::message().is_none());
}

fn wait_while(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while condition() && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_micros(200));
    }
}
