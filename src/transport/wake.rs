//! A descriptor that other threads and signal handlers make ready, so that the owner polls.

use crate::transport::slot::{Retired, Slot};
use crate::transport::sys::{self, Epoll, Errno};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// How many words of marks there are. Fetches share a mark if there are more of them than marks;
/// then all who share it are looked at.
const WORDS: usize = 4;

/// So many fetches on share a mark.
pub(crate) const MARKS: usize = WORDS * u64::BITS as usize;

/// Made only when somebody may have to ring: most fetches never do.
#[derive(Debug)]
pub(crate) struct Wake {
    slot: Slot,
    /// Whose fetch was cancelled, by the place of the fetch.
    marks: [AtomicU64; WORDS],
    /// The process that it belongs to; a forked child has a copy that is not its own.
    process: u32,
}

impl Wake {
    pub(crate) fn new() -> Self {
        Self {
            slot: Slot::new(),
            marks: [const { AtomicU64::new(0) }; WORDS],
            process: sys::process_id(),
        }
    }

    /// Makes the descriptor, unless it is there.
    ///
    /// The owner calls this before it does anything that only a ring can end, and looks at its
    /// flags afterwards. A canceller sets its flag first and rings then, so one sees the other.
    pub(crate) fn make(&self, epoll: &Epoll, token: u64) -> Result<(), Errno> {
        if !self.slot.is_vacant() {
            return Ok(());
        }
        let fd = sys::new_wake()?;
        if let Err(error) = epoll.add(fd, token) {
            sys::close(fd);
            return Err(error);
        }
        self.slot.publish(fd);
        Ok(())
    }

    /// Makes the owner's descriptor readable. Any thread, any signal handler.
    pub(crate) fn ring(&self) {
        self.slot.with(sys::ring);
    }

    /// Notes that the fetch at `place` was cancelled, and rings. Any thread, any signal handler.
    pub(crate) fn ring_for(&self, place: usize) {
        let mark = place % MARKS;
        self.marks[mark / 64].fetch_or(1 << (mark % 64), SeqCst);
        self.ring();
    }

    /// The marks that were set since this was asked last.
    pub(crate) fn take_marks(&self) -> impl Iterator<Item = usize> + use<> {
        let words: [u64; WORDS] = std::array::from_fn(|i| self.marks[i].swap(0, SeqCst));
        (0..MARKS).filter(move |mark| words[mark / 64] >> (mark % 64) & 1 == 1)
    }

    /// Closes the descriptor; later rings do nothing.
    pub(crate) fn close(&self) {
        if let Retired::Owner(fd) = self.slot.retire() {
            sys::close(fd);
        }
    }

    /// Whether this is the process that made it, and not one forked from it.
    pub(crate) fn is_ours(&self) -> bool {
        self.process == sys::process_id()
    }
}
