//! Sockets.

use super::{Errno, Fd, call};
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connecting {
    Established,
    UnderWay,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unasked {
    Nothing,
    Bytes,
    End,
}

pub(crate) fn open(_: &SocketAddr) -> Result<Fd, Errno> {
    call(|world| world.open_socket())
}

pub(crate) fn open_datagram(_: &SocketAddr) -> Result<Fd, Errno> {
    call(|world| world.open_datagrams())
}

pub(crate) fn local_ip(fd: Fd) -> Result<IpAddr, Errno> {
    call(|world| world.local_ip(fd))
}

pub(crate) fn connect(fd: Fd, address: &SocketAddr) -> Result<Connecting, Errno> {
    let established = call(|world| world.connect(fd, *address))?;
    Ok(if established { Connecting::Established } else { Connecting::UnderWay })
}

pub(crate) fn take_error(fd: Fd) -> Result<(), Errno> {
    call(|world| world.take_error(fd))
}

pub(crate) fn send<const N: usize>(fd: Fd, parts: [&[u8]; N]) -> Result<usize, Errno> {
    call(|world| world.send(fd, &parts.concat()))
}

pub(crate) fn send_slices(fd: Fd, parts: &[IoSlice<'_>]) -> Result<usize, Errno> {
    let whole: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
    call(|world| world.send(fd, &whole))
}

pub(crate) fn recv_now(fd: Fd, buffer: &mut [u8]) -> Result<Option<usize>, Errno> {
    match recv(fd, buffer) {
        Err(Errno::AGAIN) => Ok(None),
        received => received.map(Some),
    }
}

pub(crate) fn recv(fd: Fd, buffer: &mut [u8]) -> Result<usize, Errno> {
    let bytes = call(|world| world.receive(fd, buffer.len()))?;
    buffer[..bytes.len()].copy_from_slice(&bytes);
    Ok(bytes.len())
}

pub(crate) fn peek(fd: Fd) -> Unasked {
    match call(|world| world.peek(fd)) {
        Err(Errno::AGAIN) => Unasked::Nothing,
        Ok(true) => Unasked::Bytes,
        Ok(false) | Err(_) => Unasked::End,
    }
}

pub(crate) fn recv_append(fd: Fd, buffer: &mut Vec<u8>, max: usize) -> Result<usize, Errno> {
    let room = buffer.capacity() - buffer.len();
    let bytes = call(|world| world.receive(fd, room.min(max)))?;
    buffer.extend_from_slice(&bytes);
    Ok(bytes.len())
}

pub(crate) fn recv_split(
    fd: Fd,
    first: &mut [u8],
    second: &mut Vec<u8>,
    max: usize,
) -> Result<usize, Errno> {
    let room = second.capacity() - second.len();
    let bytes = call(|world| world.receive(fd, first.len() + room.min(max)))?;
    let (here, behind) = bytes.split_at(bytes.len().min(first.len()));
    first[..here.len()].copy_from_slice(here);
    second.extend_from_slice(behind);
    Ok(bytes.len())
}

pub(crate) fn recv_parts(fd: Fd, parts: &mut [IoSliceMut<'_>]) -> Result<usize, Errno> {
    let room = parts.iter().map(|part| part.len()).sum();
    let bytes = call(|world| world.receive(fd, room))?;
    let mut rest = &bytes[..];
    for part in parts {
        let (here, behind) = rest.split_at(rest.len().min(part.len()));
        part[..here.len()].copy_from_slice(here);
        rest = behind;
    }
    Ok(bytes.len())
}

pub(crate) fn finish(fd: Fd) {
    call(|world| world.shut_down(fd));
}

/// As with the system, two calls.
pub(crate) fn abort(fd: Fd) -> bool {
    finish(fd);
    call(|world| world.disconnect(fd));
    true
}

pub(crate) fn close(fd: Fd) {
    call(|world| world.close(fd, false));
}

pub(crate) fn close_reset(fd: Fd) {
    call(|world| world.close(fd, true));
}
