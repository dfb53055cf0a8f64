//! The one seam to the operating system: every system call of the library is in here.
//!
//! Descriptors are plain numbers: who may close one is decided by `slot`, above. Each function
//! makes one call, never waits (but `Epoll::wait`, when it is given a time), and retries on EINTR
//! where the call asks for it.
#![allow(unsafe_code)]

mod addrinfo;
mod chain;
mod clock;
mod epoll;
mod errno;
mod file;
mod random;
mod signal;
mod socket;
mod thread;
#[cfg(feature = "tls")]
mod trust;

pub(crate) use addrinfo::Unresolved;
pub(crate) use chain::Chain;
pub(crate) use clock::Instant;
#[cfg(feature = "tls")]
pub(crate) use clock::unix_seconds;
pub(crate) use epoll::{Epoll, Event, Events, Timer, look, new_wake, ring};
pub(crate) use errno::Errno;
pub(crate) use file::{Stamp, has_variable, host_name, interface_index, read_file, stamp};
pub(crate) use random::random_u16;
pub(crate) use socket::{
    Connecting, Unasked, abort, close, close_reset, connect, finish, local_ip, open, open_datagram,
    peek, recv, recv_append, recv_now, recv_parts, recv_split, send, send_slices, take_error,
};
pub(crate) use thread::{Helper, process_id, spawn_helper};
#[cfg(feature = "tls")]
pub(crate) use trust::{Log, read_named_file, trusted_certificates};

/// A descriptor.
pub(crate) type Fd = i32;

/// Runs `f` and leaves errno as it was: a signal handler must not change it under the code that
/// it interrupts.
pub(crate) fn keeping_errno<T>(f: impl FnOnce() -> T) -> T {
    // SAFETY: the place of this thread's errno, which lives as long as the thread.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let before = unsafe { place.read() };
    let result = f();
    // SAFETY: as above.
    unsafe { place.write(before) };
    result
}

impl Errno {
    /// Of the call before.
    fn last() -> Self {
        Self(std::io::Error::last_os_error().raw_os_error().unwrap_or(0))
    }
}

/// The result of a call that answers -1 and sets errno.
fn check(result: libc::c_int) -> Result<libc::c_int, Errno> {
    if result < 0 { Err(Errno::last()) } else { Ok(result) }
}

/// The same for a call that counts bytes.
fn check_len(result: libc::ssize_t) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| Errno::last())
}

/// Repeats a call that a signal interrupted.
#[inline(always)]
fn retry(mut call: impl FnMut() -> Result<usize, Errno>) -> Result<usize, Errno> {
    loop {
        match call() {
            Err(Errno(libc::EINTR)) => {}
            result => return result,
        }
    }
}

/// The size of a type as the socket calls want it.
fn len_of<T>() -> libc::socklen_t {
    size_of::<T>() as libc::socklen_t
}
