//! One question of a lookup: whom it is asked of, and how, until there is an answer.
//!
//! ```text
//!   Asking --silence--> the same once more --silence--> Asking the next server
//!     |---- refused, broken -----------------------------^
//!     |---- truncated --> over TCP           all were asked as often as they may be --> Over
//!     |---- not understood --> without EDNS
//!     `---- an answer --------------------------------------------------------------> Over
//! ```

use crate::proto::dns::answer::{self, Answer, Refusal};
use crate::proto::dns::lookup::Servers;
use crate::proto::dns::name::Name;
use crate::proto::dns::query::{self, Kind};
use std::net::{IpAddr, SocketAddr};

/// A datagram may be lost. After this long it is sent again, and its server still has the rest of
/// its time.
const REPEAT_MS: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Udp,
    Tcp,
}

#[derive(Debug)]
pub(super) struct Question {
    kind: Kind,
    /// The number that the query bears.
    id: u16,
    /// How many servers have been asked before, some of them more than once.
    turn: usize,
    over: Over,
    edns: bool,
    /// What is waited for now.
    wait_ms: u32,
    /// What is left of the server's time after that.
    left_ms: u32,
    /// If there is an answer to the other question, this one has only so long.
    limit_ms: Option<u32>,
    tried: Box<[Tried]>,
    /// Once it is over.
    pub(super) said: Option<Said>,
}

/// What was said to a question.
#[derive(Debug)]
pub(super) enum Said {
    Addresses {
        addresses: Vec<IpAddr>,
        ttl_s: u32,
    },
    NoSuchName {
        ttl_s: Option<u32>,
        server: SocketAddr,
    },
    NoAddress {
        ttl_s: Option<u32>,
        server: SocketAddr,
    },
    /// Nobody gave an answer that is of use.
    Nothing,
}

/// What became of asking one server.
#[derive(Clone, Debug, Default)]
struct Tried {
    asked: u32,
    waited_ms: u32,
    trouble: Option<Trouble>,
}

#[derive(Clone, Debug)]
enum Trouble {
    Silent(Over),
    Refused(Refusal),
    Broken { why: String, os: i32 },
}

/// What is to be done for a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Ask { server: SocketAddr, over: Over, wait_ms: u32 },
    AskAgain { wait_ms: u32 },
    Listen,
    Over,
}

impl Question {
    pub(super) fn new(kind: Kind, servers: &Servers) -> Self {
        Self {
            kind,
            id: 0,
            turn: 0,
            over: Over::Udp,
            edns: true,
            wait_ms: 0,
            left_ms: 0,
            limit_ms: None,
            tried: vec![Tried::default(); servers.addresses.len()].into(),
            said: None,
        }
    }

    pub(super) fn begin(&mut self, servers: &Servers) -> Next {
        self.over = if servers.tcp_only { Over::Tcp } else { Over::Udp };
        self.edns = true;
        self.ask(servers)
    }

    /// The bytes to be sent.
    pub(super) fn query(&mut self, name: &Name, id: u16) -> Vec<u8> {
        self.id = id;
        query::write(name, self.kind, id, self.edns)
    }

    fn at(&self, servers: &Servers) -> usize {
        (servers.first + self.turn) % servers.addresses.len()
    }

    fn ask(&mut self, servers: &Servers) -> Next {
        let time_ms = self.limit_ms.unwrap_or(servers.timeout_ms);
        // TCP sees to it that nothing is lost.
        self.wait_ms = if self.over == Over::Udp { time_ms.min(REPEAT_MS) } else { time_ms };
        self.left_ms = time_ms - self.wait_ms;
        let at = self.at(servers);
        self.tried[at].asked += 1;
        Next::Ask { server: servers.addresses[at], over: self.over, wait_ms: self.wait_ms }
    }

    /// Somebody answered, perhaps the server.
    pub(super) fn handle_packet(&mut self, packet: &[u8], name: &Name, servers: &Servers) -> Next {
        let server = servers.addresses[self.at(servers)];
        let said = match answer::read(packet, name, self.kind, self.id) {
            Answer::Foreign => return Next::Listen,
            Answer::Truncated if self.over == Over::Udp => {
                self.over = Over::Tcp;
                self.tried[self.at(servers)] = Tried::default();
                return self.ask(servers);
            }
            Answer::NotUnderstood if self.edns => {
                self.edns = false;
                return self.ask(servers);
            }
            Answer::Truncated | Answer::NotUnderstood => {
                return self.give_up(Trouble::Refused(Refusal::Malformed), servers);
            }
            Answer::Refused(refusal) => return self.give_up(Trouble::Refused(refusal), servers),
            Answer::Addresses { addresses, ttl_s } => Said::Addresses { addresses, ttl_s },
            Answer::NoSuchName { ttl_s } => Said::NoSuchName { ttl_s, server },
            Answer::NoAddress { ttl_s } => Said::NoAddress { ttl_s, server },
        };
        self.said = Some(said);
        Next::Over
    }

    /// What was waited for has not come.
    pub(super) fn handle_silence(&mut self, servers: &Servers) -> Next {
        let at = self.at(servers);
        self.tried[at].waited_ms += self.wait_ms;
        if self.left_ms > 0 {
            self.tried[at].asked += 1;
            self.wait_ms = std::mem::take(&mut self.left_ms);
            return Next::AskAgain { wait_ms: self.wait_ms };
        }
        self.give_up(Trouble::Silent(self.over), servers)
    }

    /// The server could not be asked.
    pub(super) fn handle_broken(&mut self, why: String, os: i32, servers: &Servers) -> Next {
        self.give_up(Trouble::Broken { why, os }, servers)
    }

    /// Goes on to the next server. Those that gave an answer, if of no use, would give it again.
    #[cold]
    fn give_up(&mut self, trouble: Trouble, servers: &Servers) -> Next {
        let at = self.at(servers);
        self.tried[at].trouble = Some(trouble);
        if self.limit_ms.is_none() {
            let turns = servers.addresses.len() * servers.attempts as usize;
            while self.turn + 1 < turns {
                self.turn += 1;
                let before = &self.tried[self.at(servers)].trouble;
                if matches!(before, None | Some(Trouble::Silent(_))) {
                    return self.begin(servers);
                }
            }
        }
        self.said = Some(Said::Nothing);
        Next::Over
    }

    /// The answer to the other question will do, unless this one is answered within `limit_ms`.
    pub(super) fn hurry(&mut self, limit_ms: u32) {
        self.limit_ms = Some(limit_ms);
        (self.wait_ms, self.left_ms) = (limit_ms, 0);
    }

    /// Whether no server gave any answer at all.
    pub(super) fn is_unanswered(&self) -> bool {
        !self.tried.iter().any(|tried| matches!(tried.trouble, Some(Trouble::Refused(_))))
    }

    /// What was asked of whom in vain, and the errno behind it, if there is one.
    #[cold]
    pub(super) fn explain(&self, servers: &Servers) -> (String, i32) {
        let mut why = Vec::new();
        let mut last_os = 0;
        for (server, tried) in servers.addresses.iter().zip(&self.tried) {
            let Tried { asked, waited_ms, trouble: Some(trouble) } = tried else {
                continue;
            };
            why.push(match trouble {
                Trouble::Silent(over) => {
                    let over = if *over == Over::Tcp { " over TCP" } else { "" };
                    let times = if *asked == 1 { "once" } else { &format!("{asked} times") };
                    let seconds = waited_ms / 1_000;
                    format!("{server} did not answer{over} in {seconds} s, asked {times}")
                }
                Trouble::Refused(refusal) => format!("{server} {refusal}"),
                Trouble::Broken { why, os } => {
                    last_os = *os;
                    format!("{server}: {why}")
                }
            });
        }
        (why.join("; "), last_os)
    }
}
