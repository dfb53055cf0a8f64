//! What the client asks for, how it changes its mind, and what may come of it.

use super::script::{Script, numbered};
use super::support::*;
use ::ifetch::ffi::options::ifetch_cancel_policy::{self, *};
use ::ifetch::ffi::options::ifetch_timeout::{self, *};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The server's port of this index.
    Port(usize),
    Refused,
    UnknownName,
    BadUrl,
}

/// Who interrupts a fetch, and when. Turns are those of the client's loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interruption {
    Cancel { turns: u64 },
    CancelElsewhere { yields: u64 },
    Free { turns: u64 },
}

use Interruption::*;

/// From time to time so many in a row wait in vain until their time is over, so that as many
/// connections as there may be are in use at once.
const CALM: usize = 256;
const CALM_EVERY: usize = 10_000;

pub(crate) struct Plan {
    pub(crate) number: usize,
    pub(crate) script: &'static Script,
    pub(crate) place: Place,
    /// Of a POST, the length of its body.
    pub(crate) posts: Option<usize>,
    pub(crate) streams: bool,
    pub(crate) deadline: Option<(ifetch_timeout, u32)>,
    pub(crate) policy: ifetch_cancel_policy,
    pub(crate) interruption: Option<Interruption>,
}

impl Plan {
    pub(crate) fn new(number: usize, seed: u64, ports: usize) -> Plan {
        let random = &mut Random::new(seed ^ Random::new(number as u64).number());
        let is_calm = number % CALM_EVERY < CALM;
        let script = if is_calm { Script::named("silent") } else { Script::by_chance(random) };
        let place = match random.below(1_000) {
            0..5 => Place::Refused,
            5..10 => Place::UnknownName,
            10..15 => Place::BadUrl,
            _ => Place::Port(random.below(ports as u64) as usize),
        };
        let never_ends = script.ends.is_empty();
        let has_deadline = is_calm || random.percent(if never_ends { 50 } else { 5 });
        // These may be caught with a half of their body still to come.
        let chance = if script.name == "pieces" { 50 } else { 20 };
        let is_interrupted = never_ends && !has_deadline || !is_calm && random.percent(chance);
        let silent = [
            IFETCH_TIMEOUT_TOTAL,
            IFETCH_TIMEOUT_IDLE,
            IFETCH_TIMEOUT_FIRST_BYTE,
            IFETCH_TIMEOUT_HEAD,
        ];
        // Those that come however far the server goes.
        let sure = if script.name == "silent" { &silent[..] } else { &silent[..2] };
        let any = [IFETCH_TIMEOUT_TOTAL, IFETCH_TIMEOUT_QUEUE, IFETCH_TIMEOUT_IDLE];
        Plan {
            number,
            script,
            place,
            posts: random.percent(25).then(|| random.below(3_000) as usize),
            streams: random.percent(20),
            deadline: has_deadline.then(|| match is_calm {
                // Not while it queues.
                true => (IFETCH_TIMEOUT_FIRST_BYTE, 20 + random.below(20) as u32),
                false => {
                    let which = random.one_of(if never_ends { sure } else { &any });
                    (which, 3 + random.below(15) as u32)
                }
            }),
            policy: random.one_of(&[IFETCH_CANCEL_RST, IFETCH_CANCEL_FIN, IFETCH_CANCEL_DRAIN]),
            interruption: is_interrupted.then(|| match random.below(10) {
                0..5 => Cancel { turns: random.below(40) },
                5..9 => CancelElsewhere { yields: random.below(40) },
                _ => Free { turns: random.below(40) },
            }),
        }
    }

    pub(crate) fn options(&self) -> Options {
        let mut options = Options::new().cancel_policy(self.policy);
        if self.policy == IFETCH_CANCEL_DRAIN {
            options = options.timeout(IFETCH_TIMEOUT_DRAIN, 20);
        }
        if let Some(len) = self.posts {
            options = options.method("POST").body(&numbered(self.number, len));
        }
        if self.streams {
            options = options.stream();
        }
        if let Some((which, timeout_ms)) = self.deadline {
            options = options.timeout(which, timeout_ms);
        }
        options
    }

    /// Whether the fetch may end so, on connections that do not die before their time.
    pub(crate) fn allows(&self, end: ifetch_error) -> bool {
        let by_itself = match self.place {
            Place::Port(_) => self.script.ends.contains(&end),
            Place::Refused => end == IFETCH_ERROR_CONNECT,
            Place::UnknownName => end == IFETCH_ERROR_RESOLVE,
            Place::BadUrl => end == IFETCH_ERROR_INVALID_URL,
        };
        let by_us = end == IFETCH_ERROR_CANCELLED && self.interruption.is_some();
        by_itself || by_us || self.deadline_behind(end).is_some()
    }

    /// The deadline, in milliseconds, of which that error tells.
    pub(crate) fn deadline_behind(&self, end: ifetch_error) -> Option<u32> {
        let (which, timeout_ms) = self.deadline?;
        (error_of(which) == end).then_some(timeout_ms)
    }
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Plan { number, script, place, posts, streams, deadline, policy, interruption } = self;
        write!(
            f,
            "fetch {number} of \"{}\" at {place:?}, posts {posts:?}, streams {streams}, \
             {deadline:?}, {policy:?}, {interruption:?}",
            script.name
        )
    }
}

/// How a fetch ends whose time is over.
fn error_of(which: ifetch_timeout) -> ifetch_error {
    match which {
        IFETCH_TIMEOUT_TOTAL => IFETCH_ERROR_TIMEOUT_TOTAL,
        IFETCH_TIMEOUT_IDLE => IFETCH_ERROR_TIMEOUT_IDLE,
        IFETCH_TIMEOUT_FIRST_BYTE => IFETCH_ERROR_TIMEOUT_FIRST_BYTE,
        IFETCH_TIMEOUT_HEAD => IFETCH_ERROR_TIMEOUT_HEAD,
        IFETCH_TIMEOUT_QUEUE => IFETCH_ERROR_TIMEOUT_QUEUE,
        other => panic!("{other:?} is not part of any plan"),
    }
}
