//! The small files of the machine: in some worlds they have names asked of name servers, in others
//! left to the system, as hosts are in a directory service.

use super::{Errno, call};
use crate::simulation::world::World;
use std::ffi::CStr;

/// Nothing ever changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp;

/// What a file holds, if there is one.
fn text(path: &CStr) -> Result<&'static [u8], Errno> {
    let asks_servers = World::with(|world| world.habits.asks_servers);
    match path.to_bytes() {
        b"/etc/nsswitch.conf" if asks_servers => Ok(b"hosts: files dns\n"),
        b"/etc/nsswitch.conf" => Ok(b"hosts: ldap\n"),
        b"/etc/resolv.conf" => Ok(b"nameserver 192.0.2.53\nnameserver 192.0.2.54\n"),
        _ => Err(Errno(libc::ENOENT)),
    }
}

pub(crate) fn stamp(path: &CStr) -> Result<Stamp, Errno> {
    text(path).map(|_| Stamp)
}

pub(crate) fn read_file(path: &CStr, _: usize) -> Result<Option<Vec<u8>>, Errno> {
    text(path).map(|text| Some(text.to_vec()))
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

pub(crate) fn random_u16() -> Result<u16, Errno> {
    call(|world| Ok(world.random.below(1 << 16) as u16))
}
