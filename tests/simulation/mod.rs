//! A simulated world: all of the library above the system calls, over a network, a clock, helper
//! threads and users that follow from a seed.
//!
//! ```text
//!   seeds     which worlds are run, and what is said of one that goes wrong
//!    |
//!   turns     whose turn it is, also between any two system calls
//!    |   \
//!   caller   the users of the library, and the laws that it has to keep
//!    |         |
//!   (the library)
//!    |
//!   sys       the seam, as src/transport/sys
//!    |
//!   world     time, descriptors, sockets, names;  server: what the other side does
//! ```

pub(crate) mod caller;
#[allow(dead_code)] // seeds are chosen here in another way
#[path = "../support/random.rs"]
pub(crate) mod random;
#[cfg(test)]
mod seeds;
pub(crate) mod server;
pub(crate) mod turns;
pub(crate) mod world;
