//! The few files that TLS needs: what is trusted, who we are, and the key log.

use super::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The whole of a file that the caller has named.
pub(crate) fn read_named_file(path: &[u8]) -> Result<Vec<u8>, Errno> {
    fs::read(path_of(path)).map_err(errno_of)
}

/// A file that lines are added to.
#[derive(Debug)]
pub(crate) struct Log(File);

impl Log {
    /// Makes the file if need be, for its owner alone.
    pub(crate) fn open(path: &[u8]) -> Result<Self, Errno> {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(path_of(path));
        opened.map(Self).map_err(errno_of)
    }

    /// Adds bytes with one call, so that those of several threads do not mix.
    pub(crate) fn append(&self, bytes: &[u8]) -> Result<(), Errno> {
        (&self.0).write_all(bytes).map_err(errno_of)
    }
}

/// The certificates that this system trusts, and what went wrong when they were read. They are
/// found as OpenSSL finds them: SSL_CERT_FILE and SSL_CERT_DIR, or where this system has them.
pub(crate) fn trusted_certificates() -> (Vec<Vec<u8>>, Option<String>) {
    let found = rustls_native_certs::load_native_certs();
    let certificates = found.certs.into_iter().map(|der| der.as_ref().to_vec()).collect();
    (certificates, found.errors.first().map(ToString::to_string))
}

fn path_of(path: &[u8]) -> &Path {
    Path::new(std::ffi::OsStr::from_bytes(path))
}

fn errno_of(error: io::Error) -> Errno {
    // An error without a number is one of the arguments, such as a NUL in the path.
    Errno(error.raw_os_error().unwrap_or(libc::EINVAL))
}
