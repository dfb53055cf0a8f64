//! What the calls of a client's user do.

use crate::client::core::Core;
use crate::connection::Context;
use crate::connection::key::Key;
use crate::error::{Error, Kind};
use crate::fetch::{Fetch, Status};
use crate::transport::cancel::Canceller;
use crate::transport::sys::Instant;

impl Core {
    /// How a fetch stands, after it was given the chance to go on.
    pub(super) fn poll_fetch(&mut self, key: Key) -> Status {
        if !self.fetch(key).is_ended() {
            self.notice_cancel(key);
            // A fetch of a shared client was driven by the turn that gave it its news; alone, even
            // one with news is driven, for its deadlines.
            let (alone, fetch) = (self.alone, self.fetch(key));
            if !fetch.is_ended() && (alone || fetch.status() == Status::Pending) {
                self.turn(0);
                self.pass_on_news(key);
            }
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
            let now = Instant::now();
            self.drive(key, now);
            self.pass_on_beside(now);
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
        let entry = &mut self.fetches[key.place()];
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
            // The same once more, and the same code.
            count = self.attempt(key, &mut f)?;
        }
        Ok((count, self.tell(key)))
    }

    fn attempt<T>(
        &mut self,
        key: Key,
        f: impl FnOnce(&mut Fetch, &mut Context<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.notice_cancel(key);
        let now = Instant::now();
        let internal = || Err(Error::new(Kind::Internal, "a bug in ifetch was caught"));
        let lent = self.lend(key, now, f);
        let result = lent.and_then(|lent| lent.value).unwrap_or_else(internal);
        self.pass_on_beside(now);
        result
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
            let Some(entry) = self.fetches.get_mut(key.place()).filter(|entry| entry.is(key))
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
        if !self.fetch(key).is_ended() {
            self.end(key);
        }
        if self.alone {
            // All goes with it.
            return self.fetches[key.place()].fetch.leave_token();
        }
        let entry = &mut self.fetches[key.place()];
        self.news.hear(&mut entry.note);
        self.deadlines.leave(key.place(), &mut entry.due_at);
        self.phases.leave(entry.phase);
        let nothing = self.nothing.get_or_insert_default();
        if let Some(response) = entry.vacate(nothing) {
            self.spares.give_back(response);
        }
        self.fetches.leave(key.place());
        let fetches = &self.fetches;
        self.news.prune(fetches.taken(), |key| {
            fetches.get(key.place()).is_some_and(|entry| entry.is(key))
        });
    }

    /// Ends all that still run.
    pub(super) fn close(&mut self) {
        let running: Vec<Key> = (self.fetches.iter())
            .filter(|(_, entry)| !entry.fetch.is_ended())
            .map(|(place, entry)| entry.key(place))
            .collect();
        // All at once: none is to get the place of another.
        if self.reactor.wake().is_ours() {
            for &key in &running {
                self.fetches[key.place()].cancel.cancel(Canceller::Call);
            }
        }
        for key in running {
            self.end(key);
        }
        self.pool.close_parked_ones();
    }

    /// Lets `f` change how the pool or the names are used.
    pub(super) fn set(&mut self, f: impl FnOnce(&mut Self)) {
        f(self);
        self.pass_on_beside(Instant::now());
    }

    /// Cancels a fetch, which runs. In a forked child nothing may be sent: the connection is
    /// its parent's, and only the copy of its descriptor is closed.
    fn end(&mut self, key: Key) {
        let entry = &self.fetches[key.place()];
        if entry.cancel.is_cancelled() || self.reactor.wake().is_ours() {
            entry.cancel.cancel(Canceller::Call);
            let now = Instant::now();
            self.drive(key, now);
            self.pass_on_beside(now);
        }
    }
}
