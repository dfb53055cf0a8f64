//! HTTP/1.1 messages as bytes (RFC 9112).

pub(crate) mod chunked;
pub(crate) mod decode;
pub(crate) mod encode;
