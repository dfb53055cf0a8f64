//! How a client looks names up.

use super::client::{change, ifetch_client};
use super::error::ifetch_error::{self, *};
use super::text;
use crate::client::Choice;
use std::ffi::c_char;

/// Who looks names up, for ifetch_client_set_resolver(). A fetch made by ifetch_start() does it as
/// AUTO says.
///
/// A native lookup asks name servers over sockets of the client's own, so that a cancelled one
/// leaves nothing behind, and any number of them run at the same time. The system's getaddrinfo runs
/// on helper threads, of which eight work for somebody at a time; a cancelled one is left alone until
/// it comes back. There are never more than 256 threads in all: when so many are stuck, the next
/// lookup waits for one of them.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ifetch_resolver {
    /// Natively where the system would do no more, by Go's rule: the line for hosts in
    /// /etc/nsswitch.conf names only files and dns (or nothing that matters), /etc/resolv.conf holds
    /// nothing unknown, the name does not end in .local, and the environment has none of RES_OPTIONS,
    /// LOCALDOMAIN and HOSTALIASES. Otherwise, and where /etc/hosts is longer than 1 MiB, by the
    /// system. Once ifetch_client_add_name_server() was called: natively. The default.
    IFETCH_RESOLVER_AUTO = 0,
    /// Always natively: by /etc/hosts, then by name servers, as /etc/resolv.conf says as far as it
    /// is understood.
    IFETCH_RESOLVER_NATIVE = 1,
    /// Always by the system, which does not know of ifetch_client_add_name_server().
    IFETCH_RESOLVER_SYSTEM = 2,
}

/// Sets who looks names up (see ifetch_resolver), from now on; what is remembered of names is
/// forgotten. Returns 0, INVALID_ARGUMENT for a NULL client or an unknown `resolver`, or BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_set_resolver(
    client: *mut ifetch_client,
    resolver: i32,
) -> ifetch_error {
    let choice = match resolver {
        0 => Choice::Auto,
        1 => Choice::Native,
        2 => Choice::System,
        _ => return IFETCH_ERROR_INVALID_ARGUMENT,
    };
    // SAFETY: NULL or live, as the header asks.
    unsafe { change(client, |c| c.set_resolver(choice)) }
}

/// Adds a name server, to be asked instead of those in /etc/resolv.conf, from now on; what is
/// remembered of names is forgotten. Its options and search list still hold. Servers are asked in
/// the order in which they were added. `address` is numeric, with a port or without one for 53:
/// "127.0.0.1", "127.0.0.1:5353", "::1", "[::1]:5353"; copied. Returns 0, INVALID_ARGUMENT for NULL
/// and for what is no such address, or BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_add_name_server(
    client: *mut ifetch_client,
    address: *const c_char,
) -> ifetch_error {
    // SAFETY: NULL or NUL-terminated, as the header asks.
    let Some(address) = (unsafe { text(address) }) else {
        return IFETCH_ERROR_INVALID_ARGUMENT;
    };
    let mut is_one = true;
    // SAFETY: NULL or live, as the header asks.
    let changed = unsafe {
        change(client, |c| {
            is_one = c.add_name_server(address)?;
            Some(())
        })
    };
    if is_one { changed } else { IFETCH_ERROR_INVALID_ARGUMENT }
}

/// Gives a host an address, from now on. Its name is not looked up any more, whoever does that; it
/// may be localhost. Called again, it adds one: they are tried in the order of the calls. `name` is
/// as in a URL, in any case; `address` is numeric, without a port; both are copied. Returns 0,
/// INVALID_ARGUMENT for NULL, for a name that cannot stand in a URL or is an address, and for what
/// is no address, or BUSY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ifetch_client_add_host(
    client: *mut ifetch_client,
    name: *const c_char,
    address: *const c_char,
) -> ifetch_error {
    // SAFETY: NULL or NUL-terminated, as the header asks.
    let (Some(name), Some(address)) = (unsafe { (text(name), text(address)) }) else {
        return IFETCH_ERROR_INVALID_ARGUMENT;
    };
    let mut are_valid = true;
    // SAFETY: NULL or live, as the header asks.
    let changed = unsafe {
        change(client, |c| {
            are_valid = c.add_host(name, address)?;
            Some(())
        })
    };
    if are_valid { changed } else { IFETCH_ERROR_INVALID_ARGUMENT }
}
