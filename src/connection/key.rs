//! Which fetch: the name that handles, queues and those who wait for something know it by.

/// The place of a fetch and its serial number, since places are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    place: u32,
    serial: u32,
}

impl Key {
    pub(crate) fn new(place: usize, serial: u32) -> Self {
        Self { place: place as u32, serial }
    }

    /// What tells it from others that had its place.
    pub(crate) fn serial(self) -> u32 {
        self.serial
    }

    pub(crate) fn place(self) -> usize {
        self.place as usize
    }
}
