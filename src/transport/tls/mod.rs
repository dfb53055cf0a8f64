//! TLS over the sockets of `tcp`, by rustls. Nothing in here waits, and nothing but its own
//! sockets, the files that the caller names and the system's trusted certificates is touched.
//!
//! ```text
//!   Settings, the caller's --once for each client--> Config --> Session, one for a connection
//! ```
//!
//! A cancel ends the socket and never looks in here.

#[cfg(feature = "tls")]
mod config;
#[cfg(feature = "tls")]
mod failure;
#[cfg(feature = "tls")]
mod key_log;
#[cfg(feature = "tls")]
mod pipe;
#[cfg(feature = "tls")]
mod session;
#[cfg(feature = "tls")]
mod settings;
#[cfg(feature = "tls")]
mod verifier;

#[cfg(not(feature = "tls"))]
mod absent;
mod configs;

#[cfg(feature = "tls")]
pub(crate) use {
    config::{Config, SystemStore},
    session::Session,
    settings::Settings,
};

#[cfg(not(feature = "tls"))]
pub(crate) use absent::{Config, Session, Settings, SystemStore};

pub(crate) use configs::Configs;

/// The oldest version of TLS that may be spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Version {
    #[default]
    Tls12,
    Tls13,
}

/// What is known of a connection once its handshake is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) version: Version,
    /// As it is registered (RFC 8446 appendix B.4).
    pub(crate) cipher_suite: u16,
    /// The group that keys were exchanged in (RFC 8446 section 4.2.7), or 0.
    pub(crate) group: u16,
    /// Whether an earlier connection's keys were used, so that no certificate was sent.
    pub(crate) resumed: bool,
}

/// How far a handshake has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), expect(dead_code))]
pub(crate) enum Step {
    Waits,
    Complete,
    /// The other side has ended the connection.
    Ended,
}
