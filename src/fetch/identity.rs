//! Whom a fetch talks to, where the caller has asked for more than the URL says.

use crate::connection::Context;
use crate::error::Error;
use crate::fetch::Fetch;
use crate::fetch::options::Options;
use crate::proto::target::Target;
use std::borrow::Cow;
use std::io::Write as _;

/// How much is mostly written behind the origin, if anything is.
const USUAL: usize = 32;

/// What the pool knows a server by: fetches for which this differs share no connection. It is the
/// origin of the URL, and whatever else decides whom a connection leads to, and whom it was made
/// to trust.
pub(super) fn origin<'a>(
    target: &'a Target,
    options: &Options,
    cx: &mut Context<'_>,
) -> Cow<'a, [u8]> {
    let is_secure = target.is_secure();
    if !is_secure && options.connect_to.is_none() {
        return Cow::Borrowed(target.origin());
    }
    let number = if is_secure { cx.tls.number(options.tls.as_ref()) } else { 0 };
    let name = options.verify_name.as_deref().filter(|_| is_secure);
    if number == 0 && name.is_none() && options.connect_to.is_none() {
        return Cow::Borrowed(target.origin());
    }
    // The number has four bytes, and the others hold no blank.
    let mut origin = Vec::with_capacity(target.origin().len() + USUAL);
    origin.extend_from_slice(target.origin());
    origin.push(b' ');
    origin.extend_from_slice(&number.to_ne_bytes());
    if let Some(address) = options.connect_to {
        write!(origin, " {address}").expect("a Vec takes everything");
    }
    if let Some(name) = name {
        origin.extend_from_slice(b"  ");
        origin.extend_from_slice(name.as_bytes());
    }
    Cow::Owned(origin)
}

impl Fetch {
    /// The name that a server has to prove by its certificate.
    pub(super) fn name_to_verify(&self) -> String {
        match &self.options.verify_name {
            Some(name) => name.to_string(),
            None => self.target.host(),
        }
    }

    pub(super) fn explain_handshake(&self, error: Error) -> Error {
        let url = self.target.url().to_string_lossy();
        error.behind(&format!("fetch {url}: "))
    }
}
