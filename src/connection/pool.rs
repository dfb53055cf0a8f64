//! The connections of a client: who may have one, which are kept, and who is next.
//!
//! ```text
//!   claim --> Queued --a place is free--> New --connected--> in use --complete--> idle
//!     |----------------------------------^                    ^  |                 |
//!     `------- Kept ------------------------------------------'  |--> drained -----|
//!                                                                `--> closed <-----'
//! ```
//!
//! Within an origin, fetches are served in the order in which they came, by the connection that was
//! used last. Origins that wait for a place under the limit of all take turns.

mod claims;

pub(crate) use claims::{Claim, Ticket};

use crate::connection::established::{Connection, Doing};
use crate::connection::key::Key;
use crate::connection::link::Link;
use crate::connection::parking::Parking;
use crate::connection::seats::{Holder, Seats};
use crate::connection::site::Sites;
use crate::proto::known::KnownHead;
use crate::transport::parked::Drained;
use crate::transport::sys::{Event, Instant};
use std::collections::VecDeque;

/// How many fetches of its own origin a connection serves in a row while others wait for a place.
const TURNS: u8 = 16;

/// What may be set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Connections,
    PerOrigin,
    Idle,
}

#[derive(Debug)]
pub(crate) struct Pool {
    /// Whether connections are kept at all.
    keeps: bool,
    connections_max: usize,
    per_origin_max: usize,
    age_ms: Option<u32>,
    seats: Seats,
    sites: Sites,
    parking: Parking,
    /// The number of the next fetch in a queue.
    ticket: u64,
    /// Origins with fetches that only the limit of all keeps waiting, in turns.
    row: VecDeque<u32>,
    granted: VecDeque<(Key, Claim)>,
    /// When the reactor was asked last, and told everything.
    asked_at: Option<Instant>,
    pub(crate) opened: u64,
    pub(crate) reused: u64,
    pub(crate) retried: u64,
}

/// No site: connections are not kept.
const NO_SITE: u32 = u32::MAX;

impl Pool {
    pub(crate) fn new(keeps: bool) -> Self {
        Self {
            keeps,
            connections_max: usize::MAX,
            per_origin_max: usize::MAX,
            age_ms: None,
            seats: Seats::default(),
            sites: Sites::default(),
            parking: Parking::default(),
            ticket: 0,
            row: VecDeque::new(),
            granted: VecDeque::new(),
            asked_at: None,
            opened: 0,
            reused: 0,
            retried: 0,
        }
    }

    /// The head that an origin sent last; nothing where no connection is kept.
    pub(crate) fn known_head(&mut self, site: u32) -> Option<&mut KnownHead> {
        (site != NO_SITE).then(|| &mut self.sites.get(site).known_head)
    }

    /// Whether connections are kept for later fetches.
    pub(crate) fn keeps(&self) -> bool {
        self.keeps
    }

    /// Whether a connection has come of age.
    pub(crate) fn is_old(&self, link: &Link, now: Instant) -> bool {
        match (self.age_ms, link.opened_at) {
            (Some(age_ms), Some(opened_at)) => opened_at.after_ms(age_ms) <= now,
            _ => false,
        }
    }

    /// Whether a connection would be kept, or be used at once by somebody who waits for it; not if
    /// there are more than a lowered limit allows.
    pub(crate) fn wants(&self, link: &Link) -> bool {
        let site = self.sites.look(link.site);
        let is_within =
            self.seats.len() <= self.connections_max && site.links <= self.per_origin_max;
        is_within && (self.parking.idle_max > 0 || !site.queue.is_empty())
    }

    fn join_row(&mut self, at: u32) {
        let per_origin_max = self.per_origin_max;
        let site = self.sites.get(at);
        if !site.in_row && !site.queue.is_empty() && site.links < per_origin_max {
            site.in_row = true;
            self.row.push_back(at);
        }
    }

    /// A connection has been established.
    pub(crate) fn note_opened(&mut self, link: &mut Link, now: Instant) {
        self.opened += 1;
        link.opened_at = Some(now);
    }

    /// The connection has gone, and another one takes its place.
    pub(crate) fn renew(&mut self, link: &mut Link) {
        self.retried += 1;
        self.seats.renew(link);
    }

    /// The connection has gone, or was never made.
    pub(crate) fn close(&mut self, link: Link) {
        self.vacate(link);
        self.serve();
    }

    fn vacate(&mut self, link: Link) {
        let at = link.site;
        self.seats.take_back(link);
        if at != NO_SITE {
            self.sites.get(at).links -= 1;
            self.join_row(at);
            self.sites.leave(at);
        }
    }

    /// Takes a connection that can be used again, if it is wanted.
    fn keep_if_wanted(&mut self, connection: Box<Connection>, now: Instant) {
        match self.wants(&connection.link) {
            true => self.keep(connection, now),
            false => self.close(connection.close()),
        }
    }

    /// Takes a connection that is wanted: the next in the queue gets it, or it is idle.
    pub(crate) fn keep(&mut self, mut connection: Box<Connection>, now: Instant) {
        let nobody_waits = self.sites.look(connection.link.site).queue.is_empty();
        if nobody_waits && self.row.is_empty() {
            connection.link.turns = 0;
            connection.doing = Doing::Idle { since: now };
            self.park(connection);
            while self.parking.has_too_many() && self.close_oldest() {}
        } else {
            self.keep_for_those_who_wait(connection, now);
        }
    }

    #[inline(never)]
    fn keep_for_those_who_wait(&mut self, mut connection: Box<Connection>, now: Instant) {
        let link = &mut connection.link;
        let others_wait = self.row.iter().any(|&at| at != link.site);
        let site = self.sites.get(link.site);
        link.turns = if others_wait { link.turns + 1 } else { 0 };
        if link.turns < TURNS
            && let Some((_, key)) = site.queue.pop_first()
        {
            self.seats.hand_to(link, key);
            self.granted.push_back((key, Claim::Kept(connection)));
            return;
        }
        link.turns = 0;
        if others_wait && self.row.front() == Some(&link.site) {
            self.row.rotate_left(1);
        }
        connection.doing = Doing::Idle { since: now };
        self.park(connection);
        while self.parking.has_too_many() && self.close_oldest() {}
        self.serve();
    }

    /// Takes a connection with `left` bytes of a response to come, to be kept if they have
    /// come by `until`. Says whether it was of use.
    pub(crate) fn drain(
        &mut self,
        mut connection: Box<Connection>,
        left: u64,
        buffer: &mut Vec<u8>,
        (now, until): (Instant, Instant),
    ) -> bool {
        // What has come already, nobody will tell of again.
        match connection.stream.drain(buffer, left) {
            Drained::Left(left) => {
                connection.doing = Doing::Draining { left, until };
                self.park(connection);
            }
            Drained::All => self.keep_if_wanted(connection, now),
            Drained::Lost => {
                self.close(connection.close());
                return false;
            }
        }
        true
    }

    #[inline(always)]
    fn park(&mut self, connection: Box<Connection>) {
        let site = self.sites.get(connection.link.site);
        self.parking.enter(&mut self.seats, connection, &mut site.idle);
    }

    #[inline(always)]
    fn unpark(&mut self, seat: usize) -> Option<Box<Connection>> {
        let connection = self.seats.unpark(seat)?;
        let site = self.sites.get(connection.link.site);
        self.parking.leave(seat, &connection, &mut site.idle);
        Some(connection)
    }

    fn close_parked(&mut self, seat: usize) {
        if let Some(connection) = self.unpark(seat) {
            self.vacate(connection.close());
        }
    }

    fn close_oldest(&mut self) -> bool {
        let Some((_, oldest)) = self.parking.oldest(&mut self.seats) else {
            return false;
        };
        self.close_parked(oldest);
        true
    }

    /// Whether there may be one more connection; an idle one makes room for it.
    fn make_room(&mut self) -> bool {
        self.seats.len() < self.connections_max || self.close_oldest()
    }

    /// Gives places to those who wait, for as long as there are both.
    fn serve(&mut self) {
        while let Some(&at) = self.row.front() {
            let site = self.sites.get(at);
            if site.queue.is_empty() || site.links >= self.per_origin_max {
                site.in_row = false;
                self.row.pop_front();
                self.sites.leave(at);
                continue;
            }
            if !self.make_room() {
                return;
            }
            self.row.rotate_left(1);
            if let Some((_, key)) = self.sites.get(at).queue.pop_first() {
                let claim = self.give(at, key);
                self.granted.push_back((key, claim));
            }
        }
    }

    /// The reactor has told everything that happened until now.
    pub(crate) fn note_asked(&mut self, now: Instant) {
        self.asked_at = Some(now);
    }

    /// Who has the connection that an event tells of.
    pub(crate) fn holder(&self, token: u64) -> Option<Holder> {
        self.seats.holder(token)
    }

    /// Something happened to a connection that no fetch has.
    pub(crate) fn handle_event(
        &mut self,
        seat: usize,
        event: Event,
        buffer: &mut Vec<u8>,
        now: Instant,
    ) {
        let Some(parked) = self.seats.parked(seat) else {
            return;
        };
        match parked.handle_event_parked(event, buffer) {
            None => {}
            Some(true) => {
                if let Some(connection) = self.unpark(seat) {
                    self.keep_if_wanted(connection, now);
                }
            }
            Some(false) => {
                self.close_parked(seat);
                self.serve();
            }
        }
    }

    /// When to look for connections that have to be closed and that no fetch has.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.parking.due()
    }

    pub(crate) fn handle_due(&mut self, now: Instant) {
        while let Some(seat) = self.parking.next_due(&mut self.seats, now) {
            self.close_parked(seat);
        }
        self.serve();
    }

    /// Closes all that no fetch has.
    pub(crate) fn close_parked_ones(&mut self) {
        for seat in self.seats.all_parked() {
            self.close_parked(seat);
        }
        self.serve();
    }

    /// 0 means none, but for idle connections.
    pub(crate) fn set_limit(&mut self, limit: Limit, n: usize) {
        let or_none = if n == 0 { usize::MAX } else { n };
        match limit {
            Limit::Connections => self.connections_max = or_none,
            Limit::PerOrigin => self.per_origin_max = or_none,
            Limit::Idle => self.parking.idle_max = n,
        }
        while (self.seats.len() > self.connections_max || self.parking.has_too_many())
            && self.close_oldest()
        {}
        for site in self.sites.awaited() {
            self.join_row(site);
        }
        self.serve();
    }

    /// 0 means never.
    pub(crate) fn set_idle_timeout(&mut self, timeout_ms: u32) {
        self.parking.set_idle_ms(Some(timeout_ms).filter(|&ms| ms > 0));
    }

    /// 0 means never.
    pub(crate) fn set_age(&mut self, timeout_ms: u32) {
        self.age_ms = Some(timeout_ms).filter(|&ms| ms > 0);
    }

    /// All connections: being made, in use, idle, being drained.
    pub(crate) fn connections(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn idle(&self) -> usize {
        self.parking.idle()
    }

    pub(crate) fn draining(&self) -> usize {
        self.parking.draining()
    }
}
