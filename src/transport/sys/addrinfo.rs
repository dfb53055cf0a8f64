//! Names through the system's getaddrinfo. It waits, so it is called on helper threads only.

use std::ffi::{CStr, CString};
use std::mem::zeroed;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr::null_mut;

/// Why a name has no addresses.
#[derive(Clone, Debug)]
pub(crate) struct Unresolved {
    pub(crate) why: String,
    /// The errno behind it, or 0.
    pub(crate) os: i32,
    /// Whether it is the answer of those who know, and not that nobody answered.
    pub(crate) is_certain: bool,
}

/// The addresses of a host, without ports, in the system's order of preference (RFC 6724).
pub(super) fn lookup(name: &str) -> Result<Vec<SocketAddr>, Unresolved> {
    let certain = |why: &str| Unresolved { why: why.to_owned(), os: 0, is_certain: true };
    let name = CString::new(name).map_err(|_| certain("the name holds a NUL"))?;
    // SAFETY: all zeros is a valid addrinfo: NULL pointers, numbers that mean "any".
    let mut hints: libc::addrinfo = unsafe { zeroed() };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = null_mut();
    // SAFETY: reads `name` and `hints`, writes the list's head; NULL means no service.
    let code = unsafe {
        libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &raw const hints, &raw mut list)
    };
    if code != 0 {
        return Err(explain(code));
    }
    let mut addresses = Vec::new();
    let mut next = list;
    // SAFETY: the list is valid until it is freed below, and ends with NULL.
    while let Some(entry) = unsafe { next.as_ref() } {
        // SAFETY: an entry's address is of the family that it names.
        addresses.extend(unsafe { address_of(entry) });
        next = entry.ai_next;
    }
    // SAFETY: made by getaddrinfo, freed once.
    unsafe { libc::freeaddrinfo(list) };
    if addresses.is_empty() { Err(certain("it has no address")) } else { Ok(addresses) }
}

/// # Safety
/// `entry.ai_addr` points to an address of the family `entry.ai_family`.
unsafe fn address_of(entry: &libc::addrinfo) -> Option<SocketAddr> {
    match entry.ai_family {
        libc::AF_INET => {
            // SAFETY: the caller's.
            let raw = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(raw.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, 0).into())
        }
        libc::AF_INET6 => {
            // SAFETY: the caller's.
            let raw = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(raw.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(ip, 0, raw.sin6_flowinfo, raw.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn explain(code: libc::c_int) -> Unresolved {
    if code == libc::EAI_SYSTEM {
        let errno = super::Errno::last();
        return Unresolved { why: errno.to_string(), os: errno.0, is_certain: false };
    }
    // SAFETY: the answer is a static string.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) };
    let text = text.to_string_lossy();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
    // The name does not exist, or has no address: EAI_NODATA is not in every header.
    const EAI_NODATA: libc::c_int = -5;
    let is_certain = matches!(code, libc::EAI_NONAME | EAI_NODATA);
    Unresolved { why: first + letters.as_str(), os: 0, is_certain }
}
