//! What fetches ask the pool for, and get from it: a kept connection, the leave to make one, or a
//! place in a queue.

use crate::connection::established::Connection;
use crate::connection::key::Key;
use crate::connection::link::Link;
use crate::connection::pool::{NO_SITE, Pool};
use crate::transport::sys::Instant;

/// A connection that was silent so short a time ago is not looked at before it is used: that it has
/// died since is unlikely, and costs a retry. That bytes have come which nobody asked for is unlikely
/// too, and a look could be too early for them as well.
const SURE_FOR_NS: u64 = 10_000_000;

/// What a fetch gets that asks for a connection.
#[derive(Debug)]
pub(crate) enum Claim {
    /// One that was kept.
    Kept(Box<Connection>),
    /// The leave to make one.
    New(Link),
    /// Neither yet.
    Queued(Ticket),
}

/// A place in a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    site: u32,
    number: u64,
}

impl Pool {
    /// Asks for a connection to `origin`; `site` is where that may be.
    /// `careful` if the request cannot be sent a second time.
    pub(crate) fn claim(
        &mut self,
        origin: &[u8],
        site: u32,
        key: Key,
        careful: bool,
        now: Instant,
    ) -> Claim {
        if !self.keeps {
            return Claim::New(self.seats.give(NO_SITE, key));
        }
        let at = self.sites.enter(origin, site);
        let place = self.sites.get(at);
        if place.queue.is_empty() {
            if let Some(&newest) = place.idle.last()
                && let Some(connection) = self.unpark(newest)
            {
                return self.take(connection, key, careful, now);
            }
            let place = self.sites.get(at);
            if place.links < self.per_origin_max && self.make_room() {
                return self.give(at, key);
            }
        }
        self.enqueue(at, key)
    }

    /// Where the origin of the last claim is, if not where it was thought to be.
    pub(crate) fn take_found(&mut self) -> Option<u32> {
        self.sites.found.take()
    }

    pub(super) fn give(&mut self, site: u32, key: Key) -> Claim {
        self.sites.get(site).links += 1;
        Claim::New(self.seats.give(site, key))
    }

    /// Takes an idle connection, or its place if it has died.
    fn take(
        &mut self,
        connection: Box<Connection>,
        key: Key,
        careful: bool,
        now: Instant,
    ) -> Claim {
        let asked_ns = self.asked_at.map_or(u64::MAX, |asked_at| now.ns_since(asked_at));
        let careful = careful || connection.idle_ns(now).min(asked_ns) >= SURE_FOR_NS;
        self.check(connection, key, careful, now)
    }

    /// What is left of a kept connection after a look at it.
    #[inline(always)]
    fn check(
        &mut self,
        mut connection: Box<Connection>,
        key: Key,
        careful: bool,
        now: Instant,
    ) -> Claim {
        self.seats.hand_to(&connection.link, key);
        if self.is_old(&connection.link, now) || (careful && !connection.stream.is_quiet()) {
            let mut link = connection.close();
            self.seats.renew(&mut link);
            return Claim::New(link);
        }
        connection.link.reused = true;
        self.reused += 1;
        Claim::Kept(connection)
    }

    #[inline(never)]
    fn enqueue(&mut self, site: u32, key: Key) -> Claim {
        let number = self.ticket;
        self.ticket += 1;
        self.sites.get(site).queue.insert(number, key);
        self.join_row(site);
        Claim::Queued(Ticket { site, number })
    }

    /// A fetch does not wait any more.
    pub(crate) fn leave_queue(&mut self, ticket: Ticket) {
        self.sites.get(ticket.site).queue.remove(&ticket.number);
        self.sites.leave(ticket.site);
    }

    /// Somebody's claim that has been granted, to be told.
    pub(crate) fn next_granted(&mut self) -> Option<(Key, Claim)> {
        self.granted.pop_front()
    }

    pub(crate) fn has_granted(&self) -> bool {
        !self.granted.is_empty()
    }

    /// Takes what was granted. The connection was in use just before, so only those who are careful
    /// have it looked at.
    pub(crate) fn accept(&mut self, claim: Claim, key: Key, careful: bool, now: Instant) -> Claim {
        match claim {
            Claim::Kept(connection) => self.check(connection, key, careful, now),
            _ => claim,
        }
    }

    /// The one who was granted this has gone.
    pub(crate) fn decline(&mut self, claim: Claim, now: Instant) {
        match claim {
            Claim::Kept(connection) => self.keep_if_wanted(connection, now),
            Claim::New(link) => self.close(link),
            Claim::Queued(_) => {}
        }
    }
}
