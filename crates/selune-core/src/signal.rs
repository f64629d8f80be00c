//! Ctrl-C (SIGINT): asks the running program to stop, at its next poll.
//!
//! SIGNAL-1: while a `Listening` exists, its two places are alive; the handler touches nothing else of a VM. It takes itself
//! away first, so that a second Ctrl-C ends a program that does not get to a poll.
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

static FLAG: AtomicPtr<AtomicBool> = AtomicPtr::new(std::ptr::null_mut());
static POLL: AtomicPtr<u32> = AtomicPtr::new(std::ptr::null_mut());
static BIT: AtomicU32 = AtomicU32::new(0);

extern "C" fn on_interrupt(signal: libc::c_int) {
    // SAFETY: `signal` may be called in a signal handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    let (flag, poll) = (FLAG.load(Ordering::Acquire), POLL.load(Ordering::Acquire));
    if !flag.is_null() && !poll.is_null() {
        // SAFETY: SIGNAL-1. The program may change other bits of the word at the same time and lose ours or its own: the flag
        // stays, and what else is asked for in the word is asked for again.
        unsafe {
            (*flag).store(true, Ordering::Release);
            AtomicU32::from_ptr(poll).fetch_or(BIT.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

/// From its making to its end SIGINT sets a flag and a bit of a poll word; otherwise it ends the process.
#[derive(Debug)]
pub struct Listening(());

impl Listening {
    /// Starts listening.
    ///
    /// # Safety
    /// Both places must live as long as the result (SIGNAL-1).
    pub unsafe fn start(flag: *const AtomicBool, poll: *mut u32, bit: u32) -> Listening {
        FLAG.store(flag.cast_mut(), Ordering::Release);
        POLL.store(poll, Ordering::Release);
        BIT.store(bit, Ordering::Relaxed);
        let handler: extern "C" fn(libc::c_int) = on_interrupt;
        // SAFETY: the handler only does what a signal handler may.
        unsafe { libc::signal(libc::SIGINT, handler as libc::sighandler_t) };
        Listening(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // SAFETY: restores the default.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
        FLAG.store(std::ptr::null_mut(), Ordering::Release);
        POLL.store(std::ptr::null_mut(), Ordering::Release);
    }
}
