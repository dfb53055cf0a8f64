//! The switch that ends a fetch from any thread or signal handler.
//!
//! The one who cancels ends the sockets itself, so the server learns of it even if the owner is
//! busy or asleep. The owner learns of it from its sockets, which become ready, or is rung awake.
//!
//! Whatever the interleaving, one of the two ends the connection: the canceller sets its flag
//! before it looks at the slots; the owner puts a socket into its slot, connects, and looks at
//! the flag after that. All of these are sequentially consistent: of two such stores, each
//! followed by a look at the other's place, one is seen.

use crate::transport::slot::{Retired, Slot};
use crate::transport::sys::{self, Fd};
use crate::transport::wake::Wake;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

/// How many connection attempts of one fetch may run at the same time. With `race`'s delay between
/// them, the oldest has been silent for more than a second when it has to make room.
pub(crate) const ATTEMPTS: usize = 5;

/// How a cancelled fetch ends its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    /// FIN, then at once RST.
    #[default]
    Reset,
    /// FIN alone.
    Finish,
}

/// The outcome is decided by the first who leaves RUNNING.
const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
/// Cancelled as well, and the RST of every socket is on its way.
const RESET: u8 = 2;
const ENDED: u8 = 3;

#[derive(Debug)]
pub(crate) struct Cancel {
    life: AtomicU8,
    policy: Policy,
    slots: [Slot; ATTEMPTS],
    wake: Arc<Wake>,
}

impl Cancel {
    pub(crate) fn new(policy: Policy, wake: &Arc<Wake>) -> Self {
        Self {
            life: AtomicU8::new(RUNNING),
            policy,
            slots: std::array::from_fn(|_| Slot::new()),
            wake: Arc::clone(wake),
        }
    }

    /// Ends the fetch now, unless it has ended. Takes no lock and waits for nothing: two system
    /// calls for each socket, or one if there is none.
    pub(crate) fn cancel(&self) {
        if self.life.compare_exchange(RUNNING, CANCELLED, SeqCst, SeqCst).is_err() {
            return;
        }
        sys::keeping_errno(|| {
            let (mut sockets, mut resets) = (0, 0);
            for slot in &self.slots {
                let acted = slot.with(|fd| match self.policy {
                    Policy::Reset => resets += u32::from(sys::abort(fd)),
                    Policy::Finish => sys::finish(fd),
                });
                sockets += u32::from(acted);
            }
            if sockets == 0 {
                self.wake.ring();
            } else if resets == sockets {
                self.life.store(RESET, SeqCst);
            }
        });
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(self.life.load(SeqCst), CANCELLED | RESET)
    }

    /// Whether the canceller has reset all connections, so that nothing is left to do but to
    /// close.
    pub(crate) fn is_reset(&self) -> bool {
        self.life.load(SeqCst) == RESET
    }

    /// Decides that the fetch has ended by itself; false if a cancel was first.
    pub(crate) fn end(&self) -> bool {
        self.life.compare_exchange(RUNNING, ENDED, SeqCst, SeqCst).is_ok()
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// Puts a new socket where a cancel finds it; says where, or nothing if all places are taken.
    pub(super) fn publish(&self, fd: Fd) -> Option<u8> {
        let index = self.slots.iter().position(Slot::is_vacant)?;
        self.slots[index].publish(fd);
        Some(index as u8)
    }

    pub(super) fn retire(&self, index: u8) -> Retired {
        self.slots[usize::from(index)].retire()
    }

    pub(crate) fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }
}
