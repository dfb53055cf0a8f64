//! The lookups that are under way in a client's reactor: their sockets and their timers.
//!
//! A lookup that nobody waits for any more is taken out and closed, at once and for good: its server
//! may answer or not, and nothing is left that could notice.

use crate::proto::dns::lookup::{Action, Found, Lookup, NotFound, Over, Servers};
use crate::proto::dns::name::Name;
use crate::transport::answer::{Answer, Holds};
use crate::transport::dns::socket::{Broken, Socket};
use crate::transport::dns::sources::in_order;
use crate::transport::reactor::Reactor;
use crate::transport::sys::{self, Errno, Event, Instant, Unresolved};
use slab::Slab;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// What a server says holds for no longer than this, and no shorter.
const HOLDS_MAX_S: u32 = 24 * 60 * 60;
const HOLDS_MIN_S: u32 = 1;

/// How many packets of a socket are looked at in a turn.
const PACKETS_AT_ONCE: usize = 32;

/// What tells the sockets of lookups from all others: no connection has a place with this bit.
const TOKEN: u64 = 1 << 31;

/// Whether an event is one of a lookup's socket.
pub(crate) fn is_of_lookup(token: u64) -> bool {
    token & TOKEN != 0
}

/// Where a lookup is, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    at: usize,
    serial: u32,
}

#[derive(Debug, Default)]
pub(super) struct Lookups {
    running: Slab<Running>,
    /// The number of the next one, which tells it from others that had its place.
    serial: u32,
    due: BTreeSet<(Instant, usize)>,
    ended: VecDeque<(Arc<str>, Answer)>,
}

#[derive(Debug)]
struct Running {
    name: Arc<str>,
    serial: u32,
    machine: Lookup,
    sides: [Side; 2],
    /// What it is entered with in `due`.
    due_at: Option<Instant>,
}

/// One of its questions.
#[derive(Debug, Default)]
struct Side {
    socket: Option<Socket>,
    /// How long it is waited for.
    until: Option<Instant>,
}

impl Lookups {
    /// Asks for the first of `names`, and for the others if it has no address.
    pub(super) fn begin(
        &mut self,
        name: &Arc<str>,
        names: Vec<Name>,
        servers: Arc<Servers>,
        now: Instant,
        reactor: &Reactor,
    ) -> Place {
        self.serial = self.serial.wrapping_add(1);
        let vacant = self.running.vacant_entry();
        let at = vacant.key();
        match Lookup::new(names, servers) {
            Ok(machine) => {
                vacant.insert(Running {
                    name: Arc::clone(name),
                    serial: self.serial,
                    machine,
                    sides: Default::default(),
                    due_at: None,
                });
                self.advance(at, now, reactor);
            }
            Err(missing) => self.ended.push_back((Arc::clone(name), answer(Err(missing)))),
        }
        Place { at, serial: self.serial }
    }

    /// Nothing is left of a lookup that has not ended.
    #[cold]
    pub(super) fn cancel(&mut self, Place { at, serial }: Place) {
        if self.running.get(at).is_some_and(|running| running.serial == serial) {
            self.remove(at);
        }
    }

    fn remove(&mut self, at: usize) -> Running {
        let running = self.running.remove(at);
        if let Some(due_at) = running.due_at {
            self.due.remove(&(due_at, at));
        }
        running
    }

    pub(super) fn next_ended(&mut self) -> Option<(Arc<str>, Answer)> {
        self.ended.pop_front()
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    #[cold]
    pub(super) fn handle_event(
        &mut self,
        event: Event,
        buffer: &mut Vec<u8>,
        now: Instant,
        reactor: &Reactor,
    ) {
        let (at, which) = ((event.token & (TOKEN - 1)) as usize >> 1, event.token as usize & 1);
        let Some(running) = self.running.get_mut(at) else {
            return;
        };
        // An event may be one of a socket that has been closed since.
        if u64::from(running.serial) == event.token >> 32
            && let Err(broken) = running.receive(which, event, buffer, reactor)
        {
            running.break_off(which, broken);
        }
        buffer.clear();
        self.advance(at, now, reactor);
    }

    #[cold]
    pub(super) fn handle_due(&mut self, now: Instant, reactor: &Reactor) {
        while let Some(&(due_at, at)) = self.due.first().filter(|&&(due_at, _)| due_at <= now) {
            self.due.remove(&(due_at, at));
            let running = &mut self.running[at];
            running.due_at = None;
            for which in [0, 1] {
                if running.sides[which].until.is_some_and(|until| until <= now) {
                    running.sides[which].until = None;
                    running.machine.handle_silence(which);
                }
            }
            self.advance(at, now, reactor);
        }
    }

    #[cold]
    pub(super) fn fail_all(&mut self, errno: Errno) {
        for running in self.running.drain() {
            let why = format!("make a timer: {errno}");
            let failed = NotFound { why, os: errno.0, is_certain: false, ttl_s: None };
            self.ended.push_back((running.name, answer(Err(failed))));
        }
        self.due.clear();
    }

    /// Does what the machine asks for, and sees to it that it is told when its time is over.
    #[cold]
    fn advance(&mut self, at: usize, now: Instant, reactor: &Reactor) {
        let running = &mut self.running[at];
        while let Some(action) = running.machine.poll_action() {
            if let Action::End(result) = action {
                let Running { name, .. } = self.remove(at);
                return self.ended.push_back((name, answer(result)));
            }
            running.act(action, at, now, reactor);
        }
        let until = running.sides.iter().filter_map(|side| side.until).min();
        if until != running.due_at {
            if let Some(due_at) = running.due_at {
                self.due.remove(&(due_at, at));
            }
            self.due.extend(until.map(|until| (until, at)));
            running.due_at = until;
        }
    }
}

impl Running {
    #[cold]
    fn act(&mut self, action: Action, at: usize, now: Instant, reactor: &Reactor) {
        match action {
            Action::Ask { which, server, over, wait_ms } => {
                // The earlier socket is closed first.
                self.sides[which] = Side { socket: None, until: Some(now.after_ms(wait_ms)) };
                let token = u64::from(self.serial) << 32 | TOKEN | (at as u64) << 1 | which as u64;
                match self.ask(which, &server, over, reactor, token) {
                    Ok(socket) => self.sides[which].socket = Some(socket),
                    Err(broken) => self.break_off(which, broken),
                }
            }
            Action::AskAgain { which, wait_ms } => {
                let side = &mut self.sides[which];
                side.until = Some(now.after_ms(wait_ms));
                if let Some(Err(broken)) = side.socket.as_ref().map(Socket::ask_again) {
                    self.break_off(which, broken);
                }
            }
            Action::Hurry { which, wait_ms } => {
                let until = now.after_ms(wait_ms);
                let side = &mut self.sides[which];
                side.until = side.until.map(|earlier| earlier.min(until));
            }
            Action::Stop { which } => self.sides[which] = Side::default(),
            Action::End(_) => {}
        }
    }

    fn ask(
        &mut self,
        which: usize,
        server: &SocketAddr,
        over: Over,
        reactor: &Reactor,
        token: u64,
    ) -> Result<Socket, Broken> {
        let id = sys::random_u16()
            .map_err(|errno| Broken { why: format!("draw a number: {errno}"), errno })?;
        Socket::ask(server, over, self.machine.query(which, id), reactor, token)
    }

    fn break_off(&mut self, which: usize, broken: Broken) {
        self.sides[which] = Side::default();
        self.machine.handle_broken(which, broken.why, broken.errno.0);
    }

    /// Gives the machine what has come, up to the packet that is the answer.
    fn receive(
        &mut self,
        which: usize,
        event: Event,
        buffer: &mut Vec<u8>,
        reactor: &Reactor,
    ) -> Result<(), Broken> {
        let Some(socket) = &mut self.sides[which].socket else {
            return Ok(());
        };
        let mut has_packet = socket.handle_event(event, buffer)?;
        for _ in 0..PACKETS_AT_ONCE {
            if !has_packet || self.machine.handle_packet(which, buffer) {
                return Ok(());
            }
            socket.check_foreign()?;
            has_packet = socket.receive(buffer)?;
        }
        socket.tell_again(reactor)
    }
}

/// What is known of the name now.
fn answer(result: Result<Found, NotFound>) -> Answer {
    let clamp = |ttl_s: u32| Holds::ForSeconds(ttl_s.clamp(HOLDS_MIN_S, HOLDS_MAX_S));
    match result {
        Ok(found) => Answer { addresses: Ok(in_order(found.addresses)), holds: clamp(found.ttl_s) },
        Err(NotFound { why, os, is_certain, ttl_s }) => Answer {
            addresses: Err(Unresolved { why, os, is_certain }),
            // What nobody says for how long it holds is not to be remembered (RFC 2308 section 5).
            holds: ttl_s.map_or(Holds::ForSeconds(0), clamp),
        },
    }
}
