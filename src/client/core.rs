//! The inside of a client: its fetches, and the turn that drives them.

use crate::client::counts::Phases;
use crate::client::deadlines::Deadlines;
use crate::client::news::{News, Note};
use crate::client::targets::Targets;
use crate::connection::Context;
use crate::connection::key::Key;
use crate::connection::link::Holder;
use crate::connection::names::Names;
use crate::connection::pool::Pool;
use crate::connection::response::Spares;
use crate::error::{Error, Kind};
use crate::fetch::options::Options;
use crate::fetch::{Fetch, Outcome, Phase, Status};
use crate::proto::target::Target;
use crate::transport::cancel::Cancel;
use crate::transport::dns::is_of_lookup;
use crate::transport::reactor::{Reactor, Ready};
use crate::transport::sys::{Errno, Event, Events, Fd, Instant};
use crate::transport::tls::Configs;
use crate::transport::wake::MARKS;
use slab::Slab;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) reactor: Reactor,
    pub(super) pool: Pool,
    pub(super) names: Names,
    pub(super) tls: Configs,
    pub(super) fetches: Slab<Box<Entry>>,
    /// The number of the next fetch, which tells it from others that had its place.
    serial: u32,
    pub(super) phases: Phases,
    pub(super) deadlines: Deadlines,
    pub(super) news: News,
    targets: Targets,
    /// The one receive buffer.
    buffer: Vec<u8>,
    pub(super) spares: Spares,
    /// Whether there is one fetch only, asked by itself and not through `next`.
    pub(super) alone: bool,
}

/// A fetch, and what the client knows about it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) fetch: Fetch,
    pub(super) cancel: Arc<Cancel>,
    pub(super) serial: u32,
    /// What `next` calls it.
    pub(super) tag: usize,
    /// What it is entered with in the deadlines.
    pub(super) due_at: Option<Instant>,
    pub(super) note: Note,
    /// What it is counted under.
    pub(super) phase: Phase,
}

impl Entry {
    /// Whether it is the one that is meant, and not another one in its place.
    pub(super) fn is(&self, key: Key) -> bool {
        self.serial == key.serial()
    }

    pub(super) fn key(&self, place: usize) -> Key {
        Key::new(place, self.serial)
    }

    /// Enters what the fetch waits for. Fails if nobody would wake it.
    fn settle(
        &mut self,
        place: usize,
        phases: &mut Phases,
        deadlines: &mut Deadlines,
        reactor: &mut Reactor,
    ) -> Result<(), Errno> {
        let phase = self.fetch.phase();
        if phase != self.phase {
            phases.leave(self.phase);
            phases.enter(phase);
            self.phase = phase;
        }
        let Some(at) = self.fetch.deadline() else {
            deadlines.leave(place, &mut self.due_at);
            return Ok(());
        };
        let set = match deadlines.enter(place, &mut self.due_at, at) {
            true => reactor.wake_at(at),
            false => Ok(()),
        };
        set.inspect_err(|_| deadlines.leave(place, &mut self.due_at))
    }
}

/// How many deadlines are served in a turn, and how many grants and answers.
const DUE_AT_ONCE: usize = 256;
const TOLD_AT_ONCE: usize = 256;

impl Core {
    pub(super) fn new(alone: bool) -> Self {
        Self {
            reactor: Reactor::new(),
            pool: Pool::new(!alone),
            names: Names::default(),
            tls: Configs::new(!alone),
            fetches: Slab::new(),
            serial: 0,
            phases: Phases::default(),
            deadlines: Deadlines::default(),
            news: News::default(),
            targets: Targets::default(),
            buffer: Vec::new(),
            spares: Spares::default(),
            alone,
        }
    }

    pub(super) fn fd(&self) -> Fd {
        self.reactor.fd()
    }

    pub(super) fn start(
        &mut self,
        url: Option<&[u8]>,
        options: Arc<Options>,
        tag: usize,
    ) -> (Key, Arc<Cancel>) {
        let now = Instant::now();
        let parsed = match url {
            None => Err(Error::invalid_argument("start a fetch")),
            Some(url) if self.alone => Target::parse(url).map(|target| (Arc::new(target), None)),
            Some(url) => self.targets.parse(url).map(|(target, slot)| (target, Some(slot))),
        };
        let slot = parsed.as_ref().ok().and_then(|&(_, slot)| slot);
        let site = slot.map_or(u32::MAX, |slot| self.targets.site(slot));
        let target = parsed.map(|(target, _)| target);

        let serial = self.serial;
        self.serial = serial.wrapping_add(1);
        let place = self.fetches.vacant_entry();
        let key = Key::new(place.key(), serial);
        let cancel = Arc::new(Cancel::new(options.policy, key.place(), self.reactor.wake()));
        let fetch = Fetch::start(target, site, options, now, &cancel);
        let phase = fetch.phase();
        self.phases.enter(phase);
        let entry = place.insert(Box::new(Entry {
            fetch,
            cancel: Arc::clone(&cancel),
            serial,
            tag,
            due_at: None,
            note: Note::default(),
            phase,
        }));
        entry.fetch.enter_token(&cancel);
        // One that could not even begin has news already.
        let has_news =
            if phase == Phase::Ended { self.announce(key) } else { self.drive(key, now, None) };
        if has_news {
            // Nothing has happened to any descriptor that would make the user poll.
            self.ring();
        }
        let fetch = &self.fetches[key.place()].fetch;
        if let (Some(slot), Some(site)) = (slot, fetch.site()) {
            self.targets.note_site(slot, site);
        }
        self.pass_on_beside(now);
        (key, cancel)
    }

    pub(super) fn entry(&mut self, key: Key) -> Option<&mut Entry> {
        self.fetches.get_mut(key.place()).map(Box::as_mut).filter(|entry| entry.is(key))
    }

    /// The fetch of a handle that has not been freed.
    pub(super) fn fetch(&mut self, key: Key) -> &mut Fetch {
        &mut self.entry(key).expect("its user has not freed it").fetch
    }

    /// Asks the reactor once, and drives those who have news. Says whether anything happened.
    pub(super) fn turn(&mut self, timeout_ms: i32) -> bool {
        let mut events = Events::new();
        let mut happened = false;
        let ready = self.reactor.poll(&mut events, timeout_ms);
        let now = Instant::now();
        for what in ready {
            happened = true;
            match what {
                Ready::Rung => self.handle_ring(now),
                Ready::Timer => self.reactor.handle_timer(),
                Ready::Socket(event) => self.handle_event(event, now),
            }
        }
        if events.are_all() {
            self.pool.note_asked(now);
        }
        self.serve_deadlines(now);
        self.pass_on(now);
        happened
    }

    fn handle_event(&mut self, event: Event, now: Instant) {
        if is_of_lookup(event.token) {
            return self.names.handle_event(event, &mut self.buffer, now, &self.reactor);
        }
        match self.pool.holder(event.token) {
            Some(Holder::Fetch(place)) => {
                let key = self.fetches[place].key(place);
                self.drive(key, now, Some(event));
            }
            Some(Holder::Pool(at)) => self.pool.handle_event(at, event, &mut self.buffer, now),
            // A socket that a canceller has yet to close may have events after the end.
            None => {}
        }
    }

    /// A lookup was answered, or a fetch without a socket cancelled.
    fn handle_ring(&mut self, now: Instant) {
        self.names.handle_ring(now);
        let places = self.fetches.capacity();
        for mark in self.reactor.take_marks() {
            for place in (mark..places).step_by(MARKS) {
                let Some(entry) = self.fetches.get(place) else {
                    continue;
                };
                if entry.cancel.is_cancelled() {
                    self.drive(entry.key(place), now, None);
                }
            }
        }
    }

    fn serve_deadlines(&mut self, now: Instant) {
        for _ in 0..DUE_AT_ONCE {
            let Some(place) = self.deadlines.pop_due(now) else {
                break;
            };
            let entry = &mut self.fetches[place];
            entry.due_at = None;
            let key = entry.key(place);
            self.drive(key, now, None);
        }
        self.pool.handle_due(now);
        self.names.handle_due(now, &self.reactor);
        if let Some(at) = self.deadlines.earliest() {
            // It was set before, for the first of them, so it is there.
            let _ = self.reactor.wake_at(at);
        }
    }

    /// Tells fetches what the pool and the names have for them: a connection, an address.
    pub(super) fn pass_on(&mut self, now: Instant) {
        for _ in 0..TOLD_AT_ONCE {
            if let Some((key, claim)) = self.pool.next_granted() {
                if self.entry(key).is_none() {
                    self.pool.decline(claim, now);
                    continue;
                }
                let declined = self.lend(key, now, |fetch, cx| fetch.handle_grant(claim, cx));
                if let Some(Some(claim)) = declined {
                    self.pool.decline(claim, now);
                }
                self.announce(key);
            } else if let Some((key, answer)) = self.names.next_answered() {
                if self.lend(key, now, |fetch, cx| fetch.handle_answer(&answer, cx)).is_some() {
                    self.announce(key);
                }
            } else {
                break;
            }
        }
        if let Some(at) = self.names.due()
            && let Err(errno) = self.reactor.wake_at(at)
        {
            self.names.fail_all(errno, now);
        }
        if self.pool.has_granted() || self.names.has_answered() {
            self.ring();
        }
        if let Some(at) = self.pool.due()
            && self.reactor.wake_at(at).is_err()
        {
            // Nobody would close them in time.
            self.pool.close_parked_ones();
        }
    }

    /// The same when nobody has asked for news: those whom it brings some must be told.
    pub(super) fn pass_on_beside(&mut self, now: Instant) {
        let before = self.news.count();
        self.pass_on(now);
        if self.news.count() > before {
            self.ring();
        }
    }

    /// Lets a fetch go on, with what happened to one of its sockets. Says whether it has news.
    pub(super) fn drive(&mut self, key: Key, now: Instant, event: Option<Event>) -> bool {
        let had_ended = self.lend(key, now, |fetch, cx| {
            let had_ended = fetch.is_ended();
            if let Some(event) = event {
                fetch.handle_event(event);
            }
            fetch.drive(cx);
            had_ended
        });
        // What it ended as may have been heard already.
        had_ended != Some(true) && self.announce(key)
    }

    /// Says whether the fetch has something to say, and sees to it that its user is told.
    fn announce(&mut self, key: Key) -> bool {
        let Some(entry) = self.fetches.get_mut(key.place()).filter(|entry| entry.is(key)) else {
            return false;
        };
        let has_news = entry.fetch.status() != Status::Pending;
        if has_news && !self.alone {
            self.news.announce(key, &mut entry.note);
        }
        has_news
    }

    /// Lends a fetch what it needs, and looks afterwards what has become of it. A panic ends
    /// that fetch and no other.
    pub(super) fn lend<T>(
        &mut self,
        key: Key,
        now: Instant,
        f: impl FnOnce(&mut Fetch, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let only_one = self.fetches.len() == 1;
        let entry = self.fetches.get_mut(key.place()).filter(|entry| entry.is(key))?;
        let mut cx = Context {
            now,
            reactor: &mut self.reactor,
            pool: &mut self.pool,
            names: &mut self.names,
            tls: &mut self.tls,
            buffer: &mut self.buffer,
            spares: &mut self.spares,
            cancel: &entry.cancel,
            key,
            only_one,
        };
        let result = catch_unwind(AssertUnwindSafe(|| f(&mut entry.fetch, &mut cx))).ok();
        if result.is_none() {
            let error = Error::new(Kind::Internal, "a bug in ifetch was caught; please report it");
            entry.fetch.end(Outcome::Failed, Some(error), &mut cx);
        }
        if let Err(errno) =
            entry.settle(key.place(), &mut self.phases, &mut self.deadlines, &mut self.reactor)
        {
            self.fail(key, now, errno);
        }
        result
    }

    /// A deadline that cannot be kept must not be lost silently.
    fn fail(&mut self, key: Key, now: Instant, errno: Errno) {
        let message = format!("set a deadline: make a timer: {errno}");
        let error = Error::with_os(Kind::System, errno.0, message);
        self.lend(key, now, |fetch, cx| fetch.end(Outcome::Failed, Some(error), cx));
    }

    /// Makes the descriptor readable, though nothing has happened to any other.
    pub(super) fn ring(&mut self) {
        // Without descriptors the fetch has failed already, as its first poll will tell.
        if self.reactor.make_wake().is_ok() {
            self.reactor.wake().ring();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_ends_its_fetch_as_internal_and_no_other() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut core = Core::new(false);
        let (key, _) = core.start(Some(url.as_bytes()), Arc::default(), 0);
        let (other, _) = core.start(Some(url.as_bytes()), Arc::default(), 0);

        let result = core.lend(key, Instant::now(), |_, _| panic!("a bug, made on purpose"));
        assert!(result.is_none());
        assert_eq!(core.fetch(key).status(), Status::Ended(Outcome::Failed));
        assert_eq!(core.fetch(key).error().unwrap().kind, Kind::Internal);
        assert_eq!(core.fetch(other).status(), Status::Pending);
    }

    #[test]
    fn a_wait_is_over_in_time_however_much_goes_on_happening() {
        let mut core = Core::new(false);
        for timeout_ms in [0, 20] {
            let mut turns = 0;
            core.wait(timeout_ms, |core| {
                // There is something to look at in every turn.
                core.ring();
                turns += 1;
                assert!(turns < 1_000_000, "it never ends");
                false
            });
            assert!(turns >= 1);
        }
    }
}
