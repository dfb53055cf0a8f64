//! What the tests share: a safe face on the C ABI, and peers that do as they are told.
#![allow(dead_code, unused_imports, unused_macros)] // each test file uses its own part of it
#![allow(unsafe_code)] // the C ABI is what is tested

/// Calls an export on what the wrappers here own.
macro_rules! call {
    ($export:ident($($argument:expr),* $(,)?)) => {{
        let _inside = $crate::support::calls::Inside::new(stringify!($export));
        #[allow(unused_unsafe)] // some take no pointers
        // SAFETY: a wrapper's pointer is live until it is dropped, and every other argument is a
        // live value of the type that the header asks for.
        unsafe {
            $export($($argument),*)
        }
    }};
}
pub(crate) use call;

mod authority;
pub(crate) mod calls;
mod client;
pub(crate) mod dns;
mod fetch;
pub(crate) mod network;
mod options;
mod outcome;
mod peer;
mod random;
mod server;
mod serving;
mod storm;
mod tls;
mod token;
pub(crate) mod trace;
mod wire;

pub(crate) use authority::{Authority, Identity, SMALL_KEY, Wanted};
pub(crate) use client::Client;
pub(crate) use fetch::Fetch;
pub(crate) use options::Options;
pub(crate) use outcome::{Field, Head, Outcome};
pub(crate) use peer::{Ended, Link, Peer, abort, full_listener, full_listener_on, refused_address};
pub(crate) use random::{Random, seed};
pub(crate) use server::{Act, HELLO, Seen, Server};
pub(crate) use serving::Serving;
pub(crate) use storm::Storm;
pub(crate) use tls::Tls;
pub(crate) use token::Token;
pub(crate) use wire::{Secure, Wire};

pub(crate) use ::ifetch::ffi::error::ifetch_error::{self, *};
pub(crate) use ::ifetch::ffi::fetch::ifetch_phase::{self, *};
pub(crate) use ::ifetch::ffi::fetch::ifetch_status::{self, *};

use std::ffi::{CStr, CString, c_char};
use std::os::fd::RawFd;
use std::time::Duration;

/// How long a test waits for what must happen. Only a test that fails waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// How long nothing happens before a test believes that nothing will.
pub(crate) const QUIET: Duration = Duration::from_millis(200);

/// Waits until one of the descriptors is readable, with a real poll(); false when `patience` is
/// over, however many signals arrive.
pub(crate) fn readable(descriptors: &[RawFd], patience: Duration) -> bool {
    let mut polled: Vec<_> = descriptors
        .iter()
        .map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 })
        .collect();
    let start = std::time::Instant::now();
    loop {
        let left = patience.saturating_sub(start.elapsed()).as_micros().div_ceil(1000);
        let timeout_ms = i32::try_from(left).expect("tests wait for seconds");
        // SAFETY: the array is as long as is said.
        let count =
            unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout_ms) };
        if count >= 0 {
            return count > 0;
        }
        let error = std::io::Error::last_os_error();
        assert_eq!(error.kind(), std::io::ErrorKind::Interrupted, "poll: {error}");
    }
}

/// Whether the other side has ended this connection. Nothing is read from it.
pub(crate) fn has_hung_up(link: &std::net::TcpStream) -> bool {
    use std::os::fd::AsRawFd;
    let mut polled = libc::pollfd { fd: link.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
    // SAFETY: one entry is said, and it is there.
    unsafe { libc::poll(&raw mut polled, 1, 0) > 0 }
}

/// Bytes as text, one character for each, so that every byte shows and compares.
pub(crate) fn latin1(bytes: &[u8]) -> String {
    match bytes.is_ascii() {
        true => String::from_utf8_lossy(bytes).into_owned(),
        false => bytes.iter().map(|&byte| char::from(byte)).collect(),
    }
}

/// Text of about so many bytes, of which no stretch looks like another.
pub(crate) fn large_text(len: usize) -> Vec<u8> {
    (0..len / 8).flat_map(|i| format!("{i:07} ").into_bytes()).collect()
}

/// A copy of a string that the library lent; None for NULL.
pub(crate) fn lent(pointer: *const c_char) -> Option<String> {
    // SAFETY: NULL or a NUL-terminated string that lives at least until the next call.
    (!pointer.is_null()).then(|| latin1(unsafe { CStr::from_ptr(pointer) }.to_bytes()))
}

/// A string for the library; tests that send a NUL do it by hand.
pub(crate) fn c_string(text: impl Into<Vec<u8>>) -> CString {
    CString::new(text).expect("no NUL in the strings of tests")
}

/// Runs the named test of this file once more, in a process of its own, for what would disturb
/// the tests beside it. True in that process, which is the one to do the work.
pub(crate) fn alone(test: &str) -> bool {
    const MARK: &str = "IFETCH_TEST_ALONE";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("a test has a file");
    let output = std::process::Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .env(MARK, "1")
        .output()
        .expect("the test starts again");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("1 passed"), "alone: {told}{}", String::from_utf8_lossy(&output.stderr));
    false
}
