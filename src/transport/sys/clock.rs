//! Time that never goes back.

use std::num::NonZeroU64;

/// A moment, in nanoseconds of CLOCK_MONOTONIC. Never 0, so that an `Option` is no larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(NonZeroU64);

impl Instant {
    pub(crate) fn now() -> Self {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a place to write to. The call cannot fail with this clock.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
        Self::from_ns(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
    }

    pub(crate) fn from_ns(ns: u64) -> Self {
        Self(NonZeroU64::new(ns).unwrap_or(NonZeroU64::MIN))
    }

    pub(crate) fn after_ms(self, ms: u32) -> Self {
        Self::from_ns(self.0.get().saturating_add(u64::from(ms) * 1_000_000))
    }

    pub(crate) fn ns(self) -> u64 {
        self.0.get()
    }

    pub(crate) fn ns_since(self, earlier: Self) -> u64 {
        self.0.get().saturating_sub(earlier.0.get())
    }

    /// As the timer calls want it.
    pub(super) fn timespec(self) -> libc::timespec {
        libc::timespec {
            tv_sec: (self.0.get() / 1_000_000_000) as libc::time_t,
            tv_nsec: (self.0.get() % 1_000_000_000) as libc::c_long,
        }
    }
}

/// Seconds since 1970, by the clock that people set: certificates are valid by that one.
#[cfg(feature = "tls")]
pub(crate) fn unix_seconds() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a place to write to. The call cannot fail with this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0)
}
