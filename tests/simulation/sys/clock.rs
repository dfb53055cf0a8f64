//! The time of the world.

use crate::simulation::world::World;
use std::num::NonZeroU64;

/// A moment, in nanoseconds since before the world began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(NonZeroU64);

impl Instant {
    pub(crate) fn now() -> Self {
        Self::from_ns(World::with(|world| world.now()))
    }

    pub(crate) fn from_ns(ns: u64) -> Self {
        Self(NonZeroU64::new(ns).unwrap_or(NonZeroU64::MIN))
    }

    pub(crate) fn after_ms(self, ms: u32) -> Self {
        Self::from_ns(self.0.get().saturating_add(u64::from(ms) * 1_000_000))
    }

    pub(crate) fn ns_since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }

    pub(crate) fn ns(self) -> u64 {
        self.0.get()
    }
}

/// When the world began, by the clock that people set: in 2030, when its certificates are valid.
#[cfg(feature = "tls")]
const BEGIN_S: u64 = 1_900_000_000;

#[cfg(feature = "tls")]
pub(crate) fn unix_seconds() -> u64 {
    BEGIN_S + Instant::now().ns() / 1_000_000_000
}
