//! What happened to a fetch, and when.

use crate::error::Kind;
use crate::fetch::state::State;
use crate::fetch::{Fetch, Phase};
use crate::proto::persistence::CloseReason;
use crate::transport::cancel::Canceller;
use crate::transport::sys::Instant;
use crate::transport::tls::Facts;

/// How this side ended the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    #[default]
    None,
    Kept,
    Finished,
    Reset,
    /// Left to the client, which reads what is left of the response.
    Drained,
}

/// Where the addresses came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LookupKind {
    /// None were needed.
    #[default]
    None,
    New,
    Shared,
    Cached,
    /// The user of the client named them, or /etc/hosts.
    Listed,
}

/// The moments a fetch has come through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) started: Instant,
    /// It was given a connection, or the leave to make one.
    pub(crate) granted: Option<Instant>,
    pub(crate) connecting: Option<Instant>,
    pub(crate) handshaking: Option<Instant>,
    pub(crate) sending: Option<Instant>,
    pub(crate) waiting: Option<Instant>,
    pub(crate) first_byte: Option<Instant>,
}

impl Times {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            granted: None,
            connecting: None,
            handshaking: None,
            sending: None,
            waiting: None,
            first_byte: None,
        }
    }
}

/// What was sent and received, kept when the connection has gone.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) attempts: u32,
    pub(crate) interim: u32,
    pub(crate) may_have_acted: bool,
    pub(crate) ending: Ending,
    /// Why the connection was not kept, if there was one and it was not.
    pub(crate) close_reason: Option<CloseReason>,
    pub(crate) reused: bool,
    /// What is known of TLS, if it was spoken and its handshake complete.
    pub(crate) tls: Option<Facts>,
}

/// All of it, with the moments in nanoseconds since the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) phase: Phase,
    pub(crate) traffic: Traffic,
    pub(crate) lookup: LookupKind,
    pub(crate) retried: bool,
    /// By whom it was cancelled, and why it ended badly.
    pub(crate) canceller: Option<Canceller>,
    pub(crate) error: Option<Kind>,
    pub(crate) granted_ns: Option<u64>,
    pub(crate) connecting_ns: Option<u64>,
    pub(crate) handshaking_ns: Option<u64>,
    pub(crate) sending_ns: Option<u64>,
    pub(crate) waiting_ns: Option<u64>,
    pub(crate) first_byte_ns: Option<u64>,
    pub(crate) receiving_ns: Option<u64>,
    pub(crate) ended_ns: Option<u64>,
}

impl Fetch {
    pub(crate) fn report(&self) -> Report {
        let times = &self.times;
        let since = |moment: Option<Instant>| moment.map(|m| m.ns_since(times.started));
        let ended = match &self.state {
            State::Ended(ended) => Some(ended),
            _ => None,
        };
        Report {
            phase: ended.map_or_else(|| self.phase(), |ended| ended.phase),
            traffic: self.traffic_now(),
            lookup: self.lookup,
            retried: self.retried.is_some(),
            canceller: ended.and_then(|ended| ended.canceller),
            error: self.error().map(|error| error.kind),
            granted_ns: since(times.granted),
            connecting_ns: since(times.connecting),
            handshaking_ns: since(times.handshaking),
            sending_ns: since(times.sending),
            waiting_ns: since(times.waiting),
            first_byte_ns: since(times.first_byte),
            receiving_ns: since(self.response.as_ref().and_then(|r| r.receiving)),
            ended_ns: since(ended.map(|ended| ended.at)),
        }
    }
}
