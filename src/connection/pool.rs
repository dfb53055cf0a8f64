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

use crate::connection::key::Key;
use crate::connection::link::{Holder, Link, Seats};
use crate::connection::parking::{Parking, Stay};
use crate::connection::peer::Peer;
use crate::connection::site::Sites;
use crate::proto::known::KnownHead;
use crate::transport::parked::{Drained, Parked};
use crate::transport::sys::{Event, Instant};
use std::collections::VecDeque;

/// How many fetches of its own origin a connection serves in a row while others wait for a place.
const TURNS: u8 = 16;

/// A connection that was silent so short a time ago is not looked at before it is used: that it has
/// died since is unlikely, and costs a retry. That bytes have come which nobody asked for is unlikely
/// too, and a look could be too early for them as well.
const SURE_FOR_NS: u64 = 10_000_000;

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

/// What a fetch gets that asks for a connection.
#[derive(Debug)]
pub(crate) enum Claim {
    /// One that was kept.
    Kept(Link, Parked, Peer),
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

impl Ticket {
    /// Where the pool knows the origin.
    pub(crate) fn site(self) -> u32 {
        self.site
    }
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
            if let Some(newest) = place.idle.last() {
                return self.take(newest, key, careful, now);
            }
            if place.links < self.per_origin_max && self.make_room() {
                return self.give(at, key);
            }
        }
        self.enqueue(at, key)
    }

    fn give(&mut self, site: u32, key: Key) -> Claim {
        self.sites.get(site).links += 1;
        Claim::New(self.seats.give(site, key))
    }

    /// Takes an idle connection, or its place if it has died.
    fn take(&mut self, at: usize, key: Key, careful: bool, now: Instant) -> Claim {
        let stay = self.unpark(at);
        let asked_ns = self.asked_at.map_or(u64::MAX, |asked_at| now.ns_since(asked_at));
        let careful = careful || stay.idle_ns(now).min(asked_ns) >= SURE_FOR_NS;
        self.check(Claim::Kept(stay.link, stay.parked, stay.peer), key, careful, now)
    }

    /// What is left of a claim after a look at its connection.
    fn check(&mut self, claim: Claim, key: Key, careful: bool, now: Instant) -> Claim {
        let Claim::Kept(mut link, mut parked, peer) = claim else {
            return claim;
        };
        self.seats.hand_to(&link, Holder::Fetch(key.place()));
        if self.is_old(&link, now) || (careful && !parked.is_quiet()) {
            drop(parked);
            self.seats.renew(&mut link);
            return Claim::New(link);
        }
        link.reused = true;
        self.reused += 1;
        Claim::Kept(link, parked, peer)
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
    pub(crate) fn wants(&mut self, link: &Link) -> bool {
        let site = self.sites.get(link.site);
        let is_within =
            self.seats.len() <= self.connections_max && site.links <= self.per_origin_max;
        is_within && (self.parking.idle_max > 0 || !site.queue.is_empty())
    }

    fn enqueue(&mut self, site: u32, key: Key) -> Claim {
        let number = self.ticket;
        self.ticket += 1;
        self.sites.get(site).queue.insert(number, key);
        self.join_row(site);
        Claim::Queued(Ticket { site, number })
    }

    fn join_row(&mut self, at: u32) {
        let per_origin_max = self.per_origin_max;
        let site = self.sites.get(at);
        if !site.in_row && !site.queue.is_empty() && site.links < per_origin_max {
            site.in_row = true;
            self.row.push_back(at);
        }
    }

    /// A fetch does not wait any more.
    pub(crate) fn leave_queue(&mut self, ticket: Ticket) {
        self.sites.get(ticket.site).queue.remove(&ticket.number);
        self.sites.leave(ticket.site);
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

    /// Takes a connection that can be used again: the next in the queue gets it, or it is idle.
    pub(crate) fn keep(&mut self, mut link: Link, parked: Parked, peer: Peer, now: Instant) {
        if !self.wants(&link) {
            drop(parked);
            return self.close(link);
        }
        let others_wait = self.row.iter().any(|&at| at != link.site);
        let site = self.sites.get(link.site);
        link.turns = if others_wait { link.turns + 1 } else { 0 };
        if link.turns < TURNS
            && let Some((_, key)) = site.queue.pop_first()
        {
            self.seats.hand_to(&link, Holder::Fetch(key.place()));
            self.granted.push_back((key, Claim::Kept(link, parked, peer)));
            return;
        }
        link.turns = 0;
        if others_wait && self.row.front() == Some(&link.site) {
            self.row.rotate_left(1);
        }
        self.park(Stay::idle(link, parked, peer, now));
        while self.parking.has_too_many() && self.close_oldest() {}
        self.serve();
    }

    /// Takes a connection with `left` bytes of a response to come, to be kept if they have
    /// come by `until`. Says whether it was of use.
    pub(crate) fn drain(
        &mut self,
        (link, mut parked, peer): (Link, Parked, Peer),
        left: u64,
        buffer: &mut Vec<u8>,
        (now, until): (Instant, Instant),
    ) -> bool {
        // What has come already, nobody will tell of again.
        match parked.drain(buffer, left) {
            Drained::Left(left) => self.park(Stay::draining(link, parked, peer, left, until)),
            Drained::All => self.keep(link, parked, peer, now),
            Drained::Lost => {
                drop(parked);
                self.close(link);
                return false;
            }
        }
        true
    }

    fn park(&mut self, stay: Stay) {
        let site = self.sites.get(stay.link.site);
        let at = self.parking.next();
        self.seats.hand_to(&stay.link, Holder::Pool(at));
        self.parking.enter(stay, &mut site.idle);
    }

    fn unpark(&mut self, at: usize) -> Stay {
        let site = self.parking.site(at);
        self.parking.leave(at, &mut self.sites.get(site).idle)
    }

    fn close_parked(&mut self, at: usize) {
        let stay = self.unpark(at);
        drop(stay.parked);
        self.vacate(stay.link);
    }

    fn close_oldest(&mut self) -> bool {
        let Some(oldest) = self.parking.oldest() else {
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
        self.check(claim, key, careful, now)
    }

    /// The one who was granted this has gone.
    pub(crate) fn decline(&mut self, claim: Claim, now: Instant) {
        match claim {
            Claim::Kept(link, parked, peer) => self.keep(link, parked, peer, now),
            Claim::New(link) => self.close(link),
            Claim::Queued(_) => {}
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
        at: usize,
        event: Event,
        buffer: &mut Vec<u8>,
        now: Instant,
    ) {
        match self.parking.handle_event(at, event, buffer) {
            None => {}
            Some(true) => {
                let stay = self.unpark(at);
                self.keep(stay.link, stay.parked, stay.peer, now);
            }
            Some(false) => {
                self.close_parked(at);
                self.serve();
            }
        }
    }

    /// When connections have to be closed that no fetch has.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.parking.due()
    }

    pub(crate) fn handle_due(&mut self, now: Instant) {
        while let Some(at) = self.parking.pop_due(now) {
            self.close_parked(at);
        }
        self.serve();
    }

    /// Closes all that no fetch has.
    pub(crate) fn close_parked_ones(&mut self) {
        while let Some(at) = self.parking.any() {
            self.close_parked(at);
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
        self.parking.idle_ms = Some(timeout_ms).filter(|&ms| ms > 0);
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
