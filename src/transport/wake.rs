//! A descriptor that other threads and signal handlers make ready, so that the owner polls.

use crate::transport::slot::{Retired, Slot};
use crate::transport::sys::{self, Epoll, Errno};

/// Made only when somebody may have to ring: most fetches never do.
#[derive(Debug)]
pub(crate) struct Wake {
    slot: Slot,
    /// The process that it belongs to; a forked child has a copy that is not its own.
    process: u32,
}

impl Wake {
    pub(crate) fn new() -> Self {
        Self { slot: Slot::new(), process: sys::process_id() }
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
