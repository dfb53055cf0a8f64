//! The protocol without input or output: no socket, no clock, no thread, no unsafe.

pub(crate) mod dns;
pub(crate) mod field;
pub(crate) mod framing;
pub(crate) mod h1;
pub(crate) mod head;
pub(crate) mod known;
pub(crate) mod persistence;
pub(crate) mod request;
pub(crate) mod target;
#[cfg(feature = "tls")]
pub(crate) mod x509;
