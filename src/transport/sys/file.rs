//! The small files of the system's configuration, and what else is known of this machine.

use super::{Errno, Fd, check, check_len, close};
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

/// Tells whether a file is as it was when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    len: u64,
    /// Seconds and nanoseconds: when its contents were changed last, and when anything of it was.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(stat: &libc::stat) -> Self {
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            len: stat.st_size as u64,
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

/// What a file is now.
pub(crate) fn stamp(path: &CStr) -> Result<Stamp, Errno> {
    let mut stat = MaybeUninit::uninit();
    // SAFETY: `path` ends with a NUL, and `stat` is a place to write to.
    check(unsafe { libc::stat(path.as_ptr(), stat.as_mut_ptr()) })?;
    // SAFETY: the call has succeeded, so it has filled it.
    Ok(Stamp::of(unsafe { stat.assume_init_ref() }))
}

/// Reads a file. Nothing if it is longer than `max` bytes, or no file but something that could make
/// its reader wait.
pub(crate) fn read_file(path: &CStr, max: usize) -> Result<Option<Vec<u8>>, Errno> {
    // With O_NONBLOCK nobody waits for the other end of a pipe.
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK;
    // SAFETY: `path` ends with a NUL.
    let fd = check(unsafe { libc::open(path.as_ptr(), flags) })?;
    let read = read_whole(fd, max);
    close(fd);
    read
}

fn read_whole(fd: Fd, max: usize) -> Result<Option<Vec<u8>>, Errno> {
    let mut stat = MaybeUninit::uninit();
    // SAFETY: `stat` is a place to write to.
    check(unsafe { libc::fstat(fd, stat.as_mut_ptr()) })?;
    // SAFETY: the call has succeeded, so it has filled it.
    let stat = unsafe { stat.assume_init_ref() };
    if stat.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Ok(None);
    }
    // One byte more than is wanted tells whether it is longer.
    let mut text = Vec::with_capacity(max.min(stat.st_size as usize) + 1);
    while text.len() <= max {
        text.reserve(1);
        let room = text.spare_capacity_mut();
        let (place, len) = (room.as_mut_ptr(), room.len());
        // SAFETY: writes at most `len` bytes into the spare capacity.
        match check_len(unsafe { libc::read(fd, place.cast(), len) }) {
            Ok(0) => return Ok(Some(text)),
            // SAFETY: the kernel has just initialised that many bytes of the spare capacity.
            Ok(count) => unsafe { text.set_len(text.len() + count) },
            Err(Errno(libc::EINTR)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// The name of this machine; empty if it has none that is text.
pub(crate) fn host_name() -> String {
    // The longest name that Linux has is 64 bytes long.
    let mut name = [0u8; 256];
    // SAFETY: writes at most so many bytes, the last of which stays 0.
    let result = unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) };
    let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| result == 0);
    name.and_then(|name| name.to_str().ok()).unwrap_or_default().to_owned()
}

/// The number of a network interface.
pub(crate) fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` ends with a NUL.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Whether the environment has one of these variables.
pub(crate) fn has_variable(names: &[&str]) -> bool {
    names.iter().any(|name| std::env::var_os(name).is_some())
}
