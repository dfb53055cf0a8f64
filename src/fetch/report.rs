//! What happened to a fetch, and when.

use crate::fetch::Phase;
use crate::transport::sys::Instant;

/// How this side ended the connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    #[default]
    None,
    Finished,
    Reset,
}

/// The moments a fetch has come through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) started: Instant,
    pub(crate) connecting: Option<Instant>,
    pub(crate) sending: Option<Instant>,
    pub(crate) waiting: Option<Instant>,
    pub(crate) first_byte: Option<Instant>,
    pub(crate) receiving: Option<Instant>,
    pub(crate) ended: Option<Instant>,
}

impl Times {
    pub(crate) fn new(started: Instant) -> Self {
        Self {
            started,
            connecting: None,
            sending: None,
            waiting: None,
            first_byte: None,
            receiving: None,
            ended: None,
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
}

/// All of it, with the moments in nanoseconds since the start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) phase: Phase,
    pub(crate) traffic: Traffic,
    pub(crate) connecting_ns: Option<u64>,
    pub(crate) sending_ns: Option<u64>,
    pub(crate) waiting_ns: Option<u64>,
    pub(crate) first_byte_ns: Option<u64>,
    pub(crate) receiving_ns: Option<u64>,
    pub(crate) ended_ns: Option<u64>,
}

impl Report {
    pub(crate) fn new(phase: Phase, traffic: Traffic, times: &Times) -> Self {
        let since = |moment: Option<Instant>| moment.map(|m| m.ns_since(times.started));
        Self {
            phase,
            traffic,
            connecting_ns: since(times.connecting),
            sending_ns: since(times.sending),
            waiting_ns: since(times.waiting),
            first_byte_ns: since(times.first_byte),
            receiving_ns: since(times.receiving),
            ended_ns: since(times.ended),
        }
    }
}
