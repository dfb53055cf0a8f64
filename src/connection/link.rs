//! A place for one connection among those of a client, from the leave to make it until it is
//! closed, through all the fetches that use it.
//!
//! A socket is registered once, for good, so what its events carry names the place and not a fetch;
//! who has the place now is looked up here.

use crate::connection::key::Key;
use crate::transport::sys::Instant;
use slab::Slab;

/// The right to one connection. Given back to the pool that gave it, by whoever has it.
#[derive(Debug)]
pub(crate) struct Link {
    seat: u32,
    serial: u32,
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
const SOCKET_BITS: u32 = 3;

impl Link {
    /// Where the pool knows the origin.
    pub(crate) fn site(&self) -> u32 {
        self.site
    }

    /// What the events of its sockets carry, but for the index of the socket, which is added.
    pub(crate) fn token(&self) -> u64 {
        u64::from(self.serial) << 32 | u64::from(self.seat) << SOCKET_BITS
    }
}

/// Who has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The fetch at this place.
    Fetch(usize),
    /// The pool, under this number.
    Pool(usize),
}

/// Who has which place.
#[derive(Debug, Default)]
pub(super) struct Seats {
    seats: Slab<Seat>,
    serial: u32,
}

/// Kept small: every fetch that waits has one.
#[derive(Debug)]
struct Seat {
    serial: u32,
    /// The upper bit tells the pool from a fetch.
    holder: u32,
}

const POOL: u32 = 1 << 31;

impl Seats {
    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(super) fn give(&mut self, site: u32, to: Key) -> Link {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let seat = self.seats.insert(Seat { serial, holder: to.place() as u32 }) as u32;
        Link { seat, serial, site, turns: 0, reused: false, attempts: 0, opened_at: None }
    }

    pub(super) fn take_back(&mut self, link: Link) {
        self.seats.remove(link.seat as usize);
    }

    /// The place gets a new connection: events of the old one reach nobody any more.
    pub(super) fn renew(&mut self, link: &mut Link) {
        self.serial = self.serial.wrapping_add(1);
        self.seats[link.seat as usize].serial = self.serial;
        (link.serial, link.reused, link.opened_at) = (self.serial, false, None);
    }

    pub(super) fn hand_to(&mut self, link: &Link, holder: Holder) {
        self.seats[link.seat as usize].holder = match holder {
            Holder::Fetch(place) => place as u32,
            Holder::Pool(at) => at as u32 | POOL,
        };
    }

    /// Nothing if the place has gone to another connection since.
    pub(super) fn holder(&self, token: u64) -> Option<Holder> {
        let seat = self.seats.get((token as u32 >> SOCKET_BITS) as usize)?;
        (u64::from(seat.serial) == token >> 32).then_some(match seat.holder & POOL {
            0 => Holder::Fetch(seat.holder as usize),
            _ => Holder::Pool((seat.holder & !POOL) as usize),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::cancel::ATTEMPTS;

    #[test]
    fn a_token_says_whose_event_it_is() {
        const { assert!(ATTEMPTS <= 1 << SOCKET_BITS) };
        let mut seats = Seats::default();
        let mut first = seats.give(0, Key::new(7, 1));
        let second = seats.give(0, Key::new(8, 2));
        for socket in 0..ATTEMPTS as u64 {
            assert_eq!(seats.holder(first.token() + socket), Some(Holder::Fetch(7)));
            assert_eq!(seats.holder(second.token() + socket), Some(Holder::Fetch(8)));
        }
        seats.hand_to(&second, Holder::Pool(3));
        assert_eq!(seats.holder(second.token()), Some(Holder::Pool(3)));

        let old = first.token();
        seats.renew(&mut first);
        assert_eq!(seats.holder(old), None, "the connection it belonged to has gone");
        let old = first.token();
        seats.take_back(first);
        assert_eq!(seats.holder(old), None);
        let third = seats.give(0, Key::new(9, 3));
        assert_eq!(seats.holder(old), None, "the place is another's");
        assert_eq!(seats.holder(third.token()), Some(Holder::Fetch(9)));
    }
}
