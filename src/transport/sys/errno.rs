//! Why a system call failed.

/// An errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) i32);

impl Errno {
    /// None.
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const AGAIN: Self = Self(libc::EAGAIN);
    pub(crate) const RESET: Self = Self(libc::ECONNRESET);
    pub(crate) const CANCELLED: Self = Self(libc::ECANCELED);
    #[cfg(feature = "tls")]
    pub(crate) const PROTOCOL: Self = Self(libc::EPROTO);

    /// Whether it says that a resource of this process or system has run out.
    pub(crate) fn is_shortage(self) -> bool {
        matches!(self.0, libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::ENOBUFS | libc::ENOSPC)
    }

    /// Whether it says that the other side has ended the connection.
    pub(crate) fn is_by_peer(self) -> bool {
        matches!(self.0, libc::EPIPE | libc::ECONNRESET)
    }

    /// Whether it says that there is no such file.
    pub(crate) fn is_missing(self) -> bool {
        matches!(self.0, libc::ENOENT | libc::ENOTDIR)
    }

    /// Whether it says that this process may not do that.
    pub(crate) fn is_forbidden(self) -> bool {
        matches!(self.0, libc::EACCES | libc::EPERM)
    }
}

impl std::fmt::Display for Errno {
    /// The system's text for it, such as "connection refused".
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = std::io::Error::from_raw_os_error(self.0).to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        let mut letters = text.chars();
        let first = letters.next().map(|c| c.to_lowercase().to_string()).unwrap_or_default();
        write!(f, "{first}{}", letters.as_str())
    }
}
