//! Whether a connection can be used again after a response: RFC 9112 section 9.3, in one function.

use crate::proto::framing::{Facts, Framing};

/// Why a connection was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// The fetch has no client that would keep it.
    Alone,
    /// The request asked for it.
    Request,
    /// The response asked for it.
    Response,
    /// HTTP/1.0, without being asked to stay.
    Version,
    /// The end of the body was the end of the connection.
    Delimited,
    /// The response was complete before the request was.
    Unsent,
    Upgraded,
    Interrupted,
    /// The server had closed it by the end of the response.
    Server,
    Age,
    /// No idle connections are kept.
    Full,
    /// Bytes came behind the response.
    Extra,
}

/// Why the connection has to be closed after a response, if it has.
pub(crate) fn close_reason(
    status: u16,
    version: u8,
    facts: &Facts,
    framing: Framing,
) -> Option<CloseReason> {
    if status == 101 {
        Some(CloseReason::Upgraded)
    } else if framing == Framing::Close {
        Some(CloseReason::Delimited)
    } else if facts.close {
        Some(CloseReason::Response)
    } else if version < 11 && !facts.keep_alive {
        Some(CloseReason::Version)
    } else {
        None
    }
}
