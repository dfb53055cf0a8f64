//! Which deadlines run, and which of them is next.

use crate::error::Kind;
use crate::fetch::Fetch;
use crate::fetch::options::Deadline;
use crate::fetch::state::State;
use crate::transport::sys::Instant;

/// What is due at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    Deadline(Deadline),
    /// The next connection attempt of a race.
    Attempt,
    /// The token cancels.
    Token,
}

impl Timer {
    /// Why a fetch fails when this is due, and what it was waiting for.
    pub(crate) fn failure(self) -> Option<(Kind, &'static str)> {
        Some(match self {
            Timer::Attempt | Timer::Token => return None,
            Timer::Deadline(Deadline::Total) => (Kind::TimeoutTotal, "end"),
            Timer::Deadline(Deadline::Queue) => (Kind::TimeoutQueue, "be given a connection"),
            Timer::Deadline(Deadline::Resolve) => (Kind::TimeoutResolve, "look up the host"),
            Timer::Deadline(Deadline::Connect) => (Kind::TimeoutConnect, "connect"),
            Timer::Deadline(Deadline::FirstByte) => {
                (Kind::TimeoutFirstByte, "receive a first byte")
            }
            Timer::Deadline(Deadline::Head) => (Kind::TimeoutHead, "receive a response head"),
            Timer::Deadline(Deadline::Idle) => (Kind::TimeoutIdle, "send or receive a byte"),
        })
    }
}

impl Fetch {
    /// The timer that is due first. Computed from the state, so that none is ever stale.
    #[inline]
    pub(crate) fn next_timer(&self) -> Option<(Instant, Timer)> {
        match &self.state {
            _ if self.options.has_deadlines() => self.first_of_timers(),
            State::Connect(race) => race.deadline().map(|at| (at, Timer::Attempt)),
            _ => None,
        }
    }

    fn first_of_timers(&self) -> Option<(Instant, Timer)> {
        let after = |deadline: Deadline, since: Option<Instant>| {
            let timeout_ms = self.options.timeout_ms(deadline)?;
            Some((since?.after_ms(timeout_ms), Timer::Deadline(deadline)))
        };
        let times = &self.times;
        let token = self.options.token.as_ref().and_then(|token| token.deadline());
        let total = earlier(
            token.map(|at| (at, Timer::Token)),
            after(Deadline::Total, Some(times.started)),
        );
        let (first, second) = match &self.state {
            State::Ended(_) => return None,
            State::Begin { .. } => (None, None),
            State::Queue(_) => (after(Deadline::Queue, Some(times.started)), None),
            State::Resolve(..) => (after(Deadline::Resolve, times.granted), None),
            State::Connect(race) => (
                after(Deadline::Connect, times.connecting),
                race.deadline().map(|at| (at, Timer::Attempt)),
            ),
            State::Handshake(_) => (after(Deadline::Connect, times.connecting), None),
            State::Exchange(exchange) => {
                let head = match (&self.response, times.first_byte) {
                    (Some(_), _) => None,
                    (None, Some(_)) => after(Deadline::Head, times.waiting),
                    (None, None) => earlier(
                        after(Deadline::FirstByte, times.waiting),
                        after(Deadline::Head, times.waiting),
                    ),
                };
                // It is not idleness of the server if the caller does not read or write.
                let idle_since = (!self.waits_for_caller()).then(|| exchange.moved_at());
                (head, after(Deadline::Idle, idle_since))
            }
        };
        earlier(total, earlier(first, second))
    }
}

type Due = Option<(Instant, Timer)>;

/// The one that is due first; the left one if both are at the same time.
fn earlier(a: Due, b: Due) -> Due {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0 < a.0 { b } else { a }),
        (a, b) => a.or(b),
    }
}
