//! One link: where it leads, the race that makes it, the HTTP exchanges that go over it, and the
//! pool that keeps it between them.

mod chunks;
pub(crate) mod established;
pub(crate) mod exchange;
pub(crate) mod handshake;
mod inbox;
pub(crate) mod key;
pub(crate) mod link;
pub(crate) mod names;
mod parking;
mod peer;
pub(crate) mod pool;
pub(crate) mod race;
pub(crate) mod response;
pub(crate) mod seats;
pub(crate) mod sending;
mod site;

use crate::connection::key::Key;
use crate::connection::names::Names;
use crate::connection::pool::Pool;
use crate::connection::response::Spares;
use crate::transport::cancel::Cancel;
use crate::transport::reactor::Reactor;
use crate::transport::sys::Instant;
use crate::transport::tls::Configs;
use std::sync::Arc;

/// What a fetch is lent while it is driven.
pub(crate) struct Context<'a> {
    pub(crate) now: Instant,
    pub(crate) reactor: &'a mut Reactor,
    pub(crate) pool: &'a mut Pool,
    pub(crate) names: &'a mut Names,
    pub(crate) tls: &'a mut Configs,
    /// The client's one buffer: whoever waits owns none. Empty between any two uses.
    pub(crate) buffer: &'a mut Vec<u8>,
    pub(crate) spares: &'a mut Spares,
    pub(crate) cancel: &'a Arc<Cancel>,
    /// Which fetch this is.
    pub(crate) key: Key,
    /// Whether the client has no other fetch, whose events could be waited for together.
    pub(crate) only_one: bool,
}
