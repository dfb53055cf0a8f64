//! What went wrong: a kind for programs, a sentence for people.

use std::ffi::CString;
use std::ops::Deref;

/// The kinds of failure, without their C numbers, which belong to `ffi::error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "tls"), expect(dead_code))]
pub(crate) enum Kind {
    InvalidArgument,
    WrongState,
    Unsupported,
    InvalidUrl,
    InvalidMethod,
    InvalidHeader,
    Resolve,
    Connect,
    TimeoutTotal,
    TimeoutResolve,
    TimeoutConnect,
    TimeoutFirstByte,
    TimeoutHead,
    TimeoutIdle,
    TimeoutQueue,
    Send,
    Receive,
    NoResponse,
    Truncated,
    NotHttp,
    BadHead,
    BadFraming,
    BadChunk,
    ExtraBytes,
    UnexpectedUpgrade,
    HeadTooLarge,
    TooManyHeaders,
    BodyTooLarge,
    TooManyInterim,
    UploadIncomplete,
    Tls,
    TlsAlert,
    Certificate,
    CertificateDate,
    CertificateIssuer,
    CertificateName,
    CertificatePin,
    NoTrust,
    BadFile,
    BadPem,
    System,
    Cancelled,
    Internal,
}

/// A failure. Every call that may fail hands one on, so that it is one pointer is worth having it
/// in memory of its own.
#[derive(Debug)]
pub(crate) struct Error(Box<Failure>);

/// What was being done to what, and why it did not work.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// The errno behind it, or 0.
    pub(crate) os: i32,
    /// Ready to be lent to C.
    pub(crate) message: CString,
}

impl Deref for Error {
    type Target = Failure;

    fn deref(&self) -> &Failure {
        &self.0
    }
}

impl Error {
    #[cold]
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self::with_os(kind, 0, message)
    }

    pub(crate) fn with_os(kind: Kind, os: i32, message: impl Into<String>) -> Self {
        Self::with_text(kind, os, message.into())
    }

    #[cold]
    #[inline(never)]
    fn with_text(kind: Kind, os: i32, message: String) -> Self {
        // Messages quote what peers and callers sent, so anything may be in them.
        let bytes = message.replace('\0', "\u{fffd}").into_bytes();
        let message = CString::new(bytes).expect("every NUL was replaced");
        Self(Box::new(Failure { kind, os, message }))
    }

    #[cold]
    pub(crate) fn invalid_argument(doing: &str) -> Self {
        Self::new(Kind::InvalidArgument, format!("{doing}: an argument is NULL or out of range"))
    }

    #[cold]
    pub(crate) fn unsupported(doing: &str) -> Self {
        Self::new(Kind::Unsupported, format!("{doing}: this build cannot do that"))
    }

    /// Puts what was being done in front of why it failed.
    #[cold]
    pub(crate) fn behind(self, doing: &str) -> Self {
        let why = self.message.to_string_lossy();
        Self::with_os(self.kind, self.os, format!("{doing}{why}"))
    }
}

/// Bytes of a peer or caller as they may stand in a message: short, quoted, printable.
pub(crate) fn quote(bytes: &[u8]) -> String {
    const SHOWN: usize = 40;
    let shown = &bytes[..bytes.len().min(SHOWN)];
    let dots = if bytes.len() > SHOWN { "..." } else { "" };
    format!("\"{}{dots}\"", shown.escape_ascii())
}
