//! What will happen when.

use std::collections::BTreeMap;

/// In the order of time; what is due at the same moment comes in an order by chance.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    events: BTreeMap<(u64, u64, u64), T>,
    serial: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { events: BTreeMap::new(), serial: 0 }
    }
}

impl<T> Queue<T> {
    /// `chance` decides among those of the same moment.
    pub(crate) fn push(&mut self, at: u64, chance: u64, event: T) {
        self.serial += 1;
        self.events.insert((at, chance, self.serial), event);
    }

    pub(crate) fn next_at(&self) -> Option<u64> {
        self.events.first_key_value().map(|(&(at, ..), _)| at)
    }

    /// The first, if it is due.
    pub(crate) fn pop(&mut self, now: u64) -> Option<T> {
        self.events.first_entry().filter(|first| first.key().0 <= now).map(|first| first.remove())
    }
}
