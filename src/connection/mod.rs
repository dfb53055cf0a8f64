//! One link: the race that makes it, and the HTTP exchange that goes over it.

mod chunks;
pub(crate) mod exchange;
mod inbox;
pub(crate) mod race;
pub(crate) mod sending;

use crate::transport::cancel::Cancel;
use crate::transport::reactor::Reactor;
use crate::transport::sys::Instant;
use std::sync::Arc;

/// What a fetch is lent while it is driven.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) reactor: &'a mut Reactor,
    /// The client's one buffer: whoever waits owns none. Empty between any two uses.
    pub(crate) buffer: &'a mut Vec<u8>,
    pub(crate) cancel: &'a Arc<Cancel>,
    /// What the events of this fetch's sockets carry; the index of the socket is added.
    pub(crate) token: u64,
    /// Whether the client has no other fetch, whose events could be waited for together.
    pub(crate) only_one: bool,
}
