//! The addresses of host names: asked for once, however many fetches want them, and remembered.
//!
//! ```text
//!   unknown --ask--> Looking, with those who wait --answered--> Known --expired--> unknown
//!                       `---- the last of them leaves ----------------------------^
//! ```

use crate::connection::key::Key;
use crate::transport::answer::{Answer, Holds};
use crate::transport::dns::{Begun, Choice, Resolver};
use crate::transport::reactor::Reactor;
use crate::transport::sys::{Errno, Event, Instant};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Where nobody tells how long an answer holds. curl remembers it for as long.
const FOUND_MS: u32 = 60_000;
const NOT_FOUND_MS: u32 = 5_000;
const KNOWN_MAX: usize = 256;

#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) kept: Kept,
    known_max: usize,
    names: HashMap<Arc<str>, Name>,
    /// How many of them are known.
    known: usize,
    resolver: Resolver,
    answered: VecDeque<(Key, Arc<Answer>)>,
    /// Lookups begun, which numbers them.
    pub(crate) begun: u64,
    /// Questions that joined a lookup, and those that were answered at once.
    pub(crate) joined: u64,
    pub(crate) hits: u64,
}

/// For how long answers are remembered at the most, if their user has said so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kept {
    pub(crate) found_ms: Option<u32>,
    pub(crate) not_found_ms: Option<u32>,
}

impl Kept {
    fn ms(self, answer: &Answer) -> u32 {
        let (most_ms, unsaid_ms) = match &answer.addresses {
            Ok(_) => (self.found_ms, FOUND_MS),
            Err(unresolved) if unresolved.is_certain => (self.not_found_ms, NOT_FOUND_MS),
            Err(_) => return 0,
        };
        match answer.holds {
            Holds::Unsaid => most_ms.unwrap_or(unsaid_ms),
            Holds::ForSeconds(seconds) => {
                seconds.saturating_mul(1_000).min(most_ms.unwrap_or(u32::MAX))
            }
        }
    }
}

#[derive(Debug)]
enum Name {
    Looking { number: u64, waiting: Vec<Key>, lookup: Begun },
    Known { answer: Arc<Answer>, since: Instant },
}

/// What becomes of a question.
#[derive(Debug)]
pub(crate) enum Asked {
    /// It was named by the user of the client, or in /etc/hosts.
    Listed(Vec<SocketAddr>),
    Known(Arc<Answer>),
    /// The lookup was begun by this question.
    Begun,
    /// It was begun by an earlier one.
    Joined,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            kept: Kept::default(),
            known_max: KNOWN_MAX,
            names: HashMap::new(),
            known: 0,
            resolver: Resolver::default(),
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
        if let Some(addresses) = self.resolver.own_host(name) {
            return Ok(Asked::Listed(addresses.to_vec()));
        }
        if self.resolver.has_changed(now) {
            self.forget_all();
        }
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
        let number = self.begun;
        let lookup = match self.resolver.begin(name, number, now, reactor)? {
            Begun::Listed(addresses) => return Ok(Asked::Listed(addresses)),
            lookup => lookup,
        };
        self.begun += 1;
        let looking = Name::Looking { number, waiting: vec![key], lookup };
        self.names.insert(Arc::clone(name), looking);
        self.take_ended(now);
        Ok(Asked::Begun)
    }

    /// A fetch does not wait for this name any more.
    pub(crate) fn leave(&mut self, name: &Arc<str>, key: Key) {
        let Some(Name::Looking { waiting, .. }) = self.names.get_mut(name) else {
            return;
        };
        waiting.retain(|&other| other != key);
        if waiting.is_empty()
            && let Some(Name::Looking { lookup: Begun::Native(place), .. }) =
                self.names.remove(name)
        {
            self.resolver.cancel(place);
        }
    }

    /// Takes the answers that the system has given.
    pub(crate) fn handle_ring(&mut self, now: Instant) {
        for (name, number, answer) in self.resolver.take_answers() {
            // It may be one that nobody waited for any more, or that is asked for anew.
            let asked = match self.names.get(&name) {
                Some(Name::Looking { number: asked, .. }) => Some(*asked),
                _ => None,
            };
            if asked == Some(number) {
                self.tell(name, answer, now);
            }
        }
    }

    /// Something happened to a socket of a lookup.
    pub(crate) fn handle_event(
        &mut self,
        event: Event,
        buffer: &mut Vec<u8>,
        now: Instant,
        reactor: &Reactor,
    ) {
        self.resolver.handle_event(event, buffer, now, reactor);
        self.take_ended(now);
    }

    /// When a lookup has to be driven though nothing has happened.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.resolver.due()
    }

    pub(crate) fn handle_due(&mut self, now: Instant, reactor: &Reactor) {
        self.resolver.handle_due(now, reactor);
        self.take_ended(now);
    }

    /// Lookups would not be driven when they are due.
    pub(crate) fn fail_all(&mut self, errno: Errno, now: Instant) {
        self.resolver.fail_all(errno);
        self.take_ended(now);
    }

    fn take_ended(&mut self, now: Instant) {
        while let Some((name, answer)) = self.resolver.next_ended() {
            self.tell(name, answer, now);
        }
    }

    /// Lets those know who wait for this name.
    #[cold]
    fn tell(&mut self, name: Arc<str>, answer: Answer, now: Instant) {
        if let Some(Name::Looking { waiting, .. }) = self.names.remove(&name) {
            let answer = Arc::new(answer);
            let told = waiting.into_iter().map(|key| (key, Arc::clone(&answer)));
            self.answered.extend(told);
            self.remember(name, answer, now);
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

    pub(crate) fn set_resolver(&mut self, choice: Choice) {
        self.resolver.set_choice(choice);
        self.forget_all();
    }

    /// False if it is no address of a server.
    pub(crate) fn add_server(&mut self, address: &str) -> bool {
        let is_one = self.resolver.add_server(address);
        if is_one {
            self.forget_all();
        }
        is_one
    }

    pub(crate) fn add_host(&mut self, name: &str, ip: IpAddr) {
        self.resolver.add_host(name, ip);
    }

    /// Whether the user of the client has given addresses to this name.
    pub(crate) fn has_host(&self, name: &str) -> bool {
        self.resolver.own_host(name).is_some()
    }

    /// How many lookups were left to the system.
    pub(crate) fn left(&self) -> u64 {
        self.resolver.left
    }

    /// Names are looked up in another way from now on.
    #[cold]
    fn forget_all(&mut self) {
        self.names.retain(|_, name| matches!(name, Name::Looking { .. }));
        self.known = 0;
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
