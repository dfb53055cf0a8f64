//! Who has which place for a connection: a fetch, or the pool, whose connections stay in their
//! places while no fetch has them.
//!
//! A socket is registered once, for good, so what its events carry names the place and not a fetch;
//! who has the place now is looked up here.

use crate::connection::established::Connection;
use crate::connection::key::Key;
use crate::connection::link::{Link, SOCKET_BITS};
use slab::Slab;
use std::num::NonZeroU32;

/// Who has a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The fetch at this place.
    Fetch(usize),
    /// The pool, in this seat.
    Pool(usize),
}

/// Who has which place, and the connections that the pool has.
#[derive(Debug)]
pub(super) struct Seats {
    seats: Slab<Seat>,
    serial: NonZeroU32,
}

/// Kept small: every fetch that waits has one.
#[derive(Debug)]
struct Seat {
    /// Never 0, so that a vacant one takes no more room.
    serial: NonZeroU32,
    /// The place of the fetch that has it, unless the pool does.
    fetch: u32,
    parked: Option<Box<Connection>>,
}

impl Default for Seats {
    fn default() -> Self {
        Self { seats: Slab::new(), serial: NonZeroU32::MIN }
    }
}

impl Seats {
    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    fn next_serial(&mut self) -> NonZeroU32 {
        self.serial = self.serial.checked_add(1).unwrap_or(NonZeroU32::MIN);
        self.serial
    }

    pub(super) fn give(&mut self, site: u32, to: Key) -> Link {
        let serial = self.next_serial();
        let seat = Seat { serial, fetch: to.place() as u32, parked: None };
        Link::new(self.seats.insert(seat) as u32, serial, site)
    }

    pub(super) fn take_back(&mut self, link: Link) {
        self.seats.remove(link.seat as usize);
    }

    /// The place gets a new connection: events of the old one reach nobody any more.
    pub(super) fn renew(&mut self, link: &mut Link) {
        let serial = self.next_serial();
        self.seats[link.seat as usize].serial = serial;
        link.renew(serial);
    }

    pub(super) fn hand_to(&mut self, link: &Link, to: Key) {
        self.seats[link.seat as usize].fetch = to.place() as u32;
    }

    /// Leaves a connection in its seat; says where that is.
    #[inline(always)]
    pub(super) fn park(&mut self, connection: Box<Connection>) -> usize {
        let seat = connection.link.seat as usize;
        self.seats[seat].parked = Some(connection);
        seat
    }

    pub(super) fn parked(&mut self, seat: usize) -> Option<&mut Connection> {
        self.seats.get_mut(seat)?.parked.as_deref_mut()
    }

    pub(super) fn unpark(&mut self, seat: usize) -> Option<Box<Connection>> {
        self.seats.get_mut(seat)?.parked.take()
    }

    /// The seats of all that are parked.
    pub(super) fn all_parked(&self) -> Vec<usize> {
        let parked = self.seats.iter().filter(|(_, seat)| seat.parked.is_some());
        parked.map(|(at, _)| at).collect()
    }

    /// Nothing if the place has gone to another connection since.
    pub(super) fn holder(&self, token: u64) -> Option<Holder> {
        let at = (token as u32 >> SOCKET_BITS) as usize;
        let seat = self.seats.get(at)?;
        (u64::from(seat.serial.get()) == token >> 32).then_some(match seat.parked {
            None => Holder::Fetch(seat.fetch as usize),
            Some(_) => Holder::Pool(at),
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
        seats.hand_to(&second, Key::new(3, 5));
        assert_eq!(seats.holder(second.token()), Some(Holder::Fetch(3)));

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
