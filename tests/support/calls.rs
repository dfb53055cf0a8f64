//! Where the library's part of a test begins and ends, for those who watch: a shim that stands in
//! for the system asks, a tracer is shown.

use std::cell::Cell;
use std::sync::LazyLock;

/// Set in the environment of a process that is traced.
pub(crate) const TRACED: &str = "IFETCH_TEST_TRACED";

static IS_TRACED: LazyLock<bool> = LazyLock::new(|| std::env::var_os(TRACED).is_some());

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// While this lives, this thread is inside the library.
pub(crate) struct Inside(());

impl Inside {
    pub(crate) fn new(export: &str) -> Inside {
        show(export);
        DEPTH.set(DEPTH.get() + 1);
        Inside(())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        show("");
    }
}

pub(crate) fn is_inside() -> bool {
    DEPTH.get() > 0
}

/// A write that goes nowhere: nothing else makes such a call.
fn show(text: &str) {
    if *IS_TRACED {
        // SAFETY: reads the text, if at all.
        unsafe { libc::write(-1, text.as_ptr().cast(), text.len()) };
    }
}
