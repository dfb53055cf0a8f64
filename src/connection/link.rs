//! A place for one connection among those of a client, from the leave to make it until it is
//! closed, through all the fetches that use it.

use crate::transport::sys::Instant;
use std::num::NonZeroU32;

/// The right to one connection. Given back to the pool that gave it, by whoever has it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(super) seat: u32,
    pub(super) serial: NonZeroU32,
    /// The site that the connection leads to.
    pub(super) site: u32,
    /// How many fetches in a row it has served while others waited for a place.
    pub(super) turns: u8,
    /// Whether an earlier fetch has used the connection.
    pub(crate) reused: bool,
    /// How many attempts it took to make the connection.
    pub(crate) attempts: u16,
    pub(super) opened_at: Option<Instant>,
}

/// How many bits of a token tell the sockets of one place apart: enough for those that race.
pub(super) const SOCKET_BITS: u32 = 3;

impl Link {
    pub(super) fn new(seat: u32, serial: NonZeroU32, site: u32) -> Self {
        Self { seat, serial, site, turns: 0, reused: false, attempts: 0, opened_at: None }
    }

    /// For a new connection in the same place.
    pub(super) fn renew(&mut self, serial: NonZeroU32) {
        (self.serial, self.reused, self.opened_at) = (serial, false, None);
    }

    /// What the events of its sockets carry, but for the number of the socket, which is added.
    pub(crate) fn token(&self) -> u64 {
        u64::from(self.serial.get()) << 32 | u64::from(self.seat) << SOCKET_BITS
    }
}
