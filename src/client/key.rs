//! Which fetch: the name that handles, sockets and queues know it by.

/// The place of a fetch and its serial number, since places are used again, packed so that the
/// index of a socket still fits behind them: with it, this is what a socket's events carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u64);

/// Enough for the attempts of a race.
const SOCKET_BITS: u32 = 3;
/// So many fetches come and go before a number is used again: by then, an event of an earlier
/// fetch has long been seen.
const SERIAL_BITS: u32 = 24;

impl Key {
    pub(super) fn new(index: usize, serial: u32) -> Self {
        let serial = u64::from(serial) & ((1 << SERIAL_BITS) - 1);
        Self(((index as u64) << SERIAL_BITS | serial) << SOCKET_BITS)
    }

    /// Its place among the fetches.
    pub(super) fn index(self) -> usize {
        (self.0 >> (SOCKET_BITS + SERIAL_BITS)) as usize
    }

    /// What the events of its sockets carry, but for the index of the socket.
    pub(super) fn token(self) -> u64 {
        self.0
    }

    /// Whose event this is, and of which of its sockets.
    pub(super) fn from_token(token: u64) -> (Self, u8) {
        let socket = token & ((1 << SOCKET_BITS) - 1);
        (Self(token - socket), socket as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::cancel::ATTEMPTS;

    #[test]
    fn a_token_says_whose_event_it_is() {
        const { assert!(ATTEMPTS <= 1 << SOCKET_BITS) };
        for (index, serial) in [(0, 0), (1, 2), (1 << 36, u32::MAX)] {
            let key = Key::new(index, serial);
            assert_eq!(key.index(), index);
            for socket in 0..ATTEMPTS as u8 {
                assert_eq!(Key::from_token(key.token() + u64::from(socket)), (key, socket));
            }
        }
        assert_ne!(Key::new(1, 1), Key::new(1, 2));
    }
}
