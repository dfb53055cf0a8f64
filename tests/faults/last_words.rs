//! What is said when the process dies in the middle of a case, or hangs: which case it was.
#![allow(unsafe_code)]

use libc::c_int;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

/// No case takes so long, in seconds.
const PATIENCE: u32 = 30;

static TEXT: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static LEN: AtomicUsize = AtomicUsize::new(0);

/// As long as it lives, its text is what would be said.
pub(crate) struct LastWords(String);

impl LastWords {
    pub(crate) fn new(text: String) -> LastWords {
        TEXT.store(text.as_ptr().cast_mut(), SeqCst);
        LEN.store(text.len(), SeqCst);
        for signal in [libc::SIGABRT, libc::SIGALRM, libc::SIGBUS, libc::SIGSEGV] {
            let handler = say as extern "C" fn(c_int) as libc::sighandler_t;
            // SAFETY: the handler calls nothing but what may be called in one.
            unsafe { libc::signal(signal, handler) };
        }
        // SAFETY: takes no pointers.
        unsafe { libc::alarm(PATIENCE) };
        LastWords(text)
    }
}

impl Drop for LastWords {
    fn drop(&mut self) {
        LEN.store(0, SeqCst);
        // SAFETY: takes no pointers.
        unsafe { libc::alarm(0) };
        if std::thread::panicking() {
            println!("in {}", self.0);
        }
    }
}

extern "C" fn say(_signal: c_int) {
    let text = TEXT.load(SeqCst);
    // SAFETY: the text lives, or the length is 0. The process ends here.
    unsafe {
        libc::write(2, c"died or hung in ".as_ptr().cast(), 16);
        libc::write(2, text.cast(), LEN.load(SeqCst));
        libc::_exit(1);
    }
}
