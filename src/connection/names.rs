//! The addresses of host names: asked for once, however many fetches want them, and remembered.
//!
//! ```text
//!   unknown --ask--> Looking, with those who wait --answered--> Known --expired--> unknown
//!                       `---- the last of them leaves ----------------------------^
//! ```

use crate::connection::key::Key;
use crate::transport::reactor::Reactor;
use crate::transport::resolver::{Answer, Answers, Lookup};
use crate::transport::sys::{Errno, Instant};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The system does not tell how long an answer holds. curl remembers it for as long.
const FOUND_MS: u32 = 60_000;
/// RFC 2308 section 5 has the zone say it, which the system does not tell either.
const NOT_FOUND_MS: u32 = 5_000;
const KNOWN_MAX: usize = 256;

#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) kept: Kept,
    known_max: usize,
    names: HashMap<Arc<str>, Name>,
    /// How many of them are known.
    known: usize,
    answers: Option<Arc<Answers>>,
    answered: VecDeque<(Key, Arc<Answer>)>,
    /// Lookups begun, which numbers them.
    pub(crate) begun: u64,
    /// Questions that joined a lookup, and those that were answered at once.
    pub(crate) joined: u64,
    pub(crate) hits: u64,
}

/// For how long answers are remembered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) found_ms: u32,
    pub(crate) not_found_ms: u32,
}

impl Kept {
    fn ms(self, answer: &Answer) -> u32 {
        match answer {
            Ok(_) => self.found_ms,
            Err(unresolved) if unresolved.is_certain => self.not_found_ms,
            Err(_) => 0,
        }
    }
}

#[derive(Debug)]
enum Name {
    /// Dropping the lookup cancels it.
    Looking {
        number: u64,
        waiting: Vec<Key>,
        _lookup: Lookup,
    },
    Known {
        answer: Arc<Answer>,
        since: Instant,
    },
}

/// What becomes of a question.
#[derive(Debug)]
pub(crate) enum Asked {
    Known(Arc<Answer>),
    /// The lookup was begun by this question.
    Begun,
    /// It was begun by an earlier one.
    Joined,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            kept: Kept { found_ms: FOUND_MS, not_found_ms: NOT_FOUND_MS },
            known_max: KNOWN_MAX,
            names: HashMap::new(),
            known: 0,
            answers: None,
            answered: VecDeque::new(),
            begun: 0,
            joined: 0,
            hits: 0,
        }
    }
}

impl Names {
    /// Asks for the addresses of `name`. Fails if nobody can be asked.
    pub(crate) fn ask(
        &mut self,
        name: &Arc<str>,
        key: Key,
        now: Instant,
        reactor: &Reactor,
    ) -> Result<Asked, Errno> {
        let kept = self.kept;
        match self.names.get_mut(name) {
            Some(Name::Known { answer, since }) if since.after_ms(kept.ms(answer)) > now => {
                self.hits += 1;
                return Ok(Asked::Known(Arc::clone(answer)));
            }
            Some(Name::Looking { waiting, .. }) => {
                self.joined += 1;
                waiting.push(key);
                return Ok(Asked::Joined);
            }
            Some(Name::Known { .. }) => self.forget(name),
            None => {}
        }
        reactor.make_wake()?;
        let number = self.begun;
        let answers = self.answers.get_or_insert_default();
        let lookup = Lookup::start(name, number, answers, reactor.wake())?;
        self.begun += 1;
        let looking = Name::Looking { number, waiting: vec![key], _lookup: lookup };
        self.names.insert(Arc::clone(name), looking);
        Ok(Asked::Begun)
    }

    /// A fetch does not wait for this name any more.
    pub(crate) fn leave(&mut self, name: &Arc<str>, key: Key) {
        if let Some(Name::Looking { waiting, .. }) = self.names.get_mut(name) {
            waiting.retain(|&other| other != key);
            if waiting.is_empty() {
                self.names.remove(name);
            }
        }
    }

    /// Takes the answers that have come.
    pub(crate) fn handle_ring(&mut self, now: Instant) {
        let answers = self.answers.as_ref().map(|answers| answers.take()).unwrap_or_default();
        for (name, number, answer) in answers {
            match self.names.remove(&name) {
                Some(Name::Looking { number: asked, waiting, .. }) if asked == number => {
                    let answer = Arc::new(answer);
                    let told = waiting.into_iter().map(|key| (key, Arc::clone(&answer)));
                    self.answered.extend(told);
                    self.remember(name, answer, now);
                }
                // The answer of a lookup that nobody waited for any more.
                Some(later) => drop(self.names.insert(name, later)),
                None => {}
            }
        }
    }

    fn remember(&mut self, name: Arc<str>, answer: Arc<Answer>, now: Instant) {
        if self.kept.ms(&answer) > 0 {
            self.names.insert(name, Name::Known { answer, since: now });
            self.known += 1;
            self.prune();
        }
    }

    /// Forgets what has been known for longest until there is room.
    fn prune(&mut self) {
        while self.known > self.known_max {
            let known = self.names.iter().filter_map(|(name, state)| match state {
                Name::Known { since, .. } => Some((*since, name)),
                Name::Looking { .. } => None,
            });
            let Some(name) = known.min().map(|(_, name)| Arc::clone(name)) else {
                return;
            };
            self.forget(&name);
        }
    }

    /// Nobody answers at the addresses of this name: they may be out of date.
    pub(crate) fn forget(&mut self, name: &Arc<str>) {
        if let Some(Name::Known { .. }) = self.names.get(name) {
            self.names.remove(name);
            self.known -= 1;
        }
    }

    pub(crate) fn set_limit(&mut self, n: usize) {
        self.known_max = n;
        self.prune();
    }

    /// Somebody's answer, to be told.
    pub(crate) fn next_answered(&mut self) -> Option<(Key, Arc<Answer>)> {
        self.answered.pop_front()
    }

    pub(crate) fn has_answered(&self) -> bool {
        !self.answered.is_empty()
    }

    /// How many names are known.
    pub(crate) fn known(&self) -> usize {
        self.known
    }
}
