//! The inside of a client: its fetches, and the turn that drives them.

use crate::client::deadlines::Deadlines;
use crate::client::key::Key;
use crate::client::news::{News, Note};
use crate::client::targets::Targets;
use crate::connection::Context;
use crate::error::{Error, Kind};
use crate::fetch::options::Options;
use crate::fetch::{Fetch, Outcome, Status};
use crate::proto::target::Target;
use crate::transport::cancel::Cancel;
use crate::transport::reactor::{Reactor, Ready};
use crate::transport::sys::{Errno, Event, Events, Fd, Instant};
use slab::Slab;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Core {
    reactor: Reactor,
    fetches: Slab<Box<Entry>>,
    /// The number of the next fetch, which tells it from others that had its place.
    serial: u32,
    deadlines: Deadlines,
    /// Those that only a ring can help on.
    waiting_for_ring: Vec<Key>,
    news: News,
    targets: Targets,
    /// The one receive buffer.
    buffer: Vec<u8>,
    /// Whether there is one fetch only, asked by itself and not through `next`.
    alone: bool,
}

/// A fetch, and what the client knows about it.
#[derive(Debug)]
struct Entry {
    fetch: Fetch,
    cancel: Arc<Cancel>,
    key: Key,
    /// What `next` calls it.
    tag: usize,
    /// What it is entered with in the deadlines.
    due_at: Option<Instant>,
    note: Note,
}

/// How many deadlines are served in a turn.
const DUE_AT_ONCE: usize = 256;

impl Core {
    pub(super) fn new(alone: bool) -> Self {
        Self {
            reactor: Reactor::new(),
            fetches: Slab::new(),
            serial: 0,
            deadlines: Deadlines::default(),
            waiting_for_ring: Vec::new(),
            news: News::default(),
            targets: Targets::default(),
            buffer: Vec::new(),
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
    ) -> (Key, Arc<Cancel>) {
        let now = Instant::now();
        let target = match url {
            None => Err(Error::invalid_argument("start a fetch")),
            Some(url) if self.alone => Target::parse(url).map(Arc::new),
            Some(url) => self.targets.parse(url),
        };
        let cancel = Arc::new(Cancel::new(options.policy, self.reactor.wake()));
        let serial = self.serial;
        self.serial = serial.wrapping_add(1);

        let place = self.fetches.vacant_entry();
        let key = Key::new(place.key(), serial);
        let mut cx = Context {
            now,
            reactor: &mut self.reactor,
            buffer: &mut self.buffer,
            cancel: &cancel,
            token: key.token(),
            only_one: false,
        };
        let fetch = Fetch::start(target, options, &mut cx);
        place.insert(Box::new(Entry {
            fetch,
            cancel: Arc::clone(&cancel),
            key,
            tag: 0,
            due_at: None,
            note: Note::default(),
        }));
        self.drive(key, now, None);
        let entry = &self.fetches[key.index()];
        if entry.fetch.waits_for_ring() {
            self.waiting_for_ring.push(key);
        }
        // Nothing has happened to any descriptor that would make the user poll.
        if entry.fetch.status() != Status::Pending {
            self.announce(key);
            self.ring();
        }
        (key, cancel)
    }

    fn entry(&mut self, key: Key) -> Option<&mut Entry> {
        self.fetches.get_mut(key.index()).map(Box::as_mut).filter(|entry| entry.key == key)
    }

    /// The fetch of a handle that has not been freed.
    pub(super) fn fetch(&mut self, key: Key) -> &mut Fetch {
        &mut self.entry(key).expect("its user has not freed it").fetch
    }

    pub(super) fn set_tag(&mut self, key: Key, tag: usize) {
        if let Some(entry) = self.entry(key) {
            entry.tag = tag;
        }
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
                Ready::Socket(event) => {
                    let (key, socket) = Key::from_token(event.token);
                    self.drive(key, now, Some((socket, event)));
                }
            }
        }
        self.serve_deadlines(now);
        happened
    }

    /// A lookup was answered, or a fetch without a socket cancelled.
    fn handle_ring(&mut self, now: Instant) {
        let mut keys = std::mem::take(&mut self.waiting_for_ring);
        keys.retain(|&key| {
            self.drive(key, now, None);
            self.entry(key).is_some_and(|entry| entry.fetch.waits_for_ring())
        });
        self.waiting_for_ring = keys;
    }

    fn serve_deadlines(&mut self, now: Instant) {
        for _ in 0..DUE_AT_ONCE {
            let Some(index) = self.deadlines.pop_due(now) else {
                break;
            };
            let entry = &mut self.fetches[index];
            entry.due_at = None;
            let key = entry.key;
            self.drive(key, now, None);
        }
        if let Some(at) = self.deadlines.earliest() {
            // It was set before, for the first of them, so it is there.
            let _ = self.reactor.wake_at(at);
        }
    }

    /// Lets a fetch go on, with what happened to one of its sockets.
    fn drive(&mut self, key: Key, now: Instant, event: Option<(u8, Event)>) {
        // A socket that a canceller has yet to close may have events after the end.
        if self.entry(key).is_none_or(|entry| entry.fetch.is_ended()) {
            return;
        }
        self.lend(key, now, |fetch, cx| {
            if let Some((socket, event)) = event {
                fetch.handle_event(socket, event);
            }
            fetch.drive(cx);
        });
        self.announce(key);
    }

    fn announce(&mut self, key: Key) {
        let entry = &mut self.fetches[key.index()];
        if !self.alone && entry.fetch.status() != Status::Pending {
            self.news.announce(key, &mut entry.note);
        }
    }

    /// Lends a fetch what it needs, and looks afterwards what has become of it. A panic ends
    /// that fetch and no other.
    fn lend<T>(
        &mut self,
        key: Key,
        now: Instant,
        f: impl FnOnce(&mut Fetch, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let only_one = self.fetches.len() == 1;
        let entry = self.fetches.get_mut(key.index()).filter(|entry| entry.key == key)?;
        let mut cx = Context {
            now,
            reactor: &mut self.reactor,
            buffer: &mut self.buffer,
            cancel: &entry.cancel,
            token: key.token(),
            only_one,
        };
        let result = catch_unwind(AssertUnwindSafe(|| f(&mut entry.fetch, &mut cx))).ok();
        if result.is_none() {
            let error = Error::new(Kind::Internal, "a bug in ifetch was caught; please report it");
            entry.fetch.end(Outcome::Failed, Some(error), &cx);
        }
        self.settle(key, now);
        result
    }

    /// Enters what a fetch waits for.
    fn settle(&mut self, key: Key, now: Instant) {
        let entry = &mut self.fetches[key.index()];
        match entry.fetch.deadline() {
            None => self.deadlines.leave(key.index(), &mut entry.due_at),
            Some(at) => {
                if self.deadlines.enter(key.index(), &mut entry.due_at, at)
                    && let Err(errno) = self.reactor.wake_at(at)
                {
                    self.deadlines.leave(key.index(), &mut entry.due_at);
                    self.fail(key, now, errno);
                }
            }
        }
    }

    /// A deadline that cannot be kept must not be lost silently.
    fn fail(&mut self, key: Key, now: Instant, errno: Errno) {
        let message = format!("set a deadline: make a timer: {errno}");
        let error = Error::with_os(Kind::System, errno.0, message);
        self.lend(key, now, |fetch, cx| fetch.end(Outcome::Failed, Some(error), cx));
    }

    /// Makes the descriptor readable, though nothing has happened to any other.
    fn ring(&mut self) {
        // Without descriptors the fetch has failed already, as its first poll will tell.
        if self.reactor.make_wake().is_ok() {
            self.reactor.wake().ring();
        }
    }

    /// How a fetch stands, after it was given the chance to go on.
    pub(super) fn poll_fetch(&mut self, key: Key) -> Status {
        self.notice_cancel(key);
        let entry = self.entry(key).expect("its user has not freed it");
        let has_news = entry.fetch.status() != Status::Pending;
        // A fetch of a shared client was driven by the turn that gave it its news; alone, even
        // one with news is driven, for its deadlines.
        if !entry.fetch.is_ended() && (self.alone || !has_news) {
            self.turn(0);
            self.pass_on_news(key);
        }
        self.tell(key)
    }

    pub(super) fn wait_fetch(&mut self, key: Key, timeout_ms: i32) -> Status {
        self.notice_cancel(key);
        self.wait(timeout_ms, |core| core.fetch(key).status() != Status::Pending);
        self.pass_on_news(key);
        self.tell(key)
    }

    /// A cancel on this thread need not go round by the descriptor.
    fn notice_cancel(&mut self, key: Key) {
        let cancelled =
            self.entry(key).is_some_and(|e| e.cancel.is_cancelled() && !e.fetch.is_ended());
        if cancelled {
            self.drive(key, Instant::now(), None);
        }
    }

    /// If a turn made for one fetch found news of others, their user must be told.
    fn pass_on_news(&mut self, key: Key) {
        let own = usize::from(self.entry(key).is_some_and(|entry| entry.note.is_unheard()));
        if self.news.count() > own {
            self.ring();
        }
    }

    fn tell(&mut self, key: Key) -> Status {
        let entry = &mut self.fetches[key.index()];
        self.news.hear(&mut entry.note);
        entry.fetch.tell_status()
    }

    /// Lets the user of a fetch act on it, and tells how it stands then.
    pub(super) fn act<T>(
        &mut self,
        key: Key,
        f: impl FnOnce(&mut Fetch, &mut Context<'_>) -> Result<T, Error>,
    ) -> Result<(T, Status), Error> {
        let value = self.attempt(key, |fetch, cx| {
            let value = f(fetch, cx)?;
            fetch.drive(cx);
            Ok(value)
        })?;
        Ok((value, self.tell(key)))
    }

    /// Lets the user of a fetch read or write, and tells how many bytes went and how it stands
    /// then. If none did, that may be because events have not been looked at yet.
    pub(super) fn move_bytes(
        &mut self,
        key: Key,
        mut f: impl FnMut(&mut Fetch, &mut Context<'_>) -> Result<usize, Error>,
    ) -> Result<(usize, Status), Error> {
        let mut count = self.attempt(key, &mut f)?;
        if count == 0 && self.fetch(key).status() == Status::Pending {
            self.turn(0);
            self.pass_on_news(key);
            count = self.attempt(key, f)?;
        }
        Ok((count, self.tell(key)))
    }

    fn attempt<T>(
        &mut self,
        key: Key,
        f: impl FnOnce(&mut Fetch, &mut Context<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.notice_cancel(key);
        let internal = || Err(Error::new(Kind::Internal, "a bug in ifetch was caught"));
        self.lend(key, Instant::now(), f).unwrap_or_else(internal)
    }

    /// Turns until `done`, the time is over, or a signal came.
    pub(super) fn wait(&mut self, timeout_ms: i32, mut done: impl FnMut(&mut Self) -> bool) {
        let end = u32::try_from(timeout_ms).ok().map(|ms| Instant::now().after_ms(ms));
        while !done(self) {
            let left_ms = match end {
                None => -1,
                Some(end) => {
                    let ns = end.ns_since(Instant::now());
                    i32::try_from(ns.div_ceil(1_000_000)).unwrap_or(i32::MAX)
                }
            };
            // When the time is over there is one turn more, however much goes on happening.
            if !self.turn(left_ms) || left_ms == 0 {
                return;
            }
        }
    }

    /// How many fetches `next` has to give.
    pub(super) fn news(&self) -> i32 {
        i32::try_from(self.news.count()).unwrap_or(i32::MAX)
    }

    /// The tag of the next fetch with news.
    pub(super) fn next(&mut self) -> Option<usize> {
        while let Some(key) = self.news.pop() {
            let Some(entry) = self.fetches.get_mut(key.index()).filter(|entry| entry.key == key)
            else {
                continue;
            };
            entry.note.leave_queue();
            if entry.note.is_unheard() {
                self.news.hear(&mut entry.note);
                return Some(entry.tag);
            }
        }
        None
    }

    /// Forgets a fetch whose handle is freed, and ends it if it still runs.
    pub(super) fn remove(&mut self, key: Key) {
        self.end(key);
        let entry = &mut self.fetches[key.index()];
        self.news.hear(&mut entry.note);
        self.deadlines.leave(key.index(), &mut entry.due_at);
        self.fetches.remove(key.index());
        let fetches = &self.fetches;
        self.news.prune(fetches.len(), |key| {
            fetches.get(key.index()).is_some_and(|entry| entry.key == key)
        });
    }

    /// Ends all that still run.
    pub(super) fn close(&mut self) {
        let running: Vec<Key> = (self.fetches.iter())
            .filter(|(_, entry)| !entry.fetch.is_ended())
            .map(|(_, entry)| entry.key)
            .collect();
        for key in running {
            self.end(key);
        }
    }

    /// Cancels a fetch if it runs. In a forked child nothing may be sent: the connection is
    /// its parent's, and only the copy of its descriptor is closed.
    fn end(&mut self, key: Key) {
        let entry = &self.fetches[key.index()];
        let ours = || entry.cancel.is_cancelled() || self.reactor.wake().is_ours();
        if !entry.fetch.is_ended() && ours() {
            entry.cancel.cancel();
            self.drive(key, Instant::now(), None);
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
        let (key, _) = core.start(Some(url.as_bytes()), Arc::default());
        let (other, _) = core.start(Some(url.as_bytes()), Arc::default());

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
