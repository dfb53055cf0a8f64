//! How to fetch, as the caller wants it.

use crate::error::{Error, Kind};
use crate::proto::h1::decode::Rules;
use crate::proto::request::{Body, Request};
use crate::transport::tls::Settings;
use crate::transport::token::Token;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

pub(crate) use crate::transport::cancel::Policy;

/// The deadlines that a caller may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    Total,
    Resolve,
    Connect,
    FirstByte,
    Head,
    Idle,
    Queue,
}

/// The limits that a caller may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Head,
    Headers,
    Body,
    Interim,
    Drain,
}

/// curl allows 300 KiB, Go 1 MiB, nginx as a proxy 4 to 8 KiB.
const HEAD_BYTES: u32 = 64 * 1024;
const HEAD_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// hyper allows 100.
const FIELDS: u32 = 128;
const FIELDS_MAX: u64 = 65_536;
const BODY_BYTES: u64 = 64 * 1024 * 1024;
/// Go allows 5.
const INTERIM: u32 = 8;
const INTERIM_MAX: u64 = 65_536;
/// As much as a server may have on its way in any case. It is read in one go, so there is a bound.
const DRAIN_BYTES: u32 = 64 * 1024;
const DRAIN_BYTES_MAX: u64 = 1024 * 1024;
const DRAIN_MS: u32 = 1000;

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) request: Request,
    pub(crate) stream: bool,
    pub(crate) interim: bool,
    pub(crate) policy: Policy,
    pub(crate) userdata: usize,
    pub(crate) token: Option<Arc<Token>>,
    /// Whom to trust and who we are, if not as the client.
    pub(crate) tls: Option<Arc<Settings>>,
    /// The name that a certificate has to be for, if not that of the URL.
    pub(crate) verify_name: Option<Box<str>>,
    /// Where to connect to, whatever the URL says.
    pub(crate) connect_to: Option<SocketAddr>,
    /// In milliseconds, by `Deadline`, and 0 for none; where any was ever set.
    deadlines: Option<Box<[u32; 7]>>,
    /// For how long a connection is drained, and how many bytes it may have left then.
    pub(crate) drain_ms: u32,
    pub(crate) drain_bytes: u32,
    head_bytes: u32,
    fields: u32,
    body_bytes: u64,
    interim_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            request: Request::default(),
            stream: false,
            interim: false,
            policy: Policy::default(),
            userdata: 0,
            token: None,
            tls: None,
            verify_name: None,
            connect_to: None,
            deadlines: None,
            drain_ms: DRAIN_MS,
            drain_bytes: DRAIN_BYTES,
            head_bytes: HEAD_BYTES,
            fields: FIELDS,
            body_bytes: BODY_BYTES,
            interim_max: INTERIM,
        }
    }
}

impl Options {
    /// The defaults, which need not be made for each fetch.
    pub(crate) fn shared_default() -> Arc<Self> {
        static DEFAULT: LazyLock<Arc<Options>> = LazyLock::new(Arc::default);
        Arc::clone(&DEFAULT)
    }

    pub(crate) fn set_deadline(&mut self, deadline: Deadline, timeout_ms: u32) {
        self.deadlines.get_or_insert_default()[deadline as usize] = timeout_ms;
    }

    /// Whether there may be any, its token's included.
    pub(crate) fn has_deadlines(&self) -> bool {
        self.deadlines.is_some() || self.token.is_some()
    }

    pub(crate) fn timeout_ms(&self, deadline: Deadline) -> Option<u32> {
        Some(self.deadlines.as_ref()?[deadline as usize]).filter(|&ms| ms > 0)
    }

    pub(crate) fn set_limit(&mut self, limit: Limit, n: u64) -> Result<(), Error> {
        let up_to = |max: u64| match u32::try_from(n) {
            Ok(small) if n <= max => Ok(small),
            _ => Err(Error::invalid_argument("set a limit")),
        };
        match limit {
            Limit::Head => self.head_bytes = up_to(HEAD_BYTES_MAX)?,
            Limit::Headers => self.fields = up_to(FIELDS_MAX)?,
            Limit::Body => self.body_bytes = n,
            Limit::Interim => self.interim_max = up_to(INTERIM_MAX)?,
            Limit::Drain => self.drain_bytes = up_to(DRAIN_BYTES_MAX)?,
        }
        Ok(())
    }

    /// Sets the name that a certificate has to be for; nothing takes it back.
    pub(crate) fn set_verify_name(&mut self, name: Option<&[u8]>) -> Result<(), Error> {
        self.verify_name = match name.map(str::from_utf8) {
            None => None,
            Some(Ok(name)) if !name.is_empty() && !name.contains(char::is_whitespace) => {
                Some(name.into())
            }
            Some(_) => return Err(Error::invalid_argument("set the name to verify")),
        };
        Ok(())
    }

    /// Sets where to connect to, an IP address and a port; nothing takes it back.
    pub(crate) fn set_connect_to(&mut self, address: Option<&[u8]>) -> Result<(), Error> {
        let parse = |text: &[u8]| {
            let parsed = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            let usable = parsed.filter(|address: &SocketAddr| address.port() != 0);
            usable.ok_or_else(|| Error::invalid_argument("set where to connect to"))
        };
        self.connect_to = address.map(parse).transpose()?;
        Ok(())
    }

    pub(crate) fn body_limit(&self) -> u64 {
        // A body fits into memory, with the NUL behind it and the byte that is one too many.
        self.body_bytes.min(isize::MAX as u64 - 2)
    }

    /// Whether the body is read by the caller. A switched protocol has no body to be collected.
    pub(crate) fn streams(&self) -> bool {
        self.stream || self.request.upgrade().is_some()
    }

    pub(crate) fn uploads(&self) -> bool {
        matches!(self.request.body, Body::Streamed(_))
    }

    /// What the response is held to.
    pub(crate) fn rules(&self) -> Rules {
        Rules {
            to_head_request: self.request.is_head(),
            upgrade_asked: self.request.upgrade().is_some(),
            head_bytes: self.head_bytes as usize,
            fields: self.fields as usize,
            interim: self.interim_max,
        }
    }

    /// Refuses what can be set but does not go together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.request.upgrade().is_some() && !matches!(self.request.body, Body::None) {
            let why = "start a fetch: an upgrade and a request body exclude each other";
            return Err(Error::new(Kind::WrongState, why));
        }
        Ok(())
    }
}
