//! What rustls reads from and writes to: calls on a socket.

use crate::transport::sys::Errno;
use std::io::{self, IoSlice, Read, Write};

/// Receives for rustls, as `Tcp::receive` does.
pub(super) struct Source<F> {
    pub(super) call: F,
    pub(super) begins_as_http: bool,
}

impl<F: FnMut(&mut [u8]) -> Result<Option<usize>, Errno>> Read for Source<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.call)(buffer) {
            Ok(Some(count)) => {
                self.begins_as_http = buffer[..count].starts_with(b"HTTP/");
                Ok(count)
            }
            Ok(None) => Err(io::ErrorKind::WouldBlock.into()),
            Err(Errno(number)) => Err(io::Error::from_raw_os_error(number)),
        }
    }
}

/// Sends for rustls.
pub(super) struct Sink<F>(pub(super) F);

impl<F: FnMut(&[IoSlice<'_>]) -> Result<usize, Errno>> Write for Sink<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        (self.0)(parts).map_err(|Errno(number)| io::Error::from_raw_os_error(number))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(super) fn errno_of(error: &io::Error) -> Errno {
    Errno(error.raw_os_error().unwrap_or(Errno::PROTOCOL.0))
}
