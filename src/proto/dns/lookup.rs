//! One lookup, from a name to its addresses: what is asked, and what follows from the answers.
//!
//! The machine does nothing itself. What happened is told to it, and what is to be done is taken
//! from it until there is nothing more: `poll_action`.
//!
//! ```text
//!   a name --A and AAAA at the same time--> both over --an address--> End
//!     ^                                         |--nobody answered--> End
//!     `---- the next name of the search list ---'--no name is left--> End
//! ```

use crate::proto::dns::name::Name;
use crate::proto::dns::query::Kind;
pub(crate) use crate::proto::dns::question::Over;
use crate::proto::dns::question::{Next, Question, Said};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// For how long IPv6 addresses are waited for when those of IPv4 are there: RFC 8305 section 3.
const DELAY_MS: u32 = 50;
/// For how long addresses hold of which others may exist that could not be asked for.
const INCOMPLETE_S: u32 = 5;

/// Who is asked. At least one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Servers {
    pub(crate) addresses: Vec<SocketAddr>,
    /// Which of them is asked first.
    pub(crate) first: usize,
    /// For how long one is waited for.
    pub(crate) timeout_ms: u32,
    /// How often each is asked.
    pub(crate) attempts: u32,
    pub(crate) tcp_only: bool,
}

/// What is to be done for one of the two questions.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Send its query to this server, from a new socket. Then wait.
    Ask {
        which: usize,
        server: SocketAddr,
        over: Over,
        wait_ms: u32,
    },
    /// Send it once more, from the same socket. Then wait.
    AskAgain {
        which: usize,
        wait_ms: u32,
    },
    /// Wait for no longer than this from now on.
    Hurry {
        which: usize,
        wait_ms: u32,
    },
    /// Close its socket.
    Stop {
        which: usize,
    },
    End(Result<Found, NotFound>),
}

/// What a name has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) addresses: Vec<IpAddr>,
    /// For how long they hold.
    pub(crate) ttl_s: u32,
}

/// Why it has nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotFound {
    pub(crate) why: String,
    /// The errno behind it, or 0.
    pub(crate) os: i32,
    /// Whether it is the answer of those who know, and not that nobody answered.
    pub(crate) is_certain: bool,
    /// For how long that holds, if it is said.
    pub(crate) ttl_s: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Lookup {
    servers: Arc<Servers>,
    /// What is asked for now.
    name: Name,
    /// What is asked for after it.
    names: std::vec::IntoIter<Name>,
    has_search: bool,
    questions: [Question; 2],
    actions: VecDeque<Action>,
    /// What the names before this one have come to.
    so_far: Option<Missing>,
}

impl Lookup {
    /// `names` are those that the name may stand for (`search`).
    #[cold]
    pub(crate) fn new(names: Vec<Name>, servers: Arc<Servers>) -> Result<Self, NotFound> {
        let has_search = names.len() > 1;
        let mut names = names.into_iter();
        let Some(name) = names.next() else {
            let why = "no such host: no name server can know it".to_owned();
            return Err(NotFound { why, os: 0, is_certain: true, ttl_s: None });
        };
        let questions = Kind::BOTH.map(|kind| Question::new(kind, &servers));
        let (actions, so_far) = (VecDeque::new(), None);
        let mut lookup = Self { servers, name, names, has_search, questions, actions, so_far };
        lookup.begin();
        Ok(lookup)
    }

    fn begin(&mut self) {
        self.questions = Kind::BOTH.map(|kind| Question::new(kind, &self.servers));
        for which in [0, 1] {
            let next = self.questions[which].begin(&self.servers);
            self.follow(which, next);
        }
    }

    /// What is to be done next; nothing if something has to happen first. Nothing is to be done
    /// after `End`.
    pub(crate) fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The bytes that `Ask` is about, with a number that nobody can guess.
    pub(crate) fn query(&mut self, which: usize, id: u16) -> Vec<u8> {
        self.questions[which].query(&self.name, id)
    }

    /// Bytes came from the server that was asked, or from somebody who pretends to be it.
    /// False if they are to be ignored.
    #[cold]
    pub(crate) fn handle_packet(&mut self, which: usize, packet: &[u8]) -> bool {
        let next = self.questions[which].handle_packet(packet, &self.name, &self.servers);
        let is_taken = next != Next::Listen;
        self.follow(which, next);
        is_taken
    }

    /// The time of a question is over.
    pub(crate) fn handle_silence(&mut self, which: usize) {
        let next = self.questions[which].handle_silence(&self.servers);
        self.follow(which, next);
    }

    /// A question could not be asked: why, and the errno behind it.
    pub(crate) fn handle_broken(&mut self, which: usize, why: String, os: i32) {
        let next = self.questions[which].handle_broken(why, os, &self.servers);
        self.follow(which, next);
    }

    #[cold]
    fn follow(&mut self, which: usize, next: Next) {
        match next {
            Next::Listen => {}
            Next::Ask { server, over, wait_ms } => {
                self.actions.push_back(Action::Ask { which, server, over, wait_ms });
            }
            Next::AskAgain { wait_ms } => {
                self.actions.push_back(Action::AskAgain { which, wait_ms });
            }
            Next::Over => {
                self.actions.push_back(Action::Stop { which });
                self.conclude();
            }
        }
    }

    /// A question is over.
    fn conclude(&mut self) {
        let [v4, v6] = &mut self.questions;
        match (&v4.said, &v6.said) {
            (Some(v4), Some(v6)) => match found([v4, v6]) {
                Some(found) => self.actions.push_back(Action::End(Ok(found))),
                None => self.go_on(),
            },
            // Servers are known that never answer for AAAA (RFC 4074 section 4.1).
            (Some(Said::Addresses { .. }), None) => {
                v6.hurry(DELAY_MS);
                self.actions.push_back(Action::Hurry { which: 1, wait_ms: DELAY_MS });
            }
            _ => {}
        }
    }

    /// Takes the next name of the search list, as this one has no address.
    fn go_on(&mut self) {
        let missing = self.missing();
        // As glibc does: if nobody answers, other names are of no use.
        let is_final = matches!(missing, Missing::Unknown { is_unanswered: true, .. });
        let missing = match self.so_far.take() {
            None => missing,
            Some(before) => before.and(missing),
        };
        match self.names.next() {
            Some(name) if !is_final => {
                self.so_far = Some(missing);
                self.name = name;
                self.begin();
            }
            _ => self.actions.push_back(Action::End(Err(missing.into()))),
        }
    }

    /// What it means that neither question brought an address.
    fn missing(&self) -> Missing {
        let mut all: Option<Missing> = None;
        for question in &self.questions {
            let missing = match &question.said {
                Some(Said::NoSuchName { ttl_s, server }) => {
                    Missing::Known { exists: false, says: *server, ttl_s: *ttl_s }
                }
                Some(Said::NoAddress { ttl_s, server }) => {
                    Missing::Known { exists: true, says: *server, ttl_s: *ttl_s }
                }
                Some(Said::Addresses { .. } | Said::Nothing) | None => {
                    let (mut why, os) = question.explain(&self.servers);
                    if self.has_search {
                        why = format!("{}: {why}", self.name);
                    }
                    Missing::Unknown { why, os, is_unanswered: question.is_unanswered() }
                }
            };
            all = Some(match all {
                None => missing,
                Some(before) => before.and(missing),
            });
        }
        all.expect("there are two questions")
    }
}

/// What is known of a name that seems to have no address.
#[derive(Debug)]
enum Missing {
    /// It has none, or does not even exist.
    Known { exists: bool, says: SocketAddr, ttl_s: Option<u32> },
    /// Nobody could be asked.
    Unknown { why: String, os: i32, is_unanswered: bool },
}

impl Missing {
    /// Both together.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (
                Missing::Known { exists, says, ttl_s },
                Missing::Known { exists: too, says: other, ttl_s: other_s },
            ) => Missing::Known {
                exists: exists || too,
                says: if too && !exists { other } else { says },
                ttl_s: ttl_s.zip(other_s).map(|(a, b)| a.min(b)),
            },
            (unknown @ Missing::Unknown { .. }, _) | (_, unknown) => unknown,
        }
    }
}

impl From<Missing> for NotFound {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Known { exists, says, ttl_s } => {
                let why = if exists { "it has no address" } else { "no such host" };
                let why = format!("{why}, says {says}");
                Self { why, os: 0, is_certain: true, ttl_s }
            }
            Missing::Unknown { why, os, .. } => Self { why, os, is_certain: false, ttl_s: None },
        }
    }
}

/// The addresses of both kinds, if there are any.
fn found(said: [&Said; 2]) -> Option<Found> {
    let mut all = Vec::new();
    let mut least_s = u32::MAX;
    for said in said {
        let ttl_s = match said {
            Said::Addresses { addresses, ttl_s } => {
                all.extend_from_slice(addresses);
                Some(*ttl_s)
            }
            Said::NoAddress { ttl_s, .. } => *ttl_s,
            // A name that has addresses of the other kind exists, whatever is said of this one.
            Said::NoSuchName { .. } => None,
            Said::Nothing => Some(INCOMPLETE_S),
        };
        least_s = least_s.min(ttl_s.unwrap_or(u32::MAX));
    }
    (!all.is_empty()).then_some(Found { addresses: all, ttl_s: least_s })
}

#[cfg(test)]
mod tests;
