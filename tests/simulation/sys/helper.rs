//! Helper threads: each is a thing that is asked and told by turns.

use super::{Errno, call};
use std::net::SocketAddr;
use std::sync::Arc;

/// Why a name has no addresses.
#[derive(Clone, Debug)]
pub(crate) struct Unresolved {
    pub(crate) why: String,
    pub(crate) os: i32,
    pub(crate) is_certain: bool,
}

pub(crate) trait Helper: Send + 'static {
    fn next(&mut self) -> Option<Arc<str>>;

    fn handle(&mut self, answer: Result<Vec<SocketAddr>, Unresolved>);
}

pub(crate) fn spawn_helper(helper: impl Helper) -> Result<(), Errno> {
    call(|world| world.spawn(Box::new(helper)))
}
