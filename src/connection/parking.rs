//! The connections that no fetch has: idle ones, and those that are being drained. They stay in
//! their seats; here is which of them are to be closed when.

use crate::connection::established::{Connection, Doing};
use crate::connection::seats::Seats;
use crate::transport::parked::Drained;
use crate::transport::sys::{Event, Instant};
use std::collections::{BTreeSet, VecDeque};

/// Go keeps 100, and 2 for each host, which its users mostly raise.
const IDLE_MAX: usize = 256;
/// So many that have left may stand among those that are idle, and as many more as are idle.
const LEFT_MAX: usize = 64;
/// Servers close after 5 s (Node), 75 s (nginx) or more; clients after 90 s (Go), 118 s (curl).
const IDLE_MS: u32 = 60_000;

#[derive(Debug)]
pub(super) struct Parking {
    pub(super) idle_max: usize,
    idle_ms: Option<u32>,
    /// How many are idle.
    idle: usize,
    /// Since when which of them is idle, in this order. Those that have left since still stand
    /// here, until they are the first or have become many.
    by_age: VecDeque<(Instant, usize)>,
    /// The others, by when they are due.
    draining: BTreeSet<(Instant, usize)>,
    /// None is to be closed earlier than that. It may be too early: a connection that is used again
    /// does not move it, which is looked at when it has come.
    due: Option<Instant>,
}

impl Default for Parking {
    fn default() -> Self {
        Self {
            idle_max: IDLE_MAX,
            idle_ms: Some(IDLE_MS),
            idle: 0,
            by_age: VecDeque::new(),
            draining: BTreeSet::new(),
            due: None,
        }
    }
}

/// Whether the seat has a connection that is idle since then.
fn is_idle_since(seats: &mut Seats, (since, seat): (Instant, usize)) -> bool {
    let parked = seats.parked(seat);
    parked.is_some_and(|parked| matches!(parked.doing, Doing::Idle { since: s } if s == since))
}

impl Parking {
    /// `of_site` are the idle connections to the same origin.
    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        seats: &mut Seats,
        connection: Box<Connection>,
        of_site: &mut Vec<usize>,
    ) {
        let doing = connection.doing;
        let seat = seats.park(connection);
        let until = match doing {
            Doing::Idle { since } => {
                self.idle += 1;
                of_site.push(seat);
                self.by_age.push_back((since, seat));
                if self.by_age.len() > 2 * self.idle + LEFT_MAX {
                    self.by_age.retain(|&entry| is_idle_since(seats, entry));
                }
                self.idle_ms.map(|idle_ms| since.after_ms(idle_ms))
            }
            Doing::Draining { until, .. } => {
                self.draining.insert((until, seat));
                Some(until)
            }
        };
        if self.due.is_none_or(|due| until.is_some_and(|until| until < due)) {
            self.due = until;
        }
    }

    /// Takes back what `enter` did for one that stood in this seat.
    #[inline(always)]
    pub(super) fn leave(&mut self, seat: usize, connection: &Connection, of_site: &mut Vec<usize>) {
        match connection.doing {
            Doing::Idle { .. } => {
                self.idle -= 1;
                // Mostly the one that came last.
                if of_site.last() == Some(&seat) {
                    of_site.pop();
                } else if let Some(at) = of_site.iter().position(|&other| other == seat) {
                    of_site.remove(at);
                }
            }
            Doing::Draining { until, .. } => {
                self.draining.remove(&(until, seat));
            }
        }
    }

    /// The one that has been idle for longest.
    pub(super) fn oldest(&mut self, seats: &mut Seats) -> Option<(Instant, usize)> {
        loop {
            let &entry = self.by_age.front()?;
            if is_idle_since(seats, entry) {
                return Some(entry);
            }
            self.by_age.pop_front();
        }
    }

    pub(super) fn has_too_many(&self) -> bool {
        self.idle > self.idle_max
    }

    /// When to look for one that is to be closed.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// One that is to be closed now.
    pub(super) fn next_due(&mut self, seats: &mut Seats, now: Instant) -> Option<usize> {
        if self.due.is_none_or(|due| due > now) {
            return None;
        }
        let oldest = self.idle_ms.zip(self.oldest(seats));
        let idle = oldest.map(|(idle_ms, (since, seat))| (since.after_ms(idle_ms), seat));
        let first = match (idle, self.draining.first()) {
            (Some(idle), Some(&draining)) => Some(idle.min(draining)),
            (idle, draining) => idle.or(draining.copied()),
        };
        self.due = first.map(|(at, _)| at);
        first.filter(|&(at, _)| at <= now).map(|(_, seat)| seat)
    }

    /// From now on, idle connections are closed after this long, if ever.
    pub(super) fn set_idle_ms(&mut self, idle_ms: Option<u32>) {
        self.idle_ms = idle_ms;
        let idle = self.by_age.front().zip(idle_ms).map(|(&(since, _), ms)| since.after_ms(ms));
        let draining = self.draining.first().map(|&(until, _)| until);
        self.due = idle.into_iter().chain(draining).min();
    }

    pub(super) fn idle(&self) -> usize {
        self.idle
    }

    pub(super) fn draining(&self) -> usize {
        self.draining.len()
    }
}

impl Connection {
    /// What has become of it, while the pool has it: nothing new, or whether it can be used.
    pub(super) fn handle_event_parked(
        &mut self,
        event: Event,
        buffer: &mut Vec<u8>,
    ) -> Option<bool> {
        self.handle_event(event);
        if !event.readable && !event.hangup {
            return None;
        }
        match &mut self.doing {
            // An event may be about bytes that its last fetch has received.
            Doing::Idle { .. } => (!self.stream.is_quiet()).then_some(false),
            Doing::Draining { left, .. } => match self.stream.drain(buffer, *left) {
                Drained::Left(more) => {
                    *left = more;
                    None
                }
                Drained::All => Some(true),
                Drained::Lost => Some(false),
            },
        }
    }
}
