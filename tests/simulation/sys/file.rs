//! The machine's configuration: of all files it has only the one that says who looks names up.

use super::Errno;
use std::ffi::CStr;

/// A source besides files and dns, which only the system knows: so all names are looked up by helper
/// threads, and nobody needs datagrams.
const NSSWITCH: &[u8] = b"hosts: files other dns\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp;

pub(crate) fn stamp(path: &CStr) -> Result<Stamp, Errno> {
    find(path).map(|_| Stamp)
}

pub(crate) fn read_file(path: &CStr, max: usize) -> Result<Option<Vec<u8>>, Errno> {
    find(path).map(|text| (text.len() <= max).then(|| text.to_vec()))
}

fn find(path: &CStr) -> Result<&'static [u8], Errno> {
    match path.to_bytes() {
        b"/etc/nsswitch.conf" => Ok(NSSWITCH),
        _ => Err(Errno(libc::ENOENT)),
    }
}

pub(crate) fn host_name() -> String {
    "simulated".into()
}

pub(crate) fn interface_index(_: &str) -> Option<u32> {
    None
}

pub(crate) fn has_variable(_: &[&str]) -> bool {
    false
}

/// Nobody asks for one: see above.
pub(crate) fn random_u16() -> Result<u16, Errno> {
    Err(Errno(libc::ENOSYS))
}
