//! Lending a fetch what it needs to go on, and looking afterwards what has become of it.

use crate::client::core::Core;
use crate::connection::Context;
use crate::connection::key::Key;
use crate::error::{Error, Kind};
use crate::fetch::{Fetch, Outcome, Status};
use crate::transport::sys::{Errno, Event, Instant};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What came of lending.
pub(super) struct Lent<T> {
    /// Nothing if it panicked.
    pub(super) value: Option<T>,
    /// Whether the fetch has something to say that it could not have said before.
    pub(super) has_news: bool,
}

impl Core {
    /// Lets a fetch go on. Says whether it has news.
    pub(super) fn drive(&mut self, key: Key, now: Instant) -> bool {
        let lent = self.lend_inline(key.place(), Some(key), now, |fetch, cx| fetch.drive(cx));
        let has_news = lent.is_some_and(|lent| lent.has_news);
        if has_news {
            self.announce(key.place());
        }
        has_news
    }

    /// Lets the fetch at a place go on, with what happened to one of its sockets.
    pub(super) fn drive_at(&mut self, place: usize, now: Instant, event: Event) {
        let lent = self.lend_inline(place, None, now, |fetch, cx| {
            fetch.handle_event(event);
            fetch.drive(cx);
        });
        if lent.is_some_and(|lent| lent.has_news) {
            self.announce(place);
        }
    }

    /// Sees to it that the user of a fetch is told of its news.
    #[inline(always)]
    pub(super) fn announce(&mut self, place: usize) {
        if !self.alone {
            let entry = &mut self.fetches[place];
            self.news.announce(entry.key(place), &mut entry.note);
        }
    }

    /// Lends a fetch what it needs, and looks afterwards what has become of it. A panic ends
    /// that fetch and no other.
    pub(super) fn lend<T>(
        &mut self,
        key: Key,
        now: Instant,
        f: impl FnOnce(&mut Fetch, &mut Context<'_>) -> T,
    ) -> Option<Lent<T>> {
        let (mut f, mut value) = (Some(f), None);
        // Code that is there once, whatever is done.
        let lent = self.lend_to(key, now, &mut |fetch, cx| {
            value = f.take().map(|f| f(fetch, cx));
        })?;
        Some(Lent { value, has_news: lent.has_news })
    }

    fn lend_to(
        &mut self,
        key: Key,
        now: Instant,
        f: &mut dyn FnMut(&mut Fetch, &mut Context<'_>),
    ) -> Option<Lent<()>> {
        self.lend_inline(key.place(), Some(key), now, |fetch, cx| f(fetch, cx))
    }

    /// The same to the fetch at a place, if it is the one that is meant.
    #[inline(always)]
    fn lend_inline<T>(
        &mut self,
        place: usize,
        meant: Option<Key>,
        now: Instant,
        f: impl FnOnce(&mut Fetch, &mut Context<'_>) -> T,
    ) -> Option<Lent<T>> {
        let only_one = self.fetches.taken() == 1;
        let entry = self.fetches.get_mut(place)?;
        let key = entry.key(place);
        if meant.is_some_and(|meant| meant != key) {
            return None;
        }
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
        let had_ended = entry.fetch.is_ended();
        let value = catch_unwind(AssertUnwindSafe(|| f(&mut entry.fetch, &mut cx))).ok();
        if value.is_none() {
            let error = Error::new(Kind::Internal, "a bug in ifetch was caught; please report it");
            entry.fetch.end(Outcome::Failed, Some(error), &mut cx);
        }
        let settled = entry.settle(place, &mut self.phases, &mut self.deadlines, &mut self.reactor);
        let has_news = match settled {
            // What it had ended as may have been heard already.
            Ok(()) => !had_ended && entry.fetch.status() != Status::Pending,
            Err(errno) => self.fail(key, now, errno),
        };
        Some(Lent { value, has_news })
    }

    /// A deadline that cannot be kept must not be lost silently.
    #[cold]
    fn fail(&mut self, key: Key, now: Instant, errno: Errno) -> bool {
        let message = format!("set a deadline: make a timer: {errno}");
        let error = Error::with_os(Kind::System, errno.0, message);
        self.lend(key, now, |fetch, cx| fetch.end(Outcome::Failed, Some(error), cx)).is_some()
    }
}
