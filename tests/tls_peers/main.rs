//! Servers that are not whom they say to be, or that break TLS: one row for each. A bug report
//! about TLS becomes one more line here.
//!
//! Each is refused with an error and a message of its own, and none is waited for beyond the
//! deadline that a fetch has set. Whether a certificate has been revoked is not asked, so there is
//! no row for that.
#![cfg(feature = "tls")]

#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod negotiation;
mod records;
mod transfer;

use support::*;

/// What a fetch ends as.
struct Expected {
    error: ifetch_error,
    /// What its message says, each of these.
    says: &'static [&'static str],
}

/// What is wrong with how the fetch ended, if anything.
fn difference(name: &str, fetch: &Fetch, expected: &Expected) -> Option<String> {
    let got = fetch.finish();
    let says = expected.says.iter().all(|part| got.message.contains(part));
    let right = got.error == expected.error && says;
    (!right).then(|| format!("{name}: {:?}, \"{}\"", got.error, got.message))
}

fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}
