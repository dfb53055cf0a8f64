//! Connecting to whichever address answers first: RFC 8305.
//!
//! Attempts start `ATTEMPT_DELAY_MS` apart, or as soon as the one before has failed, with the two
//! address families taking turns. The first to be connected wins, the others are closed.

use crate::connection::Context;
use crate::connection::link::Link;
use crate::connection::peer::Peer;
use crate::error::{Error, Kind};
use crate::transport::cancel::ATTEMPTS;
use crate::transport::sys::{Connecting, Errno, Event, Instant};
use crate::transport::tcp::Tcp;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// RFC 8305 section 5 recommends it.
const ATTEMPT_DELAY_MS: u32 = 250;

#[derive(Debug)]
pub(crate) struct Race {
    /// The right to the connection that is being made.
    link: Link,
    waiting: VecDeque<SocketAddr>,
    running: Vec<Attempt>,
    failed: Vec<(SocketAddr, Failure)>,
    /// When the next attempt starts, if one waits.
    next_at: Option<Instant>,
}

#[derive(Debug)]
struct Attempt {
    address: SocketAddr,
    tcp: Tcp,
}

#[derive(Debug)]
enum Failure {
    Errno(Errno),
    /// Too many were running: this one was the oldest.
    GivenUp,
}

/// The one who won.
#[derive(Debug)]
pub(crate) struct Winner {
    pub(crate) peer: Peer,
    pub(crate) tcp: Tcp,
}

impl Race {
    /// `addresses` are in the order of preference.
    pub(crate) fn new(addresses: Vec<SocketAddr>, link: Link) -> Self {
        let waiting = take_turns(addresses);
        Self { link, waiting, running: Vec::new(), failed: Vec::new(), next_at: None }
    }

    /// Closes the sockets that are left.
    pub(crate) fn into_link(self) -> Link {
        self.link
    }

    /// How many attempts have been started.
    pub(crate) fn attempts(&self) -> u32 {
        (self.running.len() + self.failed.len()) as u32
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next_at
    }

    /// Something happened to the attempt with this index.
    pub(crate) fn handle_event(&mut self, event: Event) {
        let token = self.link.token();
        if let Some(attempt) = self.running.iter_mut().find(|a| a.tcp.token(token) == event.token) {
            attempt.tcp.handle_event(event);
        }
    }

    /// Goes as far as it can: nothing while attempts run, then the winner or why there is none.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Option<Result<Winner, Error>> {
        loop {
            for at in (0..self.running.len()).rev() {
                match self.running[at].tcp.poll_connected() {
                    None => {}
                    Some(Ok(())) => return Some(Ok(self.win(at))),
                    Some(Err(errno)) => {
                        let Attempt { address, .. } = self.running.remove(at);
                        self.fail(address, errno, cx.now);
                    }
                }
            }
            let due = self.running.is_empty() || self.next_at.is_some_and(|at| at <= cx.now);
            if !due {
                return None;
            }
            let Some(address) = self.waiting.pop_front() else {
                self.next_at = None;
                return self.running.is_empty().then(|| Err(self.explain()));
            };
            if self.running.len() == ATTEMPTS {
                let oldest = self.running.remove(0);
                self.failed.push((oldest.address, Failure::GivenUp));
            }
            self.start(address, cx);
        }
    }

    fn start(&mut self, address: SocketAddr, cx: &mut Context<'_>) {
        self.next_at = (!self.waiting.is_empty()).then(|| cx.now.after_ms(ATTEMPT_DELAY_MS));
        match Tcp::connect(&address, cx.cancel, cx.reactor, self.link.token()) {
            Ok((mut tcp, connecting)) => {
                match connecting {
                    Connecting::Established => tcp.handle_established(),
                    // One call that saves two and a turn of the caller's loop when the
                    // server is near. Among many fetches, waiting costs next to nothing.
                    Connecting::UnderWay if cx.only_one => tcp.look(),
                    Connecting::UnderWay => {}
                }
                self.running.reserve_exact(1);
                self.running.push(Attempt { address, tcp });
            }
            Err(errno) => self.fail(address, errno, cx.now),
        }
    }

    fn fail(&mut self, address: SocketAddr, errno: Errno, now: Instant) {
        self.failed.push((address, Failure::Errno(errno)));
        // RFC 8305 section 5: a failure lets the next one start at once.
        self.next_at = (!self.waiting.is_empty()).then_some(now);
    }

    fn win(&mut self, at: usize) -> Winner {
        let Attempt { address, tcp } = self.running.remove(at);
        Winner { peer: address.into(), tcp }
    }

    /// Ends all attempts at once, not in an orderly way.
    pub(crate) fn abort(&mut self) {
        for attempt in &mut self.running {
            attempt.tcp.abort();
        }
    }

    /// Every attempt with why it failed, as the end of a sentence that names the host.
    fn explain(&self) -> Error {
        let why: Vec<String> = self
            .failed
            .iter()
            .map(|(address, failure)| match failure {
                Failure::Errno(errno) => format!("{address}: {errno}"),
                Failure::GivenUp => format!("{address}: no answer, given up for a later address"),
            })
            .collect();
        let last = self.failed.iter().rev().find_map(|(_, failure)| match failure {
            Failure::Errno(errno) => Some(*errno),
            Failure::GivenUp => None,
        });
        let last = last.unwrap_or(Errno(0));
        let kind = if last.is_shortage() { Kind::System } else { Kind::Connect };
        Error::with_os(kind, last.0, why.join("; "))
    }
}

/// The families take turns, beginning with that of the first address (RFC 8305 section 4).
fn take_turns(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let Some(first) = addresses.first() else {
        return VecDeque::new();
    };
    let first_is_v4 = first.is_ipv4();
    if addresses.iter().all(|a| a.is_ipv4() == first_is_v4) {
        return addresses.into();
    }
    let (same, other): (VecDeque<_>, VecDeque<_>) =
        addresses.iter().partition(|a| a.is_ipv4() == first_is_v4);
    let longest = same.len().max(other.len());
    (0..longest).flat_map(|i| [same.get(i), other.get(i)]).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_take_turns() {
        let parse = |list: &[&str]| -> Vec<SocketAddr> {
            list.iter().map(|a| a.parse().unwrap()).collect()
        };
        for (given, wanted) in [
            (&[][..], &[][..]),
            (&["1.1.1.1:1", "2.2.2.2:1"], &["1.1.1.1:1", "2.2.2.2:1"]),
            (
                &["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"],
                &["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"],
            ),
            (&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"], &["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]),
        ] {
            assert_eq!(take_turns(parse(given)), parse(wanted));
        }
    }
}
