//! What cancels any number of fetches, of any clients, and may outlive them.
//!
//! A token has a flag that is set once and for good, perhaps a deadline, and the roster of the
//! fetches under it. A fetch has a seat in the roster of its token and of every token above, so a
//! cancel goes through one roster and never down a tree: it needs no stack, and no token refers to
//! its children. Whether a token is cancelled is looked up the other way, along its parents.
//!
//! A fetch takes its seats before it has a socket, and looks at the flags afterwards; so a cancel
//! finds it, or it finds the cancel.

use crate::transport::cancel::{Cancel, Canceller};
use crate::transport::roster::{NONE, Roster};
use crate::transport::sys::Instant;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::SeqCst};

#[derive(Debug)]
pub(crate) struct Token {
    /// Who cancelled it, if anybody has.
    flag: AtomicU8,
    /// In nanoseconds; or one of the two below.
    deadline: AtomicU64,
    parent: Option<Arc<Token>>,
    members: Roster<Arc<Cancel>>,
}

/// There is no deadline yet.
const OPEN: u64 = 0;
/// There is none, and never will be: fetches wait that have not heard of one.
const SEALED: u64 = u64::MAX;

/// Where a fetch sits under its token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seated(u32);

impl Seated {
    pub(crate) const NOWHERE: Self = Self(NONE);
}

/// Why a deadline is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Fetches are under way that do not know of any.
    InUse,
    /// It would come earlier than those who wait for it know.
    Earlier,
    Cancelled,
}

impl Token {
    pub(crate) fn new(parent: Option<Arc<Token>>) -> Self {
        Self {
            flag: AtomicU8::new(0),
            deadline: AtomicU64::new(OPEN),
            parent,
            members: Roster::new(),
        }
    }

    /// This token and those above.
    fn line(&self) -> impl Iterator<Item = &Token> {
        std::iter::successors(Some(self), |token| token.parent.as_deref())
    }

    /// Cancels every fetch under it, now and later. Any thread, any signal handler.
    pub(crate) fn cancel(&self) {
        self.cancel_as(Canceller::Token);
    }

    fn cancel_as(&self, canceller: Canceller) {
        // The first one counts. Those who come later go through the members as well: the first may
        // have been interrupted.
        let _ = self.flag.compare_exchange(0, canceller as u8, SeqCst, SeqCst);
        let canceller = self.flagged().unwrap_or(canceller);
        self.members.for_each(|member| member.cancel(canceller));
    }

    fn flagged(&self) -> Option<Canceller> {
        match self.flag.load(SeqCst) {
            0 => None,
            by if by == Canceller::Deadline as u8 => Some(Canceller::Deadline),
            _ => Some(Canceller::Token),
        }
    }

    /// Who has cancelled it, or a token above it. A deadline that has passed is carried out by
    /// whoever asks first. Any thread, any signal handler.
    pub(crate) fn cancelled(&self, now: Instant) -> Option<Canceller> {
        self.line().find_map(|token| {
            if token.flagged().is_none() && token.own_deadline().is_some_and(|at| at <= now) {
                token.cancel_as(Canceller::Deadline);
            }
            token.flagged()
        })
    }

    fn own_deadline(&self) -> Option<Instant> {
        match self.deadline.load(SeqCst) {
            OPEN | SEALED => None,
            ns => Some(Instant::from_ns(ns)),
        }
    }

    /// When it, or one above it, cancels by itself.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.line().filter_map(Token::own_deadline).min()
    }

    /// Sets the deadline to so much later than now, or moves it. It never comes earlier than those
    /// who wait know: nobody would tell them.
    pub(crate) fn set_timeout(&self, timeout_ms: u32) -> Result<(), Refused> {
        let now = Instant::now();
        if self.cancelled(now).is_some() {
            return Err(Refused::Cancelled);
        }
        let at = now.after_ms(timeout_ms);
        let moved = self.deadline.fetch_update(SeqCst, SeqCst, |ns| match ns {
            SEALED => None,
            _ => (at.ns() >= ns).then_some(at.ns()),
        });
        match moved {
            Ok(_) => Ok(()),
            Err(SEALED) => Err(Refused::InUse),
            Err(_) => Err(Refused::Earlier),
        }
    }

    /// Puts a fetch under this token and all above it, before it does anything. Afterwards it
    /// looks whether one of them `cancelled`: a canceller may have missed it, or be in its seat.
    pub(crate) fn enter(&self, cancel: &Arc<Cancel>) -> Seated {
        let mut seated = Seated::NOWHERE;
        let mut below: Option<(&Token, u32)> = None;
        for token in self.line() {
            let _ = token.deadline.compare_exchange(OPEN, SEALED, SeqCst, SeqCst);
            let Some(at) = token.members.enter(Arc::clone(cancel)) else {
                break;
            };
            match below {
                None => seated = Seated(at),
                Some((token, seat)) => token.members.set_note(seat, at),
            }
            below = Some((token, at));
        }
        seated
    }

    /// A fetch has ended.
    // Apart from the fetches that have no token, which are ended by the same code.
    #[inline(never)]
    pub(crate) fn leave(&self, seated: &mut Seated) {
        let mut at = std::mem::replace(seated, Seated::NOWHERE).0;
        for token in self.line() {
            if at == NONE {
                return;
            }
            at = token.members.leave(at);
        }
    }
}

impl Drop for Token {
    /// A long line of tokens of which each had the last reference to the next takes no stack.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(token) = parent {
            parent = Arc::into_inner(token).and_then(|mut token| token.parent.take());
        }
    }
}
