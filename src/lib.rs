//! ifetch: HTTP fetches that can be interrupted at any moment.
//!
//! The users are C programs and FFI layers; `include/ifetch.h` is their manual. This crate is the
//! inside, from top to bottom, each layer using only those below it:
//!
//! ```text
//!   ffi         C names: guard, convert, one call
//!    |
//!   client      owns the descriptor and the fetches, and drives them
//!    |
//!   fetch       one fetch: its states, deadlines, response, cancel
//!    |
//!   connection  the race for a connection, and one HTTP exchange over it
//!    |
//!   transport   sockets, the reactor, name lookup, the cancel switch; sys: the system calls
//!    |
//!   proto       sans-IO: URLs, request heads, response heads, framing, chunks, DNS messages
//!    |
//!   error       what went wrong, in words
//! ```
//!
//! The contract that all of it serves:
//!
//! ```c
//! ifetch *f = ifetch_start(url, NULL);
//! struct pollfd p = { ifetch_fd(f), POLLIN, 0 };
//! while (ifetch_poll(f) == IFETCH_PENDING)
//!     poll(&p, 1, -1);
//! ```
//!
//! A poll asks the reactor which sockets have news, hands `now` and those news to their fetches,
//! and each goes through its states as far as it can without waiting. A cancel never goes that way:
//! it acts on the sockets from where it is called (`transport::cancel`), and the poll that follows
//! finds the fetch cancelled.
#![warn(unreachable_pub)]

pub mod ffi;

mod client;
mod fetch;

mod connection;
mod transport;

mod proto;

mod error;

/// Tests of all above the system calls, over a system that is made up.
#[cfg(all(test, simulated))]
#[path = "../tests/simulation/mod.rs"]
mod simulation;

/// What others send, changed by chance.
#[cfg(test)]
#[path = "../tests/fuzz/mod.rs"]
mod fuzz;
