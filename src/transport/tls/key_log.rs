//! The keys of connections, for those who look at what was sent (the format of SSLKEYLOGFILE).

use crate::transport::sys::{Errno, Log};
use std::fmt::Write as _;

#[derive(Debug)]
pub(super) struct LogFile(Log);

impl LogFile {
    pub(super) fn open(path: &[u8]) -> Result<Self, Errno> {
        Log::open(path).map(Self)
    }
}

impl rustls::KeyLog for LogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = String::with_capacity(256);
        line.push_str(label);
        for bytes in [client_random, secret] {
            line.push(' ');
            for byte in bytes {
                let _ = write!(line, "{byte:02x}");
            }
        }
        line.push('\n');
        // Nobody can be told; a full disk must not end a fetch.
        let _ = self.0.append(line.as_bytes());
    }
}
