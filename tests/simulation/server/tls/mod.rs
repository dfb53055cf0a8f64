//! How the servers of the world speak TLS: by rustls, over a wire that they see as it is written.
//!
//! rustls asks the system for its keys and numbers, so what goes over the wire is never the same
//! twice, and nobody tells or compares it. How many bytes these are, when they come, and what is in
//! them follows from the seed all the same: whatever is by chance has a fixed length, also the
//! signatures, which are those of Ed25519 for that reason.

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod configs;
#[cfg(feature = "tls")]
mod identity;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod speech;

#[cfg(not(feature = "tls"))]
pub(crate) use absent::{Configs, Misread, Session, Speech, settings};
#[cfg(feature = "tls")]
pub(crate) use {
    configs::{Configs, settings},
    session::{Misread, Session},
    speech::Speech,
};

/// One who proves to be himself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Identity {
    /// Whom almost all expect.
    #[default]
    Own,
    Other,
}
