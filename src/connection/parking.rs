//! The connections that no fetch has: idle ones, and those that are being drained.

use crate::connection::link::Link;
use crate::connection::list::{Linked, List, Node};
use crate::connection::peer::Peer;
use crate::transport::parked::{Drained, Parked};
use crate::transport::sys::{Event, Instant};
use slab::Slab;
use std::collections::BTreeSet;

/// Go keeps 100, and 2 for each host, which its users mostly raise.
const IDLE_MAX: usize = 256;
/// Servers close after 5 s (Node), 75 s (nginx) or more; clients after 90 s (Go), 118 s (curl).
const IDLE_MS: u32 = 60_000;

#[derive(Debug)]
pub(super) struct Parking {
    pub(super) idle_max: usize,
    pub(super) idle_ms: Option<u32>,
    stays: Slab<Stay>,
    /// The idle ones, in the order in which they came.
    by_age: List,
    /// The others, by when they are due.
    draining: BTreeSet<(Instant, usize)>,
}

/// One connection while it is here.
#[derive(Debug)]
pub(super) struct Stay {
    pub(super) link: Link,
    pub(super) parked: Parked,
    pub(super) peer: Peer,
    doing: Doing,
    among_all: Node,
    in_site: Node,
}

#[derive(Clone, Copy, Debug)]
enum Doing {
    Idle { since: Instant },
    Draining { left: u64, until: Instant },
}

/// The kinds of lists in which an idle connection is.
struct AmongAll;
struct InSite;

impl Linked<AmongAll> for Stay {
    fn node(&mut self) -> &mut Node {
        &mut self.among_all
    }
}

impl Linked<InSite> for Stay {
    fn node(&mut self) -> &mut Node {
        &mut self.in_site
    }
}

impl Stay {
    pub(super) fn idle(link: Link, parked: Parked, peer: Peer, since: Instant) -> Self {
        Self::new(link, parked, peer, Doing::Idle { since })
    }

    pub(super) fn draining(
        link: Link,
        parked: Parked,
        peer: Peer,
        left: u64,
        until: Instant,
    ) -> Self {
        Self::new(link, parked, peer, Doing::Draining { left, until })
    }

    fn new(link: Link, parked: Parked, peer: Peer, doing: Doing) -> Self {
        Self { link, parked, peer, doing, among_all: Node::default(), in_site: Node::default() }
    }

    /// For how long it has been idle.
    pub(super) fn idle_ns(&self, now: Instant) -> u64 {
        match self.doing {
            Doing::Idle { since } => now.ns_since(since),
            Doing::Draining { .. } => 0,
        }
    }
}

impl Default for Parking {
    fn default() -> Self {
        Self {
            idle_max: IDLE_MAX,
            idle_ms: Some(IDLE_MS),
            stays: Slab::new(),
            by_age: List::default(),
            draining: BTreeSet::new(),
        }
    }
}

impl Parking {
    /// Where the next one will be.
    pub(super) fn next(&self) -> usize {
        self.stays.vacant_key()
    }

    pub(super) fn site(&self, at: usize) -> u32 {
        self.stays[at].link.site
    }

    /// `of_site` are the idle connections to the same origin.
    pub(super) fn enter(&mut self, stay: Stay, of_site: &mut List) {
        let doing = stay.doing;
        let at = self.stays.insert(stay);
        match doing {
            Doing::Idle { .. } => {
                self.by_age.push::<AmongAll, _>(&mut self.stays, at);
                of_site.push::<InSite, _>(&mut self.stays, at);
            }
            Doing::Draining { until, .. } => {
                self.draining.insert((until, at));
            }
        }
    }

    pub(super) fn leave(&mut self, at: usize, of_site: &mut List) -> Stay {
        match self.stays[at].doing {
            Doing::Idle { .. } => {
                self.by_age.remove::<AmongAll, _>(&mut self.stays, at);
                of_site.remove::<InSite, _>(&mut self.stays, at);
            }
            Doing::Draining { until, .. } => {
                self.draining.remove(&(until, at));
            }
        }
        self.stays.remove(at)
    }

    /// What has become of it: nothing new, or whether it can be used.
    pub(super) fn handle_event(
        &mut self,
        at: usize,
        event: Event,
        buffer: &mut Vec<u8>,
    ) -> Option<bool> {
        let stay = &mut self.stays[at];
        stay.parked.handle_event(event);
        if !event.readable && !event.hangup {
            return None;
        }
        match &mut stay.doing {
            // An event may be about bytes that its last fetch has received.
            Doing::Idle { .. } => (!stay.parked.is_quiet()).then_some(false),
            Doing::Draining { left, .. } => match stay.parked.drain(buffer, *left) {
                Drained::Left(more) => {
                    *left = more;
                    None
                }
                Drained::All => Some(true),
                Drained::Lost => Some(false),
            },
        }
    }

    /// The one that has been idle for longest.
    pub(super) fn oldest(&self) -> Option<usize> {
        self.by_age.first()
    }

    pub(super) fn any(&self) -> Option<usize> {
        self.stays.iter().next().map(|(at, _)| at)
    }

    pub(super) fn has_too_many(&self) -> bool {
        self.idle() > self.idle_max
    }

    fn next_due(&self) -> Option<(Instant, usize)> {
        let idle = self.oldest().and_then(|at| match self.stays[at].doing {
            Doing::Idle { since } => Some((since.after_ms(self.idle_ms?), at)),
            Doing::Draining { .. } => None,
        });
        match (idle, self.draining.first()) {
            (Some(idle), Some(&draining)) => Some(idle.min(draining)),
            (idle, draining) => idle.or(draining.copied()),
        }
    }

    /// When the first of them is to be closed.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next_due().map(|(at, _)| at)
    }

    /// One that is to be closed now.
    pub(super) fn pop_due(&self, now: Instant) -> Option<usize> {
        self.next_due().filter(|&(when, _)| when <= now).map(|(_, at)| at)
    }

    pub(super) fn idle(&self) -> usize {
        self.stays.len() - self.draining.len()
    }

    pub(super) fn draining(&self) -> usize {
        self.draining.len()
    }
}
