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
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst, fence};
use std::sync::{Arc, OnceLock};

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
    /// If little is left of the response, it is read by the client, so that the connection can
    /// be kept; otherwise as `Reset`.
    Drain,
}

/// Who cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Canceller {
    /// A call for this fetch: its cancel, its free, or that of its client.
    Call = 1,
    Token = 2,
    /// The deadline of a token.
    Deadline = 3,
}

/// The outcome is decided by the first who leaves RUNNING: who cancels says so in the upper half.
const RUNNING: u8 = 0;
const CANCELLED: u8 = 1;
/// Cancelled as well, and the RST of every socket is on its way.
const RESET: u8 = CANCELLED | 2;
/// Cancelled as well, and its connection left alone: the owner drains it.
const SPARED: u8 = CANCELLED | 4;
const ENDED: u8 = 8;
const STATE: u8 = 15;
const CANCELLER_BITS: u32 = 4;

#[derive(Debug)]
pub(crate) struct Cancel {
    life: AtomicU8,
    policy: Policy,
    /// Whether so little is left of the response that the policy spares the connection.
    spares: AtomicBool,
    /// The place of the fetch, by which its client knows it.
    place: u32,
    first: Slot,
    /// Made when attempts race.
    others: OnceLock<Box<[Slot; ATTEMPTS - 1]>>,
    wake: Arc<Wake>,
}

impl Cancel {
    pub(crate) fn new(policy: Policy, place: usize, wake: &Arc<Wake>) -> Self {
        Self {
            life: AtomicU8::new(RUNNING),
            policy,
            spares: AtomicBool::new(false),
            place: place as u32,
            first: Slot::new(),
            others: OnceLock::new(),
            wake: Arc::clone(wake),
        }
    }

    /// Has it ready for the next fetch at its place, after the one before has gone. If somebody still
    /// has it, a token or a handle that is just being freed, a new one takes its place.
    pub(crate) fn renew(this: &mut Arc<Self>, policy: Policy) {
        match Arc::get_mut(this) {
            Some(cancel) => {
                debug_assert!(cancel.first.is_vacant(), "its sockets have gone");
                *cancel.life.get_mut() = RUNNING;
                *cancel.spares.get_mut() = false;
                cancel.policy = policy;
            }
            None => *this = Arc::new(Self::new(policy, this.place as usize, &this.wake)),
        }
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        fence(SeqCst);
        let others = self.others.get().map_or(&[][..], |others| &others[..]);
        std::iter::once(&self.first).chain(others)
    }

    /// Ends the fetch now, unless it has ended. Takes no lock and waits for nothing: two system
    /// calls for each socket, or one if there is none.
    pub(crate) fn cancel(&self, canceller: Canceller) {
        let spares = self.spares.load(SeqCst);
        let by = (canceller as u8) << CANCELLER_BITS;
        let cancelled = by | if spares { SPARED } else { CANCELLED };
        if self.life.compare_exchange(RUNNING, cancelled, SeqCst, SeqCst).is_err() {
            return;
        }
        sys::keeping_errno(|| {
            if spares {
                return self.wake.ring_for(self.place as usize);
            }
            let (mut sockets, mut resets) = (0, 0);
            for slot in self.slots() {
                let acted = slot.with(|fd| match self.policy {
                    Policy::Reset | Policy::Drain => resets += u32::from(sys::abort(fd)),
                    Policy::Finish => sys::finish(fd),
                });
                sockets += u32::from(acted);
            }
            if sockets == 0 {
                self.wake.ring_for(self.place as usize);
            } else if resets == sockets {
                self.life.store(by | RESET, SeqCst);
            }
        });
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.life.load(SeqCst) & CANCELLED != 0
    }

    /// Who has cancelled it.
    pub(crate) fn canceller(&self) -> Option<Canceller> {
        match self.life.load(SeqCst) >> CANCELLER_BITS {
            0 => None,
            by if by == Canceller::Token as u8 => Some(Canceller::Token),
            by if by == Canceller::Deadline as u8 => Some(Canceller::Deadline),
            _ => Some(Canceller::Call),
        }
    }

    /// Whether the canceller has left the connection alone, for the owner to drain it.
    pub(crate) fn is_spared(&self) -> bool {
        self.life.load(SeqCst) & STATE == SPARED
    }

    /// From here on a cancel leaves the connection alone. The owner has made the wake.
    pub(crate) fn spare(&self) {
        self.spares.store(true, SeqCst);
    }

    /// Whether the canceller has reset all connections, so that nothing is left to do but to
    /// close.
    pub(crate) fn is_reset(&self) -> bool {
        self.life.load(SeqCst) & STATE == RESET
    }

    /// Decides that the fetch has ended by itself; false if a cancel was first.
    pub(crate) fn end(&self) -> bool {
        self.life.compare_exchange(RUNNING, ENDED, SeqCst, SeqCst).is_ok()
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// Puts a socket where a cancel finds it; says where, or nothing if all places are taken.
    pub(super) fn publish(&self, fd: Fd) -> Option<u8> {
        if self.first.is_vacant() {
            self.first.publish(fd);
            return Some(0);
        }
        let others = self.others.get_or_init(|| Box::new(std::array::from_fn(|_| Slot::new())));
        let at = others.iter().position(Slot::is_vacant)?;
        others[at].publish(fd);
        // That there are others is not told by a sequentially consistent store, so the look at
        // the flag that follows is kept behind it.
        fence(SeqCst);
        Some(at as u8 + 1)
    }

    /// The same for a fetch that has no other socket: it is at 0.
    pub(super) fn publish_only(&self, fd: Fd) {
        self.first.publish(fd);
    }

    pub(super) fn retire(&self, index: u8) -> Retired {
        let slot = match usize::from(index).checked_sub(1) {
            None => Some(&self.first),
            Some(at) => self.others.get().map(|others| &others[at]),
        };
        slot.map_or(Retired::NotOwner, Slot::retire)
    }

    pub(crate) fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }
}
