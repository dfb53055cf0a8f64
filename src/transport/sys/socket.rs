//! Sockets: open, connect, send, receive, and the ways to end a TCP connection.

use super::{Errno, Fd, check, check_len, len_of, retry};
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

/// How a connect went that did not fail at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connecting {
    Established,
    UnderWay,
}

/// A nonblocking TCP socket that sends small writes at once.
pub(crate) fn open(address: &SocketAddr) -> Result<Fd, Errno> {
    let fd = socket(address, libc::SOCK_STREAM)?;
    // A request is written as a whole: waiting to merge writes (Nagle) would only delay it.
    let on: libc::c_int = 1;
    // SAFETY: reads `on`. Without the option the fetch is slower, so its failure is no error.
    unsafe {
        libc::setsockopt(
            fd,
            libc::IPPROTO_TCP,
            libc::TCP_NODELAY,
            (&raw const on).cast(),
            len_of::<libc::c_int>(),
        )
    };
    Ok(fd)
}

/// A nonblocking UDP socket. Once it is connected it has a port by chance, and takes only what
/// comes from that address.
pub(crate) fn open_datagram(address: &SocketAddr) -> Result<Fd, Errno> {
    socket(address, libc::SOCK_DGRAM)
}

fn socket(address: &SocketAddr, kind: libc::c_int) -> Result<Fd, Errno> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = kind | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: takes no pointers.
    check(unsafe { libc::socket(family, kind, 0) })
}

/// Begins to connect.
pub(crate) fn connect(fd: Fd, address: &SocketAddr) -> Result<Connecting, Errno> {
    let result = match address {
        SocketAddr::V4(v4) => {
            let raw = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: reads `raw`, whose size is given.
            unsafe { libc::connect(fd, (&raw const raw).cast(), len_of::<libc::sockaddr_in>()) }
        }
        SocketAddr::V6(v6) => {
            let raw = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: reads `raw`, whose size is given.
            unsafe { libc::connect(fd, (&raw const raw).cast(), len_of::<libc::sockaddr_in6>()) }
        }
    };
    match check(result) {
        Ok(_) => Ok(Connecting::Established),
        // After EINTR a connect goes on by itself, as after EINPROGRESS.
        Err(Errno(libc::EINPROGRESS | libc::EINTR)) => Ok(Connecting::UnderWay),
        Err(error) => Err(error),
    }
}

/// The address of this machine that a connected socket sends from.
pub(crate) fn local_ip(fd: Fd) -> Result<IpAddr, Errno> {
    // SAFETY: all zeros is a valid sockaddr_in6.
    let mut raw: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
    let mut len = len_of::<libc::sockaddr_in6>();
    // SAFETY: there is room for an address of either family, whose size is given.
    check(unsafe { libc::getsockname(fd, (&raw mut raw).cast(), &raw mut len) })?;
    if libc::c_int::from(raw.sin6_family) == libc::AF_INET6 {
        return Ok(IpAddr::from(raw.sin6_addr.s6_addr));
    }
    // SAFETY: an address of the other family is shorter, and all its bytes are initialised.
    let raw = unsafe { (&raw const raw).cast::<libc::sockaddr_in>().read() };
    Ok(IpAddr::from(raw.sin_addr.s_addr.to_ne_bytes()))
}

/// What went wrong with a connection attempt; asking takes the error away.
pub(crate) fn take_error(fd: Fd) -> Result<(), Errno> {
    let mut error: libc::c_int = 0;
    let mut len = len_of::<libc::c_int>();
    let place = (&raw mut error).cast();
    // SAFETY: writes an int into `error`, and its size into `len`.
    check(unsafe { libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ERROR, place, &raw mut len) })?;
    if error == 0 { Ok(()) } else { Err(Errno(error)) }
}

const SEND: libc::c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;

/// For bytes that are one part there is a call that costs the kernel less.
#[inline(always)]
fn send_one(fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
    retry(|| {
        // SAFETY: reads `bytes`.
        check_len(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), SEND) })
    })
}

/// Sends what the kernel takes of `parts`, in their order, in one call.
pub(crate) fn send<const N: usize>(fd: Fd, parts: [&[u8]; N]) -> Result<usize, Errno> {
    if let [first, rest @ ..] = &parts[..]
        && rest.iter().all(|part| part.is_empty())
    {
        return send_one(fd, first);
    }
    let mut parts = parts.map(|bytes| libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    });
    let message = message_of(&mut parts);
    retry(|| {
        // SAFETY: `message` names parts that are alive, and are only read.
        check_len(unsafe { libc::sendmsg(fd, &raw const message, SEND) })
    })
}

/// The same for as many parts as there are.
pub(crate) fn send_slices(fd: Fd, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
    if let [only] = parts {
        return send_one(fd, only);
    }
    // SAFETY: all zeros is a valid msghdr: NULL pointers and lengths of 0.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    // An IoSlice is laid out as an iovec, and the call does not write to it.
    message.msg_iov = parts.as_ptr().cast_mut().cast();
    message.msg_iovlen = parts.len() as _;
    retry(|| {
        // SAFETY: `message` names parts that are alive, and are only read.
        check_len(unsafe { libc::sendmsg(fd, &raw const message, SEND) })
    })
}

/// Receives into `buffer`; 0 means that the other side has ended its direction.
pub(crate) fn recv(fd: Fd, buffer: &mut [u8]) -> Result<usize, Errno> {
    retry(|| {
        // SAFETY: writes at most `buffer.len()` bytes.
        check_len(unsafe {
            libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_DONTWAIT)
        })
    })
}

/// The same, without an error if nothing is there.
pub(crate) fn recv_now(fd: Fd, buffer: &mut [u8]) -> Result<Option<usize>, Errno> {
    match recv(fd, buffer) {
        Err(Errno::AGAIN) => Ok(None),
        received => received.map(Some),
    }
}

/// What a connection has to give that nobody has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unasked {
    /// Nothing: it is alive and silent.
    Nothing,
    Bytes,
    /// Its end.
    End,
}

/// Looks what a receive would give, and leaves it there.
pub(crate) fn peek(fd: Fd) -> Unasked {
    let mut byte = 0u8;
    let flags = libc::MSG_DONTWAIT | libc::MSG_PEEK;
    let looked = retry(|| {
        // SAFETY: writes at most one byte, into `byte`.
        check_len(unsafe { libc::recv(fd, (&raw mut byte).cast(), 1, flags) })
    });
    match looked {
        Err(Errno::AGAIN) => Unasked::Nothing,
        Ok(1..) => Unasked::Bytes,
        Ok(0) | Err(_) => Unasked::End,
    }
}

/// Receives at most `max` bytes behind what `buffer` holds, into room it has been given.
pub(crate) fn recv_append(fd: Fd, buffer: &mut Vec<u8>, max: usize) -> Result<usize, Errno> {
    let room = buffer.spare_capacity_mut();
    let (place, len) = (room.as_mut_ptr(), room.len().min(max));
    let count = retry(|| {
        // SAFETY: writes at most `len` bytes into the spare capacity.
        check_len(unsafe { libc::recv(fd, place.cast(), len, libc::MSG_DONTWAIT) })
    })?;
    // SAFETY: the kernel has just initialised `count` bytes of the spare capacity.
    unsafe { buffer.set_len(buffer.len() + count) };
    Ok(count)
}

/// Receives into `first` and, when that is full, at most `max` bytes behind what `second` holds,
/// into room it has been given.
pub(crate) fn recv_split(
    fd: Fd,
    first: &mut [u8],
    second: &mut Vec<u8>,
    max: usize,
) -> Result<usize, Errno> {
    let room = second.spare_capacity_mut();
    let mut parts = [
        libc::iovec { iov_base: first.as_mut_ptr().cast(), iov_len: first.len() },
        libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len().min(max) },
    ];
    let mut message = message_of(&mut parts);
    let count = retry(|| {
        // SAFETY: `message` names a slice and a part of the spare capacity, to be written to.
        check_len(unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_DONTWAIT) })
    })?;
    let behind = count.saturating_sub(first.len());
    // SAFETY: the kernel has just initialised that many bytes of the spare capacity.
    unsafe { second.set_len(second.len() + behind) };
    Ok(count)
}

/// Receives into `parts`, one after the other, in one call.
pub(crate) fn recv_parts(fd: Fd, parts: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
    // SAFETY: all zeros is a valid msghdr: NULL pointers and lengths of 0.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    // An IoSliceMut is laid out as an iovec.
    message.msg_iov = parts.as_mut_ptr().cast();
    message.msg_iovlen = parts.len() as _;
    retry(|| {
        // SAFETY: `message` names slices that are alive and may be written to.
        check_len(unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_DONTWAIT) })
    })
}

fn message_of(parts: &mut [libc::iovec]) -> libc::msghdr {
    // SAFETY: all zeros is a valid msghdr: NULL pointers and lengths of 0.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = parts.len() as _;
    message
}

/// Ends both directions: the other side reads its end. Async-signal-safe.
///
/// A socket that is still connecting stops doing so.
pub(crate) fn finish(fd: Fd) {
    // SAFETY: takes no pointers. Every failure means that there is nothing left to end.
    unsafe { libc::shutdown(fd, libc::SHUT_RDWR) };
}

/// Ends both directions and then, at once, the connection: a FIN, then an RST. Async-signal-safe.
///
/// The FIN is for servers that watch for the end of their input, the RST for those that notice only
/// a failing write, and it drops what was not sent yet. Dissolving the association sends it without
/// closing the descriptor, which is not ours to close here. False if the RST is left to the close.
pub(crate) fn abort(fd: Fd) -> bool {
    finish(fd);
    // SAFETY: all zeros is a valid sockaddr, of the family AF_UNSPEC.
    let unspecified: libc::sockaddr = unsafe { std::mem::zeroed() };
    // SAFETY: reads `unspecified`.
    unsafe { libc::connect(fd, &raw const unspecified, len_of::<libc::sockaddr>()) == 0 }
}

/// Closes a descriptor. Async-signal-safe.
pub(crate) fn close(fd: Fd) {
    // SAFETY: takes no pointers; `slot` sees to it that this is the only close. On Linux the
    // descriptor is gone whatever the call answers.
    unsafe { libc::close(fd) };
}

/// Closes a socket so that what is still queued is dropped and the other side gets an RST.
pub(crate) fn close_reset(fd: Fd) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let option = (&raw const linger).cast();
    // SAFETY: reads `linger`. If it fails the close is an ordinary one.
    unsafe {
        libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, option, len_of::<libc::linger>())
    };
    close(fd);
}
