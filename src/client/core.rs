//! The inside of a client: its fetches, and the turn that drives them.

use crate::client::counts::Phases;
use crate::client::deadlines::Deadlines;
use crate::client::entry::Entry;
use crate::client::news::{News, Note};
use crate::client::places::Places;
use crate::client::targets::Targets;
use crate::connection::key::Key;
use crate::connection::names::Names;
use crate::connection::pool::Pool;
use crate::connection::response::Spares;
use crate::connection::seats::Holder;
use crate::error::Error;
use crate::fetch::options::Options;
use crate::fetch::{Fetch, Phase};
use crate::proto::target::Target;
use crate::transport::cancel::Cancel;
use crate::transport::dns::is_of_lookup;
use crate::transport::reactor::{Reactor, Ready};
use crate::transport::sys::{Event, Events, Fd, Instant};
use crate::transport::tls::Configs;
use crate::transport::wake::MARKS;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) reactor: Reactor,
    pub(super) pool: Pool,
    pub(super) names: Names,
    pub(super) tls: Configs,
    pub(super) fetches: Places<Entry>,
    /// The options of vacant places, once there are any.
    pub(super) nothing: Option<Arc<Options>>,
    /// The number of the next fetch, which tells it from others that had its place.
    serial: u32,
    pub(super) phases: Phases,
    pub(super) deadlines: Deadlines,
    pub(super) news: News,
    targets: Targets,
    /// The one receive buffer.
    pub(super) buffer: Vec<u8>,
    pub(super) spares: Spares,
    /// Whether there is one fetch only, asked by itself and not through `next`.
    pub(super) alone: bool,
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
            fetches: Places::default(),
            nothing: None,
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
        let (target, slot, refused) = match parsed {
            Ok((target, slot)) => (target, slot, None),
            Err(error) => (Arc::new(Target::unknown()), None, Some(error)),
        };
        let site = slot.map_or(u32::MAX, |slot| self.targets.site(slot));

        // 0 is that of vacant places.
        self.serial = self.serial.wrapping_add(1).max(1);
        let wake = self.reactor.wake();
        let (place, entry) = self.fetches.take(|place| Entry {
            fetch: Fetch::vacant(&target, &options, now),
            cancel: Arc::new(Cancel::new(options.policy, place, wake)),
            serial: 0,
            tag: 0,
            due_at: None,
            note: Note::default(),
            phase: Phase::Ended,
        });
        let key = Key::new(place, self.serial);
        Cancel::renew(&mut entry.cancel, options.policy);
        let cancel = Arc::clone(&entry.cancel);
        entry.fetch.start((target, refused), site, options, now, &cancel);
        let phase = entry.fetch.phase();
        (entry.serial, entry.tag, entry.phase) = (self.serial, tag, phase);
        entry.note = Note::default();
        self.phases.enter(phase);
        // One that could not even begin has news already.
        let has_news = match phase {
            Phase::Ended => {
                self.announce(key.place());
                true
            }
            _ => self.drive(key, now),
        };
        if has_news {
            // Nothing has happened to any descriptor that would make the user poll.
            self.ring();
        }
        if let Some(site) = self.pool.take_found()
            && let Some(slot) = slot
        {
            self.targets.note_site(slot, site);
        }
        self.pass_on_beside(now);
        (key, cancel)
    }

    pub(super) fn entry(&mut self, key: Key) -> Option<&mut Entry> {
        self.fetches.get_mut(key.place()).filter(|entry| entry.is(key))
    }

    /// The fetch of a handle that has not been freed.
    pub(super) fn fetch(&mut self, key: Key) -> &mut Fetch {
        let entry = &mut self.fetches[key.place()];
        debug_assert!(entry.is(key), "its user has not freed it");
        &mut entry.fetch
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
                self.drive_at(place, now, event);
            }
            Some(Holder::Pool(at)) => self.pool.handle_event(at, event, &mut self.buffer, now),
            // A socket that a canceller has yet to close may have events after the end.
            None => {}
        }
    }

    /// A lookup was answered, or a fetch without a socket cancelled.
    fn handle_ring(&mut self, now: Instant) {
        self.names.handle_ring(now);
        let places = self.fetches.end();
        for mark in self.reactor.take_marks() {
            for place in (mark..places).step_by(MARKS) {
                let Some(entry) = self.fetches.get(place) else {
                    continue;
                };
                if entry.cancel.is_cancelled() && !entry.fetch.is_ended() {
                    self.drive(entry.key(place), now);
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
            self.drive(key, now);
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
        if self.pool.has_granted() || self.names.has_answered() {
            self.tell_those_who_wait(now);
        }
        if let Some(at) = self.names.due()
            && let Err(errno) = self.reactor.wake_at(at)
        {
            self.names.fail_all(errno, now);
        }
        if let Some(at) = self.pool.due()
            && self.reactor.wake_at(at).is_err()
        {
            // Nobody would close them in time.
            self.pool.close_parked_ones();
        }
        if self.pool.has_granted() || self.names.has_answered() {
            self.ring();
        }
    }

    // Not inlined: most polls have nothing to tell.
    #[inline(never)]
    fn tell_those_who_wait(&mut self, now: Instant) {
        for _ in 0..TOLD_AT_ONCE {
            if let Some((key, claim)) = self.pool.next_granted() {
                if self.entry(key).is_none() {
                    self.pool.decline(claim, now);
                    continue;
                }
                let lent = self.lend(key, now, |fetch, cx| fetch.handle_grant(claim, cx));
                if let Some(lent) = lent {
                    if lent.has_news {
                        self.announce(key.place());
                    }
                    if let Some(Some(claim)) = lent.value {
                        self.pool.decline(claim, now);
                    }
                }
            } else if let Some((key, answer)) = self.names.next_answered() {
                let lent = self.lend(key, now, |fetch, cx| fetch.handle_answer(&answer, cx));
                if lent.is_some_and(|lent| lent.has_news) {
                    self.announce(key.place());
                }
            } else {
                return;
            }
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
    use crate::client::lending::Lent;
    use crate::error::Kind;
    use crate::fetch::{Outcome, Status};

    #[test]
    fn a_panic_ends_its_fetch_as_internal_and_no_other() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut core = Core::new(false);
        let (key, _) = core.start(Some(url.as_bytes()), Arc::default(), 0);
        let (other, _) = core.start(Some(url.as_bytes()), Arc::default(), 0);

        let lent = core.lend(key, Instant::now(), |_, _| panic!("a bug, made on purpose"));
        assert!(lent.is_some_and(|lent: Lent<()>| lent.value.is_none() && lent.has_news));
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
