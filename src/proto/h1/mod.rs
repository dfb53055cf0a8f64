//! HTTP/1.1 messages as bytes (RFC 9112).

pub(crate) mod chunked;
pub(crate) mod decode;
pub(crate) mod encode;

use crate::proto::head::Fields;

/// A response is complete, with these trailer fields if there were any, which is rare.
#[derive(Debug)]
pub(crate) struct Complete(pub(crate) Option<Box<Fields>>);
