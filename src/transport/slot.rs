//! One descriptor that several threads and signal handlers may act on while its owner closes it.
//!
//! The danger is reuse: the owner closes 7, something else opens 7, a canceller shuts that down.
//! So a descriptor lives in a slot, one atomic word, and nobody ever waits for anybody:
//!
//! ```text
//!   Vacant --publish--> Live, n inside --retire--> n = 0: Vacant, the owner closes
//!                        ^  |                      n > 0: Closing, n inside
//!                        `--' enter, leave                  | leave
//!                                                           v
//!                              n = 0: Vacant, the one who left last closes
//! ```

use crate::transport::sys::Fd;

#[cfg(not(loom))]
use crate::transport::sys::close;
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

// The same code over atomics whose every interleaving is tried, and a close that is counted.
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering::SeqCst};
#[cfg(loom)]
use model::close;

// The word: the descriptor plus one in the upper half (0: none), whether it is closing, and how
// many are inside.
const CLOSING: u64 = 1 << 31;
const INSIDE: u64 = CLOSING - 1;

/// Holds at most one descriptor. Everything but `publish` and `retire`, which are the owner's, may
/// be called from any thread or signal handler.
#[derive(Debug)]
pub(crate) struct Slot(AtomicU64);

/// Who has to close the descriptor after a `retire`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retired {
    /// The owner.
    Owner(Fd),
    /// Somebody who is inside and will close it when leaving; or nobody, as there was none.
    NotOwner,
}

impl Slot {
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Puts a descriptor into the slot. The owner sees to it that the slot is vacant.
    pub(crate) fn publish(&self, fd: Fd) {
        let word = (fd as u64 + 1) << 32;
        let before = self.0.swap(word, SeqCst);
        debug_assert_eq!(before, 0, "the slot was vacant");
    }

    pub(crate) fn is_vacant(&self) -> bool {
        self.0.load(SeqCst) == 0
    }

    /// Lets `act` use the descriptor, which is not closed meanwhile. Does nothing, and says
    /// so, if there is none or the owner has retired it.
    pub(crate) fn with(&self, act: impl FnOnce(Fd)) -> bool {
        let entered = self.0.fetch_update(SeqCst, SeqCst, |word| {
            (word != 0 && word & CLOSING == 0).then_some(word + 1)
        });
        let Some(fd) = entered.ok().and_then(fd_of) else {
            return false;
        };
        act(fd);
        let before = self.0.fetch_sub(1, SeqCst);
        if before & CLOSING != 0 && before & INSIDE == 1 {
            // Closed first: a vacant slot may be published to.
            close(fd);
            self.0.store(0, SeqCst);
        }
        true
    }

    /// Takes the descriptor out of the slot, and says who is to close it.
    pub(crate) fn retire(&self) -> Retired {
        let before = self.0.fetch_update(SeqCst, SeqCst, |word| match word {
            0 => None,
            _ if word & CLOSING != 0 => None,
            _ if word & INSIDE == 0 => Some(0),
            _ => Some(word | CLOSING),
        });
        match before {
            Ok(word) if word & INSIDE == 0 => fd_of(word).map_or(Retired::NotOwner, Retired::Owner),
            _ => Retired::NotOwner,
        }
    }
}

fn fd_of(word: u64) -> Option<Fd> {
    Fd::try_from(word >> 32).ok().and_then(|fd| fd.checked_sub(1)).filter(|&fd| fd >= 0)
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_is_closed_by_its_owner_or_by_whoever_is_inside() {
        let slot = Slot::new();
        assert!(!slot.with(|_| panic!("there is none")));
        assert_eq!(slot.retire(), Retired::NotOwner);

        slot.publish(7);
        let mut acted = false;
        assert!(slot.with(|fd| acted = fd == 7));
        assert!(acted);
        assert_eq!(slot.retire(), Retired::Owner(7));
        assert!(slot.is_vacant());

        // Descriptor 0 is one like any other.
        slot.publish(0);
        assert_eq!(slot.retire(), Retired::Owner(0));
    }
}

#[cfg(loom)]
mod model {
    use super::*;
    use loom::sync::Arc;
    use std::cell::Cell;

    loom::thread_local! {
        static CLOSED: Cell<u32> = Cell::new(0);
    }

    pub(super) fn close(_: Fd) {
        CLOSED.with(|closed| closed.set(closed.get() + 1));
    }

    fn closed_here() -> u32 {
        CLOSED.with(Cell::get)
    }

    /// The owner retires and closes while `cancellers` act: the descriptor is closed exactly
    /// once, and never while somebody acts on it.
    fn retire_beside(cancellers: usize) {
        loom::model(move || {
            let slot = Arc::new(Slot::new());
            // What the kernel knows: whether 7 is open. Touched by those who act and who close.
            let open = Arc::new(loom::cell::UnsafeCell::new(true));
            slot.publish(7);
            let threads: Vec<_> = (0..cancellers)
                .map(|_| {
                    let (slot, open) = (Arc::clone(&slot), Arc::clone(&open));
                    loom::thread::spawn(move || {
                        slot.with(|fd| {
                            assert_eq!(fd, 7);
                            // loom reports an access that a close could run beside.
                            open.with(|_| ());
                        });
                        closed_here()
                    })
                })
                .collect();
            let by_owner = match slot.retire() {
                Retired::Owner(fd) => {
                    assert_eq!(fd, 7);
                    open.with_mut(|_| ());
                    1
                }
                Retired::NotOwner => 0,
            };
            assert!(!slot.with(|_| ()), "a retired slot lets nobody in");
            let by_cancellers: u32 = threads.into_iter().map(|t| t.join().unwrap()).sum();
            assert_eq!(by_owner + by_cancellers, 1, "closed exactly once");
            assert!(slot.is_vacant());
        });
    }

    #[cfg(test)]
    mod slot {
        #[test]
        fn one_canceller_and_the_owner_close_once() {
            super::retire_beside(1);
        }

        #[test]
        fn two_cancellers_and_the_owner_close_once() {
            super::retire_beside(2);
        }
    }
}
