//! The seam to the operating system, with a simulated one behind it: the same functions as in
//! src/transport/sys, over the world of the calling thread.
//!
//! No system call is in `chain` and `errno`: they are the same. So is `trust`, which nobody uses: who
//! is trusted in a world is in memory. Before and after each call time passes, and others get their
//! turn: the network, helper threads, those who cancel. So whatever may come between two system calls
//! does, in one seed or another.

#[allow(unsafe_code)]
#[path = "../../../src/transport/sys/chain.rs"]
mod chain;
mod clock;
mod epoll;
#[path = "../../../src/transport/sys/errno.rs"]
mod errno;
mod file;
mod helper;
mod socket;
#[cfg(feature = "tls")]
#[path = "../../../src/transport/sys/trust.rs"]
mod trust;

pub(crate) use chain::Chain;
pub(crate) use clock::Instant;
#[cfg(feature = "tls")]
pub(crate) use clock::unix_seconds;
pub(crate) use epoll::{Epoll, Event, Events, Timer, look, new_wake, ring};
pub(crate) use errno::Errno;
pub(crate) use file::{
    Stamp, has_variable, host_name, interface_index, random_u16, read_file, stamp,
};
pub(crate) use helper::{Helper, Unresolved, spawn_helper};
pub(crate) use socket::{
    Connecting, Unasked, abort, close, close_reset, connect, finish, local_ip, open, open_datagram,
    peek, recv, recv_append, recv_now, recv_parts, recv_split, send, send_slices, take_error,
};
#[cfg(feature = "tls")]
pub(crate) use trust::{Log, read_named_file, trusted_certificates};

use crate::simulation::turns;
use crate::simulation::world::World;

/// A descriptor.
pub(crate) type Fd = i32;

/// There is one process.
pub(crate) fn process_id() -> u32 {
    1
}

/// The world has no errno.
pub(crate) fn keeping_errno<T>(f: impl FnOnce() -> T) -> T {
    f()
}

/// One system call: what it does to the world, and what may come between it and its neighbours.
fn call<T>(f: impl FnOnce(&mut World) -> T) -> T {
    turns::let_others();
    let result = World::with(f);
    turns::let_others();
    result
}
