//! Helper threads and processes.

use super::Errno;
use super::signal::AllBlocked;

/// Runs `work` on a thread of its own that nobody waits for, with every signal blocked, so that
/// the program's handlers run on the program's threads.
pub(crate) fn spawn_detached(work: impl FnOnce() + Send + 'static) -> Result<(), Errno> {
    // A thread inherits the mask of the one that makes it.
    let _blocked = AllBlocked::new();
    std::thread::Builder::new()
        .name("ifetch-dns".into())
        // getaddrinfo loads modules of the system's choice, so no less than a modest default.
        .stack_size(1 << 20)
        .spawn(work)
        .map(drop)
        .map_err(|e| Errno(e.raw_os_error().unwrap_or(libc::EAGAIN)))
}

/// This process, so that a forked child can tell that it is another one.
pub(crate) fn process_id() -> u32 {
    std::process::id()
}
