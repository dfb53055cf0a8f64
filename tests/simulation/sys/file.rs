//! The files of a machine whose hosts stand in a directory service: so names are left to the system
//! and its helper threads. Name servers are not simulated, nor is what has no other use.

use super::{Errno, Fd};
use crate::simulation::world::World;
use std::ffi::CStr;
use std::net::{IpAddr, SocketAddr};

/// Nothing ever changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp;

const NSSWITCH: (&CStr, &[u8]) = (c"/etc/nsswitch.conf", b"hosts: ldap\n");

pub(crate) fn stamp(path: &CStr) -> Result<Stamp, Errno> {
    if path == NSSWITCH.0 { Ok(Stamp) } else { Err(Errno(libc::ENOENT)) }
}

pub(crate) fn read_file(path: &CStr, _: usize) -> Result<Option<Vec<u8>>, Errno> {
    stamp(path).map(|Stamp| Some(NSSWITCH.1.to_vec()))
}

pub(crate) fn host_name() -> String {
    "world".into()
}

pub(crate) fn interface_index(_: &str) -> Option<u32> {
    None
}

pub(crate) fn has_variable(_: &[&str]) -> bool {
    false
}

fn not_simulated(what: &str) -> Errno {
    World::with(|world| world.wrong(format!("{what}: this is not simulated")));
    Errno(libc::ENOSYS)
}

pub(crate) fn random_u16() -> Result<u16, Errno> {
    Err(not_simulated("a random number"))
}

pub(crate) fn open_datagram(_: &SocketAddr) -> Result<Fd, Errno> {
    Err(not_simulated("a datagram socket"))
}

pub(crate) fn local_ip(_: Fd) -> Result<IpAddr, Errno> {
    Err(not_simulated("the address of a socket"))
}
