//! From where a fetch is cancelled.

use super::support::*;
use ::ifetch::ffi::report::ifetch_canceller::{self, *};
use ::ifetch::ffi::token::{ifetch_token, ifetch_token_cancel};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Owner,
    Thread,
    Token,
    /// Through the token above its own, by a signal handler that interrupts the owner.
    Handler,
}

impl Way {
    pub(crate) const ALL: [Way; 4] = [Way::Owner, Way::Thread, Way::Token, Way::Handler];

    pub(crate) fn needs_token(self) -> bool {
        matches!(self, Way::Token | Way::Handler)
    }

    /// Who is reported to have done it.
    pub(crate) fn canceller(self) -> ifetch_canceller {
        if self.needs_token() { IFETCH_CANCELLER_TOKEN } else { IFETCH_CANCELLER_CALL }
    }

    /// `tokens` are the fetch's own and the one above it.
    pub(crate) fn cancel(self, fetch: &Fetch, tokens: &(Token, Token)) {
        match self {
            Way::Owner => fetch.cancel(),
            Way::Thread => {
                let canceller = std::thread::scope(|scope| {
                    let canceller = scope.spawn(|| {
                        fetch.cancel();
                        // SAFETY: takes nothing.
                        unsafe { libc::gettid() }
                    });
                    canceller.join().expect("a cancel does not panic")
                });
                // A thread that has been joined is in /proc for a moment longer.
                let entry = format!("/proc/self/task/{canceller}");
                while std::path::Path::new(&entry).exists() {
                    std::thread::yield_now();
                }
            }
            Way::Token => tokens.0.cancel(),
            Way::Handler => {
                HANDLED.store(tokens.1.as_ptr(), SeqCst);
                // SAFETY: its handler is `on_signal`, which has returned when this does.
                assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
                HANDLED.store(null_mut(), SeqCst);
            }
        }
    }
}

static HANDLED: AtomicPtr<ifetch_token> = AtomicPtr::new(null_mut());

extern "C" fn on_signal(_: libc::c_int) {
    // The one who raises the signal has a reference to it.
    call!(ifetch_token_cancel(HANDLED.load(SeqCst)));
}

pub(crate) fn handle_signal() {
    // SAFETY: a zeroed action is a valid one, and the handler is async-signal-safe.
    unsafe {
        // Rust ignores it; C programs end by it, unless they care.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, null_mut()), 0);
    }
}
