//! Helper threads and processes.

use super::Errno;
use super::addrinfo::{Unresolved, lookup};
use super::signal::AllBlocked;
use std::net::SocketAddr;
use std::sync::Arc;

/// What is done on a thread of its own: one lookup after the other.
pub(crate) trait Helper: Send + 'static {
    /// The next name to look up; nothing if it is to end, and it is not asked again.
    fn next(&mut self) -> Option<Arc<str>>;

    fn handle(&mut self, answer: Result<Vec<SocketAddr>, Unresolved>);
}

/// Runs `helper` on a thread that nobody waits for, with every signal blocked, so that the
/// program's handlers run on the program's threads.
pub(crate) fn spawn_helper(mut helper: impl Helper) -> Result<(), Errno> {
    // A thread inherits the mask of the one that makes it.
    let _blocked = AllBlocked::new();
    std::thread::Builder::new()
        .name("ifetch-dns".into())
        // getaddrinfo loads modules of the system's choice, so no less than a modest default.
        .stack_size(1 << 20)
        .spawn(move || {
            while let Some(name) = helper.next() {
                helper.handle(lookup(&name));
            }
        })
        .map(drop)
        .map_err(|e| Errno(e.raw_os_error().unwrap_or(libc::EAGAIN)))
}

/// This process, so that a forked child can tell that it is another one.
pub(crate) fn process_id() -> u32 {
    std::process::id()
}
