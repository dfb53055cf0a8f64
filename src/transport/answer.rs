//! What is known of a name.

use crate::transport::sys::Unresolved;
use std::net::SocketAddr;

#[derive(Debug)]
pub(crate) struct Answer {
    /// At least one, without ports, in the order in which they are to be tried.
    pub(crate) addresses: Result<Vec<SocketAddr>, Unresolved>,
    pub(crate) holds: Holds,
}

/// For how long an answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// The system does not tell.
    Unsaid,
    ForSeconds(u32),
}
